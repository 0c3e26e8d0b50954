"""The data of a chart: the moves of a model as flows between stages, with counts and strokes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import attrs

from lifecycle_fsm.diagram import look
from lifecycle_fsm.diagram.drawn_model import Change, drawn
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Edge, Model, Stage
from lifecycle_fsm.wording import clean, duration, format_number, percent, rule_words

#: The widths of lines in a diagram of two models, which are wide where something was added.
_ADDED, _CHANGED, _AS_BEFORE = 4.4, 2.4, 1.3
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
        before: how often it moved a person in the period to compare with.
        change: what became of it, in a diagram of two models; None in others.
    """

    label: str
    count: int | None
    by_hand: bool
    system: str
    seen: bool | None = None
    before: int | None = None
    change: Change | None = None

    @property
    def mark(self) -> str:
        """The mark that tells the rule apart: fired or not, or what became of it."""
        return self.change or {True: "✓", False: "×", None: ""}[self.seen]


def moved(rules: Iterable[FlowRule]) -> str:
    """How often these rules moved a person, and before; empty without counts."""
    rules = [rule for rule in rules if rule.count is not None]
    before = [rule.before for rule in rules if rule.before is not None]
    if not rules:
        return ""
    now = format_number(sum(rule.count or 0 for rule in rules))
    return became(format_number(sum(before)), now) if before else now


def became(*periods: str) -> str:
    """The value of one thing in each period."""
    return " → ".join(periods)


def merge_rules(rules: Iterable[FlowRule]) -> list[FlowRule]:
    """Merge rules with the same text into one, which was seen if all of them were."""
    merged: dict[tuple[str, bool, str | None], FlowRule] = {}
    for rule in rules:
        key = (rule.label, rule.by_hand, rule.change)
        if key not in merged:
            merged[key] = rule
            continue
        other = merged[key]
        merged[key] = attrs.evolve(
            rule,
            count=None if rule.count is None else rule.count + (other.count or 0),
            before=None if rule.before is None else rule.before + (other.before or 0),
            seen=rule.seen and other.seen,
        )
    return list(merged.values())


@attrs.frozen
class DrawnFlow:
    """All moves from one stage to another, as one line of the diagram.

    ``share`` is the share of journeys that went on, in words, if it was counted.
    """

    source: str
    target: str
    kind: str
    rules: tuple[FlowRule, ...]
    share: str = ""

    @property
    def ends(self) -> tuple[str, str]:
        """The stages that it leads from and to."""
        return self.source, self.target

    @property
    def count(self) -> int | None:
        """How many moved; None without counts."""
        counts = [rule.count for rule in self.rules if rule.count is not None]
        return sum(counts) if counts else None

    @property
    def taken(self) -> bool:
        """Whether anybody took it, now or before, or it is a step of the path."""
        counts = [(rule.count, rule.before) for rule in self.rules]
        return self.kind == "step" or any(both not in ((0, None), (0, 0)) for both in counts)

    @property
    def system(self) -> str:
        """The system that owns all its rules; empty if they differ."""
        owners = {rule.system for rule in self.rules}
        return owners.pop() if len(owners) == 1 else ""


def total(flows: Iterable[DrawnFlow]) -> str:
    """The number at the arrow of a line that several flows share; empty without counts."""
    flows = list(flows)
    return moved(rule for flow in flows for rule in flow.rules) if len(flows) > 1 else ""


_FEW = 10
"""How many lines a funnel may have and still show those that nobody took."""


class ChartData:
    """A model and its counts as flows by kind, with colours and line widths.

    With ``fired``, colours show what tests have fired instead of who owns it. With ``hide_zero``,
    fast tracks, detours and returns that nobody took are left out, and ``hidden`` counts them; by
    default, if there are more than ten lines.
    """

    def __init__(
        self,
        model: Model,
        counts: Counts | None,
        title: str,
        subtitle: str,
        fired: Fired | None = None,
        *,
        hide_zero: bool | None = None,
    ) -> None:
        self.model = model = drawn(model)
        self.counts = counts
        self.title = clean(title)
        self.subtitle = clean(subtitle)
        self.fired = fired
        #: What became of each move and stage, in a diagram of two models.
        self.changes, self.stage_changes = self.model.changes, self.model.stage_changes
        self.palette = look.Palette(
            model,
            plain=fired is not None or self.changes is not None,
            marked={name: look.MARKS[change] for name, change in self.stage_changes.items()},
        )
        flows = self._all_flows()
        if hide_zero is None:
            hide_zero = counts is not None and len(flows) > _FEW
        self.flows = tuple(flow for flow in flows if flow.taken or not hide_zero)
        self.hidden = len(flows) - len(self.flows)
        #: The colour of anything that lines of several colours share.
        self.mixed = look.NEUTRAL if fired is None and self.changes is None else look.PARTLY
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

    def _all_flows(self) -> list[DrawnFlow]:
        """Every pair of stages with a move between them, in the order of the model."""
        edges: dict[tuple[str, str], list[Edge]] = {}
        for edge in (*self.model.sort_edges, *self.model.edges):
            edges.setdefault((edge.source, edge.target), []).append(edge)
        return [
            DrawnFlow(
                *between,
                kind=parallel[0].kind,
                # Those that moved most people come first.
                rules=tuple(
                    sorted(merge_rules(map(self.rule, parallel)), key=lambda r: -(r.count or 0))
                ),
                share=self._share(between),
            )
            for between, parallel in edges.items()
        ]

    def rule(self, edge: Edge) -> FlowRule:
        """The rule of one move, with what happened to it."""
        key = (edge.name, edge.source, edge.target)
        counts, fired, changes = self.counts, self.fired, self.changes
        before = counts.before if counts is not None else None
        return FlowRule(
            label=rule_words(edge.rule),
            count=None if counts is None else counts.moves.get(key, 0),
            by_hand=edge.on is not None,
            system=edge.rule.system,
            seen=None if fired is None else fired.get((edge.name, edge.source), 0) > 0,
            before=None if before is None else before.moves.get(key, 0),
            change=None if changes is None else changes.get(key, ""),
        )

    @property
    def owners(self) -> dict[str, look.Paint]:
        """The systems that own something drawn, each with its paint."""
        drawn = {stage.system for stage in self.model.stages}
        drawn |= {rule.system for flow in self.flows for rule in flow.rules}
        return {name: paint for name, paint in self.palette.systems.items() if name in drawn}

    def stroke(
        self,
        flows: Iterable[DrawnFlow],
        usual: look.Paint | None = None,
        dash: look.Dash = "solid",
        *,
        uncounted: float = 1.6,
        most: float = math.inf,
    ) -> look.Stroke:
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
        marks = _marks(flows)
        if marks in ({"×"}, {"−"}):
            dash = "dotted"
        if self.changes is not None:
            width = {frozenset("+"): _ADDED, frozenset({""}): _AS_BEFORE}.get(marks, _CHANGED)
        return look.Stroke(self.paint(flows, usual).line, min(most, width), dash)

    def paint(self, flows: Iterable[DrawnFlow], usual: look.Paint | None = None) -> look.Paint:
        """The colour that these flows share: that of their mark, if they have one."""
        flows = list(flows)
        marks = _marks(flows)
        if self.changes is not None or marks - {""}:
            return self.mixed if len(marks) > 1 else look.MARKS[min(marks)]
        if usual is not None:
            return usual
        owners = {flow.system for flow in flows}
        return self.palette.system(owners.pop()) if len(owners) == 1 else look.NEUTRAL

    def outline(self, stage: Stage) -> look.Stroke:
        """The line around a card."""
        change = self.stage_changes.get(stage.name, "")
        dash: look.Dash = "dotted" if change == "−" else "dashed" if stage.off_path else "solid"
        wide = change == "+" or stage.name == self.model.centre
        return look.Stroke(self.palette.stage(stage.name).line, _ADDED if wide else 2.2, dash)

    def people(self, stage: str) -> str:
        """How many people are in a stage, and were before; empty without counts."""
        return self._compared(lambda counts: format_number(counts.people.get(stage, 0)))

    def stay(self, stage: str) -> str:
        """The time after which half have left a stage, and before; empty if it is not known."""
        return self._compared(lambda counts: duration(counts.median_stay.get(stage)))

    def _share(self, step: tuple[str, str]) -> str:
        """The conversion of a step, and before; empty if it was not counted."""

        def share(counts: Counts) -> str:
            conversion = counts.conversion.get(step)
            return percent(conversion.share if conversion else None)

        return self._compared(share)

    def _compared(self, text: Callable[[Counts], str]) -> str:
        """A text about the counts, and about those before; empty if there is nothing to tell."""
        periods = [self.counts.before, self.counts] if self.counts else []
        texts = [text(counts) for counts in periods if counts is not None]
        return became(*texts) if {*texts} - {percent(None)} else ""


def _marks(flows: Iterable[DrawnFlow]) -> frozenset[str]:
    return frozenset(rule.mark for flow in flows for rule in flow.rules)
