"""The small changes of one guard: each is the guard with one thing in it otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.guard import (
    Always,
    And,
    Arithmetic,
    Compare,
    Const,
    Extreme,
    Guard,
    In,
    Named,
    Not,
    Opaque,
    Or,
    Scalar,
    Term,
    TextMatch,
    all_of,
    any_of,
    compare,
    negate,
    to_text,
    transform,
)

#: What was done to the model.
Kind: TypeAlias = Literal[
    "operator",
    "threshold",
    "list",
    "and/or",
    "negation",
    "dropped condition",
    "wrong target",
    "deleted move",
    "deleted sort rule",
    "dropped source",
    "order",
    "dropped effect",
]
_Operator: TypeAlias = Literal["==", "<", "<=", ">", ">="]
#: The neighbour at the boundary, and the boundary alone; the other side is the negation.
_OPERATORS: dict[_Operator, tuple[_Operator, ...]] = {
    ">=": (">", "=="),
    ">": (">=", "=="),
    "<=": ("<", "=="),
    "<": ("<=", "=="),
    "==": (">=", "<="),
}


def guard_changes(guard: Guard) -> Iterator[tuple[Kind, Guard]]:
    """Every small change of a guard, each once, the guard itself left out.

    Names stay: what a named guard or a token stands for is changed where it is defined.
    """
    seen = {guard}
    for kind, changed in _whole(guard):
        if changed not in seen:
            seen.add(changed)
            yield kind, changed


def _whole(guard: Guard) -> Iterator[tuple[Kind, Guard]]:
    yield from _inside(guard)
    if not isinstance(guard, And | Or | Always):
        yield "dropped condition", Always()


def _inside(guard: Guard) -> Iterator[tuple[Kind, Guard]]:
    match guard:
        case Compare(op, left, right):
            for other in _OPERATORS[op]:
                yield "operator", compare(other, left, right)
            for kind, term in term_changes(left):
                yield kind, compare(op, term, right)
            for kind, term in term_changes(right):
                yield kind, compare(op, left, term)
        case In(term, Const(tuple() as options)):
            for shorter in shorter_lists(options):
                yield "list", In(term, Const(shorter))
            for kind, other_term in term_changes(term):
                yield kind, In(other_term, Const(options))
        case In(term, _) | TextMatch(term, _):
            for kind, other_term in term_changes(term):
                yield kind, attrs.evolve(guard, term=other_term)
        case And(parts):
            yield "and/or", any_of(*parts)
            yield from _joined(all_of, parts)
        case Or(parts):
            yield "and/or", all_of(*parts)
            yield from _joined(any_of, parts)
        case Not(part):
            for kind, changed in _inside(part):
                yield kind, negate(changed)
    if not isinstance(guard, Always):
        yield "negation", negate(guard)


def _joined(join: Callable[..., Guard], parts: tuple[Guard, ...]) -> Iterator[tuple[Kind, Guard]]:
    for index, part in enumerate(parts):
        before, after = parts[:index], parts[index + 1 :]
        yield "dropped condition", join(*before, *after)
        for kind, changed in _inside(part):
            yield kind, join(*before, changed, *after)


def term_changes(term: Term) -> Iterator[tuple[Kind, Term]]:
    """Every small change of a value: each number in it, one more and one less."""
    match term:
        case Const(value) if not isinstance(value, tuple):
            for near in neighbours(value):
                yield "threshold", Const(near)
        case Arithmetic(op, left, right):
            for kind, changed in term_changes(left):
                yield kind, Arithmetic(op, changed, right)
            for kind, changed in term_changes(right):
                yield kind, Arithmetic(op, left, changed)
        case Extreme(which, terms):
            for index, part in enumerate(terms):
                for kind, changed in term_changes(part):
                    yield kind, Extreme(which, (*terms[:index], changed, *terms[index + 1 :]))


def neighbours(value: Scalar) -> tuple[Scalar, ...]:
    """One more and one less, of a number; nothing else has a neighbour."""
    return (value - 1, value + 1) if type(value) in (int, float) else ()  # type: ignore[operator]


def shorter_lists(options: tuple[Scalar, ...]) -> Iterator[tuple[Scalar, ...]]:
    """The list without one of its entries, as long as any is left."""
    if len(options) > 1:
        for index in range(len(options)):
            yield options[:index] + options[index + 1 :]


def text_of(guard: Guard | Term) -> str:
    """The text of a guard or a value; a Python callable in it reads as its name [S2]."""
    if isinstance(guard, Guard):
        return to_text(transform(guard, _name))
    return to_text(guard)


def _name(guard: Guard) -> Guard:
    return Named(f"{guard.name}()") if isinstance(guard, Opaque) else guard
