"""Conversion in both readings, of any two stages [S26]."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import PairConversion, Reading, conversions, count, observe, usual_pairs
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import load
from tests.funnel.made import MODEL, WINDOWS, day, days, histories, mixed, walk, window

ROWS = mixed(
    walk("steps", ("processing", 0), ("mal", 0), ("mql", 10), ("sal", 12), ("sql", 20)),
    walk("quick", ("processing", 5), ("mql", 5), ("sal", 6), ("recycled", 9), ("mql", 100)),
    walk("sales", ("processing", 7), ("sql", 7), ("customer", 30)),
    walk("slow", ("processing", 8), ("mal", 8)),
)


def of(source: str, target: str, reading: Reading = "through", **how: Any) -> PairConversion:
    horizon = how.pop("horizon", None)
    (found,) = conversions(
        observe(ROWS, MODEL, **how), [(source, target)], reading=reading, horizon=horizon
    )
    return found


@pytest.mark.parametrize(
    ("source", "target", "through", "over"),
    [
        ("processing", "mal", (4, 2), (4, 3)),
        ("mal", "mql", (2, 1), (3, 2)),
        # The second journey of "quick" counts for itself.
        ("mql", "sal", (3, 2), (3, 2)),
        # Without credit, SAL of "sales" counts in neither reading.
        ("sal", "sql", (2, 1), (2, 1)),
        ("sql", "customer", (2, 1), (2, 1)),
        ("mal", "sql", (2, 1), (3, 1)),
        ("mql", "recycled", (3, 1), (3, 1)),
        ("processing", "customer", (4, 1), (4, 1)),
        ("mal", "customer", (2, 0), (3, 0)),
    ],
)
def test_r28_any_two_stages_in_both_readings(
    source: str, target: str, through: tuple[int, int], over: tuple[int, int]
) -> None:
    for reading, expected in (("through", through), ("over", over)):
        found = of(source, target, reading)  # type: ignore[arg-type]
        assert (found.journeys, found.reached) == expected


def test_what_came_before_is_not_reached() -> None:
    rows = walk("a", ("processing", 0), ("mql", 0), ("recycled", 4), ("disqualified", 9))
    both = conversions(
        observe(rows, MODEL), [("recycled", "disqualified"), ("disqualified", "recycled")]
    )
    assert [(one.journeys, one.reached) for one in both] == [(1, 1), (1, 0)]


def test_the_usual_pairs_are_the_steps_and_the_whole_way() -> None:
    assert usual_pairs(MODEL) == (
        ("processing", "mal"), ("mal", "mql"), ("mql", "sal"), ("sal", "sql"), ("sql", "customer"),
        ("mal", "customer"),
    )  # fmt: skip
    assert usual_pairs(load("two_step"))[-1] == ("contact", "customer")
    found = conversions(observe(ROWS, MODEL))
    assert tuple((one.source, one.target) for one in found) == usual_pairs(MODEL)


def test_the_window_is_that_of_the_first_entry_and_what_comes_later_counts() -> None:
    early = of("mql", "sal", window=(None, day(10)))
    assert (early.journeys, early.reached, early.ratio.share) == (1, 1, 1.0)
    late = of("mql", "sal", window=(day(10), None))
    assert (late.journeys, late.reached) == (2, 1)
    assert of("mql", "sal", until=day(11)).reached == 1


def test_the_ratio_of_flows_is_another_number() -> None:
    found = of("sal", "sql")
    assert (found.source_entries, found.target_entries) == (2, 2)
    assert found.flow_ratio == 1.0
    assert found.ratio.share == 0.5
    # More came into SQL than into SAL: this is not a conversion of 150 %.
    window = (day(7), day(100))
    assert of("sal", "sql", window=window).flow_ratio == 2.0
    assert of("sal", "sql", window=window).ratio.share == 1.0
    assert of("customer", "recycled", window=(None, day(1))).flow_ratio is None
    over = of("mal", "mql", "over")
    assert (over.source_entries, over.target_entries) == (3, 3)


def test_the_median_is_of_those_who_did_it() -> None:
    assert of("mql", "sal").median == days(1)
    assert of("mal", "mql").median == days(10)
    assert of("mal", "customer").median is None


@pytest.mark.parametrize(
    ("horizon", "expected"),
    [
        # Known until day 100: who entered MAL on day 8 was watched for 92 days.
        (days(92), (2, 1, 0)),
        (days(93), (1, 1, 1)),
        (days(10), (2, 1, 0)),
        (days(10) - timedelta(microseconds=1), (2, 0, 0)),
    ],
)
def test_r30_each_journey_gets_the_same_time(
    horizon: timedelta, expected: tuple[int, int, int]
) -> None:
    found = of("mal", "mql", horizon=horizon)
    assert (found.journeys, found.reached, found.young) == expected


def test_r33_first_and_repeat_journeys_are_told_apart() -> None:
    assert of("mql", "sal", journeys="first").journeys == 2
    repeat = of("mql", "sal", journeys="repeat")
    assert (repeat.journeys, repeat.reached) == (1, 0)
    found = conversions(observe(ROWS, MODEL, by="journey"), [("mql", "sal")])
    assert [(one.group, one.journeys, one.reached) for one in found] == [("1", 2, 2), ("2", 1, 0)]


def test_a_journey_is_in_the_group_of_its_first_entry() -> None:
    rows = mixed(
        walk("a", ("processing", 0), ("mal", 0, {"owner": "ann"}), ("mql", 1, {"owner": "bob"})),
        walk("b", ("processing", 0), ("mal", 0)),
    )
    found = conversions(observe(rows, MODEL, by="owner"), [("mal", "mql")])
    assert {one.group: (one.journeys, one.reached) for one in found} == {
        "ann": (1, 1),
        "bob": (0, 0),
        "(none)": (1, 0),
    }


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("mal", "mql2", "no stage named 'mql2'; did you mean 'mql'"),
        ("sql", "mal", "no journey goes from 'sql' to 'mal': nobody goes backwards on the path"),
        ("recycled", "mql", "who comes back from a detour begins the next journey"),
        ("mal", "mal", "that is one stage"),
    ],
)
def test_what_no_journey_can_do_is_told(source: str, target: str, message: str) -> None:
    with pytest.raises(LifecycleError, match=message):
        of(source, target)


def test_unknown_readings_and_empty_horizons_are_told() -> None:
    with pytest.raises(LifecycleError, match="no reading named 'both'"):
        conversions(observe([], MODEL), reading="both")  # type: ignore[arg-type]
    with pytest.raises(LifecycleError, match="more than nothing"):
        conversions(observe([], MODEL), horizon=days(0))


@settings(deadline=None)
@given(histories(), st.sampled_from(["through", "over"]), st.sampled_from(WINDOWS))
def test_any_history_converts_as_the_picture_counts_it(
    rows: list[HistoryRow], reading: Reading, of: tuple[float | None, float | None]
) -> None:
    pairs = list(pairwise(stage.name for stage in MODEL.path))
    found = conversions(observe(rows, MODEL, window=window(of)), pairs, reading=reading)
    counts = count(rows, MODEL, reading=reading, window=window(of))
    assert {(one.source, one.target): (one.journeys, one.reached) for one in found} == {
        pair: (one.journeys, one.reached) for pair, one in counts.conversion.items()
    }


@settings(deadline=None)
@given(histories(), st.sampled_from(["through", "over"]), st.sampled_from(WINDOWS))
def test_groups_add_up_and_nothing_is_over_100_percent(
    rows: list[HistoryRow], reading: Reading, of: tuple[float | None, float | None]
) -> None:
    whole = conversions(observe(rows, MODEL, window=window(of)), reading=reading)
    parts = conversions(observe(rows, MODEL, window=window(of), by="owner"), reading=reading)
    for one in whole:
        assert one.reached <= one.journeys
        mine = [part for part in parts if (part.source, part.target) == (one.source, one.target)]
        assert one.journeys == sum(part.journeys for part in mine)
        assert one.reached == sum(part.reached for part in mine)
        assert one.source_entries == sum(part.source_entries for part in mine)
