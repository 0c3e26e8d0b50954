"""What a command prints: no text of a model or of a file steers the terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO


@contextmanager
def harmless_output() -> Iterator[None]:
    """Print control characters as escapes, whoever prints them, as long as this lasts."""
    from lifecycle_fsm.wording import harmless

    with (
        redirect_stdout(sys.stdout and _Translated(sys.stdout, harmless)),
        redirect_stderr(sys.stderr and _Translated(sys.stderr, harmless)),
    ):
        yield


class _Translated:
    """A stream that translates what is written to it.

    Rich looks through it: a progress bar steers the terminal on purpose.
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
