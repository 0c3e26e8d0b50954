"""What the forecast would have said earlier, beside what happened: its errors and its intervals."""

from __future__ import annotations

import attrs

from lifecycle_fsm.forecast.arrivals import SEASONS
from lifecycle_fsm.forecast.pace import YEAR
from lifecycle_fsm.forecast.projection import expect
from lifecycle_fsm.forecast.visit_days import Numbers, VisitDays

#: With less history, nothing can be said.
SHORTEST = 180
#: So many days lie between two starts of the backtest; at most so many starts are tried.
_STEP, _MOST = 30, 12
#: How far, as a share, expectations are usually off beyond what chance does: what is assumed of a
#: company that has no past, and counts as much as one backtest.
USUAL_SPREAD = 0.12
_LEAST_SPREAD, _MOST_SPREAD = 0.03, 1.0
#: The intervals, by the share of cases that they are to hold.
SHARES = (0.5, 0.8, 0.95)


@attrs.frozen(eq=False)
class Replays:
    """Earlier forecasts and what became of them, by start, day, state and group.

    ``last_period`` and ``last_year`` are the totals of as many days before each start, and a year
    before, by start, state and group; a year before is ``None`` if it is not known for all.
    """

    origins: tuple[int, ...]
    expected: Numbers
    actual: Numbers
    last_period: Numbers
    last_year: Numbers | None

    @property
    def independent(self) -> float:
        """How many backtests these are worth, as they overlap."""
        days = int(self.expected.shape[1])
        return 1 + (len(self.origins) - 1) * min(1.0, _STEP / days)


def replay(visits: VisitDays, days: int) -> Replays | None:
    """Make earlier forecasts of so many days; ``None`` if the history is too short for any."""
    import numpy as np

    earliest = visits.first + SHORTEST
    origins = [*range(visits.until - days, earliest - 1, -_STEP)][:_MOST]
    # If enough were made with a season, as today's is, the others are no examples of it.
    alike = [origin for origin in origins if origin - visits.first >= SEASONS]
    if len(alike) > 1:
        origins = alike
    if not origins:
        return None

    def entries(origin: int, shift: int) -> Numbers:
        place = origin - visits.first - shift
        return visits.entries[max(place, 0) : place + days]

    yearly = all(origin - YEAR >= visits.first for origin in origins)
    return Replays(
        origins=tuple(origins),
        expected=np.stack([expect(visits, origin, days).sum(3) for origin in origins]),
        actual=np.stack([entries(origin, 0) for origin in origins]),
        last_period=np.stack([entries(origin, days).sum(0) for origin in origins]),
        last_year=np.stack([entries(origin, YEAR).sum(0) for origin in origins])
        if yearly
        else None,
    )


def in_weeks(days: Numbers) -> Numbers:
    """The sums of whole weeks, from sums of days on the second axis."""
    weeks = days.shape[1] // 7
    return days[:, : weeks * 7].reshape(len(days), weeks, 7, *days.shape[2:]).sum(2)


def spreads(expected: Numbers, actual: Numbers, independent: float) -> Numbers:
    """How far expectations are off beyond chance, by state, as a share.

    The variance of a count is its mean ``m`` and ``(spread * m)**2``. The spread that fits earlier
    forecasts is drawn towards :data:`USUAL_SPREAD`, the more the fewer there are.

    Args:
        expected: counts by start, period, state and group.
        actual: the counts that came.
        independent: how many backtests they are worth.
    """
    import numpy as np

    over = ((actual - expected) ** 2 - expected).sum((0, 1, 3))
    square = np.square(expected).sum((0, 1, 3))
    own = np.divide(over, square, out=np.zeros(over.shape), where=square > 0)
    mixed = (USUAL_SPREAD**2 + independent * own * (square > 0)) / (1 + independent * (square > 0))
    return np.sqrt(mixed.clip(_LEAST_SPREAD**2, _MOST_SPREAD**2))


def intervals(mean: Numbers, spread: Numbers) -> Numbers:
    """The bounds of the intervals of counts with these means, which are negative binomial: on a new
    last axis, the lower and the upper of each of :data:`SHARES`."""
    import numpy as np
    from scipy.stats import nbinom

    square = np.square(spread)
    ends = [end for share in SHARES for end in ((1 - share) / 2, (1 + share) / 2)]
    size, chance = (1 / square)[..., None], (1 / (1 + square * mean))[..., None]
    return np.maximum(nbinom.ppf(ends, size, chance), 0)


def held(expected: Numbers, actual: Numbers, independent: float) -> Numbers:
    """How many counts lay in each interval, by state and share; the spread of each start is that of
    the others, as nobody knew its outcome then."""
    import numpy as np

    counts = np.zeros((expected.shape[2], len(SHARES)), dtype=int)
    starts = np.arange(len(expected))
    for start in starts:
        others = starts != start
        weight = independent * others.mean()
        spread = spreads(expected[others], actual[others], weight)
        bounds = intervals(expected[start], spread[None, :, None])
        truth = actual[start][..., None]
        counts += ((bounds[..., ::2] <= truth) & (truth <= bounds[..., 1::2])).sum((0, 2))
    return counts
