"""A mapping of files as records: where each value of an activity comes from.

:mod:`lifecycle_fsm.tables.mapping_toml` reads them from a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import attrs

_EXACT = 2.0**53  # floats beyond this do not tell neighbouring whole numbers apart
PEOPLE, ACTIVITIES = "people", "activities"
EPOCHS: Mapping[str, int] = {"epoch": 1_000_000, "epoch_ms": 1_000}

#: The names of columns in a text composed of them.
BRACES = re.compile(r"\{([^{}]*)\}")


def _own(value: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(value or {})


@attrs.frozen
class TimeNotation:
    """How times and numbers are written: the zone of naive times, a format, the decimal sign."""

    zone: str | None = None
    format: str | None = None
    decimal: str | None = None

    @property
    def names_zones(self) -> bool:
        """Whether each time states its own zone."""
        form = self.format or ""
        return form in EPOCHS or "%z" in form or "%Z" in form

    def over(self, other: TimeNotation) -> TimeNotation:
        """These settings, with the other ones where they are not set."""
        return TimeNotation(
            self.zone or other.zone, self.format or other.format, self.decimal or other.decimal
        )


@attrs.frozen
class ValueSource:
    """Where one value comes from: a column, a constant, or a text composed of columns.

    ``values`` translates the values of the column; a value without a translation becomes
    ``otherwise``, or stays as it is. ``if_empty`` is the value of an empty column.
    """

    where: str
    column: str | None = None
    const: Any = None
    text: str | None = None
    values: Mapping[str, Any] = attrs.field(factory=dict, converter=_own)
    otherwise: Any = None
    if_empty: Any = None
    times: TimeNotation = TimeNotation()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it reads."""
        if self.column is not None:
            return (self.column,)
        return tuple(BRACES.findall(self.text)) if self.text is not None else ()

    @property
    def first(self) -> str | None:
        """The first of these columns, which errors name; ``None`` for a constant."""
        return self.columns[0] if self.columns else None


@attrs.frozen
class RowCondition:
    """What must hold for one column if a row is to yield an activity."""

    where: str
    column: str
    present: bool = True
    among: tuple[str, ...] | None = None


@attrs.frozen
class Gives:
    """One activity that each row of a file yields."""

    where: str
    kind: ValueSource
    at: ValueSource
    id: ValueSource | None = None
    only_if: tuple[RowCondition, ...] = ()
    payload: Mapping[str, ValueSource] = attrs.field(factory=dict, converter=_own)
    payload_column: str | None = None
    sequence: ValueSource | None = None

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Each column that it reads, with the place in the mapping that names it."""
        sources = (self.kind, self.at, self.id, self.sequence, *self.payload.values())
        columns = [
            (source.where, column) for source in sources if source for column in source.columns
        ]
        columns += [(condition.where, condition.column) for condition in self.only_if]
        if self.payload_column is not None:
            columns.append((f"{self.where}.payload_column", self.payload_column))
        return tuple(columns)


@attrs.frozen
class FileMapping:
    """How the rows of one file become activities of a person."""

    role: str
    person: ValueSource
    gives: tuple[Gives, ...]
    encoding: str = "utf-8"
    delimiter: str | None = None
    empty: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Each column that is read, with the place in the mapping that names it."""
        own = [(self.person.where, column) for column in self.person.columns]
        return (*own, *(column for gives in self.gives for column in gives.columns))


@attrs.frozen
class InputMapping:
    """A whole mapping: one :class:`FileMapping` for each role, ``people`` and any others."""

    name: str
    files: Mapping[str, FileMapping]
    times: TimeNotation = TimeNotation()


def as_text(value: object) -> str:
    """A value of a file as the text that a mapping compares: ``true``, ``65``, ``2024-05-01``.

    A whole number has the same text in a column of integers and in one of floats: a column of
    numbers becomes one of floats as soon as one of its cells is empty.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value).strip()
