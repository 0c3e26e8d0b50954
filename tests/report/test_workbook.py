"""The workbook: live formulas, texts that stay texts, local times, and the same bytes twice."""

from __future__ import annotations

import sys
import zipfile
from datetime import datetime, timedelta
from io import BytesIO
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import attrs
import pytest

from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.funnel import Ratio
from lifecycle_fsm.report.column_makers import made_column, table_of
from lifecycle_fsm.report.content import HeatCell, HeatMap, ReportPart
from lifecycle_fsm.report.workbook import write_workbook
from tests.report.made import EVIL, MODEL, cells, column, in_segments, measured, sheets, whole

BERLIN = ZoneInfo("Europe/Berlin")


def test_r52_the_same_report_is_the_same_bytes() -> None:
    assert write_workbook(whole()) == write_workbook(whole())


def test_every_part_has_a_sheet_and_the_first_explains_them() -> None:
    content = write_workbook(whole())
    names = list(sheets(content))
    titles = ["Read me", *(part.title for part in whole().parts)]
    assert [name for name in names if name in titles] == titles
    front = {value for value, _ in cells(content, "Read me").values()}
    assert {*names[1:], f"{whole().parts[0].definition}."} <= front


def test_the_picture_is_below_everything_on_a_page_of_its_own() -> None:
    content = write_workbook(whole())
    last = max(int(address[1:]) for address in cells(content, "Read me"))
    with zipfile.ZipFile(BytesIO(content)) as book:
        assert book.read("xl/media/image1.png").startswith(b"\x89PNG")
        drawing = ElementTree.fromstring(book.read("xl/drawings/drawing1.xml"))
    first, end = (int(row.text or "") for row in drawing.findall(".//{*}row"))
    assert first >= last
    assert end - first <= 700 / 20, "a page in landscape"
    breaks = sheets(content)["Read me"].findall(".//{*}rowBreaks/{*}brk")
    assert [int(row.get("id", "")) for row in breaks] == [first]


def test_a_conversion_is_a_formula_of_its_counts() -> None:
    content = write_workbook(whole())
    rows = [row for row in measured().conversions if row.reading == "through"]
    reached, journeys = (column(content, "Conversion", head) for head in ("Reached", "Journeys"))
    assert [value for value, _ in reached] == [row.reached for row in rows]
    assert [value for value, _ in journeys] == [row.journeys for row in rows]
    shares = column(content, "Conversion", "Conversion")
    for row, (value, formula) in zip(rows, shares, strict=True):
        assert formula.startswith("IF(")
        assert value == pytest.approx(row.ratio.share)


def test_r58_a_time_is_a_date_of_the_zone_and_a_length_is_a_number_of_days() -> None:
    content = write_workbook(whole())
    first = datetime(1899, 12, 30)  # noqa: DTZ001 - what a spreadsheet counts from
    people = measured().stuck
    shown = [value for value, _ in column(content, "Stuck", "Since")]
    assert len(shown) == len(people) > 10
    for person, value in zip(people, shown, strict=True):
        assert isinstance(value, float)
        local = person.since.astimezone(BERLIN).replace(tzinfo=None)
        assert abs(first + timedelta(days=value) - local) < timedelta(seconds=1)
    lengths = [value for value, _ in column(content, "Stuck", "For (days)")]
    assert lengths == pytest.approx([person.time / timedelta(days=1) for person in people])


def test_no_text_is_a_formula_or_a_link() -> None:
    content = write_workbook(whole())
    for name in ("Ready for sales", "Stuck"):
        known = cells(content, name)
        assert not [formula for _, formula in known.values() if formula]
        assert not sheets(content)[name].findall(".//{*}hyperlink")
    texts = {value for value, _ in cells(content, "Stuck").values()}
    assert {*EVIL, "=HYPERLINK(A1)"} <= texts
    with zipfile.ZipFile(BytesIO(content)) as book:
        assert b'quotePrefix="1"' in book.read("xl/styles.xml")


def test_tables_have_filters_and_sheets_print_in_landscape_with_their_heads() -> None:
    content = write_workbook(whole())
    with zipfile.ZipFile(BytesIO(content)) as book:
        tables = [
            ElementTree.fromstring(book.read(name))
            for name in book.namelist()
            if name.startswith("xl/tables/")
        ]
        defined = book.read("xl/workbook.xml").decode()
    filled = [table for table in whole().tables if table.rows]
    assert len(tables) == len(filled)
    assert all(table.find("{*}autoFilter") is not None for table in tables)
    # Where several tables stand below each other, no head fits every page.
    below = {
        name: [table for table in sheet.iter() if table.tag.endswith("}tablePart")]
        for name, sheet in sheets(content).items()
    }
    alone = [name for name, parts in below.items() if len(parts) == 1]
    assert 0 < defined.count("_xlnm.Print_Titles") == len(alone) < len(below) - 1
    for name, sheet in sheets(content).items():
        assert (sheet.find(".//{*}pane") is not None) == (name in alone)
    for sheet in sheets(content).values():
        page = sheet.find("{*}pageSetup")
        assert page is not None
        assert (page.get("orientation"), page.get("fitToHeight")) == ("landscape", "0")


def test_segments_stand_below_each_other_with_their_names() -> None:
    content = write_workbook(in_segments())
    names = [value for value, _ in column(content, "Conversion", "Segment")]
    assert set(names) == {"Everybody", "Web"}
    assert names == sorted(map(str, names))
    assert "Window" not in {value for value, _ in cells(content, "Conversion").values()}


def test_cohorts_are_hatched_where_not_everybody_was_watched() -> None:
    cells_of = [HeatCell(Ratio(part, 40), complete) for part, complete in ((4, True), (9, False))]
    chart = HeatMap(
        title="C", corner="Month", columns=("1", "2"), rows=(("2025-01", tuple(cells_of)),)
    )
    part = ReportPart(name="cohorts", title="Cohorts", definition="d", charts=(chart,))
    content = write_workbook(attrs.evolve(whole(), parts=(part,)))
    known = cells(content, "Cohorts")
    assert known["C6"] == (0.1, "4/$B6")
    assert known["D6"] == (0.225, "9/$B6")
    assert list(sheets(content)) == ["Read me", "Cohorts"]
    sheet = sheets(content)["Cohorts"]
    assert [
        rule.get("sqref") for rule in sheet.iter() if rule.tag.endswith("conditionalFormatting")
    ] == ["C6"]


def test_a_table_that_is_longer_than_a_page_has_a_sheet_of_its_own() -> None:
    part = ReportPart(
        name="f", title="What if?", definition="d",
        tables=tuple(
            table_of(f"t{rows}", title, range(rows), made_column("n", "Number", "count", int))
            for title, rows in (("Short", 3), ("By week", 90), ("Also short", 4))
        ),
    )  # fmt: skip
    content = write_workbook(attrs.evolve(whole(), parts=(part,)))
    assert list(sheets(content)) == ["Read me", "What if", "What if by week"]
    assert len(column(content, "What if by week", "Number")) == 90
    assert {"Short", "Also short"} <= {value for value, _ in cells(content, "What if").values()}


def test_each_of_several_long_tables_says_which_it_is() -> None:
    tables = tuple(
        table_of(f"t{at}", title, range(50), made_column("n", "Number", "count", int))
        for at, title in enumerate(("F: first", "Second"))
    )
    part = ReportPart(name="f", title="F", definition="d", tables=tables)
    content = write_workbook(attrs.evolve(whole(), parts=(part,)))
    assert list(sheets(content)) == ["Read me", "F first", "F second"]
    front = cells(content, "Read me").values()
    assert {"d.", "F: second."} <= {value for value, _ in front}


def test_what_stands_below_each_other_is_not_parted_by_the_end_of_a_page() -> None:
    part = ReportPart(
        name="f", title="F", definition="d",
        tables=tuple(
            table_of(f"t{at}", f"T{at}", range(20), made_column("n", "Number", "count", int))
            for at in range(3)
        ),
    )  # fmt: skip
    content = write_workbook(attrs.evolve(whole(), parts=(part,)))
    titles = [
        address for address, (value, _) in cells(content, "F").items() if value in ("T1", "T2")
    ]
    breaks = [row.get("id") for row in sheets(content)["F"].findall(".//{*}rowBreaks/{*}brk")]
    assert [f"A{int(row or 0) + 1}" for row in breaks] == titles


def test_every_head_has_room_for_its_words_and_the_button_of_its_filter() -> None:
    content = write_workbook(whole())
    for sheet in sheets(content).values():
        heads = [
            row for row in sheet.iter() if row.tag.endswith("}row") and row.get("customHeight")
        ]
        assert all(26 <= float(row.get("ht", 0)) <= 80 for row in heads if row.get("r") != "1")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    with pytest.raises(MissingExtra, match=r"lifecycle-fsm\[xlsx\]"):
        write_workbook(whole())


def test_stages_have_their_titles() -> None:
    shown = [value for value, _ in column(write_workbook(whole()), "The funnel", "Stage")]
    assert shown == [stage.display for stage in MODEL.stages]
