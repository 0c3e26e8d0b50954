"""Ctrl-C while processes are begun and ended, where it must not fall in between."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupt:
    """Ctrl-C that is put off until it can break nothing.

    By a handler, not by a mask of signals: of a process with threads of libraries, another one
    would take the signal, and the main thread would be interrupted all the same.
    """

    def __init__(self) -> None:
        self._came = False
        self._hearing = False

    def defer(self) -> None:
        """From now on, an interrupt raises only in :meth:`heard`, or at :meth:`restore`."""
        # Only the main thread is interrupted, and only where nobody has decided otherwise.
        if (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            signal.signal(signal.SIGINT, self._hear)

    def _hear(self, number: int, frame: object) -> None:
        self._came = True
        if self._hearing:
            self._raise()

    def _raise(self) -> None:
        self._came = self._hearing = False
        raise KeyboardInterrupt

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Where an interrupt may come.

        Raises:
            KeyboardInterrupt: one came, here or before.
        """
        try:
            self._hearing = True
            if self._came:
                self._raise()
            yield
        finally:
            self._hearing = False

    def restore(self) -> None:
        """Interrupts are raised at once again.

        Raises:
            KeyboardInterrupt: one came that nobody has heard.
        """
        if signal.getsignal(signal.SIGINT) == self._hear:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._came:
            self._raise()
