"""Windows in words, such as ``last month``, in the days of a zone (R58)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import cast

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.periods import Every, first_day, midnight, next_period
from lifecycle_fsm.funnel.scope import Window
from lifecycle_fsm.zones import find_zone

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
        unit = cast("Every", unit)
        first = first_day(at.astimezone(local).date(), unit)
        if which == "this" and count is None:
            return midnight(first, local), None
        earlier = next_period(first, unit, -int(count or 1))
        if which == "last" and count != "0" and earlier is not None:
            return midnight(earlier, local), midnight(first, local)
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
