"""The new people to expect on each day."""

from __future__ import annotations

from lifecycle_fsm.forecast.pace import WINDOW, YEAR
from lifecycle_fsm.forecast.visit_days import Numbers, VisitDays

#: From so many days of history on (14 months), the last year tells the season.
SEASONS = 425
#: Growth compares so many days with those a year before; so many people are added to both, so that
#: little growth is seen in few people.
_COMPARED, _DAMPING = 180, 50


def observed_growth(visits: VisitDays, origin: int) -> float | None:
    """How many more people arrived in the last half year than a year before, damped; ``None`` if
    the history is too short to tell."""
    known = visits.arrivals[: origin - visits.first].sum((1, 2))
    days = min(_COMPARED, len(known) - YEAR)
    if len(known) < SEASONS:
        return None
    before = known[len(known) - days - YEAR : len(known) - YEAR].sum()
    return float((known[len(known) - days :].sum() + _DAMPING) / (before + _DAMPING) - 1)


def expected_arrivals(visits: VisitDays, origin: int, days: int, growth: float | None) -> Numbers:
    """The people to expect, by day, state and group.

    With 14 months of history they are those of the same days last year, and grow; else those of a
    mean week of what is known of the last year.

    Args:
        visits: the visits.
        origin: the first day that is not known.
        days: for how many days.
        growth: 0.1 for ten percent more than last year; ``None`` for the growth observed.
    """
    import numpy as np

    known = visits.arrivals[: origin - visits.first]
    if growth is None:
        growth = observed_growth(visits, origin) or 0
    if len(known) >= SEASONS:
        usual = known[len(known) - YEAR :]
    else:
        weeks = min(len(known), WINDOW) // 7
        recent = known[len(known) - 7 * weeks :]
        usual = recent.reshape(weeks, 7, *recent.shape[1:]).mean(0)
    return usual[np.arange(days) % len(usual)] * (1 + growth)
