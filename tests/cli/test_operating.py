"""The commands by which an operator looks after a store: status, deliver, outbox, migrate."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sqlite3
import subprocess
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from lifecycle_fsm import Engine, Model, load
from lifecycle_fsm.model.toml_files import dumps
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.database import Database
from tests.cli.commands import Cli, start
from tests.cli.test_endings import POSIX
from tests.store.conftest import NewAddress, engines, new_database, server
from tests.store.telling import ASKING, DAY, START, happened
from tests.store.test_channels import SECRET, Answer, Web, web

__all__ = ["engines", "new_database", "server", "web"]
STORE = ("--store", "lifecycle.db")
CHANNELS = '["*"]\nadapter = "json_lines"\npath = "requests.jsonl"\n'
LATER = "2024-05-04T09:00"
#: The same lifecycle, in which a lead is called a prospect.
CHANGED = dumps(ASKING.model).replace('"lead"', '"prospect"')
MAP = ("--map", "lead=prospect")
#: A model in which one form makes a lead, and the desk is told at once.
LOWER = (
    dumps(ASKING.model)
    .replace("lead_threshold = 30", "lead_threshold = 15")
    .replace("links_to_crm = true", "links_to_crm = false")
)


def written(name: str, text: str) -> Model:
    Path(name).write_text(text, "utf-8")
    return load(name)


def fill(address: str = "sqlite:///lifecycle.db", *, until: Any = START + 3 * DAY) -> None:
    """Put a contact, a lead, somebody new and somebody who is only mentioned into a store; the
    files of the model and its changed form, and of channels, are beside it."""
    model = written("lifecycle.toml", dumps(ASKING.model))
    written("changed.toml", CHANGED)
    Path("channels.toml").write_text(CHANNELS)
    with Store(Engine(model), address) as store:
        for activity in (
            happened("ann", "created", 0, email="ann@example.com"),
            happened("bo", "created", 0.5, email="bo@example.com"),
            happened("bo", "form_filled", 1, form="Demo"),
            happened("bo", "form_filled", 1.5, form="Demo"),
            happened("dan", "form_filled", 2, form="Demo"),
        ):
            store.apply(activity)
        if until is not None:
            store.tick(until)
            store.apply(happened("cy", "created", 3, email="cy@example.com"))


def sql(statement: str) -> list[Any]:
    """What a statement gives that goes to the store past all commands."""
    with sqlite3.connect("lifecycle.db") as database:
        rows = database.execute(statement).fetchall()
    database.close()
    return rows


def outbox() -> dict[str, str]:
    return dict(sql("SELECT id, status FROM request ORDER BY place"))


def squeezed(text: str) -> list[str]:
    """The lines, without the spaces that line things up."""
    return [" ".join(line.split()) for line in text.splitlines()]


# -- status ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code", "lines"),
    [
        (
            "",
            0,
            ["0 New 1", "1 Contact 1", "2 Lead 1", "3 Customer 0", "due nothing",
             "held 1 activity for people not created yet", "parked nobody",
             "outbox 2 waiting, the oldest since 2024-05-01 21:01 UTC", "1 held"],
        ),
        ("DELETE FROM request", 0, ["outbox empty"]),
        (
            "UPDATE person SET parked = 1 WHERE id = 'ann'",
            1,
            ["parked 1 person",
             "action needed: 1 person parked by an error; fix the cause, then run `retry`"],
        ),
        (
            "UPDATE request SET status = 'dead'",
            1,
            ["outbox 3 dead",
             "action needed: 3 dead requests; `outbox` shows why, and `outbox --retry-all` tries "
             "again"],
        ),
        (
            "INSERT INTO processing (person, step, given, skipped, attempts) "
            "VALUES ('cy', 'enrich', '{}', '[]', 0)",
            0,
            ["in processing 1 person"],
        ),
        (
            "INSERT INTO processing (person, step, given, skipped, attempts, error) "
            "VALUES ('cy', 'enrich', '{}', '[]', 3, 'no answer')",
            1,
            ["in processing 1 person stopped for good",
             "action needed: 1 person stopped by a failed step of original processing; fix the "
             "cause, then run `process --again`"],
        ),
        ("UPDATE model SET definition = NULL", 0, ["contact 1", "lead 1", "new 1"]),
    ],
)  # fmt: skip
def test_the_status_tells_how_a_store_is_doing(
    cli: Cli, change: str, code: int, lines: list[str]
) -> None:
    fill()
    if change:
        sql(change)
    done = cli("status", *STORE, "--at", LATER)
    assert (done.code, done.err) == (code, "")
    assert "lifecycle.db at 2024-05-04 09:00 UTC: 3 people, 8 activities" in done.out
    assert f"(model two_step, version {ASKING.model.version})" in done.out
    assert [line for line in lines if line not in squeezed(done.out)] == []
    assert ("action needed" in done.out) == (code == 1)


def test_the_status_tells_since_when_something_is_due(cli: Cli) -> None:
    fill(until=None)
    done = cli("status", *STORE, "--at", LATER)
    told = "due 1 person, since 2024-05-01 09:01 UTC (3 days)"
    assert told in squeezed(done.out)
    early = cli("status", *STORE, "--at", "2024-05-01T09:00")
    assert "due nothing" in squeezed(early.out)


def test_the_status_for_a_program(cli: Cli) -> None:
    fill(until=None)
    done = cli("status", *STORE, "--at", LATER, "--json")
    assert done.code == 0
    assert json.loads(done.out) == {
        "model": "two_step",
        "version": ASKING.model.version,
        "at": "2024-05-04T09:00:00Z",
        "people": {"new": 1, "contact": 0, "lead": 1, "customer": 0, "lost": 0},
        "due": 1,
        "oldest_due": "2024-05-01T09:01:00Z",
        "lag_seconds": 3 * 86_400 - 60,
        "held": 1,
        "parked": 0,
        "requests": {"held": 1, "waiting": 1},
        "oldest_waiting": "2024-05-01T21:01:00Z",
        "processing": 0,
        "stopped": 0,
        "activities": 6,
        "needs_somebody": False,
    }
    sql("UPDATE person SET parked = 1 WHERE id = 'ann'")
    needy = cli("status", *STORE, "--at", LATER, "--json")
    assert (needy.code, json.loads(needy.out)["needs_somebody"]) == (1, True)


# -- deliver ---------------------------------------------------------------------------------


def test_what_waits_is_written_once(cli: Cli, tmp_path: Path) -> None:
    fill()
    done = cli("deliver", "channels.toml", *STORE, "--limit", 1)
    assert (done.code, done.out, done.err) == (0, "1 delivered\n", "")
    done = cli("deliver", "channels.toml", *STORE, "--json")
    assert json.loads(done.out) == {"delivered": 1, "failed": 0, "dead": 0, "unrouted": {}}
    done = cli("deliver", "channels.toml", *STORE)
    assert (done.code, done.out) == (0, "nothing was due\n")
    lines = (tmp_path / "requests.jsonl").read_text().splitlines()
    sent = [json.loads(line)["id"] for line in lines]
    assert len(sent) == 2
    assert sent == [key for key, status in outbox().items() if status == "delivered"]


def hook(to: Web, channel: str = '"*"', path: str = "/in") -> None:
    """Let a channel go to a server."""
    url = f"{to.url}{path}"
    Path("channels.toml").write_text(
        f'[{channel}]\nadapter = "webhook"\nurl = "{url}"\nsecret = "{SECRET}"\n'
    )


@pytest.mark.parametrize(
    ("answer", "code", "text"),
    [
        (200, 0, "2 delivered\n"),
        (503, 0, "2 failed (will be retried)\n"),
        (410, 1, "2 dead\n"),
    ],
)
def test_a_server_takes_them_or_not(
    cli: Cli,
    web: Web,
    answer: int,
    code: int,
    text: str,
) -> None:
    fill()
    hook(web)
    # Who asks for time gets it; without, the next try might come within the same call.
    web.answer = (answer, {"Retry-After": "60"}, b"")
    done = cli("deliver", "channels.toml", *STORE)
    assert (done.code, done.out) == (code, text)
    assert ("2 requests are now dead: `outbox` shows why" in done.err) == (code == 1)
    assert len(web.came) == 2


def test_channels_that_nothing_sends_are_named(cli: Cli, web: Web) -> None:
    fill()
    hook(web, "task")
    done = cli("deliver", "channels.toml", *STORE)
    assert (done.code, done.out) == (0, "nothing was due\n")
    assert done.err == (
        "note: 2 requests wait for channels missing from channels.toml: email (2); add a table for "
        'each, or ["*"] for all\n'
    )
    done = cli("deliver", "channels.toml", *STORE, "--json")
    assert json.loads(done.out)["unrouted"] == {"email": 2}


@POSIX
@pytest.mark.parametrize("options", [(), ("--every", "1s"), ("--every", "1s", "--json")])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_after_the_request_that_is_being_sent(
    cli: Cli,
    web: Web,
    tmp_path: Path,
    number: int,
    status: int,
    options: tuple[str, ...],
) -> None:
    fill()
    arrived = threading.Event()

    class Slow(Answer):
        """Answers when it is told to."""

        def do_POST(self) -> None:
            arrived.set()
            web.done.wait(30)
            super().do_POST()

    hook(web)
    web.RequestHandlerClass = Slow
    process = start("deliver", "channels.toml", *STORE, *options, cwd=tmp_path,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    assert arrived.wait(60)
    process.send_signal(number)
    threading.Event().wait(0.2)
    assert process.poll() is None
    web.done.set()
    out, _ = process.communicate()
    assert process.returncode == status
    if "--json" in options:
        assert json.loads(out)["delivered"] == 1
    else:
        assert out.endswith("1 delivered\n")
    assert sorted(outbox().values()) == ["delivered", "held", "waiting"]
    assert sql("SELECT attempts, next_try_at FROM request WHERE status = 'waiting'") == [(0, None)]


@POSIX
def test_it_goes_on_with_what_comes_later(cli: Cli, web: Web, tmp_path: Path) -> None:
    fill()
    hook(web)
    process = start("deliver", "channels.toml", *STORE, "--every", "1s", cwd=tmp_path,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    assert process.stdout is not None
    line = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC  "
    assert re.fullmatch(line + "2 delivered\n", process.stdout.readline())
    with Store(Engine(load("lifecycle.toml")), "sqlite:///lifecycle.db") as store:
        store.tick(START + 4 * DAY)
    assert re.fullmatch(line + "1 delivered\n", process.stdout.readline())
    process.send_signal(signal.SIGTERM)  # while it waits, or has nothing to send
    assert process.communicate() == ("", "")
    assert process.returncode == 143
    assert len(web.came) == 3


# -- the outbox ------------------------------------------------------------------------------


def kill(error: str = "HTTP 410 Gone") -> list[str]:
    """Let all requests that wait be dead; their ids."""
    sql(f"UPDATE request SET status = 'dead', attempts = 8, error = '{error}' "
        "WHERE status = 'waiting'")  # fmt: skip
    return [key for key, status in outbox().items() if status == "dead"]


def test_the_outbox_tells_what_is_dead_and_why(cli: Cli) -> None:
    assert cli("outbox", *STORE).code == 2
    fill()
    first, second = kill()
    done = cli("outbox", *STORE)
    assert (done.code, done.err) == (0, "")
    assert squeezed(done.out) == [
        "the outbox of lifecycle.db",
        "held 1 until the CRM acknowledges the person",
        "dead 2",
        "",
        "dead, oldest first:",
        "bo: email to desk, requested 2024-05-01 21:01 UTC, 8 attempts",
        f"id {first}",
        "error HTTP 410 Gone",
        "ann: email to desk, requested 2024-05-01 09:01 UTC, 8 attempts",
        f"id {second}",
        "error HTTP 410 Gone",
    ]
    limited = cli("outbox", *STORE, "--limit", 1).out
    assert "dead, oldest first, and 1 more (--limit):" in limited
    assert second not in limited
    told = json.loads(cli("outbox", *STORE, "--json").out)
    assert told["requests"] == {"dead": 2, "held": 1}
    assert (told["retried"], told["released"], told["held_by_migration"]) == (None, None, 0)
    assert told["dead"][0] == {
        "id": first, "person": "bo", "rule": "comes", "channel": "email", "to": "desk",
        "text": told["dead"][0]["text"], "at": "2024-05-01T21:01:00Z", "attempts": 8,
        "error": "HTTP 410 Gone",
    }  # fmt: skip
    sql("DELETE FROM request")
    assert cli("outbox", *STORE).out == "the outbox of lifecycle.db is empty\n"


def test_dead_requests_are_tried_again_all_or_some(cli: Cli) -> None:
    fill()
    first, second = kill()
    wrong = cli("outbox", *STORE, "--retry", first, "--retry", "such/none")
    assert (wrong.code, wrong.out) == (2, "")
    assert "no dead request has the id 'such/none', and nothing was changed" in wrong.err
    assert outbox()[first] == "dead"
    done = cli("outbox", *STORE, "--retry", first)
    assert done.out.startswith("1 dead request will be tried again\nthe outbox of")
    assert (outbox()[first], outbox()[second]) == ("waiting", "dead")
    assert cli("deliver", "channels.toml", *STORE).out == "1 delivered\n"
    done = cli("outbox", *STORE, "--retry-all", "--json")
    told = json.loads(done.out)
    assert (told["retried"], told["dead"]) == (1, [])
    assert cli("outbox", *STORE, "--retry-all").out.startswith("0 dead requests will")
    both = cli("outbox", *STORE, "--retry", first, "--retry-all")
    assert (both.code, "give one of them" in both.err) == (2, True)


# -- migrate ---------------------------------------------------------------------------------


def version() -> str:
    ((latest,),) = sql("SELECT version FROM model ORDER BY number DESC LIMIT 1")
    return str(latest)


def test_a_migration_is_tried_and_then_made(cli: Cli) -> None:
    fill()
    changed = load("changed.toml").version
    command = ("migrate", "changed.toml", *STORE, *MAP, "--at", LATER)
    # Somebody came an hour before, who would be sorted by now.
    assert cli("tick", "lifecycle.toml", *STORE, "--at", LATER).code == 0
    before = sql("SELECT * FROM activity")
    done = cli(*command)
    assert (done.code, done.err) == (0, "")
    assert squeezed(done.out) == [
        f"{load('changed.toml').title or 'two_step'} (model two_step, version {changed})",
        f"lifecycle.db at 2024-05-04 09:00 UTC, from version {ASKING.model.version}",
        "",
        "stage before after people",
        "new new 1",
        "contact contact 1",
        "lead prospect 1",
        "",
        "nothing was changed: --yes migrates everybody to the changed model",
    ]
    assert (version(), sql("SELECT * FROM activity")) == (ASKING.model.version, before)
    done = cli(*command, "--yes")
    assert (done.code, done.err) == (0, "")
    assert f"\ndone: 3 people migrated to version {changed}; " in done.out
    assert "held" not in done.out
    assert version() == changed
    assert cli("tick", "lifecycle.toml", *STORE).code == 2
    assert cli("tick", "changed.toml", *STORE, "--at", LATER).code == 0
    again = cli(*command, "--yes")
    assert (again.code, again.out) == (
        0,
        f"the people of lifecycle.db already follow version {changed} of 'two_step': there is "
        "nothing to migrate\n",
    )


def test_what_a_migration_asks_for_waits_to_be_released(cli: Cli) -> None:
    """A contact becomes a lead by a lower threshold, and the desk is asked to do something."""
    fill()
    with Store(Engine(load("lifecycle.toml")), "sqlite:///lifecycle.db") as store:
        store.apply(happened("ann", "form_filled", 3, form="Demo"))
        store.tick(LATER + "Z")
    changed = written("lower.toml", LOWER)
    command = ("migrate", "lower.toml", *STORE, "--at", LATER)
    tried = cli(*command)
    assert tried.code == 0, tried.err
    assert "moves that follow immediately" in tried.out
    assert "  contact → lead by 'interested': 1 person: ann\n" in tried.out
    done = cli(*command, "--yes", "--json")
    told = json.loads(done.out)
    assert (told["applied"], told["held"], told["version"]) == (True, 1, changed.version)
    assert told["moves"] == [
        {"person": "ann", "from": "contact", "to": "lead", "rule": "interested"}
    ]
    shown = squeezed(cli("outbox", *STORE).out)
    assert "held 1 until the CRM acknowledges the person" in shown
    assert "held 1 by a migration, until --release" in shown
    released = cli("outbox", *STORE, "--release")
    assert released.out.startswith("1 held request was released\n")
    assert sorted(outbox().values()) == ["held", "waiting", "waiting", "waiting"]


def test_where_something_is_due_time_has_to_pass_first(cli: Cli) -> None:
    fill(until=None)
    done = cli("migrate", "changed.toml", *STORE, *MAP, "--at", LATER, "--yes")
    assert (done.code, done.err) == (1, "")
    assert "\n1 person cannot be migrated\n  ann: something is due before the" in done.out
    assert done.out.endswith(
        "\nsomething is due for 1 person by then: first run `tick --at 2024-05-04T09:00:00Z` with "
        f"the old model (two_step, version {ASKING.model.version}), then migrate with --at "
        "2024-05-04T09:00:00Z\nnothing was changed\n"
    )
    assert version() == ASKING.model.version


def test_who_cannot_go_on_is_named_with_the_reason(cli: Cli) -> None:
    fill()
    with Store(Engine(load("lifecycle.toml")), "sqlite:///lifecycle.db") as store:
        for number in range(11):
            name = f"p{number:02}"
            store.apply(happened(name, "created", 3, email=f"{name}@example.com"))
            store.process(name, at=START + 3 * DAY)
            for form in (3.1, 3.2):
                store.apply(happened(name, "form_filled", form, form="Demo"))
    done = cli("migrate", "changed.toml", *STORE, "--at", LATER)
    assert done.code == 1
    told = (
        "\n12 people cannot be migrated\n  bo, p00, p01 and 9 more: the model has no stage 'lead'"
    )
    assert told in done.out
    assert "yes" not in done.out
    problems = json.loads(cli("migrate", "changed.toml", *STORE, "--at", LATER, "--json").out)
    assert len(problems["problems"]) == 12
    assert problems["applied"] is False


def test_what_is_dropped_and_missed_is_told(cli: Cli) -> None:
    text = dumps(ASKING.model)
    old = written("old.toml", text + '\n[fields]\nbudget = "float | None"\n')
    with Store(Engine(old), "sqlite:///lifecycle.db") as store:
        store.apply(happened("bo", "created", 0, budget=5.0))
        store.process("bo", at=START)
        for day in (1, 1.5):
            store.apply(happened("bo", "form_filled", day, form="Demo"))
    written("new.toml", text + '\n[[deadlines]]\nname = "call"\nstage = "lead"\nafter = "1 hour"\n')
    done = cli("migrate", "new.toml", *STORE, "--at", LATER)
    assert (done.code, done.err) == (0, "")
    assert done.out.split("\n\n")[2:4] == [
        "deadlines missed immediately\n  call: 1 person: bo",
        "dropped, because the changed model lacks it\n  the field 'budget': 1 person: bo",
    ]


# -- what is wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("migrate changed.toml --map lead", "--map: 'lead' is not two stages: write lead=prospect"),
        ("migrate changed.toml --map =lead", "--map: '=lead' is not two stages"),
        ("migrate changed.toml --map lead=contact --map lead=prospect", "'lead' is given twice"),
        ("migrate changed.toml --map lad=prospect",
         "--map lad=prospect: the old model has no stage named 'lad'; did you mean"),
        ("migrate changed.toml --map lead=prospekt", "'prospekt'; did you mean 'prospect'?"),
        ("migrate changed.toml --map contact=prospect", "still has the stage 'contact'"),
        ("migrate none.toml", "the model none.toml does not exist"),
        ("migrate changed.toml --at soon", "--at: 'soon' is no time"),
        ("status --at soon", "--at: 'soon' is no time"),
        ("deliver none.toml", "the channels none.toml do not exist"),
        ("deliver lifecycle.toml", "the channels lifecycle.toml:"),
        ("deliver channels.toml --every soon", "write it as 5s, 10min or 1h"),
        ("deliver channels.toml --every 0", "--every: '0' should be from 1s to 1d"),
        ("deliver channels.toml --every 2d", "should be from 1s to 1d"),
        ("deliver channels.toml --limit 0", "Invalid value for '--limit'"),
        ("outbox --retry x", "no dead request has the id 'x', and nothing was changed"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_a_sentence(cli: Cli, command: str, message: str) -> None:
    fill()
    before = sql("SELECT * FROM activity"), sql("SELECT * FROM request")
    done = cli(*command.split(), *STORE)
    assert (done.code, done.out) == (2, "")
    assert message in " ".join(done.err.split())
    assert (sql("SELECT * FROM activity"), sql("SELECT * FROM request")) == before
    assert version() == ASKING.model.version


COMMANDS = ("status", "deliver channels.toml", "outbox", "migrate changed.toml")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("store", "message"),
    [
        ("none.db", "none.db has no store yet"),
        ("no/such/folder.db", "no/such/folder.db has no store yet"),
        (".", "is a folder: name a file in it"),
        ("channels.toml", "channels.toml is no SQLite database"),
        ("empty.db", "empty.db has no store yet"),
        ("mysql://me:secret@host/db", "a store cannot be kept with 'mysql'"),
        ("postgresql://me:secret@127.0.0.1:9/db", "cannot be reached"),
    ],
)
def test_where_there_is_no_store_none_is_made(
    cli: Cli, tmp_path: Path, command: str, store: str, message: str
) -> None:
    fill()
    (tmp_path / "empty.db").touch()
    before = {path.name for path in tmp_path.iterdir()}
    done = cli(*command.split(), "--store", store)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "secret" not in done.err
    assert {path.name for path in tmp_path.iterdir()} == before
    assert (tmp_path / "empty.db").stat().st_size == 0


@pytest.mark.parametrize("command", ["status", "migrate changed.toml"])
def test_a_store_without_a_model_is_told(cli: Cli, command: str) -> None:
    fill()
    Database("sqlite:///bare.db").close()
    done = cli(*command.split(), "--store", "bare.db")
    assert (done.code, done.out) == (2, "")
    assert "bare.db has no model yet: `lifecycle-fsm ingest MODEL` gives it one" in done.err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_environment_names_the_store(
    cli: Cli, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill()
    name, *_ = command.split()
    assert "Missing option '--store'" in cli(*command.split()).err
    monkeypatch.setenv("LIFECYCLE_STORE", "lifecycle.db")
    assert cli(*command.split()).code == (1 if name == "migrate" else 0)


def test_a_server_of_postgresql_is_looked_after(
    cli: Cli,
    new_database: NewAddress,
) -> None:
    address = new_database()
    store = ("--store", address)
    assert "has no store yet" in cli("outbox", *store).err
    fill(address)
    assert "2 waiting" in cli("status", *store, "--at", LATER).out
    assert cli("deliver", "channels.toml", *store).out == "2 delivered\n"
    assert "delivered 2" in squeezed(cli("outbox", *store).out)
    assert cli("tick", "lifecycle.toml", *store, "--at", LATER).code == 0
    done = cli("migrate", "changed.toml", *store, *MAP, "--at", LATER, "--yes")
    assert "\ndone: 3 people migrated" in done.out


# -- the help ----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_the_examples_of_the_help_run(cli: Cli, command: str) -> None:
    fill()
    assert cli("tick", "lifecycle.toml", *STORE).code == 0
    Path("lifecycle.toml").write_text(CHANGED)
    name, *_ = command.split()
    assert f"lifecycle-fsm {name} " in cli(name, "--help").out.split("Usage:")[1][30:]
    work = getattr(import_module(f"lifecycle_fsm.cli.{name}"), name)
    (block,) = re.findall(r"```sh\n(.*?)```", work.__doc__, re.DOTALL)
    examples = [shlex.split(line) for line in block.replace("\\\n", " ").strip().splitlines()]
    for program, *arguments in examples:
        assert program == "lifecycle-fsm"
        if "--every" not in arguments:
            done = cli(*arguments)
            assert done.code == 0, done.err + done.out
