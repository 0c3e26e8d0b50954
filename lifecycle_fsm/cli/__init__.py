"""The command line, ``lifecycle-fsm``: only what a program that embeds the package never needs."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line; see ``lifecycle-fsm --help`` for what its exit codes mean."""
    try:
        from lifecycle_fsm.cli.app import app
    except KeyboardInterrupt:  # what comes later is caught by each command
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich", "click"):
            raise
        from lifecycle_fsm.errors import MissingExtra

        print(f"error: {MissingExtra('cli', error.name, 'the command line')}", file=sys.stderr)
        sys.exit(2)
    for name in ("stdout", "stderr"):  # closed: what is opened next must not take its place
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r+", encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a terminal that cannot show a sign must not end the run
            reconfigure(errors="backslashreplace")
    # Being told to end is an exception, like being stopped by hand: half an output is removed.
    signal.signal(signal.SIGTERM, _ended)
    # A terminal that is closed ends what runs in it, unless that was to go on (nohup).
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _ended)
    try:
        app(prog_name="lifecycle-fsm")
    except KeyboardInterrupt:  # after the last line of a command, or before its first
        print("stopped", file=sys.stderr)
        sys.exit(130)


def _ended(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
