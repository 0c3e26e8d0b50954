"""The notations of a model's parts: guards, values and effects as text, trees or plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType

import attrs

from lifecycle_fsm.errors import GuardError, GuardSyntaxError, async_fault
from lifecycle_fsm.guard import Guard, Term, Vocabulary, as_term, parse_guard, parse_term
from lifecycle_fsm.guard import terms as tree


def read_guard(value: object) -> Guard:
    """A guard in any notation: a tree, a field proxy, text, or a named Python function."""
    if isinstance(value, FunctionType | MethodType | BuiltinFunctionType):
        if value.__name__ == "<lambda>":
            raise GuardError("a Python guard needs a name: write a function with def")
        if fault := async_fault(value):
            raise GuardError(fault)
        return tree.Opaque(value.__name__, value)
    return parse_guard(value) if isinstance(value, str) else tree.as_guard(value)


def read_value(value: object) -> Term | Guard:
    """The right-hand side of an effect: text in the value language, a literal, a term or, for a
    yes/no field, a guard.

    Raises:
        GuardSyntaxError: the text is neither a value nor a guard.
    """
    if not isinstance(value, str):
        return value if isinstance(value, Guard | Term) else as_term(value)
    try:
        return parse_term(value)
    except GuardSyntaxError as as_value:
        try:
            return parse_guard(value)
        except GuardSyntaxError as as_condition:
            raise max(as_value, as_condition, key=lambda error: error.column) from None


def read_sets(value: Mapping[str, object] | Iterable[Set]) -> tuple[Set, ...]:
    """Effects in either notation: ``{"hand_raised": False}`` or a sequence of ``Set``."""
    if isinstance(value, Mapping):
        return tuple(Set(name, effect) for name, effect in value.items())
    return tuple(value)


def names(value: str | Iterable[str]) -> tuple[str, ...]:
    """A tuple of names, from one name or several."""
    return (value,) if isinstance(value, str) else tuple(value)


def given(words: Vocabulary) -> Vocabulary:
    """The vocabulary with every payload value required. An effect whose payload value is missing is
    skipped, so the value is always known where it is read."""
    payload = {name: attrs.evolve(kind, nullable=False) for name, kind in words.payload.items()}
    return attrs.evolve(words, payload=payload)


@attrs.frozen
class Set:
    """An effect: the field gets the value [S18]."""

    field: str
    value: Term | Guard = attrs.field(converter=read_value)
