"""The path: a row of stages with a step from each to the next, and fast tracks above it."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import attrs

from lifecycle_fsm.diagram.canvas import Span, TextLine, arrow_rise, spans_width
from lifecycle_fsm.diagram.chart.cards import CardFace, rule_lines
from lifecycle_fsm.diagram.chart.columns import (
    HEADLINE,
    LINE,
    TEXT,
    TRACK,
    ChartPlan,
    Keys,
    headline,
    pieces,
)
from lifecycle_fsm.diagram.chart.flow_lines import BEND, FlowLines, Join
from lifecycle_fsm.diagram.chart_data import DrawnFlow, merge_rules, moved, total
from lifecycle_fsm.diagram.look import INK, SOFT, Stroke
from lifecycle_fsm.diagram.text_fit import width

_CLEAR = 4.0  # between an arrowhead and text
_LEADING = 1.3  # from one line of a headline to the next, relative to its size
_STEP = 3.4  # the width of a step without counts


def draw_path(plan: ChartPlan, row: int, y: float) -> float:
    """Draw a row of stages and the steps between them."""
    stages = plan.columns.rows[row]
    steps = [
        _Step(plan, plan.data.steps[stage.name])
        for stage in stages[:-1]
        if stage.name in plan.data.steps
    ]
    faces = [CardFace(plan, plan.columns.cards[stage.name]) for stage in stages]
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


def draw_turn(plan: ChartPlan, row: int, y: float) -> float:
    """Draw the text of the step from a row to the next, above a line at the returned height."""
    columns = plan.columns
    flow = plan.data.steps.get(columns.rows[row][-1].name)
    if flow is None:
        return y
    words = rule_lines(
        flow.rules, plan.room * 0.6, plan.keys, color=SOFT, numbers=len(flow.rules) > 1, each=1,
        most=3,
    )  # fmt: skip
    head = headline(flow)
    y += 16 + (len(words) + bool(head)) * LINE
    plan.turns[row] = y
    at = y - 14
    for line in reversed(words):
        plan.canvas.text(columns.left + 14, at, line, move=flow.ends)
        at -= LINE
    if head:
        plan.canvas.text(columns.left + 14, at, head, HEADLINE, move=flow.ends)
    return y + 16


def draw_turns(plan: ChartPlan) -> None:
    """Draw the step from each row to the next: round the right end, and back to the left."""
    columns, data = plan.columns, plan.data
    for row, y in plan.turns.items():
        before, after = (columns.rows[at] for at in (row, row + 1))
        start, end = columns.cards[before[-1].name], columns.cards[after[0].name]
        flow = data.steps[before[-1].name]
        right, left = start.right + TRACK * 1.5, columns.left - TRACK * 1.6
        middles = start.y + start.h / 2, end.y + end.h / 2
        plan.canvas.line(
            [(start.right, middles[0]), (right, middles[0]), (right, y), (left, y),
             (left, middles[1]), (end.x - 1, middles[1])],
            data.stroke([flow], uncounted=_STEP), arrow=True, head=end.stage.name, halo=True,
        )  # fmt: skip


class _Step:
    """A step with its text: the headline above the line, the rules below it."""

    def __init__(self, plan: ChartPlan, flow: DrawnFlow) -> None:
        self.plan, self.flow = plan, flow
        self.stroke = plan.data.stroke([flow], uncounted=_STEP)
        room = plan.columns.next_gap[flow.source] - 18
        self.words = rule_lines(
            flow.rules,
            room,
            plan.keys,
            color=SOFT,
            numbers=len(flow.rules) > 1,
            each=3,
            most=5,
        )
        head = headline(flow)
        self.heads, self.size = [head] if head else [], HEADLINE
        if spans_width(head, HEADLINE) > room:
            figures = ((moved(flow.rules), INK), (flow.share, SOFT))
            self.size = TEXT
            self.heads = [
                [Span(part, True, color)]
                for text, color in figures
                for part in pieces(text, room, TEXT)
                if part
            ]

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
            canvas.text(centre, at, head, self.size, align="center", move=flow.ends)
            at -= self.size * _LEADING
        y += away + TEXT * 0.65
        canvas.paragraph(centre, y, self.words, LINE, align="center", move=flow.ends)


# ------------------------------------------------------------------ fast tracks
#
# Above each row, a lane for each stage to which fast tracks lead: from the left out of this row,
# and from the right out of earlier rows. Lanes to later rows leave to the right.


_FOOT = 28.0  # from the lowest lane to the path
_BETWEEN = 14.5  # from a lane to the text of the next
_LIFT = 10.5  # from a line to the middle of the text on it


def draw_fast_tracks(plan: ChartPlan, row: int, y: float) -> float:
    """Draw the lanes above a row; returns the top of the path."""
    tracks = _FastTracks(plan, row)
    return tracks.draw(y) if tracks.lanes else y + 10


def draw_fast_margin(plan: ChartPlan) -> None:
    """Draw the lines of fast tracks from row to row, right of all rows."""
    columns, data = plan.columns, plan.data
    for target, lanes in plan.fast_lanes.items():
        x = columns.sheet - columns.margin - columns.right_tracks[target]
        for (row, here), (other, after) in pairwise(sorted(lanes.items())):
            flows = [
                flow
                for flow in data.fast_tracks
                if flow.target == target and columns.row(flow.source) <= row
            ]
            # It ends in the bend to the target, and passes the bend of any row between.
            end = after - BEND if other == columns.row(target) else after + BEND
            line = [(x, here + BEND), (x, end)]
            plan.canvas.line(line, data.stroke(flows), halo=True)


@attrs.frozen
class _Lane:
    """The fast tracks into one stage out of this row, and out of earlier rows, with their text."""

    target: str
    flows: list[DrawnFlow]
    earlier: list[DrawnFlow]
    stroke: Stroke
    x: float
    words: list[TextLine]

    @property
    def height(self) -> float:
        lines = max(len(self.words), 1 if total(self.flows) else 0)
        return lines * LINE + _BETWEEN + self.stroke.width / 2


class _FastTracks:
    """The lanes by their target stage: the further along the path, the higher."""

    def __init__(self, plan: ChartPlan, row: int) -> None:
        self.plan, self.data, self.canvas, self.row = plan, plan.data, plan.canvas, row
        flows = defaultdict[str, list[DrawnFlow]](list)
        self.earlier = defaultdict[str, list[DrawnFlow]](list)
        rows = plan.columns.row
        for flow in self.data.fast_tracks:
            if rows(flow.source) == row:
                flows[flow.target].append(flow)
            elif rows(flow.source) < row == rows(flow.target):
                self.earlier[flow.target].append(flow)
        # From the path upwards: lanes within the row, then lanes to later rows, then those that
        # only come from earlier rows.
        leaving = [name for name in flows if rows(name) > row]
        leaving.sort(key=lambda name: -plan.columns.right_tracks[name])
        arriving = [name for name in reversed(self.earlier) if name not in flows]
        order = [name for name in flows if rows(name) == row] + leaving + arriving
        self.flows = {name: flows.get(name, []) for name in order}
        self.lanes = [self._lane(index) for index in range(len(self.flows))]

    def draw(self, y: float) -> float:
        top = y + sum(lane.height for lane in self.lanes) + _FOOT
        at = top - _FOOT
        levels: dict[str, float] = {}
        for lane in self.lanes:
            levels[lane.target] = at
            lift = _LIFT + lane.stroke.width / 2 + (len(lane.words) - 1) * LINE
            # The last flow that has joined the lane where its words begin.
            joined = [flow.ends for flow in lane.flows if self._up(flow.source) < lane.x]
            move = joined[-1] if joined else None
            self.canvas.paragraph(lane.x, at - lift, lane.words, LINE, move=move)
            at -= lane.height
        for lane in self.lanes:
            self._draw_lane(lane, levels[lane.target], top)
        lines = FlowLines(self.plan)
        for stage in self.plan.columns.rows[self.row]:
            joins = [
                Join(levels[flow.target], flow, turn=1)
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
        """Where they come down into a stage, or leave for a later row."""
        columns = self.plan.columns
        if columns.row(name) != self.row:
            return columns.sheet - columns.margin - columns.right_tracks[name]
        card = columns.cards[name]
        usual = card.mid - card.w * 0.2
        if name in columns.firsts:  # the total stands between the line and the edge
            flows = [flow for flow in self.data.fast_tracks if flow.target == name]
            return max(usual, card.x + width(total(flows), TEXT, bold=True) + 20)
        return usual

    def _lane(self, index: int) -> _Lane:
        """A lane with its text in the widest free place above it."""
        target, *higher = list(self.flows)[index:]
        flows, earlier = self.flows[target], self.earlier[target]
        stroke = self.data.stroke([*flows, *earlier])
        if not flows:  # its text stands above the row that it comes from
            return _Lane(target, flows, earlier, stroke, 0, [])
        start, end = self._up(flows[0].source), self._down(target)
        # Lines that pass this lane on their way to a higher one.
        walls = [self._down(name) for name in higher]
        walls += [self._up(flow.source) for name in (target, *higher) for flow in self.flows[name]]
        stops = sorted({start, end, *(x for x in walls if start < x < end)})
        numbers = {self._up(flow.source): width(_riser(flow, flows), TEXT, bold=True) + 8
                   for flow in flows if total(flows)}  # fmt: skip
        rules = merge_rules(rule for flow in flows for rule in flow.rules)
        best: tuple[tuple[int, float], float, float] | None = None
        columns = self.plan.columns
        tracks = max(columns.right_tracks.values(), default=0.0)
        limit = columns.sheet - columns.margin - tracks - 8
        for a, b in pairwise(stops):
            left, right = a + 14 + numbers.get(a, 0), min(b - 12, limit)
            if right - left < 24:
                continue
            keys = Keys()
            lines = rule_lines(rules, right - left, keys, color=stroke.color)
            rank = (len(keys.texts) * 3 + len(lines), -left)  # fewest keys, then nearest the end
            if best is None or rank < best[0]:
                best = (rank, left, right - left)
        _, x, room = best or ((), start + 14, 24)
        words = rule_lines(rules, room, self.plan.keys, color=stroke.color)
        return _Lane(target, flows, earlier, stroke, x, words)

    def _draw_lane(self, lane: _Lane, y: float, top: float) -> None:
        """Draw a lane, wider after each trunk that joins it, and its end down to the stage."""
        starts = [self._up(flow.source) + BEND for flow in lane.flows]
        for index, (x, join) in enumerate(pairwise(starts), 1):
            stroke = self.data.stroke(lane.flows[:index])
            self.canvas.line([(x, y), (join, y)], attrs.evolve(lane.stroke, width=stroke.width))
        end = self._down(lane.target)
        arrives = self.plan.columns.row(lane.target) == self.row
        for flow in lane.flows if total(lane.flows) else ():
            number = [Span(_riser(flow, lane.flows), True, lane.stroke.color)]
            at = y - _LIFT - lane.stroke.width / 2
            self.canvas.text(self._up(flow.source) + 14, at, number, move=flow.ends)
        if lane.earlier or not arrives:
            self.plan.fast_lanes.setdefault(lane.target, {})[self.row] = y
        if not arrives:
            own = attrs.evolve(lane.stroke, width=self.data.stroke(lane.flows).width)
            self.canvas.line([(starts[-1], y), (end, y), (end, y + BEND)], own, radius=BEND)
            return
        columns = self.plan.columns
        if lane.earlier:
            x = columns.sheet - columns.margin - columns.right_tracks[lane.target]
            own = attrs.evolve(lane.stroke, width=self.data.stroke(lane.earlier).width)
            line = [(x, y - BEND), (x, y), (end, y), (end, top)]
            self.canvas.line(line, own, arrow=True, head=lane.target, radius=BEND, halo=True)
        if lane.flows:
            self.canvas.line(
                [(starts[-1], y), (end, y), (end, top)], lane.stroke,
                arrow=True, head=lane.target, radius=BEND,
            )  # fmt: skip
        number = [Span(total([*lane.flows, *lane.earlier]), True, lane.stroke.color)]
        away = _CLEAR + 3 + arrow_rise(lane.stroke.width)
        self.canvas.text(end - away, top - _FOOT / 2, number, align="right")


def _riser(flow: DrawnFlow, flows: list[DrawnFlow]) -> str:
    """How many people a flow brings into its lane."""
    return moved(flow.rules) if total(flows) else ""
