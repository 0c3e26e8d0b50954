"""One activity of each row of a file, bound to the file's columns and to the model's kinds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from lifecycle_fsm.activities import Activity, happened, made_id
from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import FieldType, Value, instant
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.builtin_activities import OPEN_KINDS
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.rows.row import FileRow, nearest
from lifecycle_fsm.tables.cell_values import (
    CellError,
    Read,
    condition,
    converter,
    id_converter,
    stripped,
)
from lifecycle_fsm.tables.mapping import Gives

if TYPE_CHECKING:
    from lifecycle_fsm.tables.binding import BoundFile

TEXT = FieldType("str", nullable=True)
_TIME = FieldType("datetime", nullable=True)
_WHOLE = FieldType("int", nullable=True)
_NO_OBJECT = object()
#: Kinds that can empty a field.
ERASING = frozenset({"changed"})
#: Payload names that hold the id of a CRM record.
RECORDS = frozenset({"account", "contact", "loser", "opportunity"})


@attrs.frozen
class Targets:
    """What rows may fill: the fields of a person, and the payload of each kind of activity.

    A kind without its own payload (``None``) accepts any field of the person.
    """

    fields: Mapping[str, FieldType]
    kinds: Mapping[str, Mapping[str, FieldType] | None]

    @classmethod
    def of(cls, model: Model) -> Targets:
        """What the activities of a model may contain."""
        return cls(
            model.field_types,
            {
                name: None
                if name in OPEN_KINDS
                else {field.name: field.type for field in kind.payload}
                for name, kind in model.activity_kinds.items()
            },
        )

    @property
    def payload_names(self) -> tuple[str, ...]:
        """Every name that an activity of any kind may contain."""
        return tuple(dict.fromkeys(name for kind in self.kinds for name in self.payload(kind)))

    def payload(self, kind: str) -> Mapping[str, FieldType]:
        """The names and types that activities of this kind may contain."""
        own = self.kinds[kind]
        return self.fields if own is None else own


@attrs.frozen
class _Payload:
    """How the payload of one kind is read.

    ``strangers`` are columns that only another kind of the same file reads: a value there does not
    belong to this kind. ``erasing`` are the columns in which a JSON row can empty a field; an empty
    cell of a table leaves the field as it is [S4].
    """

    types: Mapping[str, FieldType]
    converters: Mapping[str, Callable[[Any], Any]]
    reads: tuple[tuple[str, Read], ...]
    required: tuple[tuple[str, str | None], ...]
    strangers: tuple[tuple[str, str], ...]
    erasing: tuple[tuple[str, str], ...]
    strange: frozenset[str] = attrs.field(init=False)

    @strange.default
    def _columns_of_strangers(self) -> frozenset[str]:
        return frozenset(column for _, column in self.strangers)


@attrs.frozen
class ActivityColumns:
    """Activities of one kind by column, in the order of their lines; times are microseconds since
    1970, and those in payloads texts."""

    kind: str
    lines: Sequence[int]
    ids: Sequence[str]
    persons: Sequence[str]
    times: Sequence[int]
    sequences: Sequence[int | None]
    payloads: Sequence[dict[str, Any]]


class BoundActivity:
    """One activity of each row, bound to the columns and to the kinds of the model."""

    def __init__(self, file: BoundFile, gives: Gives, label: str, number: int) -> None:
        self.gives = gives
        self.empty = file.mapping.empty
        count = len(file.mapping.gives)
        self.label = label
        self.place = f".{number:0{len(str(count))}d}" if count > 1 else ""
        self.conditions = [condition(part, self.empty) for part in gives.only_if]
        self.at = file.compiled(gives.at, _TIME)
        self.id = file.compiled(gives.id, TEXT, is_id=True) if gives.id else None
        self.sequence = file.compiled(gives.sequence, _WHOLE) if gives.sequence else None
        self.kind = file.compiled(gives.kind, TEXT)
        self.clock = file.clock(attrs.evolve(gives.at.times, format=None))
        self.kinds = file.targets.kinds
        self.payloads: dict[str, _Payload] = {}
        named = (gives.kind.const, *gives.kind.values.values(), gives.kind.otherwise)
        unknown = [str(name) for name in dict.fromkeys(named) if name not in (None, *self.kinds)]
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
        """Check that at least one kind accepts each payload name of the mapping."""
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
        """How the payload of a kind is read; ``alone`` if the rows have no other kind."""
        types = file.targets.payload(kind)
        sources = self.gives.payload
        reads = tuple(
            (name, file.compiled(source, types[name], is_id=name in RECORDS))
            for name, source in sources.items()
            if name in types
        )
        closed = file.targets.kinds[kind] is not None
        required = [name for name, field in types.items() if closed and not field.nullable]
        for name in required:
            if alone and name not in sources and self.gives.payload_column is None:
                file.wrong(f"{self.gives.where}.payload", f"{kind} needs {name!r}: say where it is")
        times = self.gives.at.times
        converters: dict[str, Callable[[Any], Value]] = {}
        for name, field in types.items():
            convert = converter(field, self.clock, times.decimal)
            converters[name] = id_converter(convert, field) if name in RECORDS else convert
        tells_empty = kind in ERASING and file.table.columns is None
        return _Payload(
            types,
            converters,
            reads,
            tuple((name, sources[name].first if name in sources else None) for name in required),
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

    def activity(self, row: FileRow, person: str, bad: list[CellError]) -> Activity | None:
        """The activity of one row; its errors are added to ``bad``."""
        values, before = row.values, len(bad)
        at: Any = None
        try:
            at = self.at(values)
            if at is None:
                bad.append(CellError(self.gives.at.first, "it is empty: when did it happen?"))
        except CellError as error:
            bad.append(error.alone)
        try:
            kind = self.kind(values)
            known = self.payloads.get(kind)
            event = self.id(values) if self.id else None
            sequence = self.sequence(values) if self.sequence else None
        except CellError as error:
            bad.append(error.alone)
            return None
        if known is None:
            reason = "it is empty: what happened?"
            if kind is not None:
                hint = nearest(kind, tuple(self.kinds))
                reason = f"{kind!r} is no kind of activity of the model{hint}"
            bad.append(CellError(self.gives.kind.first, reason))
            return None
        packed = self.gives.payload_column
        payload = self.unpacked(packed, kind, known, values, bad) if packed is not None else {}
        for name, read in known.reads:
            try:
                value = read(values)
            except CellError as error:
                bad.append(error.alone)
            else:
                if value is not None:
                    payload[name] = value
        for name, column in known.erasing:
            says_empty = column in values and stripped(values[column], self.empty) is None
            if says_empty and name not in payload:
                try:
                    payload[name] = known.types[name].accept(None)
                except RecordError as error:
                    bad.append(CellError(column, str(error)))
        if not known.strange.isdisjoint(values):
            for name, column in known.strangers:
                if stripped(values.get(column), self.empty) is not None:
                    bad.append(CellError(column, f"no {kind} brings {name!r}"))
        if len(bad) > before:
            return None
        for name, blamed in known.required:
            if name not in payload:
                bad.append(CellError(blamed, f"{kind} needs {name!r}, and it is empty"))
        if len(bad) > before:
            return None
        try:
            at = happened(at)
            # Everything else has been converted, and is valid.
            event = event or self.made(row.line, kind, at, payload)
            return Activity.checked_before(event, person, kind, at, payload, sequence)
        except RecordError as error:
            bad.append(CellError(self.gives.at.first, str(error)))
            return None

    def made(self, line: int, kind: str, at: Any, payload: Mapping[str, Any]) -> str:
        """The id of an activity that brings none: from its place, or from its content where rows
        have no lines."""
        if line:
            return f"{self.label}:{line:010d}{self.place}:{kind}"
        return made_id(kind, instant(at), payload)

    def unpacked(
        self,
        column: str,
        kind: str,
        known: _Payload,
        values: Mapping[str, Any],
        bad: list[CellError],
    ) -> dict[str, Any]:
        """The payload in the JSON column of the file."""
        raw = stripped(values.get(column), self.empty)
        if isinstance(raw, str):
            try:
                raw = json.loads(raw)
            except (ValueError, RecursionError):
                raw = _NO_OBJECT
        if raw is None:
            return {}
        if not isinstance(raw, Mapping):
            bad.append(CellError(column, 'it is no JSON object, such as {"form": "Demo"}'))
            return {}
        payload: dict[str, Any] = {}
        for name, cell in raw.items():
            value = stripped(cell, self.empty)
            if value is None and kind not in ERASING:
                continue
            if name not in known.converters:
                hint = nearest(name, tuple(known.converters))
                bad.append(CellError(column, f"no {kind} brings {name!r}{hint}"))
                continue
            try:
                convert = known.types[name].accept if value is None else known.converters[name]
                payload[name] = convert(value)
            except RecordError as error:
                bad.append(CellError(column, f"{name}: {error}"))
        return payload
