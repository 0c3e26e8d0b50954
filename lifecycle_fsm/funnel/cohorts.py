"""Conversion by age: of the journeys that entered a stage in a month, how many had reached the next
one, two, three … weeks later (R50)."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from math import ceil
from typing import TypeAlias

import attrs

from lifecycle_fsm.funnel.conversion import Pair, Ratio, check_pair, journeys, usual_pairs
from lifecycle_fsm.funnel.parts import InParts, Measuring
from lifecycle_fsm.funnel.periods import (
    Every,
    Period,
    check_period,
    first_day,
    midnight,
    next_period,
    period_name,
)
from lifecycle_fsm.funnel.scope import Reading, Scope
from lifecycle_fsm.funnel.visits import Visit
from lifecycle_fsm.zones import find_zone

#: The units in which the age of a journey is counted, the shortest first.
UNITS = {
    "hours": timedelta(hours=1),
    "days": timedelta(days=1),
    "weeks": timedelta(days=7),
    "months of 30 days": timedelta(days=30),
}
#: At most so many columns; the unit is the shortest in which most journeys need no more.
COLUMNS, _MOST = 12, 0.9


@attrs.frozen
class CohortCell:
    """How many journeys of a cohort reached the stage within an age.

    Args:
        age: the age in units of the cohort.
        reached: how many reached the stage no later than that, as far as they were watched.
        complete: whether all journeys of the cohort were watched that long. If not, ``reached`` can
            still grow.
    """

    age: int
    reached: int
    complete: bool


@attrs.frozen(kw_only=True)
class Cohort:
    """The journeys that first entered ``source`` in one period.

    Args:
        group: the group; a journey belongs to the group of its first entry of ``source``.
        source, target: the two stages.
        reading: as for :class:`.PairConversion`.
        period: the period of that entry, as far as it lies in the window; it is ``whole`` if it has
            its full length, and has ended.
        journeys: how many; those of all periods are the ``journeys`` of :class:`.PairConversion`.
        reached: how many have reached ``target`` up to now.
        merged: further journeys that a merge ended before they reached it; they are left out [S23].
        unit: the unit of the ages, the same for all cohorts of a pair; a key of :data:`UNITS`.
        cells: by age, from one unit on.
    """

    group: str
    source: str
    target: str
    reading: Reading
    period: Period
    journeys: int
    reached: int
    merged: int
    unit: str
    cells: tuple[CohortCell, ...]

    @property
    def ratio(self) -> Ratio:
        """The share that has reached the target up to now."""
        return Ratio(self.reached, self.journeys)

    def share(self, cell: CohortCell) -> Ratio:
        """The share that had reached the target at an age."""
        return Ratio(cell.reached, self.journeys)


class _CohortTimes:
    """The journeys of one cohort: the seconds that those took that reached the target."""

    def __init__(self) -> None:
        self.times = array("d")
        self.unreached = self.merged = 0
        self.latest: datetime | None = None

    def add(self, began: datetime, reached: datetime | None, *, merged: bool) -> None:
        if reached is not None:
            self.times.append((reached - began).total_seconds())
        elif merged:
            self.merged += 1
            return
        else:
            self.unreached += 1
        self.latest = began if self.latest is None else max(self.latest, began)


_Key: TypeAlias = tuple[str, Pair, date]


@InParts
def cohorts(
    scope: Scope,
    pairs: Iterable[Pair] | None = None,
    *,
    every: Every = "month",
    reading: Reading = "through",
) -> Measuring[tuple[Cohort, ...]]:
    """The cohorts of each pair of stages, by default of :func:`.usual_pairs`.

    Ages are counted from each journey's own entry, so a journey of the last day of a month has as
    much time as one of the first. The columns are hours, days, weeks or months of 30 days: the
    shortest unit in which nine in ten of the journeys that reached the target needed at most
    twelve.

    Args:
        scope: what is measured.
        pairs: pairs of source and target stage.
        every: the periods of the entries, in the zone of the scope.
        reading: ``through`` or ``over``.

    Raises:
        LifecycleError: the stage or period does not exist, or no journey can go that way.
    """
    check_period(every)
    pairs = tuple(dict.fromkeys(usual_pairs(scope.model) if pairs is None else pairs))
    for pair in pairs:
        check_pair(pair, scope.model)
    known: defaultdict[_Key, _CohortTimes] = defaultdict(_CohortTimes)
    zone, group = find_zone(scope.zone), scope.group
    while (walks := (yield)) is not None:
        for journey in journeys(walks, reading):
            for pair in pairs:
                steps = journey.since(pair[0])
                if not steps or not scope.began(steps[0][1]):
                    continue
                start: Visit = steps[0][1]
                day = first_day(start.entered.astimezone(zone).date(), every)
                reached = next((visit for stage, visit in steps[1:] if stage == pair[1]), None)
                known[group(start), pair, day].add(
                    start.entered,
                    None if reached is None else reached.entered,
                    merged=journey.merged is not None,
                )
    return tuple(
        cohort
        for name in scope.groups(known)
        for pair in pairs
        for cohort in _of_pair(
            scope,
            {day: known[key, both, day] for key, both, day in known if (key, both) == (name, pair)},
            name,
            pair,
            every,
            reading,
        )
    )


def _of_pair(
    scope: Scope,
    by_day: dict[date, _CohortTimes],
    group: str,
    pair: Pair,
    every: Every,
    reading: Reading,
) -> Iterable[Cohort]:
    """The cohorts of one pair in one group, in order."""
    all_times = sorted(time for journeys in by_day.values() for time in journeys.times)
    unit, columns = _unit(all_times)
    length = UNITS[unit]
    for day in sorted(by_day):
        journeys, period = by_day[day], _period(scope, day, every)
        times = sorted(journeys.times)
        watched = timedelta(0)
        over = period.end is not None and scope.until is not None and period.end <= scope.until
        if over and journeys.latest is not None and scope.until is not None:
            watched = scope.until - journeys.latest
        yield Cohort(
            group=group,
            source=pair[0],
            target=pair[1],
            reading=reading,
            period=period,
            journeys=len(times) + journeys.unreached,
            reached=len(times),
            merged=journeys.merged,
            unit=unit,
            cells=tuple(
                CohortCell(
                    age,
                    bisect_right(times, (age * length).total_seconds()),
                    over and watched >= age * length,
                )
                for age in range(1, columns + 1)
            ),
        )


def _unit(times: list[float]) -> tuple[str, int]:
    """The unit for journeys that took so many seconds, and how many columns they need."""
    if not times:
        return "days", COLUMNS
    usual = times[min(int(len(times) * _MOST), len(times) - 1)]
    fitting = (name for name, length in UNITS.items() if usual <= COLUMNS * length.total_seconds())
    unit = next(fitting, [*UNITS][-1])
    needed = ceil(times[-1] / UNITS[unit].total_seconds())
    return unit, max(1, min(COLUMNS, needed))


def _period(scope: Scope, day: date, every: Every) -> Period:
    """The period that begins with a day, as far as it lies in the window."""
    zone = find_zone(scope.zone)
    after = next_period(day, every)
    begins, ends = midnight(day, zone), None if after is None else midnight(after, zone)
    start = begins if scope.start is None else max(begins, scope.start)
    end = ends if scope.end is None else scope.end if ends is None else min(ends, scope.end)
    over = end is not None and scope.until is not None and end <= scope.until
    return Period(period_name(day, every), start, end, start == begins and end == ends and over)
