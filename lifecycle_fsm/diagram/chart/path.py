"""The path: its stages in one row, with a step from each to the next."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import attrs

from lifecycle_fsm.diagram.canvas import Span, arrow_rise, spans_width
from lifecycle_fsm.diagram.chart.cards import (
    TextLine,
    draw_card,
    fitting_number,
    height,
    merged,
    part_lines,
)
from lifecycle_fsm.diagram.chart.columns import HEADLINE, LINE, TEXT, ChartPlan
from lifecycle_fsm.diagram.chart.trunks import BEND, Join, Trunks
from lifecycle_fsm.diagram.drawn_flows import DrawnFlow
from lifecycle_fsm.diagram.look import INK, SOFT

_CLEAR = 4.0  # between an arrowhead and words
_LEADING = 1.3  # from one line of a headline to the next, in its size


def draw_path(sheet: ChartPlan, y: float) -> float:
    """Draw the row of stages and the steps between them."""
    subject = sheet.subject
    captions = {name: _caption(sheet, flow) for name, flow in subject.steps.items()}
    cards = [sheet.columns.cards[stage.name] for stage in subject.model.path]
    # All headlines stand at one height, clear of the widest arrowhead.
    away = _CLEAR + max(
        (arrow_rise(subject.step_pen(flow)) for flow in subject.steps.values()), default=0
    )
    words = max((max(caption.above, caption.below) for caption in captions.values()), default=0)
    high = max(*(height(sheet, card) for card in cards), 2 * (away + words) + 12)
    for card in cards:
        card.y, card.h = y, high
        paint = subject.palette.stage(card.stage.name)
        draw_card(sheet, card, fill=paint.tint, dash="solid")
    for name, flow in subject.steps.items():
        _draw_step(sheet, flow, captions[name], y + high / 2, away)
    return y + high


@attrs.frozen
class _Caption:
    """What stands on a step: the headline above the line, the rules below it."""

    heads: list[list[Span]]
    size: float
    words: list[TextLine]

    @property
    def above(self) -> float:
        return len(self.heads) * self.size * _LEADING

    @property
    def below(self) -> float:
        return len(self.words) * LINE


def _caption(sheet: ChartPlan, flow: DrawnFlow) -> _Caption:
    room = sheet.columns.gap_after(flow.source) - 18
    words = part_lines(flow.parts, room, color=SOFT, numbers=len(flow.parts) > 1, each=3)
    head = sheet.subject.headline(flow)
    if not head or spans_width(head, HEADLINE) <= room:
        return _Caption([head] if head else [], HEADLINE, words)
    size = TEXT
    heads = [[Span(fitting_number(flow.count or 0, room, size), True, INK)]]
    if len(head) > 1:
        heads.append([Span(head[1].text.removeprefix(" · "), True, SOFT)])
    return _Caption(heads, size, words)


def _draw_step(sheet: ChartPlan, flow: DrawnFlow, caption: _Caption, y: float, away: float) -> None:
    """Draw a step at y; its words begin so far away from the middle of the line."""
    canvas, cards = sheet.canvas, sheet.columns.cards
    left, right = cards[flow.source].right, cards[flow.target].x
    canvas.line(
        [(left, y), (right - 1, y)],
        color=sheet.subject.paint([flow]).line,
        pen=sheet.subject.step_pen(flow),
        dash=sheet.subject.dash([flow], "solid"),
        arrow=True,
        tail=flow.source,
        head=flow.target,
    )
    centre = (left + right) / 2 - 4
    at = y - away - caption.size * 0.65
    for head in reversed(caption.heads):
        canvas.text(centre, at, head, caption.size, align="center")
        at -= caption.size * _LEADING
    at = y + away + TEXT * 0.65
    for line in caption.words:
        canvas.text(centre, at, line.spans, align="center", icon=line.icon)
        at += LINE


# ------------------------------------------------------------------ fast tracks
#
# The fast tracks: above the path, a lane for each stage that one of them leads to.


_FOOT = 26.0  # from the lowest lane to the path
_BETWEEN = 14.5  # from a lane to the words of the next
_LIFT = 10.5  # from a line to the middle of the words on it


def draw_fast_tracks(sheet: ChartPlan, y: float) -> float:
    """Draw the lanes; returns the top of the path."""
    if not sheet.subject.fast_tracks:
        return y + 10
    return _FastTracks(sheet).draw(y)


class _FastTracks:
    """The lanes by the stage that they lead to: the further, the higher."""

    def __init__(self, sheet: ChartPlan) -> None:
        self.sheet, self.subject, self.canvas = sheet, sheet.subject, sheet.canvas
        self.lanes: dict[str, list[DrawnFlow]] = {}
        for flow in self.subject.fast_tracks:
            self.lanes.setdefault(flow.target, []).append(flow)
        self.order = sorted(self.lanes, key=self.subject.ranks.__getitem__)
        sources = {flow.source for flow in self.subject.fast_tracks}
        self.sources = sorted(sources, key=self.subject.ranks.__getitem__)

    def draw(self, y: float) -> float:
        words = [self._words(index) for index in range(len(self.order))]
        pens = [
            self.subject.pen(sum(flow.count or 0 for flow in self.lanes[target]))
            for target in self.order
        ]
        heights = [
            len(lines) * LINE + _BETWEEN + pen / 2
            for (_, lines), pen in zip(words, pens, strict=True)
        ]
        top = y + sum(heights) + _FOOT
        at = top - _FOOT
        levels: dict[str, float] = {}
        for target, (x, lines), pen, high in zip(self.order, words, pens, heights, strict=True):
            levels[target] = at
            for index, line in enumerate(lines):
                lift = _LIFT + pen / 2 + (len(lines) - 1 - index) * LINE
                self.canvas.text(x, at - lift, line.spans, icon=line.icon)
            at -= high
        for target in self.order:
            self._draw_lane(target, levels[target], top)
        trunks = Trunks(self.sheet, turn=1)
        for source in self.sources:
            joins = [
                Join(levels[flow.target], flow, self.subject.paint([flow]))
                for flow in self.subject.fast_tracks
                if flow.source == source
            ]
            trunks.leave(self._up(source), top, joins)
        trunks.draw_bends()
        return top

    def _up(self, name: str) -> float:
        """Where people leave a stage upwards."""
        card = self.sheet.columns.cards[name]
        return card.mid + card.w * 0.2

    def _down(self, name: str) -> float:
        """Where they come down into one."""
        card = self.sheet.columns.cards[name]
        return card.mid - card.w * 0.2

    def _words(self, index: int) -> tuple[float, list[TextLine]]:
        """The widest free place above a lane, and the words that fit there."""
        lane, end = self.lanes[self.order[index]], self._down(self.order[index])
        start = min(self._up(flow.source) for flow in lane)
        # Lines that pass this lane on their way to a higher one.
        walls = [self._down(name) for name in self.order[index + 1 :]]
        walls += [self._up(flow.source) for name in self.order[index:] for flow in self.lanes[name]]
        stops = sorted({start, end, *(x for x in walls if start < x < end)})
        parts, color = merged(lane), self.subject.paint(lane).line
        best: tuple[tuple[int, float], float, list[TextLine]] | None = None
        for left, right in ((a + 14, b - 12) for a, b in pairwise(stops)):
            if right - left < 24:
                continue
            lines = part_lines(parts, right - left, color=color)
            torn = sum("…" in span.text for line in lines for span in line.spans)
            rank = (torn * 3 + len(lines), -left)  # the nearest to the end, where nothing is cut
            if best is None or rank < best[0]:
                best = (rank, left, lines)
        return (best[1], best[2]) if best else (start + 14, [])

    def _draw_lane(self, target: str, y: float, top: float) -> None:
        """The level part of a fast track, and its end."""
        lane: Sequence[DrawnFlow] = sorted(
            self.lanes[target], key=lambda flow: self._up(flow.source)
        )
        color, end = self.subject.paint(lane).line, self._down(target)
        dash = self.subject.dash(lane, "solid")
        people = 0
        for index, flow in enumerate(lane):
            people += flow.count or 0
            pen = self.subject.pen(people)
            x = self._up(flow.source) + BEND
            if index < len(lane) - 1:
                join = self._up(lane[index + 1].source) + BEND
                self.canvas.line([(x, y), (join, y)], color=color, pen=pen, dash=dash)
            else:
                self.canvas.line(
                    [(x, y), (end, y), (end, top)],
                    color=color,
                    pen=pen,
                    dash=dash,
                    arrow=True,
                    head=target,
                    radius=BEND,
                )
