"""The schema of a store: makes it, brings it up to date, and knows which release it is of.

Every revision is a file in ``migrations/versions``. Alembic applies them, without a configuration
of its own: a store brings its schema along.
"""

from __future__ import annotations

import sqlite3
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Text, column, func, inspect, select, table
from sqlalchemy import Engine as Database
from sqlalchemy.exc import OperationalError, ProgrammingError

from lifecycle_fsm.errors import StoreError
from lifecycle_fsm.store.database_faults import (
    database_file,
    place,
    require_supported,
    store_errors,
)
from lifecycle_fsm.store.tables import METADATA

#: The revisions in ``migrations/versions``, the first one first.
REVISIONS = ("0001",)
#: The table that has the revision of a store. A program beside it may have Alembic's own.
REVISION_TABLE = "lifecycle_schema"
_REVISION = select(column("version_num", Text)).select_from(table(REVISION_TABLE))
#: The number of the lock in PostgreSQL behind which a schema is changed; any other would do.
LOCK = int.from_bytes(b"lcfsm")
#: Alembic keeps the migration that runs in a global of its own.
_ALEMBIC = Lock()


def upgrade(database: Database) -> None:
    """Make the schema in an empty database, or bring that of an earlier release up to date.

    It is one transaction, behind a lock: whoever opens the same store meanwhile waits, and where
    it is interrupted the schema is as before.

    Raises:
        StoreError: the database cannot be used, is of a newer release, or has other tables.
    """
    require_supported(f"{database.dialect.name}+{database.dialect.driver}")
    with store_errors(database):
        if _is_current(database):
            return
        writer = database
        if database.dialect.name == "postgresql":
            # Whoever waited for the lock has to see what was done behind it.
            writer = database.execution_options(isolation_level="READ COMMITTED")
        with writer.begin() as connection:
            _lock(connection)
            if _revision(database, connection) != REVISIONS[-1]:
                _migrate(connection)


def check(database: Database) -> None:
    """Look whether the schema is that of this release, and change nothing.

    Raises:
        StoreError: it is not, or the database cannot be used.
    """
    if require_store(database) != REVISIONS[-1]:
        raise StoreError(
            f"{place(database)} was made by an earlier release: a Store that is opened, or a "
            "command that writes such as `lifecycle-fsm tick`, brings it up to date"
        )


def require_store(database: Database) -> str:
    """The revision of the schema that a database has; nothing is changed.

    Raises:
        StoreError: it has none, it has other tables, or the database cannot be used.
    """
    require_supported(f"{database.dialect.name}+{database.dialect.driver}")
    file = database_file(database)
    revision = None
    if file is None or file.exists():  # to connect would make the file
        with store_errors(database):
            if _is_current(database):
                return REVISIONS[-1]
            with database.connect() as connection:
                revision = _revision(database, connection)
    if revision is None:
        raise StoreError(
            f"{place(database)} has no store yet: check the name; `lifecycle-fsm ingest` makes a "
            "new store, and so does a program that opens a Store"
        )
    return revision


def _is_current(database: Database) -> bool:
    """One query that nearly every opening ends with."""
    with database.connect() as connection:
        try:
            return connection.scalar(_REVISION) == REVISIONS[-1]
        except (OperationalError, ProgrammingError) as error:
            missing = (
                getattr(error.orig, "sqlstate", None) == "42P01"
                or getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
            )
            if not missing:
                raise
            return False


def _lock(connection: Connection) -> None:
    """Let only this transaction change the schema."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
        return
    driver: Any = connection.connection.dbapi_connection
    if not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _revision(database: Database, connection: Connection) -> str | None:
    """The revision of a store, or nothing where there is none yet.

    Raises:
        StoreError: this release does not know it, or there is something else.
    """
    inspector = inspect(connection)
    if inspector.has_table(REVISION_TABLE):
        revision: str | None = connection.scalar(_REVISION)
        if revision is not None and revision not in REVISIONS:
            raise StoreError(
                f"{place(database)} was made by a newer release: upgrade lifecycle-fsm"
            )
        return revision
    if others := sorted(set(inspector.get_table_names()) & set(METADATA.tables)):
        raise StoreError(
            f"{place(database)} has tables that are no store's but are called like them "
            f"({', '.join(others)}): give the store a database of its own"
        )
    return None


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "lifecycle_fsm.store:migrations")
    with _ALEMBIC:
        command.upgrade(config, "head")
