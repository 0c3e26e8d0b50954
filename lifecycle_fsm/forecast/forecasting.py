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
from lifecycle_fsm.forecast.visit_days import DayCollector, Numbers, VisitDays, need_numpy
from lifecycle_fsm.funnel import EVERYBODY, InParts, Measuring, Scope
from lifecycle_fsm.funnel.parts import ImpossibleMeasure
from lifecycle_fsm.wording import counted, percent

#: A forecast of more days than these needs a growth that somebody states.
_FORESEEABLE = 183
_LONGEST, _TESTED = 366, 90
_PAST_WEEKS = 53
#: Fewer entries in the whole backtest say little.
_FEW = 30
#: A backtest must show no fewer weeks in the interval of 80 %, and no more bias or error.
_RELIABLE, _BIASED, _USELESS = 0.6, 0.25, 0.5
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
    need_numpy()
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
            f"a forecast covers 1 to {_LONGEST} whole days: {horizon} is no such time"
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


class _Line(NamedTuple):
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
            _Line(stage.name, "win" if stage.name == last else "stage", place)
            for place, stage in enumerate(stages)
        ]
        if visits.entries[:, -1].any():
            self.lines.append(_Line(last, "contact", len(stages)))
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
            model=scope.model.name,
            version=scope.model.version,
            until=scope.until,
            zone=scope.zone,
            by=scope.by,
            where=scope.filter_text,
            start=date.fromordinal(visits.until),
            days=self.days,
            history_days=visits.length,
            people=int(visits.count[visits.left >= visits.until].sum()),
            growth=observed_growth(visits, visits.until) if growth is None else growth,
            scenario=growth is not None,
            weeks=self._periods(groups, _week),
            months=self._periods(groups, _month),
            totals=tuple(self._totals(groups)),
            past=tuple(self._past(groups)),
            backtest=backtest,
            backtest_days=self.replays.expected.shape[1],
            revenue=revenue,
            warnings=tuple(self._warnings(backtest, revenue)),
        )

    def _periods(
        self, groups: _Groups, name_of: Callable[[date], str]
    ) -> tuple[PeriodForecast, ...]:
        spread = self.of_week if name_of is _week else self._of_longer
        periods = _split(self.visits.until, self.days, name_of)
        return tuple(
            PeriodForecast(**row, period=name, start=start, days=days)
            for group, (expected, _) in groups.items()
            for name, start, place, days in periods
            for row in self._expectations(group, expected[place : place + days], spread)
        )

    @property
    def _of_longer(self) -> Numbers:
        """The spread of months: between weeks and the total, so the larger of these."""
        import numpy as np

        return np.maximum(self.of_week, self.of_total)

    def _expectations(self, group: str, expected: Numbers, spread: Numbers) -> list[dict[str, Any]]:
        """The expectation of each stage in some days; a group is at least as uncertain as usual."""
        import numpy as np

        states = [line.state for line in self.lines]
        sums, spread = expected.sum((0, 2))[states], spread[states]
        if group != EVERYBODY:
            spread = np.maximum(spread, USUAL_SPREAD)
        return [
            {
                "group": group, "stage": line.stage, "kind": line.kind, "expected": known + new,
                "known": known, "new": new, **dict(zip(_BOUNDS, bounds, strict=True)),
            }
            for line, (known, new), bounds in zip(
                self.lines, sums.tolist(), intervals(sums.sum(1), spread).astype(int).tolist(),
                strict=True,
            )
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

            def error(guess: Numbers, truth: Numbers = truth, count: float = count) -> float | None:
                return float(abs(guess - truth).sum()) / count if count else None

            yield BacktestResult(
                stage=stage,
                kind=kind,
                origins=len(replays.origins),
                entries=int(count),
                error=error(expected[:, state]),
                last_period_error=error(last[:, state]),
                last_year_error=None if year is None else error(year.sum(2)[:, state]),
                bias=float(expected[:, state].sum()) / count - 1 if count else None,
                weeks=weeks,
                **dict(zip(_HELD, lying[state].tolist(), strict=True)),
                spread=float(self.of_total[state]),
            )

    def _warnings(
        self, backtest: Iterable[BacktestResult], revenue: RevenueForecast | None
    ) -> Iterator[str]:
        visits, starts = self.visits, len(self.replays.origins)
        arrivals = visits.arrivals.sum((1, 2))
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
        if not arrivals[-_SILENT:].any():
            yield (
                f"nobody has arrived for {_SILENT} days or more: if people were not watched up to "
                "the end, say until when they were"
            )
        if starts < _TRIES:
            yield f"a backtest of {counted(starts, 'start')} says little; more history says more"
        path = {stage.name for stage in self.scope.model.path}
        for row in backtest:
            if row.stage in path and visits.entries[:, self._state(row)].any():
                yield from self._verdicts(row)
        if revenue is not None and (revenue.error or 0) > (revenue.last_period_error or 0):
            yield "revenue: do not use it: the amount of the last period was closer"

    def _state(self, row: BacktestResult) -> int:
        return next(place for *line, place in self.lines if line == [row.stage, row.kind])

    def _verdicts(self, row: BacktestResult) -> Iterator[str]:
        """What the backtest says against the forecast of a stage."""
        name = self.scope.model.stage(row.stage).display
        if row.kind == "contact":
            name = f"{name}, contacts"
        if row.entries < _FEW or row.error is None:
            yield f"{name}: {counted(row.entries, 'entry', 'entries')} in the backtest say little"
            return
        off = f"{name}: do not use it: the forecast was off by {percent(row.error)}"
        if row.failed:
            yield f"{off}, the number of the last period by {percent(row.last_period_error)}"
        elif row.error > _USELESS:
            yield off
        elif abs(row.bias or 0) > _BIASED:
            yield (
                f"{name}: on the whole, the forecast was {percent(abs(row.bias or 0))} too "
                f"{'high' if (row.bias or 0) > 0 else 'low'}"
            )
        if row.held_80 < _RELIABLE * row.weeks:
            yield (
                f"{name}: the 80 % interval held in {row.held_80} of {row.weeks} weeks: it is too "
                "narrow"
            )


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
