"""The tables of a run as columns of one Spark frame, because one pass over the log makes them all.

Each row belongs to one table, which ``table`` names. Its values are in the column of that name, a
structure; the columns of the other tables are empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lifecycle_fsm.tables import Column

TableColumns: TypeAlias = Mapping[str, Sequence[Column[Any]]]

#: The types of Arrow, by their names in Spark.
ARROW = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "timestamp": pa.timestamp("us", "UTC"),
    "array<string>": pa.list_(pa.string()),
}
_SPARK: Mapping[str, str] = {
    "bool": "boolean",
    "int": "bigint",
    "float": "double",
    "str": "string",
    "datetime": "timestamp",
    "texts": "array<string>",
}
#: Rows that are handed to Spark at once.
_BATCH = 20_000
#: The table with one row for each part: what was counted, and the settings of the run as JSON.
SUMMARY: Sequence[Column[Any]] = (
    *(Column(name, "int", itemgetter(name)) for name in "people merged applied left_out".split()),
    Column("settings", "str", itemgetter("settings")),
)


class Tables(NamedTuple):
    """The tables of a run as Spark frames, with the columns of the files of ``lifecycle-fsm run``,
    and ``part``.

    ``owners`` has who has which e-mail address, to find duplicates; ``summary`` a row for each
    part; ``rejects`` the rows that could not be used.
    """

    history: DataFrame
    decisions: DataFrame
    requests: DataFrame
    people: DataFrame
    deadlines: DataFrame
    opportunities: DataFrame
    owners: DataFrame
    summary: DataFrame
    rejects: DataFrame


def spark_schema(first: str, tables: TableColumns) -> str:
    """The type of the frame, in Spark's language; ``first`` are the columns before the tables."""
    structs = (
        f"`{name}` struct<{', '.join(f'`{each.name}`: {_SPARK[each.type]}' for each in columns)}>"
        for name, columns in tables.items()
    )
    return ", ".join([first, "`table` string", *structs])


def arrow_batches(
    part: int, tables: Iterable[tuple[str, Any]], columns: TableColumns
) -> Iterator[pa.RecordBatch]:
    """The tables of one part, polars frames by name, as Arrow batches of the frame."""
    structs = {
        name: pa.struct([(each.name, ARROW[_SPARK[each.type]]) for each in of_table])
        for name, of_table in columns.items()
    }
    for table, frame in tables:
        for batch in frame.to_arrow().cast(pa.schema(structs[table])).to_batches(_BATCH):
            size = batch.num_rows
            fields = [
                pa.StructArray.from_arrays(batch.columns, fields=list(struct))
                if name == table
                else pa.nulls(size, struct)
                for name, struct in structs.items()
            ]
            first = [pa.array([part] * size, pa.int32()), pa.array([table] * size, pa.string())]
            yield pa.RecordBatch.from_arrays([*first, *fields], names=["part", "table", *structs])


def views(frame: DataFrame, log: DataFrame) -> Tables:
    """The tables in the frame, and the rejected rows in the log."""
    tables = {
        name: frame.where(F.col("table") == name).select("part", f"{name}.*")
        for name in Tables._fields[:-1]
    }
    rejects = log.where("reason IS NOT NULL").select("file", "column", "reason", "raw")
    return Tables(**tables, rejects=rejects)
