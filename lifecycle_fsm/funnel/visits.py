"""The rows of a history as visits: each from the row that entered a stage to the one that left it.

Every measure here is computed from visits, so that no measure has to know what the row of a merge
means [S23]. Of two visits that a merge brings together one goes on, and the rest of it lies in the
history of the surviving record. The other visit ends there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import TypeAlias

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.garbage import without_cycles
from lifecycle_fsm.history import HistoryRow, VisitKey
from lifecycle_fsm.model import Model

#: Rows that end a visit although nobody left the stage: only the record changed.
FOLDING = frozenset({"merge", "migrate"})

#: A journey: the record in which it began, and its number there.
JourneyKey: TypeAlias = tuple[str, int]

#: When a merge happened, and the activity that caused it: both records have a row with these.
Moment: TypeAlias = tuple[datetime, str | None]

_NEVER = datetime.max.replace(tzinfo=UTC)


# Not frozen, and attributes instead of properties, for speed: each measure looks at each visit.
@attrs.define(eq=False, init=False)
class Visit:
    """One stay of one person in one stage.

    Args:
        entry: the row that entered the stage; owner, source and dimensions are taken from it.
        exit: the row that ended the visit; ``None`` while it is open.
        nth: which of the person's journeys it belongs to, among those that count [S25] and had
            begun by then: 1 for the first and for everything before it.
        person: whose visit it is; after merges, the record that had it last.
        stage: the name of the stage.
        journey: the key of the journey that it belongs to.
        entered: when it began: the ``now`` of its row.
        left: when it ended; ``None`` while it is open.
    """

    entry: HistoryRow
    exit: HistoryRow | None
    nth: int
    person: str
    stage: str
    journey: JourneyKey
    entered: datetime
    left: datetime | None

    def __init__(self, entry: HistoryRow, exit: HistoryRow | None, nth: int, person: str) -> None:
        self.entry, self.exit, self.nth, self.person = entry, exit, nth, person
        self.stage, self.entered = entry.to_stage, entry.entered_at
        self.journey = entry.journey_record, entry.journey
        self.left = None if exit is None else exit.now

    @property
    def folded(self) -> bool:
        """Whether it ended because records were merged or migrated: nobody left the stage."""
        return self.exit is not None and self.exit.kind in FOLDING

    @property
    def merged(self) -> bool:
        """Whether it ended at a merge because the other record's visit went on [S23]."""
        return self.exit is not None and self.exit.kind == "merge"

    @property
    def new(self) -> bool:
        """Whether the person entered the lifecycle with it."""
        return self.entry.from_stage is None


#: The visits of one record in sequence. They continue in the histories of the records that it was
#: merged with, as long as its visit goes on.
Walk: TypeAlias = tuple[Visit, ...]


@without_cycles()
def walks(
    rows: Iterable[HistoryRow], model: Model, until: datetime | None = None
) -> tuple[Walk, ...]:
    """The visits of everybody, ordered by person id, whatever the order of the rows.

    A person with merged records has several walks: of those that meet at a merge one goes on, and
    the others end. A row that leads to no stage of the model ends a visit and begins none. Rows
    after ``until`` have not happened yet.

    Raises:
        LifecycleError: a person has two rows of the same sequence.
    """
    histories: defaultdict[str, list[HistoryRow]] = defaultdict(list)
    for row in rows:
        if until is None or row.now <= until:
            histories[row.person].append(row)
    walks: list[Walk] = []
    merging: dict[str, list[HistoryRow]] = {}
    stages, ranks = model.by_name, model.ranks
    for person in sorted(histories):
        history = histories[person]
        in_order, before = True, -1
        for row in history:
            if row.kind == "merge":
                merging[person] = history
            in_order, before = in_order and row.sequence > before, row.sequence
        if not in_order:
            history.sort(key=_sequence)
            _check(history)
        if person not in merging and (visits := _alone(history, stages, _Journeys(ranks))):
            walks.append(visits)
    if merging:
        walks += _merged(merging, model)
        walks.sort(key=_order)
    return tuple(walks)


def _alone(
    history: list[HistoryRow], stages: Container[str], journeys: _Journeys
) -> tuple[Visit, ...]:
    """The visits of a record that was never merged, in sequence."""
    visits: list[Visit] = []
    begin: HistoryRow | None = None
    nth = 1
    for row in history:
        stage = row.to_stage
        if row.from_stage == stage:
            continue
        if begin is not None:
            visits.append(Visit(begin, row, nth, row.person))
        begin = None
        if stage in stages:
            begin, nth = row, journeys.nth(row)
    if begin is not None:
        visits.append(Visit(begin, None, nth, begin.person))
    return tuple(visits)


def _sequence(row: HistoryRow) -> int:
    return row.sequence


def _order(walk: Walk) -> tuple[str, datetime, str]:
    return walk[-1].person, walk[0].entered, walk[0].entry.person


def _check(history: list[HistoryRow]) -> None:
    for before, after in pairwise(history):
        if before.sequence == after.sequence:
            raise LifecycleError(
                f"the history of {after.person!r} has two rows of the sequence {after.sequence}: "
                "give each row once, and one history at a time"
            )


class _Journeys:
    """The journeys that a person is known to have begun, including those of merged records."""

    def __init__(self, ranks: Mapping[str, int]) -> None:
        self._ranks = ranks
        self._places: dict[JourneyKey, int] = {}

    def nth(self, row: HistoryRow) -> int:
        """The number of the journey that a visit belongs to: a journey counts as soon as it enters
        a path stage after original processing [S25]."""
        key = row.journey_record, row.journey
        if self._ranks.get(row.to_stage):
            self._places.setdefault(key, len(self._places) + 1)
        return self._places.get(key) or len(self._places) or 1

    def join(self, others: _Journeys) -> None:
        """Add the journeys of a record that was merged into this one."""
        self._places = {**others._places, **self._places}


@attrs.define(eq=False)
class _Part:
    """One record's part of a visit: all of it, or the part before or after a merge.

    ``after`` is the next part in the same record, unless a merge brought that part.
    """

    begin: HistoryRow
    nth: int
    end: HistoryRow | None = None
    after: _Part | None = None


def _parts(
    history: list[HistoryRow],
    model: Model,
    journeys: _Journeys,
    folded: Mapping[Moment, list[_Journeys]] | None = None,
) -> list[_Part]:
    """The visits of one record, or its parts of them, in sequence."""
    stages = model.by_name
    parts: list[_Part] = []
    for row in history:
        here = parts[-1] if parts and parts[-1].end is None else None
        if row.kind == "merge":
            for others in folded.get(_moment(row), ()) if folded and row.to_stage else ():
                journeys.join(others)
            if here is not None and row.visit == here.begin.visit:
                continue  # the survivor goes on with its own visit
        elif row.from_stage == row.to_stage:
            continue
        if here is not None:
            here.end = row
        if row.to_stage in stages:
            part = _Part(row, journeys.nth(row))
            if parts and row.kind != "merge":
                parts[-1].after = part
            parts.append(part)
    return parts


def _merged(histories: Mapping[str, list[HistoryRow]], model: Model) -> Iterator[Walk]:
    """The walks of merged records: each visit once, whichever record survived."""
    visits = [(parts[0], max(parts, key=_last)) for parts in _joined(histories, model)]
    ends = {id(first): last for first, last in visits}
    behind = {id(last.after) for last in ends.values()}
    for first, _ in visits:
        part: _Part | None = None if id(first) in behind else first
        walk: list[Visit] = []
        while part is not None:
            last = ends[id(part)]
            walk.append(Visit(part.begin, last.end, part.nth, last.begin.person))
            part = last.after
        if walk:
            yield tuple(walk)


def _joined(histories: Mapping[str, list[HistoryRow]], model: Model) -> Iterable[list[_Part]]:
    """The parts of each visit; the first one holds its beginning."""
    journeys = {person: _Journeys(model.ranks) for person in histories}
    folded: defaultdict[Moment, list[_Journeys]] = defaultdict(list)
    visits: list[list[_Part]] = []
    begun: dict[VisitKey, list[_Part]] = {}
    handed: list[_Part] = []
    for person in _losers_first(histories):
        history = histories[person]
        for part in _parts(history, model, journeys[person], folded):
            if part.begin.kind == "merge":
                handed.append(part)
            else:
                begun[part.begin.visit] = parts = [part]
                visits.append(parts)
        for row in history:
            if row.kind == "merge" and not row.to_stage:
                folded[_moment(row)].append(journeys[person])
    for part in handed:
        parts = begun.setdefault(part.begin.visit, [])
        if not parts:  # its beginning is not recorded
            visits.append(parts)
        parts.append(part)
    return visits


def _last(part: _Part) -> tuple[datetime, datetime, bool]:
    """The sort key by which the last part of a visit is the greatest, even within one instant."""
    end = part.end
    return part.begin.now, _NEVER if end is None else end.now, end is None or end.kind != "merge"


def _moment(row: HistoryRow) -> Moment:
    return row.now, row.activity


def _losers_first(histories: Mapping[str, list[HistoryRow]]) -> Iterable[str]:
    """The records, each after those that were merged into it."""
    folded: defaultdict[Moment, list[str]] = defaultdict(list)
    for person, history in histories.items():
        for row in history:
            if row.kind == "merge" and not row.to_stage:
                folded[_moment(row)].append(person)
    losers = {
        person: [
            loser
            for row in history
            if row.kind == "merge" and row.to_stage
            for loser in folded[_moment(row)]
        ]
        for person, history in histories.items()
    }
    try:
        return tuple(TopologicalSorter(losers).static_order())
    except CycleError:  # merges with the same instant and id: their direction is ambiguous
        return tuple(histories)
