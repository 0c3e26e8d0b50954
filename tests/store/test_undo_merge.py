"""A merge that is taken back leaves nothing behind [S23]."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select, update

from lifecycle_fsm import Activity, Engine, Lifecycle, LifecycleError, UnknownPerson, load
from lifecycle_fsm.activities import other_record
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.rebuild import rebuild
from lifecycle_fsm.store.snapshot import Snapshot
from lifecycle_fsm.store.tables import PERSON, REQUEST
from lifecycle_fsm.store.undo_merge import undo_merge
from tests.store.conftest import NewAddress, Opened
from tests.store.telling import ASKING, DAY, END, START, happened, stories, tell
from tests.store.test_exactness import same

ENGINE = Engine(load("two_step"))
#: What becomes of an activity that says nothing.
SILENT = {"duplicate", "rejected", "held"}


MERGES = {
    "a merge": happened("ann", "merged", 3, loser="bo"),
    "a conversion": happened("ann", "converted", 3, contact="bo"),
}
BEFORE = [
    happened("ann", "created", 0, email="ann@example.com"),
    happened("bo", "created", 0, email="bo@example.com", country="SE"),
    happened("bo", "form_filled", 1, form="Demo"),
]
AFTER = [
    happened("bo", "changed", 4, country="NO"),
    happened("ann", "form_filled", 5, form="News"),
    happened("bo", "opportunity_won", 6, opportunity="D-1"),
]


@pytest.mark.parametrize("merge", MERGES.values(), ids=MERGES)
def test_both_go_on_as_if_they_had_never_been_merged(merge: Activity, database: Database) -> None:
    store = Store(ENGINE, database)
    log: list[Activity] = []
    lifecycle = Lifecycle(ENGINE, log=log.append)
    known_by = happened("ann", "converted", 2, contact="k")
    for activity in [*BEFORE, known_by, merge, *AFTER]:
        store.apply(activity)
    for activity in [*BEFORE, known_by, *AFTER]:
        lifecycle.apply(activity)
    report = undo_merge(store, "ann", "bo", END)
    lifecycle.tick(END)
    assert report.activities == (merge.id,)
    assert report.people == {person.id: person.stage for person in lifecycle}
    assert report.people["bo"] == "customer"
    same(store, lifecycle, log)
    with store.database.reading() as connection:
        assert Snapshot(connection).stopped(["ann", "bo"]) == []
    # It is known when it comes again, and merges nobody; another one does.
    assert [store.apply(activity).result for activity in (merge, *AFTER)] == ["duplicate"] * 4
    same(store, lifecycle, log)
    assert not rebuild(store).changed
    again = happened("ann", "merged", 500, loser="bo")
    assert store.apply(again).result == lifecycle.apply(again).result
    same(store, lifecycle, log)


def test_stories_without_their_merges(new_address: NewAddress, opened: Opened) -> None:
    undone = 0
    for example, engine, steps in stories("undo", 12, persons=3):
        store = Store(engine, opened(new_address()))
        results = tell(store, example, steps)
        merges = [activity for activity in store.log if _merges(activity)]
        for merge in merges[-1:]:
            pair = merge.person, other_record(merge)
            log: list[Activity] = []
            lifecycle = Lifecycle(engine, log=log.append)
            without = tell(lifecycle, example, steps, _is_of(pair))
            if not _alike(results, without):
                continue  # something was no news only because of the merge, so nobody kept it
            if pair[1] == "k":
                continue  # a contact, and no record
            report = undo_merge(store, merge.person, str(pair[1]), END)
            lifecycle.tick(END)
            for name in report.people:  # also what time has brought
                assert store.lifecycle(name).dump(name) == lifecycle.dump(name), example
            store.tick(END)
            same(store, lifecycle, log, str(example))
            rebuilt = rebuild(store)
            assert (rebuilt.changed, rebuilt.not_compared) == ((), ())
            undone += 1
    assert undone >= 3


def _merges(activity: Activity) -> bool:
    return other_record(activity) not in (None, activity.person)


def _is_of(pair: tuple[str, str | None]) -> Callable[[Activity], bool]:
    return lambda activity: (activity.person, other_record(activity)) == pair


def _alike(ours: list[str | None], theirs: list[str | None]) -> bool:
    return all(
        other is None or (result in SILENT) == (other in SILENT)
        for result, other in zip(ours, theirs, strict=True)
    )


def test_what_still_holds_two_together_is_named(database: Database) -> None:
    store = Store(ENGINE, database)
    store.ingest([*BEFORE, happened("cy", "created", 0, email="cy@example.com")])
    ring = [
        happened("ann", "merged", 2, loser="bo"),
        happened("cy", "merged", 3, loser="ann"),
        happened("cy", "merged", 4, loser="bo"),
    ]
    store.ingest(ring)
    report = undo_merge(store, "ann", "bo", END)
    assert report.people.keys() == {"cy"}
    assert report.still_merged_by == ("merged-cy-3", "merged-cy-4")
    assert undo_merge(store, "cy", "bo", END).still_merged_by == ()
    assert store.lifecycle("bo").person("bo").id == "bo"
    assert store.lifecycle("ann").person("ann").id == "cy"


def test_what_was_no_merge_is_refused(database: Database) -> None:
    store = Store(ENGINE, database)
    store.ingest([*BEFORE, happened("ann", "converted", 2, contact="k")])
    with pytest.raises(UnknownPerson, match="nobody with the id 'dan'"):
        undo_merge(store, "dan", "bo", END)
    for loser in ("bo", "k", "dan"):
        with pytest.raises(LifecycleError, match=f"no activity of 'ann' has merged '{loser}'"):
            undo_merge(store, "ann", loser, END)


def test_requests_go_back_to_whom_they_were_for(database: Database) -> None:
    store = Store(ASKING, database)

    def outbox() -> dict[tuple[str, str], str]:
        with database.begin() as connection:
            rows = connection.execute(select(REQUEST.c.person, REQUEST.c.rule, REQUEST.c.status))
            return {(person, rule): status for person, rule, status in rows}

    store.ingest([*BEFORE, happened("bo", "form_filled", 2, form="Demo")])
    store.tick(START + 2.5 * DAY)
    before = outbox()
    assert before["bo", "ready"] == "held"
    store.apply(MERGES["a merge"])
    store.apply(happened("ann", "crm_synced", 4))
    assert outbox() == before | {("bo", "ready"): "superseded", ("ann", "ready"): "waiting"}
    report = undo_merge(store, "ann", "bo", START + 5 * DAY)
    assert outbox() == before | {("ann", "ready"): "superseded"}
    assert (len(report.taken_back), len(report.held), report.not_asked) == (1, 1, ())
    store.apply(happened("bo", "crm_synced", 6))
    assert outbox()["bo", "ready"] == "waiting"
    # What went out stays, and what nobody sent is named.
    store.apply(happened("ann", "merged", 7, loser="bo"))
    store.apply(happened("bo", "opportunity_won", 8, opportunity="D-1"))
    with database.begin() as connection:
        connection.execute(update(REQUEST).values(status="delivered"))
    report = undo_merge(store, "ann", "bo", START + 9 * DAY)
    assert {*outbox().values()} == {"delivered"}
    assert (report.taken_back, report.held, report.not_asked) == ((), (), ())


def test_what_an_error_keeps_is_tried_again_first(database: Database) -> None:
    store = Store(ASKING, database)
    store.ingest([*BEFORE, MERGES["a merge"]])
    state = store.lifecycle("ann").dump("ann")
    parked = {"person": "ann", "error": "Broken: it", "due": None, "activity": None}
    with database.begin() as connection:
        saved = update(PERSON).where(PERSON.c.id == "ann")
        connection.execute(saved.values(state=state | {"parked": [parked]}))
    with pytest.raises(LifecycleError, match=r"'bo' cannot be undone: something .* retry it first"):
        undo_merge(store, "ann", "bo", END)
