"""Trunks: out of a stage one line for all its lanes, which leave it one by one with a bend."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from lifecycle_fsm.diagram.canvas import Canvas, Dash, Point
from lifecycle_fsm.diagram.chart.columns import ChartPlan, Subject
from lifecycle_fsm.diagram.drawn_flows import DrawnFlow
from lifecycle_fsm.diagram.look import Paint

BEND = 11.0
"""The radius of a bend."""


@attrs.frozen
class Join:
    """A lane that meets a trunk: its height, and who takes it."""

    lane: float
    flow: DrawnFlow
    paint: Paint


@attrs.frozen
class _Bend:
    points: list[Point]
    color: str
    pen: float
    dash: Dash


class Trunks:
    """Draws trunks at once, and their bends at last, over all that they join."""

    def __init__(self, sheet: ChartPlan, *, turn: int, thickest: float = 99.0) -> None:
        self._subject: Subject = sheet.subject
        self._canvas: Canvas = sheet.canvas
        self._turn = turn  # to the right, or to the left
        self._thickest = thickest
        self._bends: list[_Bend] = []

    def leave(self, x: float, y: float, joins: Sequence[Join], *, dash: Dash = "solid") -> None:
        """A trunk out of a stage at (x, y), into each lane; the nearest comes first."""
        for points, color, pen, drawn in self._trunk(x, y, joins, dash):
            self._canvas.line(points, color=color, pen=pen, dash=drawn, halo=True)

    def arrive(self, x: float, y: float, joins: Sequence[Join], stage: str) -> None:
        """A trunk into a stage at (x, y), out of each lane; the nearest comes first."""
        for index, (points, color, pen, drawn) in enumerate(self._trunk(x, y, joins, "solid")):
            self._canvas.line(
                points[::-1],
                color=color,
                pen=pen,
                dash=drawn,
                arrow=index == 0,
                head=stage if index == 0 else None,
                halo=True,
            )

    def draw_bends(self) -> None:
        """Draw the bends of all trunks."""
        for bend in self._bends:
            self._canvas.line(
                bend.points, color=bend.color, pen=bend.pen, dash=bend.dash, radius=BEND
            )
        self._bends.clear()

    def _trunk(
        self, x: float, y: float, joins: Sequence[Join], dash: Dash
    ) -> list[tuple[list[Point], str, float, Dash]]:
        """The pieces of a trunk from lane to lane: points, colour, width, how it is drawn."""
        pieces = []
        people = sum(join.flow.count or 0 for join in joins)
        for index, join in enumerate(joins):
            ahead = {one.paint.line for one in joins[index:]}
            color = join.paint.line if len(ahead) == 1 else self._subject.mixed.line
            drawn = self._subject.dash([one.flow for one in joins[index:]], dash)
            short = join.lane + (BEND if join.lane < y else -BEND)
            pieces.append(([(x, y), (x, short)], color, self._pen(people), drawn))
            curve = [(x, short), (x, join.lane), (x + self._turn * BEND, join.lane)]
            alone = self._subject.dash([join.flow], dash)
            self._bends.append(
                _Bend(curve, join.paint.line, self._pen(join.flow.count or 0), alone)
            )
            people -= join.flow.count or 0
            y = short
        return pieces

    def _pen(self, people: int) -> float:
        return self._subject.pen(people, most=self._thickest)
