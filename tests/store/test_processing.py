"""Workers that take people through original processing step by step [S13][S14]."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine as Database
from sqlalchemy import select

from lifecycle_fsm import DataRule, Engine, Lifecycle
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.processing import Step
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.processing import LONGEST_WAIT, Processing
from lifecycle_fsm.store.tables import PROCESSING
from tests.machine.small import (
    DAY,
    FIELDS,
    HOUR,
    HUGE,
    MINUTE,
    SECOND,
    TOO_LARGE,
    T,
    act,
    move,
    small,
)
from tests.store.conftest import NewAddress, Opened

MODEL = small(
    move("up", "a", "b", when="level >= 3"),
    settle=30 * DAY,
    fields=(*FIELDS, FieldDef("since", FieldType("datetime", nullable=True))),
)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = T + HOUR

    def __call__(self) -> datetime:
        return self.now


@attrs.define
class Service:
    """What the steps of a test ask: it counts the calls, and fails while it is told to."""

    calls: Counter[str] = attrs.field(factory=Counter)
    failing: dict[str, int] = attrs.field(factory=dict)

    def ask(self, name: str) -> None:
        self.calls[name] += 1
        if self.failing.get(name, 0):
            self.failing[name] -= 1
            raise OSError(f"call {self.calls[name]} of {name} was not answered")

    def step(self, number: int, give: Callable[[Any], Mapping[str, Any]], **more: Any) -> Step:
        name = f"step_{number}"

        def run(person: Any, context: Any) -> Mapping[str, Any]:
            self.ask(name)
            return give(person)

        writes = ("level", "since", "start")
        return Step(number, name, run, reads=(), writes=writes, **more)


def adds(amount: int) -> Callable[[Any], Mapping[str, Any]]:
    return lambda person: {"level": person.level * 2 + amount, "since": T + amount * DAY}


def processing(
    database: str | Database, steps: Iterable[Step], clock: Clock, model: Any = MODEL
) -> tuple[Store, Processing]:
    store = Store(Engine(model, steps=list(steps)), database)
    return store, Processing(store, clock=clock)


def rows(store: Store) -> list[Any]:
    with store.database.reading() as connection:
        return list(connection.execute(select(PROCESSING).order_by(PROCESSING.c.person)))


def states(results: Iterable[Any]) -> list[tuple[str, str]]:
    """By person: workers take people in any order."""
    return sorted((result.person, result.state) for result in results)


# ------------------------------------------------------------------ the same as in memory

#: Of a step: whether its failure parks, how often it fails, and how often it is tried.
STEPS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 3), st.integers(1, 3)), min_size=0, max_size=5
)


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS, st.integers(0, 3))
def test_s13_a_worker_gives_what_a_lifecycle_gives(
    new_address: NewAddress, shapes: list[tuple[bool, int, int]], activities: int
) -> None:
    def made() -> list[Step]:
        service = Service()
        steps = []
        for number, (parks, failures, attempts) in enumerate(shapes, 1):
            # Where a failure is skipped, how many tries there are must not decide whether it is.
            service.failing[f"step_{number}"] = failures if parks or not failures else 10**6
            on_failure: Any = "park" if parks else "skip"
            more = {"on_failure": on_failure, "attempts": attempts}
            steps.append(service.step(number, adds(number), **more))
        return steps

    meanwhile = [
        act(f"m-{number}", "changed", T + number * MINUTE, big=float(number))
        for number in range(activities)
    ]
    clock = Clock()
    store, worker = processing(new_address(), made(), clock)
    with store:
        store.apply(act("c", "created", T, start="b"))
        waiting = iter(meanwhile)
        while (result := worker.run_once()[0]).state != "sorted":
            for activity in itertools.islice(waiting, 1):
                store.apply(activity)
            if result.state == "parked":
                assert worker.run_once() == []
                assert worker.retry() == 1
            else:
                assert worker.run_once() == []
                clock.now += LONGEST_WAIT
        applied = [activity for activity in store.log if activity.kind == "changed"]

        lifecycle = Lifecycle(MODEL, steps=made())
        lifecycle.apply(act("c", "created", T, start="b"))
        for activity in applied:
            lifecycle.apply(activity)
        lifecycle.process("p", at=clock.now)
        while lifecycle.parked:
            lifecycle.retry(at=clock.now)

        kept, expected = store.lifecycle("p").dump("p"), lifecycle.dump("p")
        # The steps, because a message tells which call it was, and a retry calls anew.
        skipped = [[name for name, _ in state.pop("skipped", ())] for state in (kept, expected)]
        assert skipped[0] == skipped[1] == [error.step for error in result.skipped]
        assert kept == expected
        assert store.history == list(lifecycle.history)
        assert store.log[-1].kind == "processed"
        assert rows(store) == []
        replayed = Lifecycle(MODEL)
        replayed.replay(store.log)
        assert [row.to_stage for row in replayed.history] == [row.to_stage for row in store.history]


def test_s14_who_is_expected_is_sorted_by_the_worker_alone(database: Database) -> None:
    clock, service = Clock(), Service()
    model = attrs.evolve(MODEL, settle=MINUTE)
    store, worker = processing(database, [service.step(1, adds(1))], clock, model)
    store.expect_processed(["p"])
    store.apply(act("c", "created", T))
    store.tick(clock.now)
    assert states(worker.run_once()) == [("p", "sorted")]
    assert service.calls == {"step_1": 1}
    assert [row.now for row in store.history] == [T, clock.now]


def test_s14_a_step_sees_what_came_meanwhile_and_what_earlier_steps_gave(
    database: Database,
) -> None:
    clock, service, seen = Clock(), Service(), []

    def first(person: Any) -> Mapping[str, Any]:
        store.apply(act("m", "changed", T + 2 * HOUR, start="d", big=2.5))
        return {"level": 5, "since": T}

    def second(person: Any) -> Mapping[str, Any]:
        seen.append((person.level, person.since, person.start, person.big))
        return {"start": "c"}

    service.failing["step_2"] = 1
    steps = [service.step(1, first), service.step(2, second, attempts=2)]
    store, worker = processing(database, steps, clock)
    store.apply(act("c", "created", T))
    assert states(worker.run_once()) == [("p", "waiting")]
    clock.now += MINUTE  # and the person is further
    assert states(worker.run_once()) == [("p", "sorted")]
    assert seen == [(5, T, "d", 2.5)]
    person: Any = store.lifecycle("p").person("p")
    assert (person.stage, person.start, person.level) == ("c", "c", 5)
    assert person.history[-1].now == store.log[-1].at == T + 2 * HOUR
    assert store.log[-1].payload == {"level": 5, "since": T.isoformat(), "start": "c"}


# ------------------------------------------------------------------ failures


def test_s13_a_failed_step_is_tried_again_later_and_stops_nobody(database: Database) -> None:
    clock, service = Clock(), Service()
    steps = [
        service.step(1, adds(1)),
        service.step(2, adds(2), attempts=3),
        service.step(3, adds(3)),
    ]
    store, worker = processing(database, steps, clock)
    service.failing["step_2"] = 2
    for name in ("p", "q", "r"):
        store.apply(act("c", "created", T, name))
    first = worker.run_once()
    assert sorted(result.state for result in first) == ["sorted", "waiting", "waiting"]
    assert {str(result.error) for result in first} == {
        "step_2: OSError: call 1 of step_2 was not answered",
        "step_2: OSError: call 2 of step_2 was not answered",
        "None",
    }
    tries = {row.person: row.next_try_at for row in rows(store)}
    assert all(clock.now < at <= clock.now + 5 * SECOND for at in tries.values())
    assert len({*tries.values()}) == 2
    assert worker.run_once() == []
    clock.now = min(tries.values())
    assert [state for _, state in states(worker.run_once())] == ["sorted"]
    clock.now = max(tries.values())
    assert [state for _, state in states(worker.run_once())] == ["sorted"]
    assert service.calls == {"step_1": 3, "step_2": 5, "step_3": 3}
    assert rows(store) == []


def test_each_step_and_each_request_has_all_attempts(database: Database) -> None:
    clock, service = Clock(), Service(failing={"step_1": 1, "step_2": 3})
    steps = [service.step(number, adds(number), attempts=2) for number in (1, 2)]
    store, worker = processing(database, steps, clock)
    store.apply(act("c", "created", T))
    for expected in ("waiting", "waiting", "parked", "waiting", "sorted"):
        assert states(worker.run_once()) == [("p", expected)]
        assert worker.retry() == (expected == "parked")
        clock.now += MINUTE
    assert service.calls == {"step_1": 2, "step_2": 4}


def test_the_wait_grows_with_each_failure_up_to_an_hour(database: Database) -> None:
    clock, service = Clock(), Service(failing={"step_1": 1000})
    store, worker = processing(database, [service.step(1, adds(1), attempts=30)], clock)
    store.apply(act("c", "created", T))
    waits = []
    while states(worker.run_once()) == [("p", "waiting")]:
        (row,) = rows(store)
        waits.append(row.next_try_at - clock.now)
        clock.now = row.next_try_at
    assert len(waits) == 29
    for number, wait in enumerate(waits):
        longest = min(5 * 2**number * SECOND, HOUR)
        assert longest / 2 <= wait <= longest
    assert len(set(waits[10:])) > 10


def test_s13_whose_last_attempt_failed_waits_for_a_request(database: Database) -> None:
    clock, service = Clock(), Service(failing={"step_2": 3})
    steps = [service.step(1, adds(1)), service.step(2, adds(2))]
    store, worker = processing(database, steps, clock)
    for name in ("p", "q", "r"):
        store.apply(act("c", "created", T, name))
    assert {state for _, state in states(worker.run_once())} == {"parked"}
    clock.now += 10 * DAY
    assert worker.run_once() == []
    assert sorted((row.error, row.next_try_at, row.claimed_until) for row in rows(store)) == [
        (f"step_2: OSError: call {number} of step_2 was not answered", None, None)
        for number in (1, 2, 3)
    ]
    assert (worker.retry("nobody"), worker.retry("q")) == (0, 1)
    assert states(worker.run_once()) == [("q", "sorted")]
    assert worker.retry() == 2
    last = [*worker.run_once(limit=1), *worker.run_once(limit=1)]
    assert states(last) == [("p", "sorted"), ("r", "sorted")]
    assert worker.retry() == 0
    assert service.calls == {"step_1": 3, "step_2": 6}


def test_s13_a_step_that_may_be_skipped_is_tried_as_often_first(database: Database) -> None:
    clock, service = Clock(), Service(failing={"step_1": 9})
    steps = [service.step(1, adds(1), attempts=2, on_failure="skip"), service.step(2, adds(7))]
    store, worker = processing(database, steps, clock)
    store.apply(act("c", "created", T))
    assert states(worker.run_once()) == [("p", "waiting")]
    clock.now += MINUTE
    (result,) = worker.run_once()
    assert (result.state, service.calls) == ("sorted", {"step_1": 2, "step_2": 1})
    assert [str(error) for error in result.skipped] == [
        "step_1: OSError: call 2 of step_1 was not answered"
    ]
    assert store.lifecycle("p").dump("p")["fields"]["level"] == 7


@pytest.mark.parametrize("on_failure", ["park", "skip"])
def test_an_error_that_no_database_takes_is_kept_nearly(
    on_failure: Any, database: Database
) -> None:
    def fails(person: Any, context: Any) -> Mapping[str, Any]:
        raise OSError("\ud800 and \0")

    clock, last = Clock(), Service(failing={"step_2": 1}).step(2, adds(2))
    store, worker = processing(database, [Step(1, "odd", fails, (), (), on_failure), last], clock)
    store.apply(act("c", "created", T))
    assert states(worker.run_once()) == [("p", "parked")]
    (row,) = rows(store)
    kept = row.error if on_failure == "park" else ": ".join(row.skipped[0])
    assert kept == "odd: OSError: ? and ?"


def test_s13_a_value_that_no_database_takes_parks(database: Database) -> None:
    step = Step(1, "odd", lambda person, context: {"industry": "a\0"}, (), ("industry",))
    store, worker = processing(database, [step], Clock())
    store.apply(act("c", "created", T))
    (result,) = worker.run_once()
    assert result.state == "parked"
    assert "NUL" in str(result.error)
    assert worker.run_once() == []


def test_s11_a_sort_that_fails_parks_and_is_tried_again_on_request(database: Database) -> None:
    clock, service = Clock(), Service()
    model = small(settle=30 * DAY, data=(DataRule(name="fails", on="processed", then=TOO_LARGE),))
    step = attrs.evolve(service.step(1, lambda person: {"level": 1}), writes=("level",))
    store, worker = processing(database, [step], clock, model)
    store.apply(act("c", "created", T, big=HUGE))
    (result,) = worker.run_once()
    assert result.state == "parked"
    assert "sort: " in str(result.error)
    assert worker.run_once() == []
    store.apply(act("m", "changed", T + HOUR, big=1.0))
    worker.retry()
    assert states(worker.run_once()) == [("p", "sorted")]
    assert service.calls == {"step_1": 1}


# ------------------------------------------------------------------ who is gone meanwhile


ELSEWHERE: Mapping[str, Callable[[Store], object]] = {
    "sorted by the clock": lambda store: store.tick(T + 2 * DAY),
    "sorted by the log": lambda store: store.apply(act("s", "processed", T + HOUR)),
    "merged into q": lambda store: store.apply(act("m", "merged", T + HOUR, "q", loser="p")),
}


@pytest.mark.parametrize("happens", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize("within", [True, False], ids=["within a step", "between two tries"])
def test_s14_progress_is_dropped_when_something_else_ends_processing(
    within: bool, happens: Callable[[Store], object], database: Database
) -> None:
    def first(person: Any) -> Mapping[str, Any]:
        if within and service.calls["step_1"] == 1:
            happens(store)
        return {"level": 9}

    clock, service = Clock(), Service(failing={"step_2": 1})
    steps = [
        service.step(1, first),
        service.step(2, adds(0), on_failure="skip", attempts=2),
    ]
    store, worker = processing(database, steps, clock, attrs.evolve(MODEL, settle=DAY))
    for activity in (
        act("c", "created", T),
        act("c", "created", T, "q"),
        act("s", "processed", T, "q"),
    ):
        store.apply(activity)
    assert states(worker.run_once()) == [("p", "dropped" if within else "waiting")]
    if not within:
        happens(store)
    history = store.history
    clock.now += MINUTE
    assert worker.run_once() == []
    assert rows(store) == []
    assert store.history == history


def test_s23_a_record_that_was_folded_into_a_new_one_leaves_processing_to_it(
    database: Database,
) -> None:
    def fold(person: Any) -> Mapping[str, Any]:
        if person.id == "p":
            store.apply(act("m", "merged", T + HOUR, "q", loser="p"))
        return {"level": 2 if person.id == "q" else 1}

    store, worker = processing(database, [Service().step(1, fold)], Clock())
    for name in ("p", "q"):
        store.apply(act("c", "created", T, name))
    assert states(worker.run_once()) == [("p", "dropped"), ("q", "sorted")]
    ends = [each for each in store.log if each.kind == "processed"]
    assert [(end.person, end.payload) for end in ends] == [("q", {"level": 2})]
    assert rows(store) == []


# ------------------------------------------------------------------ several workers


def test_workers_at_once_share_the_people(database: Database) -> None:
    service = Service()
    steps = [service.step(1, adds(1)), service.step(2, adds(2))]
    store, _ = processing(database, steps, Clock())
    names = [f"p-{number}" for number in range(20)]
    for name in names:
        store.apply(act("c", "created", T, name))
    workers = [processing(database, steps, Clock())[1] for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        results = list(threads.map(lambda worker: worker.run_once(), workers))
    assert states(itertools.chain(*results)) == sorted((name, "sorted") for name in names)
    assert service.calls == {"step_1": 20, "step_2": 20}


def test_a_worker_that_lost_its_claim_changes_nothing(database: Database) -> None:
    clock, other_clock = Clock(), Clock()
    taken: list[Any] = []

    def slow(person: Any) -> Mapping[str, Any]:
        if service.calls["step_1"] == 1:
            other_clock.now = clock.now + timedelta(seconds=60)
            taken.extend(other.run_once())
            return {"level": 1}
        return {"level": 2}

    service = Service(failing={"step_2": 1})
    steps = [service.step(1, slow), service.step(2, adds(0))]
    store, worker = processing(database, steps, clock)
    _, other = processing(database, steps, other_clock)
    store.apply(act("c", "created", T))
    assert states(worker.run_once()) == [("p", "dropped")]
    assert states(taken) == [("p", "parked")]
    (row,) = rows(store)
    assert (row.step, row.given) == ("step_2", {"level": 2})


def test_a_lease_covers_the_longest_timeout(database: Database) -> None:
    clock, other_clock = Clock(), Clock()
    taken: list[Any] = []

    def slow(person: Any) -> Mapping[str, Any]:
        other_clock.now = clock.now + timedelta(seconds=99)
        taken.extend(other.run_once())
        return {}

    service = Service()
    steps = [service.step(1, slow), service.step(2, adds(0), timeout=40)]
    store, worker = processing(database, steps, clock)
    _, other = processing(database, steps, other_clock)
    store.apply(act("c", "created", T))
    assert states(worker.run_once()) == [("p", "sorted")]
    assert taken == []


def test_progress_of_a_chain_that_is_another_now_begins_again(database: Database) -> None:
    clock, service = Clock(), Service(failing={"step_2": 1})
    old, _ = steps = [service.step(1, adds(1)), service.step(2, adds(2))]
    store, worker = processing(database, steps, clock)
    store.apply(act("c", "created", T))
    assert states(worker.run_once()) == [("p", "parked")]
    _, changed = processing(database, [old, service.step(3, adds(3))], clock)
    changed.retry()
    assert states(changed.run_once()) == [("p", "sorted")]
    assert service.calls == {"step_1": 2, "step_2": 1, "step_3": 1}


# ------------------------------------------------------------------ a worker that is killed


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.store.test_processing import killed_worker

killed_worker(Path(sys.argv[1]), sys.argv[2])
"""


def counting(folder: Path, killed_in: str) -> list[Step]:
    """Steps that note their calls in a file; one kills its process when it is called first."""
    calls = folder / "calls"

    def step(number: int) -> Step:
        def run(person: Any, context: Any) -> Mapping[str, Any]:
            before = calls.read_text("ascii") if calls.exists() else ""
            calls.write_text(f"{before}{number} ", "ascii")
            if killed_in == str(number):
                os.kill(os.getpid(), signal.SIGKILL)
            return {"level": person.level * 10 + number}

        return Step(number, f"step_{number}", run, writes=("level",))

    return [step(number) for number in (1, 2, 3)]


def killed_worker(folder: Path, address: str) -> None:
    _, worker = processing(address, counting(folder, (folder / "kill").read_text()), Clock())
    worker.run_once()


@pytest.mark.parametrize(
    ("killed_in", "calls"), [("1", "1 1 2 3 "), ("2", "1 2 2 3 "), ("3", "1 2 3 3 ")]
)
def test_another_worker_goes_on_where_one_was_killed(
    killed_in: str, calls: str, address: str, opened: Opened, tmp_path: Path
) -> None:
    clock = Clock()
    store, worker = processing(opened(address), counting(tmp_path, ""), clock)
    store.apply(act("c", "created", T))
    (tmp_path / "kill").write_text(killed_in)
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path, address], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert worker.run_once() == []  # the claim holds
    clock.now += timedelta(seconds=60)
    assert states(worker.run_once()) == [("p", "sorted")]
    assert (tmp_path / "calls").read_text("ascii") == calls
    assert store.lifecycle("p").dump("p")["fields"]["level"] == 123
