"""What tests have shown of a model: a list of items to see, each seen, missing or impossible.

The percentage is the share of seen items, out of all that are not impossible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Literal, TypeAlias, get_args

import attrs

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Always, Conditions, Guard, all_of, conditions, negate
from lifecycle_fsm.model import Edge, Model, Move, SortRule
from lifecycle_fsm.proof import Answer, decides, domain_of, is_value, solve_here
from lifecycle_fsm.testing.mcdc import Evidence, evidence
from lifecycle_fsm.testing.recorder import ModelRecord

#: ``sorted``: a rule of the sort was reached; ``moved``: a move out of a stage was fired;
#: ``guards`` and ``conditions`` were seen to hold, or not to; ``decided``: a condition decided
#: alone; ``refused``: a trigger was refused in a stage.
Kind: TypeAlias = Literal["sorted", "moved", "guards", "conditions", "decided", "refused"]
KINDS: tuple[Kind, ...] = get_args(Kind)
#: ``impossible`` is proved: no person could show it.
State: TypeAlias = Literal["seen", "missing", "impossible"]


@attrs.frozen
class Somebody:
    """The smallest person who would show a missing item: in a stage, asking for the move's trigger
    if it has one. ``assumed`` are the answers that Python callables would have to give."""

    stage: str
    fields: Mapping[str, Value]
    assumed: Mapping[str, bool]
    trigger: str | None


@attrs.frozen(kw_only=True)
class Item:
    """One item to see.

    Args:
        kind: what it is.
        rule: the name of the move or the sort rule; for ``refused``, the trigger.
        stage: where it has to happen; empty if any stage that the rule leaves will do.
        condition: the number of the condition in its guard.
        side: whether it has to hold or not; for ``decided``, the side on which it has not decided
            yet.
        state: whether it was seen.
        shown_by: a person who would show it, if it is missing.
        unknown: why no such person can be named, if it is missing without one.
    """

    kind: Kind
    rule: str
    stage: str | None = None
    condition: int | None = None
    side: bool | None = None
    state: State = "missing"
    shown_by: Somebody | None = None
    unknown: str = ""


@attrs.frozen
class Fired:
    """A move or a sort rule out of one stage: how often tests fired it, and which tests."""

    edge: Edge
    count: int
    tests: tuple[str, ...]


@attrs.frozen
class RuleSeen:
    """A move or a sort rule with its guard, over all stages that it leaves."""

    name: str
    sort: bool
    parts: Conditions
    held: bool
    failed: bool
    evidence: tuple[Evidence, ...]
    fired: tuple[Fired, ...]

    @property
    def edges(self) -> list[Edge]:
        """Its edges, one for each stage that it leaves."""
        return [fired.edge for fired in self.fired]


@attrs.frozen
class Refusals:
    """A trigger in a stage: how often it was refused, and how often no move left the stage."""

    stage: str
    trigger: str
    refused: int
    no_such_move: int


@attrs.frozen(slots=False)
class Coverage:
    """What tests have shown of one model."""

    model: Model
    rules: tuple[RuleSeen, ...]
    refusals: tuple[Refusals, ...]
    items: tuple[Item, ...]

    @cached_property
    def by_name(self) -> Mapping[str, RuleSeen]:
        """The rules by name."""
        return {rule.name: rule for rule in self.rules}

    @cached_property
    def missing(self) -> tuple[Item, ...]:
        """What was not seen although it is possible."""
        return tuple(item for item in self.items if item.state == "missing")

    @cached_property
    def impossible(self) -> tuple[Item, ...]:
        """What was proved impossible to see."""
        return tuple(item for item in self.items if item.state == "impossible")

    @cached_property
    def totals(self) -> Mapping[Kind, tuple[int, int]]:
        """By kind, how many were seen, of how many that are possible."""
        return {kind: tally(item for item in self.items if item.kind == kind) for kind in KINDS}

    @property
    def percent(self) -> float:
        """The covered share in percent; 100 for a model with nothing to see."""
        return percent(tally(self.items))


def tally(items: Iterable[Item]) -> tuple[int, int]:
    """How many were seen, of how many that are possible."""
    states = [item.state for item in items]
    seen = states.count("seen")
    return seen, seen + states.count("missing")


def percent(tallied: tuple[int, int]) -> float:
    """A tally in percent."""
    seen, of = tallied
    return 100 * seen / of if of else 100.0


def measure(model: Model, record: ModelRecord) -> Coverage:
    """The coverage of the model according to the record.

    Missing items are searched for among all possible persons of the model: each comes with the
    smallest person who would show it, or turns out to be impossible. If that cannot be decided, it
    stays missing.
    """
    rules = tuple(_rules(model, record))
    pairs = {(edge.source, edge.on or "") for edge in model.edges if edge.on}
    pairs |= {(stage, trigger) for stage, trigger, _ in record.askings}
    order = [stage.name for stage in model.stages]
    refusals = tuple(
        Refusals(
            stage,
            trigger,
            record.asked(stage, trigger, "refused"),
            record.asked(stage, trigger, "no_such_move"),
        )
        for stage, trigger in sorted(pairs, key=lambda pair: (order.index(pair[0]), pair[1]))
    )
    return Coverage(model, rules, refusals, tuple(_Items(model, record).all(rules)))


def _rules(model: Model, record: ModelRecord) -> Iterator[RuleSeen]:
    by_rule: dict[str, list[Edge]] = {}
    for edge in (*model.sort_edges, *model.edges):
        by_rule.setdefault(edge.name, []).append(edge)
    rules: tuple[SortRule | Move, ...] = (*model.sort, *model.moves)
    for rule in rules:
        parts = conditions(rule.when, model.vocabulary)
        vectors = record.vectors(rule.name)
        outcomes = {parts.outcome(vector) for vector in vectors}
        yield RuleSeen(
            rule.name,
            isinstance(rule, SortRule),
            parts,
            True in outcomes,
            False in outcomes,
            tuple(evidence(parts, vectors, index) for index in range(len(parts.atoms))),
            tuple(_fired(record, edge) for edge in by_rule[rule.name]),
        )


def _fired(record: ModelRecord, edge: Edge) -> Fired:
    touches = record.touches.get((edge.name, edge.source), {})
    tests = sorted(test for test, touch in touches.items() if touch.fired and test)
    return Fired(edge, record.fired(edge.name, edge.source), tuple(tests))


class _Items:
    """The items to see in one model."""

    def __init__(self, model: Model, record: ModelRecord) -> None:
        self.model, self.record = model, record
        self.domain = domain_of(model)
        self.answers: dict[Guard, Answer] = {}

    def all(self, rules: Iterable[RuleSeen]) -> Iterator[Item]:
        """All items to see, in the order of the rules; the triggers last."""
        for rule in rules:
            kind: Kind = "sorted" if rule.sort else "moved"
            for fired in rule.fired:
                edge = fired.edge
                item = Item(kind=kind, rule=rule.name, stage=edge.source)
                yield self._item(item, fired.count > 0, [edge], edge.when)
            if not isinstance(rule.parts.guard, Always):
                yield from self._guard(rule)
        yield from self._refused()

    def _guard(self, rule: RuleSeen) -> Iterator[Item]:
        guard, atoms = rule.parts.guard, rule.parts.atoms
        for side, seen in ((True, rule.held), (False, rule.failed)):
            item = Item(kind="guards", rule=rule.name, side=side)
            yield self._item(item, seen, rule.edges, guard if side else negate(guard))
        if len(atoms) < 2:
            return  # for a guard of one condition, this is everything
        for index, (atom, shown) in enumerate(zip(atoms, rule.evidence, strict=True)):
            for side, seen in ((True, shown.held), (False, shown.failed)):
                item = Item(kind="conditions", rule=rule.name, condition=index, side=side)
                yield self._item(item, seen, rule.edges, atom if side else negate(atom))
            yield self._decided(rule, index, shown)

    def _decided(self, rule: RuleSeen, index: int, shown: Evidence) -> Item:
        """Both sides are needed: if one of them is impossible, the condition is redundant."""
        item = Item(kind="decided", rule=rule.name, condition=index)
        if shown.decided is not None:
            return attrs.evolve(item, state="seen")
        atom = rule.parts.atoms[index]
        matters = decides(rule.parts.guard, atom)
        first = not shown.decided_holding
        items = []
        for side in (first, not first):
            question = all_of(atom if side else negate(atom), matters)
            items.append(self._item(attrs.evolve(item, side=side), False, rule.edges, question))
        return next((item for item in items if item.state == "impossible"), items[0])

    def _refused(self) -> Iterator[Item]:
        by_place: dict[tuple[str, str], list[Edge]] = {}
        for edge in self.model.edges:
            if edge.on:
                by_place.setdefault((edge.source, edge.on), []).append(edge)
        for (stage, trigger), edges in by_place.items():
            if any(isinstance(edge.when, Always) for edge in edges):
                continue
            seen = self.record.asked(stage, trigger, "refused") > 0
            shut = all_of(*(negate(edge.when) for edge in edges))
            yield self._item(Item(kind="refused", rule=trigger, stage=stage), seen, edges[:1], shut)

    def _item(self, item: Item, seen: bool, edges: Iterable[Edge], question: Guard) -> Item:
        """The item as seen, or with the person at one of the edges who would show it."""
        if seen:
            return attrs.evolve(item, state="seen")
        reasons = []
        for edge in edges:
            answer = self._ask(edge, question)
            if answer.found:
                person = {name: value for name, value in answer.person.items() if name != "stage"}
                somebody = Somebody(edge.source, person, answer.assumed, edge.on)
                return attrs.evolve(item, shown_by=somebody)
            if not answer.refuted:
                reasons.append(answer.reason)
        if not reasons:
            return attrs.evolve(item, state="impossible")
        return attrs.evolve(item, unknown=reasons[0])

    def _ask(self, edge: Edge, question: Guard) -> Answer:
        """A person in the stage whom no earlier edge has moved already."""
        there = is_value("stage", edge.source)
        whole = all_of(there, *self.model.earlier_closed(edge), question)
        if whole not in self.answers:
            self.answers[whole] = solve_here(whole, self.domain)
        return self.answers[whole]
