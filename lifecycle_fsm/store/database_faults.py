"""Database errors as messages that say what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy import Engine as Database
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from lifecycle_fsm.errors import MissingExtra, StoreError

_ADDRESSES = "sqlite:///people.db or postgresql://user:password@host/name"
_DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg")
_AGAIN = "others had to finish first, and took too long: try it again"
#: By the primary result code of SQLite.
_SQLITE = {
    sqlite3.SQLITE_BUSY: f"is locked; {_AGAIN}",
    sqlite3.SQLITE_NOTADB: "is no SQLite database: name another file, or move this one away",
    sqlite3.SQLITE_CORRUPT: "is damaged: put a backup in its place",
    sqlite3.SQLITE_READONLY: "cannot be written: let this program write to the file and its folder",
    sqlite3.SQLITE_FULL: "has no room left: free some of its disk, and try it again",
    sqlite3.SQLITE_IOERR: "cannot be read or written: look whether its disk is sound and there",
}
#: By the beginning of SQLSTATE.
_POSTGRESQL = {
    "55P03": f"is locked; {_AGAIN}",
    "57014": f"has stopped a statement; {_AGAIN}",
    "57P": "has broken the connection off: try it again when its server runs",
    "40": "has had others change the same rows at the same moment: try it again",
    "42501": (
        "does not allow this to the user of the address: grant that user USAGE and CREATE on the "
        "schema, and all on its tables"
    ),
    "25006": "is only for reading: give the address of the server that others are copied from",
    "53": "has too little room, memory or connections left: give it more, and try it again",
}


def database_url(address: str) -> URL:
    """The SQLAlchemy URL for an address, including the driver.

    Raises:
        StoreError: it cannot be parsed, or is for neither SQLite nor PostgreSQL.
    """
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):  # neither is shown: it may contain a password
        raise StoreError(
            f"the address of a store cannot be read: write it as {_ADDRESSES}"
        ) from None
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    require_supported(url.drivername)
    return url


def require_supported(driver: str) -> None:
    """Raise unless a store supports this driver, such as ``postgresql+psycopg``.

    Raises:
        StoreError: the driver is not supported.
    """
    if driver not in _DRIVERS:
        raise StoreError(
            f"a store cannot be kept with {driver!r}: give an address like {_ADDRESSES}"
        )


def place(database: Database) -> str:
    """The name of a database in messages: its file, or its address without the password."""
    if database.dialect.name == "sqlite":
        return database.url.database or "the database in memory"
    return database.url.render_as_string(hide_password=True)


def database_file(database: Database) -> Path | None:
    """The file of an SQLite database; ``None`` if it is in memory or given by an SQLite URI."""
    name = database.url.database or ""
    if database.dialect.name != "sqlite" or name in ("", ":memory:") or name.startswith("file:"):
        return None
    return Path(name)


@contextmanager
def store_errors(database: Database) -> Iterator[None]:
    """Turn an error of the database's operation into one with a readable message.

    Both SQLAlchemy and the driver itself may raise such errors. Errors of the statements, such as
    a duplicate key, pass unchanged.

    Raises:
        StoreError: the database cannot be reached, opened, read or written, or is locked.
        MissingExtra: the driver of PostgreSQL is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        raise MissingExtra("sql", "psycopg", "a store in PostgreSQL") from None
    except Exception as error:
        sentence = _sentence(database, error.orig if isinstance(error, DBAPIError) else error)
        if not sentence:
            raise
        raise StoreError(f"{place(database)} {sentence}") from error


def _sentence(database: Database, error: BaseException | None) -> str:
    if isinstance(error, NoConnectionFree):
        return (
            "has had no connection free for too long: try it again, or give the store an engine "
            "with a larger pool_size"
        )
    driver = database.dialect.loaded_dbapi
    if not isinstance(error, driver.Error):
        return ""
    if database.dialect.name == "sqlite":
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_CANTOPEN:
            return _why_not_opened(database)
        return _SQLITE.get(code, "")
    state: str = getattr(error, "sqlstate", None) or ""
    if not state and isinstance(error, driver.OperationalError):
        (reason, *_) = str(error).splitlines()
        return f"cannot be reached: {reason}; look at the address, and whether the server runs"
    return next((_POSTGRESQL[start] for start in _POSTGRESQL if state.startswith(start)), "")


def _why_not_opened(database: Database) -> str:
    path = database_file(database)
    if path and path.is_dir():
        return "is a folder: name a file in it"
    if path and not path.parent.is_dir():
        return f"cannot be opened, because there is no folder {path.parent}: make it first"
    return "cannot be opened: let this program read and write the file and its folder"
