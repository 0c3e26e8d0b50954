"""Everybody in a store goes on in a new version of the model, all or nobody [S28]."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import insert, select

from lifecycle_fsm import Activity, Engine, Lifecycle, LifecycleError, Model, load, loads
from lifecycle_fsm.model.toml_files import dumps
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.model_change import migrate, release, try_migration
from lifecycle_fsm.store.tables import MODEL, PROCESSING, REQUEST

T = datetime.fromisoformat("2024-05-01T09:00:00Z")
DAY = timedelta(days=1)
OLD = load("two_step")
PEOPLE = ("ann", "bo", "cy")


def renamed(model: Model) -> Model:
    """The same lifecycle, in which a lead is called a prospect."""
    return loads(dumps(model).replace('"lead"', '"prospect"'))


def filled(database: Database, people: Iterable[str] = PEOPLE) -> Store:
    """A store with three people: a lead, a contact, and somebody in processing."""
    store = Store(Engine(OLD), database)
    store.expect_processed("cy")
    for name in people:
        store.apply(Activity("c-1", name, "created", T))
    for name in ("ann", "bo"):
        store.process(name, at=T + DAY)
    for number in range(9):
        visit = Activity(f"f-{number}", "ann", "form_filled", T + DAY, {"form": "Demo"})
        store.apply(visit)
    assert store.lifecycle("ann").person("ann").stage == "lead"
    return store


def test_everybody_goes_on_and_the_log_replays_to_the_same(database: Database) -> None:
    old, new = filled(database, PEOPLE[:2]), Engine(renamed(OLD))
    rows = old.history
    at = T + 3 * DAY
    old.tick(at)
    tried = try_migration(new, old.database, {"lead": "prospect"}, at=at)
    assert old.history == rows
    assert migrate(new, old.database, {"lead": "prospect"}, at=at) == tried
    assert tried.stages["lead", "prospect"] == 1
    store = Store(new, database)
    assert store.lifecycle("ann").person("ann").stage == "prospect"
    assert [row for row in store.history if row.kind != "migrate"] == rows
    lifecycle = Lifecycle(new)
    lifecycle.replay(store.log, earlier=[OLD])
    assert {*lifecycle.history} == {*store.history}
    for name in PEOPLE[:2]:
        assert store.lifecycle(name).dump(name) == lifecycle.dump(name)


def test_processes_of_the_former_model_change_nothing_any_more(database: Database) -> None:
    old = filled(database)
    old.tick(T + 3 * DAY)
    migrate(Engine(renamed(OLD)), old.database, {"lead": "prospect"}, at=T + 3 * DAY)
    rows = old.log
    for name in ("ann", "new"):
        with pytest.raises(LifecycleError, match="version"):
            old.apply(Activity("c-9", name, "created", T + 4 * DAY))
    with pytest.raises(LifecycleError, match="follow version"):
        Store(Engine(OLD), database)
    assert [activity.id for activity in old.log] == [activity.id for activity in rows]


def test_where_somebody_cannot_go_on_nobody_does(database: Database) -> None:
    old = filled(database)
    rows = old.history
    with pytest.raises(LifecycleError, match="lead"):
        migrate(Engine(renamed(OLD)), old.database, {}, at=T + 3 * DAY)
    assert old.history == rows
    Store(Engine(OLD), database)


def test_the_same_version_again_is_told(database: Database) -> None:
    old = Store(Engine(OLD), database)
    with pytest.raises(LifecycleError, match=r"follow version .* already"):
        migrate(Engine(OLD), old.database, {}, at=T)


def test_processing_begins_again_and_what_is_asked_for_waits(database: Database) -> None:
    old = filled(database)
    row = {"person": "cy", "step": "normalise", "given": {}, "skipped": []}
    with old.database.writing() as connection:
        connection.execute(insert(PROCESSING), row)
    settings = attrs.evolve(renamed(OLD), tokens={**renamed(OLD).tokens, "lead_threshold": 1})
    old.apply(Activity("f-1", "bo", "form_filled", T + 2 * DAY, {"form": "Demo"}))
    old.tick(T + 3 * DAY)
    with old.database.reading() as connection:
        before = {*connection.scalars(select(REQUEST.c.id))}
    report = migrate(Engine(settings), old.database, {"lead": "prospect"}, at=T + 3 * DAY)
    with old.database.reading() as connection:
        assert not connection.execute(select(PROCESSING)).all()
        status = {row.id: row.status for row in connection.execute(select(REQUEST))}
        assert len(connection.execute(select(MODEL)).all()) == 2
    new = {name: value for name, value in status.items() if name not in before}
    assert set(new.values()) <= {"held", "superseded"}
    assert report.moves or not new
    assert release(old.database) == sum(value == "held" for value in new.values())
