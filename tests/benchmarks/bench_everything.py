"""Everything that a lifecycle does, beside a bare ``transitions`` machine.

    python -m tests.benchmarks.bench_everything [PERSONS]

The log is that of the demo's company, run through the shipped ``waterfall``: original processing,
data, scoring with caps, decay, moves, deadlines in working hours, assignment, alerts, merges and
history. The rival goes through the same log and does one thing for each activity: it finds the
person and fires one trigger with one condition of one shared machine. Both take turns in chunks of
the log, so that a busy machine is busy for both. One person passes before, so that the libraries
that clean records are loaded: that is a tenth of a second once, not a cost of each activity.
"""

from __future__ import annotations

import gc
import sys
import time
from itertools import islice

from lifecycle_fsm import Lifecycle
from lifecycle_fsm.demo import company
from lifecycle_fsm.tables import by_event
from tests.benchmarks.bench_orchestrator import START, Bare, bare_event, resident

CHUNK = 2_000


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    requests = 0

    def record(decision: object) -> None:
        nonlocal requests
        requests += len(decision.requests)  # type: ignore[attr-defined]

    Lifecycle("waterfall").admit(
        "first", at=START, email="a@acme.example", country="Germany", phone="+49 30 2270"
    )
    lifecycle = Lifecycle("waterfall", record=record)
    log = by_event(company.invent(count, 1).with_processing(lifecycle.model).log)
    lifecycle.expect_processed({one.person for one in log if one.kind == "processed"})
    event = bare_event()
    rivals = {one.person: Bare(0) for one in log}
    gc.collect()
    gc.freeze()
    gc.disable()  # as run and demo do, for both
    before = resident()
    ours = theirs = 0.0
    activities = iter(log)
    while chunk := list(islice(activities, CHUNK)):
        began = time.perf_counter()
        for place, activity in enumerate(chunk):
            rival = rivals[activity.person]
            rival.state, rival.score = "mal", place % 100
            event.trigger(rival)
        theirs += time.perf_counter() - began
        began = time.perf_counter()
        for activity in chunk:
            lifecycle.apply(activity)
        ours += time.perf_counter() - began
    gc.collect()
    size = (resident() - before) / len(lifecycle)
    rows = sum(1 for _ in lifecycle.history)
    each, rival_each = ours / len(log), theirs / len(log)
    print(
        f"{len(lifecycle):,} persons, {len(log):,} activities, {rows:,} rows, {requests:,} requests"
    )
    print(f"bare transitions        {rival_each * 1e6:>8.2f} µs per trigger")
    print(
        f"everything              {each * 1e6:>8.2f} µs per activity: {each / rival_each:.2f} times"
    )
    print(f"memory                  {size:>8,.0f} bytes per person")


if __name__ == "__main__":
    main()
