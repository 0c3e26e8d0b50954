"""A sheet of paper: boxes, text and lines at given positions, as data.

A funnel is more than a graph: its path is a row, its fast tracks are lanes. So the positions are
computed here, once for all forms: ``layout_dot`` writes them for Graphviz, which draws SVG, PNG and
PDF, and ``drawio`` and ``slide`` as shapes of other tools.

Lengths are pixels of a picture that is at most ``WIDTH`` wide; y grows downwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.diagram.look import (
    FAINT,
    INK,
    PAPER,
    SMALLEST,
    SOFT,
    Dash,
    Stroke,
    pt,
    recolored,
    repainted,
)
from lifecycle_fsm.diagram.text_fit import cut, has_width, width, wrap
from lifecycle_fsm.model import Theme

# ------------------------------------------------------------------ curves
#
# The geometry of lines: points, rounded corners, and the room that an arrowhead takes.


Point: TypeAlias = tuple[float, float]

POINTS = 0.75
"""A pixel in points."""

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
    half = 0.35 * length * max(1.0, pen * POINTS / 4)
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
Ends: TypeAlias = tuple[str, str]

_PLAIN = Stroke()


@attrs.frozen
class DrawnBox:
    """A box by its upper left corner; the name is that of a stage, or of what else it shows."""

    x: float
    y: float
    w: float
    h: float
    name: str | None = None
    fill: str = PAPER
    color: str = FAINT
    pen: float = 0.0
    dash: Dash = "solid"
    shape: str = "box"
    rounded: bool = True
    tooltip: str = ""


@attrs.frozen
class PlacedLine:
    """One line of text: where it begins, the middle of its height, and its width.

    ``figure`` is where the by-hand mark stands, if there is one; ``align`` is where in the room the
    text stands.
    """

    spans: Sequence[Span]
    left: float
    y: float
    room: float
    figure: Point | None
    align: Align = "left"


@attrs.frozen
class DrawnText:
    """Lines of text below each other; (x, y) is the first one's end or middle, as aligned.

    ``move`` is the move that it describes, by the boxes that it leads from and to.
    """

    x: float
    y: float
    lines: tuple[TextLine, ...]
    leading: float
    size: float
    align: Align
    move: Ends | None = None

    def placed(self) -> Iterator[PlacedLine]:
        """The lines that have text, in their places."""
        for index, line in enumerate(self.lines):
            spans = [span for span in line.spans if span.text]
            if not spans:
                continue
            # Graphviz accepts only whole points for the width of a cell.
            room = math.ceil(spans_width(spans, self.size) * POINTS) / POINTS
            mark = ICON if line.icon else 0.0
            left = {
                "left": self.x,
                "center": self.x - (room + mark) / 2,
                "right": self.x - room - mark,
            }[self.align]
            y = self.y + index * self.leading
            # The by-hand mark stands beside the text, which is narrower than its room: by a few
            # hundredths, or by nobody knows how much with the letters of another font.
            align = self.align
            if line.icon and not all(has_width(letter) for span in spans for letter in span.text):
                align = "left"
            spare = (0.05 * room + 0.7) * {"left": 0.0, "center": 0.5, "right": 1.0}[align]
            figure = (left + 5 + spare, y) if line.icon else None
            yield PlacedLine(spans, left + mark, y, room, figure, align)


@attrs.frozen
class DrawnFigure:
    """The by-hand mark, a small figure, around (x, y)."""

    x: float
    y: float
    color: str

    def boxes(self) -> Iterator[DrawnBox]:
        """Its head and its shoulders."""
        for w, h, dy, shape in ((5.0, 5.0, -3.6, "circle"), (9.0, 6.4, 2.9, "house")):
            yield DrawnBox(
                self.x - w / 2, self.y + dy - h / 2, w, h, fill=self.color, color=self.color,
                shape=shape, rounded=False,
            )  # fmt: skip


@attrs.frozen
class DrawnLine:
    """A line along points; ``tail`` and ``head`` are the boxes that it joins."""

    points: tuple[Point, ...]
    stroke: Stroke
    arrow: bool
    tail: str | None
    head: str | None
    radius: float
    halo: bool


@attrs.frozen
class DrawnBand:
    """A tinted background, by its upper left corner."""

    x: float
    y: float
    w: float
    h: float
    fill: str


@attrs.frozen
class Link:
    """A move from one named box to another, which may share its lines with others.

    ``text`` says what the line means, and ``owner`` is the label of the system that owns it.
    """

    tail: str
    head: str
    stroke: Stroke
    text: str = ""
    owner: str = ""


class Canvas:
    """Collects what is drawn.

    Bands are drawn first, then lines, then the marks (boxes, texts and figures), each in the order
    given.

    Attributes:
        name: of the picture.
        width: of the sheet, once it is trimmed; so is ``height``.
        links: which boxes are joined by moves, for forms in which a line belongs to two shapes.
        owners: the label of the system that owns a box, by the name of the box.
        breaks: the heights at which a new row of the picture begins.
        paper: the colour of the background; ``font`` is the family that a theme asks for.
    """

    def __init__(self, name: str, size: float = SMALLEST, theme: Theme | None = None) -> None:
        self.name = name
        self.theme = theme
        self.paper, self.font = (theme.paper, theme.font) if theme else (PAPER, "")
        self.width = self.height = 0.0
        self.bands: list[DrawnBand] = []
        self.lines: list[DrawnLine] = []
        self.marks: list[DrawnBox | DrawnText | DrawnFigure] = []
        self.links: list[Link] = []
        self.owners: dict[str, str] = {}
        self.breaks: list[float] = []
        self._size = size  # of a text without its own size

    def trim(self, width: float, height: float) -> Canvas:
        """Give the sheet its size, and the colours of its theme; returns the canvas."""
        self.width, self.height = width, height
        if self.theme is not None:
            drawn = self.bands, self.marks, self.lines, self.links
            self.bands, self.marks, self.lines, self.links = repainted(drawn, recolored(self.theme))
        return self

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
        box = DrawnBox(x, y, w, h, name, fill, color, pen, dash, shape, rounded, tooltip)
        self.marks.append(box)

    def band(self, x: float, y: float, w: float, h: float, fill: str) -> None:
        """Tint the background behind everything."""
        self.bands.append(DrawnBand(x, y, w, h, fill))

    def text(
        self,
        x: float,
        y: float,
        line: Text,
        size: float | None = None,
        *,
        align: Align = "left",
        move: Ends | None = None,
    ) -> None:
        """Write one line of text at (x, y), where y is the middle of its height."""
        self.paragraph(x, y, [line], 0, size, align=align, move=move)

    def paragraph(
        self,
        x: float,
        y: float,
        lines: Iterable[Text],
        leading: float,
        size: float | None = None,
        *,
        align: Align = "left",
        move: Ends | None = None,
    ) -> float:
        """Write lines below each other, the first at (x, y); returns the y of the next."""
        kept = tuple(
            line
            if isinstance(line, TextLine)
            else TextLine([Span(line)] if isinstance(line, str) else line)
            for line in lines
        )
        self.marks.append(DrawnText(x, y, kept, leading, size or self._size, align, move))
        return y + len(kept) * leading

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
        self.marks.append(DrawnFigure(x, y, color))

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
        self.lines.append(DrawnLine(tuple(kept), stroke, arrow, tail, head, radius, halo))
