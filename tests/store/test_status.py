"""What a store says of itself."""

from __future__ import annotations

import json

import attrs
from sqlalchemy import Engine as Database
from sqlalchemy import insert, update

from lifecycle_fsm import Context, DataRule, Engine, Person, step
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.processing import Processing
from lifecycle_fsm.store.snapshot import snapshot
from lifecycle_fsm.store.status import status
from lifecycle_fsm.store.tables import PERSON, PROCESSING, REQUEST
from tests.machine.small import HOUR, HUGE, TOO_LARGE
from tests.store.conftest import Opened
from tests.store.telling import ASKING, DAY, START, happened


def test_it_counts_everything(database: Database) -> None:
    store = Store(ASKING, database)
    empty = status(store, START)
    assert empty.people == dict.fromkeys(["new", "contact", "lead", "customer", "lost"], 0)
    assert (empty.due, empty.oldest_due, empty.lag.total_seconds()) == (0, None, 0)
    assert (empty.requests, empty.oldest_waiting, empty.activities) == ({}, None, 0)
    for activity in (
        happened("ann", "created", 0, email="ann@example.com"),
        happened("bo", "created", 0.5, email="bo@example.com"),
        happened("bo", "form_filled", 1, form="Demo"),
        happened("bo", "form_filled", 1.5, form="Demo"),
        happened("cy", "created", 2, email="cy@example.com"),
        happened("dan", "form_filled", 2, form="Demo"),
        happened("dan", "web_visit", 2),
    ):
        store.apply(activity)
    with database.begin() as connection:
        connection.execute(update(PERSON).where(PERSON.c.id == "ann").values(parked=True))
        working = {"step": "enrich", "given": {}, "skipped": [], "attempts": 0}
        connection.execute(insert(PROCESSING).values(person="cy", **working))
    now = status(store, START + 3 * DAY)
    assert now.to_dict() == {
        "model": "two_step",
        "version": ASKING.model.version,
        "at": "2024-05-04T09:00:00Z",
        "people": {"new": 2, "contact": 0, "lead": 1, "customer": 0, "lost": 0},
        "due": 2,
        "oldest_due": "2024-05-01T09:01:00Z",
        "lag_seconds": 3 * 86_400 - 60,
        "needs_somebody": True,
        "held": 2,
        "parked": 1,
        "requests": {"held": 1, "waiting": 1},
        "oldest_waiting": "2024-05-01T21:01:00Z",
        "processing": 1,
        "stopped": 0,
        "activities": 8,
    }
    assert json.loads(json.dumps(now.to_dict())) == now.to_dict()
    store.tick(START + 3 * DAY)
    with database.begin() as connection:
        connection.execute(update(REQUEST).where(REQUEST.c.person == "bo").values(status="dead"))
    later = status(store, START + 3 * DAY)
    assert later.people == {"new": 0, "contact": 2, "lead": 1, "customer": 0, "lost": 0}
    assert (later.due, later.oldest_due) == (0, None)
    assert later.requests == {"dead": 2, "waiting": 2}


def test_a_snapshot_tells_the_same_without_an_engine(address: str, opened: Opened) -> None:
    store = Store(ASKING, opened(address))
    store.apply(happened("ann", "created", 0, email="ann@example.com"))
    with snapshot(address) as moment:
        assert status(moment, START + DAY) == status(store, START + DAY)
        assert moment.version() == ("two_step", ASKING.model.version)


def test_whoever_is_stopped_in_processing_is_counted_once(address: str) -> None:
    """By a step that is tried again, by one that is not, and by the sort; cy is well."""
    trouble: dict[str, int] = {"ann": 1, "bo": 9}

    @step(number=25, writes="industry", on_failure="park", attempts=2)
    def register(person: Person, context: Context) -> dict[str, str]:
        if trouble.get(person.id, 0):
            trouble[person.id] -= 1
            raise ConnectionError("the register is down")
        return {"industry": "shoes"}

    fails = DataRule(name="fails", on="processed", when="employees is known", then=TOO_LARGE)
    big = FieldDef("big", FieldType("float", nullable=True))
    model = attrs.evolve(
        ASKING.model, settle=30 * DAY, fields=(*ASKING.model.fields, big), data=(fails,)
    )
    with Store(Engine(model, steps=[register]), address) as store:
        for name in ("ann", "bo", "cy"):
            store.apply(happened(name, "created", 0))
        broken: dict[str, object] = {"big": HUGE, "employees": 5}
        store.apply(happened("dan", "created", 0, **broken))
        now = START + DAY
        worker = Processing(store, clock=lambda: now)
        counts = []
        for pause in (HOUR, HOUR, HOUR):
            worker.run_once()
            at = status(store, now)
            counts.append((at.people["new"], at.processing, at.stopped, at.parked))
            now += pause
        assert counts == [(3, 2, 0, 1), (2, 0, 1, 1), (2, 0, 1, 1)]
