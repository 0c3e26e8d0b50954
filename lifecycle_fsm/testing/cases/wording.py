"""People as an operations person reads them: ``behavior_score = 64, last_lost_at = 30 days ago``.

Times are told relative to *now*, which for every person of a table is the same instant; an instant
that the model itself names stands as a date. What is written can be read back without loss.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from lifecycle_fsm.errors import RecordError, suggest
from lifecycle_fsm.fields import FieldType, Value

MISSING, NOW_WORD = "missing", "now"
_DAY = timedelta(days=1)
_PLAIN = re.compile(r"[\w.@:/&+-]+(?: [\w.@:/&+-]+)*")
_PART = re.compile(r'\s*([\w.()]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^,"]*?)\s*(?:,|$)')
_AGE = re.compile(
    r"(?:(?P<days>\d+) days?)? ?(?:(?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)(?:\.(?P<micro>\d{6}))?)?"
)


def said(values: Mapping[str, Value], now: datetime) -> str:
    """The values by name, as one line."""
    return ", ".join(f"{name} = {value_said(value, now)}" for name, value in values.items())


def value_said(value: Value, now: datetime) -> str:
    """One value; a text in quotes where it could be taken for something else."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return _time_said(value, now)
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value not in (MISSING, NOW_WORD)
        return value if plain else json.dumps(value, ensure_ascii=False)
    return repr(value)


def _time_said(value: datetime, now: datetime) -> str:
    if value == now:
        return NOW_WORD
    # The people live at noon. What is next to a midnight stands so in the model: as a date.
    midnight = value.replace(hour=0, minute=0, second=0, microsecond=0)
    if min(value - midnight, midnight + _DAY - value) <= timedelta(seconds=1):
        return value.isoformat().replace("+00:00", "Z").replace("T00:00:00Z", "")
    age = length_said(abs(now - value))
    return f"{age} ago" if value < now else f"in {age}"


def length_said(length: timedelta) -> str:
    """A length of time that is not negative, such as ``89 days 23:59:59``."""
    rest = length - length.days * _DAY
    parts = []
    if length.days or not rest:
        parts.append(f"{length.days} day{'' if length.days == 1 else 's'}")
    if rest:
        seconds, micro = rest.seconds, rest.microseconds
        clock = f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
        parts.append(clock + (f".{micro:06}" if micro else ""))
    return " ".join(parts)


def length_read(text: str) -> timedelta:
    """The length that such words name.

    Raises:
        RecordError: they name none.
    """
    found = _AGE.fullmatch(text.strip())
    if not text.strip() or found is None or not any(found.groups()):
        raise RecordError(f"{text!r} is no length of time: write 30 days, or 29 days 23:59:59")
    number = {name: int(part or 0) for name, part in found.groupdict().items()}
    return timedelta(
        days=number["days"],
        hours=number["h"],
        minutes=number["m"],
        seconds=number["s"],
        microseconds=number["micro"],
    )


def read(text: str, types: Mapping[str, FieldType], now: datetime) -> dict[str, Value]:
    """The values that a line tells, by name.

    Raises:
        RecordError: it is no such line, there is no such field, or it does not take the value.
    """
    found: dict[str, Value] = {}
    place = 0
    while place < len(text):
        part = _PART.match(text, place)
        if part is None:
            raise RecordError(f"{text[place:]!r} is not understood: write field = value, …")
        name, words = part.groups()
        if name not in types:
            raise RecordError(f"no field named {name!r}{suggest(name, types)}")
        try:
            found[name] = value_read(words, types[name], now)
        except RecordError as error:
            raise RecordError(f"{name}: {error}") from None
        place = part.end()
    return found


def value_read(words: str, kind: FieldType, now: datetime) -> Value:
    """The value that the words stand for in a field of this type.

    Raises:
        RecordError: the field does not take it.
    """
    if words == MISSING:
        return None
    if words.startswith('"'):
        try:
            text = json.loads(words)
        except ValueError:
            raise RecordError(f"{words} is no text in quotes") from None
        # Nobody can give an empty text, but a field that nobody has set may hold one [S4].
        return text if text == kind.empty else kind.accept(text)
    if kind.kind == "datetime":
        return _time_read(words, kind, now)
    return kind.accept(words)


def _time_read(words: str, kind: FieldType, now: datetime) -> Value:
    if words == NOW_WORD:
        return now
    try:
        if words.endswith(" ago"):
            return (now - length_read(words.removesuffix(" ago"))).astimezone(UTC)
        if words.startswith("in "):
            return (now + length_read(words.removeprefix("in "))).astimezone(UTC)
    except OverflowError:
        raise RecordError(f"{words!r} is further away than there are years") from None
    return kind.accept(words)
