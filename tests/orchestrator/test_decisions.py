"""What comes of each activity: one case for each result, and what each decision says [S10]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lifecycle_fsm import Activity, Decision, load, step
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import (
    DAY,
    HOUR,
    HUGE,
    MINUTE,
    SECOND,
    TOO_LARGE,
    T,
    act,
    admitted,
    move,
    running,
    slots,
    small,
)

MOVES = (
    move("go", "a", "b", on="go", when="level >= 2"),
    move("stop", "b", "x", on="stop"),
    move("on", "a", "c", when="ready", skips="passed_over"),
    move("fail", "a", "y", on="fail", then=TOO_LARGE),
)


def fresh(**fields: Any) -> Orchestrator:
    orchestrator = Orchestrator(small(*MOVES, settle=MINUTE))
    orchestrator.apply(act("0", "created", T, **fields))
    return orchestrator


def sorted_(**fields: Any) -> Orchestrator:
    orchestrator = fresh(**fields)
    orchestrator.process("p", T)
    return orchestrator


def after(orchestrator: Orchestrator, *before: Activity) -> Orchestrator:
    for one in before:
        orchestrator.apply(one)
    return orchestrator


Case = tuple[Callable[[], Orchestrator], Activity, str, str]
GO = act("1", "go", T + HOUR)
CASES: dict[str, Case] = {
    "created": (lambda: Orchestrator(small()), act("0", "created", T), "moved", "new"),
    "a process trigger": (lambda: sorted_(level=2), GO, "moved", "b"),
    "a system move": (sorted_, act("1", "changed", T + HOUR, ready=True), "moved", "c"),
    "only data": (sorted_, act("1", "changed", T + HOUR, level=7), "unchanged", "a"),
    "an unmet guard": (lambda: sorted_(level=1), GO, "refused", "a"),
    "a trigger of another stage": (sorted_, act("1", "stop", T + HOUR), "no_such_move", "a"),
    "during processing": (fresh, act("1", "go", T + SECOND), "deferred", "new"),
    "data during processing": (
        fresh,
        act("1", "changed", T + SECOND, ready=True),
        "unchanged",
        "new",
    ),
    "of nobody": (lambda: Orchestrator(small()), act("1", "web_visit", T), "held", ""),
    "of nobody, twice": (
        lambda: after(Orchestrator(small(*MOVES)), GO),
        GO,
        "duplicate",
        "",
    ),
    "twice": (
        lambda: after(sorted_(), act("1", "web_visit", T + HOUR)),
        act("1", "web_visit", T + HOUR),
        "duplicate",
        "a",
    ),
    "one id, other content": (
        lambda: after(sorted_(), act("1", "web_visit", T + HOUR)),
        act("1", "web_visit", T + HOUR, page="/other"),
        "rejected",
        "a",
    ),
    "one id, other time": (
        lambda: after(sorted_(), act("1", "web_visit", T + HOUR)),
        act("1", "web_visit", T + 2 * HOUR),
        "rejected",
        "a",
    ),
    "one id of nobody, other content": (
        lambda: after(Orchestrator(small()), act("1", "web_visit", T)),
        act("1", "web_visit", T + HOUR),
        "rejected",
        "",
    ),
    "created twice": (sorted_, act("again", "created", T + HOUR), "rejected", "a"),
    "an unknown kind": (sorted_, act("1", "web_visti", T + HOUR), "rejected", "a"),
    "an unknown payload": (sorted_, act("1", "web_visit", T + HOUR, pge="/"), "rejected", "a"),
    "a payload that lacks": (sorted_, act("1", "form_filled", T + HOUR), "rejected", "a"),
    "a value of another type": (
        sorted_,
        act("1", "score_given", T + HOUR, points="many"),
        "rejected",
        "a",
    ),
    "a stage from outside": (sorted_, act("1", "changed", T + HOUR, stage="d"), "rejected", "a"),
    "created in a stage": (
        lambda: Orchestrator(small()),
        act("0", "created", T, stage="d"),
        "rejected",
        "",
    ),
    "processed after the sort": (sorted_, act("1", "processed", T + HOUR), "rejected", "a"),
    "an error": (lambda: sorted_(big=HUGE), act("1", "fail", T + HOUR), "parked", "a"),
}


@pytest.mark.parametrize(("make", "activity", "result", "stage"), CASES.values(), ids=CASES.keys())
def test_s10_each_result(
    make: Callable[[], Orchestrator], activity: Activity, result: str, stage: str
) -> None:
    orchestrator = make()
    before = {name: slots(one) for name, one in orchestrator.people.items()}
    decision = orchestrator.apply(activity)
    assert (decision.result, decision.stage) == (result, stage)
    assert (decision.person, decision.activity, decision.kind) == ("p", activity.id, activity.kind)
    assert decision.at == activity.at
    assert decision.moved is (result == "moved")
    assert bool(decision.rows) is (result == "moved")
    if result in ("held", "duplicate", "rejected", "parked", "no_such_move"):
        assert decision.reason
    if result in ("duplicate", "rejected", "parked"):
        assert {name: slots(one) for name, one in orchestrator.people.items()} == before
    assert str(decision).startswith("p: ")
    assert result.replace("_", " ") in str(decision)


def test_s10_every_result_has_its_case() -> None:
    from typing import get_args

    from lifecycle_fsm.machine.decision import Result

    assert {result for _, _, result, _ in CASES.values()} == set(get_args(Result))


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"kind": "web_visti"}, "did you mean 'web_visit'"),
        ({"kind": "web_visit", "pge": "/"}, "did you mean 'page'"),
        ({"kind": "form_filled"}, "lacks its 'form'"),
        ({"kind": "score_given", "points": "many"}, "points"),
        ({"kind": "changed", "levle": 1}, "did you mean 'level'"),
        ({"kind": "changed", "stage": "d"}, "machine only"),
    ],
)
def test_s5_a_rejection_names_the_culprit(payload: dict[str, Any], said: str) -> None:
    orchestrator = sorted_()
    decision = orchestrator.apply(act("1", payload.pop("kind"), T + HOUR, **payload))
    assert said in decision.reason


def test_every_decision_is_recorded_once_and_in_order() -> None:
    recorded: list[Decision] = []
    orchestrator = Orchestrator(load("waterfall"), record=recorded.append)
    log = [
        act("0", "created", T),
        act("1", "form_filled", T + SECOND, form="Hand-Raise: Demo"),
        act("2", "sales_touched", T + 2 * SECOND),
        act("3", "sales_rejected", T + HOUR, reason="no_time"),
        act("3", "sales_rejected", T + HOUR, reason="no_time"),
        act("4", "web_visit", T + 200 * DAY),
    ]
    answers = [orchestrator.apply(one) for one in log]
    faded = [one for one in recorded if one.kind == "decay"]
    assert [one.now for one in faded] == sorted(one.now for one in faded)
    recorded = [one for one in recorded if one.kind != "decay"]
    assert [(one.kind, one.result) for one in recorded] == [
        ("created", "moved"),
        ("form_filled", "unchanged"),
        ("sales_touched", "unchanged"),
        ("processed", "moved"),
        ("sales_rejected", "moved"),
        ("sales_rejected", "duplicate"),
        ("time", "moved"),
        ("web_visit", "unchanged"),
    ]
    assert [one for one in recorded if one.kind not in ("processed", "time")] == answers
    rows = [row for one in recorded for row in one.rows]
    assert tuple(rows) == orchestrator.people["p"].history


def test_s10_the_stage_of_a_decision_is_the_one_after_its_rows() -> None:
    recorded: list[Decision] = []
    model = small(move("go", "a", "b", on="go"), move("stop", "b", "x", on="stop"), settle=MINUTE)
    orchestrator = Orchestrator(model, record=recorded.append)
    orchestrator.apply(act("0", "created", T))
    orchestrator.apply(act("1", "go", T + SECOND))
    orchestrator.apply(act("2", "stop", T + 2 * SECOND))
    orchestrator.tick(T + HOUR)
    assert [one.stage for one in recorded] == ["new", "new", "new", "a", "b", "x"]
    for one in recorded:
        if one.rows:
            assert one.rows[-1].to_stage == one.stage


def test_decisions_read_as_sentences() -> None:
    orchestrator = Orchestrator(load("waterfall"))
    person = admitted(orchestrator, hand_raised=True)
    refused = orchestrator.apply(act("1", "sales_rejected", T + HOUR, reason="bored"))
    assert str(refused) == (
        "p: sales_rejected at 2024-05-01 10:00 UTC: refused\n"
        "  recycled_by_sales -> recycled: ✗ rejection reason is one of no_budget, no_time, "
        "no_answer, not_ready (it is bored)\n"
        "  disqualified_by_sales -> disqualified: ✗ rejection reason is one of wrong_person, "
        "competitor, student, out_of_business (it is bored)"
    )
    moved = orchestrator.apply(act("2", "sales_rejected", T + 2 * HOUR, reason="no_time"))
    first, *asked = str(moved).splitlines()
    assert first == (
        "p: sales_rejected at 2024-05-01 11:00 UTC: moved mql -> recycled by recycled_by_sales"
    )
    assert asked == [f"  asks for {one}" for one in moved.requests]
    assert person.stage == "recycled"


def test_s7_data_then_scoring_then_trigger_then_system_moves() -> None:
    """Each sees what the one before it wrote, in one activity."""
    model = small(
        move("go", "a", "b", on="bought", when="behavior_score == 14 and level == 7"),
        move("on", "b", "c", when="ready"),
        kinds=(_kind("bought", sets={"level": "activity.amount"}, trigger="bought", amount="int"),),
        data=(_rule(on="bought", when="activity.amount >= 7", then={"owner": "'desk'"}),),
        scoring=(_points("bought", on="bought", when="owner == 'desk'", points="level * 2"),),
    )
    orchestrator = Orchestrator(model)
    person = admitted(orchestrator, ready=True)
    decision = orchestrator.apply(act("1", "bought", T + HOUR, amount=7))
    assert [row.rule for row in decision.rows] == ["go", "on"]
    assert (person.owner, person.behavior_score) == ("desk", 14)
    assert decision.rows[0].owner == "desk"


def _kind(name: str, *, sets: Any, trigger: str, **payload: str) -> Any:
    from lifecycle_fsm import ActivityKind, FieldDef, FieldType

    return ActivityKind(
        name=name,
        sets=sets,
        trigger=trigger,
        payload=tuple(FieldDef(one, FieldType.from_text(text)) for one, text in payload.items()),
    )


def _rule(**values: Any) -> Any:
    from lifecycle_fsm import DataRule

    return DataRule(**values)


def _points(name: str, **values: Any) -> Any:
    from lifecycle_fsm import ScoreRule

    return ScoreRule(name=name, **values)


def test_r47_nothing_of_a_run_is_shared_between_two_orchestrators() -> None:
    one, person = running(*MOVES, fields={"level": 2})
    other, twin = running(*MOVES, fields={"level": 2})
    one.apply(GO)
    assert (person.stage, twin.stage) == ("b", "a")
    assert other.apply(GO).result == "moved"


def test_s11_a_failing_activity_stops_nobody_else() -> None:
    orchestrator = Orchestrator(small(*MOVES))
    for number in range(5):
        admitted(orchestrator, f"p-{number}", big=HUGE if number == 2 else 0.0)
    results = [
        orchestrator.apply(act("1", "fail", T + HOUR, person=f"p-{number}")).result
        for number in range(5)
    ]
    assert results == ["moved", "moved", "parked", "moved", "moved"]


def test_a_step_declared_beside_the_model_runs_and_its_values_are_kept() -> None:
    @step(number=15, writes="level")
    def level(person: Any, context: Any) -> dict[str, Any]:
        assert context.now == T + HOUR
        return {"level": 2}

    orchestrator = Orchestrator(small(*MOVES), steps=[level])
    orchestrator.expect_processed(["p"])
    orchestrator.apply(act("0", "created", T))
    orchestrator.process("p", T + HOUR)
    assert orchestrator.people["p"].level == 2  # type: ignore[attr-defined]
