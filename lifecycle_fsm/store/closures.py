"""Everything that a store keeps of one person: lock it, or rewrite it."""

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
    """Do some work in one transaction with the person locked.

    Args:
        database: the store's database.
        name: the id of any record or contact of the person.
        work: called with the connection.
    """
    while True:
        with database.writing() as connection:
            # Makes a row to lock, even if no person has this id yet.
            session_of(connection).write(database.sql.mention, [{"id": name}])
            names = Snapshot(connection).group(name)
            records = select(PERSON.c.id).where(PERSON.c.id.in_(names)).order_by(PERSON.c.id)
            connection.execute(records.with_for_update()).all()
            if Snapshot(connection).group(name) == names:  # no merge in the meantime
                return work(connection)
            connection.rollback()


def session_of(connection: Connection) -> Session:
    """The transaction of a connection, for statements that go straight to the driver."""
    return Session(connection.connection.driver_connection)


def write_anew(
    store: Store,
    connection: Connection,
    before: State,
    lifecycle: Lifecycle,
    log: Iterable[Activity] = (),
) -> None:
    """Replace one person in the store with the people of a Lifecycle, which have the same records.

    Args:
        store: the store.
        connection: in a transaction that has locked the person.
        before: the state to replace. Its skipped processing steps are carried over, because no log
            has them.
        lifecycle: holds exactly these records, with their history.
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
