"""What changed between two models in words, in columns below their diagram."""

from __future__ import annotations

from lifecycle_fsm.diagram.canvas import Span
from lifecycle_fsm.diagram.chart.columns import LINE, TEXT, ChartPlan
from lifecycle_fsm.diagram.look import INK, MARKS, pt
from lifecycle_fsm.diagram.text_fit import wrap

_SPACE = 36.0  # between columns
_MARK = 20.0  # from a mark to its text
_ALL = 60  # lines: more than anybody agrees on, but a hostile file ends


def draw_changes(plan: ChartPlan, y: float) -> float:
    """Draw every change in words, each with its mark."""
    canvas, texts = plan.canvas, plan.data.model.texts
    if not texts:
        return y
    n = min(3 if plan.sheet > 1300 else 2, len(texts))
    wide = (plan.room - (n - 1) * _SPACE) / n
    y += 46
    canvas.text(plan.margin, y, [Span("What changes", True, INK)], pt(13))
    y += 26
    entries = [
        (
            MARKS[text.change].line,
            text.change,
            wrap(text.head, wide - _MARK, TEXT, bold=True, lines=_ALL),
            [row for line in text.lines for row in wrap(line, wide - _MARK, TEXT, lines=_ALL)],
        )
        for text in texts
    ]
    share = sum(len(head) + len(lines) + 0.6 for *_, head, lines in entries) / n
    column, used, lowest, at = 0, 0.0, y, y
    for color, mark, head, lines in entries:
        high = len(head) + len(lines) + 0.6
        if column < n - 1 and used + high / 2 > share * (column + 1):
            column, at = column + 1, y
        x = plan.margin + column * (wide + _SPACE)
        canvas.text(x, at, [Span(mark, True, color)])
        at = canvas.paragraph(x + _MARK, at, [[Span(row, True, INK)] for row in head], LINE)
        at = canvas.paragraph(x + _MARK, at, lines, LINE) + LINE * 0.6
        used += high
        lowest = max(lowest, at)
    return lowest
