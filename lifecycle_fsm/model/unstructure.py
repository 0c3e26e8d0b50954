"""A model as plain dicts, lists, numbers and texts, in the shape of its TOML."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from lifecycle_fsm.errors import ModelError, Problem
from lifecycle_fsm.fields import FieldDef
from lifecycle_fsm.guard import Always, Const, Guard, Opaque, Term, to_text
from lifecycle_fsm.guard.terms import walk
from lifecycle_fsm.model.conversions import Set
from lifecycle_fsm.model.definition import ActivityKind, Claim, DataRule, ScoreRule, StepDef, placed
from lifecycle_fsm.model.moves import Move, Stage
from lifecycle_fsm.model.name_resolution import AmountField
from lifecycle_fsm.model.rules import (
    WEEKDAYS,
    AlertRule,
    AssignmentRule,
    Calendar,
    Deadline,
    Decay,
    Length,
    length_text,
)
from lifecycle_fsm.model.sort import OTHERWISE, SortRule
from lifecycle_fsm.model.theme import Theme

if TYPE_CHECKING:
    from lifecycle_fsm.model.model import Model


#: Tables that map names to values.
TABLES: Final = (
    "systems", "tokens", "fields", "guards", "segments", "kinds", "calendars", "merging", "money",
    "theme",
)  # fmt: skip
#: Lists of tables, ``[[stages]]``, in the order of the file.
SECTIONS: Final[Mapping[str, type]] = {
    "stages": Stage,
    "processing": StepDef,
    "data": DataRule,
    "scoring": ScoreRule,
    "decay": Decay,
    "sort": SortRule,
    "moves": Move,
    "deadlines": Deadline,
    "assignment": AssignmentRule,
    "alerts": AlertRule,
    "claims": Claim,
}
_KEYS: Mapping[type, Mapping[str, str]] = {
    Move: {"sources": "from", "target": "to"},
    SortRule: {"target": "to"},
    StepDef: {"use": "step"},
}
#: The keys of a field, or of a value of an activity.
FIELD_KEYS: Final = ("type", "choices", "min", "max", "default", "label", "description")


def toml_key(cls: type, attribute: str) -> str:
    """The key in a file for an attribute of the class."""
    return _KEYS.get(cls, {}).get(attribute, attribute)


def to_plain(model: Model) -> dict[str, Any]:
    """The model as plain values without defaults, in the order of a model file.

    Raises:
        ModelError: the guard of a move is a Python function, which has no text.
    """
    unwritable = [
        Problem(place, f"its guard is the Python function {node.name!r}, which has no text")
        for place, move in placed("moves", model.moves)
        for node in walk(move.when)
        if isinstance(node, Opaque)
    ]
    if unwritable:
        raise ModelError(unwritable, model.name)
    return parts(model, model.moves)


def parts(model: Model, moves: tuple[Move, ...]) -> dict[str, Any]:
    """The model as plain values, with ``moves`` instead of its own."""
    plain = _non_empty(
        name=model.name,
        title=model.title,
        description=model.description,
        settle=length_text(model.settle) if model.settle else "",
        ties=model.ties,
        dimensions=list(model.dimensions),
        systems=dict(model.systems),
        tokens=_labelled(_plain(model.tokens), "value", model.token_labels),
        fields=_fields(
            tuple(field for field in model.fields if not isinstance(field, AmountField))
        ),
        guards=_labelled(_plain(model.guards), "when", model.guard_labels),
        segments=_labelled(_plain(model.segments), "when", model.segment_labels),
        calendars={calendar.name: _calendar(calendar) for calendar in model.calendars},
        theme=_theme(model.theme),
        money={} if model.money is None else _row(model.money),
        merging=_non_empty(winning_detours=list(model.winning_detours), **model.merging),
    )
    for section in SECTIONS:
        rows = moves if section == "moves" else getattr(model, section)
        if rows:
            plain[section] = [_row(row) for row in rows]
    if model.kinds:
        plain["kinds"] = {kind.name: _kind(kind) for kind in model.kinds}
    return plain


def _non_empty(**values: Any) -> dict[str, Any]:
    """The values that are not empty."""
    return {name: value for name, value in values.items() if value}


def _theme(theme: Theme | None) -> dict[str, Any]:
    return {} if theme is None else _row(theme) | _non_empty(systems=dict(theme.systems))


def _labelled(values: Mapping[str, Any], key: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """The values; those with a label as tables. In TOML, tables come last."""
    short = {name: value for name, value in values.items() if not labels.get(name)}
    tables = {
        name: {key: value, "label": labels[name]}
        for name, value in values.items()
        if labels.get(name)
    }
    return short | tables


def _row(part: Any) -> dict[str, Any]:
    cls = type(part)
    row: dict[str, Any] = {}
    for attribute in attrs.fields(cls):
        name, value = attribute.name, getattr(part, attribute.name)
        if cls is SortRule and name == "when" and value == Always():
            row["when"] = OTHERWISE
        elif name == "name":
            # Reading restores an empty name and the name of a built-in step by itself.
            if value and not (cls is StepDef and value == part.use):
                row["name"] = value
        elif name == "then":
            row |= _non_empty(then=_sets(value))
        elif value != _default(attribute):
            single = isinstance(value, tuple) and len(value) == 1
            row[toml_key(cls, name)] = _plain(value[0] if single else value)
    return row


def _default(attribute: attrs.Attribute[Any]) -> Any:
    factory = getattr(attribute.default, "factory", None)
    return factory() if factory else attribute.default


def _calendar(calendar: Calendar) -> dict[str, Any]:
    hours: Any = dict(calendar.hours)
    if list(hours) == list(WEEKDAYS[:5]) and len(set(hours.values())) == 1:
        hours = hours["mon"]
    return _non_empty(
        zone=calendar.zone,
        hours=hours,
        holidays=calendar.holidays,
        closed=list(calendar.closed),
    )


def _plain(value: Any) -> Any:
    match value:
        case timedelta():
            return length_text(value)
        case Length():
            return str(value)
        case Const(bool() | int() as number):
            return number
        case Guard() | Term():
            return to_text(value)
        case Mapping():
            return {name: _plain(part) for name, part in value.items()}
        case tuple():
            return [_plain(part) for part in value]
    return value


def _sets(sets: tuple[Set, ...]) -> dict[str, Any]:
    return {effect.field: _plain(effect.value) for effect in sets}


def _fields(fields: tuple[FieldDef, ...]) -> dict[str, Any]:
    """All fields as types only, or all as tables: TOML puts tables after everything else, and the
    order of the fields is the order of the columns of every export."""
    plain = {field.name: _field(field) for field in fields}
    if all(len(table) == 1 for table in plain.values()):
        return {name: table["type"] for name, table in plain.items()}
    return plain


def _field(field: FieldDef) -> dict[str, Any]:
    kind = field.type
    values = {
        "type": f"{kind.kind} | None" if kind.nullable else kind.kind,
        "choices": list(kind.choices) or None,
        "min": kind.minimum,
        "max": kind.maximum,
        "default": field.default,
        "label": field.label or None,
        "description": field.description or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def _kind(kind: ActivityKind) -> dict[str, Any]:
    return _non_empty(
        description=kind.description,
        payload=_fields(kind.payload),
        sets=_sets(kind.sets),
        trigger=kind.trigger,
    )
