"""All rules of a model, each with its place: whoever looks at every rule looks here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import attrs

from lifecycle_fsm.guard import Guard, Term, always
from lifecycle_fsm.model.definition import Set, arrow
from lifecycle_fsm.model.rules import AlertRule, AssignmentRule

if TYPE_CHECKING:
    from lifecycle_fsm.model.model import Model


@attrs.frozen
class Rule:
    """One rule of a model, or a named guard, or a kind of activity that the model adds.

    Args:
        section: the section of the model: ``guards``, ``kinds``, ``data``, ``scoring``, ``decay``,
            ``sort``, ``moves``, ``deadlines``, ``assignment``, ``alerts``.
        name: its name; of a data rule without one, the kind of activity that it is about.
        place: where it stands, as problems of a model name it: ``moves[3] mal -> mql``.
        when: its condition.
        stages: the stages in which the condition is asked; none if any will do.
        activity: the kind of activity whose values it may read [S18].
        then: its effects.
        values: what else it computes: points, receivers.
    """

    section: str
    name: str
    place: str
    when: Guard = always
    stages: tuple[str, ...] = ()
    activity: str | None = None
    then: tuple[Set, ...] = ()
    values: tuple[Term | Guard, ...] = ()

    @property
    def condition(self) -> str:
        """Where its condition stands."""
        return self.place if self.section == "guards" else f"{self.place}, when"

    @property
    def trees(self) -> tuple[Guard | Term, ...]:
        """All that can read a field or a token."""
        return (self.when, *(effect.value for effect in self.then), *self.values)


def rules_of(model: Model) -> Iterator[Rule]:
    """The rules of a model, section by section in the order of the silos [S18]."""
    for name, guard in model.guards.items():
        yield Rule("guards", name, f"guards.{name}", guard)
    for kind in model.kinds:
        yield Rule("kinds", kind.name, f"kinds.{kind.name}", then=kind.sets)
    for index, data in enumerate(model.data):
        name = data.name or data.on
        yield Rule("data", name, f"data[{index}] {name}", data.when, (), data.on, data.then)
    for index, score in enumerate(model.scoring):
        place, values = f"scoring[{index}] {score.name}", (score.points,)
        yield Rule("scoring", score.name, place, score.when, (), score.on, (), values)
    for index, decay in enumerate(model.decay):
        place = f"decay[{index}] {decay.name}"
        yield Rule("decay", decay.name, place, decay.when, then=decay.then)
    for index, line in enumerate(model.sort):
        stages = (model.initial.name,)
        yield Rule("sort", line.name, f"sort[{index}] {line.name}", line.when, stages)
    for index, move in enumerate(model.moves):
        place = f"moves[{index}] {arrow(move.sources, move.target)}"
        yield Rule("moves", move.name, place, move.when, move.sources, then=move.then)
    for index, due in enumerate(model.deadlines):
        place = f"deadlines[{index}] {due.name}"
        yield Rule("deadlines", due.name, place, due.when, (due.stage,), values=due.to)
    asks: dict[str, Sequence[AssignmentRule | AlertRule]] = {
        "assignment": model.assignment,
        "alerts": model.alerts,
    }
    for section, rules in asks.items():
        for index, ask in enumerate(rules):
            place = f"{section}[{index}] {ask.name}"
            yield Rule(section, ask.name, place, ask.when, ask.entering, ask.on, values=ask.to)
