"""The laws of a history, each broken on its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import attrs
import pytest

from lifecycle_fsm import Activity, HistoryRow, Lifecycle, Person, load
from lifecycle_fsm.history import pack
from lifecycle_fsm.orchestrator import Orchestrator
from lifecycle_fsm.testing import Bench, assert_history_holds
from tests.machine.small import DAY, T

MODEL = load("waterfall")
LATER = Bench(MODEL).clock.set("2030-01-01")
Rows = list[HistoryRow]


def walked() -> Person:
    """Somebody with two journeys: sorted, lost, rested, and an MQL again."""
    bench = Bench(MODEL)
    person = bench.person_in("mql", id="ann")
    bench.happens(person, "sales_rejected", reason="no_time")
    bench.clock.forward(days=90)
    bench.time_passes()
    bench.happens(person, "form_filled", form="Hand-Raise: Demo")
    assert [row.to_stage for row in person.history] == [
        "processing",
        "mql",
        "recycled",
        "mal",
        "mql",
    ]
    return person


def told(person: Person, rows: Sequence[HistoryRow]) -> Person:
    person._history = tuple(place for row in rows for place in pack(row))
    return person


def change(at: int, **values: Any) -> Callable[[Rows], Rows]:
    def changed(rows: Rows) -> Rows:
        return [*rows[:at], attrs.evolve(rows[at], **values), *rows[at + 1 :]]

    return changed


def test_the_laws_hold_of_somebody_who_walked() -> None:
    person = walked()
    assert_history_holds(told(person, person.history), MODEL)


def test_a_merge_may_bring_somebody_back_at_once_s9_s23() -> None:
    """The visit is older than the merge that opens the return."""
    later = T + 90 * DAY
    log = [
        Activity("1", "ann", "created", T, {}),
        Activity("2", "ann", "converted", T, {"contact": "c-1"}),
        Activity("3", "ann", "disqualify", T, {}),
        Activity("4", "bob", "created", later, {"won_opportunities": 1}),
        Activity("5", "bob", "converted", later, {"contact": "c-1"}),
    ]
    orchestrator = Orchestrator(MODEL)
    for activity in log:
        orchestrator.apply(activity)
    person = orchestrator.survivor("ann")
    assert [row.kind for row in person.history[-2:]] == ["merge", "return"]
    assert_history_holds(person, MODEL)


def test_a_stage_that_two_records_entered_at_one_instant_was_entered_once_s23() -> None:
    orchestrator = Orchestrator(MODEL)
    for name in ("ann", "bob"):
        orchestrator.apply(Activity("1", name, "created", T, {}))
        orchestrator.apply(Activity("2", name, "converted", T, {"contact": "c-1"}))
    person = orchestrator.survivor("c-1")
    assert person.stamps["processing"].visits == 1
    assert "merge" in {row.kind for row in person.history}
    assert_history_holds(person, MODEL)


def test_a_human_may_bring_somebody_back_at_once_s9() -> None:
    bench = Bench(MODEL)
    person = bench.person_in("mql")
    bench.happens(person, "disqualify")
    bench.happens(person, "reinstate")
    assert [row.to_stage for row in person.history][-2:] == ["disqualified", "mal"]
    assert person.history[-1].now == person.history[-2].now
    assert_history_holds(person, MODEL)


@pytest.mark.parametrize("survivor", ["ann", "bob"])
def test_the_laws_hold_of_two_who_were_folded_into_one(survivor: str) -> None:
    """Whoever survives, the visit that wins goes on, and the next journey is above all [S23]."""
    lifecycle = Lifecycle(MODEL)
    for name, days in (("ann", 0), ("bob", 10)):
        lifecycle.admit(name, at=T + days * DAY, hand_raised=True)
    lifecycle.apply("bob", "sales_rejected", at=T + 20 * DAY, reason="no_time")
    lifecycle.tick(T + 120 * DAY)  # bob comes back
    lifecycle.apply("ann", "sales_rejected", at=T + 130 * DAY, reason="no_time")
    loser = "bob" if survivor == "ann" else "ann"
    lifecycle.apply(survivor, "merged", at=T + 140 * DAY, loser=loser)
    person = lifecycle.person(survivor)
    assert (person.stage, person.journey) == ("mal", 2)
    lifecycle.apply(survivor, "disqualify", at=T + 150 * DAY)
    lifecycle.apply(survivor, "reinstate", at=T + 150 * DAY)
    assert (person.stage, person.journey) == ("mal", 3)
    for name in ("ann", "bob"):
        assert_history_holds(lifecycle._orchestrator.people[name], MODEL)


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (lambda rows: [], "is in 'mql' and has no history"),
        (lambda rows: rows[1:], "the first row enters original processing"),
        (lambda rows: rows[:-1], "the last row leads to 'mal': a hop has no row"),
        (lambda rows: [*rows[:2], *rows[3:]], "leaves 'recycled', and the row before led to 'mql'"),
        (lambda rows: [*rows, rows[-1]], "leaves 'mal', and the row before led to 'mql'"),
        (lambda rows: [rows[0], *rows], "a hop has no row"),
        (change(0, now=Bench(MODEL).clock.now), "row 2, .* it is earlier than the row before"),
        (change(4, now=LATER), "row 5, .* its visit began at 2024.*, and the row is of 2030"),
        (change(4, now=LATER, entered_at=LATER), "and the history says 2030"),
        (change(1, rule="no_such_rule"), "row 2, .* the model declares no such move"),
        (change(1, kind="step"), "it is a fast_track"),
        (change(1, passed_over=()), r"it passes over \('mal',\)"),
        (change(2, journey=2), "row 3, .* its journey is 2"),
        (change(3, journey=1), "row 4, .* its journey is 1"),
    ],
)
def test_each_law_that_is_broken_is_told(fault: Callable[[Rows], Rows], complaint: str) -> None:
    person = walked()
    told(person, fault(list(person.history)))
    with pytest.raises(AssertionError, match=complaint):
        assert_history_holds(person, MODEL)


def test_nobody_moves_backwards() -> None:
    """No model that builds has such a move, so the law is asked of one that was tampered with."""
    person = walked()
    back = next(edge for edge in MODEL.edges if edge.name == "accepted")
    backwards = attrs.evolve(back, source="mql", target="mal", kind="step")
    vars(copy := attrs.evolve(MODEL))["edges"] = (*MODEL.edges, backwards)
    row = attrs.evolve(
        person.history[-1], from_stage="mql", to_stage="mal", rule="accepted", kind="step"
    )
    told(person, [*person.history, row])
    person._stage = "mal"
    with pytest.raises(AssertionError, match="moves backwards, to rank 1 from 2"):
        assert_history_holds(person, copy)


def test_stamps_that_were_counted_otherwise_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    person = walked()
    right = dict(person.stamps)
    longer = attrs.evolve(right["mql"], total=right["mql"].total + timedelta(seconds=1))
    for wrong in ({**right, "mql": longer}, {k: v for k, v in right.items() if k != "mal"}):
        monkeypatch.setattr(type(person), "stamps", wrong)
        with pytest.raises(AssertionError, match=r"a recount differs from|no stamp for mal"):
            assert_history_holds(person, MODEL)
