"""The visits of a history by day, as arrays: all that a forecast reads."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from functools import cached_property
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import EVERYBODY, Scope, Visit, Walk
from lifecycle_fsm.zones import find_zone

#: An array of numpy, which is imported late.
Numbers: TypeAlias = Any
#: The state after a visit that is open or that a migration ended: it was watched until then.
WATCHED = -1
_FOREVER = float("inf")
#: A history of more days has a wrong time in it.
_LONGEST = 36_525


@attrs.frozen(eq=False)
class VisitDays:
    """Visits; those that agree in everything are counted together. Days are numbers, as in
    :meth:`datetime.date.toordinal`.

    The states are the stages of the model, and after them the last stage of the path for people
    whom the sort sent there. The state after a visit that a merge ended is the number of states.

    Args:
        states: how many states there are.
        initial: the state of original processing.
        groups: the names of the groups.
        first, until: the first day of the history, and the first day that is not known.
        state, after: of each visit, its state, and the one that followed; else :data:`WATCHED`.
        group, regroup: the place of its group, and of the group of the visit that followed.
        entered, left: the days on which it began and ended; ``until`` while it is open.
        arrives: whether a person entered the lifecycle with it.
        moved: whether it counts as an entry, unlike what a migration began.
        count: how many visits these are.
    """

    states: int
    initial: int
    groups: tuple[str, ...]
    first: int
    until: int
    state: Numbers
    after: Numbers
    group: Numbers
    regroup: Numbers
    entered: Numbers
    left: Numbers
    arrives: Numbers
    moved: Numbers
    count: Numbers

    @cached_property
    def entries(self) -> Numbers:
        """The entries by day since ``first``, state and group."""
        return self._by_day(self.moved)

    @cached_property
    def arrivals(self) -> Numbers:
        """Of these, the ones with which people entered the lifecycle."""
        return self._by_day(self.arrives)

    @property
    def length(self) -> int:
        """How many days are known."""
        return self.until - self.first

    @cached_property
    def whole(self) -> VisitDays:
        """The same visits in one group."""
        if len(self.groups) == 1:
            return self
        together = self.group * 0
        return attrs.evolve(self, groups=(EVERYBODY,), group=together, regroup=together)

    def _by_day(self, which: Numbers) -> Numbers:
        import numpy as np

        shape = (self.length, self.states, len(self.groups))
        keys = (self.entered[which] - self.first, self.state[which], self.group[which])
        places = np.ravel_multi_index(keys, shape)
        counts = np.bincount(places, self.count[which], int(np.prod(shape)))
        return counts.reshape(shape)


class DayCollector:
    """Collects the visits of a scope, part by part."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._places = {stage.name: place for place, stage in enumerate(scope.model.stages)}
        self._groups: dict[str, int] = {}
        self._columns: tuple[Any, ...] = tuple(array(code) for code in "bbiibbdd")

    def add(self, walks: Iterable[Walk]) -> None:
        """Add the visits of a part."""
        model, places, groups = self._scope.model, self._places, self._groups
        last, sorts = model.path[-1].name, {rule.name for rule in model.sort}
        contacts, name_group = len(places), self._scope.group
        state, after, group, regroup, arrives, moved, entered, left = self._columns
        for walk in walks:
            before: Visit | None = None
            for visit in walk:
                entry, end, stage = visit.entry, visit.exit, visit.stage
                place = contacts if stage == last and entry.rule in sorts else places[stage]
                number = groups.setdefault(name_group(visit), len(groups))
                if before is not None and before.exit is entry and entry.kind != "migrate":
                    after[-1], regroup[-1] = place, number
                before = visit
                state.append(place)
                after.append(contacts + 1 if end is not None and end.kind != "migrate" else WATCHED)
                group.append(number)
                regroup.append(number)
                arrives.append(entry.from_stage is None)
                moved.append(entry.kind not in ("merge", "migrate"))
                entered.append(visit.entered.timestamp())
                left.append(_FOREVER if visit.left is None else visit.left.timestamp())

    def days(self) -> VisitDays | None:
        """All visits by day; ``None`` if there are none."""
        import numpy as np

        until = self._scope.until
        *columns, entered, left = map(np.asarray, self._columns)
        if until is None or not len(entered):
            return None
        first, midnights = _midnights(float(entered.min()), until, self._scope.zone)
        began, ended = (np.searchsorted(midnights, at, "right") - 1 for at in (entered, left))
        is_open = left == _FOREVER
        # A day of which an instant is known is over; people were watched up to the next.
        end = int(np.searchsorted(midnights, until.timestamp(), "left"))
        end = max(end, int(began.max()) + 1, int(ended[~is_open].max(initial=-1)) + 1)
        columns[1] = columns[1] - WATCHED
        columns += [began, np.where(is_open, end, ended)]
        shape = [int(column.max()) + 1 for column in columns]
        # Counted by a number for each combination: there are few of them for so many visits.
        keys, count = np.unique(np.ravel_multi_index(columns, shape), return_counts=True)
        state, after, group, regroup, arrives, moved, began, ended = np.unravel_index(keys, shape)
        return VisitDays(
            states=len(self._places) + 1, initial=self._places[self._scope.model.initial.name],
            groups=tuple(self._groups), first=first, until=first + end, state=state,
            after=after + WATCHED, group=group, regroup=regroup, entered=first + began,
            left=first + ended, arrives=arrives == 1, moved=moved == 1, count=count,
        )  # fmt: skip


def _midnights(earliest: float, until: datetime, zone_name: str) -> tuple[int, Numbers]:
    """The number of the first day, and the instants at which it and the next days begin."""
    import numpy as np

    zone = find_zone(zone_name)
    first = datetime.fromtimestamp(earliest, zone).date()
    days = (until.astimezone(zone).date() - first).days + 2
    if days > _LONGEST:
        raise LifecycleError(
            f"the history is known from {first} to {until:%Y-%m-%d}, and a forecast needs at most "
            "a century: a time in it, or until when it is known, is wrong"
        )
    starts = (datetime.combine(first + timedelta(day), time(), zone) for day in range(days))
    return first.toordinal(), np.array([start.timestamp() for start in starts])
