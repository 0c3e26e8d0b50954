"""A whole store as files of JSON lines, and such files as a store.

``activities.jsonl`` is the log as ``lifecycle-fsm run --order arrival`` reads it, and
``history.jsonl`` the history as ``lifecycle-fsm funnel`` does. The others hold rows of tables.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import attrs
import orjson
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    Table,
    delete,
    func,
    insert,
    select,
)

from lifecycle_fsm.errors import FileProblem, LifecycleError
from lifecycle_fsm.files import hidden_name, made_folder, names_in, whole_file, why, write_file
from lifecycle_fsm.store.store import Store
from lifecycle_fsm.store.tables import (
    ACTIVITY,
    ALIAS,
    DEADLINE,
    DECISION,
    HISTORY,
    MODEL,
    PERSON,
    PROCESSING,
    REQUEST,
    REQUEST_PLACE,
    TICK,
    UtcTime,
)

FORMAT = 1
_ABOUT = "store.json"
_SOME = 1000
#: Numbers that a database counts up itself, in the order of the lines.
_COUNTED = (ACTIVITY.c.place, DECISION.c.number, MODEL.c.number)
_STEMS = frozenset(column.name for column in HISTORY.c) - {"kept"}


@attrs.frozen
class _File:
    """A file, the rows that it holds, and the form of its lines."""

    name: str
    table: Table
    where: ColumnElement[bool] | None = None
    line: Callable[[dict[str, Any]], dict[str, Any]] = dict
    row: Callable[[dict[str, Any]], dict[str, Any]] = dict


def _activity_line(row: dict[str, Any]) -> dict[str, Any]:
    return {**row["activity"], "content": row["content"]}


def _activity_row(line: dict[str, Any]) -> dict[str, Any]:
    content = line.pop("content")
    key = {"person": line["person"], "id": line["id"], "status": "applied"}
    return {**key, "content": content, "activity": line}


def _history_line(row: dict[str, Any]) -> dict[str, Any]:
    kept = dict(row.pop("kept"))
    return {**row, **kept}


def _history_row(line: dict[str, Any]) -> dict[str, Any]:
    kept = [[name, value] for name, value in line.items() if name not in _STEMS]
    return {**{name: line[name] for name in _STEMS}, "kept": kept}


_APPLIED = ACTIVITY.c.status == "applied"
_FILES = (
    _File("model.jsonl", MODEL),
    _File("tick.jsonl", TICK),
    _File("people.jsonl", PERSON),
    _File("contacts.jsonl", ALIAS),
    _File("activities.jsonl", ACTIVITY, _APPLIED, _activity_line, _activity_row),
    _File("stopped.jsonl", ACTIVITY, ~_APPLIED),
    _File("history.jsonl", HISTORY, None, _history_line, _history_row),
    _File("deadlines.jsonl", DEADLINE),
    _File("decisions.jsonl", DECISION),
    _File("requests.jsonl", REQUEST),
    _File("processing.jsonl", PROCESSING),
)


# ------------------------------------------------------------------ out


def export(store: Store, folder: str | Path) -> Mapping[str, int]:
    """Write everything that a store keeps, as of one moment, into a new folder.

    The folder is there when all of it is written, and not before.

    Returns:
        how many lines each file has.

    Raises:
        FileProblem: the folder has files already, or cannot be written.
    """
    target = Path(folder)
    try:
        if target.exists() and names_in(target):
            raise FileProblem(
                f"{folder} has files already: name a new folder, or move these away first"
            )
        with made_folder(target.absolute().parent):
            hidden = hidden_name(target.absolute().parent)
            try:
                hidden.mkdir()
                lines = _write(store, hidden)
                if target.exists():
                    shutil.rmtree(target)  # what a process that was killed has left in it
                hidden.rename(target)
            finally:
                shutil.rmtree(hidden, ignore_errors=True)
    except OSError as error:
        raise FileProblem(f"{folder} cannot be written: {why(error)}") from error
    return lines


def _write(store: Store, folder: Path) -> dict[str, int]:
    lines: dict[str, int] = {}
    with store.database.reading() as connection:
        for file in _FILES:
            query = select(file.table).order_by(*file.table.primary_key)
            query = query.execution_options(yield_per=_SOME)
            if file.where is not None:
                query = query.where(file.where)
            names = [str(column.name) for column in file.table.c]
            lines[file.name] = 0
            with whole_file(folder / file.name) as output:
                for row in connection.execute(query):
                    values = {
                        name: value.hex() if isinstance(value, bytes) else value
                        for name, value in zip(names, row, strict=True)
                    }
                    output.write(orjson.dumps(file.line(values)) + b"\n")
                    lines[file.name] += 1
    model = store.engine.model
    about = {"format": FORMAT, "model": model.name, "version": model.version, "lines": lines}
    write_file(folder / _ABOUT, orjson.dumps(about, option=orjson.OPT_INDENT_2) + b"\n")
    return lines


# ------------------------------------------------------------------ in


def import_(store: Store, folder: str | Path) -> Mapping[str, int]:
    """Read what :func:`export` wrote into an empty store, in one transaction.

    The rows are taken as they are: not all of them follow from the log, such as what the outbox has
    delivered, whom somebody waits for, and the history of people who were forgotten.
    :func:`.rebuild` tells whether people and log still fit together.

    Returns:
        how many rows came from each file.

    Raises:
        LifecycleError: the store has people already, or follows another version of the model.
        FileProblem: a file cannot be read, or is not as it was written.
    """
    path = Path(folder)
    about = _about(path)
    version = store.engine.model.version
    if about["version"] != version:
        raise LifecycleError(
            f"{folder} is of version {about['version']!r} of the model {about['model']!r}, and "
            f"this store follows {version!r}: import it with its own model, then migrate [S28]"
        )
    rows: dict[str, int] = {}
    with store.database.writing() as connection:
        for table in (PERSON, ACTIVITY, HISTORY, REQUEST):
            if connection.execute(select(table).limit(1)).first():
                raise LifecycleError(
                    f"the store is not empty: its table {table.name!r} has rows. Import into a new "
                    "database"
                )
        for table in (MODEL, TICK):
            connection.execute(delete(table))
        for file in _FILES:
            rows[file.name] = _read(connection, file, path / file.name)
            if rows[file.name] != about["lines"].get(file.name):
                raise FileProblem(
                    f"{path / file.name} has {rows[file.name]:,} lines, and was written with "
                    f"{about['lines'].get(file.name)}: export the store once more"
                )
        if store.database.postgresql:
            last = connection.scalar(select(func.max(REQUEST.c.place)))
            if last is not None:
                connection.execute(select(func.setval(REQUEST_PLACE.name, last)))
    return rows


def _about(folder: Path) -> Any:
    try:
        about = orjson.loads((folder / _ABOUT).read_bytes())
    except (OSError, ValueError) as error:
        raise FileProblem(
            f"{folder / _ABOUT} cannot be read, so this is no exported store: {why(error)}"
        ) from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise FileProblem(f"{folder / _ABOUT} is of another release: read it with that one")
    return about


def _read(connection: Connection, file: _File, path: Path) -> int:
    count = 0
    rows = _rows(file, path)
    while some := list(islice(rows, _SOME)):
        connection.execute(insert(file.table), some)
        count += len(some)
    return count


def _rows(file: _File, path: Path) -> Iterator[dict[str, Any]]:
    columns = [column for column in file.table.c if column not in _COUNTED]
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    row = file.row(orjson.loads(line))
                    yield {column.name: _value(column, row) for column in columns}
                except (ValueError, TypeError, KeyError, AttributeError) as error:
                    raise FileProblem(
                        f"{path}, line {number:,} is no row of {file.table.name!r}: {error!r}"
                    ) from error
    except OSError as error:
        raise FileProblem(f"{path} cannot be read: {why(error)}") from error


def _value(column: Column[Any], row: Mapping[str, Any]) -> Any:
    value = row.get(column.name)
    if value is None:
        return None
    if isinstance(column.type, UtcTime):
        return datetime.fromisoformat(value)
    return bytes.fromhex(value) if isinstance(column.type, LargeBinary) else value
