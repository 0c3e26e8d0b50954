"""The tree of a guard: frozen nodes with plain equality, and no behavior [S2].

Every notation (Python operators, text) builds these nodes in one canonical form, so that a guard
written in two notations gives equal trees. Each use of the tree has its own file and walks these
classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, NoReturn, TypeAlias

import attrs

from lifecycle_fsm.errors import GuardError

MAX_DEPTH = 40
"""How deep a guard may nest. Every use recurses, and no human reads deeper."""

Scalar: TypeAlias = bool | int | float | str | datetime
Comparison: TypeAlias = Literal["==", "<", "<=", ">", ">="]
FLIPPED: dict[Comparison, Comparison] = {"==": "==", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _typed(value: object) -> object:
    """A key that distinguishes ``1``, ``1.0`` and ``True``, which plain equality does not."""
    if isinstance(value, tuple):
        return tuple(_typed(item) for item in value)
    return type(value).__name__, value


class Term:
    """A value in a guard or an effect: a field, a token, a constant, or arithmetic over them."""

    __slots__ = ()


@attrs.frozen
class Field(Term):
    """A field of the person, or one of ``stage``, ``stage_entered_at``, ``journey``,
    ``journey_started_at`` [S1]."""

    name: str


STAGE_ENTERED = Field("stage_entered_at")


@attrs.frozen
class Token(Term):
    """A named number, text or list of the model, written ``$name``."""

    name: str


@attrs.frozen
class Const(Term):
    """A constant: a number, a text, ``true``/``false``, a time (UTC), or a tuple of them."""

    value: Scalar | tuple[Scalar, ...] = attrs.field(eq=_typed)


@attrs.frozen
class Payload(Term):
    """A value of the activity, written ``activity.name``; in effects only."""

    name: str


@attrs.frozen
class Now(Term):
    """The instant of the decision, written ``now``; in effects only [S4]."""


@attrs.frozen
class Elapsed(Term):
    """Whole units, floored, from a time to now [S4]; missing if that time is."""

    unit: ClassVar[timedelta]
    units: ClassVar[str]
    in_stage: ClassVar[bool] = False

    start: Field
    """The field with the time from which it counts."""


@attrs.frozen
class DaysSince(Elapsed):
    """Whole days since the time in a field."""

    unit, units = timedelta(days=1), "days"


@attrs.frozen
class HoursSince(Elapsed):
    """Whole hours since the time in a field."""

    unit, units = timedelta(hours=1), "hours"


@attrs.frozen
class DaysInStage(Elapsed):
    """Whole days since the person entered the current stage."""

    unit, units, in_stage = timedelta(days=1), "days", True
    start: Field = attrs.field(default=STAGE_ENTERED, init=False, repr=False)


@attrs.frozen
class HoursInStage(Elapsed):
    """Whole hours since the person entered the current stage."""

    unit, units, in_stage = timedelta(hours=1), "hours", True
    start: Field = attrs.field(default=STAGE_ENTERED, init=False, repr=False)


def elapsed_since(field: Field, like: Elapsed) -> Elapsed:
    """The time since a field, in the units of ``like``."""
    return DaysSince(field) if like.units == "days" else HoursSince(field)


@attrs.frozen
class Arithmetic(Term):
    """``left op right``; missing if either side is. The result is limited to 64 bits, or to the
    largest decimal. An integer times a decimal factor is computed as an exact ratio and floored
    [S5]."""

    op: Literal["+", "-", "*"]
    left: Term
    right: Term


@attrs.frozen
class Extreme(Term):
    """``min(…)`` or ``max(…)`` of two or more terms; in effects only. Missing if any of them is."""

    which: Literal["min", "max"]
    terms: tuple[Term, ...]


class Combinable:
    """An operand that ``&``, ``|`` and ``~`` combine into guards: a guard, or an object for one."""

    __slots__ = ()

    def __and__(self, other: object) -> Guard:
        return all_of(as_guard(self), as_guard(other))

    def __rand__(self, other: object) -> Guard:
        return all_of(as_guard(other), as_guard(self))

    def __or__(self, other: object) -> Guard:
        return any_of(as_guard(self), as_guard(other))

    def __ror__(self, other: object) -> Guard:
        return any_of(as_guard(other), as_guard(self))

    def __invert__(self) -> Guard:
        return negate(as_guard(self))


class Guard(Combinable):
    """A predicate over a person: combine with ``&``, ``|`` and ``~``; compare trees with ``==``."""

    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise GuardError(
            "a guard has no truth of its own, it needs a person: join guards with & | ~ instead of "
            "'and', 'or', 'not', put each comparison in parentheses, and write .between(a, b) for "
            "a <= field <= b"
        )


@attrs.frozen
class Compare(Guard):
    """``left op right``; false if either side is missing [S3]. ``!=`` is ``Not`` of ``==``."""

    op: Comparison
    left: Term
    right: Term


@attrs.frozen
class In(Guard):
    """The term is one of the options: a constant tuple, or a token that names a list."""

    term: Term
    options: Const | Token


@attrs.frozen
class TextMatch(Guard):
    """A test of one text against another, exact and case-sensitive [S2]."""

    verb: ClassVar[str]
    denied: ClassVar[str]

    term: Term
    text: Const | Token


@attrs.frozen
class StartsWith(TextMatch):
    """The text starts with the other."""

    verb, denied = "starts with", "does not start with"


@attrs.frozen
class Contains(TextMatch):
    """The text contains the other."""

    verb, denied = "contains", "does not contain"


@attrs.frozen
class Known(Guard):
    """The field has a value; ``is missing`` is its negation."""

    field: Field


@attrs.frozen
class Truth(Guard):
    """A yes/no field that is yes; false if it is missing."""

    field: Field


@attrs.frozen
class And(Guard):
    """All hold. Never nested in another ``And``; two or more."""

    guards: tuple[Guard, ...]


@attrs.frozen
class Or(Guard):
    """Any holds. Never nested in another ``Or``; two or more."""

    guards: tuple[Guard, ...]


@attrs.frozen
class Not(Guard):
    """The exact negation [S3]; never of another ``Not``."""

    guard: Guard


@attrs.frozen
class Named(Guard):
    """A guard of the model, by its name. If it was built in Python it carries its definition,
    which equality ignores, because the model holds it once."""

    name: str
    definition: Guard | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen
class Always(Guard):
    """Holds for everyone, written ``always``."""


@attrs.frozen
class Opaque(Guard):
    """A named Python callable ``function(person, now) -> bool``, on moves only. It runs and
    refusals name it, but it cannot be replayed in columns, proved or given boundary cases [S2]."""

    name: str
    function: Callable[[Any, datetime], bool]


def all_of(*guards: Guard) -> Guard:
    """The canonical conjunction: flat; a single guard stays itself, no guards give ``always``."""
    return _join(And, guards) if guards else Always()


def any_of(*guards: Guard) -> Guard:
    """The canonical disjunction: flat; a single guard stays itself, no guards give ``never``."""
    return _join(Or, guards) if guards else Not(Always())


def _join(kind: type[And] | type[Or], guards: tuple[Guard, ...]) -> Guard:
    flat: list[Guard] = []
    for guard in guards:
        flat.extend(guard.guards if isinstance(guard, kind) else (guard,))
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def negate(guard: Guard) -> Guard:
    """The canonical negation: a double negation cancels out."""
    return guard.guard if isinstance(guard, Not) else Not(guard)


def compare(op: Literal["==", "!=", "<", "<=", ">", ">="], left: Term, right: Term) -> Guard:
    """The canonical comparison: the side that reads the person is on the left, a constant on the
    right, ``!=`` is a negation, and ``flag == true`` is the flag itself."""
    if op == "!=":
        return negate(compare("==", left, right))
    # Python itself turns ``5 <= token`` around; the text must do the same to give an equal tree.
    if _rank(left) > _rank(right):
        op, left, right = FLIPPED[op], right, left
    if op == "==" and isinstance(left, Field) and right == Const(True):
        return Truth(left)
    return Compare(op, left, right)


def reads_person(term: Term) -> bool:
    """Whether the value depends on the person or the clock, not only on the model."""
    return any(isinstance(node, Field | Elapsed) for node in walk(term))


def _rank(term: Term) -> int:
    return 0 if reads_person(term) else 2 if isinstance(term, Const) else 1


def as_guard(value: object) -> Guard:
    """Convert a value to a guard: a guard itself, or an object with ``__guard__()``, such as the
    proxy of a yes/no field."""
    if isinstance(value, Guard):
        return value
    convert = getattr(value, "__guard__", None)
    if convert is not None:
        guard = convert()
        if isinstance(guard, Guard):
            return guard
    raise GuardError(
        f"{value!r} is not a guard: compare a field with it, as in (p.behavior_score >= 65)"
    )


#: A table instead of ``match``, for speed: a proof walks over guards a hundred thousand times.
_CHILDREN: Mapping[type, Callable[[Any], tuple[Guard | Term, ...]]] = {
    Compare: lambda node: (node.left, node.right),
    Arithmetic: lambda node: (node.left, node.right),
    In: lambda node: (node.term, node.options),
    StartsWith: lambda node: (node.term, node.text),
    Contains: lambda node: (node.term, node.text),
    Known: lambda node: (node.field,),
    Truth: lambda node: (node.field,),
    DaysSince: lambda node: (node.start,),
    HoursSince: lambda node: (node.start,),
    And: lambda node: node.guards,
    Or: lambda node: node.guards,
    Not: lambda node: (node.guard,),
    Extreme: lambda node: node.terms,
}


def children(node: Guard | Term) -> tuple[Guard | Term, ...]:
    """The nodes directly below, in reading order. A named guard has none: resolve it first."""
    below = _CHILDREN.get(type(node))
    return () if below is None else below(node)


def walk(node: Guard | Term) -> Iterator[Guard | Term]:
    """The node and all nodes below it, depth first, in reading order."""
    yield node
    for child in children(node):
        yield from walk(child)


def transform(guard: Guard, change: Callable[[Guard], Guard]) -> Guard:
    """The guard with ``change`` applied to every guard in it, bottom up, in canonical form.

    Terms do not change. A named guard is changed as a unit; its definition is not walked.
    """
    match guard:
        case And(guards):
            guard = all_of(*(transform(part, change) for part in guards))
        case Or(guards):
            guard = any_of(*(transform(part, change) for part in guards))
        case Not(part):
            guard = negate(transform(part, change))
    return change(guard)


def transform_terms(guard: Guard, change: Callable[[Term], Term]) -> Guard:
    """The guard with ``change`` applied to every value that it compares, bottom up.

    The field of ``is known``, ``days since``, ``hours since`` and of a bare yes/no field is not a
    compared value and does not change; nor do named guards.
    """

    def options(listed: Const | Token) -> Const | Token:
        changed = change(listed)
        return changed if isinstance(changed, Const | Token) else listed

    def compared(part: Guard) -> Guard:
        match part:
            case Compare(op, left, right):
                return Compare(op, transform_term(left, change), transform_term(right, change))
            case In(value, listed):
                return In(transform_term(value, change), options(listed))
            case TextMatch(value, text):
                changed = transform_term(value, change)
                return attrs.evolve(part, term=changed, text=options(text))
        return part

    return transform(guard, compared)


def transform_term(term: Term, change: Callable[[Term], Term]) -> Term:
    """The value with ``change`` applied to every value in it, bottom up."""
    match term:
        case Arithmetic(op, left, right):
            term = Arithmetic(op, transform_term(left, change), transform_term(right, change))
        case Extreme(which, terms):
            term = Extreme(which, tuple(transform_term(part, change) for part in terms))
    return change(term)


def depth(node: Guard | Term) -> int:
    """The number of nodes on the longest path down; not recursive, so it works for any tree."""
    deepest, waiting = 0, [(node, 1)]
    while waiting:
        node, level = waiting.pop()
        deepest = max(deepest, level)
        waiting.extend((child, level + 1) for child in children(node))
    return deepest
