"""Time in stage, including open visits: the Kaplan-Meier estimate [S27] (R26).

A person who is still in a stage has been there *at least* that long. Leaving such visits out makes
every time too short, and so does counting them as ended. The estimate counts them for as long as
they were observed.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import attrs

from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.funnel.parts import InParts, Measuring
from lifecycle_fsm.funnel.scope import Scope
from lifecycle_fsm.funnel.visits import FOLDING, Visit

# Where the curve meets a share exactly, its product of fractions may be off in the last digit.
_ROUNDING = 1e-9
_MICROSECOND = timedelta(microseconds=1)


def need_scipy(purpose: str = "the median of times with open ends") -> None:
    """Check that scipy is installed, and numpy with it.

    Raises:
        MissingExtra: it is not; the message says how to get it.
    """
    try:
        import scipy.stats  # noqa: F401
    except ImportError:
        raise MissingExtra("measures", "scipy", purpose) from None


def quantiles(
    ended: Sequence[float], still: Sequence[float], shares: Sequence[float]
) -> tuple[timedelta | None, ...]:
    """For each share, the shortest time after which at least that share has ended.

    Args:
        ended: the seconds of the visits that ended.
        still: the seconds so far of the visits that were open when last observed.
        shares: such as 0.5 for the median.

    Returns:
        ``None`` for a share that was not reached, because too many were still open.

    Raises:
        MissingExtra: scipy is not installed.
    """
    need_scipy()
    if not ended:
        return (None,) * len(shares)
    from scipy.stats import CensoredData, ecdf

    curve = ecdf(CensoredData(uncensored=ended, right=still)).sf
    times: list[timedelta | None] = []
    for share in shares:
        reached = curve.probabilities <= 1 - share + _ROUNDING
        first = int(reached.argmax())
        times.append(timedelta(seconds=float(curve.quantiles[first])) if reached[first] else None)
    return tuple(times)


@attrs.define
class Times:
    """The seconds that visits lasted.

    ``ended`` are the visits whose person left the stage, ``still`` those that were open when last
    observed. Of the latter, ``folded`` ended because records were merged or migrated, so that
    nobody left the stage.
    """

    ended: array[float] = attrs.field(factory=lambda: array("d"))
    still: array[float] = attrs.field(factory=lambda: array("d"))
    folded: int = 0

    def add(self, visit: Visit, until: datetime | None) -> None:
        """Count a visit for as long as it was observed, at most up to ``until``."""
        end = visit.left or until
        assert end is not None, "who has a visit has a history, which has an end"
        left = visit.exit
        if left is None:
            times = self.still
        elif left.kind in FOLDING:
            times = self.still
            self.folded += 1
        else:
            times = self.ended
        times.append((end - visit.entered).total_seconds())

    def quantiles(self, *shares: float) -> tuple[timedelta | None, ...]:
        """The time after which each share has left, by :func:`quantiles`.

        Raises:
            MissingExtra: scipy is not installed.
        """
        return quantiles(self.ended, self.still, shares)


def joined(parts: Iterable[Times]) -> Times:
    """The times of several parts of a history together."""
    whole = Times()
    for part in parts:
        whole.ended += part.ended
        whole.still += part.still
        whole.folded += part.folded
    return whole


class Spans:
    """Times that all ended, eight bytes each."""

    def __init__(self) -> None:
        self._microseconds = array("q")

    def __len__(self) -> int:
        return len(self._microseconds)

    def append(self, time: timedelta) -> None:
        """Add a time."""
        self._microseconds.append(time // _MICROSECOND)

    @property
    def median(self) -> timedelta | None:
        """The median by the same rule: the shortest time after which at least half had ended."""
        if not self._microseconds:
            return None
        return sorted(self._microseconds)[(len(self) - 1) // 2] * _MICROSECOND


QUARTERS = (0.25, 0.5, 0.75)


@attrs.frozen(kw_only=True)
class Stay:
    """How long the visits that began in the window last.

    Args:
        group: the group.
        stage: the stage.
        visits: how many began in the window; ``ended + open + folded``.
        ended: how many of these have ended since.
        open: how many are still open.
        folded: how many ended because records were merged or migrated. They count as open, because
            nobody left the stage.
        first_quartile, median, third_quartile: the time after which a quarter, half and three
            quarters have left, by :func:`.quantiles`. ``None`` if that was not reached because too
            many are still there.
    """

    group: str
    stage: str
    visits: int
    ended: int
    open: int
    folded: int
    first_quartile: timedelta | None
    median: timedelta | None
    third_quartile: timedelta | None


@InParts
def stays(scope: Scope) -> Measuring[tuple[Stay, ...]]:
    """How long the visits that began in the window last, by group and stage.

    Each is watched until the end of the known history, even after the window, as for conversion. So
    all are observed from their beginning, and no visit that began earlier needs a correction.

    Raises:
        MissingExtra: scipy is not installed.
    """
    need_scipy()
    group = scope.group
    seen: defaultdict[tuple[str, str], Times] = defaultdict(Times)
    while (walks := (yield)) is not None:
        for visit in scope.cohort(walks):
            seen[group(visit), visit.stage].add(visit, scope.until)
    rows = []
    for name in scope.groups(seen):
        for stage in scope.model.stages:
            times = seen[name, stage.name]
            first, median, third = times.quantiles(*QUARTERS)
            rows.append(
                Stay(
                    group=name,
                    stage=stage.name,
                    visits=len(times.ended) + len(times.still),
                    ended=len(times.ended),
                    open=len(times.still) - times.folded,
                    folded=times.folded,
                    first_quartile=first,
                    median=median,
                    third_quartile=third,
                )
            )
    return tuple(rows)
