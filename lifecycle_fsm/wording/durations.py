"""How long something was: one rounding for stories, sheets, tables and pictures.

A length has one unit, the largest that says enough, and is rounded to the nearest of it. A few days
keep a tenth.
"""

from __future__ import annotations

from datetime import timedelta

_DAY = timedelta(days=1)
# The unit, what it is called, and up to how many of it are told.
_UNITS = (
    (timedelta(seconds=1), "second", "s", 59),
    (timedelta(minutes=1), "minute", "min", 90),
    (timedelta(hours=1), "hour", "h", 47),
)


def lasting(length: timedelta) -> str:
    """How long something was, as one would say it: ``2 hours``, ``3 days``, ``3.5 days``."""
    number, unit, _ = _rounded(length)
    if unit == "second":
        return "less than a minute" if length >= timedelta(seconds=1) else "no time"
    number = number.removesuffix(".0")
    return f"{number} {unit}{'' if number == '1' else 's'}"


def duration(length: timedelta) -> str:
    """The same in a table or a picture: ``40 s``, ``2 h``, ``3.0 d``, ``3.5 d``."""
    number, _, sign = _rounded(length)
    return f"{number} {sign}"


def _rounded(length: timedelta) -> tuple[str, str, str]:
    """The number, and its unit as a word and as a sign."""
    for size, unit, sign, most in _UNITS:
        count = _nearest(length, size)
        if count <= most:
            return str(count), unit, sign
    tenths = _nearest(length, _DAY / 10)
    number = f"{tenths / 10:.1f}" if tenths < 100 else f"{_nearest(length, _DAY):,}"
    return number, "day", "d"


def _nearest(length: timedelta, size: timedelta) -> int:
    return (length + size / 2) // size
