"""The schema of a store: made once, whole, and known again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine as Database
from sqlalchemy import event, insert, inspect, make_url, select

from lifecycle_fsm.errors import StoreError
from lifecycle_fsm.store import database as store_database
from lifecycle_fsm.store import schema
from lifecycle_fsm.store.schema import REVISION_TABLE, REVISIONS, check, upgrade
from lifecycle_fsm.store.tables import METADATA, MODEL

if TYPE_CHECKING:
    from tests.store.conftest import NewAddress, Opened

TABLES = {*METADATA.tables, REVISION_TABLE}
VALUES = {"version": "1", "name": "two_step", "definition": ""}


def tables(database: Database) -> set[str]:
    return set(inspect(database).get_table_names())


def definitions(database: Database) -> object:
    """All that a database itself says of its tables and indexes, in its own words."""
    if database.dialect.name == "sqlite":
        query = "SELECT tbl_name, name, sql FROM sqlite_master"
    else:
        query = """
            SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
            UNION ALL
            SELECT table_name, column_name, concat_ws(' ', ordinal_position, data_type,
                is_nullable, column_default)
            FROM information_schema.columns WHERE table_schema = 'public'
            UNION ALL
            SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        """
    with database.connect() as connection:
        rows = connection.exec_driver_sql(query).all()
    ours = [row for row in rows if row[0] != REVISION_TABLE]
    assert any("WHERE" in (row[2] or "") for row in ours)
    return sorted((table, name, " ".join((sql or "").split())) for table, name, sql in ours)


def test_the_migrations_make_what_the_tables_say(new_address: NewAddress, opened: Opened) -> None:
    migrated, made = opened(new_address()), opened(new_address())
    upgrade(migrated)
    METADATA.create_all(made)
    assert definitions(migrated) == definitions(made)
    with migrated.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": REVISION_TABLE, "compare_server_default": True}
        )
        assert compare_metadata(context, METADATA) == []


def test_the_revisions_are_the_files_of_the_package() -> None:
    scripts = ScriptDirectory(str(Path(schema.__file__).with_name("migrations")))
    assert [script.revision for script in scripts.walk_revisions()] == [*reversed(REVISIONS)]


def test_a_new_database_gets_the_schema_and_keeps_it(database: Database) -> None:
    with pytest.raises(StoreError, match=r"has no store yet: check the name"):
        check(database)
    upgrade(database)
    assert tables(database) == TABLES
    check(database)
    with database.begin() as connection:
        connection.execute(insert(MODEL).values(VALUES))
    upgrade(database)
    with database.connect() as connection:
        assert connection.scalar(select(MODEL.c.name)) == "two_step"


def test_a_schema_that_is_current_takes_one_query(database: Database) -> None:
    upgrade(database)
    statements: list[str] = []
    event.listen(
        database, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
    )
    upgrade(database)
    check(database)
    assert len(statements) == 2


def strict(address: str) -> str:
    """With the strictest isolation that there is: SQLite has no other."""
    if address.startswith("sqlite"):
        return address
    options = {"options": "-c default_transaction_isolation=serializable"}
    return make_url(address).update_query_dict(options).render_as_string(hide_password=False)


def test_an_engine_that_begins_its_own_transactions_is_taken_too(
    address: str, opened: Opened
) -> None:
    """As a store has them on SQLite, where a transaction begins as a writer."""
    if address.startswith("sqlite"):
        database = opened(address)
        event.listen(
            database, "connect", lambda driver, _: setattr(driver, "isolation_level", None)
        )
        event.listen(database, "begin", lambda it: it.exec_driver_sql("BEGIN IMMEDIATE"))
    else:
        database = opened(strict(address))
    upgrade(database)
    check(database)
    assert tables(database) == TABLES


def test_to_check_makes_no_file(tmp_path: Path, opened: Opened) -> None:
    path = tmp_path / "people.db"
    database = opened(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="has no store yet"):
        check(database)
    assert not path.exists()
    path.touch()
    upgrade(database)
    check(database)


def test_a_newer_release_is_not_meddled_with(database: Database) -> None:
    upgrade(database)
    with database.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {REVISION_TABLE} SET version_num = '9999'")
    for action in (upgrade, check):
        with pytest.raises(StoreError, match="made by a newer release: upgrade lifecycle-fsm"):
            action(database)


def test_an_earlier_release_is_brought_up_to_date(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade(database)
    monkeypatch.setattr(schema, "REVISIONS", (*REVISIONS, "later"))
    with pytest.raises(StoreError, match="was made by an earlier release: a Store that is opened"):
        check(database)


def test_tables_of_somebody_else_are_not_taken_over(database: Database) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE person (name TEXT)")
        connection.exec_driver_sql("CREATE TABLE invoice (number TEXT)")
    for action in (upgrade, check):
        with pytest.raises(StoreError, match=r"no store's .*\(person\): give the store a database"):
            action(database)
    assert tables(database) == {"person", "invoice"}


# --- Several processes --------------------------------------------------------------------------

#: Upgrades after a line came in, and again stops, for a line or for good, at the fourth table.
PROGRAM = """
import os, sys
from sqlalchemy import create_engine, event
from lifecycle_fsm.store.schema import check, upgrade

address, what = sys.argv[1:]
database = create_engine(address)
tables = 0

def stop(*arguments):
    global tables
    tables += "CREATE TABLE" in arguments[2]
    if tables == 4 and what == "die":
        os._exit(7)
    if tables == 4 and what == "pause":
        tables += 1
        print("paused", flush=True)
        sys.stdin.readline()

event.listen(database, "before_cursor_execute", stop)
print("ready", flush=True)
sys.stdin.readline()
print("begun", flush=True)
upgrade(database)
check(database)
database.dispose()
print("done", flush=True)
"""


@contextmanager
def program(address: str, what: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that is ready to upgrade a database, and has ended well in the end."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, address, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert told(process) == "ready"
        yield process
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == (7 if what == "die" else 0)
        assert rest.endswith("" if what == "die" else "done\n")


def told(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_processes_that_open_a_new_store_at_once_all_succeed(address: str, opened: Opened) -> None:
    with program(address) as ann, program(address) as bo, program(address) as cy:
        for process in (ann, bo, cy):
            go(process)
    assert tables(opened(address)) == TABLES


def test_whoever_comes_in_the_middle_waits(address: str, opened: Opened) -> None:
    with program(address, "pause") as early, program(strict(address)) as late:
        go(early)
        assert (told(early), told(early)) == ("begun", "paused")
        go(late)
        assert told(late) == "begun"
        go(early)
    assert tables(opened(address)) == TABLES


def test_a_migration_that_is_interrupted_leaves_nothing(address: str, opened: Opened) -> None:
    with program(address, "die") as process:
        go(process)
    database = opened(address)
    assert tables(database) == set()
    upgrade(database)
    assert tables(database) == TABLES


def test_a_store_that_has_to_be_there_is_not_made(database: Database, address: str) -> None:
    with pytest.raises(StoreError, match="has no store yet"):
        store_database.Database(address, make=False)
    assert tables(database) == set()
    upgrade(database)
    store_database.Database(address, make=False).close()
