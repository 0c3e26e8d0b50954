"""The tables of a run as columns of one Spark frame, because one pass over the log makes them all.

Each row belongs to one table, which ``table`` names. Its values are in the column of that name, a
structure; the columns of the other tables are empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lifecycle_fsm.model import Model
from lifecycle_fsm.parts.part_run import table_columns
from lifecycle_fsm.tables import Column

TableColumns: TypeAlias = Mapping[str, Sequence[Column[Any]]]

_SPARK = {
    "bool": "boolean",
    "int": "bigint",
    "float": "double",
    "str": "string",
    "datetime": "timestamp",
    "texts": "array<string>",
}
_ARROW = {
    "bool": pa.bool_(),
    "int": pa.int64(),
    "float": pa.float64(),
    "str": pa.string(),
    "datetime": pa.timestamp("us", "UTC"),
    "texts": pa.list_(pa.string()),
}
#: Rows that are handed to Spark at once.
_BATCH = 20_000

#: The columns of the table that has one row for each part: what was counted, and the settings that
#: all parts of a run share.
SUMMARY: Sequence[Column[Any]] = tuple(
    Column(name, type, itemgetter(name))
    for type, names in (
        ("int", "people merged applied left_out parts"),
        ("bool", "arrival"),
        ("datetime", "until end"),
        ("str", "version"),
    )
    for name in names.split()
)


class Tables(NamedTuple):
    """The tables of a run as Spark frames, each with the column ``part``.

    Their columns are those of the files of ``lifecycle-fsm run``. ``summary`` has one row for each
    part, and ``rejects`` has the rows that could not be used.
    """

    history: DataFrame
    decisions: DataFrame
    requests: DataFrame
    people: DataFrame
    deadlines: DataFrame
    summary: DataFrame
    rejects: DataFrame


def columns_of(model: Model) -> dict[str, Sequence[Column[Any]]]:
    """The columns of all tables in the frame."""
    return {**table_columns(model), "summary": SUMMARY}


def spark_schema(first: str, tables: TableColumns) -> str:
    """The type of the frame, in Spark's language.

    Args:
        first: the columns before those of the tables.
        tables: the columns of each table.
    """
    structs = (
        f"`{name}` struct<"
        + ", ".join(f"`{column.name}`: {_SPARK[column.type]}" for column in columns)
        + ">"
        for name, columns in tables.items()
    )
    return ", ".join([first, "`table` string", *structs])


def arrow_batches(part: int, tables: Mapping[str, Any], columns: TableColumns) -> Iterator[Any]:
    """The tables of one part as Arrow batches of the frame.

    Args:
        part: the number of the part.
        tables: polars frames by name.
        columns: the columns of each table.
    """
    schemas = {
        name: pa.schema([(column.name, _ARROW[column.type]) for column in of_table])
        for name, of_table in columns.items()
    }
    for name, frame in tables.items():
        for batch in frame.to_arrow().cast(schemas[name]).to_batches(_BATCH):
            size = batch.num_rows
            arrays = [pa.array([part] * size, pa.int32()), pa.array([name] * size, pa.string())]
            for other, schema in schemas.items():
                if other == name:
                    struct = pa.StructArray.from_arrays(batch.columns, fields=list(schema))
                else:
                    struct = pa.nulls(size, pa.struct(list(schema)))
                arrays.append(struct)
            yield pa.RecordBatch.from_arrays(arrays, names=["part", "table", *schemas])


def views(frame: DataFrame, log: DataFrame) -> Tables:
    """The tables in the frame, and the rejected rows in the log."""
    tables = {
        name: frame.where(F.col("table") == name).select("part", f"{name}.*")
        for name in Tables._fields
        if name != "rejects"
    }
    rejects = log.where("reason IS NOT NULL").select("file", "column", "reason", "raw")
    return Tables(**tables, rejects=rejects)
