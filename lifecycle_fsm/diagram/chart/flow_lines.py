"""Lines of flows: one trunk out of a stage for all its lanes, each joined by a bend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from lifecycle_fsm.diagram.canvas import Point
from lifecycle_fsm.diagram.chart.columns import ChartPlan
from lifecycle_fsm.diagram.chart_data import DrawnFlow
from lifecycle_fsm.diagram.look import Dash, Paint, Stroke

BEND = 11.0
"""The radius of a bend."""


@attrs.frozen
class Join:
    """A lane that meets a trunk: its height, its flows, and their colour if not the owner's.

    ``turn`` is 1 if the lane lies right of the trunk, -1 if it lies left of it.
    """

    lane: float
    flow: DrawnFlow
    usual: Paint | None = None
    turn: int = -1


class FlowLines:
    """Draws lines at once, and their bends last, on top of the lanes.

    Args:
        plan: the layout of the chart.
        most: the maximum width of a line.
    """

    def __init__(self, plan: ChartPlan, *, most: float = 99.0) -> None:
        self._data, self._canvas = plan.data, plan.canvas
        self._most = most
        self._bends: list[tuple[list[Point], Stroke]] = []

    def leave(self, x: float, y: float, joins: Sequence[Join], *, dash: Dash = "solid") -> None:
        """Draw a trunk out of a stage at (x, y), into each lane; the nearest comes first."""
        for points, stroke in self._trunk(x, y, joins, dash):
            self._canvas.line(points, stroke, halo=True)

    def arrive(self, x: float, y: float, joins: Sequence[Join], stage: str) -> None:
        """Draw a trunk into a stage at (x, y), out of each lane; the nearest comes first."""
        head: str | None = stage
        for points, stroke in self._trunk(x, y, joins, "solid"):
            self._canvas.line(points[::-1], stroke, arrow=bool(head), head=head, halo=True)
            head = None

    def draw_bends(self) -> None:
        """Draw the bends of all lines."""
        for points, stroke in self._bends:
            self._canvas.line(points, stroke, radius=BEND)

    def _trunk(
        self, x: float, y: float, joins: Sequence[Join], dash: Dash
    ) -> Iterator[tuple[list[Point], Stroke]]:
        """The pieces of a trunk from lane to lane."""
        joins = sorted(joins, key=lambda join: abs(join.lane - y))
        for index, join in enumerate(joins):
            short = join.lane + (BEND if join.lane < y else -BEND)
            if (short - y) * (join.lane - y) > 0:  # two lanes may lie at one height
                yield [(x, y), (x, short)], self._stroke(joins[index:], dash)
                y = short
            bend = [(x, short), (x, join.lane), (x + join.turn * BEND, join.lane)]
            self._bends.append((bend, self._stroke([join], dash)))

    def _stroke(self, joins: Sequence[Join], dash: Dash) -> Stroke:
        colors = {self._data.paint([join.flow], join.usual).line for join in joins}
        color = colors.pop() if len(colors) == 1 else self._data.mixed.line
        flows = [join.flow for join in joins]
        return attrs.evolve(self._data.stroke(flows, dash=dash, most=self._most), color=color)
