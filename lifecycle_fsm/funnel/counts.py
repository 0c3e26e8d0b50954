"""What a funnel diagram shows, counted from a scope or an entire history [S25][S26]."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

import attrs

from lifecycle_fsm.errors import LifecycleError, MissingExtra
from lifecycle_fsm.funnel.conversion import PairConversion, conversions
from lifecycle_fsm.funnel.parts import InParts, Measuring, together
from lifecycle_fsm.funnel.people import people_now
from lifecycle_fsm.funnel.scope import READINGS, Reading, Scope, Window, observe
from lifecycle_fsm.funnel.time_in_stage import Times, joined
from lifecycle_fsm.funnel.visits import JourneyKey, Walk
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model


@attrs.frozen
class Conversion:
    """``reached`` of the ``journeys`` that first entered one stage later entered the next [S26].

    A journey that a merge ended in between is left out [S23].
    """

    journeys: int
    reached: int

    @property
    def share(self) -> float | None:
        """The ratio; ``None`` if no journey entered."""
        return self.reached / self.journeys if self.journeys else None


@attrs.frozen(kw_only=True)
class Counts:
    """What happened in a window, and where people are at its end.

    Args:
        people: how many people are in each stage at the end of the window (now, if it is open).
        moves: how often each rule moved a person from one stage to another, by
            ``(rule, from, to)``; if a merge ended a visit, ``to`` is ``""`` [S23].
        entered: by stage, how many visits began.
        passed_over: by path stage, how many fast tracks went past it with credit [S6].
        conversion: by ``(stage, next stage)`` of the path, according to ``reading`` [S26].
        stays: by stage, how long the visits that began in the window last, each watched until the
            end of the known history [S27].
        journeys: how many journeys first entered a path stage after original processing [S25].
        reading: ``through`` counts a stage as reached if it was entered; ``over`` also if it was
            passed over. Neither counts stages passed over without credit.
        window: from (included) and to (excluded); ``None`` is open.
        zone: the zone in which reports show the window.
        version: the version of the model that counted.
        where: which journeys were counted, in words; empty for all.
        before: the counts of another period, for a picture that compares the two.
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
    where: str = ""
    before: Counts | None = attrs.field(default=None, repr=False)

    @property
    def total(self) -> int:
        """The number of people who are in a stage."""
        return sum(self.people.values())

    @cached_property
    def median_stay(self) -> Mapping[str, timedelta]:
        """By stage, the time after which half had left, as :func:`.stays` computes it.

        Open visits count for as long as they were observed. A stage is missing if that time was not
        reached; all are missing if scipy is not installed."""
        try:
            medians = {name: times.quantiles(0.5)[0] for name, times in self.stays.items()}
        except MissingExtra:
            return {}
        return {name: median for name, median in medians.items() if median is not None}


def count(
    rows: Iterable[HistoryRow],
    model: Model,
    *,
    reading: Reading = "through",
    window: Window | None = None,
    until: datetime | None = None,
    zone: str = "UTC",
    where: object = None,
) -> Counts:
    """Count the histories of all persons, in any order.

    Open visits were observed up to ``until``, by default up to the last row. Rows after the window
    only show which journeys went on.

    Every person who entered original processing counts in the conversion out of it, including those
    whom the sort sent off the path and who have no journey yet [S25].

    With ``where``, only journeys count for which this guard holds, such as
    ``"source == 'web' and country in ['DE', 'AT']"``; see :func:`.observe`.

    Raises:
        LifecycleError: the reading is unknown, the window ends before it starts, or the filter
            cannot be used.
    """
    scope = observe(rows, model, window=window, until=until, zone=zone, where=where)
    return on_picture(scope, reading=reading)


@InParts
def on_picture(scope: Scope, *, reading: Reading = "through") -> Measuring[Counts]:
    """Count the people and times of a scope, not split into groups."""
    scope = attrs.evolve(scope, by=None)
    moved, people, rates = yield from together(
        [_moved(scope), people_now.measuring(scope),
         conversions.measuring(scope, _pairs(scope), reading=reading)]
    )  # fmt: skip
    return Counts(
        **moved,
        people={row.stage: row.people for row in people},
        conversion=_conversion(rates),
        reading=reading,
        window=scope.window,
        zone=scope.zone,
        version=scope.model.version,
        where=scope.filter_words,
    )


def on_pictures(scope: Scope) -> dict[Reading, Counts]:
    """The counts of a scope for each reading, which makes a difference only for the conversion."""
    counts, alone = on_picture(scope), attrs.evolve(scope, by=None)
    return {
        reading: counts
        if reading == counts.reading
        else attrs.evolve(
            counts,
            conversion=_conversion(conversions(alone, _pairs(scope), reading=reading)),
            reading=reading,
        )
        for reading in READINGS
    }


def _pairs(scope: Scope) -> list[tuple[str, str]]:
    return list(pairwise(stage.name for stage in scope.model.path))


def _conversion(rates: Iterable[PairConversion]) -> dict[tuple[str, str], Conversion]:
    return {(row.source, row.target): Conversion(row.journeys, row.reached) for row in rates}


def _moved(scope: Scope) -> Measuring[dict[str, Any]]:
    """The counts of single rows and visits."""
    model, inside, until = scope.model, scope.inside, scope.until
    moves: Counter[tuple[str, str, str]] = Counter()
    entered: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    times = {name: Times() for name in model.by_name}
    journeys = 0
    while (walks := (yield)) is not None:
        for visit in scope.visits(walks):
            if inside(visit.entered):
                row, stage = visit.entry, visit.stage
                times[stage].add(visit, until)
                entered[stage] += 1
                if row.from_stage is not None:
                    moves[row.rule, row.from_stage, stage] += 1
                if row.passed_over and row.credit:
                    passed.update(row.passed_over)
            closing = visit.exit
            if closing is not None and visit.merged and inside(closing.now):
                moves[closing.rule, visit.stage, ""] += 1
        journeys += _journeys(scope, walks)
    return {
        "moves": dict(sorted(moves.items())),
        "entered": {name: entered[name] for name in model.by_name},
        "passed_over": {stage.name: passed[stage.name] for stage in model.path},
        "stays": times,
        "journeys": journeys,
    }


def combined(parts: Iterable[Counts]) -> Counts:
    """The counts of a whole history from those of its parts, as if it was counted in one piece.

    Each part holds the whole history of some persons, and of all records that were merged with
    them; no person is in two. All were counted by one model and with the same ``reading``,
    ``window``, ``zone``, ``where`` and ``until``: the end of a part is not the end of the whole.

    Raises:
        LifecycleError: there is no part, or the parts answer different questions.
    """
    parts = tuple(parts)
    if not parts:
        raise LifecycleError("there are no counts to combine")
    first = parts[0]
    if any(_question(part) != _question(first) for part in parts):
        raise LifecycleError(
            "these counts do not add up: they have different readings, windows, zones, filters or "
            "versions of a model"
        )
    return attrs.evolve(
        first,
        people=_sums(part.people for part in parts),
        moves=dict(sorted(_sums(part.moves for part in parts).items())),
        entered=_sums(part.entered for part in parts),
        passed_over=_sums(part.passed_over for part in parts),
        conversion={
            pair: Conversion(
                sum(part.conversion[pair].journeys for part in parts),
                sum(part.conversion[pair].reached for part in parts),
            )
            for pair in first.conversion
        },
        stays={name: joined(part.stays[name] for part in parts) for name in first.stays},
        journeys=sum(part.journeys for part in parts),
        before=None,
    )


def _question(counts: Counts) -> tuple[object, ...]:
    return counts.reading, counts.window, counts.zone, counts.where, counts.version


def _sums(tables: Iterable[Mapping[Any, int]]) -> dict[Any, int]:
    """The sums by key, in the order in which the keys first occur."""
    sums: dict[Any, int] = {}
    for table in tables:
        for key, number in table.items():
            sums[key] = sums.get(key, 0) + number
    return sums


def _journeys(scope: Scope, walks: Iterable[Walk]) -> int:
    """How many journeys first entered a path stage after original processing in the window."""
    journeys, ranks = 0, scope.model.ranks
    for walk in walks:
        seen: set[JourneyKey] = set()
        for visit in walk:
            if ranks.get(visit.stage) and visit.journey not in seen:
                seen.add(visit.journey)
                journeys += scope.began(visit)
    return journeys
