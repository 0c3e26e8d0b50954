"""Where the stages lie from left to right: a column for each one of the path.

Detours have their cards below the first one. A long path leaves less room for everything: first
the gaps give way, as long as a word of a step still fits in them; then the cards, down to the least
that a card needs; then both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

import attrs

from lifecycle_fsm.diagram.canvas import ICON, Canvas, Dash, Span, spans_width
from lifecycle_fsm.diagram.flows import Fired, Flow, flows
from lifecycle_fsm.diagram.look import (
    INK,
    MARGIN,
    NEUTRAL,
    PARTLY,
    SEEN,
    SOFT,
    UNSEEN,
    WIDTH,
    Paint,
    Palette,
    Pens,
    pt,
)
from lifecycle_fsm.diagram.text_fit import width
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Model, Stage
from lifecycle_fsm.wording import clean, format_number, percent

# ------------------------------------------------------------------ subject
#
# What a chart shows: a model, with or without the counts of a window.


class Subject:
    """A model and its counts as flows by their kind, with colours and the widths of lines.

    With ``fired`` colour says what tests have fired, and no more who owns a thing.
    """

    def __init__(
        self,
        model: Model,
        counts: Counts | None,
        title: str,
        subtitle: str,
        fired: Fired | None = None,
    ) -> None:
        self.model = model
        self.counts = counts
        self.title = clean(title)
        self.subtitle = clean(subtitle)
        self.fired = fired
        self.palette = Palette(model, plain=fired is not None)
        self.flows = flows(model, counts, fired)
        #: The colour of what lines of several colours share.
        self.mixed = NEUTRAL if fired is None else PARTLY
        self._pens = Pens(max((flow.count or 0 for flow in self.flows), default=0))
        ranks = self.ranks = model.ranks
        self.origin = model.path[0].name
        self.steps = {flow.source: flow for flow in self.flows if flow.kind == "step"}
        self.fast_tracks = sorted(
            (flow for flow in self.flows if flow.kind == "fast_track"),
            key=lambda flow: (ranks[flow.target], ranks[flow.source]),
        )
        self.exits = [flow for flow in self.flows if flow.kind == "detour"]
        self.returns = [flow for flow in self.flows if flow.kind == "return"]

    def is_last(self, name: str) -> bool:
        """Whether the path ends with this stage."""
        return self.ranks[name] == len(self.model.path) - 1

    def pen(self, volume: int, *, most: float = 99.0) -> float:
        """The width of a line that so many take; that of all lines where nobody counted."""
        return min(most, self._pens(volume if self.counts is not None else None))

    def step_pen(self, flow: Flow) -> float:
        """The width of a step, which is thick also where nobody counted."""
        return self._pens(flow.count, plain=3.4)

    def paint(self, lane: Iterable[Flow]) -> Paint:
        """The colour of the system that owns all these flows; neutral where owners differ."""
        lane = list(lane)
        owners = {flow.system for flow in lane}
        usual = self.palette.system(owners.pop()) if len(owners) == 1 else NEUTRAL
        return self.shade(lane, usual)

    def shade(self, lane: Iterable[Flow], usual: Paint) -> Paint:
        """The usual colour of these flows, or, in a picture of coverage, what of them was fired."""
        seen = self._seen(lane)
        if not seen:
            return usual
        return PARTLY if len(seen) > 1 else SEEN if True in seen else UNSEEN

    def dash(self, lane: Iterable[Flow], usual: Dash) -> Dash:
        """How a line is usually drawn, or dotted where no test has fired any of it."""
        return "dotted" if self._seen(lane) == {False} else usual

    def _seen(self, lane: Iterable[Flow]) -> set[bool]:
        return {part.seen for flow in lane for part in flow.parts if part.seen is not None}

    def headline(self, step: Flow) -> list[Span]:
        """How many took a step, and the conversion; nothing where nobody counted."""
        if self.counts is None or step.count is None:
            return []
        spans = [Span(format_number(step.count), True, INK)]
        found = self.counts.conversion.get((step.source, step.target))
        if found is not None and found.share is not None:
            spans.append(Span(f" · {percent(found.share)}", True, SOFT))
        return spans


# ------------------------------------------------------------------ columns


TEXT = pt(10)
"""The size of all small text of a chart: to be read also in a narrow window."""

LINE = 16.5
"""From one line of it to the next."""

HEADLINE = pt(11)
"""The size of the number on a step."""

_LONG = 7  # stages
_CARD = (122.0, 176.0)  # a card of the path, at least and at most
_NARROW = 112.0
_DETOUR = 96.0  # a card of a detour, at least
_GAP = (92.0, 150.0)
_SMALLEST_GAP = 62.0
_SMALLEST_SHEET = 940.0


@attrs.define
class Card:
    """Where a stage lies; its height is known when its row is laid out."""

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


class Columns:
    """The cards by stage, the gaps between them, and the edges of the sheet.

    Attributes:
        cards: where each stage lies.
        gap: between two stages of the path; ``first_gap`` behind the first one.
        narrow: whether the cards are so narrow that their numbers need two lines.
        end: where the last card of the path ends.
        margin: of the sheet, left and right.
        sheet: how wide the whole picture is.
    """

    def __init__(self, subject: Subject) -> None:
        path, detours = subject.model.path, subject.model.detours
        long = len(path) > _LONG
        self.margin = 22.0 if long else MARGIN
        # The first card juts out: the trunk of its detours passes the cards below it.
        jut = 36.0 if long else 44.0
        aisle = 0.0
        if any(flow.source == subject.origin for flow in subject.exits):
            aisle = 22.0 if long else 80.0
        self.gap, card = _fitted(subject, 2 * self.margin + aisle, jut if detours else None)
        self.first_gap = self.gap + aisle
        self.narrow = card < _NARROW
        below = max(card, _DETOUR)
        self.cards: dict[str, Card] = {}
        x = self.margin
        for stage in path:
            origin = stage.name == subject.origin
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
        self._origin = subject.origin

    @property
    def room(self) -> float:
        """How wide the sheet is between its margins."""
        return self.sheet - 2 * self.margin

    def gap_after(self, name: str) -> float:
        """The gap between a stage of the path and the next."""
        return self.first_gap if name == self._origin else self.gap


def _fitted(subject: Subject, edges: float, jut: float | None) -> tuple[float, float]:
    """The gap, and the width of a card of the path, where all of them fit on the sheet."""
    n = len(subject.model.path)
    gap = _wanted_gap(subject)
    card = max(_wanted_card(subject, stage) for stage in subject.model.path)
    least = _CARD[0]
    for _ in range(6):  # the cards of the detours keep their width while the others shrink
        own = 0.0 if jut is None else max(0.0, _DETOUR - card) + jut
        room = WIDTH - edges - own
        card = min(card, max(least, (room - (n - 1) * min(gap, _GAP[0])) / n))
        gap = max(_SMALLEST_GAP, min(gap, (room - n * card) / max(1, n - 1)))
        card = min(card, (room - (n - 1) * gap) / n)
    return gap, card


def _wanted_card(subject: Subject, stage: Stage) -> float:
    owner = width(subject.palette.owner(stage.name), TEXT, bold=True)
    code = width(stage.code, TEXT, bold=True) + 14
    words = max((width(word, TEXT) for word in set(clean(stage.label).split(" "))), default=0)
    title = width(clean(stage.display), pt(15), bold=True)
    label = width(clean(stage.label), TEXT) / 2 + 22
    people = 0.0
    if subject.counts is not None:
        people = (
            width(format_number(subject.counts.people.get(stage.name, 0)), pt(14), bold=True) + 62
        )
    least, most = _CARD
    return max(least, min(most, max(owner + code, words, title, label, people) + 26))


def _wanted_gap(subject: Subject) -> float:
    wanted, most = _GAP
    for flow in subject.steps.values():
        wanted = max(wanted, spans_width(subject.headline(flow), HEADLINE) + 36)
        for part in flow.parts:
            label = width(clean(part.label), TEXT) + (ICON if part.by_hand else 0)
            if len(flow.parts) > 1 and part.count is not None:
                label += width(format_number(part.count) + " ", TEXT, bold=True)
            wanted = max(wanted, min(label + 20, 124))
    return min(wanted, most)


# ------------------------------------------------------------------ sheet
#
# What every part of a chart gets, and what it gives back.


@attrs.frozen
class Sheet:
    """What is shown, where it lies from left to right, and the canvas that it is drawn on."""

    subject: Subject
    columns: Columns
    canvas: Canvas


Part: TypeAlias = Callable[[Sheet, float], float]
"""Draws itself below a height; returns where it ends."""
