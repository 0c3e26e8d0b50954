"""How long something lasts where some of it still goes on: Kaplan and Meier's estimate [S27].

Somebody who is still in a stage has been there *at least* so long. To leave them out makes every
time too short, and to count them as if they had left does too; this counts them for as long as
they were seen.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import timedelta

import attrs

from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.funnel.visits import FOLDING
from lifecycle_fsm.history import HistoryRow

# Where the curve meets a share exactly, its product of fractions may be off in the last digit.
_ROUNDING = 1e-9


def need_scipy() -> None:
    """See that scipy is here.

    Raises:
        MissingExtra: it is not; the message says how to get it.
    """
    try:
        import scipy.stats  # noqa: F401
    except ImportError:
        raise MissingExtra("measures", "scipy", "the median of times with open ends") from None


def quantiles(
    ended: Sequence[float], still: Sequence[float], shares: Sequence[float]
) -> tuple[timedelta | None, ...]:
    """For each share the shortest time after which at least so much has ended.

    Args:
        ended: the seconds of what ended.
        still: the seconds so far of what still went on when last seen.
        shares: such as 0.5 for the median.

    Returns:
        Nothing for a share that was not reached: too much still went on.

    Raises:
        MissingExtra: scipy is not installed.
    """
    need_scipy()
    if not ended:
        return (None,) * len(shares)
    from scipy.stats import CensoredData, ecdf

    curve = ecdf(CensoredData(uncensored=ended, right=still)).sf
    found: list[timedelta | None] = []
    for share in shares:
        reached = curve.probabilities <= 1 - share + _ROUNDING
        first = int(reached.argmax())
        found.append(timedelta(seconds=float(curve.quantiles[first])) if reached[first] else None)
    return tuple(found)


@attrs.define
class Times:
    """The seconds that visits lasted.

    ``ended`` are those whose person left the stage, ``still`` those that went on when they were
    last seen. Of the latter, ``folded`` ended because records were merged or migrated, so that
    nobody left the stage.
    """

    ended: array[float] = attrs.field(factory=lambda: array("d"))
    still: array[float] = attrs.field(factory=lambda: array("d"))
    folded: int = 0

    def add(self, seconds: float, closing: HistoryRow | None) -> None:
        """Count a visit that lasted so long until a row ended it, or when it was last seen."""
        folded = closing is not None and closing.kind in FOLDING
        self.folded += folded
        (self.still if closing is None or folded else self.ended).append(seconds)

    def quantiles(self, *shares: float) -> tuple[timedelta | None, ...]:
        """The time after which each share has left, by :func:`quantiles`.

        Raises:
            MissingExtra: scipy is not installed.
        """
        return quantiles(self.ended, self.still, shares)


def median(times: Sequence[timedelta]) -> timedelta | None:
    """The median of times that all ended, by the same rule: the shortest one after which at least
    half had ended."""
    if not times:
        return None
    return sorted(times)[(len(times) - 1) // 2]
