"""The only import of polars, lazy and with an error that names the extra; and Parquet files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from lifecycle_fsm.errors import FileProblem, MissingExtra
from lifecycle_fsm.rows.row import FileRow

BATCH = 20_000  # rows of a Parquet file in memory at once


def polars(purpose: str) -> ModuleType:
    """Import polars.

    Raises:
        MissingExtra: it is not installed; the message names the ``purpose`` that needs it.
    """
    try:
        import polars as pl
    except ImportError:
        raise MissingExtra("tables", "polars", purpose) from None
    return pl


@attrs.frozen(repr=False)
class OutOfRange:
    """A time in a Parquet file outside the years 1 to 9999."""

    text: str

    def __repr__(self) -> str:
        return self.text


_FIRST_DAY = date.min.toordinal() - date(1970, 1, 1).toordinal()
_LAST_DAY = date.max.toordinal() - date(1970, 1, 1).toordinal()
_A_DAY = {"days": 1, "ms": 86_400_000, "us": 86_400_000_000}  # nanoseconds are always in range


class ParquetRows:
    """The rows of a Parquet file, numbered from 1.

    Args:
        name: the name of the file in errors.
        path: the path of the file.

    Raises:
        FileProblem: it is not a Parquet file, or has no columns.
        MissingExtra: polars is not installed.
    """

    def __init__(self, name: str, path: Path) -> None:
        pl = polars("reading Parquet")
        self._name, self._read = name, 0
        try:
            self.frame = pl.scan_parquet(path, glob=False)
            self.schema: Mapping[str, Any] = self.frame.collect_schema()
            self.count = int(self.frame.select(pl.len()).collect().item())
            #: The name of a column with the numbers of the rows from 0, and the rows with it.
            self.line = next(name for n in count() if (name := f"row {n}") not in self.schema)
            self.numbered = pl.scan_parquet(path, glob=False, row_index_name=self.line)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise FileProblem(f"{name} is no Parquet file that can be read: {error}") from error
        if not self.schema:
            raise FileProblem(f"{name} has no columns")
        #: The rows to read are those for which one of these expressions holds; ``None`` is all.
        self.conditions: Sequence[Any] | None = None

    @property
    def times(self) -> dict[str, Any]:
        """The columns with times, and their types."""
        pl = polars("reading Parquet")
        return {name: kind for name, kind in self.schema.items() if kind in (pl.Date, pl.Datetime)}

    def choose(self, column: str, texts: Iterable[str]) -> None:
        """Read only the rows with one of these texts in a column."""
        pl = polars("reading Parquet")
        value = pl.col(column)
        if self.schema[column] != pl.String:
            value = value.cast(pl.String)
        self.conditions = [value.is_in(list(texts))]

    def select(self, columns: Iterable[str]) -> None:
        """Read only these columns."""
        self.schema = {name: self.schema[name] for name in columns}
        self.frame = self.frame.select(self.schema.keys())
        self.numbered = self.numbered.select(self.line, *self.schema)

    def done(self) -> float:
        """How much has been read, from 0 to 1."""
        return self._read / self.count if self.count else 1.0

    def rows(self) -> Iterator[FileRow]:
        """Read the rows for which a condition holds; without conditions, all rows."""
        if self.conditions is not None:
            yield from self._matching(self.numbered, self._holds(self.conditions))
            return
        for start in range(0, self.count, BATCH):
            with self.reading():
                batch = self.frame.slice(start, BATCH).collect()
            yield from self.rows_of(batch, count(start + 1))

    def matching(self, start: int, predicate: Any) -> Iterator[FileRow]:
        """The rows for which an expression holds, in the batch that begins at row ``start``."""
        return self._matching(self.numbered.slice(start, BATCH), predicate)

    def _holds(self, conditions: Sequence[Any]) -> Any:
        """The expression for the rows for which one of the conditions holds.

        Each is asked by itself: then polars reads only its column, and of that only the parts that
        their statistics do not rule out.
        """
        pl = polars("reading Parquet")
        if len(conditions) == 1:
            return conditions[0]
        with self.reading():
            places = [
                self.numbered.filter(condition).select(self.line).collect()[self.line]
                for condition in conditions
            ]
        return pl.col(self.line).is_in(pl.concat(places).unique().to_list() if places else [])

    def _matching(self, frame: Any, predicate: Any) -> Iterator[FileRow]:
        with self.reading():
            batch = frame.filter(predicate).collect()
        return self.rows_of(batch.drop(self.line), (number + 1 for number in batch[self.line]))

    def rows_of(self, batch: Any, numbers: Iterable[int]) -> Iterator[FileRow]:
        """The rows of a frame of the file, with their numbers."""
        pl = polars("reading Parquet")
        with self.reading():
            batch = batch.with_columns(pl.selectors.float().fill_nan(None))
            batch, beyond = _within_range(pl, batch, self.times)
            for place, (self._read, values) in enumerate(
                zip(numbers, batch.iter_rows(named=True), strict=False)
            ):
                for column, raw in beyond.get(place, ()):
                    values[column] = raw
                yield FileRow(self._read, values)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Tell which file cannot be read."""
        pl = polars("reading Parquet")
        try:
            yield
        except pl.exceptions.PolarsError as error:
            raise FileProblem(f"{self._name} cannot be read to its end: {error}") from error


def _range_of(unit: str) -> tuple[int, int]:
    """Python's first day, and the day after its last, in the units of a file."""
    return _FIRST_DAY * _A_DAY[unit], (_LAST_DAY + 1) * _A_DAY[unit]


def within_range(pl: ModuleType, name: str, kind: Any) -> Any:
    """An expression for whether Python can represent a time of a column."""
    unit = getattr(kind, "time_unit", "days")
    if unit not in _A_DAY:
        return pl.col(name).is_not_null()
    number = pl.col(name).to_physical().cast(pl.Int64)
    return number.is_between(*_range_of(unit), closed="left")


def _within_range(
    pl: ModuleType, batch: Any, times: Mapping[str, Any]
) -> tuple[Any, dict[int, list[tuple[str, OutOfRange]]]]:
    """A batch without the times that Python cannot represent, and those times by row.

    Such a time would abort reading, even in a column that is not needed.
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
