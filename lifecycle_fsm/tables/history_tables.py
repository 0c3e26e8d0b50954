"""Histories and outcomes of deadlines that a run wrote, read back from Parquet, CSV or JSON lines.

A Parquet file with the types that a run writes is read by columns, part by part. All other files
are read row by row, and checked value by value. If they are large, the rows go to a temporary
Parquet file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar, get_args

import attrs

from lifecycle_fsm.components import Components
from lifecycle_fsm.errors import FileProblem, RecordError
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.history import (
    DeadlineFact,
    DeadlineOutcome,
    HistoryRow,
    MoveKind,
    RecordedMove,
    StoredHistory,
    StoredTable,
)
from lifecycle_fsm.rows.parquet_rows import ParquetRows, polars
from lifecycle_fsm.rows.row import FileRow, listed
from lifecycle_fsm.rows.row_file import Format, RowFile, open_table
from lifecycle_fsm.tables.output_tables import BETWEEN, DEADLINES, HISTORY, Column, history_columns
from lifecycle_fsm.tables.spooled_rows import Unstorable, is_large, spooled

T = TypeVar("T")
F = TypeVar("F")
PART = 100_000  # rows of a Parquet file in memory at once
_START = datetime(1970, 1, 1, tzinfo=UTC)


def read_history(
    path: str | Path,
    format: Format | None = None,
    dimensions: Mapping[str, FieldType] | None = None,
) -> list[HistoryRow]:
    """Read back a history that :func:`history_columns` wrote, from Parquet, CSV or JSON lines.

    A history is complete or useless, so one bad row is an error. Additional columns are dimensions;
    they have the given types, or are texts by default.

    Raises:
        FileProblem: the file cannot be read, lacks a column, or has a row that is not a history
            row.
    """
    return [*open_history(path, format, dimensions)]


def open_history(
    path: str | Path,
    format: Format | None = None,
    dimensions: Mapping[str, FieldType] | None = None,
) -> StoredHistory | list[HistoryRow]:
    """Open a history as :func:`read_history` reads it. A Parquet file that a run wrote stays a
    file: its rows are read part by part, each time that they are needed, so that a history of many
    million rows can be measured in the memory that one part needs. A large CSV or JSON lines file
    is read once, into a temporary Parquet file.

    Raises:
        FileProblem: as for :func:`read_history`; a bad row of a Parquet file is found when it is
            read.
    """
    free = {name: attrs.evolve(kind, nullable=True) for name, kind in (dimensions or {}).items()}
    return _opened(
        path, format, HISTORY, "history", partial(_history_row, free),
        partial(_stored_history, free=free), partial(_HistoryFile, free=free),
    )  # fmt: skip


def _stored_history(
    name: str, rows: Iterator[HistoryRow], *, free: Mapping[str, FieldType]
) -> ParquetRows:
    """The rows in a temporary file; the columns of the dimensions are those of the first row.

    Raises:
        Unstorable: other rows have other dimensions, or values of several types.
    """
    first = next(rows, None)
    names = [] if first is None else [dimension for dimension, _ in first.kept]

    def alike() -> Iterator[HistoryRow]:
        for row in chain([] if first is None else [first], rows):
            if [dimension for dimension, _ in row.kept] != names:
                raise Unstorable
            yield row

    return spooled(name, alike(), history_columns({name: free.get(name, _TEXT) for name in names}))


def _history_row(
    free: Mapping[str, FieldType], row: FileRow, accept: _Accept, values: dict[str, Any]
) -> HistoryRow:
    kept: list[tuple[str, Value]] = []
    for column, value in row.values.items():
        if column not in _FIXED:
            kind = free.get(column)
            if kind is None and isinstance(value, bool | int | float | datetime):
                kept.append((column, value))  # a format with types needs no declaration
                continue
            kept.append((column, accept(column, kind or _TEXT, value)))
    passed = row.values.get("passed_over") or ()
    if isinstance(passed, str):
        passed = passed.split(BETWEEN)
    return HistoryRow(**values, passed_over=tuple(map(str, passed)), kept=tuple(kept))


def read_deadlines(path: str | Path, format: Format | None = None) -> list[DeadlineFact]:
    """Read back the outcomes of deadlines, from a table with the columns :data:`DEADLINES`.

    Raises:
        FileProblem: the file cannot be read, lacks a column, or has a row without a deadline.
    """
    return [*open_deadlines(path, format)]


def open_deadlines(
    path: str | Path, format: Format | None = None
) -> StoredTable[DeadlineFact] | list[DeadlineFact]:
    """Open a table of outcomes of deadlines. A Parquet file that a run wrote stays a file, and
    a large text becomes one, as in :func:`open_history`.

    Raises:
        FileProblem: as for :func:`read_deadlines`.
    """
    return _opened(
        path, format, DEADLINES, "table of deadlines", _deadline,
        partial(spooled, columns=DEADLINES), _DeadlineFile,
    )  # fmt: skip


def _opened(
    path: str | Path,
    format: Format | None,
    columns: Sequence[Column[T]],
    what: str,
    make: Callable[[FileRow, _Accept, dict[str, Any]], T],
    store: Callable[[str, Iterator[T]], ParquetRows],
    file: Callable[[_ColumnReader[T]], F],
) -> F | list[T]:
    """A table as a file if it is one of Parquet, or a large text that a file can hold."""

    def records(table: RowFile) -> Iterator[T]:
        rows = _checked(table.name, table.all_rows(), columns)
        return (make(*row) for row in rows)

    names = [column.name for column in columns]
    with open_run_table(path, format, names, what) as table:
        if table.parquet is not None and _is_plain(table, columns):
            return file(_ColumnReader(table.name, table.parquet, columns, make))
        if table.parquet is not None or not is_large(path):
            return [*records(table)]
        with suppress(Unstorable):
            stored = store(table.name, records(table))
            return file(_ColumnReader(table.name, stored, columns, make))
    with open_run_table(path, format, names, what) as table:  # once more, from its beginning
        return [*records(table)]


def _deadline(row: FileRow, accept: _Accept, values: dict[str, Any]) -> DeadlineFact:
    return DeadlineFact(**values)


_Accept: TypeAlias = Callable[[str, FieldType, Any], Value]

#: Columns that a row may leave empty.
_MAY_LACK = frozenset({"from_stage", "trigger", "activity", "owner", "assigned_to", "source"})
_EMPTY = frozenset({"to_stage"})  # the loser of a merge has no stage
_CHOICES = {"kind": get_args(MoveKind), "outcome": get_args(DeadlineOutcome)}
_FIXED = frozenset(column.name for column in HISTORY)
_TEXT = FieldType("str", nullable=True)


def open_run_table(
    path: str | Path, format: Format | None, columns: Iterable[str], what: str
) -> RowFile:
    """Open a table that a run wrote.

    Args:
        path: the file.
        format: its format; by default by its name.
        columns: those that it must have.
        what: what it is called if it lacks one of them.

    Raises:
        FileProblem: it cannot be read, or lacks a column, or has one twice.
    """
    table = open_table(path, format, guarded=True)
    known = table.columns
    lacking = [column for column in columns if known is not None and column not in known]
    problem = ""
    if lacking:
        problem = (
            f"is no {what}: it has no column {', '.join(map(repr, lacking))}, "
            f"only {listed(known or ())}"
        )
    elif table.twice:
        problem = table.lacks(next(iter(table.twice)))
    if problem:
        table.close()
        raise FileProblem(f"{table.name} {problem}")
    return table


def _checked(
    name: str, rows: Iterable[FileRow], columns: Sequence[Column[Any]]
) -> Iterator[tuple[FileRow, _Accept, dict[str, Any]]]:
    """The rows of a table, with the values of all columns but the text ones."""
    types = _types(columns)
    for row in rows:
        accept = partial(accepted, f"{name}, line {row.line}")
        values = {}
        for column, kind in types.items():
            value = row.values.get(column)
            empty = column in _EMPTY and (value is None or value == "")
            values[column] = "" if empty else accept(column, kind, value)
        yield row, accept, values


def _types(columns: Sequence[Column[Any]]) -> dict[str, FieldType]:
    return {
        column.name: FieldType(column.type, column.name in _MAY_LACK, _CHOICES.get(column.name, ()))
        for column in columns
        if column.type != "texts"
    }


def accepted(where: str, column: str, kind: FieldType, value: Any) -> Any:
    """A cell as a value of a type.

    Raises:
        FileProblem: it is none; ``where`` and ``column`` say which cell.
    """
    try:
        return kind.accept(value)
    except RecordError as error:
        raise FileProblem(f"{where}, column {column}: {error}") from None


# ------------------------------------------------------------------ Parquet, by columns


def _is_plain(table: RowFile, columns: Sequence[Column[Any]]) -> bool:
    """Whether a Parquet file has the types that a run writes, and stays when it is closed."""
    schema = table.parquet.schema if table.parquet is not None else {}
    pl = polars("reading Parquet")
    types = {
        "bool": pl.Boolean,
        "int": pl.Int64,
        "str": pl.String,
        "datetime": pl.Datetime("us", "UTC"),
        "texts": pl.List(pl.String),
    }
    return table.name.lower().endswith(".parquet") and all(
        schema[column.name] == types[column.type] for column in columns
    )


class _Unusual(Exception):
    """A value that must be looked at by itself."""


class _Accepted(dict[Any, Any]):
    """The accepted form of each value of a column; equal values share one object."""

    def __init__(self, accept: Callable[[Any], Any]) -> None:
        super().__init__()
        self._accept = accept

    def __missing__(self, value: Any) -> Any:
        if len(self) > PART:
            self.clear()
        self[value] = accepted = self._accept(value)
        return accepted


class _ColumnReader(Generic[T]):
    """Reads records from frames of a Parquet file, a column at a time.

    A frame with a value that is not as a run writes it is read row by row instead, which also
    tells what is wrong with it.
    """

    def __init__(
        self,
        name: str,
        parquet: ParquetRows,
        columns: Sequence[Column[T]],
        make: Callable[[FileRow, _Accept, dict[str, Any]], T],
    ) -> None:
        self.name, self.parquet = name, parquet
        self.count, self.line, self.frame = parquet.count, parquet.line, parquet.numbered
        self._columns, self._make = columns, make
        types = _types(columns)
        self._accepted = {
            name: _Accepted(partial(self._value, name, kind)) for name, kind in types.items()
        }

    @staticmethod
    def _value(name: str, kind: FieldType, value: Any) -> Any:
        if name in _EMPTY and value in (None, ""):
            return ""
        try:
            return kind.accept(value)
        except RecordError:
            raise _Unusual from None

    def slices(self, columns: Collection[str] | None = None) -> Iterator[Any]:
        """The file in frames, in order; of some columns or of all, with the number of each row."""
        frame = self.frame if columns is None else self.frame.select(columns)
        for start in range(0, self.count, PART):
            yield self.collected(frame.slice(start, PART))

    def collected(self, frame: Any) -> Any:
        """The rows of a lazy frame.

        Raises:
            FileProblem: the file cannot be read.
        """
        with self.parquet.reading():
            return frame.collect()

    def by_row(self, frame: Any) -> Iterator[T]:
        """The records of a frame, value by value."""
        numbers = (number + 1 for number in frame[self.line])
        rows = self.parquet.rows_of(frame.drop(self.line), numbers)
        return (self._make(*row) for row in _checked(self.name, rows, self._columns))

    def column(self, frame: Any, name: str) -> list[Any]:
        """The values of a column of texts, numbers or flags.

        Raises:
            _Unusual: one of them must be looked at by itself.
        """
        values: list[Any] = frame[name].to_list()
        if frame[name].dtype != polars("reading Parquet").String:
            if frame[name].null_count():
                raise _Unusual
            return values
        if name in _IDS:
            texts = [value for value in values if value is not None]
            usual = "".join(texts).isascii() and min(texts, default="!") >= "!"
            if usual and (len(texts) == len(values) or name in _MAY_LACK):
                return values
        return list(map(self._accepted[name].__getitem__, values))

    def times(
        self, frame: Any, name: str, like: tuple[list[int], list[datetime]] = ([], [])
    ) -> tuple[list[int], list[datetime]]:
        """The times of a column, also in microseconds since 1970. Times that are ``like`` those of
        another column share their objects.

        Raises:
            _Unusual: one of them is missing or out of range.
        """
        numbers: list[int] = frame[name].to_physical().to_list()
        if numbers == like[0]:
            return like
        try:
            return numbers, [
                time if time and number == other else _START + timedelta(0, 0, number)
                for number, other, time in zip_longest(numbers, *like)
            ]
        except (TypeError, OverflowError):
            raise _Unusual from None


#: Columns in which nearly every value is another one.
_IDS = frozenset({"person", "activity", "journey_record"})


class _DeadlineFile(StoredTable[DeadlineFact]):
    """The outcomes of deadlines in a Parquet file."""

    def __init__(self, reader: _ColumnReader[DeadlineFact]) -> None:
        self._reader = reader

    def __iter__(self) -> Iterator[DeadlineFact]:
        for frame in self._reader.slices():
            yield from self._facts(frame)

    def about(self, records: Collection[str]) -> Iterable[DeadlineFact]:
        """The outcomes in the visits of journeys that began in these records."""
        pl = polars("reading Parquet")
        wanted = pl.col("journey_record").is_in(list(records))
        return self._facts(self._reader.collected(self._reader.frame.filter(wanted)))

    def _facts(self, frame: Any) -> Iterable[DeadlineFact]:
        reader = self._reader
        if not frame.height:
            return ()
        with suppress(_Unusual):
            return list(
                map(
                    DeadlineFact,
                    *(
                        reader.times(frame, name)[1]
                        if name.endswith("_at")
                        else reader.column(frame, name)
                        for name in (field.name for field in attrs.fields(DeadlineFact))
                    ),
                )
            )
        return reader.by_row(frame)


class _HistoryFile(StoredHistory):
    """A history in a Parquet file, which is read in frames of some :data:`PART` rows.

    The first reading finds out what is in the file, whose records were merged, and whether the rows
    of each record are together, as a run writes them.
    """

    def __init__(self, reader: _ColumnReader[HistoryRow], *, free: Mapping[str, FieldType]) -> None:
        self._reader = reader
        names = [name for name in reader.parquet.schema if name not in _FIXED]
        self._kept = {name: _Accepted(partial(self._dimension, free.get(name))) for name in names}
        self._same_kept = _Accepted(lambda values: tuple(zip(names, values, strict=True)))
        self.dimensions = names if reader.count else None
        self.moves: set[RecordedMove] = set()
        self._survey()

    def __iter__(self) -> Iterator[HistoryRow]:
        for frame in self._reader.slices():
            yield from self._rows(frame)

    def about(self, records: Collection[str]) -> Iterable[HistoryRow]:
        """The rows of these records."""
        return self._rows(self._reader.collected(self._of(records)))

    def _of(self, records: Collection[str]) -> Any:
        pl = polars("reading Parquet")
        return self._reader.frame.filter(pl.col("person").is_in(list(records)))

    def _survey(self) -> None:
        pl = polars("reading Parquet")
        move = ["kind", "from_stage", "to_stage", "rule", "version"]
        heads: list[Any] = []
        merges: list[tuple[str, str, object, object]] = []
        last, before = None, None
        names = list(dict.fromkeys(("person", "now", "activity", "journey_record", *move)))
        for frame in self._reader.slices(names):
            needed = ("person", "now", "kind", "version", "journey_record")
            if any(frame[name].null_count() for name in needed):
                for _ in self:  # says which row is no row of a history
                    pass
            self.moves.update(
                RecordedMove(kind, source, target or "", rule, version)
                for kind, source, target, rule, version in frame.select(move).unique().iter_rows()
            )
            here = frame["now"].to_physical().max()
            last = here if last is None else max(last, here)
            persons = frame["person"]
            heads.append(persons.filter(persons.ne_missing(persons.shift(1, fill_value=before))))
            heads[-1] = heads[-1].hash()
            before = persons[-1]
            merging = frame.filter(pl.col("kind") == "merge")
            merges += merging.select("person", "journey_record", "now", "activity").iter_rows()
        self.last = None
        if last is not None:
            with suppress(OverflowError):  # an error as soon as the row is read
                self.last = _START + timedelta(0, 0, last)
        self._merged = _groups(merges)
        # Two records of one hash look as if they were apart, which does no harm.
        self._together = not heads or not pl.concat(heads).is_duplicated().any()

    def parts(self) -> Iterator[list[HistoryRow]]:
        """The rows: first those of records that were merged, then the others."""
        for frame in self._frames():
            if frame.height:
                yield [*self._rows(frame)]

    def _frames(self) -> Iterator[Any]:
        pl = polars("reading Parquet")
        alone = ~pl.col("person").is_in(list(self._merged)) if self._merged else pl.lit(True)
        rest = None
        if self._merged:
            group = pl.DataFrame(
                {"person": list(self._merged), "group": list(self._merged.values())}
            ).rename({"group": f"{self._reader.line} group"})
            merged = self._reader.collected(self._of(self._merged)).join(group, on="person")
            yield from _cut(merged.sort(group.columns[1]), group.columns[1])
        if not self._together:
            number = -(-self._reader.count // PART)
            bucket = pl.col("person").hash() % number
            for place in range(number):
                yield self._reader.collected(self._reader.frame.filter(alone & (bucket == place)))
            return
        for frame in self._reader.slices():
            own = frame.filter(alone)
            own = own if rest is None else pl.concat([rest, own])
            if own.height:  # the next frame may go on with the last person
                others = (own["person"] != own["person"][-1]).arg_true()
                size = others[-1] + 1 if len(others) else 0
                yield own.slice(0, size)
                own = own.slice(size)
            rest = own
        if rest is not None:
            yield rest

    def _rows(self, frame: Any) -> Iterable[HistoryRow]:
        if not frame.height:
            return ()
        with suppress(_Unusual):
            return self._by_column(frame)
        return self._reader.by_row(frame)

    def _by_column(self, frame: Any) -> list[HistoryRow]:
        """The rows of a frame, if all of them are as a run writes them."""
        reader = self._reader
        texts = partial(reader.column, frame)
        now = reader.times(frame, "now")
        return list(
            map(
                HistoryRow,
                texts("person"), texts("sequence"), reader.times(frame, "at", now)[1], now[1],
                texts("from_stage"), texts("to_stage"), texts("kind"), texts("rule"),
                texts("trigger"), texts("activity"), texts("journey"), self._passed_over(frame),
                texts("credit"), texts("owner"), texts("source"), texts("version"), texts("late"),
                self._all_kept(frame), texts("assigned_to"), texts("journey_record"),
                reader.times(frame, "entered_at", now)[1],
            )
        )  # fmt: skip

    def _passed_over(self, frame: Any) -> list[tuple[str, ...]]:
        """The stages that each row passed over; most passed over none."""
        column = frame["passed_over"]
        passed: list[tuple[str, ...]] = [()] * len(column)
        for place in (column.list.len() > 0).arg_true().to_list():
            passed[place] = tuple(map(str, column[place]))
        return passed

    def _all_kept(self, frame: Any) -> Iterable[tuple[tuple[str, Value], ...]]:
        """What each row keeps of the dimensions."""
        pl = polars("reading Parquet")
        columns = []
        for name, accepted in self._kept.items():
            column = frame[name]
            if column.dtype not in (pl.String, pl.Boolean, pl.Int64, pl.Float64):
                raise _Unusual
            values = (column.fill_nan(None) if column.dtype.is_float() else column).to_list()
            columns.append(map(accepted.__getitem__, values))
        if not columns:
            return [()] * frame.height
        return map(self._same_kept.__getitem__, zip(*columns, strict=True))

    @staticmethod
    def _dimension(kind: FieldType | None, value: Any) -> Value:
        if kind is None and isinstance(value, bool | int | float):
            return value
        try:
            return (kind or _TEXT).accept(value)
        except RecordError:
            raise _Unusual from None


def _groups(merges: Iterable[tuple[str, str, object, object]]) -> dict[str, str]:
    """The root of each record that was merged, from the merge rows: whose record, whose journey
    goes on, and when and by which activity. Records of one merge, or of one journey, have one
    root."""
    groups = Components()
    people: dict[str, None] = {}
    first: dict[tuple[object, ...], str] = {}
    for person, record, *moment in merges:
        people[person] = people[record] = None
        groups.join(person, record)
        groups.join(person, first.setdefault(tuple(moment), person))
    return {person: groups.root(person) for person in people}


def _cut(frame: Any, column: str) -> Iterator[Any]:
    """A frame in parts of some :data:`PART` rows, cut only where a column has another value."""
    start = 0
    while start < frame.height:
        stop = min(start + PART, frame.height)
        last = frame[column][stop - 1]
        more = (frame[column].slice(stop) != last).arg_true() if stop < frame.height else [0]
        stop = stop + more[0] if len(more) else frame.height
        yield frame.slice(start, stop - start).drop(column)
        start = stop
