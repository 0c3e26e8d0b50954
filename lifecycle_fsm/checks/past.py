"""What a guard that is asked now says of the past, over the same fields."""

from __future__ import annotations

from datetime import timedelta

from lifecycle_fsm.guard import (
    And,
    Compare,
    Elapsed,
    Field,
    Guard,
    Known,
    Not,
    Or,
    Vocabulary,
    all_of,
    always,
    any_of,
    inline,
    negate,
    never,
    reads,
    resolve,
    transform,
)
from lifecycle_fsm.guard.vocabulary import scalar_value
from lifecycle_fsm.solving import NOW, Moment

_ENTERED = Field("stage_entered_at")
_TICK = timedelta(microseconds=1)


def a_tick_ago(guard: Guard, words: Vocabulary) -> Guard:
    """The guard as it was one instant before, over the same fields."""

    def change(part: Guard) -> Guard:
        match part:
            case Compare(op, Elapsed(start=field, unit=unit), other):
                value = scalar_value(other, words)
                if value is None or not isinstance(value[0], int):
                    return part
                count, known = value[0], Known(field)
                match op:
                    case ">=":
                        return _had_passed(field, count, unit)
                    case ">":
                        return _had_passed(field, count + 1, unit)
                    case "<":
                        return all_of(known, negate(_had_passed(field, count, unit)))
                    case "<=":
                        return all_of(known, negate(_had_passed(field, count + 1, unit)))
                return all_of(
                    _had_passed(field, count, unit), negate(_had_passed(field, count + 1, unit))
                )
        return part

    return transform(inline(resolve(guard, words), words), change)


def _had_passed(field: Field, count: int, unit: timedelta) -> Guard:
    """That so many whole days or hours had passed since a time, one instant ago."""
    try:
        return Compare("<=", field, Moment(NOW - _TICK - count * unit))
    except OverflowError:
        return never if count > 0 else Known(field)


def still(guard: Guard, words: Vocabulary) -> Guard:
    """What a guard that held in a stage that was left still says of the same fields."""
    return remembered(guard, words, frozenset({_ENTERED.name}), aged=True)


def remembered(guard: Guard, words: Vocabulary, forgotten: frozenset[str], *, aged: bool) -> Guard:
    """What a guard that held still says where nothing is known of some fields: it holds for more
    persons. ``aged``: time has passed, in which days since something only grow."""

    def loose(part: Guard, wanted: bool) -> Guard:
        match part:
            case And(parts):
                return all_of(*(loose(one, wanted) for one in parts))
            case Or(parts):
                return any_of(*(loose(one, wanted) for one in parts))
            case Not(inner):
                return negate(loose(inner, not wanted))
        if not forgotten.isdisjoint(reads(part)):
            return always if wanted else never
        if not aged:
            return part
        match part:
            case Compare(">=" | ">", Elapsed(), _) if wanted:
                return part
            case Compare("<" | "<=", Elapsed(), _) if not wanted:
                return part
            case Compare("==", Elapsed() as elapsed, other) if wanted:
                return Compare(">=", elapsed, other)
            case Compare(_, Elapsed(start=field), _):
                return Known(field) if wanted else never
        return part

    return loose(inline(resolve(guard, words), words), True)
