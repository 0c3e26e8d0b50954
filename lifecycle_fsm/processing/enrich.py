"""Step 020: data about the company or the person, from a table or a service [S13].

Enrichment is optional: by default a failed step is skipped and its error recorded, and the step
fills only missing values.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from lifecycle_fsm.errors import FileProblem, RecordError, suggest
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.processing.step import BuiltStep, Context, Options, Resources, Rows, Run
from lifecycle_fsm.rows.parquet_rows import OutOfRange
from lifecycle_fsm.rows.row_file import open_rows


def make(options: Options, resources: Resources) -> BuiltStep:
    """The step ``enrich``.

    Options: ``table``, a CSV or Parquet file below the model's folder, as a path relative to it;
    ``key``, the field to look up, by default ``domain``, compared case-insensitively; ``columns``,
    a table from column to field, or a list if both have the same names; ``key_column``, the column
    of the key, by default named like the field; ``overwrite``, whether a value from the table
    replaces a known one. An empty cell changes nothing.

    The host may supply rows instead of the file, or a function instead of any table. A step without
    any of the three keeps its position in the chain and does nothing: a shipped model cannot know
    where a company's data is.

    Raises:
        FileProblem: the table is missing or outside the allowed folders, has a key twice, or has a
            value that does not fit its field.
    """
    path = options.text("table")
    key = options.text("key", "domain")
    key_column = options.text("key_column", key)
    columns = options.names("columns", listed=True)
    overwrite = options.flag("overwrite", default=False)
    key_type = FieldType("str") if key == "id" else resources.types.get(key)
    if key_type is None:
        options.wrong("key", f"no field named {key!r}{suggest(key, resources.types)}")
    if not columns:
        options.wrong("columns", 'name what to take from the table: { column = "field" }')
    if len(set(columns.values())) < len(columns):
        options.wrong("columns", "two columns fill one field: leave one out")
    for field in columns.values():
        _check_field(options, field, resources.types, overwrite=overwrite)
    options.close()
    assert key_type is not None

    writes = tuple(columns.values())
    reads = (key,) if overwrite else tuple(dict.fromkeys((key, *writes)))
    run = resources.run
    if run is None:
        table: Table = {}
        kinds = {column: resources.types[field] for column, field in columns.items()}
        if resources.rows is not None:
            table = table_from_rows(resources.rows, key_type, kinds)
        elif path:
            file = allowed_path(resources.folder, path, resources.tables_from)
            table = read_table(file, key_column, key_type, kinds)
        run = _looking_up(table, key, writes)
    return BuiltStep(_filling(run, writes, overwrite=overwrite), reads, writes)


def _check_field(
    options: Options, field: str, types: Mapping[str, FieldType], *, overwrite: bool
) -> None:
    if field in READ_ONLY or field == "id":
        options.wrong("columns", f"only the machine writes {field!r}")
    elif field not in types:
        options.wrong("columns", f"no field named {field!r}{suggest(field, types)}")
    elif not overwrite and types[field].empty not in (None, ""):
        options.wrong(
            "columns",
            f"{field!r} is never missing, so nothing would be filled in: declare it "
            f"'{types[field].kind} | None', or set overwrite = true",
        )


def _looking_up(table: Table, key: str, writes: tuple[str, ...]) -> Run:
    def run(person: Any, context: Context) -> Mapping[str, Value]:
        value = getattr(person, key)
        row = table.get(folded(value)) if value is not None else None
        if row is None:
            return {}
        return {field: cell for field, cell in zip(writes, row, strict=True) if cell is not None}

    return run


def _filling(run: Run, writes: tuple[str, ...], *, overwrite: bool) -> Run:
    """The step, without changes to known values unless told to overwrite."""
    if overwrite:
        return run

    def fill(person: Any, context: Context) -> Mapping[str, Value]:
        changes = run(person, context)
        # isinstance() with an abstract class costs more than everything else here.
        if type(changes) is not dict and not isinstance(changes, Mapping):
            return changes  # the chain reports the fault
        return {
            name: value
            for name, value in changes.items()
            # Keep undeclared fields: the chain refuses them.
            if name not in writes or getattr(person, name) in (None, "")
        }

    return fill


# ------------------------------------------------------------------ table file
#
# A table for looking people up: read once, checked completely, indexed by its key.
#
# CSV keeps ``007`` as text and needs no extra. Parquet needs the extra ``[tables]``.


#: Cells in the order of the requested columns, by the case-folded key.
Table: TypeAlias = Mapping[Value, tuple[Value, ...]]
#: The place of a record, its key, and its cells.
_Record: TypeAlias = tuple[str, Any, tuple[Any, ...]]

_SHOWN = 5


def folded(key: Value) -> Value:
    """The common form of two spellings of a key: ``Acme.com`` and ``acme.com`` are the same.

    >>> folded(" Acme.com ")
    'acme.com'
    """
    return key.strip().casefold() if isinstance(key, str) else key


def allowed_path(folder: Path, table: str, others: Iterable[Path] = ()) -> Path:
    """The path of a table, if it is below the model's folder or one of the others: a model from
    another person must not read other files of this machine.

    Raises:
        FileProblem: the path is outside those folders.
    """
    path = folder / table
    try:
        if any(_is_below(path, place) for place in (folder, *others)):
            return path
    except (OSError, ValueError, RuntimeError) as error:
        raise FileProblem(f"{path}: it cannot be read: {error}") from error
    raise FileProblem(
        f"{path}: the step 'enrich' reads tables below the folder of the model only, and this one "
        f"is elsewhere: move it there, or allow its place with --allow-tables {_short(path.parent)}"
    )


def _is_below(path: Path, place: Path) -> bool:
    # Compare the text first: to access a path on another computer would mean to log in there.
    return _absolute(path).is_relative_to(_absolute(place)) and path.resolve().is_relative_to(
        place.resolve()
    )


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - without following links


def _short(path: Path) -> str:
    return os.path.normpath(path)


def read_table(
    path: Path, key: str, key_type: FieldType, columns: Mapping[str, FieldType]
) -> Table:
    """The table of a CSV or Parquet file, by the column ``key``. Rows without a key are skipped.

    Raises:
        FileProblem: the file is missing or cannot be read, a column is missing, a key occurs
            twice, or a value does not fit its field.
        MissingExtra: the file is Parquet, and polars is not installed.
    """
    if not path.is_file():
        raise FileProblem(f"{path}: there is no such file: the step 'enrich' looks people up in it")
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise FileProblem(f"{path}: a table is a .csv or a .parquet file")
    return _table(str(path), _records(path, (key, *columns)), key_type, columns)


def table_from_rows(rows: Rows, key_type: FieldType, columns: Mapping[str, FieldType]) -> Table:
    """The table from rows in memory.

    Raises:
        FileProblem: the rows are not a mapping by the key field, two keys differ only in case, or
            a value does not fit its field.
    """
    given: object = rows  # a list of rows is the most likely mistake
    if not isinstance(given, Mapping) or not all(
        isinstance(row, Mapping) for row in given.values()
    ):
        raise FileProblem(
            "the rows given: key them by the value that people are looked up with, as in "
            '{"acme.com": {"employees": 40}}'
        )
    records = (
        (f"row {key!r}", key, tuple(row.get(column) for column in columns))
        for key, row in rows.items()
    )
    return _table("the rows given", records, key_type, columns)


def _table(
    name: str,
    records: Iterable[_Record],
    key_type: FieldType,
    columns: Mapping[str, FieldType],
) -> Table:
    table: dict[Value, tuple[Value, ...]] = {}
    places: dict[Value, list[str]] = {}
    faults: list[str] = []
    for place, raw_key, cells in records:
        if raw_key is None or (isinstance(raw_key, str) and not raw_key.strip()):
            continue
        try:
            key = folded(key_type.accept(raw_key))
        except RecordError as error:
            faults.append(f"{place}: the key {error}")
            continue
        places.setdefault(key, []).append(place)
        accepted: list[Value] = []
        for (column, kind), cell in zip(columns.items(), cells, strict=True):
            try:
                accepted.append(_cell(kind, cell))
            except RecordError as error:
                faults.append(f"{place}, column {column!r}: {error}")
        table[key] = tuple(accepted)
    twice = [
        f"the key {key!r} stands {len(stands)} times, keep one: {_some(stands, ', ')}"
        for key, stands in places.items()
        if len(stands) > 1
    ]
    if twice or faults:
        raise FileProblem(f"{name}: {_some([*twice, *faults], '; ')}")
    return table


def _cell(kind: FieldType, cell: Any) -> Value:
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return None  # the table does not know the value either
    if isinstance(cell, OutOfRange):
        raise RecordError(f"{cell} is not one of the years 1 to 9999")
    return kind.accept(cell.strip() if isinstance(cell, str) else cell)


def _some(items: list[str], between: str) -> str:
    more = len(items) - _SHOWN
    return between.join(items[:_SHOWN]) + (f"{between}and {more} more" if more > 0 else "")


def _check_columns(path: Path, header: tuple[str, ...], names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in header]
    if missing:
        raise FileProblem(
            f"{path}: no column named {', '.join(map(repr, missing))}"
            f"{suggest(missing[0], header)}; it has {', '.join(map(repr, header)) or 'none'}"
        )
    for name in names:
        if header.count(name) > 1:
            raise FileProblem(f"{path}: it has the column {name!r} twice: rename one of them")


def _records(path: Path, names: tuple[str, ...]) -> Iterator[_Record]:
    with open_rows(path) as rows:
        _check_columns(path, rows.columns or (), names)
        if rows.parquet is not None:
            rows.parquet.select(names)
        place = "line" if rows.parquet is None else "row"
        for row in rows.all_rows():
            key, *cells = (row.values[name] for name in names)
            yield f"{place} {row.line}", key, tuple(cells)
