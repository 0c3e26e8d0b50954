"""What a forecast says, as records for programs, tables and charts."""

from __future__ import annotations

from datetime import date, datetime
from math import sqrt
from typing import Any, Literal, TypeAlias

import attrs

from lifecycle_fsm.fields import utc_text

#: What entries are: of a stage; of the last stage of the path, which are wins; or of the last stage
#: by people whom the sort sent there, such as contacts of customers, which are none.
EntryKind: TypeAlias = Literal["stage", "win", "contact"]


@attrs.frozen(kw_only=True)
class Expectation:
    """How many entries of a stage to expect.

    Args:
        group: the group; empty for everybody.
        stage: the stage.
        kind: ``win`` for the last stage of the path, ``contact`` for people whom the sort sent
            there, else ``stage``.
        expected: the mean; ``known + new``.
        known: of these, entries by people who were there when the forecast was made.
        new: entries by people who arrive later.
        low_50, high_50, low_80, high_80, low_95, high_95: the bounds, included, between which the
            count is expected to lie with 50, 80 and 95 % probability.
    """

    group: str
    stage: str
    kind: EntryKind
    expected: float
    known: float
    new: float
    low_50: int
    high_50: int
    low_80: int
    high_80: int
    low_95: int
    high_95: int


@attrs.frozen(kw_only=True)
class PeriodForecast(Expectation):
    """The entries of one stage in one ISO week or month.

    Args:
        period: its name, such as ``2026-W02`` or ``2026-01``.
        start: the first of its days that the forecast covers.
        days: how many of its days the forecast covers.
    """

    period: str
    start: date
    days: int


@attrs.frozen(kw_only=True)
class TotalForecast(Expectation):
    """The entries of one stage in all days of the forecast.

    Args:
        last_period: the entries in as many days before the forecast.
        last_year: the entries in the same days of the year before; ``None`` if not all are known.
    """

    last_period: int
    last_year: int | None


@attrs.frozen(kw_only=True)
class PastWeek:
    """The entries of one stage in one past ISO week, of which ``days`` from ``start`` on are
    known."""

    group: str
    stage: str
    kind: EntryKind
    period: str
    start: date
    days: int
    entered: int


@attrs.frozen(kw_only=True)
class BacktestResult:
    """How earlier forecasts of a stage, as long as this one, did.

    Errors are the sum of absolute errors of the totals over the sum of the entries.

    Args:
        stage, kind: as in :class:`Expectation`.
        origins: how many earlier forecasts were made.
        entries: the entries in all their days.
        error: the error of the forecasts; ``None`` without entries.
        last_period_error: that of the number of as many days right before.
        last_year_error: that of the number of a year before; ``None`` if it is not known.
        bias: how much higher the forecasts were than the entries, as a share of these.
        weeks: how many weeks they forecast; ``held_50``, ``held_80`` and ``held_95`` are those in
            which the entries lay within the interval.
        spread: how far totals are off beyond chance, as a share; the intervals have it.
        latest, latest_expected: the entries of the latest of these forecasts, and what it expected.
    """

    stage: str
    kind: EntryKind
    origins: int
    entries: int
    error: float | None
    last_period_error: float | None
    last_year_error: float | None
    bias: float | None
    weeks: int
    held_50: int
    held_80: int
    held_95: int
    spread: float
    latest: int
    latest_expected: float

    @property
    def failed(self) -> bool:
        """Whether it was off by more than a tenth, and the number of the last period by less."""
        return (self.error or 0) > max(self.last_period_error or 0, 0.1)

    @property
    def jumped(self) -> bool:
        """Whether the latest of them was off by more than a quarter, and more than by chance."""
        mean, off = self.latest_expected, abs(self.latest - self.latest_expected)
        return off > max(mean / 4, 2 * sqrt(mean + (self.spread * mean) ** 2))


@attrs.frozen(kw_only=True)
class RevenueForecast:
    """The won amount to expect in the days of the forecast.

    Args:
        currency: the currency, if it is known.
        expected: the wins to expect times ``average``.
        average: the won amount of the last year for each win.
        low_80, high_80, low_95, high_95: the bounds of its intervals.
        last_period: the amount won in as many days before.
        error, last_period_error: as in :class:`BacktestResult`; ``None`` if they are not known.
    """

    currency: str | None
    expected: float
    average: float
    low_80: float
    high_80: float
    low_95: float
    high_95: float
    last_period: float
    error: float | None
    last_period_error: float | None


@attrs.frozen(kw_only=True)
class Forecast:
    """The entries of each stage to expect, and how far that can be trusted.

    Args:
        model: the name of the model; ``version`` is its version.
        until: the end of the known history.
        zone: the zone of days, weeks and months.
        by, where: the field that defines the groups, and the filter, as a guard.
        start: the first day of the forecast.
        days: how many days it covers.
        history_days: from how many days it was made.
        people: how many people were in a stage when it was made.
        growth: by how much more people are expected to arrive than a year before; ``None`` if the
            history is too short to tell.
        scenario: whether the growth was given, so that the numbers show what follows from it.
        weeks, months: the entries by period.
        totals: the entries in all days.
        past: the entries of the last 53 weeks, for a chart.
        backtest: how earlier forecasts did; ``backtest_days`` is how many days they covered.
        revenue: the won amount, if amounts were given.
        warnings: what to know before using the numbers.
    """

    model: str
    version: str
    until: datetime
    zone: str
    by: str | None
    where: str | None
    start: date
    days: int
    history_days: int
    people: int
    growth: float | None
    scenario: bool
    weeks: tuple[PeriodForecast, ...]
    months: tuple[PeriodForecast, ...]
    totals: tuple[TotalForecast, ...]
    past: tuple[PastWeek, ...]
    backtest: tuple[BacktestResult, ...]
    backtest_days: int
    revenue: RevenueForecast | None
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The forecast for programs: plain values, days and times in ISO 8601."""
        return attrs.asdict(self, value_serializer=_plain)


def _plain(record: Any, field: Any, value: Any) -> Any:
    if isinstance(value, datetime):
        return utc_text(value)
    return value.isoformat() if isinstance(value, date) else value
