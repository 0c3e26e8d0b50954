"""One part of a log through the model: the tables of its people, and what a summary needs."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any, Literal, TypeAlias

import attrs

from lifecycle_fsm.activities import Activity, by_event
from lifecycle_fsm.funnel import Counts, Reading, combined, observe, on_pictures
from lifecycle_fsm.garbage import without_cycles
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Engine
from lifecycle_fsm.parts.spool import Place
from lifecycle_fsm.tables import (
    DEADLINES,
    DECISIONS,
    OWNERS,
    REQUESTS,
    Column,
    TableWriter,
    address_owners,
    history_columns,
    opportunity_columns,
    opportunity_rows,
    people_columns,
)

Order: TypeAlias = Literal["event", "arrival"]
#: The tables of a run, and the column that has the id of the person, by which they are sorted.
TABLES: Mapping[str, str] = {
    "decisions": "person",
    "requests": "person",
    "people": "id",
    "history": "person",
    "deadlines": "person",
    "opportunities": "person",
    "owners": "address",
}
#: How many of the latest activities are remembered, to notice a date that is wrong.
LATEST = 21


_END = datetime.max.replace(tzinfo=UTC)
_FIRST, _RESULT, _REQUESTS = itemgetter(0), attrgetter("result"), attrgetter("requests")
#: How many decisions are counted at once.
_BATCH = 500


@attrs.frozen
class Contradiction:
    """An activity that contradicts another one.

    Args:
        activity: the refused activity.
        place: where it comes from.
        reason: why it was refused.
        other: the activity with the same id that counts, and ``there`` where it comes from.
    """

    activity: Activity
    place: Place
    reason: str
    other: Activity | None = None
    there: Place | None = None


@attrs.frozen
class Waits:
    """An activity that waits, at the end of a run, for a person whom nobody has created.

    Args:
        person: the id of that person.
        place: where the activity comes from.
        created: whether the files create the person later than the run ends.
    """

    person: str
    place: Place
    created: bool


@attrs.define
class PartResult:
    """What a summary tells of one part, or of several that were added with ``+=``.

    Args:
        people: how many people there are.
        merged: how many records were merged into others.
        applied: how many activities were applied; ``left_out`` came after the end of the run.
        results: how many decisions there are, by result.
        late: how many activities were late, by kind.
        requests: how many requests there are, by state.
        deadlines: how many deadlines were kept, missed and void, by rule.
        waits: the activities that are held.
        parked: the errors that stop a person, by id.
        refused: activities that contradict others.
        files: how many activities were applied, by the number of their file.
        first: the time of the first activity.
        latest: the latest activities, each with its place; the latest of all first.
        counts: the funnel, by reading.
    """

    people: int = 0
    merged: int = 0
    applied: int = 0
    left_out: int = 0
    results: Counter[str] = attrs.field(factory=Counter)
    late: Counter[str] = attrs.field(factory=Counter)
    requests: Counter[str] = attrs.field(factory=Counter)
    deadlines: dict[str, Counter[str]] = attrs.field(factory=dict)
    waits: list[Waits] = attrs.field(factory=list)
    parked: dict[str, list[str]] = attrs.field(factory=dict)
    refused: list[Contradiction] = attrs.field(factory=list)
    files: Counter[int] = attrs.field(factory=Counter)
    first: datetime | None = None
    latest: list[tuple[datetime, Place]] = attrs.field(factory=list)
    counts: dict[Reading, Counts] = attrs.field(factory=dict)

    def __iadd__(self, other: PartResult) -> PartResult:
        self.people += other.people
        self.merged += other.merged
        self.applied += other.applied
        self.left_out += other.left_out
        self.results.update(other.results)
        self.late.update(other.late)
        self.requests.update(other.requests)
        self.files.update(other.files)
        for name, outcomes in other.deadlines.items():
            self.deadlines.setdefault(name, Counter()).update(outcomes)
        self.waits += other.waits
        self.parked |= other.parked
        self.refused += other.refused
        firsts = [at for at in (self.first, other.first) if at is not None]
        self.first = min(firsts, default=None)
        self.latest = _latest([*self.latest, *other.latest])
        for reading, counts in other.counts.items():
            ours = self.counts.get(reading)
            self.counts[reading] = counts if ours is None else combined([ours, counts])
        return self


def _latest(activities: Iterable[tuple[datetime, Place]]) -> list[tuple[datetime, Place]]:
    """The latest activities, and of those at one instant the first in the files."""
    kept = list(activities)
    if len(kept) > LATEST:  # most are earlier than any of them
        least = sorted(map(_FIRST, kept))[-LATEST]
        kept = [latest for latest in kept if latest[0] >= least]
    return heapq.nsmallest(LATEST, kept, key=lambda latest: (_END - latest[0], latest[1]))


class PartRun:
    """Runs the activities of some people, and of all records that are merged with them.

    Args:
        engine: the compiled model.
        tables: whether tables are wanted beside the result.
    """

    def __init__(self, engine: Engine, *, tables: bool = True) -> None:
        self._lifecycle = Lifecycle(engine, record=self._record)
        self._decisions = TableWriter(DECISIONS) if tables else None
        self._requests = TableWriter(REQUESTS)
        self._late: dict[tuple[str, str | None], str] = {}
        self._made: list[Decision] = []
        self._rejected: list[Decision] = []
        self._result = PartResult()

    def _record(self, decision: Decision) -> None:
        self._made.append(decision)
        if decision.result == "rejected":
            self._rejected.append(decision)
        if len(self._made) >= _BATCH:
            self._take()

    def _take(self) -> None:
        """Count the decisions since the last time, and add them to the tables."""
        made, result = self._made, self._result
        result.results.update(map(_RESULT, made))
        requests = [*chain.from_iterable(map(_REQUESTS, made))]
        result.requests.update(request.state for request in requests)
        for decision in made:
            if decision.late:  # of an activity that is asked for later there are several
                self._late[decision.person, decision.activity] = decision.kind or "time"
        if self._decisions is not None:
            self._decisions.extend(made)
            self._requests.extend(requests)
        made.clear()

    def run(
        self,
        log: Iterable[tuple[Activity, Place]],
        *,
        order: Order,
        end: datetime | None,
        until: datetime | None = None,
    ) -> PartResult:
        """Apply a log, let time pass, and count.

        Args:
            log: the activities in the order in which they came, each with its place.
            order: whether they are applied by event or as they came [S19].
            end: up to when time passes, for the parts of one log the same; ``None`` if there is no
                activity at all.
            until: what happened later is left out.
        """
        with without_cycles():
            read = list(log)
            self._apply([activity for activity, _ in read], read, order, until)
            if end is not None:
                self._lifecycle.tick(end)
            self._take()
            self._count(end, until)
            return self._result

    def _apply(
        self,
        activities: list[Activity],
        read: list[tuple[Activity, Place]],
        order: Order,
        until: datetime | None,
    ) -> None:
        result, lifecycle = self._result, self._lifecycle
        lifecycle.expect_processed(
            activity.person for activity in activities if activity.kind == "processed"
        )
        if until is not None:
            activities = [activity for activity in activities if activity.at <= until]
        if order == "event":
            activities = by_event(activities)
        refused: list[tuple[Activity, str]] = []
        waiting: dict[str | None, list[Activity]] = {}  # by id, which others may have as well
        for activity in activities:
            answer = lifecycle.apply(activity)
            if answer.result == "held":
                waiting.setdefault(activity.id, []).append(activity)
            if self._rejected:
                refused += [  # where it is not this activity, one has waited for it
                    (activity if row is answer else self._of(row, waiting), row.reason)
                    for row in self._rejected
                ]
                self._rejected.clear()
        held = [(name, row) for name, rows in lifecycle.held.items() for row in rows]
        others = _that_count(activities, [activity for activity, _ in refused])
        wanted = {id(activity) for activity, _ in refused}
        wanted |= {id(activity) for _, activity in held} | set(map(id, others.values()))
        places = {id(activity): place for activity, place in read if id(activity) in wanted}
        for activity, reason in refused:
            other = others.get((activity.person, activity.id))
            there = None if other is None else places[id(other)]
            result.refused.append(
                Contradiction(activity, places[id(activity)], reason, other, there)
            )
        created = {activity.person for activity, _ in read if activity.kind == "created"}
        result.waits = [
            Waits(name, places[id(activity)], name in created) for name, activity in held
        ]
        kept = [
            (activity.at, place)
            for activity, place in read
            if until is None or activity.at <= until
        ]
        result.applied = len(activities)
        result.left_out = len(read) - len(kept)
        result.files = Counter(place.file for _, place in kept)
        result.first = min((at for at, _ in kept), default=None)
        result.latest = _latest(kept)

    def _of(self, decision: Decision, waiting: Mapping[str | None, Sequence[Activity]]) -> Activity:
        """The activity of a decision, among those that have waited: one of the same person."""
        people = self._lifecycle

        def survivor(person: str) -> str:
            return people.person(person).id if person in people else person

        same = [
            activity
            for activity in waiting[decision.activity]
            if (activity.kind, activity.at) == (decision.kind, decision.at)
        ]
        theirs = (
            activity for activity in same if survivor(activity.person) == survivor(decision.person)
        )
        return next(theirs, same[0])

    def _count(self, end: datetime | None, until: datetime | None) -> None:
        result, lifecycle = self._result, self._lifecycle
        result.people, result.merged = len(lifecycle), len(lifecycle.merged)
        result.late = Counter(self._late.values())
        result.parked = {
            person: [parked.error for parked in waiting]
            for person, waiting in lifecycle.parked.items()
        }
        for fact in lifecycle.deadlines:
            result.deadlines.setdefault(fact.rule, Counter())[fact.outcome] += 1
        window_end = None
        if until is not None:
            with suppress(OverflowError):  # a window ends before its end, and this one after it
                window_end = until + timedelta(microseconds=1)
        scope = observe(lifecycle.history, lifecycle.model, window=(None, window_end), until=end)
        result.counts = on_pictures(scope)

    def tables(self) -> Iterator[tuple[str, Any]]:
        """The tables by name as data frames, one after the other, each sorted by person; the rows
        of one person are in the order in which they were made. Each is made when it is asked for,
        and the run keeps none; after the last, it keeps no people either."""
        lifecycle = self._lifecycle
        records: dict[str, Iterable[Any]] = {"owners": address_owners(lifecycle)}
        if self._decisions is not None:
            records |= {
                "people": lifecycle,
                "history": lifecycle.history,
                "deadlines": lifecycle.deadlines,
                "opportunities": opportunity_rows(lifecycle, lifecycle.model),
            }
        columns = table_columns(lifecycle.model)
        for name, key in TABLES.items():
            if name in records:
                writer: TableWriter[Any] = TableWriter(columns[name], records[name])
            elif self._decisions is None:
                continue
            else:
                writer = self._decisions if name == "decisions" else self._requests
            yield name, writer.take().sort(key, maintain_order=True)
        lifecycle.release()
        del self._lifecycle  # it knows this run


def table_columns(model: Model) -> Mapping[str, Sequence[Column[Any]]]:
    """The columns of each table."""
    mail = {stage.name: stage.mail for stage in model.stages if stage.mail}
    kept = {name: model.field_types[name] for name in model.dimensions}
    return {
        "people": people_columns(model.field_types, mail),
        "history": history_columns(kept),
        "deadlines": DEADLINES,
        "opportunities": opportunity_columns(kept),
        "decisions": DECISIONS,
        "requests": REQUESTS,
        "owners": OWNERS,
    }


def _that_count(
    activities: Iterable[Activity], refused: Sequence[Activity]
) -> dict[tuple[str, str], Activity]:
    """The first activity with the id of each refused one that was not refused itself."""
    others: dict[tuple[str, str], Activity] = {}
    if refused:
        keys = {(activity.person, activity.id) for activity in refused}
        not_these = set(map(id, refused))
        for activity in activities:
            key = activity.person, activity.id
            if key in keys and id(activity) not in not_these:
                others.setdefault(key, activity)
    return others
