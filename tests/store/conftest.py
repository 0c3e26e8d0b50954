"""Databases for tests of stores: a file of SQLite, and a database of a PostgreSQL server."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import NullPool, create_engine, make_url

from tests.store.server import ADDRESS, running_server, why_there_is_none

#: Makes the address of another new, empty database.
NewAddress = Callable[[], str]
#: Opens a database, and closes it when the test is over.
Opened = Callable[[str], Database]
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a server: that of LIFECYCLE_POSTGRES, or one that is started."""
    if ADDRESS:
        yield ADDRESS
    elif reason := why_there_is_none():
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    else:
        with running_server() as address:
            yield address


@pytest.fixture
def new_file(tmp_path: Path) -> NewAddress:
    """Files of SQLite."""
    return lambda: f"sqlite:///{tmp_path}/store-{next(_NUMBERS)}.db"


@pytest.fixture
def engines() -> Iterator[list[Database]]:
    """What a test has opened."""
    engines: list[Database] = []
    yield engines
    for engine in engines:
        engine.dispose()


@pytest.fixture
def opened(engines: list[Database]) -> Opened:
    """Opens databases that are closed in the end."""

    def open_database(address: str) -> Database:
        engines.append(create_engine(address))
        return engines[-1]

    return open_database


@pytest.fixture
def new_database(server: str, engines: list[Database]) -> Iterator[NewAddress]:
    """Databases of PostgreSQL, which are dropped: whoever is still connected fails the test."""
    admin = create_engine(server, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    names: list[str] = []

    def new() -> str:
        names.append(f"lifecycle_test_{os.getpid()}_{next(_NUMBERS)}")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {names[-1]} TEMPLATE template0")
        return make_url(server).set(database=names[-1]).render_as_string(hide_password=False)

    yield new
    for engine in engines:
        engine.dispose()
    with admin.connect() as connection:
        for name in names:
            connection.exec_driver_sql(f"DROP DATABASE {name}")


@pytest.fixture(params=["sqlite", "postgresql"])
def new_address(request: pytest.FixtureRequest) -> NewAddress:
    """Addresses of new databases, of either kind."""
    kind = {"sqlite": "new_file", "postgresql": "new_database"}[request.param]
    new: NewAddress = request.getfixturevalue(kind)
    return new


@pytest.fixture
def address(new_address: NewAddress) -> str:
    """The address of a new database."""
    return new_address()


@pytest.fixture
def database(address: str, opened: Opened) -> Database:
    """A new database."""
    return opened(address)
