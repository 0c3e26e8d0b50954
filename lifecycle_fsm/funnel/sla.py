"""Agreements kept and missed, as recorded when they were decided [S21] (R34).

Nothing is computed here: each deadline of a visit has a :class:`~lifecycle_fsm.DeadlineFact`, or is
not decided yet.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta

import attrs

from lifecycle_fsm.funnel.conversion import Ratio
from lifecycle_fsm.funnel.parts import ImpossibleMeasure, InParts, Measuring
from lifecycle_fsm.funnel.scope import NOTHING, Scope, in_order
from lifecycle_fsm.funnel.time_in_stage import Times


@attrs.frozen(kw_only=True)
class Kept:
    """The outcomes of one deadline in the visits of its stage that began in the window.

    Args:
        group: the group.
        deadline: its name.
        stage: its stage.
        visits: how many visits it watched; ``kept + missed + void + waiting + merged``.
        kept: in how many it was kept; for ``kept_late`` of these, only a late activity showed it.
        missed: in how many it was missed; ``overdue`` of these are still open.
        void: in how many its condition never held, so that there was nothing to keep.
        waiting: how many are open and not decided yet.
        merged: how many a merge ended before the deadline was decided [S23].
        median: the median time to leave the stage, including open visits, by :func:`.stays`.
    """

    group: str
    deadline: str
    stage: str
    visits: int
    kept: int
    kept_late: int
    missed: int
    overdue: int
    void: int
    waiting: int
    merged: int
    median: timedelta | None

    @property
    def ratio(self) -> Ratio:
        """The share that was kept, out of kept and missed."""
        return Ratio(self.kept, self.kept + self.missed)


@attrs.frozen(kw_only=True)
class Overdue:
    """A person who is still in a stage although its deadline was missed.

    It has the fields of :class:`.Waiting`. If today's owners are not known, ``owner`` and
    ``assigned_to`` are those of the time when it was missed.
    """

    group: str
    person: str
    name: str | None = None
    company: str | None = None
    email: str | None = None
    deadline: str
    stage: str
    since: datetime
    due: datetime
    owner: str | None
    assigned_to: str | None


@InParts
def agreements(scope: Scope) -> Measuring[tuple[Kept, ...]]:
    """How each deadline of the model was kept, in the order of the model.

    It covers the visits that began in the window, as they stood at the end of the known history.
    The deadline did not watch a visit that ended without a record, for example because it belongs
    to a later version.

    Raises:
        LifecycleError: the scope has no outcomes of deadlines.
        MissingExtra: scipy is not installed.
    """
    need_deadlines(scope)
    tally: Counter[tuple[str, str, str]] = Counter()
    times: defaultdict[tuple[str, str], Times] = defaultdict(Times)
    group, watching = scope.group, _by_stage(scope)
    while (walks := (yield)) is not None:
        for visit in scope.cohort(walks):
            for name in watching.get(visit.stage, ()):
                key = group(visit), name
                fact = scope.fact(visit, name)
                if fact is not None:
                    tally[*key, fact.outcome] += 1
                    tally[*key, "kept_late"] += fact.late
                    tally[*key, "overdue"] += fact.outcome == "missed" and visit.exit is None
                elif visit.exit is None or visit.merged:
                    tally[*key, "merged" if visit.merged else "waiting"] += 1
                else:
                    continue
                tally[*key, "visits"] += 1
                times[key].add(visit, scope.until)
    return tuple(
        Kept(
            group=name,
            deadline=deadline.name,
            stage=deadline.stage,
            **{count: tally[name, deadline.name, count] for count in _COUNTS},
            median=times[name, deadline.name].quantiles(0.5)[0],
        )
        for name in scope.groups(tally)
        for deadline in scope.model.deadlines
    )


_COUNTS = ("visits", "kept", "kept_late", "missed", "overdue", "void", "waiting", "merged")


@attrs.frozen(kw_only=True)
class FirstTouch:
    """How long somebody let people wait, of the visits of a deadline that began in the window.

    Args:
        group: the group.
        deadline: its name; ``stage`` is its stage.
        assigned_to: who had to act: the assignee, or else the owner, when it was decided.
        visits: how many; ``kept + missed``.
        kept: how many were touched in time; ``missed`` were not.
        median: the median time from the entry of the stage until it was kept. A missed deadline
            counts as not kept up to its due time [S27].
    """

    group: str
    deadline: str
    stage: str
    assigned_to: str
    visits: int
    kept: int
    missed: int
    median: timedelta | None

    @property
    def ratio(self) -> Ratio:
        """The share that was kept."""
        return Ratio(self.kept, self.visits)


@InParts
def first_touches(scope: Scope) -> Measuring[tuple[FirstTouch, ...]]:
    """The time to first touch by assignee: from the entry of a stage until its deadline was kept,
    for each deadline in the order of the model. Void and undecided deadlines are left out.

    Raises:
        LifecycleError: the scope has no outcomes of deadlines.
        MissingExtra: scipy is not installed.
    """
    need_deadlines(scope)
    times: defaultdict[tuple[str, str, str], Times] = defaultdict(Times)
    group, watching = scope.group, _by_stage(scope)
    while (walks := (yield)) is not None:
        for visit in scope.cohort(walks):
            for name in watching.get(visit.stage, ()):
                fact = scope.fact(visit, name)
                if fact is None or fact.outcome == "void":
                    continue
                who = times[group(visit), name, fact.assigned_to or fact.owner or NOTHING]
                # A late activity keeps a deadline in time, and is known only later [S21].
                end = min(fact.decided_at, fact.due_at)
                waited = (end - visit.entered).total_seconds()
                (who.ended if fact.outcome == "kept" else who.still).append(waited)
    return tuple(
        FirstTouch(
            group=name,
            deadline=deadline.name,
            stage=deadline.stage,
            assigned_to=person,
            visits=len(who.ended) + len(who.still),
            kept=len(who.ended),
            missed=len(who.still),
            median=who.quantiles(0.5)[0],
        )
        for name in scope.groups(times)
        for deadline in scope.model.deadlines
        for (key, rule, person), who in sorted(times.items(), key=lambda item: in_order(item[0][2]))
        if (key, rule) == (name, deadline.name)
    )


@InParts
def overdue(scope: Scope) -> Measuring[tuple[Overdue, ...]]:
    """The people who, at the end of the window, are in a stage whose deadline was missed by then,
    whenever they entered it; the longest overdue first.

    Raises:
        LifecycleError: the scope has no outcomes of deadlines.
    """
    need_deadlines(scope)
    group, watching = scope.group, _by_stage(scope)
    rows: list[Overdue] = []
    while (walks := (yield)) is not None:
        rows += (
            Overdue(
                group=group(visit),
                person=visit.person,
                deadline=name,
                stage=visit.stage,
                since=visit.entered,
                due=fact.due_at,
                owner=fact.owner,
                assigned_to=fact.assigned_to,
            )
            for visit in scope.present(walks)
            for name in watching.get(visit.stage, ())
            if (fact := scope.fact(visit, name, before=scope.end)) and fact.outcome == "missed"
        )
    return scope.named(sorted(rows, key=lambda row: (row.due, row.person, row.deadline)))


def need_deadlines(scope: Scope) -> None:
    """Check that the outcomes of deadlines are known, if the model has deadlines.

    Raises:
        LifecycleError: they are not; the message says how to get them.
    """
    if scope.model.deadlines and scope.facts is None:
        raise ImpossibleMeasure(
            "kept and missed deadlines are read from the table `deadlines`, which `run` writes "
            "beside the history: run the files again, or say where it is (--deadlines FILE, or "
            "deadlines=… in Python)"
        )


def _by_stage(scope: Scope) -> dict[str, list[str]]:
    watching: dict[str, list[str]] = {}
    for deadline in scope.model.deadlines:
        watching.setdefault(deadline.stage, []).append(deadline.name)
    return watching
