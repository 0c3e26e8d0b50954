"""Guards with parts replaced: fields by the values that effects wrote, tokens by their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import (
    Compare,
    Const,
    Elapsed,
    Field,
    Guard,
    Known,
    Now,
    Term,
    Token,
    Truth,
    all_of,
    always,
    any_of,
    elapsed_since,
    inline,
    negate,
    never,
    transform,
    transform_terms,
    walk,
)
from lifecycle_fsm.guard.terms import transform_term
from lifecycle_fsm.guard.vocabulary import Vocabulary


def is_value(field: str, value: Value) -> Guard:
    """A guard that holds if the field has exactly this value."""
    if value is None:
        return negate(Known(Field(field)))
    if value is True:
        return Truth(Field(field))
    return Compare("==", Field(field), Const(value))


def apart(first: Guard, second: Guard) -> Guard:
    """A guard that holds if only one of the two guards holds."""
    return any_of(all_of(first, negate(second)), all_of(second, negate(first)))


def decides(guard: Guard, condition: Guard) -> Guard:
    """A guard that holds if the condition decides: with the condition true and false, the guard has
    different outcomes (modified condition/decision coverage)."""
    return apart(replaced(guard, condition, always), replaced(guard, condition, never))


def replaced(guard: Guard, part: Guard, by: Guard) -> Guard:
    """The guard with every occurrence of a part replaced by another guard."""
    return transform(guard, lambda other: by if other == part else other)


_Tree = TypeVar("_Tree", Guard, Term | Guard)


def written_out(tree: _Tree, vocabulary: Vocabulary) -> _Tree:
    """A guard or a value with named guards and tokens written out, for comparison between two
    models."""

    def change(term: Term) -> Term:
        return Const(vocabulary.tokens[term.name]) if isinstance(term, Token) else term

    if isinstance(tree, Guard):
        return transform_terms(inline(tree, vocabulary), change)
    return transform_term(tree, change)


def substitute(guard: Guard, values: Mapping[str, Term | Guard], words: Vocabulary) -> Guard:
    """The guard over the fields as they were before they got these values.

    A field that got a guard (a yes/no field) reads as that guard. ``days since`` a field that got
    ``now`` is 0.
    """

    def settle(part: Guard) -> Guard:
        match part:
            case Truth(Field(name)) if name in values:
                value = values[name]
                if isinstance(value, Guard):
                    return value
                if isinstance(value, Const):
                    return always if value.value is True else never
                return Truth(value) if isinstance(value, Field) else part
            case Known(Field(name)) if name in values:
                value = values[name]
                # Constants are known, and so is a computed value if all its fields are.
                fields = walk(value) if isinstance(value, Term) else ()
                return all_of(*(Known(node) for node in fields if isinstance(node, Field)))
        return part

    def change(term: Term) -> Term:
        match term:
            case Field(name) if name in values:
                value = values[name]
                assert isinstance(value, Term), "a yes/no field is never part of a value"
                return value
            case Elapsed() if term.start.name in values:
                value = values[term.start.name]
                if isinstance(value, Field):
                    return elapsed_since(value, term)
                return Const(0) if isinstance(value, Now) else term
        return term

    # Values first: a guard that a field got is over the earlier fields, and must not be changed.
    return transform(transform_terms(inline(guard, words), change), settle)
