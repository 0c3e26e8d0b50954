"""The same questions, answered by the solver z3 (the extra ``prove``).

It decides arithmetic over several fields, which trying values does not, and gives our own tests a
second opinion. A decimal is a real number here and does not round. A person that z3 finds is
therefore checked again, and z3 refutes nothing that computes with decimals.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from functools import reduce
from operator import eq, ge, gt, le, lt
from typing import Any

import attrs

from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.fields import INT_MAX, INT_MIN, FieldType, Value
from lifecycle_fsm.guard import Term
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.evaluate import LARGEST
from lifecycle_fsm.guard.type_check import is_whole
from lifecycle_fsm.guard.vocabulary import decimal_factor
from lifecycle_fsm.proof.answer import Answer
from lifecycle_fsm.proof.breakpoints import bounds
from lifecycle_fsm.proof.domain import NOW, Atom, Atoms, Domain, Node, numbers, satisfied

_TICK = timedelta(microseconds=1)
#: The limit for z3, in its own steps and not in seconds: the same on every machine.
_STEPS = 5_000_000
#: How many of its steps count as one step of a search.
_PER_STEP = 10
_COMPARISONS = {"==": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


def ask(node: Node, atoms: Atoms, domain: Domain) -> Answer:
    """Whether the formula can hold, and if so a person with the values of all its fields.

    Raises:
        MissingExtra: z3 is not installed.
    """
    try:
        import z3
    except ImportError:
        raise MissingExtra(
            "prove", "z3-solver", "deciding arithmetic over several fields"
        ) from None
    translation = _Translation(z3, atoms, domain)
    # Not the portfolio of tactics, which has time limits: a verdict must not depend on how busy the
    # machine is.
    solver = z3.SimpleSolver()
    left = domain.budget.left
    solver.set("rlimit", _STEPS if left is None else max(1, min(_STEPS, left * _PER_STEP)))
    solver.add(translation.node(node), *translation.bounds)
    before = _counted(solver)
    verdict = solver.check()
    domain.budget.count((_counted(solver) - before) // _PER_STEP)
    if verdict == z3.unsat and not translation.rounds:
        return Answer("refuted")
    if verdict == z3.unsat:
        return Answer("undecided", reason="decimals round, and the numbers of z3 do not")
    if verdict != z3.sat:
        return Answer("undecided", reason=f"z3 has given up: {solver.reason_unknown()}")
    person = translation.person(solver.model(), node)
    if not satisfied(node, atoms, person, domain.now):
        return Answer("undecided", reason="z3 needs a number that no decimal is equal to")
    return Answer("found", person)


def _counted(solver: Any) -> Any:
    """The steps of z3 so far, which it counts for all solvers together."""
    statistics = solver.statistics()
    return dict(statistics[index] for index in range(len(statistics))).get("rlimit count", 0)


class _Translation:
    """Formulas and people of a domain in the terms of z3."""

    def __init__(self, z3: Any, atoms: Atoms, domain: Domain) -> None:
        self.z3, self.atoms, self.domain = z3, atoms, domain
        self.words = attrs.evolve(domain.vocabulary, in_effect=True)
        self.variables: dict[str, tuple[Any, Any]] = {}
        self.bounds: list[Any] = []
        #: Whether the formula computes with decimals, which round.
        self.rounds = False

    # -- formulas -----------------------------------------------------------------------------

    def node(self, node: Node) -> Any:
        if isinstance(node, bool):
            return self.z3.BoolVal(node)
        if isinstance(node, int):
            atom = self.atom(self.atoms[node])
            return atom if node > 0 else self.z3.Not(atom)
        kind, parts = node
        return (self.z3.And if kind == "and" else self.z3.Or)([self.node(part) for part in parts])

    def atom(self, atom: Atom) -> Any:
        match atom.guard:
            case tree.Truth(field):
                known, value = self.term(field)
                return self.z3.And(known, value)
            case tree.Known(field):
                return self.term(field)[0]
            case tree.Compare(op, left, right):
                return self._both(left, right, _COMPARISONS[op])
            case tree.In(term, options):
                known, value = self.term(term)
                listed = self.domain.constant(options)
                return self.z3.And(
                    known, self.z3.Or([value == self._const(option) for option in listed])
                )
            case tree.StartsWith(term, prefix):
                return self._both(prefix, term, self.z3.PrefixOf)
            case tree.Contains(term, text):
                return self._both(term, text, self.z3.Contains)
        return self.variable(atom.fields[0], FieldType("bool"))[1]  # a callable: any result

    def _both(self, left: Term, right: Term, test: Callable[[Any, Any], Any]) -> Any:
        (known, value), (also, other) = self.term(left), self.term(right)
        return self.z3.And(known, also, test(value, other))

    # -- terms --------------------------------------------------------------------------------

    def term(self, term: Term) -> tuple[Any, Any]:
        """Whether all its parts are known, and its value."""
        yes = self.z3.BoolVal(True)
        match term:
            case tree.Field(name):
                return self.variable(name, self.domain.type_of(name))
            case tree.Now():
                return yes, self._const(self.domain.now)
            case tree.Const() | tree.Token():
                return yes, self._const(self.domain.constant(term))
            case tree.Elapsed():
                known, value = self.term(term.start)
                return known, (self._const(self.domain.now) - value) / (term.unit // _TICK)
            case tree.Arithmetic(op, left, right):
                (known, first), (also, second) = self.term(left), self.term(right)
                if op == "*":
                    value = self._product(left, right, first, second)
                else:
                    value = first + second if op == "+" else first - second
                return self.z3.And(known, also), self._saturated(term, value)
            case tree.Extreme(which, terms):
                parts = [self.term(part) for part in terms]
                before = le if which == "min" else ge
                value = reduce(
                    lambda first, second: self.z3.If(before(first, second), first, second),
                    [part for _, part in parts],
                )
                return self.z3.And([known for known, _ in parts]), value
        raise AssertionError(term)

    def _product(self, left: Term, right: Term, first: Any, second: Any) -> Any:
        for whole, scale, number in ((left, right, first), (right, left, second)):
            factor = decimal_factor(scale, self.words)
            if factor is not None and is_whole(whole, self.words):
                return self.z3.ToInt(self.z3.RealVal(Fraction(str(factor))) * number)
        return first * second

    def _saturated(self, term: Term, value: Any) -> Any:
        """The result of an operation, limited to its range [S5]."""
        whole = is_whole(term, self.words)
        self.rounds = self.rounds or not whole
        ends = (INT_MIN, INT_MAX) if whole else (-LARGEST, LARGEST)
        low, high = map(self._const, ends)
        return self.z3.If(value > high, high, self.z3.If(value < low, low, value))

    def variable(self, name: str, kind: FieldType) -> tuple[Any, Any]:
        z3 = self.z3
        if name in self.variables:
            return self.variables[name]
        may_miss = kind.nullable or kind.kind == "datetime"
        known = z3.Bool(f"{name} is known") if may_miss else z3.BoolVal(True)
        makers = {"bool": z3.Bool, "float": z3.Real, "str": z3.String}
        value = makers.get(kind.kind, z3.Int)(name)
        if kind.choices:
            self.bounds.append(z3.Or([value == z3.StringVal(choice) for choice in kind.choices]))
        elif kind.kind in ("int", "float", "datetime"):
            low, high = bounds(name, self.domain)
            self.bounds.append(z3.And(value >= self._const(low), value <= self._const(high)))
        self.variables[name] = (known, value)
        return known, value

    def _const(self, value: Any) -> Any:
        z3 = self.z3
        match value:
            case bool():
                return z3.BoolVal(value)
            case int():
                return z3.IntVal(value)
            case float():
                return z3.RealVal(Fraction(value))
            case datetime():
                return z3.IntVal((value - NOW) // _TICK)
        return z3.StringVal(value)

    # -- the person ---------------------------------------------------------------------------

    def person(self, model: Any, node: Node) -> dict[str, Value]:
        """The values of all fields of a formula in a z3 model."""
        person: dict[str, Value] = {}
        for name in {name for number in numbers(node) for name in self.atoms[number].fields}:
            in_model = name in self.domain.vocabulary.fields
            kind = self.domain.type_of(name) if in_model else FieldType("bool")
            known, value = (
                model.eval(part, model_completion=True) for part in self.variable(name, kind)
            )
            person[name] = self._plain(value, kind) if self.z3.is_true(known) else None
        return person

    def _plain(self, value: Any, kind: FieldType) -> Value:
        match kind.kind:
            case "bool":
                return bool(self.z3.is_true(value))
            case "int":
                return int(value.as_long())
            case "datetime":
                return NOW + int(value.as_long()) * _TICK
            case "float":
                rational = self.z3.is_rational_value(value)
                return float(value.as_fraction()) if rational else 0.0
        return str(value.as_string())
