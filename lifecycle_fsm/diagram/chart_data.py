"""The data of a chart: the moves of a model as flows between stages, with counts and strokes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TypeAlias

import attrs

from lifecycle_fsm.diagram.look import NEUTRAL, PARTLY, SEEN, UNSEEN, Dash, Paint, Palette, Stroke
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.wording import clean, rule_words

#: How often tests fired each rule, by ``(rule, from)``; a rule that is missing was not fired.
Fired: TypeAlias = Mapping[tuple[str, str], int]


@attrs.frozen
class FlowRule:
    """One rule of a flow.

    Attributes:
        label: its text.
        count: how often it moved a person; None without counts.
        by_hand: whether a human asks for it.
        system: the system that owns it.
        seen: whether a test fired it, in a coverage diagram.
    """

    label: str
    count: int | None
    by_hand: bool
    system: str
    seen: bool | None = None


def merge_rules(rules: Iterable[FlowRule]) -> list[FlowRule]:
    """Merge rules with the same text into one, which was seen if all of them were."""
    merged: dict[tuple[str, bool], FlowRule] = {}
    for rule in rules:
        key = (rule.label, rule.by_hand)
        if key not in merged:
            merged[key] = rule
            continue
        before = merged[key]
        merged[key] = attrs.evolve(
            rule,
            count=None if rule.count is None else rule.count + (before.count or 0),
            seen=rule.seen and before.seen,
        )
    return list(merged.values())


@attrs.frozen
class DrawnFlow:
    """All moves from one stage to another, as one line of the diagram.

    ``conversion`` is the share of journeys that went on, if it was counted.
    """

    source: str
    target: str
    kind: str
    rules: tuple[FlowRule, ...]
    conversion: float | None = None

    @property
    def count(self) -> int | None:
        """How many moved; None without counts."""
        counts = [rule.count for rule in self.rules if rule.count is not None]
        return sum(counts) if counts else None

    @property
    def system(self) -> str:
        """The system that owns all its rules; empty if they differ."""
        owners = {rule.system for rule in self.rules}
        return owners.pop() if len(owners) == 1 else ""


def model_flows(
    model: Model, counts: Counts | None, fired: Fired | None = None
) -> tuple[DrawnFlow, ...]:
    """Every pair of stages with a move between them, in the order of the model."""
    edges: dict[tuple[str, str], list[Edge]] = {}
    for edge in (*model.sort_edges, *model.edges):
        edges.setdefault((edge.source, edge.target), []).append(edge)
    return tuple(
        DrawnFlow(
            *between,
            kind=parallel[0].kind,
            rules=_rules(parallel, counts, fired),
            conversion=counts.conversion[between].share
            if counts is not None and between in counts.conversion
            else None,
        )
        for between, parallel in edges.items()
    )


def _rules(
    edges: Iterable[Edge], counts: Counts | None, fired: Fired | None
) -> tuple[FlowRule, ...]:
    """The rules of one flow, those that moved most people first."""
    rules = merge_rules(
        FlowRule(
            label=rule_words(edge.rule),
            count=None
            if counts is None
            else counts.moves.get((edge.name, edge.source, edge.target), 0),
            by_hand=edge.on is not None,
            system=edge.rule.system,
            seen=None if fired is None else fired.get((edge.name, edge.source), 0) > 0,
        )
        for edge in edges
    )
    return tuple(sorted(rules, key=lambda rule: -(rule.count or 0)))


class ChartData:
    """A model and its counts as flows by kind, with colours and line widths.

    With ``fired``, colours show what tests have fired instead of who owns it. With ``hide_zero``,
    fast tracks, detours and returns that nobody took are left out, and ``hidden`` counts them.
    """

    def __init__(
        self,
        model: Model,
        counts: Counts | None,
        title: str,
        subtitle: str,
        fired: Fired | None = None,
        *,
        hide_zero: bool = False,
    ) -> None:
        self.model = model
        self.counts = counts
        self.title = clean(title)
        self.subtitle = clean(subtitle)
        self.fired = fired
        self.palette = Palette(model, plain=fired is not None)
        flows = model_flows(model, counts, fired)
        self.flows = tuple(
            flow for flow in flows if flow.count != 0 or flow.kind == "step" or not hide_zero
        )
        self.hidden = len(flows) - len(self.flows)
        #: The colour of anything that lines of several colours share.
        self.mixed = NEUTRAL if fired is None else PARTLY
        self._largest = max((flow.count or 0 for flow in self.flows), default=0)
        ranks = self.ranks = model.ranks
        self.origin = model.path[0].name
        self.steps = {flow.source: flow for flow in self.flows if flow.kind == "step"}
        self.fast_tracks = sorted(
            (flow for flow in self.flows if flow.kind == "fast_track"),
            key=lambda flow: (ranks[flow.target], ranks[flow.source]),
        )
        self.exits = [flow for flow in self.flows if flow.kind == "detour"]
        self.returns = [flow for flow in self.flows if flow.kind == "return"]

    @property
    def owners(self) -> dict[str, Paint]:
        """The systems that own something drawn, each with its paint."""
        drawn = {stage.system for stage in self.model.stages}
        drawn |= {rule.system for flow in self.flows for rule in flow.rules}
        return {name: paint for name, paint in self.palette.systems.items() if name in drawn}

    def is_last(self, name: str) -> bool:
        """Whether the path ends with this stage."""
        return self.ranks[name] == len(self.model.path) - 1

    def stroke(
        self,
        flows: Iterable[DrawnFlow],
        usual: Paint | None = None,
        dash: Dash = "solid",
        *,
        uncounted: float = 1.6,
        most: float = math.inf,
    ) -> Stroke:
        """The line that these flows share.

        Args:
            flows: the flows.
            usual: its colour, which coverage overrides; by default, that of the owner.
            dash: how it is drawn; dotted if no test has fired any of the flows.
            uncounted: its width without counts.
            most: its maximum width.
        """
        flows = list(flows)
        width = uncounted
        if self.counts is not None and self._largest:
            people = sum(flow.count or 0 for flow in flows)
            width = 1.3 + 7.2 * math.sqrt(people / self._largest)
        if self._seen(flows) == {False}:
            dash = "dotted"
        return Stroke(self.paint(flows, usual).line, min(most, width), dash)

    def paint(self, flows: Iterable[DrawnFlow], usual: Paint | None = None) -> Paint:
        """The colour that these flows share; in a coverage diagram, that of what was fired."""
        flows = list(flows)
        if seen := self._seen(flows):
            return PARTLY if len(seen) > 1 else SEEN if True in seen else UNSEEN
        if usual is not None:
            return usual
        owners = {flow.system for flow in flows}
        return self.palette.system(owners.pop()) if len(owners) == 1 else NEUTRAL

    def _seen(self, flows: Iterable[DrawnFlow]) -> set[bool]:
        return {rule.seen for flow in flows for rule in flow.rules if rule.seen is not None}
