"""Exports an entire store as files of JSON lines, and imports such files.

``activities.jsonl`` is the log that ``lifecycle-fsm run --order arrival`` reads, and
``history.jsonl`` the history that ``lifecycle-fsm funnel`` reads. The others hold table rows.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import attrs
import orjson
import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError

from lifecycle_fsm.errors import FileProblem, LifecycleError
from lifecycle_fsm.files import hidden_name, made_folder, names_in, whole_file, why, write_file
from lifecycle_fsm.store import tables
from lifecycle_fsm.store.database import Database

FORMAT = 1
#: The text of the model, if it has one, for the commands that read the files.
MODEL_FILE = "model.toml"
_ABOUT = "store.json"
_SOME = 1000
#: Numbers that the database assigns, in the order of the lines.
_COUNTED = (tables.ACTIVITY.c.place, tables.DECISION.c.number, tables.MODEL.c.number)
_HISTORY = frozenset(column.name for column in tables.HISTORY.c) - {"kept"}
#: How to read the text in a line, by the type of the column.
_READ: Mapping[type, Callable[[str], Any]] = {
    tables.UtcTime: datetime.fromisoformat,
    sa.LargeBinary: bytes.fromhex,
}


@attrs.frozen
class ExportedStore:
    """The contents of an exported store.

    Args:
        model: the name of the model that people follow.
        version: its version.
        lines: the number of lines in each file.
    """

    model: str
    version: str
    lines: Mapping[str, int]


@attrs.frozen
class _File:
    """A file, its rows, and the form of its lines."""

    name: str
    table: sa.Table
    where: sa.ColumnElement[bool] | None = None
    line: Callable[[dict[str, Any]], dict[str, Any]] = dict
    row: Callable[[dict[str, Any]], dict[str, Any]] = dict


def _activity_line(row: dict[str, Any]) -> dict[str, Any]:
    return {**row["activity"], "content": row["content"]}


def _activity_row(line: dict[str, Any]) -> dict[str, Any]:
    content = line.pop("content")
    columns = dict.fromkeys(tables.ACTIVITY.c.keys()) | {"content": content, "status": "applied"}
    return columns | {"person": line["person"], "id": line["id"], "activity": line}


def _history_line(row: dict[str, Any]) -> dict[str, Any]:
    kept = dict(row.pop("kept"))
    return row | kept


def _history_row(line: dict[str, Any]) -> dict[str, Any]:
    return {**line, "kept": [pair for pair in line.items() if pair[0] not in _HISTORY]}


_APPLIED = tables.ACTIVITY.c.status == "applied"
_FILES = (
    _File("model.jsonl", tables.MODEL),
    _File("tick.jsonl", tables.TICK),
    _File("people.jsonl", tables.PERSON),
    _File("contacts.jsonl", tables.ALIAS),
    _File("activities.jsonl", tables.ACTIVITY, _APPLIED, _activity_line, _activity_row),
    _File("stopped.jsonl", tables.ACTIVITY, ~_APPLIED),
    _File("history.jsonl", tables.HISTORY, None, _history_line, _history_row),
    _File("deadlines.jsonl", tables.DEADLINE),
    _File("decisions.jsonl", tables.DECISION),
    _File("requests.jsonl", tables.REQUEST),
    _File("processing.jsonl", tables.PROCESSING),
)


# ------------------------------------------------------------------ out


def export(database: Database, folder: str | Path) -> ExportedStore:
    """Write everything that a store keeps, as of one moment, into a new folder.

    The folder appears only once it is complete.

    Returns:
        what :func:`read_export` returns.

    Raises:
        FileProblem: the folder already has files, or cannot be written.
        LifecycleError: the store is not in use yet.
    """
    lines: dict[str, int] = {}
    with _new_folder(Path(folder)) as hidden, database.reading() as connection:
        for file in _FILES:
            lines[file.name] = _write(connection, file, hidden / file.name)
        latest = sa.select(tables.MODEL.c.name, tables.MODEL.c.version, tables.MODEL.c.definition)
        latest = latest.order_by(tables.MODEL.c.number.desc()).limit(1)
        row = connection.execute(latest).first()
        if row is None:
            raise LifecycleError("nothing to export: no model has been given to the store yet")
        name, version, definition = row
        about = {"format": FORMAT, "model": name, "version": version, "lines": lines}
        write_file(hidden / _ABOUT, orjson.dumps(about, option=orjson.OPT_INDENT_2) + b"\n")
        if definition is not None:
            write_file(hidden / MODEL_FILE, definition)
    return ExportedStore(name, version, lines)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder that gets its final name when the work is done."""
    try:
        if folder.exists() and names_in(folder):
            raise FileProblem(
                f"{folder} has files already: name a new folder, or move these away first"
            )
        with made_folder(folder.absolute().parent):
            hidden = hidden_name(folder.absolute().parent)
            try:
                hidden.mkdir()
                yield hidden
                if folder.exists():
                    shutil.rmtree(folder)  # left over from a killed process
                hidden.rename(folder)
            finally:
                shutil.rmtree(hidden, ignore_errors=True)
    except OSError as error:
        raise FileProblem(f"{folder} cannot be written: {why(error)}") from error


def _write(connection: sa.Connection, file: _File, path: Path) -> int:
    query = sa.select(file.table).order_by(*file.table.primary_key)
    if file.where is not None:
        query = query.where(file.where)
    count = 0
    with whole_file(path) as output:
        for row in connection.execute(query.execution_options(yield_per=_SOME)).mappings():
            values = {
                str(name): value.hex() if isinstance(value, bytes) else value
                for name, value in row.items()
            }
            output.write(orjson.dumps(file.line(values)) + b"\n")
            count += 1
    return count


# ------------------------------------------------------------------ in


def import_(database: Database, folder: str | Path) -> ExportedStore:
    """Import the files of :func:`export` into an empty store, in one transaction.

    The rows are imported unchanged, because not all of them follow from the log: deliveries from
    the outbox, for example, or the history of forgotten people. :func:`.rebuild` checks whether
    people and log still agree.

    Returns:
        what :func:`read_export` returns.

    Raises:
        LifecycleError: the store already has people, or follows another version of the model.
        FileProblem: a file cannot be read, or was changed since the export.
    """
    path = Path(folder)
    exported = read_export(path)
    with database.writing() as connection:
        _check_empty(connection, exported)
        for file in _FILES:
            rows, lines = _read(connection, file, path / file.name), exported.lines.get(file.name)
            if rows != lines:
                raise FileProblem(
                    f"{path / file.name} has {rows:,} lines, and was written with {lines}: export "
                    "the store once more"
                )
        last = connection.scalar(sa.select(sa.func.max(tables.REQUEST.c.place)))
        if database.postgresql and last is not None:
            connection.execute(sa.select(sa.func.setval(tables.REQUEST_PLACE.name, last)))
    return exported


def read_export(folder: str | Path) -> ExportedStore:
    """Describe the contents of a folder that :func:`export` wrote.

    Raises:
        FileProblem: the folder has no exported store, or one of another release.
    """
    path = Path(folder) / _ABOUT
    try:
        about = orjson.loads(path.read_bytes())
        if about.pop("format") == FORMAT:
            return ExportedStore(**about)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise FileProblem(
            f"{path} cannot be read, so this is no exported store: {why(error)}"
        ) from error
    raise FileProblem(f"{path} is of another release: read it with that one")


def _check_empty(connection: sa.Connection, exported: ExportedStore) -> None:
    """Check that the tables hold only the rows of a new store, and delete those rows."""
    for table in (tables.PERSON, tables.ACTIVITY, tables.HISTORY, tables.REQUEST):
        if connection.execute(sa.select(table).limit(1)).first():
            raise LifecycleError(
                f"the store is not empty: its table {table.name!r} has rows. Import into a new "
                "database"
            )
    for version in connection.scalars(sa.select(tables.MODEL.c.version)):
        if version != exported.version:
            raise LifecycleError(
                f"the files are of version {exported.version!r} of the model {exported.model!r}, "
                f"and this store follows {version!r}: import into a new database, then migrate "
                "[S28]"
            )
    for table in (tables.MODEL, tables.TICK):
        connection.execute(sa.delete(table))


def _read(connection: sa.Connection, file: _File, path: Path) -> int:
    count = 0
    try:
        with path.open("rb") as lines:
            while some := [
                _row(file, line, f"{path}, line {number:,}")
                for number, line in enumerate(islice(lines, _SOME), count + 1)
            ]:
                try:
                    connection.execute(sa.insert(file.table), some)
                except (IntegrityError, DataError) as error:
                    raise FileProblem(
                        f"{path}, lines {count + 1:,} to {count + len(some):,}: one of them is "
                        f"there twice, or its values do not fit ({error.orig}); export the store "
                        "once more"
                    ) from error
                count += len(some)
    except OSError as error:
        raise FileProblem(f"{path} cannot be read: {why(error)}") from error
    return count


def _row(file: _File, line: bytes, place: str) -> dict[str, Any]:
    try:
        row = file.row(orjson.loads(line))
        columns = (column for column in file.table.c if column not in _COUNTED)
        return {column.name: _value(column, row[column.name]) for column in columns}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise FileProblem(f"{place} is no row of {file.table.name!r}: {error!r}") from error


def _value(column: sa.Column[Any], value: Any) -> Any:
    read = _READ.get(type(column.type))
    return value if value is None or read is None else read(value)
