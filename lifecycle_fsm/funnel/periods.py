"""Days, weeks, months, quarters and years of a zone, as instants in UTC [S4] (R58)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal, TypeAlias, get_args

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.parts import InParts, Measuring
from lifecycle_fsm.funnel.scope import Scope
from lifecycle_fsm.zones import find_zone

Every: TypeAlias = Literal["day", "week", "month", "quarter", "year"]
#: How many months a period has, if it is made of months.
_MONTHS: Mapping[str, int] = {"month": 1, "quarter": 3, "year": 12}

_FIRST, _LAST = (at.replace(tzinfo=UTC) for at in (datetime.min, datetime.max))  # noqa: DTZ901


@attrs.frozen
class Period:
    """A part of the window, from ``start`` (included) to ``end`` (excluded); ``None`` is open.

    ``whole`` says whether it has its full length: the window, or the end of the known history, may
    cut the first and the last.
    """

    name: str
    start: datetime | None
    end: datetime | None
    whole: bool


def check_period(every: str) -> None:
    """Check that a period has this name.

    Raises:
        LifecycleError: there is none.
    """
    if every not in get_args(Every):
        raise LifecycleError(
            f"no period named {every!r}: use 'day', 'week', 'month', 'quarter' or 'year'"
        )


@InParts
def periods(scope: Scope, every: Every | None = None) -> Measuring[tuple[Period, ...]]:
    """The periods of a window in order, without gaps; without ``every``, the window itself.

    They begin with the window or with the period of the first row. They end with the window or with
    the period in which the known history ends.

    Raises:
        LifecycleError: the period is unknown.
    """
    if every is None:
        return (Period("window", scope.start, scope.end, whole=True),)
    check_period(every)
    began, moves_last = None, False
    while (walks := (yield)) is not None:
        for walk in walks:
            began = walk[0].entered if began is None else min(began, walk[0].entered)
            moves_last = moves_last or scope.until in (walk[-1].entered, walk[-1].left)
    first = began if scope.start is None else scope.start
    if first is None or scope.until is None or first > scope.until:
        return ()
    zone = find_zone(scope.zone)
    day = first_day(first.astimezone(zone).date(), every)
    periods: list[Period] = []
    while True:
        begins = midnight(day, zone)
        after = next_period(day, every)
        ends = None if after is None else midnight(after, zone)
        start = begins if scope.start is None else max(begins, scope.start)
        end = ends if scope.end is None else scope.end if ends is None else min(ends, scope.end)
        whole = start == begins and end == ends and ends is not None and ends <= scope.until
        if scope.end is None or start < scope.end:
            periods.append(Period(period_name(day, every), start, end, whole))
        # The known history includes its last instant.
        over = end is None or end > scope.until or (end == scope.until and not moves_last)
        if after is None or end != ends or over:
            return tuple(periods)
        day = after


def midnight(day: date, zone: tzinfo) -> datetime:
    """When a day begins; if clocks skip midnight, the first time that exists."""
    try:
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    except OverflowError:  # the ends of the calendar
        return _FIRST if day.year == 1 else _LAST


def first_day(day: date, every: Every) -> date:
    """The first day of the period that contains a day."""
    if every in _MONTHS:
        months = _months(day)
        return _month(months - months % _MONTHS[every])
    return day - timedelta(days=day.weekday() if every == "week" else 0)


def next_period(day: date, every: Every, count: int = 1) -> date | None:
    """The first day of the period that begins so many periods later, or earlier; ``None`` outside
    of the calendar."""
    try:
        if every in _MONTHS:
            return _month(_months(day) + count * _MONTHS[every])
        return day + timedelta(days=count * (7 if every == "week" else 1))
    except (ValueError, OverflowError):
        return None


def _months(day: date) -> int:
    return day.year * 12 + day.month - 1


def _month(months: int) -> date:
    return date(months // 12, months % 12 + 1, 1)


def period_name(day: date, every: Every) -> str:
    """The name of the period that begins with a day: ``2024-03``, ``2024-W09``."""
    match every:
        case "week":
            year, week, _ = day.isocalendar()
            return f"{year}-W{week:02}"
        case "month":
            return f"{day:%Y-%m}"
        case "quarter":
            return f"{day.year}-Q{(day.month + 2) // 3}"
        case "year":
            return str(day.year)
    return day.isoformat()
