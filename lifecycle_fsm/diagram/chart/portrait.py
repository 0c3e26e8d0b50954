"""A lifecycle for a phone: one column from top to bottom.

The path is a line on the left, from each card to the next; fast tracks and detours branch off it
below the stage that they leave, each with the stage that it leads to. Detours come last, with their
returns.
"""

from __future__ import annotations

from lifecycle_fsm.diagram.canvas import Canvas, Point, Span
from lifecycle_fsm.diagram.chart.cards import CardFace, rule_lines
from lifecycle_fsm.diagram.chart.columns import HEADLINE, LINE, Card, Page, headline
from lifecycle_fsm.diagram.chart.frame import draw_heading, draw_keys, draw_legend
from lifecycle_fsm.diagram.chart_data import ChartData, DrawnFlow
from lifecycle_fsm.diagram.look import HEADING, SOFT, Dash, pt
from lifecycle_fsm.diagram.text_fit import wrap
from lifecycle_fsm.model import Stage
from lifecycle_fsm.wording import clean

_WIDTH, _MARGIN = 390.0, 14.0
_LINE, _TEXT = _MARGIN + 20, _MARGIN + 66  # where the line of the path runs, and its text begins


def draw_portrait(data: ChartData) -> Canvas:
    """Draw everything in one column."""
    return _Portrait(Page(data, _MARGIN, _WIDTH)).draw()


class _Portrait:
    """Draws from top to bottom."""

    def __init__(self, page: Page) -> None:
        self.page, self.data, self.canvas = page, page.data, page.canvas
        self.branches = [*page.data.fast_tracks, *page.data.exits, *page.data.returns]

    def draw(self) -> Canvas:
        y = draw_heading(self.page, 0.0) + 4
        for stage in self.data.model.path:
            bottom, y = self._draw_stage(stage, y)
            y = self._draw_step(stage, bottom, y)
        if self.data.model.detours:
            self.canvas.text(_MARGIN, y + 10, [Span("OFF THE PATH", True, HEADING)])
            y += 28
        for stage in self.data.model.detours:
            y = self._draw_stage(stage, y)[1] + 14
        y = draw_legend(self.page, draw_keys(self.page, y))
        return self.canvas.trim(_WIDTH, y + 16)

    def _draw_stage(self, stage: Stage, y: float) -> tuple[float, float]:
        """Draw a card and the branches that leave it; returns where each of the two ends."""
        face = CardFace(self.page, Card(stage, _MARGIN, _WIDTH - 2 * _MARGIN, 0))
        face.card.y, face.card.h = y, face.height
        face.draw()
        y = face.card.bottom
        for flow in self.branches:
            if flow.source == stage.name:
                start = face.card.bottom if stage.off_path else y + 11
                y = self._draw_branch(flow, start, y)
        return face.card.bottom, y

    def _draw_branch(self, flow: DrawnFlow, start: float, y: float) -> float:
        """Draw a branch off the line, with the stage that it leads to and its rules."""
        data = self.data
        detour = flow.target if flow.kind == "detour" else flow.source
        usual = None if flow.kind == "fast_track" else data.palette.stage(detour)
        dash: Dash = "dashed" if flow.kind == "detour" else "solid"
        stroke = data.stroke([flow], usual, dash, most=4.0)
        room = _WIDTH - _MARGIN - _TEXT
        title = clean(data.model.stage(flow.target).display)
        names = [
            [Span(text, True, stroke.color)]
            for text in wrap(title, room, pt(11), bold=True, lines=99)
        ]
        top = y + 20
        end = (_TEXT - 8, top)
        points: list[Point] = [(_LINE, start), (_LINE, top), end]
        self.canvas.line(points, stroke, arrow=True, radius=8)
        y = self.canvas.paragraph(_TEXT, top, names, LINE + 1, pt(11))
        words = rule_lines(flow.rules, room, self.page.keys, color=stroke.color, most=99, each=99)
        return self.canvas.paragraph(_TEXT, y, words, LINE) - LINE / 2

    def _draw_step(self, stage: Stage, start: float, y: float) -> float:
        """Draw the line from the lower edge of a card to the next, with its text beside it."""
        flow = self.data.steps.get(stage.name)
        if flow is None:
            return y + 18
        at = y + 22
        if head := headline(flow):
            self.canvas.text(_TEXT, at, head, HEADLINE)
            at += LINE + 2
        words = rule_lines(
            flow.rules, _WIDTH - _MARGIN - _TEXT, self.page.keys, color=SOFT,
            numbers=len(flow.rules) > 1, most=99, each=99,
        )  # fmt: skip
        at = self.canvas.paragraph(_TEXT, at, words, LINE)
        stroke = self.data.stroke([flow], uncounted=3.4, most=8.0)
        self.canvas.line([(_LINE, start), (_LINE, at + 6)], stroke, arrow=True, head=flow.target)
        return at + 7
