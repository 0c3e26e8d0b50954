"""A watch sees every machine, changes nothing, and tells which test did what."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from lifecycle_fsm import Lifecycle, Model, Move, SortRule, Stage
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.guard import Opaque, conditions, parse_guard
from lifecycle_fsm.machine import EVERYWHERE, LifecycleMachine
from lifecycle_fsm.testing.recorder import NO_TEST, ModelRecord, Watch

T = datetime(2024, 5, 1, 9, tzinfo=UTC)
CALLS: list[str] = []


def wise(person: Any, now: datetime) -> bool:
    CALLS.append(person.id)
    return person.level is not None and person.level % 2 == 0


def model(guard: object = "level >= 5 or ready and level >= 2", **more: Any) -> Model:
    return Model(
        name="watched",
        stages=(Stage("new"), Stage("a"), Stage("b"), Stage("x", off_path=True)),
        fields=(
            FieldDef("level", FieldType("int", nullable=True)),
            FieldDef("ready", FieldType("bool")),
        ),
        sort=(SortRule(name="all", target="a", when="otherwise"),),
        moves=(
            Move(name="up", sources="a", target="b", on="rise", when=guard),
            Move(name="out", sources=("a", "b"), target="x", when="level == 0"),
        ),
        **more,
    )


def sorted_person(machine: LifecycleMachine, **fields: Any) -> Any:
    person = machine.person("p", **fields)
    machine.enter(person, T)
    machine.evaluate(person, T)
    return person


def record_of(watch: Watch, one: Model) -> ModelRecord:
    return watch.record.of(one)


@pytest.fixture
def watch() -> Iterator[Watch]:
    with Watch() as active:
        yield active


def test_moves_conditions_refusals_and_askings_in_vain_are_seen(watch: Watch) -> None:
    machine = LifecycleMachine(model())
    person = sorted_person(machine, level=3)
    machine.fire(person, "rise", at=T)  # refused
    person.ready = True
    machine.fire(person, "rise", at=T)
    machine.fire(person, "rise", at=T)  # none leaves b
    seen = record_of(watch, machine.model)
    assert seen.fired("up", "a") == 1
    assert seen.fired("all", "new") == 1
    assert seen.fired("out", "a") == seen.fired("out", "b") == 0
    # Bit 0: level >= 5, bit 1: ready, bit 2: level >= 2.
    assert seen.vectors("up") == {0b100, 0b110}
    assert seen.asked("a", "rise", "refused") == 1
    assert seen.asked("b", "rise", "no_such_move") == 1
    assert set(seen.askings) == {("a", "rise", "refused"), ("b", "rise", "no_such_move")}
    assert watch.models == {("watched", machine.version): machine.model}


def test_each_test_has_its_own_part(watch: Watch) -> None:
    machine = LifecycleMachine(model())
    person = sorted_person(machine, level=3)
    watch.switch("one")
    machine.fire(person, "rise", at=T)
    watch.switch("two")
    machine.fire(person, "rise", at=T)
    person.ready = True
    machine.fire(person, "rise", at=T)
    watch.switch(NO_TEST)
    touches = record_of(watch, machine.model).touches["up", "a"]
    assert {test: (one.fired, one.vectors) for test, one in touches.items()} == {
        "one": (0, {0b100}),
        "two": (1, {0b100, 0b110}),
    }
    seen = record_of(watch, machine.model)
    assert seen.tests_of("up") == {"one", "two"}
    assert set(seen.touches["out", "b"]) == {"two"}
    assert seen.askings["a", "rise", "refused"] == {"one": 1, "two": 1}


def test_a_test_that_runs_twice_adds_up(watch: Watch) -> None:
    for _ in range(2):
        watch.switch("again")
        sorted_person(LifecycleMachine(model()))
        watch.switch("other")
    assert record_of(watch, model()).touches["all", "new"]["again"].fired == 2


def test_machines_from_before_and_after_and_of_programs_are_seen() -> None:
    before = LifecycleMachine(model())
    with Watch() as watch:
        sorted_person(before)
        sorted_person(LifecycleMachine(model()))
        lifecycle = Lifecycle(model())
        lifecycle.admit("q", at=T, level=9)
        lifecycle.apply("q", "rise", at=T)
        sorted_person(before)
    sorted_person(before)  # nobody watches any more
    seen = watch.record.of(model())
    assert seen.fired("all", "new") == 4
    assert seen.fired("up", "a") == 1


def test_a_changed_copy_is_another_model(watch: Watch) -> None:
    one, other = model(), model("level >= 6")
    sorted_person(LifecycleMachine(one))
    sorted_person(LifecycleMachine(other))
    sorted_person(LifecycleMachine(attrs.evolve(other, title="the same")))
    assert {key[1] for key in watch.record.models} == {one.version, other.version}
    assert record_of(watch, other).fired("all", "new") == 2


def test_two_watches_each_see_all_that_happens_while_they_watch() -> None:
    machine = LifecycleMachine(model())
    with Watch() as outer:
        outer.switch("outer")
        person = sorted_person(machine, level=3)
        machine.may(person, "rise", T)
        with Watch() as inner:
            inner.switch("inner")
            machine.may(person, "rise", T)  # known to the outer one
            person.ready = True
            machine.fire(person, "rise", at=T)
            inner.switch("more")
        machine.may(person, "rise", T)
        outer.switch("after")
    assert inner.record.of(machine.model).tests_of("up") == {"inner"}
    assert inner.record.of(machine.model).fired("all", "new") == 0
    for one in (outer, inner):
        assert one.record.of(machine.model).vectors("up") == {0b100, 0b110}
        assert one.record.of(machine.model).fired("up", "a") == 1


def test_a_watch_that_ends_leaves_nothing_behind() -> None:
    machine = LifecycleMachine(model())
    with Watch() as watch:
        watch.start()  # twice is once
        sorted_person(machine)
    assert watch not in EVERYWHERE
    watch.stop()
    sorted_person(machine)
    assert record_of(watch, machine.model).fired("all", "new") == 1
    assert machine.observers == []


def test_a_record_can_be_pickled_and_records_add_up(watch: Watch) -> None:
    machine = LifecycleMachine(model())
    for name, level in (("one", 7), ("two", 1)):
        watch.switch(name)
        machine.fire(sorted_person(machine, level=level), "rise", at=T)
    record = watch.record
    again = pickle.loads(pickle.dumps(record))
    assert again == record
    again.add(record)
    total = again.of(machine.model)
    assert total.fired("up", "a") == 2
    assert total.asked("a", "rise", "refused") == 2
    assert total.vectors("up") == record.of(machine.model).vectors("up")


# -- what may not change ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("guard", "level", "ready", "calls", "vector", "holds"),
    [
        # Bit 0: ready, bit 1: wise, bit 3: wise was not asked.
        (parse_guard("ready") & Opaque("wise", wise), 2, False, 0, 0b1000, False),
        (parse_guard("ready") & Opaque("wise", wise), 2, True, 1, 0b0011, True),
        (parse_guard("ready") & Opaque("wise", wise), 3, True, 1, 0b0001, False),
        (parse_guard("ready") | Opaque("wise", wise), 2, True, 0, 0b1001, True),
        (parse_guard("ready") | ~Opaque("wise", wise), 2, False, 1, 0b0010, False),
    ],
)
def test_a_callable_is_asked_as_often_as_without_a_watch(
    guard: Any, level: int, ready: bool, calls: int, vector: int, holds: bool
) -> None:
    counted = []
    found = []
    for watched in (False, True):
        machine = LifecycleMachine(model(guard))
        person = sorted_person(machine, level=level, ready=ready)
        CALLS.clear()
        with Watch() as watch:
            if not watched:
                watch.stop()
            found.append(machine.may(person, "rise", T))
        counted.append(len(CALLS))
    assert counted == [calls, calls]
    assert found == [holds, holds]
    parts = conditions(guard, machine.model.vocabulary)
    assert {parts.outcome(one) for one in record_of(watch, machine.model).vectors("up")} == {holds}
    assert record_of(watch, machine.model).vectors("up") == {vector}


def test_each_machine_asks_its_own_callable(watch: Watch) -> None:
    def made(answer: bool) -> Any:
        def decide(person: Any, now: datetime) -> bool:
            return answer

        return decide

    answers = []
    for answer in (True, False, True):
        machine = LifecycleMachine(model(made(answer)))
        answers.append(machine.may(sorted_person(machine), "rise", T))
    assert answers == [True, False, True]
    assert record_of(watch, machine.model).vectors("up") == {0, 1}


def test_a_callable_that_raises_raises(watch: Watch) -> None:
    def wrong(person: Any, now: datetime) -> bool:
        raise ZeroDivisionError

    machine = LifecycleMachine(model(wrong))
    person = sorted_person(machine)
    with pytest.raises(ZeroDivisionError):
        machine.fire(person, "rise", at=T)
    with pytest.raises(ZeroDivisionError):
        machine.may(person, "rise", T)
    assert record_of(watch, machine.model).vectors("up") == frozenset()


def test_what_cannot_be_computed_and_need_not_be_does_no_harm(watch: Watch) -> None:
    """Somebody wrote past the machine: a text in a number. ``ready`` decides without it."""
    machine = LifecycleMachine(model("ready or level >= 5"))
    person = sorted_person(machine, ready=True, level=3)
    person.level = "five"
    assert machine.may(person, "rise", T)
    person.ready = False
    with pytest.raises(TypeError):
        machine.may(person, "rise", T)


def test_a_guard_of_many_conditions_is_watched_like_any(watch: Watch) -> None:
    machine = LifecycleMachine(model(" or ".join(f"level == {one}" for one in range(1500))))
    assert machine.may(sorted_person(machine, level=1499), "rise", T)
    assert not machine.may(sorted_person(machine, level=-1), "rise", T)
    assert record_of(watch, machine.model).vectors("up") == {0, 1 << 1499}


def test_history_is_the_same_with_and_without(watch: Watch) -> None:
    def run() -> list[Any]:
        lifecycle = Lifecycle("waterfall")
        for number, title in enumerate(("VP Sales", "Student", "")):
            person = f"p{number}"
            lifecycle.admit(person, at=T, email=f"{person}@acme.example", job_title=title)
            lifecycle.apply(
                person, "form_filled", at=T + timedelta(days=1), form="Hand-Raise: Demo"
            )
            lifecycle.apply(person, "sales_rejected", at=T + timedelta(days=2), reason="no_budget")
            lifecycle.tick(T + timedelta(days=400))
        return [lifecycle.person(f"p{number}").history for number in range(3)]

    watched = run()
    watch.stop()
    assert run() == watched
    assert {row.kind for rows in watched for row in rows} >= {"step", "detour", "return"}
