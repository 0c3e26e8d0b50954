"""The one way to polars, late and with an error that names its extra; and Parquet, read with it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from lifecycle_fsm.errors import FileProblem, MissingExtra
from lifecycle_fsm.rows import FileRow, RowFile, open_rows

BATCH = 20_000  # rows of a Parquet file that are in memory at once


def polars(purpose: str) -> ModuleType:
    """Import polars.

    Raises:
        MissingExtra: it is not installed; the message says for which ``purpose`` it is needed.
    """
    try:
        import polars as pl
    except ImportError:
        raise MissingExtra("tables", "polars", purpose) from None
    return pl


@attrs.frozen(repr=False)
class OutOfRange:
    """A time of a Parquet file that lies beyond the years 1 to 9999."""

    text: str

    def __repr__(self) -> str:
        return self.text


def open_parquet(name: str, file: Path, close: Callable[[], None]) -> RowFile:
    """The rows of a Parquet file; their lines are their numbers. ``close`` closes it."""
    pl = polars("reading Parquet")
    try:
        frame = pl.scan_parquet(file, glob=False)
        schema = frame.collect_schema()
        columns = tuple(schema.names())
        count = int(frame.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FileProblem(f"{name} is no Parquet file that can be read: {error}") from error
    if not columns:
        raise FileProblem(f"{name} has no columns")
    parquet = ParquetRows(name, frame, schema, count)
    return RowFile(name, columns, parquet.rows(), close, parquet.done, parquet=parquet)


#: Opens a file of rows as :func:`lifecycle_fsm.rows.open_rows` does, or one of Parquet.
open_table = partial(
    open_rows,
    remedy="save the file as UTF-8, or say its encoding in the mapping",
    parquet=open_parquet,
)

_FIRST_DAY = date.min.toordinal() - date(1970, 1, 1).toordinal()
_LAST_DAY = date.max.toordinal() - date(1970, 1, 1).toordinal()
_A_DAY = {"days": 1, "ms": 86_400_000, "us": 86_400_000_000}  # all nanoseconds are in range


class ParquetRows:
    """The rows of a Parquet file, numbered from 1.

    Args:
        name: the file, as errors call it.
        frame: the file, as polars scans it.
        schema: the types of the columns.
        count: how many rows there are.
    """

    def __init__(self, name: str, frame: Any, schema: Mapping[str, Any], count: int) -> None:
        pl = polars("reading Parquet")
        self.schema = schema
        self.times = {
            column: kind for column, kind in schema.items() if kind in (pl.Date, pl.Datetime)
        }
        self.frame = frame
        #: What says which rows are read; all are where there is nothing.
        self.chosen: Any = None
        self._name, self._count, self._read = name, count, 0

    def done(self) -> float:
        """How much has been read, from 0 to 1."""
        return self._read / self._count if self._count else 1.0

    def numbered(self, frame: Any, start: int = 0) -> tuple[str, Any]:
        """Rows with their places in the file, and the name of the column that has these."""
        name = next(name for n in itertools.count() if (name := f"row {n}") not in self.schema)
        return name, frame.with_row_index(name, start)

    def rows(self) -> Iterator[FileRow]:
        """The rows."""
        if self.chosen is not None:
            yield from self._some(self.frame, 0, self.chosen)
            return
        for start in range(0, self._count, BATCH):
            with self._told():
                batch = self.frame.slice(start, BATCH).collect()
            yield from self._rows(batch, itertools.count(start + 1))

    def some(self, start: int, chosen: Any) -> Iterator[FileRow]:
        """Some of the rows behind so many others, at most as many as a batch has."""
        return self._some(self.frame.slice(start, BATCH), start, chosen)

    def _some(self, frame: Any, start: int, chosen: Any) -> Iterator[FileRow]:
        place, frame = self.numbered(frame, start)
        with self._told():
            batch = frame.filter(chosen).collect()
        return self._rows(batch.drop(place), (number + 1 for number in batch[place]))

    def _rows(self, batch: Any, numbers: Iterable[int]) -> Iterator[FileRow]:
        pl = polars("reading Parquet")
        with self._told():
            batch = batch.with_columns(pl.selectors.float().fill_nan(None))
            batch, beyond = _within_range(pl, batch, self.times)
            for place, (self._read, values) in enumerate(
                zip(numbers, batch.iter_rows(named=True), strict=False)
            ):
                for column, raw in beyond.get(place, ()):
                    values[column] = raw
                yield FileRow(self._read, values)

    @contextmanager
    def _told(self) -> Iterator[None]:
        pl = polars("reading Parquet")
        try:
            yield
        except pl.exceptions.PolarsError as error:
            raise FileProblem(f"{self._name} cannot be read to its end: {error}") from error


def _range_of(unit: str) -> tuple[int, int]:
    """The first day that Python has, and the first behind its last, as a file counts its times."""
    return _FIRST_DAY * _A_DAY[unit], (_LAST_DAY + 1) * _A_DAY[unit]


def within_range(pl: ModuleType, name: str, kind: Any) -> Any:
    """The expression that tells which times of a column Python has."""
    unit = getattr(kind, "time_unit", "days")
    if unit not in _A_DAY:
        return pl.col(name).is_not_null()
    number = pl.col(name).to_physical().cast(pl.Int64)
    return number.is_between(*_range_of(unit), closed="left")


def _within_range(
    pl: ModuleType, batch: Any, times: Mapping[str, Any]
) -> tuple[Any, dict[int, list[tuple[str, OutOfRange]]]]:
    """A batch without the times that Python does not have, and these by their row.

    They would end the reading, whether or not anybody asks for their column.
    """
    beyond: dict[int, list[tuple[str, OutOfRange]]] = {}
    for name, kind in times.items():
        unit = getattr(kind, "time_unit", "days")
        if unit not in _A_DAY:
            continue
        if getattr(kind, "time_zone", None) is not None:
            batch = batch.with_columns(pl.col(name).dt.convert_time_zone("UTC"))
        number = batch[name].to_physical().cast(pl.Int64)
        outside = ~number.is_between(*_range_of(unit), closed="left")
        for row in outside.arg_true():
            text = f"{number[row]} {unit} since 1970"
            beyond.setdefault(row, []).append((name, OutOfRange(text)))
        if beyond:
            batch = batch.with_columns(batch[name].set(outside, None))
    return batch, beyond
