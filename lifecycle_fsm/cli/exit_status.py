"""Exit statuses, and the sentence that a failed command prints."""

from __future__ import annotations

import errno
import functools
import inspect
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer

from lifecycle_fsm.cli.console import complain, flush_output, harmless_output
from lifecycle_fsm.errors import FontWarning, LifecycleError
from lifecycle_fsm.files import why

#: The exit statuses, beside 0 for what is done: see ``docs/understand/command-line.md``.
#: Those from 64 on are the ones of ``sysexits.h``, and those above 128 have a signal in them.
REJECTED, WRONG, FAULT, FAILED, STOPPED, NOBODY_READS = 1, 2, 70, 74, 130, 141

#: What the system says when nothing that was asked for is wrong, and there is no room or no disk.
_EXHAUSTED = frozenset(
    getattr(errno, name)
    for name in ("EDQUOT", "EFBIG", "EIO", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC")
    if hasattr(errno, name)
)

DebugOption = Annotated[
    bool, typer.Option("--debug", help="Show a log, and the traceback of an error.")
]


def safely(command: Callable[..., int | None]) -> Callable[..., None]:
    """Wrap a command: errors become one sentence each, and its result the exit status.

    It has one more option, ``--debug``.
    """

    @functools.wraps(command)
    def run(*args: Any, debug: bool, **kwargs: Any) -> None:
        with harmless_output(), _logging(debug), _warnings():
            try:
                status = command(*args, **kwargs) or 0
                flush_output()
            except (typer.Exit, typer.Abort, typer.BadParameter):
                raise
            except (Exception, KeyboardInterrupt) as error:
                if debug:
                    traceback.print_exc()
                status, sentence = _ending(error)
                if sentence:
                    complain(sentence)
                _abandon_output()
        raise typer.Exit(status)

    shape = inspect.signature(command, eval_str=True)
    debug = inspect.Parameter(
        "debug", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=DebugOption
    )
    run.__signature__ = shape.replace(  # type: ignore[attr-defined]
        parameters=[*shape.parameters.values(), debug]
    )
    run.__annotations__ = {**command.__annotations__, "debug": DebugOption}
    return run


def _ending(error: BaseException) -> tuple[int, str]:
    """The exit status, and the sentence."""
    cause = error.__cause__ if isinstance(error, LifecycleError) else error
    match cause:
        case BrokenPipeError():
            return NOBODY_READS, ""  # who closed it knows
        case KeyboardInterrupt():
            return STOPPED, "stopped"
        case MemoryError():
            return FAILED, "error: there is not enough memory for this"
        case OSError() if cause is error or cause.errno in _EXHAUSTED:
            return FAILED, f"error: {_of_system(cause) if error is cause else error}"
    if isinstance(error, LifecycleError):
        return WRONG, f"error: {error}"
    text = " ".join(traceback.format_exception_only(error)[-1].split())
    return FAULT, (
        f"error: this is a fault of lifecycle-fsm itself, please report it: {text} "
        "(the same command with --debug shows where)"
    )


def _of_system(error: OSError) -> str:
    where = "reading or writing failed" if error.filename is None else error.filename
    return f"{where}: {why(error)}"


def _abandon_output() -> None:
    """Keep Python from writing the rest at its end, which has a status and a message of its own."""
    try:
        flush_output()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _warnings() -> Iterator[None]:
    """Print a warning of the package as one sentence."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
            if issubclass(category, FontWarning):
                complain(f"warning: {message}")
            else:
                usual(message, category, *rest, **more)

        warnings.showwarning = show
        warnings.simplefilter("default", FontWarning)
        yield


@contextmanager
def _logging(debug: bool) -> Iterator[None]:
    """Log the package to stderr, if ``debug``."""
    if not debug:
        yield
        return
    log = logging.getLogger("lifecycle_fsm")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(relativeCreated)6d ms  %(name)s: %(message)s"))
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.setLevel(before)
        log.removeHandler(handler)
