"""Guards with parts replaced: fields by the values that effects wrote, tokens by their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Guard, Term, always, inline, never
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.vocabulary import Vocabulary


def is_value(field: str, value: Value) -> Guard:
    """A guard that holds if the field has exactly this value."""
    if value is None:
        return tree.negate(tree.Known(tree.Field(field)))
    if value is True:
        return tree.Truth(tree.Field(field))
    return tree.Compare("==", tree.Field(field), tree.Const(value))


def apart(first: Guard, second: Guard) -> Guard:
    """A guard that holds if only one of the two guards holds."""
    return tree.any_of(
        tree.all_of(first, tree.negate(second)), tree.all_of(second, tree.negate(first))
    )


def decides(guard: Guard, condition: Guard) -> Guard:
    """A guard that holds if the condition decides: with the condition true and false, the guard has
    different outcomes (modified condition/decision coverage)."""
    return apart(replaced(guard, condition, always), replaced(guard, condition, never))


def replaced(guard: Guard, part: Guard, by: Guard) -> Guard:
    """The guard with every occurrence of a part replaced by another guard."""
    return tree.transform(guard, lambda other: by if other == part else other)


_Tree = TypeVar("_Tree", Guard, Term | Guard)


def written_out(part: _Tree, vocabulary: Vocabulary) -> _Tree:
    """A guard or a value with named guards and tokens written out, for comparison between two
    models."""

    def change(term: Term) -> Term:
        return tree.Const(vocabulary.tokens[term.name]) if isinstance(term, tree.Token) else term

    if isinstance(part, Guard):
        return tree.transform_terms(inline(part, vocabulary), change)
    return tree.transform_term(part, change)


def substitute(guard: Guard, values: Mapping[str, Term | Guard], words: Vocabulary) -> Guard:
    """The guard over the fields as they were before they got these values.

    A field that got a guard (a yes/no field) reads as that guard. ``days since`` a field that got
    ``now`` is 0.
    """

    def settle(part: Guard) -> Guard:
        match part:
            case tree.Truth(tree.Field(name)) if name in values:
                value = values[name]
                if isinstance(value, Guard):
                    return value
                if isinstance(value, tree.Const):
                    return always if value.value is True else never
                return tree.Truth(value) if isinstance(value, tree.Field) else part
            case tree.Known(tree.Field(name)) if name in values:
                value = values[name]
                # Constants are known, and so is a computed value if all its fields are.
                fields = tree.walk(value) if isinstance(value, Term) else ()
                return tree.all_of(
                    *(tree.Known(node) for node in fields if isinstance(node, tree.Field))
                )
        return part

    def change(term: Term) -> Term:
        match term:
            case tree.Field(name) if name in values:
                value = values[name]
                assert isinstance(value, Term), "a yes/no field is never part of a value"
                return value
            case tree.Elapsed() if term.start.name in values:
                value = values[term.start.name]
                if isinstance(value, tree.Field):
                    return tree.elapsed_since(value, term)
                return tree.Const(0) if isinstance(value, tree.Now) else term
        return term

    # Values first: a guard that a field got is over the earlier fields, and must not be changed.
    return tree.transform(tree.transform_terms(inline(guard, words), change), settle)
