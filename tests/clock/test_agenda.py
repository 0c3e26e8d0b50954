"""What time brings: decay, then missed deadlines, then moves, each at its instant [S20][S21]."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from lifecycle_fsm import Activity, Decision, Person, ScoreRule
from lifecycle_fsm.model import AlertRule, AssignmentRule, Calendar, Deadline, Decay
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

MICRO = timedelta(microseconds=1)


def fading(every: timedelta = DAY, name: str = "fading", **more: Any) -> Decay:
    given: dict[str, Any] = {"since": "created_at", "then": {"level": "level - 1"}, **more}
    return Decay(name=name, every=every, **given)


def told(decisions: list[Decision], kind: str = "decay") -> list[tuple[str, datetime]]:
    return [(one.reason, one.now) for one in decisions if one.kind == kind]


def instants(decisions: list[Decision], kind: str = "decay") -> list[datetime]:
    return [one.now for one in decisions if one.kind == kind]


# ------------------------------------------------------------------ decay: when


@pytest.mark.parametrize(
    ("every", "until", "expected"),
    [
        (DAY, T + DAY - MICRO, []),
        (DAY, T + DAY, [T + DAY]),
        (DAY, T + 3 * DAY + HOUR, [T + DAY, T + 2 * DAY, T + 3 * DAY]),
        (7 * HOUR, T + DAY, [T + 7 * HOUR, T + 14 * HOUR, T + 21 * HOUR]),
        (30 * DAY, T + 95 * DAY, [T + 30 * DAY, T + 60 * DAY, T + 90 * DAY]),
        (SECOND, T + 2 * SECOND, [T + SECOND, T + 2 * SECOND]),
    ],
)
def test_s20_decay_comes_at_declared_instants(
    every: timedelta, until: datetime, expected: list[datetime]
) -> None:
    orchestrator, person = running(decay=(fading(every),))
    decisions = orchestrator.tick(until)
    assert instants(decisions) == expected
    assert {one.result for one in decisions} <= {"unchanged"}
    assert person.level == -len(expected)  # type: ignore[attr-defined]
    assert orchestrator.tick(until) == []


def test_s20_each_instant_sees_what_the_one_before_left() -> None:
    orchestrator, _ = running(
        decay=(fading(then={"behavior_score": "behavior_score * 0.5"}),),
        fields={"behavior_score": 9},
    )
    decisions = orchestrator.tick(T + 9 * DAY)
    assert told(decisions) == [
        ("fading: behavior_score 9 -> 4", T + DAY),
        ("fading: behavior_score 4 -> 2", T + 2 * DAY),
        ("fading: behavior_score 2 -> 1", T + 3 * DAY),
        ("fading: behavior_score 1 -> 0", T + 4 * DAY),
    ]  # and what changes nothing is nothing to tell


def test_s20_decay_by_default_waits_anew_after_each_sign_of_interest() -> None:
    orchestrator, person = running(
        scoring=(ScoreRule(name="visit", on="web_visit", points=8),),
        decay=(
            Decay(name="silence", every=10 * DAY, then={"behavior_score": "behavior_score * 0.5"}),
        ),
    )
    assert orchestrator.tick(T + 30 * DAY) == []  # nothing has been shown that could fade
    orchestrator.apply(act("1", "web_visit", T + 31 * DAY))
    orchestrator.apply(act("2", "web_visit", T + 40 * DAY))
    orchestrator.apply(act("3", "email_clicked", T + 45 * DAY))  # gives no points
    assert told(orchestrator.tick(T + 70 * DAY)) == [
        ("silence: behavior_score 16 -> 8", T + 50 * DAY),
        ("silence: behavior_score 8 -> 4", T + 60 * DAY),
        ("silence: behavior_score 4 -> 2", T + 70 * DAY),
    ]
    assert person.scored_at == T + 40 * DAY


@pytest.mark.parametrize("shift", [-25 * DAY, 25 * DAY])
def test_s20_a_beginning_in_the_past_or_the_future(shift: timedelta) -> None:
    """Decay does not make up for what was before the person was here."""
    orchestrator, _ = running(
        decay=(fading(10 * DAY, since="hand_raised_at"),), fields={"hand_raised_at": T + shift}
    )
    first = T + 5 * DAY if shift < timedelta(0) else T + shift + 10 * DAY
    assert instants(orchestrator.tick(T + 50 * DAY))[0] == first


def test_s20_nothing_fades_at_the_beginning_itself_though_something_else_is_due_then() -> None:
    orchestrator, _ = running(
        decay=(
            fading(name="other"),
            fading(name="later", since="hand_raised_at", then={"level": "level - 100"}),
        ),
        fields={"hand_raised_at": T + DAY},
    )
    assert told(orchestrator.tick(T + 2 * DAY)) == [
        ("other: level 0 -> -1", T + DAY),
        ("other: level -1 -> -2", T + 2 * DAY),
        ("later: level -2 -> -102", T + 2 * DAY),
    ]


def test_s20_a_beginning_that_is_cleared_ends_the_decay() -> None:
    orchestrator, _ = running(
        decay=(fading(10 * DAY, since="hand_raised_at"),), fields={"hand_raised_at": T}
    )
    assert len(orchestrator.tick(T + 20 * DAY)) == 2
    orchestrator.apply(act("1", "changed", T + 21 * DAY, hand_raised_at=None))
    assert orchestrator.tick(T + 90 * DAY) == []


def test_s20_several_rules_at_one_instant_come_as_written() -> None:
    rules = (
        fading(name="halve", then={"level": "level * 0.5"}),
        fading(name="less", then={"level": "level - 1"}),
        fading(2 * DAY, name="seldom", then={"level": "level + 100"}),
    )
    orchestrator, _ = running(decay=rules, fields={"level": 10})
    assert told(orchestrator.tick(T + 2 * DAY)) == [
        ("halve: level 10 -> 5", T + DAY),
        ("less: level 5 -> 4", T + DAY),
        ("halve: level 4 -> 2", T + 2 * DAY),
        ("less: level 2 -> 1", T + 2 * DAY),
        ("seldom: level 1 -> 101", T + 2 * DAY),
    ]


def test_s20_who_waits_for_the_sort_does_not_fade_yet() -> None:
    orchestrator = Orchestrator(small(decay=(fading(),), settle=10 * DAY))
    orchestrator.apply(act("0", "created", T))
    orchestrator.process("p", T + 3 * DAY + HOUR)
    assert instants(orchestrator.tick(T + 5 * DAY)) == [T + 4 * DAY, T + 5 * DAY]


# ------------------------------------------------------------------ decay: whether


def test_s20_the_condition_is_asked_at_each_instant() -> None:
    orchestrator, _ = running(decay=(fading(when="ready"),), fields={"ready": True})
    assert len(instants(orchestrator.tick(T + 2 * DAY))) == 2
    orchestrator.apply(act("1", "changed", T + 2 * DAY + HOUR, ready=False))
    orchestrator.apply(act("2", "changed", T + 5 * DAY - SECOND, ready=True))
    assert instants(orchestrator.tick(T + 6 * DAY)) == [T + 5 * DAY, T + 6 * DAY]


def test_s20_a_rule_sleeps_until_an_activity_wakes_it_and_then_keeps_its_instants() -> None:
    orchestrator, person = running(decay=(fading(when="behavior_score >= 1"),))
    assert person._due is None
    orchestrator.apply(act("1", "score_given", T + 100 * DAY + HOUR, points=5))
    assert person._due == T + 101 * DAY
    orchestrator.apply(act("2", "score_given", T + 100 * DAY + 2 * HOUR, points=-5))
    assert person._due is None


def test_s20_a_rule_that_its_own_effects_put_to_sleep() -> None:
    orchestrator, person = running(
        decay=(
            fading(when="behavior_score >= 1", then={"behavior_score": "behavior_score * 0.5"}),
        ),
        fields={"behavior_score": 3},
    )
    assert len(orchestrator.tick(T + 900 * DAY)) == 2
    assert person._due is None


def test_s20_a_condition_with_a_time_term_begins_by_itself() -> None:
    orchestrator, _ = running(decay=(fading(when="days since created_at >= 3"),))
    assert instants(orchestrator.tick(T + 5 * DAY)) == [T + 3 * DAY, T + 4 * DAY, T + 5 * DAY]


def test_s20_a_rule_is_woken_by_what_a_move_writes_and_by_who_is_assigned() -> None:
    """Assignment writes behind the moves, when the clock has been wound."""
    by_move, person = running(
        move("go", "a", "b", on="go", then={"ready": True}), decay=(fading(when="ready"),)
    )
    by_move.apply(act("1", "go", T + HOUR))
    assert person._due == T + DAY
    by_rule, person = running(
        move("go", "a", "b", on="go"),
        assignment=(AssignmentRule(name="ada", entering="b", to="'ada'"),),
        decay=(fading(when="assigned_to is known"),),
    )
    by_rule.apply(act("1", "go", T + HOUR))
    assert instants(by_rule.tick(T + 2 * DAY)) == [T + DAY, T + 2 * DAY]


# ------------------------------------------------------------------ decay: what it does


def test_s18_decay_of_what_fit_depends_on_has_the_fit_computed_again() -> None:
    orchestrator, person = running(
        scoring=(ScoreRule(name="fit", when="level >= 5", points=10),),
        decay=(fading(),),
        fields={"level": 5},
    )
    assert person.demographic_score == 10
    assert told(orchestrator.tick(T + DAY)) == [
        ("fading: level 5 -> 4, demographic_score 10 -> 0", T + DAY)
    ]


def test_s20_decay_opens_a_system_move_at_its_instant() -> None:
    orchestrator, person = running(
        move("cold", "a", "x", when="level <= 0"), decay=(fading(),), fields={"level": 2}
    )
    decisions = orchestrator.tick(T + 5 * DAY)
    assert [(one.kind, one.now) for one in decisions[:3]] == [
        ("decay", T + DAY),
        ("decay", T + 2 * DAY),
        ("time", T + 2 * DAY),
    ]
    row = person.history[-1]
    assert (row.rule, row.now, row.trigger, row.activity) == ("cold", T + 2 * DAY, None, None)


def test_s18_decay_only_lowers_what_was_asked_for_and_moves_nobody_back() -> None:
    orchestrator, person = running(
        move("hot", "a", "b", when="level >= 5"), decay=(fading(),), fields={"level": 5}
    )
    orchestrator.tick(T + 300 * DAY)
    assert hops(person)[-1] == ("a", "b", "hot")


# ------------------------------------------------------------------ decay and activities


def test_s20_an_activity_at_the_instant_of_decay_comes_first() -> None:
    """New interest at that very instant: nothing fades. Anything else: it fades right after."""
    silence = Decay(name="silence", every=DAY, then={"behavior_score": "behavior_score * 0.5"})
    orchestrator, person = running(decay=(silence,))
    orchestrator.apply(act("1", "score_given", T, points=8))
    orchestrator.apply(act("2", "web_visit", T + DAY))
    assert person.behavior_score == 8
    assert instants(orchestrator.tick(T + DAY)) == [T + DAY]
    assert person.behavior_score == 4
    orchestrator.apply(act("3", "score_given", T + 2 * DAY, points=4))
    assert orchestrator.tick(T + 2 * DAY) == []
    assert person.behavior_score == 8


def test_s20_decay_at_an_instant_happens_once_whatever_comes_late() -> None:
    orchestrator, person = running(decay=(fading(),))
    orchestrator.tick(T + DAY)
    for number, at in enumerate([T + HOUR, T + DAY, T + DAY]):
        assert orchestrator.apply(act(str(number), "web_visit", at)).late
    assert orchestrator.tick(T + 2 * DAY - MICRO) == []
    assert person.level == -1  # type: ignore[attr-defined]


def test_s20_decay_that_was_due_before_an_activity_comes_before_it() -> None:
    orchestrator, person = running(
        move("hot", "a", "b", when="level >= 3"), decay=(fading(),), fields={"level": 2}
    )
    orchestrator.apply(act("1", "changed", T + DAY + HOUR, level=3))
    assert person.stage == "b"
    assert person.level == 3  # type: ignore[attr-defined]


def test_s9_a_return_that_waits_still_comes_after_decay_at_the_same_instant() -> None:
    moves = (move("off", "a", "x", on="off"), move("back", "x", "a", when="level <= 0"))
    seen = []
    for decay in ((), (fading(10 * DAY),)):
        orchestrator, person = running(*moves, decay=decay)
        orchestrator.apply(act("1", "off", T + 10 * DAY))
        orchestrator.tick(T + 19 * DAY)
        seen.append([(row.rule, row.now) for row in person.history[2:]])
    assert seen[0] == seen[1] == [("off", T + 10 * DAY), ("back", T + 10 * DAY + MICRO)]


def test_s9_a_return_waits_once_also_where_decay_comes_at_every_instant() -> None:
    """Two system moves that swing to and fro, and something due where they do."""
    orchestrator, person = running(
        move("off", "a", "x", when="ready"),
        move("back", "x", "a", when="ready"),
        decay=(fading(10 * DAY), fading(MINUTE, name="often", when="level >= 5")),
    )
    orchestrator.apply(act("1", "changed", T + 10 * DAY, ready=True))
    orchestrator.tick(T + 15 * DAY)
    assert len(person.history) < 10


# ------------------------------------------------------------------ one instant


def test_s20_at_one_instant_decay_then_deadlines_then_moves() -> None:
    orchestrator, person = running(
        move("gone", "a", "x", when="days in stage >= 1 and level == 4"),
        decay=(fading(),),
        deadlines=(
            Deadline(name="before_decay", stage="a", after=DAY, when="level == 5"),
            Deadline(name="after_decay", stage="a", after=DAY, when="level == 4"),
        ),
        fields={"level": 5},
    )
    decisions = orchestrator.tick(T + DAY)
    assert [(one.kind, one.reason, one.now) for one in decisions] == [
        ("decay", "fading: level 5 -> 4", T + DAY),
        ("deadline", "after_decay", T + DAY),
        ("time", "", T + DAY),
    ]
    assert [one.stage for one in decisions] == ["a", "a", "x"]
    assert person.history[-1].now == T + DAY


def test_s20_at_one_instant_an_activity_comes_before_all_of_it() -> None:
    orchestrator, person = running(
        move("go", "a", "b", on="go", when="level == 5"),
        move("gone", "a", "x", when="level == 4"),
        decay=(fading(),),
        deadlines=(Deadline(name="slow", stage="a", after=DAY),),
        fields={"level": 5},
    )
    orchestrator.apply(act("1", "go", T + DAY))
    assert [one.kind for one in orchestrator.tick(T + DAY)] == ["decay"]
    assert person.stage == "b"


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
CALENDARS: dict[str, tuple[str, timedelta, str, str]] = {
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
        DAY,
        "office",
        "2024-04-01T15:00+02:00",
    ),
    "a day over clocks put back": (
        "2024-10-25T15:00+02:00",
        DAY,
        "office",
        "2024-10-28T15:00+01:00",
    ),
    "round the clock over clocks put forward": (
        "2024-03-30T15:00+01:00",
        DAY,
        "",
        "2024-03-31T16:00+02:00",
    ),
}


@pytest.mark.parametrize(
    ("entered", "after", "calendar", "due"), CALENDARS.values(), ids=CALENDARS.keys()
)
def test_s21_a_deadline_counts_the_time_of_its_calendar(
    entered: str, after: timedelta, calendar: str, due: str
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
        Deadline(name="third", stage="b", after=DAY, calendar="office", escalates="second"),
        calendars=(OFFICE,),
    )
    # 1 May 2024, 12:00 in Berlin; four hours later is 16:00, and again 20:00.
    assert told(orchestrator.tick(T + 9 * DAY), "deadline") == [
        ("first", datetime.fromisoformat("2024-05-01T16:00+02:00")),
        ("second", datetime.fromisoformat("2024-05-01T20:00+02:00")),
        ("third", datetime.fromisoformat("2024-05-03T09:00+02:00")),
    ]


# ------------------------------------------------------------------ errors


def test_s11_decay_that_fails_leaves_the_person_as_before_and_is_retried_at_its_instant() -> None:
    orchestrator, person = running(
        decay=(fading(), fading(2 * DAY, name="fails", then=TOO_LARGE)),
        deadlines=(Deadline(name="slow", stage="a", after=2 * DAY),),
        fields={"big": HUGE},
    )
    orchestrator.tick(T + DAY)
    before = slots(person)
    (decision,) = orchestrator.tick(T + 9 * DAY)
    assert (decision.result, decision.kind, decision.now) == ("parked", "time", T + 2 * DAY)
    assert {**slots(person), "_due": None} == {**before, "_due": None}
    person.big = 1.0  # type: ignore[attr-defined]
    found = orchestrator.retry(T + 2 * DAY)
    assert not orchestrator.parked
    assert [(one.kind, one.now) for one in found] == [
        ("decay", T + 2 * DAY),
        ("decay", T + 2 * DAY),
        ("deadline", T + 2 * DAY),
    ]
    assert person.level == -2  # type: ignore[attr-defined]


def test_s25_time_never_runs_back_behind_an_activity_that_came_after_a_failure() -> None:
    orchestrator, person = running(
        move("cold", "a", "x", when="big == 1.0"),
        decay=(fading(then={"big": "big * 10.0 + 1.0"}),),
        deadlines=(Deadline(name="slow", stage="a", after=DAY, send="task", to="'desk'"),),
        fields={"big": HUGE},
    )
    orchestrator.tick(T + DAY)
    assert orchestrator.parked
    later = T + DAY + HOUR
    orchestrator.apply(act("1", "changed", later, big=0.0))
    found = [*orchestrator.retry(later + HOUR), *orchestrator.tick(later + DAY)]
    # What was missed meanwhile is told now, with the instant at which it was due.
    assert [(one.kind, one.now) for one in found] == [
        ("deadline", later),
        ("decay", T + 2 * DAY),
        ("time", T + 2 * DAY),
    ]
    assert [(one.at, one.due_at) for one in found[0].requests] == [(later, T + DAY)]
    assert person.history[-1].now == T + 2 * DAY


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
