"""Every rule of a model in words, as a list in columns."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from lifecycle_fsm.diagram.canvas import ICON, Span
from lifecycle_fsm.diagram.chart.columns import LINE, TEXT, ChartPlan
from lifecycle_fsm.diagram.look import HEADING, INK, Palette, pt
from lifecycle_fsm.diagram.text_fit import cut, width, wrap
from lifecycle_fsm.guard import Always, label
from lifecycle_fsm.model import Model, Move, SortRule
from lifecycle_fsm.wording import clean, rule_words

_SPACE = 36.0  # between columns


def draw_rules(sheet: ChartPlan, y: float) -> float:
    """Draw the list."""
    canvas, columns = sheet.canvas, sheet.columns
    n = 3 if columns.sheet > 1300 else 2 if columns.sheet > 800 else 1
    wide = (columns.room - (n - 1) * _SPACE) / n
    entries = list(_entries(sheet.subject.model, sheet.subject.palette, wide))
    y += 46
    canvas.text(columns.margin, y, [Span("The rules in words", True, INK)], pt(13))
    y += 26
    share = sum(entry.high for entry in entries) / n
    column, at, lowest = 0, y, y
    for index, entry in enumerate(entries):
        full = at - y + entry.high / 2 > share
        heading = not entry.lines and index + 1 < len(entries)
        if column < n - 1 and (full or (heading and at - y > share * 0.93)):
            column, at = column + 1, y
        x = columns.margin + column * (wide + _SPACE)
        canvas.text(x, at + 8, entry.head, icon=entry.icon)
        for place, line in enumerate(entry.lines):
            canvas.text(x, at + 24 + place * LINE, line)
        at += entry.high
        lowest = max(lowest, at)
    return lowest


@attrs.frozen
class _Entry:
    """A rule, or a heading."""

    head: tuple[Span, ...]
    lines: tuple[str, ...] = ()
    icon: bool = False

    @property
    def high(self) -> float:
        return 17.0 + LINE * len(self.lines) + (9 if self.lines else 7)


def _entries(model: Model, palette: Palette, wide: float) -> Iterator[_Entry]:
    yield _Entry((Span("THE SORT OF NEW PEOPLE: THE FIRST THAT HOLDS WINS", True, HEADING),))
    for index, rule in enumerate(model.sort, 1):
        yield _entry(model, palette, rule, f"Rule {index}", wide)
    if model.moves:
        yield _Entry((Span("THE MOVES", True, HEADING),))
    for move in model.moves:
        sources = [clean(model.stage(name).display) for name in move.sources]
        yield _entry(model, palette, move, ", ".join(sources), wide)


def _entry(
    model: Model, palette: Palette, rule: Move | SortRule, start: str, wide: float
) -> _Entry:
    by_hand = isinstance(rule, Move) and rule.on is not None
    room = wide - (ICON if by_hand else 0)
    arrow = f"{start} → {clean(model.stage(rule.target).display)}"
    head = [Span(cut(arrow, room, TEXT, bold=True), True, INK)]
    left = room - width(arrow + " · ", TEXT, bold=True)
    if left > 40:
        name = cut(rule_words(rule), left, TEXT)
        head.append(Span(f" · {name}", color=palette.stage(rule.target).line))
    lines = wrap(_conditions(model, rule), wide, TEXT, lines=4)
    return _Entry(tuple(head), tuple(lines), by_hand)


def _conditions(model: Model, rule: Move | SortRule) -> str:
    """Who asks, when it holds, and what becomes of the stages between."""
    parts = []
    if isinstance(rule, Move) and rule.on is not None:
        parts.append(f"asked for by “{rule.on.replace('_', ' ')}”")
    if not isinstance(rule.when, Always):
        parts.append(f"when {label(rule.when, model.vocabulary, expand=True)}")
    elif isinstance(rule, SortRule):
        parts.append("everybody else")
    if rule.skips == "no_credit":
        parts.append("no credit for the stages between")
    return "; ".join(parts) or "always"
