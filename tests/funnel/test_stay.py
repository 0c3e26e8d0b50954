"""Time in stage, where some are still there [S27]."""

from __future__ import annotations

import sys
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.funnel import Stay, observe, stays
from lifecycle_fsm.funnel.time_in_stage import Spans, quantiles
from lifecycle_fsm.history import HistoryRow
from tests.funnel.made import (
    MODEL,
    WINDOWS,
    day,
    days,
    histories,
    merge,
    mixed,
    onward,
    walk,
    window,
)

DAY = 86400.0


def mal(rows: list[HistoryRow], **how: object) -> Stay:
    return next(one for one in stays(observe(rows, MODEL, **how)) if one.stage == "mal")  # type: ignore[arg-type]


def in_mal(*lengths: int, open_for: tuple[int, ...] = ()) -> list[HistoryRow]:
    """People who stay in MAL for so many days, and others who are still there, until day 100."""
    left = [
        walk(f"l{place}", ("processing", 100 - one), ("mal", 100 - one), ("mql", 100))
        for place, one in enumerate(lengths)
    ]
    still = [
        walk(f"s{place}", ("processing", 100 - one), ("mal", 100 - one))
        for place, one in enumerate(open_for)
    ]
    return mixed(*left, *still)


@pytest.mark.parametrize(
    ("ended", "still", "expected"),
    [
        # All left: the shortest time after which at least so many had left.
        ((1, 2, 3, 4), (), (1, 2, 3)),
        ((1, 2, 3, 4, 5), (), (2, 3, 4)),
        ((7,), (), (7, 7, 7)),
        # Two of four are there for five days: 3/4 after a day, 1/2 after two, no more.
        ((1, 2), (5, 5), (1, 2, None)),
        # One who is there for three days says nothing of later: 4/5, 3/5, then half of these.
        ((1, 2, 4), (3, 9), (2, 4, None)),
        # Leaving and being seen last at the same time: who left was there before.
        ((2, 2), (2, 2), (2, 2, None)),
        ((), (1, 2), (None, None, None)),
        ((), (), (None, None, None)),
        # Most are there: there is a quarter, and no median.
        ((1,), (2, 2), (1, None, None)),
    ],
)
def test_the_estimate_by_hand(
    ended: tuple[int, ...], still: tuple[int, ...], expected: tuple[int | None, ...]
) -> None:
    found = quantiles([one * DAY for one in ended], [one * DAY for one in still], (0.25, 0.5, 0.75))
    assert found == tuple(None if one is None else days(one) for one in expected)


def test_a_share_that_is_met_exactly_is_met_whatever_the_last_digit_says() -> None:
    nine = [one * DAY for one in range(1, 10)]
    assert quantiles(nine, [10 * DAY], (0.9,)) == (days(9),)


lengths = st.lists(st.integers(0, 12).map(float), max_size=30)


@settings(max_examples=60, deadline=None)
@given(lengths, lengths, st.sampled_from([0.25, 0.5, 0.75, 0.9]))
def test_the_estimate_is_kaplan_and_meiers(
    ended: list[float], still: list[float], share: float
) -> None:
    there = Fraction(1)
    expected = None
    for time in sorted(set(ended)):
        seen = sum(one >= time for one in (*ended, *still))
        there *= 1 - Fraction(ended.count(time), seen)
        if 1 - there >= Fraction(share).limit_denominator(100):
            expected = timedelta(seconds=time)
            break
    assert quantiles(ended, still, (share,)) == (expected,)


def test_r26_open_visits_make_the_median_longer() -> None:
    ended_only = mal(in_mal(1, 2, 3))
    assert (ended_only.visits, ended_only.ended, ended_only.open) == (3, 3, 0)
    assert ended_only.median == days(2)
    with_open = mal(in_mal(1, 2, 3, open_for=(50, 60)))
    assert (with_open.visits, with_open.ended, with_open.open) == (5, 3, 2)
    assert with_open.median == days(3)
    assert with_open.first_quartile == days(2)
    assert with_open.third_quartile is None


def test_a_median_that_is_not_reached_is_not_invented() -> None:
    assert mal(in_mal(1, open_for=(50, 60))).median is None
    assert mal([]).median is None


@pytest.mark.parametrize("old_survives", [True, False])
def test_a_merge_ends_no_stay(old_survives: bool) -> None:
    old = walk("old", ("processing", 0), ("mal", 0))
    new = walk("new", ("processing", 1), ("mal", 1))
    rows = mixed(
        *(merge(old, new, 10) if old_survives else merge(new, old, 10)),
        walk("b", ("processing", 0), ("mal", 0), ("mql", 20)),
    )
    found = mal(rows)
    assert (found.visits, found.ended, found.open, found.folded) == (3, 1, 1, 1)
    assert found.median == days(20)
    # It lasts from where it began, in whichever record.
    survivor, loser = merge(old, new, 10) if old_survives else merge(new, old, 10)
    assert mal(mixed(onward(survivor, ("mql", 15)), loser)).median == days(15)


def test_the_window_is_that_of_the_entry_and_visits_are_watched_behind_it() -> None:
    rows = mixed(
        walk("early", ("processing", 0), ("mal", 0), ("mql", 15)),
        walk("in", ("processing", 10), ("mal", 10), ("mql", 40)),
        walk("late", ("processing", 20), ("mal", 20)),
    )
    found = mal(rows, window=(day(10), day(20)))
    assert (found.visits, found.median) == (1, days(30))
    assert mal(rows, window=(day(10), day(20)), until=day(39)).median is None
    # One who is still there is watched behind the window too.
    more = mixed(rows, walk("there", ("processing", 12), ("mal", 12)))
    both = mal(more, window=(day(10), day(20)), until=day(50))
    assert (both.visits, both.median, both.third_quartile) == (2, days(30), None)
    # Known for longer, so watched for longer.
    assert mal(rows, until=day(500)).open == 1


def test_groups_have_their_own() -> None:
    rows = mixed(
        walk("a", ("processing", 0), ("mal", 0, {"owner": "ann"}), ("mql", 3)),
        walk("b", ("processing", 0), ("mal", 0), ("mql", 9)),
    )
    found = {
        one.group: one for one in stays(observe(rows, MODEL, by="owner")) if one.stage == "mal"
    }
    assert {name: one.median for name, one in found.items()} == {"ann": days(3), "(none)": days(9)}


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from(WINDOWS), st.sampled_from([None, "owner"]))
def test_visits_of_any_history_add_up(
    rows: list[HistoryRow], of: tuple[float | None, float | None], by: str | None
) -> None:
    for one in stays(observe(rows, MODEL, window=window(of), by=by)):
        assert one.visits == one.ended + one.open + one.folded
        known = [one.first_quartile, one.median, one.third_quartile]
        reached = [time for time in known if time is not None]
        assert known == [*reached, *[None] * (3 - len(reached))]
        assert reached == sorted(reached)
        assert all(time >= timedelta(0) for time in reached)


def test_a_median_of_times_that_all_ended_follows_the_same_rule() -> None:
    for times in ([], [3], [1, 2], [5, 1, 3], [4, 1, 2, 3]):
        spans = Spans()
        for time in times:
            spans.append(days(time))
        assert spans.median == quantiles([one * DAY for one in times], [], (0.5,))[0]


def test_without_scipy_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(MissingExtra, match=r"pip install 'lifecycle-fsm\[measures\]'"):
        stays(observe([], MODEL))
