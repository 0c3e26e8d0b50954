"""On paper no letter is too small, and no text and no card is cut in two."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from lifecycle_fsm.diagram.canvas import Canvas, DrawnBox, DrawnText
from lifecycle_fsm.document.blocks import Paragraph, Piece
from lifecycle_fsm.model import Model, Move, SortRule, Stage, load, shipped
from lifecycle_fsm.sheet import make_sheet, sheet
from lifecycle_fsm.sheet.page_fit import BLANK, LEAST, fits_paper, letter_size, paper_pieces
from tests.diagram.many_models import Shape

PAGE = (269, 196)  # mm: what Letter's width and A4's height leave of a landscape page
PT = 0.3528


def long_model(stages: int) -> Model:
    path = [
        Stage(f"s{rank}", title=f"Stage of rank {rank}", code=str(rank)) for rank in range(stages)
    ]
    moves = [
        Move(sources=f"s{rank - 1}", target=f"s{rank}", name=f"m{rank}", on=f"agreed_{rank}")
        for rank in range(2, stages)
    ]
    moves += [
        Move(sources=f"s{rank}", target="rest", name=f"rest{rank}", on="pause")
        for rank in range(1, stages - 1)
    ]
    return Model(
        name="long", stages=(*path, Stage("rest", off_path=True)), moves=moves,
        sort=[SortRule(name="all", target="s1", when="otherwise")],
    )  # fmt: skip


MODELS = {name: load(name) for name in shipped()} | {
    f"{n} stages": long_model(n) for n in (8, 12, 25)
}


def drawn(model: Model) -> Canvas:
    return make_sheet(model).picture.canvas


@pytest.mark.parametrize("name", MODELS)
def test_the_pieces_of_a_picture_fit_on_paper_and_can_be_read(name: str) -> None:
    canvas = drawn(MODELS[name])
    assert fits_paper(canvas)
    smallest = min(mark.size for mark in canvas.marks if isinstance(mark, DrawnText))
    for piece in paper_pieces(canvas):
        assert piece.width <= PAGE[0] + 0.01
        assert piece.height <= PAGE[1]
        scale = piece.width / canvas.width
        assert smallest * scale / PT >= LEAST - 0.01
        assert piece.height / piece.width == pytest.approx(piece.view[3] / piece.view[2])


@pytest.mark.parametrize("name", MODELS)
def test_the_pieces_are_the_whole_picture_and_cut_nothing_in_two(name: str) -> None:
    canvas = drawn(MODELS[name])
    views = [piece.view for piece in paper_pieces(canvas)]
    tops = [top / 0.75 for _, top, _, _ in views]
    assert tops[0] == 0
    assert sum(height for *_, height in views) / 0.75 == pytest.approx(canvas.height - BLANK)
    for before, after in pairwise(views):
        assert before[1] + before[3] == pytest.approx(after[1])
    for cut in tops[1:]:
        for mark in canvas.marks:
            if isinstance(mark, DrawnBox):
                assert not mark.y < cut - 0.1 < mark.y + mark.h - 0.2, mark.name
            if isinstance(mark, DrawnText):
                for line in mark.placed():
                    assert abs(line.y - cut) >= mark.size * 0.6


@pytest.mark.parametrize(
    "shape",
    [Shape(6, 12, 4), Shape(12, 4, 8), Shape(16, 9, 10, long=True), Shape(20, 6, 10)],
    ids=str,
)
def test_the_bands_of_detours_are_whole(shape: Shape) -> None:
    canvas = drawn(shape.model())
    cuts = [piece.view[1] / 0.75 for piece in paper_pieces(canvas)][1:]
    assert cuts
    for band in canvas.bands:
        assert not [cut for cut in cuts if band.y < cut < band.y + band.h]


@pytest.mark.parametrize(("stages", "detours", "tracks"), [(9, 3, 4), (12, 4, 8), (20, 6, 10)])
def test_a_cut_lies_between_two_rows(stages: int, detours: int, tracks: int) -> None:
    canvas = drawn(Shape(stages, detours, tracks).model())
    cuts = [piece.view[1] / 0.75 for piece in paper_pieces(canvas)][1:]
    assert cuts
    assert all(min(abs(cut - row) for row in canvas.breaks) < 0.01 for cut in cuts)


def test_a_picture_of_up_to_eight_stages_is_whole() -> None:
    for model in (*map(load, shipped()), long_model(6), long_model(8)):
        assert len(paper_pieces(drawn(model))) == 1


def test_a_picture_without_a_gap_is_cut_at_the_end_of_the_page() -> None:
    canvas = Canvas("full")
    canvas.box(0, 0, 1300, 3000)
    canvas.text(10, 20, "one")
    pieces = paper_pieces(canvas.trim(1300, 3000))
    assert sum(piece.view[3] for piece in pieces) == pytest.approx((3000 - BLANK) * 0.75)
    assert len(pieces) > 2


@pytest.mark.parametrize("height", [80, 190])
def test_letters_are_as_large_as_the_pages_that_the_smallest_need(height: float) -> None:
    pieces = [Piece((0, 0, 1, 1), 269, height)]
    sizes = [letter_size(pieces, [Paragraph("word " * count)]) for count in range(0, 9000, 20)]
    assert sizes[0] == max(sizes) == 10
    assert min(sizes) == 7.55
    larger = [after for before, after in pairwise(sizes) if after > before]
    assert larger, "as soon as the text needs a further page"
    assert min(larger) > 8


def test_no_letter_of_the_style_for_paper_is_smaller() -> None:
    css = Path(sheet.__file__).with_name("sheet.css").read_text("utf-8")
    paper = css[css.index("@media print") :]
    sizes = [float(size) for size in re.findall(r"([\d.]+)pt(?:;|/)", paper)]
    letters = [size for size in sizes if size > 2]  # the rest are the widths of lines
    assert min(letters) >= LEAST
    assert min(map(float, re.findall(r"font-size: ([\d.]+)em", paper))) == 1
