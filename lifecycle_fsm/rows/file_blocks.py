"""Large text files in blocks of whole records, each of which can be read on its own."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from typing import BinaryIO

import attrs

from lifecycle_fsm.rows.row import FileRow, Reject
from lifecycle_fsm.rows.row_file import RowFile
from lifecycle_fsm.rows.text_rows import MAX_LINE, UNCLOSED, csv_reason

LONGEST = 4 * MAX_LINE  # bytes: such a line is too long, whatever its characters are


@attrs.frozen
class FileBlock:
    """Some lines of a file, each a record: the number of the file among others, where they start,
    how many bytes they have, and how many lines come before."""

    file: int
    start: int
    size: int
    before: int


def blocks_of(number: int, table: RowFile, size: int) -> Iterator[FileBlock]:
    """The blocks of a file that has not been read yet, of about so many bytes each.

    They end where a record is longer than its line; from there on, the file is read as usual. A
    file that cannot be cut has no blocks.
    """
    lines = table.lines
    if lines is None or not table.can_seek or lines.back:
        return
    raw = lines.file
    place = first_place(raw, lines.number)
    if place is None:
        return
    before = lines.number
    raw.seek(place)
    while block := raw.read(size):
        rest = raw.readline(LONGEST)
        block += rest
        if len(rest) == LONGEST or not _lines_are_records(block, table):
            break
        yield FileBlock(number, place, len(block), before)
        place += len(block)
        before += block.count(b"\n") + (not block.endswith(b"\n"))
        raw.seek(place)
    lines.resume(place, before)


def _lines_are_records(block: bytes, table: RowFile) -> bool:
    if table.columns is None:  # JSON lines
        return True
    if block.count(b"\r") > block.count(b"\r\n"):
        return False
    if b'"' not in block:
        return True
    for line in block.splitlines(keepends=True):
        if b'"' not in line:
            continue
        try:
            text = line.decode("utf-8", "surrogateescape")
            next(csv.reader([text], delimiter=table.delimiter, strict=True))
        except (csv.Error, StopIteration) as error:
            if csv_reason(error) == UNCLOSED:
                return False
    return True


def text_of(table: RowFile, block: FileBlock) -> bytes:
    """The lines of a block."""
    assert table.lines is not None
    table.lines.file.seek(block.start)
    return table.lines.file.read(block.size)


class BlockRows:
    """The rows in some lines, each of which is a record; ``before`` is how many lines come before,
    and ``empty`` how many records with only delimiters were skipped."""

    def __init__(self, table: RowFile, text: bytes, before: int) -> None:
        lines = table.lines
        assert lines is not None
        assert table.rows_in is not None
        self._lines = lines.alone(text)
        self._lines.number = before
        self._lines.sparse = lines.sparse
        self._rows = table.rows_in(self._lines)

    @property
    def empty(self) -> int:
        """The number of records with only delimiters so far."""
        return self._lines.empty

    def __iter__(self) -> Iterator[FileRow | Reject]:
        return self._rows


def first_place(raw: BinaryIO, header: int) -> int | None:
    """Where the first line after the header begins; None if that is unknown."""
    before = raw.tell()
    raw.seek(0)
    head = b"".join(raw.readline() for _ in range(header))
    place = len(head)
    if not header and raw.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8:
        place = len(codecs.BOM_UTF8)
    raw.seek(before)
    return None if head.count(b"\r") > head.count(b"\r\n") else place
