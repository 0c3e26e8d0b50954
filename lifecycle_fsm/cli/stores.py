"""Stores that a command line names: to write to them, or to look at one moment of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from lifecycle_fsm.cli.options import STORE_VARIABLE
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.model import Model

if TYPE_CHECKING:  # SQLAlchemy takes longer to load than most commands to run
    from sqlalchemy import URL

    from lifecycle_fsm.store import Store
    from lifecycle_fsm.store.database import Database
    from lifecycle_fsm.store.snapshot import Snapshot


@contextmanager
def open_store(address: str, model: Model) -> Iterator[Store]:
    """The store at an address, made if there is none.

    Raises:
        LifecycleError: it cannot be used, or its people follow another version of the model.
    """
    from lifecycle_fsm.orchestrator import Engine
    from lifecycle_fsm.store import Store
    from lifecycle_fsm.store.database_faults import store_errors
    from lifecycle_fsm.store.schema import upgrade

    engine = Engine(model)
    with closing(_database(address)) as database, store_errors(database.engine):
        upgrade(database.engine)
        yield Store(engine, database)


@contextmanager
def open_snapshot(address: str) -> Iterator[Snapshot]:
    """What the store at an address knows now, only to be read.

    Raises:
        LifecycleError: there is none, or it cannot be used.
    """
    from lifecycle_fsm.store.database_faults import store_errors
    from lifecycle_fsm.store.schema import check
    from lifecycle_fsm.store.snapshot import snapshot

    with closing(_database(address)) as database, store_errors(database.engine):
        check(database.engine)
        with snapshot(database) as moment:
            yield moment


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


def address_shown(address: str) -> str:
    """An address without its password, for messages."""
    return _url(address).render_as_string() if "://" in address else address


def _database(address: str) -> Database:
    from lifecycle_fsm.store.database import Database  # first: it says which extra is missing

    from sqlalchemy import create_engine  # isort: skip

    return Database(create_engine(_url(address)))


def _url(address: str) -> URL:
    from lifecycle_fsm.store.database_faults import database_url  # first: it names the extra

    from sqlalchemy import URL  # isort: skip

    if "://" not in address:
        return URL.create("sqlite", database=address)
    return database_url(address)
