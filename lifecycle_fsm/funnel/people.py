"""Who is where at the end of the window, and who is ready for sales (R27)."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Literal

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.scope import Scope, sales_stage
from lifecycle_fsm.funnel.time_in_stage import Times, quantiles
from lifecycle_fsm.funnel.visits import Visit


@attrs.frozen(kw_only=True)
class PeopleNow:
    """How many people of a group are in a stage."""

    group: str
    stage: str
    people: int


@attrs.frozen(kw_only=True)
class Waiting:
    """Somebody who is in a stage, since when, and for how long.

    Args:
        group: which of the groups.
        person, name, company, email: who it is; all but the id only where people were given.
        stage, since, time: where, since when, and for how long.
        owner, assigned_to: who has to do with them today, where people were given and today is
            the end of the window; else as it was when they came into the stage.
        limit: the time after which they count as stuck, where that is the question.
    """

    group: str
    person: str
    name: str | None
    company: str | None
    email: str | None
    stage: str
    since: datetime
    time: timedelta
    owner: str | None
    assigned_to: str | None
    limit: timedelta | None = None


def people_now(scope: Scope) -> tuple[PeopleNow, ...]:
    """For each group and stage, the visits that are open at the end of the window."""
    group = scope.group
    people = Counter((group(visit), visit.stage) for visit in scope.present())
    return tuple(
        PeopleNow(group=name, stage=stage.name, people=people[name, stage.name])
        for name in scope.groups(people)
        for stage in scope.model.stages
    )


def ready_stage(scope: Scope, first_of_sales: str | None = None) -> str | None:
    """The stage of those who are ready for sales: the one right before the first stage of sales.

    There is none where original processing lies right before it.
    """
    path = scope.model.path
    rank = scope.model.ranks[sales_stage(scope.model, first_of_sales).name]
    return path[rank - 1].name if rank > 1 else None


def ready_for_sales(scope: Scope, first_of_sales: str | None = None) -> tuple[Waiting, ...]:
    """Who is qualified and not yet accepted, the longest waiting first."""
    stage = ready_stage(scope, first_of_sales)
    return in_line(scope, [visit for visit in scope.present() if visit.stage == stage])


def in_line(
    scope: Scope, visits: list[Visit], limits: dict[str, timedelta] | None = None
) -> tuple[Waiting, ...]:
    """Visits as a list of people, those who wait longest first."""
    as_of, group = scope.as_of, scope.group
    if as_of is None:
        return ()
    return tuple(
        Waiting(
            group=group(visit),
            person=visit.person,
            stage=visit.stage,
            since=visit.entered,
            time=as_of - visit.entered,
            **attrs.asdict(scope.contact(visit, visit.entry.owner, visit.entry.assigned_to)),
            limit=limits[visit.stage] if limits else None,
        )
        for visit in sorted(visits, key=lambda visit: (visit.entered, visit.person))
    )


# ------------------------------------------------------------------ stuck
#
# People who are stuck: they are in a stage for longer than nearly everybody was (R32).


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
    times: defaultdict[str, Times] = defaultdict(Times)
    for visit in scope.cohort():
        times[visit.stage].add(visit, scope.until)
    return tuple(_usual(name, times[name]) for name in names)


def _usual(stage: str, times: Times) -> Limit:
    if len(times.ended) < ENOUGH:
        return Limit(stage=stage, time=None, of="all")
    half, time = times.quantiles(0.5, USUAL)
    if time is not None or half is None:
        return Limit(stage=stage, time=time, of="all")
    return Limit(stage=stage, time=quantiles(times.ended, (), (USUAL,))[0], of="ended")


def stuck(scope: Scope, after: timedelta | None = None) -> tuple[Waiting, ...]:
    """Who is at the end of the window in a stage for longer than its limit; the longest first."""
    known = {row.stage: row.time for row in limits(scope, after) if row.time is not None}
    as_of = scope.as_of
    late = [
        visit
        for visit in scope.present()
        if as_of is not None and visit.stage in known and as_of - visit.entered > known[visit.stage]
    ]
    return in_line(scope, late, known)
