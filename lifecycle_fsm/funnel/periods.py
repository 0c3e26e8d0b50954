"""Days, weeks, months, quarters and years of a zone, as instants in UTC [S4]."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal, TypeAlias, get_args

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.scope import Scope
from lifecycle_fsm.zones import find_zone

Every: TypeAlias = Literal["day", "week", "month", "quarter", "year"]

_FIRST, _LAST = (one.replace(tzinfo=UTC) for one in (datetime.min, datetime.max))  # noqa: DTZ901


@attrs.frozen
class Period:
    """A part of the window, from ``start`` (included) to ``end`` (excluded); ``None`` is open.

    ``whole`` is whether it is as long as its name says: the first and the last may be cut by the
    window, or by the end of what is known.
    """

    name: str
    start: datetime | None
    end: datetime | None
    whole: bool


def periods(scope: Scope, every: Every | None = None) -> tuple[Period, ...]:
    """The periods of a window in their order, without a gap; the window itself without ``every``.

    They begin with the window, or with the period of the first row; they end with the window, or
    with the period up to which the history is known.

    Raises:
        LifecycleError: there is no such period.
    """
    if every is None:
        return (Period("window", scope.start, scope.end, whole=True),)
    if every not in get_args(Every):
        raise LifecycleError(
            f"no period named {every!r}: use 'day', 'week', 'month', 'quarter' or 'year'"
        )
    first = scope.start
    if first is None:
        first = min((walk[0].entered for walk in scope.walks), default=None)
    if first is None or scope.until is None or first > scope.until:
        return ()
    zone = find_zone(scope.zone)
    day = _floor(first.astimezone(zone).date(), every)
    found: list[Period] = []
    while True:
        begins = _midnight(day, zone)
        after = _next(day, every)
        ends = None if after is None else _midnight(after, zone)
        start = begins if scope.start is None else max(begins, scope.start)
        end = ends if scope.end is None else scope.end if ends is None else min(ends, scope.end)
        whole = start == begins and end == ends and ends is not None and ends <= scope.until
        if scope.end is None or start < scope.end:
            found.append(Period(_name(day, every), start, end, whole))
        if after is None or end is None or end != ends or _all_is_over(scope, end):
            return tuple(found)
        day = after


def _all_is_over(scope: Scope, at: datetime) -> bool:
    """Whether nothing is known from then on; what is known includes its last instant."""
    if scope.until is None or at > scope.until:
        return True
    return at == scope.until and not any(
        at in (walk[-1].entered, walk[-1].left) for walk in scope.walks
    )


def _midnight(day: date, zone: tzinfo) -> datetime:
    """When a day begins; where clocks skip midnight, with the first time that exists."""
    try:
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    except OverflowError:  # the ends of the calendar
        return _FIRST if day.year == 1 else _LAST


def _floor(day: date, every: Every) -> date:
    match every:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case "year":
            return day.replace(month=1, day=1)
    return day


def _next(day: date, every: Every) -> date | None:
    """The first day of the next period; nothing at the end of the calendar."""
    try:
        match every:
            case "day":
                return day + timedelta(days=1)
            case "week":
                return day + timedelta(days=7)
            case "year":
                return day.replace(year=day.year + 1)
        months = day.year * 12 + day.month - 1 + (3 if every == "quarter" else 1)
        return date(months // 12, months % 12 + 1, 1)
    except (ValueError, OverflowError):
        return None


def _name(day: date, every: Every) -> str:
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
