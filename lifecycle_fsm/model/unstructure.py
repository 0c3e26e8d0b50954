"""A model as plain dicts, lists, numbers and texts: the shape of its TOML."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import attrs

from lifecycle_fsm.errors import ModelError, Problem
from lifecycle_fsm.fields import FieldDef
from lifecycle_fsm.guard import Always, Const, Guard, Opaque, Term, to_text
from lifecycle_fsm.guard.terms import walk
from lifecycle_fsm.model import sections
from lifecycle_fsm.model.definition import (
    OTHERWISE,
    ActivityKind,
    Move,
    Set,
    SortRule,
    StepDef,
    arrow,
)
from lifecycle_fsm.model.rules import WEEKDAYS, Calendar, Length, length_text

if TYPE_CHECKING:
    from lifecycle_fsm.model.model import Model


def to_plain(model: Model) -> dict[str, Any]:
    """The model as plain values, defaults left out, in the order of a model file.

    Raises:
        ModelError: a move is guarded by a Python function, which has no text.
    """
    unwritable = [
        Problem(
            f"moves[{index}] {arrow(move.sources, move.target)}",
            f"its guard is the Python function {node.name!r}, which has no text",
        )
        for index, move in enumerate(model.moves)
        for node in walk(move.when)
        if isinstance(node, Opaque)
    ]
    if unwritable:
        raise ModelError(unwritable, model.name)
    return parts(model, model.moves)


def parts(model: Model, moves: tuple[Move, ...]) -> dict[str, Any]:
    """The model as plain values, with these moves in place of its own."""
    plain: dict[str, Any] = {"name": model.name}
    for name in ("title", "description"):
        if getattr(model, name):
            plain[name] = getattr(model, name)
    if model.settle:
        plain["settle"] = length_text(model.settle)
    if model.ties:
        plain["ties"] = model.ties
    if model.dimensions:
        plain["dimensions"] = list(model.dimensions)
    tables = {
        "systems": dict(model.systems),
        "tokens": {name: _thawed(value) for name, value in model.tokens.items()},
        "fields": _fields(model.fields),
        "guards": {name: to_text(guard) for name, guard in model.guards.items()},
        "calendars": {calendar.name: _calendar(calendar) for calendar in model.calendars},
        "merging": {
            **({"winning_detours": list(model.winning_detours)} if model.winning_detours else {}),
            **model.merging,
        },
    }
    plain |= {name: table for name, table in tables.items() if table}
    for section in sections.SECTIONS:
        rows = moves if section == "moves" else getattr(model, section)
        if rows:
            plain[section] = [_row(row) for row in rows]
    if model.kinds:
        plain["kinds"] = {kind.name: _kind(kind) for kind in model.kinds}
    return plain


def _row(one: Any) -> dict[str, Any]:
    cls = type(one)
    row: dict[str, Any] = {}
    for attribute in attrs.fields(cls):
        name, value = attribute.name, getattr(one, attribute.name)
        if cls is SortRule and name == "when" and value == Always():
            row["when"] = OTHERWISE
        elif name == "name":
            # The name of a built-in step, and none, are what reading gives by itself.
            if value and not (cls is StepDef and value == one.use):
                row["name"] = value
        elif value != _default(attribute):
            row[sections.toml_key(cls, name)] = _sets(value) if name == "then" else _any(value)
    return row


def _default(attribute: attrs.Attribute[Any]) -> Any:
    factory = getattr(attribute.default, "factory", None)
    return factory() if factory else attribute.default


def _calendar(calendar: Calendar) -> dict[str, Any]:
    hours: Any = dict(calendar.hours)
    if list(hours) == list(WEEKDAYS[:5]) and len(set(hours.values())) == 1:
        hours = hours["mon"]
    said = {
        "zone": calendar.zone,
        "hours": hours,
        "holidays": calendar.holidays,
        "closed": list(calendar.closed),
    }
    return {name: value for name, value in said.items() if value}


def _any(value: Any) -> Any:
    if isinstance(value, timedelta):
        return length_text(value)
    if isinstance(value, Length):
        return str(value)
    if isinstance(value, Guard | Term):
        return _value(value)
    if isinstance(value, tuple) and len(value) == 1:
        return _any(value[0])
    return _thawed(value)


def _thawed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _thawed(one) for name, one in value.items()}
    if isinstance(value, Term):
        return _value(value)
    return [_thawed(one) for one in value] if isinstance(value, tuple) else value


def _sets(sets: tuple[Set, ...]) -> dict[str, Any]:
    return {one.field: _value(one.value) for one in sets}


def _value(value: Term | Guard) -> Any:
    if isinstance(value, Const) and isinstance(value.value, bool | int):
        return value.value
    return to_text(value)


def _fields(fields: tuple[FieldDef, ...]) -> dict[str, Any]:
    """All by their types alone, or all as tables: TOML has to have tables after all else, and the
    order is that of the columns of every export."""
    plain = {field.name: _field(field) for field in fields}
    if all(len(one) == 1 for one in plain.values()):
        return {name: one["type"] for name, one in plain.items()}
    return plain


def _field(one: FieldDef) -> dict[str, Any]:
    kind = one.type
    said = {
        "type": f"{kind.kind} | None" if kind.nullable else kind.kind,
        "choices": list(kind.choices) or None,
        "min": kind.minimum,
        "max": kind.maximum,
        "default": one.default,
        "label": one.label or None,
        "description": one.description or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _kind(kind: ActivityKind) -> dict[str, Any]:
    said = {
        "description": kind.description,
        "payload": _fields(kind.payload),
        "sets": _sets(kind.sets),
        "trigger": kind.trigger,
    }
    return {name: value for name, value in said.items() if value}
