"""The diagram of a lifecycle: the path in rows, fast tracks above each row, detours below it.

It is drawn like a railway map. Every fast track has a lane for its target stage. Every detour has
one lane that leads to its card and one that leads back. Out of a stage one trunk goes up and one
goes down, and lines bend off it in the direction in which people go, so that hardly any lines cross
and every number stands beside its own line. A path of more than eight stages has several rows.

A chart is a tuple of parts from top to bottom. Each part draws itself below the height that it is
given, and returns where it ends. ``columns`` places the cards of all stages from left to right;
``path`` and ``detours`` draw what lies above and below a row, where ``detour_bands`` has placed it,
and ``flow_lines`` draws the lines that join the two; ``cards`` measures and writes cards and
captions; ``frame`` draws what surrounds them.
"""

from __future__ import annotations

from lifecycle_fsm.diagram.canvas import Canvas
from lifecycle_fsm.diagram.chart.columns import ChartPart, ChartPlan
from lifecycle_fsm.diagram.chart.detours import draw_detour_margin, draw_detours
from lifecycle_fsm.diagram.chart.frame import (
    draw_changes,
    draw_groups,
    draw_heading,
    draw_keys,
    draw_keys_in_line,
    draw_legend,
    draw_rules,
)
from lifecycle_fsm.diagram.chart.path import (
    draw_fast_margin,
    draw_fast_tracks,
    draw_path,
    draw_turn,
    draw_turns,
)
from lifecycle_fsm.diagram.chart.portrait import draw_portrait
from lifecycle_fsm.diagram.chart_data import ChartData, Fired
from lifecycle_fsm.diagram.look import WIDTH
from lifecycle_fsm.diagram.model_graph import model_links
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Model

__all__ = ["DIFFERENCE", "FUNNEL", "MODEL", "SHEET", "ChartPart", "draw_chart"]


def draw_rows(plan: ChartPlan, y: float) -> float:
    """Draw the path row by row, each with its fast tracks and detours, and what joins the rows."""
    last = len(plan.columns.rows) - 1
    for row in range(last + 1):
        y = draw_groups(plan, row, y)
        y = draw_fast_tracks(plan, row, y)
        y = draw_path(plan, row, y)
        y = draw_detours(plan, row, y)
        if row < last:
            y = draw_turn(plan, row, y)
            plan.canvas.breaks.append(y)
    draw_fast_margin(plan)
    draw_detour_margin(plan)
    draw_turns(plan)
    return y


FUNNEL: tuple[ChartPart, ...] = (draw_heading, draw_rows, draw_keys, draw_legend)
"""The parts of a funnel."""

MODEL: tuple[ChartPart, ...] = (*FUNNEL[:-1], draw_rules, draw_legend)
"""The parts of a model with its rules in words."""

SHEET: tuple[ChartPart, ...] = (draw_rows, draw_keys_in_line, draw_legend)
"""The parts of a picture on a page that has a heading, and little room."""

DIFFERENCE: tuple[ChartPart, ...] = (*FUNNEL[:-1], draw_changes, draw_legend)
"""The parts of two models with their differences in words."""


def draw_chart(
    model: Model,
    counts: Counts | None,
    *,
    title: str,
    subtitle: str,
    parts: tuple[ChartPart, ...] = FUNNEL,
    fired: Fired | None = None,
    hide_zero: bool | None = None,
    portrait: bool = False,
    wide: float = WIDTH,
) -> Canvas:
    """Lay the parts out below each other, at most so wide, or everything for a phone."""
    data = ChartData(model, counts, title, subtitle, fired, hide_zero=hide_zero)
    if portrait:
        canvas = draw_portrait(data)
    else:
        plan = ChartPlan(data, wide)
        y = 0.0
        for part in parts:
            y = part(plan, y)
        canvas = plan.canvas.trim(plan.sheet, y + 16)
    # On a phone, only steps lead from card to card.
    canvas.links += [
        link for flow, link in model_links(data) if flow.kind == "step" or not portrait
    ]
    canvas.owners |= {stage.name: data.palette.owner(stage.name) for stage in model.stages}
    return canvas
