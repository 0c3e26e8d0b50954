"""Files to activities: open the files, and iterate over their activities.

Every mismatch is reported at once, before the first row is read. After that, each row either yields
all its activities or becomes one :class:`~lifecycle_fsm.rows.row.Reject`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import FileProblem, Problem
from lifecycle_fsm.rows.file_blocks import BlockRows, FileBlock, blocks_of, text_of
from lifecycle_fsm.rows.parquet_rows import polars
from lifecycle_fsm.rows.row import Reject
from lifecycle_fsm.rows.row_file import Format, RowFile, open_table, tells_format
from lifecycle_fsm.tables.binding import BoundFile, FilePart, FileReport
from lifecycle_fsm.tables.bound_activity import ActivityColumns, Targets
from lifecycle_fsm.tables.mapping import PEOPLE, InputMapping
from lifecycle_fsm.tables.mapping_toml import raise_problems
from lifecycle_fsm.tables.row_filter import Part, end_of, filter_rows

_log = logging.getLogger(__name__)


def open_inputs(
    inputs: Sequence[tuple[str, str | Path]],
    mapping: InputMapping | None = None,
    format: Format | None = None,
) -> list[tuple[str, RowFile]]:
    """Open files by role, each as its mapping says.

    Args:
        inputs: role and path of each; ``people`` is the role of the people.
        mapping: names the encodings and delimiters.
        format: the format of files whose names do not show it, such as standard input; if all names
            do, it overrides them.

    Raises:
        FileProblem: one of them cannot be opened.
    """
    if sum(str(path) == "-" for _, path in inputs) > 1:
        raise FileProblem("only one file can come from the standard input")
    silent = [not tells_format(path) for _, path in inputs]
    opened: list[tuple[str, RowFile]] = []
    with ExitStack() as exits:
        for role, path in inputs:
            own = mapping.files.get(role) if mapping else None
            table = open_table(
                path,
                format if not tells_format(path) or not any(silent) else None,
                encoding=own.encoding if own else "utf-8",
                delimiter=own.delimiter if own else None,
                guarded=True,
            )
            opened.append((role, exits.enter_context(table)))
        exits.pop_all()
    return opened


class Intake:
    """The activities of some files; iterate over it once.

    Args:
        inputs: the open files with their roles; people are read first, whatever the order.
        targets: what the model accepts.
        mapping: how columns are read; without it, columns have the names of the model.
        reject: called with each row that cannot be used; without it ``rejects`` collects them.

    Raises:
        FileProblem: mapping, model and columns do not match; it lists all mismatches. The keys of a
            JSON file are known only at its end, so this may also be raised at the end of iterating.
    """

    def __init__(
        self,
        inputs: Sequence[tuple[str, RowFile]],
        targets: Targets,
        mapping: InputMapping | None = None,
        reject: Callable[[Reject], None] | None = None,
    ) -> None:
        self.rejects: list[Reject] = []
        self._reject = reject or self.rejects.append
        ordered = sorted(inputs, key=lambda item: item[0] != PEOPLE)
        self._subject = f"the mapping {mapping.name}" if mapping else "without a mapping"
        self._problems: list[Problem] = []
        self._place = 0
        self._left_out: list[Callable[[], Sequence[Part]]] = []
        self._files = [
            BoundFile(
                role,
                table,
                _label(ordered, place),
                targets=targets,
                mapping=mapping,
                problems=self._problems,
            )
            for place, (role, table) in enumerate(ordered)
        ]
        given = {role for role, _ in inputs}
        lacking = [role for role in mapping.files if role not in given] if mapping else []
        without = "the mapping has this table, and no file of that role was given"
        #: The notes of the summary on the inputs as a whole, a sentence each.
        self.notes = tuple(f"{role}: {without}" for role in lacking)
        if self._problems:
            self._problems += [Problem(role, without) for role in lacking]
        raise_problems(self._subject, self._problems)

    def filter(self, ids: Iterable[str], *, ends: bool = True) -> None:
        """Skip rows whose text shows that they are about none of these persons.

        Args:
            ids: the persons.
            ends: whether :meth:`end` will be called.
        """
        ids = tuple(ids)
        left_out = (filter_rows(file, ids, ends=ends) for file in self._files)
        self._left_out = [parts for parts in left_out if parts is not None]

    def end(self, end: datetime | None) -> datetime | None:
        """When the last activity of all happens, including skipped rows. Call it after iterating;
        ``end`` is the time of the last activity read."""
        return end_of([part for parts in self._left_out for part in parts()], end)

    @property
    def reports(self) -> tuple[FileReport, ...]:
        """A report on each file, up to now."""
        return tuple(file.report for file in self._files)

    @property
    def done(self) -> float | None:
        """How much has been read, from 0 to 1; ``None`` if a size is unknown."""
        parts = [file.table.done for file in self._files]
        known = [part for part in parts if part is not None]
        return sum(known) / len(known) if known and len(known) == len(parts) else None

    @property
    def place(self) -> tuple[int, int]:
        """Where the latest activity comes from: the index of its file's report, and the line."""
        return self._place, self._files[self._place].line

    def blocks(self, size: int) -> Iterator[FileBlock]:
        """The large text files in blocks of about so many bytes, for :meth:`read_block`, in any
        process. Iterating afterwards gives the rest: other files, and what cannot be cut."""
        for number, file in enumerate(self._files):
            yield from blocks_of(number, file.table, size)

    def read_block(
        self, block: FileBlock, plain: Callable[[int, ActivityColumns], None]
    ) -> Iterator[Activity]:
        """The activities of one block: those that can be bound column by column are given to
        ``plain`` with the number of their file, and the others are returned; :attr:`place` is of
        the latest."""
        polars("running files")
        from lifecycle_fsm.tables.column_binding import bind_columns, binds_columns

        self._place = block.file
        file = self._files[block.file]
        others = [(block.before, text_of(file.table, block))]
        if binds_columns(file):
            made, others = bind_columns(file, others[0][1], block.before)
            for columns in made:
                plain(block.file, columns)
        for before, text in others:
            rows = BlockRows(file.table, text, before)
            yield from file.bound(rows, self._reject)
            file.report.empty += rows.empty

    def part(self, block: FileBlock) -> FilePart:
        """What the rows of a block have shown, after it was read; for :meth:`add`."""
        return self._files[block.file].part()

    def add(self, block: FileBlock, part: FilePart) -> None:
        """Add what a block has shown that was read elsewhere."""
        self._files[block.file].add(part)

    def __iter__(self) -> Iterator[Activity]:
        for place, file in enumerate(self._files):
            self._place = place
            yield from file.activities(self._reject)
            _log.debug("read: %s", file.report)
        raise_problems(self._subject, self._problems)


def _label(inputs: Sequence[tuple[str, RowFile]], place: int) -> str:
    """The prefix of the ids of a file's activities: its role, with a number if files share it."""
    role = inputs[place][0]
    same = [n for n, (other, _) in enumerate(inputs) if other == role]
    return role if len(same) == 1 else f"{role}.{same.index(place) + 1}"
