"""A file of draw.io: cells with their parents, edges between cells, and text that stays text."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

import attrs
import pytest

from lifecycle_fsm.diagram import Drawing, draw_model
from lifecycle_fsm.model import load, shipped
from tests.diagram.many_models import SHAPES, Shape
from tests.diagram.test_shapes import every_picture


class Html(HTMLParser):
    """The text of a cell, in which there is nothing but its own markup."""

    def __init__(self, value: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(value)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("div", "span", "b", "font")
        assert {name for name, _ in attrs} <= {"style", "color"}

    def handle_data(self, data: str) -> None:
        self.text += data.replace("\xa0", " ")


def cells(drawing: Drawing) -> dict[str, ElementTree.Element]:
    """The cells of a drawing by their id, each checked to be in its place."""
    file = ElementTree.fromstring(drawing.drawio())
    assert [element.tag for element in file.iter()][:4] == [
        "mxfile", "diagram", "mxGraphModel", "root",
    ]  # fmt: skip
    by_id = {cell.get("id", ""): cell for cell in file.iter("mxCell")}
    assert len(by_id) == len(list(file.iter("mxCell"))), "two cells have one id"
    first, *others = by_id.values()
    assert first.get("parent") is None
    seen = {first.get("id")}
    for cell in others:
        assert cell.get("parent") in seen, "a parent comes first"
        seen.add(cell.get("id"))
        geometry = cell.find("mxGeometry")
        assert (geometry is None) == (cell.get("vertex") is cell.get("edge") is None)
        if cell.get("edge"):
            check_edge(cell, by_id)
        elif geometry is not None:
            assert all(float(geometry.get(key, "")) > 0 for key in ("width", "height"))
            Html(cell.get("value", ""))
    return by_id


def check_edge(edge: ElementTree.Element, by_id: dict[str, ElementTree.Element]) -> None:
    """An edge has two cells or two points as its ends."""
    points = [point.get("as") for point in edge.iter("mxPoint") if point.get("as")]
    ends = [edge.get("source"), edge.get("target")]
    if points:
        assert (points, ends) == (["sourcePoint", "targetPoint"], [None, None])
    else:
        assert all(by_id[end or ""].get("vertex") for end in ends)


def words(cell: ElementTree.Element) -> str:
    return Html(cell.get("value", "")).text


@pytest.mark.parametrize("name", shipped())
def test_each_stage_and_each_move_is_one_cell(name: str) -> None:
    model = load(name)
    for kind, drawing in every_picture(model).items():
        by_id = cells(drawing)
        if kind not in ("model", "funnel", "coverage"):
            continue
        for stage in model.stages:
            assert stage.code in words(by_id[f"stage-{stage.name}"])
            assert stage.display.split(" ")[0] in words(by_id[f"stage-{stage.name}"])
        pairs = {(edge.source, edge.target) for edge in (*model.sort_edges, *model.edges)}
        assert {
            (cell.get("source"), cell.get("target"))
            for cell in by_id.values()
            if cell.get("source")
        } == {(f"stage-{source}", f"stage-{target}") for source, target in pairs}


@pytest.mark.parametrize("shape", SHAPES[::4], ids=str)
def test_any_model_is_a_file_of_draw_io(shape: Shape) -> None:
    cells(draw_model(shape.model()))


def test_each_system_has_a_layer_with_its_stages_and_moves() -> None:
    model = load("waterfall")
    by_id = cells(draw_model(model))
    layers = {cell.get("value"): key for key, cell in by_id.items() if cell.get("parent") == "0"}
    assert list(layers) == ["Background", *model.systems.values(), "Labels"]
    for stage in model.stages:
        layer = by_id[f"stage-{stage.name}"].get("parent")
        assert layer == layers[model.systems[stage.system]]
    assert by_id["move-mal-to-mql"].get("parent") == layers["Marketing"]
    assert by_id["move-sql-to-customer"].get("parent") == layers["CRM"]


def test_a_way_is_that_of_the_picture() -> None:
    """A return leaves at the right of its card, and comes up from below into another."""
    by_id = cells(draw_model(load("waterfall")))
    edge = by_id["move-recycled-to-mql"]
    style = dict(part.split("=") for part in edge.get("style", "").split(";") if "=" in part)
    assert (style["exitX"], style["entryY"]) == ("1.000", "1.000")
    (turn,) = edge.iterfind("mxGeometry/Array/mxPoint")
    tail, head = (by_id[f"stage-{name}"].find("mxGeometry") for name in ("recycled", "mql"))
    assert tail is not None
    assert head is not None
    x = float(head.get("x", "")) + float(style["entryX"]) * float(head.get("width", ""))
    y = float(tail.get("y", "")) + float(style["exitY"]) * float(tail.get("height", ""))
    assert (float(turn.get("x", "")), float(turn.get("y", ""))) == pytest.approx((x, y), abs=0.2)


def test_a_changed_label_changes_its_own_line() -> None:
    model = load("waterfall")
    moves = tuple(
        attrs.evolve(move, label="sales agrees!") if move.label == "sales accepts" else move
        for move in model.moves
    )
    assert moves != model.moves
    before, after = (
        set(draw_model(each, rules=False).drawio().splitlines())
        for each in (model, attrs.evolve(model, moves=moves))
    )
    (added,), (taken,) = after - before, before - after
    assert "sales agrees!" in added
    assert "sales accepts" in taken


def test_the_same_picture_is_the_same_file() -> None:
    assert draw_model(load("two_step")).drawio() == draw_model(load("two_step")).drawio()
