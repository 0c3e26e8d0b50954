"""Conversion from one stage to another, in both readings [S26] (R28)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import NamedTuple, TypeAlias

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.counts import READINGS, Ratio, Reading
from lifecycle_fsm.funnel.scope import Scope
from lifecycle_fsm.funnel.survival import median
from lifecycle_fsm.funnel.visits import JourneyKey, Visit
from lifecycle_fsm.model import Model

Pair: TypeAlias = tuple[str, str]


@attrs.frozen(kw_only=True)
class PairConversion:
    """How many of the journeys that first entered ``source`` in the window later entered
    ``target``.

    It cannot be over 100 %: both numbers count the same journeys.

    Args:
        group: which of the groups; a journey is in that of its first entry of ``source``.
        reading: ``through`` counts a stage as entered where it was, ``over`` also where it was
            passed over with credit.
        journeys: those that first entered ``source`` in the window.
        reached: of these, those that later entered ``target``.
        young: with a horizon, further journeys that were not watched for so long yet, and that
            are left out.
        merged: further journeys that a merge ended before they entered ``target``, and, with a
            horizon, before that was over; they are left out [S23].
        median: the median time from one to the other, of those that did it.
        source_entries, target_entries: how often each was entered in the window, by whomever.
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
        """Reached of journeys."""
        return Ratio(self.reached, self.journeys)

    @property
    def flow_ratio(self) -> float | None:
        """All entries of ``target`` in the window over all entries of ``source``: a ratio of two
        flows of one period and no conversion. They are not of the same journeys, so it may be over
        100 %."""
        return self.target_entries / self.source_entries if self.source_entries else None


class Met(NamedTuple):
    """A stage that a journey entered or passed over, when, and by which visit's row."""

    stage: str
    at: datetime
    visit: Visit


class Journey(NamedTuple):
    """What a journey met, in order, and when a merge ended it, if one did [S23]."""

    met: list[Met]
    merged: datetime | None


def usual_pairs(model: Model) -> tuple[Pair, ...]:
    """Each stage of the path and the next; and the way from the first behind original processing
    to the last."""
    names = [stage.name for stage in model.path]
    pairs = list(pairwise(names))
    if len(names) > 3:
        pairs.append((names[1], names[-1]))
    return tuple(pairs)


def conversions(
    scope: Scope,
    pairs: Iterable[Pair] | None = None,
    *,
    reading: Reading = "through",
    horizon: timedelta | None = None,
) -> tuple[PairConversion, ...]:
    """The conversion of each pair of stages; of :func:`usual_pairs`, if none are named.

    Args:
        scope: what is measured.
        pairs: from and to.
        reading: ``through`` or ``over``.
        horizon: how long each journey is given to reach the second stage. Journeys that were
            watched for less are left out, so that old and young ones can be compared.

    Raises:
        LifecycleError: there is no such stage or reading, or no journey can do this.
    """
    if reading not in READINGS:
        raise LifecycleError(f"no reading named {reading!r}: use 'through' or 'over'")
    if horizon is not None and horizon <= timedelta(0):
        raise LifecycleError("the horizon is a time that each journey is given: more than nothing")
    asked = usual_pairs(scope.model) if pairs is None else tuple(pairs)
    for pair in asked:
        _check(pair, scope.model)
    tally = _ConversionSums(scope, asked, horizon)
    for journey in journeys(scope, reading):
        tally.add(journey)
    return tuple(
        PairConversion(
            group=group,
            source=pair[0],
            target=pair[1],
            reading=reading,
            journeys=tally.journeys[group, pair],
            reached=len(tally.times[group, pair]),
            young=tally.young[group, pair],
            merged=tally.merged[group, pair],
            median=median(tally.times[group, pair]),
            source_entries=tally.met[group, pair[0]],
            target_entries=tally.met[group, pair[1]],
        )
        for group in scope.groups(tally.groups)
        for pair in asked
    )


def journeys(scope: Scope, reading: Reading) -> Iterator[Journey]:
    """What each journey met, in order: a row first passes stages over and then enters one."""
    credit = reading == "over"
    for walk in scope.walks:
        for _, visits in groupby(walk, key=_key):
            met: list[Met] = []
            for visit in visits:
                row = visit.entry
                if credit and row.credit:
                    met += [Met(name, visit.entered, visit) for name in row.passed_over]
                met.append(Met(row.to_stage, visit.entered, visit))
            yield Journey(met, visit.left if visit.merged else None)


def _key(visit: Visit) -> JourneyKey:
    return visit.journey


class _ConversionSums:
    """The sums, while the journeys go by."""

    def __init__(self, scope: Scope, pairs: tuple[Pair, ...], horizon: timedelta | None) -> None:
        self.scope, self.pairs, self.horizon = scope, pairs, horizon
        self.group = scope.group
        self.groups: set[str] = set()
        self.journeys: Counter[tuple[str, Pair]] = Counter()
        self.young: Counter[tuple[str, Pair]] = Counter()
        self.merged: Counter[tuple[str, Pair]] = Counter()
        self.times: defaultdict[tuple[str, Pair], list[timedelta]] = defaultdict(list)
        self.met: Counter[tuple[str, str]] = Counter()

    def add(self, journey: Journey) -> None:
        scope, met = self.scope, journey.met
        first: dict[str, int] = {}
        for place, one in enumerate(met):
            first.setdefault(one.stage, place)
            if scope.inside(one.at) and scope.counts(one.visit):
                group = self.group(one.visit)
                self.groups.add(group)
                self.met[group, one.stage] += 1
        for pair in self.pairs:
            place = first.get(pair[0], -1)
            if place < 0:
                continue
            start = met[place]
            if scope.inside(start.at) and scope.counts(start.visit):
                self._follow(start, met[place + 1 :], journey.merged, pair)

    def _follow(self, start: Met, later: list[Met], merged: datetime | None, pair: Pair) -> None:
        horizon, until = self.horizon, self.scope.until
        key = self.group(start.visit), pair
        if horizon is not None and until is not None and until - start.at < horizon:
            self.young[key] += 1
            return
        time = next((one.at - start.at for one in later if one.stage == pair[1]), None)
        if time is not None and (horizon is None or time <= horizon):
            self.times[key].append(time)
        elif merged is not None and (horizon is None or merged - start.at < horizon):
            self.merged[key] += 1
            return
        self.journeys[key] += 1


def _check(pair: Pair, model: Model) -> None:
    """See that a journey can go this way at all.

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
