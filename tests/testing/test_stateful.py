"""The state machine of a model: the shipped ones hold, and a fault in the machine is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from lifecycle_fsm import Decision, LifecycleMachine, Model, Outcome, Refusal, always, load, shipped
from lifecycle_fsm.machine.lean_transitions import LeanTransition, TransitionContext
from lifecycle_fsm.testing import LifecycleRules, state_machine
from tests.machine.small import TOO_LARGE, move, small

MODELS = {name: load(name) for name in shipped()}
quickly = settings(
    max_examples=25,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
#: Where a fault is planted: enough to find it, without making it small.
find = settings(
    quickly,
    max_examples=300,
    phases=[Phase.generate],
    database=None,
    derandomize=True,
    report_multiple_bugs=False,
)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_shipped_models_hold_whatever_happens(model: Model) -> None:
    run_state_machine_as_test(state_machine(model), settings=quickly)


def _no_row(make: Callable[..., None]) -> Callable[..., None]:
    def fault(self: LeanTransition, person: Any, context: TransitionContext) -> None:
        before = person._history
        make(self, person, context)
        person._history = before

    return fault


def _twice(make: Callable[..., None]) -> Callable[..., None]:
    def fault(self: LeanTransition, person: Any, context: TransitionContext) -> None:
        make(self, person, context)
        person._history += person._history[-4:]

    return fault


def _backwards(make: Callable[..., None]) -> Callable[..., None]:
    def fault(self: LeanTransition, person: Any, context: TransitionContext) -> None:
        if self.dest == "lost":
            context.append(person, person._stage, "contact", "step", self.edge.name)
            person._stage = "contact"
            person._stage_entered_at = context.now
        else:
            make(self, person, context)

    return fault


def _late_entry(make: Callable[..., None]) -> Callable[..., None]:
    def fault(self: LeanTransition, person: Any, context: TransitionContext) -> None:
        entered = person._stage_entered_at
        make(self, person, context)
        person._stage_entered_at = entered

    return fault


def _same_journey(make: Callable[..., None]) -> Callable[..., None]:
    def fault(self: LeanTransition, person: Any, context: TransitionContext) -> None:
        if self.returns:
            person._journey -= 1
        make(self, person, context)

    return fault


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        (_no_row, "a hop has no row|a hop of time has no row|may move somebody"),
        (_twice, "rows are numbered|it leaves 'lead'|it leaves|a hop has no row"),
        (_backwards, "the model declares no such move"),
        (_late_entry, "and the history says"),
        (_same_journey, "its journey is"),
    ],
)
def test_a_machine_that_breaks_a_law_is_found(
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[Callable[..., None]], Callable[..., None]],
    complaint: str,
) -> None:
    monkeypatch.setattr(LeanTransition, "make", fault(LeanTransition.make))
    with pytest.raises(AssertionError, match=complaint):
        run_state_machine_as_test(state_machine("two_step"), settings=find)


@pytest.mark.parametrize(
    ("where", "name", "fault", "complaint"),
    [
        (Decision, "rows", property(lambda self: ()), "has no row, or two"),
        (LifecycleMachine, "may", lambda *_: True, "may move somebody"),
        (LifecycleMachine, "may", lambda *_: False, "may not move somebody"),
    ],
)
def test_a_machine_that_says_otherwise_than_it_does_is_found(
    monkeypatch: pytest.MonkeyPatch,
    where: type,
    name: str,
    fault: Callable[..., object],
    complaint: str,
) -> None:
    monkeypatch.setattr(where, name, fault)
    with pytest.raises(AssertionError, match=complaint):
        run_state_machine_as_test(state_machine("two_step", stages=["lead", "lost"]), settings=find)


def test_a_refusal_that_gives_no_reason_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = Refusal("x", "y", Outcome("always", "always", True, guard=always), ())
    monkeypatch.setattr(LifecycleMachine, "refusals", lambda *_, **__: (empty,))
    with pytest.raises(AssertionError, match="refused without a reason"):
        run_state_machine_as_test(state_machine("waterfall", stages=["mql"]), settings=find)


def test_an_effect_that_fails_is_found() -> None:
    fragile = small(move("grows", "a", "b", when="big >= 1e308", then=TOO_LARGE))
    with pytest.raises(AssertionError, match="parked"):
        run_state_machine_as_test(state_machine(fragile, stages=["a"]), settings=find)


def test_it_starts_where_it_is_told_and_steps_have_the_names_of_what_happens() -> None:
    rules = state_machine(MODELS["two_step"], stages=["lead"])
    assert issubclass(rules, LifecycleRules)
    assert rules.__name__ == "TwoStepRules"
    assert {"start", "time_passes", "asks", "happens_give_up", "happens_web_visit"} <= set(
        vars(rules)
    )
    assert not {"happens_created", "happens_processed", "happens_merged"} & set(vars(rules))
    started: list[str] = []

    class Watched(rules):  # type: ignore[misc, valid-type]
        def begin(self, situation: tuple[str, dict[str, Any]]) -> None:
            super().begin(situation)
            started.append(self.person.stage)

    run_state_machine_as_test(Watched, settings=quickly)
    assert set(started) == {"lead"}
