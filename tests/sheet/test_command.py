"""``lifecycle-fsm sheet``."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from lifecycle_fsm.model import save
from lifecycle_fsm.tables import HISTORY, TableWriter, people_columns
from tests.cli.commands import Cli
from tests.cli.conftest import cli
from tests.sheet.samples import people

__all__ = ["cli"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with what a run of the model writes, and the model."""
    folder = tmp_path / "out"
    folder.mkdir()
    lifecycle = people(ann=(70, 10), ben=(45, 10), cem=(0, None))
    save(lifecycle.model, tmp_path / "model.toml")
    history = TableWriter(HISTORY)
    history.extend(lifecycle.history)
    crowd = TableWriter(people_columns(lifecycle.model.field_types))
    crowd.extend(lifecycle)
    for suffix in (".csv", ".parquet"):
        history.save(folder / f"history{suffix}")
        crowd.save(folder / f"people{suffix}")
    return folder


def test_a_model_alone(cli: Cli, tmp_path: Path) -> None:
    done = cli("sheet", "waterfall", "--out", "new/sheet.html")
    assert (done.code, done.out, done.err) == (0, "written: new/sheet.html\n", "")
    assert "Who would qualify" not in (tmp_path / "new" / "sheet.html").read_text("utf-8")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_history_brings_the_people_beside_it(
    cli: Cli, tmp_path: Path, run: Path, suffix: str
) -> None:
    done = cli("sheet", "model.toml", "--history", f"out/history{suffix}", "--out", "sheet.md")
    assert (done.code, done.err) == (0, "")
    assert done.out == "written: sheet.md, sheet-picture.svg\n"
    text = (tmp_path / "sheet.md").read_text("utf-8")
    assert "## What happened" in text
    assert "| **ben** | Lead since 2024-05-01 | Behavior score 45, needs 50: 5 short |" in text


def test_people_of_another_file_and_another_stage(cli: Cli, tmp_path: Path, run: Path) -> None:
    (run / "people.csv").rename(tmp_path / "crm.csv")
    done = cli("sheet", "model.toml", "--people", "crm.csv", "--ready", "sal", "--out", "s.md")
    assert done.code == 0
    text = (tmp_path / "s.md").read_text("utf-8")
    assert "## What happened" not in text
    assert "Would qualify for SAL" in text
    assert "A snapshot of 2024-05-0" in text


def test_the_lists_are_saved_whole(cli: Cli, tmp_path: Path, run: Path) -> None:
    done = cli(
        "sheet", "model.toml", "--history", "out/history.csv", "--list", "new/people.csv",
        "--out", "s.md",
    )  # fmt: skip
    assert done.out == "written: s.md, s-picture.svg, new/people.csv\n"
    with (tmp_path / "new/people.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["list"], row["id"], row["reasons"]) for row in rows][:1] == [
        ("just below", "ben", "behavior score 45, needs 50: 5 short")
    ]
    # Who is there already is in no list.
    assert "ann" not in [row["id"] for row in rows]
    done = cli("sheet", "model.toml", "--list", "people.csv", "--out", "s.md")
    assert (done.code, done.out) == (2, "")
    assert "--list needs --people" in done.err


def test_a_history_without_people_is_told(cli: Cli, run: Path) -> None:
    for suffix in (".csv", ".parquet"):
        (run / f"people{suffix}").unlink()
    done = cli("sheet", "model.toml", "--history", "out/history.csv", "--out", "s.html")
    assert done.code == 0
    assert "no people beside out/history.csv" in done.err


def test_time_and_zone_are_those_of_the_options(cli: Cli, tmp_path: Path, run: Path) -> None:
    done = cli(
        "sheet", "model.toml", "--history", "out/history.csv", "--until", "2024-07-01T09:00",
        "--zone", "Europe/Berlin", "--out", "s.html",
    )  # fmt: skip
    assert done.code == 0
    assert "2024-07-01 09:00 (Europe/Berlin)" in (tmp_path / "s.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--until", "2024-01-01"), "--until needs a --history or --people"),
        (("--ready", "mql"), "--ready needs --people"),
        (("--history", "out/history.csv", "--ready", "mqll"), "did you mean 'mql'"),
        (("--history", "out/none.csv"), "out/none.csv does not exist"),
        (("--people", "out/history.csv"), "is no table of people"),
        (("--zone", "Berlin"), "no time zone 'Berlin'"),
    ],
)
def test_wrong_use_is_told(
    cli: Cli, run: Path, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = cli("sheet", "model.toml", *arguments, "--out", "made/s.html")
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "made").exists()


def test_a_form_that_a_sheet_does_not_have(cli: Cli, tmp_path: Path) -> None:
    done = cli("sheet", "two_step", "--out", "made/sheet.docx")
    assert done.code == 2
    assert "use .html or .md" in done.err
    assert not (tmp_path / "made").exists()


def test_the_history_of_another_model(cli: Cli, run: Path) -> None:
    done = cli("sheet", "two_step", "--history", "out/history.csv", "--out", "s.html")
    assert done.code == 2
    assert "show it with the model that wrote it" in done.err
