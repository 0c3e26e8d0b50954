"""Lines that are wanted, out of a file of text: the others are passed over, block by block."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import BinaryIO

import attrs

from lifecycle_fsm.rows.row import FileRow, Reject
from lifecycle_fsm.rows.text_rows import MAX_LINE, NumberedLines
from lifecycle_fsm.tables.binding import BoundFile
from lifecycle_fsm.tables.left_out import LatePart, LateRow
from lifecycle_fsm.tables.time_text import TimeText, days_behind, latest_of, with_forms_of

_BLOCK = 1 << 18
_LONGEST = 4 * MAX_LINE  # bytes: whatever its characters are, such a line is too long


def as_words(ids: Iterable[str]) -> str:
    """The pattern of a text in which one of these ids stands for itself, and not in another."""
    either = "|".join(map(re.escape, sorted(ids)))
    return rf"(?<![A-Za-z0-9_])(?:{either})(?![A-Za-z0-9_])"


class IdSearch:
    """Finds the lines in which one of some ids stands as a word."""

    def __init__(self, ids: tuple[str, ...], *, json: bool) -> None:
        pattern = as_words(ids)
        self._signs = [person.encode() for person in ids]
        if json:  # which may write a letter as its number, and a space before it as a letter
            either = "|".join(map(re.escape, ids))
            pattern += rf"|\\(?:[bfnrt]|u[0-9a-fA-F]{{4}})(?:{either})|\\u00[2-7]"
            self._signs.append(b"\\u00")
        self._is_in = re.compile(pattern.encode()).search
        #: A number with its power of ten.
        self._power = re.compile(rb"[0-9][eE]") if json and any(map(str.isdigit, ids)) else None

    def lines(self, block: bytes) -> list[tuple[int, int]]:
        """Where the lines begin and end, in their order."""
        spans = {span for sign in self._signs for span in _lines_with(block, sign)}
        spans = {(start, stop) for start, stop in spans if self._is_in(block[start:stop])}
        if self._power is not None:
            match = self._power.search(block)
            while match is not None:
                span = _line_at(block, match.start())
                spans.add(span)
                match = self._power.search(block, span[1])
        return sorted(spans)


def _lines_with(block: bytes, sign: bytes) -> Iterator[tuple[int, int]]:
    place = block.find(sign)
    while place >= 0:
        span = _line_at(block, place)
        yield span
        place = block.find(sign, span[1])


def _line_at(block: bytes, place: int) -> tuple[int, int]:
    return block.rfind(b"\n", 0, place) + 1, block.find(b"\n", place) + 1 or len(block)


@attrs.frozen
class _Block:
    """Lines of a file, where they stand, and an instant that none of their rows is later than."""

    file: BoundFile
    lines: NumberedLines
    times: TimeText
    greatest: list[bytes]
    latest: datetime
    place: int
    size: int

    def late_rows(self, end: datetime | None) -> list[LateRow]:
        """The rows that may be later than ``end``, the latest last."""
        raw = self.lines.file
        raw.seek(self.place)
        block = raw.read(self.size)
        days = [] if end is None else days_behind(end, self.greatest)
        if days:  # in most parts of a file that is in no order, few lines are of these days
            spans = sorted({span for day in days for span in _lines_with(block, day)})
            block = b"".join(block[start:stop] for start, stop in spans)
        latest: dict[tuple[int, int], datetime] = {}
        for place, column, key in self.times.keys(block):
            instant = self.times.columns[column].instant(key)
            if instant is not None and (end is None or instant > end):
                span = _line_at(block, place)
                latest[span] = max(instant, latest.get(span, instant))
        rows = [
            LateRow(instant, partial(self.rows_of, block[start:stop]))
            for (start, stop), instant in latest.items()
        ]
        return sorted(rows, key=lambda row: row.latest)

    def rows_of(self, line: bytes) -> Iterator[FileRow | Reject]:
        """The row in a line."""
        rows_in = self.file.table.rows_in
        assert rows_in is not None
        return rows_in(self.lines.alone(line))


@attrs.define
class TextRemainder:
    """What is left out of a file of text, in parts that may have the last activity."""

    file: BoundFile
    lines: NumberedLines
    parts: list[LatePart] = attrs.field(factory=list)

    def wanted(self, search: IdSearch, times: TimeText, *, ends: bool) -> Iterator[str]:
        """The lines that are wanted, as long as each line is a record that shows its times."""
        lines, raw = self.lines, self.lines.file
        place = _first_place(raw, lines.number)
        if place is None:
            return
        number, forms = lines.number, [times]
        raw.seek(place)
        while block := raw.read(_BLOCK):
            rest = raw.readline(_LONGEST)
            block += rest
            size = block.count(b"\n") + (not block.endswith(b"\n"))
            if len(rest) == _LONGEST or not self._keep(block, place, size, forms, ends=ends):
                break
            before, counted = number, 0
            for start, stop in search.lines(block):
                before += block.count(b"\n", counted, start)
                counted = start
                lines.number = before
                yield block[start:stop].decode("utf-8", "surrogateescape")
            place += len(block)
            number += size
        lines.resume(place, number)

    def _keep(
        self, block: bytes, place: int, size: int, forms: list[TimeText], *, ends: bool
    ) -> bool:
        """Note how late the rows of a block may be; False if that cannot be told, or if its lines
        are no records of their own."""
        if not ends:
            return forms[-1].are_records(block, size)
        if len(forms) == 1 and forms[0].latest(block, size) is not None:
            forms.insert(0, with_forms_of(forms[0], block))
        for form in forms:
            keys = form.latest(block, size)
            if keys is not None:
                latest = latest_of(form.columns, keys)
                if latest is not None:
                    part = _Block(self.file, self.lines, form, keys, latest, place, len(block))
                    self.parts.append(part)
                return True
        return False


def _first_place(raw: BinaryIO, header: int) -> int | None:
    """Where the first line stands behind the header; None if it is not known."""
    before = raw.tell()
    raw.seek(0)
    head = b"".join(raw.readline() for _ in range(header))
    place = len(head)
    if not header and raw.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8:
        place = len(codecs.BOM_UTF8)
    raw.seek(before)
    return None if head.count(b"\r") > head.count(b"\r\n") else place
