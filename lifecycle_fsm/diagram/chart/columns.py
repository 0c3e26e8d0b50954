"""Where the stages lie from left to right: one column for each stage of the path.

The cards of detours lie below the first column. A long path leaves less room for everything: first
the gaps shrink, as long as a word of a step still fits in them; then the cards, down to the minimum
that a card needs; then both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from lifecycle_fsm.diagram.canvas import ICON, Canvas, Span, spans_width
from lifecycle_fsm.diagram.chart_data import ChartData, DrawnFlow
from lifecycle_fsm.diagram.look import INK, MARGIN, SOFT, WIDTH, pt
from lifecycle_fsm.diagram.text_fit import width
from lifecycle_fsm.model import Stage
from lifecycle_fsm.wording import clean, format_number, percent

TEXT = pt(10)
"""The size of all small text of a chart: readable even in a narrow window."""

LINE = 16.5
"""The distance from one line of small text to the next."""

HEADLINE = pt(11)
"""The size of the number on a step."""

_LONG = 7  # stages
_CARD = (122.0, 176.0)  # a card of the path: minimum and maximum
_NARROW = 112.0
_DETOUR = 96.0  # a card of a detour: minimum
_GAP = (92.0, 150.0)
_SMALLEST_GAP = 62.0
_SMALLEST_SHEET = 940.0


@attrs.define
class Card:
    """The place of a stage; its height is known once its row is laid out."""

    stage: Stage
    x: float
    w: float
    y: float = 0.0
    h: float = 0.0

    @property
    def mid(self) -> float:
        """The middle, from left to right."""
        return self.x + self.w / 2

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.w

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.h


def headline(step: DrawnFlow) -> list[Span]:
    """How many people took a step, and the conversion; empty without counts."""
    if step.count is None:
        return []
    spans = [Span(format_number(step.count), True, INK)]
    if step.conversion is not None:
        spans.append(Span(f" · {percent(step.conversion)}", True, SOFT))
    return spans


class Columns:
    """The cards by stage, the gaps between them, and the edges of the sheet.

    Attributes:
        cards: the place of each stage.
        gap: between two stages of the path; ``first_gap`` is the one after the first stage.
        narrow: whether the cards are so narrow that their numbers need two lines.
        end: where the last card of the path ends.
        margin: of the sheet, left and right.
        sheet: the width of the entire picture.
    """

    def __init__(self, data: ChartData) -> None:
        path, detours = data.model.path, data.model.detours
        long = len(path) > _LONG
        self.margin = 22.0 if long else MARGIN
        # The first card juts out, because the trunk of its detours passes the cards below it.
        jut = 36.0 if long else 44.0
        aisle = 0.0
        if any(flow.source == data.origin for flow in data.exits):
            aisle = 22.0 if long else 80.0
        self.gap, card = _fitted(data, 2 * self.margin + aisle, jut if detours else None)
        self.first_gap = self.gap + aisle
        self.narrow = card < _NARROW
        below = max(card, _DETOUR)
        self.cards: dict[str, Card] = {}
        x = self.margin
        for stage in path:
            origin = stage.name == data.origin
            w = below + jut if origin and detours else card
            self.cards[stage.name] = Card(stage, x, w)
            self.end = x + w  # of the path
            x += w + (self.first_gap if origin else self.gap)
        self.sheet = max(self.end + self.margin, _SMALLEST_SHEET)
        shift = (self.sheet - self.margin - self.end) / 2
        for placed in self.cards.values():
            placed.x += shift
        self.end += shift
        for stage in detours:
            self.cards[stage.name] = Card(stage, self.margin + shift, below)
        self._origin = data.origin

    @property
    def room(self) -> float:
        """The width of the sheet between its margins."""
        return self.sheet - 2 * self.margin

    def gap_after(self, name: str) -> float:
        """The gap between a stage of the path and the next."""
        return self.first_gap if name == self._origin else self.gap


def _fitted(data: ChartData, edges: float, jut: float | None) -> tuple[float, float]:
    """The gap and the width of a card of the path at which all of them fit on the sheet."""
    n = len(data.model.path)
    gap = _wanted_gap(data)
    card = max(_wanted_card(data, stage) for stage in data.model.path)
    least = _CARD[0]
    for _ in range(6):  # detour cards keep their width while the others shrink
        own = 0.0 if jut is None else max(0.0, _DETOUR - card) + jut
        room = WIDTH - edges - own
        card = min(card, max(least, (room - (n - 1) * min(gap, _GAP[0])) / n))
        gap = max(_SMALLEST_GAP, min(gap, (room - n * card) / max(1, n - 1)))
        card = min(card, (room - (n - 1) * gap) / n)
    return gap, card


def _wanted_card(data: ChartData, stage: Stage) -> float:
    owner = width(data.palette.owner(stage.name), TEXT, bold=True)
    code = width(stage.code, TEXT, bold=True) + 14
    words = max((width(word, TEXT) for word in set(clean(stage.label).split(" "))), default=0)
    title = width(clean(stage.display), pt(15), bold=True)
    label = width(clean(stage.label), TEXT) / 2 + 22
    people = 0.0
    if data.counts is not None:
        number = format_number(data.counts.people.get(stage.name, 0))
        people = width(number, pt(14), bold=True) + 62
    least, most = _CARD
    return max(least, min(most, max(owner + code, words, title, label, people) + 26))


def _wanted_gap(data: ChartData) -> float:
    wanted, most = _GAP
    for flow in data.steps.values():
        wanted = max(wanted, spans_width(headline(flow), HEADLINE) + 36)
        for rule in flow.rules:
            label = width(rule.label, TEXT) + (ICON if rule.by_hand else 0)
            if len(flow.rules) > 1 and rule.count is not None:
                label += width(format_number(rule.count) + " ", TEXT, bold=True)
            wanted = max(wanted, min(label + 20, 124))
    return min(wanted, most)


# ------------------------------------------------------------------ plan
#
# What every part of a chart receives and returns.


@attrs.frozen
class ChartPlan:
    """What is shown, its place from left to right, and the canvas that it is drawn on."""

    data: ChartData
    columns: Columns
    canvas: Canvas


ChartPart: TypeAlias = Callable[[ChartPlan, float], float]
"""Draws itself below a height; returns where it ends."""
