"""Opening, in, out and closing of each stage and period, which reconcile [S27] (R29)."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

import attrs

from lifecycle_fsm.funnel.periods import Every, Period, periods
from lifecycle_fsm.funnel.scope import Scope
from lifecycle_fsm.funnel.visits import Visit

#: The stage of the rows of a table that speak of all stages together.
ALL_STAGES = ""


@attrs.frozen(kw_only=True)
class Flow:
    """One stage in one period: ``opening + entered - left == closing``.

    The closing of a period is the opening of the next.

    Args:
        group: which of the groups; a visit stays in that of its entry until it ends.
        stage: which stage; :data:`ALL_STAGES` counts people in any.
        period: when.
        opening: visits that began before the period and had not ended.
        entered, left: visits that began, and that ended, in it.
        closing: visits that had begun before its end and had not ended.
        new: of those that began, the people who came into the lifecycle.
        merged: of those that ended, the ones that a merge ended: of two visits that it brings
            together one goes on, whichever record survives, and the other is this [S23].
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


@attrs.define
class _Stay:
    """A time in a stage, or in all of them together."""

    group: str
    stage: str
    entered: datetime
    left: datetime | None
    new: bool
    merged: bool


class _Tally:
    """The sums of one stage, by period."""

    __slots__ = ("before", "entered", "left", "merged", "new")

    def __init__(self, count: int) -> None:
        self.before = 0
        self.entered, self.left = [0] * count, [0] * count
        self.new, self.merged = [0] * count, [0] * count


def flows(scope: Scope, every: Every | None = None) -> tuple[Flow, ...]:
    """What came into each stage and went out of it, period by period.

    Args:
        scope: what is measured.
        every: ``day``, ``week``, ``month``, ``quarter`` or ``year`` in the zone of the scope;
            without it the window is the one period.

    Returns:
        For each group and period one row for each stage, in the order of the model, and then one
        for all stages together: who came into the group, and who went out of it.

    Raises:
        LifecycleError: there is no such period.
    """
    times = periods(scope, every)
    if not times:
        return ()
    starts = [one.start for one in times if one.start is not None]
    # A window that is open at its start has no time before it.
    offset = 0 if len(starts) < len(times) else -1
    end = times[-1].end
    tallies: defaultdict[tuple[str, str], _Tally] = defaultdict(lambda: _Tally(len(times)))
    for stay in _stays(scope):
        if end is not None and stay.entered >= end:
            continue
        came = bisect_right(starts, stay.entered) + offset
        went = None
        if stay.left is not None and (end is None or stay.left < end):
            went = bisect_right(starts, stay.left) + offset
            if went < 0:
                continue
        tally = tallies[stay.group, stay.stage]
        if came < 0:
            tally.before += 1
        else:
            tally.entered[came] += 1
            tally.new[came] += stay.new
        if went is not None:
            tally.left[went] += 1
            tally.merged[went] += stay.merged
    names = [*(stage.name for stage in scope.model.stages), ALL_STAGES]
    return tuple(
        flow
        for group in scope.groups(one for one, _ in tallies)
        for flow in _by_period({name: tallies[group, name] for name in names}, group, times)
    )


def _by_period(tallies: dict[str, _Tally], group: str, times: tuple[Period, ...]) -> Iterator[Flow]:
    balance = {name: tally.before for name, tally in tallies.items()}
    for place, period in enumerate(times):
        for name, tally in tallies.items():
            opening, came, went = balance[name], tally.entered[place], tally.left[place]
            balance[name] = opening + came - went
            yield Flow(
                group=group,
                stage=name,
                period=period,
                opening=opening,
                entered=came,
                left=went,
                closing=balance[name],
                new=tally.new[place],
                merged=tally.merged[place],
            )


def _stays(scope: Scope) -> Iterator[_Stay]:
    """Each visit, and each time that somebody was in a group, whatever the stage."""
    group, counts = scope.group, scope.counts
    for walk in scope.walks:
        whole: _Stay | None = None
        before: Visit | None = None
        for visit in walk:
            if not counts(visit):
                continue
            name = group(visit)
            yield _Stay(name, visit.stage, visit.entered, visit.left, visit.new, visit.merged)
            goes_on = before is not None and before.exit is visit.entry
            if whole is not None and goes_on and whole.group == name:
                whole.left, whole.merged = visit.left, visit.merged
            else:
                if whole is not None:
                    yield whole
                whole = _Stay(name, ALL_STAGES, visit.entered, visit.left, visit.new, visit.merged)
            before = visit
        if whole is not None:
            yield whole
