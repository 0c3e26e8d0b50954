"""Agreements kept and missed, from what was recorded of them [S20][S21]."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import Kept, agreements, observe, overdue
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.model import Deadline
from tests.funnel.made import (
    MODEL as WATERFALL,
)
from tests.funnel.made import (
    WINDOWS,
    day,
    days,
    decided,
    histories,
    kept,
    merge,
    mixed,
    walk,
    window,
)

MODEL = attrs.evolve(
    WATERFALL,
    assignment=(),
    alerts=(),
    deadlines=[
        Deadline(name="answered", stage="mql", after=days(2)),
        Deadline(name="decided", stage="sal", after=days(9)),
    ],
)


def mql(person: str, since: float, left: float | None = None) -> list[HistoryRow]:
    return walk(
        person, ("processing", 0), ("mql", since), *([("sal", left)] if left is not None else [])
    )


def fact(person: str, since: float, outcome: str, at: float, **how: Any) -> DeadlineFact:
    """What became of the deadline of an MQL."""
    made = DeadlineFact(
        person, "answered", "mql", person, 1, day(since), day(since + 2), outcome, day(at),  # type: ignore[arg-type]
        "ann", "bob",
    )  # fmt: skip
    return attrs.evolve(made, **how)


def answered(rows: list[HistoryRow], facts: list[DeadlineFact], **how: Any) -> Kept:
    (first, _) = agreements(observe(rows, MODEL, deadlines=facts, **how))
    return first


def told(one: Kept) -> tuple[int, int, int, int, int, int]:
    return one.kept, one.missed, one.overdue, one.void, one.waiting, one.merged


ROWS = mixed(
    mql("in time", 0, 1),
    mql("late", 0, 2.5),
    mql("overdue", 6),
    mql("waiting", 9),
    mql("nobody minds", 0, 4),
    mql("called, and told so late", 1, 5),
)
FACTS = [
    fact("in time", 0, "kept", 1),
    fact("late", 0, "missed", 2),
    fact("overdue", 6, "missed", 8),
    fact("nobody minds", 0, "void", 2),
    fact("called, and told so late", 1, "kept", 5, late=True),
]


def test_r34_what_was_recorded_is_counted_and_nothing_is_worked_out() -> None:
    found = answered(ROWS, FACTS, until=day(10))
    assert told(found) == (2, 2, 1, 1, 1, 0)
    assert (found.visits, found.kept_late) == (6, 1)
    assert (found.ratio.part, found.ratio.whole) == (2, 4)
    assert found.median == days(4)


def test_what_was_decided_later_is_not_known_yet() -> None:
    found = answered(ROWS, FACTS, until=day(4))
    # The one who was called in time had missed it then, as far as anybody knew.
    assert told(found) == (1, 2, 1, 1, 0, 0)
    assert (found.kept_late, found.visits) == (0, 4)
    late = overdue(observe(ROWS, MODEL, deadlines=FACTS, until=day(4)))
    assert [(one.person, one.due) for one in late] == [("called, and told so late", day(3))]


def test_a_visit_that_ended_without_a_record_was_not_watched() -> None:
    assert answered(ROWS, FACTS[1:], until=day(10)).visits == 5


def test_the_window_is_that_of_the_entry() -> None:
    assert told(answered(ROWS, FACTS, window=(day(5), day(9)), until=day(10))) == (0, 1, 1, 0, 0, 0)
    assert answered(ROWS, FACTS, window=(day(50), None)).ratio.share is None


@pytest.mark.parametrize("old_survives", [True, False])
def test_s23_a_deadline_goes_on_with_the_visit_that_wins_a_merge(old_survives: bool) -> None:
    old, new = mql("old", 0), walk("new", ("processing", 1), ("mql", 1.5))
    rows = mixed(*(merge(old, new, 1.8) if old_survives else merge(new, old, 1.8)))
    found = answered(rows, [fact("old", 0, "missed", 2)], until=day(9))
    # A visit that a merge ended decides nothing.
    assert told(found) == (0, 1, 1, 0, 0, 1)
    (late,) = overdue(observe(rows, MODEL, deadlines=[fact("old", 0, "missed", 2)], until=day(9)))
    assert late.person == ("old" if old_survives else "new")
    assert (late.since, late.due) == (day(0), day(2))


def test_r34_who_is_overdue_at_the_end_of_the_window_the_longest_first() -> None:
    rows = mixed(mql("b", 1), mql("a", 2), mql("left", 0, 3))
    facts = [fact("a", 2, "missed", 4), fact("b", 1, "missed", 3), fact("left", 0, "missed", 2)]

    def late(**how: Any) -> list[str]:
        return [one.person for one in overdue(observe(rows, MODEL, deadlines=facts, **how))]

    assert late(until=day(4.5)) == ["b", "a"]
    assert late(window=(None, day(3))) == ["left"]
    assert late(window=(day(2), None), until=day(5)) == ["b", "a"]
    first = overdue(observe(rows, MODEL, deadlines=facts, until=day(9)))[0]
    assert (first.stage, first.since, first.due) == ("mql", day(1), day(3))
    assert (first.owner, first.assigned_to, first.email) == ("ann", "bob", None)


def test_groups_have_their_own() -> None:
    rows = mixed(
        walk("a", ("processing", 0), ("mql", 0, kept(country="DE")), ("sal", 1)),
        walk("b", ("processing", 0), ("mql", 0, kept(country="US")), ("sal", 9)),
    )
    facts = [fact("a", 0, "kept", 1), fact("b", 0, "missed", 2)]
    found = agreements(observe(rows, MODEL, by="country", deadlines=facts))
    assert {one.group: told(one)[:2] for one in found if one.deadline == "answered"} == {
        "DE": (1, 0),
        "US": (0, 1),
    }


def test_without_records_nobody_can_say() -> None:
    scope = observe(mql("a", 0), MODEL)
    for ask in (agreements, overdue):
        with pytest.raises(LifecycleError, match="run the files again, or say where it is"):
            ask(scope)


def test_a_model_without_deadlines_has_none() -> None:
    scope = observe(mql("a", 0), attrs.evolve(MODEL, deadlines=()))
    assert not agreements(scope)
    assert not overdue(scope)


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from(WINDOWS), st.integers(0, 120))
def test_every_visit_is_one_of_these(
    rows: list[HistoryRow], of: tuple[float | None, float | None], until: int
) -> None:
    facts = decided(rows, MODEL, day(until))
    scope = observe(rows, MODEL, window=window(of), until=day(until), deadlines=facts)
    late = overdue(observe(rows, MODEL, until=day(until), deadlines=facts))
    for one in agreements(scope):
        assert one.visits == one.kept + one.missed + one.void + one.waiting + one.merged
        assert one.visits == sum(visit.stage == one.stage for visit in scope.cohort())
        assert one.overdue == sum(
            each.deadline == one.deadline and scope.inside(each.since) for each in late
        )
