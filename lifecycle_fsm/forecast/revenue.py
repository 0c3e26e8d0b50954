"""The won amount to expect: the wins to expect times what a win brought in the last year."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lifecycle_fsm.fields import to_utc
from lifecycle_fsm.forecast.backtest import Replays
from lifecycle_fsm.forecast.forecast_records import RevenueForecast
from lifecycle_fsm.forecast.pace import WINDOW
from lifecycle_fsm.forecast.visit_days import Numbers, VisitDays
from lifecycle_fsm.zones import find_zone


def expected_revenue(
    won: Iterable[tuple[datetime, float]],
    currency: str | None,
    visits: VisitDays,
    replays: Replays,
    state: int,
    wins: float,
    spread: float,
    zone_name: str,
) -> RevenueForecast | None:
    """The revenue that so many wins bring; ``None`` without a won amount in the last year.

    A deal with several people is several wins and one amount, so the amount of a win is the sum of
    amounts by the number of wins.

    Args:
        won: when each deal was won, and its amount, in one currency.
        currency: that currency.
        visits: the visits of everybody.
        replays: earlier forecasts.
        state: the state whose entries are wins.
        wins: how many wins to expect.
        spread: how far that is off beyond chance.
        zone_name: where days begin.
    """
    import numpy as np
    from scipy.stats import gamma

    zone = find_zone(zone_name)
    deals = [(to_utc(at).astimezone(zone).date().toordinal(), amount) for at, amount in won]
    deals = [deal for deal in deals if deal[0] < visits.until]
    if not deals:
        return None
    days, amounts = (np.array(column, dtype=float) for column in zip(*deals, strict=True))
    entries = visits.entries[:, state, 0]

    def between(first: int, end: int) -> Numbers:
        return amounts[(days >= first) & (days < end)]

    def average(origin: int) -> float:
        count = entries[max(origin - WINDOW - visits.first, 0) : origin - visits.first].sum()
        return float(between(origin - WINDOW, origin).sum() / max(count, 1))

    year = between(visits.until - WINDOW, visits.until)
    mean = wins * average(visits.until)
    if not mean > 0:
        return None
    length = replays.expected.shape[1]
    actual = np.array([between(at, at + length).sum() for at in replays.origins])
    last = np.array([between(at - length, at).sum() for at in replays.origins])
    means = np.array([average(at) for at in replays.origins])
    guess = replays.expected[:, :, state, 0].sum(1) * means
    # The number of deals varies as that of wins does, and each deal has an amount of its own.
    variance = (spread * mean) ** 2 + mean * float(np.square(year).sum() / year.sum())
    ends = gamma.ppf([0.1, 0.9, 0.025, 0.975], mean**2 / variance, scale=variance / mean).tolist()
    total = float(actual.sum())
    return RevenueForecast(
        currency=currency, expected=mean, average=mean / wins,
        low_80=ends[0], high_80=ends[1], low_95=ends[2], high_95=ends[3],
        last_period=float(between(visits.until - length, visits.until).sum()),
        error=float(abs(guess - actual).sum()) / total if total else None,
        last_period_error=float(abs(last - actual).sum()) / total if total else None,
    )  # fmt: skip
