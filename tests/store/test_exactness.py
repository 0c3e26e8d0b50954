"""A store goes the way of a Lifecycle that was never interrupted."""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lifecycle_fsm import Activity, Engine, Lifecycle, UnknownPerson, load
from lifecycle_fsm.store import Store
from tests.oracle.comparing import built, handed
from tests.oracle.generator import Story, story
from tests.oracle.language import as_time

DAY = timedelta(days=1)
STORIES = int(os.environ.get("LIFECYCLE_STORIES", "40")) // 8
SHAPES: dict[str, dict[str, Any]] = {
    "one person": {"lateness": 0.2},
    "records that are merged": {"persons": 3, "lateness": 0.2},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_store_goes_the_way_of_a_lifecycle(shape: str, tmp_path: Path) -> None:
    for seed in range(STORIES):
        example = story(Random(f"{shape}{seed}"), **SHAPES[shape])
        if example.expected:
            continue  # who waits for the log is told to a Lifecycle, and not to a store yet
        compare(example, f"sqlite:///{tmp_path}/{shape} {seed}.db", f"{shape} {seed}\n{example}")


def compare(example: Story, address: str, name: str) -> None:
    engine = Engine(built(example))
    log: list[Activity] = []
    lifecycle = Lifecycle(engine, log=log.append)
    store = Store(engine, address)
    for number, (word, what) in enumerate(example.steps):
        if word == "tick":
            lifecycle.tick(as_time(what))
            store.tick(as_time(what))
        elif word == "apply":
            activity = handed(what, example.model)
            decision = lifecycle.apply(activity)
            theirs = store.apply(activity)
            assert (theirs, theirs.rows) == (decision, decision.rows), (number, what, name)
    assert {*store.history} == {*lifecycle.history}, name
    assert {*store.deadlines} == {*lifecycle.deadlines}, name
    assert {(act.person, act.id, json.dumps(act.dump())) for act in store.log} == {
        (act.person, act.id, json.dumps(act.dump())) for act in log
    }, name
    for person in lifecycle:
        kept = store.lifecycle(person.id)
        assert kept.dump(person.id) == lifecycle.dump(person.id), name
        assert kept.person(person.id).history == person.history, name


def test_two_stores_of_one_file_take_turns_with_one_person(tmp_path: Path) -> None:
    engine = Engine(load("two_step"))
    stores = [Store(engine, f"sqlite:///{tmp_path}/people.db") for _ in range(2)]
    at = datetime.fromisoformat("2024-05-01T09:00:00Z")
    stores[0].apply(Activity("c-1", "ann", "created", at))
    results = [
        stores[number % 2]
        .apply(Activity(f"f-{number // 2}", "ann", "form_filled", at + DAY, {"form": "Demo"}))
        .result
        for number in range(4)
    ]
    assert results == ["unchanged", "duplicate", "moved", "duplicate"]
    assert stores[1].lifecycle("ann").person("ann").stage == "lead"
    with pytest.raises(UnknownPerson, match="nobody with the id 'bo'"):
        stores[0].lifecycle("bo")
    with sqlite3.connect(tmp_path / "people.db") as connection:
        assert connection.execute("SELECT id FROM person").fetchall() == [("ann",)]
