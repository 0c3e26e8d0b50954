"""The rows of a history as visits: each from the row that entered a stage to the one that left it.

Everything that this room measures is a view of these, so a measure never has to know what a row of
a merge means [S23]: one that leads a survivor from its stage to itself is no visit and ends none;
one that leads nowhere ends the last visit of somebody who was folded into another.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise
from typing import TypeAlias

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model

#: Rows that end a visit without anybody having left the stage: only the record changed.
FOLDING = frozenset({"merge", "migrate"})


@attrs.frozen(eq=False)
class Visit:
    """One stay of one person in one stage.

    Args:
        entry: the row that entered the stage; owner, source and dimensions are taken from it.
        exit: the row that ended the visit; nothing while it is open.
        nth: which of the person's journeys it belongs to, among those that count [S25]: 1 for the
            first, and for what came before it.
    """

    entry: HistoryRow
    exit: HistoryRow | None
    nth: int

    @property
    def person(self) -> str:
        """Whose visit it is."""
        return self.entry.person

    @property
    def stage(self) -> str:
        """Where."""
        return self.entry.to_stage

    @property
    def entered(self) -> datetime:
        """When it began: the ``now`` of its row."""
        return self.entry.now

    @property
    def left(self) -> datetime | None:
        """When it ended; nothing while it is open."""
        return None if self.exit is None else self.exit.now

    @property
    def folded(self) -> bool:
        """Whether it ended because records were merged or migrated, so nobody left the stage."""
        return self.exit is not None and self.exit.kind in FOLDING

    @property
    def new(self) -> bool:
        """Whether the person came into the lifecycle with it."""
        return self.entry.from_stage is None


#: All visits of one person, in sequence.
Walk: TypeAlias = tuple[Visit, ...]


def walks(
    rows: Iterable[HistoryRow], model: Model, until: datetime | None = None
) -> tuple[Walk, ...]:
    """The visits of each person, persons by id, whatever the order of the rows.

    A row that leads to no stage of the model ends a visit and begins none. Rows behind ``until``
    have not happened yet.

    Raises:
        LifecycleError: a person has two rows of the same sequence.
    """
    histories: dict[str, list[HistoryRow]] = {}
    for row in rows:
        if until is None or row.now <= until:
            histories.setdefault(row.person, []).append(row)
    found = []
    for person in sorted(histories):
        history = histories[person]
        for before, after in pairwise(history):
            if after.sequence <= before.sequence:
                history.sort(key=_sequence)
                _check(history)
                break
        walk = _walk(history, model)
        if walk:
            found.append(walk)
    return tuple(found)


def _sequence(row: HistoryRow) -> int:
    return row.sequence


def _check(history: list[HistoryRow]) -> None:
    for before, after in pairwise(history):
        if before.sequence == after.sequence:
            raise LifecycleError(
                f"the history of {after.person!r} has two rows of the sequence {after.sequence}: "
                "give each row once, and one history at a time"
            )


def _walk(history: list[HistoryRow], model: Model) -> Walk:
    stages, ranks = model.by_name, model.ranks
    moves = [row for row in history if row.from_stage != row.to_stage]
    found: list[Visit] = []
    counted = 0  # journeys that entered a path stage behind original processing [S25]
    last: int | None = None
    for place, row in enumerate(moves):
        if row.to_stage not in stages:
            continue
        if ranks.get(row.to_stage) and row.journey != last:
            last = row.journey
            counted += 1
        after = moves[place + 1] if place + 1 < len(moves) else None
        found.append(Visit(row, after, counted or 1))
    return tuple(found)
