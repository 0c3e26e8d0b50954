"""The tables of parts on disk, and the table of them all, in the order of people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import attrs

from lifecycle_fsm.rows.parquet_rows import polars
from lifecycle_fsm.tables import watched_file

#: About how many bytes of all parts together are put in order at once.
_BATCH = 2_000_000
#: A smaller block takes longer to find and to open than to read.
_SMALLEST = 16_000


@attrs.frozen
class PartTable:
    """A table of one part in a file: blocks of rows, sorted by a key, and at last their index."""

    path: Path
    rows: int
    index: int  # where it begins


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
        parts: how many parts there are: the more, the smaller are the blocks, because one of each
            part is in memory at once.
    """
    return {
        name: _write(folder / f"{name}-{part}.table", frame, keys[name], max(_BATCH // parts, 1))
        for name, frame in tables
    }


def _write(path: Path, frame: Any, key: str, size: int) -> PartTable:
    """Write a table in blocks of about so many bytes."""
    pl = polars("writing tables")
    width = frame.estimated_size() / max(frame.height, 1)
    step = max(1, int(max(size, _SMALLEST) / max(width, 1)))
    blocks, end = [], 0
    with watched_file(path) as file:
        for start in range(0, max(frame.height, 1), step):  # at least one, which has the columns
            rows = frame[start : start + step]
            content = _packed(rows)
            file.write(content)
            first = rows[key][0] if rows.height else ""
            blocks.append((first, end, len(content)))
            end += len(content)
        file.write(_packed(pl.DataFrame(blocks, schema=["key", "start", "size"], orient="row")))
    return PartTable(path, frame.height, end)


def _packed(frame: Any) -> bytes:
    """A data frame as bytes."""
    pl, content = polars("writing tables"), BytesIO()
    # The oldest way to write texts leaves out those of other rows.
    frame.write_ipc_stream(content, compression="lz4", compat_level=pl.CompatLevel.oldest())
    return content.getvalue()


def _unpacked(path: Path, start: int, size: int = -1) -> Any:
    """The data frame at a place in a file."""
    with path.open("rb") as file:
        file.seek(start)
        return polars("writing tables").read_ipc_stream(BytesIO(file.read(size)))


def in_order(tables: Sequence[PartTable], key: str) -> Iterator[Any]:
    """The rows of all parts as data frames, sorted by the key; at least one frame.

    Rows of one key are all in one frame; those of one part keep their order. At most one block of
    each part is in memory, and what comes out next.
    """
    pl = polars("writing tables")
    indices = [
        _unpacked(table.path, table.index).with_columns(part=number)
        for number, table in enumerate(tables)
    ]
    blocks = pl.concat(indices).sort("key", "part", "start")
    waiting: list[Any] = []
    size = 0
    following = blocks["key"].shift(-1)  # all rows that are not read yet have this key or a later
    for (_, start, length, part), following_key in zip(blocks.iter_rows(), following, strict=True):
        frame = _unpacked(tables[part].path, start, length)
        waiting.append(frame)
        size += frame.estimated_size()
        if following_key is None or size < _BATCH:
            continue
        together = pl.concat(waiting, rechunk=True)
        waiting, size = [together.filter(pl.col(key) >= following_key)], 0
        ready = together.filter(pl.col(key) < following_key)
        del frame, together
        if ready.height:
            yield ready.sort(key, maintain_order=True)
    yield pl.concat(waiting, rechunk=True).sort(key, maintain_order=True)


def shared_addresses(tables: Sequence[PartTable]) -> Iterator[tuple[str, str, Any]]:
    """The rows of the table of e-mail addresses whose address has several rows."""
    pl = polars("finding duplicates")
    for frame in in_order(tables, "address"):
        yield from frame.filter(pl.col("address").is_duplicated()).iter_rows()
