"""What a funnel picture shows [S25][S26]; :func:`.count` and :func:`.on_picture` count it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from math import sqrt
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.funnel.survival import Times

Reading: TypeAlias = Literal["through", "over"]
Window: TypeAlias = tuple[datetime | None, datetime | None]

READINGS: tuple[Reading, ...] = ("through", "over")


@attrs.frozen
class Conversion:
    """``reached`` of ``journeys``: those that first enter one stage, and later the next [S26].

    A journey that a merge ended in between is not among them [S23].
    """

    journeys: int
    reached: int

    @property
    def share(self) -> float | None:
        """The ratio; nothing where no journey entered."""
        return self.reached / self.journeys if self.journeys else None


@attrs.frozen(kw_only=True)
class Counts:
    """What happened in a window, and who is where at its end.

    Args:
        people: who is in each stage at the end of the window (now, without one).
        moves: how often each rule moved somebody from one stage to another, by
            ``(rule, from, to)``; a merge that ended a visit there led to ``""`` [S23].
        entered: by stage, how many visits began.
        passed_over: by path stage, how many fast tracks went past it with credit [S6].
        conversion: by ``(stage, next stage)`` of the path, after ``reading`` [S26].
        stays: by stage, how long the visits that began in the window last, each watched until the
            end of what is known [S27].
        journeys: how many journeys first entered a path stage behind original processing [S25].
        reading: ``through`` counts a stage as reached where it was entered, ``over`` also where it
            was passed over; stages without credit count in neither.
        window: from (included) and to (excluded); ``None`` is open.
        zone: the zone in which reports show the window.
        version: the version of the model that counted.
    """

    people: Mapping[str, int] = attrs.field(factory=dict)
    moves: Mapping[tuple[str, str, str], int] = attrs.field(factory=dict)
    entered: Mapping[str, int] = attrs.field(factory=dict)
    passed_over: Mapping[str, int] = attrs.field(factory=dict)
    conversion: Mapping[tuple[str, str], Conversion] = attrs.field(factory=dict)
    stays: Mapping[str, Times] = attrs.field(factory=dict, repr=False)
    journeys: int = 0
    reading: Reading = "through"
    window: Window = (None, None)
    zone: str = "UTC"
    version: str = ""

    @property
    def total(self) -> int:
        """Everybody who is in a stage."""
        return sum(self.people.values())

    @cached_property
    def median_stay(self) -> Mapping[str, timedelta]:
        """By stage, the time after which half had left, open visits counted for as long as they
        were seen: as :func:`.stays` has it. None where that is not reached, and none at all where
        scipy is not installed."""
        try:
            found = {name: times.quantiles(0.5)[0] for name, times in self.stays.items()}
        except MissingExtra:
            return {}
        return {name: median for name, median in found.items() if median is not None}


# ------------------------------------------------------------------ ratio
#
# Shares of counted things, with how much chance there is in them.


#: Below this one thing more or less moves a share by over three points.
FEW = 30
_Z = 1.96  # 95 %


@attrs.frozen
class Ratio:
    """``part`` of ``whole``."""

    part: int
    whole: int

    @property
    def share(self) -> float | None:
        """The ratio; nothing where there is nothing to share."""
        return self.part / self.whole if self.whole else None

    @property
    def few(self) -> bool:
        """Whether there are so few that the share says little."""
        return self.whole < FEW

    @property
    def range(self) -> tuple[float, float] | None:
        """Where the share would lie in 95 of 100 such samples, after Wilson."""
        n = self.whole
        if not n:
            return None
        p, z2 = self.part / n, _Z * _Z
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    def apart(self, other: Ratio) -> bool:
        """Whether the two ranges do not touch, so that the difference is hardly chance."""
        mine, theirs = self.range, other.range
        if mine is None or theirs is None:
            return False
        return mine[1] < theirs[0] or theirs[1] < mine[0]
