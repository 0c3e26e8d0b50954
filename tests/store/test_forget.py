"""Whoever is forgotten stays in the numbers only."""

from __future__ import annotations

import gc
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import NullPool, create_engine, event, insert, select

from lifecycle_fsm import Engine, HistoryRow, LifecycleError, Person, UnknownPerson, load
from lifecycle_fsm.funnel import count
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.forget import forget, overwrite
from lifecycle_fsm.store.rebuild import rebuild
from lifecycle_fsm.store.store import FORGOTTEN
from lifecycle_fsm.store.tables import METADATA, PERSON, PROCESSING
from lifecycle_fsm.store.undo_merge import undo_merge
from tests.store.conftest import NewAddress, Opened
from tests.store.telling import DAY, START, happened, stories, tell

MODEL = load("two_step")
ENGINE = Engine(MODEL)
#: What leads to the person who is forgotten.
TRACES = ("ann-77", "bo-78", "contact-79", "secret")


LOG = [
    happened("zoe", "created", 0, email="zoe@example.com", source="web"),
    happened("ann-77", "created", 0, email="secret.ann@example.com", source="web", owner="eve"),
    happened("bo-78", "created", 0, email="secret.bo@example.com"),
    happened("zoe", "form_filled", 1, form="Demo"),
    happened("ann-77", "form_filled", 1, form="secret form"),
    happened("bo-78", "form_filled", 1, form="Demo"),
    happened("ann-77", "converted", 2, contact="contact-79"),
    happened("ann-77", "merged", 3, loser="bo-78"),
    happened("contact-79", "changed", 4, company="secret"),
    happened("new", "merged", 5, loser="ann-77"),  # is held
    happened("ann-77", "opportunity_won", 6, opportunity="secret-1"),
]


def told(database: Database) -> Store:
    store = Store(ENGINE, database, keep_decisions=400 * DAY)
    for activity in LOG:
        store.apply(activity)
    store.tick(START + 30 * DAY)
    with database.begin() as connection:
        connection.execute(
            insert(PROCESSING).values(
                person="ann-77", step="enrich", given={"company": "secret"}, skipped=[], attempts=0
            )
        )
    return store


def everything(database: Database) -> str:
    with database.begin() as connection:
        return "\n".join(
            str(row)
            for table in METADATA.tables.values()
            for row in connection.execute(select(table))
        )


def traces(text: str) -> list[str]:
    return [trace for trace in TRACES if trace in text]


@pytest.mark.parametrize("name", ["ann-77", "bo-78", "contact-79"])
def test_nothing_leads_to_whom_is_forgotten(name: str, database: Database) -> None:
    store = told(database)
    assert traces(everything(database)) == [*TRACES]
    funnel, zoe = count(store.history, MODEL), store.lifecycle("zoe").dump("zoe")
    before = everything(database)
    planned = forget(store.database, name, dry_run=True)
    assert everything(database) == before
    report = forget(store.database, name)
    assert report == attrs.evolve(planned, overwritten=report.overwritten)
    assert traces(everything(database)) == []
    assert (report.records, report.contacts) == (("ann-77", "bo-78"), ("contact-79",))
    assert report.pseudonyms == ("forgotten-1", "forgotten-2")
    assert report.erased["activity"] == 11  # also the end of processing of both
    assert report.kept["history"] == sum(row.person != "zoe" for row in store.history)
    assert count(store.history, MODEL) == funnel
    assert store.lifecycle("zoe").dump("zoe") == zoe
    assert not store.held
    with pytest.raises(UnknownPerson):
        store.lifecycle(name)
    with pytest.raises(UnknownPerson, match="the store has nothing about the id"):
        forget(store.database, name)
    again = rebuild(store, apply=True)
    assert (again.people, again.changed, again.not_compared) == (1, (), ())


def test_numbers_stay_but_names_and_causes_go(new_address: NewAddress, opened: Opened) -> None:
    for example, engine, steps in stories("forget", 3, persons=3, lateness=0.2):
        store = Store(engine, opened(new_address()))
        tell(store, example, steps)
        before = (store.history, store.deadlines)
        known = [row.person for row in store.history]
        for person in sorted(set(known)):
            try:
                forget(store.database, person, overwrite_file=False)
            except UnknownPerson:
                continue  # forgotten with another record
        assert Counter(map(_number, store.history)) == Counter(map(_number, before[0]))
        assert not {*known} & {row.person for row in store.history}
        journeys = {row.journey_record for row in store.history}
        assert not {*known} & (journeys | {fact.journey_record for fact in store.deadlines})
        assert len(store.deadlines) == len(before[1])
        assert all(row.activity is None for row in store.history)
        assert not store.log


def _number(row: HistoryRow) -> HistoryRow:
    """A row as it is counted, without whose it is."""
    return attrs.evolve(row, person="", journey_record="", activity=None)


def test_names_are_never_used_twice(database: Database) -> None:
    store = Store(ENGINE, database)
    given: list[str] = []
    for person in ("ann", "bo", "ann"):
        store.apply(happened(person, "created", 0, email="a@example.com"))
        given += forget(store.database, person, overwrite_file=False).pseudonyms
    taken = store.apply(happened("forgotten-4", "created", 0, email="a@example.com"))
    assert taken.result == "rejected"
    store.apply(happened("cy", "created", 0, email="a@example.com"))
    given += forget(store.database, "cy", overwrite_file=False).pseudonyms
    assert given == ["forgotten-1", "forgotten-2", "forgotten-3", "forgotten-4"]


def test_what_comes_later_is_about_somebody_new(database: Database) -> None:
    store = told(database)
    forget(store.database, "ann-77")
    assert store.apply(LOG[4]).result == "held"
    assert store.apply(LOG[1]).result == "moved"
    assert store.lifecycle("ann-77").person("ann-77").last_form == "secret form"
    assert store.apply(LOG[2]).result == "moved"
    with pytest.raises(UnknownPerson):
        store.lifecycle("contact-79")


def test_a_store_that_forgets_has_nobody_left_in_memory(database: Database) -> None:
    store = Store(ENGINE, database)
    for name in ("only-here", "bo"):
        store.apply(happened(name, "created", 1, email="zoe@example.com"))
    forget(store, "only-here", dry_run=True)
    assert in_memory("only-here")
    forget(store, "only-here")
    assert not in_memory("only-here")
    assert store.apply(happened("bo", "form_filled", 2, form="Demo")).result == "unchanged"


def in_memory(name: str) -> bool:
    gc.collect()  # a Lifecycle and its people refer to each other
    people = (each for each in gc.get_objects() if isinstance(each, Person))
    return any(person.id == name for person in people)


def test_whoever_was_never_created_can_be_forgotten(database: Database) -> None:
    store = Store(ENGINE, database)
    store.apply(happened("ann-77", "form_filled", 1, form="secret"))
    store.apply(happened("zoe", "created", 1, email="zoe@example.com"))
    store.apply(happened("zoe", "merged", 2, loser="ann-77"))
    report = forget(store.database, "ann-77")
    assert (report.pseudonyms, report.erased["activity"]) == ((), 2)
    assert traces(everything(database)) == []
    assert store.lifecycle("zoe").person("zoe").id == "zoe"


def test_people_are_forgotten_and_repaired_while_others_write(address: str) -> None:
    """Also somebody of whom nothing is there when it begins."""
    names = ("ann", "bo", "cy")

    def work(number: int) -> None:
        random = Random(number)
        with Store(ENGINE, address) as store:
            for day in range(120):
                person, other = random.sample(names, 2)
                with suppress(LifecycleError):  # nobody is there, or they are not merged
                    if number == 0:
                        forget(store.database, person, overwrite_file=False)
                    elif number == 1:
                        undo_merge(store, person, other, START + DAY)
                        rebuild(store, apply=True)
                    else:
                        store.apply(happened(person, "created", 0, email="a@example.com"))
                        store.apply(happened(person, "merged", day, loser=other))

    with ThreadPoolExecutor() as pool:
        [*pool.map(work, range(4))]
    with Store(ENGINE, address) as store:
        report = rebuild(store)
        assert (report.changed, report.not_compared) == ((), ())
        kept = {activity.person for activity in store.log}
        assert {row.person for row in store.history if not row.person.startswith("forg")} <= kept


def test_a_merge_that_was_taken_back_goes_too(database: Database) -> None:
    store = told(database)
    undo_merge(store, "ann-77", "bo-78", START + 40 * DAY)
    forget(store.database, "bo-78")
    assert "bo-78" not in everything(database)
    assert store.lifecycle("ann-77").person("ann-77").id == "ann-77"


def test_the_file_has_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "people.db"
    database = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    store = told(database)
    for number in range(300):  # pages that are split, and freed again
        store.apply(happened(f"p{number}", "created", 0, email=f"p{number}@example.com"))
        store.apply(happened("ann-77", "changed", 7 + number, company=f"secret {number}"))
    assert traces(contents(path)) == [*TRACES]
    event.listen(database, "connect", _impatient)
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM person").fetchone()
        assert not forget(store.database, "ann-77").overwritten
        reader.rollback()
    assert overwrite(store.database)
    assert traces(contents(path)) == []
    assert forget(store.database, "p1").overwritten
    assert "p1@example.com" not in contents(path)
    assert "p2@example.com" in contents(path)
    database.dispose()


def _impatient(connection: Any, record: object) -> None:
    connection.execute("PRAGMA busy_timeout = 0")


def contents(path: Path) -> str:
    """The bytes of a file of SQLite and of what lies beside it."""
    return "".join(file.read_bytes().decode("latin-1") for file in path.parent.iterdir())


def test_another_process_does_not_bring_back_the_id_of_a_survivor(
    address: str, opened: Opened
) -> None:
    """It has the person in memory, and locks the survivor for an activity of the other record."""
    worker, other = Store(ENGINE, opened(address)), Store(ENGINE, opened(address))
    worker.apply(happened("ann-77", "created", 0))
    worker.apply(happened("bo-78", "created", 0))
    worker.apply(happened("ann-77", "merged", 1, loser="bo-78"))
    worker.apply(happened("bo-78", "form_filled", 2, form="Demo"))
    forget(other.database, "ann-77")
    worker.apply(happened("bo-78", "form_filled", 3, form="Demo"))
    with other.database.reading() as connection:
        assert {*connection.scalars(select(PERSON.c.id))} == {FORGOTTEN, "bo-78"}
