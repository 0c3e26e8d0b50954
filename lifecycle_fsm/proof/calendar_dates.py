"""The instants that matter to a guard that compares times with calendar dates.

All other guards see the clock only in differences, so that any instant will do [S4]. But
``created_at >= 2026-01-01`` holds for no one in 2024. Between two instants at which a date, or a
number of days after it, is reached, all instants are equivalent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Guard, Term
from lifecycle_fsm.guard import terms as tree

#: Returns the value of a constant or a token, and ``None`` for anything else.
Constant: TypeAlias = Callable[[Guard | Term], Any]
_DAY, _TICK = timedelta(days=1), timedelta(microseconds=1)


@attrs.frozen
class RelativeInstant(tree.Const):
    """An instant at a fixed distance from the clock, and therefore not a calendar date."""


def shifts(guard: Guard, now: datetime, constant: Constant) -> Iterator[timedelta]:
    """How far to move the calendar against a fixed clock, for each instant that matters: first not
    at all, then by the smallest distance. Empty if the guard contains no date."""
    dates = {date for node in tree.walk(guard) for date in _dates(node, constant)}
    if not dates:
        return
    lengths = {timedelta(0)}
    for node in tree.walk(guard):
        match node:
            case tree.Compare(_, tree.Elapsed() as elapsed, other):
                value = constant(other)
                if isinstance(value, int):
                    lengths |= _lengths(value, elapsed.unit)
            case RelativeInstant(value) if isinstance(value, datetime):
                lengths.add(now - value)
    behind = {_later(date, length) for date in dates for length in lengths}
    reached = sorted(instant for instant in behind if instant is not None)
    if not reached:
        return
    instants = {instant + step for instant in reached for step in (-_TICK, timedelta(0), _TICK)}
    instants |= {first + (second - first) / 2 for first, second in pairwise(reached)}
    instants |= {reached[0] - _DAY, reached[-1] + _DAY}
    yield timedelta(0)
    yield from sorted((now - i for i in instants), key=lambda shift: (abs(shift), shift))


def shifted(guard: Guard, shift: timedelta, constant: Constant) -> Guard:
    """The guard with every calendar date moved."""

    def change(term: Term) -> Term:
        dates = tuple(_dates(term, constant))
        if not dates:
            return term
        moved = tuple(date + shift for date in dates)
        return tree.Const(moved if isinstance(constant(term), tuple) else moved[0])

    return tree.transform_terms(guard, change)


def moved_times(values: Mapping[str, Value], later: timedelta) -> dict[str, Value]:
    """The values of a person with every time moved."""
    return {
        name: value + later if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def _dates(node: Guard | Term, constant: Constant) -> Iterator[datetime]:
    if not isinstance(node, RelativeInstant):
        value = constant(node)
        values = value if isinstance(value, tuple) else (value,)
        yield from (date for date in values if isinstance(date, datetime))


def _lengths(count: int, unit: timedelta) -> set[timedelta]:
    try:
        return {count * unit, (count + 1) * unit}
    except OverflowError:
        return set()


def _later(date: datetime, length: timedelta) -> datetime | None:
    try:
        later = date + length
        _ = later - _DAY, later + _DAY  # room for the instants around it
    except OverflowError:
        return None
    return later
