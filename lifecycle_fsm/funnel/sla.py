"""Agreements kept and missed: a pure function of history and model [S21] (R34)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

import attrs

from lifecycle_fsm.clock.working_time import WorkingTime
from lifecycle_fsm.funnel.ratio import Ratio
from lifecycle_fsm.funnel.scope import Scope
from lifecycle_fsm.funnel.stay import watch
from lifecycle_fsm.funnel.survival import Times
from lifecycle_fsm.funnel.visits import Visit
from lifecycle_fsm.guard import Always
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.agreements import Deadline


@attrs.frozen(kw_only=True)
class Kept:
    """How one deadline was kept by the visits of its stage that began in the window.

    Args:
        group: which of the groups.
        deadline: its name.
        stage: its stage.
        visits: how many visits; ``kept + late + waiting + overdue``.
        kept: left before the due instant, or by an activity at that very instant.
        late: left behind it, or at that instant by time or by an activity that came late.
        waiting: open, and not due yet.
        overdue: open, and the due instant is over.
        median: the median time to leave the stage, with open visits, by :func:`.stays`.
        conditional: the deadline has a guard, which history cannot answer. All visits count here,
            also those that it does not hold for, so the share kept is at least that.
    """

    group: str
    deadline: str
    stage: str
    visits: int
    kept: int
    late: int
    waiting: int
    overdue: int
    median: timedelta | None
    conditional: bool

    @property
    def missed(self) -> int:
        """Late or overdue."""
        return self.late + self.overdue

    @property
    def ratio(self) -> Ratio:
        """Kept, of those for which it is decided."""
        return Ratio(self.kept, self.kept + self.missed)


@attrs.frozen(kw_only=True)
class Overdue:
    """Somebody who is in a stage for longer than was agreed."""

    group: str
    person: str
    deadline: str
    stage: str
    since: datetime
    due: datetime
    owner: str | None


class Dues:
    """When the deadlines of a stage are due.

    A deadline that escalates another counts from the due instant of that one. Hours and days of a
    calendar are those of :class:`.WorkingTime`.
    """

    def __init__(self, model: Model) -> None:
        calendars = {one.name: one for one in model.calendars}
        times = {
            name: WorkingTime(calendars[name] if name else None)
            for name in {one.calendar for one in model.deadlines}
        }
        self._after = {one.name: times[one.calendar].after for one in model.deadlines}
        self._by_stage: dict[str, list[Deadline]] = {}
        for one in model.deadlines:
            self._by_stage.setdefault(one.stage, []).append(one)
        for stage, found in self._by_stage.items():
            self._by_stage[stage] = _escalated_first(found)

    def due(self, visit: Visit) -> Iterator[tuple[Deadline, datetime]]:
        """The deadlines of a visit, each with the instant at which it is due."""
        dues: dict[str, datetime] = {}
        for one in self._by_stage.get(visit.stage, ()):
            start = dues[one.escalates] if one.escalates else visit.entered
            due = dues[one.name] = self._after[one.name](start, one.after)
            yield one, due


def _escalated_first(deadlines: list[Deadline]) -> list[Deadline]:
    ordered: list[Deadline] = []
    waiting = deadlines
    while waiting:
        known = {"", *(one.name for one in ordered)}
        ordered += [one for one in waiting if one.escalates in known]
        waiting = [one for one in waiting if one.escalates not in known]
    return ordered


def agreements(scope: Scope) -> tuple[Kept, ...]:
    """How each deadline of the model was kept, in the order of the model.

    Visits are those that began in the window, as they stood at the end of what is known.

    Raises:
        MissingExtra: scipy is not installed, or the library that knows public holidays.
    """
    deadlines = scope.model.deadlines
    if not deadlines:
        return ()
    dues = Dues(scope.model)
    group, until = scope.group, scope.until
    tally: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(
        lambda: {"kept": 0, "late": 0, "waiting": 0, "overdue": 0}
    )
    times: defaultdict[tuple[str, str], Times] = defaultdict(Times)
    for visit in scope.cohort():
        for deadline, due in dues.due(visit):
            key = group(visit), deadline.name
            tally[key][_verdict(visit, due, until)] += 1
            watch(times[key], visit, scope)
    groups = scope.groups(one for one, _ in tally)
    return tuple(
        Kept(
            group=name,
            deadline=deadline.name,
            stage=deadline.stage,
            visits=sum(tally[name, deadline.name].values()),
            **tally[name, deadline.name],
            median=times[name, deadline.name].quantiles(0.5)[0],
            conditional=not isinstance(deadline.when, Always),
        )
        for name in groups
        for deadline in deadlines
    )


def overdue(scope: Scope) -> tuple[Overdue, ...]:
    """Who is overdue, of the visits that :func:`agreements` counts; the longest overdue first."""
    dues, group, until = Dues(scope.model), scope.group, scope.until
    found = [
        Overdue(
            group=group(visit),
            person=visit.person,
            deadline=deadline.name,
            stage=visit.stage,
            since=visit.entered,
            due=due,
            owner=visit.entry.owner,
        )
        for visit in scope.cohort()
        if visit.left is None
        for deadline, due in dues.due(visit)
        if _verdict(visit, due, until) == "overdue"
    ]
    return tuple(sorted(found, key=lambda one: (one.due, one.person, one.deadline)))


def _verdict(visit: Visit, due: datetime, until: datetime | None) -> str:
    if visit.exit is not None:
        return "kept" if _in_time(visit.exit, due) else "late"
    # At the due instant itself somebody can still be in time.
    return "overdue" if until is not None and until > due else "waiting"


def _in_time(left: HistoryRow, due: datetime) -> bool:
    """Whether a visit ended before its deadline was missed [S20].

    At the due instant activities come first, then the deadline, then the moves of time: rows that
    nothing has caused. An activity that comes late has the clock as its ``now``, and that stands
    at a due instant because the deadline has been missed there.
    """
    if left.now != due:
        return left.now < due
    caused = left.activity is not None or left.trigger is not None
    return caused and not left.late
