"""A sheet of paper for Graphviz: boxes, text and lines at given positions, as DOT text.

A funnel is more than a graph: its path is a row, its fast tracks are lanes. So the positions are
computed here, and Graphviz (engine ``nop2``) draws everything where it is. The text is the same on
every machine, renders in any ``dot``, and can be written without a renderer.

Lengths are pixels of a picture that is at most ``WIDTH`` wide; y grows downwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Literal, TypeAlias

import attrs
import graphviz

from lifecycle_fsm.diagram.look import FAINT, INK, PAPER, SMALLEST, SOFT, Dash, Stroke, pt
from lifecycle_fsm.diagram.render import FONT
from lifecycle_fsm.diagram.text_fit import cut, escape, width, wrap
from lifecycle_fsm.wording import clean

# ------------------------------------------------------------------ curves
#
# The geometry of lines: points, rounded corners, and the room that an arrowhead takes.


Point: TypeAlias = tuple[float, float]

_QUARTER = 0.5523  # a quarter of a circle as a Bézier curve
_ARROW = 9.0  # length of the head of a thin line


def towards(start: Point, end: Point, length: float) -> Point:
    """The point at distance ``length`` from the start on the way to the end."""
    whole = math.dist(start, end)
    part = length / whole if whole else 0
    return (start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part)


def corners(points: Sequence[Point]) -> list[Point]:
    """The points without repetitions."""
    return [
        points[0],
        *(after for before, after in pairwise(points) if math.dist(before, after) > 0.01),
    ]


def rounded(points: Sequence[Point], radius: float) -> list[Point]:
    """The control points of a Bézier curve along the points, with rounded corners."""
    curve = [points[0]]

    def straight(to: Point) -> None:
        here = curve[-1]
        if math.dist(here, to) > 0.01:
            curve.extend([towards(here, to, math.dist(here, to) / 3),
                          towards(to, here, math.dist(here, to) / 3), to])  # fmt: skip

    last = len(points) - 2
    for index in range(1, len(points) - 1):
        before, corner, after = points[index - 1 : index + 2]
        # Two corners share the line between them.
        r = min(
            radius,
            math.dist(before, corner) / (1 if index == 1 else 2),
            math.dist(corner, after) / (1 if index == last else 2),
        )
        start, end = towards(corner, before, r), towards(corner, after, r)
        straight(start)
        curve.extend(
            [towards(start, corner, r * _QUARTER), towards(end, corner, r * _QUARTER), end]
        )
    straight(points[-1])
    return curve


def arrow_length(pen: float) -> float:
    """The length of a line's head: thick lines have longer ones."""
    return _ARROW * (1.0 if pen <= 2.5 else 1.0 + (min(pen, 5.3) - 2.5) * 0.1)


def arrow_rise(pen: float) -> float:
    """How far the head of a line extends to each side of it, as Graphviz draws it.

    Its triangle is 0.7 times as wide as it is long, and wider for a line of more than four points.
    It is then outlined with the pen of the line, which has pointed corners.
    """
    length = arrow_length(pen)
    half = 0.35 * length * max(1.0, pen * _POINTS / 4)
    return half + pen / 2 * (math.hypot(length, half) + half) / length


# ------------------------------------------------------------------ spans
#
# Pieces of text with their own weight and colour, and their widths.


ICON = 13.0
"""The room for a by-hand mark before a text."""


@attrs.frozen
class Span:
    """A piece of a line of text, in one weight and colour."""

    text: str
    bold: bool = False
    color: str = SOFT

    def markup(self) -> str:
        """The span in Graphviz's HTML-like language."""
        inner = f"<b>{escape(self.text)}</b>" if self.bold else escape(self.text)
        return f'<font color="{self.color}">{inner}</font>'


@attrs.frozen
class TextLine:
    """A line of text, which may begin with the by-hand mark."""

    spans: Sequence[Span]
    icon: bool = False


Text: TypeAlias = TextLine | Sequence[Span] | str
"""Anything that can be written as one line."""


def spans_width(spans: Iterable[Span], size: float) -> float:
    """The width of a line of spans."""
    return sum(width(span.text, size, bold=span.bold) for span in spans)


def badge_width(code: str, size: float) -> float:
    """The width of the badge of a code; an empty code has none."""
    return max(18.0, width(code, size, bold=True) + 10) if code else 0.0


# ------------------------------------------------------------------ canvas


Align: TypeAlias = Literal["left", "center", "right"]

# A pixel in points. In its HTML-like labels, Graphviz accepts only whole points: font sizes are
# multiples of 4/3 pixels.
_POINTS = 0.75
_SUNK = 0.24
_PLAIN = Stroke()
# Graphviz reads no string over 16 kB, and a character takes up to 20 bytes: four times &#92;.
_LONGEST = 800


@attrs.frozen
class _Edge:
    start: str | None
    end: str | None
    curve: list[Point]
    tip: Point | None
    look: dict[str, str]


class Canvas:
    """Collects what is drawn; :meth:`source` returns the DOT text.

    Bands are drawn first, then lines, then boxes and text, each in the order given.
    """

    def __init__(self, name: str, size: float = SMALLEST) -> None:
        self._name = name
        self._size = size  # of a text without its own size
        self._nodes: list[tuple[str, Point, dict[str, str]]] = []
        self._edges: list[_Edge] = []
        self._bands: list[tuple[Point, Point, dict[str, str]]] = []
        self._serial = 0

    def _fresh(self, prefix: str) -> str:
        self._serial += 1
        return f"_{prefix}{self._serial}"

    def box(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        *,
        name: str | None = None,
        fill: str = PAPER,
        color: str = FAINT,
        pen: float = 1.5,
        dash: Dash = "solid",
        shape: str = "box",
        rounded: bool = True,
        tooltip: str = "",
    ) -> None:
        """Draw a box whose upper left corner is (x, y); its name is that of a stage."""
        style = ["filled"] + (["rounded"] if rounded else []) + ([dash] if dash != "solid" else [])
        look = {
            "width": _inches(w),
            "height": _inches(h),
            "shape": shape,
            "style": ",".join(style),
            "fillcolor": fill,
            "color": color,
            "penwidth": _number(pen * _POINTS),
            "label": "",
        }
        if tooltip:
            look["tooltip"] = escape(_short(tooltip), read=4)
        self._nodes.append((name or self._fresh("b"), (x + w / 2, y + h / 2), look))

    def band(self, x: float, y: float, w: float, h: float, fill: str) -> None:
        """Tint the background behind everything."""
        look = {"style": "filled,rounded", "fillcolor": fill, "color": fill, "label": ""}
        self._bands.append(((x, y + h), (x + w, y), look))

    def text(
        self,
        x: float,
        y: float,
        line: Text,
        size: float | None = None,
        *,
        align: Align = "left",
    ) -> None:
        """Write one line of text at (x, y), where y is the middle of its height."""
        if size is None:
            size = self._size
        if isinstance(line, str):
            line = [Span(line)]
        spans, icon = (line.spans, line.icon) if isinstance(line, TextLine) else (line, False)
        spans = [span for span in spans if span.text]
        if not spans:
            return
        points = math.ceil(spans_width(spans, size) * _POINTS)
        room = points / _POINTS
        mark = ICON if icon else 0.0
        left = {"left": x, "center": x - (room + mark) / 2, "right": x - room - mark}[align]
        middle = y
        if len(spans) > 1 or spans[0].bold:
            y += _SUNK * size  # Graphviz places such a line higher than a plain one
        look = {
            "width": _inches(room + 6),
            "height": _inches(size * 1.5),
            "shape": "plaintext",
            "label": (
                '<<table border="0" cellborder="0" cellspacing="0" cellpadding="0"><tr>'
                f'<td align="{align}" width="{points}"><font point-size="{round(size * _POINTS)}">'
                f"{''.join(span.markup() for span in spans)}</font></td></tr></table>>"
            ),
        }
        self._nodes.append((self._fresh("t"), (left + mark + room / 2, y), look))
        if icon:
            spare = {"left": 0.0, "center": 0.02, "right": 0.04}[align] * room
            self.person(left + 5 + spare, middle, spans[0].color)

    def paragraph(
        self,
        x: float,
        y: float,
        lines: Iterable[Text],
        leading: float,
        size: float | None = None,
        *,
        align: Align = "left",
    ) -> float:
        """Write lines below each other, the first at (x, y); returns the y of the next."""
        for line in lines:
            self.text(x, y, line, size, align=align)
            y += leading
        return y

    def heading(self, x: float, y: float, room: float, title: str, subtitle: str) -> float:
        """Write a title and a subtitle; returns where they end."""
        size = pt(20) if room > 600 else pt(14)
        lines = [[Span(text, True, INK)] for text in wrap(title, room, size, bold=True, lines=99)]
        y = self.paragraph(x, y + 36, lines, size * 1.25, size) - size * 1.25
        return self.paragraph(x, y + 30, wrap(subtitle, room, pt(10), lines=99), 18, pt(10))

    def badge(self, x: float, y: float, w: float, code: str, color: str) -> None:
        """Draw a code as a badge of width w; y is its middle."""
        self.box(x, y - 9, w, 18, fill=color, color=color, pen=0)
        text = cut(code, w - 6, self._size, bold=True)
        self.text(x + w / 2, y, [Span(text, True, PAPER)], align="center")

    def person(self, x: float, y: float, color: str) -> None:
        """Draw the by-hand mark, a small figure, around (x, y)."""
        for w, h, dy, shape in ((5.0, 5.0, -3.6, "circle"), (9.0, 6.4, 2.9, "house")):
            self.box(
                x - w / 2, y + dy - h / 2, w, h,
                fill=color, color=color, pen=0, shape=shape, rounded=False,
            )  # fmt: skip

    def line(
        self,
        points: Sequence[Point],
        stroke: Stroke = _PLAIN,
        *,
        arrow: bool = False,
        tail: str | None = None,
        head: str | None = None,
        radius: float = 12.0,
        halo: bool = False,
    ) -> None:
        """Draw a line along the points with rounded corners; ``halo`` lets it bridge earlier lines.

        ``tail`` and ``head`` are the boxes that it joins. Graphviz draws lines in the order of the
        nodes that they leave, so only a line that crosses nothing should name its ``tail``.
        """
        kept = corners(points)
        if len(kept) < 2:
            return
        tip, pen = kept[-1] if arrow else None, stroke.width
        if tip is not None:
            length = min(arrow_length(pen), math.dist(tip, kept[-2]) * 0.8)
            kept[-1] = towards(tip, kept[-2], length)
        curve = rounded(kept, radius)
        if halo:
            ends = [towards(kept[0], kept[1], 3), *kept[1:]]
            look = {"color": PAPER, "penwidth": _number((pen + 5) * _POINTS), "dir": "none"}
            self._edges.append(_Edge(None, None, rounded(ends, radius), None, look))
        look = {"color": stroke.color, "penwidth": _number(pen * _POINTS)}
        if stroke.dash != "solid":
            look["style"] = stroke.dash
        if arrow:
            look["arrowsize"] = _number(arrow_length(pen) * _POINTS / 10)
        else:
            look["dir"] = "none"
        self._edges.append(_Edge(tail, head, curve, tip, look))

    def source(self, width: float, height: float) -> str:
        """The DOT text of a sheet of that size."""
        graph = graphviz.Digraph(
            escape(_short(self._name), read=1),
            graph_attr={
                "layout": "nop2",
                "outputorder": "edgesfirst",
                "bgcolor": PAPER,
                "pad": "0",
                "margin": "0",
                "fontname": FONT,
            },
            node_attr={"fontname": FONT, "fixedsize": "true", "margin": "0", "shape": "box"},
            edge_attr={"fontname": FONT},
        )

        def place(at: Point) -> str:
            return f"{_number(at[0] * _POINTS)},{_number((height - at[1]) * _POINTS)}"

        def point(name: str, at: Point) -> str:
            graph.node(
                name, pos=place(at), shape="point", style="invis", width="0", height="0", label=""
            )
            return name

        for index, (corner, opposite, look) in enumerate(self._bands):
            with graph.subgraph(name=f"cluster_{index}") as ground:
                ground.attr("graph", **look, bb=f"{place(corner)},{place(opposite)}")
        # Two corners fix the size of the sheet.
        point("_nw", (0, 0))
        point("_se", (width, height))
        ends = [
            (
                edge.start or point(f"_from{index}", edge.curve[0]),
                edge.end or point(f"_to{index}", edge.tip or edge.curve[-1]),
            )
            for index, edge in enumerate(self._edges)
        ]
        for name, at, look in self._nodes:
            graph.node(name, pos=place(at), **look)
        for (start, end), edge in zip(ends, self._edges, strict=True):
            pos = " ".join(place(at) for at in edge.curve)
            if edge.tip is not None:
                pos = f"e,{place(edge.tip)} {pos}"
            graph.edge(start, end, pos=pos, **edge.look)
        return str(graph.source)


def _short(text: str) -> str:
    text = clean(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def _inches(value: float) -> str:
    return f"{value * _POINTS / 72:.4f}".rstrip("0").rstrip(".")
