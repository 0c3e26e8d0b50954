"""Why a conversion changed: because journeys went better, or because other journeys came (R30)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs

from lifecycle_fsm.funnel.compare import two_sides
from lifecycle_fsm.funnel.conversion import Pair, PairConversion, Ratio, conversions
from lifecycle_fsm.funnel.parts import InParts, Measuring, together
from lifecycle_fsm.funnel.scope import Scope, in_order

#: The groups of a mix without a split: each person's first journey, and all others.
FIRST, REPEAT = "first journeys", "repeat journeys"


@attrs.frozen(kw_only=True)
class MixPart:
    """One group's part in the change of a conversion.

    Args:
        group: the group.
        before, after: its conversion.
        rate: the part of the change, as a share, that came from its own conversion.
        mix: the part that came from its share of all journeys, measured against the average: a
            group that converts better than the average adds to the change as it grows.
    """

    group: str
    before: Ratio
    after: Ratio
    rate: float
    mix: float


@attrs.frozen(kw_only=True)
class Mix:
    """The change of one conversion, split into rate and mix: ``rate + mix`` is the whole change.

    The method is that of Kitagawa (1955): each group counts with the average of its two shares of
    all journeys, and of its two conversions. A group that only one side has cannot have changed its
    conversion, and counts as mix.
    """

    source: str
    target: str
    before: Ratio
    after: Ratio
    parts: tuple[MixPart, ...]

    @property
    def rate(self) -> float:
        """The part of the change that came from the conversions of the groups."""
        return sum(part.rate for part in self.parts)

    @property
    def mix(self) -> float:
        """The part that came from other shares of the groups."""
        return sum(part.mix for part in self.parts)


@InParts
def mixes(
    scope: Scope,
    at: datetime,
    *,
    pairs: Iterable[Pair] | None = None,
    horizon: timedelta | None = None,
) -> Measuring[tuple[Mix, ...]]:
    """The change of each conversion (*through*) at an instant, by the groups of the scope, or by
    first and repeat journeys. Pairs that one side has no journeys for are left out.

    Args:
        scope: what is measured.
        at: what was before it is compared with what came from then on.
        pairs: the pairs of stages; see :func:`.conversions`.
        horizon: how long each journey has to convert.

    Raises:
        LifecycleError: the instant is not inside the window.
    """
    pairs = None if pairs is None else tuple(pairs)
    grouped = scope if scope.by is not None else attrs.evolve(scope, by="journey")
    tables = yield from together(
        conversions.measuring(side, pairs, horizon=horizon) for side in two_sides(grouped, at)
    )
    before, after = (_by_group(table, numbered=scope.by is None) for table in tables)
    mixes = []
    for pair in dict.fromkeys((row.source, row.target) for table in tables for row in table):
        ours, theirs = before.get(pair, {}), after.get(pair, {})
        wholes = [_sum(side.values()) for side in (ours, theirs)]
        if all(whole.whole for whole in wholes):
            groups = sorted({*ours, *theirs}, key=in_order)
            mixes.append(_split(pair, groups, ours, theirs, wholes))
    return tuple(mixes)


def _by_group(rows: Iterable[PairConversion], *, numbered: bool) -> dict[Pair, dict[str, Ratio]]:
    """The conversions by pair and group; numbered journeys are first or repeated."""
    sums: Counter[tuple[Pair, str, str]] = Counter()
    for row in rows:
        group = row.group if not numbered else FIRST if row.group == "1" else REPEAT
        sums[(row.source, row.target), group, "part"] += row.reached
        sums[(row.source, row.target), group, "whole"] += row.journeys
    known: dict[Pair, dict[str, Ratio]] = {}
    for pair, group, count in sums:
        if count == "whole" and sums[pair, group, "whole"]:
            ratio = Ratio(sums[pair, group, "part"], sums[pair, group, "whole"])
            known.setdefault(pair, {})[group] = ratio
    return known


def _sum(ratios: Iterable[Ratio]) -> Ratio:
    both = [(ratio.part, ratio.whole) for ratio in ratios]
    return Ratio(sum(part for part, _ in both), sum(whole for _, whole in both))


def _split(
    pair: Pair,
    groups: Iterable[str],
    before: dict[str, Ratio],
    after: dict[str, Ratio],
    wholes: list[Ratio],
) -> Mix:
    nothing = Ratio(0, 0)
    average = sum(whole.part / whole.whole for whole in wholes) / 2
    parts = []
    for group in groups:
        ours, theirs = before.get(group, nothing), after.get(group, nothing)
        weights = [
            side.whole / whole.whole for side, whole in zip((ours, theirs), wholes, strict=True)
        ]
        shares = [side.share for side in (ours, theirs) if side.share is not None]
        first, last = shares[0], shares[-1]
        parts.append(
            MixPart(
                group=group,
                before=ours,
                after=theirs,
                rate=(weights[0] + weights[1]) / 2 * (last - first),
                mix=(weights[1] - weights[0]) * ((first + last) / 2 - average),
            )
        )
    return Mix(
        source=pair[0], target=pair[1], before=wholes[0], after=wholes[1], parts=tuple(parts)
    )
