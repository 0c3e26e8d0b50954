"""Rows of Spark frames to activities, read as those of files are; and the root of each person."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, reduce
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import polars as pl
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lifecycle_fsm.activities import Activity, other_record
from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import iso_text
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Engine
from lifecycle_fsm.spark.spark_tables import ARROW
from lifecycle_fsm.tables import (
    FileRow,
    InputMapping,
    Intake,
    Reject,
    RowFile,
    Targets,
    load_mapping,
)

_log = logging.getLogger(__name__)

#: The columns of a log: an activity or, where there is a reason, a rejected row.
_LOG = "number id person kind at sequence payload other file column reason raw".split()
_TYPES = dict.fromkeys([*_LOG, "root"], "string") | {
    "number": "bigint",
    "at": "timestamp",
    "sequence": "bigint",
    "processed": "boolean",
}
#: The columns of an activity, in the order of its parts.
ACTIVITY = "id person kind micros sequence payload".split()
#: Fewer roots than this are sent to every worker; for more, Spark chooses the join.
_MANY = 1_000_000
_START, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)

#: Times become texts, which every payload may contain.
as_json = json.JSONEncoder(default=iso_text, separators=(",", ":")).encode
#: Many activities bring the same.
_payload = lru_cache(maxsize=10_000)(json.loads)


def packed(model: Model | Engine) -> bytes:
    """A model with its own steps and tables, to be sent to workers."""
    if isinstance(model, Engine):
        return bytes(cloudpickle.dumps((model.model, model.steps, model.tables)))
    return bytes(cloudpickle.dumps((model, (), {})))


@lru_cache(maxsize=4)
def engine_of(packed: bytes) -> Engine:
    """The compiled model, once in each worker."""
    model, steps, tables = cloudpickle.loads(packed)
    return Engine(model, steps=steps, tables=tables)


def log_of(
    people: DataFrame | None,
    activities: DataFrame | None,
    model: Model,
    mapping: str | PathLike[str] | None,
    number: str | None,
    keep: Sequence[str] = (),
) -> DataFrame:
    """The activities and rejected rows of two frames, as one frame.

    Args:
        people: a row for each person.
        activities: a row for each activity.
        model: what rows may contain.
        mapping: a file that says how columns are read.
        number: the column with the place of each row in the order of arrival.
        keep: columns that the log has as well.

    Raises:
        FileProblem: the columns do not fit the mapping and the model.
        RecordError: there is no frame, or one has no column of the given names.
    """
    read = None if mapping is None else load_mapping(Path(mapping))
    logs = [
        _bound(role, frame, Targets.of(model), read, number, keep)
        for role, frame in (("people", people), ("activities", activities))
        if frame is not None
    ]
    if not logs:
        raise RecordError("give a frame of people, or one of activities")
    return reduce(DataFrame.unionByName, logs)


def _bound(
    role: str,
    frame: DataFrame,
    targets: Targets,
    mapping: InputMapping | None,
    number: str | None,
    keep: Sequence[str],
) -> DataFrame:
    beside = {name: name for name in keep} | ({"number": number} if number else {})
    for name in beside.values():
        if name not in frame.columns:
            raise RecordError(f"the frame of {role} has no column {name!r}")
    if number:
        frame = frame.withColumn(number, F.col(number).cast("bigint"))
    types = {name: _TYPES[name] for name in (*_LOG, *keep)}
    schema = pa.schema([(name, ARROW[kind]) for name, kind in types.items()])

    def intake(
        columns: Iterable[str], rows: Iterator[FileRow], reject: Callable[[Reject], None]
    ) -> Intake:
        file = RowFile(role, tuple(columns), rows, lambda: None, lambda: None)
        return Intake([(role, file)], targets, mapping, reject)

    def bind(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        now: dict[str, Any] = {}  # what the row that is read has beside its activity

        def rows(frame: pl.DataFrame) -> Iterator[FileRow]:
            nonlocal now
            for values in frame.iter_rows(named=True):
                now = {new: values[name] for new, name in beside.items()}
                yield FileRow(0, values)  # a row of Spark has no line

        for batch in batches:
            frame = pl.DataFrame(pl.from_arrow(batch))
            frame = frame.with_columns(pl.selectors.float().fill_nan(None))
            read: list[dict[str, Any]] = []
            # A rejected row is added with what is beside the row at that moment.
            reject = lambda row, read=read: read.append(now | attrs.asdict(row))  # noqa: E731
            for activity in intake(frame.columns, rows(frame), reject):
                read.append({  # noqa: PERF401 - the list also takes rejected rows
                    **now,
                    "id": activity.id,
                    "person": activity.person,
                    "kind": activity.kind,
                    "at": (activity.at - _START) // _MICROSECOND,
                    "sequence": activity.sequence,
                    "payload": as_json(dict(activity.payload)),
                    "other": other_record(activity),
                })  # fmt: skip
            yield pa.RecordBatch.from_pylist(read, schema)

    named = (name for name in frame.columns if name not in beside.values())
    for note in intake(named, iter(()), lambda _: None).reports[0].notes:
        _log.warning("%s: %s", role, note)
    return frame.mapInArrow(bind, ", ".join(f"`{name}` {kind}" for name, kind in types.items()))


def activity_of(
    id: str, person: str, kind: str, micros: int, sequence: int | None, payload: str
) -> Activity:
    """An activity from the columns of a log, with its time in microseconds since 1970."""
    at = _START + timedelta(microseconds=micros)
    return Activity.checked_before(id, person, kind, at, _payload(payload), sequence)


def with_roots(log: DataFrame) -> DataFrame:
    """A log with the column ``root``, the smallest id of all records of the same person [S23]."""
    edges = log.where("other IS NOT NULL").select(F.col("person").alias("record"), "other")
    roots = roots_of(edges)
    if roots is None:
        return log.withColumn("root", F.col("person"))
    roots = roots.withColumnRenamed("record", "person")
    small = F.broadcast(roots) if roots.count() < _MANY else roots
    return log.join(small, "person", "left").withColumn("root", F.coalesce("root", "person"))


def roots_of(edges: DataFrame) -> DataFrame | None:
    """The root of each record in edges, from ``record`` to ``other``; ``None`` without edges.

    In each round a record takes the smallest root that a neighbour has, and then the root of that
    one, so that long chains need few rounds.
    """
    both = edges.union(edges.select("other", "record")).distinct().localCheckpoint()
    if both.isEmpty():
        return None
    roots = both.groupBy("record").agg(F.least("record", F.min("other")).alias("root"))
    while True:
        named = roots.select(F.col("record").alias("other"), F.col("root").alias("near"))
        near = both.join(named, "other").select("record", "near").union(roots)
        lower = near.groupBy("record").agg(F.min("near").alias("root"))
        jump = lower.select(F.col("record").alias("root"), F.col("root").alias("lowest"))
        # Without the columns of earlier rounds: what Spark knows of them grows without bound.
        lowest = lower.join(jump, "root").select("record", "lowest").localCheckpoint()
        if roots.join(lowest, "record").where("root <> lowest").isEmpty():
            return roots
        roots = lowest.withColumnRenamed("lowest", "root")


def part_column(parts: int) -> Column:
    """The part of a row by its root, the same number as
    :func:`~lifecycle_fsm.components.part_of`."""
    return (F.crc32(F.encode("root", "UTF-8")) % parts).cast("int")
