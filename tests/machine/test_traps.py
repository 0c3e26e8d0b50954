"""The traps of ``transitions`` that the machine goes around, one by one (design, section 5)."""

from __future__ import annotations

import gc
import logging
import sys
import weakref
from datetime import datetime
from typing import Any

import attrs
import pytest
from transitions.extensions import LockedMachine

from lifecycle_fsm import Activity, GuardError, Lifecycle, LifecycleMachine, Person, load, step
from lifecycle_fsm.machine.lean_transitions import LeanEvent, TransitionContext
from lifecycle_fsm.orchestrator import Orchestrator
from tests.machine.small import (
    DAY,
    HOUR,
    HUGE,
    TOO_LARGE,
    T,
    act,
    admitted,
    move,
    running,
    slots,
    small,
)


def plain_machine(machine: LifecycleMachine) -> Any:
    """The ``transitions`` machine below."""
    return next(iter(machine.events.values())).machine


def busy(lifecycle: Lifecycle, count: int = 20) -> list[Person]:
    """People who have walked, refused and taken detours in the shipped model."""
    for number in range(count):
        name = f"p-{number}"
        lifecycle.admit(name, at=T)
        lifecycle.apply(name, "form_filled", at=T + HOUR, form="Hand-Raise: Demo")
        lifecycle.apply(name, "sales_rejected", at=T + 2 * HOUR, reason="no such reason")
        lifecycle.apply(name, "sales_rejected", at=T + 3 * HOUR, reason="no_time")
        lifecycle.apply(name, "form_filled", at=T + DAY, form="Hand-Raise: Demo")
        lifecycle.apply(name, "sales_touched", at=T + 2 * DAY)
    return list(lifecycle)


# ------------------------------------------------------------------ the stage is read-only


def test_s6_the_machine_writes_a_private_attribute_behind_a_read_only_property() -> None:
    orchestrator, person = running(move("go", "a", "b", on="go"))
    assert plain_machine(orchestrator.machine).model_attribute == "_stage"
    for name in ("stage", "stage_entered_at", "journey", "journey_started_at", "history", "clock"):
        with pytest.raises(AttributeError):
            setattr(person, name, "b")
    assert person.stage == "a"


# ------------------------------------------------------------------ no models of its own


def test_the_machine_registers_nobody_and_binds_nothing_to_them() -> None:
    lifecycle = Lifecycle("waterfall")
    before = {name: len(event.transitions) for name, event in lifecycle.machine.events.items()}
    busy(lifecycle)
    machine = plain_machine(lifecycle.machine)
    assert machine.models == []
    after = {name: len(event.transitions) for name, event in lifecycle.machine.events.items()}
    assert after == before


def test_a_person_is_slotted_holds_no_machine_and_does_not_grow() -> None:
    lifecycle = Lifecycle("waterfall")
    fresh = sys.getsizeof(lifecycle.machine.person("fresh"))
    for person in busy(lifecycle, 3):
        assert not hasattr(person, "__dict__")
        with pytest.raises(AttributeError):
            person.anything = 1  # type: ignore[attr-defined]
        assert sys.getsizeof(person) == fresh
        known = (type(person), person.keeper)
        held = [one for one in gc.get_referents(person) if not any(one is other for other in known)]
        held += [inner for one in held for inner in gc.get_referents(one)]
        module = type(plain_machine(lifecycle.machine))
        assert not any(isinstance(one, module | LifecycleMachine | Orchestrator) for one in held)


def test_nobody_is_kept_alive_by_the_machine() -> None:
    machine = LifecycleMachine(small(move("go", "a", "b", on="go")))
    person = machine.person("p")
    machine.enter(person, T)
    machine.fire(person, "go", at=T + HOUR)
    gone = weakref.ref(person)
    del person
    gc.collect()
    assert gone() is None


def test_no_automatic_transitions_no_queue_no_lock_no_callbacks() -> None:
    machine = LifecycleMachine(load("waterfall"))
    below = plain_machine(machine)
    assert not isinstance(below, LockedMachine)
    assert not below.has_queue
    assert below.on_exception == []
    assert below.before_state_change == below.after_state_change == []
    assert below.prepare_event == below.finalize_event == []
    assert set(below.events) - set(machine.model.triggers) == {"_sort", "_advance"}


# ------------------------------------------------------------------ nothing grows, nothing is late


def test_asking_from_any_stage_leaves_the_defaultdict_of_an_event_as_it_was() -> None:
    orchestrator = Orchestrator(load("waterfall"))
    machine = orchestrator.machine
    before = {name: set(event.transitions) for name, event in machine.events.items()}
    starts: list[dict[str, Any]] = [
        {},
        {"hand_raised": True},
        {"created_by": "sales"},
        {"won_opportunities": 1},
        {"role": "legal"},
        {"domain": "competitor.example"},
    ]
    for number, fields in enumerate(starts):
        person = admitted(orchestrator, f"p-{number}", **fields)
        for trigger in machine.model.triggers:
            machine.may(person, trigger, T + HOUR)
            machine.refusals(person, trigger, T + HOUR)
            machine.fire(person, trigger, at=T + HOUR)
        machine.refusals(person, None, T + HOUR)
    unborn = machine.person("unborn")
    machine.may(unborn, "disqualify", T)
    machine.refusals(unborn, None, T)
    assert {name: set(event.transitions) for name, event in machine.events.items()} == before


def test_every_edge_is_plain_and_nothing_is_resolved_by_name_later() -> None:
    model = load("waterfall")
    machine = LifecycleMachine(model)
    names = set(model.by_name)
    found = [
        one
        for event in machine.events.values()
        for several in event.transitions.values()
        for one in several
    ]
    assert len(found) == len(model.edges) + len(model.sort_edges)
    for one in found:
        assert one.source in names
        assert one.dest in names
        assert not [*one.conditions, *one.prepare, *one.before, *one.after]


# ------------------------------------------------------------------ a guard answers yes or no


@pytest.mark.parametrize("answer", [[1], "yes", None, 1, 0, ""])
def test_s2_a_python_guard_that_returns_no_bool_is_told_so(answer: object) -> None:
    def odd_answer(person: Person, now: datetime) -> bool:
        return answer  # type: ignore[return-value]

    orchestrator, person = running(move("go", "a", "b", on="go", when=odd_answer))
    before = slots(person)
    with pytest.raises(GuardError, match=r"'odd_answer' returned .*: a guard returns True or Fal"):
        orchestrator.machine.fire(person, "go", at=T + HOUR)
    assert slots(person) == before
    decision = orchestrator.apply(act("1", "go", T + HOUR))
    assert decision.result == "parked"
    assert "odd_answer" in decision.reason
    assert slots(person) == before


# ------------------------------------------------------------------ an exception changes nothing


def broken(person: Person, now: datetime) -> bool:
    raise ZeroDivisionError("a guard of the project")


EXCEPTIONS = {
    "in the guard of the trigger": (move("go", "a", "b", on="go", when=broken),),
    "in the effect of the trigger": (move("go", "a", "b", on="go", then=TOO_LARGE),),
    "in the guard of a second candidate": (
        move("go", "a", "b", on="go", when="level >= 5"),
        move("or_else", "a", "x", on="go", when=broken),
    ),
    "in a system move behind the trigger": (
        move("go", "a", "b", on="go", then={"level": 7}),
        move("on", "b", "c", when=broken),
    ),
    "in an effect behind the trigger": (
        move("go", "a", "b", on="go", then={"level": 7}),
        move("on", "b", "c", then=TOO_LARGE),
    ),
    "two hops behind the trigger": (
        move("go", "a", "b", on="go", then={"level": 7}),
        move("on", "b", "c", then={"level": 8}),
        move("and_on", "c", "d", then=TOO_LARGE),
    ),
    "behind a detour that ends the journey": (
        move("go", "a", "x", on="go", then={"ready": True}),
        move("further", "x", "y", when=broken),
    ),
}


@pytest.mark.parametrize("moves", EXCEPTIONS.values(), ids=EXCEPTIONS.keys())
def test_s11_an_exception_leaves_the_person_as_before_in_the_machine(moves: Any) -> None:
    orchestrator, person = running(*moves, fields={"big": HUGE})
    before = slots(person)
    with pytest.raises((ZeroDivisionError, GuardError)):
        orchestrator.machine.fire(person, "go", at=T + HOUR)
    assert slots(person) == before


@pytest.mark.parametrize("moves", EXCEPTIONS.values(), ids=EXCEPTIONS.keys())
def test_s11_an_exception_leaves_the_person_as_before_in_the_orchestrator(moves: Any) -> None:
    orchestrator, person = running(*moves, fields={"big": HUGE})
    before = slots(person)
    decision = orchestrator.apply(act("1", "go", T + HOUR, reason="kept out"))
    assert (decision.result, decision.stage, decision.rows) == ("parked", "a", ())
    assert slots(person) == before
    assert [one.activity and one.activity.id for one in orchestrator.parked["p"]] == ["1"]


def test_s11_the_fields_of_a_persons_own_class_are_put_back_too() -> None:
    @attrs.define(eq=False, slots=True)
    class Account(Person):
        plan: str | None = attrs.field(default=None, kw_only=True)

    gold = move("gold", "a", "b", when="plan == 'gold'", then=TOO_LARGE)
    orchestrator = Orchestrator(small(gold, person=Account))
    person = admitted(orchestrator, big=HUGE)
    assert isinstance(person, Account)
    before = slots(person)
    assert orchestrator.apply(act("1", "changed", T + HOUR, plan="gold")).result == "parked"
    assert slots(person) == before


def test_s11_s13_an_exception_in_a_step_leaves_the_person_as_before() -> None:
    @step(number=15, writes="level")
    def first(person: Person, context: Any) -> dict[str, Any]:
        return {"level": 3}

    @step(number=25)
    def second(person: Person, context: Any) -> dict[str, Any]:
        raise OSError("the service is down")

    orchestrator = Orchestrator(small(), steps=[first, second])
    orchestrator.apply(act("0", "created", T))
    person = orchestrator.people["p"]
    # It waits to be retried, and no longer for the clock [S13].
    before = slots(person) | {"_due": None, "_settles_at": None}
    decision = orchestrator.process("p", T + HOUR)
    assert decision.result == "parked"
    assert "the service is down" in decision.reason
    assert slots(person) == before


def test_s11_what_keeps_somebody_from_being_created_is_not_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log: list[Activity] = []
    orchestrator = Orchestrator(small(), log=log.append)
    with monkeypatch.context() as patch:
        patch.setattr(LifecycleMachine, "schedule", broken)
        decision = orchestrator.apply(act("0", "created", T))
    assert (decision.result, log, orchestrator.people) == ("parked", [], {})
    (created,) = orchestrator.retry(T)
    assert (created.stage, [one.id for one in log]) == ("new", ["0"])


def test_only_exceptions_are_parked_and_a_keyboard_interrupt_still_changes_nothing() -> None:
    def interrupted(person: Person, now: datetime) -> bool:
        raise KeyboardInterrupt

    orchestrator, person = running(
        move("go", "a", "b", on="go"), move("on", "b", "c", when=interrupted)
    )
    before = slots(person)
    with pytest.raises(KeyboardInterrupt):
        orchestrator.apply(act("1", "go", T + HOUR))
    assert slots(person) == before
    assert not orchestrator.parked


# ------------------------------------------------------------------ the logger


def test_a_logger_at_info_hears_nothing_of_our_hops(caplog: pytest.LogCaptureFixture) -> None:
    lifecycle = Lifecycle("waterfall")
    with caplog.at_level(logging.DEBUG, logger="transitions"):
        busy(lifecycle, 2)
    assert caplog.records == []


# ------------------------------------------------------------------ the machine decides


def test_every_hop_runs_through_an_event_of_transitions(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, str]] = []
    original = LeanEvent.fire

    def spy(self: LeanEvent, person: Person, context: TransitionContext) -> bool:
        moved = original(self, person, context)
        if moved:
            made.append((person.id, person.stage))
        return moved

    monkeypatch.setattr(LeanEvent, "fire", spy)
    people = busy(Lifecycle("waterfall"), 3)
    rows = [
        (row.person, row.to_stage)
        for person in people
        for row in person.history
        if row.kind != "enter"
    ]
    assert sorted(made) == sorted(rows)
    assert {stage for _, stage in rows} >= {"mal", "mql", "recycled", "sal"}


def test_nobody_moves_where_events_do_not_fire(monkeypatch: pytest.MonkeyPatch) -> None:
    original, asleep = LeanEvent.fire, False

    def sleeper(self: LeanEvent, person: Person, context: TransitionContext) -> bool:
        return not asleep and original(self, person, context)

    monkeypatch.setattr(LeanEvent, "fire", sleeper)
    orchestrator, person = running(
        move("go", "a", "b", on="go"), move("on", "a", "b", when="ready")
    )
    asleep = True
    assert orchestrator.apply(act("1", "go", T + HOUR)).result == "refused"
    assert orchestrator.apply(act("2", "changed", T + HOUR, ready=True)).result == "unchanged"
    assert person.stage == "a"
    asleep = False
    assert orchestrator.apply(act("3", "go", T + HOUR)).result == "moved"


def test_an_event_of_transitions_moves_a_person_as_its_documentation_says() -> None:
    orchestrator, person = running(
        move("go", "a", "b", on="go", when="level >= 2"), fields={"level": 2}
    )
    machine = orchestrator.machine
    context = machine.context(person, T + HOUR, "go", "activity-1")
    assert machine.events["go"].trigger(person, context=context) is True
    assert person.stage == "b"
    row = person.history[-1]
    assert (row.rule, row.trigger, row.activity, row.now) == ("go", "go", "activity-1", T + HOUR)
    assert machine.events["go"].trigger(person, context=context) is False
