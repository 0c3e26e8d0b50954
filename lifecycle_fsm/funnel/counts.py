"""What a funnel picture shows, counted from history in one pass [S25][S26]."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.errors import LifecycleError, MissingExtra
from lifecycle_fsm.fields import to_utc
from lifecycle_fsm.funnel.survival import Times
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model

Reading: TypeAlias = Literal["through", "over"]
Window: TypeAlias = tuple[datetime | None, datetime | None]

READINGS: tuple[Reading, ...] = ("through", "over")


@attrs.frozen
class Conversion:
    """``reached`` of ``journeys``: those that first enter one stage, and later the next [S26]."""

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
            ``(rule, from, to)``.
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


class _Walk:
    """Where one person is while the rows go by, and since when, if the visit began within the
    window; ``met`` and ``counted`` are sets of ranks."""

    __slots__ = ("counted", "journey", "met", "since", "stage", "started")

    def __init__(self) -> None:
        self.stage = ""
        self.since: datetime | None = None
        self.journey: int | None = None
        self.met = 0  # reached in this journey
        self.counted = 0  # of these: first reached within the window
        self.started = False  # a stage behind original processing was entered


def count(
    rows: Iterable[HistoryRow],
    model: Model,
    *,
    reading: Reading = "through",
    window: Window | None = None,
    until: datetime | None = None,
    zone: str = "UTC",
) -> Counts:
    """Count the histories of all persons, in one pass.

    Each person's rows come in sequence; persons may be mixed. Time is the ``now`` of a row, as
    stages were in fact entered then. A row that leads to no stage of the model (the loser of a
    merge) closes the last visit, and one that leads from a stage to itself (the survivor of a
    merge) is no visit [S23]. The rows behind the window only tell which journeys went on.

    Open visits were seen ``until`` then; without it, up to the last row.

    Everybody who entered original processing is in the conversion out of it, also those whom the
    sort led off the path, whose walk is no journey yet [S25].

    Raises:
        LifecycleError: the reading is unknown, or the window ends before it starts.
    """
    if reading not in READINGS:
        raise LifecycleError(f"no reading named {reading!r}: use 'through' or 'over'")
    start, end = (None if one is None else to_utc(one) for one in window or (None, None))
    if start is not None and end is not None and end < start:
        raise LifecycleError("the window ends before it starts")
    tally = _Tally(model, over=reading == "over")
    tally.add(rows, start, end)
    tally.close(until)
    path = model.path
    return Counts(
        people={name: tally.people[name] for name in model.by_name},
        moves=dict(sorted(tally.moves.items())),
        entered={name: tally.entered[name] for name in model.by_name},
        passed_over={stage.name: tally.passed[stage.name] for stage in path},
        conversion={
            (stage.name, after.name): Conversion(tally.first[rank], tally.reached[rank])
            for rank, (stage, after) in enumerate(pairwise(path))
        },
        stays=tally.stays,
        journeys=tally.journeys,
        reading=reading,
        window=(start, end),
        zone=zone,
        version=model.version,
    )


class _Tally:
    """The sums, while the rows go by."""

    def __init__(self, model: Model, *, over: bool) -> None:
        self.over = over
        self.ranks = model.ranks
        self.walks: defaultdict[str, _Walk] = defaultdict(_Walk)
        self.people: Counter[str] = Counter()
        self.moves: Counter[tuple[str, str, str]] = Counter()
        self.entered: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self.stays = {name: Times() for name in model.by_name}
        self.last: datetime | None = None
        self.first = [0] * len(model.path)  # journeys that first reach a rank within the window
        self.reached = [0] * len(model.path)  # of these, those that later reach the next
        self.journeys = 0

    def add(self, rows: Iterable[HistoryRow], start: datetime | None, end: datetime | None) -> None:
        known, walks, people = self.stays, self.walks, self.people
        for row in rows:
            now, target = row.now, row.to_stage
            if self.last is None or now > self.last:
                self.last = now
            if row.from_stage == target:
                continue
            walk = walks[row.person]
            before_end = end is None or now < end
            inside = before_end and (start is None or now >= start)
            if row.journey != walk.journey:
                walk.journey, walk.met, walk.counted, walk.started = row.journey, 0, 0, False
            if walk.since is not None and walk.stage in known:
                known[walk.stage].add((now - walk.since).total_seconds(), row)
            if inside:
                self._happened(row)
            if before_end:
                if walk.stage in known:
                    people[walk.stage] -= 1
                if target in known:
                    people[target] += 1
            walk.stage, walk.since = target, now if inside else None
            self._met(row, walk, inside=inside)

    def close(self, until: datetime | None) -> None:
        """Count the visits that are still open."""
        seen = self.last if until is None else to_utc(until)
        for walk in self.walks.values():
            if walk.since is not None and seen is not None and walk.stage in self.stays:
                self.stays[walk.stage].add((seen - walk.since).total_seconds(), None)

    def _happened(self, row: HistoryRow) -> None:
        """Count what a row of the window did."""
        target = row.to_stage
        if row.from_stage is not None:
            self.moves[row.rule, row.from_stage, target] += 1
        if target in self.stays:
            self.entered[target] += 1
        if row.credit:
            for name in row.passed_over:
                self.passed[name] += 1

    def _met(self, row: HistoryRow, walk: _Walk, *, inside: bool) -> None:
        """Count the path stages that the journey reaches with this row, in their order."""
        ranks = self.ranks
        if self.over and row.credit:
            for name in row.passed_over:
                if name in ranks:
                    self._reach(ranks[name], walk, inside=inside)
        rank = ranks.get(row.to_stage)
        if rank is None:
            return
        if rank and not walk.started:
            walk.started = True
            self.journeys += inside
        self._reach(rank, walk, inside=inside)

    def _reach(self, rank: int, walk: _Walk, *, inside: bool) -> None:
        bit = 1 << rank
        if walk.met & bit:
            return
        walk.met |= bit
        if inside:
            walk.counted |= bit
            self.first[rank] += 1
        if rank and walk.counted & (bit >> 1):
            self.reached[rank - 1] += 1
