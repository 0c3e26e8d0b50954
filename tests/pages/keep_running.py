"""A server of PostgreSQL, and its programs, for the page that keeps a store running."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tests.store.server import ADDRESS, PACKAGE, running_server, why_there_is_none

#: The databases that the page makes.
NAMES = ("lifecycle", "restored")


@contextmanager
def postgresql() -> Iterator[None]:
    """Let the programs of PostgreSQL be found, and find a server without being told where it is."""
    spec = find_spec(PACKAGE)
    if spec is not None and spec.origin is not None:
        programs = Path(spec.origin).parent / "pginstall/bin"
        os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    if reason := "" if ADDRESS else why_there_is_none():
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    if shutil.which("pg_dump") is None:
        pytest.skip("there is no pg_dump here")
    if ADDRESS:
        _lead_to(ADDRESS)
        yield
    else:
        with running_server() as address:
            _lead_to(address)
            yield


def _lead_to(address: str) -> None:
    """Set the variables that libpq reads, and remove what an earlier test has left."""
    url = make_url(address)
    values = {
        "PGHOST": url.host or url.query.get("host"),
        "PGPORT": url.port,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
    }
    os.environ.update({name: str(value) for name, value in values.items() if value})
    for name in NAMES:
        subprocess.run(["dropdb", "--if-exists", name], check=True, capture_output=True)
