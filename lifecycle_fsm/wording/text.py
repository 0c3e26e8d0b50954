"""Text for people: cleaned, joined, counted."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

_ABBREVIATIONS = frozenset("ae bdr crm icp mal mql sal sdr sla sql".split())


def clean(text: str) -> str:
    """The text as it can be shown anywhere: one line, without what XML refuses."""
    return " ".join(
        "".join(
            letter
            if letter in " \t\n"
            or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Cn", "Co")
            else " "
            for letter in text
        ).split()
    )


def plain(name: str) -> str:
    """A name as words, the field's abbreviations in capitals: "MQL threshold"."""
    words = clean(name.replace("_", " ")).split(" ")
    return " ".join(one.upper() if one in _ABBREVIATIONS else one for one in words)


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
