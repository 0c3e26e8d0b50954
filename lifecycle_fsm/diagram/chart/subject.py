"""What a chart shows: a model, with or without the counts of a window."""

from __future__ import annotations

from collections.abc import Iterable

from lifecycle_fsm.diagram.flows import Flow, flows
from lifecycle_fsm.diagram.look import INK, NEUTRAL, SOFT, Paint, Palette, Pens
from lifecycle_fsm.diagram.spans import Span
from lifecycle_fsm.diagram.words import number, share
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import clean


class Subject:
    """A model and its counts as flows by their kind, with colours and the widths of lines."""

    def __init__(self, model: Model, counts: Counts | None, title: str, subtitle: str) -> None:
        self.model = model
        self.counts = counts
        self.title = clean(title)
        self.subtitle = clean(subtitle)
        self.palette = Palette(model)
        self.flows = flows(model, counts)
        self._pens = Pens(max((flow.count or 0 for flow in self.flows), default=0))
        ranks = self.ranks = model.ranks
        self.origin = model.path[0].name
        self.steps = {flow.source: flow for flow in self.flows if flow.kind == "step"}
        self.fast_tracks = sorted(
            (flow for flow in self.flows if flow.kind == "fast_track"),
            key=lambda flow: (ranks[flow.target], ranks[flow.source]),
        )
        self.exits = [flow for flow in self.flows if flow.kind == "detour"]
        self.returns = [flow for flow in self.flows if flow.kind == "return"]

    def is_last(self, name: str) -> bool:
        """Whether the path ends with this stage."""
        return self.ranks[name] == len(self.model.path) - 1

    def pen(self, volume: int, *, most: float = 99.0) -> float:
        """The width of a line that so many take; that of all lines where nobody counted."""
        return min(most, self._pens(volume if self.counts is not None else None))

    def step_pen(self, flow: Flow) -> float:
        """The width of a step, which is thick also where nobody counted."""
        return self._pens(flow.count, plain=3.4)

    def paint(self, lane: Iterable[Flow]) -> Paint:
        """The colour of the system that owns all these flows; neutral where owners differ."""
        owners = {flow.system for flow in lane}
        return self.palette.system(owners.pop()) if len(owners) == 1 else NEUTRAL

    def headline(self, step: Flow) -> list[Span]:
        """How many took a step, and the conversion; nothing where nobody counted."""
        if self.counts is None or step.count is None:
            return []
        spans = [Span(number(step.count), True, INK)]
        found = self.counts.conversion.get((step.source, step.target))
        if found is not None and found.share is not None:
            spans.append(Span(f" · {share(found.share)}", True, SOFT))
        return spans
