"""What comes of a case: each is run through the model's compiled guards and its machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import combinations
from types import SimpleNamespace
from typing import Any

from lifecycle_fsm.errors import LifecycleError, RecordError, suggest
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import (
    Always,
    Opaque,
    all_of,
    compile_condition,
    inline,
    negate,
    resolve,
    walk,
)
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.machine import Decision, LifecycleMachine
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.person import READ_ONLY, Person
from lifecycle_fsm.proof import NOW, Answer, solve_here
from lifecycle_fsm.silos.effects import attribute_of
from lifecycle_fsm.testing.cases.mcdc import assuming
from lifecycle_fsm.testing.cases.rows import (
    EFFECT,
    EXAMPLE,
    NOT_RUN,
    ORDER,
    TOUR,
    TRIGGER,
    Case,
    Row,
    format_values,
    parse_values,
)
from lifecycle_fsm.testing.cases.rule_index import Places, Rule, brought, rules_of, stayed
from lifecycle_fsm.testing.cases.transition_tour import Walker

# ------------------------------------------------------------------ orders
#
# People for whom two rules are open at once: which comes first is agreed, too [S8][S15].


_BEFORE = " before "


def orders_of(model: Model) -> tuple[Rule, ...]:
    """Every two rules that are tried for one reason, in the order in which they are: of the sort,
    and of the moves of one stage by one trigger, or by the system.

    Left out are pairs whose second is open to everybody, which every case of the first shows, and
    those with a Python function, which nobody can look into.
    """
    return tuple(
        Rule(
            ORDER,
            pair_name(first.name, second.name),
            all_of(first.when, second.when),
            first.source,
            None,
            first,
        )
        for tried in _tried_together(model)
        for first, second in combinations(tried, 2)
        if not isinstance(second.when, Always) and not _opaque((first, second), model)
    )


def pair_name(first: str, second: str) -> str:
    """The name of a pair in a table."""
    return f"{first}{_BEFORE}{second}"


def turned(name: str) -> str:
    """The name of the same pair in the other order."""
    first, _, second = name.partition(_BEFORE)
    return pair_name(second, first)


def _tried_together(model: Model) -> Iterator[tuple[Edge, ...]]:
    yield model.sort_edges
    for stage in model.stages:
        for trigger in (None, *model.triggers):
            yield tuple(
                one for one in model.edges if one.source == stage.name and one.on == trigger
            )


def _opaque(edges: tuple[Edge, Edge], model: Model) -> bool:
    words = model.vocabulary
    return any(
        isinstance(node, Opaque)
        for edge in edges
        for node in walk(inline(resolve(edge.when, words), words))
    )


def somebody_for_both(rule: Rule, places: Places) -> Answer:
    """Somebody for whom both rules of a pair are open, and if that can be none that comes before
    them."""
    world, here = places.world(rule), places.here(rule)
    edge, model = rule.edge, places.model
    assert edge is not None, "a pair is of two edges"
    edges = model.sort_edges if edge in model.sort_edges else model.edges
    before = [
        negate(one.when)
        for one in edges[: edges.index(edge)]
        if one.source == edge.source and one.on == edge.on
    ]
    both = places.guard(rule)
    alone = solve_here(all_of(both, *before, here), world)
    return alone if alone.found or not before else solve_here(all_of(both, here), world)


# ------------------------------------------------------------------ running


HOLDS, FAILS = "holds", "does not hold"
NO_MOVE = "no such move"
WAITS = "waits for the sort"
_YES_NO = FieldType("bool")


class Runner:
    """Runs the cases of one model. It keeps nobody: each case has a person of its own."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.machine = LifecycleMachine(model)
        self.places = Places(model)
        self.rules: Mapping[tuple[str, str], Rule] = {
            (one.part, one.name): one for one in rules_of(model)
        }
        self.orders: Mapping[tuple[str, str], Rule] = {
            (one.name, one.stage): one for one in orders_of(model)
        }
        self.opaque: Mapping[str, Callable[[Any, Any], bool]] = {
            node.name: node.function
            for one in self.rules.values()
            for node in walk(self.places.guard(one))
            if isinstance(node, Opaque)
        }

    def outcomes(self, case: Case) -> tuple[str, ...]:
        """What comes of each row of a case in this model, in words.

        Raises:
            LifecycleError: a row names what the model does not have.
        """
        if case.rows[0].part == TOUR and case.rows[0].outcome not in NOT_RUN:
            return self.walker.walk([row.given for row in case.rows])
        return tuple(self.outcome(row) for row in case.rows)

    @cached_property
    def walker(self) -> Walker:
        """Who walks the tours; made when the first is walked."""
        return Walker(self.model)

    def outcome(self, row: Row) -> str:
        """What comes of one row.

        Raises:
            LifecycleError: it names a rule, a stage or a field that the model does not have.
        """
        try:
            if row.outcome in NOT_RUN:
                return row.outcome
            if row.part == TRIGGER:
                return self.asked(row.rule, row.stage)
            if row.part == EXAMPLE:
                return self.example(row)
            if row.part == EFFECT:
                return self._effect(row)
            if row.part == ORDER:
                return self._first(row)
            return self._rule(row)
        except RecordError as error:
            raise LifecycleError(f"{row.place}: {error}") from None

    # ------------------------------------------------------------------ guards

    def _rule(self, row: Row) -> str:
        rule = self._known(row.part, row.rule)
        types = self.places.types(rule) | {f"{name}()": _YES_NO for name in self.opaque}
        given = parse_values(row.given, types, NOW)
        assumed = {
            name.removesuffix("()"): bool(value)
            for name, value in given.items()
            if name.endswith("()")
        }
        fields = {name: value for name, value in given.items() if not name.endswith("()")}
        holds = self.holds(rule, fields, assumed)
        if rule.edge is None or assumed:
            return HOLDS if holds else FAILS
        return self._fired(rule, row.stage, fields, holds)

    def opaque_in(self, rule: Rule) -> bool:
        """Whether a Python function has a say in a rule."""
        return any(isinstance(node, Opaque) for node in walk(self.places.guard(rule)))

    def _known(self, part: str, name: str) -> Rule:
        rule = self.rules.get((part, name))
        if rule is None:
            hint = suggest(name, [one for kind, one in self.rules if kind == part])
            raise LifecycleError(f"the model has no {part} {name!r}{hint}")
        return rule

    def holds(self, rule: Rule, fields: Mapping[str, Value], assumed: Mapping[str, bool]) -> bool:
        """Whether the guard of a rule holds, as the silo or the machine would ask."""
        words = self.model.vocabulary_for(rule.kind)
        guard = inline(resolve(rule.guard, words), words)
        guard = assuming(guard, assumed) if assumed else guard
        person = self._somebody(rule, fields)
        payload = {
            name: value
            for name, value in ((brought(one), value) for one, value in fields.items())
            if name is not None
        }
        return compile_condition(guard, words)(person, NOW, payload)

    def given(self, row: Row) -> Any:
        """The person whom the row of a rule tells, for an explanation; nothing where it cannot be
        told."""
        rule = self.rules[row.part, row.rule]
        try:
            fields = parse_values(row.given, self.places.types(rule), NOW)
        except RecordError:
            return None
        return self._somebody(rule, fields)

    def _somebody(self, rule: Rule, fields: Mapping[str, Value]) -> SimpleNamespace:
        start = self.places.world(rule).start
        return SimpleNamespace(**{**self._nothing, **start, **fields})

    @cached_property
    def _nothing(self) -> Mapping[str, Value]:
        return {name: one.empty for name, one in self.model.vocabulary.fields.items()}

    def _fired(self, rule: Rule, stage: str, fields: Mapping[str, Value], holds: bool) -> str:
        edge = rule.edge
        assert edge is not None, "asked only for those that the machine can run"
        person = self.placed(stage, fields)
        decision = self._ask(person, edge)
        way = went(decision.rows, edge.name)
        if way:
            instead = holds and decision.rows[0].rule != edge.name
            refused = "refused, and " if decision.unmet and not holds else ""
            return f"{refused}{way}{' instead' if instead else ''}"
        if decision.unmet or decision.result == "no_such_move":
            return "refused"
        return f"stays in {stage}" + (", though it is open" if holds else "")

    def _effect(self, row: Row) -> str:
        """Where a move leads somebody, and what is in the fields of its effects then."""
        rule = self._known("move", row.rule)
        edge = rule.edge
        assert edge is not None, "a move is an edge"
        fields = parse_values(row.given, self.places.types(rule), NOW)
        person = self.placed(row.stage, fields)
        way = went(self._ask(person, edge).rows, edge.name) or f"stays in {row.stage}"
        written = {one.field: getattr(person, one.field) for one in getattr(edge.rule, "then", ())}
        return f"{way} with {format_values(written, NOW)}" if written else way

    def _ask(self, person: Person, edge: Edge) -> Decision:
        if edge.on is None:
            return self.machine.evaluate(person, NOW)
        return self.machine.fire(person, edge.on, at=NOW)

    def _first(self, row: Row) -> str:
        """Which of two rules that are open to somebody is taken."""
        names = (row.rule, turned(row.rule))
        rule = next(
            (self.orders[one, row.stage] for one in names if (one, row.stage) in self.orders), None
        )
        if rule is None or rule.edge is None:
            raise LifecycleError(f"the model does not try these two for one reason in {row.stage}")
        fields = parse_values(row.given, self.places.types(rule), NOW)
        decision = self._ask(self.placed(row.stage, fields), rule.edge)
        return went(decision.rows, "") or ("refused" if decision.unmet else f"stays in {row.stage}")

    def placed(self, stage: str, fields: Mapping[str, Value]) -> Person:
        """A person in a stage, with these fields, of whom nothing else is known."""
        self.model.stage(stage)
        free = {name: value for name, value in fields.items() if name not in READ_ONLY}
        person = self.machine.person("somebody", **free)
        since = NOW - stayed(stage, self.model)
        since = fields.get("stage_entered_at", since)  # type: ignore[assignment]
        begun = fields.get("journey_started_at")
        # A journey begins before its stage: an old stage makes an old journey.
        own = {
            "stage": stage,
            "stage_entered_at": since,
            "journey": fields.get("journey", 1),
            "journey_started_at": begun if "journey_started_at" in fields else since,
        }
        for name, value in own.items():
            setattr(person, attribute_of(name), value)
        return person

    # ------------------------------------------------------------------ triggers

    def asked(self, trigger: str, stage: str) -> str:
        """What a stage does with a process trigger: the stages that it may lead to, no such move,
        or, in original processing, nothing yet [S7][S14]."""
        self.model.stage(stage)
        if trigger not in self.model.triggers:
            hint = suggest(trigger, self.model.triggers)
            raise LifecycleError(f"the model has no trigger {trigger!r}{hint}")
        if stage == self.model.initial.name:
            return WAITS
        moves = self.machine.events[trigger].transitions.get(stage, ())
        targets = dict.fromkeys(one.edge.target for one in moves)
        return f"may go to {' or '.join(targets)}" if targets else NO_MOVE

    # ------------------------------------------------------------------ Python guards

    def example(self, row: Row) -> str:
        """What a Python guard says of the person of a declared example [S2].

        Raises:
            LifecycleError: no move of the model has a Python guard of that name.
        """
        function = self.opaque.get(row.rule)
        if function is None:
            hint = suggest(row.rule, self.opaque)
            raise LifecycleError(f"the model has no Python guard {row.rule!r}{hint}")
        fields = parse_values(row.given, self.model.vocabulary.fields, NOW)
        person = self.placed(row.stage or self.model.path[-1].name, fields)
        return HOLDS if function(person, NOW) else FAILS


def went(rows: tuple[HistoryRow, ...], own: str) -> str:
    """Where hops have led, in words; by which rule, where it is another than its own."""
    steps = [
        f"{row.to_stage}{'' if place == 0 and row.rule == own else f' by {row.rule}'}"
        for place, row in enumerate(rows)
    ]
    return f"goes to {', then to '.join(steps)}" if steps else ""
