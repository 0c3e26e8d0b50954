"""``explain``: the story of one person through the real command line."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from lifecycle_fsm.cli.activity_log import read_log
from lifecycle_fsm.lifecycle import Lifecycle
from tests.cli.commands import ROOT, Cli

COMMAND = (sys.executable, "-m", "lifecycle_fsm.cli")

PEOPLE = """\
id,created_at,first_name,source
ann,2024-05-01T09:00:00Z,Ann,webinar
bo,2024-05-01T09:30:00Z,Bo,
cy,2024-05-02T09:30:00Z,,
"""
ACTIVITIES = """\
id,person,kind,at,form,page,opportunity,reason,loser
1,ann,form_filled,2024-05-02T10:00:00Z,Newsletter,,,,
2,ann,form_filled,2024-05-03T10:00:00Z,Demo,,,,
3,bo,web_visit,2024-05-03T11:00:00Z,,/pricing,,,
4,ann,opportunity_won,2024-06-20T16:00:00Z,,,deal-7,,
5,bo,give_up,2024-06-21T08:00:00Z,,,,no answer,
6,cy,merged,2024-06-22T08:00:00Z,,,,,bo
"""
FILES = ("--people", "people.csv", "--activities", "activities.csv")
ANN = """\
ann: Customer, Has bought, since 20 Jun 2024 (40 hours)
Ann
As of 22 Jun 2024 10:01; times are Europe/Berlin.

JOURNEY 1

Contact (Known by name): 1 May 2024 to 3 May 2024, 2 days
 1 May 2024 11:00  Created (source: webinar).
 1 May 2024 11:01  Original processing. Found out: sourced by marketing.
                   Sorted to Contact by “everybody else”.
 2 May 2024 12:00  Filled the form “Newsletter”. Interest 0 → 20.

Lead (Ready for sales): 3 May 2024 to 20 Jun 2024, 48 days
 3 May 2024 12:00  Filled the form “Demo”. Interest 20 → 40.
                   → Lead by “interested”: interest 40 of 30.

Customer (Has bought): since 20 Jun 2024
20 Jun 2024 18:00  Opportunity deal-7 won.
                   → Customer by “bought”: won opportunities: 1.

NOW
  In Customer (Has bought) since 20 Jun 2024 18:00, 40 hours; journey 1.
  Interest 40, fit 0.
  Nobody of sales owns the record.

TIME IN EACH STAGE
  stage           first       latest  visits   in all
  New        1 May 2024   1 May 2024       1  1 minute
  Contact    1 May 2024   1 May 2024       1   2 days
  Lead       3 May 2024   3 May 2024       1  48 days
  Customer  20 Jun 2024  20 Jun 2024       1  40 hours
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "activities.csv").write_text(ACTIVITIES)
    return tmp_path


def words(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_story_of_one_person(cli: Cli, data: Path) -> None:
    done = cli("explain", "two_step", "ann", *FILES, "--zone", "Europe/Berlin")
    assert (done.code, done.err) == (0, "")
    assert words(done.out) == words(ANN)


def test_a_record_that_was_folded_into_another_tells_the_story_of_both(
    cli: Cli, data: Path
) -> None:
    told = {name: cli("explain", "two_step", name, *FILES).out for name in ("bo", "cy")}
    assert told["bo"].splitlines()[0].startswith("cy: Contact")
    assert "The record bo was merged into cy: this is the story of both." in told["bo"]
    assert "bo: the other record was merged into this one." in told["cy"]
    for out in told.values():
        assert "Refused: from Contact nobody is moved by “give up”." in out
        assert "Visited /pricing. Interest 0 → 5." in out
        assert "Newsletter" not in out


NAMED = """\
id,created_at,first_name,last_name,company,email
p1,2024-05-01T09:00:00Z,Ann,Lee,Acme,ann@acme.example
p2,2024-05-01T09:30:00Z,Bo,Lee,Lumen,
p3,2024-05-02T09:30:00Z,Bo,Lee,,
"""


@pytest.mark.parametrize("text", ["ann@acme.example", "ann lee", "P1", "Lee Ann", "ANN"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_person_is_found_by_address_or_name(data: Path, text: str, stream: bool) -> None:
    (data / "named.csv").write_text(NAMED)
    source = "/dev/fd/0" if stream else "named.csv"
    done = subprocess.run(
        [*COMMAND, "explain", "two_step", text, "--people", source, "--format", "csv"],
        cwd=data,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        input=NAMED,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("p1: Contact")
    assert done.stderr == f"note: {text!r} is 'p1'\n"


def test_several_who_may_be_meant_are_listed(cli: Cli, data: Path) -> None:
    (data / "named.csv").write_text(NAMED)
    done = cli("explain", "two_step", "lee", "--people", "named.csv")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: 'lee' may be any of 3 people; give the id of one:\n"
        "  p1  Ann Lee  Acme\n  p2  Bo Lee   Lumen\n  p3  Bo Lee\n"
    )
    (data / "merged.csv").write_text("person,kind,at,loser\np2,merged,2024-05-03,p3\n")
    files = ("--people", "named.csv", "--activities", "merged.csv")
    assert cli("explain", "two_step", "bo lee", *files).code == 0


def test_an_unknown_person_is_told_with_who_may_be_meant(cli: Cli, data: Path) -> None:
    (data / "named.csv").write_text(NAMED + "p9,never,Zoe,,,\n")
    done = cli("explain", "two_step", "an lee", "--people", "named.csv")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: nothing in these files is about 'an lee'; did you mean 'p1' (Ann Lee, Acme)?\n"
    )
    done = cli("explain", "two_step", "p9", "--people", "named.csv")
    assert "; 1 row about it could not be used: see `run`" in done.err


def test_the_story_is_what_a_run_says(cli: Cli, data: Path) -> None:
    assert cli("run", "two_step", *FILES, "--out", "out", "--no-pictures").code == 0
    people = pl.read_csv(data / "out/people.csv", infer_schema=False)
    rows = pl.read_csv(data / "out/history.csv", infer_schema=False)
    for name in people["id"]:
        said = json.loads(cli("explain", "two_step", name, *FILES, "--json").out)
        assert (
            said["stage"]
            == people.row(by_predicate=pl.col("id") == said["person"], named=True)["stage"]
        )
        own = rows.filter(pl.col("person") == said["person"])
        assert [one["rule"] for one in said["history"]] == own["rule"].to_list()


def test_a_stream_is_read_once_also_for_somebody_who_was_merged(data: Path) -> None:
    command = ("explain", "two_step", "bo", "--people", "people.csv", "--activities", "/dev/fd/0")
    done = subprocess.run(
        [*COMMAND, *command, "--format", "csv", "--json"],
        cwd=data,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        input=ACTIVITIES,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert (said["person"], len(said["folded_in"])) == ("cy", 1)


def test_the_story_is_written_as_markdown_or_drawn(cli: Cli, data: Path) -> None:
    done = cli("explain", "two_step", "ann", *FILES, "--out", "told/ann.md")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("ann: Customer")
    told = (data / "told/ann.md").read_text()
    assert told.startswith("# ann: Customer, Has bought, since 20 Jun 2024")
    assert "- **20 Jun 2024 16:00** Opportunity deal-7 won.\n" in told
    assert cli("explain", "two_step", "cy", *FILES, "--out", "cy.svg").code == 0
    assert (data / "cy.svg").read_text().startswith("<svg ")
    done = cli("explain", "two_step", "ann", *FILES, "--out", "ann.txt")
    assert done.code == 2
    assert not (data / "ann.txt").exists()


def test_the_zone_counts_for_what_is_read_and_what_is_told(cli: Cli, data: Path) -> None:
    at = ("--at", "2024-05-03 12:00", "--zone", "Europe/Berlin")
    assert "→ Lead by" in cli("explain", "two_step", "ann", *FILES, *at).out
    at = ("--at", "2024-05-03 11:59", "--zone", "Europe/Berlin")
    assert "→ Lead by" not in cli("explain", "two_step", "ann", *FILES, *at).out
    done = cli("explain", "two_step", "ann", *FILES, "--zone", "Mars")
    assert (done.code, done.out) == (2, "")
    assert "Mars" in done.err


@pytest.mark.parametrize("columns", [40, 80, 300])
def test_lines_fit_the_terminal(data: Path, columns: int) -> None:
    done = subprocess.run(
        [*COMMAND, "explain", "two_step", "ann", *FILES],
        cwd=data,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": str(columns)},
        capture_output=True,
        text=True,
        check=True,
    )
    widest = max(map(len, done.stdout.splitlines()))
    assert widest <= max(60, min(columns, 100))


@pytest.mark.parametrize("asked", ["lead", "contact", "cy"])
@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_the_activities_of_a_contact_are_those_of_the_lead_that_became_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, kind: str
) -> None:
    text = (
        "person,kind,at,contact,form\n"
        "lead,created,2024-05-01,,\nann,created,2024-05-01,,\ncy,created,2024-05-02,,\n"
        "contact,form_filled,2024-05-04,,Demo\nlead,converted,2024-05-03,contact,\n"
        "cy,form_filled,2024-05-05,,Demo\n"
    )
    (tmp_path / "log.csv").write_text(text)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    log = read_log(
        Lifecycle("two_step").model,
        [("activities", str(tmp_path / "log.csv") if kind == "file" else "-")],
        asked,
        mapping=None,
        format="csv",
        order="event",
        bar=lambda what, done: None,
    )
    assert not log.rejects
    theirs = (
        ["created", "form_filled"] if asked == "cy" else ["created", "converted", "form_filled"]
    )
    assert [one.kind for one in log.activities] == theirs


def test_the_story_of_a_contact_is_that_of_the_lead(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(
        "person,kind,at,contact,opportunity\nlead,created,2024-05-01,,\n"
        "lead,converted,2024-05-03,contact,\ncontact,opportunity_won,2024-05-04,,deal-7\n"
    )
    told = [
        json.loads(cli("explain", "two_step", one, "--activities", "log.csv", "--json").out)
        for one in ("lead", "contact")
    ]
    assert [(one["person"], one["stage"]) for one in told] == [("lead", "customer")] * 2
    text = cli("explain", "two_step", "contact", "--activities", "log.csv").out
    assert "contact is the contact that the lead lead became." in text
