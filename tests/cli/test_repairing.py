"""The commands that repair a store, empty it of somebody, and carry it elsewhere."""

from __future__ import annotations

import inspect
import json
import re
import shlex
import sqlite3
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from lifecycle_fsm.cli.app import python_name
from lifecycle_fsm.model.toml_files import dumps
from lifecycle_fsm.store import database, exchange, rebuild, undo_merge
from lifecycle_fsm.store import forget as forgetting
from tests.cli.commands import Cli
from tests.cli.test_store_commands import PARKING, STORE, rows
from tests.store.telling import ASKING

PEOPLE = """id,created_at,email,first_name
ann,2024-05-01,ann@example.com,Ann
bo,2024-05-01,bo@example.com,Bo
cy,2024-05-02,cy@example.com,Cy
"""
ACTIVITIES = """person,kind,at,form,loser,contact,opportunity,id
bo,form_filled,2024-05-03,Demo,,,,f1
ann,merged,2024-05-04,,bo,,,m1
ann,converted,2024-05-04,,,k,,k1
ann,form_filled,2024-05-05,News,,,,f2
bo,opportunity_won,2024-05-06,,,,D-1,w1
dan,form_filled,2024-05-06,Demo,,,,f3
"""
COMMANDS = ("undo-merge", "rebuild", "forget", "export", "import")
STORE_FILE = "lifecycle.db"


@pytest.fixture
def stored(cli: Cli, tmp_path: Path) -> Path:
    """A folder with a store: Bo was merged into Ann, and a contact belongs to her."""
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "activities.csv").write_text(ACTIVITIES)
    take_in(cli, "two_step")
    return tmp_path


def take_in(cli: Cli, model: str, store: str = STORE_FILE) -> None:
    files = ("--people", "people.csv", "--activities", "activities.csv")
    done = cli("ingest", model, *files, "--store", store, "--allow-held")
    assert done.code == 0, done.err
    assert cli("tick", model, "--store", store, "--at", "2024-06-01").code == 0


def change(*statements: str) -> None:
    """Change the store behind its back."""
    with sqlite3.connect(STORE_FILE) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


# -- undo-merge ------------------------------------------------------------------------------


def test_a_merge_is_taken_back(cli: Cli, stored: Path) -> None:
    done = cli("undo-merge", "two_step", "ann", "bo", *STORE, "--at", "2024-06-02")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "the merge of 'bo' into 'ann' was undone (m1)\n  ann: Contact\n  bo: Customer\n"
    )
    assert cli("explain", "two_step", "bo", *STORE).out.startswith("bo: Customer, ")
    again = cli("undo-merge", "two_step", "ann", "bo", *STORE)
    assert (again.code, again.out) == (2, "")
    assert "no activity of 'ann' has merged 'bo' into it" in again.err


def test_what_becomes_of_requests_is_told(cli: Cli, stored: Path) -> None:
    (stored / "asking.toml").write_text(dumps(ASKING.model))
    (stored / "people.csv").write_text(PEOPLE + "dee,2024-05-02,dee@example.com,Dee\n")
    (stored / "activities.csv").write_text(
        "person,kind,at,form,loser,id\nbo,form_filled,2024-05-02,Demo,,f1\n"
        "bo,form_filled,2024-05-03,Demo,,f2\nann,merged,2024-05-04,,bo,m1\n"
        "ann,crm_synced,2024-05-05,,,s1\ncy,merged,2024-05-02T00:00:30,,dee,m2\n"
    )
    take_in(cli, "asking.toml", "asking.db")
    undo = ("undo-merge", "asking.toml", "--store", "asking.db", "--at", "2024-06-02")
    done = cli(*undo, "ann", "bo")
    assert done.code == 0, done.err
    assert done.out.splitlines()[3:] == [
        "1 request withdrawn, because without the merge there would be none:",
        "  ann/ready/bo/f2",
        "1 request held until the CRM has the record:",
        "  bo/ready/f2",
    ]
    told = json.loads(cli(*undo, "cy", "dee", "--json").out)
    assert told["people"] == {"cy": "contact", "dee": "contact"}
    assert told["not_asked"] == ["dee/comes/processed:settled"]


def test_who_is_merged_all_the_same_is_told(cli: Cli, stored: Path) -> None:
    with (stored / "activities.csv").open("a") as file:
        file.write("cy,merged,2024-05-07,,ann,,,m2\ncy,merged,2024-05-08,,bo,,,m3\n")
    take_in(cli, "two_step")
    done = cli("undo-merge", "two_step", "ann", "bo", *STORE, "--at", "2024-06-02")
    assert done.code == 1
    assert "they are still one person because of m2, m3: undo one of these as well" in done.out


# -- rebuild ---------------------------------------------------------------------------------


def test_whoever_followed_another_model_is_not_called_the_same(cli: Cli, stored: Path) -> None:
    change("UPDATE activity SET activity = json_set(activity, '$.version', 'other')")
    done = cli("rebuild", "two_step", *STORE)
    assert done.code == 1
    assert done.out.startswith(
        "nobody could be compared with the log, so nothing is known about these people\n"
        "not compared: 2 people\n  ann, cy: part of the log is from version other"
    )


def test_whoever_differs_from_the_log_is_told_and_repaired(cli: Cli, stored: Path) -> None:
    before = rows(stored / STORE_FILE)
    done = cli("rebuild", "two_step", *STORE)
    assert (done.code, done.err) == (0, "")
    assert done.out == "2 people compared with a replay of the log in order of arrival: all agree\n"
    change(
        "UPDATE history SET to_stage = 'customer' WHERE person = 'cy' AND to_stage = 'contact'",
        "DELETE FROM history WHERE person = 'ann' AND sequence > 2",
    )
    damaged = rows(stored / STORE_FILE)
    done = cli("rebuild", "two_step", *STORE)
    assert done.code == 1
    assert done.out == (
        "2 people compared with a replay of the log in order of arrival: 2 differ, 1 backwards\n"
        "  ann: Customer; row 3 of ann is missing: to contact at 2024-05-04 00:00:00 UTC\n"
        "  cy: Contact, backwards; row 2 of cy is to customer at 2024-05-02 00:01:00 UTC; the log "
        "says to contact at 2024-05-02 00:01:00 UTC\n"
        "nothing was changed: --yes rewrites them from the log\n"
    )
    assert rows(stored / STORE_FILE) == damaged
    done = cli("rebuild", "two_step", "cy", *STORE, "--json")
    assert done.code == 1
    told = json.loads(done.out)
    assert (told["people"], told["backwards"], told["applied"]) == (1, ["cy"], False)
    assert told["changed"][0]["stored"]["to_stage"] == "customer"
    assert told["changed"][0]["replayed"]["to_stage"] == "contact"
    # Contacts and folded records lead to the person, too.
    for name in ("k", "bo"):
        done = cli("rebuild", "two_step", name, *STORE, "--json")
        assert [person["person"] for person in json.loads(done.out)["changed"]] == ["ann"]
    done = cli("rebuild", "two_step", *STORE, "--yes")
    assert done.code == 0
    assert done.out.endswith("they were rewritten from the log\n")
    assert rows(stored / STORE_FILE) == before
    assert cli("rebuild", "two_step", *STORE).code == 0


def test_of_very_many_the_first_are_told(cli: Cli, stored: Path) -> None:
    people = "".join(f"p{number:02},2024-05-03,,\n" for number in range(50))
    (stored / "people.csv").write_text(PEOPLE + people)
    take_in(cli, "two_step")
    change(
        "DELETE FROM history WHERE person BETWEEN 'p' AND 'p24'",
        "DELETE FROM activity WHERE person > 'p24'",
    )
    done = cli("rebuild", "two_step", *STORE)
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0].startswith(
        "27 people compared with a replay of the log in order of arrival: 25 differ"
    )
    assert lines[1] == "  p00: Contact; row 1 of p00 is missing: to new at 2024-05-03 00:00:00 UTC"
    assert lines[21:23] == ["… and 5 more", "not compared: 25 people"]
    assert lines[23] == "  p25: the log lacks the creation of 'p25'"
    assert lines[43] == "… and 5 more"


def test_who_would_be_elsewhere_is_told_and_never_written(cli: Cli, stored: Path) -> None:
    head = "person,kind,at,form,opportunity,id\n"
    (stored / "activities.csv").write_text(head + "cy,opportunity_won,2024-05-06,,D-2,w2\n")
    take_in(cli, "two_step")
    late = "cy,form_filled,2024-05-03,Demo,,f8\ncy,form_filled,2024-05-04,Demo,,f9\n"
    (stored / "activities.csv").write_text(head + late)
    take_in(cli, "two_step")
    before = rows(stored / STORE_FILE)
    done = cli("rebuild", "two_step", *STORE, "--order", "event", "--until", "2024-06-01")
    assert done.code == 1
    assert done.out == (
        "2 people compared with a replay of the log in order of event time: 1 differs\n"
        "  cy: Customer; row 3 of cy is to customer at 2024-05-06 00:00:00 UTC; the log says to "
        "lead at 2024-05-04 00:00:00 UTC\n"
    )
    assert rows(stored / STORE_FILE) == before


# -- forget ----------------------------------------------------------------------------------


def test_forgetting_is_told_before_it_is_done(cli: Cli, stored: Path) -> None:
    before = rows(stored / STORE_FILE)
    done = cli("forget", "k", "bo", "dan", *STORE)
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "ann, with record bo, with contact k: would erase 9 activities and keep 8 rows of history "
        "for statistics\n"
        "dan: would erase 1 activity and keep nothing for statistics\n"
        "nothing was changed: --yes erases them, and this cannot be undone\n"
    )
    assert rows(stored / STORE_FILE) == before
    done = cli("forget", "k", "bo", "dan", *STORE, "--yes")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "ann, with record bo, with contact k: erased 9 activities and kept 8 rows of history as "
        "forgotten-1, forgotten-2\n"
        "dan: erased 1 activity and kept nothing\n"
        "lifecycle.db was overwritten: no trace of the erased rows is left in it\n"
    )
    kept = (stored / STORE_FILE).read_bytes()
    assert b"cy@example.com" in kept
    assert b"ann@example.com" not in kept
    assert cli("forget", "bo", *STORE).code == 2
    assert "1 person" in cli("funnel", *STORE).out


def test_a_file_that_somebody_reads_is_overwritten_later(
    cli: Cli, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE", 0)
    reader = sqlite3.connect(STORE_FILE, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM person").fetchone()
    done = cli("forget", "cy", *STORE, "--yes", "--json")
    assert done.code == 1
    (person,) = json.loads(done.out)["people"]
    assert (person["records"], person["overwritten"]) == (["cy"], False)
    assert "it may still contain" in cli("forget", *STORE, "--yes").out
    reader.close()
    done = cli("forget", *STORE, "--yes")
    assert (done.code, done.out) == (
        0, "lifecycle.db was overwritten: no trace of the erased rows is left in it\n",
    )  # fmt: skip


# -- export and import -----------------------------------------------------------------------


def test_a_store_goes_into_files_and_comes_back(cli: Cli, stored: Path) -> None:
    done = cli("export", "my backup", *STORE)
    assert (done.code, done.err) == (0, "")
    lines = dict(re.findall(r"^  (\w+\.jsonl) +(\d+)$", done.out, re.MULTILINE))
    assert len(lines) == 11
    for name, count in lines.items():
        assert (stored / "my backup" / name).read_bytes().count(b"\n") == int(count)
    counts = ("--show", "flows", "--show", "conversion", "--until", "2024-06-01")
    measured = cli("funnel", *STORE, *counts).out
    run, funnel, again = re.findall(r"^  lifecycle-fsm (.+)$", done.out, re.MULTILINE)
    ran = cli(*shlex.split(run), "--out", "run", "--no-pictures")
    assert ran.code == 0, ran.err
    assert "\n2 people, at " in ran.out
    assert cli(*shlex.split(funnel), *counts).out == measured
    done = cli(*shlex.split(again.replace("ADDRESS", "other.db")), "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["store"] == "other.db"
    assert told["files"] == {name: int(count) for name, count in lines.items()}
    assert rows(stored / "other.db") == rows(stored / STORE_FILE)
    assert cli("rebuild", "two_step", "--store", "other.db").code == 0


def test_a_model_that_needs_its_tables_is_not_said_to_run_without(cli: Cli, stored: Path) -> None:
    (stored / "acme.toml").write_text(PARKING)
    (stored / "companies.csv").write_text("domain,employees\nacme.example,12\n")
    ingest = ("ingest", "acme.toml", "--people", "people.csv", "--store", "acme.db")
    assert cli(*ingest).code == 0
    done = cli("export", "out", "--store", "acme.db")
    assert "\n  lifecycle-fsm run MODEL --activities out/activities.jsonl" in done.out
    assert "\n  lifecycle-fsm funnel out/history.jsonl --model out/model.toml" in done.out


def test_a_damaged_export_leaves_no_store(cli: Cli, stored: Path) -> None:
    assert cli("export", "out", *STORE).code == 0
    history = stored / "out" / "history.jsonl"
    lines = history.read_text().splitlines(keepends=True)
    empty = sqlite3.connect("used.db")
    empty.execute("CREATE TABLE other (name TEXT)")
    empty.close()
    for damaged, message in (
        (lines[:-1], "lines, and was written with"),
        ([lines[0], *lines[:-1]], "one of them is there twice"),
        (["{}\n", *lines[1:]], "line 1 is no row of 'history'"),
    ):
        history.write_text("".join(damaged))
        for name in ("new.db", "used.db"):
            done = cli("import", "out", "--store", name)
            assert done.code == 2
            assert message in done.err
            assert "has no store yet" in cli("status", "--store", name).err
        assert not [*stored.glob("new.db*")]


# -- all of them -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("undo-merge two_step ann an --store lifecycle.db", "is about 'an'; did you mean 'ann'"),
        ("undo-merge two_step an bo --store lifecycle.db", "is about 'an'; did you mean 'ann'"),
        ("undo-merge two_step ann cy --store lifecycle.db", "no activity of 'ann' has merged 'cy'"),
        ("undo-merge engagement ann bo --store lifecycle.db", "follow version"),
        ("rebuild two_step ann cyy --store lifecycle.db", "is about 'cyy'; did you mean 'cy'"),
        ("rebuild two_step dan --store lifecycle.db", "nobody with the id 'dan' has been created"),
        ("rebuild engagement --store lifecycle.db", "follow version"),
        ("rebuild two_step --until now --store lifecycle.db", "--until belongs to --order event"),
        ("rebuild two_step --order event --yes --store lifecycle.db", "only compares"),
        ("forget --store lifecycle.db", "nobody to forget: name a PERSON"),
        ("forget cy 'Ann' --yes --store lifecycle.db", "is about 'Ann'; did you mean 'ann'"),
        ("export taken --store lifecycle.db", "taken has files already: name a new folder"),
        ("export people.csv/x --store lifecycle.db", "people.csv/x cannot be written"),
        ("import taken --store new.db", "so this is no exported store"),
        ("import none --store new.db", "so this is no exported store"),
        ("import exported --store lifecycle.db", "the store is not empty"),
        ("export out --store empty.db", "no model has been given to the store yet"),
        ("undo-merge two_step ann bo --store none.db", "none.db has no store yet"),
        ("rebuild two_step --store none.db", "none.db has no store yet"),
        ("forget ann --yes --store none.db", "none.db has no store yet"),
        ("export out --store none.db", "none.db has no store yet"),
        ("undo-merge two_step ann bo --store people.csv", "people.csv is no SQLite database"),
        ("rebuild two_step --store people.csv", "people.csv is no SQLite database"),
        ("forget ann --yes --store people.csv", "people.csv is no SQLite database"),
        ("export out --store people.csv", "people.csv is no SQLite database"),
        ("import exported --store people.csv", "people.csv is no SQLite database"),
        ("export out", "Missing option '--store'"),
    ],
)
def test_what_is_wrong_is_a_sentence_and_changes_nothing(
    cli: Cli, stored: Path, command: str, message: str
) -> None:
    (stored / "taken").mkdir()
    (stored / "taken/notes.txt").touch()
    assert cli("export", "exported", *STORE).code == 0
    database.Database(f"sqlite:///{stored}/empty.db").close()
    files, before = {path.stem for path in stored.iterdir()}, rows(stored / STORE_FILE)
    done = cli(*shlex.split(command))
    assert (done.code, done.out) == (2, "")
    assert message in " ".join(done.err.split())
    assert {path.stem for path in stored.iterdir()} == files
    assert rows(stored / STORE_FILE) == before


def interrupted(*_: object) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("command", "place"),
    [
        ("undo-merge two_step ann bo", (undo_merge, "_settle_requests")),
        ("rebuild two_step --yes", (rebuild, "write_anew")),
        ("forget ann --yes", (forgetting, "_rename")),
        ("export out", (exchange, "write_file")),
        ("import exported", (exchange, "_read")),
    ],
)
def test_what_is_stopped_is_not_done_by_half(
    cli: Cli, stored: Path, monkeypatch: pytest.MonkeyPatch, command: str, place: tuple[Any, str]
) -> None:
    assert cli("export", "exported", *STORE).code == 0
    change("DELETE FROM history WHERE person = 'cy'")
    monkeypatch.setenv("LIFECYCLE_STORE", "new.db" if "import" in command else STORE_FILE)
    if "import" in command:
        assert cli("ingest", "two_step", "--people", "people.csv", "--store", "new.db").code == 0
        with sqlite3.connect("new.db") as connection:
            for table in ("person", "activity", "history"):
                connection.execute(f"DELETE FROM {table}")
        connection.close()
    files, before = {path.stem for path in stored.iterdir()}, rows(stored / STORE_FILE)
    with monkeypatch.context() as patched:
        patched.setattr(*place, interrupted)
        done = cli(*command.split())
    assert (done.code, done.out, done.err) == (130, "", "stopped\n")
    assert {path.stem for path in stored.iterdir()} == files
    assert rows(stored / STORE_FILE) == before
    assert cli(*command.split()).code == 0
    assert rows(stored / STORE_FILE) != before or "port" in command


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_of_the_help_runs(cli: Cli, tmp_path: Path, command: str) -> None:
    (tmp_path / "people.csv").write_text("id,created_at\np1,2024-05-01\np2,2024-05-01\n")
    (tmp_path / "activities.csv").write_text("person,kind,at,loser\np1,merged,2024-05-03,p2\n")
    take_in(cli, "waterfall")
    if command == "import":
        assert cli("export", "backup", *STORE).code == 0
    name = python_name(command)
    text = inspect.getdoc(getattr(import_module(f"lifecycle_fsm.cli.{name}"), name))
    examples = re.findall(r"^lifecycle-fsm (.+)$", str(text), re.MULTILINE)
    assert any(example.startswith(command) for example in examples)
    for example in examples:
        address = example.replace("postgresql://user:password@host/name", "other.db")
        done = cli(*shlex.split(address))
        assert done.code == 0, (example, done.err)
