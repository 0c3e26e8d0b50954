"""A slide: shapes within its edges, text within its shape, and the same bytes each time."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

import pptx
import pytest

from lifecycle_fsm import MissingExtra
from lifecycle_fsm.diagram import Drawing, draw_funnel, draw_model
from lifecycle_fsm.diagram.canvas import Canvas, DrawnFigure, DrawnText, Link, Point
from lifecycle_fsm.diagram.look import Stroke
from lifecycle_fsm.diagram.slide import slide
from lifecycle_fsm.diagram.text_fit import width
from lifecycle_fsm.model import load, shipped
from tests.diagram.many_models import SHAPES, Shape, counted
from tests.diagram.test_shapes import every_picture

EMU = 12_700  # in a point


def opened(drawing: Drawing) -> Any:
    deck = pptx.Presentation(io.BytesIO(drawing.pptx()))
    (page,) = deck.slides
    assert deck.slide_width * 9 == deck.slide_height * 16
    return page


def flat(shapes: Any) -> Iterator[Any]:
    """The shapes, also those in groups."""
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from flat(shape.shapes)
        else:
            yield shape


def faults(page: Any) -> Iterator[str]:
    """What sticks out of the slide, and text that sticks out of its shape."""
    for shape in flat(page.shapes):
        right, bottom = shape.left + shape.width, shape.top + shape.height
        if min(shape.left, shape.top) < 0 or right > 12_192_000 or bottom > 6_858_000:
            yield f"{shape.name} sticks out of the slide"
        if not shape.has_text_frame or not shape.text_frame.text:
            continue
        frame = shape.text_frame
        high = frame.margin_top + frame.margin_bottom
        for index, line in enumerate(frame.paragraphs):
            wide = sum(
                width(run.text, run.font.size / EMU, bold=bool(run.font.bold)) * EMU
                for run in line.runs
                if run.text != "\t"
            )
            high += (line.line_spacing or max(run.font.size for run in line.runs) * 1.2) + (
                line.space_before or 0
            ) * (index > 0)
            if wide > (shape.width - frame.margin_left - frame.margin_right) * 1.02:
                yield f"{shape.name}: {line.text!r} is too wide"
        if high > shape.height * 1.02:
            yield f"{shape.name} is too low for {frame.text!r}"


@pytest.mark.parametrize("name", shipped())
def test_the_shapes_of_each_picture_fit(name: str) -> None:
    model = load(name)
    for kind, drawing in every_picture(model).items():
        page = opened(drawing)
        assert list(faults(page)) == [], kind
        assert page.notes_slide.notes_text_frame.text == drawing.description
        marks = drawing.slide_canvas.marks
        figures = sum(isinstance(mark, DrawnFigure) for mark in marks) + sum(
            line.figure is not None
            for mark in marks
            if isinstance(mark, DrawnText)
            for line in mark.placed()
        )
        assert sum(shape.name == "by hand" for shape in flat(page.shapes)) == 2 * figures, kind
        if kind == "model":
            shapes = {shape.name: shape for shape in page.shapes}
            for stage in model.stages:
                card = shapes[f"stage-{stage.name}"]
                assert stage.code in card.text_frame.text
                assert stage.display.split(" ")[0] in alternative(card)


@pytest.mark.parametrize("shape", SHAPES[1::5], ids=str)
def test_any_picture_fits(shape: Shape) -> None:
    model = shape.model()
    assert list(faults(opened(draw_funnel(model, counted(model, 9_999_999))))) == []


def alternative(shape: Any) -> str:
    return str(shape.element.find(".//{*}cNvPr").get("descr"))


def test_connectors_hold_on_to_their_stages_and_say_what_moves_people() -> None:
    page = opened(draw_model(load("waterfall")))
    shapes = {shape.name: shape for shape in page.shapes}
    ids = {shape.shape_id: name for name, shape in shapes.items()}
    edge = shapes["move-mal-to-mql"]
    start, end = (edge.element.find(f".//{{*}}{tag}Cxn") for tag in ("st", "end"))
    assert (ids[int(start.get("id"))], start.get("idx")) == ("stage-mal", "3"), "its right side"
    assert (ids[int(end.get("id"))], end.get("idx")) == ("stage-mql", "1"), "its left side"
    assert alternative(edge) == "MAL to MQL: hand raise; fits and interested"
    assert edge.element.find(".//{*}tailEnd").get("type") == "triangle"


# --- Lines with corners: freeforms, which every program draws along their own points


def drawn(element: Any) -> list[Point]:
    """The points of a line on the slide."""
    frame = element.find(".//{*}xfrm")
    (x, y), (w, h) = ([int(each) for each in child.attrib.values()] for child in frame)
    if element.tag.endswith("cxnSp"):
        start, end = (x, y), (x + w, y + h)
        if frame.get("flipH"):
            start, end = (end[0], start[1]), (start[0], end[1])
        if frame.get("flipV"):
            start, end = (start[0], end[1]), (end[0], start[1])
        return [start, end]
    (path,) = element.iter("{*}path")
    assert (int(path.get("w")), int(path.get("h"))) == (w, h), "drawn in its size"
    return [(x + int(point.get("x")), y + int(point.get("y"))) for point in path.iter("{*}pt")]


WAYS = {
    "straight": [(140, 120), (300, 120)],
    "straight, back": [(300, 120), (140, 120)],
    "down and left": [(320, 140), (320, 300), (140, 300)],
    "right and up": [(140, 320), (320, 320), (320, 140)],
    "left and down": [(300, 120), (120, 120), (120, 300)],
    "over": [(120, 100), (120, 40), (320, 40), (320, 100)],
    "over, to one lower": [(120, 100), (120, 40), (320, 40), (320, 300)],
    "below, back": [(320, 140), (320, 240), (120, 240), (120, 140)],
    "beside": [(140, 110), (180, 110), (180, 310), (140, 310)],
    "a step": [(140, 110), (220, 110), (220, 310), (300, 310)],
    "a step, back": [(300, 310), (220, 310), (220, 110), (140, 110)],
    "round a row": [(340, 120), (360, 120), (360, 220), (80, 220), (80, 320), (100, 320)],
    "over and beside": [(120, 100), (120, 40), (380, 40), (380, 320), (340, 320)],
    "over, beside, and down": [
        (120, 100), (120, 40), (380, 40), (380, 200), (320, 200), (320, 300),
    ],
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_connector_goes_the_way_of_the_picture(way: list[Point]) -> None:
    canvas = Canvas("ways")
    for name, point in (("a", way[0]), ("b", way[-1])):
        x, y = (100 if axis < 220 else 300 for axis in point)
        canvas.box(x, y, 40, 40, name=name)
    canvas.line(way, arrow=True)
    canvas.links.append(Link("a", "b", Stroke()))
    data = slide(canvas.trim(400, 400), "", "")
    (page,) = pptx.Presentation(io.BytesIO(data)).slides
    *_, a, b, line = page.shapes
    unit = a.width / 40
    left, top = a.left, a.top
    start = next(mark for mark in canvas.marks if getattr(mark, "name", "") == "a")
    origin = (left - start.x * unit, top - start.y * unit)
    expected = [(origin[0] + x * unit, origin[1] + y * unit) for x, y in way]
    for point, wanted in zip(drawn(line.element), expected, strict=True):
        assert point == pytest.approx(wanted, abs=EMU)
    assert b.name == "stage-b"
    glued = line.element.findall(".//{*}stCxn") + line.element.findall(".//{*}endCxn")
    assert len(glued) == (2 if len(way) == 2 else 0), "no program may lead it another way"
    assert line.element.find(".//{*}spPr/{*}noFill") is not None or len(way) == 2


def test_it_is_the_same_file_each_time() -> None:
    first, second = (draw_model(load("two_step")).pptx() for _ in range(2))
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        names = archive.namelist()
    assert len(set(names)) == len(names)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pptx", None)
    with pytest.raises(MissingExtra, match=r"python-pptx.*lifecycle-fsm\[pptx\]"):
        draw_model(load("two_step")).pptx()
