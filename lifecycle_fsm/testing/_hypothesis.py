"""The one way to Hypothesis: late, and with an error that names the extra where it is missing."""

from __future__ import annotations

from lifecycle_fsm.errors import MissingExtra

try:
    from hypothesis import stateful
    from hypothesis import strategies as st
except ImportError:
    raise MissingExtra("testing", "hypothesis", "drawing people and activities") from None

__all__ = ["st", "stateful"]
