"""Time that passed is in the log where it changed somebody, and leaves no trace where not [S19]."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from lifecycle_fsm import Activity, Lifecycle, Model
from lifecycle_fsm.model import Deadline
from tests.clock.due import MICRO, fading
from tests.machine.small import DAY, HOUR, T, act, move, small

#: What is due two days after T: the parts of a model, the fields, and the activities before it.
DUE = T + 2 * DAY
Case = tuple[tuple[Any, ...], dict[str, Any], dict[str, Any], tuple[Activity, ...]]
CHANGES: dict[str, Case] = {
    "a field": ((), {"decay": (fading(2 * DAY),)}, {}, ()),
    "a row": ((move("slow", "a", "b", when="days in stage >= 2"),), {}, {}, ()),
    "a deadline that is missed": (
        (),
        {"deadlines": (Deadline(name="late", stage="a", after="48 hours"),)},
        {},
        (),
    ),
    "a deadline that is void": (
        (),
        {"deadlines": (Deadline(name="late", stage="a", after="2 days", when="ready"),)},
        {},
        (),
    ),
    "a condition that has held": (
        (),
        {
            "deadlines": (
                Deadline(name="late", stage="a", after="9 days", when="days in stage == 2"),
            )
        },
        {},
        (),
    ),
    "a return that has been closed": (
        (
            move("off", "a", "x", on="off"),
            move("back", "x", "a", when="ready or days since created_at < 2"),
        ),
        {},
        {},
        (act("1", "off", T + HOUR),),
    ),
}
NOTHING: dict[str, Case] = {
    "a score that is zero": (
        (),
        {"decay": (fading(2 * DAY, then={"level": "max(level - 1, 0)"}),)},
        {},
        (),
    ),
    "decay whose condition does not hold": (
        (),
        {"decay": (fading(2 * DAY, when="ready or days since created_at > 90"),)},
        {},
        (),
    ),
    "a time term that opens nothing": (
        (move("slow", "a", "b", when="days in stage >= 2 and ready"),),
        {},
        {},
        (),
    ),
    "a condition that turns and does not hold": (
        (),
        {
            "deadlines": (
                Deadline(
                    name="late", stage="a", after="9 days", when="days in stage >= 2 and ready"
                ),
            )
        },
        {},
        (),
    ),
    "a condition that has held before": (
        (),
        {
            "deadlines": (
                Deadline(name="late", stage="a", after="9 days", when="days in stage < 2"),
            )
        },
        {},
        (),
    ),
    "a return that goes on to hold": (
        (
            move("off", "a", "x", on="off"),
            move("back", "x", "a", when="ready or days since created_at < 2"),
        ),
        {},
        {"ready": True},
        (act("1", "off", T + HOUR),),
    ),
    "a deadline that was left": (
        (move("go", "a", "b", on="go"),),
        {"deadlines": (Deadline(name="late", stage="a", after="2 days"),)},
        {},
        (act("1", "go", T + HOUR),),
    ),
}


def lived(case: Case) -> tuple[Lifecycle, list[Activity]]:
    moves, parts, fields, activities = case
    log: list[Activity] = []
    lifecycle = Lifecycle(small(*moves, **parts), log=log.append)
    lifecycle.admit("p", at=T, **fields)
    for activity in activities:
        lifecycle.apply(activity)
    return lifecycle, log


@pytest.mark.parametrize("case", CHANGES.values(), ids=CHANGES.keys())
def test_s19_an_instant_that_changes_something_is_logged_once_and_moves_the_clock(
    case: Case,
) -> None:
    lifecycle, log = lived(case)
    known = len(log)
    lifecycle.tick(DUE - MICRO)
    assert len(log) == known
    for _ in range(3):
        lifecycle.tick(DUE + HOUR)
    (passed,) = log[known:]
    assert (passed.kind, passed.at, passed.person) == ("time_passed", DUE, "p")
    assert passed.id == "time_passed:2024-05-03T09:00:00.000000Z"
    assert lifecycle.person("p").clock == DUE
    # What is due comes behind the activities of its instant: another one there is late now.
    assert lifecycle.apply("p", "web_visit", at=DUE).late


@pytest.mark.parametrize("case", NOTHING.values(), ids=NOTHING.keys())
def test_s19_an_instant_that_changes_nothing_leaves_the_clock(case: Case) -> None:
    lifecycle, log = lived(case)
    known, clock = len(log), lifecycle.person("p").clock
    assert lifecycle.tick(DUE + HOUR) == []
    assert lifecycle.person("p").clock == clock
    assert len(log) == known
    decision = lifecycle.apply("p", "web_visit", at=DUE - HOUR)
    assert (decision.late, decision.now) == (False, DUE - HOUR)


@pytest.mark.parametrize("case", CHANGES.values(), ids=CHANGES.keys())
def test_s19_the_log_replays_to_the_same_without_a_tick(case: Case) -> None:
    live, log = lived(case)
    live.tick(DUE + HOUR)
    live.apply("p", "web_visit", at=DUE - HOUR, id="late")
    again: list[Activity] = []
    other = Lifecycle(live.model, log=again.append)
    counts = other.replay(log)
    assert sum(counts.values()) == len(log)
    ours, theirs = live.person("p"), other.person("p")
    assert (theirs.history, theirs.deadlines, theirs.clock) == (
        ours.history,
        ours.deadlines,
        ours.clock,
    )
    assert again == log
    assert other.apply("p", "web_visit", at=DUE).late


def test_s19_all_of_one_instant_is_one_entry() -> None:
    lifecycle, log = lived(
        (
            (move("slow", "a", "b", when="days in stage >= 2"),),
            {
                "decay": (fading(2 * DAY), fading(DAY, name="other", when="level == -1")),
                "deadlines": (Deadline(name="late", stage="a", after="48 hours"),),
            },
            {},
            (),
        )
    )
    decisions = lifecycle.tick(DUE)
    assert [one.kind for one in decisions] == ["decay", "decay", "deadline", "time"]
    assert [one.kind for one in log] == ["created", "processed", "time_passed"]


MODEL = small(
    move("go", "a", "b", on="go"),
    move("slow", "a", "c", when="days in stage >= 5", skips="passed_over"),
    decay=(fading(2 * DAY),),
    settle=HOUR,
)


def test_s19_a_time_passed_says_that_time_passed_and_nothing_more() -> None:
    """Twice, where nothing is due, or far ahead: what is due by then happens, at its instants."""
    log: list[Activity] = []
    lifecycle = Lifecycle(MODEL, log=log.append)
    lifecycle.apply("p", "created", at=T)
    assert lifecycle.apply("p", "time_passed", at=T + MICRO).result == "unchanged"
    assert lifecycle.person("p").clock == T
    for _ in range(2):
        lifecycle.apply("p", "time_passed", at=T + 6 * DAY)
    assert [(one.kind, one.at - T) for one in log] == [
        ("created", timedelta(0)),
        ("processed", HOUR),
        ("time_passed", 2 * DAY),
        ("time_passed", 4 * DAY),
        ("time_passed", 5 * DAY + HOUR),
        ("time_passed", 6 * DAY),
    ]


def test_s19_a_time_passed_of_somebody_who_is_not_there_yet_waits_for_them() -> None:
    lifecycle = Lifecycle(MODEL)
    assert lifecycle.apply("p", "time_passed", at=T + 2 * DAY).result == "held"
    lifecycle.apply("p", "created", at=T)
    assert lifecycle.person("p").clock == T + 2 * DAY


@pytest.mark.parametrize("looks", [False, True], ids=["nobody looks", "somebody looks"])
def test_s14_the_sort_of_settle_comes_behind_the_activities_of_its_instant(looks: bool) -> None:
    log: list[Activity] = []
    lifecycle = Lifecycle(MODEL, log=log.append)
    lifecycle.apply("p", "created", at=T)
    if looks:
        lifecycle.tick(T + HOUR - MICRO)
    assert lifecycle.apply("p", "go", at=T + HOUR).result == "deferred"
    lifecycle.tick(T + HOUR)
    assert [one.id for one in log][2:] == ["processed:settled"]
    assert lifecycle.person("p").stage == "b"
    assert lifecycle.apply("p", "web_visit", at=T + HOUR).late


def replayed(model: Model, log: list[Activity], order: Any) -> Lifecycle:
    lifecycle = Lifecycle(model)
    lifecycle.replay(log, order)
    return lifecycle


def test_s19_arrival_is_live_and_event_is_a_rebuild() -> None:
    """A tick came before the acceptance: late as it came, in time as it happened."""
    log: list[Activity] = []
    live = Lifecycle(MODEL, log=log.append)
    live.admit("p", at=T)
    live.tick(T + 5 * DAY + HOUR)
    assert live.apply("p", "go", at=T + DAY, id="go").result == "no_such_move"
    assert replayed(MODEL, log, "arrival").person("p").stage == "c"
    rebuilt = replayed(MODEL, log, "event").person("p")
    assert (rebuilt.stage, rebuilt.history[-1].now, rebuilt.history[-1].late) == (
        "b",
        T + DAY,
        False,
    )


def instants(log: list[Activity]) -> list[datetime]:
    return [one.at for one in log if one.kind == "time_passed"]


def test_s19_a_rebuild_finds_out_anew_what_time_brings() -> None:
    log: list[Activity] = []
    Lifecycle(MODEL, log=log.append).replay(
        [
            Activity("0", "p", "created", T),
            Activity("go", "p", "go", T + 7 * DAY),
            Activity("hot", "p", "changed", T + DAY, {"created_at": T + DAY}),
        ],
        "event",
    )
    # Decay counts from what the late activity says; the move of time is where it was.
    assert instants(log) == [T + 3 * DAY, T + 5 * DAY, T + 5 * DAY + HOUR]
