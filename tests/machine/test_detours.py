"""Off the path and back: detours, returns and journeys [S6][S9]."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Activity, ModelError, Move, Person, Stage
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import (
    DAY,
    DETOURS,
    HOUR,
    MINUTE,
    PATH,
    STAGES,
    T,
    act,
    admitted,
    check_chain,
    hops,
    move,
    running,
    small,
)


def test_s6_a_return_starts_the_next_journey_and_a_detour_does_not() -> None:
    orchestrator, person = running(
        move("off", ("a", "b"), "x", on="off"),
        move("over", "x", "y", on="over"),
        move("back", "y", "b", on="back"),
    )
    for number, kind in enumerate(["off", "over", "back", "off", "over", "back"]):
        orchestrator.apply(act(str(number), kind, T + (number + 1) * HOUR))
    assert [(row.kind, row.to_stage, row.journey) for row in person.history] == [
        ("enter", "new", 1),
        ("step", "a", 1),
        ("detour", "x", 1),
        ("detour", "y", 1),
        ("return", "b", 2),
        ("detour", "x", 2),
        ("detour", "y", 2),
        ("return", "b", 3),
    ]
    assert person.journey == 3
    assert person.journey_started_at == T + 6 * HOUR
    assert person.stamps["b"].visits == 2


def test_s9_a_return_that_holds_as_the_detour_is_entered_waits() -> None:
    orchestrator, person = running(
        move("off", "a", "x", when="ready"),
        move("back", "x", "a", when="level >= 0"),
        fields={"level": 1},
    )
    decision = orchestrator.apply(act("1", "changed", T + HOUR, ready=True))
    assert [row.to_stage for row in decision.rows] == ["x"]
    assert person.journey == 1
    assert not any(one.unmet for one in decision.unmet)
    found = orchestrator.machine.refusals(person, None, T + HOUR)
    assert [(one.move, one.unmet) for one in found] == [("back", ())]
    assert "when it becomes true again after it has been false" in str(found[0])


def test_s9_a_process_return_may_be_asked_at_any_instant() -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"), move("back", "x", "a", on="back")
    )
    orchestrator.apply(act("1", "off", T + HOUR))
    assert orchestrator.machine.may(person, "back", T + HOUR)
    decision = orchestrator.apply(act("2", "back", T + HOUR))
    assert (decision.result, person.journey) == ("moved", 2)
    assert [row.now for row in person.history[-2:]] == [T + HOUR, T + HOUR]


#: How somebody comes into the detour ``x``, with ``ready`` holding: moves, and what happens.
CAUSES: dict[str, tuple[tuple[Move, ...], dict[str, Any], tuple[Activity, ...]]] = {
    "a system move": (
        (move("off", "a", "x", when="level >= 1"),),
        {},
        (act("in", "changed", T + HOUR, level=1),),
    ),
    "a process move": ((move("off", "a", "x", on="off"),), {}, (act("in", "off", T + HOUR),)),
    "the sort": ((), {"start": "x"}, ()),
    "a merge": (
        (),
        {},
        (
            Activity("c", "q", "created", T, {"start": "x", "ready": True}),
            Activity("s", "q", "processed", T + MINUTE),
            act("in", "merged", T + HOUR, loser="q"),
        ),
    ),
    "time": ((move("off", "a", "x", when="days in stage >= 1"),), {}, ()),
    "another detour": (
        (move("off", "a", "y", on="off"), move("over", "y", "x", when="ready")),
        {},
        (act("in", "off", T + HOUR),),
    ),
}
#: The same guard in other words: also ways in which it may be left open for who can be in ``x``.
SPELLINGS = (
    "ready",
    "not not ready",
    "ready or (ready and level >= 5)",
    "ready and (days in stage >= 0 or not days in stage >= 0)",
    "not (not ready or (not ready and days since created_at >= 2))",
)


def in_detour(cause: str, *moves: Move, **more: Any) -> tuple[Orchestrator, Person]:
    """Somebody who has come into ``x`` in that way, with ``ready`` holding."""
    ways, fields, activities = CAUSES[cause]
    orchestrator, person = running(
        *ways, *moves, fields={"ready": True, **fields}, winning_detours=("x",), **more
    )
    for activity in activities:
        orchestrator.apply(activity)
    orchestrator.tick(T + 2 * DAY)
    assert person.stage == "x"
    return orchestrator, person


@pytest.mark.parametrize("when", SPELLINGS)
@pytest.mark.parametrize("cause", CAUSES)
def test_s9_a_return_that_held_on_entry_waits_until_it_has_been_false_once(
    cause: str, when: str
) -> None:
    """However the detour was entered, and in whichever words the guard was written."""
    orchestrator, person = in_detour(cause, move("back", "x", "b", when=when))
    orchestrator.apply(act("1", "web_visit", T + 3 * DAY))
    orchestrator.apply(act("2", "changed", T + 4 * DAY, ready=True))
    orchestrator.tick(T + 400 * DAY)
    assert person.stage == "x"
    orchestrator.apply(act("3", "changed", T + 401 * DAY, ready=False))
    orchestrator.tick(T + 402 * DAY)
    assert person.stage == "x"
    decision = orchestrator.apply(act("4", "changed", T + 403 * DAY, ready=True))
    assert [(row.rule, row.now) for row in decision.rows] == [("back", T + 403 * DAY)]


@pytest.mark.parametrize("cause", CAUSES)
def test_s9_a_return_that_does_not_hold_on_entry_happens_when_it_becomes_true(cause: str) -> None:
    orchestrator, person = in_detour(cause, move("back", "x", "b", when="level >= 3"))
    decision = orchestrator.apply(act("1", "changed", T + 3 * DAY, level=3))
    assert [row.rule for row in decision.rows] == ["back"]
    assert person.journey > 1


def test_s9_it_may_become_true_at_the_very_instant_of_the_detour() -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"), move("back", "x", "b", when="ready")
    )
    orchestrator.apply(act("1", "off", T + HOUR))
    orchestrator.apply(act("2", "changed", T + HOUR, ready=True))
    assert hops(person)[2:] == [("a", "x", "off"), ("x", "b", "back")]


def test_s9_the_effects_of_the_detour_count_as_entry() -> None:
    """A move that erases what opens the return leaves it open for the next time."""
    orchestrator, person = running(
        move("off", "a", "x", on="off", then={"ready": False}),
        move("back", "x", "b", when="ready"),
        fields={"ready": True},
    )
    orchestrator.apply(act("1", "off", T + HOUR))
    orchestrator.apply(act("2", "changed", T + 2 * HOUR, ready=True))
    assert person.stage == "b"


@pytest.mark.parametrize("by_time", [False, True], ids=["by an activity", "by a time term"])
def test_s9_a_return_is_noted_closed_by_an_activity_or_by_a_time_term(by_time: bool) -> None:
    """Open on entry, closed two days later, and opened by a field: from then on it happens."""
    when = "ready or days in stage < 2" if by_time else "ready or level < 2"
    orchestrator, person = running(
        move("off", "a", "x", on="off"), move("back", "x", "b", when=when)
    )
    orchestrator.apply(act("1", "off", T + HOUR))
    if not by_time:
        orchestrator.apply(act("2", "changed", T + HOUR + 2 * DAY, level=2))
    orchestrator.apply(act("3", "changed", T + 3 * DAY, ready=True))
    assert hops(person)[-1] == ("x", "b", "back")


def test_s9_a_time_term_that_turns_is_noted_at_its_instant_and_logged() -> None:
    log: list[Activity] = []
    orchestrator = Orchestrator(
        small(
            move("off", "a", "x", on="off"),
            move("back", "x", "b", when="ready or days in stage < 2"),
        ),
        log=log.append,
    )
    person = admitted(orchestrator)
    orchestrator.apply(act("1", "off", T + HOUR))
    orchestrator.tick(T + 10 * DAY)
    turned = T + HOUR + 2 * DAY
    assert (log[-1].kind, log[-1].at, person.clock) == ("time_passed", turned, turned)
    # Closed just before, by nobody's look: it is open for what comes at that instant, late or not.
    decision = orchestrator.apply(act("2", "changed", turned, ready=True))
    assert (decision.late, [row.rule for row in decision.rows]) == (True, ["back"])


def test_s9_of_two_returns_each_has_a_note_of_its_own() -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"),
        move("first", "x", "b", when="ready"),
        move("second", "x", "c", when="level >= 1"),
        fields={"ready": True, "level": 1},
    )
    orchestrator.apply(act("1", "off", T + HOUR))
    orchestrator.apply(act("2", "changed", T + 2 * HOUR, level=0))
    decision = orchestrator.apply(act("3", "changed", T + 3 * HOUR, level=1))
    assert [row.rule for row in decision.rows] == ["second"]
    assert person.stage == "c"


def test_s9_each_visit_begins_with_notes_of_its_own() -> None:
    orchestrator, person = running(
        move("off", ("a", "b"), "x", on="off"), move("back", "x", "b", when="ready")
    )
    orchestrator.apply(act("1", "off", T + HOUR))
    orchestrator.apply(act("2", "changed", T + 2 * HOUR, ready=True))
    assert person.stage == "b"
    orchestrator.apply(act("3", "off", T + 3 * HOUR))
    orchestrator.apply(act("4", "web_visit", T + 4 * HOUR))
    assert person.stage == "x"


def test_s9_a_python_guard_waits_as_every_other_does() -> None:
    def is_ready(person: Any, now: datetime) -> bool:
        return bool(person.ready)

    orchestrator, person = in_detour("a process move", move("back", "x", "b", when=is_ready))
    orchestrator.apply(act("1", "web_visit", T + 3 * DAY))
    assert person.stage == "x"
    orchestrator.apply(act("2", "changed", T + 4 * DAY, ready=False))
    orchestrator.apply(act("3", "changed", T + 5 * DAY, ready=True))
    assert person.stage == "b"


def test_s9_somebody_sorted_off_the_path_waits_however_the_sort_came() -> None:
    found = []
    for by_hand in (True, False):
        orchestrator = Orchestrator(
            small(move("back", "x", "a", when="ready and level < 5"), settle=HOUR)
        )
        orchestrator.apply(act("0", "created", T, start="x", ready=True))
        if by_hand:
            orchestrator.process("p", T + HOUR)
        orchestrator.tick(T + DAY)
        for number, level in enumerate((0, 5, 4)):
            at = T + (2 + number) * DAY
            orchestrator.apply(act(str(number + 1), "changed", at, level=level))
        found.append(orchestrator.people["p"].history)
    assert [[attrs.evolve(row, activity="") for row in rows] for rows in found[1:]] == [
        [attrs.evolve(row, activity="") for row in rows] for rows in found[:1]
    ]
    assert [(row.to_stage, row.now) for row in found[0]] == [
        ("new", T),
        ("x", T + HOUR),
        ("a", T + 4 * DAY),
    ]


def test_s9_nobody_swings_to_and_fro() -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"),
        move("back", "x", "a", when="level >= 0"),
        move("again", "a", "x", when="level >= 0", priority=1),
    )
    assert hops(person)[2:] == [("a", "x", "again")]
    orchestrator.apply(act("1", "web_visit", T + HOUR))
    orchestrator.tick(T + 1000 * DAY)
    assert len(person.history) == 3


def test_s9_a_detour_may_be_entered_twice_at_one_instant_by_triggers_that_waited() -> None:
    orchestrator = Orchestrator(
        small(
            move("off", ("a", "b"), "x", on="off"),
            move("back", "x", "b", on="back"),
            settle=HOUR,
        )
    )
    orchestrator.apply(act("0", "created", T))
    for number, kind in enumerate(["off", "back", "off"]):
        orchestrator.apply(act(str(number + 1), kind, T + number * MINUTE))
    orchestrator.tick(T + DAY)
    person = orchestrator.people["p"]
    assert hops(person)[2:] == [("a", "x", "off"), ("x", "b", "back"), ("b", "x", "off")]
    assert {row.now for row in person.history[1:]} == {T + HOUR}
    assert (person.journey, person.stamps["x"].visits) == (2, 2)


# ------------------------------------------------------------------ round and round


THREE = (*STAGES, Stage("z", off_path=True))


def detour_move(source: str, target: str, **more: Any) -> Move:
    return move(f"{source}_{target}", tuple(source), target, **more)


@pytest.mark.parametrize(
    "ways",
    [
        ["x y", "y x"],
        ["x y", "y z", "z x"],
        ["xyz y", "xy z"],
        ["x y", "y z", "z y"],
    ],
    ids=", ".join,
)
def test_s6_system_moves_that_lead_round_between_detours_do_not_build(ways: list[str]) -> None:
    moves = [detour_move(*way.split(), when="ready") for way in ways if way[0] != way[-1]]
    with pytest.raises(ModelError, match="round and round") as caught:
        small(*moves, stages=THREE)
    assert "moves[" in str(caught.value)


@pytest.mark.parametrize(
    "moves",
    [
        [detour_move("x", "y"), detour_move("y", "z"), detour_move("x", "z")],
        [detour_move("x", "y"), detour_move("y", "x", on="over")],
        [detour_move("x", "y", on="over"), detour_move("y", "x", on="over")],
        [detour_move("x", "y"), move("back", "y", "a"), move("off", "a", "x")],
    ],
    ids=["no circle", "somebody asks for the way back", "somebody asks", "over the path"],
)
def test_s6_other_moves_between_detours_build_and_end(moves: list[Move]) -> None:
    orchestrator, person = running(*moves, stages=THREE, fields={"start": "x"})
    for number in range(3):
        orchestrator.apply(act(str(number), "web_visit", T + number * HOUR))
    check_chain(person.history)
    assert len(person.history) <= 4


def test_s6_from_a_detour_nothing_goes_but_detours_and_returns() -> None:
    model = small(move("off", "a", "x", on="off"), move("back", "x", "c", on="back"))
    kinds = {edge.name: (edge.kind, edge.passed) for edge in model.edges}
    # A return may lead anywhere on the path: it skips nothing, because it starts anew.
    assert kinds["back"] == ("return", ())


SOURCES = [*PATH[1:], *DETOURS]


@st.composite
def models(draw: st.DrawFn) -> list[tuple[str, str, str]]:
    """Random system moves that build: (guard, from, to)."""
    found = []
    for source in SOURCES:
        forward = PATH[PATH.index(source) + 1 :] if source in PATH else PATH[1:]
        # From y no system move leads on to x: a circle does not build [S6].
        detours = DETOURS[DETOURS.index(source) :] if source in DETOURS else DETOURS
        targets = [one for one in (*forward, *detours) if one != source]
        for target in draw(st.lists(st.sampled_from(targets), max_size=3, unique=True)):
            guard = draw(
                st.sampled_from(["always", "ready", "not ready", "level >= 2", "level < 2"])
            )
            found.append((guard, source, target))
    return found


@settings(max_examples=150, deadline=None)
@given(
    found=models(),
    changes=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=5),
    same_instant=st.booleans(),
)
def test_s9_run_to_completion_always_ends(
    found: list[tuple[str, str, str]], changes: list[tuple[bool, int]], same_instant: bool
) -> None:
    moves = [
        move(
            f"m{number}",
            source,
            target,
            when=guard,
            skips="passed_over"
            if source in PATH and target in PATH and PATH.index(target) > PATH.index(source) + 1
            else None,
        )
        for number, (guard, source, target) in enumerate(found)
    ]
    orchestrator = Orchestrator(small(*moves))
    person = admitted(orchestrator)
    for number, (ready, level) in enumerate(changes):
        at = T + (DAY if same_instant else (number + 1) * HOUR)
        decision = orchestrator.apply(act(str(number), "changed", at, ready=ready, level=level))
        assert decision.result in ("moved", "unchanged")
        # Once along the path, each detour once, and once back at the most.
        assert len(decision.rows) <= 2 * len(PATH) + len(DETOURS)
    check_chain(person.history)
    length = len(person.history)
    orchestrator.apply(act("same", "changed", T + 2 * DAY, ready=ready, level=level))
    assert len(person.history) == length  # what changes nothing decides nothing


@pytest.mark.parametrize("times", [1, 3])
def test_hops_of_one_instant_are_all_in_the_history(times: int) -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"), move("back", "x", "a", on="back")
    )
    for number in range(times):
        orchestrator.apply(act(f"o{number}", "off", T + (2 * number + 1) * HOUR))
        orchestrator.apply(act(f"b{number}", "back", T + (2 * number + 2) * HOUR))
    assert hops(person)[2:] == [("a", "x", "off"), ("x", "a", "back")] * times
