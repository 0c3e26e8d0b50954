"""A store takes what comes, refuses what it cannot keep, and says what it keeps."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import insert, select

from lifecycle_fsm import (
    Activity,
    Context,
    DataRule,
    Decision,
    Engine,
    Lifecycle,
    LifecycleError,
    Person,
    load,
    step,
)
from lifecycle_fsm.model import Deadline
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.tables import ACTIVITY, DECISION, MODEL, PERSON, REQUEST
from tests.machine.small import HUGE, TOO_LARGE, move, small

T = datetime.fromisoformat("2024-05-01T09:00:00Z")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
CREATED = Activity("c-1", "ann", "created", T)


@pytest.fixture
def two_step(database: Database) -> Store:
    """A store of people of ``two_step``, without any."""
    return Store(Engine(load("two_step")), database)


# ------------------------------------------------------------------ text

#: Ids and texts of any script, and text that would be SQL.
TEXTS = [
    "ann@acme.example",
    "Łukasz Żółć",
    "山田 太郎",
    "أحمد",
    "👩‍👩‍👧 family",
    "e\u0301 and \u00e9",
    "'); DROP TABLE person; --",
    "%(names)s :names ? $1 {0}",
    "tab\tnew\nline\u2028",
    "x" * 10_000_000,
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_text_comes_back_unchanged(two_step: Store, text: str) -> None:
    name = text[:200]
    created = Activity(name, name, "created", T, {"last_name": text})
    assert two_step.apply(created).result == "moved"
    assert two_step.apply(created).result == "duplicate"
    two_step.tick(T + DAY)
    person = two_step.lifecycle(name).person(name)
    assert (person.id, person.last_name) == (name, text)
    assert two_step.log[0].payload == {"last_name": text}


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b"], ids=["NUL", "lone surrogate"])
def test_what_is_no_text_is_rejected_with_a_sentence(two_step: Store, text: str) -> None:
    bad = [
        Activity("c-1", "ann", "created", T, {"last_name": text}),
        Activity("f-1", "bo", "form_filled", T, {"form": text}),
    ]
    if "\0" in text:
        bad.append(Activity(text, "ann", "created", T))
        bad.append(Activity("c-2", text, "created", T))
    for activity in bad:
        decision = two_step.apply(activity)
        assert decision.result == "rejected"
        assert "NUL or a lone surrogate" in decision.reason
    told: list[Decision] = []
    results = two_step.ingest([bad[0], CREATED, *bad], batch=2, record=told.append)
    assert results == {"rejected": len(bad) + 1, "moved": 1}
    assert [made.result for made in told] == ["rejected", "moved", *["rejected"] * len(bad)]
    assert [made.person for made in told[2:]] == [activity.person for activity in bad]
    assert "NUL or a lone surrogate" in told[0].reason


def test_an_id_that_is_too_long_is_rejected(two_step: Store) -> None:
    longest = "👩" * 200
    activities = [
        Activity(longest, longest, "created", T),
        Activity(longest + "x", longest, "form_filled", T),
        Activity("c-1", longest + "x", "created", T),
        Activity("m-1", longest, "merged", T, {"loser": longest + "x"}),
    ]
    decisions = [two_step.apply(activity) for activity in activities]
    assert [made.result for made in decisions] == ["moved", "rejected", "rejected", "rejected"]
    assert "an id of 201 characters: at most 200 fit" in decisions[1].reason


@pytest.mark.parametrize("value", [{"a": 1}, [1], b"x", object()], ids=range(4))
def test_what_no_field_takes_is_rejected_also_where_it_would_be_held(
    two_step: Store, value: object
) -> None:
    decision = two_step.apply(Activity("f-1", "ann", "form_filled", T, {"form": value}))
    assert decision.result == "rejected"
    assert "'form' is a" in decision.reason
    assert two_step.held == {}


# ------------------------------------------------------------------ what is stopped


def test_what_comes_before_its_person_is_held_until_then(two_step: Store) -> None:
    held = Activity("f-1", "ann", "form_filled", T + HOUR, {"form": "Demo"})
    two_step.expect_processed("ann")
    assert two_step.apply(held).result == "held"
    assert two_step.apply(held).result == "duplicate"
    assert two_step.apply(attrs.evolve(held, at=T)).result == "rejected"
    assert two_step.held == {"ann": [held]}
    two_step.ingest([CREATED, Activity("p-1", "ann", "processed", T + 2 * HOUR)])
    assert two_step.held == {}
    assert two_step.lifecycle("ann").person("ann").behavior_score > 0
    assert [activity.id for activity in two_step.log] == ["c-1", "f-1", "p-1"]


def test_what_is_stopped_is_known_by_its_content(database: Database) -> None:
    rules = [
        DataRule(name=f"fails_{kind}", on=kind, when="big is known", then=TOO_LARGE)
        for kind in ("created", "web_visit")
    ]
    store = Store(Engine(small(data=tuple(rules))), database)
    created = attrs.evolve(CREATED, payload={"big": HUGE})
    opened = Activity(
        "o-1", "bo", "opportunity_opened", T, {"opportunity": "o", "closes_at": T + DAY}
    )
    for stopped, result in ((created, "parked"), (opened, "held")):
        again = attrs.evolve(stopped, at=T + HOUR)
        results = [store.apply(activity).result for activity in (stopped, again, stopped)]
        assert results == [result, "rejected", "duplicate" if result == "held" else result]
    assert [each.activity for each in store.parked["ann"]] == [created]
    store.apply(Activity("c-1", "cy", "created", T))
    store.apply(Activity("f-1", "cy", "changed", T, {"big": HUGE}))
    visit = Activity("v-1", "cy", "web_visit", T + HOUR, {"page": "/"})
    results = [store.apply(attrs.evolve(visit, at=at)).result for at in (T + HOUR, T + DAY)]
    assert results == ["parked", "rejected"]
    assert [each.activity for each in store.parked["cy"]] == [visit]


def failing(trouble: list[object]) -> Any:
    """A step that fails while there is trouble, for a park."""

    @step(number=25, writes="industry", on_failure="park")
    def register(person: Person, context: Context) -> dict[str, Any]:
        if trouble:
            raise ConnectionError("the register is down")
        return {"industry": "shoes"}

    return register


def test_who_is_parked_is_told_and_tried_again_by_another_process(database: Database) -> None:
    trouble: list[object] = [True]
    engine = Engine(load("two_step"), steps=[failing(trouble)])
    Store(engine, database).ingest([CREATED, Activity("c-1", "bo", "created", T)])
    assert Store(engine, database).process("ann", at=T + HOUR).result == "parked"
    store = Store(engine, database)
    (parked,) = store.parked["ann"]
    assert "the register is down" in parked.error
    assert [made.result for made in store.retry(T + HOUR)] == ["parked"]
    trouble.clear()
    assert [made.result for made in store.retry(T + 2 * HOUR)] == ["moved"]
    assert store.parked == {}
    assert store.lifecycle("ann").person("ann").industry == "shoes"
    assert store.retry(T + 3 * HOUR) == []


UNLUCKY = small(
    move("go", "a", "b", on="go", then=TOO_LARGE),
    data=(DataRule(on="created", then=TOO_LARGE),),
)


def test_what_was_parked_before_a_merge_is_told_once_and_may_come_again(database: Database) -> None:
    store = Store(Engine(UNLUCKY), database)
    for name, at in (("ann", T + HOUR), ("bo", T + 2 * HOUR)):
        store.apply(Activity("c-1", name, "created", T, {"big": HUGE / 10}))
        store.process(name, at=T)
        assert store.apply(Activity("g-1", name, "go", at)).result == "parked"
    store.apply(Activity("m-1", "ann", "merged", T + DAY, {"loser": "bo"}))
    store.retry(T + DAY)
    parked = [each.activity for lot in store.parked.values() for each in lot]
    assert sorted(each.person for each in parked if each) == ["ann", "bo"]
    store.apply(Activity("b-1", "ann", "changed", T + 2 * DAY, {"big": 1.0}))
    assert store.apply(Activity("g-1", "bo", "go", T + 2 * HOUR)).result == "moved"
    store.retry(T + 3 * DAY)
    assert store.parked == {}
    assert [each.id for each in store.log].count("g-1") == 2


def test_a_creation_that_failed_may_come_again_corrected(database: Database) -> None:
    store = Store(Engine(UNLUCKY), database)
    assert store.apply(Activity("c-1", "ann", "created", T, {"big": HUGE})).result == "parked"
    assert store.apply(Activity("c-1", "ann", "created", T, {"big": 1.0})).result == "moved"
    assert store.parked == {}


# ------------------------------------------------------------------ what is kept


def test_decisions_are_kept_where_they_are_asked_for(database: Database) -> None:
    engine = Engine(load("two_step"))
    Store(engine, database).apply(CREATED)
    store = Store(engine, database, keep_decisions=7 * DAY)
    store.process("ann", at=T + HOUR)
    assert store.apply(Activity("w-1", "ann", "opportunity_won", T + DAY)).result != "moved"
    with store.database.reading() as connection:
        rows = connection.execute(select(DECISION)).all()
    assert [(row.activity, row.result) for row in rows][-1][0] == "w-1"


def test_decisions_go_after_their_time(database: Database) -> None:
    store = Store(Engine(load("two_step")), database, keep_decisions=7 * DAY)
    store.apply(CREATED)
    for day in (1, 3):
        store.apply(Activity(f"w-{day}", "ann", "opportunity_won", T + day * DAY))
    store.tick(T + 8 * DAY + HOUR)
    with store.database.reading() as connection:
        kept = connection.scalars(select(DECISION.c.activity)).all()
    assert kept == ["w-3"]


def test_a_store_of_another_version_is_refused(database: Database) -> None:
    Store(Engine(load("two_step")), database).apply(CREATED)
    model = load("two_step")
    other = attrs.evolve(model, settle=model.settle + HOUR)
    with pytest.raises(LifecycleError, match=rf"follow version {model.version} .* migrate"):
        Store(Engine(other), database)


def test_nobody_is_created_by_a_process_that_has_missed_a_migration(two_step: Store) -> None:
    two_step.apply(CREATED)
    with two_step.database.writing() as connection:
        connection.execute(insert(MODEL), {"version": "later", "name": "two_step"})
    with pytest.raises(LifecycleError, match="follow version later"):
        two_step.apply(Activity("c-1", "bo", "created", T))
    with two_step.database.reading() as connection:
        assert [*connection.scalars(select(PERSON.c.id))] == ["ann"]
        assert [*connection.scalars(select(ACTIVITY.c.person))] == ["ann"]


def test_a_corrected_deadline_tells_who_was_responsible(database: Database) -> None:
    model = small(
        move("go", "a", "b", on="go"), deadlines=(Deadline(name="slow", stage="a", after=HOUR),)
    )
    store, lifecycle = Store(Engine(model), database), Lifecycle(model)
    for book in (store, lifecycle):
        book.apply(CREATED)
        book.process("ann", at=T)
        book.apply(Activity("o-1", "ann", "owner_changed", T + DAY, {"owner": "bob"}))
        book.apply(Activity("g-1", "ann", "go", T + HOUR))
    (fact,) = store.deadlines
    assert (fact.outcome, fact.late, fact.owner) == ("kept", True, "bob")
    assert store.deadlines == [*lifecycle.deadlines]


@pytest.mark.parametrize("by_hand", [False, True], ids=["held", "delivered by hand"])
def test_a_request_comes_again_without_being_sent_again(database: Database, by_hand: bool) -> None:
    store = Store(Engine(load("waterfall")), database)
    store.expect_processed("ann")
    store.ingest(
        [
            Activity("c-1", "ann", "created", T, {"email": "ann@acme.example"}),
            Activity("p-1", "ann", "processed", T + HOUR),
            Activity("f-1", "ann", "form_filled", T + DAY, {"form": "Hand-Raise: Demo"}),
        ]
    )
    with store.database.reading() as connection:
        requests = connection.execute(select(REQUEST).order_by(REQUEST.c.place)).all()
    assert {request.status for request in requests} <= {"waiting", "held", "superseded"}
    held = [request.id for request in requests if request.status == "held"]
    assert held
    sent = next(request.id for request in requests if request.status == "waiting")
    delivered = {sent, *(held if by_hand else ())}
    with store.database.writing() as connection:
        written = REQUEST.update().where(REQUEST.c.id.in_(delivered)).values(status="delivered")
        connection.execute(written)
    store.apply(Activity("s-1", "ann", "crm_synced", T + DAY + HOUR))
    with store.database.reading() as connection:
        after = {row.id: row for row in connection.execute(select(REQUEST))}
    assert {after[each].status for each in delivered} == {"delivered"}
    assert {after[each].status for each in held} == {"delivered" if by_hand else "waiting"}
    last = max(request.place for request in requests)
    assert by_hand or all(after[each].place > last for each in held)


def test_the_clock_sorts_nobody_where_workers_do(database: Database) -> None:
    engine = Engine(load("two_step"))
    for name, settle, stage in (("ann", False, "new"), ("bo", True, "contact")):
        store = Store(engine, database, settle=settle)
        store.apply(Activity("c-1", name, "created", T))
        store.tick(T + DAY)
        assert store.lifecycle(name).person(name).stage == stage
