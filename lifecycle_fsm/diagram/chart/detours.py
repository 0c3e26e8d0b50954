"""The detours: a row for each below the path, with one lane that leads to it and one back."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import attrs

from lifecycle_fsm.diagram.canvas import Align, TextLine
from lifecycle_fsm.diagram.chart.cards import CardFace, rule_lines
from lifecycle_fsm.diagram.chart.columns import LINE, Card, ChartPlan
from lifecycle_fsm.diagram.chart.flow_lines import BEND, FlowLines, Join
from lifecycle_fsm.diagram.chart_data import DrawnFlow, FlowRule, merge_rules
from lifecycle_fsm.diagram.look import Dash, Paint, Stroke
from lifecycle_fsm.model import Stage
from lifecycle_fsm.wording import clean

# ------------------------------------------------------------------ rails
#
# Where people leave a stage downwards and come back up, and the room for text between.


_BESIDE = 9.0  # from a line to its text


class Rails:
    """The places, from left to right, of the lines between the path and its detours.

    The text of exits stands left of the line by which people leave, the text of returns right of
    the line by which they come back. Between two stages, both have the room up to the next line.
    """

    def __init__(self, plan: ChartPlan) -> None:
        self._data, self._columns = plan.data, plan.columns
        self._path = [stage.name for stage in plan.data.model.path]

    def down(self, name: str) -> float:
        """Where people leave a stage; those who go from detour to detour take the side line."""
        card = self._columns.cards[name]
        if name not in self._data.ranks:
            return self.side
        if name == self._data.origin:
            return card.right - 14
        if self._data.is_last(name):
            return card.x + card.w * 0.25 - min(26, card.w * 0.17)
        return card.mid - min(20, card.w * 0.14)

    def up(self, name: str) -> float:
        """Where people come back up into a stage."""
        card = self._columns.cards[name]
        if self._data.is_last(name):
            return card.x + card.w * 0.25  # its text stands beside it, and no gap follows
        return card.mid + min(20, card.w * 0.14)

    @property
    def side(self) -> float:
        """Where people go from one detour to another."""
        return self._columns.cards[self._data.origin].right + 4

    def exit_words(self, name: str) -> tuple[float, float]:
        """Where the text of exits out of a stage of the path ends, and its room."""
        x = self.down(name) - _BESIDE
        return x, x - self._left_edge(name)

    def side_words(self) -> tuple[float, float]:
        """Where the text of flows without their own line begins, and its room."""
        x = self.side + _BESIDE
        return x, self._left_edge(self._path[1]) - x - 6

    def return_words(self, name: str) -> tuple[float, float]:
        """Where the text of returns into a stage begins, and its room."""
        x = self.up(name) + _BESIDE
        return x, self._right_edge(name) - x

    def _left_edge(self, name: str) -> float:
        rank = self._data.ranks[name]
        if rank > 1:
            return self.up(self._path[rank - 1]) + _BESIDE
        return self._columns.cards[name].x - self._columns.first_gap * 0.37 + 5

    def _right_edge(self, name: str) -> float:
        if self._data.is_last(name):
            return self._columns.cards[name].right + 4
        return self.down(self._path[self._data.ranks[name] + 1]) - _BESIDE


# ------------------------------------------------------------------ detours


_THICKEST = 4.6  # of a dashed line
_LIFT = 13.0  # from a lane to the middle of the text on it


def draw_detours(plan: ChartPlan, y: float) -> float:
    """Draw the rows, and the lines between them and the path, which ends at y."""
    if not plan.data.model.detours:
        return y
    return _Detours(plan, y).draw()


@attrs.frozen
class _LaneText:
    """Lines of text at x, the last of which stands above a lane."""

    x: float
    lines: list[TextLine]
    align: Align = "left"


@attrs.frozen
class _Row:
    """A detour: its card, and its lanes with their text."""

    face: CardFace
    paint: Paint
    exits: list[DrawnFlow]
    exit_y: float
    exit_words: list[_LaneText]
    returns: list[DrawnFlow]
    return_y: float
    return_words: list[_LaneText]
    side_y: float  # where people leave for another detour

    @property
    def card(self) -> Card:
        return self.face.card


class _Detours:
    """Places all rows from top to bottom, then draws them."""

    def __init__(self, plan: ChartPlan, y: float) -> None:
        self.plan, self.data, self.canvas = plan, plan.data, plan.canvas
        self.rails = Rails(plan)
        self.path_bottom = y
        self.rows: list[_Row] = []
        top = y + 40
        for stage in self.data.model.detours:
            self.rows.append(self._row(stage, top))
            top = self.rows[-1].card.bottom + 22

    def draw(self) -> float:
        self._draw_grounds()
        for row in self.rows:
            self._draw_exit_lane(row)
            self._draw_return_lane(row)
        self._draw_lines()
        for row in self.rows:
            row.face.draw()
            for y, texts in ((row.exit_y, row.exit_words), (row.return_y, row.return_words)):
                for text in texts:
                    first = y - _LIFT - (len(text.lines) - 1) * LINE
                    self.canvas.paragraph(text.x, first, text.lines, LINE, align=text.align)
        return self.rows[-1].card.bottom

    # --- Layout. The text of exits stands above their lane, that of returns between the two lanes,
    # so they never share a height.

    def _row(self, stage: Stage, top: float) -> _Row:
        face = CardFace(self.plan, self.plan.columns.cards[stage.name])
        paint = self.data.palette.stage(stage.name)
        exits = [flow for flow in self.data.exits if flow.target == stage.name]
        returns = [flow for flow in self.data.returns if flow.source == stage.name]
        exit_words = self._exit_words(exits, paint)
        return_words = self._return_words(returns, paint)
        exit_y = top + max(24.0, _most(exit_words) * LINE + 10)
        return_y = exit_y + max(26.0, _most(return_words) * LINE + 14)
        high = (return_y if returns else exit_y) - top + 16
        side_y = 0.0
        if any(flow.source == stage.name for flow in self.data.exits):
            side_y = top + high
            high += 14
        face.card.y, face.card.h = top, max(face.height, high)
        return _Row(face, paint, exits, exit_y, exit_words, returns, return_y, return_words, side_y)

    def _exit_words(self, exits: list[DrawnFlow], paint: Paint) -> list[_LaneText]:
        texts: list[_LaneText] = []
        beside: list[FlowRule] = []  # out of the first stage, or out of other detours
        others: dict[tuple[str, bool], list[tuple[str, FlowRule]]] = {}
        for flow in exits:
            if flow.source == self.data.origin:
                beside += flow.rules
            elif flow.source in self.data.ranks:
                x, room = self.rails.exit_words(flow.source)
                texts.append(_LaneText(x, rule_lines(flow.rules, room, color=paint.line), "right"))
            else:
                source = self.data.model.stage(flow.source).display
                for rule in flow.rules:
                    others.setdefault((rule.label, rule.by_hand), []).append((source, rule))
        for parts in others.values():
            [rule] = merge_rules(rule for _, rule in parts)
            sources = ", ".join(source for source, _ in parts)
            beside.append(attrs.evolve(rule, label=clean(f"{rule.label}, from {sources}")))
        if beside:
            x, room = self.rails.side_words()
            texts.append(_LaneText(x, rule_lines(beside, room, color=paint.line, most=6, each=3)))
        return texts

    def _return_words(self, returns: list[DrawnFlow], paint: Paint) -> list[_LaneText]:
        texts = []
        for flow in returns:
            x, room = self.rails.return_words(flow.target)
            texts.append(_LaneText(x, rule_lines(flow.rules, room, color=paint.line)))
        return texts

    # --- Drawing

    def _stroke(self, flows: list[DrawnFlow], row: _Row, dash: Dash = "solid") -> Stroke:
        return self.data.stroke(flows, row.paint, dash, most=_THICKEST)

    def _draw_grounds(self) -> None:
        for row in self.rows:
            card = row.card
            right = max(self.plan.columns.end, card.right)
            self.canvas.band(
                card.x - 8, card.y - 8, right - card.x + 16, card.h + 16, row.paint.tint
            )

    def _draw_exit_lane(self, row: _Row) -> None:
        """Draw the lane towards the card, wider after each trunk that joins it."""
        flows = sorted(row.exits, key=lambda flow: -self.rails.down(flow.source))
        starts = [self.rails.down(flow.source) - BEND for flow in flows]
        y = row.exit_y
        for index, (x, end) in enumerate(pairwise(starts), 1):
            self.canvas.line([(x, y), (end, y)], self._stroke(flows[:index], row, "dashed"))
        if flows:
            self.canvas.line(
                [(starts[-1], y), (row.card.right + 1, y)], self._stroke(flows, row, "dashed"),
                arrow=True, head=row.card.stage.name,
            )  # fmt: skip

    def _draw_return_lane(self, row: _Row) -> None:
        """Draw the lane away from the card, thinner after each trunk that leaves it."""
        flows = sorted(row.returns, key=lambda flow: self.rails.up(flow.target))
        x = row.card.right
        for index, flow in enumerate(flows):
            end = self.rails.up(flow.target) - BEND
            self.canvas.line(
                [(x, row.return_y), (end, row.return_y)], self._stroke(flows[index:], row)
            )
            x = end

    def _draw_lines(self) -> None:
        """Draw the lines between path and detours, and from detour to detour."""
        lines = FlowLines(self.plan, turn=-1, most=_THICKEST)
        exits, returns = defaultdict[str, list[Join]](list), defaultdict[str, list[Join]](list)
        for row in self.rows:
            for flow in row.exits:
                exits[flow.source].append(Join(row.exit_y, flow, row.paint))
            for flow in row.returns:
                returns[flow.target].append(Join(row.return_y, flow, row.paint))
        path = [stage.name for stage in self.data.model.path]
        for name in path:
            lines.leave(self.rails.down(name), self.path_bottom, exits[name], dash="dashed")
        for row in self.rows:
            self._draw_side_lines(row)
        for name in path:
            lines.arrive(self.rails.up(name), self.path_bottom, returns[name], name)
        lines.draw_bends()

    def _draw_side_lines(self, row: _Row) -> None:
        """Draw the lines from this detour to others."""
        x, y = self.rails.side, row.side_y
        for other in self.rows:
            for flow in other.exits:
                if flow.source == row.card.stage.name:
                    lane = other.exit_y
                    self.canvas.line(
                        [(row.card.right, y), (x, y), (x, lane), (x - BEND, lane)],
                        self._stroke([flow], row, "dashed"), radius=BEND, halo=True,
                    )  # fmt: skip


def _most(texts: list[_LaneText]) -> int:
    """The number of lines of the longest text."""
    return max((len(text.lines) for text in texts), default=0)
