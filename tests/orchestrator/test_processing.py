"""New persons: deferral, the end of processing, parking and retry [S13]-[S15]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from lifecycle_fsm import (
    Activity,
    DataRule,
    Decision,
    HistoryRow,
    LifecycleError,
    Person,
    UnknownPerson,
    load,
    step,
)
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
    hops,
    move,
    slots,
    small,
)


def waterfall(**more: Any) -> Orchestrator:
    return Orchestrator(load("waterfall"), **more)


def told(rows: tuple[HistoryRow, ...]) -> list[dict[str, Any]]:
    return [attrs.asdict(row) for row in rows]


# ------------------------------------------------------------------ deferral


def test_s14_r18_a_hand_raise_three_seconds_after_creation_is_sorted_straight_to_mql() -> None:
    orchestrator = waterfall()
    orchestrator.apply(act("0", "created", T, source="web"))
    orchestrator.apply(act("1", "form_filled", T + 3 * SECOND, form="Hand-Raise: Demo"))
    person = orchestrator.people["p"]
    assert (person.stage, person.hand_raised) == ("processing", True)
    orchestrator.tick(T + HOUR)
    assert hops(person) == [
        (None, "processing", "created"),
        ("processing", "mql", "sorted_by_hand_raise"),
    ]
    assert "mal" not in person.stamps
    row = person.history[-1]
    assert (row.now, row.passed_over, row.credit) == (T + MINUTE, ("mal",), True)


def test_s14_r13_nothing_moves_before_the_sort_whatever_the_score() -> None:
    orchestrator = waterfall()
    orchestrator.expect_processed(["p"])
    orchestrator.apply(act("0", "created", T, seniority="vp", employees=100))
    for number in range(20):
        decision = orchestrator.apply(
            act(f"f{number}", "form_filled", T + number * DAY + HOUR, form="Hand-Raise: Trial")
        )
        assert decision.stage == "processing"
    orchestrator.tick(T + 1000 * DAY)
    assert orchestrator.people["p"].stage == "processing"
    decision = orchestrator.process("p", T + 1000 * DAY)
    assert [row.to_stage for row in decision.rows] == ["mql"]
    assert decision.rows[0].now == T + 1000 * DAY


def test_s14_the_sort_sees_scores_that_were_given_during_processing_r14() -> None:
    orchestrator = waterfall()
    orchestrator.apply(act("0", "created", T, seniority="vp", employees=100))
    orchestrator.apply(act("1", "score_given", T + SECOND, points=65))
    orchestrator.tick(T + HOUR)
    assert hops(orchestrator.people["p"])[-1] == ("processing", "mql", "sorted_by_score")


def deferring(*kinds: str, record: list[Decision] | None = None) -> Person:
    """A person for whom these triggers waited for the sort."""
    model = small(
        move("one", "a", "b", on="one"),
        move("two", "b", "c", on="two"),
        move("on", "c", "d", when="ready"),
        move("off", ("b", "c"), "x", on="off"),
        move("system", "a", "c", when="level >= 9", skips="passed_over"),
        settle=MINUTE,
    )
    orchestrator = Orchestrator(model, record=(record if record is not None else []).append)
    orchestrator.apply(act("0", "created", T, ready=True))
    for number, kind in enumerate(kinds):
        orchestrator.apply(act(f"{number}-{kind}", kind, T + (number + 1) * SECOND))
    orchestrator.tick(T + HOUR)
    return orchestrator.people["p"]


def test_s14_deferred_triggers_fire_in_order_at_the_sorts_now_then_run_to_completion() -> None:
    record: list[Decision] = []
    person = deferring("one", "two", record=record)
    assert hops(person)[1:] == [
        ("new", "a", "everybody_else"),
        ("a", "b", "one"),
        ("b", "c", "two"),
        ("c", "d", "on"),
    ]
    assert {row.now for row in person.history[1:]} == {T + MINUTE}
    assert [row.at for row in person.history[2:4]] == [T + SECOND, T + 2 * SECOND]
    assert [row.activity for row in person.history[2:4]] == ["0-one", "1-two"]
    assert not any(row.late for row in person.history)
    assert [(one.kind, one.result) for one in record] == [
        ("created", "moved"),
        ("one", "deferred"),
        ("two", "deferred"),
        ("processed", "moved"),
        ("one", "moved"),
        ("two", "moved"),
        ("processed", "moved"),
    ]


def test_s14_the_order_of_deferred_triggers_is_theirs() -> None:
    record: list[Decision] = []
    person = deferring("two", "one", "off", record=record)
    assert hops(person)[1:] == [
        ("new", "a", "everybody_else"),
        ("a", "b", "one"),
        ("b", "x", "off"),
    ]
    assert [one.result for one in record if one.kind == "two"] == ["deferred", "no_such_move"]
    assert record[-3].reason


def test_s14_system_moves_wait_for_the_deferred_triggers() -> None:
    model = small(
        move("asked", "a", "x", on="asked"), move("system", "a", "b", when="ready"), settle=MINUTE
    )
    orchestrator = Orchestrator(model)
    orchestrator.apply(act("0", "created", T, ready=True))
    orchestrator.apply(act("1", "asked", T + SECOND))
    orchestrator.tick(T + HOUR)
    assert hops(orchestrator.people["p"])[1:] == [
        ("new", "a", "everybody_else"),
        ("a", "x", "asked"),
    ]


def test_s14_a_deferred_trigger_may_lead_out_of_a_detour_into_which_a_move_leads_back() -> None:
    model = small(move("over", "x", "y", on="over"), move("swing", "y", "x"), settle=MINUTE)
    orchestrator = Orchestrator(model)
    orchestrator.apply(act("0", "created", T, start="x"))
    orchestrator.apply(act("1", "over", T + SECOND))
    orchestrator.tick(T + MINUTE)
    assert [row.to_stage for row in orchestrator.people["p"].history] == ["new", "x", "y", "x"]


def test_s11_a_deferred_trigger_that_fails_leaves_the_person_in_processing() -> None:
    model = small(
        move("one", "a", "b", on="one"), move("two", "b", "c", on="two", then=TOO_LARGE),
        settle=MINUTE,
    )  # fmt: skip
    orchestrator = Orchestrator(model)
    orchestrator.apply(act("0", "created", T, big=HUGE))
    orchestrator.apply(act("1", "one", T + SECOND))
    orchestrator.apply(act("2", "two", T + SECOND))
    person = orchestrator.people["p"]
    before = slots(person)
    assert [one.result for one in orchestrator.tick(T + HOUR)] == ["parked"]
    after = slots(person)
    # The timer does not ring again; the clock is where it was, for nothing has happened.
    assert {name for name in after if after[name] != before[name]} == {"_due", "_settles_at"}
    orchestrator.apply(act("3", "changed", T + DAY, big=0.0))
    assert person.stage == "new"
    orchestrator.retry(T + DAY)
    assert [row.to_stage for row in person.history] == ["new", "a", "b", "c"]
    assert {row.now for row in person.history[1:]} == {T + DAY}


# ------------------------------------------------------------------ when processing ends


LOG = (
    act("0", "created", T, email="ann@acme.com", company="Acme", employees=80, seniority="vp"),
    act("1", "form_filled", T + 3 * SECOND, form="Newsletter"),
    act("2", "score_given", T + 5 * MINUTE, points=60),
    act("3", "sales_touched", T + 2 * HOUR),
    act("4", "sales_rejected", T + DAY, reason="no_time"),
    act("5", "form_filled", T + 9 * DAY, form="Hand-Raise: Demo"),
)
PROCESSED = T + MINUTE


def test_s14_settle_and_a_logged_processed_give_the_same_history() -> None:
    """The clock's end of processing is logged with its results, and a replay uses it."""
    kept: list[Activity] = []
    live = waterfall(log=kept.append)
    for activity in LOG:
        live.apply(activity)
    (ended,) = (one for one in kept if one.kind == "processed")
    assert (ended.at, ended.id) == (PROCESSED, "processed:settled")
    # Another system's log has the same under an id of its own.
    logged = logged_end(live.people["p"], PROCESSED)
    assert {**ended.payload} == {**logged.payload}

    replay, foreign = waterfall(), waterfall()
    for orchestrator, end in ((replay, ended), (foreign, logged)):
        orchestrator.expect_processed(["p"])
        for activity in [*LOG[:2], end, *LOG[2:]]:
            orchestrator.apply(activity)
    live_rows = told(live.people["p"].history)
    assert told(replay.people["p"].history) == live_rows
    renamed = {"processed": "processed:settled"}
    assert [
        row | {"activity": renamed.get(row["activity"], row["activity"])}
        for row in told(foreign.people["p"].history)
    ] == live_rows
    fields = load("waterfall").field_types
    assert {n: getattr(replay.people["p"], n) for n in fields} == {
        n: getattr(live.people["p"], n) for n in fields
    }


def logged_end(person: Person, at: Any) -> Activity:
    """``processed`` as a log has it: with what the steps of the shipped model gave."""
    names = ("domain", "source", "source_latest", "sourced_by", "demographic_score", "cohort")
    values = {name: getattr(person, name) for name in names}
    return Activity("processed", "p", "processed", at, values)


def test_s14_a_later_processed_sorts_later_and_the_sort_sees_more() -> None:
    orchestrator = waterfall()
    orchestrator.expect_processed(["p"])
    for activity in LOG[:4]:
        assert orchestrator.apply(activity).stage == "processing"
    person = orchestrator.people["p"]
    values = {"demographic_score": 40, "sourced_by": "marketing"}
    decision = orchestrator.apply(Activity("end", "p", "processed", T + 3 * HOUR, values))
    assert hops(person)[1:] == [
        ("processing", "mql", "sorted_by_score"),
        ("mql", "sal", "accepted"),
    ]
    assert {row.now for row in decision.rows} == {T + 3 * HOUR}


def test_s13_process_asks_for_somebody_who_is_there_and_not_sorted() -> None:
    orchestrator = waterfall()
    with pytest.raises(UnknownPerson, match="'p'"):
        orchestrator.process("p", T)
    orchestrator.apply(act("0", "created", T))
    orchestrator.process("p", T)
    with pytest.raises(LifecycleError, match="sorted before"):
        orchestrator.process("p", T)


def test_s14_processing_never_ends_before_what_the_person_has_seen() -> None:
    orchestrator = waterfall()
    orchestrator.expect_processed(["p"])
    orchestrator.apply(act("0", "created", T))
    orchestrator.apply(act("1", "web_visit", T + HOUR))
    decision = orchestrator.process("p", T + SECOND)
    assert decision.now == T + HOUR


# ------------------------------------------------------------------ steps that fail


def failing(
    number: int, who: set[str], *, on_failure: Any = "park", name: str = "fragile"
) -> tuple[Any, list[str]]:
    """A step that fails for some people, as long as they are in the set."""
    asked: list[str] = []

    @step(number=number, writes="industry", on_failure=on_failure, name=name)
    def fragile(person: Any, context: Any) -> Mapping[str, Any]:
        asked.append(person.id)
        if person.id in who:
            raise OSError(f"no answer for {person.id}")
        return {"industry": "steel"}

    return fragile, asked


def test_s13_one_failing_step_in_a_thousand_parks_one_person_and_stops_nobody() -> None:
    broken = {"p-7", "p-500", "p-999"}
    fragile, asked = failing(35, broken)
    orchestrator = waterfall(steps=[fragile])
    for number in range(1000):
        orchestrator.apply(act("0", "created", T, person=f"p-{number}"))
    for number in range(1000):
        orchestrator.apply(
            act("1", "form_filled", T + HOUR, person=f"p-{number}", form="Hand-Raise: Demo")
        )
    stages = {name: person.stage for name, person in orchestrator.people.items()}
    assert {name for name, stage in stages.items() if stage == "processing"} == broken
    assert set(orchestrator.parked) == broken
    assert {name for name, stage in stages.items() if stage == "mql"} == set(stages) - broken
    (parked,) = orchestrator.parked["p-7"]
    assert parked.error == "fragile: OSError: no answer for p-7"

    # They lose nothing: what came meanwhile counts when the retry sorts them.
    count = len(asked)
    broken.clear()
    decisions = orchestrator.retry(T + DAY)
    assert len(asked) == count + 3
    assert [(one.person, one.stage) for one in decisions] == [
        ("p-7", "mql"),
        ("p-500", "mql"),
        ("p-999", "mql"),
    ]
    assert not orchestrator.parked
    person = orchestrator.people["p-7"]
    assert hops(person)[1:] == [("processing", "mql", "sorted_by_hand_raise")]
    assert person.history[-1].now == T + DAY
    assert person.industry == "steel"


def test_s13_a_parked_person_is_not_tried_again_by_the_clock_but_by_retry() -> None:
    fragile, asked = failing(35, {"p"})
    orchestrator = waterfall(steps=[fragile])
    orchestrator.apply(act("0", "created", T))
    orchestrator.tick(T + HOUR)
    orchestrator.tick(T + DAY)
    orchestrator.apply(act("1", "web_visit", T + 2 * DAY))
    assert len(asked) == 1
    for number in range(2, 4):
        (decision,) = orchestrator.retry(T + number * DAY)
        assert (decision.result, decision.stage) == ("parked", "processing")
        assert len(orchestrator.parked["p"]) == 1
    assert len(asked) == 3


def test_s11_who_was_parked_at_the_instant_of_creation_is_at_that_instant_still() -> None:
    """The sort was due there, and did not happen: what comes at that instant is not late."""
    orchestrator = Orchestrator(
        small(data=(DataRule(name="fails", on="processed", then=TOO_LARGE),))
    )
    orchestrator.apply(act("0", "created", T, big=HUGE))
    before = slots(orchestrator.people["p"])
    assert orchestrator.tick(T)[0].result == "parked"
    timers = {"_due": None, "_settles_at": None}
    assert {**slots(orchestrator.people["p"]), **timers} == {**before, **timers}
    assert orchestrator.apply(act("1", "web_visit", T)).late is False


def test_s13_parked_triggers_of_a_parked_person_still_fire_after_the_retry() -> None:
    who = {"p"}
    fragile, _ = failing(35, who)
    orchestrator = waterfall(steps=[fragile])
    orchestrator.apply(act("0", "created", T, hand_raised=True))
    orchestrator.tick(T + HOUR)
    assert orchestrator.apply(act("1", "disqualify", T + DAY)).result == "deferred"
    who.clear()
    orchestrator.retry(T + 2 * DAY)
    person = orchestrator.people["p"]
    assert [row.to_stage for row in person.history] == ["processing", "mql", "disqualified"]
    assert (person.history[-1].at, person.history[-1].now) == (T + DAY, T + 2 * DAY)


def test_s13_an_enrich_service_that_is_down_is_gone_without_and_recorded() -> None:
    recorded: list[Decision] = []

    def down(person: Any, context: Any) -> Mapping[str, Any]:
        raise ConnectionError("503 from the directory")

    orchestrator = waterfall(steps={"enrich": down}, record=recorded.append)
    orchestrator.apply(act("0", "created", T))
    orchestrator.tick(T + HOUR)
    assert orchestrator.people["p"].stage == "mal"
    assert not orchestrator.parked
    assert [str(one) for one in orchestrator.skipped["p"]] == [
        "enrich: ConnectionError: 503 from the directory"
    ]
    assert "503 from the directory" in recorded[-1].reason


def test_s13_a_slow_enrich_service_keeps_the_barrier_up_r13() -> None:
    answers = {"p": {"industry": "steel", "employees": 80}}
    orchestrator = waterfall(steps={"enrich": lambda person, context: answers[person.id]})
    orchestrator.expect_processed(["p"])
    orchestrator.apply(act("0", "created", T, seniority="manager"))
    orchestrator.apply(act("1", "form_filled", T + 10 * MINUTE, form="Hand-Raise: Demo"))
    orchestrator.tick(T + 10 * HOUR)
    person = orchestrator.people["p"]
    assert (person.stage, person.employees) == ("processing", None)
    orchestrator.process("p", T + 11 * HOUR)
    assert (person.stage, person.employees, person.demographic_score) == ("mql", 80, 25)
    assert person.history[-1].now == T + 11 * HOUR


def test_s13_what_was_skipped_is_forgotten_when_a_later_run_succeeds() -> None:
    down = {"p"}
    first, _ = failing(21, down, on_failure="skip", name="first")
    second, _ = failing(35, down, name="second")
    second = attrs.evolve(second, writes=("industry",))
    orchestrator = waterfall(steps=[first, second])
    orchestrator.apply(act("0", "created", T))
    orchestrator.tick(T + HOUR)
    assert set(orchestrator.skipped) == {"p"}
    down.clear()
    (decision,) = orchestrator.retry(T + DAY)
    assert not orchestrator.skipped
    assert decision.reason == ""


def test_s13_a_step_may_look_at_the_history() -> None:
    seen: list[Any] = []

    @step(number=35)
    def look(person: Any, context: Any) -> Mapping[str, Any]:
        seen.append(person.history)
        return {}

    orchestrator = waterfall(steps=[look])
    orchestrator.apply(act("0", "created", T))
    orchestrator.tick(T + HOUR)
    assert not orchestrator.parked
    assert [row.to_stage for row in seen[0]] == ["processing"]


# ------------------------------------------------------------------ parked activities


def unlucky() -> Orchestrator:
    """Somebody for whom ``go`` fails until ``big`` is corrected."""
    model = small(move("go", "a", "b", on="go", then=TOO_LARGE), move("on", "b", "c", when="ready"))
    orchestrator = Orchestrator(model)
    orchestrator.apply(act("0", "created", T, big=HUGE))
    orchestrator.process("p", T)
    orchestrator.apply(act("1", "go", T + HOUR))
    return orchestrator


def test_s11_a_parked_activity_is_retried_and_applies_late() -> None:
    orchestrator = unlucky()
    assert [one.result for one in orchestrator.retry(T + 2 * HOUR)] == ["parked"]
    orchestrator.apply(act("2", "changed", T + DAY, big=0.0))
    (decision,) = orchestrator.retry(T + 2 * DAY)
    assert (decision.result, decision.late, decision.at) == ("moved", True, T + HOUR)
    assert not orchestrator.parked
    assert orchestrator.apply(act("1", "go", T + HOUR)).result == "duplicate"


def test_s19_a_parked_activity_that_is_sent_again_is_parked_once() -> None:
    orchestrator = unlucky()
    assert orchestrator.apply(act("1", "go", T + HOUR)).result == "parked"
    assert len(orchestrator.parked["p"]) == 1
    orchestrator.apply(act("2", "changed", T + DAY, big=0.0))
    assert orchestrator.apply(act("1", "go", T + HOUR)).result == "moved"
    assert not orchestrator.parked
    assert orchestrator.retry(T + 2 * DAY) == []


def test_s11_an_error_in_a_time_move_parks_the_person_and_retry_gives_the_rest() -> None:
    model = small(
        move("off", "a", "x", on="off"),
        move("back", "x", "a", when="days in stage >= 10", then=TOO_LARGE),
    )
    orchestrator = Orchestrator(model)
    orchestrator.apply(act("0", "created", T, big=HUGE))
    orchestrator.process("p", T)
    orchestrator.apply(act("1", "off", T + HOUR))
    (decision,) = orchestrator.tick(T + 20 * DAY)
    assert (decision.result, decision.kind, decision.stage) == ("parked", "time", "x")
    person = orchestrator.people["p"]
    assert orchestrator.apply(act("2", "changed", T + 21 * DAY, big=1.0)).stage == "a"
    assert person.history[-1].rule == "back"
    orchestrator.retry(T + 30 * DAY)
    assert not orchestrator.parked
    assert [row.rule for row in person.history][-1] == "back"


def test_s11_creation_that_fails_is_parked_and_can_be_retried() -> None:
    from lifecycle_fsm import DataRule

    model = small(data=(DataRule(on="created", then=TOO_LARGE),))
    orchestrator = Orchestrator(model)
    decision = orchestrator.apply(act("0", "created", T, big=HUGE))
    assert decision.result in ("parked", "rejected")
    assert orchestrator.people == {}
    assert orchestrator.apply(act("1", "web_visit", T + HOUR)).result == "held"
    for one in orchestrator.retry(T + DAY):
        assert one.result in ("parked", "rejected")


def test_s11_a_creation_that_failed_and_comes_again_corrected_is_parked_no_more() -> None:
    from lifecycle_fsm import DataRule

    orchestrator = Orchestrator(small(data=(DataRule(on="created", then=TOO_LARGE),)))
    assert orchestrator.apply(act("0", "created", T, big=HUGE)).result == "parked"
    assert orchestrator.apply(act("0", "created", T, big=1.0)).result == "moved"
    assert not orchestrator.parked


def test_s19_what_is_parked_gives_way_to_nothing_else_that_fails() -> None:
    orchestrator = unlucky()
    (parked,) = orchestrator.parked["p"]
    decision = orchestrator.apply(act("1", "go", T + 2 * HOUR))
    assert (decision.result, "other content" in decision.reason) == ("rejected", True)
    assert orchestrator.parked["p"] == [parked]
    fails = Orchestrator(small(data=(DataRule(on="created", then=TOO_LARGE),)))
    results = [fails.apply(act("0", "created", at, big=HUGE)).result for at in (T, T + HOUR, T)]
    assert results == ["parked", "rejected", "parked"]
    assert [parked.activity for parked in fails.parked["p"]] == [act("0", "created", T, big=HUGE)]


def test_s19_what_is_held_is_known_again_in_another_spelling() -> None:
    orchestrator = Orchestrator(small())
    opened: dict[str, Any] = {"opportunity": "o", "amount": 5.0}
    results = [
        orchestrator.apply(act("1", "opportunity_opened", T, closes_at=closes_at, **opened)).result
        for closes_at in (T, T.isoformat(), T + HOUR)
    ]
    assert results == ["held", "duplicate", "rejected"]


def test_s13_whose_settle_failed_is_not_parked_when_processed_has_sorted_them() -> None:
    fails = DataRule(name="fails", on="processed", when="level < 3", then=TOO_LARGE)
    orchestrator = Orchestrator(small(data=(fails,), settle=MINUTE))
    orchestrator.apply(act("0", "created", T, big=HUGE))
    assert [made.result for made in orchestrator.tick(T + HOUR)] == ["parked"]
    assert orchestrator.apply(act("1", "changed", T + HOUR, level=1)).result == "unchanged"
    assert [parked.activity for parked in orchestrator.parked["p"]] == [None]
    assert orchestrator.apply(act("2", "processed", T + DAY, level=5)).result == "moved"
    assert not orchestrator.parked
    assert "parked" not in orchestrator.dump("p")


def test_s14_data_rules_for_the_end_of_processing_run_before_the_sort() -> None:
    from lifecycle_fsm import DataRule

    model = small(data=(DataRule(on="processed", then={"start": "'b'"}),))
    orchestrator = Orchestrator(model)
    orchestrator.apply(act("0", "created", T))
    orchestrator.process("p", T)
    assert orchestrator.people["p"].stage == "b"
