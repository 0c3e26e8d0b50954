"""Shares of counted things, with how much chance there is in them."""

from __future__ import annotations

from math import sqrt

import attrs

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
