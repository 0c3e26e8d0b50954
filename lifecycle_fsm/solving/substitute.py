"""A guard as it reads after effects have written fields: each field by the value that it got."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from lifecycle_fsm.guard import (
    Arithmetic,
    Compare,
    Const,
    DaysInStage,
    DaysSince,
    Extreme,
    Field,
    Guard,
    In,
    Known,
    Now,
    StartsWith,
    Term,
    Truth,
    all_of,
    always,
    inline,
    never,
    resolve,
    transform,
    walk,
)
from lifecycle_fsm.guard.vocabulary import Vocabulary

_ENTERED = "stage_entered_at"


def substitute(guard: Guard, values: Mapping[str, Term | Guard], words: Vocabulary) -> Guard:
    """The guard over the fields as they were before they got these values.

    A field that got a guard (a yes/no field) reads as that guard. ``days since`` a field that got
    ``now`` are none.
    """

    def change(part: Guard) -> Guard:
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
            case Compare(op, left, right):
                return Compare(op, _term(left, values), _term(right, values))
            case In(term, options):
                return In(_term(term, values), options)
            case StartsWith(term, prefix):
                return StartsWith(_term(term, values), prefix)
        return part

    return transform(inline(resolve(guard, words), words), change)


def _known(term: Term) -> Guard:
    return all_of(*(Known(one) for one in walk(term) if isinstance(one, Field)))


def _term(term: Term, values: Mapping[str, Term | Guard]) -> Term:
    match term:
        case Field(name) if name in values:
            value = values[name]
            assert isinstance(value, Term), "a yes/no field is never part of a value"
            return value
        case DaysSince(Field(name)) if name in values:
            return _days(values[name], term)
        case DaysInStage() if _ENTERED in values:
            return _days(values[_ENTERED], term)
        case Arithmetic(op, left, right):
            return Arithmetic(op, _term(left, values), _term(right, values))
        case Extreme():
            return attrs.evolve(term, terms=tuple(_term(one, values) for one in term.terms))
    return term


def _days(value: Term | Guard, before: Term) -> Term:
    match value:
        case Now():
            return Const(0)
        case Field():
            return DaysSince(value)
    return before
