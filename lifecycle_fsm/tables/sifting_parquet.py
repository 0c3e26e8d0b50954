"""Rows that are wanted, out of a Parquet file: polars passes over the others."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from types import ModuleType
from typing import Any

import attrs

from lifecycle_fsm.rows.parquet_rows import BATCH, ParquetRows, polars, within_range
from lifecycle_fsm.rows.row import FileRow
from lifecycle_fsm.tables.binding import BoundFile
from lifecycle_fsm.tables.left_out import LAST, LatePart, LateRow, instant_of, latest_on_wall
from lifecycle_fsm.tables.sifting_text import as_words
from lifecycle_fsm.tables.times import TimeReader

#: The ids that stand in texts only, however a row is told of: they have a letter that no number
#: has, and are none of the words that JSON and Python write for what is no text.
_IN_TEXTS = re.compile(
    r"(?!(?i:true|false|null|none|nan|inf|infinity|us|ms|days?|since)$|u00[01])"
    r".*[A-DF-Za-df-z_@].*"
)
#: The ids that stand in texts and in numbers, but in no time; polars and Python write a number in
#: the same way, unless it has more digits.
_IN_NUMBERS = re.compile(r"[0-9]{7,15}")
_FIRST, _TWO_DAYS = datetime.min.replace(tzinfo=UTC), timedelta(days=2)
#: What JSON writes with a letter that is none.
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def sift_parquet(
    file: BoundFile,
    ids: Sequence[str],
    records: Collection[str],
    clocks: Mapping[str, tuple[TimeReader, ...]],
) -> ParquetRemainder | None:
    """Leave out what is not wanted of a Parquet file.

    Args:
        file: the file.
        ids: those of the persons that are asked for.
        records: the columns of the ids of persons.
        clocks: what reads the times, by column.

    Returns:
        what is left out; None if nothing is.
    """
    parquet = file.table.parquet
    nested = any(give.payload_column for give in file.mapping.gives)
    if parquet is None or nested or not clocks.keys() <= parquet.times.keys():
        return None
    if any(re.search(as_words(ids), name) for name in parquet.schema):
        return None  # a row is told of with the names of its columns
    pl = polars("reading Parquet")
    parquet.predicate = _chosen(pl, parquet, ids, records)
    return None if parquet.predicate is None else ParquetRemainder(file, parquet, clocks)


def _chosen(
    pl: ModuleType, parquet: ParquetRows, ids: Sequence[str], records: Collection[str]
) -> Any:
    """The expression for the rows in which one of the ids may stand; None if there is none."""
    in_numbers = not all(map(_IN_TEXTS.fullmatch, ids))
    if in_numbers and not all(
        _IN_TEXTS.fullmatch(one) or _IN_NUMBERS.fullmatch(one) for one in ids
    ):
        return None
    signs = [*ids, *(_ESCAPED[one[0]] + one[1:] for one in ids if one[0] in _ESCAPED)]
    conditions = []
    for name, kind in parquet.schema.items():
        column = pl.col(name)
        if kind in (pl.String, pl.Categorical, pl.Enum) or kind.is_integer():
            if in_numbers or name in records or not kind.is_integer():
                conditions.append(column.cast(pl.String).str.contains_any(signs))
        elif name in records:
            return None
        elif kind.is_float():
            if in_numbers:
                number = column.cast(pl.Float64)  # as Python has it
                conditions.append(number.cast(pl.String).str.contains_any(signs))
        elif kind in (pl.Date, pl.Datetime):
            if in_numbers:
                conditions.append(~within_range(pl, name, kind))
        elif kind not in (pl.Boolean, pl.Time, pl.Null):
            return None
    return pl.any_horizontal(conditions)


@attrs.frozen
class _Batch:
    """Some rows of a file, and an instant that none of their activities is later than."""

    file: BoundFile
    remainder: ParquetRemainder
    latest: datetime
    start: int

    def late_rows(self, end: datetime | None) -> list[LateRow]:
        """The rows that may be later than ``end``, the latest last."""
        pl, clocks = polars("reading Parquet"), self.remainder.clocks
        days = [pl.col(name).cast(pl.Date) for name in clocks]
        if end is None or end < _FIRST + _TWO_DAYS:
            chosen = pl.any_horizontal([day.is_not_null() for day in days])
        else:  # whatever the zone is
            chosen = pl.any_horizontal([day >= (end - _TWO_DAYS).date() for day in days])
        rows = []
        for row in self.remainder.parquet.matching(self.start, chosen):
            instants = (instant_of(row.values[name], read) for name, read in clocks.items())
            latest = max(filter(None, instants), default=None)
            if latest is not None and (end is None or latest > end):
                rows.append(LateRow(latest, partial(_alone, row)))
        return sorted(rows, key=lambda row: row.latest)


def _alone(row: FileRow) -> Iterator[FileRow]:
    yield row


@attrs.frozen
class ParquetRemainder:
    """What is left out of a Parquet file."""

    file: BoundFile
    parquet: ParquetRows
    clocks: Mapping[str, tuple[TimeReader, ...]]

    @property
    def parts(self) -> list[LatePart]:
        """The batches of the file that have a time."""
        pl, parquet = polars("reading Parquet"), self.parquet
        place, frame = parquet.numbered(parquet.frame)
        latest = [self._latest(pl, name) for name in self.clocks]
        batches = frame.group_by(pl.col(place) // BATCH * BATCH).agg(latest).collect()
        parts: list[LatePart] = []
        for first, *times in batches.iter_rows():
            instants = [
                self._instant(name, time)
                for name, time in zip(self.clocks, times, strict=True)
                if time is not None
            ]
            if instants:
                parts.append(_Batch(self.file, self, max(instants), first))
        return parts

    def _latest(self, pl: ModuleType, name: str) -> Any:
        kind = self.parquet.times[name]
        column = pl.col(name).filter(within_range(pl, name, kind))
        aware = getattr(kind, "time_zone", None) is not None
        return (column.dt.convert_time_zone("UTC") if aware else column).max()

    def _instant(self, name: str, time: Any) -> datetime:
        """An instant that nothing is later than of what has at most this time in a column."""
        clocks = self.clocks[name]
        instant = instant_of(time, clocks)
        if instant is None:
            return LAST
        aware = getattr(self.parquet.times[name], "time_zone", None) is not None
        return instant if aware else latest_on_wall(instant, clocks)
