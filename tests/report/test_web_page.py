"""The page: everything escaped, no barrier in light or dark, and nothing wider than its screen."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import attrs
import pytest

from lifecycle_fsm.diagram.text_fit import width as text_width
from lifecycle_fsm.funnel import Ratio
from lifecycle_fsm.report.chart_svg import NARROW, WIDE, chart_svg
from lifecycle_fsm.report.content import (
    Bar,
    BarChart,
    Chart,
    HeatCell,
    HeatMap,
    LineBand,
    LineChart,
    LinePanel,
    Report,
    ReportPart,
    WhatIfPanels,
)
from lifecycle_fsm.report.web_page import SHOWN, write_page
from tests.diagram.test_in_browser import AXE, barriers
from tests.report.made import in_segments, whole
from tests.sheet.pages import parsed
from tests.sheet.test_browser import CHROMIUM, FRAME, PAPER, WIDTHS, chromium

NOTHING = (None,) * 4
CHARTS: dict[str, Chart] = {
    "bars": BarChart(
        title="Bars",
        kind="share",
        bars=(
            Bar(
                label="<MAL> & a very long name of a stage",
                value=0.25,
                text="25 %",
                low=0.2,
                high=0.4,
            ),
            Bar(label="none", value=0.0, text="nobody"),
        ),
    ),
    "fan": LineChart(
        title="Fan",
        periods=tuple(f"2025-W{week:02}" for week in range(1, 8)),
        panels=tuple(
            LinePanel(
                title=f"Panel {number}",
                past=(3, 5, 4, 6, None, None, None),
                expected=(*NOTHING, 6, 6.5, 7),
                bands=(LineBand(0.8, (*NOTHING, 4, 4, 4), (*NOTHING, 8, 9, 10)),),
            )
            for number in range(3)
        ),
    ),
    "cohorts": HeatMap(
        title="Cohorts",
        corner="Month",
        columns=tuple(f"{week} weeks" for week in range(1, 13)),
        rows=(
            ("2025-01", tuple(HeatCell(Ratio(week, 40)) for week in range(1, 13))),
            (
                "2025-02",
                (HeatCell(Ratio(0, 9)), HeatCell(Ratio(2, 9), complete=False), *[None] * 10),
            ),
        ),
    ),
    "what if": WhatIfPanels(
        title="MQL",
        setting="mql_threshold",
        values=("50", "65", "80"),
        entries=(50.0, 40.0, 21.5),
        current="65",
        capacity=40,
        added={"bought": (3, 0, 0), "nobody knows": (20, 0, 0)},
        lost={"bought": (0, 0, 2), "accepted": (0, 0, 9)},
    ),
}


def with_charts() -> Report:
    part = ReportPart(
        name="more", title=CHARTS["fan"].title, definition="d", charts=tuple(CHARTS.values())
    )
    return attrs.evolve(whole(), parts=(*whole().parts, part))


def html(report: Report) -> str:
    return write_page(report).decode()


@pytest.mark.parametrize("wide", [WIDE, NARROW])
@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_says_what_it_shows_and_stays_in_its_frame(name: str, wide: float) -> None:
    svg = ElementTree.fromstring(chart_svg(CHARTS[name], wide))
    assert svg.get("aria-label") == f"{CHARTS[name].title}: {CHARTS[name].description}"
    high = float((svg.get("viewBox") or "").split()[-1])
    for box in svg.iter("rect"):
        x, y, w, h = (float(box.get(key) or 0) for key in ("x", "y", "width", "height"))
        assert -0.1 <= x <= x + w <= wide + 0.1
        assert -0.1 <= y <= y + h <= high + 0.1
    for text in svg.iter("text"):
        assert 0 <= float(text.get("y") or -1) <= high


@pytest.mark.parametrize("wide", [WIDE, NARROW])
@pytest.mark.parametrize("count", [3, 11, 60])
def test_no_value_of_a_setting_covers_another(count: int, wide: float) -> None:
    chart = WhatIfPanels(
        title="MQL", setting="a_setting_with_a_name_that_has_no_room_anywhere" * 2,
        values=tuple(f"1{value:02}" for value in range(count)), current="102",
        entries=tuple(float(value) for value in range(count)), capacity=40,
        added={"bought": tuple(range(count))},
    )  # fmt: skip
    ends: dict[str, float] = {}
    svg = ElementTree.fromstring(chart_svg(chart, wide))
    texts = [text for text in svg.iter("text") if text.get("text-anchor") == "middle"]
    half = WIDE / 2 if wide == WIDE else wide
    for text in texts:
        middle, room = float(text.get("x") or 0), text_width(text.text or "", 11)
        line = f"{middle > half} {text.get('y')}"
        assert middle - room / 2 >= ends.get(line, 0)
        ends[line] = middle + room / 2
        assert ends[line] <= wide
    assert "102" in {text.text for text in texts}


def test_a_band_is_as_high_as_its_numbers() -> None:
    chart = LineChart(
        title="t",
        periods=("1", "2"),
        panels=(
            LinePanel(
                title="p", past=(), expected=(5, 10), bands=(LineBand(0.8, (5, 0), (5, 10)),)
            ),
        ),
    )
    svg = chart_svg(chart)
    way = re.search(r'<path d="M([^"]*?)Z" class="band"', svg)
    assert way is not None
    heights = [float(point.split()[1]) for point in way[1].split(" L")]
    base, half, top = (
        float(at) for at in re.findall(r'<path d="M[\d.]+ ([\d.]+) L[^"]+" class="rule"', svg)
    )
    assert heights == pytest.approx([half, base, top, half], abs=0.06)


def test_a_cell_is_hatched_where_not_everybody_was_watched() -> None:
    hatched = chart_svg(CHARTS["cohorts"]).count('class="hatch"')
    chart = CHARTS["cohorts"]
    assert isinstance(chart, HeatMap)
    sure = attrs.evolve(chart, rows=chart.rows[:1])
    assert hatched > chart_svg(sure).count('class="hatch"') > 0


def test_the_page_is_well_formed_and_runs_no_text_of_a_form() -> None:
    page = html(with_charts())
    tree = parsed(page)
    assert not tree.all("script", "link", "iframe", "img")
    assert "<b>bold</b>" not in page
    assert escape("<b>bold</b>&amp;") in page
    assert not re.search(r"https?://(?!www\.w3\.org)[^<]*\.(css|js|png)", page)


def test_a_long_list_is_cut_and_says_so() -> None:
    (part,) = (part for part in whole().parts if part.name == "stuck")
    rows = part.tables[0].rows
    many = attrs.evolve(part, tables=(attrs.evolve(part.tables[0], rows=rows * 3),))
    assert len(rows) < SHOWN < 3 * len(rows)
    assert f"{3 * len(rows) - SHOWN:,} more are in the workbook" in html(
        attrs.evolve(whole(), parts=(many,))
    )
    assert "more are in the workbook" not in html(whole())


def test_segments_have_their_column_and_their_charts() -> None:
    page = html(in_segments())
    assert page.count('scope="col">Segment</th>') >= 5
    assert "Conversion, with its 95 % interval – Web" in page


@pytest.mark.skipif(CHROMIUM is None or AXE is None, reason="needs Chromium and axe-core-python")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_r52_no_page_has_a_barrier(tmp_path: Path, dark: bool) -> None:
    assert barriers(tmp_path, html(with_charts()), dark=dark) == []


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_nothing_is_wider_than_the_screen(tmp_path: Path) -> None:
    page = escape(html(with_charts()))
    frames = "".join(FRAME.format(width=width, page=page) for width in WIDTHS)
    (tmp_path / "frames.html").write_text(f"<!DOCTYPE html>{frames}", "utf-8")
    dumped = chromium(tmp_path, "--dump-dom", (tmp_path / "frames.html").as_uri())
    found = re.findall(r'data-page="(\d+)/(\d+)/(\d+)"', dumped)
    assert [tuple(map(int, one)) for one in found] == [(width, width, 0) for width in WIDTHS]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
@pytest.mark.parametrize("paper", PAPER)
def test_it_prints_without_an_empty_page(tmp_path: Path, paper: str) -> None:
    pypdf = pytest.importorskip("pypdf", reason="reads a PDF")
    page, pdf = tmp_path / "report.html", tmp_path / "report.pdf"
    size = f"<style>@page {{ size: {paper} }}</style></head>"
    page.write_text(html(with_charts()).replace("</head>", size, 1), "utf-8")
    chromium(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.as_uri())
    texts = [sheet.extract_text().strip() for sheet in pypdf.PdfReader(pdf).pages]
    assert len(texts) > 3
    assert all(texts)
