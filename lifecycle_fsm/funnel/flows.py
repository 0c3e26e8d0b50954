"""Opening, in, out and closing of each stage and period, which reconcile [S27] (R29)."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

import attrs

from lifecycle_fsm.funnel.parts import InParts, Measuring
from lifecycle_fsm.funnel.periods import Every, Period, periods
from lifecycle_fsm.funnel.scope import Scope
from lifecycle_fsm.funnel.visits import Visit, Walk

#: The stage name of the rows that count all stages together.
ALL_STAGES = ""


@attrs.frozen(kw_only=True)
class Flow:
    """One stage in one period: ``opening + entered - left == closing``.

    The closing of a period is the opening of the next.

    Args:
        group: the group; a visit stays in the group of its entry until it ends.
        stage: the stage; :data:`ALL_STAGES` counts people in any stage.
        period: the period.
        opening: visits that began before the period and had not ended.
        entered, left: visits that began, and that ended, in the period.
        closing: visits that began before the end of the period and had not ended.
        new: of those that began, the people who entered the lifecycle.
        merged: of those that ended, the ones that a merge ended. Of two visits that a merge brings
            together one goes on, whichever record survives; this counts the other [S23].
    """

    group: str
    stage: str
    period: Period
    opening: int
    entered: int
    left: int
    closing: int
    new: int
    merged: int


class _Stay(NamedTuple):
    """A time in one stage, or in all of them together."""

    group: str
    stage: str
    entered: datetime
    left: datetime | None
    new: bool
    merged: bool


@InParts
def flows(scope: Scope, every: Every | None = None) -> Measuring[tuple[Flow, ...]]:
    """What entered and left each stage, period by period.

    Args:
        scope: what is measured.
        every: ``day``, ``week``, ``month``, ``quarter`` or ``year`` in the zone of the scope;
            without it the window is the only period.

    Returns:
        For each group and period, one row for each stage in the order of the model, then one row
        for all stages together: people who joined the group and people who left it.

    Raises:
        LifecycleError: the period is unknown.
    """
    times = yield from periods.measuring(scope, every)
    if not times:
        return ()
    starts = [time.start for time in times if time.start is not None]
    # A window that is open at its start has no time before it.
    offset = 0 if len(starts) < len(times) else -1
    end = times[-1].end
    # By group, stage and period; -1 stands for the time before the first period.
    sums: Counter[tuple[str, str, int, str]] = Counter()
    while (walks := (yield)) is not None:
        for group, stage, entered_at, left_at, is_new, is_merged in _stays(scope, walks):
            if end is not None and entered_at >= end:
                continue
            if left_at is not None and (end is None or left_at < end):
                ended = bisect_right(starts, left_at) + offset
                if ended < 0:
                    continue
                sums[group, stage, ended, "left"] += 1
                if is_merged:
                    sums[group, stage, ended, "merged"] += 1
            began = bisect_right(starts, entered_at) + offset
            sums[group, stage, began, "entered"] += 1
            if is_new:
                sums[group, stage, began, "new"] += 1
    rows: list[Flow] = []
    stages = [*(stage.name for stage in scope.model.stages), ALL_STAGES]
    for group in scope.groups(sums):
        balance = {stage: sums[group, stage, -1, "entered"] for stage in stages}
        for place, period in enumerate(times):
            for stage in stages:
                opening = balance[stage]
                entered, left, new, merged = (
                    sums[group, stage, place, count]
                    for count in ("entered", "left", "new", "merged")
                )
                balance[stage] = opening + entered - left
                rows.append(
                    Flow(
                        group=group,
                        stage=stage,
                        period=period,
                        opening=opening,
                        entered=entered,
                        left=left,
                        closing=balance[stage],
                        new=new,
                        merged=merged,
                    )
                )
    return tuple(rows)


def _stays(scope: Scope, walks: Iterable[Walk]) -> Iterator[_Stay]:
    """Each visit, and each time that a person spent in a group, in whatever stage."""
    group, counts = scope.group, scope.counts
    for walk in walks:
        first: _Stay | None = None  # of the time in this group
        last: _Stay | None = None
        before: Visit | None = None
        for visit in walk:
            if not counts(visit):
                continue
            end, entry = visit.exit, visit.entry
            stay = _Stay(
                group(visit), visit.stage, visit.entered, visit.left, entry.from_stage is None,
                end is not None and end.kind == "merge",
            )  # fmt: skip
            yield stay
            goes_on = before is not None and before.exit is entry
            if first is None or last is None or not goes_on or first.group != stay.group:
                if first is not None and last is not None:
                    yield _whole(first, last)
                first = stay
            last, before = stay, visit
        if first is not None and last is not None:
            yield _whole(first, last)


def _whole(first: _Stay, last: _Stay) -> _Stay:
    """The time in a group, from its first to its last visit."""
    return _Stay(first.group, ALL_STAGES, first.entered, last.left, first.new, last.merged)
