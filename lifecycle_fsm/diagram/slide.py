"""A picture as a slide for PowerPoint: shapes with their text, and the lines between them.

Arial stands in for the font of the other forms: it is on every machine, and its letters are no
wider than those that were measured, so that every text fits its shape.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import product
from typing import Any

from lifecycle_fsm.diagram.canvas import Canvas, DrawnBox, DrawnFigure, Point, Span
from lifecycle_fsm.diagram.look import PAPER, Stroke, pt
from lifecycle_fsm.diagram.shapes import DASHES, Connector, ShapeCard, ShapeLabel, Shapes
from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.wording import clean, visible

_FONT = "Arial"
#: A slide of 16 to 9, in units of 1/12,700 point.
SLIDE_SIZE = _WIDE, _HIGH = 12_192_000, 6_858_000
_MARGIN = 280_000
_POINT = 12_700
_LARGEST = 12_000  # units of a pixel: a small diagram does not fill a slide
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that an archive can hold
_CORNER = 8.0
_NEAR = 3.0  # pixels


def slide(canvas: Canvas, title: str, notes: str) -> bytes:
    """The canvas as a presentation of one slide; the same canvas gives the same bytes.

    Args:
        canvas: what is drawn.
        title: of the presentation.
        notes: the text alternative, as the notes of the speaker.

    Raises:
        MissingExtra: ``python-pptx`` is not installed.
    """
    deck = new_deck(title)
    draw_on(deck, canvas, notes)
    return deck_bytes(deck)


def new_deck(title: str) -> Any:
    """A presentation without slides, 16 to 9.

    Raises:
        MissingExtra: ``python-pptx`` is not installed.
    """
    try:
        import pptx
    except ImportError:
        raise MissingExtra("pptx", "python-pptx", "writing slides for PowerPoint") from None
    deck = pptx.Presentation()
    deck.slide_width, deck.slide_height = SLIDE_SIZE
    about = deck.core_properties
    about.title, about.author, about.last_modified_by = clean(title)[:255], "lifecycle_fsm", ""
    about.created = about.modified = datetime(*_DATE)  # noqa: DTZ001 - a date in a file
    return deck


def draw_on(deck: Any, canvas: Canvas, notes: str) -> None:
    """Add a slide with the canvas to a presentation."""
    from pptx.dml.color import RGBColor

    page = deck.slides.add_slide(deck.slide_layouts[5])  # a title only
    if canvas.paper != PAPER:
        page.background.fill.solid()
        page.background.fill.fore_color.rgb = RGBColor.from_string(canvas.paper[1:])
    page.notes_slide.notes_text_frame.text = clean(notes)
    _Page(page, Shapes(canvas)).draw()


def deck_bytes(deck: Any) -> bytes:
    """The presentation as a file, without the time at which it was written."""
    written = io.BytesIO()
    deck.save(written)
    return _fixed(written.getvalue())


def _fixed(archive: bytes) -> bytes:
    """The archive, and the workbooks of charts in it, without times."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name, _DATE)
            info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 0
            content = old.read(name)
            if name.endswith(".xlsx"):
                content = _fixed(content)
            elif name == "docProps/core.xml":
                content = re.sub(rb">\d{4}-\d\d-\d\dT[\d:]+Z<", b">1980-01-01T00:00:00Z<", content)
            new.writestr(info, content)
    return out.getvalue()


class _Page:
    """Writes the shapes of one slide, from the back to the front."""

    def __init__(self, page: Any, shapes: Shapes) -> None:
        self.page, self.shapes = page, shapes
        canvas = shapes.canvas
        room, high = _WIDE - 2 * _MARGIN, _HIGH - 2 * _MARGIN
        self.unit = min(room / canvas.width, high / canvas.height, _LARGEST)
        self.left = (_WIDE - canvas.width * self.unit) / 2
        self.top = (_HIGH - canvas.height * self.unit) / 2

    def draw(self) -> None:
        """Draw everything."""
        for band in self.shapes.canvas.bands:
            box = DrawnBox(band.x, band.y, band.w, band.h, fill=band.fill, color=band.fill)
            self._box(self.page.shapes, box).name = "band"
        for line in self.shapes.lines:
            self._line(line.points, line.stroke, arrow=line.arrow).name = "line"
        cards = {id(card): self._card(card) for card in self.shapes.cards}
        for connector in self.shapes.connectors:
            self._connector(connector, cards[id(connector.tail)], cards[id(connector.head)])
        for index, label in enumerate(self.shapes.labels):
            if index == 0 and label.text.size >= pt(20):
                self._heading(label)
            else:
                self._label(label)
        for figure in self.shapes.figures:
            self._figure(self.page.shapes, figure)

    def _length(self, length: float) -> Any:
        from pptx.util import Emu

        return Emu(round(length * self.unit))

    def _at(self, point: Point) -> tuple[int, int]:
        return round(self.left + point[0] * self.unit), round(self.top + point[1] * self.unit)

    def _place(self, x: float, y: float, w: float, h: float) -> tuple[int, int, int, int]:
        return (*self._at((x, y)), round(w * self.unit), round(h * self.unit))

    # --- Boxes

    def _box(self, shapes: Any, box: DrawnBox) -> Any:
        from pptx.enum.shapes import MSO_SHAPE

        kinds = {"circle": MSO_SHAPE.OVAL, "house": MSO_SHAPE.ROUND_2_SAME_RECTANGLE}
        kind = MSO_SHAPE.ROUNDED_RECTANGLE if box.rounded else MSO_SHAPE.RECTANGLE
        shape = shapes.add_shape(
            kinds.get(box.shape, kind), *self._place(box.x, box.y, box.w, box.h)
        )
        if kind is MSO_SHAPE.ROUNDED_RECTANGLE and box.shape == "box":
            shape.adjustments[0] = min(0.5, _CORNER / min(box.w, box.h))
        _own_look(shape)
        shape.fill.solid()
        shape.fill.fore_color.rgb = rgb(box.fill)
        self._stroke(shape, Stroke(box.color, box.pen, box.dash))
        return shape

    def _card(self, card: ShapeCard) -> Any:
        shape = self._box(self.page.shapes, card.box)
        shape.name = card.key
        _describe(shape, ". ".join(filter(None, (card.text.replace("\n", ", "), card.box.tooltip))))
        frame = _frame(shape)
        if card.rows:
            side, first = round(card.inset * self.unit), card.rows[0]
            frame.margin_left = frame.margin_right = side
            frame.margin_top = round(max(0, first.y - first.size * 0.6 - card.box.y) * self.unit)
        y = 0.0
        for row in card.rows:
            line = self._paragraph(frame)
            top = row.y - row.size * 0.6
            line.space_before = self._length(max(0, top - y) if y else 0)
            line.line_spacing = self._length(row.size * 1.2)
            y = top + row.size * 1.2
            _indent(line, round(card.indent(row) * self.unit))
            for index, part in enumerate(row.parts):
                if index:
                    right = card.is_right(part)
                    at = (part.right if right else part.left) - card.box.x - card.inset
                    most = card.box.w - 2 * card.inset
                    _tab(line, round(min(at, most) * self.unit), right=right)
                    self._run(line, "\t", part.size)
                self._runs(line, part.spans, part.size)
        return shape

    def _figure(self, shapes: Any, figure: DrawnFigure) -> None:
        for box in figure.boxes():
            self._box(shapes, box).name = "by hand"

    # --- Text

    def _heading(self, heading: ShapeLabel) -> None:
        title = self.page.shapes.title
        room = self.shapes.canvas.width - 2 * heading.left
        place = self._place(heading.left, heading.top, room, heading.height)
        title.left, title.top, title.width, title.height = place
        frame = _frame(title)
        self._runs(self._paragraph(frame), heading.lines[0].spans, heading.text.size)

    def _label(self, label: ShapeLabel) -> None:
        from pptx.enum.text import PP_ALIGN

        shapes = self.page.shapes
        figures = [line for line in label.lines if line.figure is not None]
        if figures:  # they move with the text
            group = shapes.add_group_shape()
            group.name, shapes = label.key, group.shapes
        place = self._place(label.left, label.top, label.width, label.height)
        shape = shapes.add_textbox(*place)
        shape.name = label.key
        frame = _frame(shape)
        for line in label.lines:
            paragraph = self._paragraph(frame)
            paragraph.alignment = PP_ALIGN[label.text.align.upper()]
            paragraph.line_spacing = self._length(label.leading)
            self._runs(paragraph, label.indented(line), label.text.size)
        for line in figures:
            assert line.figure is not None
            self._figure(shapes, DrawnFigure(*line.figure, line.spans[0].color))

    def _paragraph(self, frame: Any) -> Any:
        """The next paragraph of a frame; the first is there already."""
        from pptx.enum.text import PP_ALIGN

        first = frame.paragraphs[0]
        paragraph = frame.add_paragraph() if first.runs else first
        paragraph.alignment = PP_ALIGN.LEFT
        return paragraph

    def _runs(self, paragraph: Any, spans: Iterable[Span], size: float) -> None:
        for span in spans:
            font = self._run(paragraph, visible(span.text), size)
            font.bold, font.color.rgb = span.bold, rgb(span.color)

    def _run(self, paragraph: Any, text: str, size: float) -> Any:
        """Add a text; returns its font."""
        run = paragraph.add_run()
        run.text, run.font.name = text, self.shapes.canvas.font or _FONT
        run.font.size = int(size * self.unit / _POINT * 10) * _POINT // 10
        return run.font

    # --- Lines

    def _stroke(self, shape: Any, stroke: Stroke) -> None:
        if not stroke.width:
            shape.line.fill.background()
            return
        shape.line.color.rgb = rgb(stroke.color)
        shape.line.width = round(stroke.width * self.unit)
        if stroke.dash == "dotted":
            from pptx.enum.dml import MSO_LINE

            shape.line.dash_style = MSO_LINE.ROUND_DOT
        elif stroke.dash == "dashed":  # in thousandths of a percent of the width
            dash, gap = (round(part / stroke.width * 100_000) for part in DASHES)
            dashes = _parsed(f'<a:custDash><a:ds d="{dash}" sp="{gap}"/></a:custDash>')
            shape.element.find(".//{*}ln").append(dashes)

    def _line(self, points: Sequence[Point], stroke: Stroke, *, arrow: bool) -> Any:
        """A straight line, which can hold on to cards, or a freeform with corners.

        A connector with elbows would hold on to cards as well, but LibreOffice and others lead it
        a way of their own as soon as they open the slide.
        """
        from pptx.enum.shapes import MSO_CONNECTOR

        first, *rest = (self._at(point) for point in points)
        shapes = self.page.shapes
        if len(rest) == 1:
            line = shapes.add_connector(MSO_CONNECTOR.STRAIGHT, *first, *rest[0])
        else:
            way = shapes.build_freeform(*first)
            line = way.add_line_segments(rest, close=False).convert_to_shape()
            line.fill.background()
        _own_look(line)
        self._stroke(line, stroke)
        if arrow:
            self._arrow(line, stroke)
        return line

    def _arrow(self, line: Any, stroke: Stroke) -> None:
        size = "med" if stroke.width < 4 else "sm"
        head = _parsed(f'<a:tailEnd type="triangle" w="{size}" len="{size}"/>')
        line.element.find(".//{*}ln").append(head)

    def _connector(self, connector: Connector, tail: Any, head: Any) -> None:
        """A move; a straight line holds on to a card where it ends in the middle of a side."""
        cards = (connector.tail, tail), (connector.head, head)
        sides = [_sides(card.box) for card, _ in cards]
        points = connector.points or min(
            product(*sides), key=lambda ends: math.dist(ends[0], ends[1])
        )
        line = self._line(points, connector.link.stroke, arrow=True)
        if len(points) == 2:
            holds = line.begin_connect, line.end_connect
            for hold, (_, shape), middles, end in zip(holds, cards, sides, points, strict=True):
                away = [math.dist(middle, end) for middle in middles]
                if min(away) < _NEAR:  # else it would move to there
                    hold(shape, away.index(min(away)))
        line.name = connector.key
        title = f"{connector.tail.title} to {connector.head.title}"
        _describe(line, f"{title}: {connector.link.text}")


def _frame(shape: Any) -> Any:
    """The text of a shape, without any room around it, which does not grow or wrap."""
    from pptx.enum.text import MSO_ANCHOR, MSO_AUTO_SIZE

    frame: Any = shape.text_frame
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    frame.word_wrap, frame.auto_size = False, MSO_AUTO_SIZE.NONE
    frame.vertical_anchor = MSO_ANCHOR.TOP
    return frame


def _own_look(shape: Any) -> None:
    """Take the shadow of the theme away."""
    style = shape.element.find("{*}style")
    shape.element.remove(style)


def _indent(paragraph: Any, room: int) -> None:
    paragraph._p.get_or_add_pPr().set("marL", str(room))


def _tab(paragraph: Any, position: int, *, right: bool) -> None:
    """A stop at which the next text begins, or ends."""
    stop = f'<a:tab pos="{position}" algn="{"r" if right else "l"}"/>'
    paragraph._p.get_or_add_pPr().append(_parsed(f"<a:tabLst>{stop}</a:tabLst>"))


def _parsed(text: str) -> Any:
    """An element of DrawingML."""
    from pptx.oxml import parse_xml
    from pptx.oxml.ns import nsdecls

    tag, end = re.findall(r"^<[\w:]+|[ >].*", text)
    return parse_xml(f"{tag} {nsdecls('a')}{end}")


def _describe(shape: Any, text: str) -> None:
    """Give a shape its text alternative."""
    shape.element.find(".//{*}cNvPr").set("descr", clean(text).strip(" :"))


def rgb(color: str) -> Any:
    """A colour such as ``#1D4ED8`` as PowerPoint has it."""
    from pptx.dml.color import RGBColor

    return RGBColor.from_string(color.removeprefix("#").upper())


def _sides(box: DrawnBox) -> tuple[Point, ...]:
    """The middles of its sides, to which connectors hold: top, left, bottom, right."""
    x, y = box.x + box.w / 2, box.y + box.h / 2
    return (x, box.y), (box.x, y), (x, box.y + box.h), (box.x + box.w, y)
