"""The rows of large files that may be about some persons, selected before any row is bound.

A row of a text is wanted if it contains one of the ids, whatever it means there; a row of a Parquet
file, if a column of persons does. The other rows are needed for one thing only, the time of the
last activity: the candidates are bound, the latest first, until one of them can be used. If a block
of a file does not show this much, everything from there on is read as usual.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial, reduce
from itertools import count
from operator import or_
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

import attrs

from lifecycle_fsm.rows.file_blocks import LONGEST, first_place
from lifecycle_fsm.rows.parquet_rows import BATCH, ParquetRows, polars, within_range
from lifecycle_fsm.rows.row import FileRow, Reject
from lifecycle_fsm.rows.text_rows import NumberedLines
from lifecycle_fsm.tables.binding import BoundFile
from lifecycle_fsm.tables.mapping import FileMapping, ValueSource
from lifecycle_fsm.tables.times import TimeReader, TimeTally
from lifecycle_fsm.tables.timestamp_patterns import (
    LAST,
    CsvTimes,
    JsonTimes,
    TimeColumn,
    TimePatterns,
    days_behind,
    instant_of,
    latest_of,
    latest_on_wall,
    with_forms_of,
)

_DELIMITERS = (",", ";", "\t", "|")
_PLAIN_ID = re.compile(r"[A-Za-z0-9_.@:+-]+")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_ .:-]+")
#: Payload names that hold the id of another record of the same person.
_RECORDS = frozenset({"loser", "contact"})
_BLOCK = 1 << 18
_FIRST, _TWO_DAYS = datetime.min.replace(tzinfo=UTC), timedelta(days=2)
#: The readers of the times of a file, by column.
Clocks: TypeAlias = Mapping[str, tuple[TimeReader, ...]]


def filter_rows(
    file: BoundFile, ids: Iterable[str], *, ends: bool
) -> Callable[[], Sequence[Part]] | None:
    """Skip the rows of a file that are not wanted; only its header has been read so far.

    Args:
        file: the file.
        ids: the ids of the persons.
        ends: whether the time of the last activity is needed as well.

    Returns:
        a function that gives the skipped parts, once the rest has been read; None if none are
        skipped.
    """
    ids = tuple(ids)
    clocks, records = _clocks(file.mapping), _record_columns(file.mapping)
    if not clocks or not records or not all(map(_PLAIN_ID.fullmatch, ids)):
        return None
    if file.table.parquet is not None:
        return _filter_parquet(file, file.table.parquet, ids, records, clocks)
    lines = file.table.lines
    json = file.table.columns is None or any(give.payload_column for give in file.mapping.gives)
    if lines is None or not file.table.can_seek or (json and not all(map(_is_plain_in_json, ids))):
        return None
    times = _times(file, clocks)
    if times is None:
        return None
    parts: list[Part] = []
    lines.chosen = _wanted_lines(
        file, lines, IdSearch(ids, json=json), times, parts if ends else None
    )
    return lambda: parts


def _is_plain_in_json(text: str) -> bool:
    """Whether an id is no number, or one whose every notation :class:`IdSearch` knows."""
    try:
        float(text)
    except ValueError:
        return True
    return text.isdigit()


def _is_plain(source: ValueSource) -> bool:
    """Whether a value stands in a column as it is, neither translated nor composed."""
    translated = source.values or source.otherwise is not None or source.if_empty is not None
    return source.column is not None and not translated


def _record_columns(mapping: FileMapping) -> set[str]:
    """The columns of the ids of persons; empty if some are translated or composed."""
    payloads = [give.payload for give in mapping.gives]
    others = [payload[name] for payload in payloads for name in _RECORDS & payload.keys()]
    sources = [mapping.person, *others]
    if not all(map(_is_plain, sources)):
        return set()
    return {source.column for source in sources if source.column is not None}


def _clocks(mapping: FileMapping) -> Clocks:
    """The readers of the times, by column; empty unless all are written in ISO 8601."""
    clocks: dict[str, tuple[TimeReader, ...]] = {}
    for give in mapping.gives:
        column, times = give.at.column, give.at.times
        if column is None or not _is_plain(give.at) or times.format is not None:
            return {}
        clocks[column] = (*clocks.get(column, ()), TimeReader(times, TimeTally()))
    return clocks


def _times(file: BoundFile, clocks: Clocks) -> TimePatterns | None:
    """How the text of a file shows its times; None if it does not."""
    columns = [TimeColumn(name, readers) for name, readers in clocks.items()]
    names, delimiter = file.table.columns, file.table.delimiter
    if names is None:
        return JsonTimes(columns) if all(map(_PLAIN_KEY.fullmatch, clocks)) else None
    if delimiter not in _DELIMITERS:
        return None
    return CsvTimes(columns, [names.index(name) for name in clocks], delimiter.encode())


# ------------------------------------------------------------------ the last activity


class LateRow(NamedTuple):
    """A row that is not bound yet, and an upper bound of the times of its activities."""

    latest: datetime
    read: Callable[[], Iterable[FileRow | Reject]]


def end_of(parts: Iterable[Part], end: datetime | None) -> datetime | None:
    """When the last activity happened, in these parts or at ``end``.

    Rows are bound, the latest first, until none of the rest can be later. Mostly one is enough,
    because the row that looks like the last can usually be used.
    """
    turn = count()  # breaks ties
    waiting: list[tuple[timedelta, int, Part, list[LateRow] | None]]
    waiting = [(LAST - part.latest, next(turn), part, None) for part in parts]
    heapq.heapify(waiting)
    while waiting:
        before_last, _, part, rows = heapq.heappop(waiting)
        if end is not None and LAST - before_last <= end:
            break
        if rows is None:
            rows = sorted(part.late_rows(end), key=lambda row: row.latest)
        if rows:  # even if the part was only just read: a later end leaves fewer rows to bind
            for instant in _instants(part.file, rows.pop()):
                end = instant if end is None else max(instant, end)
        if rows:
            heapq.heappush(waiting, (LAST - rows[-1].latest, next(turn), part, rows))
    return end


def _instants(file: BoundFile, late: LateRow) -> Iterable[datetime]:
    for row in late.read():
        activities = row if isinstance(row, Reject) else file.converted(row)
        if not isinstance(activities, Reject):
            yield from (activity.at for activity in activities)


# ------------------------------------------------------------------ text


def word_pattern(ids: Iterable[str]) -> str:
    """The pattern of a text that contains one of these ids as a word of its own."""
    either = "|".join(map(re.escape, sorted(ids)))
    return rf"(?<![A-Za-z0-9_])(?:{either})(?![A-Za-z0-9_])"


class IdSearch:
    """Finds the lines that contain one of some ids as a word."""

    def __init__(self, ids: tuple[str, ...], *, json: bool) -> None:
        pattern = word_pattern(ids)
        self._signs = [person.encode() for person in ids]
        if json:  # JSON may escape a letter, and may end an escape right before an id
            either = "|".join(map(re.escape, ids))
            pattern += rf"|\\(?:[bfnrt]|u[0-9a-fA-F]{{4}})(?:{either})|\\u00[2-7]"
            self._signs.append(b"\\u00")
        self._is_in = re.compile(pattern.encode()).search
        # A number with an exponent, and the rest of its line.
        self._power = (
            re.compile(rb"[0-9][eE][^\n]*") if json and any(map(str.isdigit, ids)) else None
        )

    def lines(self, block: bytes) -> list[tuple[int, int]]:
        """Where the lines begin and end, in order."""
        spans = {span for sign in self._signs for span in _lines_with(block, sign)}
        spans = {(start, stop) for start, stop in spans if self._is_in(block[start:stop])}
        if self._power is not None:
            spans.update(_line_at(block, match.start()) for match in self._power.finditer(block))
        return sorted(spans)


def _lines_with(block: bytes, sign: bytes) -> Iterator[tuple[int, int]]:
    place = block.find(sign)
    while place >= 0:
        span = _line_at(block, place)
        yield span
        place = block.find(sign, span[1])


def _line_at(block: bytes, place: int) -> tuple[int, int]:
    return block.rfind(b"\n", 0, place) + 1, block.find(b"\n", place) + 1 or len(block)


@attrs.frozen
class _Block:
    """Lines of a file, their place, and an upper bound of the times of their rows."""

    file: BoundFile
    lines: NumberedLines
    times: TimePatterns
    greatest: list[bytes]
    latest: datetime
    place: int
    size: int

    def late_rows(self, end: datetime | None) -> Iterator[LateRow]:
        """The rows that may be later than ``end``."""
        raw = self.lines.file
        raw.seek(self.place)
        block = raw.read(self.size)
        days = [] if end is None else days_behind(end, self.greatest)
        if days:  # in most blocks of an unordered file, few lines are of these days
            spans = sorted({span for day in days for span in _lines_with(block, day)})
            block = b"".join(block[start:stop] for start, stop in spans)
        latest: dict[tuple[int, int], datetime] = {}
        for place, column, key in self.times.keys(block):
            instant = self.times.columns[column].instant(key)
            if instant is not None and (end is None or instant > end):
                span = _line_at(block, place)
                latest[span] = max(instant, latest.get(span, instant))
        for (start, stop), instant in latest.items():
            yield LateRow(instant, partial(self.rows_of, block[start:stop]))

    def rows_of(self, line: bytes) -> Iterator[FileRow | Reject]:
        """The row of a line."""
        rows_in = self.file.table.rows_in
        assert rows_in is not None
        return rows_in(self.lines.alone(line))


def _wanted_lines(
    file: BoundFile,
    lines: NumberedLines,
    search: IdSearch,
    times: TimePatterns,
    parts: list[Part] | None,
) -> Iterator[str]:
    """The lines that are wanted, as long as each line is a record that shows its times. The blocks
    are added to ``parts``, if given."""
    raw = lines.file
    place = first_place(raw, lines.number)
    if place is None:
        return
    number, forms = lines.number, [times]
    raw.seek(place)
    while block := raw.read(_BLOCK):
        rest = raw.readline(LONGEST)
        block += rest
        size = block.count(b"\n") + (not block.endswith(b"\n"))
        if len(rest) == LONGEST:
            break
        if parts is None:
            if not times.are_records(block, size):
                break
        else:
            form, keys = _latest_keys(forms, block, size)
            if keys is None:
                break
            latest = latest_of(form.columns, keys)
            if latest is not None:
                parts.append(_Block(file, lines, form, keys, latest, place, len(block)))
        before, counted = number, 0
        for start, stop in search.lines(block):
            before += block.count(b"\n", counted, start)
            counted = start
            lines.number = before
            yield block[start:stop].decode("utf-8", "surrogateescape")
        place += len(block)
        number += size
    lines.resume(place, number)


def _latest_keys(
    forms: list[TimePatterns], block: bytes, size: int
) -> tuple[TimePatterns, list[bytes] | None]:
    """The greatest keys of a block, with the patterns that matched; None if no patterns do.

    The first block adds patterns for the form of its times, which are tried before the general
    ones.
    """
    if len(forms) == 1 and forms[0].latest(block, size) is not None:
        forms.insert(0, with_forms_of(forms[0], block))
    for form in forms:
        keys = form.latest(block, size)
        if keys is not None:
            return form, keys
    return forms[-1], None


# ------------------------------------------------------------------ Parquet


def _filter_parquet(
    file: BoundFile,
    parquet: ParquetRows,
    ids: Sequence[str],
    records: Collection[str],
    clocks: Clocks,
) -> Callable[[], Sequence[Part]] | None:
    """Skip the unwanted rows of a Parquet file by polars expressions."""
    nested = any(give.payload_column for give in file.mapping.gives)
    if nested or not clocks.keys() <= parquet.times.keys():
        return None
    parquet.conditions = _conditions(polars("reading Parquet"), parquet, ids, records)
    return None if parquet.conditions is None else partial(_batches, file, parquet, clocks)


def _conditions(
    pl: ModuleType, parquet: ParquetRows, ids: Sequence[str], records: Collection[str]
) -> list[Any] | None:
    """The conditions of which one holds for each row about one of the ids; None if a column cannot
    be asked. Each compares one column with constants, so that polars leaves out all parts of the
    file whose statistics rule it out: in a file sorted by person nearly all."""
    conditions = []
    for name, kind in parquet.schema.items():
        if name not in records or kind == pl.Null:
            continue
        column = pl.col(name)
        if kind.is_integer():
            column = column.cast(pl.String)
        elif kind not in (pl.String, pl.Categorical, pl.Enum):
            return None
        elif kind != pl.String:
            column = column.cast(pl.String)
        # Behind an id there may be space, or the .0 of a number; and before it, any space.
        ranges = [column.is_between(pl.lit(text), pl.lit(text + "/")) for text in ids]
        ranges += [column < pl.lit("!"), column > pl.lit("~")]
        conditions.append(reduce(or_, ranges))
    return conditions


@attrs.frozen
class _Batch:
    """Some rows of a file, and an upper bound of the times of their activities."""

    file: BoundFile
    parquet: ParquetRows
    clocks: Clocks
    latest: datetime
    start: int

    def late_rows(self, end: datetime | None) -> Iterator[LateRow]:
        """The rows that may be later than ``end``."""
        pl = polars("reading Parquet")
        days = [pl.col(name).cast(pl.Date) for name in self.clocks]
        if end is None or end < _FIRST + _TWO_DAYS:
            late = pl.any_horizontal([day.is_not_null() for day in days])
        else:  # in whatever zone
            late = pl.any_horizontal([day >= (end - _TWO_DAYS).date() for day in days])
        for row in self.parquet.matching(self.start, late):
            instants = (
                instant_of(row.values[name], readers) for name, readers in self.clocks.items()
            )
            latest = max(filter(None, instants), default=None)
            if latest is not None and (end is None or latest > end):
                yield LateRow(latest, partial(iter, (row,)))


#: A part of a file that a filter skipped.
Part: TypeAlias = _Block | _Batch


def _batches(file: BoundFile, parquet: ParquetRows, clocks: Clocks) -> list[Part]:
    """The batches of a file that contain a time."""
    pl = polars("reading Parquet")
    place, frame = parquet.line, parquet.numbered
    zoned = {name for name in clocks if getattr(parquet.times[name], "time_zone", None) is not None}

    def last(name: str) -> Any:
        """The greatest time of each batch, and whether it is one that Python cannot represent."""
        greatest = pl.col(name).dt.convert_time_zone("UTC") if name in zoned else pl.col(name)
        inside = within_range(pl, name, parquet.times[name])
        return pl.struct(
            pl.when(inside).then(greatest).alias("time"), (~inside).alias("beyond")
        ).alias(name)

    def latest(name: str, time: Any) -> datetime:
        """An upper bound of the instants in a column whose greatest time is this one."""
        instant = instant_of(time, clocks[name])
        if instant is None:
            return LAST
        return instant if name in zoned else latest_on_wall(instant, clocks[name])

    parts: list[Part] = []
    greatest = (pl.col(name).max() for name in clocks)
    batches = frame.group_by(pl.col(place) // BATCH * BATCH).agg(greatest).collect()
    for start, *times in batches.select(place, *map(last, clocks)).iter_rows():
        instants = [
            LAST if time["beyond"] else latest(name, time["time"])
            for name, time in zip(clocks, times, strict=True)
            if time["beyond"] is not None
        ]
        if instants:
            parts.append(_Batch(file, parquet, clocks, max(instants), start))
    return parts
