"""A store goes the way of a Lifecycle that was never interrupted."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select

from lifecycle_fsm import (
    Activity,
    Decision,
    Engine,
    Lifecycle,
    LifecycleMachine,
    Observer,
    Person,
    UnknownPerson,
    load,
)
from lifecycle_fsm.model import Edge
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.forget import forget
from lifecycle_fsm.store.rebuild import rebuild
from lifecycle_fsm.store.tables import PERSON
from lifecycle_fsm.store.undo_merge import undo_merge
from tests.oracle.comparing import built, handed
from tests.oracle.generator import Story, story
from tests.oracle.language import as_time

if TYPE_CHECKING:
    from tests.store.conftest import NewAddress, Opened

DAY = timedelta(days=1)
STORIES = int(os.environ.get("LIFECYCLE_STORIES", "40")) // 8
SHAPES: dict[str, dict[str, Any]] = {
    "one person": {"lateness": 0.2},
    "records that are merged": {"persons": 3, "lateness": 0.2},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_store_goes_the_way_of_a_lifecycle(
    shape: str, new_address: NewAddress, opened: Opened
) -> None:
    for seed in range(STORIES):
        random = Random(f"{shape}{seed}")
        example = story(random, **SHAPES[shape])
        compare(example, random, opened(new_address()), f"{shape} {seed}")


def compare(example: Story, random: Random, database: Database, name: str) -> None:
    """Let both go through a story: some of it comes in batches, some before its person, and often
    two stores of one database take turns, each with people in memory whom the other changes."""
    engine = Engine(built(example))
    log: list[Activity] = []
    lifecycle = Lifecycle(engine, log=log.append)
    stores = [Store(engine, database) for _ in range(random.randint(1, 2))]
    lifecycle.expect_processed(example.expected)
    for store in stores:
        store.expect_processed(example.expected)
    steps = [step for step in example.steps if step[0] != "ask"]
    if random.random() < 0.5:
        steps.insert(random.randrange(len(steps)), steps.pop(0))
    name = f"{name}\n{example}\n{steps}"
    for word, some in groupby(steps, key=itemgetter(0)):
        if word == "tick":
            for _, until in some:
                lifecycle.tick(as_time(until))
                random.choice(stores).tick(as_time(until))
            continue
        activities = [handed(what, example.model) for _, what in some]
        if random.random() < 0.3:
            results = Counter(lifecycle.apply(activity).result for activity in activities)
            store = random.choice(stores)
            assert store.ingest(activities, batch=random.randint(1, 9)) == results, name
            continue
        for activity in activities:
            decision = lifecycle.apply(activity)
            theirs = random.choice(stores).apply(activity)
            assert (theirs, theirs.rows) == (decision, decision.rows), (activity, name)
    same(stores[-1], lifecycle, log, name)


def same(store: Store, lifecycle: Lifecycle, log: Iterable[Activity], name: str = "") -> None:
    """Both have the same people, history, deadlines, log, and what is held or parked."""
    assert {*store.history} == {*lifecycle.history}, name
    assert {*store.deadlines} == {*lifecycle.deadlines}, name
    assert Counter(map(text, store.log)) == Counter(map(text, log)), name
    for person in lifecycle:
        kept = store.lifecycle(person.id)
        assert kept.dump(person.id) == lifecycle.dump(person.id), name
        assert kept.person(person.id).history == person.history, name
    for stopped in ("held", "parked"):
        ours, theirs = getattr(lifecycle, stopped), getattr(store, stopped)
        assert ours.keys() == theirs.keys(), name
        assert all(Counter(map(repr, ours[key])) == Counter(map(repr, theirs[key])) for key in ours)


def text(activity: Activity) -> str:
    return json.dumps(activity.dump(), sort_keys=True)


def test_two_stores_of_one_database_take_turns_with_one_person(
    address: str, opened: Opened
) -> None:
    engine = Engine(load("two_step"))
    stores = [Store(engine, opened(address)) for _ in range(2)]
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
    with opened(address).connect() as connection:
        assert connection.scalars(select(PERSON.c.id)).all() == ["ann"]


@pytest.mark.parametrize(
    ("theirs", "result"),
    [
        ("apply the same", "duplicate"),
        ("apply another", "moved"),
        ("merge", "unchanged"),
        ("forget", "held"),
    ],
)
def test_what_others_did_to_a_person_in_memory_counts(
    theirs: str, result: str, address: str, opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine(load("two_step"))
    at = datetime.fromisoformat("2024-05-01T09:00:00Z")
    ours, other = (Store(engine, opened(address)) for _ in range(2))
    ours.apply(Activity("c-1", "bo", "created", at))
    ours.apply(Activity("c-2", "ann", "created", at))
    ours.apply(Activity("v-1", "ann", "web_visit", at + DAY))
    form = Activity("f-1", "ann", "form_filled", at + 2 * DAY, {"form": "Demo"})
    match theirs:
        case "apply the same":
            other.apply(form)
        case "apply another":
            other.apply(Activity("v-2", "ann", "web_visit", at + 2 * DAY))
        case "merge":
            other.apply(Activity("m-1", "bo", "merged", at + 2 * DAY, {"loser": "ann"}))
        case "forget":
            forget(other.database, "ann", overwrite_file=False)
    assert ours.apply(form).result == result
    assert {*ours.held} == ({"ann"} if result == "held" else set())
    checked = rebuild(ours)
    assert (checked.changed, checked.not_compared) == ((), ())
    assert not caplog.records  # a writer that begins again is nothing to worry about


def test_a_name_that_others_have_parted_is_a_person_of_its_own(
    address: str, opened: Opened
) -> None:
    """What one process remembers of a merge is not true any more when another has undone it."""
    engine = Engine(load("two_step"))
    at = datetime.fromisoformat("2024-05-01T09:00:00Z")
    ours, theirs = (Store(engine, opened(address)) for _ in range(2))
    for key, person, kind, payload in (
        ("c-1", "cy", "created", {}),
        ("c-2", "bo", "created", {}),
        ("m-1", "cy", "merged", {"loser": "bo"}),
    ):
        ours.apply(Activity(key, person, kind, at, payload))
    undo_merge(theirs, "cy", "bo", at + DAY)
    ours.apply(Activity("f-1", "cy", "form_filled", at + 2 * DAY, {"form": "Demo"}))
    forget(theirs.database, "bo", overwrite_file=False)
    assert ours.apply(Activity("c-2", "bo", "created", at + 3 * DAY)).result == "moved"
    assert theirs.lifecycle("bo").person("bo").created_at == at + 3 * DAY


def test_an_observer_hears_only_of_what_was_written(address: str, opened: Opened) -> None:
    """Not of a duplicate as if it were new, nor of work on a person that others have changed."""

    class Heard(Observer):
        def __init__(self) -> None:
            self.results: list[str] = []
            self.made: list[str] = []

        def activity_applied(
            self, machine: LifecycleMachine, activity: Activity, decisions: Sequence[Decision]
        ) -> None:
            self.results.append(f"{activity.id} {decisions[0].result}")

        def transition_made(
            self, machine: LifecycleMachine, person: Person, edge: Edge, now: datetime
        ) -> None:
            self.made.append(edge.name)

    at = datetime.fromisoformat("2024-05-01T09:00:00Z")
    ours, theirs = (Store(Engine(load("two_step")), opened(address)) for _ in range(2))
    heard = Heard()
    ours.engine.machine.observers.append(heard)
    ours.apply(Activity("c-1", "ann", "created", at))
    for store, key in ((ours, "f-1"), (ours, "f-1"), (theirs, "f-2"), (ours, "f-2"), (ours, "f-3")):
        store.apply(Activity(key, "ann", "form_filled", at + DAY, {"form": "Demo"}))
    assert heard.results[-4:] == [
        "f-1 unchanged",
        "f-1 duplicate",
        "f-2 duplicate",
        "f-3 unchanged",
    ]
    assert heard.made == ["everybody_else"]
