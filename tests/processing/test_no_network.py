"""Cleaning asks nobody: not on first use, not for a list, not in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import os, socket, sys

def refuse(*args, **kwargs):
    print("asked the network", args)
    os._exit(3)

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
written = []
sys.addaudithook(lambda event, args: written.append(args[0]) if event == "open" and
                 isinstance(args[1], str) and set(args[1]) & set("wax+") else None)

from lifecycle_fsm.processing.cleaning import clean_country, clean_domain, clean_email, clean_phone

assert clean_domain("https://www.acme.co.uk") == "acme.co.uk"
assert clean_email("ada@acme.co.uk") == "ada@acme.co.uk"
assert clean_phone("+49 30 227-0") == "+49302270"
assert clean_country("Germany") == "DE"
assert not written, written
if "--ask" in sys.argv:
    socket.create_connection(("127.0.0.1", 9))
"""


def _run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    # An empty home, so that no cache of an earlier day helps; byte code would count as writing.
    environment = {**os.environ, "PYTHONPATH": str(root), "HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-B", "-c", _PROGRAM, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def test_cleaning_opens_no_connection_and_writes_no_file(tmp_path: Path) -> None:
    done = _run(tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_watch_of_this_test_would_see_a_connection(tmp_path: Path) -> None:
    assert _run(tmp_path, "--ask").returncode == 3
