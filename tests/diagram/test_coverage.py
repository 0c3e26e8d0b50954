"""What a picture of coverage says, and that it never says it by colour alone."""

from __future__ import annotations

import re

from lifecycle_fsm import Model, Move, SortRule, Stage
from lifecycle_fsm.diagram import draw_coverage, draw_model
from lifecycle_fsm.diagram.look import PARTLY, SEEN, UNSEEN
from lifecycle_fsm.model import load

MODEL = load("two_step")
EDGES = (*MODEL.sort_edges, *MODEL.edges)
ALL = {(edge.name, edge.source): 1 for edge in EDGES}


def lines(dot: str) -> set[tuple[str, str]]:
    """The colours of the lines between stages, and how they are drawn; without the legend."""
    styles = set()
    for row in dot.splitlines():
        if "->" in row and "#ffffff" not in row and "e2e8f0" not in row:
            color = re.search(r'color="(#\w+)"', row)
            style = re.search(r"style=(\w+)", row)
            assert color is not None
            styles.add((color[1], style[1] if style else "solid"))
    return styles


def test_what_was_fired_has_a_mark_and_a_colour() -> None:
    drawing = draw_coverage(MODEL, ALL)
    assert "✓ " in drawing.layout or ">✓" in drawing.layout
    styles = lines(drawing.layout)
    # The legend alone has the other two.
    assert [style for style in styles if style[0] == UNSEEN.line] == [(UNSEEN.line, "dotted")]
    assert drawing.layout.count(UNSEEN.line) == 1
    assert drawing.layout.count(PARTLY.line) == 1
    assert "never fired" not in drawing.description


def test_what_was_not_fired_has_another_mark_and_another_line() -> None:
    drawing = draw_coverage(MODEL, {})
    assert {style for color, style in lines(drawing.layout) if color == UNSEEN.line} == {"dotted"}
    assert drawing.layout.count(SEEN.line) == 1
    assert drawing.description.count("never fired") == len(
        {(edge.source, edge.target, edge.name) for edge in EDGES}
    )
    words = [line for arrow in drawing.graph.arrows for line in arrow.lines]
    assert words
    assert all(line.startswith("× ") for line in words)


def test_what_shares_a_line_is_told_apart_by_its_marks() -> None:
    """A move out of two stages is fired out of one of them: their common lane says “some”."""
    edge = MODEL.edges[0]
    drawing = draw_coverage(MODEL, {key: 1 for key in ALL if key != (edge.name, edge.source)})
    assert drawing.description.count("never fired") == 1
    assert drawing.layout.count(UNSEEN.line) > 1


def test_a_rule_out_of_several_detours_is_fired_where_it_is_out_of_each() -> None:
    model = Model(
        name="detours",
        stages=(Stage("new"), Stage("a"), *(Stage(name, off_path=True) for name in "xyz")),
        sort=(SortRule(name="all", target="a", when="otherwise"),),
        moves=(Move(name="ends", sources=("x", "y"), target="z", on="end"),),
    )
    for fired, paint in ((("x", "y"), SEEN), (("x",), UNSEEN), (("y",), UNSEEN)):
        dot = draw_coverage(model, {("ends", source): 1 for source in fired}).layout
        [words] = [row for row in dot.splitlines() if "ends," in row]
        assert paint.line in words


def test_other_pictures_know_nothing_of_it() -> None:
    dot = draw_model(MODEL).layout
    assert UNSEEN.line not in dot or "dotted" not in dot
    assert "✓" not in dot
