"""A file, bound to its mapping and to the names of a model: rows to activities."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import Problem, RecordError
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.builtin_activities import OPEN_KINDS
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.rows import FileRow, Reject, RowFile, listed, nearest, shown
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
from lifecycle_fsm.tables.times import notes as time_notes
from lifecycle_fsm.tables.values import (
    Bad,
    Read,
    as_id,
    condition,
    converter,
    from_column,
    given,
    template,
)
from lifecycle_fsm.wording import counted

_TEXT = FieldType("str", nullable=True)
_TIME = FieldType("datetime", nullable=True)
_WHOLE = FieldType("int", nullable=True)
_NOTHING = (None, "")  # what most cells are
_MOST_NAMES = 1_000
#: Kinds that can empty a field.
ERASING = frozenset({"changed"})
#: What activities bring that names a record of the CRM.
RECORDS = frozenset({"account", "contact", "loser", "opportunity"})


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
                name: None if name in OPEN_KINDS else {one.name: one.type for one in kind.payload}
                for name, kind in model.activity_kinds.items()
            },
        )

    @property
    def payload_names(self) -> tuple[str, ...]:
        """Every name that an activity of some kind may bring."""
        return tuple(dict.fromkeys(name for kind in self.kinds for name in self.payload(kind)))

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
    empty: int = 0
    unused: tuple[str, ...] = ()
    tally: TimeTally = attrs.field(factory=TimeTally)
    zones: dict[str, bool] = attrs.field(factory=dict)
    hints: tuple[str, ...] = ()
    untranslated: dict[str, tuple[str, int, str]] = attrs.field(factory=dict)

    def keep_untranslated(self, source: ValueSource, value: str) -> None:
        """Count a value that stays as it is where the mapping translates others."""
        column, count, example = self.untranslated.get(
            source.where, (source.column or "", 0, value)
        )
        self.untranslated[source.where] = column, count + 1, example

    @property
    def notes(self) -> tuple[str, ...]:
        """What the summary has to say beside the counts, a sentence each."""
        said = list(time_notes(self.tally, self.zones))
        if self.idle:
            said.append(f"{counted(self.idle, 'row')} gave no activity: no condition held")
        if self.empty:
            said.append(f"{counted(self.empty, 'empty row')} passed over")
        said += dict.fromkeys(
            f"{counted(count, 'value')} of {column} had no translation, such as {example!r}"
            for column, count, example in self.untranslated.values()
        )
        if self.unused:
            said.append(f"columns that nothing reads: {listed(self.unused)}")
        return (*said, *self.hints)


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
        self.targets = targets
        self.report = FileReport(role, table.name)
        self.problems = problems
        self.clocks: dict[TimeNotation, TimeReader] = {}
        self.line = 0  # of the row that came last
        self._seen: dict[str, None] = {}
        self._awaited: set[str] = set()  # what the mapping reads and no row has brought so far
        own = mapping.files.get(role) if mapping else None
        self.lacks = mapping is not None and own is None
        if mapping and own is None and role not in (PEOPLE, ACTIVITIES):
            tables = tuple(mapping.files)
            self.wrong(
                table.name,
                f"the mapping has no table {role!r}{nearest(role, tables)}"
                if nearest(role, tables)
                else f"the mapping has no table {role!r}; it has {', '.join(tables)}",
            )
            own = FileMapping(role, ValueSource(role, const=""), ())
        self.mapped = own is not None
        self.mapping = own or self.by_names(role, mapping.times if mapping else TimeNotation())
        self.check()
        self.person = self.compiled(self.mapping.person, _TEXT, is_id=True)
        self.gives = [
            _Giving(self, one, label, place) for place, one in enumerate(self.mapping.gives, 1)
        ]

    def wrong(self, where: str, message: str) -> None:
        """Keep a problem of the mapping, to be said with all the others."""
        self.problems.append(Problem(where, message))

    # -- binding -------------------------------------------------------------------------------

    def by_names(self, role: str, times: TimeNotation) -> FileMapping:
        """The mapping of a file whose columns are named as the model names things."""
        columns = self.table.columns
        needed = ("id", "created_at") if role == PEOPLE else ("person", "kind", "at")
        other, others = (
            (ACTIVITIES, ("person", "kind", "at"))
            if role == PEOPLE
            else (PEOPLE, ("id", "created_at"))
        )
        for name in needed:
            if columns is None or name in columns:
                continue
            hint = nearest(name, columns)
            if set(others) <= set(columns):
                hint = f"; these are the columns of {other}: did you mean --{other}?"
            without = (
                f"where the mapping has no table {role!r}" if self.lacks else "without a mapping"
            )
            self.wrong(
                self.table.name,
                f"there is no column {name!r}: {without}, where this one has {listed(columns)}, "
                f"a file of {role} has the columns {', '.join(needed)}{hint}",
            )

        def named(name: str) -> ValueSource:
            return ValueSource(f"{self.table.name}, column {name}", name, times=times)

        def has(name: str) -> bool:
            own = (*needed, "id", "sequence")
            return name not in own and (columns is None or name in columns)

        def optional(name: str) -> ValueSource | None:
            return named(name) if columns is None or name in columns else None

        if role == PEOPLE:
            fields = {name: named(name) for name in self.targets.fields if has(name)}
            created = ValueSource(role, const="created")
            gives = Gives(role, created, named("created_at"), created, payload=fields)
            return FileMapping(role, named("id"), (gives,))
        names = dict.fromkeys(name for name in self.targets.payload_names if has(name))
        names.pop("payload", None)
        gives = Gives(
            role,
            named("kind"),
            named("at"),
            optional("id"),
            payload={name: named(name) for name in names},
            payload_column="payload" if columns is None or "payload" in columns else None,
            sequence=optional("sequence"),
        )
        return FileMapping(role, named("person"), (gives,))

    def check(self) -> None:
        """Does the file have the columns that the mapping reads? Which ones does nothing read?"""
        columns = self.table.columns
        used = {column for _, column in self.mapping.columns}
        if columns is None:
            self._awaited = used if self.mapped else set()
            return
        self.report.unused = tuple(name for name in columns if name not in used)
        for where, column in self.mapping.columns:
            lacks = self.table.lacks(column)
            if lacks and (self.mapped or column in columns):  # what is needed has been said
                self.wrong(where if self.mapped else "", f"{self.table.name} {lacks}")
        if not self.mapped:
            if self.report.role == PEOPLE:
                known = ("id", "created_at", *self.targets.fields)
            else:
                own = ("id", "person", "kind", "at", "sequence", "payload")
                known = (*own, *self.targets.payload_names)
            near = [(name, nearest(name, known)) for name in self.report.unused]
            self.report.hints = tuple(
                f"nothing reads the column {name!r}{hint}"
                for name, hint in near
                if hint and name not in READ_ONLY
            )

    def compiled(self, source: ValueSource, kind: FieldType, *, is_id: bool = False) -> Read:
        """The reader of one source; constants and translations are read here, once."""
        decimal = source.times.decimal
        convert = converter(kind, self.clock(source.times), decimal)
        if is_id:
            convert = _naming(convert)
        if source.times.zone:
            self.report.zones[source.times.zone] = True
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
            return template(source.text, convert, self.mapping.empty)
        if source.column is None:
            const = fixed("", source.const)
            return lambda _: const
        return from_column(
            source, self.mapping.empty, convert, fixed, self.report.keep_untranslated
        )

    def need_zone(self, source: ValueSource) -> None:
        """A mapping names the zone of times that name none themselves [S4]; said once."""
        if source.times.names_zones or any(problem.where == "zone" for problem in self.problems):
            return
        self.wrong(
            "zone",
            'say in which zone times are that name none, such as zone = "Europe/Berlin", at the '
            f"top, for a file, or for one column; the first that needs it is {source.where}",
        )

    def clock(self, times: TimeNotation) -> TimeReader:
        """The clock for times that are written so; the sources of a file share it."""
        return self.clocks.setdefault(times, TimeReader(times, self.report.tally))

    # -- reading -------------------------------------------------------------------------------

    def activities(self, reject: Callable[[Reject], None]) -> Iterator[Activity]:
        """What the rows give, in their order; every other row goes to ``reject``."""
        report = self.report
        free = self.table.columns is None
        for row in self.table:
            report.rows += 1
            if isinstance(row, Reject):
                report.rejected += 1
                reject(row)
                continue
            if free:
                if len(self._seen) < _MOST_NAMES:
                    self._seen.update(dict.fromkeys(row.values))
                if self._awaited:
                    self._awaited.difference_update(row.values)
            made = self.converted(row)
            if isinstance(made, Reject):
                report.rejected += 1
                reject(made)
                continue
            report.activities += len(made)
            report.idle += not made
            self.line = row.line
            yield from made
        report.empty = self.table.empty
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
        bad: list[Bad] = []
        made: list[Activity] = []
        values = row.values
        gives = [give for give in self.gives if all(holds(values) for holds in give.conditions)]
        if not gives:
            return made  # what it lacks, nobody asks for
        try:
            person = self.person(values)
            if person is None:
                raise Bad(_first(self.mapping.person), "it is empty: whom is this about?")
        except Bad as error:
            bad.append(error.alone)
            person = "?"
        for one in gives:
            activity = one.activity(row, person, bad)
            if activity is not None:
                made.append(activity)
        if not bad:
            return made
        told = dict.fromkeys((one.column, _short(one.reason)) for one in bad)
        reason = "; ".join(
            text if column == bad[0].column or not column else f"{column}: {text}"
            for column, text in told
        )
        raw = row.raw or json.dumps(values, ensure_ascii=False, default=str)
        return Reject(self.table.name, row.line, bad[0].column, reason, shown(raw))


@attrs.frozen
class _Payload:
    """How the payload of one kind is read.

    ``strangers`` are columns that another kind of the same file reads: a value there does not
    belong to this kind. ``erasing`` are the columns in which a row of JSON may say that a field is
    to be empty; an empty cell of a table says nothing [S4].
    """

    types: Mapping[str, FieldType]
    converters: Mapping[str, Callable[[Any], Any]]
    reads: tuple[tuple[str, Read], ...]
    required: tuple[tuple[str, str | None], ...]
    strangers: tuple[tuple[str, str], ...]
    erasing: tuple[tuple[str, str], ...]


class _Giving:
    """One activity that each row gives, bound to the columns and to the kinds of the model."""

    def __init__(self, file: BoundFile, gives: Gives, label: str, place: int) -> None:
        self.gives = gives
        self.empty = file.mapping.empty
        several = len(file.mapping.gives) > 1
        width = len(str(len(file.mapping.gives)))
        self.label = label
        self.place = f".{place:0{width}d}" if several else ""
        self.conditions = [condition(one, self.empty) for one in gives.only_if]
        self.at = file.compiled(gives.at, _TIME)
        self.id = file.compiled(gives.id, _TEXT, is_id=True) if gives.id else None
        self.sequence = file.compiled(gives.sequence, _WHOLE) if gives.sequence else None
        self.kind = file.compiled(gives.kind, _TEXT)
        self.clock = file.clock(attrs.evolve(gives.at.times, format=None))
        self.kinds = file.targets.kinds
        self.payloads: dict[str, _Payload] = {}
        said = (gives.kind.const, *gives.kind.values.values(), gives.kind.otherwise)
        unknown = [
            str(name) for name in dict.fromkeys(said) if name is not None and name not in self.kinds
        ]
        for name in unknown:
            file.wrong(
                gives.kind.where,
                f"the model has no kind of activity {name!r}{nearest(name, tuple(self.kinds))}",
            )
        if unknown:
            return
        const = gives.kind.column is None and gives.kind.text is None
        possible = [str(gives.kind.const)] if const else list(self.kinds)
        self.check_names(file, possible)
        for kind in possible:
            self.payloads[kind] = self.payload(file, kind, alone=const)

    def check_names(self, file: BoundFile, possible: list[str]) -> None:
        """Does some kind bring what the mapping gives it?"""
        taken = tuple(
            dict.fromkeys(name for kind in possible for name in file.targets.payload(kind))
        )
        for name, source in self.gives.payload.items():
            if name in taken:
                continue
            if name in READ_ONLY:
                file.wrong(source.where, f"{name!r} is written by the machine only")
            elif possible == ["created"]:
                file.wrong(source.where, f"a person has no field {name!r}{nearest(name, taken)}")
            else:
                who = possible[0] if len(possible) == 1 else "activity"
                known = f"; it brings {', '.join(taken)}" if 0 < len(taken) < 8 else ""
                file.wrong(source.where, f"no {who} brings {name!r}{nearest(name, taken) or known}")

    def payload(self, file: BoundFile, kind: str, *, alone: bool) -> _Payload:
        types = file.targets.payload(kind)
        sources = self.gives.payload
        reads = tuple(
            (name, file.compiled(source, types[name], is_id=name in RECORDS))
            for name, source in sources.items()
            if name in types
        )
        closed = file.targets.kinds[kind] is not None
        required = [name for name, one in types.items() if closed and not one.nullable]
        for name in required:
            if alone and name not in sources and self.gives.payload_column is None:
                file.wrong(f"{self.gives.where}.payload", f"{kind} needs {name!r}: say where it is")
        times = self.gives.at.times
        converters: dict[str, Callable[[Any], Value]] = {}
        for name, one in types.items():
            convert = converter(one, self.clock, times.decimal)
            converters[name] = _naming(convert) if name in RECORDS else convert
        tells_empty = kind in ERASING and file.table.columns is None
        return _Payload(
            types,
            converters,
            reads,
            tuple((name, _first(sources[name]) if name in sources else None) for name in required),
            tuple(
                (name, source.column)
                for name, source in sources.items()
                if name not in types and source.column is not None
            ),
            tuple(
                (name, source.column)
                for name, source in sources.items()
                if tells_empty and name in types and source.column is not None
            ),
        )

    def activity(self, row: FileRow, person: str, bad: list[Bad]) -> Activity | None:
        """The activity of one row; what is wrong with it goes to ``bad``."""
        values, before = row.values, len(bad)
        at: Any = None
        try:
            at = self.at(values)
            if at is None:
                bad.append(Bad(_first(self.gives.at), "it is empty: when did it happen?"))
        except Bad as error:
            bad.append(error.alone)
        try:
            kind = self.kind(values)
            known = self.payloads.get(kind)
            event = self.id(values) if self.id else None
            sequence = self.sequence(values) if self.sequence else None
        except Bad as error:
            bad.append(error.alone)
            return None
        if known is None:
            reason = "it is empty: what happened?"
            if kind is not None:
                hint = nearest(kind, tuple(self.kinds))
                reason = f"{kind!r} is no kind of activity of the model{hint}"
            bad.append(Bad(_first(self.gives.kind), reason))
            return None
        payload = self.unpacked(kind, known, values, bad)
        for name, read in known.reads:
            try:
                value = read(values)
            except Bad as error:
                bad.append(error.alone)
            else:
                if value is not None:
                    payload[name] = value
        for name, column in known.erasing:
            says_empty = column in values and given(values[column], self.empty) is None
            if says_empty and name not in payload:
                try:
                    payload[name] = known.types[name].accept(None)
                except RecordError as error:
                    bad.append(Bad(column, str(error)))
        for name, column in known.strangers:
            raw = values.get(column)
            if raw not in _NOTHING and given(raw, self.empty) is not None:
                bad.append(Bad(column, f"no {kind} brings {name!r}"))
        if len(bad) > before:
            return None
        for name, blamed in known.required:
            if name not in payload:
                bad.append(Bad(blamed, f"{kind} needs {name!r}, and it is empty"))
        if len(bad) > before:
            return None
        if event is None:
            event = f"{self.label}:{row.line:010d}{self.place}:{kind}"
        try:
            return Activity(event, person, kind, at, payload, sequence=sequence)
        except RecordError as error:  # the texts are as they should be: it is the time
            bad.append(Bad(_first(self.gives.at), str(error)))
            return None

    def unpacked(
        self, kind: str, known: _Payload, values: Mapping[str, Any], bad: list[Bad]
    ) -> dict[str, Any]:
        """The payload that stands in a column of JSON, if the file has one."""
        column = self.gives.payload_column
        if column is None:
            return {}
        raw = given(values.get(column), self.empty)
        if isinstance(raw, str):
            try:
                raw = json.loads(raw)
            except (ValueError, RecursionError):
                raw = _NO_OBJECT
        if raw is None:
            return {}
        if not isinstance(raw, Mapping):
            bad.append(Bad(column, 'it is no JSON object, such as {"form": "Demo"}'))
            return {}
        payload: dict[str, Any] = {}
        for name, one in raw.items():
            value = given(one, self.empty)
            if value is None and kind not in ERASING:
                continue
            if name not in known.converters:
                bad.append(
                    Bad(
                        column, f"no {kind} brings {name!r}{nearest(name, tuple(known.converters))}"
                    )
                )
                continue
            try:
                convert = known.types[name].accept if value is None else known.converters[name]
                payload[name] = convert(value)
            except RecordError as error:
                bad.append(Bad(column, f"{name}: {error}"))
        return payload


def _naming(accept: Callable[[Any], Value]) -> Callable[[Any], Value]:
    """What reads the id of a record."""
    return lambda raw: as_id(accept(raw))


_NO_OBJECT = object()


def _first(source: ValueSource) -> str | None:
    return source.columns[0] if source.columns else None


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]} …"
