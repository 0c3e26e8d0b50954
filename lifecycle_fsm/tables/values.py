"""One value of a row: where it stands, whether it was given, and what type it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.tables.mapping import Condition, Source, as_text
from lifecycle_fsm.tables.times import Clock

Read: TypeAlias = Callable[[Mapping[str, Any]], Any]

_WHOLE = re.compile(r"([+-]?\d+)\.0+")


class Bad(Exception):
    """A value of a row that cannot be used."""

    def __init__(self, column: str | None, reason: str) -> None:
        self.column = column
        self.reason = reason


def given(raw: Any, empty: frozenset[str]) -> Any:
    """What stands in a column, without the space around it; nothing where it is empty."""
    if isinstance(raw, str):
        raw = raw.strip()
        return None if not raw or raw in empty else raw
    return raw


def condition(one: Condition, empty: frozenset[str]) -> Callable[[Mapping[str, Any]], bool]:
    """The test that a condition of the mapping makes of a row."""
    column, present, among = one.column, one.present, one.among
    if among is None:
        return lambda values: (given(values.get(column), empty) is not None) is present
    return lambda values: as_text(values.get(column, "")) in among


def template(text: str, convert: Callable[[Any], Any], empty: frozenset[str]) -> Read:
    """The reader of a text that is put together from columns; nothing where one is empty."""
    pieces = re.split(r"\{([^{}]*)\}", text)
    columns = pieces[1::2]

    def read(values: Mapping[str, Any]) -> Any:
        found = [given(values.get(column), empty) for column in columns]
        if None in found:
            return None
        parts = pieces.copy()
        parts[1::2] = [as_text(one) for one in found]
        try:
            return convert("".join(parts))
        except RecordError as error:
            raise Bad(columns[0], str(error)) from None

    return read


def from_column(
    source: Source,
    empty: frozenset[str],
    convert: Callable[[Any], Any],
    fixed: Callable[[str, Any], Any],
    untranslated: Callable[[Source, str], None],
) -> Read:
    """The reader of a column.

    ``fixed`` takes the values that the mapping itself writes; ``untranslated`` is told of what
    stays as it is where the mapping translates others.
    """
    column = source.column or ""
    translated = {key: fixed(f".values.{key}", one) for key, one in source.values.items()}
    otherwise, if_empty = fixed(".otherwise", source.otherwise), fixed(".if_empty", source.if_empty)
    listed_only = source.otherwise is not None
    translates = bool(translated) or listed_only

    def read(values: Mapping[str, Any]) -> Any:
        raw = values.get(column)
        if raw.__class__ is str:
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
            raise Bad(column, str(error)) from None
        if translates:
            untranslated(source, key)
        return value

    return read


def converter(kind: FieldType, clock: Clock, decimal: str | None) -> Callable[[Any], Value]:
    """What makes a value of a file one of that type, or raises ``RecordError``."""
    accept = kind.accept
    if kind.kind == "datetime":
        return clock.read
    if kind.kind == "str":
        free = not kind.choices

        def text(raw: Any) -> Value:
            if raw.__class__ is str and free and raw.isascii():
                found: Value = raw
                return found
            if isinstance(raw, int | date | Decimal) and not isinstance(raw, bool):
                raw = as_text(raw)
            return accept(raw)

        return text
    if kind.kind not in ("int", "float"):
        return accept
    whole = kind.kind == "int"

    def number(raw: Any) -> Value:
        if isinstance(raw, str):
            if decimal is not None:
                raw = raw.replace("." if decimal == "," else ",", "").replace(",", ".")
            if whole and (cut := _WHOLE.fullmatch(raw)):
                raw = cut[1]
        elif isinstance(raw, Decimal):
            raw = int(raw) if raw == raw.to_integral_value() else float(raw)
        return accept(raw)

    return number
