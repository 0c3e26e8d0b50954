"""A model as plain dicts, lists, numbers and texts, the shape of its TOML, and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, get_args

import attrs

from lifecycle_fsm.errors import GuardSyntaxError, LifecycleError, ModelError, Problem, suggest
from lifecycle_fsm.fields import KINDS, FieldDef, FieldType
from lifecycle_fsm.guard import Always, Const, Guard, Term, parse_guard, to_text
from lifecycle_fsm.model.definition import (
    ActivityKind,
    DataRule,
    Mail,
    Move,
    OnFailure,
    ScoreRule,
    Set,
    Skips,
    SortRule,
    Stage,
    StepDef,
    read_value,
)
from lifecycle_fsm.model.model import Model

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
#: The keys of the file where they differ from the attributes of the classes.
_KEYS: Mapping[type, Mapping[str, str]] = {
    Move: {"sources": "from", "target": "to"},
    SortRule: {"target": "to"},
    StepDef: {"use": "step"},
    FieldType: {"kind": "type", "minimum": "min", "maximum": "max"},
}
_CHOICES: Mapping[tuple[type, str], tuple[str, ...]] = {
    (Stage, "mail"): get_args(Mail),
    (Move, "skips"): get_args(Skips),
    (SortRule, "skips"): get_args(Skips),
    (StepDef, "on_failure"): get_args(OnFailure),
}
_SECTIONS: Mapping[str, type] = {
    "stages": Stage,
    "processing": StepDef,
    "sort": SortRule,
    "moves": Move,
    "data": DataRule,
    "scoring": ScoreRule,
}
_TEXTS = ("name", "title", "description", "settle")
_TABLES = ("systems", "tokens", "fields", "guards", "kinds")


def to_plain(model: Model) -> dict[str, Any]:
    """The model as plain values, defaults left out, in the order of a model file."""
    plain: dict[str, Any] = {"name": model.name}
    for name in ("title", "description"):
        if getattr(model, name):
            plain[name] = getattr(model, name)
    if model.settle:
        plain["settle"] = _duration_text(model.settle)
    if model.systems:
        plain["systems"] = dict(model.systems)
    if model.tokens:
        plain["tokens"] = {
            name: list(one) if isinstance(one, tuple) else one for name, one in model.tokens.items()
        }
    if model.fields:
        plain["fields"] = {one.name: _plain_field(one) for one in model.fields}
    if model.guards:
        plain["guards"] = {name: to_text(guard) for name, guard in model.guards.items()}
    for section, cls in _SECTIONS.items():
        rows = [_plain_row(one, cls) for one in getattr(model, section)]
        if rows:
            plain[section] = rows
    if model.kinds:
        plain["kinds"] = {kind.name: _plain_kind(kind) for kind in model.kinds}
    return plain


def from_plain(plain: Mapping[str, Any], folder: str = "") -> Model:
    """The model that plain values describe.

    Raises:
        ModelError: with every fault of the shape, or else every fault of the model [S5].
    """
    reader = _Reader()
    values: dict[str, Any] = {"folder": folder}
    known = {*_TEXTS, *_TABLES, *_SECTIONS}
    for key, raw in plain.items():
        if key in _SECTIONS:
            if not isinstance(raw, list):
                reader.problem(key, f"write each one under its own [[{key}]]")
            else:
                values[key] = [
                    one
                    for index, row in enumerate(raw)
                    if (one := reader.row(_SECTIONS[key], row, f"{key}[{index}]")) is not None
                ]
        elif key in _TABLES:
            if isinstance(raw, Mapping):
                values[key] = getattr(reader, key)(raw)
            else:
                reader.problem(key, f"write this as a table, [{key}]")
        elif key == "settle":
            values[key] = reader.attempt(key, lambda raw=raw: _duration(raw), timedelta(0))
        elif key in _TEXTS:
            if isinstance(raw, str):
                values[key] = raw
            else:
                reader.problem(key, f"this is a text, not {raw!r}")
        else:
            reader.problem(key, f"no part of a model is called {key!r}{suggest(key, known)}")
    for key in ("name", "stages"):
        if key not in plain:
            reader.problem(key, "it is missing, and every model needs it")
    name = str(plain.get("name", ""))
    if reader.problems:
        raise ModelError(reader.problems, name)
    return Model(**values)


class _Reader:
    """Reads parts and keeps every fault with its place, so that all can be told at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def problem(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, message))

    def attempt(self, where: str, read: Callable[[], Any], otherwise: Any = None) -> Any:
        try:
            return read()
        except GuardSyntaxError as error:
            self.problem(where, f"{error.message} (column {error.column} of {error.text!r})")
        except (LifecycleError, TypeError, ValueError) as error:
            self.problem(where, str(error))
        return otherwise

    def row(self, cls: Any, raw: Any, where: str, **given: Any) -> Any:
        if not isinstance(raw, Mapping):
            self.problem(where, f"this is a table of keys and values, not {raw!r}")
            return None
        names = {_key(cls, one.name): one for one in attrs.fields(cls) if one.name not in given}
        if isinstance(raw.get("name"), str):
            where = f"{where} {raw['name']}"
        values: dict[str, Any] = dict(given)
        before = len(self.problems)
        for key, value in raw.items():
            if key not in names:
                self.problem(where, f"no key {key!r} here{suggest(key, names)}")
                continue
            attribute = names[key].name
            fault = _shape(cls, attribute, value)
            if fault:
                self.problem(where, f"{key}: {fault}")
            elif attribute in ("then", "sets"):
                values[attribute] = self._sets(value, where)
            else:
                values[attribute] = self._checked(cls, attribute, key, value, where)
        if cls is StepDef and "name" not in values and "use" in values:
            values["name"] = values["use"]
        for key, one in names.items():
            if one.name not in values and one.default is attrs.NOTHING and key not in raw:
                self.problem(where, f"{key!r} is missing")
        if len(self.problems) > before:
            return None
        return self.attempt(where, lambda: cls(**values))

    def _checked(self, cls: type, attribute: str, key: str, value: Any, where: str) -> Any:
        """The value, converted where it is a guard, so that its fault names the key."""
        if attribute == "when" and not (cls is SortRule and value == "otherwise"):
            converter = getattr(attrs.fields_dict(cls)["when"], "converter", None)
            assert converter is not None
            return self.attempt(f"{where}, {key}", lambda: converter(value), Always())
        if attribute == "points":
            return self.attempt(f"{where}, {key}", lambda: read_value(value), Const(0))
        return value

    def _sets(self, raw: Mapping[str, Any], where: str) -> tuple[Set, ...]:
        found = []
        for name, value in raw.items():
            one = self.attempt(f"{where}, then {name}", lambda n=name, v=value: Set(n, v))
            if one is not None:
                found.append(one)
        return tuple(found)

    def systems(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        for name, label in raw.items():
            if not isinstance(label, str):
                self.problem(f"systems.{name}", f"its label is a text, not {label!r}")
        return dict(raw)

    def tokens(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        for name, value in raw.items():
            items = value if isinstance(value, list) else [value]
            for item in items:
                if not isinstance(item, bool | int | float | str | datetime):
                    self.problem(
                        f"tokens.{name}", f"a token is a number, a text or a list, not {item!r}"
                    )
        return dict(raw)

    def guards(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for name, text in raw.items():
            where = f"guards.{name}"
            if not isinstance(text, str):
                self.problem(where, f"a guard is a text, not {text!r}")
                continue
            guard = self.attempt(where, lambda text=text: parse_guard(text))
            if guard is not None:
                found[name] = guard
        return found

    def fields(self, raw: Mapping[str, Any]) -> list[FieldDef]:
        found = (self._field(f"fields.{name}", name, value) for name, value in raw.items())
        return [one for one in found if one is not None]

    def _field(self, where: str, name: str, raw: Any) -> FieldDef | None:
        if isinstance(raw, str):
            raw = {"type": raw}
        if not isinstance(raw, Mapping):
            self.problem(where, f"give a type, such as 'int | None', not {raw!r}")
            return None
        known = ("type", "choices", "min", "max", "default", "label", "description")
        for key in raw:
            if key not in known:
                self.problem(where, f"no key {key!r} here{suggest(key, known)}")
        text = raw.get("type", "str" if "choices" in raw else None)
        if not isinstance(text, str):
            self.problem(where, f"its type is missing: one of {', '.join(KINDS)}")
            return None
        kind = self.attempt(where, lambda: FieldType.from_text(text))
        if kind is None:
            return None
        kind = attrs.evolve(
            kind,
            choices=tuple(raw.get("choices", ())),
            minimum=raw.get("min"),
            maximum=raw.get("max"),
        )
        return FieldDef(
            name, kind, raw.get("default"), raw.get("label", ""), raw.get("description", "")
        )

    def kinds(self, raw: Mapping[str, Any]) -> list[ActivityKind]:
        found = []
        for name, body in raw.items():
            where = f"kinds.{name}"
            if not isinstance(body, Mapping):
                self.problem(where, f"this is a table of keys and values, not {body!r}")
                continue
            body = dict(body)
            payload = body.pop("payload", {})
            if not isinstance(payload, Mapping):
                self.problem(where, "payload: a table of name and type")
                continue
            one = self.row(
                ActivityKind,
                body,
                where,
                name=name,
                payload=tuple(
                    item
                    for key, value in payload.items()
                    if (item := self._field(f"{where}, payload {key}", key, value)) is not None
                ),
            )
            if one is not None:
                found.append(one)
        return found


def _key(cls: type, attribute: str) -> str:
    return _KEYS.get(cls, {}).get(attribute, attribute)


_PLAIN_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "number": int,
    "priority": int,
    "off_path": bool,
    "sources": (str, list),
    "reads": (str, list),
    "writes": (str, list),
    "then": dict,
    "sets": dict,
    "options": dict,
    "points": (int, str),
}
_TYPE_WORDS: Mapping[str, str] = {
    "number": "a whole number",
    "priority": "a whole number",
    "off_path": "true or false",
    "sources": "the name of a stage, or a list of them",
    "reads": "a list of fields",
    "writes": "a list of fields",
    "then": "a table of field and value",
    "sets": "a table of field and value",
    "options": "a table",
    "points": "a whole number or a token",
}


def _shape(cls: type, attribute: str, value: Any) -> str:
    """What is wrong with the plain type of a value, or nothing."""
    wanted = _PLAIN_TYPES.get(attribute, str)
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        return f"this is {_TYPE_WORDS.get(attribute, 'a text')}, not {value!r}"
    if isinstance(value, list) and not all(isinstance(one, str) for one in value):
        return f"this is {_TYPE_WORDS[attribute]}, not {value!r}"
    choices = _CHOICES.get((cls, attribute))
    if choices and value not in choices:
        return f"{value!r} is none of {', '.join(choices)}{suggest(value, choices)}"
    return ""


def _plain_row(one: Any, cls: type) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for attribute in attrs.fields(cls):
        value = getattr(one, attribute.name)
        default = attribute.default
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
            default = default.factory() if not default.takes_self else attrs.NOTHING
        if attribute.name == "when" and cls is SortRule and isinstance(value, Always):
            row["when"] = "otherwise"
        elif attribute.name != "name" and value == default:
            continue
        elif attribute.name in ("then", "sets"):
            if value:
                row[attribute.name] = {item.field: _plain_value(item.value) for item in value}
        elif attribute.name == "name" and value == "":
            continue
        else:
            row[_key(cls, attribute.name)] = _plain_any(value)
    if cls is StepDef and row.get("step") == row.get("name"):
        del row["name"]
    return row


def _plain_any(value: Any) -> Any:
    if isinstance(value, Guard | Term):
        return _plain_value(value)
    if isinstance(value, tuple):
        return value[0] if len(value) == 1 else list(value)
    return value


def _plain_value(value: Term | Guard) -> Any:
    if isinstance(value, Const) and isinstance(value.value, bool | int):
        return value.value
    return to_text(value)


def _plain_field(one: FieldDef) -> Any:
    kind = one.type
    plain: dict[str, Any] = {"type": f"{kind.kind} | None" if kind.nullable else kind.kind}
    if kind.choices:
        plain["choices"] = list(kind.choices)
    for key, value in (
        ("min", kind.minimum),
        ("max", kind.maximum),
        ("default", one.default),
        ("label", one.label or None),
        ("description", one.description or None),
    ):
        if value is not None:
            plain[key] = value
    return plain["type"] if len(plain) == 1 else plain


def _plain_kind(kind: ActivityKind) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    if kind.description:
        plain["description"] = kind.description
    if kind.payload:
        plain["payload"] = {one.name: _plain_field(one) for one in kind.payload}
    if kind.sets:
        plain["sets"] = {one.field: _plain_value(one.value) for one in kind.sets}
    if kind.trigger:
        plain["trigger"] = kind.trigger
    return plain


def _duration(text: object) -> timedelta:
    match = re.fullmatch(r"\s*(\d+)\s+(second|minute|hour|day|week)s?\s*", str(text))
    if match is None:
        raise ValueError(f"{text!r} is not a length of time: write '10 minutes' or '2 days'")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def _duration_text(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for unit, size in reversed(_UNITS.items()):
        if seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}{'s' if count != 1 else ''}"
    raise AssertionError("a second divides every whole number of seconds")
