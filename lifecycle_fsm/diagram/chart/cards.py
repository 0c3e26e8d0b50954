"""A stage as a card: code, owner, name, label, the people in it and how long they stay."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from lifecycle_fsm.diagram.canvas import ICON, Canvas, Dash, Span
from lifecycle_fsm.diagram.chart.columns import TEXT, Card, Sheet, Subject
from lifecycle_fsm.diagram.flows import Flow, Part
from lifecycle_fsm.diagram.look import INK, PAPER, SEEN, SMALLEST, SOFT, UNSEEN, pt
from lifecycle_fsm.diagram.text_fit import cut, fits, width, wrap
from lifecycle_fsm.model import Stage
from lifecycle_fsm.wording import clean, duration, format_number

# ------------------------------------------------------------------ captions
#
# The words beside a line: how many moved, by which rule, and whether a human asked.


@attrs.frozen
class TextLine:
    """A line of text that may begin with the by-hand mark."""

    spans: tuple[Span, ...]
    icon: bool = False


def fitting_number(value: int, room: float, size: float, *, bold: bool = True) -> str:
    """The number in full where it fits, else ``9.9M``."""
    full = format_number(value)
    if width(full, size, bold=bold) <= room or value < 10_000:
        return full
    for limit, unit in ((1_000_000, "M"), (1_000, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return full


def part_lines(
    parts: Sequence[Part],
    room: float,
    *,
    color: str,
    numbers: bool = True,
    most: int = 4,
    each: int = 2,
) -> list[TextLine]:
    """The parts of a flow as lines of text: number first, so that cutting never takes it.

    Args:
        parts: the rules of the flow.
        room: how wide a line may be.
        color: of the words.
        numbers: whether the parts tell how often they moved somebody.
        most: so many lines in all; the last one sums up what does not fit.
        each: so many lines for one part.
    """
    found: list[TextLine] = []
    for index, part in enumerate(parts):
        last = len(found) == most - 1 and index < len(parts) - 1
        if len(found) >= most or last:
            found.append(_rest(parts[index:], room, numbers=numbers))
            break
        allowed = min(each, most - len(found))
        found += _one(part, room, color=color, numbers=numbers, most=allowed)
    return found


def _rest(parts: Sequence[Part], room: float, *, numbers: bool) -> TextLine:
    """What is left over, in one line."""
    known = [part.count for part in parts if part.count is not None]
    text = f"+ {len(parts)} more" + (f", {format_number(sum(known))}" if known and numbers else "")
    unseen = [part.seen for part in parts].count(False)
    if unseen:
        return TextLine((Span(cut(f"{text}, {unseen} ×", room, TEXT), color=UNSEEN.line),))
    return TextLine((Span(cut(text, room, TEXT), color=SOFT),))


def _one(part: Part, room: float, *, color: str, numbers: bool, most: int) -> list[TextLine]:
    """One part in at most that many lines; mark and number stand in the first."""
    first_room = room - (ICON if part.by_hand else 0)
    figure = ""
    if part.seen is not None:
        figure, color = ("✓", SEEN.line) if part.seen else ("×", UNSEEN.line)
    elif numbers and part.count is not None:
        figure = fitting_number(part.count, first_room, TEXT)
    lines = []
    for place, row in enumerate(_rows(figure, clean(part.label), room, first_room, most)):
        spans = [Span(row, color=color)]
        if place == 0 and figure:
            spans = [Span(figure + (" " if row else ""), True, color), *spans]
        lines.append(TextLine(tuple(spans), icon=part.by_hand and place == 0))
    return lines


def _rows(figure: str, text: str, room: float, first_room: float, most: int) -> list[str]:
    """The words of a part in rows, of which the first leaves room for the number."""
    if not figure:
        return wrap(text, first_room, TEXT, lines=most)
    beside = first_room - width(figure + " ", TEXT, bold=True)
    if beside < width("nnnnn", TEXT):  # the number has its row for itself
        return ["", *wrap(text, room, TEXT, lines=most - 1)] if most > 1 else [""]
    if most == 1:
        return wrap(text, beside, TEXT, lines=1)
    words = text.split(" ")
    fitting = 0
    while fitting < len(words) and width(" ".join(words[: fitting + 1]), TEXT) <= beside:
        fitting += 1
    first, rest = " ".join(words[:fitting]), " ".join(words[fitting:])
    return [first, *(wrap(rest, room, TEXT, lines=most - 1) if fitting < len(words) else ())]


def merged(lane: Sequence[Flow]) -> list[Part]:
    """The parts of several flows, those of the same words as one."""
    found: dict[tuple[str, bool], Part] = {}
    for flow in lane:
        for part in flow.parts:
            before = found.get((part.label, part.by_hand))
            if before is None or part.seen is False:
                found[part.label, part.by_hand] = part
            elif before.count is not None and part.count is not None:
                found[part.label, part.by_hand] = attrs.evolve(
                    before, count=before.count + part.count
                )
    return list(found.values())


# ------------------------------------------------------------------ cards


def height(sheet: Sheet, card: Card) -> float:
    """How high a card must be."""
    return _Face(sheet, card).height()


def draw_card(sheet: Sheet, card: Card, *, fill: str, dash: Dash) -> None:
    """Draw a card where it lies."""
    _Face(sheet, card).draw(sheet.canvas, fill, dash)


class _Face:
    """What is written on one card."""

    def __init__(self, sheet: Sheet, card: Card) -> None:
        self.subject: Subject = sheet.subject
        self.card = card
        self.stage: Stage = card.stage
        self.narrow = sheet.columns.narrow
        padding = 12.0 if self.narrow else 24.0
        self.left, self.right = card.x + padding / 2, card.right - padding / 2
        self.inner = card.w - padding
        self.owner = self.subject.palette.owner(self.stage.name)
        code = clean(self.stage.code)
        self.badge = max(18.0, width(code, TEXT, bold=True) + 10) if code else 0.0

    def height(self) -> float:
        high = 22.0 + sum(step for _, step, _ in self._lines())
        if self.badge or self.owner:
            high += 24
        if self.subject.counts is not None:
            high += 44 if self.narrow else 32
        return high

    def draw(self, canvas: Canvas, fill: str, dash: Dash) -> None:
        card = self.card
        paint = self.subject.palette.stage(self.stage.name)
        canvas.box(
            card.x, card.y, card.w, card.h,
            name=self.stage.name, fill=fill, color=paint.line, pen=2.2, dash=dash,
            tooltip=clean(self.stage.description),
        )  # fmt: skip
        self._draw_top(canvas, card.y + 11, paint.line)
        y = card.y + (35 if self.owner or self.badge else 11)
        for size, step, span in self._lines():
            canvas.text(self.left, y + step / 2, [span], size)
            y += step
        self._draw_people(canvas)

    def _owner_apart(self) -> bool:
        """Whether the owner needs a line of its own."""
        return not fits(self.owner, self.inner - self.badge - 6, TEXT, bold=True)

    def _lines(self) -> list[tuple[float, float, Span]]:
        """The lines under the code: their size, the step to the next, the words."""
        lines: list[tuple[float, float, Span]] = []
        if self.owner and self.badge and self._owner_apart():
            paint = self.subject.palette.system(self.stage.system)
            text = cut(self.owner, self.inner, TEXT, bold=True)
            lines.append((TEXT, 17, Span(text, True, paint.line)))
        size = pt(11) if self.narrow else pt(15)
        title = clean(self.stage.display)
        longest = max(set(title.split(" ")), key=lambda word: width(word, size, bold=True))
        while size > SMALLEST + 0.5 and not fits(longest, self.inner, size, bold=True):
            size -= pt(1)
        lines += [
            (size, size * 1.3, Span(text, True, INK))
            for text in wrap(title, self.inner, size, bold=True, lines=2)
        ]
        label = clean(self.stage.label)
        if label and label != title:
            most = 4 if self.narrow else 2
            lines += [(TEXT, 16, Span(text)) for text in wrap(label, self.inner, TEXT, lines=most)]
        return lines

    def _draw_top(self, canvas: Canvas, y: float, color: str) -> None:
        """The code as a badge, and the owner."""
        badge = min(self.badge, self.inner)
        if badge:
            code = cut(clean(self.stage.code), badge - 6, TEXT, bold=True)
            canvas.box(self.left, y, badge, 18, fill=color, color=color, pen=0)
            canvas.text(self.left + badge / 2, y + 9, [Span(code, True, PAPER)], align="center")
        if self.owner and not (badge and self._owner_apart()):
            room = self.inner - (badge + 6 if badge else 0)
            text = cut(self.owner, room, TEXT, bold=True)
            paint = self.subject.palette.system(self.stage.system)
            canvas.text(self.right, y + 9, [Span(text, True, paint.line)], align="right")

    def _draw_people(self, canvas: Canvas) -> None:
        """How many are in the stage, and the median stay beside or below."""
        counts = self.subject.counts
        if counts is None:
            return
        size = pt(10) if self.narrow else pt(14)
        people = fitting_number(counts.people.get(self.stage.name, 0), self.inner, size)
        stay = counts.median_stay.get(self.stage.name)
        words = duration(stay) if stay is not None else ""
        y = self.card.bottom - (35 if self.narrow else 21)
        canvas.text(self.left, y, [Span(people, True, INK)], size)
        if self.narrow:
            canvas.text(self.left, y + 18, words)
        elif width(people, size, bold=True) + width(words, TEXT) + 8 < self.inner:
            canvas.text(self.right, y + 1.5, words, align="right")
