"""What stands around a chart: the heading, the groups of stages, and the legend."""

from __future__ import annotations

from itertools import groupby

from lifecycle_fsm.diagram.canvas import Dash, Span
from lifecycle_fsm.diagram.chart.columns import TEXT, ChartPlan
from lifecycle_fsm.diagram.look import HEADING, INK, NEUTRAL, PARTLY, RULE, SEEN, UNSEEN, pt
from lifecycle_fsm.diagram.text_fit import cut, width, wrap
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.wording import clean

_ROW = 21.0  # of the legend
_GROUP, _DETOUR = "#94a3b8", "#b45309"


def draw_heading(sheet: ChartPlan, y: float) -> float:
    """Draw the title, and what is known about the picture."""
    canvas, columns = sheet.canvas, sheet.columns
    title = cut(sheet.subject.title, columns.room, pt(20), bold=True)
    canvas.text(columns.margin, y + 36, [Span(title, True, INK)], pt(20))
    y += 66.0
    for text in wrap(sheet.subject.subtitle, columns.room, pt(10), lines=2):
        canvas.text(columns.margin, y, text, pt(10))
        y += 18
    return y + 8


def draw_groups(sheet: ChartPlan, y: float) -> float:
    """Draw a bar over the stages of each group, unless all are of one."""
    runs = [
        (name, list(run)) for name, run in groupby(sheet.subject.model.path, lambda one: one.group)
    ]
    if len(runs) < 2:
        return y
    for name, run in runs:
        if name:
            x0 = sheet.columns.cards[run[0].name].x
            x1 = sheet.columns.cards[run[-1].name].right
            sheet.canvas.line([(x0, y + 20), (x1, y + 20)], color=_GROUP, pen=2.4)
            text = cut(clean(name).upper(), x1 - x0, TEXT, bold=True)
            sheet.canvas.text(x0, y + 7, [Span(text, True, HEADING)])
    return y + 34


def draw_legend(sheet: ChartPlan, y: float) -> float:
    """Draw what the signs mean, in as many rows as it needs."""
    return _Legend(sheet, y + 36).draw()


class _Legend:
    """Samples with their words, one beside the other."""

    def __init__(self, sheet: ChartPlan, y: float) -> None:
        self.sheet, self.subject, self.canvas = sheet, sheet.subject, sheet.canvas
        self.left = sheet.columns.margin
        self.right = sheet.columns.sheet - self.left
        self.x, self.y = self.left, y

    def draw(self) -> float:
        line = self.y - 14
        self.canvas.line([(self.left, line), (self.right, line)], color=RULE, pen=1)
        self.y += 4
        self._draw_owners()
        self._draw_lines()
        if any(part.by_hand for flow in self.subject.flows for part in flow.parts):
            text = "a person asks for it; without it, a system does"
            x = self._place(text)
            self.canvas.person(x + 28 if x > self.left else x + 18, self.y, INK)
            self.canvas.text(x + 40, self.y, text)
        if self.subject.counts is not None:
            self._draw_note(_how_to_read(self.subject.counts))
        return self.y + 6

    def _place(self, text: str) -> float:
        """Where the next sample begins: in a new row where the words do not fit."""
        wide = 40 + width(text, TEXT) + 22
        if self.x > self.left and self.x + wide > self.right:
            self.x, self.y = self.left, self.y + _ROW
        x = self.x
        self.x += wide
        return x

    def _draw_owners(self) -> None:
        palette = self.subject.palette
        for name, paint in palette.systems.items():
            text = f"{palette.labels[name]} owns it"
            text = cut(text, self.right - self.left - 40, TEXT)
            x = self._place(text)
            self.canvas.box(x + 6, self.y - 7, 24, 14, fill=paint.tint, color=paint.line, pen=2)
            self.canvas.text(x + 40, self.y, text)

    def _draw_lines(self) -> None:
        covers = self.subject.fired is not None
        detour = NEUTRAL.line if covers else _DETOUR
        samples: list[tuple[str, str, Dash]] = [("step, or fast track above", INK, "solid")]
        if self.subject.model.detours:
            samples.append(("detour, off the path", detour, "dashed"))
        if self.subject.returns:
            samples.append(("return: the next journey begins", detour, "solid"))
        if covers:
            samples += [
                ("✓ a test moved somebody by it", SEEN.line, "solid"),
                ("by some of its rules", PARTLY.line, "solid"),
                ("× no test did", UNSEEN.line, "dotted"),
            ]
        for text, color, dash in samples:
            x = self._place(text)
            self.canvas.line(
                [(x, self.y), (x + 34, self.y)], color=color, pen=2, dash=dash, arrow=True
            )
            self.canvas.text(x + 42, self.y, text)

    def _draw_note(self, note: str) -> None:
        for text in wrap(note, self.right - self.left, TEXT, lines=3):
            self.y += _ROW
            self.canvas.text(self.left, self.y, text)


def _how_to_read(counts: Counts) -> str:
    when = "now" if counts.window[1] is None else "at the end of the window"
    stay = ", and the time after which half had left, if they have, open visits counted"
    reached = "entered the next"
    if counts.reading != "through":
        reached += " or were carried past it"
    return (
        f"On a card: people {when}{stay if counts.median_stay else ''}. On a "
        "step: how many took it · of the journeys that first entered the stage, the share that "
        f"later {reached}. The more people, the wider the line."
    )
