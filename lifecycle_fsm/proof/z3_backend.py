"""The same questions, answered by the solver z3 (the extra ``prove``).

It decides arithmetic over several fields, which trying values does not, and serves our own tests as
a second opinion. A decimal is a real number here, which does not round: a person who is found is
looked at again, and where something computes with decimals nobody is refuted.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from functools import reduce
from typing import Any

import attrs

from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.fields import INT_MAX, INT_MIN, FieldType, Value
from lifecycle_fsm.guard import (
    Arithmetic,
    Compare,
    Const,
    Contains,
    Elapsed,
    Extreme,
    Field,
    In,
    Known,
    Now,
    StartsWith,
    Term,
    Token,
    Truth,
    term_type,
)
from lifecycle_fsm.guard.evaluate import LARGEST
from lifecycle_fsm.guard.vocabulary import decimal_factor
from lifecycle_fsm.proof.answer import Answer
from lifecycle_fsm.proof.breakpoints import bounds
from lifecycle_fsm.proof.domain import NOW, Atom, Atoms, Node, World, given, numbers

_TICK = timedelta(microseconds=1)
#: How long z3 may think, in its own steps and not in seconds: the same on every machine.
_STEPS = 5_000_000
#: How many of them count as one step of a search.
_PER_STEP = 10


def z3_library() -> Any:
    """The module ``z3``.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import z3
    except ImportError:
        raise MissingExtra(
            "prove", "z3-solver", "deciding arithmetic over several fields"
        ) from None
    return z3


def ask(node: Node, atoms: Atoms, world: World) -> tuple[Answer, Mapping[str, Value]]:
    """Whether anybody satisfies the formula, and if so the values of all its fields.

    Raises:
        MissingExtra: z3 is not installed.
    """
    z3 = z3_library()
    asking = _Asking(z3, atoms, world)
    # Without the portfolio of tactics, which gives each a time on the clock: a verdict must not
    # depend on how busy the machine is.
    solver = z3.SimpleSolver()
    left = world.work.left
    solver.set("rlimit", _STEPS if left is None else max(1, min(_STEPS, left * _PER_STEP)))
    solver.add(asking.node(node), *asking.bounds)
    before = _counted(solver)
    verdict = solver.check()
    world.work.count((_counted(solver) - before) // _PER_STEP)
    if verdict == z3.unsat and not asking.rounds:
        return Answer("refuted"), {}
    if verdict == z3.unsat:
        return Answer("undecided", reason="decimals round, and the numbers of z3 do not"), {}
    if verdict != z3.sat:
        return Answer("undecided", reason=f"z3 has given up: {solver.reason_unknown()}"), {}
    found = asking.person(solver.model(), node)
    outcomes = {
        number: atoms[number].holds({name: found[name] for name in atoms[number].fields}, world.now)
        for number in set(numbers(node))
    }
    if given(node, outcomes) is not True:
        return Answer("undecided", reason="z3 needs a number that no decimal is equal to"), {}
    return Answer("found"), found


def _counted(solver: Any) -> Any:
    """The steps of z3 so far: it counts all solvers together."""
    found = solver.statistics()
    return dict(found[place] for place in range(len(found))).get("rlimit count", 0)


class _Asking:
    def __init__(self, z3: Any, atoms: Atoms, world: World) -> None:
        self.z3, self.atoms, self.world = z3, atoms, world
        self.words = attrs.evolve(world.vocabulary, in_effect=True)
        self.variables: dict[str, tuple[Any, Any]] = {}
        self.bounds: list[Any] = []
        #: Whether something computes with decimals, which round.
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
            case Truth(field):
                known, value = self.term(field)
                return self.z3.And(known, value)
            case Known(field):
                return self.term(field)[0]
            case Compare(op, left, right):
                (known, one), (also, other) = self.term(left), self.term(right)
                tests = {
                    "==": lambda: one == other,
                    "<": lambda: one < other,
                    "<=": lambda: one <= other,
                    ">": lambda: one > other,
                    ">=": lambda: one >= other,
                }
                return self.z3.And(known, also, tests[op]())
            case In(term, options):
                known, value = self.term(term)
                found = self._value(options)
                return self.z3.And(known, self.z3.Or([value == self._const(one) for one in found]))
            case StartsWith(term, prefix):
                (known, value), (also, start) = self.term(term), self.term(prefix)
                return self.z3.And(known, also, self.z3.PrefixOf(start, value))
            case Contains(term, text):
                (known, value), (also, part) = self.term(term), self.term(text)
                return self.z3.And(known, also, self.z3.Contains(value, part))
        return self.variable(atom.fields[0], FieldType("bool"))[1]  # a callable: either answer

    # -- terms --------------------------------------------------------------------------------

    def term(self, term: Term) -> tuple[Any, Any]:
        """That all its parts are known, and its value."""
        yes = self.z3.BoolVal(True)
        match term:
            case Field(name):
                return self.variable(name, self.world.type_of(name))
            case Now():
                return yes, self._const(self.world.now)
            case Const() | Token():
                return yes, self._const(self._value(term))
            case Elapsed():
                known, value = self.term(term.start)
                return known, (self._const(self.world.now) - value) / (term.unit // _TICK)
            case Arithmetic(op, left, right):
                (known, one), (also, other) = self.term(left), self.term(right)
                both = self.z3.And(known, also)
                if op == "*":
                    value = self._product(left, right, one, other)
                else:
                    value = one + other if op == "+" else one - other
                return both, self._saturated(term, value)
            case Extreme(which, terms):
                parts = [self.term(part) for part in terms]
                smaller = which == "min"
                value = reduce(
                    lambda one, other: self.z3.If(
                        (one <= other) if smaller else (one >= other), one, other
                    ),
                    [part for _, part in parts],
                )
                return self.z3.And([known for known, _ in parts]), value
        raise AssertionError(term)

    def _product(self, left: Term, right: Term, one: Any, other: Any) -> Any:
        for whole, scale in ((left, right), (right, left)):
            found = term_type(whole, self.words)
            factor = decimal_factor(scale, self.words)
            if factor is not None and found is not None and found.kind == "int":
                number = one if whole is left else other
                return self.z3.ToInt(self.z3.RealVal(Fraction(str(factor))) * number)
        return one * other

    def _saturated(self, term: Term, value: Any) -> Any:
        """What an operation gives, held at the ends [S5]."""
        found = term_type(term, self.words)
        whole = found is not None and found.kind == "int"
        self.rounds = self.rounds or not whole
        ends = (INT_MIN, INT_MAX) if whole else (-LARGEST, LARGEST)
        low, high = map(self._const, ends)
        return self.z3.If(value > high, high, self.z3.If(value < low, low, value))

    def variable(self, name: str, kind: FieldType) -> tuple[Any, Any]:
        z3 = self.z3
        if name in self.variables:
            return self.variables[name]
        missing = kind.nullable or kind.kind == "datetime"
        known = z3.Bool(f"{name} is known") if missing else z3.BoolVal(True)
        makers = {
            "bool": z3.Bool,
            "int": z3.Int,
            "datetime": z3.Int,
            "float": z3.Real,
            "str": z3.String,
        }
        value = makers[kind.kind](name)
        if kind.choices:
            self.bounds.append(z3.Or([value == z3.StringVal(one) for one in kind.choices]))
        elif kind.kind in ("int", "float", "datetime"):
            low, high = bounds(name, self.world)
            self.bounds.append(z3.And(value >= self._const(low), value <= self._const(high)))
        self.variables[name] = (known, value)
        return known, value

    def _value(self, term: Term) -> Any:
        return term.value if isinstance(term, Const) else self.words.tokens[term.name]  # type: ignore[attr-defined]

    def _const(self, value: Any) -> Any:
        z3 = self.z3
        if isinstance(value, bool):
            return z3.BoolVal(value)
        if isinstance(value, int):
            return z3.IntVal(value)
        if isinstance(value, float):
            return z3.RealVal(Fraction(value))
        if isinstance(value, datetime):
            return z3.IntVal((value - NOW) // _TICK)
        return z3.StringVal(value)

    # -- the person ---------------------------------------------------------------------------

    def person(self, model: Any, node: Node) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for name in {name for number in numbers(node) for name in self.atoms[number].fields}:
            in_model = name in self.world.vocabulary.fields
            kind = self.world.type_of(name) if in_model else FieldType("bool")
            known, value = self.variable(name, kind)
            if not self.z3.is_true(model.eval(known, model_completion=True)):
                found[name] = None
                continue
            found[name] = _plain(model.eval(value, model_completion=True), kind, self.z3)
        return found


def _plain(value: Any, kind: FieldType, z3: Any) -> Value:
    if kind.kind == "bool":
        return bool(z3.is_true(value))
    if kind.kind == "int":
        return int(value.as_long())
    if kind.kind == "datetime":
        return NOW + int(value.as_long()) * _TICK
    if kind.kind == "float":
        return float(value.as_fraction()) if z3.is_rational_value(value) else 0.0
    return str(value.as_string())
