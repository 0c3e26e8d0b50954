"""Texts that a spreadsheet would run as a formula, and how a CSV keeps them from it.

Such a text gets an apostrophe before it, which is what spreadsheets themselves write for "this is
text". Whoever has sent ``=HYPERLINK(...)`` as a first name has then sent a first name. A text that
had apostrophes before the formula gets one more, so that reading takes away exactly what writing
has put there. Numbers and telephone numbers are nothing to be run, and stay as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import datetime

#: In the syntax that Python and polars have in common: how it begins, and what it is as a whole.
FORMULA = r"'*[=+\-@\t]"
NUMBER = r"'*(?:[+-]?[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?%?|\+[0-9][0-9 ()./-]*)"


def is_run(text: str) -> bool:
    """Would a spreadsheet run this text, without the apostrophes before it?

    >>> is_run("=1+1"), is_run("'@SUM(A1)"), is_run("-12.5"), is_run("+49 30 1234-0"), is_run("a=b")
    (True, True, False, False, False)
    """
    return bool(re.match(FORMULA, text)) and not re.fullmatch(NUMBER, text)


def guarded(text: str) -> str:
    """A text as a CSV has it.

    >>> guarded("=1+1"), guarded("'=1+1"), guarded("-12.5")
    ("'=1+1", "''=1+1", '-12.5')
    """
    return f"'{text}" if is_run(text) else text


def unguarded(text: str) -> str:
    """A text of a CSV as it was before it was written there.

    >>> unguarded("'=1+1"), unguarded("''=1+1"), unguarded("'tis")
    ('=1+1', "'=1+1", "'tis")
    """
    return text[1:] if text.startswith("'") and is_run(text) else text


def csv_text(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Rows as the text of a CSV file: times in ISO 8601, and texts that no spreadsheet runs."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(map(_cell, row) for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return guarded(value) if isinstance(value, str) else value
