"""The cyclic garbage collector, turned off while many records are made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_cycles() -> Iterator[None]:
    """Turn the cyclic garbage collector off: activities, rows and visits are many and make no
    cycles, and the search for them would take a third of the time."""
    looks = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looks:
            gc.enable()
