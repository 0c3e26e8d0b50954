"""What a chart shows: a model, with or without the counts of a window."""

from __future__ import annotations

from collections.abc import Iterable

from lifecycle_fsm.diagram.canvas import Dash
from lifecycle_fsm.diagram.flows import Fired, Flow, flows
from lifecycle_fsm.diagram.look import (
    INK,
    NEUTRAL,
    PARTLY,
    SEEN,
    SOFT,
    UNSEEN,
    Paint,
    Palette,
    Pens,
)
from lifecycle_fsm.diagram.spans import Span
from lifecycle_fsm.diagram.words import number, share
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import clean


class Subject:
    """A model and its counts as flows by their kind, with colours and the widths of lines.

    With ``fired`` colour says what tests have fired, and no more who owns a thing.
    """

    def __init__(
        self,
        model: Model,
        counts: Counts | None,
        title: str,
        subtitle: str,
        fired: Fired | None = None,
    ) -> None:
        self.model = model
        self.counts = counts
        self.title = clean(title)
        self.subtitle = clean(subtitle)
        self.fired = fired
        self.palette = Palette(model, plain=fired is not None)
        self.flows = flows(model, counts, fired)
        #: The colour of what lines of several colours share.
        self.mixed = NEUTRAL if fired is None else PARTLY
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
        lane = list(lane)
        owners = {flow.system for flow in lane}
        usual = self.palette.system(owners.pop()) if len(owners) == 1 else NEUTRAL
        return self.shade(lane, usual)

    def shade(self, lane: Iterable[Flow], usual: Paint) -> Paint:
        """The usual colour of these flows, or, in a picture of coverage, what of them was fired."""
        seen = self._seen(lane)
        if not seen:
            return usual
        return PARTLY if len(seen) > 1 else SEEN if True in seen else UNSEEN

    def dash(self, lane: Iterable[Flow], usual: Dash) -> Dash:
        """How a line is usually drawn, or dotted where no test has fired any of it."""
        return "dotted" if self._seen(lane) == {False} else usual

    def _seen(self, lane: Iterable[Flow]) -> set[bool]:
        return {part.seen for flow in lane for part in flow.parts if part.seen is not None}

    def headline(self, step: Flow) -> list[Span]:
        """How many took a step, and the conversion; nothing where nobody counted."""
        if self.counts is None or step.count is None:
            return []
        spans = [Span(number(step.count), True, INK)]
        found = self.counts.conversion.get((step.source, step.target))
        if found is not None and found.share is not None:
            spans.append(Span(f" · {share(found.share)}", True, SOFT))
        return spans
