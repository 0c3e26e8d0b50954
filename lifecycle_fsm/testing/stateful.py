"""A model as a Hypothesis state machine: start anywhere, let anything happen, hold the laws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from os import PathLike
from typing import Any, ClassVar

from lifecycle_fsm.fields import Value
from lifecycle_fsm.model import Model, load
from lifecycle_fsm.person import Person
from lifecycle_fsm.testing.bench import Bench, Clock
from lifecycle_fsm.testing.invariants import assert_history_holds
from lifecycle_fsm.testing.strategies import SOMEBODY, ModelStrategies, st, stateful
from lifecycle_fsm.testing.values import lengths

#: What becomes of an activity that should have been applied, and was not.
_NOT_APPLIED = frozenset({"parked", "rejected", "held", "duplicate"})


class LifecycleRules(stateful.RuleBasedStateMachine):
    """What :func:`state_machine` starts from; a subclass of its result may add rules of its own.

    ``self.person`` is the one person, ``self.bench`` asks, asserts and has the clock.
    """

    bench: ClassVar[Bench]
    person: Person

    def begin(self, situation: tuple[str, dict[str, Any]]) -> None:
        """Put somebody into a stage, with the clock at its start."""
        stage, fields = situation
        self.bench.clock = Clock()
        self.person = self.bench.person_in(stage, id=SOMEBODY, **fields)

    def wait(self, gap: timedelta) -> None:
        """Let time pass, and whatever is due with it."""
        known = len(self.person.history)
        self.bench.clock.set(self.bench.clock.now + gap)
        decisions = self.bench.time_passes()
        wrong = [str(decision) for decision in decisions if decision.result in _NOT_APPLIED]
        assert not wrong, "; ".join(wrong)
        rows = tuple(row for decision in decisions for row in decision.rows)
        assert rows == self.person.history[known:], "a hop of time has no row, or two"

    def happen(self, gap: timedelta, kind: str, payload: Mapping[str, Value]) -> None:
        """Let an activity happen after some time."""
        self.wait(gap)
        known = len(self.person.history)
        decision = self.bench.happens(self.person, kind, payload)
        assert decision.result not in _NOT_APPLIED, str(decision)
        made = self.person.history[known:]
        # The end of original processing has a decision for each trigger that waited [S14].
        rows = decision.rows if kind != "processed" else made
        assert rows == made, f"{kind}: a hop has no row, or two"

    def ask(self, gap: timedelta, trigger: str) -> None:
        """Ask the machine for a move: what it says beforehand is what it does [S10]."""
        self.wait(gap)
        person, now = self.person, self.bench.clock.now
        if person.stage == self.bench.model.initial.name:
            return
        may = self.bench.machine.may(person, trigger, now)
        decision, rows = self.bench._ask(person, trigger)
        rules = {move.name for move in self.bench.model.moves if move.on == trigger}
        moved = bool(rows) and rows[0].rule in rules
        assert moved is may, f"{trigger} may {'' if may else 'not '}move somebody: {decision}"
        refused = decision.unmet
        assert not (may and refused), f"{trigger} moves somebody, and is refused: {decision}"
        reasons = [refusal.unmet or refusal.note for refusal in refused]
        assert all(reasons), f"refused without a reason: {decision}"

    @stateful.invariant()
    def history_holds(self) -> None:
        """Forward only, one row per hop, stamps equal a recount [S6][S25]."""
        assert_history_holds(self.person, self.bench.model)


def state_machine(
    model: Model | str | PathLike[str], *, stages: Iterable[str] = ()
) -> type[LifecycleRules]:
    """A model as a class of steps and laws, whose ``TestCase`` is a test.

    ``TestMine = state_machine("my.toml").TestCase`` is all that a test file needs. It is a
    ``RuleBasedStateMachine`` of Hypothesis, which puts somebody into a stage, lets time
    pass, lets activities of every kind happen, and asks for every trigger; values and lengths of
    time are mostly those at which a guard turns. After each step
    :func:`~lifecycle_fsm.testing.assert_history_holds` must hold, and no activity may be parked or
    rejected.

    Args:
        model: a :class:`~lifecycle_fsm.Model`, the path of its TOML, or the name of a shipped one.
        stages: where to start; without it, anywhere.

    Raises:
        ModelError: the model does not build.
        LifecycleError: the model has no such stage.
    """
    if not isinstance(model, Model):
        model = load(model)
    drawing = ModelStrategies(model)
    gap = st.sampled_from(lengths(model))
    body: dict[str, Any] = {
        "__doc__": f"Whatever happens to somebody in the model {model.name!r}.",
        "bench": Bench(model),
        "start": stateful.initialize(situation=drawing.situations(tuple(stages)))(
            _step("start", "begin")
        ),
        "time_passes": stateful.rule(gap=gap)(_step("time_passes", "wait")),
    }
    for kind in ("processed", *drawing.kinds()):
        name = f"happens_{kind}" if kind != "processed" else "processing_ends"
        rule = stateful.rule(gap=gap, payload=drawing.payload(kind))
        body[name] = rule(_step(name, "happen", kind=kind))
    # Only somebody in original processing can come to its end [S14].
    body["processing_ends"] = stateful.precondition(
        lambda self: self.person.stage == self.bench.model.initial.name
    )(body["processing_ends"])
    if model.triggers:
        rule = stateful.rule(gap=gap, trigger=st.sampled_from(model.triggers))
        body["asks"] = rule(_step("asks", "ask"))
    name = "".join(part.capitalize() for part in model.name.replace("-", "_").split("_"))
    return type(f"{name}Rules", (LifecycleRules,), body)


def _step(name: str, method: str, **fixed: Any) -> Callable[..., None]:
    """A step of a walk by the name that stands in the report of a failing one."""

    def step(self: LifecycleRules, **drawn: Any) -> None:
        getattr(self, method)(**fixed, **drawn)

    step.__name__ = step.__qualname__ = name
    return step
