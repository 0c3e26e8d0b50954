"""Stores that a command line names: to write to them, or to look at one moment of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING

from lifecycle_fsm.cli.options import STORE_VARIABLE
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model

if TYPE_CHECKING:  # SQLAlchemy takes longer to load than most commands to run
    from lifecycle_fsm.store import Store
    from lifecycle_fsm.store.snapshot import Snapshot


def open_store(address: str, model: Model) -> Store:
    """The store at an address, made if there is none, to be closed in the end.

    Raises:
        LifecycleError: it cannot be used, or its people follow another version of the model.
    """
    from lifecycle_fsm.orchestrator import Engine
    from lifecycle_fsm.store import Store

    return Store(Engine(model), _whole(address))


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


def place_of(store: Store) -> str:
    """The file of a store, or its address without the password, for messages."""
    from lifecycle_fsm.store.database_faults import place

    return place(store.database.engine)


def _whole(address: str) -> str:
    return address if "://" in address else f"sqlite:///{address}"
