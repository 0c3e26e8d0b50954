"""The types that a field of a person or a value of an activity may have [S1][S4][S5].

A value is checked once, by :meth:`FieldType.accept`, which returns its stored form or raises
:class:`~lifecycle_fsm.errors.RecordError`. Code that reads it later may trust the type.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any, Literal, TypeAlias, get_args, get_origin

import attrs

from lifecycle_fsm.errors import RecordError, suggest

Kind: TypeAlias = Literal["bool", "int", "float", "str", "datetime"]
Value: TypeAlias = bool | int | float | str | datetime | None

KINDS: tuple[Kind, ...] = ("bool", "int", "float", "str", "datetime")
INT_MIN, INT_MAX = -(2**63), 2**63 - 1
_PYTHON: dict[type, Kind] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    datetime: "datetime",
}
_TRUE, _FALSE = frozenset({"true", "yes", "y", "1", "t"}), frozenset({"false", "no", "n", "0", "f"})


def _anything(value: object) -> Any:
    """A value of unknown type, from a program or a file."""
    return value


def _bound(value: Any) -> Any:
    """The canonical form of a bound: ``0.0`` and ``0`` are the same [S28]."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _whole(bound: Any, unbound: int) -> int:
    """A bound as an integer. A bound that is no integer is reported as a fault of the type."""
    return int(bound) if isinstance(bound, int | float) and math.isfinite(bound) else unbound


@attrs.frozen
class FieldType:
    """The type of one value: its kind, whether it may be missing, choices, and clamps.

    ``minimum`` and ``maximum`` clamp numbers: a score declared as 0 to 1000 never leaves that
    range. Without bounds, integers are clamped to 64 bits [S5].
    """

    kind: Kind
    nullable: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = attrs.field(default=None, converter=_bound)
    maximum: float | None = attrs.field(default=None, converter=_bound)
    #: Computed once: the bounds of an integer, and whether every text is valid.
    _low: int = attrs.field(init=False, repr=False, eq=False)
    _high: int = attrs.field(init=False, repr=False, eq=False)
    takes_any_text: bool = attrs.field(init=False, repr=False, eq=False)

    @_low.default
    def _lowest(self) -> int:
        return _whole(self.minimum, INT_MIN)

    @_high.default
    def _highest(self) -> int:
        return _whole(self.maximum, INT_MAX)

    @takes_any_text.default
    def _is_free_text(self) -> bool:
        return self.kind == "str" and not self.choices

    def __str__(self) -> str:
        name = " | ".join(f'"{choice}"' for choice in self.choices) if self.choices else self.kind
        return f"{name} | None" if self.nullable else name

    @property
    def empty(self) -> Value:
        """The value of a field that was never set: missing, or false, 0, empty, first choice."""
        if self.nullable or self.kind == "datetime":
            return None
        if self.choices:
            return self.choices[0]
        nothing: dict[Kind, Value] = {"bool": False, "int": 0, "float": 0.0, "str": ""}
        return typing.cast(Value, self.clamp(nothing[self.kind]))

    def clamp(self, value: Any) -> Any:
        """A computed number, clamped to the declared bounds; other values stay unchanged."""
        if self.kind == "int":
            if value < self._low:
                return self._low
            return self._high if value > self._high else value
        if self.kind == "float":
            if self.minimum is not None and value < self.minimum:
                return self.minimum
            if self.maximum is not None and value > self.maximum:
                return self.maximum
        return value

    def accept(self, value: Any) -> Value:
        """The stored form of a value from outside.

        Text is parsed if the type has another kind (``"65"``, ``"yes"``,
        ``"2024-05-01T10:00:00Z"``). Blank text counts as missing. Times become UTC; a naive time
        counts as UTC [S4].

        Raises:
            RecordError: the value is required but missing, or it is of another kind, not a choice,
                NaN, infinite or too large.
        """
        # The most common cases come first, so the rest may be slow.
        if type(value) is str and value[:1] > " " and value.isascii():
            if self.takes_any_text or value in self.choices:
                return value
        elif type(value) is int and self.kind == "int" and self._low <= value <= self._high:
            return value
        elif is_missing(value):
            if not self.nullable:
                raise RecordError(f"a value is missing: {self} is required")
            return None
        stored: Value = _READERS[self.kind](value)
        if self.choices and stored not in self.choices:
            raise RecordError(
                f"{stored!r} is none of {', '.join(map(repr, self.choices))}"
                f"{suggest(str(stored), self.choices)}"
            )
        if self.kind in ("int", "float"):
            stored = self.clamp(stored)
        return stored

    def faults(self) -> Iterator[str]:
        """The faults of the type itself, as sentences [S5]."""
        kind: object = self.kind  # at runtime it can be anything, whatever the annotation says
        if kind not in KINDS:
            yield f"{self.kind!r} is not a type: use {', '.join(KINDS)}"
            return
        if self.choices:
            if self.kind != "str":
                yield f"choices are for texts, and this is {self.kind}"
            elif not all(text and isinstance(text, str) for text in map(_anything, self.choices)):
                yield "every choice is a text, and not an empty one"
            elif len(set(self.choices)) < len(self.choices):
                yield "a choice stands there twice"
        bounds = [bound for bound in (self.minimum, self.maximum) if bound is not None]
        if bounds and self.kind not in ("int", "float"):
            yield f"min and max are for numbers, and this is {self.kind}"
            return
        for bound in map(_anything, bounds):
            if type(bound) not in (int, float) or not math.isfinite(bound):
                yield f"min and max are numbers, not {bound!r}"
                return
            if self.kind == "int" and not (isinstance(bound, int) and INT_MIN <= bound <= INT_MAX):
                yield f"min and max of an int are whole numbers within 64 bits, not {bound!r}"
                return
        if len(bounds) == 2 and bounds[0] > bounds[1]:
            yield f"min is {bounds[0]} and max is {bounds[1]}: nothing is between them"

    @classmethod
    def from_annotation(cls, annotation: Any) -> FieldType:
        """The type that a Python annotation names, such as ``int | None`` or ``Literal["a"]``.

        Raises:
            RecordError: the annotation is not one of the types that a field may have [S1].
        """
        nullable = False
        if get_origin(annotation) in (typing.Union, types.UnionType):
            parts = [part for part in get_args(annotation) if part is not type(None)]
            nullable = len(parts) < len(get_args(annotation))
            if len(parts) == 1:
                annotation = parts[0]
        if get_origin(annotation) is Literal and all(
            isinstance(choice, str) for choice in get_args(annotation)
        ):
            return cls("str", nullable, choices=tuple(get_args(annotation)))
        if isinstance(annotation, type) and annotation in _PYTHON:
            return cls(_PYTHON[annotation], nullable)
        raise RecordError(
            f"{annotation!r} is not a type for a field: use bool, int, float, str, datetime or "
            "Literal of texts, with or without '| None'"
        )

    @property
    def annotation(self) -> Any:
        """The Python annotation for this type; it does not include the clamps."""
        known = {kind: python for python, kind in _PYTHON.items()}
        python: Any = Literal[self.choices] if self.choices else known[self.kind]
        return python | None if self.nullable else python

    @classmethod
    def from_text(cls, text: str) -> FieldType:
        """The type for a text such as a model file has: ``"int"``, ``"datetime | None"``.

        Raises:
            RecordError: the text is not a type.
        """
        parts = [part.strip() for part in text.split("|")]
        names = [part for part in parts if part != "None"]
        if len(names) != 1 or names[0] not in KINDS:
            word = names[0] if names else text
            raise RecordError(
                f"{text!r} is not a type: use {', '.join(KINDS)}, with or without '| None'"
                f"{suggest(word, KINDS)}"
            )
        return cls(names[0], nullable="None" in parts)


@attrs.frozen
class FieldDef:
    """A declared field: its name, type, default, label and description.

    ``label`` and ``description`` are for display only and not part of the model's version [S28].
    """

    name: str
    type: FieldType
    default: Value = None
    label: str = ""
    description: str = ""

    def start(self) -> Value:
        """The value that the field of a new person has."""
        return self.type.empty if self.default is None else self.default

    def tidied(self) -> FieldDef:
        """The field in canonical form: its default in stored form, and none if it equals the type's
        empty value. A default that does not fit is kept, for the model to refuse."""
        if self.default is None or any(self.faults()):
            return self
        stored = self.type.accept(self.default)
        return attrs.evolve(self, default=None if stored == self.type.empty else stored)

    def faults(self) -> Iterator[str]:
        """The faults of the declaration, as sentences [S5]."""
        wrong = list(self.type.faults())
        yield from wrong
        if self.default is None or wrong:
            return
        try:
            stored = self.type.accept(self.default)
            unbound = attrs.evolve(self.type, minimum=None, maximum=None).accept(self.default)
        except RecordError as error:
            yield f"its default does not fit: {error}"
            return
        if stored != unbound:
            yield f"its default {self.default!r} lies outside of min and max"


def is_missing(value: object) -> bool:
    """Whether a value from outside is missing: null, or blank text [S4]."""
    return value is None or (isinstance(value, str) and not value.strip())


def to_utc(value: datetime) -> datetime:
    """The same instant in UTC; a naive time counts as UTC [S4]."""
    if value.tzinfo is UTC:
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def utc_text(value: datetime) -> str:
    """The instant in UTC as ISO 8601, with a Z; a naive time counts as UTC [S4]."""
    return to_utc(value).isoformat().replace("+00:00", "Z")


#: Numbers with two digits, for :func:`iso_text`.
_TWO = tuple(f"{number:02}" for number in range(60))


def iso_text(value: datetime) -> str:
    """``value.isoformat()``, in a third of the time if it is in UTC and in whole seconds.

    >>> iso_text(datetime(2024, 3, 4, 9, 5, tzinfo=UTC))
    '2024-03-04T09:05:00+00:00'
    """
    if value.tzinfo is not UTC or value.microsecond or value.year < 1000:
        return value.isoformat()
    return (
        f"{value.year}-{_TWO[value.month]}-{_TWO[value.day]}T{_TWO[value.hour]}:"
        f"{_TWO[value.minute]}:{_TWO[value.second]}+00:00"
    )


def instant(value: datetime | str) -> datetime:
    """A time from a program, in UTC: a ``datetime``, or text in ISO 8601.

    Raises:
        RecordError: the value is neither.
    """
    if type(value) is datetime and value.tzinfo is UTC:
        return value
    return _read_datetime(value)


def _wrong(value: object, kind: str) -> RecordError:
    return RecordError(f"{value!r} is not {kind}")


def _read_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _wrong(value, "yes or no: write true or false")


def _read_int(value: Any) -> int:
    number: int
    if isinstance(value, bool):
        raise _wrong(value, "a whole number")
    if isinstance(value, int):
        number = value
    elif isinstance(value, float) and math.isfinite(value) and value.is_integer():
        number = int(value)
    elif isinstance(value, str) and len(value) < 40 and "_" not in value:
        try:
            number = int(value)
        except ValueError:
            raise _wrong(value, "a whole number") from None
    else:
        raise _wrong(value, "a whole number")
    if not INT_MIN <= number <= INT_MAX:
        raise _wrong(value, "within 64 bits")
    return number


def _read_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _wrong(value, "a number")
    if isinstance(value, str) and "_" in value:
        raise _wrong(value, "a number")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _wrong(value, "a number") from None
    if not math.isfinite(number):
        raise _wrong(value, "finite: NaN and infinity are refused")
    return number


def _read_str(value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(value, "a text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _wrong(value, "valid Unicode text (it has a lone surrogate)") from None
    return value


def _read_datetime(value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise _wrong(value, "a time: write 2024-05-01T10:00:00Z") from None
    if type(value) is datetime and value.tzinfo is UTC:
        return value
    if not isinstance(value, datetime):
        if not isinstance(value, date):
            raise _wrong(value, "a time: write 2024-05-01T10:00:00Z")
        value = datetime.combine(value, time())
    try:
        return to_utc(value)
    except (OverflowError, ValueError):
        raise _wrong(value, "a time between the years 1 and 9999 in UTC") from None


_READERS: dict[Kind, typing.Callable[[Any], Any]] = {
    "bool": _read_bool,
    "int": _read_int,
    "float": _read_float,
    "str": _read_str,
    "datetime": _read_datetime,
}
