"""A table of a report in a terminal: fewer columns than in a file, and with shorter heads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.report import ReportTable
from lifecycle_fsm.report.content import CellValue, ReportColumn

Shown: TypeAlias = list[tuple[str, str]]
"""Columns to show, each with its head. Two may stand as one: ``reached/journeys`` as *12 of 40*,
and ``low..high`` as *1 to 2*."""


def shown(text: str) -> Shown:
    """Columns, from ``name`` or ``name:head_of_it`` each."""
    columns = []
    for word in text.split():
        name, colon, head = word.partition(":")
        usual = "" if "/" in name else name
        columns.append((name, (head if colon else usual).replace("_", " ")))
    return columns


def table_text(
    table: ReportTable, columns: Shown | None = None, zone: str = "UTC", *, once: int = 0
) -> str:
    """The table in lines.

    Args:
        table: the table.
        columns: what to show; by default all columns, below their names.
        zone: that of its times.
        once: so many columns at the left are empty where they repeat the line above.
    """
    known = {column.name: column for column in table.columns}
    chosen = shown(" ".join(known)) if columns is None else columns
    right = [
        place
        for place, (name, _) in enumerate(chosen)
        if name not in known or known[name].is_number
    ]
    lines = [[_cell(table, known, name, row, zone) for name, _ in chosen] for row in table.rows]
    lines = list(_without_repeats(lines, once))
    return lined_up([[head for _, head in chosen], *lines], right=right)


def _cell(
    table: ReportTable,
    known: dict[str, ReportColumn],
    name: str,
    row: Sequence[CellValue],
    zone: str,
) -> str:
    for sign, word in (("/", "of"), ("..", "to")):
        part, joint, whole = name.partition(sign)
        if joint and name not in known:
            first, second = (
                _text(table, known[half], row, zone, exact=sign == "/") for half in (part, whole)
            )
            return "" if second in ("", "0") else f"{first.removesuffix(' %')} {word} {second}"
    return _text(table, known[name], row, zone)


def _text(
    table: ReportTable,
    column: ReportColumn,
    row: Sequence[CellValue],
    zone: str,
    *,
    exact: bool = True,
) -> str:
    """A cell. Money has no cents here, and shares end together, with or without a star."""
    value = row[table.columns.index(column)]
    if column.kind == "share" and isinstance(value, float) and not exact:
        return f"{value * 100:.0f} %"
    if column.kind == "money" and isinstance(value, int | float):
        return f"{value:,.0f}"
    text = table.text(column, row, zone)
    return text + " " if column.of and text and not text.endswith("*") else text


def _without_repeats(lines: Iterable[list[str]], once: int) -> Iterable[list[str]]:
    before: list[str] = []
    for line in lines:
        same = line[:once] == before[:once]
        yield [""] * once + line[once:] if same and once else line
        before = line
