"""Records of large text files, moved to a temporary Parquet file, of which parts can be read."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from lifecycle_fsm.rows.parquet_rows import ParquetRows, polars
from lifecycle_fsm.tables.output_tables import Column, TableWriter, save_frames

T = TypeVar("T")
#: From how many bytes on a text file is not read into memory as a whole.
LARGE = 50_000_000
_PACKED = 10  # a packed text is about so many times as long
_CHUNK = 20_000  # records in memory at once


def is_large(path: str | Path) -> bool:
    """Whether the text in a file should not be kept in memory as a whole. What is no file, such as
    a stream, has no size."""
    file = Path(path)
    packed = file.suffix.lower() == ".gz"
    return file.is_file() and file.stat().st_size * (_PACKED if packed else 1) >= LARGE


class Unstorable(Exception):
    """A record has a value that the type of its column does not have."""


def spooled(name: str, records: Iterable[T], columns: Iterable[Column[T]]) -> ParquetRows:
    """Write records to a temporary Parquet file. It is removed when nobody reads it any more.

    Args:
        name: the name of their file in errors.
        records: read once, a few at a time; what reading them raises is raised.
        columns: the columns of the temporary file.

    Raises:
        Unstorable: a record does not fit into the columns.
        FileProblem: the temporary file cannot be written.
    """
    columns = tuple(columns)
    folder = tempfile.mkdtemp(prefix="lifecycle-fsm-")
    try:
        path = Path(folder, "rows.parquet")
        chunks = _Chunks(records, columns)
        save_frames([path], chunks, columns)
        if chunks.error is not None:
            raise chunks.error
        rows = ParquetRows(name, path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(rows, shutil.rmtree, folder, ignore_errors=True)
    return rows


class _Chunks:
    """Records as data frames. An error ends them and is kept, because polars would wrap it."""

    def __init__(self, records: Iterable[Any], columns: tuple[Column[Any], ...]) -> None:
        self._records, self._columns = records, columns
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[Any]:
        writer = TableWriter(self._columns)
        yield writer.take()
        try:
            for number, record in enumerate(self._records, 1):
                writer.add(record)
                if number % _CHUNK == 0:
                    yield writer.take()
            yield writer.take()
        except (TypeError, polars("reading large files").exceptions.PolarsError) as error:
            self.error = Unstorable(str(error))
        except Exception as error:  # raised again by `spooled`
            self.error = error
