"""A table of a report in a terminal."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lifecycle_fsm.cli.table_text import Shown, shown, table_text
from lifecycle_fsm.report import ReportTable
from lifecycle_fsm.report.content import CellValue, ReportColumn

COLUMNS = (
    ReportColumn("stage", "Stage"),
    ReportColumn("part", "Reached", "count"),
    ReportColumn("whole", "Journeys", "count"),
    ReportColumn("share", "Conversion", "share", of=("part", "whole")),
    ReportColumn("low", "At least", "share"),
    ReportColumn("high", "At most", "share"),
    ReportColumn("half", "Half left", "days", visits="whole"),
    ReportColumn("change", "Difference", "share", signed=True),
    ReportColumn("later", "Later", "days", signed=True),
    ReportColumn("won", "Won", "money"),
)
ROWS: tuple[tuple[CellValue, ...], ...] = (
    ("MQL", 12, 40, 0.3, 0.18, 0.456, timedelta(days=20), 0.012, timedelta(days=2), 1234.5),
    ("MQL", 1, 4, 0.25, 0.05, 0.7, None, -0.5, timedelta(hours=-3), 0.0),
    ("SAL", 0, 0, None, None, None, None, None, None, None),
)
TABLE = ReportTable(name="t", title="T", columns=COLUMNS, rows=ROWS)


@pytest.mark.parametrize(
    ("columns", "cells"),
    [
        ("part/whole", ["12 of 40", "1 of 4", ""]),
        ("share", ["30.0 %", "25.0 %*", ""]),
        ("low..high:95_%", ["18 to 46 %", "5 to 70 %", ""]),
        ("half:half_left", ["20 d", "not reached", ""]),
        ("change", ["+1.2 points", "-50.0 points", ""]),
        ("later", ["+2.0 d", "-3 h", ""]),
        ("won", ["1,234", "0", ""]),
    ],
)
def test_a_column_or_two_as_one(columns: str, cells: list[str]) -> None:
    head, *lines = table_text(TABLE, shown(f"stage {columns}")).splitlines()
    assert head.split()[0] == "stage"
    assert [line[7:].strip() for line in lines] == cells


def test_heads_are_names_or_what_they_are_called() -> None:
    expected: Shown = [("part/whole", ""), ("low..high", "95 % range"), ("by_owner", "by owner")]
    assert shown("part/whole low..high:95_%_range by_owner") == expected
    assert table_text(TABLE).split("\n")[0].split() == [column.name for column in COLUMNS]


def test_what_repeats_the_line_above_stands_once() -> None:
    lines = table_text(TABLE, shown("stage whole"), once=1).splitlines()[1:]
    assert [line.split() for line in lines] == [["MQL", "40"], ["4"], ["SAL", "0"]]


def test_a_column_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError, match="hole"):
        table_text(TABLE, shown("part/hole_"))
