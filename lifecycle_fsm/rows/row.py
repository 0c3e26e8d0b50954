"""A row of a file, a line that cannot be used, and how errors quote rows and name columns."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import attrs

MAX_RAW = 10_000
_MOST_LISTED = 30


# Not frozen, for speed; no code changes one.
@attrs.define
class FileRow:
    """One row: the line where it starts, counted from 1, its values by column, and its text.

    Line 0 means that the row has no place; the ids of its activities are then made from content.
    The values of a CSV file are always text. For Parquet the line is the number of the row.
    """

    line: int
    values: dict[str, Any]
    raw: str = ""


@attrs.frozen
class Reject:
    """A row that cannot be used: its place, the column at fault, the reason, and its text."""

    file: str
    line: int
    column: str | None
    reason: str
    raw: str


def rejected(name: str, line: int, reason: str, raw: str) -> Reject:
    """A line that cannot be used at all."""
    return Reject(name, line, None, reason, shown(raw))


def shown(raw: str) -> str:
    r"""The text of a bad row in printable form: bytes that are not text become ``\xe9``."""
    more = len(raw) - MAX_RAW
    text = raw[:MAX_RAW].rstrip("\r\n")
    try:
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        text = text.encode("utf-8", "backslashreplace").decode()
    return f"{text} … and {more:,} characters more" if more > 0 else text


@lru_cache(maxsize=1_000)
def nearest(word: str, known: tuple[str, ...]) -> str:
    """``"; did you mean 'x'?"`` for a name in a file, ignoring case, spaces and punctuation."""
    plain = {_plain(name): name for name in known}
    near = difflib.get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return f"; did you mean {plain[near[0]]!r}?" if near else ""


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.strip().lower())


def listed(names: Sequence[str], most: int = _MOST_LISTED) -> str:
    """``a, b`` or, if there are very many, the first ones: ``a, b and 7 more``."""
    more = len(names) - most
    text = ", ".join(names[:most])
    return f"{text} and {more:,} more" if more > 0 else text
