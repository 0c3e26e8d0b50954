"""Off the path and back: detours, returns and journeys [S6][S9]."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import (
    DAY,
    DETOURS,
    HOUR,
    PATH,
    SECOND,
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


def test_s9_no_return_at_the_instant_of_the_detour() -> None:
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
    assert [(one.move, bool(one.note)) for one in found] == [("back", True)]


def test_s9_a_human_too_cannot_bring_back_at_the_instant_of_the_detour() -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"), move("back", "x", "a", on="back")
    )
    orchestrator.apply(act("1", "off", T + HOUR))
    refused = orchestrator.apply(act("2", "back", T + HOUR))
    assert refused.result == "refused"
    assert "instant" in str(refused)
    assert not orchestrator.machine.may(person, "back", T + HOUR)
    assert orchestrator.machine.may(person, "back", T + HOUR + SECOND)
    assert orchestrator.apply(act("3", "back", T + HOUR + SECOND)).result == "moved"


def test_s9_nobody_who_is_sorted_off_the_path_is_back_at_the_same_instant() -> None:
    _, person = running(move("back", "x", "a"), fields={"start": "x"})
    assert person.stage == "x"


def test_s9_a_return_that_was_only_too_early_happens_as_time_goes_on() -> None:
    """The fact that opens it stays, so nobody has to do anything more for it [S7]."""
    orchestrator, person = running(
        move("off", "a", "x", on="off"), move("back", "x", "b", when="ready")
    )
    orchestrator.apply(act("1", "off", T + HOUR))
    orchestrator.apply(act("2", "changed", T + HOUR, ready=True))
    assert person.stage == "x"
    orchestrator.tick(T + DAY)
    assert person.stage == "b"


def test_s9_a_return_that_waits_is_the_same_however_the_sort_came() -> None:
    found = []
    for by_hand in (True, False):
        orchestrator = Orchestrator(
            small(move("back", "x", "a", when="ready and level < 5"), settle=HOUR)
        )
        orchestrator.apply(act("0", "created", T, start="x", ready=True))
        if by_hand:
            orchestrator.process("p", T + HOUR)
        orchestrator.tick(T + DAY)
        found.append(orchestrator.people["p"].history)
    assert found[0] == found[1]
    assert [row.to_stage for row in found[0]] == ["new", "x", "a"]


def test_s9_a_return_waits_once_so_that_nobody_swings_to_and_fro() -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"),
        move("back", "x", "a", when="level >= 0"),
        move("again", "a", "x", when="level >= 0", priority=1),
    )
    before = len(person.history)
    orchestrator.apply(act("1", "web_visit", T + HOUR))
    orchestrator.tick(T + 1000 * DAY)
    assert len(person.history) <= before + 6  # what waited, and twice for the activity
    check_chain(person.history)


def test_s9_two_detours_that_are_both_open_do_not_turn_for_ever() -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"),
        move("over", "x", "y"),
        move("again", "y", "x"),
        move("back", "x", "b", when="ready"),
    )
    decision = orchestrator.apply(act("1", "off", T + HOUR))
    entered = [row.to_stage for row in decision.rows]
    assert entered == ["x", "y"]
    check_chain(person.history)


def test_s9_detours_that_turn_are_not_started_by_the_next_asking_without_end() -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"), move("over", "x", "y"), move("again", "y", "x")
    )
    for number in range(5):
        decision = orchestrator.apply(act(str(number), "off", T + number * DAY + HOUR))
        assert len({row.to_stage for row in decision.rows}) == len(decision.rows)
        assert len(decision.rows) <= len(DETOURS)
    check_chain(person.history)


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
        targets = [one for one in (*forward, *DETOURS) if one != source]
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
    for before, after in pairwise(person.history):
        if after.kind == "return":
            assert after.now > before.now


@pytest.mark.parametrize("times", [1, 3])
def test_hops_of_one_instant_are_all_in_the_history(times: int) -> None:
    orchestrator, person = running(
        move("off", "a", "x", on="off"), move("back", "x", "a", on="back")
    )
    for number in range(times):
        orchestrator.apply(act(f"o{number}", "off", T + (2 * number + 1) * HOUR))
        orchestrator.apply(act(f"b{number}", "back", T + (2 * number + 2) * HOUR))
    assert hops(person)[2:] == [("a", "x", "off"), ("x", "a", "back")] * times
