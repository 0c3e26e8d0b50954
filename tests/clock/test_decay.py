"""What time takes: scores fade at declared instants, before all else that is due then [S20]."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from lifecycle_fsm import Activity, Decision, Person, ScoreRule, SortRule
from lifecycle_fsm.machine import LifecycleMachine
from lifecycle_fsm.model import AssignmentRule, Deadline, Decay
from lifecycle_fsm.orchestrator import Orchestrator
from tests.clock.due import MICRO, fading, instants, told
from tests.machine.small import (
    DAY,
    HOUR,
    HUGE,
    MINUTE,
    SECOND,
    STEP_040,
    TOO_LARGE,
    T,
    act,
    hops,
    move,
    running,
    slots,
    small,
)

# ------------------------------------------------------------------ when


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


@pytest.mark.parametrize("looks", [0, 1, 7], ids=["nobody looks", "a look a day", "seven"])
@pytest.mark.parametrize("ends", ["settle", "by hand", "by the log"])
def test_s20_scores_fade_in_original_processing_too(ends: str, looks: int) -> None:
    """At the instants of always, whoever looks, and however processing ends: the sort sees it."""
    model = small(
        decay=(fading(),),
        sort=(
            SortRule(name="faded", target="x", when="level == -3"),
            SortRule(name="everybody_else", target="a", when="otherwise"),
        ),
        settle=3 * DAY + HOUR,
    )
    seen: list[Decision] = []
    orchestrator = Orchestrator(model, record=seen.append)
    if ends != "settle":
        orchestrator.expect_processed(["p"])
    orchestrator.apply(act("0", "created", T))
    end = T + 3 * DAY + HOUR
    for number in range(3 * looks):
        orchestrator.tick(T + (number + 1) * DAY / looks)
    if ends == "by hand":
        orchestrator.process("p", end)
    elif ends == "by the log":
        orchestrator.apply(act("processed", "processed", end))
    orchestrator.tick(T + 5 * DAY)
    assert instants(seen) == [T + (number + 1) * DAY for number in range(5)]
    assert hops(orchestrator.people["p"])[1:] == [("new", "x", "faded")]


def test_s20_the_sort_comes_before_decay_at_its_instant() -> None:
    seen: list[Decision] = []
    orchestrator = Orchestrator(small(decay=(fading(),), settle=DAY), record=seen.append)
    orchestrator.apply(act("0", "created", T, level=1))
    orchestrator.tick(T + DAY)
    assert [(one.kind, one.now) for one in seen[1:]] == [
        ("processed", T + DAY),
        ("decay", T + DAY),
    ]


def test_s20_whoever_ends_processing_by_hand_ends_the_wait_for_settle() -> None:
    """Also behind the instant at which it would have come, if nobody has looked since."""
    seen: list[Decision] = []
    orchestrator = Orchestrator(small(decay=(fading(),), settle=HOUR), record=seen.append)
    orchestrator.apply(act("0", "created", T))
    orchestrator.process("p", T + 2 * DAY + HOUR)
    assert [(one.kind, one.now) for one in seen[1:]] == [
        ("decay", T + DAY),
        ("decay", T + 2 * DAY),
        ("processed", T + 2 * DAY + HOUR),
    ]


# ------------------------------------------------------------------ whether


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


# ------------------------------------------------------------------ short intervals, long silence

HALVES = {"behavior_score": "behavior_score * 0.5"}
GROWS = {"level": "level + 1"}
#: Rules with short intervals, and at how many instants of two years they change something.
SHORT: dict[str, tuple[tuple[Decay, ...], int]] = {
    "it fades to zero": ((fading(SECOND, since="scored_at", then=HALVES),), 6),
    "it changes nothing at all": ((fading(SECOND, then={"level": "level"}),), 0),
    "it waits for a time term": (
        (fading(SECOND, when="days since created_at >= 400", then=HALVES),),
        6,
    ),
    "a time term opens and closes it": (
        (fading(SECOND, when="hours since created_at == 24", then={"level": "min(level, 3)"}),),
        1,
    ),
    "two of them": (
        (
            fading(SECOND, since="scored_at", then=HALVES),
            fading(2 * SECOND, name="other", then={"level": "max(level - 1, 0)"}),
        ),
        6 + 6,  # nine times, three of them together
    ),
    "one beside a slow one that goes on": (
        (fading(SECOND, since="scored_at", then=HALVES), fading(DAY, name="other", then=GROWS)),
        6 + 730,
    ),
}


@pytest.mark.parametrize("processing", [False, True], ids=["in a stage", "in processing"])
@pytest.mark.parametrize(("rules", "changes"), SHORT.values(), ids=SHORT.keys())
def test_s18_silence_is_passed_in_a_step_however_short_the_interval(
    rules: tuple[Decay, ...], changes: int, processing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two years have sixty million seconds: there is work only where something comes of it."""
    passed: list[datetime] = []
    original = LifecycleMachine.pass_time

    def counted(machine: LifecycleMachine, person: Person, due: datetime) -> Any:
        passed.append(due)
        return original(machine, person, due)

    monkeypatch.setattr(LifecycleMachine, "pass_time", counted)
    seen: list[Decision] = []
    orchestrator = Orchestrator(
        small(move("go", "a", "b", on="go"), decay=rules), record=seen.append
    )
    if processing:
        orchestrator.expect_processed(["p"])
    fields = {"behavior_score": 40, "scored_at": T, "level": 9}
    orchestrator.apply(Activity("created", "p", "created", T, fields))
    if not processing:
        orchestrator.process("p", T)
    end = T + 730 * DAY
    # Each change, what comes to nothing right after it, and where a time term turns.
    most = 2 * changes + 4
    assert orchestrator.machine.may(orchestrator.people["p"], "go", end) is not processing
    assert len(passed) <= most
    passed.clear()
    orchestrator.tick(end)
    assert len(passed) <= most
    assert len({one.now for one in seen if one.kind == "decay"}) == changes
    passed.clear()
    assert len(orchestrator.tick(end + HOUR)) == 0
    assert len(passed) <= 2


def test_s18_who_is_quiet_fades_on_when_something_is_there_again() -> None:
    """Silence was passed in a step; the instants are those of always."""
    orchestrator, person = running(
        decay=(fading(SECOND, then={"behavior_score": "max(behavior_score - 1, 0)"}),)
    )
    orchestrator.tick(T + 400 * DAY)
    at = T + 400 * DAY + timedelta(milliseconds=300)
    orchestrator.apply(act("1", "score_given", at, points=2))
    assert instants(orchestrator.tick(T + 500 * DAY)) == [
        T + 400 * DAY + SECOND,
        T + 400 * DAY + 2 * SECOND,
    ]
    assert person.behavior_score == 0


@pytest.mark.parametrize(
    ("points", "restarts"), [(5, True), (1, True), (0, False), (-1, False), (-30, False)]
)
@pytest.mark.parametrize("by_rule", [False, True], ids=["given by somebody", "given by a rule"])
def test_s18_only_points_above_zero_are_interest_and_make_decay_wait_anew(
    points: int, restarts: bool, by_rule: bool
) -> None:
    orchestrator, person = running(
        scoring=(ScoreRule(name="visit", on="web_visit", points=points),),
        decay=(Decay(name="silence", every=10 * DAY, then=HALVES),),
        fields={"behavior_score": 40, "scored_at": T},
    )
    given = act("1", "web_visit", T + 8 * DAY)
    if not by_rule:
        given = act("1", "score_given", T + 8 * DAY, points=points)
    orchestrator.apply(given)
    assert person.scored_at == (T + 8 * DAY if restarts else T)
    assert instants(orchestrator.tick(T + 19 * DAY)) == [T + 18 * DAY if restarts else T + 10 * DAY]


# ------------------------------------------------------------------ what it does


def test_s18_decay_of_what_fit_depends_on_has_the_fit_computed_again() -> None:
    orchestrator, person = running(
        scoring=(ScoreRule(name="fit", when="level >= 5", points=10),),
        processing=STEP_040,
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


# ------------------------------------------------------------------ and activities


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


@pytest.mark.parametrize(
    ("fades", "expected"),
    [
        ({"level": "level - 1"}, []),
        ({"level": "1 - level"}, [("back", T + 20 * DAY)]),
    ],
    ids=["it goes on to hold", "closed by decay, and opened again"],
)
def test_s9_decay_at_the_instant_of_the_detour_notes_that_the_return_has_been_closed(
    fades: dict[str, str], expected: list[tuple[str, datetime]]
) -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"),
        move("back", "x", "a", when="level <= 0"),
        decay=(fading(10 * DAY, then=fades),),
    )
    orchestrator.apply(act("1", "off", T + 10 * DAY))
    orchestrator.tick(T + 35 * DAY)
    assert [(row.rule, row.now) for row in person.history[2:]] == [
        ("off", T + 10 * DAY),
        *expected,
    ]


def test_s9_nothing_that_is_due_opens_a_return_that_goes_on_to_hold() -> None:
    """What swings to and fro ends in the detour, however often something is due there."""
    orchestrator, person = running(
        move("off", "a", "x", when="ready"),
        move("back", "x", "a", when="ready"),
        decay=(fading(10 * DAY), fading(MINUTE, name="often", when="level < 0")),
    )
    orchestrator.apply(act("1", "changed", T + 10 * DAY, ready=True))
    orchestrator.tick(T + 10 * DAY + HOUR)
    assert person.level == -62  # type: ignore[attr-defined]
    assert hops(person)[2:] == [("a", "x", "off")]


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
