"""What is measured: a history, how far it is known, the window, and the selected part [S25][S26].

All measures take a scope, so that one report describes the same people and times throughout, and
each measure names its window and zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, get_args

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import Value, to_utc
from lifecycle_fsm.funnel.journey_filter import check_kept, filtered, read_filter
from lifecycle_fsm.funnel.visits import Visit, Walk, walks
from lifecycle_fsm.guard import Guard, label, to_text
from lifecycle_fsm.history import DeadlineFact, HistoryRow, VisitKey
from lifecycle_fsm.model import Model, Stage
from lifecycle_fsm.zones import find_zone

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


@attrs.frozen(kw_only=True, eq=False)
class Scope:
    """A history and the part of it that is measured; made by :func:`observe`.

    Args:
        model: the model of the history.
        walks: the visits of everybody, as known at ``until``; see :func:`.walks`.
        start, end: the window, from (included) and to (excluded); ``None`` is open.
        until: the end of the known history, included; ``None`` if the history is empty.
        zone: the zone in which days begin and reports show times.
        journeys: all, each person's first, or all but the first (R33).
        by: the field that defines the groups.
        where: the filter that the journeys in ``walks`` passed; see :mod:`.journey_filter`.
        version: only what this version of the model did.
        facts: the outcomes of deadlines, by the key of the visit and the name of the deadline;
            ``None`` if they are not known.
        contacts: who people are, by id.
        current: whether the window ends where the known history does.
    """

    model: Model
    walks: tuple[Walk, ...]
    start: datetime | None = None
    end: datetime | None = None
    until: datetime | None = None
    zone: str = "UTC"
    journeys: Journeys = "all"
    by: str | None = None
    where: Guard | None = None
    version: str | None = None
    facts: Mapping[tuple[VisitKey, str], DeadlineFact] | None = None
    contacts: Mapping[str, Contact] = attrs.field(factory=dict)
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

    def began(self, visit: Visit) -> bool:
        """Whether a visit belongs to what is measured and began in the window."""
        return self.inside(visit.entered) and self.counts(visit)

    def visits(self) -> Iterator[Visit]:
        """The visits of all times that belong to what is measured, ordered by person id."""
        return (visit for walk in self.walks for visit in walk if self.counts(visit))

    def cohort(self) -> Iterator[Visit]:
        """The visits that began in the window, watched until the end of the known history."""
        return (visit for walk in self.walks for visit in walk if self.began(visit))

    def present(self) -> Iterator[Visit]:
        """The visits that are open at the end of the window."""
        end = self.end
        for visit in self.visits():
            if (end is None or visit.entered < end) and (
                visit.left is None or (end is not None and visit.left >= end)
            ):
                yield visit

    def fact(
        self, visit: Visit, deadline: str, before: datetime | None = None
    ) -> DeadlineFact | None:
        """The outcome of a deadline in a visit, as known at the end of the known history or
        ``before`` an instant; ``None`` if it was not decided by then."""
        fact = (self.facts or {}).get((visit.entry.visit, deadline))

        def known(at: datetime) -> bool:
            return (self.until is None or at <= self.until) and (before is None or at < before)

        if fact is None or known(fact.decided_at):
            return fact
        if fact.late and known(fact.due_at):  # it was missed until an activity came late
            return attrs.evolve(fact, outcome="missed", decided_at=fact.due_at, late=False)
        return None

    def contact(self, visit: Visit, owner: str | None, assigned_to: str | None) -> Contact:
        """Whose visit it is, and who is responsible today. If today's values are not known or not
        wanted, the given ones are used."""
        known = self.contacts.get(visit.person)
        if known is None or not self.current:
            return attrs.evolve(known or Contact(), owner=owner, assigned_to=assigned_to)
        return known

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
        rows: the history of all persons, in any order.
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
    rows = list(rows)
    if by is not None:
        check_kept(by, OWN_FIELDS, "split", rows, model)
    guard = None if where is None else read_filter(where, rows, model)
    if until is not None:
        until = to_utc(until)
    every = walks(rows, model, until)
    last = max((row.now for row in rows), default=None)
    ends = [at for at in (until, end) if at is not None]
    return Scope(
        model=model,
        walks=every if guard is None else tuple(filtered(every, guard, model)),
        start=start,
        end=end,
        until=until or last,
        zone=zone,
        journeys=journeys,
        by=by,
        where=guard,
        facts=None if deadlines is None else {(fact.visit, fact.rule): fact for fact in deadlines},
        contacts={person.id: Contact.of(person) for person in people or ()},
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
