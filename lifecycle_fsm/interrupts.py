"""Work that a signal must not stop in the middle."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def to_the_end(stop: Callable[[], None] | None = None) -> Iterator[None]:
    """Let a signal wait until the work has ended, so that it is known what was done; a second
    signal ends the work at once.

    Args:
        stop: is called at the first signal, to make the work end soon.
    """
    if threading.current_thread() is not threading.main_thread():  # no other is interrupted
        yield
        return
    waiting: list[tuple[int, FrameType | None]] = []
    handlers = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM))
        if callable(handler := signal.getsignal(number))
    }

    def wait(number: int, frame: FrameType | None) -> None:
        waiting.append((number, frame))
        if len(waiting) > 1:
            handlers[signal.Signals(number)](number, frame)
        if stop is not None:
            stop()

    for number in handlers:
        signal.signal(number, wait)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if waiting:
        number, frame = waiting[0]
        handlers[signal.Signals(number)](number, frame)
