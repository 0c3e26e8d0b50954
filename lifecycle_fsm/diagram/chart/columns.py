"""Where the stages lie: the path in rows of up to eight stages, each in a column of its own.

All rows have the same columns. Below each row lie its detours. A long row leaves less room for
everything: first the gaps shrink, as long as a word of a step still fits in them; then the cards,
down to the minimum that a card needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TypeAlias, TypeVar

import attrs

from lifecycle_fsm.diagram.canvas import ICON, Canvas, Span, spans_width
from lifecycle_fsm.diagram.chart_data import ChartData, DrawnFlow, moved, total
from lifecycle_fsm.diagram.look import INK, MARGIN, SMALLEST, SOFT, WIDTH, pt
from lifecycle_fsm.diagram.text_fit import fits, width
from lifecycle_fsm.model import Stage
from lifecycle_fsm.wording import clean

TEXT = pt(10)
"""The size of all small text of a chart: readable even in a narrow window."""

LINE = 16.5
"""The distance from one line of small text to the next."""

HEADLINE = pt(11)
"""The size of the number on a step."""

TRACK = 12.0
"""The distance between two lines in a margin."""

_ONE_ROW = 8  # stages
_PER_ROW = 7  # of several rows
_LONG = 7  # stages
_CARD = (114.0, 176.0)  # wanted: minimum and maximum
_NARROWEST = 110.0
_GAP = (92.0, 150.0)
_SMALLEST_GAP = 78.0
_SMALLEST_SHEET = 940.0
_TWO_NUMBERS = 84.0  # the longest pair of numbers on one line
_MOST_TRACKS = 12
T = TypeVar("T")


@attrs.define
class Card:
    """The place of a stage; its height is known once its row is laid out."""

    stage: Stage
    x: float
    w: float
    row: int
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
    spans = [Span(moved(step.rules), True, INK)]
    if step.share:
        spans.append(Span(f" · {step.share}", True, SOFT))
    return spans


def pieces(text: str, room: float = _TWO_NUMBERS, size: float = TEXT) -> list[str]:
    """A bold figure, in two lines if it is "before → now" and does not fit in one."""
    before, arrow, now = text.partition(" → ")
    return [text] if not arrow or fits(text, room, size, bold=True) else [before, f"→ {now}"]


def pieces_width(text: str) -> float:
    """The width of the pieces of a figure."""
    return max(width(part, TEXT, bold=True) for part in pieces(text))


class Columns:
    """The rows of the path, the cards by stage, the gaps between them, and the edges of the sheet.

    Attributes:
        rows: the stages of the path, row by row.
        homes: the row below which each detour lies.
        cards: the place of each stage; detours lie below the first column until they are placed.
        gap: between two stages of a row; ``first_gap`` is the one after the first stage.
        end: where the last card of the longest row ends.
        left: where the first card begins; the room left of it is for lines between rows.
        margin: of the sheet, left and right.
        sheet: the width of the entire picture.
    """

    def __init__(self, data: ChartData, wide: float = WIDTH) -> None:
        self._wide = wide
        path = data.model.path
        count = 1 if len(path) <= _ONE_ROW else math.ceil(len(path) / _PER_ROW)
        # Sums of two periods are left out before a row is cut.
        compares = data.counts is not None and data.counts.before is not None
        choice = (True, False) if compares else (True,)
        while (
            not any(
                self._arranged(data, math.ceil(len(path) / count), sums=sums) for sums in choice
            )
            and self.per_row > 1
        ):
            count += 1

    def sum_text(self, flows: Iterable[DrawnFlow]) -> str:
        """The number at the arrow of a line to a detour; empty if there is no room for sums."""
        return total(flows) if self._sums else ""

    def _arranged(self, data: ChartData, per_row: int, *, sums: bool) -> bool:
        """Place everything with so many stages in a row; whether the cards are wide enough."""
        self._sums = sums
        path, detours = data.model.path, data.model.detours
        self.per_row = per_row
        self.rows = [path[at : at + per_row] for at in range(0, len(path), per_row)]
        self._row_of = {stage.name: row for row, run in enumerate(self.rows) for stage in run}
        self.firsts = {run[0].name for run in self.rows}
        self.homes = self._detour_rows(data)
        # A narrow sheet has as little room for the longest row as a wide one for one stage more.
        long = per_row > _LONG - (self._wide < WIDTH)
        several = len(self.rows) > 1
        self.margin = 22.0 if long or several else MARGIN
        left_room, right_room = self._margins(data)
        # The first card juts out, because the trunk of its detours passes the cards below it.
        jut = 0.0
        if detours:
            exits = ([flow for flow in data.exits if flow.target == each.name] for each in detours)
            widest = max(pieces_width(self.sum_text(flows)) for flows in exits)
            jut = max(36.0 if long else 44.0, widest + 46)
            if any(flow.target in self.firsts for flow in data.returns):
                jut += 26
        aisle = 0.0
        if any(flow.source in self.firsts or flow.source in self.homes for flow in data.exits):
            aisle = 22.0 if long else 80.0
        edges = 2 * self.margin + left_room + right_room + aisle + jut
        self.gap, card = self._fitted(data, self._wide - edges)
        self.first_gap = self.gap + aisle
        first = card + jut
        full = first + (per_row - 1) * (card + self.gap) + (aisle if per_row > 1 else 0)
        self.sheet = max(full + left_room + right_room + 2 * self.margin, _SMALLEST_SHEET)
        self.left = (self.sheet - full + left_room - right_room) / 2
        self.end = self.left + full
        self.cards: dict[str, Card] = {}
        for row, run in enumerate(self.rows):
            x = self.left
            for stage in run:
                leads = stage.name in self.firsts
                w = first if leads else card
                self.cards[stage.name] = Card(stage, x, w, row)
                x += w + (self.first_gap if leads else self.gap)
        for stage in detours:
            self.cards[stage.name] = Card(stage, self.left, card, self.homes[stage.name])
        return card >= _NARROWEST * min(1.0, self._wide / WIDTH)

    def _margins(self, data: ChartData) -> tuple[float, float]:
        """The room left and right of all rows for lines between them, and the place of each."""
        down = self._between_rows(data.exits, source=True)
        up = self._between_rows(data.returns, source=False)
        across = [
            flow
            for flow in data.fast_tracks
            if self._row_of[flow.source] != self._row_of[flow.target]
        ]
        targets = sorted({flow.target for flow in across}, key=self._place_of_track(data))
        #: The distance from the edge of the sheet to each line between rows: by the detour, and
        #: whether people come back by it; by the target of a fast track.
        self.left_tracks = _tracks([(name, False) for name in down] + [(name, True) for name in up])
        self.right_tracks = _tracks(targets)
        join = 2 * TRACK if len(self.rows) > 1 else 0.0
        numbers = [moved(flow.rules) for flow in across]
        beside = max((width(number, TEXT, bold=True) for number in numbers), default=0.0)
        return (
            max(self.left_tracks.values(), default=0.0) + join,
            max(self.right_tracks.values(), default=0.0) + max(join, beside),
        )

    @cached_property
    def next_gap(self) -> dict[str, float]:
        """The gap after each stage that is not the last of its row."""
        return {
            stage.name: self.first_gap if stage.name in self.firsts else self.gap
            for run in self.rows
            for stage in run[:-1]
        }

    def row(self, name: str) -> int:
        """The row of a stage of the path, or the row below which a detour lies."""
        return self._row_of[name] if name in self._row_of else self.homes[name]

    def _detour_rows(self, data: ChartData) -> dict[str, int]:
        """Put each detour below the row from which most moves lead to it; detours with moves
        between them lie below the same row."""
        groups = {stage.name: {stage.name} for stage in data.model.detours}
        votes: dict[str, list[int]] = {name: [] for name in groups}
        for flow in (*data.exits, *data.returns):
            if flow.source in groups and flow.target in groups:
                joined = groups[flow.source] | groups[flow.target]
                groups.update(dict.fromkeys(joined, joined))
            elif flow.target in groups:
                votes[flow.target].append(self._row_of[flow.source])
        rows = {}
        for name, together in groups.items():
            cast = [row for other in sorted(together) for row in votes[other]]
            rows[name] = max(range(len(self.rows)), key=lambda row: (cast.count(row), -row))
        return rows

    def _place_of_track(self, data: ChartData) -> Callable[[str], tuple[int, int, int]]:
        """The order of fast tracks between rows from right to left: lower lanes lie further out, so
        that they do not cross each other."""
        local = {
            flow.target
            for flow in data.fast_tracks
            if self._row_of[flow.source] == self._row_of[flow.target]
        }

        def place(target: str) -> tuple[int, int, int]:
            rank = data.ranks[target]
            own = target in local
            return -self._row_of[target], 0 if own else 1, rank if own else -rank

        return place

    def _between_rows(self, flows: Iterable[DrawnFlow], *, source: bool) -> list[str]:
        """The detours of the flows that lead from one row to another, in their order."""
        names = (
            detour
            for stage, detour in (
                (flow.source, flow.target) if source else (flow.target, flow.source)
                for flow in flows
            )
            if self.row(stage) != self.row(detour)
        )
        return list(dict.fromkeys(names))

    def _fitted(self, data: ChartData, room: float) -> tuple[float, float]:
        """The gap and the width of a card at which a row fits into the room."""
        n = self.per_row
        gap = _wanted_gap(data)
        card = max(_wanted_card(data, stage) for stage in data.model.path)
        narrow = max(_GAP[0], _widest_word(data) + 22)
        # The names of stages come before the words of steps.
        whole = max(_CARD[0], min(_name_width(data), (room - (n - 1) * _GAP[0]) / n))
        card = min(max(card, whole), max(whole, (room - (n - 1) * min(gap, narrow)) / n))
        least = max(_SMALLEST_GAP, _widest_number(data) + 26)
        gap = max(least, min(gap, (room - n * card) / max(1, n - 1)))
        return gap, min(card, (room - (n - 1) * gap) / n)


def _tracks(names: Iterable[T]) -> dict[T, float]:
    """A place for each line in a margin; lines share places if there are very many."""
    return {
        name: TRACK * (1 + index % _MOST_TRACKS) for index, name in enumerate(dict.fromkeys(names))
    }


def _wanted_card(data: ChartData, stage: Stage) -> float:
    owner = width(data.palette.owner(stage.name), TEXT, bold=True)
    code = width(stage.code, TEXT, bold=True) + 14
    words = max((width(word, TEXT) for word in set(clean(stage.label).split(" "))), default=0)
    title = width(clean(stage.display), pt(15), bold=True)
    label = width(clean(stage.label), TEXT) / 2 + 22
    number = data.people(stage.name)
    people = width(number, pt(14), bold=True) + 62 if number else 0.0
    least, most = _CARD
    return max(least, min(most, max(owner + code, words, title, label, people) + 26))


def _name_width(data: ChartData) -> float:
    """The width of a card in which each word of a stage's name fits in the smallest letters."""
    names = (clean(stage.display) for stage in data.model.stages)
    return 26 + max(
        width(word, SMALLEST, bold=True) for name in names for word in set(name.split(" "))
    )


def _widest_number(data: ChartData) -> float:
    """The width of the largest number on a step; two long ones stand in two lines."""
    figures = (text for flow in data.steps.values() for text in (moved(flow.rules), flow.share))
    return max(map(pieces_width, figures), default=0.0)


def _widest_word(data: ChartData) -> float:
    """The width of the widest word beside a step."""
    return max(
        (
            width(word, TEXT) + (ICON if rule.by_hand else 0)
            for flow in data.steps.values()
            for rule in flow.rules
            for word in set(rule.label.split(" "))
        ),
        default=0.0,
    )


def _wanted_gap(data: ChartData) -> float:
    wanted, most = _GAP
    for flow in data.steps.values():
        wanted = max(wanted, spans_width(headline(flow), HEADLINE) + 36)
        for rule in flow.rules:
            label = width(rule.label, TEXT) + (ICON if rule.by_hand else 0)
            if len(flow.rules) > 1:
                label += width(moved([rule]) + " ", TEXT, bold=True)
            wanted = max(wanted, min(label + 20, 124))
    return min(max(wanted, _widest_word(data) + 22), most)


# ------------------------------------------------------------------ plan
#
# What every part of a chart receives and returns.


class Keys:
    """Short keys for texts that do not fit in the picture; the texts stand below it."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def key(self, text: str) -> str:
        """The key of a text: ``(a)`` for the first, ``(aa)`` after ``(z)``."""
        if text not in self.texts:
            letters, number = "", len(self.texts) + 1
            while number:
                number, place = divmod(number - 1, 26)
                letters = chr(ord("a") + place) + letters
            self.texts[text] = f"({letters})"
        return self.texts[text]


class Page:
    """What is shown, and the canvas that it is drawn on.

    Attributes:
        data: what is shown.
        canvas: where it is drawn.
        keys: the keys of texts that do not fit.
        margin: of the picture, left and right.
        sheet: the width of the picture.
    """

    def __init__(self, data: ChartData, margin: float, sheet: float) -> None:
        self.data, self.margin, self.sheet = data, margin, sheet
        self.canvas = Canvas(data.model.name, TEXT, data.model.theme)
        self.keys = Keys()

    @property
    def room(self) -> float:
        """The width between the margins."""
        return self.sheet - 2 * self.margin


class ChartPlan(Page):
    """A page with the path in rows.

    Attributes:
        columns: the place of everything from left to right.
        turns: the height of the line from each row to the next.
        fast_lanes: the heights of the lanes of a fast track from row to row, by its target and row.
        detour_lanes: the same for the lines of detours left of all rows, by their key in
            ``left_tracks``.
    """

    def __init__(self, data: ChartData, wide: float = WIDTH) -> None:
        self.columns = Columns(data, wide)
        super().__init__(data, self.columns.margin, self.columns.sheet)
        self.turns: dict[int, float] = {}
        self.fast_lanes: dict[str, dict[int, float]] = {}
        self.detour_lanes: dict[tuple[str, bool], dict[int, float]] = {}


ChartPart: TypeAlias = Callable[[ChartPlan, float], float]
"""Draws itself below a height; returns where it ends."""
