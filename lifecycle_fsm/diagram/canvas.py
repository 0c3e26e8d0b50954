"""A sheet of paper for Graphviz: boxes, words and lines at given places, as DOT text.

A funnel is more than a graph: its path is a row, its fast tracks are lanes. So the places are
computed here, and Graphviz (engine ``nop2``) draws them as they are. The text is the same on every
machine, lays itself out in any ``dot``, and needs no renderer to be written.

Lengths are pixels of a picture that is at most :data:`WIDTH` wide; y grows downwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import attrs
import graphviz

from lifecycle_fsm.diagram.render import FONT
from lifecycle_fsm.diagram.words import escape, width

WIDTH = 1600
"""The widest picture, in pixels; no text on it is smaller than :data:`SMALLEST`."""

SMALLEST = 11.5
INK, SOFT, FAINT, PAPER = "#0f172a", "#475569", "#cbd5e1", "#ffffff"

Point: TypeAlias = tuple[float, float]
Align: TypeAlias = Literal["left", "center", "right"]
Dash: TypeAlias = Literal["solid", "dashed", "dotted"]

_POINTS = 0.75  # a pixel in points
_BEND = 0.5523  # a quarter of a circle as a Bézier curve
ARROW = 9.0
ICON = 13.0  # the room of a by-hand mark before a text


@attrs.frozen
class Span:
    """A piece of a line of text."""

    text: str
    bold: bool = False
    color: str = SOFT

    def markup(self) -> str:
        """The piece in Graphviz's HTML-like language."""
        inner = f"<b>{escape(self.text)}</b>" if self.bold else escape(self.text)
        return f'<font color="{self.color}">{inner}</font>'


def spans_width(spans: Iterable[Span], size: float) -> float:
    """How wide a line of pieces is."""
    return sum(width(span.text, size, bold=span.bold) for span in spans)


class Canvas:
    """Collects what is drawn; :meth:`source` gives the DOT text.

    Lines are drawn first, in the order given, then boxes and words, in theirs.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[tuple[str, dict[str, str]]] = []
        self._edges: list[tuple[str, str, dict[str, str]]] = []
        self._bands: list[dict[str, str]] = []
        self._points: dict[Point, str] = {}
        self._serial = 0
        self.right = 0.0
        self.bottom = 0.0

    def _fresh(self, prefix: str) -> str:
        self._serial += 1
        return f"_{prefix}{self._serial}"

    def _reach(self, x: float, y: float) -> None:
        self.right, self.bottom = max(self.right, x), max(self.bottom, y)

    def box(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        *,
        name: str | None = None,
        label: str = "",
        fill: str = PAPER,
        color: str = FAINT,
        pen: float = 1.5,
        dash: Dash = "solid",
        rounded: bool = True,
        tooltip: str = "",
    ) -> str:
        """A box whose upper left corner is (x, y); ``label`` is HTML-like markup of its size."""
        name = name or self._fresh("b")
        style = ["filled"] + (["rounded"] if rounded else []) + ([dash] if dash != "solid" else [])
        self._nodes.append(
            (
                name,
                {
                    "pos": (x + w / 2, y + h / 2),  # type: ignore[dict-item]
                    "width": _inches(w),
                    "height": _inches(h),
                    "shape": "box",
                    "style": ",".join(style),
                    "fillcolor": fill,
                    "color": color,
                    "penwidth": _number(pen * _POINTS),
                    "label": f"<{label}>" if label else "",
                    **({"tooltip": tooltip} if tooltip else {}),
                },
            )
        )
        self._reach(x + w, y + h)
        return name

    def band(self, x: float, y: float, w: float, h: float, fill: str, color: str) -> None:
        """A tinted ground behind everything."""
        self._bands.append(
            {
                "bb": (x, y, x + w, y + h),  # type: ignore[dict-item]
                "style": "filled,rounded",
                "fillcolor": fill,
                "color": color,
                "label": "",
            }
        )
        self._reach(x + w, y + h)

    def text(
        self,
        x: float,
        y: float,
        spans: Sequence[Span] | str,
        size: float = SMALLEST,
        *,
        align: Align = "left",
        icon: bool = False,
        back: bool = False,
    ) -> float:
        """One line of text at (x, y), the middle of its height; returns its width.

        ``icon`` puts the by-hand mark before it, ``back`` a piece of paper behind it.
        """
        if isinstance(spans, str):
            spans = [Span(spans)]
        spans = [span for span in spans if span.text]
        if not spans:
            return 0.0
        room = spans_width(spans, size)
        mark = ICON if icon else 0.0
        left = {"left": x, "center": x - (room + mark) / 2, "right": x - room - mark}[align]
        inner = "".join(span.markup() for span in spans)
        html = (
            '<table border="0" cellborder="0" cellspacing="0" cellpadding="0"><tr>'
            f'<td align="left" width="{math.floor(room * _POINTS)}">'
            f'<font point-size="{_number(size * _POINTS)}">{inner}</font></td></tr></table>'
        )
        self._nodes.append(
            (
                self._fresh("t"),
                {
                    "pos": (left + mark + room / 2, y),  # type: ignore[dict-item]
                    "width": _inches(room),
                    "height": _inches(size * 1.3),
                    "shape": "box" if back else "plaintext",
                    "style": "filled" if back else "",
                    "fillcolor": PAPER,
                    "color": PAPER,
                    "label": f"<{html}>",
                },
            )
        )
        if icon:
            self.person(left + 5, y, spans[0].color, back=back)
        self._reach(left + mark + room, y + size * 0.65)
        return room + mark

    def person(self, x: float, y: float, color: str, *, back: bool = False) -> None:
        """The by-hand mark: a small figure around (x, y)."""
        if back:
            self.box(x - 5, y - 7, 10, 14, fill=PAPER, color=PAPER, pen=0, rounded=False)
        for w, h, dy, shape in ((5.0, 5.0, -3.6, "circle"), (9.0, 6.4, 2.9, "egg")):
            self._nodes.append(
                (
                    self._fresh("i"),
                    {
                        "pos": (x, y + dy),  # type: ignore[dict-item]
                        "width": _inches(w),
                        "height": _inches(h),
                        "shape": "circle" if shape == "circle" else "house",
                        "style": "filled",
                        "fillcolor": color,
                        "color": color,
                        "penwidth": "0",
                        "label": "",
                    },
                )
            )

    def line(
        self,
        points: Sequence[Point],
        *,
        color: str = INK,
        pen: float = 1.6,
        dash: Dash = "solid",
        arrow: bool = False,
        tail: str | None = None,
        head: str | None = None,
        radius: float = 12.0,
        halo: bool = False,
        tooltip: str = "",
    ) -> None:
        """A line along the points, its corners rounded; ``halo`` lets it bridge earlier lines."""
        kept = [points[0]]
        kept += [
            after
            for before, after in zip(points, points[1:], strict=False)
            if math.dist(before, after) > 0.01
        ]
        if len(kept) < 2:
            return
        start = tail or self._point(kept[0])
        end = head or self._point(kept[-1])
        tip = kept[-1]
        size = ARROW * _arrow_size(pen)
        if arrow:
            kept[-1] = _towards(tip, kept[-2], min(size, math.dist(tip, kept[-2]) * 0.8))
        curve = _rounded(kept, radius)
        look = {"color": color, "penwidth": _number(pen * _POINTS)}
        if dash != "solid":
            look["style"] = dash
        if halo:
            inner = _rounded([_towards(kept[0], kept[1], 3), *kept[1:]], radius)
            self._edges.append(
                (
                    start,
                    end,
                    {
                        "pos": (None, inner),  # type: ignore[dict-item]
                        "color": PAPER,
                        "penwidth": _number((pen + 5) * _POINTS),
                        "dir": "none",
                    },
                )
            )
        if arrow:
            look["arrowsize"] = _number(_arrow_size(pen) * ARROW * _POINTS / 10)
        else:
            look["dir"] = "none"
        if tooltip:
            look["tooltip"] = tooltip
        self._edges.append(
            (start, end, {"pos": (tip if arrow else None, curve), **look})  # type: ignore[dict-item]
        )
        for x, y in kept:
            self._reach(x, y)

    def _point(self, at: Point) -> str:
        """An invisible node where lines meet."""
        key = (round(at[0], 1), round(at[1], 1))
        if key not in self._points:
            self._points[key] = self._fresh("j")
            self._nodes.append(
                (
                    self._points[key],
                    {
                        "pos": at,  # type: ignore[dict-item]
                        "shape": "point",
                        "style": "invis",
                        "width": "0.01",
                        "height": "0.01",
                        "label": "",
                    },
                )
            )
        return self._points[key]

    def source(self, *, right: float | None = None, bottom: float | None = None) -> str:
        """The DOT text of a sheet that reaches at least to the given right and bottom."""
        high = max(self.bottom, bottom or 0)
        wide = max(self.right, right or 0)
        graph = graphviz.Digraph(
            self._name,
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
            return f"{_number(at[0] * _POINTS)},{_number((high - at[1]) * _POINTS)}"

        for index, band in enumerate(self._bands):
            x0, y0, x1, y1 = band["bb"]  # type: ignore[misc]
            with graph.subgraph(name=f"cluster_{index}") as ground:
                corners = f"{place((x0, y1))},{place((x1, y0))}"  # type: ignore[has-type]
                ground.attr("graph", **(band | {"bb": corners}))
        # Two corners fix the size of the sheet.
        for name, at in (("_nw", (0.0, 0.0)), ("_se", (wide, high))):
            graph.node(
                name, pos=place(at), shape="point", style="invis", width="0", height="0", label=""
            )
        for name, look in self._nodes:
            graph.node(name, **(look | {"pos": place(look["pos"])}))  # type: ignore[arg-type]
        for start, end, look in self._edges:
            tip, curve = look["pos"]
            path = " ".join(place(point) for point in curve)  # type: ignore[arg-type]
            pos = f"e,{place(tip)} {path}" if tip is not None else path  # type: ignore[arg-type, redundant-expr]
            graph.edge(start, end, **(look | {"pos": pos}))
        return str(graph.source)


def _arrow_size(pen: float) -> float:
    return 1.0 if pen <= 2.5 else 1.0 + (pen - 2.5) * 0.14


def _towards(start: Point, end: Point, length: float) -> Point:
    whole = math.dist(start, end)
    part = length / whole if whole else 0
    return (start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part)


def _rounded(points: Sequence[Point], radius: float) -> list[Point]:
    """The control points of a Bézier curve along the points, with rounded corners."""
    curve = [points[0]]

    def straight(to: Point) -> None:
        here = curve[-1]
        if math.dist(here, to) > 0.01:
            curve.extend([_towards(here, to, math.dist(here, to) / 3),
                          _towards(to, here, math.dist(here, to) / 3), to])  # fmt: skip

    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        r = min(radius, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        start, end = _towards(corner, before, r), _towards(corner, after, r)
        straight(start)
        curve.extend(
            [
                _towards(start, corner, r * _BEND),
                _towards(end, corner, r * _BEND),
                end,
            ]
        )
    straight(points[-1])
    return curve


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def _inches(value: float) -> str:
    return f"{value * _POINTS / 72:.4f}".rstrip("0").rstrip(".")
