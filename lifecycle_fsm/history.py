"""The history of a person: one row for each stage change, appended and never edited [S25].

All figures about a lifecycle are views of these rows; the first such view is the stamps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from itertools import zip_longest
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

import attrs

from lifecycle_fsm.fields import Value

#: The fields of a person whose values every row keeps, beside the dimensions of the model.
KEPT_FIELDS = ("owner", "assigned_to", "source")

MoveKind: TypeAlias = Literal["enter", "step", "fast_track", "detour", "return", "merge", "migrate"]
VisitKey: TypeAlias = tuple[str, int, str, datetime]


# Not frozen, for speed, as with a decision; no code changes one.
@attrs.define(unsafe_hash=True)
class HistoryRow:
    """One change of stage.

    ``at`` is when the cause says that it happened; ``now`` is the person's clock when it was
    applied. They differ if the cause arrived late. All times are UTC. ``passed_over`` names the
    path stages that the move skipped: with ``credit`` they count as passed over, without it they do
    not count at all [S6][S26]. ``owner`` and ``source`` have their values of that moment, and so do
    the model's ``dimensions``, by name, in ``kept``.

    A merge [S23] adds a row of kind ``merge`` to both records. The row of the loser has an empty
    ``to_stage``. If the survivor stays in its stage, its row leads from that stage to the same
    stage, and is not a visit (:attr:`visits`).
    """

    person: str
    sequence: int
    at: datetime
    now: datetime
    from_stage: str | None
    to_stage: str
    kind: MoveKind
    rule: str
    trigger: str | None
    activity: str | None
    journey: int
    passed_over: tuple[str, ...]
    credit: bool
    owner: str | None
    source: str | None
    version: str
    late: bool
    kept: tuple[tuple[str, Value], ...] = ()
    assigned_to: str | None = None
    journey_record: str = attrs.Factory(lambda self: self.person, takes_self=True)
    entered_at: datetime = attrs.Factory(lambda self: self.now, takes_self=True)

    @property
    def visits(self) -> bool:
        """Whether the row begins a visit of a stage; a merge row continues an earlier visit."""
        return bool(self.to_stage) and self.kind != "merge"

    @property
    def visit(self) -> VisitKey:
        """The key of the visit that the row begins or, in a merge, continues: the record and number
        of its journey, its stage, and when it began."""
        return self.journey_record, self.journey, self.to_stage, self.entered_at

    def value(self, name: str) -> Value:
        """The value that ``owner``, ``assigned_to``, ``source`` or a dimension had at that moment;
        ``None`` if the model does not keep it."""
        if name in KEPT_FIELDS:
            value: Value = getattr(self, name)
            return value
        for kept, value in self.kept:
            if kept == name:
                return value
        return None


class Hop(NamedTuple):
    """The part of a row that many people share: one object for all of them.

    A person keeps its rows in one flat tuple, four items each. A million people have several rows
    each, and a row object for each hop would take most of the memory.
    """

    from_stage: str | None
    to_stage: str
    kind: MoveKind
    rule: str
    trigger: str | None
    journey: int
    passed_over: tuple[str, ...]
    credit: bool
    owner: str | None
    source: str | None
    version: str
    late: bool
    kept: tuple[tuple[str, Value], ...] = ()
    assigned_to: str | None = None
    # None means the person's own record or the row's own time, so that people can share a hop.
    journey_record: str | None = None
    entered_at: datetime | None = None


#: Equal hops are shared; bounded, because journey numbers are unbounded.
shared_hop = lru_cache(maxsize=65536)(Hop)

#: How many items one row takes in a packed history: hop, at, now, activity.
ROW = 4
Packed: TypeAlias = tuple[Any, ...]


def pack(row: HistoryRow) -> Packed:
    """The four items of a row in a packed history."""
    hop = shared_hop(
        row.from_stage, row.to_stage, row.kind, row.rule, row.trigger, row.journey,
        row.passed_over, row.credit, row.owner, row.source, row.version, row.late,
        row.kept, row.assigned_to,
        None if row.journey_record == row.person else row.journey_record,
        None if row.entered_at == row.now else row.entered_at,
    )  # fmt: skip
    return hop, row.at, row.now, row.activity


def unpack(person: str, packed: Packed, first: int = 1) -> Iterator[HistoryRow]:
    """The rows of a packed history, or of a part that begins at sequence number ``first``."""
    for at in range(0, len(packed), ROW):
        hop, when, now, activity = packed[at : at + ROW]
        yield HistoryRow(
            person, first + at // ROW, when, now, hop.from_stage, hop.to_stage, hop.kind, hop.rule,
            hop.trigger, activity, hop.journey, hop.passed_over, hop.credit, hop.owner, hop.source,
            hop.version, hop.late, hop.kept, hop.assigned_to, hop.journey_record or person,
            hop.entered_at or now,
        )  # fmt: skip


DeadlineOutcome: TypeAlias = Literal["kept", "missed", "void"]


# Not frozen, like a row.
@attrs.define(unsafe_hash=True)
class DeadlineFact:
    """The outcome of one deadline in one visit, recorded when it was decided [S21].

    A deadline is *kept* if the person left the stage, or its condition ceased to hold, by
    ``due_at``; *missed* if neither had happened by then; *void* if its condition never held. A
    visit that a merge ended has no outcome [S23].

    Args:
        person: the id of the person.
        rule: the name of the deadline.
        stage: the stage of the visit.
        journey_record, journey: the journey of the visit, as in :class:`HistoryRow`.
        entered_at: when the visit began.
        due_at: the latest time at which the deadline could be kept, fixed when the visit began.
        outcome: ``kept``, ``missed`` or ``void``.
        decided_at: the person's clock when the outcome was decided.
        owner, assigned_to: the person's owner and assignee before the activity that decided it.
        late: whether a late activity turned ``missed`` into ``kept``.
    """

    person: str
    rule: str
    stage: str
    journey_record: str
    journey: int
    entered_at: datetime
    due_at: datetime
    outcome: DeadlineOutcome
    decided_at: datetime
    owner: str | None
    assigned_to: str | None
    late: bool = False

    @property
    def visit(self) -> VisitKey:
        """The key of the visit, as in :attr:`HistoryRow.visit`."""
        return self.journey_record, self.journey, self.stage, self.entered_at


T = TypeVar("T")


class StoredTable(ABC, Generic[T]):
    """A table that need not fit into memory. Each iteration reads it anew, row by row."""

    @abstractmethod
    def __iter__(self) -> Iterator[T]:
        """Read all rows."""

    @abstractmethod
    def about(self, records: Collection[str]) -> Iterable[T]:
        """Read the rows about these records."""


class RecordedMove(NamedTuple):
    """A move that rows of a history record: how, from where, to where, and by which rule."""

    kind: MoveKind
    from_stage: str | None
    to_stage: str
    rule: str
    version: str


class StoredHistory(StoredTable[HistoryRow]):
    """A history that need not fit into memory.

    ``moves`` are the moves that occur, ``last`` is the ``now`` of its last row, and ``dimensions``
    are the names of what it keeps. The latter are ``None`` if it has no rows.
    """

    moves: Collection[RecordedMove]
    last: datetime | None
    dimensions: Collection[str] | None

    @abstractmethod
    def parts(self) -> Iterator[list[HistoryRow]]:
        """Read the rows in parts. Each holds all rows of some people, and of the records that were
        merged with them."""


class HistoryInMemory(StoredHistory):
    """A history as a list, which is one part."""

    def __init__(self, rows: Iterable[HistoryRow]) -> None:
        self._rows = list(rows)
        self.last = max((row.now for row in self._rows), default=None)
        kept = {row.kept for row in self._rows}
        self.dimensions = {name for values in kept for name, _ in values} if kept else None

    @cached_property
    def moves(self) -> Collection[RecordedMove]:  # type: ignore[override]
        """The moves that occur."""
        return {
            RecordedMove(row.kind, row.from_stage, row.to_stage, row.rule, row.version)
            for row in self._rows
        }

    def __iter__(self) -> Iterator[HistoryRow]:
        return iter(self._rows)

    def about(self, records: Collection[str]) -> Iterable[HistoryRow]:
        """The rows of these records."""
        return [row for row in self._rows if row.person in records]

    def parts(self) -> Iterator[list[HistoryRow]]:
        """All rows."""
        yield self._rows


@attrs.frozen
class Stamp:
    """The times of one stage [S25]: first and latest entry, number of visits, time in total.

    ``total`` is the time of all visits; an open visit ends at the ``until`` of :func:`stamps`. A
    stage that was only passed over has no stamp.
    """

    stage: str
    first: datetime
    latest: datetime
    visits: int
    total: timedelta


def stamps(rows: Iterable[HistoryRow], until: datetime | None = None) -> Mapping[str, Stamp]:
    """The stamps of one person by stage, in the order of first entry.

    Args:
        rows: the history of one person, in sequence.
        until: the end of the open visit; if omitted, that visit counts as no time.
    """
    stamps_by_stage: dict[str, Stamp] = {}
    ordered: list[HistoryRow] = []
    for row in rows:
        # The survivor of a merge may simply continue its own visit [S23].
        goes_on = row.from_stage == row.to_stage and (
            row.kind != "merge" or not ordered or row.entered_at == ordered[-1].entered_at
        )
        if not goes_on:
            ordered.append(row)
    for row, after in zip_longest(ordered, ordered[1:]):
        if not row.to_stage:
            continue  # a record that was merged into another has no stage
        end = after.now if after else until
        stay = end - row.entered_at if end and end > row.entered_at else timedelta(0)
        before = stamps_by_stage.get(row.to_stage)
        stamps_by_stage[row.to_stage] = (
            Stamp(
                row.to_stage,
                min(before.first, row.entered_at),
                max(before.latest, row.entered_at),
                before.visits + 1,
                before.total + stay,
            )
            if before
            else Stamp(row.to_stage, row.entered_at, row.entered_at, 1, stay)
        )
    return stamps_by_stage
