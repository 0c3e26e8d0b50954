"""A guard as it reads after effects have written fields: each field by the value that it got."""

from __future__ import annotations

from collections.abc import Mapping

from lifecycle_fsm.guard import (
    Const,
    Elapsed,
    Field,
    Guard,
    Known,
    Now,
    Term,
    Truth,
    all_of,
    always,
    elapsed_since,
    inline,
    never,
    resolve,
    transform,
    transform_terms,
    walk,
)
from lifecycle_fsm.guard.vocabulary import Vocabulary


def substitute(guard: Guard, values: Mapping[str, Term | Guard], words: Vocabulary) -> Guard:
    """The guard over the fields as they were before they got these values.

    A field that got a guard (a yes/no field) reads as that guard. ``days since`` a field that got
    ``now`` are none.
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
                return always if isinstance(value, Guard) else _known(value)
        return part

    def term(one: Term) -> Term:
        match one:
            case Field(name) if name in values:
                value = values[name]
                assert isinstance(value, Term), "a yes/no field is never part of a value"
                return value
            case Elapsed() if one.start.name in values:
                return _elapsed(values[one.start.name], one)
        return one

    # Values first: a guard that a field got speaks of the fields before, and is left as it is.
    return transform(transform_terms(inline(resolve(guard, words), words), term), settle)


def _known(term: Term) -> Guard:
    return all_of(*(Known(one) for one in walk(term) if isinstance(one, Field)))


def _elapsed(value: Term | Guard, before: Elapsed) -> Term:
    match value:
        case Now():
            return Const(0)
        case Field():
            return elapsed_since(value, before)
    return before
