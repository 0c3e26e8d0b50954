"""Time and memory of the whole way of an activity, beside a bare ``transitions`` machine.

    python tests/benchmarks/bench_orchestrator.py [PERSONS]

The rival is the leanest thing that plain ``transitions`` offers: one shared machine, no models
bound, one trigger with one condition, fired once for each activity in the same process.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from transitions import Machine

from lifecycle_fsm import Activity, Lifecycle

START = datetime(2024, 1, 1, tzinfo=UTC)


class Bare:
    """A model of plain ``transitions``."""

    __slots__ = ("score", "state")

    def __init__(self, score: int) -> None:
        self.state = "mal"
        self.score = score


def bare(count: int) -> float:
    """Seconds for each trigger of a shared machine with one condition."""
    machine = Machine(
        model=None,
        states=["mal", "mql"],
        initial="mal",
        auto_transitions=False,
        send_event=True,
    )
    machine.add_transition(
        "qualify", "mal", "mql", conditions=lambda event: event.model.score >= 65
    )
    people = [Bare(index % 100) for index in range(count)]
    event = machine.events["qualify"]
    began = time.perf_counter()
    for person in people:
        event.trigger(person)
    return (time.perf_counter() - began) / count


def activities(index: int) -> Iterator[Activity]:
    """Four activities of one person: two moves, and a detour for every third."""
    person = f"person-{index:07}"
    at = START + timedelta(seconds=index)
    yield Activity(f"{index}-a", person, "created", at, {"source": "web"})
    yield Activity(f"{index}-b", person, "form_filled", at + timedelta(hours=1), {"form": "News"})
    yield Activity(
        f"{index}-c", person, "form_filled", at + timedelta(days=1), {"form": "Hand-Raise: Demo"}
    )
    if index % 3 == 0:
        yield Activity(
            f"{index}-d", person, "sales_rejected", at + timedelta(days=2), {"reason": "no_time"}
        )
    else:
        yield Activity(f"{index}-d", person, "sales_touched", at + timedelta(days=2), {})


def run(count: int) -> tuple[float, float, int]:
    """Seconds for each activity, resident bytes for each person, and rows of history."""
    lifecycle = Lifecycle("waterfall")
    gc.collect()
    gc.freeze()
    before = resident()
    spent = 0.0
    number = 0
    for index in range(count):
        several = list(activities(index))
        began = time.perf_counter()
        for activity in several:
            lifecycle.apply(activity)
        spent += time.perf_counter() - began
        number += len(several)
    gc.collect()
    return spent / number, (resident() - before) / count, sum(1 for _ in lifecycle.history)


def resident() -> int:
    """Bytes of memory that the process holds."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    bare(10_000)
    rival = bare(max(count, 100_000))
    each, memory, rows = run(count)
    print(f"persons                 {count:>12,}   activities {4 * count:,}   rows {rows:,}")
    print(f"bare transitions        {rival * 1e6:>12.2f} µs per trigger")
    print(f"lifecycle_fsm           {each * 1e6:>12.2f} µs per activity")
    print(f"ratio                   {each / rival:>12.2f}")
    print(f"memory per person       {memory:>12,.0f} bytes, with history")


if __name__ == "__main__":
    tracemalloc.stop()
    main()
