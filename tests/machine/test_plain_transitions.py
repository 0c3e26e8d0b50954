"""A plain ``transitions`` machine of a model fires the same moves; ours answers like one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transitions import Machine
from transitions.extensions import GraphMachine

from lifecycle_fsm import Lifecycle, LifecycleError, load, to_transitions
from lifecycle_fsm.machine import LifecycleMachine
from lifecycle_fsm.model import Model
from lifecycle_fsm.person import Person
from tests.machine.small import DAY, MINUTE, T, move, small

WATERFALL = load("waterfall")
RISING = small(
    move("rise", "a", "b", on="ask", when="level >= 2", priority=2),
    move("jump", "a", "c", on="ask", when="level >= 5", skips="passed_over", priority=1),
    move("go_on", "b", "c", when="ready", then={"level": "level + 1"}),
    move("give_up", ("a", "b", "c"), "x", on="stop", when="not ready"),
    move("come_back", "x", "b", on="ask", when="days in stage >= 2"),
    move("rest_over", "x", "a", when="days in stage >= 30"),
)


def plain(model: Model, person: Person) -> Any:
    """An object like the person in a plain machine, in original processing."""
    lead: Any = SimpleNamespace(**{name: getattr(person, name) for name in model.field_types})
    lead.journey, lead.journey_started_at, lead.stage_entered_at = 1, T, T
    Machine(lead, **to_transitions(model))
    return lead


def settle(lead: Any, now: datetime) -> None:
    while lead.advance(at=now):
        pass


@given(
    fields=st.fixed_dictionaries(
        {
            "start": st.sampled_from(["a", "b", "c", "x"]),
            "level": st.integers(0, 6),
            "ready": st.booleans(),
        }
    ),
    askings=st.lists(st.tuples(st.sampled_from(["ask", "stop"]), st.integers(0, 40)), max_size=8),
)
def test_a_plain_machine_fires_the_same_moves(
    fields: dict[str, Any], askings: Sequence[tuple[str, int]]
) -> None:
    machine = LifecycleMachine(RISING)
    person: Any = machine.person("p", **fields)
    machine.enter(person, T)
    lead = plain(RISING, person)
    machine.evaluate(person, T)
    lead.sort(at=T)
    settle(lead, T)
    now = T
    for trigger, days in askings:
        now += timedelta(days=days, minutes=1)
        while person.next_due is not None and person.next_due < now:
            due = person.next_due
            machine.evaluate(person, due)
            settle(lead, due)
        machine.fire(person, trigger, at=now)
        getattr(lead, trigger)(at=now)
        settle(lead, now)
        for name in ("stage", "level", "journey", "stage_entered_at", "journey_started_at"):
            assert getattr(lead, name) == getattr(person, name), name


@pytest.mark.parametrize("name", ["two_step", "waterfall", "engagement", "sales_led"])
def test_the_shipped_models_load_into_plain_and_drawn_machines(name: str) -> None:
    model = load(name)
    config = to_transitions(model)
    machine = Machine(None, **config)
    assert set(machine.states) == {stage.name for stage in model.stages}
    drawn = GraphMachine(None, graph_engine="mermaid", **config)
    assert set(drawn.events) == {"sort", *model.triggers} | (
        {"advance"} if any(edge.on is None for edge in model.edges) else set()
    )


def test_a_lead_of_the_waterfall_goes_on_by_its_fields_and_by_what_it_asks() -> None:
    person = Lifecycle(WATERFALL).admit("ann", at=T, email="a@acme.example", country="Germany")
    lead = plain(WATERFALL, person)
    lead.sort(at=T)
    assert lead.stage == person.stage == "mal"
    lead.behavior_score = lead.demographic_score = 100
    settle(lead, T + MINUTE)
    assert lead.stage == "mql"
    assert lead.stage_entered_at == T + MINUTE
    assert not lead.sales_rejected(at=T + DAY)  # without a reason
    lead.rejection_reason = "no_budget"
    assert lead.sales_rejected(at=T + DAY)
    assert (lead.stage, lead.behavior_score) == ("recycled", 50)


def test_a_plain_trigger_needs_an_instant() -> None:
    lead = plain(RISING, LifecycleMachine(RISING).person("p"))
    with pytest.raises(LifecycleError, match="sort is asked without at="):
        lead.sort()


@pytest.mark.parametrize("trigger", ["advance", "sort"])
def test_a_trigger_that_the_plain_machine_needs_for_itself_is_refused(trigger: str) -> None:
    model = small(move("rise", "a", "b", on=trigger))
    with pytest.raises(LifecycleError, match=f"has a trigger '{trigger}'"):
        to_transitions(model)


# ---------------------------------------------------------------------- ours answers like one


def test_a_machine_says_which_triggers_leave_a_stage() -> None:
    machine = LifecycleMachine(RISING)
    assert machine.get_triggers("a") == ("ask", "stop")
    assert machine.get_triggers("c", "x") == ("ask", "stop")
    assert machine.get_triggers("d") == ()
    with pytest.raises(LifecycleError, match="no stage"):
        machine.get_triggers("e")


def test_a_machine_lists_its_moves_as_they_are_tried() -> None:
    machine = LifecycleMachine(RISING)
    assert [edge.name for edge in machine.get_transitions("ask", "a")] == ["jump", "rise"]
    assert [edge.name for edge in machine.get_transitions(None, "x")] == ["rest_over"]
    assert {edge.name for edge in machine.get_transitions(dest="c")} == {"jump", "go_on", "to_c"}
    assert list(machine.states) == [stage.name for stage in RISING.stages]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"level": 9}, [("ask", "c", []), ("stop", "x", [])]),
        ({"level": 2}, [("ask", "b", ["jump"]), ("stop", "x", [])]),
        ({"level": 0, "start": "x"}, [("ask", None, ["come_back"])]),
        ({"level": 0}, [("ask", None, ["jump", "rise"]), ("stop", "x", [])]),
    ],
)
def test_what_can_be_asked_of_a_person_now(
    fields: dict[str, Any], expected: list[tuple[str, str | None, list[str]]]
) -> None:
    machine = LifecycleMachine(RISING)
    person = machine.person("p", **fields)
    machine.enter(person, T)
    assert machine.triggers(person, T) == ()
    machine.evaluate(person, T)
    asked = [
        (trigger, target, [refusal.move for refusal in refusals])
        for trigger, target, refusals in machine.triggers(person, T + DAY)
    ]
    assert asked == expected


def test_a_person_says_in_which_stage_it_is() -> None:
    machine = LifecycleMachine(RISING)
    person: Any = machine.person("p")
    machine.enter(person, T)
    assert person.is_new()
    machine.evaluate(person, T)
    assert person.is_a()
    assert not person.is_b()
