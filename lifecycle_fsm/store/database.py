"""The database of a store, and the transaction of a writer.

Reads and administration go through SQLAlchemy. The work for each activity goes straight to the
driver, on a connection from SQLAlchemy's pool; otherwise, half of the time would be spent building
the same statements again.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, QueuePool, create_engine, event
from sqlalchemy import Engine as SqlEngine

from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.stable_hash import stable_number
from lifecycle_fsm.store.database_faults import database_url, require_supported, store_errors
from lifecycle_fsm.store.schema import require_store, upgrade
from lifecycle_fsm.store.statements import Statements

T = TypeVar("T")
_log = logging.getLogger(__name__)
_NO_PIPELINE = nullcontext()
#: The status of a connection to PostgreSQL that is in no transaction (``PQTRANS_IDLE``).
_IDLE = 0
#: How often to try a transaction that conflicts with others.
_ATTEMPTS = 10
#: The longest pause before the second attempt, in seconds; it doubles with each further attempt.
_PAUSE = 0.004
#: PostgreSQL's codes for errors worth a retry: deadlock, serialization conflict, a server that
#: shuts down or restarted. A lost connection has no code.
_PASSING = {"40P01", "40001", "08003", "08006", "57P01", "57P02"}
#: How many seconds SQLite waits for another writer.
PATIENCE = 30


class Database:
    """A database that keeps people.

    Args:
        address: the database's SQLAlchemy URL or engine.
        synchronous: for SQLite, ``FULL`` (a commit is on disk when it returns) or ``NORMAL`` (a
            power failure may lose the latest commits but never corrupts the file).
        make: whether to create the store if it does not exist.

    Raises:
        StoreError: there is no such database; it has no store and ``make`` is false; the store is
            of a newer release; or the database has other tables.
        MissingExtra: the driver is not installed.
    """

    def __init__(
        self, address: str | SqlEngine, *, synchronous: str = "FULL", make: bool = True
    ) -> None:
        self.engine = _engine(address) if isinstance(address, str) else address
        require_supported(f"{self.engine.dialect.name}+{self.engine.dialect.driver}")
        self._keeps = isinstance(self.engine.pool, QueuePool) and self.engine is not address
        self._kept: list[Any] = []
        if not make:
            try:
                require_store(self.engine)
            finally:
                self.engine.dispose()  # these connections are not set up for writing
        self.postgresql = self.engine.dialect.name == "postgresql"
        if not self.postgresql:
            _prepare_sqlite(self.engine, synchronous)
        driver: Any = self.engine.dialect.loaded_dbapi
        #: Raised by :meth:`run` for a duplicate, and for :attr:`.Statements.replace_person`.
        self.conflicts = (driver.IntegrityError, driver.DataError)
        self.sql = Statements.of(self.engine.dialect.name)
        reads: dict[str, Any] = {"reads": True}
        if self.postgresql:
            reads["isolation_level"] = "REPEATABLE READ"
        self._reader = self.engine.execution_options(**reads)
        #: Whether the store was created just now.
        self.is_new = upgrade(self.engine)

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        while self._kept:
            self._kept.pop().close()
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading, without locks, that sees the database at one moment.

        Raises:
            StoreError: the database cannot be read.
        """
        with store_errors(self.engine), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection for occasional writes; an error rolls back all of them.

        Raises:
            StoreError: the database cannot be written.
        """
        with store_errors(self.engine), self.engine.begin() as connection:
            yield connection

    def run(self, work: Callable[[Session], T]) -> T:
        """Do some work in a write transaction. If it fails because of another transaction or a lost
        connection, retry it up to nine times, within about two seconds.

        Raises:
            StoreError: the database cannot be written.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._run(work)
            except Exception as error:
                if attempt == _ATTEMPTS or not self._passes(error):
                    with store_errors(self.engine):
                        raise
            time.sleep(_pause(attempt))
        raise AssertionError("the last attempt returns or raises")

    def _passes(self, error: Exception) -> bool:
        """Whether a retry may succeed."""
        if not self.postgresql:
            return False
        from psycopg import OperationalError

        state = getattr(error, "sqlstate", None)
        return state in _PASSING or (state is None and isinstance(error, OperationalError))

    def _run(self, work: Callable[[Session], T]) -> T:
        """Do some work in a transaction."""
        pooled = self._connection()
        connection: Any = pooled.driver_connection
        try:
            with _pipeline(connection) if self.postgresql else _NO_PIPELINE:
                if not self.postgresql:
                    connection.execute("BEGIN IMMEDIATE")
                result = work(Session(connection))
                # Not commit(): in psycopg it hangs if a pipeline still has megabytes to send.
                connection.execute("COMMIT")
        except BaseException:
            self._roll_back(pooled)
            raise
        if self._keeps and not self._kept:
            self._kept.append(pooled)
        else:
            pooled.close()
        return result

    def _roll_back(self, pooled: Any) -> None:
        """Roll back, and return the connection to the pool only if it can be used again: one that
        was lost within a pipeline may not be closed yet, and may look busy for ever."""
        connection = pooled.driver_connection
        try:
            connection.rollback()
            lost = self.postgresql and connection.info.transaction_status != _IDLE
        except Exception as error:
            _log.debug("the connection is closed, because it cannot roll back: %s", error)
            lost = True
        if lost:
            pooled.invalidate()
            if self.postgresql:
                self.engine.dispose()  # the idle connections of the pool are probably lost as well
        pooled.close()

    def _connection(self) -> Any:
        """The kept connection, or one from the pool. Fetching one from the pool takes half as long
        as writing a row."""
        try:
            return self._kept.pop()
        except IndexError:
            return self.engine.raw_connection()

    def time(self, value: datetime | None) -> Any:
        """An instant in UTC in the form that the driver expects."""
        if value is None or self.postgresql:
            return value
        return value.isoformat(" ", "microseconds")[:26]


@contextmanager
def _pipeline(connection: Any) -> Iterator[None]:
    with connection.pipeline() as pipeline:
        try:
            yield
        except BaseException:
            # Otherwise psycopg logs a warning for each statement behind the one that failed.
            with suppress(Exception):
                pipeline.sync()
            raise


def _pause(attempt: int) -> float:
    """Seconds to wait after an attempt: between half and all of a time that doubles with each
    attempt, so that colliding threads and processes retry at different times."""
    worker = f"{os.getpid()}:{threading.get_ident()}"
    share = stable_number(attempt, worker) / 2**60
    return _PAUSE * (1 << attempt - 1) * (1 + share) / 2


class Session:
    """One transaction on the driver's connection.

    PostgreSQL answers the queries of one :meth:`ask` in one round trip; writes need no round trip
    before the transaction ends.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def ask(self, *questions: tuple[str, Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
        """The rows of each query."""
        cursors = [self._connection.execute(sql, values) for sql, values in questions]
        return [cursor.fetchall() for cursor in cursors]

    def write(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement once for each row."""
        if len(rows) == 1:
            self._connection.execute(sql, rows[0])
        elif rows:
            self._connection.cursor().executemany(sql, rows)


class BufferedSession(Session):
    """Collects writes, to be made later in a transaction; it cannot ask."""

    def __init__(self) -> None:
        self._writes: list[tuple[str, Sequence[Mapping[str, Any]]]] = []

    def write(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Collect a statement and its rows."""
        if rows:
            self._writes.append((sql, rows))

    def write_to(self, session: Session) -> None:
        """Make all of the writes, in their order."""
        for sql, rows in self._writes:
            session.write(sql, rows)


def _engine(address: str) -> SqlEngine:
    url = database_url(address)
    try:
        # Every transaction here ends before its connection returns to the pool.
        return create_engine(url, pool_reset_on_return=None)
    except ModuleNotFoundError as error:
        raise MissingExtra("sql", str(error.name), "a store in PostgreSQL") from None


def _prepare_sqlite(engine: SqlEngine, synchronous: str) -> None:
    """Begin each write transaction with the write lock, so that none fails halfway."""
    if engine.get_execution_options().get("prepared"):
        return  # another store did it
    engine.update_execution_options(prepared=True)

    @event.listens_for(engine, "connect")
    def connect(connection: Any, record: object) -> None:
        connection.isolation_level = None  # our own BEGIN is the only one
        connection.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
