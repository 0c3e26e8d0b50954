"""The detours below a row, with one lane that leads to each card and one that leads back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import attrs

from lifecycle_fsm.diagram.canvas import Align, Ends, Span, TextLine
from lifecycle_fsm.diagram.chart.cards import rule_lines
from lifecycle_fsm.diagram.chart.columns import LINE, TEXT, ChartPlan, pieces
from lifecycle_fsm.diagram.chart.detour_bands import Band, Rails, bands_of
from lifecycle_fsm.diagram.chart.flow_lines import BEND, FlowLines, Join
from lifecycle_fsm.diagram.chart_data import DrawnFlow, FlowRule, merge_rules
from lifecycle_fsm.diagram.look import Dash, Paint, Stroke
from lifecycle_fsm.diagram.text_fit import whole
from lifecycle_fsm.wording import clean

_THICKEST = 4.6  # of a dashed line
_LIFT = 13.0  # from a lane to the middle of the text on it
_AHEAD = 24.0  # from a card to the total on its lane, clear of the arrowhead


def draw_detours(plan: ChartPlan, row: int, y: float) -> float:
    """Draw the detours below a row, and the lines between them and the row, which ends at y."""
    detours = _Detours(plan, row, y)
    return detours.draw() if detours.bands else y


def draw_detour_margin(plan: ChartPlan) -> None:
    """Draw the lines of detours from row to row, left of all rows."""
    columns, data = plan.columns, plan.data
    for (detour, back), lanes in plan.detour_lanes.items():
        home, paint = columns.homes[detour], data.palette.stage(detour)
        flows = data.returns if back else data.exits
        own = [flow for flow in flows if detour == (flow.source if back else flow.target)]
        heights = sorted(lanes.items())
        x = Rails(plan, home).track(detour, back=back)
        for (above, start), (below, end) in pairwise(heights):
            beyond = [
                flow
                for flow in own
                for row in [columns.row(flow.target if back else flow.source)]
                if (row <= above if home > above else row >= below)
            ]
            stroke = data.stroke(beyond, paint, "solid" if back else "dashed", most=_THICKEST)
            top = start + (BEND if above == heights[0][0] else 0)
            bottom = end - (BEND if below == heights[-1][0] else 0)
            plan.canvas.line([(x, top), (x, bottom)], stroke, halo=True)


@attrs.frozen
class _LaneText:
    """Lines of text at x, the last of which stands above a lane; ``move`` is what they describe."""

    x: float
    lines: Sequence[TextLine]
    align: Align = "left"
    move: Ends | None = None


@attrs.frozen
class _Placed:
    """A band in its place, with the heights of its lanes and their text."""

    band: Band
    paint: Paint
    top: float
    high: float
    exit_y: float
    exit_words: list[_LaneText]
    return_y: float
    return_words: list[_LaneText]
    side_y: float  # where people leave for another detour


class _Detours:
    """Places all bands from top to bottom, then draws them."""

    def __init__(self, plan: ChartPlan, row: int, y: float) -> None:
        self.plan, self.data, self.canvas, self.row = plan, plan.data, plan.canvas, row
        self.rails = Rails(plan, row)
        self.path_bottom = y
        self.bands: list[_Placed] = []
        top = y + 40
        for level in bands_of(plan, self.rails):
            placed = [self._place(band, top) for band in level]
            self.bands += placed
            top = max(band.top + band.high for band in placed) + 22
        self.bottom = top - 22

    def draw(self) -> float:
        self._draw_grounds()
        for placed in self.bands:
            self._draw_exit_lane(placed)
            self._draw_return_lane(placed)
        self._draw_lines()
        for placed in self.bands:
            if placed.band.face is not None:
                placed.band.face.draw()
            pairs = (placed.exit_y, placed.exit_words), (placed.return_y, placed.return_words)
            for y, texts in pairs:
                for text in texts:
                    first = y - _LIFT - (len(text.lines) - 1) * LINE
                    self.canvas.paragraph(
                        text.x, first, text.lines, LINE, align=text.align, move=text.move
                    )
        return self.bottom

    # --- Layout. The text of exits stands above their lane, that of returns between the two lanes,
    # so they never share a height.

    def _place(self, band: Band, top: float) -> _Placed:
        paint = self.data.palette.stage(band.stage.name)
        exit_words = self._exit_words(band, paint)
        return_words = self._return_words(band, paint)
        if band.face is None:  # the card lies below another row
            (exit_words if band.exits else return_words).append(self._name(band, paint))
        exit_y = top + max(24.0, _most(exit_words) * LINE + 10)
        return_y = exit_y + max(26.0, _most(return_words) * LINE + 14)
        high = (return_y if band.returns or band.far_returns else exit_y) - top + 16
        side_y = 0.0
        if any(flow.source == band.stage.name for flow in self.data.exits):
            side_y = top + high
            high += 14
        if band.face is not None:
            high = max(band.face.height, high)
            band.face.card.y, band.face.card.h = top, high
        return _Placed(
            band, paint, top, high, exit_y, exit_words, return_y, return_words, side_y
        )  # fmt: skip

    def _exit_words(self, band: Band, paint: Paint) -> list[_LaneText]:
        texts: list[_LaneText] = []
        beside: list[FlowRule] = []  # out of the first stage, or out of other detours
        others: dict[tuple[str, bool, str | None], list[tuple[str, FlowRule]]] = {}
        for flow in band.exits:
            if self.rails.place.get(flow.source) == 0:
                beside += flow.rules
            elif flow.source in self.rails.place:
                x, room = self.rails.exit_words(flow.source)
                lines = rule_lines(flow.rules, room, self.plan.keys, color=paint.line)
                texts.append(_LaneText(x, lines, "right", flow.ends))
            else:
                source = self.data.model.stage(flow.source).display
                for rule in flow.rules:
                    others.setdefault((rule.label, rule.by_hand, rule.change), []).append(
                        (source, rule)
                    )
        for parts in others.values():
            [rule] = merge_rules(rule for _, rule in parts)
            sources = ", ".join(source for source, _ in parts)
            beside.append(attrs.evolve(rule, label=clean(f"{rule.label}, from {sources}")))
        if beside:
            x, room = self.rails.side_words()
            lines = rule_lines(beside, room, self.plan.keys, color=paint.line, most=6, each=3)
            told = [flow.ends for flow in band.exits if self.rails.place.get(flow.source, 0) == 0]
            texts.append(_LaneText(x, lines, move=told[0] if len(told) == 1 else None))
        number = self.plan.columns.sum_text([*band.exits, *band.far_exits])
        if number and band.face is not None:
            card = band.face.card
            lines = [TextLine([Span(part, True, paint.line)]) for part in pieces(number)]
            right = band.at_left or any(band.from_right(flow, self.rails) for flow in band.exits)
            texts.append(
                _LaneText(card.right + _AHEAD, lines)
                if right
                else _LaneText(card.x - _AHEAD, lines, "right")
            )
        return texts

    def _name(self, band: Band, paint: Paint) -> _LaneText:
        """The name of a detour whose card lies below another row, at the left end of its band."""
        first, name = self.rails.names[0], clean(band.stage.display)
        x = self.plan.columns.left + 4
        room = self.rails.down(first) - x - 8
        rows = whole(name, room, TEXT, bold=True) or [self.plan.keys.key(name)]
        return _LaneText(x, [TextLine([Span(row, True, paint.line)]) for row in rows])

    def _return_words(self, band: Band, paint: Paint) -> list[_LaneText]:
        texts = []
        for flow in band.returns:
            x, room = self.rails.return_words(flow.target)
            lines = rule_lines(flow.rules, room, self.plan.keys, color=paint.line)
            texts.append(_LaneText(x, lines, move=flow.ends))
        return texts

    # --- Drawing

    def _stroke(self, flows: Sequence[DrawnFlow], placed: _Placed, dash: Dash = "solid") -> Stroke:
        return self.data.stroke(flows, placed.paint, dash, most=_THICKEST)

    def _draw_grounds(self) -> None:
        for placed in self.bands:
            band, columns = placed.band, self.plan.columns
            left, right = band.extent(self.rails)
            if band.at_left or left < columns.left:
                left = columns.left
            if band.at_left and not band.shares:
                right = columns.end
            self.canvas.band(
                left - 8, placed.top - 8, right - left + 16, placed.high + 16, placed.paint.tint
            )

    def _draw_exit_lane(self, placed: _Placed) -> None:
        """Draw the lane towards the card from both sides, wider after each trunk that joins it."""
        band, rails = placed.band, self.rails
        sides: tuple[list[DrawnFlow], list[DrawnFlow]] = ([], [])
        for flow in sorted(band.exits, key=lambda flow: rails.down(flow.source)):
            sides[band.from_right(flow, self.rails)].append(flow)
        left, right = sides
        if right:
            starts = [rails.down(flow.source) - BEND for flow in reversed(right)]
            end = self._draw_track(placed, right) if band.face is None else band.face.card.right + 1
            self._draw_lane(placed, right[::-1], [*starts, end], [])
        if left or band.far_exits:
            assert band.face is not None
            starts = [rails.down(flow.source) + BEND for flow in left]
            if band.far_exits:
                starts.insert(0, self._draw_track(placed, band.far_exits))
            self._draw_lane(placed, left, [*starts, band.face.card.x - 1], band.far_exits)

    def _draw_lane(
        self, placed: _Placed, flows: list[DrawnFlow], stops: list[float], far: list[DrawnFlow]
    ) -> None:
        """Draw the pieces of an exit lane between its stops, the last one with an arrow."""
        band, y = placed.band, placed.exit_y
        before = 0 if far else 1
        for index, (x, end) in enumerate(pairwise(stops), before):
            last = index + 1 - before == len(stops) - 1
            arrow = last and band.face is not None
            self.canvas.line(
                [(x, y), (end, y)], self._stroke([*far, *flows[:index]], placed, "dashed"),
                arrow=arrow, head=band.stage.name if arrow else None,
            )  # fmt: skip

    def _draw_track(
        self, placed: _Placed, flows: Sequence[DrawnFlow], *, back: bool = False
    ) -> float:
        """Draw the bend between a lane and the line left of all rows; returns where it ends."""
        band, columns = placed.band, self.plan.columns
        name = band.stage.name
        y = placed.return_y if back else placed.exit_y
        self.plan.detour_lanes.setdefault((name, back), {})[self.row] = y
        x = self.rails.track(name, back=back)
        rows = {
            columns.row(flow.target if back else flow.source) for flow in flows
        } if band.face is not None else {columns.homes[band.stage.name]}  # fmt: skip
        stroke = self._stroke(flows, placed, "solid" if back else "dashed")
        for way in sorted({1 if row > self.row else -1 for row in rows}):
            bend = [(x, y + way * BEND), (x, y), (x + BEND, y)]
            self.canvas.line(bend, stroke, radius=BEND)
        return x + BEND

    def _draw_return_lane(self, placed: _Placed) -> None:
        """Draw the lane away from the card on both sides, thinner after each trunk that leaves."""
        band, rails = placed.band, self.rails
        flows = sorted(band.returns, key=lambda flow: rails.up(flow.target))
        if band.face is None:
            if flows:
                self._draw_back(placed, self._draw_track(placed, flows, back=True), flows, -1, [])
            return
        card = band.face.card
        right = [flow for flow in flows if band.to_right(flow, rails)]
        self._draw_back(placed, card.right, right, -1, [])
        left = [flow for flow in reversed(flows) if flow not in right]
        self._draw_back(placed, card.x, left, 1, band.far_returns)

    def _draw_back(
        self, placed: _Placed, x: float, flows: list[DrawnFlow], turn: int, far: list[DrawnFlow]
    ) -> None:
        """Draw the pieces of a return lane from x on."""
        y = placed.return_y
        for index, flow in enumerate(flows):
            end = self.rails.up(flow.target) + turn * BEND
            stroke = self._stroke([*flows[index:], *far], placed)
            self.canvas.line([(x, y), (end, y)], stroke)
            x = end
        if far:
            end = self._draw_track(placed, far, back=True)
            self.canvas.line([(x, y), (end, y)], self._stroke(far, placed))

    def _draw_lines(self) -> None:
        """Draw the lines between the row and its detours, and from detour to detour."""
        lines = FlowLines(self.plan, most=_THICKEST)
        exits, returns = defaultdict[str, list[Join]](list), defaultdict[str, list[Join]](list)
        for placed in self.bands:
            band = placed.band
            for flow in band.exits:
                turn = -1 if band.from_right(flow, self.rails) else 1
                exits[flow.source].append(Join(placed.exit_y, flow, placed.paint, turn))
            for flow in band.returns:
                turn = -1 if band.to_right(flow, self.rails) else 1
                returns[flow.target].append(Join(placed.return_y, flow, placed.paint, turn))
        for name in self.rails.names:
            joins = sorted(exits[name], key=lambda join: join.lane)
            lines.leave(self.rails.down(name), self.path_bottom, joins, dash="dashed")
        for placed in self.bands:
            self._draw_side_lines(placed)
        for name in self.rails.names:
            joins = sorted(returns[name], key=lambda join: join.lane)
            lines.arrive(self.rails.up(name), self.path_bottom, joins, name)
        lines.draw_bends()

    def _draw_side_lines(self, placed: _Placed) -> None:
        """Draw the lines from this detour to others."""
        if placed.band.face is None:
            return
        x, y = self.rails.side, placed.side_y
        for other in self.bands:
            for flow in other.band.exits:
                if flow.source == placed.band.stage.name:
                    lane = other.exit_y
                    self.canvas.line(
                        [(placed.band.face.card.right, y), (x, y), (x, lane), (x - BEND, lane)],
                        self._stroke([flow], placed, "dashed"), radius=BEND, halo=True,
                    )  # fmt: skip


def _most(texts: list[_LaneText]) -> int:
    """The number of lines of the longest text."""
    return max((len(text.lines) for text in texts), default=0)
