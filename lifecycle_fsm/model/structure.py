"""A model from plain dicts, lists, numbers and texts, in the shape of its TOML.

All faults are reported at once [S5]: those of the shape and, in all parts that could be read
nevertheless, those of the model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any, TypeVar

import attrs

from lifecycle_fsm.errors import GuardSyntaxError, LifecycleError, ModelError, Problem, suggest
from lifecycle_fsm.fields import KINDS, FieldDef, FieldType
from lifecycle_fsm.guard import Always, Const, Guard, Term, parse_guard
from lifecycle_fsm.model import validation
from lifecycle_fsm.model.conversions import Set, read_value
from lifecycle_fsm.model.currency import Money
from lifecycle_fsm.model.definition import ActivityKind, DataRule, StepDef
from lifecycle_fsm.model.model import Model
from lifecycle_fsm.model.moves import Move, Stage, arrow
from lifecycle_fsm.model.rules import NO_LENGTH, Calendar, Length, read_receivers
from lifecycle_fsm.model.sort import OTHERWISE, SortRule
from lifecycle_fsm.model.theme import Theme
from lifecycle_fsm.model.unstructure import FIELD_KEYS, SECTIONS, TABLES, toml_key

_T = TypeVar("_T")
#: The stand-ins for a guard and for points that cannot be read.
_GUARD: Guard = Always()
_POINTS: Term | Guard = Const(0)


def from_plain(plain: Mapping[str, Any], folder: str = "") -> Model:
    """The model that plain values describe.

    Args:
        plain: as from :func:`~lifecycle_fsm.model.to_plain`, or parsed TOML.
        folder: the folder that relative paths in it start from.

    Raises:
        ModelError: the model has faults; the error lists all of them [S5].
    """
    if not isinstance(plain, Mapping):
        raise ModelError([Problem("", f"a model is a table of keys and values, not {plain!r}")])
    reader = _Reader()
    values = reader.model(plain)
    name = str(values.get("name", ""))
    if not reader.problems:
        return Model(**values, folder=folder)
    problems = list(reader.problems)
    if reader.whole:
        try:
            Model(**values, folder=folder)
        except ModelError as error:
            problems += [problem for problem in error.problems if not reader.follows(problem)]
    raise ModelError(dict.fromkeys(problems), name)


def theme_from_plain(plain: Mapping[str, Any]) -> Theme:
    """The theme that plain values describe.

    Raises:
        ModelError: it has a key that a theme does not have, or a value of another kind.
    """
    reader = _Reader()
    theme: Theme = reader.row(Theme, plain, "theme")
    if reader.problems:
        raise ModelError(reader.problems, "the theme")
    return theme


class _Reader:
    """Reads part by part and collects every fault with its place.

    A part that cannot be read gets a stand-in, so that the rest can be checked; ``whole`` is false
    if too much is missing for that. ``unknown`` names fields that could not be read, and
    ``brought`` is false if some payloads of activities could not be.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.whole = True
        self.unknown: set[str] = set()
        self.brought = True

    def problem(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, message))

    def follows(self, problem: Problem) -> bool:
        """Whether a fault of the model is only a consequence of a fault of the shape."""
        places = {_root(noted.where) for noted in self.problems}
        return (
            _root(problem.where) in places
            or validation.mentions(problem, self.unknown)
            or (not self.brought and "of the activity" in problem.message)
        )

    def attempt(self, where: str, read: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return read()
        except GuardSyntaxError as error:
            self.problem(where, f"{error.message} (column {error.column} of {error.text!r})")
        except (LifecycleError, TypeError, ValueError, OverflowError) as error:
            self.problem(where, str(error))
        return otherwise

    def text(self, where: str, value: object) -> str:
        """The value, which must be a text that a file can hold."""
        if isinstance(value, str) and not any("\ud800" <= sign <= "\udfff" for sign in value):
            return value
        kind = "a text with a lone surrogate" if isinstance(value, str) else repr(value)
        self.problem(where, f"this is a text, not {kind}")
        return ""

    # -- the model ---------------------------------------------------------------------------

    def model(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        readers: Mapping[str, Callable[[str, Any], Any]] = {
            "name": self.text,
            "title": self.text,
            "description": self.text,
            "settle": lambda where, raw: self.length(where, raw).time,
            "ties": self.text,
            "dimensions": self.names,
            "systems": self.systems,
            "tokens": self.tokens,
            "fields": self.fields,
            "guards": self.guards,
            "segments": self.guards,
            "kinds": self.kinds,
            "calendars": self.calendars,
            "merging": self.merging,
            "money": lambda where, raw: self.row(Money, raw, where),
            "theme": lambda where, raw: self.row(Theme, raw, where),
        }
        for key, raw in plain.items():
            if key in SECTIONS:
                values[key] = self.section(key, raw)
            elif key in TABLES and not isinstance(raw, Mapping):
                self.missing(key, f"write this as a table, [{key}]")
            elif key in readers:
                values[key] = readers[key](key, raw)
            else:
                near = suggest(str(key), {*readers, *SECTIONS})
                self.missing(str(key), f"no part of a model is called {key!r}{near}")
        for key in ("tokens", "guards", "segments"):
            if key in values:
                values[key], values[f"{key[:-1]}_labels"] = values[key]
        if "winning_detours" in values.get("merging", {}):
            values["winning_detours"] = values["merging"].pop("winning_detours")
        for key in ("name", "stages"):
            if key not in plain:
                self.missing(key, "it is missing, and every model needs it")
        return values

    def missing(self, where: str, message: str) -> None:
        """Record the fault of an entire part, whose content is then unknown."""
        self.problem(where, message)
        self.whole = False

    def section(self, key: str, raw: Any) -> list[Any]:
        if not isinstance(raw, list | tuple):
            self.missing(key, f"write each one under its own [[{key}]]")
            return []
        cls = SECTIONS[key]
        rows = [self.row(cls, row, f"{key}[{index}]") for index, row in enumerate(raw)]
        return [row for row in rows if row is not None]

    def length(self, where: str, raw: Any) -> Length:
        if not isinstance(raw, str):
            self.problem(where, f"{raw!r} is {NO_LENGTH}")
            return Length(timedelta(0))
        return self.attempt(where, partial(Length.read, raw), Length(timedelta(0)))

    # -- tables of names ---------------------------------------------------------------------

    def named(self, where: str, raw: Mapping[Any, Any]) -> dict[str, Any]:
        """The table, with a fault for every name that is not a text."""
        for name in raw:
            if not isinstance(name, str):
                self.problem(where, f"the name {name!r} is no text")
        return {name: value for name, value in raw.items() if isinstance(name, str)}

    def systems(self, where: str, raw: Mapping[str, Any]) -> dict[str, str]:
        return {
            name: self.text(f"{where}.{name}", label)
            for name, label in self.named(where, raw).items()
        }

    def names(self, where: str, raw: Any) -> tuple[str, ...]:
        if isinstance(raw, str):
            return (raw,)
        if isinstance(raw, list | tuple) and all(isinstance(name, str) for name in raw):
            return tuple(raw)
        self.problem(where, f"this is a list of fields, not {raw!r}")
        return ()

    def merging(self, where: str, raw: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: (self.names if name == "winning_detours" else self.text)(f"{where}.{name}", rule)
            for name, rule in self.named(where, raw).items()
        }

    def calendars(self, where: str, raw: Mapping[str, Any]) -> list[Calendar]:
        return [
            self.row(Calendar, value, f"{where}.{name}", name=name)
            for name, value in self.named(where, raw).items()
        ]

    def tokens(self, where: str, raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        return self.labelled(where, raw, "value")

    def guards(self, where: str, raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        texts, labels = self.labelled(where, raw, "when")
        guards = {
            name: self.attempt(f"{where}.{name}", partial(parse_guard, text), _GUARD)
            for name, text in texts.items()
        }
        return guards, labels

    def labelled(
        self, where: str, raw: Mapping[str, Any], key: str
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """The values by name, and the labels of those that are tables with the value in ``key``."""
        values, labels = {}, {}
        for name, value in self.named(where, raw).items():
            if not isinstance(value, Mapping):
                values[name] = value
                continue
            place, known = f"{where}.{name}", (key, "label")
            for other in value:
                if other not in known:
                    self.problem(place, f"no key {other!r} here{suggest(str(other), known)}")
            if "label" in value:
                labels[name] = self.text(f"{place}, label", value["label"])
            if key in value:
                values[name] = value[key]
            else:
                self.missing(place, f"{key!r} is missing")
        return values, labels

    def fields(self, where: str, raw: Mapping[str, Any]) -> list[FieldDef]:
        fields = {
            name: self.field(f"{where}.{name}", name, value)
            for name, value in self.named(where, raw).items()
        }
        self.unknown |= {name for name, field in fields.items() if field is None}
        return [field for field in fields.values() if field is not None]

    def field(self, where: str, name: str, raw: Any) -> FieldDef | None:
        """The field, or ``None`` if it cannot be read."""
        before = len(self.problems)
        if isinstance(raw, str):
            raw = {"type": raw}
        if not isinstance(raw, Mapping):
            self.problem(where, f"give a type, such as 'int | None', not {raw!r}")
            return None
        field = self._field(where, name, raw)
        return field if len(self.problems) == before else None

    def _field(self, where: str, name: str, raw: Mapping[Any, Any]) -> FieldDef:
        for key in raw:
            if key not in FIELD_KEYS:
                self.problem(where, f"no key {key!r} here{suggest(str(key), FIELD_KEYS)}")
        text = raw.get("type", "str" if "choices" in raw else None)
        choices = raw.get("choices", ())
        kind = FieldType("str")
        if not isinstance(text, str):
            self.problem(where, f"its type is missing: one of {', '.join(KINDS)}")
        else:
            kind = self.attempt(where, lambda: FieldType.from_text(text), kind)
        if not isinstance(choices, list | tuple):
            self.problem(where, f"choices: this is a list of texts, not {choices!r}")
            choices = ()
        kind = attrs.evolve(
            kind, choices=tuple(choices), minimum=raw.get("min"), maximum=raw.get("max")
        )
        label, description = (
            self.text(f"{where}, {key}", raw.get(key, "")) for key in ("label", "description")
        )
        field = FieldDef(name, kind, raw.get("default"), label, description)
        for message in field.faults():
            self.problem(where, message)
        return field

    def kinds(self, where: str, raw: Mapping[str, Any]) -> list[ActivityKind]:
        return [
            self.kind(f"{where}.{name}", name, value)
            for name, value in self.named(where, raw).items()
        ]

    def kind(self, where: str, name: str, raw: Any) -> ActivityKind:
        payload: Any = {}
        before = len(self.problems)
        if isinstance(raw, Mapping):
            payload = raw.get("payload", {})
            raw = {key: value for key, value in raw.items() if key != "payload"}
        if not isinstance(payload, Mapping):
            self.problem(where, f"payload: a table of name and type, not {payload!r}")
            payload = {}
        brings = [
            self.field(f"{where}, payload {key}", key, value)
            for key, value in self.named(where, payload).items()
        ]
        fields = tuple(field for field in brings if field is not None)
        kind: ActivityKind = self.row(ActivityKind, raw, where, name=name, payload=fields)
        self.brought = self.brought and len(self.problems) == before
        return kind

    # -- lists of tables ---------------------------------------------------------------------

    def row(self, cls: Any, raw: Any, where: str, **given: Any) -> Any:
        """The part that a table describes, with stand-ins for its faults; ``None`` for a step with
        faults and for a stage without a name."""
        before = len(self.problems)
        values = dict(given)
        if not isinstance(raw, Mapping):
            self.problem(where, f"this is a table of keys and values, not {raw!r}")
            raw = {}
        else:
            where = f"{where} {_label(cls, raw)}".rstrip()
            self._values(cls, raw, where, values)
        if len(self.problems) == before:
            return cls(**values)
        return self._stand_in(cls, where, values)

    def _values(self, cls: Any, raw: Mapping[Any, Any], where: str, into: dict[str, Any]) -> None:
        given = set(into)
        known = {
            toml_key(cls, attribute.name): attribute
            for attribute in attrs.fields(cls)
            if attribute.name not in given
        }
        for key, value in raw.items():
            if key not in known:
                self.problem(where, f"no key {key!r} here{suggest(str(key), known)}")
                continue
            name = known[key].name
            fault = _shape(cls, name, value)
            if fault:
                self.problem(f"{where}, {key}", fault)
            else:
                into[name] = self._value(cls, name, value, f"{where}, {key}")
        for key, attribute in known.items():
            if key not in raw and attribute.default is attrs.NOTHING:
                self.problem(where, f"{key!r} is missing")

    def _value(self, cls: Any, attribute: str, value: Any, where: str) -> Any:
        if attribute in ("when", "always", "never", "given"):
            if cls is SortRule and value == OTHERWISE:
                return Always()
            return self.attempt(where, partial(parse_guard, value), _GUARD)
        if attribute == "points":
            return self.attempt(where, partial(read_value, value), _POINTS)
        if cls is Calendar:
            return tuple(map(str, value)) if attribute == "closed" else value
        if attribute in ("every", "after"):
            length = self.length(where, value)
            return length if attribute == "after" else length.time
        if attribute == "to":
            nobody: tuple[Term, ...] = ()
            return self.attempt(where, partial(read_receivers, value), nobody)
        if attribute in ("then", "sets"):
            return tuple(
                self.attempt(f"{where} {name}", partial(Set, name, effect), Set(name, False))
                for name, effect in self.named(where, value).items()
            )
        return self.text(where, value) if isinstance(value, str) else value

    def _stand_in(self, cls: Any, where: str, values: dict[str, Any]) -> Any:
        if cls is StepDef:
            return None
        if cls is Stage and "name" not in values:
            self.whole = False
            return None
        defaults = {
            "name": re.sub(r"\W", "_", where),
            "sources": (),
            "target": "",
            "on": "",
            "when": Always(),
            "then": (),
            "points": Const(0),
            "every": timedelta(days=1),
            "after": timedelta(days=1),
            "stage": "",
            "send": "task",
            "currency": "EUR",
        }
        needed = {
            attribute.name for attribute in attrs.fields(cls) if attribute.default is attrs.NOTHING
        }
        if cls is Move:
            needed.add("name")
        return cls(**{name: defaults[name] for name in needed} | values)


def _root(where: str) -> str:
    """The part of a place that identifies one row or one entry of a table."""
    match = re.match(r"\w+(\[\d+\]|\.[^ ,]+)?", where)
    return match[0] if match else where


def _label(cls: type, raw: Mapping[Any, Any]) -> str:
    """The name of the row in messages, as in those of the model itself."""
    if cls is Move:
        sources, target = raw.get("from", ""), raw.get("to", "")
        listed = [sources] if isinstance(sources, str) else sources
        if isinstance(listed, list) and all(isinstance(name, str) for name in [*listed, target]):
            return arrow(listed, target)
    keys = {DataRule: ("name", "on"), StepDef: ("name", "step")}.get(cls, ("name",))
    return next((raw[key] for key in keys if raw.get(key) and isinstance(raw[key], str)), "")


_WHOLE, _LIST, _TABLE = "a whole number", "a list of fields", "a table of field and value"
#: The plain types of the attributes that are not text, with the words for them.
_PLAIN: Mapping[str, tuple[tuple[type, ...], str]] = {
    "number": ((int,), _WHOLE),
    "priority": ((int,), _WHOLE),
    "off_path": ((bool,), "true or false"),
    "sources": ((str, list, tuple), "the name of a stage, or a list of them"),
    "reads": ((str, list, tuple), _LIST),
    "writes": ((str, list, tuple), _LIST),
    "then": ((Mapping,), _TABLE),
    "sets": ((Mapping,), _TABLE),
    "options": ((Mapping,), "a table"),
    "points": ((int, str), "a whole number or a token"),
    "cap": ((int,), _WHOLE),
    "attempts": ((int,), _WHOLE),
    "timeout": ((int, float), "a number of seconds"),
    "entering": ((str, list, tuple), "the name of a stage, or a list of them"),
    "to": ((str, list, tuple), "a text, or a list of which the first that is known counts"),
    "include": ((str, list, tuple), _LIST),
    "by": ((str, list, tuple), "the name of a move or a sort rule, or a list of them"),
    "closed": ((str, list, tuple), "a list of dates"),
    "systems": ((Mapping,), "a table of system and colour"),
    "rates": ((Mapping,), "a table of currency and rate"),
    "links_to_crm": ((bool,), "true or false"),
}


def _shape(cls: type, attribute: str, value: Any) -> str:
    """The fault of the plain type of a value; empty if there is none."""
    wanted, words = _PLAIN.get(attribute, ((str,), "a text"))
    if cls is Calendar and attribute == "hours":
        words = "hours as '09:00-17:00', or a table by weekday, mon to sun"
        good = isinstance(value, str) or (
            isinstance(value, Mapping) and all(isinstance(span, str) for span in value.values())
        )
        return "" if good else f"this is {words}, not {value!r}"
    if attribute == "closed" and isinstance(value, list):
        # TOML has its own dates; a date with a time of day is reported later, as a bad date.
        value = [str(day) if isinstance(day, date) else day for day in value]
    if attribute in ("every", "after") and not isinstance(value, str):
        return f"{value!r} is {NO_LENGTH}"
    right = isinstance(value, wanted) and (not isinstance(value, bool) or bool in wanted)
    if isinstance(value, list | tuple):
        right = right and all(isinstance(part, str) for part in value)
    return "" if right else f"this is {words}, not {value!r}"
