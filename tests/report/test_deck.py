"""The slides: six, with native shapes, tables and charts, and the same bytes twice."""

from __future__ import annotations

import sys
import zipfile
from io import BytesIO
from typing import Any

import attrs
import pytest

from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.report.deck import write_deck
from lifecycle_fsm.report.saved_report import save_report
from tests.report.made import MODEL, measured, whole
from tests.report.test_web_page import with_charts

pptx = pytest.importorskip("pptx")


def slides(content: bytes) -> list[Any]:
    return list(pptx.Presentation(BytesIO(content)).slides)


def texts(table: Any) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def tables(slide: Any) -> list[Any]:
    return [shape.table for shape in slide.shapes if shape.has_table]


def charts(slide: Any) -> list[Any]:
    return [shape.chart for shape in slide.shapes if shape.has_chart]


def test_r52_six_slides_with_native_shapes() -> None:
    shown = slides(write_deck(with_charts()))
    titles = [slide.shapes.title.text for slide in shown]
    assert titles[1:] == [
        "What the numbers mean",
        "The funnel in numbers",
        "Conversion and fan",
        "What if mql_threshold were different?",
        "Next steps",
    ]
    drawn = " ".join(shape.text_frame.text for shape in shown[0].shapes if shape.has_text_frame)
    assert all(stage.display in drawn for stage in MODEL.path)
    assert not [shape for slide in shown for shape in slide.shapes if shape.shape_type == 13]


def test_the_numbers_are_those_of_the_table() -> None:
    (table,) = tables(slides(write_deck(whole()))[2])
    known = {row.stage: row.people for row in measured().people}
    rows = texts(table)[1:]
    assert [row[0] for row in rows] == [stage.display for stage in MODEL.stages]
    assert [row[1] for row in rows] == [f"{known[stage.name]:,}" for stage in MODEL.stages]


def test_the_chart_has_the_shares_and_the_counts() -> None:
    chart = charts(slides(write_deck(whole()))[3])[0]
    rows = [row for row in measured().conversions if row.reading == "through" and row.journeys]
    assert list(chart.plots[0].series[0].values) == pytest.approx([row.ratio.share for row in rows])
    assert [name.partition("\n")[0].rsplit(" ", 3)[1] for name in chart.plots[0].categories] == [
        f"{row.reached:,}" for row in rows
    ]


def test_those_lost_are_below_the_axis() -> None:
    series = charts(slides(write_deck(with_charts()))[4])[1].plots[0].series
    values = {part.name: list(part.values) for part in series}
    assert values["added: bought"] == [3, 0, 0]
    assert values["lost: accepted"] == [0, 0, -9]


def test_what_was_not_asked_for_has_no_slide() -> None:
    titles = [slide.shapes.title.text for slide in slides(write_deck(whole()))]
    assert len(titles) == 5
    assert not any(title.startswith("What if") for title in titles)
    bare = attrs.evolve(whole(), parts=(), findings=(), picture=None)
    assert len(slides(write_deck(bare))) == 2


def test_everything_is_on_its_slide() -> None:
    deck = pptx.Presentation(BytesIO(write_deck(with_charts())))
    for slide in list(deck.slides)[1:]:
        for shape in slide.shapes:
            assert 0 <= shape.left <= shape.left + shape.width <= deck.slide_width
            assert 0 <= shape.top <= shape.top + shape.height <= deck.slide_height


def test_the_same_report_is_the_same_bytes_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = write_deck(whole())
    assert write_deck(whole()) == first
    with zipfile.ZipFile(BytesIO(first)) as deck:
        books = [name for name in deck.namelist() if name.endswith(".xlsx")]
        assert books
        for name in books:
            with zipfile.ZipFile(BytesIO(deck.read(name))) as book:
                assert b">1980-01-01T00:00:00Z<" in book.read("docProps/core.xml")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setitem(sys.modules, "pptx", None)
    with pytest.raises(MissingExtra, match=r"lifecycle-fsm\[pptx\]"):
        save_report(whole(), tmp_path / "x.pptx")
    assert not list(tmp_path.iterdir())
