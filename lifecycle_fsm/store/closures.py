"""All that a store keeps of one person, as a whole: locked, and written anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection, delete, select, update

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.store.database import Database, Session
from lifecycle_fsm.store.snapshot import Snapshot, records_of
from lifecycle_fsm.store.store import Store
from lifecycle_fsm.store.tables import ALIAS, DEADLINE, HISTORY, PERSON
from lifecycle_fsm.store.unit_of_work import UnitOfWork

T = TypeVar("T")
State: TypeAlias = Mapping[str, Any]


def locked_person(database: Database, name: str, work: Callable[[Connection], T]) -> T:
    """Do some work in one transaction, while nobody else changes the person.

    Args:
        database: of the store.
        name: of any record or contact of the person.
        work: is given the connection.
    """
    while True:
        with database.writing() as connection:
            # So that there is a row to lock, also before anybody has come by this name.
            session_of(connection).write(database.sql.mention, [{"id": name}])
            names = Snapshot(connection).group(name)
            records = select(PERSON.c.id).where(PERSON.c.id.in_(names)).order_by(PERSON.c.id)
            connection.execute(records.with_for_update()).all()
            if Snapshot(connection).group(name) == names:  # nobody was merged meanwhile
                return work(connection)
            connection.rollback()


def session_of(connection: Connection) -> Session:
    """The transaction of a connection, for what goes to the driver itself."""
    return Session(connection.connection.driver_connection)


def write_anew(
    store: Store,
    connection: Connection,
    before: State,
    lifecycle: Lifecycle,
    log: Iterable[Activity] = (),
) -> None:
    """Write the people of a Lifecycle in place of the one person whose records they were.

    Args:
        store: the store.
        connection: a transaction that has locked the person.
        before: the state that is replaced. What processing went without is taken over, because no
            log tells it.
        lifecycle: has these records and no others, with their history.
        log: activities that the store does not have yet.
    """
    records = records_of(before)
    for table in (HISTORY, DEADLINE, ALIAS):
        connection.execute(delete(table).where(table.c.person.in_(records)))
    unit = UnitOfWork(store.engine, store.database, session_of(connection))
    unit.add(lifecycle, log)
    name = before["id"]
    if "skipped" in before and name not in lifecycle.merged:
        state = {**lifecycle.dump(name), "skipped": before["skipped"]}
        connection.execute(update(PERSON).where(PERSON.c.id == name).values(state=state))
