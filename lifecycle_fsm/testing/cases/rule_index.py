"""Every guard of a model, with the place where it is evaluated and the people it can meet there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from itertools import combinations

import attrs

from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import Guard, always, inline, reads, resolve
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.proof import NOW, Answer, Budget, Domain, domain_of, is_value, solve_here
from lifecycle_fsm.proof.domain import PAYLOAD, as_fields, payload_fields
from lifecycle_fsm.testing.cases.case_table import ORDER

#: By default, how long a person of the table has been in the stage and on this journey, so that the
#: moment of entry decides nothing.
STAYED = timedelta(days=1)
_FIRST = ("sort", "moves", "guards")
_BEFORE = " before "


@attrs.frozen
class AskedRule:
    """A guard at its place.

    Args:
        part: the part of the model, as in :class:`~lifecycle_fsm.testing.cases.case_table.CaseRow`.
        name: the rule's name.
        guard: as in the model.
        stage: the stage of the people for whom it is evaluated; empty if that does not matter.
        kind: the kind of activity whose payload the guard may read, in the silos [S18].
        edge: the move or sort rule, which the machine can run.
    """

    part: str
    name: str
    guard: Guard
    stage: str = ""
    kind: str | None = None
    edge: Edge | None = None

    @property
    def step(self) -> Edge:
        """The move or sort rule of a guard that has one."""
        assert self.edge is not None, "asked only of those that the machine can run"
        return self.edge


class RuleIndex:
    """The guards of one model by name, and the people they can meet."""

    def __init__(self, model: Model, budget: Budget | None = None) -> None:
        self.model = model
        domain = domain_of(model, budget)
        words = attrs.evolve(domain.vocabulary, in_effect=True)  # silos read the payload
        self._domain = attrs.evolve(domain, vocabulary=words)
        self._domains: dict[tuple[str, str | None], Domain] = {}

    # -- the rules ----------------------------------------------------------------------------

    @cached_property
    def rules(self) -> Mapping[tuple[str, str], AskedRule]:
        """Every guard by part and name, in this order: sort, moves, named guards, then the silos.

        A move out of several stages is listed with the first one, or with each if its guard reads
        the stage. In the silos, rules without a condition are left out.
        """
        return {(rule.part, rule.name): rule for rule in self._rules()}

    def _rules(self) -> Iterator[AskedRule]:
        edges = {
            (edge.name, edge.source): edge for edge in (*self.model.sort_edges, *self.model.edges)
        }
        count: Counter[tuple[str, str]] = Counter()
        order = {section: index for index, section in enumerate(_FIRST)}
        rules = [rule for rule in self.model.rules if rule.section != "kinds"]
        for rule in sorted(rules, key=lambda rule: order.get(rule.section, len(order))):
            part, name = rule.section.removesuffix("s"), rule.name
            if part == "data":  # names may repeat: the second one is number 2
                count[part, name] += 1
                name += f" {count[part, name]}" if count[part, name] > 1 else ""
            everywhere = part == "move" and "stage" in reads(self._plain(rule.when))
            if rule.section in _FIRST or not isinstance(rule.when, tree.Always):
                for stage in rule.stages if everywhere else (*rule.stages, "")[:1]:
                    edge = edges.get((name, stage)) if part in ("sort", "move") else None
                    yield AskedRule(part, name, rule.when, stage, rule.activity, edge)

    @cached_property
    def orders(self) -> Mapping[tuple[str, str], AskedRule]:
        """Every two rules of one group, in the order in which they are tried, by name and stage:
        rules of the sort, and moves of one stage with the same trigger, or by the system [S8][S15].

        Pairs are left out if the second is open to everybody, because every case of the first shows
        that, or if they contain a Python function, which cannot be analysed.
        """
        pairs = (pair for group in self.model.groups for pair in combinations(group, 2))
        rules = (
            AskedRule(
                ORDER,
                f"{first.name}{_BEFORE}{second.name}",
                tree.all_of(first.when, second.when),
                first.source,
                None,
                first,
            )
            for first, second in pairs
            if not isinstance(second.when, tree.Always)
        )
        return {(rule.name, rule.stage): rule for rule in rules if not self.opaque_in(rule)}

    def order(self, name: str, stage: str) -> AskedRule | None:
        """The pair with this name, or the same two in the other order."""
        first, _, second = name.partition(_BEFORE)
        turned = f"{second}{_BEFORE}{first}"
        return self.orders.get((name, stage)) or self.orders.get((turned, stage))

    def opaque_in(self, rule: AskedRule) -> list[tree.Opaque]:
        """The Python functions in the guard of a rule."""
        return [
            node for node in tree.walk(self._plain(rule.guard)) if isinstance(node, tree.Opaque)
        ]

    def _plain(self, guard: Guard) -> Guard:
        return inline(resolve(guard, self._domain.vocabulary), self._domain.vocabulary)

    # -- the people ---------------------------------------------------------------------------

    def domain(self, rule: AskedRule) -> Domain:
        """All people that the rule can meet, including the payload."""
        key = (rule.stage, rule.kind)
        if key not in self._domains:
            since = NOW - stayed(rule.stage, self.model)
            start: dict[str, Value] = {"stage_entered_at": since, "journey_started_at": since}
            if rule.stage:
                start["stage"] = rule.stage
            brought = payload_fields(self.model, rule.kind)
            required = {name: kind for name, kind in brought.items() if not kind.nullable}
            start |= {name: something(kind, NOW) for name, kind in required.items()}
            self._domains[key] = self._domain.with_fields(brought, start)
        return self._domains[key]

    def types(self, rule: AskedRule) -> dict[str, FieldType]:
        """The types of everything that a row of the rule may name, by the name used there."""
        return {shown(name): kind for name, kind in self.domain(rule).vocabulary.fields.items()}

    def guard(self, rule: AskedRule) -> Guard:
        """The rule's guard over the fields of its domain."""
        return as_fields(rule.guard, self._domain.vocabulary)

    def here(self, rule: AskedRule) -> Guard:
        """Holds for people where the rule is evaluated: the stage is not a free choice."""
        if not rule.stage or "stage" not in reads(self.guard(rule)):
            return always
        return is_value("stage", rule.stage)

    def solve(self, rule: AskedRule, *guards: Guard, pins: Iterable[Guard] = ()) -> Answer:
        """A person that the rule can meet, who satisfies the guards and whose fields are pinned."""
        return solve_here(tree.all_of(*guards, self.here(rule), *pins), self.domain(rule))

    def for_both(self, pair: AskedRule) -> Answer:
        """A person for whom both rules of a pair are open and, if possible, none that comes before
        them."""
        both, before = self.guard(pair), self.model.earlier_closed(pair.step)
        alone = self.solve(pair, both, *before)
        return alone if alone.found or not before else self.solve(pair, both)


def something(kind: FieldType, at: datetime) -> Value:
    """A value of this type for a required part of the payload: no text is empty [S4]."""
    if kind.kind == "datetime":
        return at
    return "something" if kind.kind == "str" and not kind.choices else kind.empty


def stayed(stage: str, model: Model) -> timedelta:
    """How long a person has been in a stage by default: in original processing, people are new."""
    return timedelta(0) if stage == model.initial.name else STAYED


def shown(field: str) -> str:
    """The name of a field in a table: payload is written as ``activity.page``."""
    return f"activity.{field.removeprefix(PAYLOAD)}" if field.startswith(PAYLOAD) else field


def brought(fields: Mapping[str, Value]) -> dict[str, Value]:
    """The payload among the values that a table names, by its own names."""
    prefix = "activity."
    return {
        name.removeprefix(prefix): value
        for name, value in fields.items()
        if name.startswith(prefix)
    }
