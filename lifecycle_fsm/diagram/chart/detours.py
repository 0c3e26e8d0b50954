"""The detours: below the path, a row for each, with a lane that leads to it and one back."""

from __future__ import annotations

import attrs

from lifecycle_fsm.diagram.canvas import Align
from lifecycle_fsm.diagram.chart.cards import TextLine, draw_card, height, part_lines
from lifecycle_fsm.diagram.chart.columns import LINE, Card, ChartPlan
from lifecycle_fsm.diagram.chart.trunks import BEND, Join, Trunks
from lifecycle_fsm.diagram.drawn_flows import DrawnFlow, FlowRule
from lifecycle_fsm.diagram.look import PAPER, Paint
from lifecycle_fsm.model import Stage

# ------------------------------------------------------------------ rails
#
# Where people leave a stage downwards and come back up, and the room for words between.


_BESIDE = 9.0  # from a line to its words


class Rails:
    """The places, from left to right, of the lines between the path and its detours.

    Words of exits stand left of the line by which people leave, words of returns right of the line
    by which they come back: between two stages, both have the room up to the next line.
    """

    def __init__(self, sheet: ChartPlan) -> None:
        self._subject, self._columns = sheet.subject, sheet.columns
        self._path = [stage.name for stage in sheet.subject.model.path]

    def down(self, name: str) -> float:
        """Where people leave a stage; those who go from detour to detour take the side line."""
        card = self._columns.cards[name]
        if name not in self._subject.ranks:
            return self.side
        if name == self._subject.origin:
            return card.right - 14
        if self._subject.is_last(name):
            return card.x + card.w * 0.25 - min(26, card.w * 0.17)
        return card.mid - min(20, card.w * 0.14)

    def up(self, name: str) -> float:
        """Where people come back up into a stage."""
        card = self._columns.cards[name]
        if self._subject.is_last(name):
            return card.x + card.w * 0.25  # its words stand beside it, and there is no gap behind
        return card.mid + min(20, card.w * 0.14)

    @property
    def side(self) -> float:
        """Where people go from one detour to another."""
        return self._columns.cards[self._subject.origin].right + 4

    def exit_words(self, name: str) -> tuple[float, float]:
        """Where the words of exits out of a stage of the path end, and their room."""
        x = self.down(name) - _BESIDE
        return x, x - self._left_edge(name)

    def side_words(self) -> tuple[float, float]:
        """Where the words begin that have no line of their own to stand at, and their room."""
        x = self.side + _BESIDE
        return x, self._left_edge(self._path[1]) - x - 6

    def return_words(self, name: str) -> tuple[float, float]:
        """Where the words of returns into a stage begin, and their room."""
        x = self.up(name) + _BESIDE
        return x, self._right_edge(name) - x

    def _left_edge(self, name: str) -> float:
        rank = self._subject.ranks[name]
        if rank > 1:
            return self.up(self._path[rank - 1]) + _BESIDE
        return self._columns.cards[name].x - self._columns.first_gap * 0.37 + 5

    def _right_edge(self, name: str) -> float:
        if self._subject.is_last(name):
            return self._columns.cards[name].right + 4
        return self.down(self._path[self._subject.ranks[name] + 1]) - _BESIDE


# ------------------------------------------------------------------ detours


_THICKEST = 4.6  # of a dashed line
_LIFT = 13.0  # from a lane to the middle of the words on it


def draw_detours(sheet: ChartPlan, y: float) -> float:
    """Draw the rows, and the lines between them and the path, which ends at y."""
    if not sheet.subject.model.detours:
        return y
    return _Detours(sheet, y).draw()


@attrs.frozen
class _LaneText:
    """Lines of text whose last one stands above a lane, at x."""

    x: float
    lines: list[TextLine]
    align: Align = "left"


@attrs.frozen
class _Row:
    """A detour: its card, and its lanes with their words."""

    card: Card
    paint: Paint
    exits: list[DrawnFlow]
    exit_y: float
    exit_words: list[_LaneText]
    returns: list[DrawnFlow]
    return_y: float
    return_words: list[_LaneText]
    side_y: float  # where people leave for another detour


class _Detours:
    """All rows, from top to bottom."""

    def __init__(self, sheet: ChartPlan, y: float) -> None:
        self.sheet, self.subject, self.canvas = sheet, sheet.subject, sheet.canvas
        self.rails = Rails(sheet)
        self.path_bottom = y
        self.rows: list[_Row] = []
        top = y + 40
        for stage in self.subject.model.detours:
            self.rows.append(self._row(stage, top))
            top = self.rows[-1].card.bottom + 22

    def draw(self) -> float:
        self._draw_grounds()
        for row in self.rows:
            self._draw_exit_lane(row)
            self._draw_return_lane(row)
        self._draw_lines()
        for row in self.rows:
            draw_card(self.sheet, row.card, fill=PAPER, dash="dashed")
            self._draw_words(row)
        return self.rows[-1].card.bottom

    # --- Where everything lies. Words of exits stand above their lane, those of returns between the
    # two lanes: they share no height.

    def _row(self, stage: Stage, top: float) -> _Row:
        card = self.sheet.columns.cards[stage.name]
        paint = self.subject.palette.stage(stage.name)
        exits = [flow for flow in self.subject.exits if flow.target == stage.name]
        returns = [flow for flow in self.subject.returns if flow.source == stage.name]
        exit_words = self._exit_words(exits, paint)
        return_words = self._return_words(returns, paint)
        exit_y = top + max(24.0, _most(exit_words) * LINE + 10)
        return_y = exit_y + max(26.0, _most(return_words) * LINE + 14)
        high = (return_y if returns else exit_y) - top + 16
        side_y = 0.0
        if any(flow.source == stage.name for flow in self.subject.exits):
            side_y = top + high
            high += 14
        card.y, card.h = top, max(height(self.sheet, card), high)
        return _Row(card, paint, exits, exit_y, exit_words, returns, return_y, return_words, side_y)

    def _exit_words(self, exits: list[DrawnFlow], paint: Paint) -> list[_LaneText]:
        found: list[_LaneText] = []
        beside: list[FlowRule] = []  # out of the first stage, or out of other detours
        others: dict[tuple[str, bool], list[tuple[str, FlowRule]]] = {}
        for flow in exits:
            if flow.source == self.subject.origin:
                beside += flow.parts
            elif flow.source in self.subject.ranks:
                x, room = self.rails.exit_words(flow.source)
                found.append(_LaneText(x, part_lines(flow.parts, room, color=paint.line), "right"))
            else:
                source = self.subject.model.stage(flow.source).display
                for part in flow.parts:
                    others.setdefault((part.label, part.by_hand), []).append((source, part))
        beside += [_from_others(parts) for parts in others.values()]
        if beside:
            x, room = self.rails.side_words()
            found.append(_LaneText(x, part_lines(beside, room, color=paint.line, most=6, each=3)))
        return found

    def _return_words(self, returns: list[DrawnFlow], paint: Paint) -> list[_LaneText]:
        found = []
        for flow in returns:
            x, room = self.rails.return_words(flow.target)
            found.append(_LaneText(x, part_lines(flow.parts, room, color=paint.line)))
        return found

    # --- Drawing

    def _draw_grounds(self) -> None:
        for row in self.rows:
            card = row.card
            right = max(self.sheet.columns.end, card.right)
            self.canvas.band(
                card.x - 8, card.y - 8, right - card.x + 16, card.h + 16, row.paint.tint
            )

    def _draw_exit_lane(self, row: _Row) -> None:
        """Towards the card; everywhere a trunk joins it, it gets wider."""
        joins = sorted(
            ((self.rails.down(flow.source), flow) for flow in row.exits), key=lambda one: -one[0]
        )
        people = 0
        for index, (x, flow) in enumerate(joins):
            people += flow.count or 0
            so_far = [one for _, one in joins[: index + 1]]
            last = index == len(joins) - 1
            end = row.card.right + 1 if last else joins[index + 1][0] - BEND
            self.canvas.line(
                [(x - BEND, row.exit_y), (end, row.exit_y)],
                color=self.subject.shade(so_far, row.paint).line,
                pen=self._pen(people),
                dash=self.subject.dash(so_far, "dashed"),
                arrow=last,
                head=row.card.stage.name if last else None,
            )

    def _draw_return_lane(self, row: _Row) -> None:
        """Away from the card; it gets thinner with everybody who leaves it."""
        leaves = sorted(
            ((self.rails.up(flow.target), flow) for flow in row.returns), key=lambda one: one[0]
        )
        people = sum(flow.count or 0 for flow in row.returns)
        x = row.card.right
        for index, (up, flow) in enumerate(leaves):
            ahead = [one for _, one in leaves[index:]]
            self.canvas.line(
                [(x, row.return_y), (up - BEND, row.return_y)],
                color=self.subject.shade(ahead, row.paint).line,
                pen=self._pen(people),
                dash=self.subject.dash(ahead, "solid"),
            )
            people -= flow.count or 0
            x = up - BEND

    def _draw_lines(self) -> None:
        """Between path and detours, and from detour to detour."""
        trunks = Trunks(self.sheet, turn=-1, thickest=_THICKEST)
        path = [stage.name for stage in self.subject.model.path]
        for name in path:
            joins = [
                Join(row.exit_y, flow, self.subject.shade([flow], row.paint))
                for row in self.rows
                for flow in row.exits
                if flow.source == name
            ]
            trunks.leave(self.rails.down(name), self.path_bottom, joins, dash="dashed")
        for row in self.rows:
            self._draw_side_lines(row)
        for name in path:
            joins = [
                Join(row.return_y, flow, self.subject.shade([flow], row.paint))
                for row in self.rows
                for flow in row.returns
                if flow.target == name
            ]
            trunks.arrive(self.rails.up(name), self.path_bottom, joins, name)
        trunks.draw_bends()

    def _draw_side_lines(self, row: _Row) -> None:
        """From this detour to others."""
        x = self.rails.side
        for other in self.rows:
            for flow in other.exits:
                if flow.source != row.card.stage.name:
                    continue
                self.canvas.line(
                    [
                        (row.card.right, row.side_y),
                        (x, row.side_y),
                        (x, other.exit_y),
                        (x - BEND, other.exit_y),
                    ],
                    color=self.subject.shade([flow], row.paint).line,
                    pen=self._pen(flow.count or 0),
                    dash=self.subject.dash([flow], "dashed"),
                    radius=BEND,
                    halo=True,
                )

    def _draw_words(self, row: _Row) -> None:
        lanes = ((row.exit_y, row.exit_words), (row.return_y, row.return_words))
        for y, groups in lanes:
            for words in groups:
                for index, line in enumerate(words.lines):
                    lift = _LIFT + (len(words.lines) - 1 - index) * LINE
                    self.canvas.text(
                        words.x, y - lift, line.spans, align=words.align, icon=line.icon
                    )

    def _pen(self, people: int) -> float:
        return self.subject.pen(people, most=_THICKEST)


def _from_others(parts: list[tuple[str, FlowRule]]) -> FlowRule:
    """One rule out of several detours, as one part."""
    sources = ", ".join(source for source, _ in parts)
    _, first = parts[0]
    known = [part.count for _, part in parts if part.count is not None]
    return attrs.evolve(
        first,
        label=f"{first.label}, from {sources}",
        count=sum(known) if known else None,
        seen=False if any(part.seen is False for _, part in parts) else first.seen,
    )


def _most(groups: list[_LaneText]) -> int:
    """The lines of the highest group."""
    return max((len(words.lines) for words in groups), default=0)
