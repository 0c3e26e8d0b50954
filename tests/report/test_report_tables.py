"""The tables of a report, and how they are saved: the numbers of the measures, and no others."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path

import attrs
import polars
import pytest

from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.funnel import PairConversion
from lifecycle_fsm.report import make_report, save_report
from lifecycle_fsm.report.content import ReportColumn, ReportPart, ReportTable, cell_text
from lifecycle_fsm.report.measure_tables import findings, measure_parts
from tests.report.made import END, EVIL, MODEL, START, chapter, in_segments, measured, whole


def table(name: str) -> ReportTable:
    return next(table for table in whole().tables if table.name == name)


def values(table: ReportTable, name: str) -> list[object]:
    return [row[table.place(name)] for row in table.rows]


def test_flows_reconcile_in_the_table() -> None:
    flows = table("flows")
    numbers = zip(
        *(values(flows, name) for name in ("opening", "entered", "left", "closing")), strict=True
    )
    for opening, entered, left, closing in numbers:
        assert opening + entered - left == closing


def test_every_share_with_counts_is_their_quotient() -> None:
    shares = 0
    for known in whole().tables:
        for column in known.columns:
            for row in known.rows:
                ratio = known.ratio(column, row)
                if ratio is not None:
                    assert row[known.columns.index(column)] == ratio.share
                    shares += 1
    assert shares >= 30


def test_groups_are_the_first_column_and_add_up() -> None:
    part = next(p for p in measure_parts(measured(by="source"), MODEL) if p.name == "people")
    people = part.tables[0]
    assert people.columns[0] == ReportColumn("source", "Source")
    whole_people = {row.stage: row.people for row in measured().people}
    for stage in MODEL.stages:
        rows = [row for row in people.rows if row[1] == stage.display]
        assert sum(row[2] for row in rows) == whole_people[stage.name]  # type: ignore[misc]


def test_no_two_columns_of_a_table_have_the_same_name(tmp_path: Path) -> None:
    for by in ("source", "owner"):
        report = make_report(MODEL, [chapter(by=by, compare=START + (END - START) / 2)])
        for known in report.tables:
            names = [column.name for column in known.columns]
            assert len(names) == len(set(names)), known.name
        assert save_report(report, f"{tmp_path / by}/")


def test_segments_have_their_own_numbers() -> None:
    flows = next(table for table in in_segments().tables if table.name == "conversion_through")
    web = [row for row in measured(where="source == 'web'").conversions if row.reading == "through"]
    rows = [row[flows.place("reached")] for row in flows.rows if row[0] == "Web"]
    assert rows == [row.reached for row in web]


def test_a_list_says_why() -> None:
    ready = table("ready_people")
    words = {"fits and interested", "hand raise"}
    assert set(values(ready, "why")) <= words | set(map(str, values(ready, "why")))
    stuck = values(table("stuck_people"), "why")
    assert all(str(why).startswith("longer than ") for why in stuck)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "count", ""), (1234, "count", "1,234"), (0.4567, "share", "45.7 %"),
        (1234.5, "money", "1,234.50"), (timedelta(days=-2), "days", "-2.0 d"),
        (2.25, "number", "2.2"), ("a\nb", "text", "a b"),
    ],
)  # fmt: skip
def test_a_cell_for_people(value: object, kind: str, text: str) -> None:
    assert cell_text(value, kind) == text  # type: ignore[arg-type]


def test_findings_name_the_narrowest_step_that_is_not_of_few() -> None:
    report = measured()
    steps = [row for row in report.conversions if row.reading == "through"][1:-1]
    big = [row for row in steps if row.journeys >= 30]
    least = min(big, key=lambda row: row.ratio.share or 0)
    (text,) = (text for text, _ in findings(report, MODEL) if text.startswith("The narrowest"))
    assert f"({least.reached:,} of {least.journeys:,})" in text
    few = tuple(attrs.evolve(row, journeys=3, reached=1) for row in report.conversions)
    assert isinstance(few[0], PairConversion)
    rare = findings(attrs.evolve(report, conversions=few), MODEL)
    assert not any("narrowest" in text for text, _ in rare)


# ------------------------------------------------------------------ files


def test_r52_each_table_is_saved_in_three_formats(tmp_path: Path) -> None:
    files = save_report(whole(), f"{tmp_path / 'tables'}/")
    assert len(files) == 3 * len(whole().tables)
    for known in whole().tables:
        text = json.loads((tmp_path / f"tables/{known.name}.json").read_text("utf-8"))
        frame = polars.read_parquet(tmp_path / f"tables/{known.name}.parquet")
        with (tmp_path / f"tables/{known.name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert len(text["rows"]) == len(frame) == len(rows) - 1 == len(known.rows)
        assert list(text["columns"]) == frame.columns == rows[0]
        assert list(text["columns"].values()) == [column.title for column in known.columns]


def test_a_length_is_a_number_of_days_and_a_time_is_utc(tmp_path: Path) -> None:
    save_report(whole(), f"{tmp_path}/")
    frame = polars.read_parquet(tmp_path / "stuck_people.parquet")
    people = measured().stuck
    assert frame["time_days"].to_list() == pytest.approx(
        [p.time / timedelta(days=1) for p in people]
    )
    assert frame["since"].to_list() == [person.since for person in people]
    first = json.loads((tmp_path / "stuck_people.json").read_text("utf-8"))["rows"][0]
    assert first["since"] == people[0].since.isoformat().replace("+00:00", "Z")


def test_no_cell_of_a_csv_is_a_formula(tmp_path: Path) -> None:
    save_report(whole(), f"{tmp_path}/")
    with (tmp_path / "stuck_people.csv").open(encoding="utf-8", newline="") as file:
        names = {row["name"] for row in csv.DictReader(file)}
    assert {f"'{name}" for name in EVIL if name.startswith(("=", "@", "+", "-"))} <= names


@pytest.mark.parametrize("name", ["report.xls", "report", "report.txt"])
def test_an_unknown_form_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileProblem, match=r"names no form of a report; use one of \.xlsx"):
        save_report(whole(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_an_empty_history_is_an_empty_report(tmp_path: Path) -> None:
    from lifecycle_fsm.funnel import measure, observe, on_picture
    from lifecycle_fsm.report import ReportChapter

    numbers = measure([], MODEL)
    empty = ReportChapter(measured=numbers, counts=on_picture(observe([], MODEL)))
    report = make_report(MODEL, [empty])
    assert report.notes[0] == "The history is empty"
    for name in ("a.xlsx", "a.html", "a.pptx"):
        assert save_report(report, tmp_path / name) == (tmp_path / name,)


def test_what_is_no_measure_of_a_segment_has_no_label() -> None:
    part = ReportPart(name="forecast", title="Forecast", definition="d", tables=(table("flows"),))
    first, second = (chapter({"Segment": name}) for name in ("Everybody", "Web"))
    report = make_report(MODEL, [attrs.evolve(first, parts=(part,)), second])
    assert report.parts[-1] == part
    assert report.parts[0].tables[0].columns[0].title == "Segment"


def test_a_title_can_be_given() -> None:
    assert make_report(MODEL, [chapter()], title="Our\nfunnel").title == "Our funnel"
