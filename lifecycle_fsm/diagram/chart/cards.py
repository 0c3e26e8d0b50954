"""The text of a chart: captions beside lines, and stages as cards with people and stay."""

from __future__ import annotations

from collections.abc import Sequence

from lifecycle_fsm.diagram.canvas import ICON, Span, TextLine, badge_width
from lifecycle_fsm.diagram.chart.columns import TEXT, Card, ChartPlan
from lifecycle_fsm.diagram.chart_data import FlowRule
from lifecycle_fsm.diagram.look import INK, PAPER, SEEN, SOFT, UNSEEN, pt
from lifecycle_fsm.diagram.text_fit import cut, fits, fitting_size, width, wrap
from lifecycle_fsm.wording import clean, duration, format_number

# ------------------------------------------------------------------ captions
#
# The text beside a line: how many moved, by which rule, and whether a human asked.


def fitting_number(value: int, room: float, size: float) -> str:
    """The number in full if it fits, else in the form ``9.9M``."""
    full = format_number(value)
    if width(full, size, bold=True) <= room or value < 10_000:
        return full
    limit, unit = (1_000_000, "M") if value >= 1_000_000 else (1_000, "k")
    return f"{value / limit:.3g}{unit}"


def rule_lines(
    rules: Sequence[FlowRule],
    room: float,
    *,
    color: str,
    numbers: bool = True,
    most: int = 4,
    each: int = 2,
) -> list[TextLine]:
    """The rules of a flow as lines of text, each number first, so that it is never cut off.

    Args:
        rules: the rules.
        room: the maximum width of a line.
        color: the colour of the text.
        numbers: whether to show how often each rule moved a person.
        most: the maximum number of lines; the last one sums up what does not fit.
        each: the maximum number of lines for one rule.
    """
    lines: list[TextLine] = []
    for index, rule in enumerate(rules):
        left = most - len(lines)
        if left <= 0 or (left == 1 and index < len(rules) - 1):
            return [*lines, _rest(rules[index:], room, numbers=numbers)]
        lines += _rule_lines(rule, room, color=color, numbers=numbers, most=min(each, left))
    return lines


def _rest(rules: Sequence[FlowRule], room: float, *, numbers: bool) -> TextLine:
    """The remaining rules, in one line."""
    text, color = f"+ {len(rules)} more", SOFT
    counts = [rule.count for rule in rules if rule.count is not None]
    if counts and numbers:
        text += f", {format_number(sum(counts))}"
    if unseen := [rule.seen for rule in rules].count(False):
        text, color = f"{text}, {unseen} ×", UNSEEN.line
    return TextLine([Span(cut(text, room, TEXT), color=color)])


def _rule_lines(
    rule: FlowRule, room: float, *, color: str, numbers: bool, most: int
) -> list[TextLine]:
    """One rule in at most ``most`` lines; mark and number stand in the first."""
    first_room = room - (ICON if rule.by_hand else 0)
    figure = ""
    if rule.seen is not None:
        figure, color = ("✓", SEEN.line) if rule.seen else ("×", UNSEEN.line)
    elif numbers and rule.count is not None:
        figure = fitting_number(rule.count, first_room, TEXT)
    first, *rest = _rows(figure, rule.label, room, first_room, most)
    spans = [Span(figure + (" " if first else ""), True, color)] if figure else []
    return [
        TextLine([*spans, Span(first, color=color)], icon=rule.by_hand),
        *(TextLine([Span(row, color=color)]) for row in rest),
    ]


def _rows(figure: str, text: str, room: float, first_room: float, most: int) -> list[str]:
    """The words of a rule in rows; the first leaves room for the number."""
    if not figure:
        return wrap(text, first_room, TEXT, lines=most)
    beside = first_room - width(figure + " ", TEXT, bold=True)
    if beside < width("nnnnn", TEXT):  # the number gets its own row
        return ["", *wrap(text, room, TEXT, lines=most - 1)] if most > 1 else [""]
    if most == 1:
        return wrap(text, beside, TEXT, lines=1)
    words = text.split(" ")
    fitting = 0
    while fitting < len(words) and width(" ".join(words[: fitting + 1]), TEXT) <= beside:
        fitting += 1
    first, rest = " ".join(words[:fitting]), " ".join(words[fitting:])
    return [first, *(wrap(rest, room, TEXT, lines=most - 1) if fitting < len(words) else ())]


# ------------------------------------------------------------------ cards


class CardFace:
    """The text on one card."""

    def __init__(self, plan: ChartPlan, card: Card) -> None:
        self.canvas, self.counts, self.palette = plan.canvas, plan.data.counts, plan.data.palette
        self.card = card
        self.stage = card.stage
        self.narrow = plan.columns.narrow
        padding = 12.0 if self.narrow else 24.0
        self.left, self.right = card.x + padding / 2, card.right - padding / 2
        self.inner = card.w - padding
        self.owner = self.palette.owner(self.stage.name)
        self.owner_color = self.palette.system(self.stage.system).line
        self.code = clean(self.stage.code)
        self.badge = badge_width(self.code, TEXT)
        # The owner gets its own line if it does not fit beside the code.
        fitting = fits(self.owner, self.inner - self.badge - 6, TEXT, bold=True)
        self.owner_below = bool(self.owner and self.badge) and not fitting
        self.lines = self._lines()

    @property
    def height(self) -> float:
        """The height that the card needs."""
        high = 22.0 + sum(step for _, step, _ in self.lines)
        if self.badge or self.owner:
            high += 24
        if self.counts is not None:
            high += 44 if self.narrow else 32
        return high

    def draw(self) -> None:
        """Draw the card in its place."""
        card, paint = self.card, self.palette.stage(self.stage.name)
        off = self.stage.off_path
        self.canvas.box(
            card.x, card.y, card.w, card.h, name=self.stage.name, fill=PAPER if off else paint.tint,
            color=paint.line, pen=2.2, dash="dashed" if off else "solid",
            tooltip=clean(self.stage.description),
        )  # fmt: skip
        self._draw_top(card.y + 20, paint.line)
        y = card.y + (35 if self.owner or self.badge else 11)
        for size, step, span in self.lines:
            self.canvas.text(self.left, y + step / 2, [span], size)
            y += step
        self._draw_people()

    def _lines(self) -> list[tuple[float, float, Span]]:
        """The lines under the code: their font size, the step to the next line, the text."""
        lines: list[tuple[float, float, Span]] = []
        if self.owner_below:
            text = cut(self.owner, self.inner, TEXT, bold=True)
            lines.append((TEXT, 17, Span(text, True, self.owner_color)))
        size = pt(11) if self.narrow else pt(15)
        title = clean(self.stage.display)
        longest = max(set(title.split(" ")), key=lambda word: width(word, size, bold=True))
        size = fitting_size(longest, self.inner, size, bold=True)
        lines += [
            (size, size * 1.3, Span(text, True, INK))
            for text in wrap(title, self.inner, size, bold=True, lines=2)
        ]
        label = clean(self.stage.label)
        if label and label != title:
            most = 4 if self.narrow else 2
            lines += [(TEXT, 16, Span(text)) for text in wrap(label, self.inner, TEXT, lines=most)]
        return lines

    def _draw_top(self, y: float, color: str) -> None:
        """The code as a badge, and the owner."""
        badge = min(self.badge, self.inner)
        if badge:
            self.canvas.badge(self.left, y, badge, self.code, color)
        if self.owner and not self.owner_below:
            room = self.inner - (badge + 6 if badge else 0)
            text = cut(self.owner, room, TEXT, bold=True)
            self.canvas.text(self.right, y, [Span(text, True, self.owner_color)], align="right")

    def _draw_people(self) -> None:
        """The number of people in the stage, with the median stay beside or below."""
        if self.counts is None:
            return
        size = pt(10) if self.narrow else pt(14)
        people = fitting_number(self.counts.people.get(self.stage.name, 0), self.inner, size)
        stay = duration(self.counts.median_stay.get(self.stage.name), unknown="")
        y = self.card.bottom - (35 if self.narrow else 21)
        self.canvas.text(self.left, y, [Span(people, True, INK)], size)
        if self.narrow:
            self.canvas.text(self.left, y + 18, stay)
        elif width(people, size, bold=True) + width(stay, TEXT) + 8 < self.inner:
            self.canvas.text(self.right, y + 1.5, stay, align="right")
