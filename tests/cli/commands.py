"""How the tests of the command line run commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).parents[2]


@attrs.frozen
class Done:
    """What a command printed, and the code that it ended with."""

    code: int
    out: str
    err: str


Cli = Callable[..., Done]


def start(*arguments: object, cwd: Path, **how: Any) -> subprocess.Popen[str]:
    """Start a command in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "lifecycle_fsm.cli", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        text=True,
        **how,
    )
