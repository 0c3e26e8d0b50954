"""Who is in which stage at the end of the window, and who is ready for sales (R27)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.parts import InParts, Measuring
from lifecycle_fsm.funnel.scope import Scope, sales_stage
from lifecycle_fsm.funnel.time_in_stage import Times, quantiles


@attrs.frozen(kw_only=True)
class PeopleNow:
    """How many people of a group are in a stage."""

    group: str
    stage: str
    people: int


@attrs.frozen(kw_only=True)
class Waiting:
    """A person in a stage, since when, and for how long.

    Args:
        group: the group.
        person, name, company, email: who it is; only the id is known if no people were given.
        stage, since, time: the stage, when the person entered it, and how long ago that was.
        owner, assigned_to: who is responsible today, if people were given and the window ends
            today; otherwise who was when the person entered the stage.
        limit: the time after which the person counts as stuck, in lists of stuck people.
        rule: the rule that brought the person into the stage.
    """

    group: str
    person: str
    name: str | None = None
    company: str | None = None
    email: str | None = None
    stage: str
    since: datetime
    time: timedelta
    owner: str | None
    assigned_to: str | None
    limit: timedelta | None = None
    rule: str = ""


@InParts
def people_now(scope: Scope) -> Measuring[tuple[PeopleNow, ...]]:
    """For each group and stage, the number of visits that are open at the end of the window."""
    group = scope.group
    people: Counter[tuple[str, str]] = Counter()
    while (walks := (yield)) is not None:
        people.update((group(visit), visit.stage) for visit in scope.present(walks))
    return tuple(
        PeopleNow(group=name, stage=stage.name, people=people[name, stage.name])
        for name in scope.groups(people)
        for stage in scope.model.stages
    )


def ready_stage(scope: Scope, first_of_sales: str | None = None) -> str | None:
    """The stage of people who are ready for sales: the one right before the first stage of sales.

    ``None`` if the stage right before it is original processing.
    """
    path = scope.model.path
    rank = scope.model.ranks[sales_stage(scope.model, first_of_sales).name]
    return path[rank - 1].name if rank > 1 else None


@InParts
def ready_for_sales(
    scope: Scope, first_of_sales: str | None = None
) -> Measuring[tuple[Waiting, ...]]:
    """The people who are qualified and not yet accepted, the longest waiting first."""
    stage = ready_stage(scope, first_of_sales)
    return (yield from in_line(scope, {} if stage is None else {stage: None}))


def in_line(scope: Scope, stages: Mapping[str, timedelta | None]) -> Measuring[tuple[Waiting, ...]]:
    """The people in these stages, if longer than the limit of the stage, the longest first."""
    as_of, group = scope.as_of, scope.group
    rows: list[Waiting] = []
    while (walks := (yield)) is not None:
        for visit in scope.present(walks):
            if visit.stage not in stages or as_of is None:
                continue
            time, limit = as_of - visit.entered, stages[visit.stage]
            if limit is None or time > limit:
                rows.append(
                    Waiting(
                        group=group(visit),
                        person=visit.person,
                        stage=visit.stage,
                        since=visit.entered,
                        time=time,
                        owner=visit.entry.owner,
                        assigned_to=visit.entry.assigned_to,
                        limit=limit,
                        rule=visit.entry.rule,
                    )
                )
    return scope.named(sorted(rows, key=lambda row: (row.since, row.person)))


# ------------------------------------------------------------------ stuck
#
# People who are stuck: they have been in a stage for longer than nearly everybody was (R32).


#: The share of visits that end before the rest count as stuck.
USUAL = 0.9
#: With fewer ended visits, there is no usual time.
ENOUGH = 10


@attrs.frozen(kw_only=True)
class Limit:
    """The time after which people in a stage count as stuck.

    Args:
        stage: the stage.
        time: a longer stay is stuck; ``None`` if it is not known.
        of: what ``time`` is the 90th percentile of: ``all`` visits, including open ones, or those
            that ``ended``; ``said`` if the caller gave the time.
    """

    stage: str
    time: timedelta | None
    of: Literal["all", "ended", "said"]


@InParts
def limits(scope: Scope, after: timedelta | None = None) -> Measuring[tuple[Limit, ...]]:
    """When people count as stuck, for each stage of the path but the last.

    People in the last stage have arrived, and people on a detour are not on the way.

    Args:
        scope: what is measured.
        after: one time for all stages. By default, the time after which 90% of the visits that
            began in the window have ended, by :func:`.quantiles`. If more than one in ten never
            left, so that this is not reached, it is the 90th percentile of the visits that ended,
            provided that half of all have left: where most stay, a long stay is not unusual. Fewer
            than ten ended visits do not show what is usual.

    Raises:
        LifecycleError: the time is negative.
        MissingExtra: scipy is not installed, and no time is given.
    """
    names = [stage.name for stage in scope.model.path[:-1]]
    if after is not None:
        if after < timedelta(0):
            raise LifecycleError("people are stuck after a time of at least nothing")
        return tuple(Limit(stage=name, time=after, of="said") for name in names)
    times: defaultdict[str, Times] = defaultdict(Times)
    while (walks := (yield)) is not None:
        for visit in scope.cohort(walks):
            times[visit.stage].add(visit, scope.until)
    return tuple(_usual(name, times[name]) for name in names)


def _usual(stage: str, times: Times) -> Limit:
    if len(times.ended) < ENOUGH:
        return Limit(stage=stage, time=None, of="all")
    half, time = times.quantiles(0.5, USUAL)
    if time is not None or half is None:
        return Limit(stage=stage, time=time, of="all")
    return Limit(stage=stage, time=quantiles(times.ended, (), (USUAL,))[0], of="ended")


@InParts
def stuck(scope: Scope, after: timedelta | None = None) -> Measuring[tuple[Waiting, ...]]:
    """People who exceed the limit of their stage at the end of the window; the longest first."""
    rows = yield from limits.measuring(scope, after)
    known = {row.stage: row.time for row in rows if row.time is not None}
    return (yield from in_line(scope, known))
