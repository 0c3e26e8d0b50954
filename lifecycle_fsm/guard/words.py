"""Which names and which constants a guard may have, however it is written [S5]."""

from __future__ import annotations

import keyword
import math
import unicodedata
from datetime import UTC, date, datetime, time

from lifecycle_fsm.errors import GuardError
from lifecycle_fsm.fields import INT_MAX, INT_MIN, to_utc
from lifecycle_fsm.guard.terms import Const, Scalar

EMPTY = (
    "an empty text is a missing value: no effect writes it, and a guard asks 'is missing' or "
    "'is known'"
)
"""What is said of ``''`` in a model [S4]."""
RESERVED = frozenset(
    {"and", "or", "not", "in", "is", "always", "never", "true", "false", "now"}
    | {"null", "none", "NULL", "Null", "None", "True", "False"}
)
"""Words of the language, which no field, token, payload value or named guard may have as name."""


def is_name(text: str) -> bool:
    """Whether a field, token, payload value or named guard may be called so: a Python identifier
    that is no word of the language, in the normal form that Python gives to identifiers."""
    return (
        text.isidentifier()
        and not keyword.iskeyword(text)
        and text not in RESERVED
        and unicodedata.normalize("NFKC", text) == text
    )


def constant(value: object) -> Const:
    """The constant of a Python value: exact types, times in UTC, a date as its midnight [S4][S5].

    Raises:
        GuardError: missing, NaN, infinite, beyond 64 bits, empty, not Unicode, or of another type.
    """
    if isinstance(value, tuple | list | set | frozenset):
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        return Const(tuple(_scalar(item) for item in items))
    return Const(_scalar(value))


def _scalar(value: object) -> Scalar:
    match value:
        case None:
            raise GuardError("None is no value to compare with: write 'is missing' (.is_missing())")
        case bool():
            return value
        case int():
            if not INT_MIN <= value <= INT_MAX:
                raise GuardError("a whole number must be within 64 bits")
            return int.__int__(value)
        case float():
            if not math.isfinite(value):
                raise GuardError("a number must be finite: NaN and infinity are refused")
            return float.__float__(value)
        case str():
            # Not str(value): an Enum of texts would give its class along with the text.
            text = str.__str__(value)
            if not text:
                raise GuardError(EMPTY)
            if any("\ud800" <= letter <= "\udfff" for letter in text):
                raise GuardError("a text must be valid Unicode (this one has a lone surrogate)")
            return text
        case datetime():
            try:
                instant = to_utc(value)
            except (OverflowError, ValueError):
                raise GuardError("a time must be between the years 1 and 9999 in UTC") from None
            return datetime.combine(instant.date(), instant.time(), UTC)
        case date():
            return datetime.combine(value, time(), UTC)
    raise GuardError(
        f"{value!r} is not a value for a guard: use a number, a text, true or false, or a time"
    )
