"""What a fired event costs while it is watched, beside one that nobody watches, in the same run.

    python tests/benchmarks/bench_coverage.py [PERSONS]

``moved`` is a trigger of the shipped waterfall that moves somebody, and ``refused`` one that does
not; ``in a test`` moves somebody once in each test, so that all of it is new to the watch;
``activity`` is the whole way of an activity. ``inner loop`` is no event: the system moves of one
person, without the decision that tells of them.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from lifecycle_fsm import Activity, Lifecycle
from lifecycle_fsm.machine import LifecycleMachine
from lifecycle_fsm.model.toml_files import load
from lifecycle_fsm.person import Person
from lifecycle_fsm.testing.recorder import Watch

T = datetime(2024, 5, 1, 9, tzinfo=UTC)
ROUNDS = 40
WATCHES: list[Watch] = []


@contextmanager
def watched(active: bool) -> Iterator[None]:
    if not active:
        yield
        return
    with Watch() as watch:
        WATCHES.append(watch)
        watch.switch("a test")
        yield
        WATCHES.clear()


def people_at(stage: str, count: int, **fields: Any) -> tuple[LifecycleMachine, list[Person]]:
    """A machine of the shipped model, and persons who have come to be in a stage."""
    machine = LifecycleMachine(load("waterfall"))
    people = []
    for number in range(count):
        person = machine.person(f"p{number}", **fields)
        machine.begin(person, T, None)
        person._stage = stage
        people.append(person)
    return machine, people


def fire(count: int, outcome: str, **fields: Any) -> float:
    """Seconds for a trigger at MQL, with its decision."""
    machine, people = people_at("mql", count, **fields)
    at = T + timedelta(days=1)
    ask = machine.fire
    began = time.process_time()
    for person in people:
        decision = ask(person, "sales_rejected", at=at)
    spent = time.process_time() - began
    assert decision.result == outcome, decision
    return spent / count


def short_tests(count: int) -> float:
    """Seconds for a trigger that is all that its test asks: everything is new to the watch."""
    machine, people = people_at("mql", count, rejection_reason="no_budget")
    at = T + timedelta(days=1)
    watch = WATCHES[-1] if WATCHES else None
    began = time.process_time()
    for person in people:
        if watch is not None:
            watch.switch(person.id)
        machine.fire(person, "sales_rejected", at=at)
    return (time.process_time() - began) / count


def advance(count: int) -> float:
    """Seconds for a system move alone: six guards are asked, nothing is decided or kept."""
    machine, people = people_at("mal", count, behavior_score=90, demographic_score=90)
    at = T + timedelta(days=1)
    began = time.process_time()
    for person in people:
        machine.advance(person, machine.context(person, at))
    spent = time.process_time() - began
    assert people[0].stage == "mql", people[0]
    return spent / count


def activities(count: int) -> float:
    """Seconds for an activity of a ``Lifecycle``."""
    lifecycle = Lifecycle("waterfall")
    log = []
    for number in range(count):
        person = f"p{number}"
        log.append(Activity(f"c{number}", person, "created", T, {"source": "web"}))
        log.append(
            Activity(f"f{number}", person, "form_filled", T + timedelta(days=1), {"form": "demo"})
        )
    began = time.process_time()
    lifecycle.replay(log)
    return (time.process_time() - began) / len(log)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3_000
    measured: dict[str, Callable[[], float]] = {
        "moved": lambda: fire(count, "moved", rejection_reason="no_budget"),
        "refused": lambda: fire(count, "refused"),
        "in a test": lambda: short_tests(count),
        "inner loop": lambda: advance(count),
        "activity": lambda: activities(count // 3),
    }
    for name, run in measured.items():
        best = {True: float("inf"), False: float("inf")}
        for _ in range(ROUNDS):
            for active in (False, True):
                gc.collect()
                gc.disable()
                with watched(active):
                    best[active] = min(best[active], run())
                gc.enable()
        plain, seen = best[False] * 1e6, best[True] * 1e6
        print(f"{name:10} {plain:7.2f} µs, watched {seen:7.2f} µs, ratio {seen / plain:.2f}")


if __name__ == "__main__":
    main()
