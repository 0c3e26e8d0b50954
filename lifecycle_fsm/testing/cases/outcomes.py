"""The outcomes of cases: each is run through the model's compiled guards and its machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from lifecycle_fsm.errors import LifecycleError, RecordError, suggest
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import compile_condition, inline, resolve
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.machine import Decision, LifecycleMachine
from lifecycle_fsm.model import Edge, Model, Move
from lifecycle_fsm.person import READ_ONLY, Person
from lifecycle_fsm.proof import NOW
from lifecycle_fsm.silos.effects import attribute_of
from lifecycle_fsm.testing.cases.case_table import (
    EFFECT,
    EXAMPLE,
    NOT_RUN,
    ORDER,
    TOUR,
    TRIGGER,
    Case,
    CaseRow,
    format_values,
    parse_values,
)
from lifecycle_fsm.testing.cases.rule_index import AskedRule, RuleIndex, brought, stayed
from lifecycle_fsm.testing.cases.transition_tour import Walker
from lifecycle_fsm.testing.mcdc import assuming

HOLDS, FAILS = "holds", "does not hold"
NO_MOVE = "no such move"
WAITS = "waits for the sort"
_YES_NO = FieldType("bool")


class CaseRunner:
    """Runs the cases of one model. It keeps no people: each case has a person of its own."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.machine = LifecycleMachine(model)
        self.index = RuleIndex(model)
        self._opaque: Mapping[str, Callable[[Any, Any], bool]] = {
            opaque.name: opaque.function
            for rule in self.index.rules.values()
            for opaque in self.index.opaque_in(rule)
        }

    def outcomes(self, case: Case) -> tuple[str, ...]:
        """The outcome of each row of a case in this model, in words.

        Raises:
            LifecycleError: a row names something that the model does not have.
        """
        if case.rows[0].part == TOUR and case.rows[0].outcome not in NOT_RUN:
            return self.walker.walk(row.given for row in case.rows).outcomes
        return tuple(self.outcome(row) for row in case.rows)

    @cached_property
    def walker(self) -> Walker:
        """Walks the tours; made when the first one is walked."""
        return Walker(self.model)

    def outcome(self, row: CaseRow) -> str:
        """The outcome of one row.

        Raises:
            LifecycleError: it names a rule, a stage or a field that the model does not have.
        """
        if row.outcome in NOT_RUN:
            return row.outcome
        runs = {TRIGGER: self._trigger, EXAMPLE: self._example, EFFECT: self._effect}
        runs[ORDER] = self._first
        try:
            return runs.get(row.part, self._rule)(row)
        except RecordError as error:
            raise LifecycleError(f"{row.place}: {error}") from None

    # -- guards -------------------------------------------------------------------------------

    def _rule(self, row: CaseRow) -> str:
        rule = self._known(row.part, row.rule)
        types = self.index.types(rule) | {f"{name}()": _YES_NO for name in self._opaque}
        given = parse_values(row.given, types, NOW)
        fields = {name: value for name, value in given.items() if not name.endswith("()")}
        assumed = {
            name.removesuffix("()"): bool(given[name]) for name in given if name not in fields
        }
        holds = self._holds(rule, fields, assumed)
        if rule.edge is None or assumed:
            return HOLDS if holds else FAILS
        return self._fired(rule.edge, row.stage, fields, holds)

    def _known(self, part: str, name: str) -> AskedRule:
        rule = self.index.rules.get((part, name))
        if rule is None:
            hint = suggest(name, [known for kind, known in self.index.rules if kind == part])
            raise LifecycleError(f"the model has no {part} {name!r}{hint}")
        return rule

    def _holds(
        self, rule: AskedRule, fields: Mapping[str, Value], assumed: Mapping[str, bool]
    ) -> bool:
        """Whether the guard of a rule holds, as the silo or the machine would ask."""
        words = self.model.vocabulary_for(rule.kind)
        guard = inline(resolve(rule.guard, words), words)
        guard = assuming(guard, assumed) if assumed else guard
        person = self._somebody(rule, fields)
        return compile_condition(guard, words)(person, NOW, brought(fields))

    def given(self, row: CaseRow) -> Any:
        """The person that the row of a rule describes, for an explanation; None if that cannot be
        built."""
        rule = self.index.rules[row.part, row.rule]
        try:
            fields = parse_values(row.given, self.index.types(rule), NOW)
        except RecordError:
            return None
        return self._somebody(rule, fields)

    def _somebody(self, rule: AskedRule, fields: Mapping[str, Value]) -> SimpleNamespace:
        nothing = {name: kind.empty for name, kind in self.model.vocabulary.fields.items()}
        return SimpleNamespace(**{**nothing, **self.index.domain(rule).start, **fields})

    def _fired(self, edge: Edge, stage: str, fields: Mapping[str, Value], holds: bool) -> str:
        decision = self._ask(self._placed(stage, fields), edge)
        way = went(decision.rows, edge.name)
        if way:
            instead = holds and decision.rows[0].rule != edge.name
            refused = "refused, and " if decision.unmet and not holds else ""
            return f"{refused}{way}{' instead' if instead else ''}"
        if decision.unmet or decision.result == "no_such_move":
            return "refused"
        return f"stays in {stage}" + (", though it is open" if holds else "")

    def _effect(self, row: CaseRow) -> str:
        """Where a move leads a person, and the values that its effects leave in the fields."""
        rule = self._known("move", row.rule)
        edge = rule.step
        person = self._placed(row.stage, parse_values(row.given, self.index.types(rule), NOW))
        way = went(self._ask(person, edge).rows, edge.name) or f"stays in {row.stage}"
        then = edge.rule.then if isinstance(edge.rule, Move) else ()
        written = {effect.field: getattr(person, effect.field) for effect in then}
        return f"{way} with {format_values(written, NOW)}" if written else way

    def _ask(self, person: Person, edge: Edge) -> Decision:
        if edge.on is None:
            return self.machine.evaluate(person, NOW)
        return self.machine.fire(person, edge.on, at=NOW)

    def _first(self, row: CaseRow) -> str:
        """Which of two rules that are open to a person is taken."""
        rule = self.index.order(row.rule, row.stage)
        if rule is None:
            raise LifecycleError(f"the model does not try these two for one reason in {row.stage}")
        fields = parse_values(row.given, self.index.types(rule), NOW)
        decision = self._ask(self._placed(row.stage, fields), rule.step)
        return went(decision.rows, "") or ("refused" if decision.unmet else f"stays in {row.stage}")

    def _placed(self, stage: str, fields: Mapping[str, Value]) -> Person:
        """A person in a stage, with these fields and nothing else known."""
        self.model.stage(stage)
        free = {name: value for name, value in fields.items() if name not in READ_ONLY}
        person = self.machine.person("somebody", **free)
        since = fields.get("stage_entered_at", NOW - stayed(stage, self.model))
        own = {
            "stage": stage,
            "stage_entered_at": since,
            "journey": fields.get("journey", 1),
            # A journey begins before its stage, so an old stage makes an old journey.
            "journey_started_at": fields.get("journey_started_at", since),
        }
        for name, value in own.items():
            setattr(person, attribute_of(name), value)
        return person

    # -- triggers and Python guards -----------------------------------------------------------

    def _trigger(self, row: CaseRow) -> str:
        """What a stage does with a process trigger: the stages that it may lead to, no such move,
        or, in original processing, nothing yet [S7][S14]."""
        self.model.stage(row.stage)
        if row.rule not in self.model.triggers:
            hint = suggest(row.rule, self.model.triggers)
            raise LifecycleError(f"the model has no trigger {row.rule!r}{hint}")
        if row.stage == self.model.initial.name:
            return WAITS
        moves = self.machine.events[row.rule].transitions.get(row.stage, ())
        targets = dict.fromkeys(move.edge.target for move in moves)
        return f"may go to {' or '.join(targets)}" if targets else NO_MOVE

    def _example(self, row: CaseRow) -> str:
        """The answer of a Python guard for the person of a declared example [S2]."""
        function = self._opaque.get(row.rule)
        if function is None:
            hint = suggest(row.rule, self._opaque)
            raise LifecycleError(f"the model has no Python guard {row.rule!r}{hint}")
        fields = parse_values(row.given, self.model.vocabulary.fields, NOW)
        person = self._placed(row.stage or self.model.path[-1].name, fields)
        return HOLDS if function(person, NOW) else FAILS


def went(rows: tuple[HistoryRow, ...], own: str) -> str:
    """Where hops have led, in words; with the rule, if it is not the case's own."""
    steps = [
        f"{row.to_stage}{'' if place == 0 and row.rule == own else f' by {row.rule}'}"
        for place, row in enumerate(rows)
    ]
    return f"goes to {', then to '.join(steps)}" if steps else ""
