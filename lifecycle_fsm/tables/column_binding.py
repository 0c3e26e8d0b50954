"""The rows of a CSV file to activities, column by column: a third of the time of row by row.

Only plain rows are bound in this way. All others, and every row with an error, are left to
:class:`~lifecycle_fsm.tables.binding.BoundFile`, so that there is one place that knows every
notation and says what is wrong with a row.
"""

from __future__ import annotations

import copy
import csv
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import polars as pl

from lifecycle_fsm.activities import happened
from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import iso_text
from lifecycle_fsm.tables.binding import BoundFile
from lifecycle_fsm.tables.bound_activity import ActivityColumns, BoundActivity
from lifecycle_fsm.tables.cell_values import CellError, Read, stripped
from lifecycle_fsm.tables.mapping import ValueSource

_START, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
#: What is not plain: quotes, apostrophes, control characters, and bytes that are no text.
_ODD = "[\x00-\x08\x0b-\x1f\"'\ufffd]"
#: The usual notation of times.
_UTC_TIME = "^(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]Z$"
#: What polars calls it.
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_LINE = "line"


def binds_columns(file: BoundFile) -> bool:
    """Whether the rows of a file can be bound column by column: each yields one activity, without
    any condition, whose values are columns or constants without translations."""
    columns, gives = file.table.columns, file.mapping.gives
    if columns is None or len(columns) < 2 or file.table.lines is None or len(gives) != 1:
        return False
    (only,) = gives
    if only.only_if or only.payload_column is not None:
        return False
    sources = (file.mapping.person, only.kind, only.at, only.id, only.sequence)
    return all(
        source is None or (source.text is None and not source.values and source.otherwise is None)
        for source in (*sources, *only.payload.values())
    )


def bind_columns(
    file: BoundFile, block: bytes, before: int
) -> tuple[list[ActivityColumns], list[tuple[int, bytes]]]:
    """Bind the plain rows of some lines of a file, each of which is a record.

    Args:
        file: a file that :func:`binds_columns`; its report counts the bound rows.
        block: the lines.
        before: how many lines of the file come before.

    Returns:
        the activities by kind, and the other lines in runs, each with how many lines come before.
    """
    raw = block.split(b"\n")
    if not raw[-1]:
        raw.pop()
    text = block.decode("utf-8", "replace").split("\n")[: len(raw)]
    lines = pl.Series(_LINE, text).str.strip_suffix("\r")
    names = file.table.columns
    assert names is not None
    delimiter = file.table.delimiter
    plain = (
        ~lines.str.contains(_ODD)
        & (lines.str.count_matches(delimiter, literal=True) == len(names) - 1)
        & (lines.str.len_bytes() <= csv.field_size_limit())
    )
    tally = copy.deepcopy(file.report.tally)
    while True:
        made, bad = _bound(file, _frame(lines, plain, names, delimiter, before))
        if not bad:
            break
        # Their times were counted, and will be once more.
        file.report.tally.clear()
        file.report.tally.add(tally)
        plain = plain & ~(pl.int_range(before + 1, before + 1 + len(raw), eager=True).is_in(bad))
    count = int(plain.sum())
    file.report.rows += count
    file.report.activities += count
    others: list[tuple[int, bytes]] = []
    for is_plain, places in groupby(range(len(raw)), key=plain.to_list().__getitem__):
        if not is_plain:
            first, *more = places
            others.append((before + first, b"\n".join(raw[first : first + 1 + len(more)])))
    return made, others


def _frame(
    lines: pl.Series, plain: pl.Series, names: Sequence[str], delimiter: str, before: int
) -> pl.DataFrame:
    """The plain lines as a frame; its columns are named by their places."""
    chosen = lines.filter(plain)
    columns = [str(place) for place in range(len(names))]
    if chosen.is_empty():
        return pl.DataFrame(schema=[*columns, _LINE])
    frame = pl.read_csv(
        chosen.str.join("\n").item().encode(),
        has_header=False,
        separator=delimiter,
        quote_char=None,
        schema=dict.fromkeys(columns, pl.String),
    )
    return frame.with_columns((plain.arg_true() + before + 1).alias(_LINE))


def _bound(file: BoundFile, frame: pl.DataFrame) -> tuple[list[ActivityColumns], list[int]]:
    """The activities of plain rows by kind, and the lines of those that have an error."""
    (give,) = file.gives
    kind = give.gives.kind
    made: list[ActivityColumns] = []
    bad: list[int] = []
    groups = [frame]
    if kind.column is not None:
        groups = frame.partition_by(str(_place(file, kind.column)), maintain_order=True)
    for rows in groups:
        if rows.is_empty():
            continue
        group = _RowsOfKind(file, give, rows)
        columns = group.bound()
        if columns is not None:
            made.append(columns)
        bad += rows[_LINE].gather(sorted(group.wrong)).to_list()
    return made, bad


def _place(file: BoundFile, column: str) -> int:
    assert file.table.columns is not None
    return file.table.columns.index(column)


class _RowsOfKind:
    """The rows of one kind; ``wrong`` are the places of those that have an error."""

    def __init__(self, file: BoundFile, give: BoundActivity, rows: pl.DataFrame) -> None:
        self.file = file
        self.give = give
        self.rows = rows
        self.wrong: set[int] = set()

    def bound(self) -> ActivityColumns | None:
        """The activities, which are of use if no row is wrong; ``None`` if all are."""
        give, gives, count = self.give, self.give.gives, self.rows.height
        kind = self.values(give.kind, gives.kind)[0]
        known = give.payloads.get(kind)
        if known is None:
            self.wrong.update(range(count))
            return None
        persons = self.values(self.file.person, self.file.mapping.person)
        self.wrong.update(place for place, person in enumerate(persons) if person is None)
        times = self.times()
        sequences: Sequence[int | None] = [None] * count
        if give.sequence is not None and gives.sequence is not None:
            sequences = self.values(give.sequence, gives.sequence)
        payloads: list[dict[str, Any]] = [{} for _ in range(count)]
        for name, read in known.reads:
            times_too = known.types[name].kind == "datetime"
            values = self.values(read, gives.payload[name], times=times_too)
            if times_too:
                values = [value and iso_text(value) for value in values]
            for payload, value in zip(payloads, values, strict=True):
                if value is not None:
                    payload[name] = value
        for name, _ in known.required:
            self.wrong.update(
                place for place, payload in enumerate(payloads) if name not in payload
            )
        for _, column in known.strangers:
            self.wrong.update(
                place
                for place, text in enumerate(self.texts(column) or ())
                if stripped(text, give.empty) is not None
            )
        lines = self.rows[_LINE].to_list()
        ids: list[Any] = [None] * count
        if give.id is not None and gives.id is not None:
            ids = self.values(give.id, gives.id)
        ids = [
            name or give.made(line, kind, None, {}) for name, line in zip(ids, lines, strict=True)
        ]
        return ActivityColumns(kind, lines, ids, persons, times, sequences, payloads)

    def texts(self, column: str) -> list[str | None] | None:
        """The cells of a column; ``None`` if all are empty."""
        cells = self.rows[str(_place(self.file, column))]
        return None if cells.null_count() == len(cells) else cells.to_list()

    def values(self, read: Read, source: ValueSource, *, times: bool = False) -> list[Any]:
        """The values of a column. Equal texts are read once, unless they are times, whose notations
        are counted."""
        column = source.column
        texts = None if column is None else self.texts(column)
        known: dict[str | None, Any] = {None: read({})}
        if texts is None or column is None:
            return [known[None]] * self.rows.height
        unreadable = set()
        for text in texts if times else dict.fromkeys(texts):
            if text is not None:
                try:
                    known[text] = read({column: text})
                except CellError:
                    known[text] = None
                    unreadable.add(text)
        if unreadable:
            self.wrong.update(place for place, text in enumerate(texts) if text in unreadable)
        return list(map(known.__getitem__, texts))

    def times(self) -> list[int]:
        """When each activity happened."""
        source, count = self.give.gives.at, self.rows.height
        if source.column is None:
            return [self.instant(place, None) for place in range(count)]
        cells = self.rows[str(_place(self.file, source.column))]
        usual = pl.lit(source.times.format is None) & pl.lit(cells).str.contains(_UTC_TIME)
        times = (
            pl.when(usual)
            .then(pl.lit(cells))
            .str.to_datetime(_FORMAT, time_unit="us", strict=False)
        )
        parsed = pl.select(times.cast(pl.Int64)).to_series()
        instants = parsed.to_list()
        for place in parsed.is_null().arg_true():
            instants[place] = self.instant(place, cells[place])
        return instants

    def instant(self, place: int, text: str | None) -> int:
        """When an activity happened, in microseconds since 1970; 0 if that cannot be read."""
        try:
            at = self.give.at({} if text is None else {self.give.gives.at.column or "": text})
            if at is not None:
                return (happened(at) - _START) // _MICROSECOND
        except (CellError, RecordError):
            pass
        self.wrong.add(place)
        return 0
