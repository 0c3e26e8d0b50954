"""What surrounds a chart: the heading, the groups of stages, the rules in words, the legend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby, zip_longest
from typing import TypeAlias

from lifecycle_fsm.diagram import look
from lifecycle_fsm.diagram.canvas import Span
from lifecycle_fsm.diagram.chart.columns import LINE, TEXT, ChartPlan, Page
from lifecycle_fsm.diagram.chart.rule_entries import RuleEntry, marked_entry, rule_entries
from lifecycle_fsm.diagram.look import HEADING, INK, RULE
from lifecycle_fsm.diagram.text_fit import cut, whole, width, wrap
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.wording import clean

_ROW = 21.0  # of the legend
_SPACE = 36.0  # between columns
_GROUP, _DETOUR = HEADING, "#b45309"


def draw_heading(plan: Page, y: float) -> float:
    """Draw the title and the subtitle of the diagram."""
    data = plan.data
    if not (data.title or data.subtitle):
        return y + 4
    return plan.canvas.heading(plan.margin, y, plan.room, data.title, data.subtitle) + 8


def draw_groups(plan: ChartPlan, row: int, y: float) -> float:
    """Draw a bar over the stages of each group of a row, unless there is only one group."""
    if len({stage.group for stage in plan.data.model.path}) < 2:
        return y
    lines = 1
    for name, group in groupby(plan.columns.rows[row], lambda stage: clean(stage.group)):
        run = list(group)
        if not name:
            continue
        x0 = plan.columns.cards[run[0].name].x
        x1 = plan.columns.cards[run[-1].name].right
        words = whole(name.upper(), x1 - x0, TEXT, bold=True) or [plan.keys.key(name)]
        spans = [[Span(text, True, HEADING)] for text in words]
        bar = plan.canvas.paragraph(x0, y + 7, spans, LINE) - 4
        plan.canvas.line([(x0, bar), (x1, bar)], look.Stroke(_GROUP, 2.4))
        lines = max(lines, len(words))
    return y + 18 + lines * LINE


# ------------------------------------------------------------------ lists below the picture


def draw_keys(plan: Page, y: float) -> float:
    """Draw the texts that did not fit into the picture, with their keys, in columns."""
    texts = plan.keys.texts

    def entries(wide: float) -> tuple[list[RuleEntry], bool]:
        marks = ((Span(key, True, INK), [Span(text)]) for text, key in texts.items())
        return [marked_entry(*mark, wide, 40) for mark in marks], True

    return _draw_list(plan, y, "What the letters stand for", entries) if texts else y


def draw_keys_in_line(plan: Page, y: float) -> float:
    """Draw the same texts with their keys one after the other, where there is little room."""
    texts = " · ".join(f"{key} {text}" for text, key in plan.keys.texts.items())
    lines = wrap(texts, plan.room, TEXT, lines=99) if texts else []
    return plan.canvas.paragraph(plan.margin, y + 24, lines, LINE) - LINE if lines else y


def draw_changes(plan: ChartPlan, y: float) -> float:
    """Draw every change between two models in words, each with its mark, in columns."""
    changes = plan.data.model.texts

    def entries(wide: float) -> tuple[list[RuleEntry], bool]:
        return [
            marked_entry(
                Span(text.change, True, look.MARKS[text.change].line),
                [Span(text.head, True, INK), *map(Span, text.lines)],
                wide,
                20,
            )
            for text in changes
        ], True

    return _draw_list(plan, y, "What changes", entries) if changes else y


def draw_rules(plan: ChartPlan, y: float) -> float:
    """Draw every rule of the model in words, in columns."""
    entries = partial(rule_entries, plan.data.model, plan.data.palette)
    return _draw_list(plan, y, "The rules in words", entries)


_Entries: TypeAlias = Callable[[float], tuple[list[RuleEntry], bool]]
"""The entries for a column of a width, and whether each of their words fits in it."""


def _draw_list(plan: Page, y: float, title: str, entries: _Entries) -> float:
    """Draw entries below a title: in as many columns as leave every word whole, and the lowest that
    hold all entries in their order."""
    plan.canvas.text(plan.margin, y + 46, [Span(title, True, INK)], look.pt(13))
    y += 72
    most = 3 if plan.sheet > 1300 else 2 if plan.sheet > 800 else 1
    for count in range(most, 0, -1):
        wide = (plan.room - (count - 1) * _SPACE) / count
        written, whole = entries(wide)
        if whole:
            break
    height = sum(entry.height for entry in written) / count
    while len(columns := list(_filled(written, height))) > count:
        height += LINE / 2
    lowest = y
    for index, column in enumerate(columns):
        x, at = plan.margin + index * (wide + _SPACE), y
        for entry in column:
            for line in entry.lines:
                plan.canvas.text(x, at + 8, [line.mark])
                plan.canvas.text(x + line.indent, at + 8, line.text)
                at += LINE
            at += entry.after
        lowest = max(lowest, at)
    return lowest


def _filled(entries: list[RuleEntry], height: float) -> Iterator[list[RuleEntry]]:
    """The entries in columns of at most that height; a heading stays with what follows it."""
    column: list[RuleEntry] = []
    for entry, following in zip_longest(entries, entries[1:]):
        needed = sum(part.height for part in (*column, entry))
        if entry.heading and following:
            needed += following.height
        if column and needed > height:
            yield column
            column = []
        column.append(entry)
    yield column


# ------------------------------------------------------------------ legend


def draw_legend(plan: Page, y: float) -> float:
    """Draw what the symbols mean, in as many rows as it needs."""
    return _Legend(plan, y + 36).draw()


class _Legend:
    """Samples with their text, next to each other."""

    def __init__(self, plan: Page, y: float) -> None:
        self.data, self.canvas = plan.data, plan.canvas
        self.left = plan.margin
        self.right = plan.sheet - self.left
        self.x, self.y = self.left, y

    def draw(self) -> float:
        line = self.y - 14
        self.canvas.line([(self.left, line), (self.right, line)], look.Stroke(RULE, 1))
        self.y += 4
        self._draw_owners()
        self._draw_lines()
        if any(rule.by_hand for flow in self.data.flows for rule in flow.rules):
            text = "a person asks for it; without it, a system does"
            x = self._place(text)
            self.canvas.person(x + 28 if x > self.left else x + 18, self.y, INK)
            self.canvas.text(x + 40, self.y, text)
        if self.data.counts is not None:
            text = _how_to_read(self.data.counts)
            if self.data.hidden:
                lines = "line" if self.data.hidden == 1 else "lines"
                text += f" Left out: {self.data.hidden} {lines} that nobody took."
            note = wrap(text, self.right - self.left, TEXT, lines=9)
            self.y = self.canvas.paragraph(self.left, self.y + _ROW, note, _ROW) - _ROW
        return self.y + 6

    def _place(self, text: str) -> float:
        """Where the next sample begins: in a new row if its text does not fit."""
        wide = 40 + width(text, TEXT) + 22
        if self.x > self.left and self.x + wide > self.right:
            self.x, self.y = self.left, self.y + _ROW
        x = self.x
        self.x += wide
        return x

    def _draw_owners(self) -> None:
        palette = self.data.palette
        for name, paint in self.data.owners.items():
            text = f"{palette.labels[name]} owns it"
            text = cut(text, self.right - self.left - 46, TEXT)
            x = self._place(text)
            self.canvas.box(x + 2, self.y - 9, 30, 18, fill=paint.tint, color=paint.line, pen=2)
            mark = [Span(palette.marks[name], True, paint.line)]
            self.canvas.text(x + 17, self.y, mark, align="center")
            self.canvas.text(x + 40, self.y, text)

    def _draw_lines(self) -> None:
        covers, compares = self.data.fired is not None, self.data.changes is not None
        detour = look.NEUTRAL.line if covers or compares else _DETOUR
        fast = ", or fast track above" if self.data.fast_tracks else ""
        samples = [(f"step{fast}", look.Stroke(INK, 2))]
        if self.data.model.detours:
            samples.append(("detour, off the path", look.Stroke(detour, 2, "dashed")))
        if self.data.returns:
            samples.append(("return: the next journey begins", look.Stroke(detour, 2)))
        if covers:
            samples += [
                ("✓ a test moved somebody by it", look.Stroke(look.SEEN.line, 2)),
                ("by some of its rules", look.Stroke(look.PARTLY.line, 2)),
                ("× no test did", look.Stroke(look.UNSEEN.line, 2, "dotted")),
            ]
        if compares:
            samples += [
                ("+ added", look.Stroke(look.MARKS["+"].line, 4.4)),
                ("− removed", look.Stroke(look.MARKS["−"].line, 2.4, "dotted")),
                ("≠ changed, or by some of its rules", look.Stroke(look.MARKS["≠"].line, 2.4)),
            ]
        for text, stroke in samples:
            x = self._place(text)
            self.canvas.line([(x, self.y), (x + 34, self.y)], stroke, arrow=True)
            self.canvas.text(x + 42, self.y, text)


_BEFORE = (
    "Before each arrow: the earlier period. Compare counts if both periods are equally long, and "
    "shares if journeys had as much time to go on. "
)


def _how_to_read(counts: Counts) -> str:
    when = "now" if counts.window[1] is None else "at the end of the window"
    stay = ", and the time after which half had left, if they have, open visits counted"
    reached = "entered the next"
    if counts.reading != "through":
        reached += " or were carried past it"
    before = "" if counts.before is None else _BEFORE
    return (
        f"On a card: people {when}{stay if counts.median_stay else ''}. On a "
        "step: how many took it · of the journeys that first entered the stage, the share that "
        f"later {reached}. {before}The more people, the wider the line."
    )
