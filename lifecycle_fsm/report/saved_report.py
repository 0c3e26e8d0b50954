"""A report as files: a workbook, a page, slides, or a folder with every table."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.fields import utc_text
from lifecycle_fsm.files import made_folder, why, write_file
from lifecycle_fsm.report.content import Kind, Report, ReportColumn, ReportTable
from lifecycle_fsm.report.deck import write_deck
from lifecycle_fsm.report.web_page import write_page
from lifecycle_fsm.report.workbook import write_workbook
from lifecycle_fsm.tables import Column, TableWriter
from lifecycle_fsm.tables.output_tables import ColumnType

_TYPES: dict[Kind, ColumnType] = {"text": "str", "count": "int", "time": "datetime"}
_WRITERS: dict[str, Callable[[Report], bytes]] = {
    ".xlsx": write_workbook,
    ".html": write_page,
    ".pptx": write_deck,
}
#: What a report can be saved as, besides a folder.
ENDINGS = tuple(_WRITERS)


def is_report(path: str | os.PathLike[str]) -> bool:
    """Whether the name is that of a report: it has one of :data:`ENDINGS`, or is a folder's."""
    name = os.fspath(path)
    suffix = Path(name).suffix.lower()
    return suffix in ENDINGS or name.endswith(("/", os.sep)) or Path(name).is_dir()


def save_report(report: Report, path: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Write the form that the ending names, completely or not at all; a folder gets every table as
    CSV, Parquet and JSON.

    Returns:
        the files that were written.

    Raises:
        FileProblem: the ending names no form of a report, or a file cannot be written.
        MissingExtra: what writes this form is not installed.
    """
    target = Path(path)
    if not is_report(path):
        what = f"the suffix {target.suffix!r}" if target.suffix else "a name without suffix"
        raise FileProblem(
            f"{target}: {what} names no form of a report; use one of {', '.join(ENDINGS)}, or a "
            "folder, as in tables/"
        )
    writer = _WRITERS.get(target.suffix.lower())
    folder = target if writer is None else target.parent
    try:
        with made_folder(folder):
            if writer is None:
                return tuple(file for table in report.tables for file in _save(table, folder))
            write_file(target, writer(report))
    except OSError as error:
        raise FileProblem(f"{target} cannot be written: {why(error)}") from error
    return (target,)


def _save(table: ReportTable, folder: Path) -> tuple[Path, ...]:
    """Write a table in each of its formats."""
    columns = [_column(place, column) for place, column in enumerate(table.columns)]
    files = tuple(folder / f"{table.name}{ending}" for ending in (".csv", ".parquet", ".json"))
    for file in files[:2]:
        writer = TableWriter(columns)
        writer.extend(table.rows)
        writer.save(file)
    content = {
        "title": table.title,
        "notes": table.notes,
        "columns": {
            of.name: column.title for of, column in zip(columns, table.columns, strict=True)
        },
        "rows": [
            {column.name: _plain(column.value(row)) for column in columns} for row in table.rows
        ],
    }
    write_file(files[2], json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return files


def _column(place: int, column: ReportColumn) -> Column[Any]:
    """A column of plain values; a length of time is a number of days, as its name says."""
    get = itemgetter(place)
    if column.kind != "days":
        return Column(column.name, _TYPES.get(column.kind, "float"), get)

    def days(row: Any) -> float | None:
        length: timedelta | None = get(row)
        return None if length is None else length / timedelta(days=1)

    return Column(f"{column.name}_days", "float", days)


def _plain(value: Any) -> Any:
    return utc_text(value) if isinstance(value, datetime) else value
