"""The text of a chart: captions beside lines, and stages as cards with people and stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lifecycle_fsm.diagram.canvas import ICON, Span, TextLine, badge_width
from lifecycle_fsm.diagram.chart.columns import TEXT, Card, Keys, Page
from lifecycle_fsm.diagram.chart_data import DrawnFlow, FlowRule
from lifecycle_fsm.diagram.look import INK, PAPER, SEEN, SMALLEST, SOFT, UNSEEN, pt
from lifecycle_fsm.diagram.text_fit import fits, fitting_size, whole, width
from lifecycle_fsm.wording import clean, duration, format_number

# ------------------------------------------------------------------ captions
#
# The text beside a line: how many moved, by which rule, and whether a human asked.


def rule_lines(
    rules: Sequence[FlowRule],
    room: float,
    keys: Keys,
    *,
    color: str,
    numbers: bool = True,
    most: int = 4,
    each: int = 2,
) -> list[TextLine]:
    """The rules of a flow as lines of text, each number first.

    A label that does not fit is replaced by a key, and so are all rules that would need more than
    ``most`` lines together; their numbers stand in the last line as a sum.

    Args:
        rules: the rules.
        room: the maximum width of a line.
        keys: the keys of the chart.
        color: the colour of the text.
        numbers: whether to show how often each rule moved a person.
        most: the maximum number of lines, if they can hold everything.
        each: the maximum number of lines for one rule.
    """
    lines: list[TextLine] = []
    for index, rule in enumerate(rules):
        left = most - len(lines) - (index < len(rules) - 1)
        rows = _rule_lines(rule, room, keys, color=color, numbers=numbers, most=min(each, left))
        if rows is None:
            return [*lines, *_rest(rules[index:], room, keys, color=color, numbers=numbers)]
        lines += rows
    return lines


def _rest(
    rules: Sequence[FlowRule], room: float, keys: Keys, *, color: str, numbers: bool
) -> Iterator[TextLine]:
    """The remaining rules in one line, or more if their sum needs it."""
    counts = [rule.count for rule in rules if rule.count is not None and numbers]
    key = keys.key("; ".join(
        f"{rule.label} {format_number(rule.count)}"
        if numbers and rule.count is not None else rule.label
        for rule in rules
    ))  # fmt: skip
    words = [f"+ {len(rules)} more", *([format_number(sum(counts))] if counts else []), key]
    if unseen := [rule.seen for rule in rules].count(False):
        words.insert(1, f"{unseen} ×")
        color = UNSEEN.line
    line = words[0]
    for word in words[1:]:
        if width(f"{line} {word}", TEXT, bold=True) > room:
            yield TextLine([Span(line, color=color)])
            line = word
        else:
            line += f" {word}"
    yield TextLine([Span(line, color=color)])


def _rule_lines(
    rule: FlowRule, room: float, keys: Keys, *, color: str, numbers: bool, most: int
) -> list[TextLine] | None:
    """One rule in at most ``most`` lines; mark and number stand in the first."""
    if most < 1:
        return None
    first_room = room - (ICON if rule.by_hand else 0)
    figure = ""
    if rule.seen is not None:
        figure, color = ("✓", SEEN.line) if rule.seen else ("×", UNSEEN.line)
    elif numbers and rule.count is not None:
        figure = format_number(rule.count)
    beside = first_room - width(figure + " ", TEXT, bold=True) if figure else first_room
    rows = whole(rule.label, room, TEXT, lines=most, first=beside)
    if rows is None:
        key = keys.key(rule.label)
        rows = [key] if fits(key, beside, TEXT) else ["", key]
    if not rows[0] and not figure:
        rows.pop(0)
    first, *rest = rows
    spans = [Span(figure + (" " if first else ""), True, color)] if figure else []
    return [
        TextLine([*spans, Span(first, color=color)], icon=rule.by_hand),
        *(TextLine([Span(row, color=color)]) for row in rest),
    ]


def total(flows: Sequence[DrawnFlow]) -> str:
    """The number at the arrow of a line that several flows share; empty without counts."""
    counts = [flow.count for flow in flows if flow.count is not None]
    return format_number(sum(counts)) if len(counts) > 1 else ""


# ------------------------------------------------------------------ cards


class CardFace:
    """The text on one card."""

    def __init__(self, page: Page, card: Card) -> None:
        self.canvas, self.counts, self.palette = page.canvas, page.data.counts, page.data.palette
        self.card, self.stage, self.keys = card, card.stage, page.keys
        self._padding = 8.0 if card.w < 132 else 12.0
        self.inner = card.w - 2 * self._padding
        self.owner = self.palette.owner(self.stage.name)
        if whole(self.owner, self.inner, TEXT, lines=3, bold=True) is None:
            self.owner = self.palette.marks[self.stage.system]
        self.code = clean(self.stage.code)
        if badge_width(self.code, TEXT) > self.inner:
            self.code = self.keys.key(self.code)
        self.badge = badge_width(self.code, TEXT)
        # The owner gets its own line if it does not fit beside the code.
        room = self.inner - (self.badge + 6 if self.badge else 0)
        beside = fits(self.owner, room, TEXT, bold=True)
        self.owner_below = bool(self.owner) and not beside
        self.has_top = bool(self.badge or (self.owner and beside))
        self.people, self.stay = "", ""
        if self.counts is not None:
            self.people = format_number(self.counts.people.get(self.stage.name, 0))
            self.stay = duration(self.counts.median_stay.get(self.stage.name), unknown="")
        self.people_size = fitting_size(self.people, self.inner, pt(14), bold=True)
        together = width(self.people, self.people_size, bold=True) + width(self.stay, TEXT) + 8
        self.stay_below = bool(self.stay) and together > self.inner
        self.lines = [*self._lines()]

    @property
    def left(self) -> float:
        """Where its text begins."""
        return self.card.x + self._padding

    @property
    def right(self) -> float:
        """Where its text ends."""
        return self.card.right - self._padding

    @property
    def height(self) -> float:
        """The height that the card needs."""
        high = 22.0 + sum(step for _, step, _ in self.lines)
        if self.has_top:
            high += 24
        if self.people:
            high += 50 if self.stay_below else 32
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
        y = card.y + (35 if self.has_top else 11)
        for size, step, span in self.lines:
            self.canvas.text(self.left, y + step / 2, [span], size)
            y += step
        self._draw_people()

    def _lines(self) -> Iterator[tuple[float, float, Span]]:
        """The lines under the code: their font size, the step to the next line, the text."""
        if self.owner_below:
            color = self.palette.system(self.stage.system).line
            yield from self._block(self.owner, TEXT, 17 / TEXT, color, bold=True)
        title, label = clean(self.stage.display), clean(self.stage.label)
        yield from self._block(title, pt(15), 1.3, INK, bold=True, lines=3)
        if label and label != title:
            yield from self._block(label, TEXT, 16 / TEXT, SOFT, lines=5)

    def _block(
        self, text: str, size: float, leading: float, color: str, *, bold: bool = False,
        lines: int = 3,
    ) -> Iterator[tuple[float, float, Span]]:  # fmt: skip
        """A text in the largest size in which it fits, or its key."""
        largest, rows = size, None
        while rows is None and size >= SMALLEST:
            rows = whole(text, self.inner, size, lines=lines, bold=bold)
            size -= pt(1)
        size = largest if rows is None else size + pt(1)
        for row in rows or [self.keys.key(text)]:
            yield size, size * leading, Span(row, bold, color)

    def _draw_top(self, y: float, color: str) -> None:
        """The code as a badge, and the owner."""
        if self.badge:
            self.canvas.badge(self.left, y, self.badge, self.code, color)
        if self.owner and not self.owner_below:
            owner = self.palette.system(self.stage.system).line
            self.canvas.text(self.right, y, [Span(self.owner, True, owner)], align="right")

    def _draw_people(self) -> None:
        """The number of people in the stage, with the median stay beside or below."""
        y = self.card.bottom - (39 if self.stay_below else 21)
        self.canvas.text(self.left, y, [Span(self.people, True, INK)], self.people_size)
        if self.stay_below:
            self.canvas.text(self.left, y + 20, self.stay)
        else:
            self.canvas.text(self.right, y + 1.5, self.stay, align="right")
