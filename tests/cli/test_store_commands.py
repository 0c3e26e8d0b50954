"""The commands that keep people in a store, and those that read one instead of files."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lifecycle_fsm import Activity, Engine, load
from lifecycle_fsm.activities import by_event
from lifecycle_fsm.cli.app import KEEP_RUNNING
from lifecycle_fsm.cli.options import Order
from lifecycle_fsm.cli.sorted_activities import SortedActivities
from lifecycle_fsm.parts.spool import Place
from lifecycle_fsm.store import Store
from tests.cli.commands import Cli, start
from tests.cli.test_endings import POSIX
from tests.cli.test_run import ACTIVITIES, PEOPLE

FILES = ("--people", "people.csv", "--activities", "activities.csv")
STORE = ("--store", "lifecycle.db")
TABLES = ("person", "alias", "activity", "history", "deadline", "request")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "activities.csv").write_text(ACTIVITIES)
    return tmp_path


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up company, with the run of its files beside them."""
    folder = tmp_path_factory.mktemp("company")
    command = ("demo", "--people", 60, "--no-pictures", "--out", "demo")
    process = start(*command, cwd=folder, stdout=subprocess.PIPE)
    process.communicate()
    assert process.returncode == 0
    return folder / "demo"


def rows(path: Path) -> dict[str, list[Any]]:
    """All that a store keeps, but for numbers that count up."""
    with sqlite3.connect(path) as database:
        tables = {}
        for name in TABLES:
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({name})")]
            kept = ", ".join(set(columns) - {"place", "revision"})
            tables[name] = sorted(database.execute(f"SELECT {kept} FROM {name}"), key=repr)
    database.close()
    return tables


# -- ingest ----------------------------------------------------------------------------------


def test_decisions_are_kept_for_as_long_as_the_option_says(cli: Cli, data: Path) -> None:
    def kept() -> int:
        with sqlite3.connect(data / "lifecycle.db") as database:
            (count,) = database.execute("SELECT count(*) FROM decision").fetchone()
        database.close()
        return int(count)

    assert cli("ingest", "two_step", *FILES, *STORE, "--keep-decisions", "90d").code == 0
    assert kept() > 0
    tick = ("tick", "two_step", *STORE, "--at", "2034-05-01")
    assert cli(*tick).code == 0
    assert kept() > 0
    assert cli(*tick, "--keep-decisions", "90d").code == 0
    assert kept() == 0
    wrong = cli(*tick, "--keep-decisions", "long")
    assert (wrong.code, "--keep-decisions: 'long' is no length of time" in wrong.err) == (2, True)


def test_files_are_taken_in_without_any_set_up(cli: Cli, data: Path) -> None:
    done = cli("ingest", "two_step", *FILES, *STORE)
    assert (done.code, done.err) == (0, "")
    assert "people: people.csv\n  3 rows, 3 activities, 0 rejected" in done.out
    assert done.out.endswith(
        "\n9 activities into lifecycle.db: 7 moved, 1 no such move, 1 unchanged\n"
    )
    once = rows(data / "lifecycle.db")
    assert [len(once[name]) for name in ("person", "activity")] == [3, 12]
    again = cli("ingest", "two_step", *FILES, *STORE)
    assert again.code == 0
    assert again.out.endswith("\n9 activities into lifecycle.db: 9 duplicate\n")
    assert rows(data / "lifecycle.db") == once


def test_the_summary_for_a_program(cli: Cli, data: Path) -> None:
    (data / "more.csv").write_text(ACTIVITIES + "p9,give_up,2024-05-08,,,,no_budget\n")
    done = cli("ingest", "two_step", "--people", "people.csv", "--activities", "more.csv", *STORE,
               "--json")  # fmt: skip
    summary = json.loads(done.out)
    assert summary["model"]["name"] == "two_step"
    assert summary["store"] == "lifecycle.db"
    assert [file["activities"] for file in summary["files"]] == [3, 7]
    assert summary["activities"] == 10
    assert summary["decisions"]["held"] == 1
    assert summary["held"] == {"p9": 1}
    assert summary["parked"] == {}
    assert summary["rejected"] == 0


def test_the_environment_names_the_store(
    cli: Cli, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFECYCLE_STORE", f"sqlite:///{data}/mine.db")
    assert cli("ingest", "two_step", *FILES).code == 0
    assert (data / "mine.db").exists()
    assert cli("tick", "two_step", "--at", "2024-06-01").code == 0
    assert "3 people" in cli("funnel").out
    assert cli("explain", "two_step", "p1").out.startswith("p1: Customer, ")
    # What draws a model alone goes on to do so.
    assert cli("draw", "two_step", "--out", "model.mmd").code == 0
    assert "3" not in re.findall(r"\b\d+ people", (data / "model.mmd").read_text())


def test_what_cannot_be_used_is_told(cli: Cli, data: Path) -> None:
    (data / "people.csv").write_text(PEOPLE + "p4,someday,,,\np1,2024-05-09T10:00:00Z,fair,,\n")
    done = cli("ingest", "two_step", *FILES, *STORE)
    assert done.code == 1
    assert "people.csv, line 5, column created_at:" in done.err
    assert "people.csv, line 6: the person 'p1' came before, with other content" in done.err
    assert "2 rejected; --allow-rejected makes this a success\n" in done.err
    assert cli("ingest", "two_step", *FILES, *STORE, "--allow-rejected").code == 0
    other = cli("ingest", "two_step", "--activities", "activities.csv", "--store", "other.db")
    assert other.code == 1
    assert "most of activities is held: 6 of 6" in other.err
    assert "held: 6 activities for 3 people whom nobody has created yet, such as 'p1'" in other.out
    # Whoever was in the store before is not missing.
    assert cli("ingest", "two_step", "--activities", "activities.csv", *STORE).code == 0


def test_what_a_store_does_not_take_is_told_with_its_row(cli: Cli, data: Path) -> None:
    long = "x" * 201
    refused = f"forgotten-1,2024-05-09T10:00:00Z,fair,,\n{long},2024-05-09T10:00:00Z,fair,,\n"
    (data / "people.csv").write_text(PEOPLE + refused)
    done = cli("ingest", "two_step", *FILES, *STORE)
    assert done.code == 1
    assert "people.csv, line 5: ids that begin with 'forgotten-' are kept for people" in done.err
    assert "people.csv, line 6: the person is an id of 201 characters" in done.err
    assert "2 rejected; " in done.err


def test_whose_log_tells_when_processing_ended_waits_for_it(cli: Cli, data: Path) -> None:
    (data / "activities.csv").write_text(
        "person,kind,at,id\np1,form_filled,2024-05-04,f1\np1,processed,2024-05-09,p-1\n"
    )
    cli("ingest", "two_step", *FILES, *STORE)
    cli("tick", "two_step", *STORE, "--at", "2024-06-01")
    done = cli("explain", "two_step", "p1", *STORE)
    assert done.out.startswith("p1: Contact, Known by name, since 9 May 2024")
    with sqlite3.connect(data / "lifecycle.db") as database:
        query = "SELECT at FROM history WHERE person = 'p1' AND from_stage = 'new'"
        ((at,),) = database.execute(query)
    database.close()
    assert at.startswith("2024-05-09")


def test_a_stream_and_the_order_of_arrival(
    cli: Cli, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        {"person": "p1", "kind": "give_up", "at": "2024-05-07", "reason": "no_budget"},
        {"person": "p1", "kind": "score_given", "at": "2024-05-05", "points": 40},
    ]
    (data / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with (data / "log.jsonl").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        done = cli("ingest", "two_step", "--people", "people.csv", "--activities", "-",
                   "--format", "jsonl", "--order", "arrival", *STORE)  # fmt: skip
    assert (done.code, done.err) == (0, "")
    with sqlite3.connect(data / "lifecycle.db") as database:
        log = "SELECT json_extract(activity, '$.kind') FROM activity WHERE person = 'p1'"
        kinds = [kind for (kind,) in database.execute(log + " ORDER BY place")]
    database.close()
    assert [kind for kind in kinds if kind in ("give_up", "score_given")] == [
        "give_up", "score_given",
    ]  # fmt: skip


def some_activities(count: int) -> Iterator[tuple[Activity, Place]]:
    random, first = Random(count), datetime(2024, 5, 1, tzinfo=UTC)
    for number in range(count):
        kind = random.choice(["created", "form_filled", "processed"])
        at = first + timedelta(microseconds=random.choice([0, 1, 1_000_000, 3_600_000_000]))
        sequence = random.choice([None, 1, 2])
        payload = {"form": "\ud800" if number == 3 else "Ω", "at": at}
        activity = Activity(
            f"e{number % 7}", f"p{number % 3}", kind, at, payload, sequence=sequence
        )
        yield activity, Place(number % 2, number)


@pytest.mark.parametrize("count", [0, 1, 5_000])
@pytest.mark.parametrize("order", ["event", "arrival"])
def test_what_is_sorted_on_the_disk_is_sorted_as_in_memory(count: int, order: Order) -> None:
    activities = [*some_activities(count)]
    log = SortedActivities(order)
    for activity, place in activities:
        log.add(activity, place)
    wanted = [Activity.load(activity.dump()) for activity, _ in activities]
    assert log.count == count
    for _ in range(2):
        given = [activity for activity, _ in log]
        assert given == (by_event(wanted) if order == "event" else wanted)
    assert {place.line for _, place in log} == {place.line for _, place in activities}
    assert log.processed == {each.person for each in wanted if each.kind == "processed"}
    log.close()


# -- interruptions ---------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_is_stopped_goes_on_when_it_is_run_again(
    company: Path, tmp_path: Path, number: int, status: int
) -> None:
    files = [f"--{name}={company}/input/{name}.csv" for name in ("people", "activities")]
    command = ("ingest", company / "input/lifecycle.toml", *files)
    whole = start(*command, "--store", "whole.db", cwd=tmp_path, stdout=subprocess.DEVNULL)
    stopped = start(*command, *STORE, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_rows(stopped, tmp_path / "lifecycle.db")
    stopped.send_signal(number)
    out, err = stopped.communicate()
    assert (stopped.returncode, out) == (status, "")
    told = re.match(r"([\d,]+) of ([\d,]+) activities are in the store: run the same", err)
    assert told is not None, err
    done, count = (int(text.replace(",", "")) for text in told.groups())
    assert 0 < done <= count
    again = start(*command, *STORE, "--json", cwd=tmp_path, stdout=subprocess.PIPE)
    summary = json.loads(again.communicate()[0])
    assert (again.returncode, whole.wait()) == (0, 0)
    assert summary["decisions"]["duplicate"] >= done
    assert rows(tmp_path / "lifecycle.db") == rows(tmp_path / "whole.db")


def wait_for_rows(process: subprocess.Popen[str], path: Path) -> None:
    """Wait until a process has written the first activities into its store."""
    while process.poll() is None:
        if path.exists():
            database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            try:
                if database.execute("SELECT count(*) FROM activity").fetchone() > (0,):
                    return
            except sqlite3.Error:
                pass  # it has no tables yet
            finally:
                database.close()
        time.sleep(0.001)


def test_two_at_once_are_as_two_after_each_other(company: Path, tmp_path: Path) -> None:
    files = [f"--{name}={company}/input/{name}.csv" for name in ("people", "activities")]
    command = ("ingest", company / "input/lifecycle.toml", *files)
    both = [
        start(*command, *STORE, "--json", cwd=tmp_path, stdout=subprocess.PIPE) for _ in range(2)
    ]
    alone = start(*command, "--store", "whole.db", cwd=tmp_path, stdout=subprocess.DEVNULL)
    summaries = [json.loads(process.communicate()[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert alone.wait() == 0
    count = summaries[0]["activities"]
    total = [sum(summary["decisions"].values()) for summary in summaries]
    assert total == [count, count]
    assert sum(summary["decisions"].get("duplicate", 0) for summary in summaries) >= count
    assert rows(tmp_path / "lifecycle.db") == rows(tmp_path / "whole.db")


# -- time, processing, another try -------------------------------------------------------------


def test_time_passes_up_to_an_instant(cli: Cli, data: Path) -> None:
    (data / "activities.csv").write_text("person,kind,at\n")
    cli("ingest", "two_step", *FILES, *STORE)
    done = cli("tick", "two_step", *STORE, "--at", "2024-05-02T12:00", "--json")
    assert done.code == 0
    assert json.loads(done.out) == {"at": "2024-05-02T12:00:00Z", "people": 2}
    done = cli("tick", "two_step", *STORE)
    assert done.out.startswith("something was due for 1 person, up to ")
    done = cli("tick", "two_step", *STORE, "--at", "2024-05-02T12:00")
    assert done.out == "nothing was due, up to 2024-05-02 12:00 UTC\n"
    assert cli("tick", "two_step", *STORE, "--at", "soon").code == 2


def test_new_people_are_processed(cli: Cli, data: Path) -> None:
    (data / "activities.csv").write_text("person,kind,at\n")
    cli("ingest", "two_step", *FILES, *STORE)
    done = cli("process", "two_step", *STORE)
    assert (done.code, done.out) == (0, "3 sorted\n")
    done = cli("process", "two_step", *STORE, "--json", "--again")
    assert json.loads(done.out) == {"people": {}, "parked": {}}


def broken(*_: object) -> dict[str, Any]:
    raise TimeoutError("no answer")


def test_what_an_error_has_parked_is_tried_again(cli: Cli, data: Path) -> None:
    (data / "acme.toml").write_text(PARKING, "utf-8")
    (data / "companies.csv").write_text("domain,employees\nacme.example,12\n")
    created = Activity("c", "p1", "created", "2024-05-01", {"email": "a@acme.example"})
    with Store(
        Engine(load("acme.toml"), steps={"enrich": broken}), "sqlite:///lifecycle.db"
    ) as store:
        store.apply(created)
        store.tick("2024-06-01")
        assert [*store.parked] == ["p1"]
    done = cli("ingest", "acme.toml", "--people", "people.csv", *STORE)
    assert "parked: 1 person, such as 'p1': enrich: TimeoutError: no answer" in done.out
    done = cli("retry", "acme.toml", *STORE, "--at", "2024-06-03", "--json")
    assert done.code == 0
    assert json.loads(done.out) == {
        "at": "2024-06-03T00:00:00Z",
        "decisions": {"moved": 1},
        "parked": {},
    }
    assert cli("retry", "acme.toml", *STORE).out == "nothing was parked\n"


PARKING = """
name = "acme"
[[stages]]
name = "new"
[[stages]]
name = "lead"
[[processing]]
number = 10
step = "enrich"
on_failure = "park"
options = { table = "companies.csv", key = "domain", columns = ["employees"] }
[[sort]]
name = "all"
when = "otherwise"
to = "lead"
"""


# -- instead of files ------------------------------------------------------------------------


@pytest.fixture
def stored(cli: Cli, company: Path, tmp_path: Path) -> dict[str, Any]:
    """The company in a store, watched up to the end of its run; the summary of that."""
    files = [f"--{name}={company}/input/{name}.csv" for name in ("people", "activities")]
    summary: dict[str, Any] = json.loads((company / "summary.json").read_text())
    model = company / "input/lifecycle.toml"
    taken = cli("ingest", model, *files, *STORE, "--json")
    assert taken.code == 0
    assert json.loads(taken.out)["activities"] == summary["activities"]
    assert cli("tick", model, *STORE, "--at", summary["until"]).code == 0
    return {**summary, "model": model, "files": files}


def test_a_store_is_measured_as_its_files(cli: Cli, stored: dict[str, Any], company: Path) -> None:
    history = company / "history.csv"
    for options in (
        ["--json"],
        ["--by", "source"],
        ["--journeys", "first", "--every", "quarter"],
        ["--where", "sourced_by == 'sales'", "--json"],
    ):
        given = cli("funnel", history, "--model", stored["model"], *options)
        kept = cli("funnel", *STORE, *options)
        assert given.code == kept.code == 0, kept.err
        assert kept.out == given.out
        assert kept.err == ""
    stages = {stage["stage"]: stage["people"] for stage in stored["stages"]}
    told = json.loads(cli("funnel", *STORE, "--json").out)
    assert sum(stages.values()) == 60
    assert str(stages["customer"]) in json.dumps(told)


@pytest.mark.parametrize("options", [["--json"], ["--by", "source", "--until", "2025-10-01"]])
def test_r32_a_store_is_forecast_as_its_files(
    cli: Cli, stored: dict[str, Any], company: Path, options: list[str]
) -> None:
    given = cli("forecast", company / "history.csv", "--model", stored["model"], *options)
    kept = cli("forecast", *STORE, *options)
    assert given.code == kept.code == 0, kept.err
    assert (kept.out, kept.err) == (given.out, "")


def test_a_store_is_drawn_and_signed_as_its_files(
    cli: Cli, stored: dict[str, Any], company: Path, tmp_path: Path
) -> None:
    model = stored["model"]
    history = ("--history", company / "history.csv")
    cli("draw", model, *history, "--out", "files.mmd")
    assert cli("draw", model, *STORE, "--out", "store.mmd").code == 0
    assert (tmp_path / "store.mmd").read_text() == (tmp_path / "files.mmd").read_text()
    where = ("--where", "sourced_by == 'sales'")
    cli("draw", model, *history, *where, "--out", "files.mmd")
    assert cli("draw", model, *STORE, *where, "--out", "sales.mmd").code == 0
    assert (tmp_path / "sales.mmd").read_text() == (tmp_path / "files.mmd").read_text()
    assert (tmp_path / "sales.mmd").read_text() != (tmp_path / "store.mmd").read_text()
    cli("sheet", model, *history, "--out", "a/sheet.md", "--list", "a/list.csv")
    done = cli("sheet", model, *STORE, "--out", "b/sheet.md", "--list", "b/list.csv")
    assert done.code == 0, done.err
    for name in ("sheet.md", "list.csv"):
        assert (tmp_path / "b" / name).read_text() == (tmp_path / "a" / name).read_text()


def test_the_list_of_a_filtered_sheet_has_the_people_of_the_filter(
    cli: Cli, stored: dict[str, Any], tmp_path: Path
) -> None:
    def listed(*where: str) -> list[str]:
        done = cli("sheet", stored["model"], *STORE, *where, "--out", "s.md", "--list", "s.csv")
        assert done.code == 0, done.err
        return sorted((tmp_path / "s.csv").read_text().splitlines()[1:])

    guard = "sourced_by == 'sales'"
    inside, outside = listed("--where", guard), listed("--where", f"not ({guard})")
    assert inside
    assert outside
    assert sorted([*inside, *outside]) == listed()


def test_a_store_is_watched_up_to_its_last_tick_or_a_later_row(cli: Cli, data: Path) -> None:
    assert cli("ingest", "two_step", *FILES, *STORE).code == 0

    def known() -> str:
        match = re.search("known until ([0-9-]+)", cli("funnel", *STORE).out)
        assert match is not None
        return match[1]

    assert known().startswith("2024-05-0")  # the last row
    for at in ("2024-07-01", "2024-06-01"):
        cli("tick", "two_step", *STORE, "--at", at)
        assert known() == "2024-07-01"
    created = data / "later.csv"
    created.write_text("id,created_at\np7,2024-08-01T10:00:00Z\n")
    cli("ingest", "two_step", "--people", "later.csv", *STORE)
    assert known() == "2024-08-01"
    assert "known until 2024-05-20" in cli("funnel", *STORE, "--until", "2024-05-20").out


def test_a_story_from_a_store_is_that_of_its_files(cli: Cli, stored: dict[str, Any]) -> None:
    model, at = stored["model"], ("--at", stored["until"])
    with sqlite3.connect("lifecycle.db") as database:
        people = [name for (name,) in database.execute("SELECT id FROM person ORDER BY id")]
        query = "SELECT id FROM person WHERE survivor IS NOT NULL"
        folded = [name for (name,) in database.execute(query)]
        states = database.execute("SELECT state FROM person WHERE state IS NOT NULL")
        emails = [json.loads(state)["fields"].get("email") for (state,) in states]
    database.close()
    assert folded
    for name in [*people[:4], *folded[:2], *filter(None, emails[:2])]:
        given = cli("explain", model, name, *stored["files"], *at)
        kept = cli("explain", model, name, *STORE, *at)
        assert (kept.code, kept.out) == (0, given.out), kept.err
    done = cli("explain", model, "nobody@such.example", *STORE)
    assert done.code == 2
    assert done.err.startswith("error: nothing in lifecycle.db is about 'nobody@such.example'")


def test_what_waits_for_somebody_is_told_with_the_story(cli: Cli, data: Path) -> None:
    (data / "activities.csv").write_text(
        ACTIVITIES.replace("reason\n", "reason,loser,id\n") + "p1,merged,2024-05-08,,,,,p9,m1\n"
    )
    cli("ingest", "two_step", *FILES, *STORE)
    done = cli("explain", "two_step", "p1", *STORE)
    assert done.code == 0
    assert done.err == (
        "note: merged 'm1' of 'p1' has not been applied: nobody has created 'p9' yet\n"
    )
    done = cli("explain", "two_step", "p9", *STORE)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("error: nothing about 'p9' has been applied yet\n")


# -- what is wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("tick two_step", "Missing option '--store'"),
        ("tick two_step --store none.db", "none.db has no store yet: check the name"),
        ("process two_step --store none.db", "none.db has no store yet"),
        ("retry two_step --store none.db", "none.db has no store yet"),
        ("tick two_step --store no/such/folder.db", "no/such/folder.db has no store yet"),
        ("ingest two_step --people people.csv --store no/such.db", "there is no folder no: make"),
        ("ingest two_step --people people.csv --store=", "--store names no database that stays"),
        ("ingest two_step --people people.csv --store sqlite://", "--store names no database"),
        ("ingest two_step --people people.csv --store :memory:", "--store names no database"),
        ("tick two_step --store=", "--store names no database that stays"),
        ("tick two_step --store .", "is a folder: name a file in it"),
        ("tick two_step --store people.csv", "people.csv is no SQLite database"),
        ("tick two_step --store mysql://me:secret@host/db", "a store cannot be kept with 'mysql'"),
        ("tick engagement --store lifecycle.db", "follow version"),
        ("funnel --store people.csv", "people.csv is no SQLite database"),
        ("funnel --store none.db", "none.db has no store yet"),
        ("funnel", "nothing to read: say the HISTORY that `run` wrote, or --store"),
        ("funnel x.csv --store lifecycle.db", "--store or x.csv: give one of them"),
        ("funnel --store lifecycle.db --people people.csv", "belong to a history of files"),
        ("forecast", "nothing to read: say the HISTORY that `run` wrote, or --store"),
        ("forecast x.csv --store lifecycle.db", "--store or x.csv: give one of them"),
        ("forecast --store none.db", "none.db has no store yet"),
        ("draw two_step --store lifecycle.db --history x.csv --out x.svg", "give one of them"),
        ("draw engagement --store lifecycle.db --out x.svg", "is the history of another model"),
        ("sheet two_step --store lifecycle.db --people people.csv --out x.md", "give one of them"),
        ("sheet engagement --store lifecycle.db --out x.md", "is the history of another model"),
        ("explain two_step p1", "nothing to read: say --people FILE, --activities FILE, or"),
        ("explain two_step p1 --store lifecycle.db --people people.csv", "give one of them"),
    ],
)
def test_what_is_wrong_is_a_sentence(cli: Cli, data: Path, command: str, message: str) -> None:
    cli("ingest", "two_step", *FILES, *STORE)
    before = {path.stem for path in data.iterdir()}
    done = cli(*command.split())
    assert (done.code, done.out) == (2, "")
    assert message in " ".join(done.err.split())
    assert "secret" not in done.err
    assert {path.stem for path in data.iterdir()} == before


def test_files_that_cannot_be_read_leave_no_store_behind(cli: Cli, data: Path) -> None:
    assert cli("ingest", "two_step", "--people", "none.csv", *STORE).code == 2
    (data / "people.csv").write_text("name,colour\n")
    assert cli("ingest", "two_step", "--people", "people.csv", *STORE).code == 2
    assert not (data / "lifecycle.db").exists()


def test_the_help_lists_them_apart(cli: Cli) -> None:
    head, _, shown = cli("--help").out.partition("Keep it running")
    for name in KEEP_RUNNING:
        assert re.search(rf"^\W+{name} ", shown, re.MULTILINE)
        assert not re.search(rf"^\W+{name} ", head, re.MULTILINE)
