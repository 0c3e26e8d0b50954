"""Step 020: what others know of the company or the person, from a table or a service [S13].

Enrichment is welcome and never needed: by default the step is skipped where it fails, with the
error recorded, and it fills only what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifecycle_fsm.errors import suggest
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.processing import table_file
from lifecycle_fsm.processing.builtin import Made, Surroundings
from lifecycle_fsm.processing.options import Options
from lifecycle_fsm.processing.step import Context, Run


def make(options: Options, around: Surroundings) -> Made:
    """The step ``enrich``.

    Options: ``table``, a CSV or Parquet file below the model's folder, its path relative to that;
    ``key``, the field to look up, by default ``domain``, compared without regard to case;
    ``columns``, from column to field, or a list where both have one name; ``key_column``, the
    column of the key, by default called like the field; ``overwrite``, whether a known value gives
    way to the table's. A cell that is empty changes nothing.

    The host may bring rows in place of the file, or a function in place of any table. A step that
    has none of the three keeps its place in the chain and does nothing: a shipped model cannot
    know where a company's data are.

    Raises:
        FileProblem: the table is missing or elsewhere, has a key twice or a value that the field
            does not take.
    """
    path = options.text("table")
    key = options.text("key", "domain")
    key_column = options.text("key_column", key)
    columns = options.names("columns", listed=True)
    overwrite = options.flag("overwrite", default=False)
    key_type = FieldType("str") if key == "id" else around.types.get(key)
    if key_type is None:
        options.wrong("key", f"no field named {key!r}{suggest(key, around.types)}")
    if not columns:
        options.wrong("columns", 'name what to take from the table: { column = "field" }')
    if len(set(columns.values())) < len(columns):
        options.wrong("columns", "two columns fill one field: leave one out")
    for field in columns.values():
        _check_field(options, field, around.types, overwrite=overwrite)
    options.close()
    assert key_type is not None

    writes = tuple(columns.values())
    reads = (key,) if overwrite else tuple(dict.fromkeys((key, *writes)))
    run = around.run
    if run is None and (path or around.rows is not None):
        kinds = {column: around.types[field] for column, field in columns.items()}
        table = (
            table_file.from_rows(around.rows, key_type, kinds)
            if around.rows is not None
            else table_file.read(
                table_file.allowed(around.folder, path, around.tables_from),
                key_column,
                key_type,
                kinds,
            )
        )
        run = _looking_up(table, key, writes)
    if run is None:
        return Made(_nothing, reads, writes)
    return Made(_filling(run, writes, overwrite=overwrite), reads, writes)


def _nothing(person: Any, context: Context) -> Mapping[str, Value]:
    return {}


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


def _looking_up(table: table_file.Table, key: str, writes: tuple[str, ...]) -> Run:
    def run(person: Any, context: Context) -> Mapping[str, Value]:
        value = getattr(person, key)
        row = table.get(table_file.folded(value)) if value is not None else None
        if row is None:
            return {}
        return {field: cell for field, cell in zip(writes, row, strict=True) if cell is not None}

    return run


def _filling(run: Run, writes: tuple[str, ...], *, overwrite: bool) -> Run:
    """The same step, which leaves alone what is known already, unless told to overwrite."""
    if overwrite:
        return run

    def fill(person: Any, context: Context) -> Mapping[str, Value]:
        found = run(person, context)
        if not isinstance(found, Mapping):
            return found  # the chain says what is wrong with it
        return {
            name: value
            for name, value in found.items()
            # What is not declared goes on to the chain, which refuses it.
            if name not in writes or getattr(person, name) in (None, "")
        }

    return fill
