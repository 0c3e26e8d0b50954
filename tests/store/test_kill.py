"""Processes are killed, connections are lost, a disk is full: nothing is lost, and nobody stuck."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import pytest
from sqlalchemy import Connection, NullPool, create_engine, event, make_url, select, text

from lifecycle_fsm import Activity
from lifecycle_fsm.errors import DeliveryFailed, StoreError
from lifecycle_fsm.files import append_line
from lifecycle_fsm.requests import Request
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.database import Database, Session
from lifecycle_fsm.store.delivery import Delivery, DeliveryReport
from lifecycle_fsm.store.processing import Processing
from lifecycle_fsm.store.tables import PROCESSING, REQUEST
from tests.store.crowd import (
    ACCEPTED,
    DAY,
    HOUR,
    START,
    UNTIL,
    Crowd,
    Key,
    check_against_serial_run,
    engine,
    new_process,
    open_store,
    settle_down,
    stored_keys,
)
from tests.store.server import ADDRESS

if TYPE_CHECKING:
    from tests.store.conftest import NewAddress, Opened

T = TypeVar("T")
#: How many processes are killed; more of them on request.
KILLS = int(os.environ.get("LIFECYCLE_KILLS", "12"))
WRITERS = 4
#: How many people a writer is busy with at a time.
PEOPLE = 24


@attrs.frozen
class Work:
    """What one process does until it is told to stop; ``turns`` counts how often it was started.

    ``patient`` tries again where the database could not be reached.
    """

    address: str
    folder: Path
    name: str
    patient: bool = False
    turns: int = 0

    def __call__(self) -> None:
        """Work; an error ends the process with a code."""
        raise NotImplementedError

    @property
    def stopped(self) -> bool:
        return (self.folder / "stop").exists()

    def until_it_succeeds(self, work: Callable[..., T], *given: Any) -> T:
        while True:
            try:
                return work(*given)
            except StoreError:
                if not self.patient:
                    raise
                time.sleep(0.01)


class Writer(Work):
    """Gives its share of what happens to one crowd after the other, and notes what it was told.

    It goes on a little before where it was killed: whoever was not told tries again.
    """

    def __call__(self) -> None:
        random = Random(f"{self.name} {self.turns}")
        notes = self.told()
        first, place = (notes[-1]["crowd"], notes[-1]["place"]) if notes else (0, 0)
        with self.until_it_succeeds(open_store, self.address, ()) as store:
            for number in count(first):
                share = self.share(number)
                store.expect_processed(self.crowd(number).expected)
                place = max(0, place - 3) if number == first else 0
                while place < len(share):
                    size = random.randint(2, 20) if random.random() < 0.1 else 1
                    some = share[place : place + size]
                    results = self.until_it_succeeds(self.give, store, some)
                    place += len(some)
                    self.note(number, place, some, results)
                    if self.stopped:
                        return

    @staticmethod
    def give(store: Store, some: list[Activity]) -> list[str]:
        if len(some) == 1:
            return [store.apply(some[0]).result]
        return sorted(store.ingest(some))

    def crowd(self, number: int) -> Crowd:
        return Crowd(f"{self.folder.name}-{number}", PEOPLE)

    def share(self, number: int) -> list[Activity]:
        crowd = self.crowd(number)
        return [*crowd.activities(), *crowd.again()][int(self.name) :: WRITERS]

    @property
    def notes(self) -> Path:
        return self.folder / f"told-{self.name}"

    def note(self, crowd: int, place: int, some: list[Activity], results: list[str]) -> None:
        keys = [(each.person, each.id) for each in some]
        line = json.dumps({"crowd": crowd, "place": place, "keys": keys, "results": results})
        with self.notes.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def told(self) -> list[dict[str, Any]]:
        if not self.notes.exists():
            return []
        lines = self.notes.read_text("utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]


class Ticker(Work):
    """Lets time pass, retries, and takes people through original processing."""

    def __call__(self) -> None:
        random = Random(f"{self.name} {self.turns}")
        with self.until_it_succeeds(open_store, self.address, ()) as store:
            worker = Processing(store, clock=lambda: START + random.randrange(100) * DAY)
            while not self.stopped:
                at = START + random.randrange(2000) * HOUR
                todo: list[tuple[Callable[..., object], Any]] = [
                    (store.tick, at),
                    (store.retry, at),
                    (worker.run_once, 3),
                ]
                self.until_it_succeeds(*random.choice(todo))


class Deliverer(Work):
    """Sends what the outbox has, and is told now and then that it did not arrive."""

    def __call__(self) -> None:
        database = self.until_it_succeeds(Database, self.address)
        delivery = Delivery(
            database,
            {"*": Noted(self.folder)},
            attempts=10**6,
            first_wait=timedelta(milliseconds=5),
            longest_wait=timedelta(milliseconds=20),
            lease=timedelta(seconds=2),
        )
        while not self.stopped:
            if self.until_it_succeeds(delivery.deliver, 50) == DeliveryReport():
                time.sleep(0.02)
        database.close()


class Noted:
    """An adapter that notes at once what comes, in one file for all processes."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "sent"
        self._tries = 0

    def send(self, request: Request) -> None:
        """Note it, or fail without a note."""
        self._tries += 1
        if self._tries % 7 == 0:
            raise DeliveryFailed("now and then")
        append_line(self._file, json.dumps([request.id, request.person, request.text]))

    def lines(self) -> list[tuple[str, str, str]]:
        """What came: id, person and text."""
        lines = self._file.read_text("utf-8").splitlines()
        return [tuple(json.loads(line)) for line in lines]


@attrs.define
class Load:
    """The processes that work on a store: writers, two that let time pass, and two deliverers."""

    work: list[Work]
    processes: list[BaseProcess] = attrs.field(factory=list)

    @classmethod
    def on(cls, address: str, folder: Path, *, patient: bool = False) -> Load:
        writers = [Writer(address, folder, str(number), patient) for number in range(WRITERS)]
        tickers = [Ticker(address, folder, f"t{number}", patient) for number in range(2)]
        deliverers = [Deliverer(address, folder, f"d{number}", patient) for number in range(2)]
        return cls([*writers, *tickers, *deliverers])

    def __enter__(self) -> Load:
        self.processes = [new_process(work) for work in self.work]
        for process in self.processes:
            process.start()
        return self

    def __exit__(self, *error: object) -> None:
        (self.work[0].folder / "stop").touch()
        for process in self.processes:
            process.join(60)
            process.kill()
            process.join()

    def kill(self, number: int) -> None:
        """Kill one of them, and start it again."""
        process = self.processes[number]
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it was running"
        self.work[number] = attrs.evolve(self.work[number], turns=self.work[number].turns + 1)
        self.processes[number] = new_process(self.work[number])
        self.processes[number].start()

    def wait_until_busy(self) -> None:
        """Wait until every writer has been told of something more."""
        writers = [work for work in self.work if isinstance(work, Writer)]
        before = [len(writer.told()) for writer in writers]
        while any(len(writer.told()) == told for writer, told in zip(writers, before, strict=True)):
            assert all(process.is_alive() for process in self.processes)
            time.sleep(0.01)

    def told(self) -> Iterator[Key]:
        """Every activity of which a writer knows that it is accepted."""
        for writer in self.work:
            if isinstance(writer, Writer):
                for note in writer.told():
                    if {*note["results"]} <= {*ACCEPTED, "duplicate"}:
                        yield from map(tuple, note["keys"])


def check(load: Load, address: str) -> None:
    """See that nothing is lost or done twice, and that everybody can go on."""
    assert [process.exitcode for process in load.processes] == [0] * len(load.processes)
    with open_store(address, ()) as store:
        settle_down(store)
        stored = stored_keys(store)
        assert [key for key in load.told() if key not in stored] == []
        check_deliveries(store, Noted(load.work[0].folder))
        check_everybody_goes_on(store)


def check_deliveries(store: Store, noted: Noted) -> None:
    """See that everything that was asked for is sent, in order for each person, and the same each
    time."""
    # When all claims have lapsed.
    late = Delivery(
        store.database,
        {"*": noted},
        clock=lambda: datetime.now(UTC) + HOUR,
        first_wait=timedelta(0),
        attempts=10**6,
    )
    while late.deliver() != DeliveryReport():
        pass
    order = select(REQUEST).where(REQUEST.c.status != "superseded").order_by(REQUEST.c.place)
    with store.database.reading() as connection:
        rows = [row for row in connection.execute(order) if row.status != "held"]
    assert {row.status for row in rows} == {"delivered"}
    sent = noted.lines()
    assert {*sent} == {(row.id, row.person, row.text) for row in rows}
    asked = by_person((row.id, row.person) for row in rows)
    assert by_person((each[0], each[1]) for each in dict.fromkeys(sent)) == asked


def by_person(requests: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The ids of requests, in their order, by person."""
    ordered: dict[str, list[str]] = {}
    for request, person in requests:
        ordered.setdefault(person, []).append(request)
    return ordered


def check_everybody_goes_on(store: Store) -> None:
    """See that a store equals the serial run, and that something more happens to everybody."""
    people = [person.id for person in check_against_serial_run(store)]
    more = [Activity("more", name, "web_visit", UNTIL, {"page": "/pricing"}) for name in people]
    results = [store.apply(activity).result for activity in more]
    assert {*results} <= {"moved", "unchanged", "deferred"}
    check_against_serial_run(store)
    with store.database.reading() as connection:
        claimed = select(PROCESSING.c.person).where(PROCESSING.c.claimed_until.is_not(None))
        assert connection.scalars(claimed).all() == []


def test_processes_that_are_killed_lose_nothing(new_address: NewAddress, tmp_path: Path) -> None:
    address, random = new_address(), Random(KILLS)
    with Load.on(address, tmp_path) as load:
        load.wait_until_busy()
        for _ in range(KILLS):
            time.sleep(random.uniform(0, 0.2))
            load.kill(random.randrange(len(load.processes)))
        load.wait_until_busy()
    check(load, address)


# ------------------------------------------------------------------ at every statement


class MortalSession(Session):
    """A session whose process is killed when ``left`` statements have been asked or written."""

    def __init__(self, session: Session, left: Iterator[int]) -> None:
        super().__init__(session._connection)
        self.left = left

    def ask(self, *questions: tuple[str, Mapping[str, Any]]) -> list[list[tuple[Any, ...]]]:
        die_at_zero(self.left)
        return super().ask(*questions)

    def write(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            die_at_zero(self.left)
        super().write(sql, rows)


class MortalDatabase(Database):
    """A database whose sessions kill their process, in a transaction or right behind it."""

    left: Iterator[int]

    def run(self, work: Callable[[Session], T]) -> T:
        result = super().run(lambda session: work(MortalSession(session, self.left)))
        die_at_zero(self.left)
        return result


def die_at_zero(left: Iterator[int]) -> None:
    if next(left) == 0:
        os.kill(os.getpid(), signal.SIGKILL)


@attrs.frozen
class Victim:
    """Lets something happen to three people, and is killed when it has come so far."""

    address: str
    statements: int

    def __call__(self) -> None:
        database = MortalDatabase(self.address)
        database.left = count(self.statements, -1)
        with Store(engine(), database) as store:
            store.ingest(self.activities[3:], batch=2)

    @property
    def activities(self) -> list[Activity]:
        """Two are there, and something waits for the third; then all become a single person."""
        ann, bo, cy = (f"{name}-{self.statements}" for name in ("ann", "bo", "cy"))
        return [
            Activity("c", ann, "created", START),
            Activity("c", bo, "created", START),
            Activity("f", cy, "form_filled", START + HOUR, {"form": "Hand-Raise: Demo"}),
            Activity("m", ann, "merged", START + DAY, {"loser": bo}),
            Activity("f", bo, "form_filled", START + 2 * DAY, {"form": "Hand-Raise: Demo"}),
            Activity("c", cy, "created", START),
            Activity("m", cy, "merged", START + 3 * DAY, {"loser": bo}),
        ]


def test_a_process_that_is_killed_at_any_statement_can_be_followed_by_another(
    new_address: NewAddress,
) -> None:
    address = new_address()
    with open_store(address, ()) as store:
        for statements in count():
            victim = Victim(address, statements)
            store.ingest(victim.activities[:3])
            process = new_process(victim)
            process.start()
            process.join()
            results = [store.apply(activity).result for activity in victim.activities]
            assert {*results[:3]} == {"duplicate"}
            if process.exitcode == 0:
                assert {*results} == {"duplicate"}
                break
            assert process.exitcode == -signal.SIGKILL
        assert statements > 20
        settle_down(store)
        check_everybody_goes_on(store)


# ------------------------------------------------------------------ the database goes away


def others(connection: Connection) -> list[int]:
    """The processes of the server that serve the others on this database."""
    pids = text(
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return [*connection.scalars(pids)]


def break_off(connection: Connection) -> None:
    """Let the server end all connections."""
    for pid in others(connection):
        connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})


def crash(connection: Connection) -> None:
    """Kill a process of the server: it breaks all off, and recovers from its log."""
    os.kill(others(connection)[0], signal.SIGKILL)


@pytest.mark.parametrize("trouble", [break_off, crash])
def test_connections_that_are_lost_lose_nothing(
    trouble: Callable[[Connection], None], new_database: NewAddress, tmp_path: Path
) -> None:
    if trouble is crash and ADDRESS:
        pytest.skip("the server is somebody else's")
    address, random = new_database(), Random(KILLS)
    admin = create_engine(make_url(address), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with Load.on(address, tmp_path, patient=True) as load:
        for _ in range(KILLS // 4):
            load.wait_until_busy()
            time.sleep(random.uniform(0, 0.2))
            with admin.connect() as connection:
                trouble(connection)
        load.wait_until_busy()
    check(load, address)


@pytest.mark.parametrize("size", [1, 20], ids=["one by one", "in batches"])
def test_a_full_disk_loses_nothing(size: int, new_file: NewAddress, opened: Opened) -> None:
    database, most = opened(new_file()), {"pages": 2**30}

    @event.listens_for(database, "connect")
    def limit(connection: Any, record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {most['pages']}")

    crowd = Crowd("full", 60)
    store = open_store(database, crowd.people)
    offered = [*crowd.activities(), *crowd.again()]
    refused: list[Activity] = []
    reasons: set[str] = set()
    batches = [offered[first : first + size] for first in range(0, len(offered), size)]
    for place, batch in enumerate(batches):
        if place == len(batches) // 3:
            with store.database.reading() as connection:
                most["pages"] = connection.exec_driver_sql("PRAGMA page_count").scalar_one() + 8
            database.dispose()
        if place == 2 * len(batches) // 3:
            most["pages"] = 2**30
            database.dispose()
        before = len(stored_keys(store))
        try:
            if size == 1:
                store.apply(batch[0])
            else:
                store.ingest(batch)
        except StoreError as error:
            refused += batch
            reasons.add(str(error))
            assert len(stored_keys(store)) == before
        try:
            store.tick(batch[-1].at)
        except StoreError as error:
            reasons.add(str(error))
    assert len(refused) > len(offered) // 6
    remedy = "has no room left: free some of its disk, and try it again"
    assert [reason.split(maxsplit=1)[1] for reason in reasons] == [remedy]
    assert store.ingest(refused)["moved"]
    settle_down(store)
    assert {(each.person, each.id) for each in offered} - stored_keys(store).keys() == set()
    check_everybody_goes_on(store)
