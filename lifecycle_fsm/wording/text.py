"""Text for people: cleaned, joined, counted."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Control characters, and the marks that make a terminal write what follows from right to left.
_STEERING = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\u2029\\u202a-\\u202e]")
_ABBREVIATIONS = frozenset("ae bdr crm icp mal mql sal sdr sla sql".split())


def clean(text: str) -> str:
    """The text as it can be shown anywhere: one line, without what XML refuses."""
    return " ".join(visible(text).split())


def visible(text: str) -> str:
    """The text with a space for each letter that cannot be shown."""
    if text.isprintable():  # nearly every text, and of any length at once
        return text
    return "".join(letter if letter.isprintable() else " " for letter in text)


def harmless(text: str) -> str:
    """The text for a terminal: what would steer it, or turn the letters round, as an escape.

    Lines and tabs stay. The escape means the same within JSON and TOML.
    """
    return _STEERING.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)


def plain(name: str) -> str:
    """A name as words, the field's abbreviations in capitals: "MQL threshold"."""
    words = clean(name.replace("_", " ")).split(" ")
    return " ".join(word.upper() if word in _ABBREVIATIONS else word for word in words)


def sentence(text: str) -> str:
    """The words with a capital at their beginning."""
    return text[:1].upper() + text[1:]


def joined(parts: Iterable[str], last: str = "and") -> str:
    """``a, b and c``."""
    *before, end = list(parts) or [""]
    return f"{', '.join(before)} {last} {end}" if before else end


def counted(count: int, noun: str, several: str = "") -> str:
    """A number and its noun: ``1 row``, ``8,000 rows``, ``2 people``."""
    return f"{count:,} {noun if count == 1 else several or f'{noun}s'}"
