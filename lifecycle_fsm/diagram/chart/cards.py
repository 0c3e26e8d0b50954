"""The text of a chart: captions beside lines, and stages as cards with people and stay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from lifecycle_fsm.diagram.canvas import ICON, Span, TextLine, badge_width
from lifecycle_fsm.diagram.chart.columns import TEXT, Card, Keys, Page, pieces
from lifecycle_fsm.diagram.chart_data import FlowRule, moved
from lifecycle_fsm.diagram.look import INK, MARKS, PAPER, SMALLEST, SOFT, pt
from lifecycle_fsm.diagram.text_fit import fits, fitting_size, whole, width
from lifecycle_fsm.wording import clean

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
    key = keys.key("; ".join(
        f"{rule.mark} {rule.label} {moved([rule]) if numbers else ''}".strip() for rule in rules
    ))  # fmt: skip
    number = pieces(moved(rules) if numbers else "", room, TEXT)
    words = [f"+ {len(rules)} more", *number, key]
    marks = Counter(rule.mark for rule in rules if rule.mark and rule.mark != "✓")
    for mark, count in marks.items():
        words.insert(1, f"{count} {mark}")
        color = MARKS[mark].line
    words = [word for word in words if word]
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
    first_room = room - (ICON if rule.by_hand else 0)
    figure = ""
    if rule.mark:
        figure, color = rule.mark, MARKS[rule.mark].line
    elif numbers:
        figure = moved([rule])
    if rule.change == "":
        color = SOFT
    *above, figure = pieces(figure, first_room, TEXT)
    most -= len(above)
    if most < 1:
        return None
    beside = first_room - width(figure + " ", TEXT, bold=True) if figure else first_room
    rows = whole(rule.label, room, TEXT, lines=most, first=beside)
    if rows is None:
        key = keys.key(rule.label)
        rows = [key] if fits(key, beside, TEXT) else ["", key]
    if not rows[0] and not figure:
        rows.pop(0)
    first, *rest = rows
    spans = [Span(figure + (" " if first else ""), True, color)] if figure else []
    heads = [*([Span(part, True, color)] for part in above), [*spans, Span(first, color=color)]]
    return [
        *(TextLine(head, icon=rule.by_hand and not at) for at, head in enumerate(heads)),
        *(TextLine([Span(row, color=color)]) for row in rest),
    ]


# ------------------------------------------------------------------ cards


_COUNT = 19.5  # the height of a number of people, or of a stay


class CardFace:
    """The text on one card."""

    def __init__(self, page: Page, card: Card) -> None:
        data = self.data = page.data
        self.canvas, self.palette = page.canvas, data.palette
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
        people, stay = data.people(self.stage.name), data.stay(self.stage.name)
        self.people = pieces(people, self.inner, SMALLEST)
        longest = max(self.people, key=len)
        self.people_size = fitting_size(longest, self.inner, pt(14), bold=True)
        together = width(people, self.people_size, bold=True) + width(stay, TEXT) + 8
        below = bool(stay) and together > self.inner
        self.stay = "" if below else stay
        self.stay_below = pieces(stay, self.inner, TEXT) if below else []
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
        if self.people[0]:
            high += 13 + _COUNT * (len(self.people) + len(self.stay_below))
        return high

    def draw(self) -> None:
        """Draw the card in its place."""
        card, paint = self.card, self.palette.stage(self.stage.name)
        line = self.data.outline(self.stage)
        self.canvas.box(
            card.x, card.y, card.w, card.h, name=self.stage.name, color=line.color,
            fill=PAPER if self.stage.off_path else paint.tint, pen=line.width, dash=line.dash,
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
        y = self.card.bottom - 1.5 - _COUNT * (len(self.people) + len(self.stay_below))
        for people in self.people:
            self.canvas.text(self.left, y, [Span(people, True, INK)], self.people_size)
            y += _COUNT
        for stay in self.stay_below:
            self.canvas.text(self.left, y, stay)
            y += _COUNT
        self.canvas.text(self.right, y - _COUNT + 1.5, self.stay, align="right")
