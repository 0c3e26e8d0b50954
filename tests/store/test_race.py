"""Processes that write into one store at once leave what one of them would have left."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import attrs
import pytest

from lifecycle_fsm import Activity
from lifecycle_fsm.store.processing import Processing
from tests.store.crowd import (
    ACCEPTED,
    DAY,
    HOUR,
    START,
    UNTIL,
    Crowd,
    check_against_serial_run,
    new_process,
    open_store,
    settle_down,
    stored_keys,
)

if TYPE_CHECKING:
    from tests.store.conftest import NewAddress

#: How many races are run; more of them on request.
RACES = int(os.environ.get("LIFECYCLE_RACES", "1"))
WRITERS = 8
PEOPLE = 100


@attrs.frozen
class Writer:
    """One of the processes: it gives its share, lets time pass, and processes and retries."""

    address: str
    crowd: Crowd
    number: int
    results: Path

    def __call__(self) -> None:
        """Run; an error ends the process with a code."""
        random = Random(f"{self.crowd.seed} writer {self.number}")
        share = self.share()
        results: list[tuple[str, str, str]] = []
        with open_store(self.address, self.crowd.people) as store:
            worker = Processing(store, clock=lambda: START + random.randrange(100) * DAY)
            while share:
                work = random.random()
                if work < 0.1:
                    batch = [share.pop() for _ in range(min(len(share), random.randint(2, 20)))]
                    assert sum(store.ingest(batch, batch=7).values()) == len(batch)
                else:
                    activity = share.pop()
                    decision = store.apply(activity)
                    results.append((activity.person, activity.id, decision.result))
                if work > 0.97:
                    store.tick(START + random.randrange(2000) * HOUR)
                elif work > 0.95:
                    store.retry(START + random.randrange(2000) * HOUR)
                elif work > 0.92:
                    worker.run_once(3)
            store.tick(UNTIL)
        self.results.write_text(json.dumps(results), "utf-8")

    def share(self) -> list[Activity]:
        """What this writer gives, the first last."""
        offered = self.crowd.activities() + self.crowd.again() + self.crowd.clashing()
        return offered[self.number :: WRITERS][::-1]


@pytest.mark.parametrize("seed", range(RACES))
def test_writers_at_once_leave_what_one_would_leave(
    seed: int, new_address: NewAddress, tmp_path: Path
) -> None:
    address, crowd = new_address(), Crowd(f"race{seed}", PEOPLE)
    writers = [
        Writer(address, crowd, number, tmp_path / f"{number}.json") for number in range(WRITERS)
    ]
    processes = [new_process(writer) for writer in writers]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * WRITERS

    with open_store(address, crowd.people) as store:
        settle_down(store)
        check_against_serial_run(store)
        stored = stored_keys(store)
    told = Counter(
        (person, name)
        for writer in writers
        for person, name, result in json.loads(writer.results.read_text("utf-8"))
        if result in ACCEPTED - {"parked"}
    )
    assert [key for key, times in told.items() if times > 1] == []
    assert [key for key in told if key not in stored] == []
    offered = [*crowd.activities(), *crowd.again()]
    assert [each for each in offered if (each.person, each.id) not in stored] == []
