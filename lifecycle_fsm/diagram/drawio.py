"""A picture for draw.io (diagrams.net), which Lucidchart and Visio import: cells that can be moved.

The format is that of mxGraph: one cell for each card with its text, for each label, and for each
move as a connector between two cards. Each system that owns stages has a layer of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import pairwise
from xml.etree import ElementTree

from lifecycle_fsm.diagram.canvas import Canvas, DrawnBand, DrawnBox, Point, Span
from lifecycle_fsm.diagram.look import Stroke
from lifecycle_fsm.diagram.shapes import DASHES, CardRow, Connector, ShapeCard, ShapeLabel, Shapes
from lifecycle_fsm.wording import clean, visible

_FONT = "Helvetica"  # its letters are no wider than those that were measured
_SHAPES = {"circle": "ellipse", "house": "shape=actor"}
_BACK, _TEXTS = "background", "labels"


def drawio(canvas: Canvas, title: str) -> str:
    """The canvas as a file of draw.io, uncompressed, one line for each cell."""
    return _Cells(Shapes(canvas), clean(title)).text()


class _Cells:
    """Writes the cells: each is below those that follow it."""

    def __init__(self, shapes: Shapes, title: str) -> None:
        self.shapes, self.canvas, self.title = shapes, shapes.canvas, title
        self.root = ElementTree.Element("root")
        owners = dict.fromkeys(self.canvas.owners.values())
        owners |= dict.fromkeys(link.owner for link in self.canvas.links)
        self.layers = {owner: shapes.key(f"layer {owner}") for owner in owners if owner}

    def text(self) -> str:
        self._cell("0")
        self._cell(_BACK, parent="0", value="Background")
        for owner, layer in self.layers.items():
            self._cell(layer, parent="0", value=owner)
        self._cell(_TEXTS, parent="0", value="Labels")
        for index, band in enumerate(self.canvas.bands, 1):
            self._band(f"band-{index}", band)
        for index, line in enumerate(self.shapes.lines, 1):
            self._edge(f"line-{index}", line.stroke, line.points, arrow=line.arrow)
        for connector in self.shapes.connectors:
            self._connector(connector)
        for card in self.shapes.cards:
            self._card(card)
        for label in self.shapes.labels:
            self._label(label)
        for index, figure in enumerate(self.shapes.figures, 1):
            self._figure(f"figure-{index}", _TEXTS, (figure.x - 5, figure.y - 6), figure.color)
        return self._file()

    def _file(self) -> str:
        model = ElementTree.Element(
            "mxGraphModel", dx="0", dy="0", grid="0", page="0", math="0", tooltips="1", connect="1",
            arrows="1", fold="1", pageWidth=_px(self.canvas.width),
            pageHeight=_px(self.canvas.height), background=self.canvas.paper,
        )  # fmt: skip
        model.append(self.root)
        file = ElementTree.Element("mxfile")
        ElementTree.SubElement(file, "diagram", id="picture", name=self.title).append(model)
        ElementTree.indent(file, "")
        # One line for each cell: the geometry belongs to it.
        text = ElementTree.tostring(file, encoding="unicode")
        for part in ("<mxGeometry", "<Array", "<mxPoint", "</Array", "</mxGeometry", "</mxCell"):
            text = text.replace("\n" + part, part)
        return text + "\n"

    def _cell(self, key: str, **look: str) -> ElementTree.Element:
        return ElementTree.SubElement(self.root, "mxCell", {"id": key, **look})

    def _vertex(
        self, key: str, parent: str, place: tuple[float, float, float, float],
        style: Iterable[str], value: str = "",
    ) -> None:  # fmt: skip
        look = {"value": value, "style": ";".join(style), "vertex": "1", "parent": parent}
        x, y, w, h = map(_px, place)
        cell = self._cell(key, **look)
        geometry = {"x": x, "y": y, "width": w, "height": h, "as": "geometry"}
        ElementTree.SubElement(cell, "mxGeometry", geometry)

    def _band(self, key: str, band: DrawnBand) -> None:
        style = ["rounded=1", "arcSize=3", f"fillColor={band.fill}", "strokeColor=none"]
        self._vertex(key, _BACK, (band.x, band.y, band.w, band.h), style)

    def _card(self, card: ShapeCard) -> None:
        box = card.box
        style = [
            _SHAPES.get(box.shape, f"rounded={int(box.rounded)};absoluteArcSize=1;arcSize=18"),
            "whiteSpace=wrap", "html=1", "align=left", "verticalAlign=top", "spacing=0",
            "spacingTop=-5",  # of mxGraph's own
            f"spacingLeft={card.inset:.0f}", f"spacingRight={card.inset:.0f}",
            f"fillColor={box.fill}", *_stroke(Stroke(box.color, box.pen, box.dash)),
            f"fontFamily={self.canvas.font or _FONT}",
        ]  # fmt: skip
        html, y = "", box.y
        for row in card.rows:
            high = round(row.size * 1.2)
            gap = max(0, round(row.y - high / 2 - y))
            look = f"line-height:{high}px;margin-top:{gap}px"
            if indent := round(card.indent(row)):
                look += f";padding-left:{indent}px"
            if len(row.parts) > 1:
                side = "space-between" if card.is_right(row.parts[-1]) else "flex-start"
                look += f";display:flex;justify-content:{side}"
                look += f";width:{box.w - 2 * card.inset - indent:.0f}px"
            html += f'<div style="{look}">{_row(row)}</div>'
            y += gap + high
        layer = self.layers.get(self.canvas.owners.get(box.name or "", ""), _BACK)
        self._vertex(card.key, layer, (box.x, box.y, box.w, box.h), style, html)

    def _label(self, label: ShapeLabel) -> None:
        text = label.text
        style = [
            "text", "html=1", f"align={text.align}", "verticalAlign=middle", "spacing=0",
            "whiteSpace=nowrap", f"fontFamily={self.canvas.font or _FONT}",
            f"fontSize={_px(text.size)}",
        ]  # fmt: skip
        html = "".join(
            f"<div>{_html(label.indented(line), text.size)}</div>" for line in label.lines
        )
        if len(label.lines) > 1:
            html = f'<div style="line-height:{_px(label.leading)}px">{html}</div>'
        place = (label.left, label.top, label.width, label.height)
        self._vertex(label.key, _TEXTS, place, style, html)
        for index, line in enumerate(label.lines):
            if line.figure is not None:  # it moves with the text
                x, y = line.figure
                at = (x - 5 - label.left, y - 6 - label.top)
                self._figure(f"{label.key}-figure-{index}", label.key, at, line.spans[0].color)

    def _figure(self, key: str, parent: str, at: Point, color: str) -> None:
        style = ["shape=actor", f"fillColor={color}", "strokeColor=none"]
        self._vertex(key, parent, (*at, 9, 12), style)

    def _connector(self, connector: Connector) -> None:
        points, link = connector.points, connector.link
        glue: list[str] = []
        if points:
            glue = _glue("exit", connector.tail.box, points[0])
            glue += _glue("entry", connector.head.box, points[-1])
        self._edge(
            connector.key, link.stroke, points, arrow=True,
            glue=["edgeStyle=orthogonalEdgeStyle", *glue],
            parent=self.layers.get(link.owner, _BACK),
            ends={"source": connector.tail.key, "target": connector.head.key},
        )  # fmt: skip

    def _edge(
        self, key: str, stroke: Stroke, points: tuple[Point, ...], *, arrow: bool,
        glue: Iterable[str] = (), parent: str = _BACK, ends: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        style = [
            *glue, "html=1", "rounded=1", "arcSize=22", *_stroke(stroke),
            "endArrow=block;endFill=1;endSize=5" if arrow else "endArrow=none",
        ]  # fmt: skip
        cell = self._cell(key, style=";".join(style), edge="1", parent=parent, **(ends or {}))
        geometry = ElementTree.SubElement(cell, "mxGeometry", {"relative": "1", "as": "geometry"})
        for point, end in zip(
            (points[0], points[-1]) if points and not ends else (),
            ("sourcePoint", "targetPoint"),
            strict=False,
        ):
            ElementTree.SubElement(geometry, "mxPoint", {**_at(point), "as": end})
        if len(points) > 2:
            way = ElementTree.SubElement(geometry, "Array", {"as": "points"})
            for point in points[1:-1]:
                ElementTree.SubElement(way, "mxPoint", _at(point))


def _row(row: CardRow) -> str:
    """The pieces of a row as HTML, each with its distance to the one before."""
    first, *others = (f"{_html(part.spans, part.size)}</span>" for part in row.parts)
    gaps = (after.left - before.right for before, after in pairwise(row.parts))
    return f"<span>{first}" + "".join(
        f' <span style="margin-left:{gap:.0f}px">{part}'
        for gap, part in zip(gaps, others, strict=True)
    )


def _html(spans: Iterable[Span], size: float) -> str:
    """Spans as the HTML of a cell, in which their text is text."""
    html = ""
    for span in spans:
        text = escape(visible(span.text)).replace("  ", "&#160;&#160;")
        text = f"<b>{text}</b>" if span.bold else text
        html += f'<font color="{span.color}" style="font-size:{_px(size)}px">{text}</font>'
    return html


def _stroke(stroke: Stroke) -> list[str]:
    style = [f"strokeColor={stroke.color if stroke.width else 'none'}"]
    style.append(f"strokeWidth={_px(stroke.width)}")
    if stroke.dash != "solid":
        dashes = "fixDash=1;dashPattern={:.0f} {:.0f}".format(*DASHES)
        style += ["dashed=1", "dashPattern=1 3" if stroke.dash == "dotted" else dashes]
    return style


def _glue(end: str, box: DrawnBox, point: Point) -> list[str]:
    """Where an edge meets the border of a cell, in parts of its width and height."""
    x, y = ((point[0] - box.x) / box.w, (point[1] - box.y) / box.h)
    parts = [f"{end}{axis}={min(1, max(0, part)):.3f}" for axis, part in (("X", x), ("Y", y))]
    return [*parts, f"{end}Dx=0", f"{end}Dy=0"]


def _at(point: Point) -> dict[str, str]:
    return {"x": _px(point[0]), "y": _px(point[1])}


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
