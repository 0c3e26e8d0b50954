"""People who are stuck: they are in a stage for longer than nearly everybody was (R32)."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Literal

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.people import Waiting, in_line
from lifecycle_fsm.funnel.scope import Scope
from lifecycle_fsm.funnel.stay import watch
from lifecycle_fsm.funnel.survival import Times, quantiles

#: The share of visits that are over by the time after which the others count as stuck.
USUAL = 0.9
#: With fewer visits that ended, nobody can say what is usual.
ENOUGH = 10


@attrs.frozen(kw_only=True)
class Limit:
    """After which time people in a stage count as stuck.

    Args:
        stage: which stage.
        time: longer than that is stuck; nothing where it cannot be said.
        of: what it is the 90th percentile of: ``all`` visits, open ones counted, or those that
            ``ended``; or it was ``said``.
    """

    stage: str
    time: timedelta | None
    of: Literal["all", "ended", "said"]


def limits(scope: Scope, after: timedelta | None = None) -> tuple[Limit, ...]:
    """When somebody counts as stuck, for each stage of the path but the last.

    Who is in the last stage has arrived, and who is on a detour is not on the way.

    Args:
        scope: what is measured.
        after: the same time for all; without it, the time after which 90 % of the visits that
            began in the window have ended, by :func:`.quantiles`. Where that is not reached, as
            over one in ten never left, it is the 90 % of those that ended, if half of all have
            left: where most stay, a long stay is nothing unusual. Fewer than ten that ended tell
            nothing of what is usual.

    Raises:
        LifecycleError: the time is less than nothing.
        MissingExtra: scipy is not installed, and no time is given.
    """
    names = [stage.name for stage in scope.model.path[:-1]]
    if after is not None:
        if after < timedelta(0):
            raise LifecycleError("people are stuck after a time of at least nothing")
        return tuple(Limit(stage=name, time=after, of="said") for name in names)
    found: defaultdict[str, Times] = defaultdict(Times)
    for visit in scope.cohort():
        watch(found[visit.stage], visit, scope)
    return tuple(_usual(name, found[name]) for name in names)


def _usual(stage: str, times: Times) -> Limit:
    if len(times.ended) < ENOUGH:
        return Limit(stage=stage, time=None, of="all")
    half, time = times.quantiles(0.5, USUAL)
    if time is not None or half is None:
        return Limit(stage=stage, time=time, of="all")
    return Limit(stage=stage, time=quantiles(times.ended, (), (USUAL,))[0], of="ended")


def stuck(scope: Scope, after: timedelta | None = None) -> tuple[Waiting, ...]:
    """Who is at the end of the window in a stage for longer than its limit; the longest first."""
    known = {one.stage: one.time for one in limits(scope, after) if one.time is not None}
    as_of = scope.as_of
    found = [
        visit
        for visit in scope.present()
        if as_of is not None and visit.stage in known and as_of - visit.entered > known[visit.stage]
    ]
    return in_line(scope, found, known)
