"""Files to activities: open them, and iterate over what they give.

Everything that does not fit is said at once, before the first row is read. After that, each row
either gives all its activities or is one :class:`~lifecycle_fsm.rows.row.Reject`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import FileProblem, Problem
from lifecycle_fsm.rows.row import Reject
from lifecycle_fsm.rows.row_file import Format, RowFile, open_table, tells_format
from lifecycle_fsm.tables.binding import BoundFile, FileReport
from lifecycle_fsm.tables.bound_activity import Targets
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
        mapping: where encodings and delimiters are named.
        format: the format of those whose name does not tell it, such as the standard input;
            where all names tell theirs, this is what counts.

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
    """The activities of some files: iterate over it once.

    Args:
        inputs: the open files with their roles; people come first, whatever the order.
        targets: what the model takes.
        mapping: how columns are read; without it they are named as the model names things.
        reject: what is done with a row that cannot be used; without it ``rejects`` keeps them.

    Raises:
        FileProblem: mapping, model and columns do not fit: everything at once. Which keys a file of
            JSON has is known when all has been read, so this may also come at the end of iterating.
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
        #: What the summary has to say about the inputs as a whole, a sentence each.
        self.notes = tuple(f"{role}: {without}" for role in lacking)
        if self._problems:
            self._problems += [Problem(role, without) for role in lacking]
        raise_problems(self._subject, self._problems)

    def filter(self, ids: Iterable[str], *, ends: bool = True) -> None:
        """Leave out rows that are about none of these persons, where their text alone shows it.

        Args:
            ids: the persons.
            ends: will :meth:`end` be asked for?
        """
        ids = tuple(ids)
        left_out = (filter_rows(file, ids, ends=ends) for file in self._files)
        self._left_out = [parts for parts in left_out if parts is not None]

    def end(self, end: datetime | None) -> datetime | None:
        """When the last activity of all happens, left out or not, once the others were read, of
        which the last one is at ``end``."""
        return end_of([part for parts in self._left_out for part in parts()], end)

    @property
    def reports(self) -> tuple[FileReport, ...]:
        """A report on each file, up to here."""
        return tuple(file.report for file in self._files)

    @property
    def done(self) -> float | None:
        """How much has been read, from 0 to 1; ``None`` if a size is unknown."""
        parts = [file.table.done for file in self._files]
        known = [part for part in parts if part is not None]
        return sum(known) / len(known) if known and len(known) == len(parts) else None

    @property
    def place(self) -> tuple[int, int]:
        """Where the activity that came last stands: the number of its report, and the line."""
        return self._place, self._files[self._place].line

    def __iter__(self) -> Iterator[Activity]:
        for place, file in enumerate(self._files):
            self._place = place
            yield from file.activities(self._reject)
            _log.debug("read: %s", file.report)
        raise_problems(self._subject, self._problems)


def _label(inputs: Sequence[tuple[str, RowFile]], place: int) -> str:
    """What the ids of a file's activities begin with: its role, numbered where there are more."""
    role = inputs[place][0]
    same = [n for n, (other, _) in enumerate(inputs) if other == role]
    return role if len(same) == 1 else f"{role}.{same.index(place) + 1}"
