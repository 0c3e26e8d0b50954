"""What is asked for goes out at least once, and in order for each person."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine as SqlEngine
from sqlalchemy import event, update

from lifecycle_fsm import Activity, Engine, load
from lifecycle_fsm.errors import DeliveryFailed
from lifecycle_fsm.requests import Request
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.delivery import Delivery, DeliveryReport
from lifecycle_fsm.store.tables import REQUEST
from tests.store.outbox import MINUTE, START, Clock, Notes, ask, kept

ROOT = Path(__file__).parents[2]
DAY = timedelta(days=1)
KILLS = int(os.environ.get("LIFECYCLE_KILLS", "3"))


def failing(*ids: str, times: int = 1, **how: object) -> Notes:
    return Notes({key: [DeliveryFailed("busy", **how)] * times for key in ids})  # type: ignore[arg-type]


@pytest.fixture
def clock() -> Clock:
    return Clock()


# ------------------------------------------------------------------ what is sent


def test_what_a_store_asks_for_is_delivered(address: str, clock: Clock) -> None:
    store = Store(Engine(load("waterfall")), address)
    for key, kind, hour, payload in (
        ("c-1", "created", 9, {"country": "SE", "created_through": "form"}),
        ("f-1", "form_filled", 10, {"form": "Hand-Raise: Demo"}),
        ("s-1", "crm_synced", 11, {}),
    ):
        at = START + timedelta(hours=hour)
        assert store.apply(Activity(key, "ann", kind, at, payload)).result != "rejected"
    waiting = [
        key for key, status in kept(store.database.engine, "status").items() if status == "waiting"
    ]
    assert len(waiting) > 1
    notes = Notes()
    report = Delivery(store.database, {"*": notes}, clock=clock).deliver()
    assert notes.sent == waiting
    assert report == DeliveryReport(delivered=len(waiting))
    store.close()


def test_a_request_arrives_as_it_was_asked(database: SqlEngine, clock: Clock) -> None:
    came: list[Request] = []

    class Inbox:
        def send(self, request: Request) -> None:
            came.append(request)

    ask(database, "Zoë/call/f-1", due_at=START + DAY, data={"country": "SE"}, stage="mql")
    Delivery(database, {"task": Inbox()}, clock=clock).deliver()
    assert came == [
        Request(
            "Zoë/call/f-1", "Zoë", "call", "task", "sdr.north", "Call them", START,
            stage="mql", due_at=START + DAY, data={"country": "SE"},
        )
    ]  # fmt: skip
    written = kept(database, "status", "attempts", "delivered_at", "next_try_at", "error")
    assert written == {"Zoë/call/f-1": ("delivered", 1, START, None, None)}


@pytest.mark.parametrize("status", ["held", "superseded", "delivered", "dead"])
def test_only_what_waits_goes_out_and_nothing_else_stands_in_the_way(
    database: SqlEngine, clock: Clock, status: str
) -> None:
    ask(database, "ann/1", status=status)
    ask(database, "ann/2")
    notes = Notes()
    assert Delivery(database, {"*": notes}, clock=clock).deliver() == DeliveryReport(delivered=1)
    assert notes.sent == ["ann/2"]


def test_the_limit_counts_tries(database: SqlEngine, clock: Clock) -> None:
    ask(database, *(f"p{number}/1" for number in range(30)))
    notes = failing("p0/1")
    delivery = Delivery(database, {"*": notes}, clock=clock)
    assert delivery.deliver(25) == DeliveryReport(24, 1, 0)
    assert notes.tried == [f"p{number}/1" for number in range(25)]
    assert delivery.deliver() == DeliveryReport(5, 0, 0)


# ------------------------------------------------------------------ order


def test_what_fails_holds_up_its_person_and_nobody_else(database: SqlEngine, clock: Clock) -> None:
    ask(database, "ann/1", "bo/1", "ann/2", "bo/2", "ann/3")
    notes = failing("ann/1")
    delivery = Delivery(database, {"*": notes}, clock=clock)
    assert delivery.deliver() == DeliveryReport(2, 1, 0)
    assert notes.sent == ["bo/1", "bo/2"]
    clock.now += MINUTE
    delivery.deliver()
    assert notes.sent == ["bo/1", "bo/2", "ann/1", "ann/2", "ann/3"]


@pytest.mark.parametrize("status", ["dead", "superseded", "delivered"])
def test_a_person_goes_on_when_the_first_is_out_of_the_way(
    database: SqlEngine, clock: Clock, status: str
) -> None:
    ask(database, "ann/1", "ann/2")
    notes = failing("ann/1")
    delivery = Delivery(database, {"*": notes}, clock=clock)
    delivery.deliver()
    with database.begin() as connection:
        connection.execute(update(REQUEST).where(REQUEST.c.id == "ann/1").values(status=status))
    delivery.deliver()
    assert notes.sent == ["ann/2"]


def test_what_is_tried_anew_does_not_wait_for_a_later_one_that_is_put_off(
    database: SqlEngine, clock: Clock
) -> None:
    ask(database, "ann/1", status="dead")
    ask(database, "ann/2", next_try_at=START + DAY)
    ask(database, "ann/3", "bo/1")
    notes = Notes()
    delivery = Delivery(database, {"*": notes}, clock=clock)
    assert delivery.retry_dead() == 1
    delivery.deliver()
    assert notes.sent == ["ann/1", "bo/1"]
    clock.now += DAY
    delivery.deliver()
    assert notes.sent == ["ann/1", "bo/1", "ann/2", "ann/3"]


def test_a_crowd_at_the_front_holds_up_nobody_else(database: SqlEngine, clock: Clock) -> None:
    """More requests wait for their person than a deliverer looks at together."""
    ask(database, *(f"slow/{number}" for number in range(300)))
    ask(database, *(f"p{number % 200}/{number}" for number in range(400)))
    ask(database, "last/1")
    notes = failing("slow/0", *(f"p{number}/{number}" for number in range(200)))
    delivery = Delivery(database, {"*": notes}, clock=clock)
    assert delivery.deliver(1000) == DeliveryReport(1, 201, 0)
    assert notes.sent == ["last/1"]
    assert len(notes.tried) == 202


def test_what_nobody_delivers_waits_and_holds_up_nothing(database: SqlEngine, clock: Clock) -> None:
    ask(database, "ann/1", channel="email")
    ask(database, "ann/2")
    ask(database, "ann/3", channel="email")
    notes = Notes()
    delivery = Delivery(database, {"task": notes}, clock=clock)
    assert delivery.unrouted() == {"email": 2}
    assert delivery.deliver() == DeliveryReport(delivered=1)
    assert kept(database, "status", "attempts")["ann/1"] == ("waiting", 0)
    other = Delivery(database, {"task": Notes(), "*": notes}, clock=clock)
    assert other.unrouted() == {}
    other.deliver()
    assert notes.sent == ["ann/2", "ann/1", "ann/3"]


# ------------------------------------------------------------------ failures


def test_waits_grow_and_are_the_same_on_every_run(database: SqlEngine, clock: Clock) -> None:
    ids = [f"p{number}/1" for number in range(200)]
    ask(database, *ids)
    delivery = Delivery(database, {"*": failing(*ids, times=9)}, clock=clock, attempts=9)
    means = []
    for longest in (10, 50, 250, 1250, 6250, 31250, 86400, 86400):
        delivery.deliver(1000)
        now = clock.now
        waits = [(at - now).total_seconds() for at in kept(database, "next_try_at").values()]
        assert 0 <= min(waits) < 0.1 * longest
        assert 0.9 * longest < max(waits) <= longest
        means.append(sum(waits) / len(waits) / longest)
        clock.now += DAY
    assert means == pytest.approx([0.5] * 8, abs=0.1)
    with database.begin() as connection:
        connection.execute(update(REQUEST).values(attempts=0, next_try_at=None))
    first = _after_a_try(delivery, database)
    with database.begin() as connection:
        connection.execute(update(REQUEST).values(attempts=0, next_try_at=None, status="waiting"))
    again = Delivery(database, {"*": failing(*ids)}, clock=clock, attempts=9)
    assert _after_a_try(again, database) == first


def _after_a_try(delivery: Delivery, database: SqlEngine) -> dict[str, object]:
    assert delivery.deliver(1000).failed == 200
    return kept(database, "next_try_at")


def test_a_server_that_asks_for_time_gets_it_within_limits(
    database: SqlEngine, clock: Clock
) -> None:
    ask(database, "ann/1", "bo/1")
    hour, year = timedelta(hours=1), timedelta(days=365)
    notes = Notes(
        {
            "ann/1": [DeliveryFailed("later", retry_after=hour)],
            "bo/1": [DeliveryFailed("much later", retry_after=year)],
        }
    )
    Delivery(database, {"*": notes}, clock=clock).deliver()
    assert kept(database, "next_try_at") == {"ann/1": START + hour, "bo/1": START + DAY}


def test_after_the_last_try_a_request_is_dead(database: SqlEngine, clock: Clock) -> None:
    ask(database, "ann/1", "ann/2")
    notes = failing("ann/1", times=99)
    delivery = Delivery(database, {"*": notes}, clock=clock, attempts=3)
    reports = []
    for _ in range(4):
        reports.append(delivery.deliver())
        clock.now += DAY
    failed, died = DeliveryReport(failed=1), DeliveryReport(delivered=1, dead=1)
    assert reports == [failed, failed, died, DeliveryReport()]
    assert kept(database, "status", "attempts", "next_try_at", "error") == {
        "ann/1": ("dead", 3, None, "busy"),
        "ann/2": ("delivered", 1, None, None),
    }


def test_what_can_never_arrive_is_dead_at_once_and_can_be_tried_again(
    database: SqlEngine, clock: Clock
) -> None:
    ids = [f"p{number}/1" for number in range(3)]
    ask(database, *ids)
    notes = failing(*ids, permanent=True)
    delivery = Delivery(database, {"*": notes}, clock=clock)
    assert delivery.deliver() == DeliveryReport(dead=3)
    letters = delivery.dead()
    assert [(it.request.id, it.attempts, it.error) for it in letters] == [
        (key, 1, "busy") for key in ids
    ]
    assert [it.request.id for it in delivery.dead(limit=1)] == ids[:1]
    assert delivery.deliver() == DeliveryReport()
    assert delivery.retry_dead([ids[1], "nobody/1"]) == 1
    assert kept(database, "status", "attempts")[ids[1]] == ("waiting", 0)
    assert delivery.deliver() == DeliveryReport(delivered=1)
    assert delivery.retry_dead() == 2
    assert delivery.deliver() == DeliveryReport(delivered=2)
    assert delivery.dead() == []


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (DeliveryFailed("two\r\n  lines \x00 and\x1b a bell"), "two lines and a bell"),
        (DeliveryFailed("half \udcff"), "half"),
        (DeliveryFailed("x" * 9999), "x" * 500),
        (KeyError("no"), "KeyError: 'no'"),
    ],
)
def test_an_error_is_kept_as_one_line(
    database: SqlEngine, clock: Clock, error: Exception, text: str
) -> None:
    ask(database, "ann/1", "bo/1")
    notes = Notes({"ann/1": [error]})
    assert Delivery(database, {"*": notes}, clock=clock).deliver() == DeliveryReport(1, 1, 0)
    assert kept(database, "error")["ann/1"] == text


# ------------------------------------------------------------------ claims


def test_nothing_is_open_while_a_request_is_sent(database: SqlEngine, clock: Clock) -> None:
    ask(database, "ann/1", "bo/1")
    out: list[int] = []

    class Watcher:
        def send(self, request: Request) -> None:
            out.append(database.pool.checkedout())  # type: ignore[attr-defined]

    Delivery(database, {"*": Watcher()}, clock=clock).deliver()
    assert out == [0, 0]


def test_what_is_claimed_is_nobody_elses_until_the_lease_is_over(
    database: SqlEngine, clock: Clock
) -> None:
    ask(database, "ann/1", "ann/2", "bo/1")
    other = Notes()

    class Slow:
        """Others look for work while it sends."""

        def __init__(self, later: timedelta) -> None:
            self.later = later

        def send(self, request: Request) -> None:
            clock.now += self.later
            Delivery(database, {"*": other}, clock=clock).deliver()

    delivery = Delivery(database, {"*": Slow(MINUTE)}, clock=clock, lease=5 * MINUTE)
    assert delivery.deliver(2) == DeliveryReport(delivered=2)
    assert other.sent == ["ann/2"]  # while bo's was sent, and ann's first was there
    ask(database, "cy/1")
    late = Delivery(database, {"*": Slow(6 * MINUTE)}, clock=clock, lease=5 * MINUTE)
    assert late.deliver(1) == DeliveryReport()  # it was sent, and no longer its own
    assert other.sent == ["ann/2", "cy/1"]
    assert kept(database, "status", "attempts")["cy/1"] == ("delivered", 1)


def test_who_is_late_writes_nothing_into_the_claim_of_another(
    database: SqlEngine, clock: Clock
) -> None:
    ask(database, "ann/1")

    class Late:
        def send(self, request: Request) -> None:
            clock.now += 6 * MINUTE
            Delivery(database, {"*": failing("ann/1")}, clock=clock).deliver(1)
            raise DeliveryFailed("much too late", permanent=True)

    late = Delivery(database, {"*": Late()}, clock=clock, lease=5 * MINUTE)
    assert late.deliver(1) == DeliveryReport()
    assert kept(database, "status", "attempts", "error")["ann/1"] == ("waiting", 1, "busy")


def test_no_sending_begins_late_in_a_lease(database: SqlEngine, clock: Clock) -> None:
    """A claim that would run out while the request is sent is given back, and made anew."""
    ask(database, "ann/1", "bo/1", "cy/1")
    claims: list[object] = []

    class Slow:
        def send(self, request: Request) -> None:
            claims.append(kept(database, "next_try_at")[request.id] - clock.now)
            clock.now += 3 * MINUTE

    delivery = Delivery(database, {"*": Slow()}, clock=clock, lease=5 * MINUTE)
    assert delivery.deliver() == DeliveryReport(delivered=3)
    assert claims == [5 * MINUTE] * 3


@pytest.mark.parametrize(
    ("values", "after"),
    [
        ({"status": "superseded", "place": 9}, ("superseded", 0)),
        ({"status": "waiting", "place": 9, "next_try_at": None}, ("waiting", 0)),
        ({"status": "waiting", "place": 9}, ("waiting", 0)),
        ({"status": "held", "place": 9, "next_try_at": None}, ("held", 0)),
    ],
)
@pytest.mark.parametrize("fails", [True, False])
def test_a_request_that_is_written_anew_meanwhile_stays_so(
    database: SqlEngine, clock: Clock, values: dict[str, object], after: object, fails: bool
) -> None:
    ask(database, "ann/1")

    class Overtaken:
        def send(self, request: Request) -> None:
            with database.begin() as connection:
                connection.execute(update(REQUEST).values(values))
            if fails:
                raise DeliveryFailed("busy", permanent=True)

    assert Delivery(database, {"*": Overtaken()}, clock=clock).deliver(1) == DeliveryReport()
    assert kept(database, "status", "attempts")["ann/1"] == after


def test_an_interrupt_gives_back_what_was_not_sent(database: SqlEngine, clock: Clock) -> None:
    ask(database, "ann/1", "bo/1", "cy/1")

    class Interrupted(Notes):
        def send(self, request: Request) -> None:
            super().send(request)
            if request.id == "bo/1":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Delivery(database, {"*": Interrupted()}, clock=clock).deliver()
    notes = Notes()
    Delivery(database, {"*": notes}, clock=clock).deliver()
    assert notes.sent == ["bo/1", "cy/1"]  # bo's may have arrived: nobody knows


def test_a_worker_goes_on_until_it_is_stopped(
    database: SqlEngine, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    ask(database, *(f"p{number}/1" for number in range(30)))
    ask(database, "ann/1", channel="email")
    stop = threading.Event()

    class Last(Notes):
        def send(self, request: Request) -> None:
            super().send(request)
            if len(self.sent) == 30:
                ask(database, "late/1")
            if request.id == "late/1":
                ask(database, "later/1")
                stop.set()

    notes = Last()
    Delivery(database, {"task": notes}, clock=clock).run(stop, pause=0.01)
    assert notes.sent[-1] == "late/1"
    assert kept(database, "status", "next_try_at")["later/1"] == ("waiting", None)
    assert "nothing delivers 'email', on which 1 requests wait" in caplog.text


def test_a_claim_asks_twice_and_by_the_index_of_what_waits(
    new_file: Callable[[], str], opened: Callable[[str], SqlEngine], clock: Clock
) -> None:
    """What waits behind the front costs nothing, nor what has been delivered."""
    database = opened(new_file())
    ask(database, *(f"old{number}/1" for number in range(500)), status="delivered")
    ask(database, *(f"p{number}/1" for number in range(3000)))
    made: list[tuple[str, Any]] = []
    delivery = Delivery(database, {"*": Notes()}, clock=clock)

    @event.listens_for(database, "before_cursor_execute")
    def note(connection: object, cursor: object, sql: str, values: object, *rest: object) -> None:
        made.append((sql, values))

    delivery.deliver(20)
    page, claim = [(sql, values) for sql, values in made if sql.startswith(("SELECT", "WITH"))]
    with database.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {page[0]}", page[1]).all()
    steps = [str(row[-1]) for row in plan if row[-1].startswith(("SCAN", "SEARCH"))]
    assert [step.split("INDEX ")[1].split()[0] for step in steps] == [
        "request_waiting", "request_person", "request_put_off", "request_person",
    ]  # fmt: skip
    assert "TEMP B-TREE" not in str(plan)
    assert len(claim[1]) < 100  # and not all that wait


# ------------------------------------------------------------------ many processes


def in_order(lines: list[str]) -> bool:
    """Whether each person's requests came in order, but for such as came again."""
    numbers: dict[str, list[int]] = {}
    for line in dict.fromkeys(lines):
        person, number = line.split("/")
        numbers.setdefault(person, []).append(int(number))
    return all(came == sorted(came) for came in numbers.values())


def start(address: str, path: Path, leases: int = 0) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.store.outbox", address, str(path), str(leases)]
    return subprocess.Popen(command, cwd=ROOT)


def finished(workers: list[subprocess.Popen[bytes]]) -> list[int]:
    return [worker.wait(timeout=120) for worker in workers]


def test_several_processes_send_everything_in_order_and_nothing_twice(
    address: str, opened: Callable[[str], SqlEngine], tmp_path: Path
) -> None:
    database = opened(address)
    ids = [f"p{number % 15}/{number}" for number in range(150)]
    ask(database, *ids)
    workers = [start(address, tmp_path / "sent") for _ in range(3)]
    assert finished(workers) == [0, 0, 0]
    sent = (tmp_path / "sent").read_text().splitlines()
    assert sorted(sent) == sorted(ids)
    assert in_order(sent)


def test_whoever_is_killed_leaves_everything_to_others(
    address: str, opened: Callable[[str], SqlEngine], tmp_path: Path
) -> None:
    """Processes are killed while they send. All requests arrive, in order, a few of them twice."""
    database = opened(address)
    ids = [f"p{number % 15}/{number}" for number in range(100 + 60 * KILLS)]
    ask(database, *ids)
    path = tmp_path / "sent"
    chance = random.Random(1)
    for number in range(KILLS):
        worker = start(address, path, number)
        before = lines_of(path)
        while lines_of(path) < before + 10 + 10 * (number % 3) and worker.poll() is None:
            time.sleep(0.01)
        time.sleep(chance.random() / 50)
        worker.kill()
        worker.wait()
    assert finished([start(address, path, KILLS) for _ in range(2)]) == [0, 0]
    sent = path.read_text().splitlines()
    assert set(sent) == set(ids)
    assert len(sent) - len(ids) <= KILLS
    assert in_order(sent)
    assert set(kept(database, "status").values()) == {"delivered"}


def lines_of(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0
