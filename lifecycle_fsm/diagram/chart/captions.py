"""The words beside a line: how many moved, by which rule, and whether a human asked."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from lifecycle_fsm.diagram.chart.columns import TEXT
from lifecycle_fsm.diagram.flows import Flow, Part
from lifecycle_fsm.diagram.look import SEEN, SOFT, UNSEEN
from lifecycle_fsm.diagram.spans import ICON, Span
from lifecycle_fsm.diagram.words import cut, number, width, wrap
from lifecycle_fsm.wording import clean


@attrs.frozen
class TextLine:
    """A line of text that may begin with the by-hand mark."""

    spans: tuple[Span, ...]
    icon: bool = False


def fitting_number(value: int, room: float, size: float, *, bold: bool = True) -> str:
    """The number in full where it fits, else ``9.9M``."""
    full = number(value)
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
    text = f"+ {len(parts)} more" + (f", {number(sum(known))}" if known and numbers else "")
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
