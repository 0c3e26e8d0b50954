"""The rows of a text: CSV, JSON lines, or a JSON array.

Whatever a text contains, each of its lines ends up in a :class:`.FileRow` or a :class:`.Reject`,
and reading continues; only lines without any value are skipped.
"""

from __future__ import annotations

import csv
import io
import json
from collections import deque
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, BinaryIO, TypeAlias, cast

from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.rows.row import FileRow, Reject, rejected
from lifecycle_fsm.spreadsheet import unguarded

DELIMITERS = (",", ";", "\t")
MAX_LINE = 4 * 1024 * 1024  # characters; a longer line is not a row of a table


#: The number of a line, its text, and why it cannot be used. No class, because there are millions.
_Line: TypeAlias = tuple[int, str, str | None]


class _TooLong(Exception):
    """A line is longer than any row can be."""


class NumberedLines:
    """The physical lines of a text, numbered; lines can be put back.

    Args:
        text: the text; ``number`` is how many of its lines have been read.
        newline: the line end, as in :class:`io.TextIOWrapper`.
        remedy: the end of the message about a line that is not text: the encoding and what to do.
    """

    def __init__(self, text: io.TextIOWrapper, newline: str, remedy: str) -> None:
        self.text = text
        self._readline = text.readline
        self.newline = newline
        self.remedy = remedy
        self.number = 0
        self.empty = 0  # records with only delimiters
        self.back: deque[_Line] = deque()
        self.taken: list[_Line] = []
        #: Lines to read first, each a record of its own. Their source sets ``number`` to that of
        #: the line before, and at its end moves to where the rest of the text begins.
        self.chosen: Iterator[str] | None = None
        #: Whether the rows of a CSV file leave out empty values, which saves time.
        self.sparse = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.back.popleft() if self.back else self._read()
        self.taken.append(line)
        _, text, problem = line
        if problem is _TOO_LONG:
            raise _TooLong
        return text

    def _read(self) -> _Line:
        text = None
        if self.chosen is not None:
            text = next(self.chosen, None)
            if text is None:
                self.chosen = None
        if text is None:
            text = self._readline(MAX_LINE + 1)
        if not text:
            raise StopIteration
        self.number += 1
        if len(text) > MAX_LINE:
            more = text
            while more and not more.endswith(("\n", "\r")):
                more = self.text.readline(MAX_LINE)
            return self.number, text, _TOO_LONG
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                byte = ord(text[error.start]) - 0xDC00
                where = f"byte 0x{byte:02X} at character {error.start + 1}"
                return self.number, text, f"{where} is no text {self.remedy}"
        return self.number, text, None

    @property
    def file(self) -> BinaryIO:
        """The binary file below the text."""
        return cast("BinaryIO", self.text.buffer)

    def resume(self, place: int, number: int) -> None:
        """Continue at that byte of a UTF-8 file; ``number`` lines come before it."""
        file = self.file
        self.text.detach()
        file.seek(place)
        self.text = io.TextIOWrapper(file, "utf-8", "surrogateescape", self.newline)
        self._readline = self.text.readline
        self.number = number

    def alone(self, line: bytes) -> NumberedLines:
        """A single line, read in the same way."""
        text = io.TextIOWrapper(io.BytesIO(line), "utf-8", "surrogateescape", self.newline)
        return NumberedLines(text, self.newline, self.remedy)

    def detach(self) -> None:
        """Detach from the file without closing it."""
        self.text.detach()

    def start(self) -> None:
        """Begin the next record with the next line."""
        self.taken.clear()

    def give_back(self) -> None:
        """Put back all lines of this record except the first."""
        self.back.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


_TOO_LONG = f"the line is longer than {MAX_LINE:,} characters"


def read_header(
    name: str, lines: NumberedLines, delimiter: str | None
) -> tuple[tuple[str, ...], str]:
    """The names of the columns of a CSV file, and the delimiter; by default the header shows it.

    Raises:
        FileProblem: there is no readable header.
    """
    delimiter = _first_line(name, lines) or delimiter
    tried = {mark: _try_header(lines, mark) for mark in ([delimiter] if delimiter else DELIMITERS)}
    mark = max(tried, key=lambda mark: len(tried[mark]))
    if len(tried[mark]) < 2:
        mark = next((sign for sign in tried if sign in lines.back[0][1]), mark)
    lines.start()
    try:
        values = next(csv.reader(lines, delimiter=mark, strict=True))
    except (csv.Error, StopIteration, _TooLong) as error:
        raise FileProblem(f"{name}: the header cannot be read: {csv_reason(error)}") from None
    for number, _, problem in lines.taken:
        if problem:
            raise FileProblem(f"{name}, line {number}: {problem}")
    names = (value.strip() or f"column_{place}" for place, value in enumerate(values, start=1))
    return tuple(names), mark


def _first_line(name: str, lines: NumberedLines) -> str | None:
    """Skip blank lines up to the header; return the delimiter if a line before it declares it."""
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
    """The names in the header with one delimiter; its lines can be read again."""
    lines.start()
    try:
        values = next(csv.reader(lines, delimiter=delimiter, strict=True))
    except (csv.Error, StopIteration, _TooLong):
        values = []
    lines.back.extendleft(reversed(lines.taken))
    return values


UNCLOSED = "a quote is opened and never closed"


def csv_reason(error: BaseException) -> str:
    """Why a record cannot be read."""
    text = str(error)
    if "unexpected end of data" in text or isinstance(error, _TooLong):
        return UNCLOSED
    if "expected after" in text:
        return 'a quote ends before its value does: write "" for a quote inside a value'
    if "field larger" in text:
        return f"a value is longer than {csv.field_size_limit():,} characters: is a quote open?"
    return text


def csv_rows(
    name: str,
    lines: NumberedLines,
    *,
    header: tuple[str, ...],
    delimiter: str,
    guarded: bool,
    short: bool,
) -> Iterator[FileRow | Reject]:
    """The rows of a CSV file after its header; for the options see :func:`.open_rows`."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width, longest = len(header), csv.field_size_limit()
    taken = lines.taken
    while True:
        lines.start()
        try:
            bare = filled = next(lines).rstrip("\r\n")
            if '"' in bare or "\r" in bare or len(bare) > longest or not bare:
                lines.back.appendleft(taken.pop())
                values = next(reader)
            else:  # as the reader would, in a third of the time
                if lines.sparse:
                    filled = bare.rstrip(delimiter)
                values = filled.split(delimiter)
        except StopIteration:
            return
        except (csv.Error, _TooLong) as error:
            # A stray quote must not swallow the lines below it: reject only the first line.
            alone = len(taken) == 1 and isinstance(error, _TooLong)
            reason = _TOO_LONG if alone else csv_reason(error)
            lines.give_back()
            line, raw, _ = taken[0]
            yield rejected(name, line, reason, raw)
            continue
        if not values:
            continue
        if not values[0].strip() and not any(map(str.strip, values)):
            lines.empty += 1
            continue
        line, raw, problem = taken[0]
        if len(taken) > 1:
            raw = "".join(text for _, text, _ in taken)
            problem = next((wrong for _, _, wrong in taken if wrong), None)
        if problem:
            yield rejected(name, line, problem, raw)
        elif (count := len(values) + len(bare) - len(filled)) > width or (
            count < width and not short
        ):
            reason = f"it has {count} columns, and the header has {width}"
            yield rejected(name, line, reason, raw)
        else:
            if guarded and "'" in raw:
                values = list(map(unguarded, values))
            if lines.sparse:
                both = zip(header, values)  # noqa: B905 -- there may be fewer values
                yield FileRow(line, {name: value for name, value in both if value}, raw)
            else:
                yield FileRow(line, dict(zip_longest(header, values, fillvalue="")), raw)


class _Twice(ValueError):
    """A key occurs twice in one object."""


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
        return rejected(name, line, 'it is no object: write {"column": value}', raw)
    if "\\ud" in raw or "\\uD" in raw:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            reason = "it has half a character: a surrogate without its other half"
            return rejected(name, line, reason, raw)
    return FileRow(line, value, raw)


def json_lines(name: str, lines: NumberedLines) -> Iterator[FileRow | Reject]:
    """The rows of a text with one JSON object on each line."""
    while True:
        lines.start()
        try:
            raw = next(lines)
        except StopIteration:
            return
        except _TooLong:
            raw = lines.taken[0][1]
        line, _, problem = lines.taken[0]
        if problem:
            yield rejected(name, line, problem, raw)
            continue
        text = raw.strip()
        if not text:
            continue
        try:
            value = _JSON.decode(text)
        except (ValueError, RecursionError) as error:
            yield rejected(name, line, _json_reason(error), raw)
            continue
        yield _json_row(name, line, value, raw)


def json_array(name: str, text: str) -> Iterator[FileRow | Reject]:
    """The elements of one array; after a place that is not JSON the rest cannot be read."""
    place, line, counted = text.index("[") + 1, 1, 0
    wants_value = False
    while True:
        place = _skip_space(text, place)
        line, counted = line + text.count("\n", counted, place), place
        if text.startswith("]", place) and not wants_value:
            rest = text[place + 1 :].strip()
            if rest:
                yield rejected(name, line, "something stands behind the array", rest)
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
            yield rejected(name, line, reason, text[place:])
            return


def _json_element(name: str, line: int, value: object, raw: str) -> FileRow | Reject:
    try:
        raw.encode()
    except UnicodeEncodeError:
        return rejected(name, line, "it has bytes that are no UTF-8", raw)
    return _json_row(name, line, value, raw)


def _skip_space(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n\ufeff":
        place += 1
    return place
