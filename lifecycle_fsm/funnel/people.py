"""Who is where at the end of the window, and who is ready for sales (R27)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import attrs

from lifecycle_fsm.funnel.scope import Scope, sales_stage
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
    found = Counter((group(visit), visit.stage) for visit in scope.present())
    return tuple(
        PeopleNow(group=name, stage=stage.name, people=found[name, stage.name])
        for name in scope.groups(one for one, _ in found)
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
        for visit in sorted(visits, key=lambda one: (one.entered, one.person))
    )
