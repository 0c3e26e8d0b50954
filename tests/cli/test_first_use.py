"""What new users run into, each with the message that helps."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import ROOT, Cli
from tests.cli.test_run import ACTIVITIES, PEOPLE, rows

FILES = ("--people", "people.csv", "--activities", "activities.csv")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "activities.csv").write_text(ACTIVITIES)
    return tmp_path


def test_what_happened_after_until_is_left_out(cli: Cli, data: Path) -> None:
    done = cli("run", "two_step", *FILES, "--until", "2024-05-02T12:00:00Z", "--out", "out")
    assert (done.code, done.err) == (0, "")
    assert "2 people, at 2024-05-02 12:00 UTC" in done.out
    assert "left out: 7 activities that happened after 2024-05-02 12:00 UTC" in done.out
    assert {row["id"]: row["stage"] for row in rows(data / "out/people.csv")} == {
        "p1": "contact", "p2": "contact",
    }  # fmt: skip
    assert all(row["now"] <= "2024-05-02T12:00:00Z" for row in rows(data / "out/history.csv"))
    said = json.loads((data / "out/summary.json").read_text())
    assert (said["left_out"], said["people"]) == (7, 2)
    assert sum(one["people"] for one in said["stages"]) == 2
    picture = (data / "out/funnel.svg").read_text()
    assert "until 2024-05-02 12:00" in picture
    assert "all history" not in picture


def test_until_counts_what_happens_at_that_very_instant(cli: Cli, data: Path) -> None:
    said = json.loads(
        cli("run", "two_step", *FILES, "--until", "2024-05-06T00:00:00Z", "--json").out
    )
    assert said["left_out"] == 2
    assert {one["stage"]: one["people"] for one in said["stages"]}["customer"] == 1


def test_who_is_processed_after_until_is_not_sorted_before(cli: Cli, data: Path) -> None:
    (data / "people.csv").write_text("id,created_at\np,2024-01-01T00:00:00Z\n")
    (data / "activities.csv").write_text("person,kind,at\np,processed,2024-01-05\n")
    said = json.loads(cli("run", "two_step", *FILES, "--until", "2024-01-03", "--json").out)
    assert {one["stage"] for one in said["stages"] if one["people"]} == {"new"}


def test_several_files_of_people_are_all_read(cli: Cli, data: Path) -> None:
    (data / "more.csv").write_text("id,created_at\np4,2024-05-01\np1,2024-06-01\n")
    done = cli("run", "two_step", "--people", "people.csv", "--people", "more.csv")
    assert done.code == 1
    assert "4 people, at" in done.out
    assert done.err.splitlines()[0] == (
        "more.csv, line 3: the person 'p1' is in the files twice: people.csv, line 2 counts"
    )


def test_a_contradiction_among_held_activities_names_its_row(cli: Cli, data: Path) -> None:
    (data / "log.csv").write_text(
        "id,person,kind,at,points\n"
        "a,p1,score_given,2024-05-02,1\n"
        "a,p1,score_given,2024-05-02,2\n"
        "b,p1,created,2024-05-01,\n"
        "c,p1,created,2024-05-03,\n"
    )
    done = cli("run", "two_step", "--activities", "log.csv", "--order", "arrival", "--out", "out")
    assert done.code == 1
    assert [(row["line"], row["reason"]) for row in rows(data / "out/rejected.csv")] == [
        ("3", "the id 'a' was used before with other content: give it its own (line 2)"),
        ("5", "p1 was created already"),
    ]


def test_the_history_of_another_model_is_an_error(cli: Cli, data: Path) -> None:
    cli("run", "two_step", *FILES, "--out", "out", "--no-pictures")
    done = cli("draw", "waterfall", "--history", "out/history.csv", "--out", "f.svg")
    assert (done.code, done.out) == (2, "")
    assert "is the history of another model: waterfall" in done.err
    assert "the stages 'contact', 'lead', 'lost', 'new'" in done.err
    assert "'gave_up'" in done.err
    assert not (data / "f.svg").exists()


def test_a_table_of_the_mapping_without_a_file_is_said(cli: Cli, data: Path) -> None:
    (data / "m.toml").write_text(
        'zone = "UTC"\n[people]\nid = "id"\ncreated_at = "created_at"\n'
        '[calls]\nperson = "id"\n[[calls.gives]]\nkind = "give_up"\nat = "at"\n'
    )
    done = cli("run", "two_step", "--people", "people.csv", "--mapping", "m.toml")
    note = "note: calls: the mapping has this table, and no file of that role was given"
    assert (done.code, done.err) == (0, f"{note}\n")
    assert note in done.out


def test_the_format_of_a_file_can_be_said(cli: Cli, data: Path) -> None:
    (data / "people.txt").write_text(PEOPLE)
    (data / "people.json").write_text(PEOPLE)
    for arguments in (
        ["--people", "people.txt"],
        ["--people", "people.json"],
        ["--people", "people.txt", "--activities", "activities.csv"],
    ):
        done = cli("run", "two_step", *arguments, "--format", "csv")
        assert (done.code, done.err) == (0, "")
        assert "3 people" in done.out
    assert "say --format" in cli("run", "two_step", "--people", "people.txt").err


def test_a_date_is_read_in_the_zone_that_is_named(cli: Cli, data: Path) -> None:
    (data / "people.csv").write_text("id,created_at\na,2024-05-31T22:30:00Z\n")
    cli("run", "two_step", "--people", "people.csv", "--out", "out", "--no-pictures")
    for zone, people in (("Europe/Berlin", 1), ("UTC", 0)):
        done = cli("draw", "two_step", "--history", "out/history.csv", "--from", "2024-06-01",
                   "--zone", zone, "--out", f"new/folder/{people}.dot")  # fmt: skip
        assert (done.code, done.err) == (0, "")
        picture = (data / f"new/folder/{people}.dot").read_text()
        assert f"since 2024-06-01 ({zone})" in picture
        assert f"{people} new journeys" in picture or f"{people} new journey" in picture


def test_a_folder_is_made_for_a_picture_only(cli: Cli, data: Path) -> None:
    assert cli("draw", "two_step", "--out", "new/p.gif").code == 2
    assert not (data / "new").exists()


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        ("own", "did you mean 'own.toml'?"),
        ("./own", "own.toml'?"),
        ("onw.toml", "did you mean 'own.toml'?"),
        ("two_step.toml", "did you mean 'two_step'?"),
    ],
)
def test_a_model_file_that_is_not_there_is_suggested(
    cli: Cli, data: Path, model: str, complaint: str
) -> None:
    (data / "own.toml").write_text(cli("models", "two_step").out)
    for command in (["run", model, "--people", "people.csv"], ["draw", model, "--out", "x.svg"]):
        done = cli(*command)
        assert (done.code, done.out) == (2, "")
        assert complaint in done.err


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        (".", "is a folder"),
        ("people.xlsx", "save it as CSV"),
        ("poeple.csv", "did you mean 'people.csv'?"),
    ],
)
def test_what_is_no_file_of_rows_says_what_to_do(
    cli: Cli, data: Path, path: str, complaint: str
) -> None:
    (data / "people.xlsx").write_bytes(b"PK\x03\x04")
    done = cli("run", "two_step", "--people", path)
    assert (done.code, done.out) == (2, "")
    assert complaint in done.err


def test_being_stopped_while_the_commands_are_imported_is_no_traceback(tmp_path: Path) -> None:
    """A module that stops itself while it is imported stands for the key that is pressed."""
    code = (
        "import builtins, sys\n"
        "from lifecycle_fsm.cli import main\n"
        "real = builtins.__import__\n"
        "def stop(name, *more):\n"
        "    if name == 'typer': raise KeyboardInterrupt\n"
        "    return real(name, *more)\n"
        "builtins.__import__ = stop\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, "", "stopped\n")


def test_one_is_one(cli: Cli, data: Path) -> None:
    (data / "people.csv").write_text("id,created_at\np1,2024-01-01\n")
    (data / "activities.csv").write_text(
        "person,kind,at\nann,give_up,2024-01-02\np1,x,2024-01-02\n"
    )
    done = cli("run", "two_step", *FILES)
    assert "1 row, 1 activity, 0 rejected" in done.out
    assert "1 person, at" in done.out
    assert "held: 1 activity waits for 1 person whom no file creates, such as 'ann'" in done.out
    assert done.out.splitlines()[-1] == "rejected: 1 row"


def test_a_time_that_means_never_is_a_rejected_row(cli: Cli, data: Path) -> None:
    (data / "activities.csv").write_text("person,kind,at\np1,give_up,9999-12-31T23:59:59Z\n")
    done = cli("run", "two_step", *FILES)
    assert done.code == 1
    assert done.err.startswith("activities.csv, line 2, column at: ")
    assert "3 people, at 2024-05-03" in done.out
    assert (
        cli(
            "run", "two_step", "--people", "people.csv", "--until", "9999-12-31T23:59:59.999999Z"
        ).code
        == 0
    )


def test_an_explanation_before_the_person_says_when_they_come(cli: Cli, data: Path) -> None:
    done = cli("explain", "two_step", "p2", *FILES, "--at", "2024-05-01")
    assert done.code == 2
    assert "'p2' is created later, at 2024-05-02 10:00 UTC" in done.err


def test_an_explanation_stays_on_the_page_whatever_the_records_say(cli: Cli, data: Path) -> None:
    (data / "people.csv").write_text(
        "id,created_at,source,company,job_title\n"
        f"p1,2024-01-01,{'s' * 130},{'c' * 130},{'t' * 130}\n"
    )
    done = cli("explain", "waterfall", "p1", "--people", "people.csv")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 100
    done = cli("explain", "waterfall", "p1", "--people", "people.csv", "--trigger", "disqualifie")
    assert done.err == (
        "error: the model has no trigger 'disqualifie'; did you mean 'disqualify'?\n"
    )


def test_a_demo_without_pictures_points_at_no_picture(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lifecycle_fsm.cli", "demo", "--people", "3", "--no-pictures",
         "--out", str(tmp_path / "demo")],
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    assert "read " in done.stdout
    assert "funnel.svg" not in done.stdout
