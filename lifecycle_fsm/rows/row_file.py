"""Files of rows: opened by format, read as a stream.

A fault of an entire file (missing, empty, of an unknown kind) is a
:class:`~lifecycle_fsm.errors.FileProblem`, raised when the file is opened.
"""

from __future__ import annotations

import codecs
import gzip
import io
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias, cast, get_args

import attrs

from lifecycle_fsm.errors import FileProblem, suggest
from lifecycle_fsm.files import near_files, why
from lifecycle_fsm.rows.parquet_rows import ParquetRows
from lifecycle_fsm.rows.row import FileRow, Reject, listed, nearest
from lifecycle_fsm.rows.text_rows import (
    NumberedLines,
    csv_rows,
    json_array,
    json_lines,
    read_header,
)

Format: TypeAlias = Literal["csv", "jsonl", "json", "parquet"]

FORMATS: tuple[Format, ...] = get_args(Format)
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}
#: Workbook files, for which the error names a remedy.
_WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP = b"PK\x03\x04"
_LATE = (OSError, EOFError, zlib.error)


@attrs.define
class RowFile:
    """An open file of rows. Iterate once; close it, or use it as a context manager.

    Args:
        name: the name of the file in errors.
        columns: the names in the header; ``None`` if each row has its own names (JSON).
        lines: the physical lines of a text.
        rows_in: reads the rows in some of these lines.
        delimiter: the separator between the columns of a CSV file.
        can_seek: whether the text can be read from any of its lines onwards.
        parquet: the reader of a Parquet file.
    """

    name: str
    columns: tuple[str, ...] | None
    _rows: Iterator[FileRow | Reject]
    _close: Callable[[], None]
    _done: Callable[[], float | None]
    lines: NumberedLines | None = None
    rows_in: Callable[[NumberedLines], Iterator[FileRow | Reject]] | None = None
    delimiter: str = ""
    can_seek: bool = False
    parquet: ParquetRows | None = None

    def all_rows(self) -> Iterator[FileRow]:
        """The rows of a file that must not have any bad rows.

        Raises:
            FileProblem: a row cannot be used.
        """
        for row in self:
            if isinstance(row, Reject):
                raise FileProblem(f"{self.name}, line {row.line}: {row.reason}")
            yield row

    def __iter__(self) -> Iterator[FileRow | Reject]:
        try:
            yield from self._rows
        except _LATE as error:
            raise FileProblem(f"{self.name} cannot be read to its end: {_why(error)}") from error

    @cached_property
    def twice(self) -> dict[str, list[int]]:
        """The names that occur more than once in the header, with their positions: such a column
        cannot be read."""
        places: dict[str, list[int]] = {}
        for place, name in enumerate(self.columns or (), start=1):
            places.setdefault(name, []).append(place)
        return {name: numbers for name, numbers in places.items() if len(numbers) > 1}

    def lacks(self, column: str) -> str:
        """Why a column of the header cannot be read, as a predicate; empty if it can."""
        if column in self.twice:
            places = " and ".join(map(str, self.twice[column]))
            return f"has the column {column!r} twice (columns {places}): rename one of them"
        if self.columns is None or column in self.columns:
            return ""
        hint = nearest(column, self.columns)
        return f"has no column {column!r}, only {listed(self.columns)}{hint}"

    @property
    def done(self) -> float | None:
        """How much of the file has been read, from 0 to 1; ``None`` if its size is unknown."""
        return self._done()

    @property
    def empty(self) -> int:
        """How many rows with only delimiters were skipped; spreadsheets leave such rows."""
        return self.lines.empty if self.lines else 0

    def close(self) -> None:
        """Close the file."""
        self._close()

    def __enter__(self) -> RowFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_rows(
    path: str | Path,
    format: Format | None = None,
    *,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    guarded: bool = False,
    short: bool = False,
    remedy: str = "save the file as UTF-8",
) -> RowFile:
    """Open a file of rows.

    Args:
        path: the file; ``-`` is the standard input. A name ending in ``.gz`` is decompressed.
        format: the format of the file; by default its name tells it.
        encoding: the encoding of its text.
        delimiter: the separator between the columns of a CSV file; by default the header shows it.
        guarded: remove the apostrophe before a text in a CSV file that a spreadsheet would run.
        short: a row of a CSV file may have fewer values than the header; the others are empty.
        remedy: what to do about a line that is not in that encoding.

    Raises:
        FileProblem: the file is missing, empty, without a header, or of an unknown format.
    """
    name = "<stdin>" if str(path) == "-" else str(path)
    raw, size = _open(path, name)
    exits = ExitStack()
    if raw is not sys.stdin.buffer:
        exits.callback(raw.close)

    def done() -> float | None:
        return None if raw.closed or not size else min(raw.tell() / size, 1.0)

    try:
        kind = format or _format_of(name)
        data: IO[bytes] = raw
        is_plain = size is not None
        if name.lower().endswith(".gz"):
            data = cast("IO[bytes]", gzip.GzipFile(fileobj=raw, mode="rb"))
            exits.callback(data.close)
            is_plain = False
        if kind == "parquet":
            parquet = ParquetRows(name, Path(path) if is_plain else _spooled(data, exits))
            columns = tuple(parquet.schema)
            return RowFile(
                name, columns, parquet.rows(), exits.close, parquet.done, parquet=parquet
            )
        start, stream = _peek(name, data)
        newline = "" if kind == "csv" else "\n"
        text = _text(name, stream, encoding, newline)
        lines = NumberedLines(text, newline, f"in {encoding}: {remedy}")
        exits.callback(lines.detach)
        header, mark = None, ""
        if kind == "csv":
            header, mark = read_header(name, lines, delimiter)
            rows_in = partial(
                csv_rows, name, header=header, delimiter=mark, guarded=guarded, short=short
            )
        elif kind == "json" and start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
            return RowFile(name, None, json_array(name, lines.text.read()), exits.close, done)
        else:
            rows_in = partial(json_lines, name)
        can_seek = is_plain and encoding == "utf-8"
        return RowFile(
            name, header, rows_in(lines), exits.close, done, lines, rows_in, mark, can_seek
        )
    except BaseException as error:
        exits.close()
        if isinstance(error, _LATE):
            raise FileProblem(f"{name} cannot be read: {_why(error)}") from error
        raise


#: The same for files that may have a mapping.
open_table = partial(open_rows, remedy="save the file as UTF-8, or say its encoding in the mapping")


def _why(error: BaseException) -> str:
    return why(error) or type(error).__name__


def _format_of(name: str) -> Format:
    if name == "<stdin>":
        raise FileProblem(
            f"the standard input has no name that tells its format: say --format, "
            f"one of {', '.join(FORMATS)}"
        )
    suffix = Path(name.lower().removesuffix(".gz")).suffix
    if suffix in _WORKBOOKS:
        raise FileProblem(f"{name} is a workbook, which is not read: save it as CSV")
    if suffix not in SUFFIXES:
        raise FileProblem(
            f"{name}: the name does not tell the format: say --format, or let it end in "
            f"{', '.join(SUFFIXES)}{suggest(suffix, SUFFIXES)}"
        )
    return SUFFIXES[suffix]


def tells_format(path: str | Path) -> bool:
    """Whether the name of a file tells its format."""
    suffix = Path(str(path).lower().removesuffix(".gz")).suffix
    return str(path) != "-" and suffix in (*SUFFIXES, *_WORKBOOKS)


def _open(path: str | Path, name: str) -> tuple[IO[bytes], int | None]:
    if name == "<stdin>":
        return sys.stdin.buffer, None
    try:
        file = Path(path)
        if file.is_dir():
            raise FileProblem(f"{name} is a folder: name a file in it")
        return file.open("rb"), file.stat().st_size if file.is_file() else None
    except FileNotFoundError:
        raise FileProblem(f"{name} does not exist{near_files(file)}") from None
    except (OSError, ValueError) as error:
        raise FileProblem(f"{name} cannot be opened: {_why(error)}") from error


def _spooled(data: IO[bytes], exits: ExitStack) -> Path:
    """Store a stream in a file, because Parquet is read from its end."""
    folder = exits.enter_context(tempfile.TemporaryDirectory(prefix="lifecycle-fsm-"))
    file = Path(folder, "rows.parquet")
    with file.open("wb") as copy:
        shutil.copyfileobj(data, copy)
    return file


def _peek(name: str, data: IO[bytes]) -> tuple[bytes, io.BufferedReader]:
    """The first bytes of a text, and a stream that still contains them.

    Raises:
        FileProblem: they show that it is not text, or that it is UTF-16.
    """
    stream = data if isinstance(data, io.BufferedReader) else io.BufferedReader(cast(Any, data))
    start = stream.peek(64)[:64]
    if start.startswith(_ZIP):
        raise FileProblem(f"{name} is a workbook or an archive, and no text: save it as CSV")
    if start.startswith(_UTF16):
        raise FileProblem(f"{name} is written in UTF-16: save it as UTF-8 and try again")
    return start, stream


def _text(name: str, stream: io.BufferedReader, encoding: str, newline: str) -> io.TextIOWrapper:
    try:
        if codecs.lookup(encoding).name == "utf-8":
            encoding = "utf-8-sig"
        # Bytes that are not text become lone surrogates, so that they spoil only their line.
        return io.TextIOWrapper(stream, encoding, "surrogateescape", newline)
    except LookupError:
        raise FileProblem(f"{name}: there is no text encoding named {encoding!r}") from None
