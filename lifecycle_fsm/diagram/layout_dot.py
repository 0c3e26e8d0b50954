"""The exact picture as DOT text: every box, text and line of a canvas at its position.

Graphviz (engine ``nop2``) draws everything where it is. The text is the same on every machine,
renders in any ``dot``, and can be written without a renderer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import count

import attrs
import graphviz

from lifecycle_fsm.diagram.canvas import (
    POINTS,
    Canvas,
    DrawnBox,
    DrawnFigure,
    DrawnText,
    PlacedLine,
    Point,
    Span,
    arrow_length,
    rounded,
    towards,
)
from lifecycle_fsm.diagram.render import FONT
from lifecycle_fsm.diagram.text_fit import escape
from lifecycle_fsm.wording import clean

_SUNK = 0.24
# Graphviz reads no string over 16 kB, and a character takes up to 20 bytes: four times &#92;.
_LONGEST = 800


def layout_dot(canvas: Canvas) -> str:
    """The DOT text of a canvas."""
    graph = graphviz.Digraph(
        escape(shortened(canvas.name), read=1),
        graph_attr={
            "layout": "nop2",
            "outputorder": "edgesfirst",
            "bgcolor": canvas.paper,
            "pad": "0",
            "margin": "0",
            "fontname": FONT,
        },
        node_attr={"fontname": FONT, "fixedsize": "true", "margin": "0", "shape": "box"},
        edge_attr={"fontname": FONT},
    )

    def place(at: Point) -> str:
        return f"{_number(at[0] * POINTS)},{_number((canvas.height - at[1]) * POINTS)}"

    def point(name: str, at: Point) -> str:
        graph.node(
            name, pos=place(at), shape="point", style="invis", width="0", height="0", label=""
        )
        return name

    for index, band in enumerate(canvas.bands):
        look = {"style": "filled,rounded", "fillcolor": band.fill, "color": band.fill, "label": ""}
        corners = f"{place((band.x, band.y + band.h))},{place((band.x + band.w, band.y))}"
        with graph.subgraph(name=f"cluster_{index}") as ground:
            ground.attr("graph", **look, bb=corners)
    # Two corners fix the size of the sheet.
    point("_nw", (0, 0))
    point("_se", (canvas.width, canvas.height))
    edges = list(_edges(canvas))
    ends = [
        (
            edge.start or point(f"_from{index}", edge.curve[0]),
            edge.end or point(f"_to{index}", edge.tip or edge.curve[-1]),
        )
        for index, edge in enumerate(edges)
    ]
    serial = count(1)
    for node in _nodes(canvas):
        graph.node(node.name or f"_{node.kind}{next(serial)}", pos=place(node.at), **node.look)
    for (start, end), edge in zip(ends, edges, strict=True):
        pos = " ".join(place(at) for at in edge.curve)
        if edge.tip is not None:
            pos = f"e,{place(edge.tip)} {pos}"
        graph.edge(start, end, pos=pos, **edge.look)
    return str(graph.source)


# ------------------------------------------------------------------ nodes


@attrs.frozen
class _Node:
    kind: str
    at: Point
    look: dict[str, str]
    name: str | None = None


def _nodes(canvas: Canvas) -> Iterator[_Node]:
    for mark in canvas.marks:
        match mark:
            case DrawnBox():
                yield _box(mark)
            case DrawnFigure():
                yield from map(_box, mark.boxes())
            case DrawnText():
                for line in mark.placed():
                    yield _text(mark, line)
                    if line.figure is not None:
                        figure = DrawnFigure(*line.figure, line.spans[0].color)
                        yield from map(_box, figure.boxes())


def _box(box: DrawnBox) -> _Node:
    style = ["filled"] + ["rounded"] * box.rounded + [box.dash] * (box.dash != "solid")
    look = {
        "width": _inches(box.w),
        "height": _inches(box.h),
        "shape": box.shape,
        "style": ",".join(style),
        "fillcolor": box.fill,
        "color": box.color,
        "penwidth": _number(box.pen * POINTS),
        "label": "",
    }
    if box.tooltip:
        look["tooltip"] = escape(shortened(box.tooltip), read=4)
    return _Node("b", (box.x + box.w / 2, box.y + box.h / 2), look, box.name)


def _text(text: DrawnText, line: PlacedLine) -> _Node:
    y = line.y
    if len(line.spans) > 1 or line.spans[0].bold:
        y += _SUNK * text.size  # Graphviz places such a line higher than a plain one
    size, points = round(text.size * POINTS), round(line.room * POINTS)
    label = (
        '<<table border="0" cellborder="0" cellspacing="0" cellpadding="0"><tr>'
        f'<td align="{line.align}" width="{points}"><font point-size="{size}">'
        f"{''.join(map(_markup, line.spans))}</font></td></tr></table>>"
    )
    look = {
        "width": _inches(line.room + 6),
        "height": _inches(text.size * 1.5),
        "shape": "plaintext",
        "label": label,
    }
    return _Node("t", (line.left + line.room / 2, y), look)


def _markup(span: Span) -> str:
    """The span in Graphviz's HTML-like language."""
    inner = f"<b>{escape(span.text)}</b>" if span.bold else escape(span.text)
    return f'<font color="{span.color}">{inner}</font>'


# ------------------------------------------------------------------ edges


@attrs.frozen
class _Edge:
    start: str | None
    end: str | None
    curve: list[Point]
    tip: Point | None
    look: dict[str, str]


def _edges(canvas: Canvas) -> Iterator[_Edge]:
    for line in canvas.lines:
        points, pen = list(line.points), line.stroke.width
        tip = points[-1] if line.arrow else None
        if tip is not None:
            length = min(arrow_length(pen), math.dist(tip, points[-2]) * 0.8)
            points[-1] = towards(tip, points[-2], length)
        if line.halo:
            ends = [towards(points[0], points[1], 3), *points[1:]]
            look = {"color": canvas.paper, "penwidth": _number((pen + 5) * POINTS), "dir": "none"}
            yield _Edge(None, None, rounded(ends, line.radius), None, look)
        look = {"color": line.stroke.color, "penwidth": _number(pen * POINTS)}
        if line.stroke.dash != "solid":
            look["style"] = line.stroke.dash
        if tip is not None:
            look["arrowsize"] = _number(arrow_length(pen) * POINTS / 10)
        else:
            look["dir"] = "none"
        yield _Edge(line.tail, line.head, rounded(points, line.radius), tip, look)


# ------------------------------------------------------------------ text and numbers


def shortened(text: str) -> str:
    """The text in one line, cut where it is longer than Graphviz reads."""
    text = clean(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def _inches(value: float) -> str:
    return f"{value * POINTS / 72:.4f}".rstrip("0").rstrip(".")
