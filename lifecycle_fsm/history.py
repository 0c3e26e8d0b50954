"""The history of a person: one row for each stage change, appended and never edited [S25].

Everything that is ever counted about a lifecycle is a view of these rows; stamps are the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Literal, NamedTuple, TypeAlias

import attrs

from lifecycle_fsm.fields import Value

MoveKind: TypeAlias = Literal["enter", "step", "fast_track", "detour", "return", "merge", "migrate"]
VisitKey: TypeAlias = tuple[str, int, str, datetime]


@attrs.frozen
class HistoryRow:
    """One change of stage.

    ``at`` is when its cause says it happened, ``now`` the person's clock when it was applied; they
    differ where the cause came late. All times are UTC. ``passed_over`` names the path stages that
    the move went past: with ``credit`` they count as passed over, without it they count nowhere
    [S6][S26]. ``owner`` and ``source`` are as they were at that moment, and so are the model's
    ``dimensions`` in ``kept``, by name.

    A merge [S23] leaves a row of the kind ``merge`` with both: that of the loser leads nowhere
    (``to_stage`` is empty); that of the survivor leads from its stage to itself where it stays
    there, and then is no visit (:attr:`visits`).
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
        """Whether the row begins a visit of a stage; a merge goes on with one that began before."""
        return bool(self.to_stage) and self.kind != "merge"

    @property
    def visit(self) -> VisitKey:
        """The visit that the row begins or, at a merge, goes on with, told apart from all others:
        its journey by record and number, its stage, and when it began."""
        return self.journey_record, self.journey, self.to_stage, self.entered_at

    def value(self, name: str) -> Value:
        """What ``owner``, ``assigned_to``, ``source`` or a dimension was at that moment; nothing
        where the model does not keep it."""
        if name in ("owner", "assigned_to", "source"):
            value: Value = getattr(self, name)
            return value
        return next((value for kept, value in self.kept if kept == name), None)


class Hop(NamedTuple):
    """What the rows of many persons have in common: one object for all of them.

    A person keeps its rows as one flat tuple, four places each, because a million persons keep
    several rows each: a row object for every hop would be most of the memory.
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
    # None is the person's own record and the row's own instant, so that people share the hop.
    journey_record: str | None = None
    entered_at: datetime | None = None


#: One shared hop for the same values; bounded, because a journey number has no bound.
shared_hop = lru_cache(maxsize=65536)(Hop)

#: How many places one row takes in a packed history: hop, at, now, activity.
ROW = 4
Packed: TypeAlias = tuple[Any, ...]


def pack(row: HistoryRow) -> Packed:
    """The four places of a row in a packed history."""
    hop = shared_hop(
        row.from_stage, row.to_stage, row.kind, row.rule, row.trigger, row.journey,
        row.passed_over, row.credit, row.owner, row.source, row.version, row.late,
        row.kept, row.assigned_to,
        None if row.journey_record == row.person else row.journey_record,
        None if row.entered_at == row.now else row.entered_at,
    )  # fmt: skip
    return hop, row.at, row.now, row.activity


def unpack(person: str, packed: Packed, first: int = 1) -> Iterator[HistoryRow]:
    """The rows of a packed history, or of a part of it that begins with sequence ``first``."""
    for at in range(0, len(packed), ROW):
        hop, when, now, activity = packed[at : at + ROW]
        yield HistoryRow(
            person, first + at // ROW, when, now, hop.from_stage, hop.to_stage, hop.kind, hop.rule,
            hop.trigger, activity, hop.journey, hop.passed_over, hop.credit, hop.owner, hop.source,
            hop.version, hop.late, hop.kept, hop.assigned_to, hop.journey_record or person,
            hop.entered_at or now,
        )  # fmt: skip


DeadlineOutcome: TypeAlias = Literal["kept", "missed", "void"]


# Not frozen, though nobody changes one, for the same reason as a decision: it is made in a hurry.
@attrs.define(unsafe_hash=True)
class DeadlineFact:
    """What became of one deadline in one visit, recorded when it was decided [S21].

    A deadline is *kept* where the person left the stage, or its condition ceased to hold, by
    ``due_at``; *missed* where neither had happened by then; *void* where its condition never held.
    A visit that a merge ended decides nothing [S23].

    Args:
        person: the id of the person.
        rule: the name of the deadline.
        stage: the stage of the visit.
        journey_record, journey: the journey of the visit, as in :class:`HistoryRow`.
        entered_at: when the visit began.
        due_at: until when the deadline could be kept, fixed when the visit began.
        outcome: ``kept``, ``missed`` or ``void``.
        decided_at: the person's clock when that was decided.
        owner, assigned_to: who owned the person, and who was assigned, before the activity that
            decided it.
        late: whether an activity that came late turned ``missed`` into ``kept``.
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
        """The visit, as :attr:`HistoryRow.visit` has it."""
        return self.journey_record, self.journey, self.stage, self.entered_at


@attrs.frozen
class Stamp:
    """When one stage was entered [S25]: first, latest, how often, and how long in all.

    ``total`` is the time of all visits; that of an open visit runs to ``until`` of
    :func:`stamps`. A stage that was only passed over has no stamp.
    """

    stage: str
    first: datetime
    latest: datetime
    visits: int
    total: timedelta


def stamps(rows: Iterable[HistoryRow], until: datetime | None = None) -> Mapping[str, Stamp]:
    """The stamps of one person, by stage, in the order of first entry.

    Args:
        rows: the history of one person, in sequence.
        until: where the open visit ends; without it that visit counts no time yet.
    """
    stamps_by_stage: dict[str, Stamp] = {}
    ordered: list[HistoryRow] = []
    for row in rows:
        # The survivor of a merge may just go on with its own visit [S23].
        goes_on = row.from_stage == row.to_stage and (
            row.kind != "merge" or not ordered or row.entered_at == ordered[-1].entered_at
        )
        if not goes_on:
            ordered.append(row)
    for row, after in zip_longest(ordered, ordered[1:]):
        if not row.to_stage:
            continue  # folded into somebody else: in no stage any more
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
