"""Everybody can read what is drawn: contrast is computed, and colour is never alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import attrs
import pytest

from lifecycle_fsm.diagram import Drawing, draw_funnel, draw_model, draw_processing
from lifecycle_fsm.diagram.canvas import Span
from lifecycle_fsm.diagram.look import Palette, Stroke
from lifecycle_fsm.funnel import count
from lifecycle_fsm.model import Model, Move, SortRule, Stage, load, shipped
from lifecycle_fsm.model.theme import contrast

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def many(systems: int, detours: int) -> Model:
    """A model with that many systems, each with a stage, and detours."""
    labels = ["Marketing", "Marketo", "CRM (Salesforce)", "Customer desk", "Product", "Partner"]
    names = {f"s{index}": labels[index % 6] for index in range(systems)}
    return Model(
        name="many",
        systems=names,
        stages=[
            Stage("new"),
            *(Stage(f"at_{name}", system=name) for name in names),
            *(Stage(f"off_{index}", off_path=True) for index in range(detours)),
        ],
        sort=[SortRule(name="all", target="at_s0", when="otherwise")],
        moves=[
            *(
                Move(name=f"m{index}", sources=f"at_s{index}", target=f"at_s{index + 1}",
                     on="go", system=f"s{index}")
                for index in range(systems - 1)
            ),
            *(
                Move(name=f"d{index}", sources="at_s0", target=f"off_{index}", on="out")
                for index in range(detours)
            ),
        ],
    )  # fmt: skip


@attrs.frozen
class Shape:
    """What is filled with a colour, by its bounds."""

    color: str
    left: float
    top: float
    right: float
    bottom: float

    def holds(self, x: float, y: float) -> bool:
        return self.left <= x <= self.right and self.top <= y <= self.bottom


def faults(drawing: Drawing, paper: str = "#ffffff", rule: str = "#e2e8f0") -> Iterator[str]:
    """Text with a contrast below 4.5, and lines below 3, to what was drawn under them.

    A ``rule`` only separates parts of the picture, and paper bridges lines.
    """
    shapes = [Shape(paper, -1e6, -1e6, 1e6, 1e6)]
    for element in ElementTree.fromstring(drawing.svg()).iter():
        fill, line = element.get("fill", ""), element.get("stroke", "")
        match element.tag.removeprefix(SVG):
            case "text":
                x, y, size = (float(element.get(key, 0)) for key in ("x", "y", "font-size"))
                x += float(element.get("textLength", 0)) / 2
                yield from _low(element.text or "", fill, shapes, x, y - size / 3, 4.5)
            case "path" | "polygon" | "ellipse" | "polyline":
                numbers = [
                    float(n)
                    for n in NUMBER.findall(element.get("d") or element.get("points") or "")
                ]
                if not numbers:
                    continue
                xs, ys = numbers[::2], numbers[1::2]
                if fill.startswith("#"):
                    shapes.append(Shape(fill, min(xs), min(ys), max(xs), max(ys)))
                elif line.startswith("#") and line not in (paper, rule):
                    for x, y in zip(xs, ys, strict=True):
                        yield from _low("a line", line, shapes, x, y, 3)


def _low(
    what: str, color: str, shapes: list[Shape], x: float, y: float, needed: float
) -> Iterator[str]:
    under = next(shape.color for shape in reversed(shapes) if shape.holds(x, y))
    if color.startswith("#") and contrast(color, under) < needed:
        yield f"{what!r}: {color} on {under} has a contrast of {contrast(color, under):.2f}"


def drawings() -> Iterator[Drawing]:
    for name in shipped():
        model = load(name)
        yield draw_model(model)
        yield draw_processing(model)
        yield draw_funnel(model, count([], model))
    yield draw_model(many(12, 10))


def test_everything_drawn_has_contrast() -> None:
    assert [fault for drawing in drawings() for fault in faults(drawing)] == []


def test_a_low_contrast_is_noticed() -> None:
    drawing = draw_model(load("waterfall"))
    drawing.canvas.text(400, 10, [Span("pale", color="#94a3b8")])
    drawing.canvas.line([(400, 20), (440, 20)], Stroke("#cbd5e1"))
    assert set(faults(drawing)) == {
        "'a line': #cbd5e1 on #ffffff has a contrast of 1.48",
        "'pale': #94a3b8 on #ffffff has a contrast of 2.56",
    }


@pytest.mark.parametrize(
    ("color", "other", "expected"),
    [("#000000", "#ffffff", 21), ("#ffffff", "#000000", 21), ("#767676", "#ffffff", 4.54)],
)
def test_the_contrast_is_that_of_the_guidelines(color: str, other: str, expected: float) -> None:
    assert contrast(color, other) == pytest.approx(expected, abs=0.01)


def test_twelve_systems_and_ten_detours_can_be_told_apart() -> None:
    model = many(12, 10)
    palette = Palette(model)
    assert len({paint.line for paint in palette.systems.values()}) == 12
    assert len(set(palette.marks.values())) == 12
    assert len({paint.line for paint in palette.detours.values()}) == 10
    dot = draw_model(model).layout
    for name, mark in palette.marks.items():
        color = palette.system(name).line
        assert f'<font color="{color}"><b>{mark}</b></font>' in dot


def test_a_mark_is_a_letter_or_two_of_the_label() -> None:
    assert [*Palette(many(7, 0)).marks.values()] == ["M", "MA", "C", "CD", "P", "PA", "1"]


def test_the_legend_names_only_systems_that_own_something_drawn() -> None:
    model = load("waterfall")
    more = attrs.evolve(model, systems={**model.systems, "erp": "Warehouse"})
    for form in (draw_model(more).layout, draw_model(more).dot, draw_model(more).mermaid):
        assert "Warehouse" not in form
    assert "Marketing owns it" in draw_model(more).layout
