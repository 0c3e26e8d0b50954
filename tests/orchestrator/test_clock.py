"""Time: due moves at their instant, however often somebody looks [S20]."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Activity, Model, RecordError, load
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
    hops,
    move,
    running,
    slots,
    small,
)


def recycled() -> Orchestrator:
    """Somebody whom sales gave back at T + 1 hour: rest is over 90 days later."""
    orchestrator = Orchestrator(load("waterfall"))
    admitted(orchestrator, hand_raised=True)
    orchestrator.apply(act("1", "sales_rejected", T + HOUR, reason="no_time"))
    assert orchestrator.people["p"].stage == "recycled"
    return orchestrator


RESTED = T + HOUR + 90 * DAY


def test_s20_a_time_move_happens_at_its_due_instant() -> None:
    orchestrator = recycled()
    person = orchestrator.people["p"]
    assert orchestrator.tick(RESTED - timedelta(microseconds=1)) == []
    (decision,) = orchestrator.tick(RESTED)
    assert (decision.kind, decision.now, decision.stage) == ("time", RESTED, "mal")
    row = person.history[-1]
    assert (row.rule, row.trigger, row.activity, row.now, row.journey) == (
        "rested",
        None,
        None,
        RESTED,
        2,
    )
    assert orchestrator.tick(RESTED + 400 * DAY) == []


def test_s20_a_time_move_keeps_its_instant_when_the_next_activity_comes_months_later() -> None:
    orchestrator = recycled()
    decision = orchestrator.apply(act("2", "web_visit", T + 300 * DAY))
    assert decision.result == "unchanged"
    assert orchestrator.people["p"].history[-1].now == RESTED


def test_s20_what_happens_before_the_due_instant_comes_before_it() -> None:
    orchestrator = recycled()
    orchestrator.apply(act("2", "form_filled", RESTED - SECOND, form="Hand-Raise: Demo"))
    orchestrator.tick(RESTED + DAY)
    assert hops(orchestrator.people["p"])[-1] == ("recycled", "mql", "raised_hand_again")


def test_s20_an_activity_exactly_at_the_due_instant_comes_first() -> None:
    """Phase 0 before phase 1: an acceptance at the deadline is in time."""
    orchestrator = recycled()
    orchestrator.apply(act("2", "form_filled", RESTED, form="Hand-Raise: Demo"))
    person = orchestrator.people["p"]
    assert hops(person)[-1] == ("recycled", "mql", "raised_hand_again")
    assert person.history[-1].late is False
    orchestrator.tick(RESTED + DAY)
    assert person.stage == "mql"


def test_s20_an_activity_at_an_instant_that_was_due_and_is_past_is_late() -> None:
    orchestrator = recycled()
    orchestrator.tick(RESTED)
    decision = orchestrator.apply(act("2", "form_filled", RESTED, form="Hand-Raise: Demo"))
    assert (decision.result, decision.late) == ("moved", True)
    assert hops(orchestrator.people["p"])[-1] == ("mal", "mql", "qualified_by_hand_raise")


def test_s20_the_timer_of_processing_is_a_due_thing_too() -> None:
    on_time = Orchestrator(load("waterfall"))
    on_time.apply(act("0", "created", T))
    on_time.apply(act("1", "form_filled", T + MINUTE, form="Hand-Raise: Demo"))
    on_time.tick(T + HOUR)
    assert hops(on_time.people["p"])[-1] == ("processing", "mql", "sorted_by_hand_raise")

    after = Orchestrator(load("waterfall"))
    after.apply(act("0", "created", T))
    after.tick(T + MINUTE)
    decision = after.apply(act("1", "form_filled", T + MINUTE, form="Hand-Raise: Demo"))
    assert hops(after.people["p"])[-1] == ("mal", "mql", "qualified_by_hand_raise")
    assert decision.late is True


def test_s20_a_tick_at_which_nothing_is_due_leaves_the_person_alone() -> None:
    orchestrator = recycled()
    before = slots(orchestrator.people["p"])
    orchestrator.tick(T + 50 * DAY)
    assert slots(orchestrator.people["p"]) == before
    assert orchestrator.apply(act("2", "web_visit", T + 40 * DAY)).late is False


def test_s20_moves_by_time_run_to_completion_and_the_next_due_counts_from_there() -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"),
        move("back", "x", "a", when="days in stage >= 10"),
        move("grown", "a", "b", when="days since created_at >= 5"),
        move("stale", "b", "y", when="days in stage > 30"),
        move("home", "y", "c", when="days in stage == 2"),
    )
    orchestrator.apply(act("1", "off", T + HOUR))
    orchestrator.tick(T + 1000 * DAY)
    back = T + HOUR + 10 * DAY
    stale = back + 31 * DAY
    assert [(row.to_stage, row.now) for row in person.history[2:]] == [
        ("x", T + HOUR),
        ("a", back),
        ("b", back),
        ("y", stale),
        ("c", stale + 2 * DAY),
    ]
    assert [row.journey for row in person.history[2:]] == [1, 2, 2, 2, 3]


def test_s20_a_field_that_changes_moves_the_due_instant() -> None:
    orchestrator, person = running(
        move("quiet", "a", "x", when="days since sales_touched_at >= 10")
    )
    orchestrator.apply(act("1", "sales_touched", T + HOUR))
    orchestrator.apply(act("2", "sales_touched", T + 8 * DAY))
    orchestrator.tick(T + 100 * DAY)
    assert [(row.to_stage, row.now) for row in person.history[2:]] == [("x", T + 18 * DAY)]


def test_s20_a_python_guard_is_asked_at_activities_and_due_instants_only() -> None:
    def at_night(person: object, now: object) -> bool:
        return getattr(now, "hour", 12) < 6

    orchestrator, person = running(move("night", "a", "b", when=at_night))
    orchestrator.tick(T + 5 * DAY)
    assert person.stage == "a"
    orchestrator.apply(act("1", "web_visit", T + 18 * HOUR))
    assert person.stage == "b"


def test_a_time_that_cannot_be_read_is_told() -> None:
    orchestrator = recycled()
    with pytest.raises(RecordError, match="'tomorrow'"):
        orchestrator.tick("tomorrow")
    with pytest.raises(RecordError):
        orchestrator.retry("tomorrow")


# ------------------------------------------------------------------ any schedule of ticks


def turning() -> Model:
    """A model that time moves a lot."""
    return small(
        move("off", ("a", "b"), "x", on="off"),
        move("over", "x", "y", when="days in stage >= 3"),
        move("back", "y", "a", when="days in stage >= 2 and level < 3"),
        move(
            "grown", "a", "b", when="days since sales_touched_at >= 4", then={"level": "level + 1"}
        ),
        move("stale", "b", "x", when="days in stage > 5"),
        move("jump", "a", "c", on="jump", skips="passed_over"),
        settle=3 * HOUR,
    )


KINDS = st.sampled_from(["off", "jump", "sales_touched", "changed"])
LOGS = st.lists(st.tuples(KINDS, st.integers(0, 24 * 40)), max_size=8)


def log_of(events: list[tuple[str, int]]) -> list[Activity]:
    created = act("created", "created", T)
    others = [
        act(f"{number:02}", kind, T + hours * HOUR) for number, (kind, hours) in enumerate(events)
    ]
    return [created, *sorted(others, key=lambda one: one.order)]


@settings(max_examples=150, deadline=None)
@given(events=LOGS, ticks=st.lists(st.integers(0, 24 * 60), max_size=25))
def test_s20_the_result_never_depends_on_how_often_ticks_come(
    events: list[tuple[str, int]], ticks: list[int]
) -> None:
    model = turning()
    end = T + 100 * DAY
    quiet, often = Orchestrator(model), Orchestrator(model)
    log = log_of(events)
    for activity in log:
        quiet.apply(activity)
    quiet.tick(end)
    # A tick says that the time has come, so everything up to it has been applied.
    instants = sorted(T + hours * HOUR for hours in ticks)
    for activity in log:
        while instants and instants[0] < activity.at:
            often.tick(instants.pop(0))
        often.apply(activity)
    for instant in [*instants, end, end]:
        often.tick(instant)
    assert often.people["p"].history == quiet.people["p"].history
    mine, theirs = slots(often.people["p"]), slots(quiet.people["p"])
    assert mine == theirs


def test_s11_a_return_that_failed_is_tried_again_at_its_instant() -> None:
    orchestrator, person = running(
        move("back", "x", "a", when="days in stage >= 1", then=TOO_LARGE),
        fields={"start": "x", "big": HUGE},
    )
    orchestrator.tick(T + 2 * DAY)
    orchestrator.tick(T + 3 * DAY)
    assert list(orchestrator.parked) == ["p"]
    assert (person.stage, person.clock) == ("x", T)
    person.big = 1.0  # type: ignore[attr-defined]
    (decision,) = orchestrator.retry(T + 4 * DAY)
    assert (decision.stage, decision.now) == ("a", T + DAY)
    assert not orchestrator.parked
