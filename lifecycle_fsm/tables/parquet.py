"""The one way to polars, late and with an error that names its extra; and Parquet, read with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from lifecycle_fsm.errors import FileProblem, MissingExtra
from lifecycle_fsm.rows import FileRow, Reject, RowFile, open_rows

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
    times = {name: kind for name, kind in schema.items() if kind in (pl.Date, pl.Datetime)}
    at = 0

    def rows() -> Iterator[FileRow | Reject]:
        nonlocal at
        try:
            for start in range(0, count, BATCH):
                batch = frame.slice(start, BATCH).collect()
                batch = batch.with_columns(pl.selectors.float().fill_nan(None))
                batch, beyond = _within_range(pl, batch, times)
                for values in batch.iter_rows(named=True):
                    at += 1
                    for column, raw in beyond.get(at - start - 1, ()):
                        values[column] = raw
                    yield FileRow(at, values)
        except pl.exceptions.PolarsError as error:
            raise FileProblem(f"{name} cannot be read to its end: {error}") from error

    return RowFile(name, columns, rows(), close, lambda: at / count if count else 1.0)


#: Opens a file of rows as :func:`lifecycle_fsm.rows.open_rows` does, or one of Parquet.
open_table = partial(
    open_rows,
    remedy="save the file as UTF-8, or say its encoding in the mapping",
    parquet=open_parquet,
)
_FIRST_DAY = date.min.toordinal() - date(1970, 1, 1).toordinal()
_LAST_DAY = date.max.toordinal() - date(1970, 1, 1).toordinal()
_A_DAY = {"days": 1, "ms": 86_400_000, "us": 86_400_000_000}  # all nanoseconds are in range


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
        first, behind = _FIRST_DAY * _A_DAY[unit], (_LAST_DAY + 1) * _A_DAY[unit]
        outside = ~number.is_between(first, behind, closed="left")
        for row in outside.arg_true():
            text = f"{number[row]} {unit} since 1970"
            beyond.setdefault(row, []).append((name, OutOfRange(text)))
        if beyond:
            batch = batch.with_columns(batch[name].set(outside, None))
    return batch, beyond
