"""The instants that matter to a guard which compares times with dates of the calendar.

All other guards see the clock as differences to it only, so that any instant will do [S4]. But
``created_at >= 2026-01-01`` holds for nobody in 2024. Between two instants at which a date, or so
many days behind it, is reached, all instants are alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import attrs

from lifecycle_fsm.guard import (
    Compare,
    Const,
    Elapsed,
    Guard,
    Term,
    Token,
    Vocabulary,
    transform_terms,
    walk,
)
from lifecycle_fsm.guard.vocabulary import scalar_value

_DAY, _TICK = timedelta(days=1), timedelta(microseconds=1)


@attrs.frozen
class Moment(Const):
    """An instant that lies so far from the clock, wherever that stands: no date of the calendar."""


def shifts(guard: Guard, now: datetime, words: Vocabulary) -> Iterator[timedelta]:
    """How far the calendar has to be moved, against a clock that stands still, for each instant
    that matters: first not at all, then the nearest. Nothing where the guard names no date."""
    dates = {date for node in walk(guard) for date in _dates(node, words)}
    if not dates:
        return
    ways = {timedelta(0)}
    for node in walk(guard):
        match node:
            case Compare(_, Elapsed() as elapsed, other):
                value = scalar_value(other, words)
                if value is not None and isinstance(value[0], int):
                    ways |= _lengths(value[0], elapsed.unit)
            case Moment(value) if isinstance(value, datetime):
                ways.add(now - value)
    behind = {_later(date, way) for date in dates for way in ways}
    reached = sorted(one for one in behind if one is not None)
    if not reached:
        return
    instants = {one + step for one in reached for step in (-_TICK, timedelta(0), _TICK)}
    instants |= {one + (other - one) / 2 for one, other in pairwise(reached)}
    instants |= {reached[0] - _DAY, reached[-1] + _DAY}
    yield timedelta(0)
    yield from sorted((now - one for one in instants), key=lambda shift: (abs(shift), shift))


def shifted(guard: Guard, shift: timedelta, words: Vocabulary) -> Guard:
    """The guard with every date of the calendar moved."""

    def change(term: Term) -> Term:
        if type(term) is Const or isinstance(term, Token):
            value: Any = term.value if isinstance(term, Const) else words.tokens[term.name]
            if isinstance(value, datetime):
                return Const(value + shift)
            if isinstance(value, tuple) and any(isinstance(one, datetime) for one in value):
                return Const(tuple(one + shift for one in value))
        return term

    return transform_terms(guard, change)


def _dates(node: Guard | Term, words: Vocabulary) -> Iterator[datetime]:
    if type(node) is Const or isinstance(node, Token):
        value: Any = node.value if isinstance(node, Const) else words.tokens[node.name]
        yield from (
            one
            for one in (value if isinstance(value, tuple) else (value,))
            if isinstance(one, datetime)
        )


def _lengths(count: int, unit: timedelta) -> set[timedelta]:
    try:
        return {count * unit, (count + 1) * unit}
    except OverflowError:
        return set()


def _later(date: datetime, length: timedelta) -> datetime | None:
    try:
        later = date + length
        _ = later - _DAY, later + _DAY  # room for the instants around
    except OverflowError:
        return None
    return later
