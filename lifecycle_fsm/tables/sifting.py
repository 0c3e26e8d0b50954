"""The rows that may be about some persons, told before they are bound: of a large file, what is not
wanted need not be bound to be passed over.

A row is wanted if one of the ids stands in it, whatever it is there. The others are asked for one
thing only, the time of the last activity: those that may be it are bound, the latest first, until
one of them can be used. From the first part of a file on that does not show so much, all is read as
ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lifecycle_fsm.tables.binding import BoundFile
from lifecycle_fsm.tables.left_out import Remainder
from lifecycle_fsm.tables.mapping import FileMapping, ValueSource
from lifecycle_fsm.tables.sifting_parquet import sift_parquet
from lifecycle_fsm.tables.sifting_text import IdSearch, TextRemainder
from lifecycle_fsm.tables.time_text import CsvTimes, JsonTimes, TimeColumn, TimeText
from lifecycle_fsm.tables.times import TimeReader, TimeTally

_DELIMITERS = (",", ";", "\t", "|")
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.@:+-]+")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_ .:-]+")
#: What activities bring that names another record of the same person.
_RECORDS = frozenset({"loser", "contact"})


def sift(file: BoundFile, ids: Iterable[str], *, ends: bool) -> Remainder | None:
    """Leave out what is not wanted of a file, of which nothing but its header has been read.

    Args:
        file: the file.
        ids: those of the persons that are asked for.
        ends: is it asked as well when the file ends?

    Returns:
        what is left out, known when the rest has been read; None if nothing is.
    """
    ids = tuple(ids)
    clocks, records = _clocks(file.mapping), _record_columns(file.mapping)
    if not clocks or not records or not all(map(_PLAIN_ID.fullmatch, ids)):
        return None
    if file.table.parquet is not None:
        return sift_parquet(file, ids, records, clocks)
    lines = file.table.lines
    json = file.table.columns is None or any(give.payload_column for give in file.mapping.gives)
    if lines is None or not file.table.can_seek or (json and not all(map(_is_plain_in_json, ids))):
        return None
    times = _times(file, clocks)
    if times is None:
        return None
    remainder = TextRemainder(file, lines)
    lines.chosen = remainder.wanted(IdSearch(ids, json=json), times, ends=ends)
    return remainder


def _is_plain_in_json(text: str) -> bool:
    """Is an id no number, or one that :class:`IdSearch` knows in all the ways of writing it?"""
    try:
        float(text)
    except ValueError:
        return True
    return text.isdigit()


def _is_plain(source: ValueSource) -> bool:
    """Does a value stand in a column as it is, not translated and not put together?"""
    translated = source.values or source.otherwise is not None or source.if_empty is not None
    return source.column is not None and not translated


def _record_columns(mapping: FileMapping) -> set[str]:
    """The columns of the ids of persons; none if they do not stand there as they are."""
    payloads = [give.payload for give in mapping.gives]
    others = [payload[name] for payload in payloads for name in _RECORDS & payload.keys()]
    sources = [mapping.person, *others]
    if not all(map(_is_plain, sources)):
        return set()
    return {source.column for source in sources if source.column is not None}


def _clocks(mapping: FileMapping) -> dict[str, tuple[TimeReader, ...]]:
    """What reads the times, by column; nothing if they are not all written as ISO 8601 wants it."""
    clocks: dict[str, tuple[TimeReader, ...]] = {}
    for give in mapping.gives:
        column, times = give.at.column, give.at.times
        if column is None or not _is_plain(give.at) or times.format is not None:
            return {}
        clocks[column] = (*clocks.get(column, ()), TimeReader(times, TimeTally()))
    return clocks


def _times(file: BoundFile, clocks: dict[str, tuple[TimeReader, ...]]) -> TimeText | None:
    """How the times of a file are told from its text; None if they are not."""
    columns = [TimeColumn(name, read) for name, read in clocks.items()]
    names, delimiter = file.table.columns, file.table.delimiter
    if names is None:
        return JsonTimes(columns) if all(map(_PLAIN_KEY.fullmatch, clocks)) else None
    if delimiter not in _DELIMITERS:
        return None
    return CsvTimes(columns, [names.index(name) for name in clocks], delimiter.encode())
