"""What a store costs beside the same rows, written by the driver alone.

    python -m tests.benchmarks.bench_store [PERSONS] [ADDRESS_OF_POSTGRESQL]

The log is that of the demo's company, in the order of arrival. The rows that the store writes are
kept, transaction by transaction, and then written once more into a new database with the same
statements: nothing is read, restored or decided. That is the floor. Store and floor take turns in
chunks of the log, so that a busy machine is busy for both. The figure is the floor's time by the
store's: 1 would be a lifecycle that costs nothing. The same with eight processes at once, each
with its own people.

Then how long it takes to tick a thousand people of many, and to claim the next hundred requests of
many, also where the first ones belong to people whose requests wait for another try.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Any, TypeVar
from zlib import crc32

from sqlalchemy import Text, bindparam, create_engine, insert, text

from lifecycle_fsm import Activity, Engine, Lifecycle, load
from lifecycle_fsm.activities import other_record
from lifecycle_fsm.demo import company
from lifecycle_fsm.requests import Request
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.database import Database, Session
from lifecycle_fsm.store.delivery import Delivery
from lifecycle_fsm.store.statements import Statements
from lifecycle_fsm.store.tables import REQUEST, UtcTime, encode
from lifecycle_fsm.tables import by_event

#: What one transaction writes: statements, each with its rows.
Writes = list[tuple[str, Sequence[Mapping[str, Any]]]]
CHUNK = 500
WRITERS = 8
#: In how many parts store and floor take turns, and how often a tick is measured.
TURNS = 5
PEOPLE, DUE, REQUESTS = 300_000, 1_000, 100_000
TEXTS = ("stage", "name", "state", "batch")
START = datetime(2024, 5, 1, 9, tzinfo=UTC)
T = TypeVar("T")


class Recorder(Database):
    """A database that keeps what is written into it."""

    written: list[Writes]

    def run(self, work: Callable[[Session], T]) -> T:
        """Do some work, and keep what it wrote when that is in the database."""
        recording: list[Recording] = []

        def recorded(session: Session) -> T:
            recording.append(Recording(session, self.sql))
            return work(recording[-1])

        result = super().run(recorded)
        if recording[-1].writes:
            self.written.append(recording[-1].writes)
        return result


class Recording(Session):
    """A session that keeps what it writes."""

    def __init__(self, session: Session, statements: Statements) -> None:
        super().__init__(session._connection)
        self.writes: Writes = []
        self._statements = statements

    def write(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the rows, and keep them, to be written without any condition."""
        super().write(sql, rows)
        if sql == self._statements.replace_person:
            sql = self._statements.save_person
        if rows and sql != self._statements.require_single:
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


# ------------------------------------------------------------------ many writers


def shares(log: Sequence[Activity]) -> list[list[Activity]]:
    """The log in eight parts; records that become one person are in the same."""
    same: dict[str, str] = {}

    def first(name: str) -> str:
        while name in same:
            name = same[name]
        return name

    for activity in log:
        other = other_record(activity)
        if other is not None and first(other) != first(activity.person):
            same[first(other)] = first(activity.person)
    parts: list[list[Activity]] = [[] for _ in range(WRITERS)]
    for activity in log:
        parts[crc32(first(activity.person).encode()) % WRITERS].append(activity)
    return parts


def take_turns(
    share: Sequence[Activity], addresses: tuple[str, str], barrier: Barrier, times: Connection
) -> None:
    """Be one of the writers: store a part of the share, then write the same again, and so on."""
    recorder = Recorder(addresses[0])
    recorder.written = []
    engine = Engine(load("waterfall"))
    store = Store(engine, recorder)
    store.expect_processed({each.person for each in share if each.kind == "processed"})
    floor = Database(addresses[1])
    part = -(-len(share) // TURNS)
    ours = theirs = 0.0
    for turn in range(TURNS):
        some = share[turn * part : (turn + 1) * part]
        ours += timed(lambda: together(barrier, partial(apply_all, store, some)))  # noqa: B023
        theirs += timed(lambda: together(barrier, partial(write, floor, recorder.written)))
        recorder.written.clear()
    times.send((ours, theirs))


def together(barrier: Barrier, work: Callable[[], object]) -> None:
    """Do some work while the others do theirs, and wait for all of them."""
    barrier.wait()
    work()
    barrier.wait()


def compete(name: str, log: Sequence[Activity], addresses: Iterator[str]) -> None:
    """Print how the store and the floor go with eight writers."""
    context = get_context("spawn")
    databases = (next(addresses), next(addresses))
    for address in databases:
        Store(Engine(load("waterfall")), address).close()
    barrier = context.Barrier(WRITERS)
    mine, theirs = context.Pipe()
    processes = [
        context.Process(target=take_turns, args=(share, databases, barrier, theirs))
        for share in shares(log)
    ]
    for process in processes:
        process.start()
    times = [mine.recv() for _ in processes]
    for process in processes:
        process.join()
    stored, floor = max(each[0] for each in times), max(each[1] for each in times)
    rate = len(log) / stored
    print(f"{name:<34}{floor / stored:>6.2f}{rate:>9,.0f} activities a second")


# ------------------------------------------------------------------ many people


def crowd(engine: Engine, database: Database) -> list[datetime]:
    """Fill a store with people who are at MQL, made from saved ones; and the instants at which
    the first deadlines of a thousand are due."""
    lifecycle = Lifecycle(engine)
    dues: list[datetime] = []
    for batch in range(TURNS + 1):
        at = START + batch * timedelta(minutes=1) if batch < TURNS else START + timedelta(days=30)
        name = f"PERSON-{batch}"
        lifecycle.apply(name, "created", at=at, created_through="form", country="SE")
        lifecycle.apply(name, "form_filled", at=at, form="Hand-Raise: Demo")
        lifecycle.process(name, at=at)
        person = lifecycle.person(name)
        assert person.next_due is not None
        dues.append(person.next_due)
        size = DUE if batch < TURNS else PEOPLE - TURNS * DUE
        saved = {"name": name, "state": encode(lifecycle.dump(name)), "size": size}
        saved |= {"due": person.next_due, "stage": person.stage, "batch": f"p{batch}-"}
        with database.writing() as connection:
            connection.execute(COPIES, saved)
    return dues[:-1]


#: People who differ by their ids only.
COPIES = text(
    "INSERT INTO person (id, stage, due_at, parked, revision, state)"
    " WITH RECURSIVE counted(number) AS"
    " (SELECT 1 UNION ALL SELECT number + 1 FROM counted WHERE number < :size)"
    " SELECT :batch || number, :stage, :due, false, 1, replace(:state, :name, :batch || number)"
    " FROM counted"
).bindparams(bindparam("due", type_=UtcTime), *(bindparam(name, type_=Text) for name in TEXTS))


def ticks(name: str, engine: Engine, address: str) -> None:
    """Print how long it takes to tick those who are due."""
    store = Store(engine, address)
    ticked = [partial(store.tick, due) for due in crowd(engine, store.database)]
    print_times(f"{name}: {DUE:,} due of {PEOPLE:,}", ticked, lambda people: people == DUE)


def print_times(name: str, work: Sequence[Callable[[], T]], is_right: Callable[[T], bool]) -> None:
    """Print the median and the shortest of the times of some work, and of those of the processor
    that this process took for it: on a busy machine these say more."""
    times: list[tuple[float, float]] = []
    for each in work:
        began = time.perf_counter(), time.process_time()
        result = each()
        times.append((time.perf_counter() - began[0], time.process_time() - began[1]))
        assert is_right(result)
    (whole, best), (own, best_own) = (
        (median(kind) * 1e3, min(kind) * 1e3) for kind in zip(*times, strict=True)
    )
    print(
        f"{name:<58}{whole:>8.1f} ms, at best {best:.1f}; of these {own:.1f}, at best "
        f"{best_own:.1f} in this process"
    )


# ------------------------------------------------------------------ many requests


def claims(name: str, address: str, held_up: int) -> None:
    """Print how long it takes to claim the next requests, behind those of ``held_up`` people whose
    first request waits for another try, with two behind it."""
    database = Database(address)
    row: dict[str, Any] = {
        "rule": "call",
        "channel": "task",
        "receiver": "sdr.north",
        "text": "Call them",
    }
    row |= {"at": START, "state": "sent", "data": {"country": "SE"}, "status": "waiting"}
    later = START + timedelta(days=1)
    rows: list[dict[str, Any]] = [
        row
        | {"person": f"h{number % held_up}", "next_try_at": None if number >= held_up else later}
        for number in range(3 * held_up)
    ]
    others = range(REQUESTS - len(rows))
    rows += [row | {"person": f"p{number % 40_000}", "next_try_at": None} for number in others]
    for place, each in enumerate(rows, 1):
        each |= {"place": place, "id": f"{each['person']}/{place}", "attempts": 0}
    with database.writing() as connection:
        connection.execute(insert(REQUEST), rows)
    delivery = Delivery(database, {"*": Nobody()}, clock=lambda: START)
    until = START + timedelta(minutes=5)
    claimed = [lambda: len(delivery._claim(100, until))] * 2 * TURNS
    print_times(
        f"{name}: 100 of {REQUESTS:,}, {held_up:,} people held up",
        claimed,
        lambda requests: requests == 100,
    )


class Nobody:
    """An adapter to which nothing is sent."""

    def send(self, request: Request) -> None:
        """Refuse."""
        raise NotImplementedError


# ------------------------------------------------------------------ databases


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
        compete("SQLite, 8 writers", log, addresses)
        measure("SQLite", engine, addresses)
    if len(sys.argv) > 2:
        addresses = databases(sys.argv[2])
        compare("PostgreSQL", engine, log, addresses)
        bulk("PostgreSQL, in batches", engine, log, next(addresses))
        compete("PostgreSQL, 8 writers", log, addresses)
        measure("PostgreSQL", engine, addresses)


def measure(name: str, engine: Engine, addresses: Iterator[str]) -> None:
    """Print how long it takes with many people and requests."""
    ticks(f"{name}, tick", engine, next(addresses))
    for held_up in (0, 2_000):
        claims(f"{name}, claim", next(addresses), held_up)


if __name__ == "__main__":
    main()
