"""The path: its stages in one row, with a step from each to the next, and fast tracks above."""

from __future__ import annotations

from itertools import pairwise

import attrs

from lifecycle_fsm.diagram.canvas import Span, TextLine, arrow_rise, spans_width
from lifecycle_fsm.diagram.chart.cards import CardFace, fitting_number, rule_lines
from lifecycle_fsm.diagram.chart.columns import HEADLINE, LINE, TEXT, ChartPlan, headline
from lifecycle_fsm.diagram.chart.flow_lines import BEND, FlowLines, Join
from lifecycle_fsm.diagram.chart_data import DrawnFlow, merge_rules
from lifecycle_fsm.diagram.look import INK, SOFT, Stroke

_CLEAR = 4.0  # between an arrowhead and text
_LEADING = 1.3  # from one line of a headline to the next, relative to its size
_STEP = 3.4  # the width of a step without counts


def draw_path(plan: ChartPlan, y: float) -> float:
    """Draw the row of stages and the steps between them."""
    steps = [_Step(plan, flow) for flow in plan.data.steps.values()]
    faces = [CardFace(plan, plan.columns.cards[stage.name]) for stage in plan.data.model.path]
    # All headlines stand at one height, clear of the widest arrowhead.
    away = _CLEAR + max((arrow_rise(step.stroke.width) for step in steps), default=0)
    words = max((max(step.above, step.below) for step in steps), default=0)
    high = max(*(face.height for face in faces), 2 * (away + words) + 12)
    for face in faces:
        face.card.y, face.card.h = y, high
        face.draw()
    for step in steps:
        step.draw(y + high / 2, away)
    return y + high


class _Step:
    """A step with its text: the headline above the line, the rules below it."""

    def __init__(self, plan: ChartPlan, flow: DrawnFlow) -> None:
        self.plan, self.flow = plan, flow
        self.stroke = plan.data.stroke([flow], uncounted=_STEP)
        room = plan.columns.gap_after(flow.source) - 18
        self.words = rule_lines(flow.rules, room, color=SOFT, numbers=len(flow.rules) > 1, each=3)
        head = headline(flow)
        self.heads, self.size = [head] if head else [], HEADLINE
        if spans_width(head, HEADLINE) > room:
            number = fitting_number(flow.count or 0, room, TEXT)
            share = [Span(span.text.removeprefix(" · "), True, SOFT) for span in head[1:]]
            self.heads, self.size = [[Span(number, True, INK)], *([share] if share else [])], TEXT

    @property
    def above(self) -> float:
        return len(self.heads) * self.size * _LEADING

    @property
    def below(self) -> float:
        return len(self.words) * LINE

    def draw(self, y: float, away: float) -> None:
        """Draw the step at y; its text begins at distance ``away`` from the middle of the line."""
        canvas, cards, flow = self.plan.canvas, self.plan.columns.cards, self.flow
        left, right = cards[flow.source].right, cards[flow.target].x
        canvas.line(
            [(left, y), (right - 1, y)], self.stroke,
            arrow=True, tail=flow.source, head=flow.target,
        )  # fmt: skip
        centre = (left + right) / 2 - 4
        at = y - away - self.size * 0.65
        for head in reversed(self.heads):
            canvas.text(centre, at, head, self.size, align="center")
            at -= self.size * _LEADING
        canvas.paragraph(centre, y + away + TEXT * 0.65, self.words, LINE, align="center")


# ------------------------------------------------------------------ fast tracks
#
# Above the path, a lane for each stage that a fast track leads to.


_FOOT = 26.0  # from the lowest lane to the path
_BETWEEN = 14.5  # from a lane to the text of the next
_LIFT = 10.5  # from a line to the middle of the text on it


def draw_fast_tracks(plan: ChartPlan, y: float) -> float:
    """Draw the lanes; returns the top of the path."""
    if not plan.data.fast_tracks:
        return y + 10
    return _FastTracks(plan).draw(y)


@attrs.frozen
class _Lane:
    """The fast tracks into one stage, by their source, and their text."""

    target: str
    flows: list[DrawnFlow]
    stroke: Stroke
    x: float
    words: list[TextLine]

    @property
    def height(self) -> float:
        return len(self.words) * LINE + _BETWEEN + self.stroke.width / 2


class _FastTracks:
    """The lanes by their target stage: the further along the path, the higher."""

    def __init__(self, plan: ChartPlan) -> None:
        self.plan, self.data, self.canvas = plan, plan.data, plan.canvas
        self.flows: dict[str, list[DrawnFlow]] = {}
        for flow in self.data.fast_tracks:
            self.flows.setdefault(flow.target, []).append(flow)
        self.lanes = [self._lane(index) for index in range(len(self.flows))]

    def draw(self, y: float) -> float:
        top = y + sum(lane.height for lane in self.lanes) + _FOOT
        at = top - _FOOT
        levels: dict[str, float] = {}
        for lane in self.lanes:
            levels[lane.target] = at
            lift = _LIFT + lane.stroke.width / 2 + (len(lane.words) - 1) * LINE
            self.canvas.paragraph(lane.x, at - lift, lane.words, LINE)
            at -= lane.height
        for lane in self.lanes:
            self._draw_lane(lane, levels[lane.target], top)
        lines = FlowLines(self.plan, turn=1)
        for stage in self.data.model.path:
            joins = [
                Join(levels[flow.target], flow)
                for flow in self.data.fast_tracks
                if flow.source == stage.name
            ]
            lines.leave(self._up(stage.name), top, joins)
        lines.draw_bends()
        return top

    def _up(self, name: str) -> float:
        """Where people leave a stage upwards."""
        card = self.plan.columns.cards[name]
        return card.mid + card.w * 0.2

    def _down(self, name: str) -> float:
        """Where they come down into a stage."""
        card = self.plan.columns.cards[name]
        return card.mid - card.w * 0.2

    def _lane(self, index: int) -> _Lane:
        """A lane with its text in the widest free place above it."""
        target, *higher = list(self.flows)[index:]
        flows = self.flows[target]
        start, end = self._up(flows[0].source), self._down(target)
        # Lines that pass this lane on their way to a higher one.
        walls = [self._down(name) for name in higher]
        walls += [self._up(flow.source) for name in (target, *higher) for flow in self.flows[name]]
        stops = sorted({start, end, *(x for x in walls if start < x < end)})
        rules = merge_rules(rule for flow in flows for rule in flow.rules)
        stroke = self.data.stroke(flows)
        best: tuple[tuple[int, float], float, list[TextLine]] | None = None
        for left, right in ((a + 14, b - 12) for a, b in pairwise(stops)):
            if right - left < 24:
                continue
            lines = rule_lines(rules, right - left, color=stroke.color)
            torn = sum("…" in span.text for line in lines for span in line.spans)
            rank = (torn * 3 + len(lines), -left)  # fewest cuts and lines, then nearest to the end
            if best is None or rank < best[0]:
                best = (rank, left, lines)
        _, x, words = best or ((), start + 14, [])
        return _Lane(target, flows, stroke, x, words)

    def _draw_lane(self, lane: _Lane, y: float, top: float) -> None:
        """Draw a lane, wider after each trunk that joins it, and its end down to the stage."""
        starts = [self._up(flow.source) + BEND for flow in lane.flows]
        for index, (x, join) in enumerate(pairwise(starts), 1):
            width = self.data.stroke(lane.flows[:index]).width
            self.canvas.line([(x, y), (join, y)], attrs.evolve(lane.stroke, width=width))
        end = self._down(lane.target)
        self.canvas.line(
            [(starts[-1], y), (end, y), (end, top)], lane.stroke,
            arrow=True, head=lane.target, radius=BEND,
        )  # fmt: skip
