"""Agreements kept and missed, from history and model alone [S20][S21]."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Decision, Lifecycle
from lifecycle_fsm.funnel import Kept, agreements, observe, overdue
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Calendar, Deadline, Model
from tests.funnel.made import (
    MODEL as WATERFALL,
)
from tests.funnel.made import (
    START,
    WINDOWS,
    day,
    days,
    histories,
    kept,
    merged,
    mixed,
    walk,
    window,
)
from tests.machine.small import move, small

HOUR = timedelta(hours=1)
MODEL = attrs.evolve(
    WATERFALL,
    calendars=[Calendar(name="office", zone="Europe/Berlin", hours="09:00-17:00")],
    assignment=(),
    alerts=(),
    deadlines=[
        # Written before the one that it counts from.
        Deadline(name="escalated", stage="mql", after=days(1), escalates="answered"),
        Deadline(name="answered", stage="mql", after=days(2)),
        Deadline(name="office", stage="sal", after=4 * HOUR, calendar="office"),
        Deadline(name="some", stage="sal", after=days(9), when="employees >= 50"),
    ],
)


def found(rows: list[HistoryRow], model: Model = MODEL, **how: Any) -> dict[str, Kept]:
    return {one.deadline: one for one in agreements(observe(rows, model, **how))}


def told(one: Kept) -> tuple[int, int, int, int]:
    return one.kept, one.late, one.waiting, one.overdue


def mql(person: str, since: float, left: float | None = None) -> list[HistoryRow]:
    return walk(
        person, ("processing", 0), ("mql", since), *([("sal", left)] if left is not None else [])
    )


def test_r34_visits_are_kept_late_waiting_or_overdue() -> None:
    rows = mixed(
        mql("in time", 0, 1),
        mql("at the very instant", 0, 2),
        mql("late", 0, 2.5),
        mql("later", 0, 4),
        mql("overdue", 6),
        mql("waiting", 9),
    )
    answered = found(rows, until=day(10))["answered"]
    assert told(answered) == (2, 2, 1, 1)
    assert (answered.visits, answered.missed, answered.conditional) == (6, 3, False)
    assert (answered.ratio.part, answered.ratio.whole) == (2, 5)
    # One day more, from when that was due.
    assert told(found(rows, until=day(10))["escalated"]) == (3, 1, 1, 1)
    assert found(rows, until=day(10))["escalated"].median == days(2.5)


@pytest.mark.parametrize(("until", "expected"), [(8, (0, 0, 1, 0)), (8.001, (0, 0, 0, 1))])
def test_at_the_due_instant_there_is_still_time(
    until: float, expected: tuple[int, int, int, int]
) -> None:
    assert told(found(mql("a", 6), until=day(until))["answered"]) == expected


@pytest.mark.parametrize(
    ("how", "in_time"),
    [
        ({}, True),
        # Whoever asks a machine of their own need not name the activity.
        ({"activity": None, "trigger": "sales_accepted"}, True),
        ({"activity": None, "trigger": None}, False),
        ({"late": True}, False),
    ],
    ids=["activity", "trigger", "time", "late"],
)
def test_s20_at_the_due_instant_activities_come_before_the_deadline_and_moves_of_time_behind(
    how: dict[str, Any], in_time: bool
) -> None:
    for left, good in ((1.999, True), (2, in_time), (2.001, False)):
        rows = mql("a", 0, left)
        rows[-1] = attrs.evolve(rows[-1], **how)
        assert told(found(rows)["answered"]) == (int(good), int(not good), 0, 0)


def test_hours_are_those_of_the_calendar_in_its_zone() -> None:
    def sal(person: str, since: datetime, left: datetime) -> list[HistoryRow]:
        at = [(one - START) / days(1) for one in (since, left)]
        return walk(person, ("processing", 0), ("mql", 0), ("sal", at[0]), ("sql", at[1]))

    def utc(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    # On Friday at 15:00 in Berlin; four hours of work are over on Monday at 11:00.
    friday = utc("2024-01-12 14:00")
    rows = mixed(
        sal("kept", friday, utc("2024-01-15 10:00")), sal("late", friday, utc("2024-01-15 10:01"))
    )
    assert told(found(rows)["office"]) == (1, 1, 0, 0)


def test_a_condition_is_told_as_history_cannot_answer_it() -> None:
    assert found(mql("a", 0, 1))["some"].conditional
    assert found(mql("a", 0, 1))["some"].visits == 1


def test_the_window_is_that_of_the_entry() -> None:
    rows = mixed(mql("a", 0, 1), mql("b", 5, 9), mql("c", 7))
    assert told(found(rows, window=(day(5), day(7)))["answered"]) == (0, 1, 0, 0)
    assert found(rows, window=(day(50), None))["answered"].ratio.share is None


def test_a_merge_that_leaves_somebody_where_they_are_starts_nothing_anew() -> None:
    rows = merged(mql("a", 0), "mql", 1.5)
    assert told(found(rows, until=day(3))["answered"]) == (0, 0, 0, 1)
    # Folded into somebody else in time: nobody waits any more.
    assert told(found(merged(mql("a", 0), "", 1.5), until=day(3))["answered"]) == (1, 0, 0, 0)


def test_r34_who_is_overdue_the_longest_first() -> None:
    rows = mixed(mql("b", 1), mql("a", 2), mql("left", 0, 3))
    late = overdue(observe(rows, MODEL, until=day(4.5)))
    assert [(one.person, one.deadline, one.due) for one in late if one.stage == "mql"] == [
        ("b", "answered", day(3)),
        ("a", "answered", day(4)),
        ("b", "escalated", day(4)),
    ]
    assert (late[0].stage, late[0].since, late[0].owner) == ("mql", day(1), None)


def test_groups_have_their_own() -> None:
    rows = mixed(
        walk("a", ("processing", 0), ("mql", 0, kept(country="DE")), ("sal", 1)),
        walk("b", ("processing", 0), ("mql", 0, kept(country="US")), ("sal", 9)),
    )
    found = agreements(observe(rows, MODEL, by="country"))
    assert {one.group: told(one) for one in found if one.deadline == "answered"} == {
        "DE": (1, 0, 0, 0),
        "US": (0, 1, 0, 0),
    }


def test_a_model_without_deadlines_has_none() -> None:
    model = attrs.evolve(MODEL, deadlines=())
    scope = observe(mql("a", 0), model)
    assert not agreements(scope)
    assert not overdue(scope)


# ------------------------------------------------------------------ what the machine says

#: Days, so that much happens at one instant; the moves of time open exactly at deadlines.
RUNNING = small(
    move("answered", "a", "b", on="answer"),
    move("silent", "a", "x", when="days in stage >= 3"),
    move("once_more", "x", "a", when="days in stage >= 2"),
    move("bought", "b", "c", on="buy"),
    move("stale", "b", "y", when="days in stage >= 2"),
    deadlines=[
        Deadline(name="told", stage="a", after=days(1), escalates="slow"),
        Deadline(name="slow", stage="a", after=days(2)),
        Deadline(name="quick", stage="a", after=days(1)),
        Deadline(name="decided", stage="b", after=days(2)),
        Deadline(name="rested", stage="x", after=days(2)),
    ],
)
#: What happens on which day: activities, and ticks.
EVENTS = st.tuples(st.sampled_from(["answer", "buy", "web_visit", "tick"]), st.integers(0, 14))


#: Behind every due instant that matters, and none itself.
END = day(20.5)


def lived(events: list[tuple[str, int]]) -> tuple[Lifecycle, list[Decision]]:
    """A person to whom this happens, in this order, and what came of it."""
    decisions: list[Decision] = []
    lifecycle = Lifecycle(RUNNING, record=decisions.append)
    lifecycle.admit("p", at=START)
    for number, (kind, at) in enumerate(events):
        if kind == "tick":
            lifecycle.tick(day(at))
        else:
            lifecycle.apply("p", kind, at=day(at), id=str(number))
    lifecycle.tick(END)
    return lifecycle, decisions


def missed(lifecycle: Lifecycle, decisions: list[Decision]) -> tuple[Counter[str], Counter[str]]:
    """How often each deadline was missed: as recorded, and as measured."""
    recorded = Counter(one.reason for one in decisions if one.kind == "deadline")
    scope = observe(lifecycle.history, RUNNING, until=END)
    return recorded, Counter({one.deadline: one.missed for one in agreements(scope)})


def test_s20_who_is_moved_by_time_at_the_deadline_has_missed_it() -> None:
    lifecycle, decisions = lived([("answer", 1)])
    last = list(lifecycle.history)[-1]
    assert (last.rule, last.now, last.activity) == ("stale", day(3), None)
    assert [(one.reason, one.now) for one in decisions if one.kind == "deadline"] == [
        ("decided", day(3))
    ]
    scope = observe(lifecycle.history, RUNNING, until=END)
    kept = {one.deadline: told(one) for one in agreements(scope)}
    assert kept["decided"] == (0, 1, 0, 0)
    # Answered by an activity at the very instant.
    assert kept["quick"] == (1, 0, 0, 0)


def test_s20_who_comes_late_to_the_instant_of_the_deadline_has_missed_it() -> None:
    lifecycle, decisions = lived([("tick", 1), ("answer", 0)])
    assert next(row for row in lifecycle.history if row.rule == "answered").now == day(1)
    recorded, measured = missed(lifecycle, decisions)
    assert recorded == measured
    assert measured["quick"] == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS, max_size=8))
def test_s20_the_measure_agrees_with_what_was_recorded(events: list[tuple[str, int]]) -> None:
    lifecycle, decisions = lived(sorted(events, key=lambda one: one[1]))
    recorded, measured = missed(lifecycle, decisions)
    assert recorded == measured


@settings(max_examples=300, deadline=None)
@given(st.lists(EVENTS, max_size=8))
def test_s20_the_measure_agrees_where_things_come_late(events: list[tuple[str, int]]) -> None:
    lifecycle, decisions = lived(events)
    recorded, measured = missed(lifecycle, decisions)
    # Where the clock stands at a due instant because of an activity, an older one that comes late
    # is still before the deadline. Its row is the same as behind it: it counts as missed.
    instants = {one.now for one in decisions if one.activity is not None and not one.late}
    doubtful = [row for row in lifecycle.history if row.at < row.now and row.now in instants]
    if doubtful:
        assert recorded <= measured
    else:
        assert recorded == measured


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from(WINDOWS), st.integers(0, 120))
def test_every_visit_is_one_of_the_four(
    rows: list[HistoryRow], of: tuple[float | None, float | None], until: int
) -> None:
    scope = observe(rows, MODEL, window=window(of), until=day(until))
    late = overdue(scope)
    for one in agreements(scope):
        assert one.visits == sum(told(one))
        assert one.overdue == sum(each.deadline == one.deadline for each in late)
        assert one.visits == sum(visit.stage == one.stage for visit in scope.cohort())
