"""The forecast of a funnel: entries of each stage by week, with intervals and a backtest (R32)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.forecast.arrivals import SEASONS, observed_growth
from lifecycle_fsm.forecast.backtest import (
    SHARES,
    SHORTEST,
    USUAL_SPREAD,
    Replays,
    held,
    in_weeks,
    intervals,
    replay,
    spreads,
)
from lifecycle_fsm.forecast.forecast_records import (
    BacktestResult,
    EntryKind,
    Forecast,
    PastWeek,
    PeriodForecast,
    RevenueForecast,
    TotalForecast,
)
from lifecycle_fsm.forecast.pace import YEAR
from lifecycle_fsm.forecast.projection import expect
from lifecycle_fsm.forecast.revenue import expected_revenue
from lifecycle_fsm.forecast.visit_days import DayCollector, Numbers, VisitDays
from lifecycle_fsm.funnel import EVERYBODY, InParts, Measuring, Scope
from lifecycle_fsm.funnel.parts import ImpossibleMeasure
from lifecycle_fsm.funnel.time_in_stage import need_scipy
from lifecycle_fsm.wording import counted, percent

#: A forecast of more days than these needs a growth that somebody states.
_FORESEEABLE = 183
_LONGEST, _TESTED = 366, 90
_PAST_WEEKS = 53
#: Fewer entries in the whole backtest say little.
_FEW = 30
#: A backtest must show no fewer weeks in the interval of 80 %, and no more error.
_RELIABLE, _USELESS = 0.6, 0.5
#: So many starts make a backtest; after so many days without arrivals, there is something wrong.
_TRIES, _SILENT = 3, 28
_PERCENT = [round(100 * share) for share in SHARES]
_BOUNDS = [f"{end}_{share}" for share in _PERCENT for end in ("low", "high")]
_HELD = [f"held_{share}" for share in _PERCENT]


@InParts
def forecast(
    scope: Scope,
    *,
    horizon: timedelta = timedelta(days=90),
    growth: float | None = None,
    won: Iterable[tuple[datetime, float]] | None = None,
    currency: str | None = None,
) -> Measuring[Forecast]:
    """Forecast the entries of each stage from the day after the known history.

    Args:
        scope: the history, made by :func:`.observe`: all of it, without a window.
        horizon: how far to look ahead, in whole days.
        growth: how many more people arrive than in the same days last year: 0.1 for ten percent.
            By default it is observed. A forecast of more than half a year is a scenario, and needs
            it.
        won: when each deal was won, and its amount, for a forecast of revenue.
        currency: the currency of these amounts.

    Raises:
        ImpossibleMeasure: the history is too short; the message says how long it must be.
        LifecycleError: the scope or the horizon is not possible, or a growth is missing.
        MissingExtra: numpy or scipy is not installed.
    """
    days = _checked(scope, horizon, growth)
    need_scipy("a forecast")
    collector = DayCollector(scope)
    while (walks := (yield)) is not None:
        collector.add(walks)
    visits = collector.days()
    tested = min(days, _TESTED) if days > _FORESEEABLE else days
    replays = None if visits is None else replay(visits.whole, tested)
    if visits is None or replays is None:
        raise ImpossibleMeasure(
            f"a forecast of {counted(days, 'day')} needs {SHORTEST + tested} days of history, "
            f"to be tested on the last {tested}: this history has "
            f"{visits.length if visits else 0}; make the horizon shorter, or wait"
        )
    return _Forecaster(scope, visits, replays, days, growth).forecast(won, currency)


def _checked(scope: Scope, horizon: timedelta, growth: float | None) -> int:
    """The days of a horizon."""
    days = horizon.days
    if horizon != timedelta(days) or not 0 < days <= _LONGEST:
        raise LifecycleError(
            f"a forecast covers 1 to {_LONGEST} whole days, not {horizon / timedelta(days=1):g}"
        )
    if scope.window != (None, None) or scope.journeys != "all" or scope.version is not None:
        raise LifecycleError(
            "a forecast needs all of the history: leave out the window, journeys and version; "
            "`until` cuts what is known, and `where` what is forecast"
        )
    if growth is None and days > _FORESEEABLE:
        raise LifecycleError(
            f"a forecast of more than {_FORESEEABLE} days is a scenario: say by how much more "
            "people arrive than last year, such as growth 10%, or 0%"
        )
    if growth is not None and not -1 <= growth <= 10:
        raise LifecycleError(f"a growth lies between -100% and 1000%: {growth:.0%} does not")
    return days


class _Counted(NamedTuple):
    """A stage as the records name it, and its place among the states."""

    stage: str
    kind: EntryKind
    state: int


class _Forecaster:
    """Makes the records of one forecast."""

    def __init__(
        self, scope: Scope, visits: VisitDays, replays: Replays, days: int, growth: float | None
    ) -> None:
        self.scope, self.visits, self.replays = scope, visits, replays
        self.days, self.growth = days, growth
        stages, last = scope.model.stages, scope.model.path[-1].name
        self.lines = [
            _Counted(stage.name, "win" if stage.name == last else "stage", place)
            for place, stage in enumerate(stages)
        ]
        if visits.entries[:, -1].any():
            self.lines.append(_Counted(last, "contact", len(stages)))
        self.wins = next(line.state for line in self.lines if line.kind == "win")
        both = replays.expected, replays.actual
        long = both[0].shape[1] >= 7
        self.by_week = (in_weeks(both[0]), in_weeks(both[1])) if long else both
        self.of_week = spreads(*self.by_week, replays.independent)
        totals = both[0].sum(1, keepdims=True), both[1].sum(1, keepdims=True)
        self.of_total = spreads(*totals, replays.independent)

    def forecast(
        self, won: Iterable[tuple[datetime, float]] | None, currency: str | None
    ) -> Forecast:
        """All records."""
        visits, scope, growth = self.visits, self.scope, self.growth
        assert scope.until is not None
        whole = expect(visits.whole, visits.until, self.days, growth)
        groups = {EVERYBODY: (whole, visits.whole.entries)}
        if scope.by is not None:
            parts = expect(visits, visits.until, self.days, growth)
            for name in scope.groups([(name,) for name in visits.groups]):
                place = [visits.groups.index(name)]
                groups[name] = parts[:, :, place], visits.entries[:, :, place]
        revenue = None
        if won is not None:
            revenue = expected_revenue(
                won, currency, visits.whole, self.replays, self.wins,
                float(whole[:, self.wins].sum()), float(self.of_total[self.wins]), scope.zone,
            )  # fmt: skip
        backtest = tuple(self._backtest())
        return Forecast(
            model=scope.model.name, version=scope.model.version, until=scope.until,
            zone=scope.zone, by=scope.by, where=scope.filter_text,
            start=date.fromordinal(visits.until), days=self.days, history_days=visits.length,
            people=int(visits.count[visits.left >= visits.until].sum()),
            growth=observed_growth(visits, visits.until) if growth is None else growth,
            scenario=growth is not None, weeks=self._periods(groups, _week),
            months=self._periods(groups, _month), totals=tuple(self._totals(groups)),
            past=tuple(self._past(groups)), backtest=backtest,
            backtest_days=self.replays.expected.shape[1], revenue=revenue,
            warnings=tuple(self._warnings(backtest, revenue)),
        )  # fmt: skip

    def _periods(
        self, groups: _Groups, name_of: Callable[[date], str]
    ) -> tuple[PeriodForecast, ...]:
        # Months lie between weeks and the total, and have the larger spread of the two.
        spread = self.of_week if name_of is _week else self.of_week.clip(self.of_total)
        periods = _split(self.visits.until, self.days, name_of)
        return tuple(
            PeriodForecast(**row, period=name, start=start, days=days)
            for group, (expected, _) in groups.items()
            for name, start, place, days in periods
            for row in self._expectations(group, expected[place : place + days], spread)
        )

    def _expectations(self, group: str, expected: Numbers, spread: Numbers) -> list[dict[str, Any]]:
        """The expectation of each stage in some days; a group is at least as uncertain as usual."""
        spread = spread.clip(USUAL_SPREAD if group else 0)
        sums = expected.sum((0, 2))
        bounds = intervals(sums.sum(1), spread).astype(int).tolist()
        return [
            {
                "group": group, "stage": stage, "kind": kind, "expected": float(sums[state].sum()),
                "known": float(sums[state, 0]), "new": float(sums[state, 1]),
                **dict(zip(_BOUNDS, bounds[state], strict=True)),
            }
            for stage, kind, state in self.lines
        ]  # fmt: skip

    def _totals(self, groups: _Groups) -> Iterator[TotalForecast]:
        for group, (expected, entries) in groups.items():
            last = entries[-self.days :].sum((0, 2))
            year = len(entries) - YEAR
            before = entries[year : year + self.days].sum((0, 2)) if year >= 0 else None
            rows = self._expectations(group, expected, self.of_total)
            for (_, _, state), row in zip(self.lines, rows, strict=True):
                yield TotalForecast(
                    **row,
                    last_period=int(last[state]),
                    last_year=None if before is None else int(before[state]),
                )

    def _past(self, groups: _Groups) -> Iterator[PastWeek]:
        first, length = self.visits.first, self.visits.length
        weeks = _split(first, length, _week)[-_PAST_WEEKS:]
        for group, (_, entries) in groups.items():
            for name, start, place, days in weeks:
                sums = entries[place : place + days].sum((0, 2))
                for stage, kind, state in self.lines:
                    yield PastWeek(
                        group=group, stage=stage, kind=kind, period=name, start=start, days=days,
                        entered=int(sums[state]),
                    )  # fmt: skip

    def _backtest(self) -> Iterator[BacktestResult]:
        replays = self.replays
        expected, actual = (days.sum((1, 3)) for days in (replays.expected, replays.actual))
        last, year = replays.last_period.sum(2), replays.last_year
        weeks = self.by_week[0].shape[0] * self.by_week[0].shape[1]
        lying = held(*self.by_week, replays.independent)
        for stage, kind, state in self.lines:
            truth = actual[:, state]
            count = float(truth.sum())
            guesses = (expected, last, None if year is None else year.sum(2))
            errors = [
                None if guess is None or not count else float(abs(guess[:, state] - truth).sum())
                for guess in guesses
            ]
            error, last_period, last_year = (off and off / count for off in errors)
            yield BacktestResult(
                stage=stage, kind=kind, origins=len(replays.origins), entries=int(count),
                error=error, last_period_error=last_period, last_year_error=last_year,
                bias=float(expected[:, state].sum()) / count - 1 if count else None, weeks=weeks,
                **dict(zip(_HELD, lying[state].tolist(), strict=True)),
                spread=float(self.of_total[state]), latest=int(truth[0]),
                latest_expected=float(expected[0, state]),
            )  # fmt: skip

    def _warnings(
        self, backtest: Iterable[BacktestResult], revenue: RevenueForecast | None
    ) -> Iterator[str]:
        visits, starts = self.visits, len(self.replays.origins)
        if self.growth is not None:
            yield (
                f"a scenario: what follows if {percent(self.growth)} more people arrive than a "
                "year before, not that they will; the intervals leave that open"
            )
        if visits.length < SEASONS:
            yield (
                f"from {SEASONS} days of history on, the season of arrivals is known; it has "
                f"{visits.length}, so that each week is like the mean of all"
            )
        if not visits.arrivals[-_SILENT:].any():
            yield (
                f"nobody has arrived for {_SILENT} days or more: if people were not watched up to "
                "the end, say until when they were"
            )
        if starts < _TRIES:
            yield f"a backtest of {counted(starts, 'start')} says little; more history says more"
        path = {stage.name for stage in self.scope.model.path}
        for row, (stage, kind, state) in zip(backtest, self.lines, strict=True):
            if stage in path and visits.entries[:, state].any():
                name = self.scope.model.stage(stage).display
                for verdict in _verdicts(row):
                    yield f"{name}{', contacts' * (kind == 'contact')}: {verdict}"
        if revenue is not None and (revenue.error or 0) > (revenue.last_period_error or 0):
            yield "revenue: do not use it: the amount of the last period was closer"


def _verdicts(row: BacktestResult) -> Iterator[str]:
    """What the backtest says against the forecast of a stage."""
    if row.entries < _FEW or row.error is None:
        yield f"{counted(row.entries, 'entry', 'entries')} in the backtest say little"
        return
    off = f"do not use it: the forecast was off by {percent(row.error)}"
    if row.failed:
        yield f"{off}, the number of the last period by {percent(row.last_period_error)}"
    elif row.error > _USELESS:
        yield off
    if row.jumped:
        yield (
            f"the pace has changed: the latest backtest expected {row.latest_expected:,.0f} "
            f"entries, and {row.latest:,} came"
        )
    if row.held_80 < _RELIABLE * row.weeks:
        yield f"the 80 % interval held in {row.held_80} of {row.weeks} weeks: it is too narrow"


#: By the name of each group: the entries to expect and those of the past, by day and state.
_Groups: TypeAlias = dict[str, tuple[Numbers, Numbers]]


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _split(
    first: int, days: int, name_of: Callable[[date], str]
) -> list[tuple[str, date, int, int]]:
    """Some days in periods: the name of each, its first day, the place of that, and how many."""
    dates = [date.fromordinal(first + day) for day in range(days)]
    periods, place = [], 0
    for name, some in groupby(dates, key=name_of):
        count = len(list(some))
        periods.append((name, dates[place], place, count))
        place += count
    return periods
