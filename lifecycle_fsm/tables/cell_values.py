"""One value of a row: where it comes from, whether it was given, and its conversion to a type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.tables.mapping import BRACES, RowCondition, ValueSource, as_text
from lifecycle_fsm.tables.times import TimeReader

Read: TypeAlias = Callable[[Mapping[str, Any]], Any]

_WHOLE = re.compile(r"([+-]?[0-9]+)\.0+")
#: Numbers with separated thousands, by their decimal sign.
_PARTED = {
    ".": re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?"),
    ",": re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]*)?"),
}


class CellError(Exception):
    """A value of a row that cannot be used."""

    def __init__(self, column: str | None, reason: str) -> None:
        self.column = column
        self.reason = reason

    @property
    def alone(self) -> CellError:
        """The same error without its traceback, whose frames would keep it alive."""
        return CellError(self.column, self.reason)


def stripped(raw: Any, empty: frozenset[str]) -> Any:
    """The value of a column without surrounding space; ``None`` if it is empty."""
    if isinstance(raw, str):
        raw = raw.strip()
        return None if not raw or raw in empty else raw
    return raw


def condition(row: RowCondition, empty: frozenset[str]) -> Callable[[Mapping[str, Any]], bool]:
    """The test of a row that a condition of the mapping describes."""
    column, present = row.column, row.present
    if row.among is None:
        return lambda values: (stripped(values.get(column), empty) is not None) is present
    among = frozenset(map(_plain, row.among))

    def holds(values: Mapping[str, Any]) -> bool:
        raw = values.get(column)
        return _plain("" if raw is None else as_text(raw)) in among

    return holds


def _plain(text: str) -> str:
    """One notation for true, false and whole numbers, which programs write in different ways."""
    if text in ("True", "TRUE", "False", "FALSE"):
        return text.lower()
    return cut[1] if text.endswith("0") and (cut := _WHOLE.fullmatch(text)) else text


def template_reader(text: str, convert: Callable[[Any], Any], empty: frozenset[str]) -> Read:
    """The reader of a text composed of columns; it reads ``None`` if one of them is empty."""
    pieces = BRACES.split(text)
    columns = pieces[1::2]

    def read(values: Mapping[str, Any]) -> Any:
        values_given = [stripped(values.get(column), empty) for column in columns]
        if None in values_given:
            return None
        parts = pieces.copy()
        parts[1::2] = [as_text(value) for value in values_given]
        try:
            return convert("".join(parts))
        except RecordError as error:
            raise CellError(columns[0], str(error)) from None

    return read


def column_reader(
    source: ValueSource,
    empty: frozenset[str],
    convert: Callable[[Any], Any],
    fixed: Callable[[str, Any], Any],
    untranslated: Callable[[ValueSource, str], None],
    most: int,
) -> Read:
    """The reader of a column.

    ``fixed`` converts the values that the mapping itself contains; ``untranslated`` is called with
    each value that has no translation and stays as it is. Up to ``most`` texts are converted only
    once, and rows that have the same text share its value.
    """
    column = source.column or ""
    translated = {key: fixed(f".values.{key}", value) for key, value in source.values.items()}
    otherwise, if_empty = fixed(".otherwise", source.otherwise), fixed(".if_empty", source.if_empty)
    listed_only = source.otherwise is not None
    translates = bool(translated) or listed_only
    known: dict[str, Any] = {}

    def read(values: Mapping[str, Any]) -> Any:
        raw = values.get(column)
        if raw.__class__ is str:
            if raw in known:
                return known[raw]
            raw = raw.strip()
            if not raw or raw in empty:
                raw = None
        if raw is None:
            return if_empty
        if translates:
            key = as_text(raw)
            if key in translated:
                return translated[key]
            if listed_only:
                return otherwise
        try:
            value = convert(raw)
        except RecordError as error:
            raise CellError(column, str(error)) from None
        if translates:
            untranslated(source, key)
        elif len(known) < most and raw.__class__ is str:
            known[raw] = value
        return value

    return read


def converter(kind: FieldType, clock: TimeReader, decimal: str | None) -> Callable[[Any], Value]:
    """A function that converts a value of a file to that type, or raises ``RecordError``."""
    accept = kind.accept
    if kind.kind == "datetime":
        return clock.read
    if kind.kind == "str":
        free = not kind.choices

        def text(raw: Any) -> Value:
            if raw.__class__ is str and free and raw.isascii():
                value: Value = raw
                return value
            if isinstance(raw, int | date | Decimal) and not isinstance(raw, bool):
                return accept(as_text(raw))
            if isinstance(raw, float) and raw.is_integer():
                return accept(as_text(raw))
            return accept(raw)

        return text
    if kind.kind not in ("int", "float"):
        return accept
    whole = kind.kind == "int"

    def number(raw: Any) -> Value:
        if isinstance(raw, Decimal):
            return accept(int(raw) if raw == raw.to_integral_value() else float(raw))
        if not isinstance(raw, str):
            return accept(raw)
        text = raw if decimal is None else _with_point(raw, decimal)
        if whole and (cut := _WHOLE.fullmatch(text)):
            text = cut[1]
        try:
            return accept(text)
        except RecordError as error:
            # The error quotes what the file has, not what it was converted to.
            raise RecordError(str(error).replace(repr(text), repr(raw), 1)) from None

    return number


def _with_point(raw: str, decimal: str) -> str:
    """A number in Python's notation, from one with that decimal sign.

    The other sign must separate thousands. Anywhere else it may only precede zeros, as in ``12.0``,
    which is whole in both notations.

    Raises:
        RecordError: the other sign means neither.
    """
    other = "." if decimal == "," else ","
    if other not in raw:
        return raw.replace(decimal, ".")
    if _PARTED[decimal].fullmatch(raw):
        return raw.replace(other, "").replace(decimal, ".")
    if decimal not in raw and _WHOLE.fullmatch(raw.replace(other, ".")):
        return raw.replace(other, ".")
    raise RecordError(
        f"{raw!r} is no number with the decimal sign {decimal!r}: its {other!r} parts no thousands"
    )


def id_converter(accept: Callable[[Any], Value], kind: FieldType) -> Callable[[Any], Value]:
    """The converter of ids of records, from the converter of their type."""
    free = kind.takes_any_text

    def convert(raw: Any) -> Value:
        if free and raw.__class__ is str and "." not in raw and raw.isascii():
            value: Value = raw  # as below, for most ids
            return value
        return as_id(accept(raw))

    return convert


def as_id(text: Value) -> Value:
    """The id that a text names. ``1499466.0`` is ``1499466``: some programs read a column of
    numbers as floats."""
    if isinstance(text, str) and text.endswith("0") and (cut := _WHOLE.fullmatch(text)):
        return cut[1]
    return text
