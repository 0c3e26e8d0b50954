"""Conversion from one stage to another, in both readings [S26] (R28)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from math import sqrt
from operator import attrgetter
from typing import Literal, NamedTuple, TypeAlias

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.parts import InParts, Measuring
from lifecycle_fsm.funnel.scope import READINGS, Reading, Scope
from lifecycle_fsm.funnel.time_in_stage import Spans
from lifecycle_fsm.funnel.visits import Visit, Walk
from lifecycle_fsm.model import Model

Pair: TypeAlias = tuple[str, str]

#: Below this number, one case more or less moves a share by more than three points.
FEW = 30
_Z = 1.96  # 95 %


@attrs.frozen
class Ratio:
    """``part`` of ``whole``."""

    part: int
    whole: int

    @property
    def share(self) -> float | None:
        """The ratio; ``None`` if the whole is zero."""
        return self.part / self.whole if self.whole else None

    @property
    def few(self) -> bool:
        """Whether the numbers are so small that the share says little."""
        return self.whole < FEW

    @property
    def range(self) -> tuple[float, float] | None:
        """The 95% Wilson interval of the share."""
        n = self.whole
        if not n:
            return None
        p, z2 = self.part / n, _Z * _Z
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        return max(0.0, middle - half), min(1.0, middle + half)

    def apart(self, other: Ratio) -> bool:
        """Whether the two ranges do not touch, so that the difference is unlikely to be chance."""
        mine, theirs = self.range, other.range
        if mine is None or theirs is None:
            return False
        return mine[1] < theirs[0] or theirs[1] < mine[0]


@attrs.frozen(kw_only=True)
class PairConversion:
    """How many of the journeys that first entered ``source`` in the window later entered
    ``target``.

    It cannot exceed 100%: both numbers count the same journeys.

    Args:
        group: the group; a journey belongs to the group of its first entry of ``source``.
        reading: ``through`` counts a stage only if it was entered; ``over`` also counts it if it
            was passed over with credit.
        journeys: the journeys that first entered ``source`` in the window.
        reached: how many of these later entered ``target``.
        young: with a horizon, further journeys that have not been watched for that long yet and are
            left out.
        merged: further journeys that a merge ended before they entered ``target`` (and, with a
            horizon, before it was over); they are left out [S23].
        median: the median time from ``source`` to ``target``, for the journeys that reached it.
        source_entries, target_entries: how often any journey entered each stage in the window.
    """

    group: str
    source: str
    target: str
    reading: Reading
    journeys: int
    reached: int
    young: int
    merged: int
    median: timedelta | None
    source_entries: int
    target_entries: int

    @property
    def ratio(self) -> Ratio:
        """The share of the journeys that reached the target."""
        return Ratio(self.reached, self.journeys)

    @property
    def flow_ratio(self) -> float | None:
        """All entries of ``target`` in the window over all entries of ``source``.

        This is a ratio of two flows of one period, not a conversion. They count different journeys,
        so it may exceed 100%."""
        return self.target_entries / self.source_entries if self.source_entries else None


class Journey(NamedTuple):
    """The stages that a journey entered or passed over, in order, each with the visit whose row
    records it; and when a merge ended the journey, if one did [S23]."""

    steps: list[tuple[str, Visit]]
    merged: datetime | None

    def since(self, stage: str) -> list[tuple[str, Visit]]:
        """Its steps from the first entry of a stage on; empty if it never got there."""
        for place, (name, _) in enumerate(self.steps):
            if name == stage:
                return self.steps[place:]
        return []


def usual_pairs(model: Model) -> tuple[Pair, ...]:
    """Each stage of the path with the next, and the first stage after original processing with the
    last."""
    names = [stage.name for stage in model.path]
    pairs = list(pairwise(names))
    if len(names) > 3:
        pairs.append((names[1], names[-1]))
    return tuple(pairs)


@InParts
def conversions(
    scope: Scope,
    pairs: Iterable[Pair] | None = None,
    *,
    reading: Reading = "through",
    horizon: timedelta | None = None,
) -> Measuring[tuple[PairConversion, ...]]:
    """The conversion of each pair of stages, by default of :func:`usual_pairs`.

    Args:
        scope: what is measured.
        pairs: pairs of source and target stage.
        reading: ``through`` or ``over``.
        horizon: how long each journey has to reach the second stage. Journeys that were watched for
            less are left out, so that old and young ones can be compared.

    Raises:
        LifecycleError: the stage or reading does not exist, or no journey can go that way.
    """
    if reading not in READINGS:
        raise LifecycleError(f"no reading named {reading!r}: use 'through' or 'over'")
    if horizon is not None and horizon <= timedelta(0):
        raise LifecycleError("the horizon is a time that each journey is given: more than nothing")
    pairs = usual_pairs(scope.model) if pairs is None else tuple(pairs)
    for pair in pairs:
        check_pair(pair, scope.model)
    sums: Counter[tuple[str, Pair, str]] = Counter()
    times: defaultdict[tuple[str, Pair], Spans] = defaultdict(Spans)
    entries: Counter[tuple[str, str]] = Counter()
    group, began, until = scope.group, scope.began, scope.until
    targets: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in dict.fromkeys(pairs):
        targets[pair[0]].append(pair)
    while (walks := (yield)) is not None:
        for journey in journeys(walks, reading):
            seen: set[str] = set()
            for place, (stage, visit) in enumerate(journey.steps):
                first = stage not in seen
                seen.add(stage)
                if not began(visit):
                    continue
                name = group(visit)
                entries[name, stage] += 1
                if not first or stage not in targets:
                    continue
                steps = journey.steps[place:]
                for pair in targets[stage]:
                    outcome = _outcome(steps, pair[1], journey.merged, horizon, until)
                    if isinstance(outcome, timedelta):
                        times[name, pair].append(outcome)
                    else:
                        sums[name, pair, outcome] += 1
    return tuple(
        PairConversion(
            group=name,
            source=source,
            target=target,
            reading=reading,
            journeys=len(times[name, (source, target)]) + sums[name, (source, target), "unreached"],
            reached=len(times[name, (source, target)]),
            young=sums[name, (source, target), "young"],
            merged=sums[name, (source, target), "merged"],
            median=times[name, (source, target)].median,
            source_entries=entries[name, source],
            target_entries=entries[name, target],
        )
        for name in scope.groups(entries)
        for source, target in pairs
    )


def _outcome(
    steps: list[tuple[str, Visit]],
    target: str,
    merged: datetime | None,
    horizon: timedelta | None,
    until: datetime | None,
) -> timedelta | Literal["young", "merged", "unreached"]:
    """How long a journey took from its first step to a stage; otherwise why it is left out, or that
    it never got there."""
    began = steps[0][1].entered
    if horizon is not None and until is not None and until - began < horizon:
        return "young"
    for place, (stage, visit) in enumerate(steps):
        if place and stage == target:
            time = visit.entered - began
            if horizon is None or time <= horizon:
                return time
            break
    if merged is not None and (horizon is None or merged - began < horizon):
        return "merged"
    return "unreached"


def journeys(walks: Iterable[Walk], reading: Reading) -> Iterator[Journey]:
    """The steps of each journey: a row first passes over stages and then enters one."""
    credit = reading == "over"
    for walk in walks:
        for _, visits in groupby(walk, key=attrgetter("journey")):
            steps: list[tuple[str, Visit]] = []
            for visit in visits:
                if credit and visit.entry.passed_over and visit.entry.credit:
                    steps += [(name, visit) for name in visit.entry.passed_over]
                steps.append((visit.stage, visit))
            yield Journey(steps, visit.left if visit.merged else None)


def check_pair(pair: Pair, model: Model) -> None:
    """Check that a journey can go this way at all.

    Raises:
        LifecycleError: it cannot; the message says why.
    """
    source, target = (model.stage(name) for name in pair)
    ranks = model.ranks
    why = ""
    if source is target:
        why = "that is one stage"
    elif source.off_path and not target.off_path:
        why = "who comes back from a detour begins the next journey"
    elif not source.off_path and not target.off_path and ranks[pair[0]] > ranks[pair[1]]:
        why = "nobody goes backwards on the path"
    if why:
        raise LifecycleError(
            f"no journey goes from {source.name!r} to {target.name!r}: {why}. Ask for two stages "
            "of which the second comes later in the same journey"
        )
