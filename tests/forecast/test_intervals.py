"""Arrivals, spreads and intervals, each against its formula."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from lifecycle_fsm.forecast.arrivals import expected_arrivals, observed_growth
from lifecycle_fsm.forecast.backtest import held, in_weeks, intervals, replay, spreads
from lifecycle_fsm.forecast.projection import expect
from lifecycle_fsm.forecast.visit_days import VisitDays
from lifecycle_fsm.funnel import observe
from tests.forecast.steady import steady
from tests.forecast.test_visit_days import by_day
from tests.funnel.made import MODEL, mixed, walk


def arriving(*numbers: int) -> VisitDays:
    """A history in which so many people arrive on each day."""
    rows = [
        walk(f"{at}-{one}", ("processing", at + 0.5))
        for at, n in enumerate(numbers)
        for one in range(n)
    ]
    return by_day(observe(mixed(*rows), MODEL))


def test_r32_people_arrive_as_last_year_and_grow() -> None:
    numbers = [day % 7 for day in range(100)] + [1] * 264 + [2 * (day % 7) for day in range(100)]
    visits = arriving(*numbers, 1)
    # 101 days can be compared with those a year before.
    before, now = sum(numbers[:101]), sum(numbers[364:]) + 1
    growth = (now + 50) / (before + 50) - 1
    assert observed_growth(visits, visits.until) == pytest.approx(growth)
    expected = expected_arrivals(visits, visits.until, 30, None).sum((1, 2))
    assert expected == pytest.approx([number * (1 + growth) for number in numbers[101:131]])
    stated = expected_arrivals(visits, visits.until, 30, 0.5).sum((1, 2))
    assert stated == pytest.approx([number * 1.5 for number in numbers[101:131]])


def test_r32_with_less_history_they_arrive_as_in_a_mean_week() -> None:
    visits = arriving(9, *[1, 0, 5, 3] * 7)
    assert visits.length == 29
    assert observed_growth(visits, visits.until) is None
    expected = expected_arrivals(visits, visits.until, 9, None).sum((1, 2))
    known = ([1, 0, 5, 3] * 7)[-28:]
    week = [sum(known[day::7]) / 4 for day in range(7)]
    assert expected == pytest.approx([*week, *week[:2]])


def test_r32_the_variance_of_a_count_is_its_mean_and_its_spread() -> None:
    mean, spread = 80.0, 0.2
    bounds = intervals(np.array([mean]), np.array([spread]))[0]
    random = np.random.default_rng(1)
    drawn = random.poisson(random.gamma(1 / spread**2, mean * spread**2, 200_000))
    assert drawn.var() == pytest.approx(mean + (spread * mean) ** 2, rel=0.02)
    for share, low, high in zip((0.5, 0.8, 0.95), bounds[::2], bounds[1::2], strict=True):
        assert ((low <= drawn) & (drawn <= high)).mean() == pytest.approx(share, abs=0.04)
    assert (intervals(np.zeros(1), np.ones(1)) == 0).all()


def test_r32_spreads_are_drawn_to_the_usual_one() -> None:
    expected = np.full((4, 1, 1, 1), 1000.0)
    actual = expected + np.array([300, -300, 300, -300])[:, None, None, None]
    own = (300**2 - 1000) / 1000**2
    for worth in (1, 3):
        mixed_ = (0.12**2 + worth * own) / (1 + worth)
        assert spreads(expected, actual, worth) == pytest.approx([mixed_**0.5])
    assert spreads(expected * 0, actual * 0, 4) == pytest.approx([0.12])  # nothing is known
    assert spreads(expected, expected, 4) == pytest.approx(
        [max(0.03, ((0.12**2 - 4e-3) / 5) ** 0.5)]
    )
    assert spreads(expected, expected * 9, 4) == pytest.approx([1.0])


def test_r32_an_interval_does_not_know_what_it_is_tested_on() -> None:
    """The spread of each start is that of the others."""
    expected = np.full((3, 2, 1, 1), 1000.0)
    actual = expected.copy()
    actual[1] = 1500
    hits = held(expected, actual, 3)
    # Those of 1,500 are outside: the others were as expected. They do not hide behind them.
    assert hits[0, 2] == 4


def test_r32_earlier_forecasts_know_only_what_was_before() -> None:
    rows = steady(400)
    visits = by_day(observe(rows, MODEL))
    replays = replay(visits, 60)
    assert replays is not None
    first = visits.first
    assert replays.origins == tuple(range(visits.until - 60, first + 179, -30))
    assert replays.last_year is None
    for place, origin in enumerate(replays.origins):
        cut = [row for row in rows if row.now.toordinal() < origin]
        short = by_day(observe(cut, MODEL))
        short = attrs.evolve(
            short, left=np.where(short.left == short.until, origin, short.left), until=origin
        )
        assert replays.expected[place] == pytest.approx(expect(short, origin, 60).sum(3))
        entries = visits.entries[origin - first : origin - first + 60]
        assert (replays.actual[place] == entries).all()
        before = visits.entries[origin - first - 60 : origin - first].sum(0)
        assert (replays.last_period[place] == before).all()
    weeks = in_weeks(replays.actual)
    assert weeks.shape[1] == 8
    assert weeks[0, 1] == pytest.approx(replays.actual[0, 7:14].sum(0))
    assert replay(by_day(observe(steady(239), MODEL)), 60) is None


def test_r32_once_there_is_a_season_it_is_what_is_tested() -> None:
    replays = replay(by_day(observe(steady(600, lambda day: 1), MODEL)), 60)
    assert replays is not None
    assert len(replays.origins) == 4
    assert replays.last_year is not None
    assert replays.independent == 1 + 3 * 30 / 60
