"""The tables of parts on disk, and the table of them all, in the order of people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from lifecycle_fsm.rows.parquet_rows import polars
from lifecycle_fsm.tables import watched_file

#: About how many rows are put in order at once.
_BATCH = 100_000
#: How many rows of a part share their statistics at least: with these a range of people is found.
_FEWEST = 500


@attrs.frozen
class PartTable:
    """A table of one part in a file, sorted by person, and every so many of its keys."""

    path: Path
    rows: int
    keys: tuple[str, ...]


def write_part_tables(
    folder: Path,
    part: int,
    tables: Iterable[tuple[str, Any]],
    keys: Mapping[str, str],
    parts: int = 1,
) -> dict[str, PartTable]:
    """Write the tables of a part to files.

    Args:
        folder: where.
        part: the number of the part.
        tables: the tables by name, sorted by their keys.
        keys: the column of each table by which it is sorted.
        parts: how many parts there are: the more, the fewer rows of each are put in order at once.
    """
    written = {}
    group = max(_BATCH // parts, _FEWEST)
    for name, frame in tables:
        path = folder / f"{name}-{part}.parquet"
        with watched_file(path) as file:
            frame.write_parquet(file, compression="lz4", row_group_size=group)
        sample = frame[keys[name]].gather_every(group)
        written[name] = PartTable(path, frame.height, tuple(sample.to_list()))
    return written


def in_order(tables: Sequence[PartTable], key: str) -> Iterator[Any]:
    """The rows of all parts as data frames, sorted by the key; at least one frame.

    The rows of one person are all in one part, and keep their order.
    """
    pl = polars("writing tables")
    scan = pl.scan_parquet([table.path for table in tables])
    column = pl.col(key)
    # Between two neighbours of these there are few rows of each part.
    marks = sorted({mark for table in tables for mark in table.keys})
    total = sum(table.rows for table in tables)
    step = max(1, len(marks) * _BATCH // max(total, 1))
    cuts = marks[step::step]
    for low, high in zip([None, *cuts], [*cuts, None], strict=True):
        rows = scan
        if low is not None:
            rows = rows.filter(column >= low)
        if high is not None:
            rows = rows.filter(column < high)
        yield rows.collect().sort(key, maintain_order=True)


def shared_addresses(tables: Sequence[PartTable]) -> Iterator[tuple[str, str, Any]]:
    """The rows of the table of e-mail addresses whose address has several rows."""
    pl = polars("finding duplicates")
    scan = pl.scan_parquet([table.path for table in tables])
    # Numbers instead of texts: millions of them fit into memory.
    numbers = scan.select(pl.col("address").hash()).collect().to_series()
    several = numbers.filter(numbers.is_duplicated()).unique()
    rows = scan.filter(pl.col("address").hash().is_in(several)).collect()
    yield from rows.iter_rows()
