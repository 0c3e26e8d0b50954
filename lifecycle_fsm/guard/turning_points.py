"""When the passing of time alone can change a guard [S20][S21], which clocks wait for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs

from lifecycle_fsm.errors import GuardError
from lifecycle_fsm.guard.evaluate import Attribute, same_name
from lifecycle_fsm.guard.terms import Compare, Elapsed, Guard, walk
from lifecycle_fsm.guard.vocabulary import Vocabulary, inline, scalar_value

# The whole units at which a comparison with n units changes, relative to n: "days > 30" is false
# until day 31 begins; "days == 30" begins with day 30 and ends when day 31 begins.
_FLIPS = {">=": (0,), "<": (0,), ">": (1,), "<=": (1,), "==": (0, 1)}


@attrs.frozen(order=True)
class TurningPoint:
    """The instant at which a time term changes: some days and hours after the time in ``field``."""

    field: str
    days: int = 0
    hours: int = 0

    @property
    def length(self) -> timedelta:
        """The time from that field's time to the turning point.

        Raises:
            OverflowError: it is longer than a ``timedelta`` can hold.
        """
        return timedelta(days=self.days, hours=self.hours)


def turning_points(guard: Guard, vocabulary: Vocabulary) -> tuple[TurningPoint, ...]:
    """Every turning point of the guard for any person; empty if only activities can change it.

    A Python callable may read the clock too, but it cannot be inspected and has none.

    Raises:
        GuardError: a named guard is unknown or refers to itself.
    """
    points: set[TurningPoint] = set()
    for node in walk(inline(guard, vocabulary)):
        match node:
            case Compare(op, Elapsed() as term, other):
                value = scalar_value(other, vocabulary)
                if value is None or type(value[0]) is not int:
                    raise GuardError("a time term compares with a whole number or a token")
                points.update(
                    TurningPoint(term.start.name, **{term.units: value[0] + more})
                    for more in _FLIPS[op]
                )
    return tuple(sorted(points))


def next_turn(
    points: tuple[TurningPoint, ...],
    person: Any,
    now: datetime,
    attribute: Attribute = same_name,
) -> datetime | None:
    """The first instant after ``now`` at which a time term changes while every field keeps its
    value; ``None`` if there is none."""
    first: datetime | None = None
    for point in points:
        start = getattr(person, attribute(point.field))
        if start is None:
            continue
        try:
            instant: datetime = start + point.length
        except OverflowError:  # beyond the year 9999: never
            continue
        if instant > now and (first is None or instant < first):
            first = instant
    return first
