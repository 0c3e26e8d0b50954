"""Patterns of the times in a text, which give upper bounds for its rows without binding them.

Each line has a key for each column of times. If all times of the column have one form and one zone,
the key is the time as written, so that the order of the texts is that of the instants; otherwise it
is only the day. A line without a time, or with something that cannot be a time, has no key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.tables.times import TimeReader

_DAY = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_FORM = re.compile(
    rb"(" + _DAY + rb"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?)"
    rb"(Z|[+-][0-9]{2}:?[0-9]{2}| UTC)?"
)
#: How a time in ISO 8601 never begins: with a sign, a letter, or fewer than four digits. An
#: apostrophe (in a CSV) or a backslash (in JSON) may precede anything.
_NO_TIME = rb"(?![0-9]{4})(?=[!#-&(-\[\]-~])"

LAST = datetime.max.replace(tzinfo=UTC)
_LONGEST = 40  # a time with its zone
_TWO_DAYS = timedelta(days=2)
_MOST_DAYS = 7

#: A place in a line, the number of the column, and the key there.
Key: TypeAlias = tuple[int, int, bytes]


@attrs.frozen
class TimeColumn:
    """A column of times, the readers for it, and the form of its times."""

    name: str
    clocks: tuple[TimeReader, ...]
    digits: bytes = _DAY
    zone: bytes = b""
    #: Whether the key is the entire time, and not only its day.
    whole: bool = False

    def with_form_of(self, text: bytes) -> TimeColumn:
        """The column, if all of its times are written like this first one."""
        form = _FORM.match(text)
        if form is None:
            return self
        digits = re.sub(rb"[0-9]", rb"[0-9]", form[1].replace(b".", rb"\."))
        return attrs.evolve(self, digits=digits, zone=form[2] or b"", whole=True)

    @property
    def pattern(self) -> bytes:
        """Matches a time of this form, with its key as a group."""
        return rb"(" + self.digits + rb")" + re.escape(self.zone)

    def instant(self, key: bytes) -> datetime | None:
        """An upper bound of the times with this key; None if the key is no time."""
        if self.whole:
            return instant_of((key + self.zone).decode(), self.clocks)
        try:
            day = datetime.fromisoformat(key.decode()).replace(tzinfo=UTC)
        except ValueError:
            return None
        return _two_days_after(day)  # the day may end a day later in another zone

    def latest(self, key: bytes) -> datetime:
        """An upper bound of the times with this key or an earlier one."""
        instant = self.instant(key)
        if instant is None:
            return LAST
        same_zone = not self.whole or bool(self.zone)
        return instant if same_zone else latest_on_wall(instant, self.clocks)


class CsvTimes:
    """Times in a CSV.

    Args:
        columns: the columns of times.
        places: their places in a line, counted from 0.
        mark: the delimiter, one ASCII character.
    """

    def __init__(self, columns: Sequence[TimeColumn], places: Sequence[int], mark: bytes) -> None:
        self.columns = columns
        self._places, self._mark = places, mark
        sign, last = re.escape(mark), max(places)
        end = rb"(?=[" + sign + rb"\r\n]|\Z)"
        bare, quoted = rb"[^" + sign + rb"\n]*+", rb"\"[^\"\n]*+(?:\"\"[^\"\n]*+)*+\""
        unquoted = rb"[^\"" + sign + rb"\n]*+"
        self._whole = all(column.whole for column in columns)
        # This pattern takes most of the time. It is fastest if a cell may run on into the next
        # line; then there are fewer matches than lines.
        plain = [rb"[^" + sign + rb"]*+" if self._whole else bare] * (last + 1)
        either = [rb"(?:" + quoted + rb"|" + unquoted + rb")"] * (last + 1)
        for column, place in zip(columns, places, strict=True):
            plain[place] = _cell(column, sign, bare) + end
            inside = rb"\"" + _cell(column, rb"\"", rb"[^\"\n]*+") + rb"\""
            either[place] = rb"(?:" + inside + rb"|" + _cell(column, sign, unquoted) + rb")" + end
        rest = rb"(?:" + sign + rb"(?:" + quoted + rb"|" + unquoted + rb"))*+\r?(?:\n|\Z)"
        start = rb"^(?!\Z)"
        self._plain = re.compile(start + sign.join(plain) + rb"[^\n]*+\n?", re.MULTILINE)
        self._quoted = re.compile(start + sign.join(either) + rest, re.MULTILINE)
        fewer = start + rb"(?:" + bare + sign + rb"){0,%d}+" % max(last - 1, 0) + bare + rb"$"
        self._short = re.compile(fewer, re.MULTILINE)

    def latest(self, block: bytes, lines: int) -> list[bytes] | None:
        """The greatest key of each column, if each line is a record of its own."""
        if not _ends_lines_alike(block):
            return None
        if b'"' in block:
            keys = self._quoted.findall(block)
            if len(keys) != lines:
                return None
            both = [*map(max, zip(*keys, strict=True))]  # with quotes, and without
            return [*map(max, both[::2], both[1::2])]
        keys = self._plain.findall(block)
        if len(keys) != lines and (self._whole or len(keys) + self._too_short(block) != lines):
            return None
        if not keys:
            return [b""] * len(self.columns)
        return [max(keys)] if len(self.columns) == 1 else [*map(max, zip(*keys, strict=True))]

    def are_records(self, block: bytes, lines: int) -> bool:
        """Whether each line is a record of its own."""
        return _ends_lines_alike(block) and (
            b'"' not in block or len(self._quoted.findall(block)) == lines
        )

    def _too_short(self, block: bytes) -> int:
        """How many lines end before the last of the columns: these are not rows of the table."""
        return len(self._short.findall(block)) if max(self._places) else 0

    def keys(self, block: bytes) -> Iterator[Key]:
        """All keys; in a line with quotes there are two groups for each column."""
        pattern, groups = (self._quoted, 2) if b'"' in block else (self._plain, 1)
        for line in pattern.finditer(block):
            for group, key in enumerate(line.groups()):
                if key:
                    yield line.start(group + 1), group // groups, key

    def with_columns(self, columns: Sequence[TimeColumn]) -> CsvTimes:
        """The patterns of the same file for times of other forms."""
        return CsvTimes(columns, self._places, self._mark)


def _ends_lines_alike(block: bytes) -> bool:
    """Whether carriage returns stand only at the ends of lines."""
    if b"\r" not in block:
        return True
    return block.count(b"\r") == block.count(b"\r\n") + block.endswith(b"\r")


def _cell(column: TimeColumn, end: bytes, rest: bytes) -> bytes:
    """The pattern of a cell of times up to its end, with a time of the column or without one."""
    if column.whole:
        return rb"(?:" + column.pattern + rb")?+"
    nothing = rb"(?=[" + end + rb"\r\n]|\Z)|" + _NO_TIME
    return rb" *+(?:" + column.pattern + rb"|" + nothing + rb")" + rest


class JsonTimes:
    """Times in lines of JSON, under plain ASCII keys; only texts are times."""

    def __init__(self, columns: Sequence[TimeColumn]) -> None:
        self.columns = columns
        self._names = [re.escape(f'"{column.name}"').encode() + rb"\s*:\s*" for column in columns]
        self._values = [
            re.compile(name + _json_value(column))
            for name, column in zip(self._names, columns, strict=True)
        ]

    def latest(self, block: bytes, lines: int) -> list[bytes] | None:
        """The greatest key of each column; each line is a record, whatever it contains."""
        greatest = []
        for name, value, column in zip(self._names, self._values, self.columns, strict=True):
            keys = value.findall(block)
            if len(keys) != block.count(f'"{column.name}"'.encode()) and len(keys) != len(
                re.findall(name, block)
            ):
                return None
            greatest.append(max(keys, default=b""))
        return greatest

    def are_records(self, block: bytes, lines: int) -> bool:
        """Whether each line is a record of its own, which it always is in this format."""
        return True

    def keys(self, block: bytes) -> Iterator[Key]:
        """All keys, column by column."""
        for number, value in enumerate(self._values):
            for match in value.finditer(block):
                if match[1]:
                    yield match.start(1), number, match[1]

    def with_columns(self, columns: Sequence[TimeColumn]) -> JsonTimes:
        """The patterns of the same file for times of other forms."""
        return JsonTimes(columns)


def _json_value(column: TimeColumn) -> bytes:
    other = rb"|(?=[^\"\s])"
    if column.whole:
        return rb"(?:\"(?:" + column.pattern + rb")?+\"" + other + rb")"
    nothing = rb"(?=\")|" + _NO_TIME
    return rb"(?:\"\s*+(?:" + column.pattern + rb"|" + nothing + rb")" + other + rb")"


#: The patterns that show the times in the text of some lines.
TimePatterns: TypeAlias = CsvTimes | JsonTimes


def with_forms_of(patterns: TimePatterns, block: bytes) -> TimePatterns:
    """Patterns of times that are written like the first ones of a block."""
    columns = list(patterns.columns)
    waiting = set(range(len(columns)))
    for place, number, _ in patterns.keys(block):
        if number in waiting:
            columns[number] = columns[number].with_form_of(block[place : place + _LONGEST])
            waiting.discard(number)
        if not waiting:
            break
    return patterns.with_columns(columns)


def latest_of(columns: Sequence[TimeColumn], keys: Iterable[bytes]) -> datetime | None:
    """An upper bound of the times in rows whose greatest keys are these, one for each column; None
    if there is no time at all."""
    instants = (column.latest(key) for column, key in zip(columns, keys, strict=True) if key)
    return max(instants, default=None)


def days_behind(end: datetime, keys: Iterable[bytes]) -> list[bytes]:
    """The days, as texts, that can have times later than ``end`` if these are the greatest keys;
    empty if there are many, or if they are unknown."""
    try:
        last = max(date.fromisoformat(key[:10].decode()) for key in keys if key)
        first = (end - _TWO_DAYS).date()
    except (ValueError, OverflowError):
        return []
    count = (last - first).days + 1
    if count > _MOST_DAYS:
        return []
    return [str(first + timedelta(days=day)).encode() for day in range(count)]


def instant_of(raw: Any, clocks: Iterable[TimeReader]) -> datetime | None:
    """The latest instant that a time means to one of these readers; None if it is no time."""
    instants = []
    for clock in clocks:
        with suppress(RecordError):
            instants.append(clock.read(raw))
    return max(instants, default=None)


def latest_on_wall(instant: datetime, clocks: Iterable[TimeReader]) -> datetime:
    """An upper bound of the instants whose local time is no later than that of this instant.

    When clocks go back, or when a zone skips or repeats a day, an earlier local time may be a later
    instant.
    """
    return instant if all(clock.zone is UTC for clock in clocks) else _two_days_after(instant)


def _two_days_after(instant: datetime) -> datetime:
    """Two days later, or the last possible instant."""
    return LAST if instant > LAST - _TWO_DAYS else instant + _TWO_DAYS
