"""The table of opportunities: one row for each person who is a contact of one, with its value.

An opportunity that several people share has a row for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from operator import methodcaller
from pathlib import Path
from typing import Any

import attrs

from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.currency import reported
from lifecycle_fsm.person import Opportunity
from lifecycle_fsm.rows.row_file import Format
from lifecycle_fsm.tables.history_tables import accepted, open_run_table
from lifecycle_fsm.tables.output_tables import Column


@attrs.frozen(kw_only=True)
class OpportunityRow:
    """An opportunity and one of its contacts, at the end of a run.

    Args:
        id: the id of the opportunity.
        person: the id of the contact.
        status: ``open``, ``won`` or ``lost``, as this contact's activities say.
        amount: the amount in ``currency``.
        currency: an ISO 4217 code; where no activity named one, that of the model.
        reported_amount: the amount in the reporting currency; ``None`` without a rate. Without
            ``[money]`` in the model, the amount if no activity named a currency.
        opened_at, closes_at, closed_at: see :class:`.Opportunity`.
        stage, owner, assigned_to, source: the values of the contact.
        kept: the model's dimensions, and their values for the contact.
    """

    id: str
    person: str
    status: str
    amount: float | None = None
    currency: str | None = None
    reported_amount: float | None = None
    opened_at: datetime | None = None
    closes_at: datetime | None = None
    closed_at: datetime | None = None
    stage: str
    owner: str | None = None
    assigned_to: str | None = None
    source: str | None = None
    kept: Mapping[str, Value] = attrs.field(factory=dict)

    def value(self, name: str) -> Value:
        """The value of a dimension, or of the contact's owner, assignee or source."""
        return self.kept[name] if name in self.kept else getattr(self, name)

    @property
    def deal(self) -> Opportunity:
        """The opportunity as this contact's activities tell it."""
        return Opportunity(
            self.status, self.amount, self.closes_at, self.currency, self.opened_at, self.closed_at
        )


_TEXT, _NAME = FieldType("str", nullable=True), FieldType("str")
_NUMBER, _TIME = FieldType("float", nullable=True), FieldType("datetime", nullable=True)
_TYPES: Mapping[str, FieldType] = {
    "id": _NAME,
    "person": _NAME,
    "status": FieldType("str", choices=("open", "won", "lost")),
    "amount": _NUMBER,
    "currency": _TEXT,
    "reported_amount": _NUMBER,
    "opened_at": _TIME,
    "closes_at": _TIME,
    "closed_at": _TIME,
    "stage": _NAME,
    "owner": _TEXT,
    "assigned_to": _TEXT,
    "source": _TEXT,
}


def opportunity_columns(dimensions: Mapping[str, FieldType]) -> tuple[Column[OpportunityRow], ...]:
    """The columns of the table of opportunities, followed by those of the model's dimensions; one
    that is called like another column has ``person_`` before its name."""
    own = (Column[OpportunityRow](name, kind.kind, name) for name, kind in _TYPES.items())
    more = (
        Column[OpportunityRow](_column(name), kind.kind, methodcaller("value", name))
        for name, kind in dimensions.items()
    )
    return (*own, *more)


def _column(dimension: str) -> str:
    return f"person_{dimension}" if dimension in _TYPES else dimension


def opportunity_rows(people: Iterable[Any], model: Model) -> Iterator[OpportunityRow]:
    """The opportunities of people, those of each person by id.

    Args:
        people: the persons, with their ``opportunities``.
        model: their lifecycle.
    """
    reporting = None if model.money is None else model.money.currency
    for person in people:
        for name, deal in sorted(person.opportunities.items()):
            yield OpportunityRow(
                id=name,
                person=person.id,
                status=deal.status,
                amount=deal.amount,
                currency=deal.currency or reporting,
                reported_amount=reported(deal.amount, deal.currency, model.money),
                opened_at=deal.opened_at,
                closes_at=deal.closes_at,
                closed_at=deal.closed_at,
                stage=person.stage,
                owner=person.owner,
                assigned_to=person.assigned_to,
                source=person.source,
                kept={kept: getattr(person, kept) for kept in model.dimensions},
            )


def read_opportunities(
    path: str | Path, model: Model, format: Format | None = None
) -> Iterator[OpportunityRow]:
    """Read back a table of opportunities, row by row, from Parquet, CSV or JSON lines.

    Raises:
        FileProblem: the file cannot be read, lacks a column, or has a row that is no opportunity.
    """
    with open_run_table(path, format, _TYPES, "table of opportunities") as table:
        columns = table.columns
        dimensions = {
            name: attrs.evolve(model.field_types[name], nullable=True)
            for name in model.dimensions
            if columns is None or _column(name) in columns
        }
        for row in table.all_rows():
            where = f"{table.name}, line {row.line}"
            yield OpportunityRow(
                **{
                    name: accepted(where, name, kind, row.values.get(name))
                    for name, kind in _TYPES.items()
                },
                kept={
                    name: accepted(where, _column(name), kind, row.values.get(_column(name)))
                    for name, kind in dimensions.items()
                },
            )
