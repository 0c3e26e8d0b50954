"""``lifecycle-fsm report``: the settings, the files, the windows, and the limits."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from lifecycle_fsm.tables import DEADLINES, TableWriter
from lifecycle_fsm.tables.opportunity_table import OpportunityRow, opportunity_columns
from tests.cli.commands import Cli
from tests.cli.test_funnel import FACTS, ROWS, write
from tests.funnel.made import MODEL, day

SETTINGS = """
title = "The week"
history = "run/history.parquet"
zone = "Europe/Berlin"
outputs = ["out/report.xlsx", "out/report.html", "out/report.pptx", "out/tables/"]
windows = ["last month", "this month"]

[[segments]]
name = "German"
where = "country == 'DE'"

[[limits]]
conversion = "mql:sal"
below = "90 %"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A file of settings, beside the folder of a run."""
    (tmp_path / "run").mkdir()
    write(tmp_path / "run/history.parquet")
    facts = TableWriter(DEADLINES, FACTS)
    facts.save(tmp_path / "run/deadlines.parquet")
    path = tmp_path / "weekly.toml"
    path.write_text(SETTINGS, "utf-8")
    return path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_r52_every_output_is_written_beside_the_settings(cli: Cli, settings: Path) -> None:
    done = cli("report", settings)
    assert done.err == ""
    out = settings.parent / "out"
    assert {file.name for file in out.iterdir()} == {
        "report.xlsx", "report.html", "report.pptx", "tables",
    }  # fmt: skip
    assert re.findall(r"^written: .*/out/(.*)$", done.out, re.MULTILINE)[:3] == [
        "report.xlsx", "report.html", "report.pptx",
    ]  # fmt: skip
    shown = rows(out / "tables/conversion_through.csv")
    assert {(row["segment"], row["window"]) for row in shown} == {
        (segment, window)
        for segment in ("Everybody", "German")
        for window in ("last month", "this month")
    }


def test_amounts_are_there_in_each_segment_and_window(cli: Cli, settings: Path) -> None:
    deals = (
        OpportunityRow(
            id=name, person="a", status="open", amount=900.0, opened_at=day(1), closes_at=day(90),
            stage="sal", kept={"country": "DE"},
        )
        for name in ("o1", "o2")
    )  # fmt: skip
    columns = opportunity_columns({"country": MODEL.field_types["country"]})
    TableWriter(columns, deals).save(settings.parent / "run/opportunities.parquet")
    assert cli("report", settings).code == 1  # the limit
    shown = rows(settings.parent / "out/tables/pipeline.csv")
    numbers = {(row["segment"], row["window"]): row["open"] for row in shown}
    assert len(numbers) == 4
    assert set(numbers.values()) == {"2"}


def test_a_broken_limit_is_the_exit_status(cli: Cli, settings: Path) -> None:
    text = SETTINGS.replace("windows = ", "# ").replace('below = "90 %"', "below = {}")
    settings.write_text(text.format("0.2"), "utf-8")
    assert cli("report", settings).code == 0
    settings.write_text(text.format("0.9"), "utf-8")
    done = cli("report", settings)
    assert done.code == 1
    (line,) = re.findall(r"^broken: (.*)$", done.out, re.MULTILINE)
    assert re.fullmatch(r"conversion MQL → SAL is [\d.]+ % \(.*\), below 90.0 %", line)
    assert line[1:] in (settings.parent / "out/report.html").read_text("utf-8")


def test_it_is_as_of_the_instant_that_is_given(cli: Cli, settings: Path) -> None:
    counts = {}
    for at in ("2024-01-06", "2024-02-20"):
        cli("report", settings, "--at", at)
        table = rows(settings.parent / "out/tables/funnel.csv")
        counts[at] = {
            row["stage"]: int(row["people"])
            for row in table
            if (row["segment"], row["window"]) == ("Everybody", "this month")
        }
    last = {move.person for move in ROWS}
    assert sum(counts["2024-01-06"].values()) <= len(last)
    assert counts["2024-01-06"] != counts["2024-02-20"]


def test_the_same_settings_give_the_same_files(cli: Cli, settings: Path) -> None:
    written = []
    for _ in range(2):
        cli("report", settings)
        files = sorted(file for file in (settings.parent / "out").rglob("*") if file.is_file())
        written.append(
            {file.name: file.read_bytes() for file in files if file.suffix != ".parquet"}
        )
    assert written[0] == written[1]
    assert len(written[0]) > 10


def test_all_mistakes_are_told_at_once_with_their_lines(cli: Cli, settings: Path) -> None:
    text = """title = 5
history = "run/history.parquet"
outputs = ["report.doc"]
windows = ["last mont"]
measures = ["conversions"]
evry = "week"
every = "fortnight"
by = "contry"
pairs = ["mql"]
horizon = "long"
zone = "Europe/Berln"
target = 60
[[segments]]
name = "German"
where = "contry == 'DE'"
[[segments]]
name = "German"
[[limits]]
conversion = "mql:sla"
below = 0.5
segment = "Germany"
[[limits]]
overdue = "all"
[[limits]]
below = 3
[[limits]]
people = "mql"
above = "many"
"""
    settings.write_text(text, "utf-8")
    done = cli("report", settings)
    assert done.code == 2
    assert not (settings.parent / "report.doc").exists()
    told = [line.strip() for line in done.err.splitlines()[1:]]
    expected = (
        (1, "title", "it should be a text, not 5"),
        (3, "outputs", "'report.doc' names no form of a report"),
        (4, "windows", "'last mont' is no window"),
        (5, "measures", "did you mean 'conversion'"),
        (6, "evry", "did you mean 'every'"),
        (7, "every", "'fortnight' is none of day, week"),
        (8, "by", "this history keeps no 'contry'"),
        (9, "pairs", "'mql' names no two stages"),
        (10, "horizon", "'long' is no length of time"),
        (11, "zone", "did you mean 'Europe/Berlin'"),
        (12, "target", "it should be a share"),
        (15, "segments[0], where", "this history keeps no 'contry'"),
        (16, "segments[1], where", "it is missing"),
        (17, "segments[1], name", "there is another segment of this name"),
        (19, "limits[0], conversion", "did you mean"),
        (21, "limits[0], segment", "did you mean 'German'"),
        (22, "limits[1]", "it needs below or above"),
        (24, "limits[2]", "it needs one of conversion"),
        (28, "limits[3], above", "it should be a number, not 'many'"),
    )
    assert len(told) == len(expected), done.err
    for line, (number, place, message) in zip(told, expected, strict=True):
        assert line.startswith(f"line {number}: {place}: "), line
        assert message in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("outputs = [", "is no TOML"),
        ("outputs = ['a/']", "it needs one of history, the file that `run` wrote, or store"),
        ("history = 'run/history.parquet'", "it writes nothing"),
        ("history = 'run/histori.parquet'\noutputs = ['a/']", "did you mean"),
        (
            "history = 'run/history.parquet'\noutputs = ['a/']\nlimits = 5",
            r"write it as \[\[limits\]\]",
        ),
        ("history = 'run/history.parquet'\noutputs = ['a/']\nsegments = [1]", "write it as"),
        ("history = 'run/history.parquet'\noutputs = []", "it should be a list"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(
    cli: Cli, settings: Path, text: str, message: str
) -> None:
    settings.write_text(text, "utf-8")
    done = cli("report", settings)
    assert done.code == 2
    assert re.search(message, done.err), done.err


def test_a_missing_file_is_told(cli: Cli, settings: Path) -> None:
    done = cli("report", settings.with_name("weakly.toml"))
    assert (done.code, "did you mean 'weekly.toml'?" in done.err) == (2, True)


def test_an_output_that_is_read_is_refused(cli: Cli, settings: Path) -> None:
    link = settings.parent / "out.html"
    link.symlink_to(settings)
    settings.write_text(SETTINGS.replace("out/report.html", "out.html"), "utf-8")
    done = cli("report", settings)
    assert done.code == 2
    assert "would be replaced" in done.err


def test_an_empty_history_is_a_report(cli: Cli, settings: Path) -> None:
    write(settings.parent / "run/history.parquet", [])
    done = cli("report", settings)
    assert (done.code, done.err) == (0, "")
    page = (settings.parent / "out/report.html").read_text("utf-8")
    assert "The history is empty." in page


@pytest.mark.parametrize("name", ["f.xlsx", "f.html", "f.pptx", "tables/"])
def test_funnel_saves_all_its_numbers(cli: Cli, settings: Path, name: str) -> None:
    done = cli("funnel", settings.parent / "run/history.parquet", "--out", name)
    assert (done.code, done.err) == (0, "")
    assert (settings.parent / name).exists()


def test_funnel_names_every_form(cli: Cli, settings: Path) -> None:
    done = cli("funnel", settings.parent / "run/history.parquet", "--out", "f.txt")
    assert done.code == 2
    assert ".svg" in done.err
    assert ".xlsx" in done.err
