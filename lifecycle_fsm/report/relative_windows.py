"""Windows in words, such as ``last month``, in the days of a zone (R58)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.scope import Window
from lifecycle_fsm.zones import find_zone

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_RELATIVE = re.compile(r"(this|last)(?: (\d{1,4}))? (day|week|month|quarter|year)s?")
_ABSOLUTE = re.compile(
    r"(?:since (?P<since>\S+)|before (?P<before>\S+)|(?P<from>\S+) to (?P<to>\S+))"
)
_ALIASES = {"today": "this day", "yesterday": "last day"}


def read_window(text: str, at: datetime, zone: str = "UTC") -> Window:
    """The window that a text names, from (included) and to (excluded).

    ``last month`` and ``last 90 days`` are whole periods before the one of ``at``, so that they are
    the same all day; ``this quarter`` begins with the period of ``at`` and is open. Others are
    ``all``, ``since 2025-01-01``, ``before 2025-04-01`` and ``2025-01-01 to 2025-04-01``.

    Args:
        text: the window.
        at: the instant of the report.
        zone: the zone in which days begin.

    Raises:
        LifecycleError: the text names no window.
    """
    words = " ".join(text.split())
    local = find_zone(zone)
    if words == "all":
        return None, None
    if relative := _RELATIVE.fullmatch(_ALIASES.get(words, words)):
        which, count, unit = relative.groups()
        first = _first_day(at.astimezone(local).date(), unit)
        try:
            if which == "this" and count is None:
                return _midnight(first, local), None
            if which == "last" and count != "0":
                earlier = _earlier(first, unit, int(count or 1))
                return _midnight(earlier, local), _midnight(first, local)
        except (ValueError, OverflowError):
            pass  # before the calendar begins
    elif absolute := _ABSOLUTE.fullmatch(words):
        try:
            start, end = (
                None if day is None else _instant(day, local)
                for day in (
                    absolute["since"] or absolute["from"], absolute["before"] or absolute["to"],
                )
            )  # fmt: skip
            return start, end
        except (ValueError, OverflowError):
            pass  # it is no day
    raise LifecycleError(
        f"{text!r} is no window: write all, today, this quarter, last month, last 90 days, "
        "since 2025-01-01, before 2025-04-01 or 2025-01-01 to 2025-04-01"
    )


def _instant(text: str, zone: tzinfo) -> datetime:
    at = datetime.fromisoformat(text)
    return (at.replace(tzinfo=zone) if at.tzinfo is None else at).astimezone(UTC)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _first_day(day: date, unit: str) -> date:
    """The first day of the period that contains a day."""
    if unit in _MONTHS:
        return date(day.year, (day.month - 1) // _MONTHS[unit] * _MONTHS[unit] + 1, 1)
    return day - timedelta(days=day.weekday() if unit == "week" else 0)


def _earlier(day: date, unit: str, count: int) -> date:
    """The first day of the period that began so many periods before a first day."""
    if unit in _MONTHS:
        months = day.year * 12 + day.month - 1 - count * _MONTHS[unit]
        return date(months // 12, months % 12 + 1, 1)
    return day - timedelta(days=count * (7 if unit == "week" else 1))
