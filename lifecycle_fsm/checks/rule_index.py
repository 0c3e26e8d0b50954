"""Every condition of a model, with its place and where it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import attrs

from lifecycle_fsm.guard import Guard, Opaque, Term
from lifecycle_fsm.model import Edge, Model, Move, Set, SortRule
from lifecycle_fsm.model.definition import arrow


@attrs.frozen
class Condition:
    """One condition: a guard of a move or the sort, or the ``when`` of a silo's rule."""

    where: str
    guard: Guard
    #: The stages in which it is asked; none where any will do.
    stages: tuple[str, ...] = ()
    #: The activity whose values it may read.
    kind: str | None = None
    #: What it decides, in words.
    what: str = "this rule"


def place_of(model: Model, rule: Move | SortRule) -> str:
    """Where a move or a rule of the sort stands, as problems of a model name it."""
    if isinstance(rule, SortRule):
        return f"sort[{model.sort.index(rule)}] {rule.name}"
    return f"moves[{model.moves.index(rule)}] {arrow(rule.sources, rule.target)}"


def conditions(model: Model) -> Iterator[Condition]:
    """The conditions of a model, section by section, but for Python callables: nobody can look
    inside them [S2]."""
    return (one for one in _all(model) if not isinstance(one.guard, Opaque))


def _all(model: Model) -> Iterator[Condition]:
    for name, guard in model.guards.items():
        yield Condition(f"guards.{name}", guard, what=f"the named guard {name!r}")
    for index, data in enumerate(model.data):
        where = f"data[{index}] {data.name or data.on}, when"
        yield Condition(where, data.when, kind=data.on)
    for index, score in enumerate(model.scoring):
        yield Condition(f"scoring[{index}] {score.name}, when", score.when, kind=score.on)
    for index, decay in enumerate(model.decay):
        yield Condition(f"decay[{index}] {decay.name}, when", decay.when)
    for rule in model.sort[:-1]:
        yield Condition(f"{place_of(model, rule)}, when", rule.when, (model.initial.name,))
    for move in model.moves:
        where = f"{place_of(model, move)}, when"
        yield Condition(where, move.when, move.sources, what=f"the move {move.name!r}")
    for index, deadline in enumerate(model.deadlines):
        where = f"deadlines[{index}] {deadline.name}, when"
        yield Condition(where, deadline.when, (deadline.stage,))
    for index, assigned in enumerate(model.assignment):
        where = f"assignment[{index}] {assigned.name}, when"
        yield Condition(where, assigned.when, assigned.entering, assigned.on)
    for index, alert in enumerate(model.alerts):
        yield Condition(f"alerts[{index}] {alert.name}, when", alert.when, alert.entering, alert.on)


def effects_of(model: Model) -> Iterator[tuple[str, Set]]:
    """Every effect of a model, with the place of the rule that has it."""
    for kind in model.activity_kinds.values():
        yield from ((f"kinds.{kind.name}", one) for one in kind.sets)
    for index, rule in enumerate(model.data):
        yield from ((f"data[{index}] {rule.name or rule.on}", one) for one in rule.then)
    for move in model.moves:
        yield from ((place_of(model, move), one) for one in move.then)
    for index, decay in enumerate(model.decay):
        yield from ((f"decay[{index}] {decay.name}", one) for one in decay.then)


def readers(model: Model) -> Iterator[Guard | Term]:
    """Everything in a model that can read a field or a token."""
    yield from model.guards.values()
    for whens in (model.data, model.scoring, model.decay, model.sort, model.moves):
        yield from (one.when for one in whens)
    for asking in (model.deadlines, model.assignment, model.alerts):
        for one in asking:
            yield one.when
            yield from one.to
    for claim in model.claims:
        yield from (one for one in (claim.always, claim.never) if one is not None)
    yield from (one.points for one in model.scoring)
    yield from (one.value for _, one in effects_of(model))


def groups(model: Model) -> Iterator[list[Edge]]:
    """The moves that are tried together: those of one stage that one trigger asks for, or that the
    system asks for, in the order in which they are tried."""
    for stage in model.stages:
        leaving = [edge for edge in model.edges if edge.source == stage.name]
        for _, group in groupby(sorted(leaving, key=lambda edge: edge.on or ""), _asked_by):
            yield list(group)


def _asked_by(edge: Edge) -> str:
    return edge.on or ""
