"""What is known about the people of a question: fields, bounds, the clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from types import SimpleNamespace
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import (
    Guard,
    Term,
    Vocabulary,
    compile_condition,
    inline,
    parse_guard,
    reads,
)
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.model import Model
from lifecycle_fsm.person import BASE_FIELDS
from lifecycle_fsm.proof.answer import Budget

# ------------------------------------------------------------------ formula
#
# A guard as a formula over numbered atoms, in negation normal form, for the search.
#
# A node is ``True``, ``False``, the positive or negative number of an atom, or ``("and", nodes)``
# or ``("or", nodes)``: plain hashable values, so that the search can remember what it has refuted.


#: Any: a recursive alias of tuples, which mypy cannot follow.
Node: TypeAlias = Any
_ANY = datetime(2024, 1, 1, tzinfo=UTC)
_NO_PAYLOAD: Mapping[str, Value] = {}


@attrs.frozen
class Atom:
    """One comparison, with the fields that it reads and the compiled function of the machine."""

    guard: Guard
    fields: tuple[str, ...]
    test: Callable[[Any, datetime, Mapping[str, Value]], bool]

    def holds(self, values: Mapping[str, Value], now: datetime) -> bool:
        """Whether it holds for these values, which include its fields."""
        return self.test(
            SimpleNamespace(**{name: values[name] for name in self.fields}), now, _NO_PAYLOAD
        )


class Atoms:
    """The atoms of all formulas in related questions, each once."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._numbers: dict[Guard, int] = {}
        self._plain: dict[Guard, Guard] = {}
        self.all: list[Atom] = []

    def plain(self, guard: Guard) -> Guard:
        """The guard with its named guards written out."""
        plain = self._plain.get(guard)
        if plain is None:
            plain = self._plain[guard] = inline(guard, self._vocabulary)
            self._plain[plain] = plain  # the next lookup is for this one
        return plain

    def __getitem__(self, number: int) -> Atom:
        return self.all[abs(number) - 1]

    def node(self, guard: Guard, wanted: bool = True) -> Node:
        """The formula of a guard without named guards, or of its negation."""
        match guard:
            case tree.And(parts) | tree.Or(parts):
                kind = "and" if isinstance(guard, tree.And) is wanted else "or"
                return joined(kind, [self.node(part, wanted) for part in parts])
            case tree.Not(part):
                return self.node(part, not wanted)
            case tree.Always():
                return wanted
        return self._atom(guard, wanted)

    def _atom(self, guard: Guard, wanted: bool) -> Node:
        number = self._numbers.get(guard)
        if number is None:
            if isinstance(guard, tree.Opaque):
                # A Python callable is not run: its result is assumed, under a name that cannot be a
                # field.
                name = f"{guard.name}()"
                atom = Atom(guard, (name,), lambda values, now, payload: getattr(values, name))
            else:
                test = compile_condition(guard, self._vocabulary)
                atom = Atom(guard, tuple(sorted(reads(guard))), test)
            if not atom.fields:
                return atom.holds({}, _ANY) is wanted
            self.all.append(atom)
            number = self._numbers[guard] = len(self.all)
        return number if wanted else -number


def joined(kind: str, nodes: list[Node]) -> Node:
    """``and`` or ``or`` of the nodes: flat, without duplicates, decided if one node decides it."""
    decides = kind == "or"
    parts: dict[Node, None] = {}
    for node in nodes:
        if node is decides:
            return decides
        if isinstance(node, bool):
            continue
        for part in node[1] if isinstance(node, tuple) and node[0] == kind else (node,):
            if isinstance(part, int) and -part in parts:
                return decides
            parts[part] = None
    if not parts:
        return not decides
    return next(iter(parts)) if len(parts) == 1 else (kind, tuple(parts))


def given(node: Node, outcomes: Mapping[int, bool]) -> Node:
    """The formula that remains when the atoms with these numbers have these outcomes."""
    if isinstance(node, bool):
        return node
    if isinstance(node, int):
        known = outcomes.get(abs(node))
        return node if known is None else known is (node > 0)
    kind, parts = node
    return joined(kind, [given(part, outcomes) for part in parts])


def satisfied(node: Node, atoms: Atoms, values: Mapping[str, Value], now: datetime) -> bool:
    """Whether a formula holds for these values of all its fields."""
    outcomes = {number: atoms[number].holds(values, now) for number in set(numbers(node))}
    return given(node, outcomes) is True


def numbers(node: Node) -> Iterator[int]:
    """The numbers of the atoms in a formula, in reading order, with repetitions."""
    if isinstance(node, bool):
        return
    if isinstance(node, int):
        yield abs(node)
        return
    for part in node[1]:
        yield from numbers(part)


# ------------------------------------------------------------------ domain


#: The instant for which people are searched. Any instant would do: guards see the clock only in
#: differences [S4].
NOW = datetime(2024, 6, 3, 12, tzinfo=UTC)
#: The prefix for a value of the activity that becomes a field of the person.
PAYLOAD = "activity__"
#: The prefix for a token of arbitrary value that becomes a field of the person.
FREED = "token__"


@attrs.frozen
class Domain:
    """The people of a model, as far as a guard can distinguish them.

    Args:
        vocabulary: the fields with their types, the tokens, the named guards.
        start: the values of a person about whom nothing is known, if not the empty value of the
            type; people are described by their differences from these.
        latest: time fields that are never later than this, such as those that only ``now`` writes.
        laws: guards that hold for everyone, such as that a journey begins before its stage.
        now: the instant of the decision.
        budget: the limit for all questions about these people together.
    """

    vocabulary: Vocabulary
    start: Mapping[str, Value] = attrs.field(factory=dict)
    latest: Mapping[str, datetime] = attrs.field(factory=dict)
    laws: tuple[Guard, ...] = ()
    now: datetime = NOW
    budget: Budget = attrs.field(factory=Budget, eq=False, repr=False)

    @cached_property
    def atoms(self) -> Atoms:
        """The compiled comparisons of all questions so far."""
        return Atoms(self.vocabulary)

    @cached_property
    def _reading(self) -> tuple[tuple[Guard, frozenset[str]], ...]:
        return tuple((law, reads(law)) for law in self.laws)

    def type_of(self, field: str) -> FieldType:
        """The type of a field."""
        return self.vocabulary.fields[field]

    def may_miss(self, field: str) -> bool:
        """Whether the search may leave the field without a value."""
        kind = self.type_of(field)
        return kind.nullable or kind.kind == "datetime"

    def start_of(self, field: str) -> Value:
        """The value for a person about whom nothing is known."""
        if field in self.start:
            return self.start[field]
        return self.type_of(field).empty

    def constant(self, term: Guard | Term) -> Any:
        """The value of a constant or a token; ``None`` for anything else."""
        return self.vocabulary.constant_value(term)

    def laws_for(self, fields: frozenset[str]) -> tuple[Guard, ...]:
        """The laws that read only these fields: the others can always be satisfied in addition."""
        return tuple(law for law, names in self._reading if names <= fields)

    def with_fields(self, fields: Mapping[str, FieldType], start: Mapping[str, Value]) -> Domain:
        """The same people with more fields and other start values."""
        words = attrs.evolve(self.vocabulary, fields={**self.vocabulary.fields, **fields})
        return attrs.evolve(self, vocabulary=words, start={**self.start, **start})

    def with_free(self, tokens: Collection[str]) -> Domain:
        """The same people, each with their own number for each of these tokens; see
        :func:`as_fields`."""
        values = {name: self.vocabulary.tokens[name] for name in tokens}
        fields = {
            f"{FREED}{name}": FieldType("int" if isinstance(value, int) else "float")
            for name, value in values.items()
        }
        return self.with_fields(fields, {})


def as_fields(guard: Guard, vocabulary: Vocabulary, tokens: Collection[str] = ()) -> Guard:
    """The guard with the values of an activity, and these tokens, as fields of the person."""

    def lift(term: Term) -> Term:
        match term:
            case tree.Payload(name):
                return tree.Field(f"{PAYLOAD}{name}")
            case tree.Token(name) if name in tokens:
                return tree.Field(f"{FREED}{name}")
        return term

    return tree.transform_terms(inline(guard, vocabulary), lift)


def payload_fields(model: Model, kind: str | None) -> dict[str, FieldType]:
    """The values of an activity of a kind, as fields of the person."""
    payload = {} if kind is None else model.vocabulary_for(kind).payload
    return {f"{PAYLOAD}{name}": type_ for name, type_ in payload.items()}


#: What holds for everyone in a stage, ensured by the machine and the data silo.
_LAWS = (
    parse_guard("stage_entered_at is known"),
    parse_guard("journey_started_at is known"),
    parse_guard("journey_started_at <= stage_entered_at"),
    parse_guard("journey >= 1"),
    parse_guard("open_opportunities >= 0"),
    parse_guard("won_opportunities >= 0"),
)
#: Times of the shipped person that are written when the event happens, so never in the future.
_PAST = frozenset(name for name, field in BASE_FIELDS.items() if field.type.kind == "datetime") | {
    "stage_entered_at",
    "journey_started_at",
}


def domain_of(model: Model, budget: Budget | None = None) -> Domain:
    """Every person that the model can describe, at one instant.

    Fields have the values of a person about whom nothing is known. Times that only ``now`` writes
    are not later than the instant; the stage began then or before, and its journey not after it
    [S1]. ``budget`` limits all questions about these people; the default is no limit.
    """
    start = {field.name: field.start() for field in (*BASE_FIELDS.values(), *model.fields)}
    start |= {"stage": model.initial.name, "journey": 1}
    start |= {"stage_entered_at": NOW, "journey_started_at": NOW}
    only_now: dict[str, bool] = {}
    for effect in model.effects:
        only_now[effect.field] = only_now.get(effect.field, True) and isinstance(
            effect.value, tree.Now
        )
    latest = {
        name: NOW
        for name, kind in model.vocabulary.fields.items()
        if kind.kind == "datetime" and (name in _PAST or only_now.get(name))
    }
    return Domain(model.vocabulary, start, latest, _LAWS, budget=budget or Budget())
