"""Where detours lie below a row: their cards, the bands that they share, and the order of these.

A detour stands between two lines where its own lines cross the fewest others, if no text needs that
room; else at the left end, below the first card. Bands that do not meet share a height. The order
of the heights is that with the fewest crossings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import attrs

from lifecycle_fsm.diagram.chart.cards import CardFace
from lifecycle_fsm.diagram.chart.columns import TRACK, ChartPlan, pieces_width
from lifecycle_fsm.diagram.chart_data import DrawnFlow
from lifecycle_fsm.model import Stage

BESIDE = 9.0
"""The distance from a line to its text."""

_BEND = 34.0  # from a line to a card: room for a bend and an arrowhead
_SPACE = 34.0  # between a total and what stands beside it
_APART = 20.0  # between two bands at one height
_NARROWEST = 112.0  # a card


class Rails:
    """The places, from left to right, of the lines between a row and its detours.

    The text of exits stands left of the line by which people leave, the text of returns right of
    the line by which they come back. Between two stages, both have the room up to the next line.
    """

    def __init__(self, plan: ChartPlan, row: int) -> None:
        self._columns, self.row = plan.columns, row
        self.names = [stage.name for stage in plan.columns.rows[row]]
        self.place = {name: column for column, name in enumerate(self.names)}
        self._returns = any(flow.target in plan.columns.firsts for flow in plan.data.returns)
        self.between = any(
            flow.source not in plan.data.ranks and plan.columns.row(flow.source) == row
            for flow in plan.data.exits
        )

    def down(self, name: str) -> float:
        """Where people leave a stage; those who go from detour to detour take the side line."""
        if name not in self.place:
            return self.side
        card = self._columns.cards[name]
        if self.place[name] == 0:
            return card.right - (40 if self._returns else 14)
        if self._is_last(name):
            return card.x + card.w * 0.25 - min(26, card.w * 0.17)
        return card.mid - min(20, card.w * 0.14)

    def up(self, name: str) -> float:
        """Where people come back up into a stage."""
        card = self._columns.cards[name]
        if self.place[name] == 0:
            return card.right - 14
        if self._is_last(name):
            return card.x + card.w * 0.25  # its text stands beside it, and no gap follows
        return card.mid + min(20, card.w * 0.14)

    @property
    def side(self) -> float:
        """Where people go from one detour to another."""
        return self._columns.cards[self.names[0]].right + 4

    def exit_words(self, name: str) -> tuple[float, float]:
        """Where the text of exits out of a stage ends, and its room."""
        x = self.down(name) - BESIDE
        return x, x - self._left_edge(self.place[name])

    def side_words(self) -> tuple[float, float]:
        """Where the text of exits out of the first stage and of other detours begins, and its
        room."""
        x = self.side + BESIDE
        end = self._left_edge(1) if len(self.names) > 1 else self._columns.end
        return x, end - x - 6

    def return_words(self, name: str) -> tuple[float, float]:
        """Where the text of returns into a stage begins, and its room."""
        x = self.up(name) + BESIDE
        if self.place[name] == 0 and self.between:
            x = self.side + BESIDE
        return x, self._right_edge(self.place[name]) - x

    def track(self, name: str, *, back: bool) -> float:
        """The line to a detour, or back from it, left of all rows."""
        return self._columns.left - 2 * TRACK - self._columns.left_tracks[name, back]

    def _is_last(self, name: str) -> bool:
        return self.place[name] == len(self.names) - 1

    def _left_edge(self, column: int) -> float:
        name = self.names[column]
        if column > 1:
            return self.up(self.names[column - 1]) + BESIDE
        return self._columns.cards[name].x - self._columns.first_gap * 0.37 + 5

    def _right_edge(self, column: int) -> float:
        if column == len(self.names) - 1:
            return self._columns.cards[self.names[column]].right + 4
        return self.down(self.names[column + 1]) - BESIDE


@attrs.define
class Band:
    """A detour below a row: its card, if it lies below this row, and the flows of this row.

    Attributes:
        stage: the detour.
        face: its card; None if the detour lies below another row.
        exits: the flows of this row, and of other detours, into it.
        returns: the flows out of it into this row.
        far_exits: the flows out of other rows into it, if it lies here.
        far_returns: the flows into other rows, likewise.
        at_left: whether the card stands at the left end of the row.
        shares: whether another band has the same height.
    """

    stage: Stage
    face: CardFace | None
    exits: list[DrawnFlow]
    returns: list[DrawnFlow]
    far_exits: list[DrawnFlow]
    far_returns: list[DrawnFlow]
    at_left: bool = True
    shares: bool = False

    def from_right(self, flow: DrawnFlow, rails: Rails) -> bool:
        """Whether an exit comes from the right of the card, or of the line to another row."""
        return self.face is None or rails.down(flow.source) > self.face.card.right

    def to_right(self, flow: DrawnFlow, rails: Rails) -> bool:
        """Whether a return leads to the right of the card, or of the line to another row."""
        return self.face is None or rails.up(flow.target) > self.face.card.right

    def lanes(self, rails: Rails) -> list[tuple[float, float, list[float]]]:
        """Both lanes from left to right, with the lines that join them."""
        left = -1.0  # of everything
        end = left if self.face is None or self.at_left else self.face.card.mid
        exits = [rails.down(flow.source) for flow in self.exits]
        returns = [rails.up(flow.target) for flow in self.returns]
        lanes = []
        for joins, far in ((exits, self.far_exits), (returns, self.far_returns)):
            spots = [end, *joins, *([left] if far else [])]
            lanes.append((min(spots), max(spots), joins))
        return lanes

    def extent(self, rails: Rails) -> tuple[float, float]:
        """What the band covers from left to right, with its text."""
        spots = [spot for lane in self.lanes(rails) for spot in lane[:2]]
        if self.face is not None:
            spots += [self.face.card.x, self.face.card.right]
        spots += [spot for text in self.texts(rails) for spot in text]
        return min(spots), max(spots)

    def texts(self, rails: Rails) -> Iterator[tuple[float, float]]:
        """The room for each text, from left to right."""
        for flow in self.exits:
            if rails.place.get(flow.source, 0):
                x, room = rails.exit_words(flow.source)
                yield x - room, x
            else:
                x, room = rails.side_words()
                yield x, x + room
        for flow in self.returns:
            x, room = rails.return_words(flow.target)
            yield x, x + room


def bands_of(plan: ChartPlan, rails: Rails) -> list[list[Band]]:
    """The bands below a row, from top to bottom; those in one list share a height."""
    row, data = plan.columns.row, plan.data
    bands: list[Band] = []
    for stage in data.model.detours:
        home = row(stage.name) == rails.row
        exits = [flow for flow in data.exits if flow.target == stage.name]
        returns = [flow for flow in data.returns if flow.source == stage.name]
        near = [flow for flow in exits if row(flow.source) == rails.row]
        back = [flow for flow in returns if row(flow.target) == rails.row]
        if not home and not near and not back:
            continue
        far = [flow for flow in exits if flow not in near] if home else []
        far_back = [flow for flow in returns if flow not in back] if home else []
        face = CardFace(plan, plan.columns.cards[stage.name]) if home else None
        bands.append(Band(stage, face, near, back, far, far_back))
    sides = {
        name
        for band in bands
        for flow in band.exits
        if flow.source not in rails.place
        for name in (flow.source, flow.target)
    }
    lines = sorted({x for band in bands for _, _, joins in band.lanes(rails) for x in joins})
    for band in bands:
        if band.face is not None and band.stage.name not in sides:
            _choose_place(plan, band, rails, lines)
    return _ordered(_shared(bands, rails), rails)


def _choose_place(plan: ChartPlan, band: Band, rails: Rails, lines: Sequence[float]) -> None:
    """Put the card where its lanes pass the fewest lines and are shortest; at the left end if that
    is as good."""
    card = plan.columns.cards[band.stage.name]
    best = (*_cost(band, rails, lines), card.x, card.w)
    own = {rails.down(flow.source) for flow in band.exits}
    back = {rails.up(flow.target) for flow in band.returns}
    texts = [*band.texts(rails)]
    wide = pieces_width(plan.columns.sum_text([*band.exits, *band.far_exits]))
    need = wide + _SPACE if wide else 0.0
    band.at_left = False
    for start, end in pairwise([*lines, plan.columns.end + BESIDE]):
        left = start + (_BEND if start in own else BESIDE)
        right = end - (_BEND if end in back else BESIDE)
        w = min(best[3], right - left - need)
        if w < _NARROWEST or any(begin < right and left < stop for begin, stop in texts):
            continue
        card.w = w
        card.x = left + (right - left - w - need) / 2
        if not any(x > card.right for x in own):
            card.x += need  # the total stands left of it
        if (cost := _cost(band, rails, lines)) < best[:2]:
            best = (*cost, card.x, card.w)
    band.at_left = best[2] == plan.columns.left
    card.x, card.w = best[2:]
    band.face = CardFace(plan, card)


def _cost(band: Band, rails: Rails, lines: Iterable[float]) -> tuple[int, float]:
    """How many lines the lanes of a band pass, and how long they are."""
    crossed, length = 0, 0.0
    for start, end, joins in band.lanes(rails):
        crossed += sum(start < x < end and x not in joins for x in lines)
        length += end - start
    return crossed, length


def _shared(bands: Iterable[Band], rails: Rails) -> list[list[Band]]:
    """Put bands that do not meet at one height."""
    levels: list[list[Band]] = []
    for band in bands:
        start, end = band.extent(rails)
        for level in levels:
            others = [other.extent(rails) for other in level]
            if all(end + _APART < other[0] or other[1] + _APART < start for other in others):
                level.append(band)
                for each in level:
                    each.shares = True
                break
        else:
            levels.append([band])
    return levels


def _ordered(levels: list[list[Band]], rails: Rails) -> list[list[Band]]:
    """Change the order as long as that saves crossings."""
    best = _crossings(levels, rails)
    improved = True
    while improved:
        improved = False
        for source in range(len(levels)):
            for target in range(len(levels)):
                trial = [*levels[:source], *levels[source + 1 :]]
                trial.insert(target, levels[source])
                if (crossings := _crossings(trial, rails)) < best:
                    best, levels, improved = crossings, trial, True
    return levels


def _crossings(levels: Sequence[Sequence[Band]], rails: Rails) -> int:
    """How many lines cross the lanes if the bands are in this order."""
    lanes = [
        (2 * height + way, *lane)
        for height, level in enumerate(levels)
        for band in level
        for way, lane in enumerate(band.lanes(rails))
    ]
    depths: dict[float, int] = {}
    for height, _, _, joins in lanes:
        for x in joins:
            depths[x] = max(depths.get(x, 0), height)
    return sum(
        1
        for height, start, end, joins in lanes
        for x, depth in depths.items()
        if start < x < end and depth > height and x not in joins
    )
