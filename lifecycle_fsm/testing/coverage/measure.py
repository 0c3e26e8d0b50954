"""What of a model tests have shown: a list of things to see, each seen, missing or impossible.

The percentage is the share of the seen in all that are not impossible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import (
    Always,
    Conditions,
    Guard,
    all_of,
    conditions,
    negate,
)
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.proof import Answer, decides, domain_of, is_value, solve_here
from lifecycle_fsm.testing.mcdc import Evidence, evidence
from lifecycle_fsm.testing.recorder import ModelRecord

#: ``sorted`` a rule of the sort was reached; ``moved`` a move was fired out of a stage; ``guards``
#: and ``conditions`` were seen to hold, or not to; ``decided`` a condition decided alone;
#: ``refused`` a trigger was refused in a stage.
Kind: TypeAlias = Literal["sorted", "moved", "guards", "conditions", "decided", "refused"]
KINDS: tuple[Kind, ...] = ("sorted", "moved", "guards", "conditions", "decided", "refused")
#: ``impossible`` is proved: there is nobody for whom it could be seen.
State: TypeAlias = Literal["seen", "missing", "impossible"]


@attrs.frozen
class Somebody:
    """The smallest person who would show what is missing: in a stage, asked for a trigger where
    the move has one. ``assumed`` are the answers that Python callables would have to give."""

    stage: str
    fields: Mapping[str, Value]
    assumed: Mapping[str, bool]
    trigger: str | None


@attrs.frozen(kw_only=True)
class Item:
    """One thing to see.

    Args:
        kind: what it is.
        rule: the name of the move or the sort rule; for ``refused`` the trigger.
        stage: where it has to happen; nothing where any stage does that the rule leaves.
        condition: the number of the condition in its guard.
        side: whether it has to hold or not; of ``decided``, on which side it has not yet decided.
        state: whether it was seen.
        shown_by: who would show it, where it is missing.
        unknown: why nobody can be named, where it is missing and nobody is.
    """

    kind: Kind
    rule: str
    stage: str | None = None
    condition: int | None = None
    side: bool | None = None
    state: State
    shown_by: Somebody | None = None
    unknown: str = ""


@attrs.frozen
class Fired:
    """A move or a sort rule out of one stage: how often it moved somebody, by which tests."""

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
    def missing(self) -> tuple[Item, ...]:
        """What was not seen and could be."""
        return tuple(item for item in self.items if item.state == "missing")

    @cached_property
    def impossible(self) -> tuple[Item, ...]:
        """What nobody can ever see: it is proved."""
        return tuple(item for item in self.items if item.state == "impossible")

    @cached_property
    def totals(self) -> Mapping[Kind, tuple[int, int]]:
        """By kind, how many were seen, of how many that can be."""
        return {kind: tally(item for item in self.items if item.kind == kind) for kind in KINDS}

    @property
    def percent(self) -> float:
        """The covered share in per cent; of a model in which there is nothing to see, all."""
        return percent(tally(self.items))


def tally(items: Iterable[Item]) -> tuple[int, int]:
    """How many were seen, of how many that can be."""
    states = [item.state for item in items]
    seen = states.count("seen")
    return seen, seen + states.count("missing")


def percent(tallied: tuple[int, int]) -> float:
    """A tally in per cent."""
    seen, of = tallied
    return 100 * seen / of if of else 100.0


def measure(model: Model, record: ModelRecord) -> Coverage:
    """What the record shows of the model.

    What is missing is looked for among all persons of the model: it comes with the smallest one who
    would show it, or is found to be impossible. Where that cannot be decided, it stays missing.
    """
    return _Measuring(model, record).coverage()


class _Measuring:
    def __init__(self, model: Model, record: ModelRecord) -> None:
        self.model, self.record = model, record
        self.domain = domain_of(model)
        self.by_rule: dict[str, list[Edge]] = {}
        for edge in (*model.sort_edges, *model.edges):
            self.by_rule.setdefault(edge.name, []).append(edge)
        self.answers: dict[Guard, Answer] = {}
        self.sort = {rule.name for rule in model.sort}
        self.rules = tuple(
            self._rule(name, name in self.sort)
            for name in (*(one.name for one in model.sort), *(move.name for move in model.moves))
        )

    def coverage(self) -> Coverage:
        items: list[Item] = []
        for rule in self.rules:
            items += self._moved(rule)
            items += self._guard(rule)
        items += self._refused()
        asked = {(edge.source, edge.on) for edge in self.model.edges if edge.on}
        asked |= {(stage, trigger) for stage, trigger, _ in self.record.askings}
        order = [stage.name for stage in self.model.stages]
        refusals = tuple(
            Refusals(
                stage,
                trigger,
                self.record.asked(stage, trigger, "refused"),
                self.record.asked(stage, trigger, "no_such_move"),
            )
            for stage, trigger in sorted(
                ((stage, on or "") for stage, on in asked),
                key=lambda one: (order.index(one[0]), one[1]),
            )
        )
        return Coverage(self.model, self.rules, refusals, tuple(items))

    def _rule(self, name: str, sort: bool) -> RuleSeen:
        edges = self.by_rule[name]
        parts = conditions(edges[0].when, self.model.vocabulary)
        vectors = self.record.vectors(name)
        outcomes = {parts.outcome(vector) for vector in vectors}
        return RuleSeen(
            name,
            sort,
            parts,
            True in outcomes,
            False in outcomes,
            tuple(evidence(parts, vectors, index) for index in range(len(parts.atoms))),
            tuple(self._fired(edge) for edge in edges),
        )

    def _fired(self, edge: Edge) -> Fired:
        touches = self.record.touches.get((edge.name, edge.source), {})
        tests = sorted(test for test, touch in touches.items() if touch.fired and test)
        return Fired(edge, self.record.fired(edge.name, edge.source), tuple(tests))

    # -- the things to see -------------------------------------------------------------------

    def _moved(self, rule: RuleSeen) -> Iterator[Item]:
        for one in rule.fired:
            edge = one.edge
            kind: Kind = "sorted" if rule.sort else "moved"
            yield self._item(
                Item(kind=kind, rule=rule.name, stage=edge.source, state="missing"),
                seen=one.count > 0,
                edges=[edge],
                question=edge.when,
            )

    def _guard(self, rule: RuleSeen) -> Iterator[Item]:
        guard, name, edges = rule.parts.guard, rule.name, self.by_rule[rule.name]
        if isinstance(guard, Always):
            return
        for side, seen in ((True, rule.held), (False, rule.failed)):
            item = Item(kind="guards", rule=name, side=side, state="missing")
            question = guard if side else negate(guard)
            yield self._item(item, seen=seen, edges=edges, question=question)
        if len(rule.parts.atoms) < 2:
            return  # a guard that is one condition has said all by now
        for index, (atom, shown) in enumerate(zip(rule.parts.atoms, rule.evidence, strict=True)):
            for side, seen in ((True, shown.held), (False, shown.failed)):
                item = Item(
                    kind="conditions", rule=name, condition=index, side=side, state="missing"
                )
                question = atom if side else negate(atom)
                yield self._item(item, seen=seen, edges=edges, question=question)
            yield self._decided(rule, index, shown)

    def _decided(self, rule: RuleSeen, index: int, shown: Evidence) -> Item:
        """It needs both sides: if one of them is impossible, the condition is redundant."""
        first = not shown.decided_holding
        found = Item(kind="decided", rule=rule.name, condition=index, state="missing")
        if shown.decided is not None:
            return attrs.evolve(found, state="seen")
        edges = self.by_rule[rule.name]
        atom = rule.parts.atoms[index]
        matters = decides(rule.parts.guard, atom)
        items = [
            self._item(
                attrs.evolve(found, side=side),
                seen=False,
                edges=edges,
                question=all_of(atom if side else negate(atom), matters),
            )
            for side in (first, not first)
        ]
        for one in items:
            if one.state == "impossible":
                return one
        return items[0]

    def _refused(self) -> Iterator[Item]:
        by_place: dict[tuple[str, str], list[Edge]] = {}
        for edge in self.model.edges:
            if edge.on:
                by_place.setdefault((edge.source, edge.on), []).append(edge)
        for (stage, trigger), edges in by_place.items():
            if any(isinstance(edge.when, Always) for edge in edges):
                continue
            item = Item(kind="refused", rule=trigger, stage=stage, state="missing")
            seen = self.record.asked(stage, trigger, "refused") > 0
            shut = all_of(*(negate(edge.when) for edge in edges))
            yield self._item(item, seen=seen, edges=edges[:1], question=shut)

    # -- who would show it -------------------------------------------------------------------

    def _item(self, item: Item, *, seen: bool, edges: list[Edge], question: Guard) -> Item:
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
        """Somebody in the stage, whom nothing before this edge has moved already."""
        there = is_value("stage", edge.source)
        whole = all_of(there, *self.model.earlier_closed(edge), question)
        if whole not in self.answers:
            self.answers[whole] = solve_here(whole, self.domain)
        return self.answers[whole]
