"""A file, bound to its mapping and to the names of a model: rows to activities."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import Problem, RecordError
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.rows.row import FileRow, Reject, listed, nearest, shown
from lifecycle_fsm.rows.row_file import RowFile
from lifecycle_fsm.tables.bound_activity import TEXT, BoundActivity, Targets
from lifecycle_fsm.tables.cell_values import (
    CellError,
    Read,
    column_reader,
    converter,
    id_converter,
    template_reader,
)
from lifecycle_fsm.tables.mapping import (
    ACTIVITIES,
    PEOPLE,
    FileMapping,
    Gives,
    InputMapping,
    TimeNotation,
    ValueSource,
)
from lifecycle_fsm.tables.times import TimeReader, TimeTally
from lifecycle_fsm.wording import counted

_MOST_NAMES = 1_000
_COUNTS = ("rows", "activities", "rejected", "idle", "empty")
#: How many values of a column are converted once only: of the ids of people, and of the others.
_MOST_IDS, _MOST_VALUES = 1 << 16, 1 << 12
#: The required columns of a file that no mapping describes.
_OWN = {PEOPLE: ("id", "created_at"), ACTIVITIES: ("person", "kind", "at")}


@attrs.define
class FileReport:
    """How many rows of a file were read, and the results."""

    role: str
    file: str
    rows: int = 0
    activities: int = 0
    rejected: int = 0
    idle: int = 0
    empty: int = 0
    unused: tuple[str, ...] = ()
    tally: TimeTally = attrs.field(factory=TimeTally)
    zones: set[str] = attrs.field(factory=set)
    hints: tuple[str, ...] = ()
    untranslated: dict[str, tuple[str, int, str]] = attrs.field(factory=dict)

    def keep_untranslated(self, source: ValueSource, value: str) -> None:
        """Count a value that has no translation in the mapping and stays as it is."""
        column, count, example = self.untranslated.get(
            source.where, (source.column or "", 0, value)
        )
        self.untranslated[source.where] = column, count + 1, example

    def add(self, other: FileReport) -> None:
        """Add the counts of another part of the same file, which comes later."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.tally.add(other.tally)
        for where, (column, count, example) in other.untranslated.items():
            known = self.untranslated.get(where, (column, 0, example))
            self.untranslated[where] = column, known[1] + count, known[2]

    def taken(self) -> FileReport:
        """The counts up to now, as a report of their own; this one begins anew."""
        counts = copy.deepcopy(self)
        for name in _COUNTS:
            setattr(self, name, 0)
        self.tally.clear()
        self.untranslated.clear()
        return counts

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes in the summary besides the counts, a sentence each."""
        notes = self.tally.notes(self.zones)
        if self.idle:
            notes.append(f"{counted(self.idle, 'row')} gave no activity: no condition held")
        if self.empty:
            notes.append(f"{counted(self.empty, 'empty row')} passed over")
        notes += dict.fromkeys(
            f"{counted(count, 'value')} of {column} had no translation, such as {example!r}"
            for column, count, example in self.untranslated.values()
        )
        if self.unused:
            notes.append(f"columns that nothing reads: {listed(self.unused)}")
        return (*notes, *self.hints)


@attrs.frozen
class FilePart:
    """A part of a file that was bound on its own: its counts, the keys of its rows if the file has
    no header, and the columns that the mapping reads and none of these rows had."""

    report: FileReport
    names: Collection[str]
    awaited: frozenset[str] | set[str]


class BoundFile:
    """One file, bound to its mapping and to the model."""

    def __init__(
        self,
        role: str,
        table: RowFile,
        label: str,
        *,
        targets: Targets,
        mapping: InputMapping | None,
        problems: list[Problem],
    ) -> None:
        self.table = table
        if table.lines is not None:
            table.lines.sparse = True
        self.targets = targets
        self.report = FileReport(role, table.name)
        self.problems = problems
        self.clocks: dict[TimeNotation, TimeReader] = {}
        self.line = 0  # of the latest row
        self._seen: dict[str, None] = {}
        self._awaited: set[str] = set()  # columns that the mapping reads and no row has had so far
        own = mapping.files.get(role) if mapping else None
        self.lacks = mapping is not None and own is None
        if mapping and own is None and role not in (PEOPLE, ACTIVITIES):
            tables = tuple(mapping.files)
            hint = nearest(role, tables) or f"; it has {', '.join(tables)}"
            self.wrong(table.name, f"the mapping has no table {role!r}{hint}")
            own = FileMapping(role, ValueSource(role, const=""), ())
        self.mapped = own is not None
        self.mapping = own or self.by_names(role, mapping.times if mapping else TimeNotation())
        self.check()
        self.person = self.compiled(self.mapping.person, TEXT, is_id=True, known=_MOST_IDS)
        self.gives = [
            BoundActivity(self, gives, label, number)
            for number, gives in enumerate(self.mapping.gives, 1)
        ]
        self._conditional = any(give.conditions for give in self.gives)

    def wrong(self, where: str, message: str) -> None:
        """Record a problem of the mapping, to be reported with all the others."""
        self.problems.append(Problem(where, message))

    # -- binding -------------------------------------------------------------------------------

    def by_names(self, role: str, times: TimeNotation) -> FileMapping:
        """The mapping of a file whose columns have the names of the model."""
        columns, people = self.table.columns, role == PEOPLE
        own = _OWN[PEOPLE if people else ACTIVITIES]
        self.check_own(role, own)

        def source(name: str) -> ValueSource:
            return ValueSource(f"{self.table.name}, column {name}", name, times=times)

        def has(name: str) -> bool:
            return columns is None or name in columns

        def optional(name: str) -> ValueSource | None:
            return source(name) if has(name) else None

        taken = {*own, "id", "sequence", *([] if people else ["payload"])}
        names = self.targets.fields if people else self.targets.payload_names
        payload = {name: source(name) for name in names if name not in taken and has(name)}
        if people:
            created = ValueSource(role, const="created")
            gives = Gives(role, created, source("created_at"), created, payload=payload)
        else:
            gives = Gives(
                role,
                source("kind"),
                source("at"),
                optional("id"),
                payload=payload,
                payload_column="payload" if has("payload") else None,
                sequence=optional("sequence"),
            )
        return FileMapping(role, source(own[0]), (gives,))

    def check_own(self, role: str, own: Sequence[str]) -> None:
        """Check that a file without a mapping has the required columns of its role."""
        columns = self.table.columns
        if columns is None:
            return
        other = ACTIVITIES if role == PEOPLE else PEOPLE
        for name in own:
            if name in columns:
                continue
            hint = nearest(name, columns)
            if set(_OWN[other]) <= set(columns):
                hint = f"; these are the columns of {other}: did you mean --{other}?"
            without = (
                f"where the mapping has no table {role!r}" if self.lacks else "without a mapping"
            )
            self.wrong(
                self.table.name,
                f"there is no column {name!r}: {without}, where this one has {listed(columns)}, "
                f"a file of {role} has the columns {', '.join(own)}{hint}",
            )

    def check(self) -> None:
        """Check that the columns of the mapping exist, and list the columns that nothing reads."""
        columns = self.table.columns
        used = {column for _, column in self.mapping.columns}
        if columns is None:
            self._awaited = used if self.mapped else set()
            return
        self.report.unused = tuple(name for name in columns if name not in used)
        for where, column in self.mapping.columns:
            lacks = self.table.lacks(column)
            if lacks and (self.mapped or column in columns):  # the others are reported already
                self.wrong(where if self.mapped else "", f"{self.table.name} {lacks}")
        if not self.mapped:
            if self.report.role == PEOPLE:
                known = (*_OWN[PEOPLE], *self.targets.fields)
            else:
                more = self.targets.payload_names
                known = ("id", *_OWN[ACTIVITIES], "sequence", "payload", *more)
            near = [(name, nearest(name, known)) for name in self.report.unused]
            self.report.hints = tuple(
                f"nothing reads the column {name!r}{hint}"
                for name, hint in near
                if hint and name not in READ_ONLY
            )

    def compiled(
        self, source: ValueSource, kind: FieldType, *, is_id: bool = False, known: int = 0
    ) -> Read:
        """The reader of one source; constants and translations are converted once, here. ``known``
        is how many values it remembers."""
        decimal = source.times.decimal
        convert = converter(kind, self.clock(source.times), decimal)
        if is_id:
            convert = id_converter(convert, kind)
        if source.times.zone:
            self.report.zones.add(source.times.zone)
        elif kind.kind == "datetime" and self.mapped:
            self.need_zone(source)
        apart = converter(kind, TimeReader(source.times, TimeTally()), decimal)

        def fixed(key: str, value: Any) -> Any:
            if value is None:
                return None
            try:
                return apart(value)
            except RecordError as error:
                self.wrong(f"{source.where}{key}", str(error))
                return None

        if source.text is not None:
            return template_reader(source.text, convert, self.mapping.empty)
        if source.column is None:
            const = fixed("", source.const)
            return lambda _: const
        if not is_id and kind.kind != "datetime":
            known = _MOST_VALUES
        return column_reader(
            source, self.mapping.empty, convert, fixed, self.report.keep_untranslated, known
        )

    def need_zone(self, source: ValueSource) -> None:
        """Check that the mapping names the zone of naive times [S4]; reported once."""
        if source.times.names_zones or any(problem.where == "zone" for problem in self.problems):
            return
        self.wrong(
            "zone",
            'say in which zone times are that name none, such as zone = "Europe/Berlin", at the '
            f"top, for a file, or for one column; the first that needs it is {source.where}",
        )

    def clock(self, times: TimeNotation) -> TimeReader:
        """The reader for times in this notation; all sources of a file share it."""
        return self.clocks.setdefault(times, TimeReader(times, self.report.tally))

    # -- reading -------------------------------------------------------------------------------

    def activities(self, reject: Callable[[Reject], None]) -> Iterator[Activity]:
        """The activities of all rows, in order; rows that cannot be used go to ``reject``."""
        yield from self.bound(self.table, reject)
        self.report.empty += self.table.empty
        self.finish()

    def bound(
        self, rows: Iterable[FileRow | Reject], reject: Callable[[Reject], None]
    ) -> Iterator[Activity]:
        """The activities of some rows, in order."""
        report = self.report
        free = self.table.columns is None
        for row in rows:
            report.rows += 1
            made = row if isinstance(row, Reject) else self.converted(row)
            if free and not isinstance(row, Reject):
                if len(self._seen) < _MOST_NAMES:
                    self._seen.update(dict.fromkeys(row.values))
                if self._awaited:
                    self._awaited.difference_update(row.values)
            if isinstance(made, Reject):
                report.rejected += 1
                reject(made)
                continue
            report.activities += len(made)
            report.idle += not made
            self.line = row.line
            yield from made

    def part(self) -> FilePart:
        """What the rows since the last part have shown."""
        part = FilePart(self.report.taken(), self._seen, self._awaited)
        self._seen = {}
        return part

    def add(self, part: FilePart) -> None:
        """Add what rows have shown that were bound elsewhere."""
        self.report.add(part.report)
        for name in part.names:
            if len(self._seen) < _MOST_NAMES:
                self._seen[name] = None
        self._awaited &= part.awaited

    def finish(self) -> None:
        """At the end of the file, note which of its keys nothing reads, and which it lacks."""
        report = self.report
        if self._seen:
            used = {column for _, column in self.mapping.columns}
            report.unused = tuple(name for name in self._seen if name not in used)
            names = tuple(self._seen)
            for where, column in self.mapping.columns:
                if column in self._awaited:
                    hint = nearest(column, names)
                    self.wrong(
                        where,
                        f"{self.table.name} has no row with the key {column!r}, only "
                        f"{listed(names)}{hint}",
                    )

    def converted(self, row: FileRow) -> list[Activity] | Reject:
        """All activities of a row, or why there are none."""
        bad: list[CellError] = []
        made: list[Activity] = []
        values = row.values
        gives = self.gives
        if self._conditional:
            gives = [give for give in gives if all(holds(values) for holds in give.conditions)]
        if not gives:
            return made  # then missing values do not matter
        try:
            person = self.person(values)
            if person is None:
                raise CellError(self.mapping.person.first, "it is empty: whom is this about?")
        except CellError as error:
            bad.append(error.alone)
            person = "?"
        for give in gives:
            activity = give.activity(row, person, bad)
            if activity is not None:
                made.append(activity)
        if not bad:
            return made
        reasons = dict.fromkeys((error.column, _short(error.reason)) for error in bad)
        reason = "; ".join(
            text if column == bad[0].column or not column else f"{column}: {text}"
            for column, text in reasons
        )
        raw = row.raw or json.dumps(values, ensure_ascii=False, default=str)
        return Reject(self.table.name, row.line, bad[0].column, reason, shown(raw))


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]} …"
