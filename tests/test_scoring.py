"""The scoring silo: behavior and demographics, apart [S18]."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm import Lifecycle, Model, ModelError, ScoreRule, SortRule, Stage, StepDef, load
from lifecycle_fsm.fields import INT_MAX, INT_MIN
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import (
    DAY,
    HOUR,
    SECOND,
    T,
    act,
    admitted,
    hops,
    move,
    running,
)


def points(name: str, points: Any, when: str = "always", on: str | None = None) -> ScoreRule:
    return ScoreRule(name=name, points=points, when=when, on=on)


def waterfall(**fields: Any) -> tuple[Orchestrator, Any]:
    orchestrator = Orchestrator(load("waterfall"))
    return orchestrator, admitted(orchestrator, **fields)


def test_s18_behavior_points_add_up_activity_by_activity() -> None:
    orchestrator, person = waterfall()
    steps: list[tuple[str, dict[str, Any], int]] = [
        ("form_filled", {"form": "News"}, 15),
        ("web_visit", {"page": "/about"}, 17),
        ("web_visit", {"page": "/pricing/team"}, 29),
        ("email_clicked", {}, 34),
        ("score_given", {"points": 6}, 40),
        ("score_given", {"points": -100}, -60),
        ("sales_touched", {}, -60),
    ]
    for number, (kind, payload, score) in enumerate(steps):
        orchestrator.apply(act(str(number), kind, T + HOUR, **payload))
        assert person.behavior_score == score
    assert person.demographic_score == 0


def test_s18_all_rules_of_one_activity_see_the_score_before_it() -> None:
    orchestrator, person = running(
        scoring=(
            points("first", 5, on="web_visit"),
            points("second", 5, "behavior_score >= 5", on="web_visit"),
        )
    )
    scores = []
    for number in range(3):
        orchestrator.apply(act(str(number), "web_visit", T + HOUR))
        scores.append(person.behavior_score)
    assert scores == [5, 15, 25]


def test_s18_scores_see_what_data_wrote_for_the_same_activity() -> None:
    orchestrator, person = running(scoring=(points("raise", 9, "last_form == 'x'", "form_filled"),))
    orchestrator.apply(act("1", "form_filled", T + HOUR, form="x"))
    assert person.behavior_score == 9


def test_s18_points_may_be_a_token_or_computed() -> None:
    orchestrator, person = running(
        tokens={"visit": 4},
        scoring=(
            points("visit", "$visit", on="web_visit"),
            points("given", "activity.points * 2", on="score_given"),
        ),
    )
    orchestrator.apply(act("1", "web_visit", T + HOUR))
    assert person.behavior_score == 4
    orchestrator.apply(act("2", "score_given", T + HOUR, points=3))
    assert person.behavior_score == 4 + 3 + 6  # the kind's own points, and twice those


def test_s5_scores_stay_within_64_bits() -> None:
    orchestrator, person = running(fields={"behavior_score": INT_MAX - 1})
    orchestrator.apply(act("1", "score_given", T + HOUR, points=10))
    assert person.behavior_score == INT_MAX
    orchestrator, person = running(
        scoring=(points("visit", -10, on="web_visit"),), fields={"behavior_score": INT_MIN + 1}
    )
    orchestrator.apply(act("1", "web_visit", T + HOUR))
    assert person.behavior_score == INT_MIN


# ------------------------------------------------------------------ demographics


def test_s13_step_040_sums_the_rules_that_hold() -> None:
    _, person = waterfall(seniority="vp", employees=50, email="a@acme.com")
    assert person.demographic_score == 20 + 15 + 5
    _, person = waterfall(seniority="manager")
    assert person.demographic_score == 10
    _, person = waterfall()
    assert person.demographic_score == 0


def test_s18_the_demographic_score_is_computed_again_when_its_inputs_change() -> None:
    orchestrator, person = waterfall()
    assert person.demographic_score == 0
    orchestrator.apply(act("1", "changed", T + HOUR, seniority="vp"))
    assert person.demographic_score == 20
    orchestrator.apply(act("2", "changed", T + 2 * HOUR, employees=500))
    assert person.demographic_score == 35
    orchestrator.apply(act("3", "changed", T + 3 * HOUR, seniority=None))
    assert person.demographic_score == 15


def test_s18_it_is_left_alone_while_its_inputs_stay() -> None:
    orchestrator, person = waterfall(seniority="vp")
    person.demographic_score = 99  # as another system would have it
    orchestrator.apply(act("1", "changed", T + HOUR, owner="ada"))
    orchestrator.apply(act("2", "web_visit", T + HOUR))
    assert person.demographic_score == 99


def test_s18_new_fit_can_qualify_at_once() -> None:
    orchestrator, person = waterfall()
    orchestrator.apply(act("1", "score_given", T + HOUR, points=80))
    assert person.stage == "mal"
    decision = orchestrator.apply(act("2", "changed", T + DAY, seniority="head"))
    assert [row.rule for row in decision.rows] == ["qualified_by_score"]


STEP_040 = (StepDef(number=40, name="demographic_score", use="demographic_score"),)


@pytest.mark.parametrize(
    ("guard", "kind", "payload"),
    [
        ("won_opportunities >= 1", "opportunity_won", {"opportunity": "o"}),
        (
            "open_opportunities >= 1",
            "opportunity_opened",
            {"opportunity": "o", "amount": 1, "closes_at": T + DAY},
        ),
        ("last_lost_at is known", "opportunity_lost", {"opportunity": "o"}),
        ("owner is known", "owner_changed", {"owner": "ada"}),
        ("unsubscribed", "unsubscribed", {}),
        ("last_form == 'x'", "form_filled", {"form": "x"}),
        ("level == 4", "changed", {"level": 4}),
    ],
)
def test_s18_whatever_writes_an_input_has_it_computed_again(
    guard: str, kind: str, payload: dict[str, Any]
) -> None:
    orchestrator, person = running(scoring=(points("fit", 10, guard),), processing=STEP_040)
    assert person.demographic_score == 0
    orchestrator.apply(act("1", kind, T + HOUR, **payload))
    assert person.demographic_score == 10


def test_s18_behavior_is_no_input_of_demographics_and_named_guards_are_looked_through() -> None:
    orchestrator, person = running(
        guards={"senior": "seniority == 'vp'"},
        scoring=(points("fit", 10, "senior"),),
        processing=STEP_040,
    )
    orchestrator.apply(act("1", "changed", T + HOUR, seniority="vp"))
    assert person.demographic_score == 10


def test_s18_without_demographic_rules_the_score_is_somebody_elses() -> None:
    orchestrator, person = running(processing=STEP_040, fields={"demographic_score": 42})
    assert person.demographic_score == 42
    orchestrator.apply(act("1", "changed", T + HOUR, demographic_score=7, seniority="vp"))
    assert person.demographic_score == 7


def test_s18_scoring_never_reads_the_stage() -> None:
    with pytest.raises(ModelError, match="never read the stage"):
        running(scoring=(points("fit", 1, "stage == 'a'"),))


# ------------------------------------------------------------------ scores and moves


def test_a_score_that_falls_below_the_threshold_moves_nobody() -> None:
    orchestrator, person = waterfall(seniority="vp")
    orchestrator.apply(act("1", "score_given", T + HOUR, points=65))
    assert person.stage == "mql"
    before = person.history
    orchestrator.apply(act("2", "score_given", T + DAY, points=-60))
    orchestrator.apply(act("3", "changed", T + DAY, seniority=None))
    orchestrator.tick(T + 300 * DAY)
    assert (person.stage, person.history) == ("mql", before)


def test_r37_recycling_lowers_the_score_and_mql_does_not_fire_again_at_once() -> None:
    for score in (65, 90, 300, 129):
        orchestrator, person = waterfall(seniority="vp")
        orchestrator.apply(act("1", "score_given", T + HOUR, points=score))
        assert person.stage == "mql"
        orchestrator.apply(act("2", "sales_rejected", T + DAY, reason="no_time"))
        assert person.stage == "recycled"
        assert person.behavior_score == min(score // 2, 64)
        assert person.hand_raised is False
        orchestrator.apply(act("3", "crm_synced", T + DAY + SECOND))
        orchestrator.tick(T + 80 * DAY)
        assert person.stage == "recycled"
        missing = 65 - person.behavior_score
        orchestrator.apply(act("4", "score_given", T + 81 * DAY, points=missing))
        assert hops(person)[-1] == ("recycled", "mql", "requalified")


def test_r21_a_negative_score_does_not_defeat_a_hand_raise() -> None:
    orchestrator, person = waterfall(behavior_score=-500)
    orchestrator.apply(act("1", "form_filled", T + HOUR, form="Hand-Raise: Contact Us"))
    assert person.stage == "mql"


def test_r20_by_score_and_by_hand_raise_stay_distinguishable() -> None:
    orchestrator, by_score = waterfall(seniority="vp")
    orchestrator.apply(act("1", "score_given", T + HOUR, points=65))
    orchestrator, by_hand = waterfall(seniority="vp")
    orchestrator.apply(act("1", "form_filled", T + HOUR, form="Hand-Raise: Demo"))
    assert by_score.history[-1].rule == "qualified_by_score"
    assert by_hand.history[-1].rule == "qualified_by_hand_raise"


def test_s7_a_lasting_fact_stays_for_a_later_stage() -> None:
    orchestrator, person = running(
        move("go", "a", "b", on="go"), move("on", "b", "c", when="behavior_score >= 50")
    )
    orchestrator.apply(act("1", "score_given", T + HOUR, points=50))
    assert person.stage == "a"
    orchestrator.apply(act("2", "go", T + DAY))
    assert person.stage == "c"


@pytest.mark.parametrize(("effects", "score"), [({"industry": "'shipping'"}, 30), ({}, 0)])
def test_s18_a_move_that_changes_an_input_changes_the_demographic_score(
    effects: dict[str, str], score: int
) -> None:
    new, lead, won = Stage("new"), Stage("lead"), Stage("won")
    model = Model(
        name="fit",
        stages=[new, lead, won],
        sort=[SortRule(name="all", when="otherwise", target="lead")],
        scoring=[ScoreRule(name="ships", when="industry == 'shipping'", points=30)],
        moves=[lead.to(won, on="win", then=effects)],
    )
    person = Lifecycle(model).admit("ann", at="2024-05-01T09:00Z")
    assert person.demographic_score == 0
    person.fire("win", at="2024-05-02T09:00Z")  # type: ignore[attr-defined]
    assert (person.stage, person.demographic_score) == ("won", score)
