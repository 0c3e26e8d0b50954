"""A person class for each model, with a method for each trigger, at no cost per person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lifecycle_fsm.attributes import reader
from lifecycle_fsm.fields import Value
from lifecycle_fsm.person import Person, class_name, person_class, stage_tests

if TYPE_CHECKING:
    from lifecycle_fsm.machine.decision import Decision, Refusal
    from lifecycle_fsm.machine.machine import LifecycleMachine
    from lifecycle_fsm.model.currency import Money


def own_class(machine: LifecycleMachine) -> type[Person]:
    """The person class of the machine's model: its fields, and ``fire``, ``may``, ``explain``,
    ``<trigger>`` and ``may_<trigger>``."""
    model = machine.model
    made = person_class(
        class_name(model.name),
        {field.name: field for field in model.fields},
        model.person,
    )
    for method, function in _methods(machine).items():
        setattr(made, method, function)
    return made


def _keeping(names: tuple[str, ...]) -> Callable[[Person], tuple[tuple[str, Value], ...]]:
    read = reader(names)
    return lambda person: tuple(zip(names, read(person), strict=True))


def _valuing(money: Money) -> Callable[[Any], None]:
    def value_opportunities(self: Any) -> None:
        """Work out the amounts that follow from the opportunities."""
        self.open_amount, self.won_amount = money.sums(self.opportunities.values())

    return value_opportunities


def _methods(machine: LifecycleMachine) -> dict[str, Callable[..., Any]]:
    def fire(
        self: Person,
        trigger: str,
        *,
        at: datetime | str,
        activity: str | None = None,
        **payload: Any,
    ) -> Decision:
        """Fire a trigger; if the person has a keeper, by an activity, as in a ``Lifecycle``."""
        return machine.asked(self, trigger, at, activity, **payload)

    def may(self: Person, trigger: str, *, at: datetime | str) -> bool:
        """Whether the trigger would move the person at that time."""
        return machine.may(self, trigger, at)

    def explain(
        self: Person, trigger: str | None = None, *, at: datetime | str
    ) -> tuple[Refusal, ...]:
        """Every move that is not open, with all its unmet guards and the values they read."""
        return machine.explain(self, trigger, at)

    methods: dict[str, Callable[..., Any]] = {"fire": fire, "may": may, "explain": explain}
    if machine.model.dimensions:
        methods["_kept"] = _keeping(machine.model.dimensions)
    model = machine.model
    if model.money is not None:
        methods["value_opportunities"] = _valuing(model.money)
    names = (stage.name for stage in model.stages)
    for name, stage in stage_tests(names, {*model.field_types, *model.triggers}).items():
        methods[name] = _being(name, stage)
    for trigger in model.triggers:
        methods[trigger] = _asking(machine, trigger)
        methods[f"may_{trigger}"] = _wondering(machine, trigger)
    return methods


def _being(name: str, stage: str) -> Callable[[Person], bool]:
    def is_in(self: Person) -> bool:
        return self.stage == stage

    is_in.__name__ = is_in.__qualname__ = name
    is_in.__doc__ = f"Whether the person is in {stage!r}."
    return is_in


def _asking(machine: LifecycleMachine, trigger: str) -> Callable[..., Decision]:
    def ask(
        self: Person, *, at: datetime | str, activity: str | None = None, **payload: Any
    ) -> Decision:
        return machine.asked(self, trigger, at, activity, **payload)

    ask.__name__ = ask.__qualname__ = trigger
    ask.__doc__ = f"Ask for {trigger.replace('_', ' ')}: the trigger {trigger!r}."
    return ask


def _wondering(machine: LifecycleMachine, trigger: str) -> Callable[..., bool]:
    def wonder(self: Person, *, at: datetime | str) -> bool:
        return machine.may(self, trigger, at)

    wonder.__name__ = wonder.__qualname__ = f"may_{trigger}"
    wonder.__doc__ = f"Whether {trigger!r} would move the person at that time."
    return wonder
