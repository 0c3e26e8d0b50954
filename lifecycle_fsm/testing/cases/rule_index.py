"""Every guard of a model, with the place where it is asked and the people whom it meets there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TypeVar

import attrs

from lifecycle_fsm.checks import world_of
from lifecycle_fsm.checks.question_context import start_of_brought
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import (
    Always,
    Arithmetic,
    Compare,
    Const,
    Extreme,
    Field,
    Guard,
    In,
    Payload,
    Term,
    TextMatch,
    always,
    inline,
    reads,
    resolve,
    transform,
)
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.proof import NOW, Work, World

#: A person of whom the table says nothing else has been in the stage, and on this journey, so long:
#: nothing is decided by the moment in which they came.
STAYED = timedelta(days=1)
#: What an activity brings is a field to the search; no field of a person has such a name.
_BROUGHT = "activity__"
_Named = TypeVar("_Named")


@attrs.frozen
class Rule:
    """A guard at its place.

    Args:
        part: the part of the model, as in :class:`~lifecycle_fsm.testing.cases.rows.Row`.
        name: the rule's name.
        guard: as the model has it.
        stage: where the person is who is asked, or nothing where that does not matter.
        kind: the kind of activity whose payload the guard may read, in the silos [S18].
        edge: the move or sort rule, which the machine can run.
    """

    part: str
    name: str
    guard: Guard
    stage: str = ""
    kind: str | None = None
    edge: Edge | None = None


def rules_of(model: Model) -> tuple[Rule, ...]:
    """Every guard of a model, in its order: sort, moves, named guards, then the silos.

    A move that leaves several stages stands there with the first, or with each where its guard
    reads the stage. In the silos, rules without a condition are left out.
    """
    return (*_sort(model), *_moves(model), *_guards(model), *_silos(model))


def _sort(model: Model) -> Iterator[Rule]:
    for edge in model.sort_edges:
        yield Rule("sort", edge.name, edge.when, model.initial.name, None, edge)


def _moves(model: Model) -> Iterator[Rule]:
    edges = {(edge.name, edge.source): edge for edge in model.edges}
    for move in model.moves:
        written = inline(resolve(move.when, model.vocabulary), model.vocabulary)
        sources = move.sources if "stage" in reads(written) else move.sources[:1]
        for source in sources:
            yield Rule("move", move.name, move.when, source, None, edges[move.name, source])


def _guards(model: Model) -> Iterator[Rule]:
    for name, guard in model.guards.items():
        yield Rule("guard", name, guard)


def _silos(model: Model) -> Iterator[Rule]:
    for name, data in _named((one.name or one.on, one) for one in model.data):
        yield from _unless_open(Rule("data", name, data.when, kind=data.on))
    for score in model.scoring:
        yield from _unless_open(Rule("scoring", score.name, score.when, kind=score.on))
    for fading in model.decay:
        yield from _unless_open(Rule("decay", fading.name, fading.when))
    for due in model.deadlines:
        yield from _unless_open(Rule("deadline", due.name, due.when, due.stage))
    for part, occasions in (("assignment", model.assignment), ("alert", model.alerts)):
        for one in occasions:
            stage = one.entering[0] if one.entering else ""
            yield from _unless_open(Rule(part, one.name, one.when, stage, one.on))


def _unless_open(rule: Rule) -> Iterator[Rule]:
    if not isinstance(rule.guard, Always):
        yield rule


def _named(rules: Iterable[tuple[str, _Named]]) -> Iterator[tuple[str, _Named]]:
    """Rules with a name each: a second one of the same name is number 2."""
    count: Counter[str] = Counter()
    for name, rule in rules:
        count[name] += 1
        yield (name if count[name] == 1 else f"{name} {count[name]}"), rule


# ---------------------------------------------------------------------- who is there


class Places:
    """The people whom the rules of one model meet."""

    def __init__(self, model: Model, work: Work | None = None) -> None:
        self.model = model
        self._world = world_of(model, work)

    def world(self, rule: Rule) -> World:
        """Everybody whom the rule can meet, payload included."""
        since = NOW - stayed(rule.stage, self.model)
        start: dict[str, Value] = {"stage_entered_at": since, "journey_started_at": since}
        brought = self._brought(rule)
        start |= start_of_brought(brought)
        if rule.stage:
            start["stage"] = rule.stage
        brought = self._brought(rule)
        start |= {name: something(one, NOW) for name, one in brought.items() if not one.nullable}
        words = attrs.evolve(
            self._world.vocabulary,
            fields={**self._world.vocabulary.fields, **brought},
            in_effect=True,
        )
        return attrs.evolve(self._world, vocabulary=words, start={**self._world.start, **start})

    def _brought(self, rule: Rule) -> dict[str, FieldType]:
        if rule.kind is None:
            return {}
        payload = self.model.vocabulary_for(rule.kind).payload
        return {f"{_BROUGHT}{name}": one for name, one in payload.items()}

    def types(self, rule: Rule) -> dict[str, FieldType]:
        """The types of all that a row of the rule may name, by the name that it stands there by."""
        return {shown(name): one for name, one in self.world(rule).vocabulary.fields.items()}

    def guard(self, rule: Rule) -> Guard:
        """The rule's guard over the fields of its world."""
        words = self._world.vocabulary
        return transform(inline(resolve(rule.guard, words), words), _from_fields)

    def here(self, rule: Rule) -> Guard:
        """Holds for those who are where the rule is asked: the stage is no free choice."""
        if not rule.stage or "stage" not in reads(self.guard(rule)):
            return always
        return Compare("==", Field("stage"), Const(rule.stage))


def something(kind: FieldType, at: datetime) -> Value:
    """What an activity brings that has to bring a value of this type: no text is empty [S4]."""
    if kind.kind == "datetime":
        return at
    return "something" if kind.kind == "str" and not kind.choices else kind.empty


def stayed(stage: str, model: Model) -> timedelta:
    """How long somebody has been in a stage of whom nothing else is said: in original processing
    people are new."""
    return timedelta(0) if stage == model.initial.name else STAYED


def shown(field: str) -> str:
    """The name of a field in a table: what the activity brings is ``activity.page`` there."""
    return f"activity.{field.removeprefix(_BROUGHT)}" if field.startswith(_BROUGHT) else field


def brought(name: str) -> str | None:
    """The name that the activity gives to this name of a table, if it is such a one."""
    return name.removeprefix("activity.") if name.startswith("activity.") else None


def _from_fields(guard: Guard) -> Guard:
    match guard:
        case Compare(op, left, right):
            return Compare(op, _field(left), _field(right))
        case In(term, options):
            return In(_field(term), options)
        case TextMatch(term):
            return attrs.evolve(guard, term=_field(term))
    return guard


def _field(term: Term) -> Term:
    match term:
        case Payload(name):
            return Field(f"{_BROUGHT}{name}")
        case Arithmetic(op, left, right):
            return Arithmetic(op, _field(left), _field(right))
        case Extreme(which, terms):
            return Extreme(which, tuple(map(_field, terms)))
    return term
