"""Rows to activities: a mapping, bound to the columns of the files and to the names of a model.

Everything that does not fit is said at once, before the first row is read. After that, each row
either gives all its activities or is one :class:`~lifecycle_fsm.tables.read.Reject`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.activity import Activity
from lifecycle_fsm.errors import FileProblem, Problem, RecordError, suggest
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.kinds import OPEN_KINDS
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.tables.mapping import (
    PEOPLE,
    Condition,
    FileMapping,
    Gives,
    InputMapping,
    Source,
    Times,
    as_text,
    complain,
)
from lifecycle_fsm.tables.read import Format, Reject, Row, Table, open_table, shown
from lifecycle_fsm.tables.times import Clock, Tally
from lifecycle_fsm.tables.times import notes as time_notes

Read: TypeAlias = Callable[[dict[str, Any]], Any]
Condition_: TypeAlias = Callable[[dict[str, Any]], bool]

_TEXT = FieldType("str", nullable=True)
_TIME = FieldType("datetime", nullable=True)
_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_NOT_LISTED = object()
_MOST_NAMES = 1_000


@attrs.frozen
class Targets:
    """What rows may fill: the fields of a person, and the payload of each kind of activity.

    A kind without a payload of its own (``None``) takes any field of the person.
    """

    fields: Mapping[str, FieldType]
    kinds: Mapping[str, Mapping[str, FieldType] | None]

    @classmethod
    def of(cls, model: Model) -> Targets:
        """What the activities of a model may bring."""
        return cls(
            model.field_types,
            {
                name: None
                if name in OPEN_KINDS
                else {one.name: one.type for one in kind.payload}
                for name, kind in model.activity_kinds.items()
            },
        )

    def payload(self, kind: str) -> Mapping[str, FieldType]:
        """The names and types that activities of this kind may bring."""
        own = self.kinds[kind]
        return self.fields if own is None else own


@attrs.define
class FileReport:
    """What became of one file."""

    role: str
    file: str
    rows: int = 0
    activities: int = 0
    rejected: int = 0
    idle: int = 0
    unused: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    tally: Tally = attrs.field(factory=Tally)
    zones: dict[str, bool] = attrs.field(factory=dict)
    hints: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the summary has to say beside the counts, a sentence each."""
        said = list(time_notes(self.tally, self.zones))
        if self.idle:
            said.append(f"{self.idle:,} rows gave no activity: no condition held")
        if self.unused:
            said.append(f"columns that nothing reads: {', '.join(self.unused)}")
        if self.never:
            said.append(f"columns that no row has: {', '.join(self.never)}")
        return (*said, *self.hints)


def open_inputs(
    inputs: Sequence[tuple[str, str | Path]],
    mapping: InputMapping | None = None,
    format: Format | None = None,
) -> list[tuple[str, Table]]:
    """Open files by role, each as its mapping says.

    Args:
        inputs: role and path of each; ``people`` is the role of the people.
        mapping: where encodings and delimiters are named.
        format: the format of what comes from the standard input.

    Raises:
        FileProblem: one of them cannot be opened.
    """
    if sum(str(path) == "-" for _, path in inputs) > 1:
        raise FileProblem("only one file can come from the standard input")
    opened: list[tuple[str, Table]] = []
    try:
        for role, path in inputs:
            found = mapping.files.get(role) if mapping else None
            table = open_table(
                path,
                format if str(path) == "-" else None,
                encoding=found.encoding if found else "utf-8",
                delimiter=found.delimiter if found else None,
            )
            opened.append((role, table))
    except BaseException:
        for _, table in opened:
            table.close()
        raise
    return opened


class Intake:
    """The activities of some files: iterate over it once.

    Args:
        inputs: the open files with their roles; people come first, whatever the order.
        targets: what the model takes.
        mapping: how columns are read; without it they are named as the model names things.
        reject: what is done with a row that cannot be used; without it ``rejects`` keeps them.

    Raises:
        FileProblem: mapping, model and columns do not fit: everything at once.
    """

    def __init__(
        self,
        inputs: Sequence[tuple[str, Table]],
        targets: Targets,
        mapping: InputMapping | None = None,
        reject: Callable[[Reject], None] | None = None,
    ) -> None:
        self.rejects: list[Reject] = []
        self._reject = reject or self.rejects.append
        ordered = sorted(inputs, key=lambda one: one[0] != PEOPLE)
        problems: list[Problem] = []
        self._files = [
            _File(role, table, _label(ordered, place), targets, mapping, problems)
            for place, (role, table) in enumerate(ordered)
        ]
        complain(mapping.name if mapping else "of the columns", problems)

    @property
    def reports(self) -> tuple[FileReport, ...]:
        """What became of each file so far."""
        return tuple(one.report for one in self._files)

    @property
    def done(self) -> float | None:
        """How much has been read, from 0 to 1; nothing where a size is unknown."""
        parts = [one.table.done for one in self._files]
        known = [one for one in parts if one is not None]
        return sum(known) / len(known) if known and len(known) == len(parts) else None

    def __iter__(self) -> Iterator[Activity]:
        for file in self._files:
            yield from file.activities(self._reject)


def _label(inputs: Sequence[tuple[str, Table]], place: int) -> str:
    """What the ids of a file's activities begin with: its role, numbered where there are more."""
    role = inputs[place][0]
    same = [n for n, (other, _) in enumerate(inputs) if other == role]
    return role if len(same) == 1 else f"{role}.{same.index(place) + 1}"


class _Bad(Exception):
    """A value of a row that cannot be used."""

    def __init__(self, column: str | None, reason: str) -> None:
        self.column = column
        self.reason = reason


@attrs.frozen
class _Made:
    """How one kind's payload is read: each name with its reader, and what may not be missing."""

    reads: tuple[tuple[str, Read], ...]
    types: Mapping[str, FieldType]
    required: tuple[str, ...]


class _File:
    """One file, bound to its mapping and to the model."""

    def __init__(
        self,
        role: str,
        table: Table,
        label: str,
        targets: Targets,
        mapping: InputMapping | None,
        problems: list[Problem],
    ) -> None:
        self.table = table
        self.targets = targets
        self.report = FileReport(role, table.name)
        self.problems = problems
        given = mapping.files.get(role) if mapping else None
        times = mapping.times if mapping else Times()
        self.mapping = given or self.by_names(role, times)
        self.check(given is not None)
        self.person = self.compiled(self.mapping.person, _TEXT)
        width = len(str(len(self.mapping.gives)))
        self.gives = [
            _Giving(self, one, f"{label}:{{:010d}}", f".{place:0{width}d}")
            for place, one in enumerate(self.mapping.gives)
        ]
        self._seen: dict[str, None] = {}

    def wrong(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, message))

    # -- binding -------------------------------------------------------------------------------

    def by_names(self, role: str, times: Times) -> FileMapping:
        """The mapping of a file whose columns are named as the model names things."""
        columns = self.table.columns
        needed = ("id", "created_at") if role == PEOPLE else ("person", "kind", "at")
        for name in needed:
            if columns is not None and name not in columns:
                self.wrong(
                    self.table.name,
                    f"there is no column {name!r}{suggest(name, columns)}: "
                    f"without a mapping, a file of {role} has the columns {', '.join(needed)}",
                )

        def named(name: str) -> Source:
            return Source(f"{self.table.name}, column {name}", name, times=times)

        def has(name: str) -> bool:
            return name not in (*needed, "id") and (columns is None or name in columns)

        if role == PEOPLE:
            fields = {name: named(name) for name in self.targets.fields if has(name)}
            created = Source(role, const="created")
            gives = Gives(role, created, named("created_at"), created, payload=fields)
            return FileMapping(role, named("id"), (gives,))
        names = dict.fromkeys(
            name for kind in self.targets.kinds for name in self.targets.payload(kind) if has(name)
        )
        event = named("id") if columns is None or "id" in columns else None
        content = "payload" if columns is None or "payload" in columns else None
        names.pop("payload", None)
        gives = Gives(
            role,
            named("kind"),
            named("at"),
            None if columns is None else event,
            payload={name: named(name) for name in names},
            payload_column=content,
        )
        if columns is None:
            gives = attrs.evolve(gives, id=attrs.evolve(named("id"), if_empty=""))
        return FileMapping(role, named("person"), (gives,))

    def check(self, mapped: bool) -> None:
        """Does the file have the columns that the mapping reads? Which ones does nothing read?"""
        columns = self.table.columns
        used = {column for _, column in self.mapping.columns}
        if columns is None:
            return
        self.report.unused = tuple(name for name in columns if name not in used)
        if mapped:
            for where, column in self.mapping.columns:
                if column not in columns:
                    self.wrong(
                        where,
                        f"{self.table.name} has no column {column!r}{suggest(column, columns)}",
                    )
        else:
            known = (*self.targets.fields, "person", "kind", "at", "id", "payload")
            near = [(name, suggest(name.lower(), known)) for name in self.report.unused]
            self.report.hints = tuple(
                f"nothing reads the column {name!r}{hint}"
                for name, hint in near
                if hint and name not in READ_ONLY
            )

    def compiled(self, source: Source, kind: FieldType) -> Read:
        """The reader of one source; constants and translations are read here, once."""
        clock = Clock(source.times, self.report.tally)
        if source.times.zone:
            self.report.zones[source.times.zone] = True

        def fixed(where: str, value: Any) -> Any:
            try:
                return _convert(value, kind, clock, source.times)
            except RecordError as error:
                self.wrong(where, str(error))
                return None

        if source.text is not None:
            return _template(source.text, kind, clock, source.times, self.mapping.empty)
        if source.column is None:
            const = fixed(source.where, source.const)
            return lambda _: const
        return _column(
            source.column,
            {key: fixed(f"{source.where}.values", one) for key, one in source.values.items()},
            _NOT_LISTED
            if source.otherwise is None
            else fixed(f"{source.where}.otherwise", source.otherwise),
            None if source.if_empty is None else fixed(f"{source.where}.if_empty", source.if_empty),
            self.mapping.empty,
            lambda raw: _convert(raw, kind, clock, source.times),
        )

    # -- reading -------------------------------------------------------------------------------

    def activities(self, reject: Callable[[Reject], None]) -> Iterator[Activity]:
        report = self.report
        free = self.table.columns is None
        for row in self.table:
            report.rows += 1
            if isinstance(row, Reject):
                report.rejected += 1
                reject(row)
                continue
            if free and len(self._seen) < _MOST_NAMES:
                self._seen.update(dict.fromkeys(row.values))
            made = self.converted(row)
            if isinstance(made, Reject):
                report.rejected += 1
                reject(made)
                continue
            report.activities += len(made)
            report.idle += not made
            yield from made
        if free and report.rows > report.rejected:
            used = dict.fromkeys(column for _, column in self.mapping.columns)
            report.unused = tuple(name for name in self._seen if name not in used)
            if self.mapping.mapped and len(self._seen) < _MOST_NAMES:
                report.never = tuple(name for name in used if name not in self._seen)

    def converted(self, row: Row) -> list[Activity] | Reject:
        """All activities of a row, or why there are none."""
        bad: list[_Bad] = []
        made: list[Activity] = []
        values = row.values
        try:
            person = self.person(values)
            if person is None:
                raise _Bad(_first(self.mapping.person), "it is empty, and says who this is about")
        except _Bad as error:
            bad.append(error)
            person = "?"
        for one in self.gives:
            if all(holds(values) for holds in one.conditions):
                activity = one.activity(row, person, bad)
                if activity is not None:
                    made.append(activity)
        if not bad:
            return made
        reason = "; ".join(
            dict.fromkeys(
                one.reason if place == 0 or not one.column else f"{one.column}: {one.reason}"
                for place, one in enumerate(bad)
            )
        )
        raw = row.raw or json.dumps(values, ensure_ascii=False, default=str)
        return Reject(self.table.name, row.line, bad[0].column, reason, shown(raw))
