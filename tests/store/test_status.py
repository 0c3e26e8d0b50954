"""What a store says of itself."""

from __future__ import annotations

import json

from sqlalchemy import Engine as Database
from sqlalchemy import insert, update

from lifecycle_fsm.store import Store
from lifecycle_fsm.store.snapshot import snapshot
from lifecycle_fsm.store.status import status
from lifecycle_fsm.store.tables import PERSON, PROCESSING, REQUEST
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
        "at": "2024-05-04T09:00:00+00:00",
        "people": {"new": 2, "contact": 0, "lead": 1, "customer": 0, "lost": 0},
        "due": 2,
        "oldest_due": "2024-05-01T09:01:00+00:00",
        "lag_seconds": 3 * 86_400 - 60,
        "held": 2,
        "parked": 1,
        "requests": {"held": 1, "waiting": 1},
        "oldest_waiting": "2024-05-01T21:01:00+00:00",
        "processing": 1,
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
