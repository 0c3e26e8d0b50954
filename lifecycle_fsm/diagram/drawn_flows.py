"""What moves between two stages, with words and numbers: the rules as a picture sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import attrs

from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.wording import rule_words

#: How often tests fired each rule, by ``(rule, from)``; one that is not here was not fired.
Fired: TypeAlias = Mapping[tuple[str, str], int]


@attrs.frozen
class FlowRule:
    """One rule of a flow: its words, how often it moved somebody, and whether a human asks;
    whether a test fired it, in a picture of coverage."""

    label: str
    count: int | None
    by_hand: bool
    system: str
    seen: bool | None = None


@attrs.frozen
class DrawnFlow:
    """All moves from one stage to another, as one line of the picture."""

    source: str
    target: str
    kind: str
    parts: tuple[FlowRule, ...]

    @property
    def count(self) -> int | None:
        """How many moved; nothing where nobody counted."""
        counted = [part.count for part in self.parts if part.count is not None]
        return sum(counted) if counted else None

    @property
    def system(self) -> str:
        """The system that owns all its rules, or none where they differ."""
        owners = {part.system for part in self.parts}
        return owners.pop() if len(owners) == 1 else ""


def flows(model: Model, counts: Counts | None, fired: Fired | None = None) -> tuple[DrawnFlow, ...]:
    """Every pair of stages with a move between, in the order of the model."""
    found: dict[tuple[str, str], list[Edge]] = {}
    for edge in (*model.sort_edges, *model.edges):
        found.setdefault((edge.source, edge.target), []).append(edge)
    return tuple(
        DrawnFlow(source, target, edges[0].kind, _parts(edges, counts, fired))
        for (source, target), edges in found.items()
    )


def _parts(
    edges: Iterable[Edge], counts: Counts | None, fired: Fired | None
) -> tuple[FlowRule, ...]:
    parts: dict[tuple[str, bool], FlowRule] = {}
    for edge in edges:
        volume = (
            counts.moves.get((edge.name, edge.source, edge.target), 0)
            if counts is not None
            else None
        )
        seen = None if fired is None else fired.get((edge.name, edge.source), 0) > 0
        key = (rule_words(edge.rule), edge.on is not None)
        before = parts.get(key)
        if before is not None and before.seen is False:
            seen = False  # two rules of the same words: both have to be seen
        if before is not None and before.count is not None and volume is not None:
            volume += before.count
        parts[key] = FlowRule(key[0], volume, key[1], edge.rule.system, seen)
    if counts is None:
        return tuple(parts.values())
    return tuple(sorted(parts.values(), key=lambda part: -(part.count or 0)))
