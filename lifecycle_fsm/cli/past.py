"""What `funnel` and `report` measure: the tables of a run, or what a store holds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import attrs

from lifecycle_fsm.cli.arguments import load_model
from lifecycle_fsm.cli.earlier_run import (
    MEASURE,
    beside,
    check_fits,
    read_with_model,
    watched_until,
)
from lifecycle_fsm.cli.stores import open_snapshot, watched_in
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import CONTACT_FIELDS, Measure
from lifecycle_fsm.history import DeadlineFact, HistoryInMemory, StoredHistory
from lifecycle_fsm.model import Model
from lifecycle_fsm.tables import (
    OpportunityRow,
    open_deadlines,
    opportunity_rows,
    read_opportunities,
)
from lifecycle_fsm.tables.spooled_rows import is_large

#: Lists of people, who are more than their ids.
_LISTS = frozenset({"ready", "overdue", "stuck"})


@attrs.frozen
class Past:
    """What there is to measure; ``until`` is up to when people were watched, if that is known."""

    model: Model
    history: StoredHistory
    deadlines: Iterable[DeadlineFact] | None
    people: Iterable[object]
    opportunities: Sequence[OpportunityRow] | None = None
    until: datetime | None = None


def past_of(
    address: str | None,
    history: str,
    model: str | None,
    people: str | None,
    deadlines: str | None,
    opportunities: str | None,
    measures: Collection[Measure] | None,
) -> Past:
    """What there is in a store, or else in files.

    Args:
        address: the store.
        history: the history, if there is no store; the other tables are beside it by default.
        model: the model that wrote them; by default that of the store, or a shipped one that fits.
        people: the table of people.
        deadlines: the table of outcomes of deadlines.
        opportunities: the table of opportunities.
        measures: people are read if one of them lists people, and opportunities for ``money``;
            ``None`` for all.

    Raises:
        LifecycleError: the tables cannot be read, or do not belong to a store.
    """
    if address is not None:
        if people is None and deadlines is None and opportunities is None:
            return _of_store(address, model)
        raise LifecycleError(
            "--people, --deadlines and --opportunities belong to a history of files, not to --store"
        )
    rows, lifecycle = read_with_model(history, model)
    deadlines = deadlines or beside(history, "deadlines")
    opportunities = opportunities or beside(history, "opportunities")
    if measures is not None and "money" not in measures:
        opportunities = None
    return Past(
        lifecycle,
        rows,
        None if deadlines is None else open_deadlines(deadlines),
        _people(people or beside(history, "people"), lifecycle, measures),
        None if opportunities is None else [*read_opportunities(opportunities, lifecycle)],
        watched_until(history),
    )


def _of_store(address: str, name: str | None) -> Past:
    from lifecycle_fsm.sheet import people_of

    with open_snapshot(address) as moment:
        model = load_model(name) if name is not None else moment.model()
        if model is None:
            raise LifecycleError(f"{moment.place} has no text of its model: say --model")
        rows = moment.history(model.field_types)
        history = HistoryInMemory(rows)
        check_fits(history, model, moment.place, MEASURE)
        people = [*people_of(moment.states(), model)]
        return Past(
            model, history, moment.deadlines(), people, [*opportunity_rows(people, model)],
            watched_in(moment, rows),
        )  # fmt: skip


def _people(
    path: str | None, model: Model, measures: Collection[Measure] | None
) -> Iterable[object]:
    """The people of the table, if any of the measures lists people."""
    if path is None or not (measures is None or _LISTS.intersection(measures)):
        return ()
    from lifecycle_fsm.sheet import PeopleTable, read_people

    if path.lower().endswith(".parquet") or is_large(path):
        return PeopleTable(path, model, CONTACT_FIELDS)
    return read_people(path, model, only=CONTACT_FIELDS)
