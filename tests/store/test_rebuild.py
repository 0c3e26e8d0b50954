"""A store is checked against its log, and written anew by it [S19]."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import Executable, delete, update

from lifecycle_fsm import Activity, Engine, HistoryRow, Lifecycle, LifecycleError, load
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.rebuild import RebuildReport, rebuild
from lifecycle_fsm.store.tables import ACTIVITY, DEADLINE, HISTORY, PERSON
from tests.store.conftest import NewAddress, Opened
from tests.store.telling import DAY, END, START, happened, stories, tell
from tests.store.test_exactness import same

ENGINE = Engine(load("two_step"))


def by_person(history: Iterable[HistoryRow]) -> dict[str, list[HistoryRow]]:
    rows: dict[str, list[HistoryRow]] = {}
    for row in sorted(history, key=attrgetter("person", "sequence")):
        rows.setdefault(row.person, []).append(row)
    return rows


@pytest.mark.parametrize("shape", [{"lateness": 0.2}, {"persons": 3, "lateness": 0.2}])
def test_a_store_is_as_its_log_says(
    shape: dict[str, float], new_address: NewAddress, opened: Opened
) -> None:
    people = 0
    for example, engine, steps in stories("rebuild", 4, **shape):
        store = Store(engine, opened(new_address()))
        tell(store, example, steps)
        report = rebuild(store)
        assert report == RebuildReport("arrival", report.people, (), (), applied=False), example
        people += report.people
    assert people >= 4


def test_by_event_it_says_who_would_be_elsewhere(new_address: NewAddress, opened: Opened) -> None:
    differ = 0
    for example, engine, steps in stories("by event", 6, persons=3, lateness=0.4):
        store = Store(engine, opened(new_address()))
        tell(store, example, steps)
        lifecycle = Lifecycle(engine)
        lifecycle.replay(store.log, "event")
        lifecycle.tick(END)
        stored, replayed = by_person(store.history), by_person(lifecycle.history)
        changed = {difference.person: difference for difference in rebuild(store, "event").changed}
        for difference in changed.values():
            for row, rows in ((difference.stored, stored), (difference.replayed, replayed)):
                assert row is None or row == rows[row.person][row.sequence - 1], example
            assert difference.stored != difference.replayed
        for person in lifecycle:
            if person.id not in changed:
                ours = stored[person.id]
                assert ours == replayed[person.id][: len(ours)], (example, person.id)
        differ += len(changed)
    assert differ


def test_who_would_move_backwards_is_named(database: Database) -> None:
    store = Store(ENGINE, database)
    store.ingest(
        [
            happened("ann", "created", 0, email="ann@example.com"),
            happened("bo", "created", 0, email="bo@example.com"),
            happened("bo", "form_filled", 1, form="Demo"),
        ]
    )
    store.tick(START + 2 * DAY)
    assert rebuild(store).backwards == ()
    with database.begin() as connection:  # what no log tells
        ahead = HISTORY.c.person == "ann", HISTORY.c.to_stage == "contact"
        connection.execute(update(HISTORY).where(*ahead).values(to_stage="customer"))
    report = rebuild(store)
    assert [difference.person for difference in report.changed] == ["ann"]
    assert report.backwards == ("ann",)
    (difference,) = report.changed
    assert difference.stored is not None
    assert difference.replayed is not None
    assert (difference.stored.to_stage, difference.replayed.to_stage) == ("customer", "contact")


@pytest.mark.parametrize(
    "damage",
    [
        delete(HISTORY).where(HISTORY.c.sequence > 1),
        update(DEADLINE).values(outcome="void", owner="nobody"),
    ],
    ids=["history", "deadlines"],
)
def test_what_was_damaged_is_written_anew(
    damage: Executable, new_address: NewAddress, opened: Opened
) -> None:
    times = 0
    for example, engine, steps in stories("damage", 5, persons=3, lateness=0.2):
        database = opened(new_address())
        store = Store(engine, database)
        log: list[Activity] = []
        lifecycle = Lifecycle(engine, log=log.append)
        for book in (store, lifecycle):
            tell(book, example, steps)
        with database.begin() as connection:
            connection.execute(damage)
        damaged = {person.person for person in rebuild(store).changed}
        report = rebuild(store, apply=True)
        assert {person.person for person in report.changed} == damaged
        assert not rebuild(store).changed
        if damaged:
            times += 1
            for book in (store, lifecycle):  # a log knows no instant at which nothing happened
                book.tick(END)
            same(store, lifecycle, log, str(example))
    assert times


def test_who_cannot_be_replayed_is_left_and_named(database: Database) -> None:
    store = Store(ENGINE, database)
    for person in ("ann", "bo", "cy"):
        store.apply(happened(person, "created", 0, email=f"{person}@example.com"))
    with database.begin() as connection:
        connection.execute(delete(HISTORY))
        connection.execute(delete(ACTIVITY).where(ACTIVITY.c.person == "bo"))
        other = happened("cy", "created", 0, email="cy@example.com").dump() | {"version": "other"}
        connection.execute(update(ACTIVITY).where(ACTIVITY.c.person == "cy").values(activity=other))
    report = rebuild(store, apply=True)
    assert [difference.person for difference in report.changed] == ["ann"]
    assert [left.person for left in report.not_compared] == ["bo", "cy"]
    assert "lacks the creation of 'bo'" in report.not_compared[0].reason
    assert "version other" in report.not_compared[1].reason
    assert {row.person for row in store.history} == {"ann"}


def test_a_history_by_event_is_never_written(database: Database) -> None:
    store = Store(ENGINE, database)
    with pytest.raises(LifecycleError, match="would not replay to it"):
        rebuild(store, "event", apply=True)
    with pytest.raises(LifecycleError, match="no order named 'place'"):
        rebuild(store, "place")  # type: ignore[arg-type]


def test_a_revision_is_counted(database: Database) -> None:
    store = Store(ENGINE, database)
    store.apply(happened("ann", "created", 0, email="ann@example.com"))
    with database.begin() as connection:
        before = connection.execute(PERSON.select()).mappings().one()["revision"]
        connection.execute(delete(HISTORY))
    rebuild(store, apply=True)
    with database.begin() as connection:
        assert connection.execute(PERSON.select()).mappings().one()["revision"] == before + 1
