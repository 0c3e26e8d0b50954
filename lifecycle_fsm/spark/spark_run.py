"""A whole log through a model on Spark, and rows that come later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from os import PathLike

import attrs
import polars as pl
import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import instant
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Engine
from lifecycle_fsm.parts.file_run import settled
from lifecycle_fsm.parts.part_run import PartRun, table_columns
from lifecycle_fsm.parts.spool import Place
from lifecycle_fsm.spark.spark_log import (
    ACTIVITY,
    activity_of,
    as_json,
    engine_of,
    log_of,
    packed,
    part_column,
    with_roots,
)
from lifecycle_fsm.spark.spark_tables import (
    SUMMARY,
    TableColumns,
    Tables,
    arrow_batches,
    spark_schema,
    views,
)
from lifecycle_fsm.tables import TableWriter

_FIRST = "`part` int"
#: The columns that a worker needs.
_NEEDED = ["number", *ACTIVITY]
#: Decides between activities that are the same to the order of events, where no number does.
_TIES = "number person micros id kind payload".split()
_NOWHERE = Place(0, 0)
_COUNTS = "people merged applied left_out".split()
_START = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen
class _Settings:
    """What all parts of a run share, and the runs of late rows after it."""

    parts: int
    arrival: bool
    until: datetime | None
    end: datetime | None
    version: str


def run(
    people: DataFrame | None,
    activities: DataFrame | None,
    model: Model | Engine,
    *,
    mapping: str | PathLike[str] | None = None,
    arrival: str | None = None,
    until: datetime | str | None = None,
    parts: int = 64,
    path: str | None = None,
    batch: str = "first",
) -> Tables:
    """Run a log through a model; the tables are those of ``lifecycle-fsm run``.

    Args:
        people: a row for each person, with the columns ``id``, ``created_at`` and fields.
        activities: a row for each activity, with the columns ``person``, ``kind`` and ``at``, and
            those that it brings, or a column ``payload`` with JSON. Without an ``id``, one is made
            from the content, so the same row twice is one activity.
        model: the lifecycle; an :class:`~lifecycle_fsm.Engine` has steps and tables of its own.
        mapping: a file that says how the columns are read; the frames are its tables ``people`` and
            ``activities``.
        arrival: the column that numbers the rows of both frames in the order in which they came.
            With it, activities are applied in that order, otherwise by event [S19].
        until: what happened later is left out, and time passes up to then; by default it passes
            until the last new person is sorted.
        parts: how many parts there are; a worker has the people of one at a time in memory.
        path: a folder for the log and the tables, which replace what is there.
        batch: the name of these rows in the log there, for :func:`add`.

    Raises:
        FileProblem: the columns do not fit the model and the mapping.
        RecordError: no frame is given, or there is no column ``arrival``.
    """
    sent, model = packed(model), _model(model)
    log = log_of(people, activities, model, mapping, arrival)
    if path is None:
        log = log.persist()
    else:
        _write(log.withColumn("batch", F.lit(batch)), f"{path}/log", "batch")
        log = _log_at(path, log)
    until = None if until is None else instant(until)
    settings = _Settings(
        parts, arrival is not None, until, until or _end(log, model), model.version
    )
    frame = _applied(log, sent, model, settings, range(parts))
    if path is None:
        return views(frame.persist(), log)
    _write(frame, f"{path}/tables", "part")
    return views(_frame_at(log.sparkSession, path, model), log)


def add(
    people: DataFrame | None,
    activities: DataFrame | None,
    model: Model | Engine,
    *,
    path: str,
    batch: str,
    mapping: str | PathLike[str] | None = None,
    arrival: str | None = None,
) -> Tables:
    """Add late rows to the log of a :func:`run`, and run again the parts that they change.

    These are the parts of the people in the rows; all parts, if the rows move the end of the log.
    Frames of earlier calls are out of date.

    Args:
        people: new people, as for :func:`run`.
        activities: new activities, likewise.
        model: the model of the run.
        path: the folder of the run.
        batch: the name of these rows. They replace the rows that were added under this name
            before, so adding them again changes nothing.
        mapping: as for :func:`run`.
        arrival: likewise.

    Raises:
        FileProblem: the columns do not fit the model and the mapping.
        LifecycleError: there is no run in the folder; its model or order was another; or this Spark
            cannot replace single partitions.
        RecordError: no frame is given, or there is no column ``arrival``.
    """
    sent, model = packed(model), _model(model)
    new = log_of(people, activities, model, mapping, arrival).persist()
    spark = new.sparkSession
    before = _settings_at(spark, path, model)
    if (before.version, before.arrival) != (model.version, arrival is not None):
        raise LifecycleError(
            f"the run in {path} was by version {before.version!r} of the model, "
            f"{'in an' if before.arrival else 'without'} order of arrival: run the entire log"
        )
    if not _replaces_partitions(spark, path):
        raise LifecycleError("this Spark cannot replace single partitions: run the entire log")
    old = _log_at(path, new)
    log = old.where(F.col("batch") != batch).drop("batch").unionByName(new)
    settings = attrs.evolve(before, end=before.until or _end(log, model))
    changed: Iterable[int] = range(before.parts)
    if settings.end == before.end:
        mine = old.where(F.col("batch") == batch).select("person").union(new.select("person"))
        mine = mine.distinct()
        roots = mine.select(F.col("person").alias("root"))
        for rows in (old, log):  # where these people were, and where they are now
            all_roots = with_roots(rows.select("person", "other"))
            roots = roots.union(all_roots.join(mine, "person", "left_semi").select("root"))
        touched = roots.where("root IS NOT NULL").select(part_column(before.parts).alias("part"))
        changed = sorted(row["part"] for row in touched.distinct().collect())
    _write(_applied(log, sent, model, settings, changed), f"{path}/tables", "part", some=True)
    # Only now, so that these rows are late again if this has to be done again.
    _write(new.withColumn("batch", F.lit(batch)), f"{path}/log", "batch", some=True)
    new.unpersist()
    return views(_frame_at(spark, path, model), _log_at(path, new))


def columns_of(model: Model) -> TableColumns:
    """The columns of all tables of a run."""
    return {**table_columns(model), "summary": SUMMARY}


def _model(model: Model | Engine) -> Model:
    return model.model if isinstance(model, Engine) else model


def _end(log: DataFrame, model: Model) -> datetime | None:
    """Up to when time passes in a log."""
    micros = log.agg(F.max(F.unix_micros("at"))).collect()[0][0]
    if micros is None:
        return None
    return settled(_START + timedelta(microseconds=micros), model)


def _applied(
    log: DataFrame, sent: bytes, model: Model, settings: _Settings, parts: Iterable[int]
) -> DataFrame:
    """The tables of some parts of a log."""
    chosen = list(parts)
    rooted = with_roots(log.where("reason IS NULL").withColumn("micros", F.unix_micros("at")))
    placed = rooted.select(part_column(settings.parts).alias("part"), *_NEEDED)
    if len(chosen) < settings.parts:
        placed = placed.where(F.col("part").isin(chosen))
    # A row without activity for each part, because a part that has become empty is replaced too.
    marks = log.sparkSession.createDataFrame([(part,) for part in chosen], "part int")
    placed = placed.unionByName(marks, allowMissingColumns=True)
    placed = placed.repartition(max(len(chosen), 1), "part")
    columns, shared = columns_of(model), as_json(attrs.asdict(settings))

    def apply(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for part, rows in _by_part(batches):
            run = PartRun(engine_of(sent))
            result = run.run(
                ((activity_of(*row), _NOWHERE) for row in rows.select(ACTIVITY).iter_rows()),
                order="arrival" if settings.arrival else "event",
                end=settings.end,
                until=settings.until,
            )
            row = {name: getattr(result, name) for name in _COUNTS} | {"settings": shared}
            summary = TableWriter(SUMMARY, [row]).take()
            tables = chain(run.tables(), [("summary", summary)])
            yield from arrow_batches(part, tables, columns)

    return placed.mapInArrow(apply, spark_schema(_FIRST, columns))


def _by_part(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, pl.DataFrame]]:
    """The activities of each part. Not every server keeps rows sorted for a worker, so they are
    collected; compared with people they are small."""
    frames = [pl.DataFrame(pl.from_arrow(batch)) for batch in batches]
    for rows in pl.concat(frames).partition_by("part") if frames else ():
        yield int(rows["part"][0]), rows.drop_nulls("id").sort(_TIES, nulls_last=True)


# -- the folder of a run -----------------------------------------------------------------------


def _write(frame: DataFrame, path: str, by: str, *, some: bool = False) -> None:
    """Write a frame as Parquet, one folder for each value of a column; ``some`` keeps the folders
    of other values."""
    mode = "dynamic" if some else "static"
    writer = frame.write.partitionBy(by).mode("overwrite").option("partitionOverwriteMode", mode)
    writer.parquet(path)


def _log_at(path: str, like: DataFrame) -> DataFrame:
    types = [f"`{name}` {kind}" for name, kind in like.dtypes]
    schema = ", ".join([*types, "`batch` string"])
    return like.sparkSession.read.schema(schema).parquet(f"{path}/log")


def _frame_at(spark: SparkSession, path: str, model: Model) -> DataFrame:
    schema = spark_schema(_FIRST, columns_of(model))
    return spark.read.schema(schema).parquet(f"{path}/tables")


def _settings_at(spark: SparkSession, path: str, model: Model) -> _Settings:
    try:
        rows = _frame_at(spark, path, model).where("`table` = 'summary'").limit(1).collect()
        known = json.loads(rows[0]["summary"]["settings"])
    except (PySparkException, IndexError) as error:
        raise LifecycleError(f"there is no run in {path}") from error
    times = {name: known[name] and instant(known[name]) for name in ("until", "end")}
    return _Settings(**known | times)


def _replaces_partitions(spark: SparkSession, path: str) -> bool:
    """Whether this Spark replaces single partitions; Sail replaces all, and says nothing."""
    for part in (1, 2):
        frame = spark.createDataFrame([(part, part)], "value int, part int")
        _write(frame, f"{path}/probe", "part", some=part == 2)
    return bool(spark.read.schema("value int, part int").parquet(f"{path}/probe").count() == 2)
