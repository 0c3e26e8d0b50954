"""All that a store keeps of one person, as a whole: locked, read, and written anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import attrs
from sqlalchemy import Connection, delete, insert, select, update

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.store.database import Session
from lifecycle_fsm.store.store import Store
from lifecycle_fsm.store.tables import ACTIVITY, ALIAS, DEADLINE, HISTORY, PERSON, plain
from lifecycle_fsm.store.unit_of_work import MorePeople, UnitOfWork

T = TypeVar("T")
State: TypeAlias = Mapping[str, Any]


def records_of(state: State) -> list[str]:
    """The ids of all records of a person, the survivor's first."""
    return [state["id"], *(record["id"] for record in state.get("folded", ()))]


def names_of(state: State) -> list[str]:
    """The ids of all records and contacts of a person."""
    return [*records_of(state), *state.get("aliases", ())]


def with_locked(store: Store, names: Iterable[str], work: Callable[[Connection], T]) -> T:
    """Do some work in one transaction, with everybody locked whom the names lead to."""
    wanted = {*names}
    while True:
        try:
            with store.database.writing() as connection:
                session = Session(connection.connection.driver_connection)
                UnitOfWork(store.engine, store.database, session).lock(names=wanted)
                return work(connection)
        except MorePeople as more:
            wanted |= more.names
            mention(store, more.names)


def mention(store: Store, names: Iterable[str]) -> None:
    """Let there be rows of these names, to be locked."""
    rows = [{"id": name} for name in sorted(names)]
    store.database.run(lambda session: session.write(store.database.sql.mention, rows))


def state_of(connection: Connection, id: str) -> State | None:
    """The saved state of whom a record or a contact belongs to; nothing of somebody whom nobody has
    created."""
    record = connection.scalar(select(ALIAS.c.person).where(ALIAS.c.id == id)) or id
    survivor = select(PERSON.c.survivor).where(PERSON.c.id == record)
    record = connection.scalar(survivor) or record
    state: State | None = connection.scalar(select(PERSON.c.state).where(PERSON.c.id == record))
    return state


def log_of(connection: Connection, names: Iterable[str]) -> list[tuple[int, Activity]]:
    """The activities that were applied to these records and contacts, each with its place."""
    rows = connection.execute(
        select(ACTIVITY.c.place, ACTIVITY.c.activity)
        .where(ACTIVITY.c.person.in_([*names]), ACTIVITY.c.status == "applied")
        .order_by(ACTIVITY.c.place)
    )
    return [(place, Activity.load(saved)) for place, saved in rows]


def write_people(
    connection: Connection, before: State, lifecycle: Lifecycle, carried: Mapping[str, State]
) -> None:
    """Write the people of a Lifecycle in place of the one person whose records they were.

    Args:
        connection: a transaction that has locked all of these records.
        before: the state that is replaced.
        lifecycle: has these records and no others, with their history.
        carried: what is put over the state of somebody, by id.
    """
    records = records_of(before)
    for table in (HISTORY, DEADLINE):
        connection.execute(delete(table).where(table.c.person.in_(records)))
    _insert(connection, HISTORY, map(_history_row, lifecycle.history))
    _insert(connection, DEADLINE, (attrs.asdict(fact) for fact in lifecycle.deadlines))
    connection.execute(delete(ALIAS).where(ALIAS.c.person.in_(records)))
    for person in lifecycle:
        state = {**lifecycle.dump(person.id), **carried.get(person.id, {})}
        saved = {
            "stage": person.stage,
            "due_at": person.next_due,
            "parked": "parked" in state,
            "state": state,
            "survivor": None,
        }
        _save(connection, person.id, saved)
        nothing = {**dict.fromkeys(saved), "parked": False, "survivor": person.id}
        for record in records_of(state)[1:]:
            _save(connection, record, nothing)
        aliases = state.get("aliases", {}).items()
        _insert(connection, ALIAS, ({"id": name, "person": record} for name, record in aliases))


def _save(connection: Connection, id: str, values: Mapping[str, Any]) -> None:
    changed = update(PERSON).where(PERSON.c.id == id)
    connection.execute(changed.values(**values, revision=PERSON.c.revision + 1))


def _insert(connection: Connection, table: Any, rows: Iterable[Mapping[str, Any]]) -> None:
    values = [*rows]
    if values:
        connection.execute(insert(table), values)


def _history_row(row: HistoryRow) -> dict[str, Any]:
    values = attrs.asdict(row, recurse=False)
    return {**values, "kept": [*plain(dict(row.kept)).items()], "passed_over": [*row.passed_over]}


def sorted_rows(rows: Iterable[HistoryRow]) -> list[HistoryRow]:
    """Rows by person and sequence."""
    return sorted(rows, key=lambda row: (row.person, row.sequence))


def sorted_facts(facts: Iterable[DeadlineFact]) -> list[DeadlineFact]:
    """Facts about deadlines, always in the same order."""
    return sorted(facts, key=lambda fact: (fact.person, fact.due_at, fact.rule, fact.entered_at))
