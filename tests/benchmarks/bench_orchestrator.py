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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from transitions import Machine

from lifecycle_fsm import Activity, Lifecycle

START = datetime(2024, 1, 1, tzinfo=UTC)


class Bare:
    """A model of plain ``transitions``."""

    __slots__ = ("score", "state")

    def __init__(self, score: int) -> None:
        self.state = "mal"
        self.score = score


def bare_event() -> Any:
    """The one trigger of a shared machine with one condition."""
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
    return machine.events["qualify"]


def bare(count: int) -> float:
    """Seconds for each trigger."""
    people = [Bare(index % 100) for index in range(count)]
    event = bare_event()
    began = time.perf_counter()
    for person in people:
        event.trigger(person)
    return (time.perf_counter() - began) / count


def happenings(index: int) -> tuple[Activity, ...]:
    """What happens to one person after creation: data only, a move, the CRM knows them, and another
    move or detour."""
    person = f"person-{index:07}"
    at = START + timedelta(seconds=index)
    name = f"{index:07}"
    last = (
        Activity(f"{name}-d", person, "sales_rejected", at + timedelta(2), {"reason": "no_time"})
        if index % 3 == 0
        else Activity(f"{name}-d", person, "sales_touched", at + timedelta(2))
    )
    return (
        Activity(f"{name}-b", person, "form_filled", at + timedelta(hours=1), {"form": "News"}),
        Activity(f"{name}-c", person, "form_filled", at + timedelta(1), {"form": "Hand-Raise: A"}),
        Activity(f"{name}-s", person, "crm_synced", at + timedelta(1, 5)),
        last,
    )


def run(count: int) -> tuple[float, float, float, float]:
    """Seconds for each admission and for each activity; resident bytes for each person when
    sorted, and at the end with four rows of history."""
    lifecycle = Lifecycle("waterfall")
    gc.collect()
    gc.freeze()
    before = resident()
    began = time.perf_counter()
    for index in range(count):
        lifecycle.admit(f"person-{index:07}", at=START + timedelta(seconds=index), source="web")
    admitting = (time.perf_counter() - began) / count
    gc.collect()
    sorted_size = (resident() - before) / count
    spent = 0.0
    for index in range(count):
        several = happenings(index)
        began = time.perf_counter()
        for activity in several:
            lifecycle.apply(activity)
        spent += time.perf_counter() - began
    gc.collect()
    assert all(len(person.history) == 4 for person in lifecycle)
    return admitting, spent / (4 * count), sorted_size, (resident() - before) / count


def resident() -> int:
    """Bytes of memory that the process holds."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * resource.getpagesize()


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    bare(10_000)
    rival = bare(max(count, 100_000))
    admitting, each, small, large = run(count)
    print(f"{count:,} persons, {4 * count:,} activities after creation")
    print(f"bare transitions        {rival * 1e6:>8.2f} µs per trigger")
    print(f"data, move, history     {each * 1e6:>8.2f} µs per activity: {each / rival:.2f} times")
    print(f"original processing     {admitting * 1e6:>8.2f} µs per person")
    print(f"memory per person       {small:>8,.0f} bytes when sorted (2 rows of history)")
    print(f"                        {large:>8,.0f} bytes at the end (4 rows, 5 activities)")


if __name__ == "__main__":
    main()
