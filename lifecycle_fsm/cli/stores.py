"""Stores that a command line names: to write to them, or to look at one moment of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from lifecycle_fsm.cli.arguments import read_length
from lifecycle_fsm.cli.options import STORE_VARIABLE
from lifecycle_fsm.errors import LifecycleError, UnknownPerson
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model
from lifecycle_fsm.people_search import nearest

if TYPE_CHECKING:  # SQLAlchemy takes longer to load than most commands to run
    from lifecycle_fsm.cli.activity_log import KnownRecord
    from lifecycle_fsm.store import Store
    from lifecycle_fsm.store.database import Database
    from lifecycle_fsm.store.snapshot import Snapshot


def open_store(
    address: str, model: Model, keep_decisions: str | None = None, *, make: bool = False
) -> Store:
    """The store at an address, to be closed in the end.

    Args:
        address: a file of SQLite, or the address of a database.
        model: what its people follow.
        keep_decisions: what ``--keep-decisions`` says.
        make: whether to make a store where there is none.

    Raises:
        LifecycleError: there is none and none is to be made, it cannot be used, or its people
            follow another version of the model.
    """
    from lifecycle_fsm.orchestrator import Engine
    from lifecycle_fsm.store import Store
    from lifecycle_fsm.store.database import Database

    keep = read_length("--keep-decisions", keep_decisions, such="90d, 12h or 2w")
    database = Database(_whole(address), make=make)
    try:
        return Store(Engine(model), database, keep_decisions=keep)
    except BaseException:
        database.close()
        raise


def open_database(address: str) -> AbstractContextManager[Database]:
    """The database of a store, whatever model its people follow; made if there is none.

    Raises:
        LifecycleError: it cannot be used.
    """
    from lifecycle_fsm.store.database import Database

    return closing(Database(_whole(address)))


@contextmanager
def existing_database(address: str) -> Iterator[Database]:
    """The database of the store at an address, whatever model its people follow.

    Raises:
        LifecycleError: there is none, or it cannot be used.
    """
    from lifecycle_fsm.store.database import Database

    with closing(Database(_whole(address), make=False)) as database:
        yield database


def require_people(address: str, names: Iterable[str] = ()) -> None:
    """See that there is a store, and that something in it is about each of these ids.

    Raises:
        UnknownPerson: nothing is; the message names who is called similarly.
        LifecycleError: there is no store, or it cannot be used.
    """
    with open_snapshot(address) as moment:
        for name in names:
            if not moment.knows(name):
                raise unknown_person(name, moment, known_records(moment))


def known_records(moment: Snapshot) -> list[KnownRecord]:
    """Every record of everybody who has been created."""
    from lifecycle_fsm.cli.activity_log import NAMES, KnownRecord

    return [
        KnownRecord(record["id"], **{name: record["fields"].get(name) for name in NAMES})
        for state in moment.states()
        for record in (state, *state.get("folded", ()))
    ]


def unknown_person(text: str, moment: Snapshot, records: Iterable[KnownRecord]) -> UnknownPerson:
    """The error for a text that names nobody, with those of the records that are called so."""
    return UnknownPerson(f"nothing in {moment.place} is about {text!r}{nearest(text, records)}")


def open_snapshot(address: str) -> AbstractContextManager[Snapshot]:
    """What the store at an address knows now, only to be read.

    Raises:
        LifecycleError: there is none, or it cannot be used.
    """
    from lifecycle_fsm.store.snapshot import snapshot

    return snapshot(_whole(address))


def store_or_file(store: str | None, file: str | None, needed: str = "") -> str | None:
    """The address of the store that is to be read, or ``None`` where the file is.

    Args:
        store: what ``--store`` says.
        file: the file that was given instead.
        needed: the file's name in messages, where one of both has to be given: then the
            environment may name the store.

    Raises:
        LifecycleError: both are given, or neither, and one has to be.
    """
    if store is not None and file is not None:
        raise LifecycleError(f"--store or {file}: give one of them to read")
    if store is None and file is None and needed:
        store = os.environ.get(STORE_VARIABLE)
        if not store:
            raise LifecycleError(f"nothing to read: say {needed}, or --store ADDRESS")
    return store


def watched_in(moment: Snapshot, rows: Iterable[HistoryRow]) -> datetime | None:
    """Up to when the people of a store were watched: the last tick, or the last row if that is
    later; ``None`` if there was no tick."""
    ticked = moment.ticked_until()
    return None if ticked is None else max([ticked, *(row.now for row in rows)])


def place_of(database: Database) -> str:
    """The file of a database, or its address without the password, for messages."""
    from lifecycle_fsm.store.database_faults import place

    return place(database.engine)


def _whole(address: str) -> str:
    """The address as SQLAlchemy reads it.

    Raises:
        LifecycleError: it is a database in memory, which would be gone when the command ends.
    """
    address = address if "://" in address else f"sqlite:///{address}"
    dialect, _, database = address.partition("://")
    if dialect.startswith("sqlite") and database in ("", "/", "/:memory:"):
        raise LifecycleError(
            "--store names no database that stays when the command ends: give a file, such as "
            "lifecycle.db, or the address of a server"
        )
    return address
