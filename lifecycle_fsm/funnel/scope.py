"""What is measured: a history, how far it is known, the window, and the selected part [S25][S26].

All measures take a scope, so that one report describes the same people and times throughout, and
each measure names its window and zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from typing import Any, Literal, TypeAlias, TypeVar, get_args

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import Value, to_utc
from lifecycle_fsm.funnel.journey_filter import check_kept, filtered, read_filter
from lifecycle_fsm.funnel.visits import Visit, Walk, walks
from lifecycle_fsm.guard import Guard, label, to_text
from lifecycle_fsm.history import (
    DeadlineFact,
    HistoryInMemory,
    HistoryRow,
    StoredHistory,
    StoredTable,
    VisitKey,
)
from lifecycle_fsm.model import Model, Stage
from lifecycle_fsm.zones import find_zone

#: A row of a list of people, with the fields of a :class:`Contact`.
Listed = TypeVar("Listed", bound=Any)
Reading: TypeAlias = Literal["through", "over"]
Window: TypeAlias = tuple[datetime | None, datetime | None]
Journeys: TypeAlias = Literal["all", "first", "repeat"]

READINGS: tuple[Reading, ...] = ("through", "over")

#: What every history can be split by, besides the dimensions that its model keeps.
OWN_FIELDS = ("owner", "assigned_to", "source", "journey", "rule", "version")
#: The group of visits whose value is unknown.
NOTHING = "(none)"
#: The group of a report that is not split.
EVERYBODY = ""


#: The fields that tell who a person is and who is responsible for them.
CONTACT_FIELDS = ("first_name", "last_name", "company", "email", "owner", "assigned_to")


@attrs.frozen
class Contact:
    """Who a person is and who is responsible for them, as far as that is known."""

    name: str | None = None
    company: str | None = None
    email: str | None = None
    owner: str | None = None
    assigned_to: str | None = None

    @classmethod
    def of(cls, person: Any) -> Contact:
        """The contact of a person, or of any object with such attributes."""
        first, last, *others = (getattr(person, name, None) or None for name in CONTACT_FIELDS)
        return cls(" ".join(filter(None, (first, last))) or None, *others)


class Walks:
    """The walks of a history. Those of a history in memory are made once, others with each reading.

    Args:
        history: the history.
        model, until: see :func:`.walks`.
        where: only the journeys for which this guard holds.
    """

    def __init__(
        self, history: StoredHistory, model: Model, until: datetime | None, where: Guard | None
    ) -> None:
        self._history, self._model, self._until, self._where = history, model, until, where
        self._known = [*self._made()] if isinstance(history, HistoryInMemory) else None

    def keep(self, name: str) -> bool:
        """Whether the history keeps a dimension; one without rows keeps those of the model."""
        kept = self._history.dimensions
        return name in (self._model.dimensions if kept is None else kept)

    def parts(self) -> Iterable[tuple[Walk, ...]]:
        """The walks in parts, each with all walks of some people."""
        return self._made() if self._known is None else self._known

    def _made(self) -> Iterator[tuple[Walk, ...]]:
        for rows in self._history.parts():
            part = walks(rows, self._model, self._until)
            if self._where is not None:
                part = tuple(filtered(part, self._where, self._model))
            yield part

    def __iter__(self) -> Iterator[Walk]:
        return chain.from_iterable(self.parts())


class Facts:
    """The outcomes of deadlines, by the key of the visit and the name of the deadline.

    Of a :class:`.StoredTable`, only the outcomes of the part that is being measured are in memory.
    """

    def __init__(self, facts: Iterable[DeadlineFact]) -> None:
        self._stored = facts if isinstance(facts, StoredTable) else None
        self._walks: Iterable[Walk] = ()
        self._records: set[str] = set()
        self._known = {} if self._stored is not None else _by_visit(facts)

    def turn_to(self, walks: Iterable[Walk]) -> None:
        """From now on the outcomes in these walks are asked for."""
        self._walks, self._records = walks, set()

    def get(self, visit: VisitKey, deadline: str) -> DeadlineFact | None:
        """The outcome of a deadline in a visit, if there is one."""
        if self._stored is not None and visit[0] not in self._records:
            self._records = {at.journey[0] for walk in self._walks for at in walk}
            self._records.add(visit[0])
            self._known = _by_visit(self._stored.about(self._records))
        return self._known.get((visit, deadline))


def _by_visit(facts: Iterable[DeadlineFact]) -> dict[tuple[VisitKey, str], DeadlineFact]:
    return {(fact.visit, fact.rule): fact for fact in facts}


@attrs.frozen(kw_only=True, eq=False)
class Scope:
    """A history and the part of it that is measured; made by :func:`observe`.

    Args:
        model: the model of the history.
        walks: the visits of everybody, as known at ``until``; see :func:`.walks`. Those of a
            :class:`.StoredHistory` are made anew each time, in the order of the file.
        start, end: the window, from (included) and to (excluded); ``None`` is open.
        until: the end of the known history, included; ``None`` if the history is empty.
        zone: the zone in which days begin and reports show times.
        journeys: all, each person's first, or all but the first (R33).
        by: the field that defines the groups.
        where: the filter that the journeys in ``walks`` passed; see :mod:`.journey_filter`.
        version: only what this version of the model did.
        facts: the outcomes of deadlines; ``None`` if they are not known.
        people: who people are.
        current: whether the window ends where the known history does.
    """

    model: Model
    walks: Walks
    start: datetime | None = None
    end: datetime | None = None
    until: datetime | None = None
    zone: str = "UTC"
    journeys: Journeys = "all"
    by: str | None = None
    where: Guard | None = None
    version: str | None = None
    facts: Facts | None = None
    people: Mapping[str, Contact] | StoredTable[Any] = attrs.field(factory=dict)
    current: bool = True

    @property
    def as_of(self) -> datetime | None:
        """The end of the window or of the known history, whichever comes first."""
        if self.end is None or self.until is None:
            return self.end or self.until
        return min(self.end, self.until)

    @property
    def filter_text(self) -> str | None:
        """The filter in the language of guards; ``None`` without one."""
        return None if self.where is None else to_text(self.where)

    @property
    def filter_words(self) -> str:
        """The filter in words; empty without one."""
        return "" if self.where is None else label(self.where, self.model.vocabulary)

    @property
    def window(self) -> Window:
        """The start and the end of the window."""
        return self.start, self.end

    def inside(self, at: datetime) -> bool:
        """Whether an instant lies in the window."""
        return (self.start is None or at >= self.start) and (self.end is None or at < self.end)

    def counts(self, visit: Visit) -> bool:
        """Whether a visit belongs to the journeys and the version that are measured."""
        if self.version is not None and visit.entry.version != self.version:
            return False
        return self.journeys == "all" or (visit.nth == 1) == (self.journeys == "first")

    @cached_property
    def began(self) -> Callable[[Visit], bool]:
        """Whether a visit belongs to what is measured and began in the window."""
        if self.window == (None, None) and self.version is None and self.journeys == "all":
            return lambda visit: True
        return lambda visit: self.inside(visit.entered) and self.counts(visit)

    def parts(self) -> Iterator[Iterable[Walk]]:
        """The walks in parts, each with all walks of some people."""
        for part in self.walks.parts():
            if self.facts is not None:
                self.facts.turn_to(part)
            yield part

    def visits(self, walks: Iterable[Walk] | None = None) -> Iterator[Visit]:
        """The visits of all times that belong to what is measured, of all walks or of these."""
        visits = chain.from_iterable(self.walks if walks is None else walks)
        if self.version is None and self.journeys == "all":
            return visits
        return filter(self.counts, visits)

    def cohort(self, walks: Iterable[Walk] | None = None) -> Iterator[Visit]:
        """Those of them that began in the window, watched until the end of the known history."""
        start, end, visits = self.start, self.end, self.visits(walks)
        if start is None and end is None:
            return visits
        return (
            visit
            for visit in visits
            if (start is None or visit.entered >= start) and (end is None or visit.entered < end)
        )

    def present(self, walks: Iterable[Walk] | None = None) -> Iterator[Visit]:
        """Those of them that are open at the end of the window."""
        end = self.end
        for visit in self.visits(walks):
            if (end is None or visit.entered < end) and (
                visit.left is None or (end is not None and visit.left >= end)
            ):
                yield visit

    def fact(
        self, visit: Visit, deadline: str, before: datetime | None = None
    ) -> DeadlineFact | None:
        """The outcome of a deadline in a visit, as known at the end of the known history or
        ``before`` an instant; ``None`` if it was not decided by then."""
        fact = None if self.facts is None else self.facts.get(visit.entry.visit, deadline)

        def known(at: datetime) -> bool:
            return (self.until is None or at <= self.until) and (before is None or at < before)

        if fact is None or known(fact.decided_at):
            return fact
        if fact.late and known(fact.due_at):  # it was missed until an activity came late
            return attrs.evolve(fact, outcome="missed", decided_at=fact.due_at, late=False)
        return None

    def named(self, rows: Sequence[Listed]) -> tuple[Listed, ...]:
        """The rows of a list of people with who they are, and who is responsible today. If today's
        values are not known or not wanted, those of the rows stay."""
        people = self.people
        if isinstance(people, StoredTable):
            asked = {row.person for row in rows}
            known = {person.id: Contact.of(person) for person in people.about(asked)}
        else:
            known = {row.person: people[row.person] for row in rows if row.person in people}
        names = attrs.fields_dict(Contact)
        if not self.current:
            names = {name: names[name] for name in ("name", "company", "email")}
        return tuple(
            attrs.evolve(row, **{name: getattr(known[row.person], name) for name in names})
            if row.person in known
            else row
            for row in rows
        )

    @property
    def group(self) -> Callable[[Visit], str]:
        """The function that gives the group of a visit: the value at its entry."""
        by = self.by
        match by:
            case None:
                return lambda visit: EVERYBODY
            case "journey":
                return lambda visit: str(visit.nth)
            case "rule" | "version":
                return lambda visit: str(getattr(visit.entry, by))
            case "owner" | "assigned_to" | "source":
                return lambda visit: getattr(visit.entry, by) or NOTHING
        return lambda visit: named(visit.entry.value(by))

    def groups(self, keys: Iterable[tuple[str, *tuple[Any, ...]]]) -> tuple[str, ...]:
        """The groups of a table in order, from the first part of each of its keys; without a split
        there is always one."""
        if self.by is None:
            return (EVERYBODY,)
        return tuple(sorted({key[0] for key in keys}, key=in_order))


def observe(
    rows: Iterable[HistoryRow],
    model: Model,
    *,
    window: Window | None = None,
    until: datetime | None = None,
    zone: str = "UTC",
    journeys: Journeys = "all",
    by: str | None = None,
    where: object = None,
    deadlines: Iterable[DeadlineFact] | None = None,
    people: Iterable[Any] | None = None,
) -> Scope:
    """Define what is measured.

    Args:
        rows: the history of all persons, in any order; a :class:`.StoredHistory` is read part by
            part, each time that something is measured.
        model: the model that wrote it.
        window: from (included) and to (excluded); ``None`` is open.
        until: up to when people were watched; what happened later is left out. By default, the
            history is known up to its last row.
        zone: an IANA name; days, weeks and months begin there.
        journeys: ``all``, ``first`` or ``repeat``.
        by: ``owner``, ``assigned_to``, ``source``, ``journey``, ``rule``, ``version``, or a
            dimension of the history.
        where: only journeys for which this guard holds, as text or as in Python. It may read
            ``owner``, ``assigned_to``, ``source`` and the dimensions of the history, as they were
            when the journey entered its first stage behind original processing.
        deadlines: the outcomes of deadlines, as in ``Lifecycle.deadlines``, for agreements and for
            who is overdue.
        people: the persons; lists of people take names, companies, addresses and today's owners
            from them.

    Raises:
        LifecycleError: the window ends before it starts, the zone or field does not exist, or the
            filter cannot be used.
    """
    start, end = (None if at is None else to_utc(at) for at in window or (None, None))
    if start is not None and end is not None and end < start:
        raise LifecycleError("the window ends before it starts")
    if journeys not in get_args(Journeys):
        raise LifecycleError(f"no journeys named {journeys!r}: use 'all', 'first' or 'repeat'")
    find_zone(zone)
    history = rows if isinstance(rows, StoredHistory) else HistoryInMemory(rows)
    if by is not None:
        check_kept(by, OWN_FIELDS, "split", history, model)
    guard = None if where is None else read_filter(where, history, model)
    if until is not None:
        until = to_utc(until)
    last = history.last
    ends = [at for at in (until, end) if at is not None]
    return Scope(
        model=model,
        walks=Walks(history, model, until, guard),
        start=start,
        end=end,
        until=until or last,
        zone=zone,
        journeys=journeys,
        by=by,
        where=guard,
        facts=None if deadlines is None else Facts(deadlines),
        people=people
        if isinstance(people, StoredTable)
        else {person.id: Contact.of(person) for person in people or ()},
        current=last is None or all(at >= last for at in ends),
    )


def named(value: Value) -> str:
    """A value as the name of a group."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)


def in_order(group: str) -> tuple[bool, int, str]:
    """The sort key of a group: numbers by value, then texts, and unknown last."""
    return group == NOTHING, int(group) if group.isdecimal() else 10**9, group


def local(at: datetime, zone: str) -> datetime:
    """An instant in the zone of a report."""
    return at.astimezone(UTC if zone == "UTC" else find_zone(zone))


def sales_stage(model: Model, name: str | None = None) -> Stage:
    """The stage with which the work of sales begins.

    It is the named stage, or else:

    1. the path stage after the one called ``mql``;
    2. without one, the first path stage owned by another system than original processing;
    3. without one, the third path stage from the end.

    Raises:
        LifecycleError: the named stage is not on the path, or is its first or last stage.
    """
    path, ranks = model.path, model.ranks
    if name is not None:
        stage = model.stage(name)
        if not 0 < ranks.get(name, 0) < len(path) - 1:
            inner = ", ".join(stage.name for stage in path[1:-1]) or "none"
            raise LifecycleError(
                f"the work of sales cannot begin with {name!r}: name a stage of the path between "
                f"the first and the last ({inner})"
            )
        return stage
    rank = ranks.get("mql", 0) + 1
    if 1 < rank < len(path) - 1:
        return path[rank]
    owner = path[0].system
    for stage in path[1:-1]:
        if stage.system and owner and stage.system != owner:
            return stage
    return path[max(min(1, len(path) - 1), len(path) - 3)]
