"""The rows that may be about some persons, told by their text alone: what is not wanted of a large
file need not be bound to be passed over.

A row is wanted if one of the ids stands in it, whatever it is there, or if it is of the last days
of the file: when all of it ends is known as well then. Of a file whose rows do not show that in
their text nothing is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, TypeAlias

from lifecycle_fsm.rows import MAX_LINE
from lifecycle_fsm.tables.binding import BoundFile
from lifecycle_fsm.tables.mapping import FileMapping, ValueSource

_BLOCK = 4 << 20
_DAY = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}"
#: The day in the text of a time and its day in UTC are at most one apart, in any zone.
_LAST_DAYS = 3
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.@:+-]+")
#: What activities bring that names another record of the same person.
_RECORDS = frozenset({"loser", "contact"})


def sift(file: BoundFile, ids: Iterable[str]) -> datetime | None:
    """Leave out what is not wanted of a file, of which nothing but its header has been read.

    Returns:
        an instant that all is before that was left out; nothing where nothing is.
    """
    ids = tuple(ids)
    lines, mapping = file.table.lines, file.mapping
    if lines is None or not all(map(_PLAIN_ID.fullmatch, ids)) or not _shows_records(mapping):
        return None
    columns = _time_columns(mapping)
    if columns is None:
        return None
    if file.table.columns is None:
        last = _last_day(Path(file.table.name), 0, _days_in_json(columns))
    else:
        places = sorted({file.table.columns.index(column) for column in columns})
        days = _days_in_csv(places, re.escape(file.table.delimiter).encode())
        last = _last_day(Path(file.table.name), lines.number, days)
    if last is None:
        return None
    json = file.table.columns is None or any(give.payload_column for give in mapping.gives)
    lines.sieve = _sieve(lines.text, ids, last, json=json)
    return datetime(last.year, last.month, last.day, tzinfo=UTC) - timedelta(days=1)


def as_words(ids: Iterable[str]) -> str:
    """The pattern of a text in which one of these ids stands for itself, and not in another."""
    either = "|".join(map(re.escape, sorted(ids)))
    return rf"(?<![A-Za-z0-9_])(?:{either})(?![A-Za-z0-9_])"


def _shows_records(mapping: FileMapping) -> bool:
    """Do the ids of persons stand in columns as they are, not translated and not put together?"""
    brought = [give.payload for give in mapping.gives]
    other = (one[name] for one in brought for name in _RECORDS & one.keys())
    return all(map(_is_plain, (mapping.person, *other)))


def _time_columns(mapping: FileMapping) -> set[str] | None:
    """The columns of the times, if these are written as ISO 8601 wants it."""
    times = [give.at for give in mapping.gives]
    if not times or not all(_is_plain(time) and time.times.format is None for time in times):
        return None
    return {time.column for time in times if time.column is not None}


def _is_plain(source: ValueSource) -> bool:
    translated = source.values or source.otherwise is not None or source.if_empty is not None
    return source.column is not None and not translated


def _sieve(
    text: IO[str], ids: tuple[str, ...], last: date, *, json: bool
) -> Callable[[], tuple[int, str]]:
    """Reads on to a line in which one of the ids stands as a word, or one of the last days."""
    either = "|".join(map(re.escape, ids))
    signs = [str(last - timedelta(days=one)) for one in range(_LAST_DAYS)] + list(ids)
    # What JSON may write in another way: a letter, a space before it, a number with its power.
    other = rf"|\\u00|\\[bfnrt](?:{either})|[0-9][eE]" if json else ""
    signs += ["\\"] if json else []
    signs += ["e", "E"] if json and any(map(str.isdigit, ids)) else []
    search = re.compile("|".join([*signs[:_LAST_DAYS], as_words(ids)]) + other).search
    readline = text.readline

    def read() -> tuple[int, str]:
        left_out = 0
        while line := readline(MAX_LINE + 1):
            if line[-1] != "\n":  # the last, or too long: its rest comes next
                return left_out, line
            for sign in signs:
                if sign in line:
                    if search(line) is not None:
                        return left_out, line
                    break
            left_out += 1
        return left_out, ""

    return read


# -- the last day of a file ----------------------------------------------------------------------

#: The days in some lines; nothing where a line has a time that is written in another way, or is no
#: record of its own.
_Days: TypeAlias = Callable[[bytes, int], list[bytes] | None]


def _last_day(path: Path, header: int, days_in: _Days) -> date | None:
    latest = b""
    with path.open("rb") as file:
        for _ in range(header):
            file.readline()
        while block := file.read(_BLOCK) + file.readline():
            text = block.removesuffix(b"\n")
            found = days_in(text, text.count(b"\n") + 1)
            if found is None:
                return None
            latest = max(latest, *found) if found else latest
    try:
        return date.fromisoformat(latest.decode())
    except ValueError:
        return None


def _days_in_csv(places: list[int], mark: bytes) -> _Days:
    def line(value: bytes, day: bytes, rest: bytes) -> re.Pattern[bytes]:
        wanted = [day if place in places else value for place in range(places[-1] + 1)]
        return re.compile(rb"^" + mark.join(wanted) + rest, re.MULTILINE)

    bare = rb"[^" + mark + rb"\n]*"
    simple = line(bare, rb" *(?:(" + _DAY + rb")|(?=" + mark + rb"|\r?$))" + bare, b"")
    bare = rb"[^\"" + mark + rb"\n]*"
    value = rb"(?:\"(?:[^\"\n]|\"\")*\"|" + bare + rb")"
    day = rb"\"? *(?:(" + _DAY + rb")|(?=\"|" + mark + rb"|\r?$))" + bare + rb"\"?"
    quoted = line(value, day, rb"(?:" + mark + value + rb")*\r?$")

    def days(text: bytes, lines: int) -> list[bytes] | None:
        if text.count(b"\r") != text.count(b"\r\n") + text.endswith(b"\r"):
            return None
        found = (quoted if b'"' in text else simple).findall(text)
        if len(found) != lines:
            return None
        return found if len(places) == 1 else [day for one in found for day in one]

    return days


def _days_in_json(columns: set[str]) -> _Days:
    keys = [re.escape(f'"{column}"').encode() + rb"\s*:\s*" for column in columns]
    patterns = [
        (re.compile(key), re.compile(key + rb'(?:"\s*(' + _DAY + rb')|null|"")')) for key in keys
    ]

    def days(text: bytes, lines: int) -> list[bytes] | None:
        every: list[bytes] = []
        for key, value in patterns:
            found = value.findall(text)
            if len(key.findall(text)) != len(found):
                return None
            every += found
        return every

    return days
