"""Rows of Spark frames to activities, read as those of files are; and the root of each person."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache, reduce
from typing import Any

import attrs
import polars as pl
import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lifecycle_fsm.activities import Activity, other_record
from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Engine
from lifecycle_fsm.parts.spool import as_json
from lifecycle_fsm.tables import FileRow, InputMapping, Intake, Reject, RowFile, Targets

_log = logging.getLogger(__name__)

#: An activity or, where it has a reason, a rejected row.
_LOG = {
    "number": ("bigint", pa.int64()),
    "id": ("string", pa.string()),
    "person": ("string", pa.string()),
    "kind": ("string", pa.string()),
    "at": ("timestamp", pa.timestamp("us", "UTC")),
    "sequence": ("bigint", pa.int64()),
    "payload": ("string", pa.string()),
    "other": ("string", pa.string()),
    "file": ("string", pa.string()),
    "column": ("string", pa.string()),
    "reason": ("string", pa.string()),
    "raw": ("string", pa.string()),
}
_KEPT = {"root": ("string", pa.string()), "processed": ("boolean", pa.bool_())}
#: More roots than this are joined by Spark's choice of join, fewer are sent to every worker.
_MANY = 1_000_000
_START, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def packed(model: Model | Engine) -> bytes:
    """A model with its own steps and tables, to be sent to workers."""
    engine = model if isinstance(model, Engine) else None
    parts = (model, (), {}) if engine is None else (engine.model, engine.steps, engine.tables)
    packed: bytes = cloudpickle.dumps(parts)
    return packed


@lru_cache(maxsize=4)
def engine_of(packed: bytes) -> Engine:
    """The compiled model, once in each worker."""
    model, steps, tables = cloudpickle.loads(packed)
    return Engine(model, steps=steps, tables=tables)


def log_of(
    people: DataFrame | None,
    activities: DataFrame | None,
    model: Model,
    mapping: InputMapping | None,
    *,
    number: str | None = None,
    keep: Sequence[str] = (),
) -> DataFrame:
    """The activities and rejected rows of two frames, as one frame.

    Args:
        people: a row for each person.
        activities: a row for each activity.
        model: what rows may contain.
        mapping: how columns are read.
        number: the column with the place of each row in the order of arrival.
        keep: columns of :data:`_KEPT` that the log has as well.

    Raises:
        FileProblem: the columns do not fit the mapping and the model.
        RecordError: there is no frame, or one has no column of the given names.
    """
    given = {"people": people, "activities": activities}
    logs = [
        _bound(role, frame, Targets.of(model), mapping, number, keep)
        for role, frame in given.items()
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
    beside = [name for name in (number, *keep) if name is not None]
    lacking = [name for name in beside if name not in frame.columns]
    if lacking:
        raise RecordError(f"the frame of {role} has no column {lacking[0]!r}")
    own = {"id", "created_at", "person", "kind", "at", "sequence", *targets.fields}
    columns = tuple(name for name in frame.columns if name not in beside or name in own)
    (report,) = Intake([(role, _row_file(role, columns, ()))], targets, mapping).reports
    for note in report.notes:
        _log.warning("%s: %s", role, note)
    types = {name: _LOG[name] if name in _LOG else _KEPT[name] for name in (*_LOG, *keep)}
    schema = pa.schema([(name, arrow) for name, (_, arrow) in types.items()])

    def bind(batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            rows = _Rows(pl.from_arrow(batch), columns, number, keep)
            activities = Intake(
                [(role, _row_file(role, columns, rows))], targets, mapping, rows.reject
            )
            for activity in activities:
                rows.add(activity)
            yield pa.RecordBatch.from_pylist(rows.read, schema)

    ddl = ", ".join(f"`{name}` {spark}" for name, (spark, _) in types.items())
    return frame.mapInArrow(bind, ddl)


def _row_file(role: str, columns: tuple[str, ...], rows: Iterable[FileRow]) -> RowFile:
    return RowFile(role, columns, iter(rows), lambda: None, lambda: None)


class _Rows:
    """The rows of one batch, and what has come of them."""

    def __init__(
        self, frame: Any, columns: Sequence[str], number: str | None, keep: Sequence[str]
    ) -> None:
        frame = frame.with_columns(pl.selectors.float().fill_nan(None))
        self._frame = frame.select(columns)
        beside = {name: frame[name] for name in keep}
        if number is not None:
            beside["number"] = frame[number].cast(pl.Int64)
        self._beside = pl.DataFrame(beside).rows(named=True) if beside else [{}] * frame.height
        self._now: dict[str, Any] = {}
        self.read: list[dict[str, Any]] = []

    def __iter__(self) -> Iterator[FileRow]:
        for self._now, values in zip(
            self._beside, self._frame.iter_rows(named=True), strict=True
        ):
            yield FileRow(0, values)  # a row of Spark has no place

    def reject(self, reject: Reject) -> None:
        row = {name: getattr(reject, name) for name in ("file", "column", "reason", "raw")}
        self.read.append({**self._now, **row})

    def add(self, activity: Activity) -> None:
        self.read.append({
            **self._now,
            "id": activity.id,
            "person": activity.person,
            "kind": activity.kind,
            "at": (activity.at - _START) // _MICROSECOND,
            "sequence": activity.sequence,
            "payload": as_json(dict(activity.payload)),
            "other": other_record(activity),
        })  # fmt: skip


def with_roots(log: DataFrame) -> DataFrame:
    """A log with the column ``root``, the smallest id of all records of the same person [S23]."""
    edges = log.where("other IS NOT NULL")
    roots = roots_of(edges.select(F.col("person").alias("record"), "other"))
    if roots is None:
        return log.withColumn("root", F.col("person"))
    roots = roots.withColumnRenamed("record", "person")
    small = F.broadcast(roots) if roots.count() < _MANY else roots
    return log.join(small, "person", "left").withColumn("root", F.coalesce("root", "person"))


def roots_of(edges: DataFrame) -> DataFrame | None:
    """The root of each record that belongs to others; ``None`` if there is none.

    In each round a record takes the smallest root that a neighbour has, and then the root of that
    one, so that long chains need few rounds.

    Args:
        edges: the columns ``record`` and ``other``.
    """
    both = edges.union(edges.select("other", "record")).distinct().localCheckpoint()
    if both.isEmpty():
        return None
    roots = both.groupBy("record").agg(F.min("other").alias("root"))
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


def part_column(parts: int) -> Any:
    """The part of a row by its root: the same as :func:`~lifecycle_fsm.parts.components.part_of`."""
    return (F.crc32(F.encode("root", "UTF-8")) % parts).cast("int")
