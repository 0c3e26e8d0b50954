"""How warm somebody is, counted as the model ``waterfall`` counts it.

So the people of the company behave as people do. It decides nothing: what a log means is for the
model to say.
"""

from __future__ import annotations

import attrs

from lifecycle_fsm.demo.company.seasons import DAY


@attrs.frozen
class Points:
    """What one thing is worth, and the most that such things give within so many days."""

    worth: int
    most: int
    days: int


FORM = Points(15, 45, 7)
PRICES = Points(10, 20, 1)
PAGE = Points(2, 20, 7)
CLICK = Points(5, 15, 7)
CAREERS, NO_MAIL = -10, -20
#: From how many points on sales is told of those who fit.
WARM = 65
_COOLS = 30 * DAY  # without new points, half of them are gone


class Interest:
    """The points of one person."""

    __slots__ = ("_given", "points", "since")

    def __init__(self, now: int) -> None:
        self.points = 0
        self.since = now  # when interest was last shown
        self._given: dict[Points, tuple[int, int]] = {}

    def at(self, now: int) -> int:
        """The points that are left now."""
        quiet = (now - self.since) // _COOLS
        return self.points >> min(quiet, 30) if quiet > 0 and self.points > 0 else self.points

    def would_give(self, what: Points, now: int) -> int:
        """What something is worth now."""
        turn = now // DAY // what.days  # the story begins on a Monday, as weeks do
        before, given = self._given.get(what, (turn, 0))
        return min(what.worth, what.most - given) if before == turn else what.worth

    def give(self, what: Points, now: int) -> None:
        """Something was done that is worth points."""
        turn = now // DAY // what.days
        more = self.would_give(what, now)
        before, given = self._given.get(what, (turn, 0))
        self._given[what] = (turn, (given if before == turn else 0) + more)
        self.points = self.at(now) + more
        self.since = now

    def add(self, points: int, now: int) -> None:
        """Points that no rule limits; less than none show no interest."""
        self.points = self.at(now) + points
        if points > 0:
            self.since = now

    def cool(self, now: int) -> None:
        """Sales has given them back: half is gone, and never is enough left."""
        points = self.at(now)
        self.points = min(points, points // 2, WARM - 1)
