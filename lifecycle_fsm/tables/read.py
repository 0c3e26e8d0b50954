"""Files to rows: CSV, JSON lines, JSON and Parquet, each row with the line where it stands.

A file is read as a stream. Whatever stands in it, each of its lines ends in a :class:`Row` or in a
:class:`Reject`, and reading goes on; only lines without any value are passed over. What
concerns the file as a whole (missing, empty, of an unknown kind) is a
:class:`~lifecycle_fsm.errors.FileProblem`, raised when the file is opened.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import json
import shutil
import sys
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from types import ModuleType, TracebackType
from typing import IO, Any, BinaryIO, Literal, TypeAlias, cast, get_args

import attrs

from lifecycle_fsm.errors import FileProblem, suggest
from lifecycle_fsm.tables._polars import polars
from lifecycle_fsm.tables.mapping import listed, nearest
from lifecycle_fsm.tables.spreadsheet import unguarded

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
#: Files of other programs: what to do with one.
_WORKBOOKS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
DELIMITERS = (",", ";", "\t")
MAX_LINE = 4 * 1024 * 1024  # characters; a longer line is no row of a table
MAX_RAW = 10_000
BATCH = 20_000  # rows of a Parquet file that are in memory at once

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP = b"PK\x03\x04"
_LATE = (OSError, EOFError, zlib.error)


@attrs.frozen
class Row:
    """One row: the line where it starts, counted from 1, its values by column, and its text.

    A value of a CSV file is always text. For Parquet the line is the number of the row.
    """

    line: int
    values: dict[str, Any]
    raw: str = ""


@attrs.frozen
class Reject:
    """A row that cannot be used: where it stands, which column is to blame, why, and its text."""

    file: str
    line: int
    column: str | None
    reason: str
    raw: str


@attrs.frozen(repr=False)
class OutOfRange:
    """A time of a Parquet file that lies beyond the years 1 to 9999."""

    text: str

    def __repr__(self) -> str:
        return self.text


@attrs.define
class Table:
    """An open file of rows. Iterate once; close it, or use it as a context manager.

    ``columns`` are the names of the header; nothing where each row brings its own names (JSON).
    ``twice`` has the names that stand more than once in the header, with their places: nothing is
    to be read from such a column.
    """

    name: str
    columns: tuple[str, ...] | None
    _rows: Iterator[Row | Reject]
    _close: Callable[[], None]
    _done: Callable[[], float | None]
    _empty: Callable[[], int] = lambda: 0
    #: The physical lines, what parts their columns, and the rows in some lines, where the file is
    #: one of text that can be read from any of its lines on.
    lines: Lines | None = None
    delimiter: str = ""
    rows_in: Callable[[Lines], Iterator[Row | Reject]] | None = None
    parquet: ParquetRows | None = None
    twice: Mapping[str, Sequence[int]] = attrs.field(factory=dict)

    def __iter__(self) -> Iterator[Row | Reject]:
        try:
            yield from self._rows
        except _LATE as error:
            raise FileProblem(f"{self.name} cannot be read to its end: {_why(error)}") from error

    def lacks(self, column: str) -> str:
        """Why a column of the header cannot be read, as a predicate; nothing where it can."""
        if column in self.twice:
            places = " and ".join(map(str, self.twice[column]))
            return f"has the column {column!r} twice (columns {places}): rename one of them"
        if self.columns is None or column in self.columns:
            return ""
        hint = nearest(column, self.columns)
        return f"has no column {column!r}, only {listed(self.columns)}{hint}"

    @property
    def done(self) -> float | None:
        """How much of the file has been read, from 0 to 1; nothing where its size is unknown."""
        return self._done()

    @property
    def empty(self) -> int:
        """How many rows of nothing but delimiters were passed over; spreadsheets leave them."""
        return self._empty()

    def close(self) -> None:
        """Close the file."""
        self._close()

    def __enter__(self) -> Table:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_table(
    path: str | Path,
    format: Format | None = None,
    *,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    guarded: bool = False,
) -> Table:
    """Open a file of rows.

    Args:
        path: the file; ``-`` is the standard input. A name that ends in ``.gz`` is unpacked.
        format: what is in it; without it the name says so.
        encoding: how its text is written.
        delimiter: what stands between the columns of a CSV file; without it the header shows it.
        guarded: take away the apostrophe that a CSV has before a text that a spreadsheet would run.

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
        if name.lower().endswith(".gz"):
            data = cast("IO[bytes]", gzip.GzipFile(fileobj=raw, mode="rb"))
            exits.callback(data.close)
        if kind == "parquet":
            file = Path(path)
            if data is not raw or size is None:
                folder = _spooled(data)
                exits.callback(shutil.rmtree, folder)
                file = folder / "rows.parquet"
            return _parquet(name, file, exits.close)
        start, stream = _peek(data)
        if start.startswith(_ZIP):
            raise FileProblem(f"{name} is a workbook or an archive, and no text: save it as CSV")
        if start.startswith(_UTF16):
            raise FileProblem(f"{name} is written in UTF-16: save it as UTF-8 and try again")
        newline = "" if kind == "csv" else "\n"
        lines = Lines(_text(name, stream, encoding, newline), newline)
        exits.callback(lines.detach)
        seekable = data is raw and size is not None and encoding == "utf-8"
        if kind == "csv":
            columns, mark = _header(name, lines, encoding, delimiter)

            def rows_in(some: Lines) -> Iterator[Row | Reject]:
                return _csv_rows(name, some, encoding, columns, mark, guarded=guarded)

            table = Table(name, columns, rows_in(lines), exits.close, done, lambda: lines.empty)
            table.twice = _twice(columns)
            if seekable:
                table.lines, table.delimiter, table.rows_in = lines, mark, rows_in
            return table
        if kind == "json" and start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
            return Table(name, None, _json_array(name, lines.text.read()), exits.close, done)
        table = Table(name, None, _json_lines(name, lines, encoding), exits.close, done)
        if seekable:
            table.lines = lines
            table.rows_in = lambda some: _json_lines(name, some, encoding)
        return table
    except BaseException as error:
        exits.close()
        if isinstance(error, _LATE):
            raise FileProblem(f"{name} cannot be read: {_why(error)}") from error
        raise


def _why(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


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
    """Does the name of a file say what is in it?"""
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
        near = [one.name for one in file.parent.iterdir()] if file.parent.is_dir() else []
        raise FileProblem(f"{name} does not exist{suggest(file.name, near)}") from None
    except (OSError, ValueError) as error:
        raise FileProblem(f"{name} cannot be opened: {_why(error)}") from error


def _spooled(data: IO[bytes]) -> Path:
    """Parquet is read from its end, so a stream has to lie in a file first."""
    folder = Path(tempfile.mkdtemp(prefix="lifecycle-fsm-"))
    try:
        with (folder / "rows.parquet").open("wb") as copy:
            shutil.copyfileobj(data, copy)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return folder


def _peek(data: IO[bytes]) -> tuple[bytes, io.BufferedReader]:
    stream = data if isinstance(data, io.BufferedReader) else io.BufferedReader(cast(Any, data))
    return stream.peek(64)[:64], stream


def _text(name: str, stream: io.BufferedReader, encoding: str, newline: str) -> io.TextIOWrapper:
    try:
        if codecs.lookup(encoding).name == "utf-8":
            encoding = "utf-8-sig"
        # Bytes that are no text come as lone surrogates, so that they spoil no more than a line.
        return io.TextIOWrapper(stream, encoding, "surrogateescape", newline)
    except LookupError:
        raise FileProblem(f"{name}: there is no text encoding named {encoding!r}") from None


@attrs.frozen
class _Line:
    number: int
    text: str
    problem: str | None = None


class _TooLong(Exception):
    """A line is longer than any row."""


class Lines:
    """The physical lines of a text, numbered; lines that were taken can be given back.

    Args:
        text: the text; ``number`` is how many of its lines have been read.
        newline: what ends a line, as :class:`io.TextIOWrapper` takes it.
    """

    def __init__(self, text: io.TextIOWrapper, newline: str, number: int = 0) -> None:
        self.text = text
        self.newline = newline
        self.number = number
        self.empty = 0  # records of nothing but delimiters
        self.back: deque[_Line] = deque()
        self.taken: list[_Line] = []
        #: Lines that come first, each a record of its own; what gives them sets ``number`` to that
        #: of the line before, and in the end goes on where the rest of the text begins.
        self.chosen: Iterator[str] | None = None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.back.popleft() if self.back else self._read()
        self.taken.append(line)
        if line.problem is _TOO_LONG:
            raise _TooLong
        return line.text

    def _read(self) -> _Line:
        text = None
        if self.chosen is not None:
            text = next(self.chosen, None)
            if text is None:
                self.chosen = None
        if text is None:
            text = self.text.readline(MAX_LINE + 1)
        if not text:
            raise StopIteration
        self.number += 1
        if len(text) > MAX_LINE:
            more = text
            while more and not more.endswith(("\n", "\r")):
                more = self.text.readline(MAX_LINE)
            return _Line(self.number, text, _TOO_LONG)
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                byte = ord(text[error.start]) - 0xDC00
                problem = f"byte 0x{byte:02X} at character {error.start + 1} is no text"
                return _Line(self.number, text, problem)
        return _Line(self.number, text)

    @property
    def file(self) -> BinaryIO:
        """The file that the text is in."""
        return cast("BinaryIO", self.text.buffer)

    def go_on(self, place: int, number: int) -> None:
        """Read on from that byte of a file in UTF-8; so many lines are before it."""
        file = self.file
        self.text.detach()
        file.seek(place)
        self.text = io.TextIOWrapper(file, "utf-8", "surrogateescape", self.newline)
        self.number = number

    def alone(self, line: bytes) -> Lines:
        """One line by itself, read in the same way."""
        text = io.TextIOWrapper(io.BytesIO(line), "utf-8", "surrogateescape", self.newline)
        return Lines(text, self.newline)

    def detach(self) -> None:
        """Let go of the file, without closing it."""
        self.text.detach()

    def start(self) -> None:
        """From here on the lines belong to the next record."""
        self.taken.clear()

    def give_back(self) -> None:
        """Read all lines of this record but the first again."""
        self.back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


_TOO_LONG = f"the line is longer than {MAX_LINE:,} characters"


def shown(raw: str) -> str:
    r"""The text of a bad row as it may be written down: bytes that are no text become ``\xe9``."""
    more = len(raw) - MAX_RAW
    text = raw[:MAX_RAW].rstrip("\r\n")
    try:
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        text = text.encode("utf-8", "backslashreplace").decode()
    return f"{text} … and {more:,} characters more" if more > 0 else text


def _undecodable(problem: str, encoding: str) -> str:
    if problem is _TOO_LONG:
        return problem
    return f"{problem} in {encoding}: save the file as UTF-8, or say its encoding in the mapping"


def _header(
    name: str, lines: Lines, encoding: str, delimiter: str | None
) -> tuple[tuple[str, ...], str]:
    delimiter = _first_line(name, lines) or delimiter
    tried = {mark: _try_header(lines, mark) for mark in ([delimiter] if delimiter else DELIMITERS)}
    mark = max(tried, key=lambda one: len(tried[one]))
    if len(tried[mark]) < 2:
        mark = next((one for one in tried if one in lines.back[0].text), mark)
    lines.start()
    try:
        values = next(csv.reader(lines, delimiter=mark, strict=True))
    except (csv.Error, StopIteration, _TooLong) as error:
        raise FileProblem(f"{name}: the header cannot be read: {_csv_reason(error)}") from None
    for line in lines.taken:
        if line.problem:
            raise FileProblem(f"{name}, line {line.number}: {_undecodable(line.problem, encoding)}")
    names = (one.strip() or f"column_{place}" for place, one in enumerate(values, start=1))
    return tuple(names), mark


def _twice(columns: tuple[str, ...]) -> dict[str, list[int]]:
    """The names that stand more than once in a header, with their places."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(columns, start=1):
        places.setdefault(name, []).append(place)
    return {name: found for name, found in places.items() if len(found) > 1}


def _first_line(name: str, lines: Lines) -> str | None:
    """Go to the header, past blank lines; the delimiter, where a line before it says so."""
    said: str | None = None
    while True:
        lines.start()
        try:
            text = next(lines)
        except StopIteration:
            raise FileProblem(
                f"{name} is empty: it needs a header with the names of its columns"
            ) from None
        except _TooLong:
            raise FileProblem(f"{name}, line {lines.number}: {_TOO_LONG}: is it a CSV?") from None
        if text[:4].lower() == "sep=" and len(text.rstrip("\r\n")) == 5:
            said = text[4]  # a line that Excel writes and understands
        elif text.strip("\r\n \t,;"):
            lines.back.appendleft(lines.taken[0])
            return said


def _try_header(lines: Lines, delimiter: str) -> list[str]:
    """The names of the header by one delimiter; its lines can be read again."""
    lines.start()
    try:
        values = next(csv.reader(lines, delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration, _TooLong):
        values = []
    lines.back.extendleft(reversed(lines.taken))
    return values


def _csv_reason(error: BaseException) -> str:
    text = str(error)
    if "unexpected end of data" in text or isinstance(error, _TooLong):
        return "a quote is opened and never closed"
    if "expected after" in text:
        return 'a quote ends before its value does: write "" for a quote inside a value'
    if "field larger" in text:
        return f"a value is longer than {csv.field_size_limit():,} characters: is a quote open?"
    return text


def _csv_rows(
    name: str, lines: Lines, encoding: str, head: tuple[str, ...], delimiter: str, *, guarded: bool
) -> Iterator[Row | Reject]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width = len(head)
    taken = lines.taken
    while True:
        lines.start()
        try:
            values = next(reader)
        except StopIteration:
            return
        except (csv.Error, _TooLong) as error:
            # A stray quote must not swallow the lines below it: only the first one is to blame.
            alone = len(taken) == 1 and isinstance(error, _TooLong)
            reason = _TOO_LONG if alone else _csv_reason(error)
            lines.give_back()
            yield Reject(name, taken[0].number, None, reason, shown(taken[0].text))
            continue
        if not values:
            continue
        if not values[0].strip() and not any(map(str.strip, values)):
            lines.empty += 1
            continue
        line = taken[0].number
        raw = taken[0].text if len(taken) == 1 else "".join(one.text for one in taken)
        problem = next((one.problem for one in taken if one.problem), None)
        if problem:
            yield Reject(name, line, None, _undecodable(problem, encoding), shown(raw))
        elif len(values) != width:
            reason = f"it has {len(values)} columns, and the header has {width}"
            yield Reject(name, line, None, reason, shown(raw))
        else:
            if guarded and "'" in raw:
                values = list(map(unguarded, values))
            yield Row(line, dict(zip(head, values, strict=True)), raw)


class _Twice(ValueError):
    """A key stands twice in one object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Twice(f"the key {twice!r} stands twice in one object")
    return made


_JSON = json.JSONDecoder(object_pairs_hook=_object)


def _json_reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON: {error.msg.lower()} at character {error.pos + 1}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)


def _json_row(name: str, line: int, value: object, raw: str) -> Row | Reject:
    if not isinstance(value, dict):
        return Reject(name, line, None, 'it is no object: write {"column": value}', shown(raw))
    if "\\ud" in raw or "\\uD" in raw:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            reason = "it has half a character: a surrogate without its other half"
            return Reject(name, line, None, reason, shown(raw))
    return Row(line, value, raw)


def _json_lines(name: str, lines: Lines, encoding: str) -> Iterator[Row | Reject]:
    while True:
        lines.start()
        try:
            raw = next(lines)
        except StopIteration:
            return
        except _TooLong:
            raw = lines.taken[0].text
        line = lines.taken[0]
        if line.problem:
            reason = _undecodable(line.problem, encoding)
            yield Reject(name, line.number, None, reason, shown(raw))
            continue
        text = raw.strip()
        if not text:
            continue
        try:
            value = _JSON.decode(text)
        except (ValueError, RecursionError) as error:
            yield Reject(name, line.number, None, _json_reason(error), shown(raw))
            continue
        yield _json_row(name, line.number, value, raw)


def _json_array(name: str, text: str) -> Iterator[Row | Reject]:
    """The elements of one array; behind a place that is no JSON the rest cannot be read."""
    place, line, counted = text.index("[") + 1, 1, 0
    wants_value = False
    while True:
        place = _skip_space(text, place)
        line, counted = line + text.count("\n", counted, place), place
        if text.startswith("]", place) and not wants_value:
            rest = text[place + 1 :].strip()
            if rest:
                yield Reject(name, line, None, "something stands behind the array", shown(rest))
            return
        try:
            value, end = _JSON.raw_decode(text, place)
            raw = text[place:end]
            yield _json_element(name, line, value, raw)
            place = _skip_space(text, end)
            if text.startswith(",", place):
                place, wants_value = place + 1, True
            elif text.startswith("]", place):
                wants_value = False
            else:
                raise json.JSONDecodeError("Expecting ',' or ']'", text, place)
        except (ValueError, RecursionError) as error:
            line += text.count("\n", counted, place)
            if isinstance(error, json.JSONDecodeError):
                here = error.pos - text.rfind("\n", 0, error.pos)
                reason = f"it is no JSON: {error.msg.lower()} at character {here}"
            else:
                reason = _json_reason(error)
            reason += "; the array cannot be read behind this place"
            yield Reject(name, line, None, reason, shown(text[place:]))
            return


def _json_element(name: str, line: int, value: object, raw: str) -> Row | Reject:
    try:
        raw.encode()
    except UnicodeEncodeError:
        return Reject(name, line, None, "it has bytes that are no UTF-8", shown(raw))
    return _json_row(name, line, value, raw)


def _skip_space(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n\ufeff":
        place += 1
    return place


def _parquet(name: str, file: Path, close: Callable[[], None]) -> Table:
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
    return Table(name, columns, parquet.rows(), close, parquet.done, parquet=parquet)


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

    def rows(self) -> Iterator[Row]:
        """The rows."""
        if self.chosen is not None:
            yield from self._some(self.frame, 0, self.chosen)
            return
        for start in range(0, self._count, BATCH):
            with self._told():
                batch = self.frame.slice(start, BATCH).collect()
            yield from self._rows(batch, itertools.count(start + 1))

    def some(self, start: int, chosen: Any) -> Iterator[Row]:
        """Some of the rows behind so many others, at most as many as a batch has."""
        return self._some(self.frame.slice(start, BATCH), start, chosen)

    def _some(self, frame: Any, start: int, chosen: Any) -> Iterator[Row]:
        place, frame = self.numbered(frame, start)
        with self._told():
            batch = frame.filter(chosen).collect()
        return self._rows(batch.drop(place), (number + 1 for number in batch[place]))

    def _rows(self, batch: Any, numbers: Iterable[int]) -> Iterator[Row]:
        pl = polars("reading Parquet")
        with self._told():
            batch = batch.with_columns(pl.selectors.float().fill_nan(None))
            batch, beyond = _within_range(pl, batch, self.times)
            for place, (self._read, values) in enumerate(
                zip(numbers, batch.iter_rows(named=True), strict=False)
            ):
                for column, raw in beyond.get(place, ()):
                    values[column] = raw
                yield Row(self._read, values)

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
