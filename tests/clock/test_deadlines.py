"""What time misses: deadlines, each once a visit at its instant, which move nobody [S20][S21]."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from lifecycle_fsm import Activity, Decision, Person
from lifecycle_fsm.model import AlertRule, Calendar, Deadline
from lifecycle_fsm.orchestrator import Orchestrator
from tests.clock.due import MICRO, instants, told
from tests.machine.small import DAY, HOUR, T, act, admitted, move, running, slots, small

# ------------------------------------------------------------------ deadlines


def promised(*deadlines: Deadline, **more: Any) -> tuple[Orchestrator, Person]:
    """Somebody in ``b`` since T + 1 hour, who can be accepted, given back, and come again."""
    orchestrator, person = running(
        move("go", "a", "b", on="go"),
        move("accept", "b", "c", on="accept"),
        move("off", ("a", "b", "c"), "x", on="off"),
        move("again", "x", "b", on="again"),
        deadlines=deadlines,
        **more,
    )
    orchestrator.apply(act("go", "go", T + HOUR))
    return orchestrator, person


ENTERED = T + HOUR
SLOW = Deadline(
    name="slow",
    stage="b",
    after=4 * HOUR,
    send="task",
    to=("owner", "'desk'"),
    text="{id} waits since {stage_entered_at}",
    include=("level", "stage"),
)


def test_s21_a_miss_is_told_at_its_instant_and_moves_nobody() -> None:
    orchestrator, person = promised(SLOW)
    before = person.history
    assert orchestrator.tick(ENTERED + 4 * HOUR - MICRO) == []
    (decision,) = orchestrator.tick(T + 40 * DAY)
    assert (decision.kind, decision.reason, decision.result) == ("deadline", "slow", "unchanged")
    assert (decision.now, decision.rows, decision.activity) == (ENTERED + 4 * HOUR, (), None)
    (request,) = decision.requests
    assert (request.rule, request.channel, request.to, request.state) == (
        "slow",
        "task",
        "desk",
        "sent",
    )
    assert (request.at, request.due_at) == (ENTERED + 4 * HOUR, ENTERED + 4 * HOUR)
    assert (request.stage, request.activity, request.person) == ("b", None, "p")
    assert request.id == "p/slow/2024-05-01T14:00:00.000000Z"
    assert request.text == "p waits since 2024-05-01 10:00 UTC"
    assert request.data == {"level": 0, "stage": "b"}
    assert (person.stage, person.history) == ("b", before)


@pytest.mark.parametrize(
    ("at", "missed"),
    [(-MICRO, False), (timedelta(0), False), (MICRO, True)],
    ids=["just before", "exactly", "just after"],
)
@pytest.mark.parametrize("trigger", ["accept", "off"])
def test_s20_to_leave_exactly_at_the_deadline_is_in_time(
    at: timedelta, missed: bool, trigger: str
) -> None:
    orchestrator, person = promised(SLOW)
    seen: list[Decision] = []
    orchestrator._record = seen.append
    orchestrator.apply(act("1", trigger, ENTERED + 4 * HOUR + at))
    orchestrator.tick(T + 40 * DAY)
    assert bool(instants(seen, "deadline")) is missed
    assert person.stage in ("c", "x")
    assert person.history[-1].late is False


def test_s20_of_several_activities_at_the_deadline_any_may_be_the_one() -> None:
    orchestrator, _ = promised(SLOW)
    orchestrator.apply(act("1", "web_visit", ENTERED + 4 * HOUR))
    orchestrator.apply(act("2", "accept", ENTERED + 4 * HOUR))
    assert orchestrator.tick(T + 40 * DAY) == []


def test_s19_to_leave_at_the_deadline_behind_a_tick_is_late() -> None:
    orchestrator, person = promised(SLOW)
    assert len(orchestrator.tick(ENTERED + 4 * HOUR)) == 1
    assert orchestrator.apply(act("1", "accept", ENTERED + 4 * HOUR)).late
    assert person.stage == "c"


def test_s21_once_a_visit_and_after_a_return_anew() -> None:
    orchestrator, person = promised(SLOW)
    again = ENTERED + 20 * DAY
    first = orchestrator.tick(ENTERED + 10 * DAY)
    orchestrator.apply(act("1", "off", ENTERED + 11 * DAY))
    assert orchestrator.tick(again) == []
    orchestrator.apply(act("2", "again", again))
    second = orchestrator.tick(again + 90 * DAY)
    assert instants([*first, *second], "deadline") == [ENTERED + 4 * HOUR, again + 4 * HOUR]
    assert len({one.requests[0].id for one in (*first, *second)}) == 2
    assert person.journey == 2


def test_s21_a_visit_that_ended_in_time_owes_nothing_later() -> None:
    orchestrator, _ = promised(SLOW)
    orchestrator.apply(act("1", "off", ENTERED + HOUR))
    orchestrator.apply(act("2", "again", ENTERED + 3 * HOUR))
    assert instants(orchestrator.tick(T + 9 * DAY), "deadline") == [ENTERED + 7 * HOUR]


def test_s21_the_instant_is_fixed_at_entry() -> None:
    """Whatever happens to the person while it runs."""
    orchestrator, person = promised(SLOW)
    orchestrator.apply(act("1", "changed", ENTERED + HOUR, owner="ada", level=3))
    orchestrator.apply(act("2", "off", ENTERED + HOUR))
    orchestrator.apply(act("3", "web_visit", ENTERED + 2 * HOUR))
    assert person.stage == "x"
    orchestrator, person = promised(SLOW)
    for number in range(3):
        orchestrator.apply(act(str(number), "web_visit", ENTERED + (number + 1) * HOUR))
    (decision,) = orchestrator.tick(T + 9 * DAY)
    assert decision.now == ENTERED + 4 * HOUR


@pytest.mark.parametrize(
    ("level", "at", "missed"),
    [(1, 2 * HOUR, True), (1, 4 * HOUR, True), (1, 5 * HOUR, False), (0, HOUR, False)],
    ids=["before", "at that instant", "after", "not at all"],
)
def test_s21_the_condition_is_asked_when_it_is_due(level: int, at: timedelta, missed: bool) -> None:
    rule = Deadline(name="slow", stage="b", after=4 * HOUR, when="level == 1")
    orchestrator, _ = promised(rule)
    seen: list[Decision] = []
    orchestrator._record = seen.append
    orchestrator.apply(act("1", "changed", ENTERED + at, level=level))
    orchestrator.tick(T + 9 * DAY)
    assert bool(instants(seen, "deadline")) is missed


def test_s21_without_a_way_to_tell_it_a_miss_is_recorded_only() -> None:
    orchestrator, _ = promised(Deadline(name="slow", stage="b", after=4 * HOUR))
    (decision,) = orchestrator.tick(T + DAY)
    assert (decision.kind, decision.reason, decision.requests) == ("deadline", "slow", ())


def test_s21_an_escalation_counts_from_when_the_one_before_was_due() -> None:
    chain = (
        Deadline(name="third", stage="b", after=DAY, escalates="second"),
        Deadline(name="first", stage="b", after=4 * HOUR),
        Deadline(name="second", stage="b", after=2 * HOUR, escalates="first"),
    )
    orchestrator, _ = promised(*chain)
    assert told(orchestrator.tick(T + 9 * DAY), "deadline") == [
        ("first", ENTERED + 4 * HOUR),
        ("second", ENTERED + 6 * HOUR),
        ("third", ENTERED + 30 * HOUR),
    ]


@pytest.mark.parametrize(
    ("left", "misses"),
    [
        (4 * HOUR, []),
        (5 * HOUR, ["first"]),
        (6 * HOUR, ["first"]),
        (7 * HOUR, ["first", "second"]),
    ],
)
def test_s21_who_leaves_ends_the_escalation(left: timedelta, misses: list[str]) -> None:
    chain = (
        Deadline(name="first", stage="b", after=4 * HOUR),
        Deadline(name="second", stage="b", after=2 * HOUR, escalates="first"),
    )
    orchestrator, _ = promised(*chain)
    seen: list[Decision] = []
    orchestrator._record = seen.append
    orchestrator.apply(act("1", "accept", ENTERED + left))
    orchestrator.tick(T + 9 * DAY)
    assert [one.reason for one in seen if one.kind == "deadline"] == misses


def test_s21_an_escalation_asks_its_own_condition_whatever_the_first_said() -> None:
    chain = (
        Deadline(name="first", stage="b", after=4 * HOUR, when="level == 1"),
        Deadline(name="second", stage="b", after=2 * HOUR, escalates="first"),
    )
    orchestrator, _ = promised(*chain)
    assert told(orchestrator.tick(T + 9 * DAY), "deadline") == [("second", ENTERED + 6 * HOUR)]


def test_s21_deadlines_of_one_instant_come_as_declared() -> None:
    orchestrator, _ = promised(
        Deadline(name="zeta", stage="b", after=4 * HOUR),
        Deadline(name="alpha", stage="b", after=4 * HOUR),
    )
    assert told(orchestrator.tick(T + DAY), "deadline") == [
        ("zeta", ENTERED + 4 * HOUR),
        ("alpha", ENTERED + 4 * HOUR),
    ]


def test_s20_a_deadline_in_the_past_keeps_its_instant() -> None:
    """Months later somebody does something: what was missed was missed then."""
    orchestrator, _ = promised(SLOW)
    seen: list[Decision] = []
    orchestrator._record = seen.append
    orchestrator.apply(act("1", "web_visit", T + 90 * DAY))
    assert [(one.kind, one.now) for one in seen] == [
        ("deadline", ENTERED + 4 * HOUR),
        ("web_visit", T + 90 * DAY),
    ]


def test_s21_a_miss_that_links_to_the_crm_waits_for_it() -> None:
    rule = Deadline(
        name="slow", stage="b", after=4 * HOUR, send="task", to="'desk'", links_to_crm=True
    )
    orchestrator, _ = promised(rule)
    (decision,) = orchestrator.tick(T + DAY)
    assert [one.state for one in decision.requests] == ["held"]
    synced = orchestrator.apply(act("1", "crm_synced", T + 2 * DAY))
    assert [(one.id, one.state, one.due_at) for one in synced.requests] == [
        (decision.requests[0].id, "released", ENTERED + 4 * HOUR)
    ]


def test_s12_a_stage_that_was_only_passed_through_owes_nothing() -> None:
    orchestrator, person = promised(
        Deadline(name="slow", stage="c", after=HOUR), Deadline(name="slower", stage="b", after=HOUR)
    )
    orchestrator = Orchestrator(
        small(
            move("one", "a", "b", when="ready"),
            move("two", "b", "c", when="ready"),
            deadlines=orchestrator.model.deadlines,
        )
    )
    person = admitted(orchestrator, ready=True)
    assert person.stage == "c"
    assert [name for name, _ in told(orchestrator.tick(T + DAY), "deadline")] == ["slow"]


def test_s21_an_alert_is_due_by_the_deadline_of_its_stage() -> None:
    orchestrator, _ = promised(
        SLOW,
        alerts=(
            AlertRule(name="call", entering="b", send="task", to="'desk'", deadline="slow"),
            AlertRule(name="asks", on="web_visit", send="task", to="'desk'", deadline="slow"),
        ),
    )
    seen: list[Decision] = []
    orchestrator._record = seen.append
    again = act("x", "off", ENTERED + HOUR), act("y", "again", ENTERED + 2 * HOUR)
    for activity in (*again, act("1", "web_visit", ENTERED + 3 * HOUR)):
        orchestrator.apply(activity)
    orchestrator.apply(act("2", "web_visit", ENTERED + DAY))  # it has passed: no instant to name
    assert [(one.rule, one.due_at) for all_ in seen for one in all_.requests] == [
        ("call", ENTERED + 6 * HOUR),
        ("asks", ENTERED + 6 * HOUR),
        ("slow", ENTERED + 6 * HOUR),
        ("asks", None),
    ]


def test_s21_an_alert_names_no_deadline_that_has_passed_though_others_still_run() -> None:
    orchestrator, _ = promised(
        Deadline(name="slow", stage="b", after=4 * HOUR),
        Deadline(name="slower", stage="b", after=DAY),
        alerts=(
            AlertRule(name="one", on="web_visit", send="task", to="'desk'", deadline="slow"),
            AlertRule(name="two", on="web_visit", send="task", to="'desk'", deadline="slower"),
        ),
    )
    for number, hours, expected in (
        (1, 4, [ENTERED + 4 * HOUR, ENTERED + DAY]),  # it is due at this very instant
        (2, 5, [None, ENTERED + DAY]),
        (3, 25, [None, None]),
    ):
        decision = orchestrator.apply(act(str(number), "web_visit", ENTERED + hours * HOUR))
        assert [one.due_at for one in decision.requests] == expected


# ------------------------------------------------------------------ working calendars


OFFICE = Calendar(name="office", zone="Europe/Berlin", hours="09:00-17:00", closed=("2024-05-09",))


#: When the stage is entered, how long it may last, and when it is due.
CALENDARS: dict[str, tuple[str, timedelta | str, str, str]] = {
    "within a day": ("2024-05-06T10:00+02:00", 4 * HOUR, "office", "2024-05-06T14:00+02:00"),
    "into the next day": ("2024-05-06T15:00+02:00", 4 * HOUR, "office", "2024-05-07T11:00+02:00"),
    "over a weekend": ("2024-05-10T16:00+02:00", 2 * HOUR, "office", "2024-05-13T10:00+02:00"),
    "entered at night": ("2024-05-06T03:00+02:00", HOUR, "office", "2024-05-06T10:00+02:00"),
    "over a closed day": ("2024-05-08T16:00+02:00", 2 * HOUR, "office", "2024-05-10T10:00+02:00"),
    "hours over clocks put forward": (
        "2024-03-29T16:00+01:00",
        4 * HOUR,
        "office",
        "2024-04-01T12:00+02:00",
    ),
    "a day over clocks put forward": (
        "2024-03-29T15:00+01:00",
        "1 day",
        "office",
        "2024-04-01T15:00+02:00",
    ),
    "a day over clocks put back": (
        "2024-10-25T15:00+02:00",
        "1 day",
        "office",
        "2024-10-28T15:00+01:00",
    ),
    "24 hours are open time": (
        "2024-05-06T10:00+02:00",
        "24 hours",
        "office",
        "2024-05-10T10:00+02:00",
    ),
    "a timedelta is open time": ("2024-05-06T10:00+02:00", DAY, "office", "2024-05-10T10:00+02:00"),
    "a week is one on the wall": (
        "2024-05-06T10:00+02:00",
        "1 week",
        "office",
        "2024-05-13T10:00+02:00",
    ),
    "a week to a closed day": (
        "2024-05-02T10:00+02:00",
        "1 week",
        "office",
        "2024-05-10T09:00+02:00",
    ),
    "round the clock over clocks put forward": (
        "2024-03-30T15:00+01:00",
        "1 day",
        "",
        "2024-03-31T16:00+02:00",
    ),
}


@pytest.mark.parametrize(
    ("entered", "after", "calendar", "due"), CALENDARS.values(), ids=CALENDARS.keys()
)
def test_s21_a_deadline_counts_the_time_of_its_calendar(
    entered: str, after: timedelta | str, calendar: str, due: str
) -> None:
    at, instant = datetime.fromisoformat(entered), datetime.fromisoformat(due)
    rule = Deadline(name="slow", stage="b", after=after, calendar=calendar)
    model = small(
        move("go", "a", "b", on="go"),
        move("accept", "b", "c", on="accept"),
        deadlines=(rule,),
        calendars=(OFFICE,),
    )
    for leaves, missed in ((instant, []), (instant + MICRO, [instant])):
        seen: list[Decision] = []
        orchestrator = Orchestrator(model, record=seen.append)
        orchestrator.apply(Activity("created", "p", "created", at - 60 * DAY))
        orchestrator.process("p", at - 60 * DAY)
        orchestrator.apply(act("1", "go", at))
        orchestrator.apply(act("2", "accept", leaves))
        assert instants(seen, "deadline") == missed
        assert orchestrator.people["p"].stage == "c"


def test_s21_an_escalation_counts_in_its_own_calendar() -> None:
    orchestrator, _ = promised(
        Deadline(name="first", stage="b", after=4 * HOUR, calendar="office"),
        Deadline(name="second", stage="b", after=4 * HOUR, escalates="first"),
        Deadline(name="third", stage="b", after="1 day", calendar="office", escalates="second"),
        calendars=(OFFICE,),
    )
    # 1 May 2024, 12:00 in Berlin; four hours later is 16:00, and again 20:00.
    assert told(orchestrator.tick(T + 9 * DAY), "deadline") == [
        ("first", datetime.fromisoformat("2024-05-01T16:00+02:00")),
        ("second", datetime.fromisoformat("2024-05-01T20:00+02:00")),
        ("third", datetime.fromisoformat("2024-05-03T09:00+02:00")),
    ]


# ------------------------------------------------------------------ errors


def test_s11_a_calendar_that_never_opens_parks_the_activity_that_needs_it() -> None:
    """It builds, because nobody can tell from its hours: years of closed days."""
    days = tuple(f"{T.date() + n * DAY}" for n in range(4 * 366))
    orchestrator, person = running(
        move("go", "a", "b", on="go"),
        deadlines=(Deadline(name="slow", stage="b", after=HOUR, calendar="shut"),),
        calendars=(Calendar(name="shut", closed=days),),
    )
    before = slots(person)
    decision = orchestrator.apply(act("1", "go", T + HOUR))
    assert (decision.result, person.stage) == ("parked", "a")
    assert slots(person) == before
