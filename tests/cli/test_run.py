from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from lifecycle_fsm import model
from lifecycle_fsm.errors import MissingExtra
from tests.cli.commands import ROOT, Cli

PEOPLE = """id,created_at,source,created_by,employees
p1,2024-05-01T10:00:00Z,web,marketing,12
p2,2024-05-02T10:00:00Z,,marketing,
p3,2024-05-03T10:00:00Z,fair,marketing,200
"""
ACTIVITIES = """person,kind,at,form,points,opportunity,reason
p1,form_filled,2024-05-04,Demo,,,
p1,score_given,2024-05-05,,40,,
p1,opportunity_won,2024-05-06,,,o1,
p2,score_given,2024-05-06,,30,,
p2,give_up,2024-05-07,,,,no_budget
p3,give_up,2024-05-08,,,,no_budget
"""
FILES = {
    "people.csv", "people.parquet", "history.csv", "history.parquet", "decisions.csv",
    "decisions.parquet", "deadlines.csv", "deadlines.parquet", "opportunities.csv",
    "opportunities.parquet", "requests.csv", "requests.parquet", "rejected.csv", "duplicates.csv",
    "summary.txt", "summary.json", "funnel.svg", "funnel.png", ".lifecycle-fsm.json",
}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "activities.csv").write_text(ACTIVITIES)
    return tmp_path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_run_writes_everything_that_it_knows(cli: Cli, data: Path) -> None:
    done = cli("run", "two_step", "--people", "people.csv", "--activities", "activities.csv",
               "--out", "out")  # fmt: skip
    assert (done.code, done.err) == (0, "")
    out = data / "out"
    assert {one.name for one in out.iterdir()} == FILES
    people = {row["id"]: row for row in rows(out / "people.csv")}
    assert {name: row["stage"] for name, row in people.items()} == {
        "p1": "customer",
        "p2": "lost",
        "p3": "contact",
    }
    assert people["p1"]["source"] == "web"
    history = rows(out / "history.csv")
    assert [row["to_stage"] for row in history if row["person"] == "p2"] == [
        "new", "contact", "lead", "lost",
    ]  # fmt: skip
    decisions = rows(out / "decisions.csv")
    assert [row["result"] for row in decisions if row["person"] == "p3"] == [
        "moved", "moved", "no_such_move",
    ]  # fmt: skip
    assert pl.read_parquet(out / "history.parquet").height == len(history)
    assert pl.read_parquet(out / "decisions.parquet").height == len(decisions)
    assert (out / "rejected.csv").read_text() == "file,line,column,reason,raw\n"
    assert (out / "funnel.svg").read_text().startswith("<svg ")
    assert (out / "funnel.png").read_bytes().startswith(b"\x89PNG")
    text = (out / "summary.txt").read_text()
    assert done.out == f"{text}\nwritten to out\n"
    assert "3 people, at 2024-05-08 00:01 UTC" in text
    assert "people.csv\n  3 rows, 3 activities, 0 rejected" in text
    assert "1 no such move" in text


def test_the_summary_for_programs_counts_what_the_tables_have(cli: Cli, data: Path) -> None:
    done = cli("run", "two_step", "--people", "people.csv", "--activities", "activities.csv",
               "--out", "out", "--json")  # fmt: skip
    said = json.loads(done.out)
    assert said == json.loads((data / "out/summary.json").read_text())
    assert said["people"] == 3
    assert {one["stage"]: one["people"] for one in said["stages"]} == Counter(
        row["stage"] for row in rows(data / "out/people.csv")
    ) | {"new": 0, "lead": 0}
    assert said["decisions"] == Counter(row["result"] for row in rows(data / "out/decisions.csv"))
    assert said["until"] == "2024-05-08T00:01:00Z"
    assert [(one["role"], one["rows"]) for one in said["files"]] == [
        ("people", 3), ("activities", 6),
    ]  # fmt: skip
    share = {(one["from"], one["to"], one["reading"]): one for one in said["conversion"]}
    assert share["contact", "lead", "through"]["journeys"] == 3
    assert share["contact", "lead", "through"]["reached"] == 2


def test_without_a_folder_the_same_is_said_and_nothing_written(cli: Cli, data: Path) -> None:
    files = ("--people", "people.csv", "--activities", "activities.csv", "--json")
    before = set(data.iterdir())
    alone = cli("run", "two_step", *files)
    assert set(data.iterdir()) == before
    assert alone.out == cli("run", "two_step", *files, "--out", "out").out


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "json"])
def test_the_same_rows_in_another_format_give_the_same_people(
    cli: Cli, data: Path, kind: str
) -> None:
    cli("run", "two_step", "--people", "people.csv", "--activities", "activities.csv",
        "--out", "csv", "--no-pictures")  # fmt: skip
    for name in ("people", "activities"):
        frame = pl.read_csv(data / f"{name}.csv")
        if kind == "jsonl":
            frame.write_ndjson(data / f"{name}.{kind}")
        elif kind == "json":
            frame.write_json(data / f"{name}.{kind}")
        else:
            frame.write_parquet(data / f"{name}.{kind}")
    done = cli("run", "two_step", "--people", f"people.{kind}", "--activities",
               f"activities.{kind}", "--out", kind, "--no-pictures")  # fmt: skip
    assert done.code == 0
    assert (data / kind / "people.csv").read_text() == (data / "csv/people.csv").read_text()
    assert "funnel.svg" not in {one.name for one in (data / kind).iterdir()}


def test_rows_that_cannot_be_used_are_told_and_the_rest_goes_on(cli: Cli, data: Path) -> None:
    with (data / "people.csv").open("a") as file:
        file.write("p4,soon,,,\n" + "p5\n" + ",2024-05-01,,,\n" * 5)
    command = ("run", "two_step", "--people", "people.csv", "--out", "out", "--no-pictures")
    done = cli(*command)
    assert done.code == 1
    assert done.err.splitlines()[0] == (
        "people.csv, line 5, column created_at: 'soon' is no time such as 2024-05-01T10:00:00Z"
    )
    assert done.err.splitlines()[-2:] == [
        "… and 2 more",
        "7 rejected: see out/rejected.csv; --allow-rejected makes this a success",
    ]
    found = rows(data / "out/rejected.csv")
    assert [(row["file"], row["line"], row["column"], row["raw"]) for row in found[:3]] == [
        ("people.csv", "5", "created_at", "p4,soon,,,"),
        ("people.csv", "6", "", "p5"),
        ("people.csv", "7", "id", ",2024-05-01,,,"),
    ]
    assert len(found) == 7
    assert len(rows(data / "out/people.csv")) == 3
    assert "rejected: 7 rows" in done.out

    allowed = cli(*command, "--allow-rejected")
    assert allowed.code == 0
    assert allowed.err.splitlines()[-1] == "7 rejected: see out/rejected.csv"


def test_a_row_that_contradicts_another_is_no_success_either(cli: Cli, data: Path) -> None:
    with (data / "people.csv").open("a") as file:
        file.write("p1,2024-05-01T10:00:00Z,web,marketing,12\n")  # the same again: no harm
        file.write("p2,2024-05-02T10:00:00Z,web,marketing,\n")
    done = cli("run", "two_step", "--people", "people.csv", "--out", "out", "--no-pictures")
    assert done.code == 1
    assert "1 rejected: see out/rejected.csv; " in done.err
    assert "rejected: 1 activity that contradicts others" in done.out
    twice = "the person 'p2' is in the file twice: line 3 counts"
    assert done.err.splitlines()[0] == f"people.csv, line 6: {twice}"
    (row,) = rows(data / "out/rejected.csv")
    assert (row["file"], row["line"], row["reason"]) == ("people.csv", "6", twice)
    assert json.loads(row["raw"])["person"] == "p2"
    found = Counter(row["result"] for row in rows(data / "out/decisions.csv"))
    assert (found["duplicate"], found["rejected"]) == (1, 1)


def test_what_is_held_is_told_and_no_failure(cli: Cli, data: Path) -> None:
    (data / "people.csv").write_text("id,created_at\np1,2024-05-01\n")
    done = cli("run", "two_step", "--people", "people.csv", "--activities", "activities.csv")
    assert (done.code, done.err) == (0, "")
    assert "held: 3 activities wait for 2 people whom no file creates, such as 'p2'" in done.out


@pytest.mark.parametrize(
    ("people", "ids", "cause"),
    [
        (None, "a b c", "no file creates anybody: give the people too, with --people FILE"),
        ("LEAD-1 LEAD-2", "lead-1 lead-2 x", "in the case of letters from those .*, as 'LEAD-1'"),
        ("17 18", "0017 0018", "by zeros at the front from those .*, as '17'"),
        ("17-1 17-2", "17.1 17.2", "in signs and spaces from those .*, as '17-1'"),
        ("00Q5g00000ABCdeEAF", "00Q5g00000ABCde", "by three characters at the end from .*00Q5g"),
        ("L-1 L-2", "deal-1 deal-2 L-1", "people look like 'L-1': is it another column "),
    ],
)  # fmt: skip
def test_a_file_that_meets_nobody_is_told_first_and_is_no_success(
    cli: Cli, data: Path, people: str | None, ids: str, cause: str
) -> None:
    (data / "people.csv").write_text(
        "id,created_at\n" + "".join(f"{one},2024-05-01\n" for one in (people or "").split())
    )
    (data / "activities.csv").write_text(
        "person,kind,at\n" + "".join(f"{one},web_visit,2024-05-02\n" for one in ids.split())
    )
    files = ["--people", "people.csv"] * (people is not None) + ["--activities", "activities.csv"]
    done = cli("run", "two_step", *files)
    assert done.code == 1
    said = done.out.splitlines()[0]
    known = set((people or "").split())
    held = [one for one in ids.split() if one not in known]
    assert said.startswith(
        f"most of activities is held: {len(held)} of {len(ids.split())} activities wait for people "
        f"whom no file creates, such as {held[0]!r}; "
    )
    assert re.search(cause, said)
    assert done.err.splitlines()[0] == f"{said} (--allow-held makes this a success)"
    allowed = cli("run", "two_step", *files, "--allow-held", "--json")
    assert allowed.code == 0
    (one,) = json.loads(allowed.out)["mostly_held"]
    assert (one["role"], one["held"], one["activities"]) == (
        "activities", len(held), len(ids.split()),
    )  # fmt: skip
    assert re.search(cause, one["cause"])


def test_files_of_one_role_are_weighed_together_and_who_comes_later_is_somebody(
    cli: Cli, data: Path
) -> None:
    (data / "more.csv").write_text(ACTIVITIES.replace("p1", "x").replace("p2", "y"))
    files = ("--people", "people.csv", "--activities", "activities.csv")
    half = cli("run", "two_step", *files, "--activities", "more.csv")
    assert half.code == 0
    assert "held: 5 activities wait for 2 people" in half.out
    # Nobody has been created by then, and everybody will be.
    (data / "people.csv").write_text(PEOPLE.replace("2024-05-0", "2024-06-0"))
    assert cli("run", "two_step", *files, "--until", "2024-05-20").code == 0


def test_float_ids_of_whole_value_meet_their_people(cli: Cli, data: Path) -> None:
    (data / "people.csv").write_text("id,created_at\n1499466,2024-03-01\n")
    (data / "log.csv").write_text("person,kind,at\n1499466.0,web_visit,2024-03-02\n")
    done = cli("run", "two_step", "--people", "people.csv", "--activities", "log.csv")
    assert (done.code, "held" in done.out) == (0, False)


def test_what_is_late_are_activities(cli: Cli, data: Path) -> None:
    (data / "people.csv").write_text("id,created_at\np,2024-05-10\n")
    (data / "activities.csv").write_text(
        "person,kind,at,points,opportunity\n"
        "p,give_up,2024-05-01,,\np,score_given,2024-05-02,60,\np,score_given,2024-05-03,1,\n"
    )
    done = cli("run", "two_step", "--people", "people.csv", "--activities", "activities.csv")
    # What asked waits for the sort, and has two decisions.
    assert "1 deferred" in done.out
    assert "late: 2 score_given, 1 give_up; applied" in done.out


@pytest.mark.parametrize(
    ("days", "note"),
    [
        (["2204-03-02"], "1 row (activities.csv, line 2); all others end with 2024-05-04"),
        (["2204-03-02", "2204-03-03"], "2 rows (activities.csv, line 3); all others end with"),
        (["2024-05-05"], None),
        (["2025-04-01"], None),
        (["2014-01-01", "2026-01-01"], None),
        (["2204-03-02"] * 4, None),
    ],
)
def test_a_date_far_ahead_to_which_time_runs_on_is_noted(
    cli: Cli, data: Path, days: list[str], note: str | None
) -> None:
    (data / "people.csv").write_text(PEOPLE + "p4,2024-05-04T10:00:00Z,,,\n")
    (data / "activities.csv").write_text(
        "person,kind,at\n" + "".join(f"p1,web_visit,{day}\n" for day in days)
    )
    files = ("--people", "people.csv", "--activities", "activities.csv")
    done = cli("run", "two_step", *files)
    assert done.code == 0
    if note is None:
        assert "time runs on" not in done.out + done.err
        return
    assert f"note: time runs on to {days[-1]} for everybody because of {note}" in done.out
    assert done.err.startswith("note: time runs on to 2204")
    assert done.err.endswith("is the date right? --until 2024-05-05 leaves what is later out\n")
    assert "time runs on" not in cli("run", "two_step", *files, "--until", "2024-05-05").out


def test_records_with_one_address_are_noticed(cli: Cli, data: Path) -> None:
    (data / "people.csv").write_text(
        "id,created_at,email\nb,2024-05-02,Ann@X.example\na,2024-05-03, ann@x. example\n"
        "c,2024-05-04,ann@y.example\nd,2024-05-05,\ne,2024-05-06,\nf,2024-05-01,ANN@x.example \n"
    )
    done = cli(
        "run", "two_step", "--people", "people.csv", "--out", "out", "--no-pictures", "--json"
    )
    assert json.loads(done.out)["duplicates"] == 2
    assert ("duplicates: 2 pairs of people with one e-mail address, such as 'f' and 'b'") in (
        data / "out/summary.txt"
    ).read_text()
    assert rows(data / "out/duplicates.csv") == [
        {"email": "ann@x.example", "person": "f", "created_at": "2024-05-01T00:00:00Z",
         "duplicate": "b", "duplicate_created_at": "2024-05-02T00:00:00Z"},
        {"email": "ann@x.example", "person": "f", "created_at": "2024-05-01T00:00:00Z",
         "duplicate": "a", "duplicate_created_at": "2024-05-03T00:00:00Z"},
    ]  # fmt: skip
    # Who was merged is one record.
    (data / "m.csv").write_text(
        "person,kind,at,loser\nf,merged,2024-05-07,b\nf,merged,2024-05-07,a\n"
    )
    merged = cli("run", "two_step", "--people", "people.csv", "--activities", "m.csv", "--json")
    assert json.loads(merged.out)["duplicates"] == 0


def test_a_key_that_no_row_of_json_has_ends_the_run(cli: Cli, data: Path) -> None:
    (data / "m.toml").write_text('[people]\nid = "id"\ncreated_at = "at"\nzone = "UTC"\n')
    (data / "p.jsonl").write_text('{"id": "1", "At": "2024-01-01"}\n')
    done = cli("run", "two_step", "--people", "p.jsonl", "--mapping", "m.toml", "--out", "out")
    assert (done.code, done.out, (data / "out").exists()) == (2, "", False)
    assert "has no row with the key 'at', only id, At; did you mean 'At'?" in done.err


def test_a_mapping_and_roles_read_other_peoples_files(cli: Cli, data: Path) -> None:
    (data / "m.toml").write_text(
        """
        zone = "Europe/Berlin"
        [people]
        id = "Lead"
        created_at = { column = "Day", format = "%d.%m.%Y" }
        [deals]
        person = "Lead"
        [[deals.gives]]
        kind = "opportunity_won"
        at = "Won"
        payload = { opportunity = "Deal" }
        """
    )
    (data / "leads.csv").write_text("Lead;Day\nx;01.05.2024\ny;01.05.2024\n")
    (data / "deals.csv").write_text("Lead,Won,Deal\nx,2024-05-02,7\n")
    done = cli("run", "two_step", "--people", "leads.csv", "--activities", "deals=deals.csv",
               "--mapping", "m.toml", "--json")  # fmt: skip
    assert done.code == 0
    said = json.loads(done.out)
    assert said["until"] == "2024-05-01T22:01:00Z"
    assert [one["role"] for one in said["files"]] == ["people", "deals"]
    assert said["activities"] == 3
    assert {one["stage"] for one in said["stages"] if one["people"]} == {"contact", "customer"}


def test_the_order_of_a_log_is_that_of_the_events_unless_arrival_is_asked_for(
    cli: Cli, data: Path
) -> None:
    (data / "people.csv").write_text("id,created_at\np,2024-01-01\n")
    (data / "activities.csv").write_text(
        "person,kind,at,points\np,give_up,2024-01-03,\np,score_given,2024-01-02,50\n"
    )
    files = ("--people", "people.csv", "--activities", "activities.csv", "--json")
    by_event = json.loads(cli("run", "two_step", *files).out)
    arrival = json.loads(cli("run", "two_step", *files, "--order", "arrival").out)
    stages = [
        {one["stage"] for one in said["stages"] if one["people"]} for said in (by_event, arrival)
    ]
    assert stages == [{"lost"}, {"lead"}]
    assert (by_event["late"], arrival["late"]) == ({}, {"score_given": 1})


def test_time_passes_up_to_the_time_that_is_said(cli: Cli, data: Path) -> None:
    (data / "people.csv").write_text("id,created_at,demographic_score\np,2024-01-01T00:00:00Z,50\n")
    (data / "activities.csv").write_text(
        "person,kind,at,form,reason\n"
        "p,form_filled,2024-01-02,Hand-Raise: Demo,\np,sales_rejected,2024-01-03,,no_time\n"
    )
    command = ("run", "waterfall", "--people", "people.csv", "--activities", "activities.csv")
    stages = []
    for until in ("2024-04-01T23:59:59Z", "2024-04-02"):
        said = json.loads(cli(*command, "--until", until, "--json").out)
        stages.append({one["stage"] for one in said["stages"] if one["people"]})
    assert stages == [{"recycled"}, {"mal"}]


def test_who_is_still_there_was_seen_up_to_the_time_that_is_said(cli: Cli, data: Path) -> None:
    (data / "people.csv").write_text("id,created_at\na,2024-05-01\nb,2024-05-01\nc,2024-05-04\n")
    (data / "activities.csv").write_text(
        "person,kind,at,opportunity\na,opportunity_won,2024-05-05,deal\n"
    )
    pictures = []
    for more in ((), ("--until", "2024-05-20")):
        cli("run", "two_step", "--people", "people.csv", "--activities", "activities.csv",
            "--out", "out", *more)  # fmt: skip
        pictures.append((data / "out/funnel.svg").read_text(encoding="utf-8"))
    # One of three left after four days: of two who were seen for so long, or of three.
    assert ["4.0 d" in one for one in pictures] == [True, False]


def test_a_log_that_says_when_processing_ended_is_believed(cli: Cli, data: Path) -> None:
    (data / "people.csv").write_text("id,created_at\np,2024-01-01T00:00:00Z\n")
    (data / "activities.csv").write_text("person,kind,at,source\np,processed,2024-01-05,fair\n")
    cli("run", "two_step", "--people", "people.csv", "--activities", "activities.csv",
        "--out", "out", "--no-pictures")  # fmt: skip
    assert [row["now"] for row in rows(data / "out/history.csv")] == [
        "2024-01-01T00:00:00Z", "2024-01-05T00:00:00Z",
    ]  # fmt: skip
    assert rows(data / "out/people.csv")[0]["source"] == "fair"


def test_the_standard_input_is_a_file_too(
    cli: Cli, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PEOPLE.encode())))
    done = cli("run", "two_step", "--people", "-", "--format", "csv", "--json")
    assert json.loads(done.out)["people"] == 3
    assert json.loads(done.out)["files"][0]["file"] == "<stdin>"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "nothing to read: say --people FILE, --activities FILE, or both"),
        (["--people", "-"], "say --format"),
        (["--people", "none.csv"], "none.csv does not exist"),
        (["--people", "people.csv", "--mapping", "none.toml"], "the mapping none.toml does not"),
        (["--people", "people.csv", "--until", "later"], "--until: 'later' is no time"),
        (["--people", "activities.csv"], "without a mapping: 2 problems"),
        (["--people", "people.csv", "--out", "full"], "has files that no run has made (mine)"),
        (["--people", "people.csv", "--out", "people.csv"], "is a file: name a folder"),
        (["--people", "people.csv", "--mapping", "bad.toml"], "the mapping bad.toml: 3 problems"),
    ],
)
def test_what_is_wrong_is_one_message_and_nothing_is_written(
    cli: Cli, data: Path, arguments: list[str], complaint: str
) -> None:
    (data / "full").mkdir()
    (data / "full/mine").write_text("mine")
    (data / "bad.toml").write_text("[people]\nidd = 3\n")
    before = set(data.rglob("*"))
    out = [] if "--out" in arguments else ["--out", "out"]
    done = cli("run", "two_step", *arguments, *out)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert complaint in done.err
    assert "Traceback" not in done.err
    assert set(data.rglob("*")) == before


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        ("waterfal", "did you mean 'waterfall'?"),
        ("none.toml", "none.toml"),
        ("broken.toml", "broken.toml"),
    ],
)
def test_a_model_that_cannot_be_read_is_one_message(
    cli: Cli, data: Path, model: str, complaint: str
) -> None:
    (data / "broken.toml").write_text('name = "x"\n[[stages]]\n')
    done = cli("run", model, "--people", "people.csv")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert complaint in done.err


def test_pictures_that_cannot_be_drawn_are_told_before_the_work(
    cli: Cli, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise MissingExtra("draw", "pygraphviz", "drawing")

    monkeypatch.setattr("lifecycle_fsm.diagram.drawing.render", broken)
    monkeypatch.setattr("lifecycle_fsm.cli.run.run_into", pytest.fail)
    done = cli("run", "two_step", "--people", "people.csv", "--out", "out")
    assert (done.code, done.out) == (2, "")
    assert "pip install 'lifecycle-fsm[draw]'" in done.err
    assert not (data / "out").exists()


def test_a_folder_of_others_is_written_into_by_force_only(cli: Cli, data: Path) -> None:
    (data / "out").mkdir()
    (data / "out/mine").write_text("mine")
    command = ("run", "two_step", "--people", "people.csv", "--out", "out", "--no-pictures")
    assert cli(*command).code == 2
    assert cli(*command, "--force").code == 0
    assert cli(*command).code == 0
    assert (data / "out/mine").read_text() == "mine"


def test_a_table_elsewhere_is_read_where_the_command_line_allows_it(cli: Cli, data: Path) -> None:
    (data / "models").mkdir()
    (data / "tables").mkdir()
    (data / "tables/sources.csv").write_text("source,branch\nweb,Online\n")
    text = model.shipped_text("two_step") + (
        '[[processing]]\nstep = "enrich"\nname = "known"\nnumber = 35\n'
        'options = { table = "../tables/sources.csv", key = "source", columns = '
        '{ branch = "industry" } }\n'
    )
    (data / "models/m.toml").write_text(text)
    command = ("models/m.toml", "--people", "people.csv")
    done = cli("run", *command, "--out", "out", "--no-pictures")
    assert (done.code, (data / "out").exists()) == (2, False)
    assert "allow its place with --allow-tables tables" in done.err
    done = cli("run", *command, "--out", "out", "--no-pictures", "--allow-tables", "tables")
    assert done.code == 0
    assert rows(data / "out/people.csv")[0]["industry"] == "Online"
    assert cli("explain", "models/m.toml", "p1", *command[1:]).code == 2
    told = cli("explain", "models/m.toml", "p1", *command[1:], "--allow-tables", "tables")
    assert (told.code, "Online" in told.out) == (0, True)


OLIST = Path(os.environ.get("LIFECYCLE_OLIST", ROOT / "../shared/data/olist")).resolve()
LEADS = OLIST / "olist_marketing_qualified_leads_dataset.csv"
DEALS = OLIST / "olist_closed_deals_dataset.csv"


@pytest.mark.skipif(not LEADS.exists(), reason="needs the tables of Olist")
def test_the_funnel_of_a_real_company(cli: Cli, tmp_path: Path) -> None:
    example = ROOT / "docs/examples/olist"
    done = cli("run", example / "model.toml", "--people", LEADS, "--activities", DEALS,
               "--mapping", example / "mapping.toml", "--out", "out")  # fmt: skip
    assert (done.code, done.err) == (0, "")
    people = rows(tmp_path / "out/people.csv")
    assert Counter(row["stage"] for row in people) == {"mql": 7158, "customer": 842}
    everybody = Counter(row["source"] for row in people)
    customers = Counter(row["source"] for row in people if row["stage"] == "customer")
    assert {name: (customers[name], everybody[name]) for name in everybody} == {
        "organic search": (271, 2296),
        "paid search": (195, 1586),
        "social": (75, 1350),
        "unknown": (179, 1099),
        "direct traffic": (56, 499),
        "email": (15, 493),
        "referral": (24, 284),
        "other": (4, 150),
        "display": (6, 118),
        "other publicities": (3, 65),
        "blank": (14, 60),
    }
    # The deal that was won before the first contact is kept, counted and flagged.
    late = [row for row in rows(tmp_path / "out/decisions.csv") if row["late"] == "true"]
    assert {row["person"] for row in late} == {"b91cf8812365f50ff4bda4bcd6206b05"}
    assert "opportunity_won" in {row["kind"] for row in late}
    # Nobody observed the steps of sales, so nobody is stamped with them.
    entered = Counter(row["to_stage"] for row in rows(tmp_path / "out/history.csv"))
    assert entered == {"processing": 8000, "mql": 8000, "customer": 842}
