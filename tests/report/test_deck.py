"""The slides, with native shapes, tables and charts, and the same bytes twice."""

from __future__ import annotations

import sys
import zipfile
from io import BytesIO
from typing import Any

import attrs
import pytest

from lifecycle_fsm.diagram.text_fit import width
from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.forecast import forecast
from lifecycle_fsm.funnel import observe
from lifecycle_fsm.report import Report
from lifecycle_fsm.report.column_makers import made_column, table_of
from lifecycle_fsm.report.content import ReportPart, WhatIfPanels
from lifecycle_fsm.report.deck import write_deck
from lifecycle_fsm.report.forecast_tables import forecast_report
from lifecycle_fsm.report.saved_report import save_report
from tests.report.made import MODEL, ROWS, measured, whole
from tests.report.test_web_page import CHARTS, with_charts

pptx = pytest.importorskip("pptx")
EMU = 12_700  # in a point


def slides(content: bytes) -> list[Any]:
    return list(pptx.Presentation(BytesIO(content)).slides)


def texts(table: Any) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


def tables(slide: Any) -> list[Any]:
    return [shape.table for shape in slide.shapes if shape.has_table]


def charts(slide: Any) -> list[Any]:
    return [shape.chart for shape in slide.shapes if shape.has_chart]


def test_r52_seven_slides_with_native_shapes() -> None:
    shown = slides(write_deck(with_charts()))
    titles = [slide.shapes.title.text for slide in shown]
    assert titles[1:] == [
        "What the numbers mean",
        "The funnel in numbers",
        "Conversion and entries",
        "Fan",
        "What if mql_threshold were not 65?",
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
    series = charts(slides(write_deck(with_charts()))[5])[1].plots[0].series
    values = {part.name: list(part.values) for part in series}
    assert values["added: bought"] == [3, 0, 0]
    assert values["lost: accepted"] == [0, 0, -9]


def test_what_was_not_asked_for_has_no_slide() -> None:
    titles = [slide.shapes.title.text for slide in slides(write_deck(whole()))]
    assert len(titles) == 5
    assert not any(title.startswith("What if") for title in titles)
    assert all(
        any(text) for table in tables(slides(write_deck(whole()))[2]) for text in texts(table)
    )
    bare = attrs.evolve(whole(), parts=(), findings=(), picture=None)
    assert len(slides(write_deck(bare))) == 2


def test_everything_is_on_its_slide() -> None:
    deck = pptx.Presentation(BytesIO(write_deck(with_charts())))
    for slide in list(deck.slides)[1:]:
        for shape in slide.shapes:
            assert 0 <= shape.left <= shape.left + shape.width <= deck.slide_width
            assert 0 <= shape.top <= shape.top + shape.height <= deck.slide_height


def many(rows: int, name: str = "what_if") -> Report:
    """A report whose table has so many rows, and as many findings."""
    table = table_of(
        name, "T", range(rows), made_column("n", "Number", "count", int),
        made_column("code", "Code", "text", str),
    )  # fmt: skip
    part = ReportPart(name="p", title="P", definition="d", tables=(table,))
    steps = tuple((f"Finding {place}", "Do") for place in range(rows))
    return attrs.evolve(whole(), parts=(part,) * rows, findings=steps)


@pytest.mark.parametrize("rows", [1, 10, 11, 12, 40])
def test_a_long_table_says_how_many_rows_it_leaves_out(rows: int) -> None:
    shown = slides(write_deck(attrs.evolve(many(rows), picture=None)))
    for slide in (shown[0], shown[1], shown[-1]):
        (table,) = tables(slide)
        first = [row[0] for row in texts(table)[1:] if row[0]]
        assert len(first) == min(rows, 11)
        assert len(table.rows) <= 12
        assert (first[-1] == f"… and {rows - 10} more") == (rows > 11)


def test_every_text_can_be_read_from_the_back_of_the_room() -> None:
    for slide in slides(write_deck(with_charts()))[1:]:
        frames = [shape.text_frame for shape in slide.shapes if shape.has_text_frame]
        frames += [cell.text_frame for table in tables(slide) for cell in table.iter_cells()]
        sizes = [
            run.font.size.pt for frame in frames for line in frame.paragraphs for run in line.runs
        ]
        sizes += [chart.font.size.pt for chart in charts(slide)]
        assert min(sizes) >= 12


def test_a_long_title_is_smaller_and_stays_above_what_it_is_about() -> None:
    (chart,) = (chart for chart in CHARTS.values() if isinstance(chart, WhatIfPanels))
    for setting, lines in (("$enough", 1), ("$" + "a_name_of_a_setting_" * 4, 2)):
        part = ReportPart(
            name="p", title="P", definition="d", charts=(attrs.evolve(chart, setting=setting),)
        )
        shown = slides(write_deck(attrs.evolve(whole(), parts=(part,), picture=None)))
        title = shown[1].shapes.title
        (run,) = title.text_frame.paragraphs[0].runs
        assert title.width >= width(run.text, run.font.size.pt, bold=True) / lines * EMU
        assert run.font.size.pt * 1.2 * lines * EMU <= title.height


def test_a_forecast_has_a_chart_for_each_stage_and_names_few_periods() -> None:
    ahead = forecast(observe(ROWS, MODEL))
    shown = slides(write_deck(forecast_report(ahead, MODEL)))
    (slide,) = (each for each in shown if charts(each))
    panels = charts(slide)
    assert len(panels) == len(MODEL.path) - 1
    places = [(each.left, each.top) for each in slide.shapes if each.has_chart]
    assert len(set(places)) == len(panels)
    for chart in panels:
        (every,) = chart.category_axis._element.findall("{*}tickLblSkip")
        assert len(list(chart.plots[0].categories)) / int(every.get("val")) < 6
        assert not chart.has_legend


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
