"""The small changes of one guard: each is the guard with one thing in it otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

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
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.toml_files import KeyPath

# ------------------------------------------------------------------ mutant
#
# One small change of a model, and what there is to say of it.


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

#: The parts of a model that a mutant may have otherwise. It claims nothing: a claim may name the
#: very move that is deleted.
PARTS = ("tokens", "guards", "sort", "moves", "claims")


@attrs.frozen
class Change:
    """A change that may or may not give a model.

    Args:
        kind: what is done.
        where: the move, sort rule, named guard or token to which it is done, in words.
        path: the same as a path in the TOML, for its line.
        before: how it reads in the model.
        after: how it reads now.
        parts: the parts of the model that are other than before.
        rules: the moves and sort rules on which it may bear, by name.
        elsewhere: whether other sections read what was changed too, such as the data silo.
    """

    kind: Kind
    where: str
    path: KeyPath
    before: str
    after: str
    parts: Mapping[str, Any] = attrs.field(repr=False)
    rules: frozenset[str]
    elsewhere: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}: {self.before} ==> {self.after}"


@attrs.frozen
class Mutant:
    """A change that gives a model which means something else [S28]."""

    change: Change
    model: Model = attrs.field(repr=False)

    @property
    def id(self) -> str:
        """A name that is the same in every run, as long as the model is: the mutant's version."""
        return self.model.version

    def __str__(self) -> str:
        return str(self.change)


# ------------------------------------------------------------------ guards


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
            for index, one in enumerate(terms):
                for kind, changed in term_changes(one):
                    yield kind, Extreme(which, (*terms[:index], changed, *terms[index + 1 :]))


def neighbours(value: Scalar) -> tuple[Scalar, ...]:
    """One more and one less, of a number; nothing else has a neighbour."""
    return (value - 1, value + 1) if type(value) in (int, float) else ()  # type: ignore[operator]


def shorter_lists(options: tuple[Scalar, ...]) -> Iterator[tuple[Scalar, ...]]:
    """The list without one of its entries, as long as any is left."""
    if len(options) > 1:
        for index in range(len(options)):
            yield options[:index] + options[index + 1 :]


def said(guard: Guard | Term) -> str:
    """The text of a guard or a value; a Python callable in it reads as its name [S2]."""
    if isinstance(guard, Guard):
        return to_text(transform(guard, _name))
    return to_text(guard)


def _name(guard: Guard) -> Guard:
    return Named(f"{guard.name}()") if isinstance(guard, Opaque) else guard
