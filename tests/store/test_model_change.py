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
HOUR = timedelta(hours=1)
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


def test_r46_everybody_goes_on_and_the_log_replays_to_the_same(database: Database) -> None:
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
    with pytest.raises(LifecycleError, match=r"^1 person cannot be migrated to version .*'lead'"):
        migrate(Engine(renamed(OLD)), old.database, {}, at=T + 3 * DAY)
    assert old.history == rows
    Store(Engine(OLD), database)


def test_the_same_version_again_is_told(database: Database) -> None:
    old = Store(Engine(OLD), database)
    with pytest.raises(LifecycleError, match=r"follow version .* already"):
        migrate(Engine(OLD), old.database, {}, at=T)


def test_original_processing_begins_again(database: Database) -> None:
    old = filled(database)
    row = {"person": "cy", "step": "normalise", "given": {}, "skipped": []}
    with old.database.writing() as connection:
        connection.execute(insert(PROCESSING), row)
    old.tick(T + 3 * DAY)
    migrate(Engine(renamed(OLD)), old.database, {"lead": "prospect"}, at=T + 3 * DAY)
    with old.database.reading() as connection:
        assert not connection.execute(select(PROCESSING)).all()
        assert len(connection.execute(select(MODEL)).all()) == 2


def test_what_is_asked_for_by_it_waits_to_be_released(database: Database) -> None:
    """A lower threshold moves somebody on, for whom the CRM and sales are asked to do something."""
    model = load("waterfall")
    lower = attrs.evolve(model, tokens={**model.tokens, "mql_threshold": 20})
    store = Store(Engine(model), database)
    who = {"email": "ann@acme.example", "country": "Germany", "company": "Acme", "employees": 500}
    role = {"seniority": "director", "role": "marketing"}
    store.apply(Activity("c-1", "ann", "created", T, who | role))
    store.process("ann", at=T + HOUR)
    store.apply(Activity("s-1", "ann", "score_given", T + HOUR, {"points": 60}))
    before = statuses(store)
    report = migrate(Engine(lower), store.database, {}, at=T + 2 * HOUR)
    assert [row.rule for row in report.moves] == ["qualified_by_score"]
    asked = {key: status for key, status in statuses(store).items() if key not in before}
    states = {"mql_into_crm": "sent", "mql_to_call": "held"}
    assert asked == dict.fromkeys(states.items(), "held")
    assert release(store.database) == 1
    after = statuses(store)
    assert after["mql_into_crm", "sent"] == "waiting"
    assert after["mql_to_call", "held"] == "held"  # until the CRM acknowledges the person [S24]


def statuses(store: Store) -> dict[tuple[str, str], str]:
    """What became of each request, by its rule and what the engine says of it."""
    with store.database.reading() as connection:
        return {(row.rule, row.state): row.status for row in connection.execute(select(REQUEST))}
