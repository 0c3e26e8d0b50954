"""What a store costs beside the same rows, written by the driver alone.

    python -m tests.benchmarks.bench_store [PERSONS] [ADDRESS_OF_POSTGRESQL]

The log is that of the demo's company, in the order of arrival. The rows that the store writes are
kept, transaction by transaction, and then written once more into a new database with the same
statements: nothing is read, restored or decided. That is the floor. Store and floor take turns in
chunks of the log, so that a busy machine is busy for both. The figure is the floor's time by the
store's: 1 would be a lifecycle that costs nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import create_engine, text

from lifecycle_fsm import Activity, Engine, load
from lifecycle_fsm.demo import company
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.database import Database, Session
from lifecycle_fsm.tables import by_event

#: What one transaction writes: statements, each with its rows.
Writes = list[tuple[str, Sequence[Mapping[str, Any]]]]
CHUNK = 500
T = TypeVar("T")


class Recorder(Database):
    """A database that keeps what is written into it."""

    written: list[Writes]

    def run(self, work: Callable[[Session], T]) -> T:
        """Do some work, and keep what it wrote when that is in the database."""
        recording: list[Recording] = []

        def recorded(session: Session) -> T:
            recording.append(Recording(session))
            return work(recording[-1])

        result = super().run(recorded)
        if recording[-1].writes:
            self.written.append(recording[-1].writes)
        return result


class Recording(Session):
    """A session that keeps what it writes."""

    def __init__(self, session: Session) -> None:
        super().__init__(session._connection)
        self.writes: Writes = []

    def write(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the rows, and keep them."""
        super().write(sql, rows)
        if rows:
            self.writes.append((sql, rows))


def invented(persons: int, engine: Engine) -> list[Activity]:
    """The log of the made-up company."""
    return by_event(company.invent(persons, 1).with_processing(engine.model).log)


def compare(
    name: str,
    engine: Engine,
    log: Sequence[Activity],
    addresses: Iterator[str],
    synchronous: str = "FULL",
) -> None:
    """Print how the store and the floor go, one activity in each transaction."""
    recorder = Recorder(next(addresses), synchronous=synchronous)
    recorder.written = []
    store = Store(engine, recorder)
    floor = Store(engine, Database(next(addresses), synchronous=synchronous)).database
    store.expect_processed({activity.person for activity in log if activity.kind == "processed"})
    ours = theirs = 0.0
    activities = iter(log)
    while chunk := list(islice(activities, CHUNK)):
        ours += timed(partial(apply_all, store, chunk))
        theirs += timed(partial(write, floor, recorder.written))
        recorder.written.clear()
    each = ours / len(log) * 1e6
    print(f"{name:<34}{theirs / ours:>6.2f}{each:>9.0f} µs an activity")


def apply_all(store: Store, activities: Sequence[Activity]) -> None:
    """Apply each in a transaction of its own."""
    for activity in activities:
        store.apply(activity)


def write(database: Database, transactions: Sequence[Writes]) -> None:
    """Write what was written before, by the driver alone."""
    with closing(database.engine.raw_connection()) as pooled:
        connection: Any = pooled.driver_connection
        for writes in transactions:
            with connection.pipeline() if database.postgresql else nullcontext():
                if not database.postgresql:
                    connection.execute("BEGIN IMMEDIATE")
                for sql, rows in writes:
                    if len(rows) == 1:
                        connection.execute(sql, rows[0])
                    else:
                        connection.cursor().executemany(sql, rows)
                connection.commit()


def timed(work: Callable[[], object]) -> float:
    """How long it takes, in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bulk(name: str, engine: Engine, log: Sequence[Activity], address: str) -> None:
    """Print how many activities a second come in by batches."""
    store = Store(engine, address)
    store.expect_processed({activity.person for activity in log if activity.kind == "processed"})
    seconds = timed(lambda: store.ingest(log))
    print(f"{name:<34}{len(log) / seconds:>6,.0f} activities a second")


def files(folder: str) -> Iterator[str]:
    """Addresses of new files."""
    for number in range(1_000):
        yield f"sqlite:///{Path(folder, f'{number}.db')}"


def databases(server: str) -> Iterator[str]:
    """Addresses of new databases of a server."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    for number in range(1_000):
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS bench_store_{number} WITH (FORCE)"))
            connection.execute(text(f"CREATE DATABASE bench_store_{number}"))
        yield engine.url.set(database=f"bench_store_{number}").render_as_string(False)


def main() -> None:
    """Measure and print."""
    persons = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    engine = Engine(load("waterfall"))
    log = invented(persons, engine)
    print(f"{persons:,} persons, {len(log):,} activities; the floor's time by the store's\n")
    with tempfile.TemporaryDirectory() as folder:
        addresses = files(folder)
        compare("SQLite, synchronous FULL", engine, log, addresses)
        compare("SQLite, synchronous NORMAL", engine, log, addresses, synchronous="NORMAL")
        bulk("SQLite, in batches", engine, log, next(addresses))
    if len(sys.argv) > 2:
        addresses = databases(sys.argv[2])
        compare("PostgreSQL", engine, log, addresses)
        bulk("PostgreSQL, in batches", engine, log, next(addresses))


if __name__ == "__main__":
    main()
