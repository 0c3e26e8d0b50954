"""What holds for all tests."""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """Keep what the collection has made out of every later search for garbage.

    These are a million objects. ``gc.collect``, which every run calls, would visit each of them.
    """
    gc.collect()
    gc.freeze()
