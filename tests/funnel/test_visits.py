"""Rows as visits: merges, the order of rows, and which journey a visit belongs to [S23][S25]."""

from __future__ import annotations

import random

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import walks
from lifecycle_fsm.history import HistoryRow
from tests.funnel.made import MODEL, day, histories, merged, mixed, row, walk


def told(rows: list[HistoryRow]) -> list[tuple[str, float, float | None]]:
    """Stage, entered, left, in days."""
    return [
        (
            one.stage,
            (one.entered - day(0)).days,
            None if one.left is None else (one.left - day(0)).days,
        )
        for walk in walks(rows, MODEL)
        for one in walk
    ]


def test_a_visit_runs_from_its_row_to_the_next() -> None:
    rows = walk("a", ("processing", 0), ("mal", 1), ("mql", 5))
    assert told(rows) == [("processing", 0, 1), ("mal", 1, 5), ("mql", 5, None)]
    first, *_, last = walks(rows, MODEL)[0]
    assert (first.new, last.new, last.person, last.folded) == (True, False, "a", False)


def test_a_merge_that_leaves_the_survivor_where_it_is_ends_no_visit() -> None:
    rows = merged(walk("a", ("processing", 0), ("mal", 1)), "mal", 3)
    assert told(rows) == [("processing", 0, 1), ("mal", 1, None)]


def test_the_closing_row_of_the_loser_ends_the_last_visit() -> None:
    rows = merged(walk("a", ("processing", 0), ("mal", 1)), "", 3)
    assert told(rows) == [("processing", 0, 1), ("mal", 1, 3)]
    assert [one.folded for one in walks(rows, MODEL)[0]] == [False, True]


def test_a_merge_that_raises_the_survivor_is_a_visit() -> None:
    rows = merged(walk("a", ("processing", 0), ("mal", 1)), "sql", 3)
    assert told(rows) == [("processing", 0, 1), ("mal", 1, 3), ("sql", 3, None)]


def test_what_happened_behind_the_end_is_not_known() -> None:
    rows = walk("a", ("processing", 0), ("mal", 1), ("mql", 5))
    (known,) = walks(rows, MODEL, day(1))
    assert [(one.stage, one.left) for one in known] == [("processing", day(1)), ("mal", None)]
    assert walks(rows, MODEL, day(-1)) == ()


def test_two_rows_of_one_sequence_are_refused() -> None:
    rows = walk("a", ("processing", 0), ("mal", 1))
    with pytest.raises(LifecycleError, match="'a' has two rows of the sequence 2"):
        walks([*rows, rows[-1]], MODEL)


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_rows_says_nothing(rows: list[HistoryRow], chance: random.Random) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert told(shuffled) == told(rows)


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        ([("mql", 0), ("recycled", 1), ("mal", 2), ("mql", 3)], [1, 1, 1, 2, 2]),
        # A walk that the sort led off the path is no journey [S25].
        (
            [("off_path", 0), ("mal", 5), ("sal", 6), ("recycled", 7), ("mql", 8)],
            [1, 1, 1, 1, 1, 2],
        ),
        ([("disqualified", 0), ("off_path", 0)], None),
    ],
)
def test_r33_journeys_are_counted_by_those_that_entered_the_path(
    hops: list[tuple[str, float]], expected: list[int] | None
) -> None:
    if expected is None:
        rows = [row("a", [], None, day(0))]
        rows.append(attrs.evolve(rows[0], sequence=2, from_stage="processing", to_stage="off_path"))
        expected = [1, 1]
    else:
        rows = walk("a", ("processing", 0), *hops)
    assert [one.nth for one in walks(rows, MODEL)[0]] == expected


def test_persons_come_by_id() -> None:
    rows = mixed(walk("b", ("processing", 0)), walk("a", ("processing", 1)))
    assert [one[0].person for one in walks(rows, MODEL)] == ["a", "b"]
