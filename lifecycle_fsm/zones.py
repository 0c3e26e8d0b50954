"""Time zones by name, as calendars, files and reports give them."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from lifecycle_fsm.errors import RecordError, suggest

#: Files beside the zones that contain the zone that the machine is set to.
_OF_THE_MACHINE = frozenset({"localtime", "posixrules"})


def find_zone(name: str) -> tzinfo:
    """The time zone with that name.

    Raises:
        RecordError: no zone has that name.
    """
    if name.upper() in ("UTC", "Z"):
        return UTC
    try:
        if name in _OF_THE_MACHINE:
            raise ZoneInfoNotFoundError(name)
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        from zoneinfo import available_timezones

        known = available_timezones() - _OF_THE_MACHINE
        if not known:
            raise RecordError(
                f"the zone {name!r} is not known, as this machine has no time zones: "
                "pip install tzdata"
            ) from None
        raise RecordError(
            f"there is no time zone {name!r}: write it as Europe/Berlin, America/New_York or "
            f"UTC{suggest(name, known)}"
        ) from None
