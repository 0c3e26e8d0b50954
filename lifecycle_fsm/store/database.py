"""The database of a store, and the transaction of a writer.

Looking and administration go through SQLAlchemy. What happens for each activity goes to the driver
itself, on a connection of SQLAlchemy's pool: else half of the time would go into making statements
that are always the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy import Engine as SqlEngine

from lifecycle_fsm.store.statements import Statements

#: How long SQLite waits for another writer, in seconds.
PATIENCE = 30


class Database:
    """A database that keeps people.

    Args:
        address: the address of the database, as SQLAlchemy reads it, or its engine.
        synchronous: for SQLite, ``FULL`` (a transaction is on the disk when it ends) or ``NORMAL``
            (a power failure may lose the latest ones; it never spoils the file).
    """

    def __init__(self, address: str | SqlEngine, *, synchronous: str = "FULL") -> None:
        self.engine = create_engine(address) if isinstance(address, str) else address
        self.postgresql = self.engine.dialect.name == "postgresql"
        if not self.postgresql:
            _prepare_sqlite(self.engine, synchronous)
        self.sql = Statements.of(self.engine.dialect.name)
        reads: dict[str, Any] = {"reads": True}
        if self.postgresql:
            reads["isolation_level"] = "REPEATABLE READ"
        #: For looking: it takes no lock, and sees all of one moment.
        self.reader = self.engine.execution_options(**reads)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction of a writer; an error undoes it."""
        pooled = self.engine.raw_connection()
        try:
            connection: Any = pooled.driver_connection
            try:
                with connection.pipeline() if self.postgresql else nullcontext():
                    if not self.postgresql:
                        connection.execute("BEGIN IMMEDIATE")
                    yield Session(connection)
                    connection.commit()
            except BaseException:
                connection.rollback()
                raise
        finally:
            pooled.close()

    def time(self, value: datetime | None) -> Any:
        """An instant in UTC as the driver takes it."""
        if value is None or self.postgresql:
            return value
        return value.isoformat(" ", "microseconds")[:26]


class Session:
    """One transaction on the driver's connection.

    PostgreSQL answers all that is asked together in one round trip, and what is written costs none
    before the transaction ends.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def ask(self, *questions: tuple[str, Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
        """The rows that answer each question."""
        cursors = [self._connection.execute(sql, values) for sql, values in questions]
        return [cursor.fetchall() for cursor in cursors]

    def write(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a statement for each of the rows."""
        if len(rows) == 1:
            self._connection.execute(sql, rows[0])
        elif rows:
            self._connection.cursor().executemany(sql, rows)


def _prepare_sqlite(engine: SqlEngine, synchronous: str) -> None:
    """Let each transaction of a writer begin as one, so that none has to give up halfway."""

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
