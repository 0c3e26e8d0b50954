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

    @property
    def visits(self) -> bool:
        """Whether the row begins a visit of a stage; a merge may leave the stage as it was."""
        return bool(self.to_stage) and self.to_stage != self.from_stage

    def value(self, name: str) -> Value:
        """What ``owner``, ``source`` or a dimension was at that moment; nothing where the model
        does not keep it."""
        if name == "owner":
            return self.owner
        if name == "source":
            return self.source
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
        row.kept,
    )  # fmt: skip
    return hop, row.at, row.now, row.activity


def unpack(person: str, packed: Packed, first: int = 1) -> Iterator[HistoryRow]:
    """The rows of a packed history, or of a part of it that begins with sequence ``first``."""
    for at in range(0, len(packed), ROW):
        hop, when, now, activity = packed[at : at + ROW]
        yield HistoryRow(
            person, first + at // ROW, when, now, hop.from_stage, hop.to_stage, hop.kind, hop.rule,
            hop.trigger, activity, hop.journey, hop.passed_over, hop.credit, hop.owner, hop.source,
            hop.version, hop.late, hop.kept,
        )  # fmt: skip


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
    found: dict[str, Stamp] = {}
    ordered = [row for row in rows if row.from_stage != row.to_stage]
    for row, after in zip_longest(ordered, ordered[1:]):
        if not row.to_stage:
            continue  # folded into somebody else: in no stage any more
        end = after.now if after else until
        stay = end - row.now if end and end > row.now else timedelta(0)
        before = found.get(row.to_stage)
        found[row.to_stage] = (
            attrs.evolve(
                before, latest=row.now, visits=before.visits + 1, total=before.total + stay
            )
            if before
            else Stamp(row.to_stage, row.now, row.now, 1, stay)
        )
    return found
