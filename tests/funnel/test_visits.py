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
from tests.funnel.made import MODEL, day, histories, merge, mixed, onward, row, walk


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


OLD = walk("old", ("processing", 0), ("mal", 1), ("mql", 2))
NEW = walk("new", ("processing", 3), ("mal", 4))


@pytest.mark.parametrize("old_survives", [True, False])
def test_s23_the_visit_that_wins_a_merge_goes_on_whoever_survives(old_survives: bool) -> None:
    survivor, loser = merge(OLD, NEW, 5) if old_survives else merge(NEW, OLD, 5)
    rows = mixed(onward(survivor, ("sal", 8)), loser)
    assert sorted(told(rows), key=str) == [
        ("mal", 1, 2), ("mal", 4, 5), ("mql", 2, 8), ("processing", 0, 1), ("processing", 3, 4),
        ("sal", 8, None),
    ]  # fmt: skip
    ended, won = sorted(walks(rows, MODEL), key=len)
    assert [(one.stage, one.folded, one.merged) for one in ended] == [
        ("processing", False, False),
        ("mal", True, True),
    ]
    assert {one.journey for one in won} == {("old", 1)}
    assert won[-1].person == survivor[0].person
    assert won[2].entry is OLD[2]


def test_s23_a_visit_is_handed_on_from_merge_to_merge() -> None:
    first, loser = merge(NEW, OLD, 5)
    other = walk("third", ("processing", 0), ("mal", 0))
    second, gone = merge(other, first, 5)
    rows = mixed(loser, gone, onward(second, ("sal", 5), ("recycled", 5), ("mql", 9)))
    mql = [one for walk in walks(rows, MODEL) for one in walk if one.stage == "mql"]
    assert [(one.person, one.entered, one.left) for one in mql] == [
        ("third", day(2), day(5)),
        ("third", day(9), None),
    ]
    # The three records had begun a journey each by then.
    assert [one.nth for one in mql] == [1, 4]


def test_s23_the_survivors_own_visit_may_end() -> None:
    survivor, _ = merge(NEW, OLD, 5)
    # As long as nobody tells of the loser, the visit is known from the row of the merge only.
    ((mql,), (_, mal)) = walks(survivor, MODEL)
    assert (mal.stage, mal.left, mal.merged) == ("mal", day(5), True)
    assert (mql.stage, mql.entered, mql.left) == ("mql", day(2), None)


def test_merges_of_one_instant_with_one_id_are_no_reason_to_fail() -> None:
    a, b = (walk(name, ("processing", 0), ("mal", 1)) for name in "ab")
    first, second = merge(a, b, 5, activity="m"), merge(b, a, 5, activity="m")
    rows = [*first[0], first[1][-1], *second[0], attrs.evolve(second[1][-1], sequence=4)]
    rows = list({(one.person, one.sequence): one for one in rows}.values())
    assert len(walks(rows, MODEL)) == 2


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
    nth = [[(one.nth, one.person) for one in walk] for walk in walks(rows, MODEL)]
    assert nth == [[(one.nth, one.person) for one in walk] for walk in walks(shuffled, MODEL)]


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
