"""The schema of a store: creates it, upgrades it, and tells which release it belongs to.

Every revision is a file in ``migrations/versions``. Alembic applies them and needs no configuration
of its own.
"""

from __future__ import annotations

import sqlite3
from threading import Lock
from typing import Any

import sqlalchemy as sa
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
#: The table with the revision of a store. Alembic's default table is left to other programs.
REVISION_TABLE = "lifecycle_schema"
_REVISION = sa.select(sa.column("version_num", sa.Text)).select_from(sa.table(REVISION_TABLE))
#: The number of PostgreSQL's advisory lock for schema changes, chosen freely.
LOCK = int.from_bytes(b"lcfsm")
#: Alembic keeps the running migration in a global variable.
_ALEMBIC = Lock()


def upgrade(database: sa.Engine) -> bool:
    """Create the schema in an empty database, or upgrade that of an earlier release.

    This is one transaction behind a lock: other processes that open the store wait, and an
    interrupted upgrade leaves the schema unchanged.

    Returns:
        whether there was no store before.

    Raises:
        StoreError: the database cannot be used, is of a newer release, or has other tables.
    """
    require_supported(f"{database.dialect.name}+{database.dialect.driver}")
    with store_errors(database):
        if _is_current(database):
            return False
        writer = database
        if database.dialect.name == "postgresql":
            # After waiting for the lock, it must see what the other process committed.
            writer = database.execution_options(isolation_level="READ COMMITTED")
        with writer.begin() as connection:
            _lock(connection)
            before = _revision(database, connection)
            if before != REVISIONS[-1]:
                _migrate(connection)
            return before is None


def remove(database: sa.Engine) -> None:
    """Remove the tables of a store; a SQLite file without other tables is deleted."""
    with store_errors(database):
        with database.begin() as connection:
            METADATA.drop_all(connection)
            connection.exec_driver_sql(f"DROP TABLE {REVISION_TABLE}")
            is_empty = not sa.inspect(connection).get_table_names()
        database.dispose()
        file = database_file(database)
        if file is not None and is_empty:
            file.unlink()


def check(database: sa.Engine) -> None:
    """Check that the schema is that of this release, and change nothing.

    Raises:
        StoreError: it is not, or the database cannot be used.
    """
    if require_store(database) != REVISIONS[-1]:
        raise StoreError(
            f"{place(database)} was made by an earlier release: a Store that is opened, or a "
            "command that writes such as `lifecycle-fsm tick`, brings it up to date"
        )


def require_store(database: sa.Engine) -> str:
    """Read the revision of the schema in a database.

    Raises:
        StoreError: there is no store, the tables are others, or the database cannot be used.
    """
    require_supported(f"{database.dialect.name}+{database.dialect.driver}")
    file = database_file(database)
    revision = None
    if file is None or file.exists():  # connecting would create the file
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


def _is_current(database: sa.Engine) -> bool:
    """Check the revision with one query, which is enough nearly every time a store is opened."""
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


def _lock(connection: sa.Connection) -> None:
    """Let only this transaction change the schema."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))
        return
    driver: Any = connection.connection.dbapi_connection
    if not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _revision(database: sa.Engine, connection: sa.Connection) -> str | None:
    """The revision of a store, or ``None`` if there is no store yet.

    Raises:
        StoreError: this release does not know the revision, or the database has other tables.
    """
    inspector = sa.inspect(connection)
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


def _migrate(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "lifecycle_fsm.store:migrations")
    with _ALEMBIC:
        command.upgrade(config, "head")
