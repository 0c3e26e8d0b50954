"""Output of commands: JSON, messages on stderr, and the progress bar."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from datetime import datetime
from typing import Any, TextIO, TypeAlias

from lifecycle_fsm.fields import utc_text

#: Shows how far a piece of work has come, from 0 to 1.
Bar: TypeAlias = Callable[[str, float | None], None]


@contextmanager
def harmless_output() -> Iterator[None]:
    """Print control characters as escapes, so that no text of a model or a file controls the
    terminal."""
    from lifecycle_fsm.wording import harmless

    with (
        redirect_stdout(sys.stdout and _Translated(sys.stdout, harmless)),
        redirect_stderr(sys.stderr and _Translated(sys.stderr, harmless)),
    ):
        yield


class _Translated:
    """A stream that translates what is written to it.

    Rich looks through it: a progress bar controls the terminal on purpose.
    """

    def __init__(self, stream: TextIO, translate: Callable[[str], str]) -> None:
        self.rich_proxied_file = stream
        self._translate = translate

    def write(self, text: str) -> int:
        return self.rich_proxied_file.write(self._translate(text))

    def flush(self) -> None:
        self.rich_proxied_file.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rich_proxied_file, name)


def complain(message: str) -> None:
    """Print a message to stderr."""
    with suppress(OSError):  # what cannot be written is told at the end, of the output alone
        flush_output()
    with suppress(OSError):
        print(message, file=sys.stderr, flush=True)


def flush_output() -> None:
    """Write out what has been printed.

    Raises:
        OSError: it cannot be written.
    """
    if sys.stdout is not None:
        sys.stdout.flush()


def first_of(lines: Sequence[str], most: int = 5) -> Iterator[str]:
    """The first of some lines, and how many more there are."""
    yield from lines[:most]
    if len(lines) > most:
        yield f"… and {len(lines) - most:,} more"


def by_reason(reasons: Mapping[str, str], most: int) -> Iterator[str]:
    """The first of some reasons, each with the number of people and up to three of their ids.

    Args:
        reasons: the reason for each person, by id.
        most: how many reasons to show.
    """
    people: dict[str, list[str]] = {}
    for person, reason in reasons.items():
        people.setdefault(reason, []).append(person)
    lines = []
    for reason, names in people.items():
        more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
        lines.append(f"  {', '.join(names[:3])}{more}: {reason}")
    yield from first_of(lines, most)


def print_json(value: object) -> None:
    """Print a value as JSON; times are ISO 8601 in UTC."""
    print(as_json(value))


def as_json(value: object, indent: int | None = 2) -> str:
    """A value as JSON, in one line where nothing is indented."""
    return json.dumps(value, indent=indent, ensure_ascii=False, default=_plain)


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return utc_text(value)
    raise TypeError(f"{value!r} has no form in JSON")


def _unseen(what: str, done: float | None) -> None:
    pass


@contextmanager
def progress() -> Iterator[Bar]:
    """A progress bar, on a terminal; elsewhere nothing is shown."""
    if not sys.stderr.isatty():
        yield _unseen
        return
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:  # it comes with typer, which can do without
        yield _unseen
        return
    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None)

        def bar(what: str, done: float | None) -> None:
            shown.update(
                task, description=what, completed=done or 0, total=None if done is None else 1
            )

        yield bar
