"""Files to rows: CSV, JSON lines and JSON, each row with the line where it stands.

A file is read as a stream. Whatever stands in it, each of its lines ends in a :class:`FileRow` or
in a :class:`Reject`, and reading goes on; only lines without any value are passed over. What
concerns the file as a whole (missing, empty, of an unknown kind) is a
:class:`~lifecycle_fsm.errors.FileProblem`, raised when the file is opened.

Parquet is read by :func:`lifecycle_fsm.tables.open_table`, with polars.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import gzip
import io
import json
import re
import shutil
import sys
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from types import TracebackType
from typing import IO, Any, BinaryIO, Literal, TypeAlias, cast, get_args

import attrs

from lifecycle_fsm.errors import FileProblem, suggest
from lifecycle_fsm.files import near_files, why
from lifecycle_fsm.spreadsheet import unguarded

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

_MOST_LISTED = 30
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP = b"PK\x03\x04"
_LATE = (OSError, EOFError, zlib.error)


@attrs.frozen
class FileRow:
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


@attrs.define
class RowFile:
    """An open file of rows. Iterate once; close it, or use it as a context manager.

    ``columns`` are the names of the header; ``None`` if each row brings its own names (JSON).
    ``twice`` has the names that stand more than once in the header, with their places: nothing is
    to be read from such a column.
    """

    name: str
    columns: tuple[str, ...] | None
    _rows: Iterator[FileRow | Reject]
    _close: Callable[[], None]
    _done: Callable[[], float | None]
    _empty: Callable[[], int] = lambda: 0
    #: The physical lines, what parts their columns, and the rows in some lines, where the file is
    #: one of text that can be read from any of its lines on.
    lines: NumberedLines | None = None
    delimiter: str = ""
    rows_in: Callable[[NumberedLines], Iterator[FileRow | Reject]] | None = None
    #: Where it is Parquet, what has opened it: a ``ParquetRows`` of :mod:`lifecycle_fsm.tables`.
    parquet: Any = None
    twice: Mapping[str, Sequence[int]] = attrs.field(factory=dict)

    def all_rows(self) -> Iterator[FileRow]:
        """The rows of a file of which every one has to be good.

        Raises:
            FileProblem: one of them cannot be used.
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

    def lacks(self, column: str) -> str:
        """Why a column of the header cannot be read, as a predicate; nothing if it can."""
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
        """How many rows of nothing but delimiters were passed over; spreadsheets leave them."""
        return self._empty()

    def close(self) -> None:
        """Close the file."""
        self._close()

    def __enter__(self) -> RowFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
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
    parquet: Callable[[str, Path, Callable[[], None]], RowFile] | None = None,
) -> RowFile:
    """Open a file of rows.

    Args:
        path: the file; ``-`` is the standard input. A name that ends in ``.gz`` is unpacked.
        format: what is in it; without it the name says so.
        encoding: how its text is written.
        delimiter: what stands between the columns of a CSV file; without it the header shows it.
        guarded: take away the apostrophe that a CSV has before a text that a spreadsheet would run.
        short: a row of a CSV may have fewer values than the header; the others are empty.
        remedy: what to do about a line that is not written in that encoding.
        parquet: opens a Parquet file, by its name in errors, its path, and what closes it.

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
            if parquet is None:
                raise FileProblem(f"{name} is Parquet, which is not read here: save it as CSV")
            file = Path(path)
            if data is not raw or size is None:
                folder = _spooled(data)
                exits.callback(shutil.rmtree, folder)
                file = folder / "rows.parquet"
            return parquet(name, file, exits.close)
        start, stream = _peek(name, data)
        newline = "" if kind == "csv" else "\n"
        lines = NumberedLines(
            _text(name, stream, encoding, newline), newline, f"in {encoding}: {remedy}"
        )
        exits.callback(lines.detach)
        seekable = data is raw and size is not None and encoding == "utf-8"
        if kind == "csv":
            columns, mark = _header(name, lines, delimiter)

            def rows_in(some: NumberedLines) -> Iterator[FileRow | Reject]:
                return _csv_rows(name, some, columns, mark, guarded=guarded, short=short)

            table = RowFile(name, columns, rows_in(lines), exits.close, done, lambda: lines.empty)
            table.twice = _twice(columns)
            if seekable:
                table.lines, table.delimiter, table.rows_in = lines, mark, rows_in
            return table
        if kind == "json" and start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"["):
            return RowFile(name, None, _json_array(name, lines.text.read()), exits.close, done)
        table = RowFile(name, None, _json_lines(name, lines), exits.close, done)
        if seekable:
            table.lines = lines
            table.rows_in = lambda some: _json_lines(name, some)
        return table
    except BaseException as error:
        exits.close()
        if isinstance(error, _LATE):
            raise FileProblem(f"{name} cannot be read: {_why(error)}") from error
        raise


@lru_cache(maxsize=1_000)
def nearest(word: str, known: tuple[str, ...]) -> str:
    """``"; did you mean 'x'?"`` for a name of a file; case, spaces and signs make no difference."""
    plain = {_plain(name): name for name in known}
    near = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return f"; did you mean {plain[near[0]]!r}?" if near else ""


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.strip().lower())


def listed(names: Sequence[str], most: int = _MOST_LISTED, between: str = ", ") -> str:
    """The names, in a sentence; of very many, the first."""
    more = len(names) - most
    text = between.join(names[:most])
    return f"{text} and {more:,} more" if more > 0 else text


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
        raise FileProblem(f"{name} does not exist{near_files(file)}") from None
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


def _peek(name: str, data: IO[bytes]) -> tuple[bytes, io.BufferedReader]:
    """The first bytes of a text, and a stream that still has them.

    Raises:
        FileProblem: they show that it is none, or that it is in UTF-16.
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


class NumberedLines:
    """The physical lines of a text, numbered; lines that were taken can be given back.

    Args:
        text: the text; ``number`` is how many of its lines have been read.
        newline: what ends a line, as :class:`io.TextIOWrapper` takes it.
        remedy: what is said of a line that is no text: in which encoding, and what to do.
    """

    def __init__(self, text: io.TextIOWrapper, newline: str, remedy: str) -> None:
        self.text = text
        self.newline = newline
        self.remedy = remedy
        self.number = 0
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
                where = f"byte 0x{byte:02X} at character {error.start + 1}"
                return _Line(self.number, text, f"{where} is no text {self.remedy}")
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

    def alone(self, line: bytes) -> NumberedLines:
        """One line by itself, read in the same way."""
        text = io.TextIOWrapper(io.BytesIO(line), "utf-8", "surrogateescape", self.newline)
        return NumberedLines(text, self.newline, self.remedy)

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


def _header(name: str, lines: NumberedLines, delimiter: str | None) -> tuple[tuple[str, ...], str]:
    delimiter = _first_line(name, lines) or delimiter
    tried = {mark: _try_header(lines, mark) for mark in ([delimiter] if delimiter else DELIMITERS)}
    mark = max(tried, key=lambda mark: len(tried[mark]))
    if len(tried[mark]) < 2:
        mark = next((sign for sign in tried if sign in lines.back[0].text), mark)
    lines.start()
    try:
        values = next(csv.reader(lines, delimiter=mark, strict=True))
    except (csv.Error, StopIteration, _TooLong) as error:
        raise FileProblem(f"{name}: the header cannot be read: {_csv_reason(error)}") from None
    for line in lines.taken:
        if line.problem:
            raise FileProblem(f"{name}, line {line.number}: {line.problem}")
    names = (value.strip() or f"column_{place}" for place, value in enumerate(values, start=1))
    return tuple(names), mark


def _twice(columns: tuple[str, ...]) -> dict[str, list[int]]:
    """The names that stand more than once in a header, with their places."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(columns, start=1):
        places.setdefault(name, []).append(place)
    return {name: numbers for name, numbers in places.items() if len(numbers) > 1}


def _first_line(name: str, lines: NumberedLines) -> str | None:
    """Go to the header, past blank lines; the delimiter, where a line before it says so."""
    delimiter: str | None = None
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
            delimiter = text[4]  # a line that Excel writes and understands
        elif text.strip("\r\n \t,;"):
            lines.back.appendleft(lines.taken[0])
            return delimiter


def _try_header(lines: NumberedLines, delimiter: str) -> list[str]:
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
    name: str,
    lines: NumberedLines,
    head: tuple[str, ...],
    delimiter: str,
    *,
    guarded: bool,
    short: bool,
) -> Iterator[FileRow | Reject]:
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
            yield _reject(name, taken[0].number, reason, taken[0].text)
            continue
        if not values:
            continue
        if not values[0].strip() and not any(map(str.strip, values)):
            lines.empty += 1
            continue
        line = taken[0].number
        raw = taken[0].text if len(taken) == 1 else "".join(part.text for part in taken)
        problem = next((part.problem for part in taken if part.problem), None)
        if problem:
            yield _reject(name, line, problem, raw)
        elif len(values) > width or (len(values) < width and not short):
            reason = f"it has {len(values)} columns, and the header has {width}"
            yield _reject(name, line, reason, raw)
        else:
            if guarded and "'" in raw:
                values = list(map(unguarded, values))
            yield FileRow(line, dict(zip_longest(head, values, fillvalue="")), raw)


def _reject(name: str, line: int, reason: str, raw: str) -> Reject:
    return Reject(name, line, None, reason, shown(raw))


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


def _json_row(name: str, line: int, value: object, raw: str) -> FileRow | Reject:
    if not isinstance(value, dict):
        return _reject(name, line, 'it is no object: write {"column": value}', raw)
    if "\\ud" in raw or "\\uD" in raw:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            reason = "it has half a character: a surrogate without its other half"
            return _reject(name, line, reason, raw)
    return FileRow(line, value, raw)


def _json_lines(name: str, lines: NumberedLines) -> Iterator[FileRow | Reject]:
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
            reason = line.problem
            yield _reject(name, line.number, reason, raw)
            continue
        text = raw.strip()
        if not text:
            continue
        try:
            value = _JSON.decode(text)
        except (ValueError, RecursionError) as error:
            yield _reject(name, line.number, _json_reason(error), raw)
            continue
        yield _json_row(name, line.number, value, raw)


def _json_array(name: str, text: str) -> Iterator[FileRow | Reject]:
    """The elements of one array; behind a place that is no JSON the rest cannot be read."""
    place, line, counted = text.index("[") + 1, 1, 0
    wants_value = False
    while True:
        place = _skip_space(text, place)
        line, counted = line + text.count("\n", counted, place), place
        if text.startswith("]", place) and not wants_value:
            rest = text[place + 1 :].strip()
            if rest:
                yield _reject(name, line, "something stands behind the array", rest)
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
            yield _reject(name, line, reason, text[place:])
            return


def _json_element(name: str, line: int, value: object, raw: str) -> FileRow | Reject:
    try:
        raw.encode()
    except UnicodeEncodeError:
        return _reject(name, line, "it has bytes that are no UTF-8", raw)
    return _json_row(name, line, value, raw)


def _skip_space(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n\ufeff":
        place += 1
    return place
