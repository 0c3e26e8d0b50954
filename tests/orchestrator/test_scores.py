"""When the score of fit is worked out, and when interest was shown last [S18]."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm import ModelError, ScoreRule, StepDef
from lifecycle_fsm.model import Decay
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import DAY, HOUR, T, act, admitted, move, running, small

STEP = (StepDef(number=40, use="demographic_score"),)
FIT = (
    ScoreRule(name="large", when="employees >= 50", points=20),
    ScoreRule(name="by_level", when="ready", points="level"),
)
#: What the score was set to by hand, so that it shows whether it was worked out since.
BY_HAND = 99


def person(**fields: Any) -> Orchestrator:
    orchestrator, _ = running(
        move("go", "a", "b", on="go", then={"level": "level + 1"}),
        scoring=FIT,
        processing=STEP,
        fields=fields,
    )
    orchestrator.apply(act("hand", "changed", T + HOUR, demographic_score=BY_HAND))
    return orchestrator


#: The fields before, what is changed, and the score behind it.
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], int]] = {
    "an input of a guard": ({"employees": 10}, {"employees": 60}, 20),
    "from missing to a value": ({}, {"employees": 60}, 20),
    "from a value to missing": ({"employees": 60}, {"employees": None}, 0),
    "the same value": ({"employees": 60}, {"employees": 60}, BY_HAND),
    "missing as before": ({}, {"employees": None}, BY_HAND),
    "an input of points": ({"ready": True, "level": 3}, {"level": 7}, 7),
    "the same points": ({"ready": True, "level": 3}, {"level": 3}, BY_HAND),
    "the default, as before": ({"ready": True}, {"level": None}, BY_HAND),
    "an input that decides nothing now": ({}, {"level": 7}, 0),
    "no input": ({"employees": 60}, {"company": "Acme"}, BY_HAND),
}


@pytest.mark.parametrize(("before", "change", "score"), CHANGES.values(), ids=CHANGES.keys())
def test_s18_the_fit_is_worked_out_again_where_an_input_changes(
    before: dict[str, Any], change: dict[str, Any], score: int
) -> None:
    orchestrator = person(**before)
    orchestrator.apply(act("1", "changed", T + DAY, **change))
    assert orchestrator.people["p"].demographic_score == score


def test_s18_a_move_that_writes_an_input_of_points_has_it_worked_out_again() -> None:
    orchestrator = person(ready=True, level=3)
    orchestrator.apply(act("1", "go", T + DAY))
    assert orchestrator.people["p"].demographic_score == 4


@pytest.mark.parametrize("by", ["an activity", "time"])
def test_s18_in_processing_the_step_works_it_out_and_nothing_else(by: str) -> None:
    """What an activity changes there and what time changes there is the same to the score."""
    model = small(
        scoring=FIT,
        processing=STEP,
        decay=(Decay(name="up", every=HOUR, since="created_at", then={"level": "level + 1"}),),
    )
    orchestrator = Orchestrator(model)
    orchestrator.expect_processed(["p"])
    orchestrator.apply(act("0", "created", T, ready=True, employees=80))
    if by == "time":
        orchestrator.tick(T + HOUR)
    else:
        orchestrator.apply(act("1", "changed", T + HOUR, level=1))
    assert (orchestrator.people["p"].level, orchestrator.people["p"].demographic_score) == (1, 0)  # type: ignore[attr-defined]
    orchestrator.process("p", T + HOUR)
    assert orchestrator.people["p"].demographic_score == 21


#: Rules of fit that do not build, and what is said.
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "without the step": (
        {"scoring": FIT},
        "'large' gives points of fit, and no step gives new people their score",
    ),
    "a time term in a guard": (
        {
            "scoring": (ScoreRule(name="new", when="days since created_at < 9", points=1),),
            "processing": STEP,
        },
        "scoring[0] new: ",
    ),
    "a time term in a named guard": (
        {
            "scoring": (ScoreRule(name="new", when="fresh", points=1),),
            "guards": {"fresh": "days since created_at < 9"},
            "processing": STEP,
        },
        "scoring[0] new: ",
    ),
}


@pytest.mark.parametrize(("parts", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_s18_rules_of_fit_that_do_not_build(parts: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError) as caught:
        small(**parts)
    (problem,) = caught.value.problems
    assert said in str(problem)


def test_s18_points_for_an_activity_need_no_step_and_may_look_at_the_clock() -> None:
    rule = ScoreRule(name="new", on="web_visit", when="days since created_at < 9", points=1)
    orchestrator = Orchestrator(small(scoring=(rule,)))
    admitted(orchestrator)
    orchestrator.apply(act("1", "web_visit", T + DAY))
    orchestrator.apply(act("2", "web_visit", T + 9 * DAY))
    assert orchestrator.people["p"].behavior_score == 1


@pytest.mark.parametrize("bound", [0, 5])
@pytest.mark.parametrize(("points", "moves"), [(3, True), (1, True), (0, False), (-4, False)])
def test_s18_points_above_zero_move_scored_at_whatever_they_come_to(
    points: int, moves: bool, bound: int
) -> None:
    from lifecycle_fsm import FieldDef, FieldType

    score = FieldDef("behavior_score", FieldType("int", minimum=0, maximum=bound), 0)
    orchestrator = Orchestrator(small(fields=(score, *small().fields)))
    one = admitted(orchestrator)
    orchestrator.apply(act("1", "score_given", T + DAY, points=points))
    assert one.scored_at == (T + DAY if moves else None)
    assert one.behavior_score == max(0, min(points, bound))
