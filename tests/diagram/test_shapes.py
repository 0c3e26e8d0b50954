"""What other tools show can be moved: a stage is one shape, a move one line between two."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import pytest

from lifecycle_fsm.demo.gallery import best_path
from lifecycle_fsm.demo.histories import history
from lifecycle_fsm.diagram import (
    Drawing,
    draw_coverage,
    draw_funnel,
    draw_model,
    draw_person,
    draw_processing,
)
from lifecycle_fsm.diagram.canvas import Canvas, Link
from lifecycle_fsm.diagram.look import Stroke
from lifecycle_fsm.diagram.shapes import DASHES, Connector, Shapes
from lifecycle_fsm.funnel import count
from lifecycle_fsm.model import Model, load, shipped
from tests.diagram.many_models import SHAPES, Shape, counted


def every_picture(model: Model) -> dict[str, Drawing]:
    """One picture of each kind."""
    rows = list(history(model, 60))
    return {
        "model": draw_model(model),
        "funnel": draw_funnel(model, count(rows, model), hide_zero=False),
        "coverage": draw_coverage(model, {}),
        "person": draw_person(model, best_path(model, rows)),
        "processing": draw_processing(model),
    }


def check_ways(canvas: Canvas) -> None:
    shapes = Shapes(canvas)
    assert [link.key for link in shapes.connectors if not link.points] == []
    keys = [card.key for card in shapes.cards] + [label.key for label in shapes.labels]
    keys += [connector.key for connector in shapes.connectors]
    assert len(set(keys)) == len(keys)
    for connector in shapes.connectors:
        for card, point in (
            (connector.tail, connector.points[0]),
            (connector.head, connector.points[-1]),
        ):
            box = card.box
            assert box.x - 3 <= point[0] <= box.x + box.w + 3
            assert box.y - 3 <= point[1] <= box.y + box.h + 3


@pytest.mark.parametrize("name", shipped())
def test_each_move_has_its_way_from_stage_to_stage(name: str) -> None:
    model = load(name)
    pairs = {(edge.source, edge.target) for edge in (*model.sort_edges, *model.edges)}
    for kind, drawing in every_picture(model).items():
        check_ways(drawing.canvas)
        links = Shapes(drawing.canvas).connectors
        if kind in ("model", "funnel", "coverage"):
            ends = Counter((link.tail.box.name, link.head.box.name) for link in links)
            assert ends == Counter(pairs)
        else:
            assert links


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_move_has_its_way_in_a_picture_of_any_shape(shape: Shape) -> None:
    model = shape.model()
    check_ways(draw_model(model, rules=False).canvas)
    check_ways(draw_funnel(model, counted(model, 1000)).canvas)


def test_a_train_does_not_turn_back() -> None:
    """Two trunks into one lane: from the left one, the way does not go up the right one."""
    canvas = Canvas("tracks")
    for name, x in (("a", 0), ("b", 100), ("c", 200), ("d", 300)):
        canvas.box(x, 100, 40, 40, name=name)
    for x in (20, 120):
        canvas.line([(x, 100), (x, 61)])
        canvas.line([(x, 61), (x, 50), (x + 11, 50)])
    canvas.line([(31, 50), (131, 50)])
    canvas.line([(131, 50), (320, 50), (320, 100)], arrow=True)
    canvas.line([(120, 61), (120, 20), (220, 20), (220, 100)], arrow=True)
    for tail, head in (("a", "d"), ("b", "d"), ("b", "c"), ("a", "c")):
        canvas.links.append(Link(tail, head, Stroke()))
    ways = {
        (link.tail.box.name, link.head.box.name): link.points for link in Shapes(canvas).connectors
    }
    assert ways["a", "d"] == ((20, 100), (20, 50), (320, 50), (320, 100))
    assert ways["b", "d"] == ((120, 100), (120, 50), (320, 50), (320, 100))
    assert ways["b", "c"] == ((120, 100), (120, 20), (220, 20), (220, 100))
    assert ways["a", "c"] == ()


def test_a_text_belongs_to_the_card_on_which_it_stands() -> None:
    canvas = Canvas("cards")
    canvas.box(0, 0, 200, 100, name="mql")
    canvas.badge(10, 20, 40, "MQL", "#6d28d9")
    canvas.text(190, 20, "CRM", align="right")
    canvas.text(10, 50, "Qualified")
    canvas.text(10, 150, "below the card")
    shapes = Shapes(canvas)
    (card,) = shapes.cards
    assert (card.key, card.text) == ("stage-mql", "MQL CRM\nQualified")
    assert card.rows[0].parts[0].spans[0].color == "#6d28d9", "white on white is not read"
    assert [label.key for label in shapes.labels] == ["text-below-the-card"]


@pytest.mark.parametrize("name", shipped())
def test_dashes_of_moves_on_one_lane_lie_on_each_other(name: str) -> None:
    """Each begins at its own stage: only then is a lane of several moves not a solid line."""
    model = load(name)
    lanes: dict[tuple[str, float], list[Connector]] = {}
    for connector in Shapes(draw_funnel(model, counted(model, 7)).canvas).connectors:
        if connector.link.stroke.dash == "dashed" and len(connector.points) == 3:
            lanes.setdefault((connector.link.head, connector.points[-1][1]), []).append(connector)
    assert lanes
    for connectors in lanes.values():
        assert len({connector.link.stroke.width for connector in connectors}) == 1
        for connector in connectors:
            length = sum(math.dist(*ends) for ends in itertools.pairwise(connector.points))
            assert length / sum(DASHES) == pytest.approx(round(length / sum(DASHES)))
