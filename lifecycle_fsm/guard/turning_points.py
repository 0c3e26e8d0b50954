"""When the passing of time alone can change a guard [S20][S21]: what a clock waits for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs

from lifecycle_fsm.errors import GuardError
from lifecycle_fsm.guard.evaluate import Attribute, same_name
from lifecycle_fsm.guard.terms import Compare, Elapsed, Guard, walk
from lifecycle_fsm.guard.vocabulary import Vocabulary, inline, scalar_value

# Behind which whole unit a comparison with n of them changes: "days > 30" is false until the end of
# day 30, which is the beginning of day 31; "days == 30" begins with one and ends with the next.
_FLIPS = {">=": (0,), "<": (0,), ">": (1,), "<=": (1,), "==": (0, 1)}


@attrs.frozen(order=True)
class TurningPoint:
    """The instant so many days and hours after the time in ``field``: there a time term flips."""

    field: str
    days: int = 0
    hours: int = 0

    @property
    def length(self) -> timedelta:
        """How long after that time.

        Raises:
            OverflowError: longer than there is time.
        """
        return timedelta(days=self.days, hours=self.hours)


def turning_points(guard: Guard, vocabulary: Vocabulary) -> tuple[TurningPoint, ...]:
    """Every turning point of the guard, whoever the person is; none if only activities can change
    it. A Python callable may look at the clock too, but does not say so and has none.

    Raises:
        GuardError: a named guard is unknown or needs itself.
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
    """The first instant after ``now`` at which a time term gets another value while every field
    stays as it is; ``None`` if that is never."""
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
