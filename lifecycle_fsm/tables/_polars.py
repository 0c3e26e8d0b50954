"""The one way to polars: late, and with an error that names the extra where it is missing."""

from __future__ import annotations

from types import ModuleType

from lifecycle_fsm.errors import MissingExtra


def polars(purpose: str) -> ModuleType:
    """Import polars.

    Raises:
        MissingExtra: it is not installed; the message says for which ``purpose`` it is needed.
    """
    try:
        import polars as pl
    except ImportError:
        raise MissingExtra("tables", "polars", purpose) from None
    return pl
