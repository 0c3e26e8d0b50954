"""A store goes into files and comes out of them the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import select, update

from lifecycle_fsm import Engine, FileProblem, LifecycleError, load
from lifecycle_fsm.cli.app import app
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.exchange import export, import_
from lifecycle_fsm.store.forget import forget
from lifecycle_fsm.store.rebuild import rebuild
from lifecycle_fsm.store.tables import ACTIVITY, METADATA, REQUEST
from lifecycle_fsm.tables import read_history
from tests.store.conftest import NewAddress, Opened
from tests.store.telling import ASKING, DAY, END, START, happened, stories, tell


def told(database: Database) -> Store:
    """A store with somebody of every kind."""
    store = Store(ASKING, database, keep_decisions=400 * DAY)
    for activity in (
        happened("ann", "created", 0, email="ann@example.com", source='wéb; "x"'),
        happened("bo", "created", 0.5, email="bo@example.com"),
        happened("bo", "form_filled", 1, form="Demo"),
        happened("bo", "form_filled", 1.5, form="Demo"),
        happened("cy", "created", 2, email="cy@example.com"),
        happened("ann", "merged", 3, loser="cy"),
        happened("ann", "converted", 4, contact="k"),
        happened("dan", "form_filled", 5, form="Demo"),
        happened("eve", "created", 5, email="eve@example.com"),
    ):
        store.apply(activity)
    store.tick(START + 6 * DAY)
    forget(store.database, "eve", overwrite_file=False)
    with database.begin() as connection:
        first = select(REQUEST.c.id).order_by(REQUEST.c.place).limit(1).scalar_subquery()
        delivered = {"status": "delivered", "attempts": 3, "delivered_at": START + 7 * DAY}
        connection.execute(update(REQUEST).where(REQUEST.c.id == first).values(delivered))
    return store


def rows(database: Database) -> dict[str, list[Any]]:
    """Everything that a store keeps but the numbers that a database counts."""
    with database.begin() as connection:
        return {
            table.name: sorted(
                str([value for name, value in row.items() if name not in ("place", "number")])
                for row in connection.execute(select(table)).mappings()
            )
            for table in METADATA.tables.values()
        }


def places(database: Database) -> list[Any]:
    """The log and the outbox, each in its order."""
    log = select(ACTIVITY.c.person, ACTIVITY.c.id).where(ACTIVITY.c.status == "applied")
    outbox = select(REQUEST.c.person, REQUEST.c.id).order_by(REQUEST.c.place.desc())
    with database.begin() as connection:
        return [
            connection.execute(log.order_by(ACTIVITY.c.place)).all(),
            connection.execute(outbox).all(),
        ]


def test_a_store_comes_back_the_same(
    new_address: NewAddress, opened: Opened, tmp_path: Path
) -> None:
    databases = [opened(new_address()) for _ in range(2)]
    first = told(databases[0])
    second = Store(ASKING, databases[1], keep_decisions=400 * DAY)
    exported = export(first.database, tmp_path / "out")
    assert exported.lines["activities.jsonl"] == len(first.log)
    assert import_(second.database, tmp_path / "out") == exported
    assert rows(databases[0]) == rows(databases[1])
    assert places(databases[0]) == places(databases[1])
    assert not rebuild(second).changed
    # Both go on alike: what comes is known, or goes to whom it has to, and asks for something new.
    for activity in (
        happened("ann", "merged", 3, loser="cy"),
        happened("k", "form_filled", 7, form="Demo"),
        happened("cy", "form_filled", 8, form="Demo"),
        happened("dan", "created", 8, email="dan@example.com"),
    ):
        results = [store.apply(activity).result for store in (first, second)]
        assert results[0] == results[1]
    for store in (first, second):
        store.tick(END)
    assert rows(databases[0]) == rows(databases[1])
    assert forget(second.database, "bo", overwrite_file=False).pseudonyms == ("forgotten-2",)


def test_stories_come_back_the_same(
    new_address: NewAddress, opened: Opened, tmp_path: Path
) -> None:
    for number, (example, engine, steps) in enumerate(
        stories("exchange", 3, persons=3, lateness=0.2)
    ):
        databases = [opened(new_address()) for _ in range(2)]
        first, second = (Store(engine, database) for database in databases)
        tell(first, example, steps)
        export(first.database, tmp_path / str(number))
        import_(second.database, tmp_path / str(number))
        assert rows(databases[0]) == rows(databases[1]), example


def test_a_run_reads_the_log_and_a_funnel_the_history(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = told(database)
    export(store.database, tmp_path / "out")
    assert read_history(tmp_path / "out" / "history.jsonl") == store.history
    log = ["--activities", str(tmp_path / "out" / "activities.jsonl"), "--order", "arrival"]
    run(capsys, "run", "two_step", *log, "--out", str(tmp_path / "run"), "--no-pictures")
    ran = read_history(tmp_path / "run" / "history.csv")
    kept = [row for row in store.history if not row.person.startswith("forgotten")]
    assert {(row.person, row.to_stage, row.now) for row in ran} == {
        (row.person, row.to_stage, row.now) for row in kept
    }
    run(capsys, "funnel", str(tmp_path / "out" / "history.jsonl"), "--model", "two_step")


def test_a_file_becomes_a_server_and_back(
    new_file: NewAddress,
    new_database: NewAddress,
    opened: Opened,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    addresses = [new_file(), new_database(), new_file()]
    told(opened(addresses[0]))
    for number, (source, target) in enumerate(pairwise(addresses)):
        folder = str(tmp_path / f"out-{number}")
        run(capsys, "export", folder, "--store", source)
        run(capsys, "import", folder, "--store", target)
        run(capsys, "rebuild", f"{folder}/model.toml", "--store", target)
    first, *others = (rows(opened(address)) for address in addresses)
    assert others == [first, first]
    names = {file.name for file in (tmp_path / "out-0").iterdir()}
    for name in names:
        assert (tmp_path / "out-0" / name).read_bytes() == (tmp_path / "out-1" / name).read_bytes()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        app([*arguments], prog_name="lifecycle-fsm")
    assert not ended.value.code, capsys.readouterr()


def test_a_full_folder_is_left_alone(database: Database, tmp_path: Path) -> None:
    store = told(database)
    (tmp_path / "out").mkdir()
    export(store.database, tmp_path / "out")
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    with pytest.raises(FileProblem, match="has files already: name a new folder"):
        export(store.database, tmp_path / "out")
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before
    (tmp_path / "file").touch()
    with pytest.raises(FileProblem, match="cannot be written"):
        export(store.database, tmp_path / "file" / "out")
    names = {file.name for file in tmp_path.iterdir() if not file.name.startswith("store-")}
    assert names == {"out", "file"}


def _cut(folder: Path) -> None:
    file = folder / "history.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))


def _spoil(folder: Path) -> None:
    with (folder / "people.jsonl").open("ab") as file:
        file.write(b"{]\n")


def _newer(folder: Path) -> None:
    about = json.loads((folder / "store.json").read_text())
    (folder / "store.json").write_text(json.dumps(about | {"format": 2}))


FAULTS: dict[str, Callable[[Path], None]] = {
    r"history.jsonl has \d+ lines, and was written with": _cut,
    "people.jsonl, line 7 is no row of 'person'": _spoil,
    "store.json is of another release": _newer,
    "requests.jsonl cannot be read": lambda folder: (folder / "requests.jsonl").unlink(),
    "so this is no exported store": lambda folder: (folder / "store.json").unlink(),
}


@pytest.mark.parametrize("message", FAULTS)
def test_files_that_are_not_whole_leave_the_store_empty(
    message: str, new_address: NewAddress, opened: Opened, tmp_path: Path
) -> None:
    export(told(opened(new_address())).database, tmp_path / "out")
    FAULTS[message](tmp_path / "out")
    database = opened(new_address())
    store = Store(ASKING, database)
    before = rows(database)
    with pytest.raises(FileProblem, match=message):
        import_(store.database, tmp_path / "out")
    assert rows(database) == before


def test_nothing_is_written_over_and_no_other_model_is_taken(
    new_address: NewAddress, opened: Opened, tmp_path: Path
) -> None:
    store = told(opened(new_address()))
    export(store.database, tmp_path / "out")
    with pytest.raises(LifecycleError, match="the store is not empty: its table 'person'"):
        import_(store.database, tmp_path / "out")
    other = Store(Engine(load("waterfall")), opened(new_address()))
    with pytest.raises(LifecycleError, match="import into a new database, then migrate"):
        import_(other.database, tmp_path / "out")
