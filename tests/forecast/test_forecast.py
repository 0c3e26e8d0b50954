"""The forecast as a whole: its sums, what it refuses, and companies of which the truth is known."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
import pytest

from lifecycle_fsm.errors import LifecycleError, MissingExtra
from lifecycle_fsm.forecast import Forecast, forecast
from lifecycle_fsm.funnel import flows, measured, observe
from lifecycle_fsm.funnel.parts import ImpossibleMeasure
from lifecycle_fsm.history import HistoryRow
from tests.forecast.steady import steady
from tests.funnel.made import MODEL, day, days, merge, mixed, walk

KEEPING = attrs.evolve(MODEL, dimensions=("country", "sourced_by"))
LONG = steady(900, seed=3)
CUT = day(720)


def made(rows: list[HistoryRow] = LONG, until: datetime | None = CUT, **how: Any) -> Forecast:
    names = ("by", "where", "zone")
    scope = {name: how.pop(name) for name in names if name in how}
    return forecast(observe(rows, KEEPING, until=until, **scope), **how)


@pytest.fixture(scope="module")
def result() -> Forecast:
    return made(by="country")


def actual(rows: list[HistoryRow], first: date, length: int) -> Counter[tuple[str, str]]:
    """The entries of some days, counted row by row."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row.visits and first <= row.now.date() < first + timedelta(length):
            sorted_ = row.from_stage == "processing"
            kind = "stage" if row.to_stage != "customer" else "contact" if sorted_ else "win"
            counts[row.to_stage, kind] += 1
    return counts


def test_r32_a_steady_company_goes_on_as_it_did(result: Forecast) -> None:
    truth = actual(LONG, result.start, result.days)
    assert result.start == CUT.date()
    for row in result.totals:
        if not row.group and truth[row.stage, row.kind]:
            count = truth[row.stage, row.kind]
            assert row.low_95 <= count <= row.high_95
            assert row.expected == pytest.approx(count, abs=max(0.15 * count, 3 * count**0.5))
    wins = next(row for row in result.totals if row.kind == "win" and not row.group)
    assert min(wins.known, wins.new) > 15
    assert result.growth == pytest.approx(0, abs=0.1)
    assert not any("do not use" in warning for warning in result.warnings if "SQL" in warning)


def test_r32_sums_agree(result: Forecast) -> None:
    sums: dict[str, defaultdict[Any, float]] = {}
    for name in ("weeks", "months", "totals"):
        table = sums[name] = defaultdict(float)
        for row in getattr(result, name):
            assert row.expected == pytest.approx(row.known + row.new)
            assert row.low_95 <= row.low_80 <= row.low_50 <= row.high_50 <= row.high_80
            assert row.high_80 <= row.high_95
            table[row.group, row.stage, row.kind] += row.expected
    assert sums["weeks"] == pytest.approx(sums["totals"])
    assert sums["months"] == pytest.approx(sums["totals"])
    for (group, *stage), whole in sums["totals"].items():
        if not group:
            parts = sum(sums["totals"][country, *stage] for country in ("DE", "US"))
            assert parts == pytest.approx(whole)
    assert {row.group for row in result.totals} == {"", "DE", "US"}
    weeks = [row for row in result.weeks if (row.group, row.stage) == ("", "mql")]
    assert sum(week.days for week in weeks) == result.days == 90
    assert [week.period for week in weeks[:2]] == ["2025-W51", "2025-W52"]
    assert weeks[1].start.isoweekday() == 1


def test_r32_the_past_is_that_of_flows(result: Forecast) -> None:
    until = CUT - timedelta(microseconds=1)
    expected = {
        (row.stage, row.period.name): row.entered
        for row in flows(observe(LONG, KEEPING, until=until), "week")
    }
    found: Counter[tuple[str, str]] = Counter()
    for week in result.past:
        if not week.group:
            found[week.stage, week.period] += week.entered
    assert len({row.period for row in result.past}) == 53
    assert (result.past[-1].period, result.past[-1].days) == ("2025-W51", 6)
    assert {key: expected[key] for key in found} == dict(found)
    for row in result.totals:
        before = actual(LONG, result.start - timedelta(90), 90)
        if not row.group:
            assert row.last_period == before[row.stage, row.kind]
            year = actual(LONG, result.start - timedelta(364), 90)
            assert row.last_year == year[row.stage, row.kind]


def test_r32_the_backtest_is_measured_as_it_says(result: Forecast) -> None:
    starts = [CUT - days(90 + 30 * step) for step in range(20)]
    starts = [at for at in starts if at >= day(425)]
    truths = {at: actual(LONG, at.date(), 90) for at in starts}
    earlier = {at: made(until=at) for at in starts}
    (mql,) = (row for row in result.backtest if row.stage == "mql")
    assert mql.origins == len(starts)
    count = sum(truth["mql", "stage"] for truth in truths.values())
    off = bias = last = 0.0
    for at, one in earlier.items():
        (row,) = (row for row in one.totals if row.stage == "mql")
        off += abs(row.expected - truths[at]["mql", "stage"])
        bias += row.expected - truths[at]["mql", "stage"]
        last += abs(row.last_period - truths[at]["mql", "stage"])
    assert mql.entries == count
    assert mql.error == pytest.approx(off / count)
    assert mql.bias == pytest.approx(bias / count)
    assert mql.last_period_error == pytest.approx(last / count)
    assert mql.weeks == len(starts) * 12
    assert mql.held_50 < mql.held_80 < mql.held_95


def test_r32_a_pace_that_jumps_is_reported() -> None:
    """From one day on, people move three times as fast: what was forecast before was wrong."""
    rows = steady(510, lambda day: 5, pace=lambda day: 0.5 if day < 420 else 1.5)
    result = made(rows, None)
    changed = [text for text in result.warnings if "the pace has changed" in text]
    assert [text.split(":")[0] for text in changed] == ["MQL", "SAL"]
    (mql,) = (row for row in result.backtest if row.stage == "mql")
    assert mql.latest > 1.3 * mql.latest_expected
    before = made(rows, day(420))
    assert not any("changed" in text for text in before.warnings)


def test_r32_contacts_of_customers_are_no_wins(result: Forecast) -> None:
    kinds = {(row.stage, row.kind): row for row in result.totals if not row.group}
    win, contact = kinds["customer", "win"], kinds["customer", "contact"]
    assert contact.known == 0
    assert contact.expected == pytest.approx(27, rel=0.3)
    assert win.expected + contact.expected > 1.2 * win.expected
    alone = made(
        [row for row in LONG if row.to_stage != "customer" or row.from_stage != "processing"]
    )
    assert "contact" not in {row.kind for row in alone.totals}


def test_r32_who_was_merged_does_not_move() -> None:
    """All but one of ten people are merged into the one before they could move."""
    rows = steady(300, seed=8)
    both: list[HistoryRow] = []
    for number in range(290):
        one = walk(f"a{number}", ("processing", number + 0.1), ("mal", number + 0.2))
        two = walk(f"b{number}", ("processing", number + 0.3), ("mal", number + 0.4))
        both += [*merge(one, two, number + 0.6)[0], *merge(one, two, number + 0.6)[1]]
    plain, merged = made(rows, day(300)), made(mixed(rows, both), day(300))
    moved = {
        name: next(row for row in it.totals if row.stage == "mql")
        for name, it in (("plain", plain), ("merged", merged))
    }
    arrived = next(row for row in merged.totals if row.stage == "processing")
    assert arrived.expected == pytest.approx(90 * 5, rel=0.1)
    # Those two a day bring nobody further: one is gone, and the other never moved.
    assert moved["merged"].expected == pytest.approx(moved["plain"].expected, rel=0.35)


def test_r32_too_little_history_is_refused_with_what_is_needed() -> None:
    with pytest.raises(ImpossibleMeasure, match=r"needs 270 days of history.* has 200"):
        made(steady(200), None)
    with pytest.raises(ImpossibleMeasure, match="has 0"):
        made([], None)
    result = made(steady(240), None, horizon=days(30))
    assert "from 425 days of history on" in result.warnings[0]
    assert any("a backtest of 2 starts says little" in warning for warning in result.warnings)
    assert result.growth is None


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"horizon": timedelta(hours=36)}, "1 to 366 whole days"),
        ({"horizon": days(0)}, "1 to 366 whole days"),
        ({"horizon": days(400)}, "1 to 366 whole days"),
        ({"horizon": days(365)}, "a scenario: say by how much"),
        ({"growth": -2}, "lies between"),
    ],
)
def test_r32_what_is_no_forecast_is_an_error(how: dict[str, Any], message: str) -> None:
    with pytest.raises(LifecycleError, match=message):
        made(**how)


def test_r32_a_history_of_centuries_has_a_wrong_time() -> None:
    with pytest.raises(LifecycleError, match="at most a century"):
        made(LONG, datetime(9999, 12, 31, 23, tzinfo=UTC))


@pytest.mark.parametrize("how", [{"window": (CUT, None)}, {"journeys": "first"}])
def test_r32_a_part_of_the_past_is_no_history(how: dict[str, Any]) -> None:
    with pytest.raises(LifecycleError, match="all of the history"):
        forecast(observe(LONG, KEEPING, **how))


def test_r32_a_year_is_a_scenario() -> None:
    flat, more = (made(horizon=days(365), growth=growth) for growth in (0, 0.5))
    assert flat.scenario
    assert flat.backtest_days == 90
    assert "a scenario" in flat.warnings[0]
    arrivals = [
        next(row.expected for row in it.totals if row.stage == "processing") for it in (flat, more)
    ]
    assert arrivals[1] == pytest.approx(1.5 * arrivals[0])
    assert len({row.period for row in flat.months}) == 13
    assert sum(row.days for row in flat.months if row.stage == "mql") == 365


def test_r32_a_filter_forecasts_its_part() -> None:
    some = made(where="country == 'DE'")
    assert some.where == 'country == "DE"'
    whole = next(row.expected for row in made().totals if row.stage == "mql")
    part = next(row.expected for row in some.totals if row.stage == "mql")
    assert 0.4 * whole < part < 0.6 * whole


def test_r32_revenue_is_wins_times_what_a_win_brought() -> None:
    won = [
        (row.now, 1000.0)
        for number, row in enumerate(LONG)
        if row.rule == "closed_won" and number % 2 and row.now < CUT
    ]
    assert won
    result = made(won=won, currency="EUR")
    money, (wins,) = result.revenue, (row for row in result.totals if row.kind == "win")
    assert money is not None
    year = [amount for at, amount in won if at >= CUT - days(365)]
    sold = [row for row in LONG if row.rule == "closed_won" and CUT - days(365) <= row.now < CUT]
    assert money.average == pytest.approx(sum(year) / len(sold))
    assert money.expected == pytest.approx(wins.expected * money.average)
    assert money.last_period == sum(amount for at, amount in won if at >= CUT - days(90))
    assert money.low_95 < money.low_80 < money.expected < money.high_80 < money.high_95
    assert money.currency == "EUR"
    assert made(won=[]).revenue is None
    assert made().revenue is None


def test_r32_where_nobody_arrives_any_more_it_says_so() -> None:
    rows = [row for row in steady(500) if row.now < day(400) or row.from_stage is not None]
    assert any("nobody has arrived for 28 days" in warning for warning in made(rows, None).warnings)


def test_r32_it_goes_with_other_measures_and_says_the_same_twice(result: Forecast) -> None:
    scope = observe(LONG, KEEPING, until=CUT, by="country")
    again, _ = measured(scope, [forecast.measuring(scope), flows.measuring(scope)])
    assert again == result
    plain = result.as_dict()
    assert json.loads(json.dumps(plain)) == json.loads(json.dumps(again.as_dict()))
    assert plain["start"] == "2025-12-21"
    assert plain["until"] == "2025-12-21T00:00:00Z"


def test_r32_without_scipy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(MissingExtra, match="measures"):
        made()
