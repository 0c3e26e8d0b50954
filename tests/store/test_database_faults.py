"""A database that cannot be used is told in a sentence that says what to do."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.errors import DeadlockDetected
from sqlalchemy import Executable, NullPool, create_engine, event, insert, make_url, text
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from lifecycle_fsm import Engine, load
from lifecycle_fsm.errors import StoreError
from lifecycle_fsm.store import Store
from lifecycle_fsm.store.database import Database as StoreDatabase
from lifecycle_fsm.store.database import Session
from lifecycle_fsm.store.database_faults import database_url, store_errors
from lifecycle_fsm.store.schema import LOCK, check, upgrade
from lifecycle_fsm.store.tables import MODEL

if TYPE_CHECKING:
    from sqlalchemy import Engine as Database

    from tests.store.conftest import NewAddress, Opened


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("sqlite:///people.db", "sqlite:///people.db"),
        ("sqlite+pysqlite://", "sqlite+pysqlite://"),
        ("postgresql://ann:secret@db/crm", "postgresql+psycopg://ann:secret@db/crm"),
        ("postgresql+psycopg:///crm", "postgresql+psycopg:///crm"),
    ],
)
def test_an_address_has_its_driver(address: str, read: str) -> None:
    assert database_url(address).render_as_string(hide_password=False) == read


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("people.db", "the address of a store cannot be read: write it as sqlite:///people.db or"),
        ("postgresql://ann:secret@db:many/crm", "the address of a store cannot be read: write it"),
        ("mysql://ann:secret@db/crm", "a store cannot be kept with 'mysql': give an address like"),
        ("postgres://ann:secret@db", "a store cannot be kept with 'postgres': give an address"),
        ("sqlite+aiosqlite:///x", "a store cannot be kept with 'sqlite+aiosqlite': give an"),
    ],
)
def test_an_address_of_no_use_is_told_without_its_password(address: str, sentence: str) -> None:
    with pytest.raises(StoreError) as caught:
        database_url(address)
    assert str(caught.value).startswith(sentence)
    assert "secret" not in str(caught.value)


def test_an_engine_of_another_database_is_refused() -> None:
    database = create_engine("mysql+pymysql://ann:secret@db/crm", module=sqlite3)
    for action in (upgrade, check):
        with pytest.raises(StoreError, match=r"a store cannot be kept with 'mysql\+pymysql': give"):
            action(database)


# --- Files --------------------------------------------------------------------------------------


def no_database(path: Path) -> None:
    path.write_text("name,stage\nann,lead\n" * 100)


def damaged(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE lifecycle_schema (version_num TEXT)")
    connection.close()
    content = bytearray(path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    path.write_bytes(content)


def missing_folder(path: Path) -> None:
    path.parent.rmdir()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (no_database, "{file} is no SQLite database: name another file, or move this one away"),
        (damaged, "{file} is damaged: put a backup in its place"),
        (Path.mkdir, "{file} is a folder: name a file in it"),
        (
            missing_folder,
            "{file} cannot be opened, because there is no folder {folder}: make it first",
        ),
    ],
)
def test_a_file_that_is_of_no_use_is_named_with_a_remedy(
    spoil: Callable[[Path], Any], sentence: str, tmp_path: Path, opened: Opened
) -> None:
    path = tmp_path / "data" / "people.db"
    path.parent.mkdir()
    spoil(path)
    with pytest.raises(StoreError) as caught:
        upgrade(opened(f"sqlite:///{path}"))
    assert str(caught.value) == sentence.format(file=path, folder=path.parent)


def test_a_file_that_may_only_be_read_is_checked_and_not_written(
    tmp_path: Path, opened: Opened
) -> None:
    path = tmp_path / "people.db"
    upgrade(opened(f"sqlite:///{path}"))
    database = opened(f"sqlite:///file:{path}?mode=ro&uri=true")
    check(database)
    with pytest.raises(StoreError, match="cannot be written: let this program write to the file"):
        add_model(database)


def test_a_file_that_is_not_there_and_may_not_be_made(tmp_path: Path, opened: Opened) -> None:
    database = opened(f"sqlite:///file:{tmp_path}/people.db?mode=ro&uri=true")
    with pytest.raises(StoreError, match="cannot be opened: let this program read and write"):
        upgrade(database)


def test_a_file_that_is_locked_for_too_long(tmp_path: Path, opened: Opened) -> None:
    path = tmp_path / "people.db"
    database = opened(f"sqlite:///{path}?timeout=0.05")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for action in (upgrade, check):
        with pytest.raises(StoreError, match=r"people\.db is locked; others had to finish first"):
            action(database)
    driver = sqlite3.connect(path, timeout=0)
    with pytest.raises(StoreError, match="is locked"), store_errors(database):
        driver.execute("BEGIN IMMEDIATE")
    driver.close()
    other.execute("ROLLBACK")
    other.close()
    upgrade(database)


def test_a_disk_that_is_full(tmp_path: Path, opened: Opened) -> None:
    database = opened(f"sqlite:///{tmp_path}/people.db")
    upgrade(database)
    event.listen(database, "connect", lambda driver, _: driver.execute("PRAGMA max_page_count = 1"))
    database.dispose()
    with pytest.raises(StoreError, match="has no room left: free some of its disk"):
        add_model(database, name="long" * 100_000)


def test_a_disk_that_fails(tmp_path: Path, opened: Opened) -> None:
    """By what SQLite says of it, since a disk cannot be made to fail here."""
    fault = sqlite3.OperationalError("disk I/O error")
    fault.sqlite_errorcode = sqlite3.SQLITE_IOERR | 2 << 8
    database = opened(f"sqlite:///{tmp_path}/people.db")
    sentence = "cannot be read or written: look whether its disk is"
    with pytest.raises(StoreError, match=sentence), store_errors(database):
        raise OperationalError("", {}, fault)


def add_model(database: Database, name: str = "two_step") -> None:
    execute(database, insert(MODEL).values(number=1, version="1", name=name, definition=""))


def execute(database: Database, statement: Executable) -> None:
    with store_errors(database), database.begin() as connection:
        connection.execute(statement)


def test_a_program_with_more_threads_than_connections(
    address: str, engines: list[Database]
) -> None:
    few = create_engine(address, pool_size=1, max_overflow=0, pool_timeout=0.1)
    engines.append(few)
    store = StoreDatabase(few)
    sentence = "has had no connection free for too long: try it again, or give the store an engine"
    with few.connect(), pytest.raises(StoreError, match=sentence):
        store.run(lambda session: session.ask(("SELECT 1", {})))


def test_what_is_wrong_with_the_work_itself_passes(database: Database) -> None:
    upgrade(database)
    add_model(database)
    with pytest.raises(IntegrityError):
        add_model(database)
    with pytest.raises((OperationalError, ProgrammingError), match="nonsense"):
        execute(database, text("SELECT nonsense"))
    with pytest.raises(ModuleNotFoundError, match="nonsense"), store_errors(database):
        raise ModuleNotFoundError("nonsense", name="nonsense")


# --- Servers ------------------------------------------------------------------------------------


def test_a_server_that_is_not_there_is_named_without_the_password(opened: Opened) -> None:
    database = opened("postgresql+psycopg://ann:secret@127.0.0.1:1/people")
    for action in (upgrade, check):
        with pytest.raises(StoreError) as caught:
            action(database)
        sentence = str(caught.value)
        assert sentence.startswith("postgresql+psycopg://ann:***@127.0.0.1:1/people cannot be")
        assert sentence.endswith("; look at the address, and whether the server runs")


def test_a_database_that_is_not_on_the_server(server: str, opened: Opened) -> None:
    database = opened(database_url(server).set(database="nowhere").render_as_string(False))
    with pytest.raises(
        StoreError, match=r'cannot be reached: .* "nowhere" does not exist; look at'
    ):
        upgrade(database)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("-c default_transaction_read_only=on", "is only for reading: give the address of the"),
        ("-c role=pg_monitor", "does not allow this to the user of the address: grant that user"),
    ],
)
def test_a_server_that_does_not_let_the_schema_be_made(
    options: str, sentence: str, new_database: NewAddress, opened: Opened
) -> None:
    url = make_url(new_database()).update_query_dict({"options": options})
    with pytest.raises(StoreError, match=sentence):
        upgrade(opened(url.render_as_string(hide_password=False)))


def test_a_schema_that_is_changed_for_too_long(new_database: NewAddress, opened: Opened) -> None:
    address = new_database()
    waiting = make_url(address).update_query_dict({"options": "-c lock_timeout=50"})
    with opened(address).begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        with pytest.raises(StoreError, match="is locked; others had to finish first"):
            upgrade(opened(waiting.render_as_string(hide_password=False)))


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ("57014", "has stopped a statement; others had to finish first"),
        ("57P01", "has broken the connection off: try it again when its server runs"),
        ("40001", "has had others change the same rows at the same moment: try it again"),
        ("40P01", "has had others change the same rows at the same moment: try it again"),
        ("53200", "has too little room, memory or connections left: give it more"),
    ],
)
def test_what_a_server_says(
    state: str, sentence: str, new_database: NewAddress, opened: Opened
) -> None:
    database = opened(new_database())
    statement = f"DO $$ BEGIN RAISE SQLSTATE '{state}'; END $$"
    with pytest.raises(StoreError, match=sentence):
        execute(database, text(statement))
    driver: Any = database.raw_connection()
    with pytest.raises(StoreError, match=sentence), store_errors(database):
        driver.driver_connection.execute(statement)
    driver.close()


# --- What is not installed ----------------------------------------------------------------------

WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None
from lifecycle_fsm import Store
from sqlalchemy import create_engine
from lifecycle_fsm.store.database_faults import store_errors
with store_errors(create_engine("sqlite://")):
    create_engine("postgresql+psycopg://")
"""


@pytest.mark.parametrize(
    ("package", "purpose"),
    [
        ("sqlalchemy", "a store"),
        ("psycopg", "a store in PostgreSQL"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(package: str, purpose: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, package], capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == (
        f"lifecycle_fsm.errors.MissingExtra: {purpose} needs {package}, which is not installed: "
        "pip install 'lifecycle-fsm[sql]'"
    )


def test_the_package_itself_imports_no_database() -> None:
    program = "import lifecycle_fsm as it, sys; it.Lifecycle, it.Engine; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {"alembic", "orjson", "psycopg", "sqlalchemy"} & set(done.stdout.split())


# ------------------------------------------------------------------ another try


def pauses(store: Store, failures: int, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it waits between its tries where the first ones deadlock."""
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    left = [*range(failures)]

    def work(session: Session) -> str:
        ((value,),) = session.ask(("SELECT 1", {}))[0]
        if left:
            left.pop()
            raise DeadlockDetected("made for a test")
        return f"done {value}"

    assert store.database.run(work) == "done 1"
    return waited


def test_tries_that_others_undid_come_back_apart(
    new_database: NewAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(Engine(load("two_step")), new_database()) as store:
        assert pauses(store, 0, monkeypatch) == []
        here = pauses(store, 9, monkeypatch)
        assert len(here) == 9
        for number, pause in enumerate(here):
            assert 0.002 * 2**number <= pause <= 0.004 * 2**number
        assert pauses(store, 9, monkeypatch) == here
        with ThreadPoolExecutor(1) as another:
            assert another.submit(pauses, store, 9, monkeypatch).result() != here
        with pytest.raises(StoreError, match="try it again"):
            pauses(store, 10, monkeypatch)


def test_a_file_is_not_tried_again(new_file: NewAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        Store(Engine(load("two_step")), new_file()) as store,
        pytest.raises(DeadlockDetected),
    ):
        pauses(store, 1, monkeypatch)


def test_a_connection_that_is_busy_after_its_transaction_is_not_used_again(address: str) -> None:
    """As one is that was lost within a pipeline: nobody has read what it was asked last."""
    with closing(StoreDatabase(address)) as database:
        if not database.postgresql:
            pytest.skip("a file of SQLite has no pipeline")

        def lose(session: Session) -> None:
            connection = session._connection
            connection.rollback = lambda: connection.pgconn.send_query_params(b"SELECT 1", [])
            raise TimeoutError

        with pytest.raises(TimeoutError):
            database.run(lose)
        for _ in range(2):
            with database.reading() as reading:
                assert reading.scalar(text("SELECT 1")) == 1
            assert database.run(lambda session: session.ask(("SELECT 1", {}))) == [[(1,)]]


def test_a_pool_of_connections_that_were_all_lost_is_given_up_at_once(address: str) -> None:
    """More of them than there are attempts."""
    engine = create_engine(address, pool_size=30)
    with closing(StoreDatabase(engine)) as database:
        if not database.postgresql:
            pytest.skip("a file of SQLite has no server")
        idle = [engine.raw_connection() for _ in range(20)]
        for connection in idle:
            connection.close()
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        others += " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        with create_engine(address, poolclass=NullPool).connect() as admin:
            admin.execute(text(others)).all()
        assert database.run(lambda session: session.ask(("SELECT 1", {}))) == [[(1,)]]
    engine.dispose()
