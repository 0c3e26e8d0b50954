"""What a funnel picture shows, counted from history in one pass [S25][S26]."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from statistics import median
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import to_utc
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model

Reading: TypeAlias = Literal["through", "over"]
Window: TypeAlias = tuple[datetime | None, datetime | None]

_READINGS: tuple[Reading, ...] = ("through", "over")


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
        median_stay: by stage, the median of the visits that ended; open visits are left out, so
            it is too short where many are still open.
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
    median_stay: Mapping[str, timedelta] = attrs.field(factory=dict)
    journeys: int = 0
    reading: Reading = "through"
    window: Window = (None, None)
    zone: str = "UTC"
    version: str = ""

    @property
    def total(self) -> int:
        """Everybody who is in a stage."""
        return sum(self.people.values())


class _Walk:
    """Where one person is while the rows go by; ``met`` and ``counted`` are sets of ranks."""

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
    zone: str = "UTC",
) -> Counts:
    """Count the histories of all persons, in one pass.

    Each person's rows come in sequence; persons may be mixed. Time is the ``now`` of a row, as
    stages were in fact entered then. A row that leads to no stage of the model (the loser of a
    merge) closes the last visit. The rows behind the window only tell which journeys went on.

    Everybody who entered original processing is in the conversion out of it, also those whom the
    sort led off the path, whose walk is no journey yet [S25].

    Raises:
        LifecycleError: the reading is unknown, or the window ends before it starts.
    """
    if reading not in _READINGS:
        raise LifecycleError(f"no reading named {reading!r}: use 'through' or 'over' [S26]")
    start, end = (None if one is None else to_utc(one) for one in window or (None, None))
    if start is not None and end is not None and end < start:
        raise LifecycleError("the window ends before it starts")

    over = reading == "over"
    ranks = model.ranks
    known = model.by_name
    walks: dict[str, _Walk] = {}
    people: Counter[str] = Counter()
    moves: Counter[tuple[str, str, str]] = Counter()
    entered: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    stays: dict[str, array[float]] = {name: array("d") for name in known}
    first = [0] * len(ranks)
    reached = [0] * len(ranks)
    journeys = 0

    for row in rows:
        walk = walks.get(row.person)
        if walk is None:
            walk = walks[row.person] = _Walk()
        now, target = row.now, row.to_stage
        before_end = end is None or now < end
        inside = before_end and (start is None or now >= start)
        if row.journey != walk.journey:
            walk.journey, walk.met, walk.counted, walk.started = row.journey, 0, 0, False

        if inside:
            if row.from_stage is not None:
                moves[row.rule, row.from_stage, target] += 1
            if walk.since is not None and walk.stage in stays:
                stays[walk.stage].append((now - walk.since).total_seconds())
            if target in known:
                entered[target] += 1
            if row.credit:
                for name in row.passed_over:
                    passed[name] += 1
        if before_end:
            if walk.stage in known:
                people[walk.stage] -= 1
            if target in known:
                people[target] += 1
        walk.stage, walk.since = target, now

        rank = ranks.get(target)
        met = [ranks[name] for name in row.passed_over if name in ranks] if over and row.credit else []
        if rank is not None:
            met.append(rank)
            if rank and not walk.started:
                walk.started = True
                journeys += inside
        for one in met:
            bit = 1 << one
            if walk.met & bit:
                continue
            walk.met |= bit
            if inside:
                walk.counted |= bit
                first[one] += 1
            if one and walk.counted & (bit >> 1):
                reached[one - 1] += 1

    path = model.path
    return Counts(
        people={name: people[name] for name in known},
        moves=dict(sorted(moves.items())),
        entered={name: entered[name] for name in known},
        passed_over={stage.name: passed[stage.name] for stage in path},
        conversion={
            (stage.name, after.name): Conversion(first[rank], reached[rank])
            for rank, (stage, after) in enumerate(zip(path, path[1:], strict=False))
        },
        median_stay={
            name: timedelta(seconds=median(found)) for name, found in stays.items() if found
        },
        journeys=journeys,
        reading=reading,
        window=(start, end),
        zone=zone,
        version=model.version,
    )
