"""Words, lengths of time, numbers, shares and instants in a uniform readable form.

A length of time has one unit, the largest that is precise enough, and is rounded to the nearest
multiple of it. A few days keep a tenth.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo

from lifecycle_fsm.zones import find_zone

# Control characters, and the marks that make a terminal write from right to left.
_STEERING = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e]")
_ABBREVIATIONS = frozenset("ae bdr crm icp mal mql sal sdr sla sql".split())
_DAY = timedelta(days=1)
# The unit, its name, its sign, and the largest count that uses it.
_UNITS = (
    (timedelta(seconds=1), "second", "s", 59),
    (timedelta(minutes=1), "minute", "min", 90),
    (timedelta(hours=1), "hour", "h", 47),
)


def clean(text: str) -> str:
    """The text in a form for any output: one line, without characters that XML refuses."""
    return " ".join(visible(text).split())


def visible(text: str) -> str:
    """The text with a space for each character that cannot be shown."""
    if text.isprintable():  # nearly every text, and fast for any length
        return text
    return "".join(letter if letter.isprintable() else " " for letter in text)


def harmless(text: str) -> str:
    """The text for a terminal, with control characters and direction marks escaped.

    Newlines and tabs stay. The escape means the same in JSON and TOML.
    """
    return _STEERING.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)


def plain(name: str) -> str:
    """A name as words, with common abbreviations in capitals: "MQL threshold"."""
    words = clean(name.replace("_", " ")).split(" ")
    return " ".join(word.upper() if word in _ABBREVIATIONS else word for word in words)


def isolated(text: str) -> str:
    """The text, with marks around letters that run from right to left: in a sentence, what stands
    beside it keeps its side."""
    if any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text):
        return f"\u2068{text}\u2069"
    return text


def sentence(text: str) -> str:
    """The words with an initial capital."""
    return text[:1].upper() + text[1:]


def joined(parts: Iterable[str], last: str = "and") -> str:
    """``a, b and c``."""
    *before, end = list(parts) or [""]
    return f"{', '.join(before)} {last} {end}" if before else end


def counted(count: int, noun: str, several: str = "") -> str:
    """A number and its noun: ``1 row``, ``8,000 rows``, ``2 people``."""
    return f"{count:,} {noun if count == 1 else several or f'{noun}s'}"


# ------------------------------------------------------------------ time, numbers


def lasting(length: timedelta) -> str:
    """A length of time as in a sentence: ``2 hours``, ``3 days``, ``3.5 days``."""
    number, unit, _ = _rounded(length)
    if unit == "second":
        return "less than a minute" if length >= timedelta(seconds=1) else "no time"
    number = number.removesuffix(".0")
    return f"{number} {unit}{'' if number == '1' else 's'}"


def duration(length: timedelta | None, unknown: str = "–") -> str:
    """A length of time as in a table or a picture: ``40 s``, ``2 h``, ``3.0 d``, ``3.5 d``."""
    if length is None:
        return unknown
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


def format_number(value: float) -> str:
    """``12,345``, ``−0.5``."""
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"
    return text.replace("-", "−")


def format_signed(value: float) -> str:
    """``+5``, ``−5``."""
    return f"+{format_number(value)}" if value >= 0 else format_number(value)


def format_amount(value: float | None, currency: str | None = None) -> str:
    """Money, or another decimal number: ``1,234.50``, with its currency ``1,234.50 EUR``."""
    if value is None:
        return "no amount"
    text = f"{value:,.2f}".removesuffix(".00").replace("-", "−")
    return f"{text} {currency}" if currency else text


def percent(share: float | None) -> str:
    """A share: ``27%``, with one decimal if it is small."""
    if share is None:
        return "–"
    value = share * 100
    if 0 < value < 0.05:
        return "<0.1%"
    return f"{value:.1f}%" if 0 < value < 9.95 else f"{value:.0f}%"


def decimal_percent(value: float) -> str:
    """A percentage for a column of percentages: ``12.5 %``."""
    return f"{value:.1f} %"


def format_day(at: datetime, zone: tzinfo, *, clock: bool = False) -> str:
    """The day of an instant: ``3 Mar 2025``; with ``clock`` also the time: ``3 Mar 2025 10:14``."""
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y %H:%M}" if clock else f"{local.day} {local:%b %Y}"


def format_date(at: datetime, zone: str) -> str:
    """The ISO date of an instant: ``2025-03-31``."""
    return f"{at.astimezone(find_zone(zone)):%Y-%m-%d}"


def format_instant(at: datetime, zone: str) -> str:
    """An instant with its zone: ``2025-03-31 09:00 (UTC)``."""
    return f"{at.astimezone(find_zone(zone)):%Y-%m-%d %H:%M} ({zone})"
