"""What time misses: deadlines, each once a visit at its instant, which move nobody [S20][S21]."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from lifecycle_fsm import Activity, Decision, Person
from lifecycle_fsm.model import AlertRule, AssignmentRule, Calendar, Deadline
from lifecycle_fsm.orchestrator import Orchestrator
from tests.clock.due import MICRO, instants, told
from tests.machine.small import DAY, HOUR, MINUTE, T, act, admitted, move, running, slots, small

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


# ------------------------------------------------------------------ what became of them


DUE = ENTERED + 4 * HOUR
#: The condition of the deadline, what happens to somebody in ``b``, and what became of it when.
FACTS: dict[str, tuple[str, list[Activity], tuple[str, datetime, bool] | None]] = {
    "nobody came": ("always", [], ("missed", DUE, False)),
    "left in time": (
        "always",
        [act("1", "accept", ENTERED + HOUR)],
        ("kept", ENTERED + HOUR, False),
    ),
    "left for a detour": (
        "always",
        [act("1", "off", ENTERED + HOUR)],
        ("kept", ENTERED + HOUR, False),
    ),
    "left at the very instant": ("always", [act("1", "accept", DUE)], ("kept", DUE, False)),
    "left too late": ("always", [act("1", "accept", DUE + MICRO)], ("missed", DUE, False)),
    "the condition never held": ("ready", [], ("void", DUE, False)),
    "left, and it never held": (
        "ready",
        [act("1", "accept", ENTERED + HOUR)],
        ("void", ENTERED + HOUR, False),
    ),
    "it held for a while": (
        "ready",
        [
            act("1", "changed", ENTERED + HOUR, ready=True),
            act("2", "changed", ENTERED + 2 * HOUR, ready=False),
        ],
        ("kept", DUE, False),
    ),
    "it holds at last": (
        "ready",
        [act("1", "changed", DUE, ready=True)],
        ("missed", DUE, False),
    ),
    "it held only behind the instant": (
        "ready",
        [act("1", "changed", DUE + MICRO, ready=True)],
        ("void", DUE, False),
    ),
    "left while it held": (
        "ready",
        [
            act("1", "changed", ENTERED + HOUR, ready=True),
            act("2", "accept", ENTERED + 2 * HOUR),
        ],
        ("kept", ENTERED + 2 * HOUR, False),
    ),
    "it ceased to hold by time": ("hours in stage < 3", [], ("kept", DUE, False)),
    "it began to hold by time": ("hours in stage >= 3", [], ("missed", DUE, False)),
    "it began to hold at the very instant": (
        "hours in stage >= 4",
        [],
        ("missed", DUE, False),
    ),
    "left before it began to hold by time": (
        "hours in stage >= 3",
        [act("1", "accept", ENTERED + 2 * HOUR)],
        ("void", ENTERED + 2 * HOUR, False),
    ),
    "left after it began to hold by time": (
        "hours in stage >= 2",
        [act("1", "accept", ENTERED + 3 * HOUR)],
        ("kept", ENTERED + 3 * HOUR, False),
    ),
    "it held for a while by time alone": (
        "hours in stage == 2",
        [],
        ("kept", DUE, False),
    ),
    "late, and in time by its own clock": (
        "always",
        [act("1", "web_visit", ENTERED + DAY), act("2", "accept", DUE)],
        ("kept", ENTERED + DAY, True),
    ),
    "late, and too late by its own clock": (
        "always",
        [act("1", "web_visit", ENTERED + DAY), act("2", "accept", DUE + MICRO)],
        ("missed", DUE, False),
    ),
    "late, and its condition ceased to hold in time": (
        "not ready",
        [
            act("1", "web_visit", ENTERED + DAY),
            act("2", "changed", ENTERED + HOUR, ready=True),
        ],
        ("kept", ENTERED + DAY, True),
    ),
    "late, and it decides nothing": (
        "not ready",
        [act("1", "web_visit", ENTERED + DAY), act("2", "changed", ENTERED + HOUR, level=1)],
        ("missed", DUE, False),
    ),
    "late, and its condition held until it was too late": (
        "not ready",
        [
            act("1", "changed", ENTERED + DAY, ready=True),
            act("2", "accept", ENTERED + HOUR),
        ],
        ("kept", ENTERED + DAY, True),
    ),
    "late, and its condition, which ceased to hold too late, holds no more": (
        "not ready",
        [
            act("1", "changed", ENTERED + DAY, ready=True),
            act("2", "changed", ENTERED + HOUR, level=1),
        ],
        ("missed", DUE, False),
    ),
    "late, behind the end of the visit": (
        "always",
        [
            act("1", "accept", ENTERED + DAY),
            act("2", "off", ENTERED + HOUR),
        ],
        ("missed", DUE, False),
    ),
    "nothing that comes late makes a void one kept": (
        "ready",
        [act("1", "web_visit", ENTERED + DAY), act("2", "accept", ENTERED + HOUR)],
        ("void", DUE, False),
    ),
}


def facts(person: Person) -> list[tuple[str, str, datetime, bool]]:
    return [(one.rule, one.outcome, one.decided_at, one.late) for one in person.deadlines]


@pytest.mark.parametrize("often", [False, True], ids=["nobody looks", "somebody looks"])
@pytest.mark.parametrize(("when", "log", "fact"), FACTS.values(), ids=FACTS.keys())
def test_s21_what_became_of_a_deadline(
    when: str, log: list[Activity], fact: tuple[str, datetime, bool], often: bool
) -> None:
    orchestrator, person = promised(Deadline(name="slow", stage="b", after="4 hours", when=when))
    clock = ENTERED
    for activity in log:
        # Ticks up to what comes next: they must not decide anything.
        for minutes in range(0, 5 * 60, 20) if often else ():
            if clock + minutes * MINUTE < activity.at:
                orchestrator.tick(clock + minutes * MINUTE)
        orchestrator.apply(activity)
        clock = max(clock, activity.at)
    orchestrator.tick(T + 9 * DAY)
    orchestrator.tick(T + 10 * DAY)
    assert facts(person) == [("slow", *fact)]
    (known,) = person.deadlines
    assert (known.person, known.stage, known.entered_at, known.due_at) == ("p", "b", ENTERED, DUE)
    assert known.visit == next(row.visit for row in person.history if row.to_stage == "b")


def test_s21_nothing_is_decided_while_it_can_still_be_kept() -> None:
    orchestrator, person = promised(SLOW)
    orchestrator.tick(DUE - MICRO)
    assert person.deadlines == ()


def test_s21_a_time_move_at_the_instant_comes_too_late() -> None:
    """Deadlines come before moves [S20]."""
    orchestrator, person = running(
        move("on", "a", "b", when="days in stage >= 1"),
        deadlines=(Deadline(name="slow", stage="a", after="24 hours"),),
    )
    orchestrator.tick(T + DAY)
    assert (person.stage, facts(person)) == ("b", [("slow", "missed", T + DAY, False)])


def test_s21_each_visit_decides_anew_and_the_facts_stay() -> None:
    orchestrator, person = promised(SLOW)
    orchestrator.apply(act("1", "off", ENTERED + HOUR))
    orchestrator.apply(act("2", "again", ENTERED + DAY))
    orchestrator.tick(T + 9 * DAY)
    assert facts(person) == [
        ("slow", "kept", ENTERED + HOUR, False),
        ("slow", "missed", ENTERED + DAY + 4 * HOUR, False),
    ]
    assert [one.journey for one in person.deadlines] == [1, 2]
    assert len({one.visit for one in person.deadlines}) == 2


def test_s21_a_late_activity_speaks_of_the_present_visit_only() -> None:
    orchestrator, person = promised(SLOW)
    orchestrator.apply(act("1", "off", ENTERED + DAY))
    orchestrator.apply(act("2", "again", ENTERED + 2 * DAY))
    orchestrator.apply(act("3", "accept", ENTERED + HOUR))
    assert facts(person) == [
        ("slow", "missed", DUE, False),
        ("slow", "kept", ENTERED + 2 * DAY, False),
    ]


def test_s21_a_request_that_was_sent_stays_sent_when_the_miss_is_corrected() -> None:
    orchestrator, person = promised(SLOW)
    (missed,) = orchestrator.tick(ENTERED + DAY)
    decision = orchestrator.apply(act("1", "accept", ENTERED + HOUR))
    assert [one.state for one in missed.requests] == ["sent"]
    assert (decision.late, decision.requests) == (True, ())
    assert facts(person) == [("slow", "kept", DUE, True)]


CHAIN = (
    Deadline(name="first", stage="b", after=4 * HOUR),
    Deadline(name="second", stage="b", after=2 * HOUR, escalates="first"),
    Deadline(name="third", stage="b", after=DAY, escalates="second", when="ready"),
)


@pytest.mark.parametrize(
    ("leaves", "expected"),
    [
        (HOUR, ["kept", "kept", "void"]),
        (4 * HOUR, ["kept", "kept", "void"]),
        (5 * HOUR, ["missed", "kept", "void"]),
        (6 * HOUR + MINUTE, ["missed", "missed", "void"]),
        (9 * DAY, ["missed", "missed", "void"]),
    ],
)
def test_s21_each_deadline_of_an_escalation_has_a_fact_of_its_own(
    leaves: timedelta, expected: list[str]
) -> None:
    orchestrator, person = promised(*CHAIN)
    orchestrator.apply(act("1", "accept", ENTERED + leaves))
    assert {one.rule: one.outcome for one in person.deadlines} == dict(
        zip(["first", "second", "third"], expected, strict=True)
    )
    assert {one.rule: one.due_at - ENTERED for one in person.deadlines} == {
        "first": 4 * HOUR,
        "second": 6 * HOUR,
        "third": 30 * HOUR,
    }


def test_s21_a_late_activity_corrects_what_it_was_in_time_for() -> None:
    orchestrator, person = promised(*CHAIN)
    orchestrator.tick(ENTERED + DAY)
    orchestrator.apply(act("1", "accept", ENTERED + 5 * HOUR))
    assert {one.rule: (one.outcome, one.late) for one in person.deadlines} == {
        "first": ("missed", False),
        "second": ("kept", True),
        "third": ("void", False),
    }


@pytest.mark.parametrize(
    ("activities", "expected"),
    [
        ([], ("ada", "desk")),
        ([act("1", "owner_changed", ENTERED + HOUR, owner="bob")], ("bob", "desk")),
        ([act("1", "owner_changed", ENTERED + HOUR, owner="")], (None, "desk")),
        ([act("1", "owner_changed", DUE, owner="bob")], ("bob", "desk")),
        ([act("1", "owner_changed", DUE + HOUR, owner="bob")], ("ada", "desk")),
    ],
    ids=["nobody came", "another owner", "no owner", "at the very instant", "an owner behind it"],
)
def test_s21_a_miss_tells_who_was_responsible_when_it_was_due(
    activities: list[Activity], expected: tuple[str | None, str | None]
) -> None:
    rules = (AssignmentRule(name="desk", entering="b", to="'desk'"),)
    orchestrator, person = promised(SLOW, assignment=rules, fields={"owner": "ada"})
    for activity in activities:
        orchestrator.apply(activity)
    orchestrator.tick(T + 9 * DAY)
    assert [(one.owner, one.assigned_to) for one in person.deadlines] == [expected]


def test_s21_what_is_kept_is_kept_by_who_was_responsible_before_the_activity() -> None:
    """It changes the owner, it moves, and it has somebody else assigned."""
    orchestrator, person = running(
        move("go", "a", "b", on="go"),
        move("accept", "b", "c", when="owner == 'bob'"),
        deadlines=(SLOW,),
        assignment=(
            AssignmentRule(name="desk", entering="b", to="'desk'"),
            AssignmentRule(name="owner", entering="c", to="owner"),
        ),
        fields={"owner": "ada"},
    )
    orchestrator.apply(act("go", "go", T + HOUR))
    orchestrator.apply(act("1", "owner_changed", ENTERED + HOUR, owner="bob"))
    assert (person.stage, person.owner, person.assigned_to) == ("c", "bob", "bob")
    assert [(one.outcome, one.owner, one.assigned_to) for one in person.deadlines] == [
        ("kept", "ada", "desk")
    ]


def test_s21_a_correction_tells_who_was_responsible_before_the_late_activity() -> None:
    orchestrator, person = promised(SLOW, fields={"owner": "ada"})
    orchestrator.apply(act("1", "owner_changed", ENTERED + DAY, owner="bob"))
    orchestrator.apply(act("2", "accept", ENTERED + HOUR))
    assert [(one.owner, one.late) for one in person.deadlines] == [("bob", True)]


def test_s21_nobody_in_original_processing_has_a_deadline() -> None:
    orchestrator = Orchestrator(
        small(deadlines=(Deadline(name="slow", stage="a", after=HOUR),), settle=DAY)
    )
    orchestrator.apply(act("0", "created", T))
    orchestrator.tick(T + DAY)
    person = orchestrator.people["p"]
    assert (person.stage, person.deadlines) == ("a", ())
    orchestrator.tick(T + 2 * DAY)
    assert facts(person) == [("slow", "missed", T + DAY + HOUR, False)]


# ------------------------------------------------------------------ the unit


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1 day", "24 hours", False),
        ("7 days", "1 week", False),
        ("168 hours", "1 week", False),
        ("60 minutes", "1 hour", True),
        ("14 days", "14 days", True),
    ],
)
def test_s28_the_unit_of_a_deadline_is_part_of_the_version(
    one: str, other: str, same: bool
) -> None:
    versions = {
        small(
            move("go", "a", "b", on="go"),
            deadlines=(Deadline(name="slow", stage="b", after=after, calendar="office"),),
            calendars=(OFFICE,),
        ).version
        for after in (one, other)
    }
    assert (len(versions) == 1) is same


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
