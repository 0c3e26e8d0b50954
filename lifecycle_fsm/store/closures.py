"""All that a store keeps of one person, as a whole: locked, read, and written anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import attrs
from sqlalchemy import Connection, delete, insert, update

from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.store.database import Session
from lifecycle_fsm.store.snapshot import records_of
from lifecycle_fsm.store.store import Store
from lifecycle_fsm.store.tables import ALIAS, DEADLINE, HISTORY, PERSON, plain
from lifecycle_fsm.store.unit_of_work import with_locked

T = TypeVar("T")
State: TypeAlias = Mapping[str, Any]


def locked_people(store: Store, names: Iterable[str], work: Callable[[Connection], T]) -> T:
    """Do some work in one transaction of SQLAlchemy, with everybody locked whom the names lead
    to."""
    connections: list[Connection] = []

    def run(locked: Callable[[Session], T]) -> T:
        with store.database.writing() as connection:
            connections.append(connection)
            return locked(Session(connection.connection.driver_connection))

    return with_locked(
        store.engine, store.database, lambda unit: work(connections[-1]), names=names, run=run
    )


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
