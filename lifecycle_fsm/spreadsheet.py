"""Texts that a spreadsheet would run as a formula, and how a CSV file disarms them.

Such a text gets a leading apostrophe, which spreadsheets themselves use to mark text. A person
whose first name was given as ``=HYPERLINK(...)`` then simply has that name. A text that already has
apostrophes before the formula gets one more, so that reading removes exactly what writing added.
Numbers and telephone numbers are not formulas and stay unchanged.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import datetime

#: In the regex syntax that Python and polars share: how a formula begins, and all of a number.
FORMULA = r"'*[=+\-@\t]"
NUMBER = r"'*(?:[+-]?[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?%?|\+[0-9][0-9 ()./-]*)"


def is_run(text: str) -> bool:
    """Whether a spreadsheet would run this text, leaving leading apostrophes aside.

    >>> is_run("=1+1"), is_run("'@SUM(A1)"), is_run("-12.5"), is_run("+49 30 1234-0"), is_run("a=b")
    (True, True, False, False, False)
    """
    return bool(re.match(FORMULA, text)) and not re.fullmatch(NUMBER, text)


def guarded(text: str) -> str:
    """A text as it is written to a CSV file.

    >>> guarded("=1+1"), guarded("'=1+1"), guarded("-12.5")
    ("'=1+1", "''=1+1", '-12.5')
    """
    return f"'{text}" if is_run(text) else text


def unguarded(text: str) -> str:
    """A text from a CSV file as it was before it was written.

    >>> unguarded("'=1+1"), unguarded("''=1+1"), unguarded("'tis")
    ('=1+1', "'=1+1", "'tis")
    """
    return text[1:] if text.startswith("'") and is_run(text) else text


def csv_text(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Rows as the text of a CSV file, with times in ISO 8601 and formulas disarmed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(map(_cell, row) for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return guarded(value) if isinstance(value, str) else value
