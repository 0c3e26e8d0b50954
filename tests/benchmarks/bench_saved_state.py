"""What it costs to save a person and to take them up again.

    python -m tests.benchmarks.bench_saved_state [PERSONS]

The people are those of the demo's company in the shipped ``waterfall``, after all of its log. Each
part is timed alone, in processor time of this process, for small groups of people; of many passes
over everybody, the best time of each group counts, so that a busy machine does not. At last all
four parts come for one person after the other: as a copy is made, and as a worker takes people up.
With more than some 3,000 people, the texts of their times are not known from the pass before.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from lifecycle_fsm import Lifecycle
from lifecycle_fsm.demo import company
from lifecycle_fsm.tables import by_event

GROUP, PASSES = 40, 40


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    lifecycle = Lifecycle("waterfall")
    log = by_event(company.invent(count, 1).with_processing(lifecycle.model).log)
    lifecycle.expect_processed(
        {activity.person for activity in log if activity.kind == "processed"}
    )
    for activity in log:
        lifecycle.apply(activity)
    people = [person.id for person in lifecycle]
    states = [lifecycle.dump(name) for name in people]
    texts = [orjson.dumps(state) for state in states]
    read = [orjson.loads(text) for text in texts]
    gc.collect()
    gc.freeze()
    gc.disable()

    def restoring() -> Callable[[Any], object]:
        return Lifecycle(lifecycle.engine).restore

    def saving_and_restoring() -> Callable[[Any], object]:
        restore = restoring()
        return lambda name: restore(orjson.loads(orjson.dumps(lifecycle.dump(name))))

    def working() -> Callable[[Any], object]:
        book = Lifecycle(lifecycle.engine)
        return lambda text: orjson.dumps(book.dump(book.restore(orjson.loads(text)).id))

    print(f"{len(people):,} people, {sum(map(len, texts)) / len(texts):,.0f} bytes each")
    for name, begin, things in (
        ("dump", lambda: lifecycle.dump, people),
        ("encode", lambda: orjson.dumps, states),
        ("decode", lambda: orjson.loads, texts),
        ("restore", restoring, read),
        ("all, saved first", saving_and_restoring, people),
        ("all, restored first", working, texts),
    ):
        print(f"{name:<20}{each(begin, things) * 1e6:>8.2f} µs")


def each(begin: Callable[[], Callable[[Any], object]], things: Iterable[Any]) -> float:
    """The seconds that one thing takes; every pass begins anew."""
    given = list(things)
    groups = [given[start : start + GROUP] for start in range(0, len(given), GROUP)]
    best = [float("inf")] * len(groups)
    for _ in range(PASSES):
        work = begin()
        for place, group in enumerate(groups):
            began = time.process_time()
            for thing in group:
                work(thing)
            best[place] = min(best[place], time.process_time() - began)
    return sum(best) / len(given)


if __name__ == "__main__":
    main()
