"""A guard or a value compiled to one Python lambda: pure, with the clock only as ``now`` [S3][S4].

The source is generated from the tree alone: field names of the vocabulary, operators, and names
``c0, c1 …`` for the constants. No text of a user becomes code [S5]. The compiled function keeps
its source as ``.source``.
"""

from __future__ import annotations

import keyword
import math
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, TypeAlias, cast

import attrs

from lifecycle_fsm.errors import GuardError
from lifecycle_fsm.fields import INT_MAX, INT_MIN, FieldType, Value
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.terms import Guard, Term
from lifecycle_fsm.guard.type_check import effect_problems, is_whole, problems, term_type
from lifecycle_fsm.guard.vocabulary import (
    Vocabulary,
    decimal_factor,
    definition_of,
    inline,
    resolve,
)

Attribute: TypeAlias = Callable[[str], str]
Test: TypeAlias = Callable[[Any, datetime], bool]
Condition: TypeAlias = Callable[[Any, datetime, Mapping[str, Value]], bool]
Computation: TypeAlias = Callable[[Any, datetime, Mapping[str, Value]], Value]


#: The largest finite decimal.
LARGEST = sys.float_info.max
_NO_TIME = datetime(1, 1, 1, tzinfo=UTC)


def same_name(name: str) -> str:
    """The attribute of a field, for a person whose attributes are named as in the vocabulary."""
    return name


def compile_guard(guard: Guard, vocabulary: Vocabulary, attribute: Attribute = same_name) -> Test:
    """The guard as a function ``(person, now) -> bool``, with named guards and tokens inlined.

    A positive atom that touches a missing value is false, and ``not`` is exact [S3], so the
    function is two-valued and returns a real ``bool``.

    ``attribute`` maps the name of a field to the attribute of the person that holds it.

    Raises:
        GuardError: the guard does not fit the vocabulary; the message has every fault.
    """
    vocabulary = attrs.evolve(vocabulary, in_effect=False)  # there is no activity to read
    return cast(Test, _compile_guard(guard, vocabulary, attribute, "p, now"))


def compile_condition(
    guard: Guard, vocabulary: Vocabulary, attribute: Attribute = same_name
) -> Condition:
    """The condition of a silo's rule as a function ``(person, now, payload) -> bool``: a guard
    that may also read the values of the activity, by ``Vocabulary.payload``."""
    vocabulary = attrs.evolve(vocabulary, in_effect=True)
    return cast(Condition, _compile_guard(guard, vocabulary, attribute, "p, now, q"))


def compile_term(
    term: Term,
    vocabulary: Vocabulary,
    attribute: Attribute = same_name,
    target: FieldType | None = None,
) -> Computation:
    """The value as a function ``(person, now, payload) -> value``; missing if a part is missing.

    The caller clamps the value, unless ``target`` gives the type of its field: the function then
    clamps it, and converts an integer to a decimal for a decimal field. A value for a field must
    not be infinite, which is an error; in a guard it stops at the largest decimal [S5].

    Raises:
        GuardError: the value does not fit the vocabulary, or the field.
    """
    vocabulary = attrs.evolve(vocabulary, in_effect=True)
    wanted = target or term_type(term, vocabulary) or FieldType("bool")
    faults = effect_problems(term, wanted, vocabulary)
    if faults:
        raise GuardError("; ".join(faults))
    source = Source(vocabulary, attribute, saturates=target is None)
    known, value = source.term(term)
    if target is not None:
        if target.kind == "float":
            value = f"{source.bind(_finite)}({value})"
        value = f"{source.bind(target.clamp)}({value})"
    body = f"{value} if {known} else None" if known else value
    return cast(Computation, source.function("p, now, q", body))


def _compile_guard(
    guard: Guard, vocabulary: Vocabulary, attribute: Attribute, parameters: str
) -> Callable[..., Any]:
    guard = resolve(guard, vocabulary)
    faults = _all_problems(guard, vocabulary)
    if faults:
        raise GuardError("; ".join(faults))
    source = Source(vocabulary, attribute)
    return source.function(parameters, source.guard(inline(guard, vocabulary)))


def _all_problems(guard: Guard, vocabulary: Vocabulary) -> list[str]:
    """The faults of the guard and of each definition that it needs, so that only checked guards
    are compiled."""
    faults = problems(guard, vocabulary)
    if faults:
        return faults
    seen: set[str] = set()
    waiting = [guard]
    while waiting:
        for node in tree.walk(waiting.pop()):
            if isinstance(node, tree.Named) and node.name not in seen:
                seen.add(node.name)
                definition = definition_of(node, vocabulary)
                if definition is not None:
                    faults.extend(problems(definition, vocabulary))
                    waiting.append(definition)
    return faults


class Source:
    """The source of one lambda under construction, with the values that its names refer to."""

    def __init__(
        self, vocabulary: Vocabulary, attribute: Attribute, *, saturates: bool = True
    ) -> None:
        self.vocabulary = vocabulary
        self.attribute = attribute
        self.saturates = saturates
        self.values: dict[str, object] = {"__builtins__": {}}
        self.variables = 0

    def function(self, parameters: str, body: str) -> Callable[..., Any]:
        """The compiled function of an expression."""
        source = f"lambda {parameters}: {body}"
        function = eval(compile(source, "<guard>", "eval"), self.values)  # noqa: S307 -- no user text in it
        function.source = source
        return cast(Callable[..., Any], function)

    def bind(self, value: object) -> str:
        """A name for the value; integers are written as literals."""
        if type(value) is int:
            return str(value) if value >= 0 else f"({value})"
        name = f"c{len(self.values) - 1}"
        self.values[name] = value
        return name

    # -- guards ------------------------------------------------------------------------------

    def guard(self, guard: Guard) -> str:
        """A guard, with named guards written out, as an expression."""
        match guard:
            case tree.And(guards):
                return f"({' and '.join(map(self.guard, guards))})"
            case tree.Or(guards):
                return f"({' or '.join(map(self.guard, guards))})"
            case tree.Not(part):
                return f"(not {self.guard(part)})"
            case tree.Always():
                return "True"
            case tree.Truth(field):
                nullable = self.vocabulary.fields[field.name].nullable
                return f"({self.read(field)} is True)" if nullable else self.read(field)
            case tree.Known(field):
                return f"({self.read(field)} is not None)"
            case tree.Compare(op, left, right):
                (known, first), (also, second) = self.term(left), self.term(right)
                return self.atom([known, also], f"{first} {op} {second}")
            case tree.In(term, options):
                known, value = self.term(term)
                values = self.vocabulary.constant_value(options)
                assert isinstance(values, tuple)
                return self.atom([known], f"{value} in {self.bind(frozenset(values))}")
            case tree.StartsWith(term, text):
                (known, value), (also, start) = self.term(term), self.term(text)
                return self.atom([known, also], f"{value}.startswith({start})")
            case tree.Contains(term, text):
                (known, value), (also, sought) = self.term(term), self.term(text)
                return self.atom([known, also], f"{sought} in {value}")
            case tree.Opaque():
                return f"{self.bind(_demand_bool(guard))}(p, now)"
        raise GuardError(f"{guard!r} cannot be compiled")

    def atom(self, known: list[str], test: str) -> str:
        """A comparison that is false if a part of it is missing [S3]."""
        return f"({' and '.join([*filter(None, known), test])})"

    # -- terms -------------------------------------------------------------------------------

    def term(self, term: Term) -> tuple[str, str]:
        """Two expressions: whether all parts are known (empty if they always are), and the value.

        The first assigns the variables that the second reads, so it must come before it.
        """
        match term:
            case tree.Field(name):
                # An unset time is missing even if its type does not say so.
                type_ = self.vocabulary.fields[name]
                return self.maybe(self.read(term), type_.nullable or type_.kind == "datetime")
            case tree.Payload(name):
                return self.maybe(f"q.get({self.bind(name)})", True)
            case tree.Now():
                return "", "now"
            case tree.Const() | tree.Token():
                return "", self.bind(self.vocabulary.constant_value(term))
            case tree.Elapsed(units="days"):
                known, value = self.term(term.start)
                return known, f"(now - {value}).days"
            case tree.Elapsed():
                known, value = self.term(term.start)
                return known, f"((now - {value}) // {self.bind(term.unit)})"
            case tree.Arithmetic(op, left, right):
                (known, first), (also, second) = self.term(left), self.term(right)
                both = " and ".join(filter(None, (known, also)))
                value = self.exact(term, first, second) or f"{first} {op} {second}"
                return both, f"{self.limit(term)}({value})"
            case tree.Extreme(which, terms):
                parts = [self.term(part) for part in terms]
                known = " and ".join(part for part, _ in parts if part)
                function = self.bind(min if which == "min" else max)
                chosen = f"{function}({', '.join(value for _, value in parts)})"
                # Of an integer and a decimal, the type must not depend on which is larger.
                found_type = term_type(term, self.vocabulary)
                decimal = found_type is not None and found_type.kind == "float"
                return known, f"{self.bind(float)}({chosen})" if decimal else chosen
        raise GuardError(f"{term!r} cannot be compiled")

    def limit(self, term: tree.Arithmetic) -> str:
        """The function that limits the result of an operation to its range; empty for decimals of
        an effect, which raises its own error for them."""
        if is_whole(term, self.vocabulary):
            return self.bind(_within_64_bits)
        return self.bind(_within_decimals) if self.saturates else ""

    def exact(self, term: tree.Arithmetic, first: str, second: str) -> str | None:
        """An integer times a decimal constant as an exact ratio, floored [S5]; else ``None``."""
        sides = ((term.left, term.right, first), (term.right, term.left, second))
        for whole, scale, expression in sides if term.op == "*" else ():
            factor = decimal_factor(scale, self.vocabulary)
            if factor is not None and is_whole(whole, self.vocabulary):
                # Use the decimal as written: 0.1 is exactly one tenth, which the float is not.
                top, bottom = Fraction(str(factor)).as_integer_ratio()
                return f"{expression} * {self.bind(top)} // {bottom}"
        return None

    def maybe(self, expression: str, nullable: bool) -> tuple[str, str]:
        """Read a value that may be missing only once, into a variable."""
        if not nullable:
            return "", expression
        variable = f"v{self.variables}"
        self.variables += 1
        return f"({variable} := {expression}) is not None", variable

    def read(self, field: tree.Field) -> str:
        """The field as an attribute of the person."""
        name = self.attribute(field.name)
        if field.name not in self.vocabulary.fields:
            raise GuardError(f"no field named {field.name!r}")
        if not name.isidentifier() or keyword.iskeyword(name):
            raise GuardError(f"{name!r} cannot be the attribute of a person")
        return f"p.{name}"


def _within_64_bits(value: int) -> int:
    """The result of an operation, limited to 64 bits [S5]."""
    if value > INT_MAX:
        return INT_MAX
    return INT_MIN if value < INT_MIN else value


def _within_decimals(value: float) -> float:
    """The result of an operation, limited to the largest finite decimal [S5]."""
    if value > LARGEST:
        return LARGEST
    return -LARGEST if value < -LARGEST else value


def _finite(value: float) -> float:
    """A computed number as a decimal. A number out of range would become infinity or NaN, which no
    field may hold [S5]."""
    number = float(value)
    if math.isfinite(number):
        return number
    raise GuardError("an effect computed a number that is too large: declare bounds for its fields")


def value_of(term: Term, fields: Mapping[str, object], vocabulary: Vocabulary) -> Value:
    """The value of a term over fields given by name, computed as in a guard.

    Raises:
        GuardError: the value does not fit the vocabulary.
    """
    return compile_term(term, vocabulary)(SimpleNamespace(**fields), _NO_TIME, {})


def _demand_bool(guard: tree.Opaque) -> Test:
    """The callable of a move, checked to return a bool: the machine and the history would take
    anything else for one [S2]."""

    def ask(person: Any, now: datetime) -> bool:
        answer = guard.function(person, now)
        if answer is True or answer is False:
            return answer
        raise GuardError(
            f"the guard {guard.name!r} returned {answer!r}: a guard returns True or False"
        )

    return ask
