"""The path: its stages in one row, with a step from each to the next."""

from __future__ import annotations

import attrs

from lifecycle_fsm.diagram.chart.captions import TextLine, fitting_number, part_lines
from lifecycle_fsm.diagram.chart.cards import draw_card, height
from lifecycle_fsm.diagram.chart.columns import HEADLINE, LINE, TEXT
from lifecycle_fsm.diagram.chart.sheet import Sheet
from lifecycle_fsm.diagram.curves import arrow_rise
from lifecycle_fsm.diagram.flows import Flow
from lifecycle_fsm.diagram.look import INK, SOFT
from lifecycle_fsm.diagram.spans import Span, spans_width

_CLEAR = 4.0  # between an arrowhead and words
_LEADING = 1.3  # from one line of a headline to the next, in its size


def draw_path(sheet: Sheet, y: float) -> float:
    """Draw the row of stages and the steps between them."""
    subject = sheet.subject
    captions = {name: _caption(sheet, flow) for name, flow in subject.steps.items()}
    cards = [sheet.columns.cards[stage.name] for stage in subject.model.path]
    # All headlines stand at one height, clear of the widest arrowhead.
    away = _CLEAR + max(
        (arrow_rise(subject.step_pen(flow)) for flow in subject.steps.values()), default=0
    )
    words = max((max(one.above, one.below) for one in captions.values()), default=0)
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


def _caption(sheet: Sheet, flow: Flow) -> _Caption:
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


def _draw_step(sheet: Sheet, flow: Flow, caption: _Caption, y: float, away: float) -> None:
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
