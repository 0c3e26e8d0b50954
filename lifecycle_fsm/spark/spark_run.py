"""A whole log through a model on Spark, and rows that come later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
import polars as pl
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from lifecycle_fsm.errors import LifecycleError, RecordError
from lifecycle_fsm.fields import instant
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Engine
from lifecycle_fsm.parts.file_run import settled
from lifecycle_fsm.parts.part_run import PartRun
from lifecycle_fsm.parts.spool import activities_of
from lifecycle_fsm.spark.spark_log import engine_of, log_of, packed, part_column, with_roots
from lifecycle_fsm.spark.spark_tables import (
    SUMMARY,
    Tables,
    arrow_batches,
    columns_of,
    spark_schema,
    views,
)
from lifecycle_fsm.tables import InputMapping, TableWriter

_FIRST = "`part` int"
#: The columns that a worker needs.
_NEEDED = "number id person kind at sequence payload part".split()
#: Decides between activities that are the same to the order of events, where no number does.
_TIES = "number person at id kind payload".split()


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
    mapping: InputMapping | None = None,
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
        mapping: how the columns are read; the frames are its tables ``people`` and ``activities``.
        arrival: the column that numbers the rows of both frames in the order in which they came.
            With it, activities are applied in that order, otherwise by event [S19].
        until: what happened later is left out, and time passes up to then; by default it passes
            until the last new person is sorted.
        parts: how many parts there are; a worker holds one at a time in memory.
        path: a folder to which the log and the tables are written. What is there is replaced.
        batch: the name of these rows in the log there, for :func:`add`.

    Raises:
        FileProblem: the columns do not fit the model and the mapping.
        RecordError: no frame is given, or there is no column ``arrival``.
    """
    model, sent = _model(model), packed(model)
    log = log_of(people, activities, model, mapping, number=arrival)
    if path is None:
        log = log.persist()
    else:
        _written(log.withColumn("batch", F.lit(batch)), f"{path}/log", "batch")
        log = _log_at(log.sparkSession, path, log)
    until = None if until is None else instant(until)
    end = until or _end(log, model)
    settings = _Settings(parts, arrival is not None, until, end, model.version)
    frame = _applied(log, sent, model, settings, range(parts))
    if path is None:
        return views(frame.persist(), log)
    _written(frame, f"{path}/tables", "part")
    return _tables_at(log.sparkSession, path, model, log)


def add(
    people: DataFrame | None,
    activities: DataFrame | None,
    model: Model | Engine,
    *,
    path: str,
    batch: str,
    mapping: InputMapping | None = None,
    arrival: str | None = None,
) -> Tables:
    """Add late rows to the log of an earlier :func:`run`, and run again the parts that they change.

    These are the parts of the people in the rows, and all parts if the rows move the end of the
    log. The same rows added again change nothing. Needs a Spark that replaces single partitions.

    Args:
        people: new rows, as for :func:`run`; likewise ``activities``, ``mapping`` and ``arrival``.
        activities: see above.
        model: the model of the earlier run.
        path: the folder of the earlier run.
        batch: the name of these rows; rows that were added under this name before are replaced.
        mapping: see above.
        arrival: see above.

    Raises:
        FileProblem: the columns do not fit the model and the mapping.
        LifecycleError: there is no run in the folder; another version of the model, or another
            order, made it; or this Spark cannot replace single partitions.
        RecordError: no frame is given, or there is no column ``arrival``.
    """
    model, sent = _model(model), packed(model)
    new = log_of(people, activities, model, mapping, number=arrival).persist()
    spark = new.sparkSession
    if ".connect." in type(spark).__module__ and not _replaces_partitions(spark, path):
        raise LifecycleError("this Spark cannot replace single partitions: run the entire log")
    before = _settings_at(spark, path, model)
    if (before.version, before.arrival) != (model.version, arrival is not None):
        raise LifecycleError(
            f"the run in {path} has version {before.version!r} of the model and "
            f"{'an' if before.arrival else 'no'} order of arrival, and these rows have "
            f"{model.version!r} and {'no' if arrival is None else 'one'}: run the entire log"
        )
    old = _log_at(spark, path, new)
    log = old.where(F.col("batch") != batch).drop("batch").unionByName(new)
    settings = attrs.evolve(before, end=before.until or _end(log, model))
    changed: Iterable[int] = range(before.parts)
    if settings.end == before.end:
        persons = old.where(F.col("batch") == batch).select("person")
        persons = persons.union(new.select("person")).distinct()
        places = [
            with_roots(rows.select("person", "other")).join(persons, "person", "left_semi")
            for rows in (old, log)
        ]
        places.append(persons.withColumn("root", F.col("person")))
        chosen = places[0].select("root").union(places[1].select("root"))
        chosen = chosen.where("root IS NOT NULL").select(part_column(before.parts).alias("part"))
        changed = sorted(row["part"] for row in chosen.distinct().collect())
    _written(_applied(log, sent, model, settings, changed), f"{path}/tables", "part", some=True)
    # Only now, so that rows whose run failed are late again when they are added again.
    _written(new.withColumn("batch", F.lit(batch)), f"{path}/log", "batch", some=True)
    new.unpersist()
    return _tables_at(spark, path, model, _log_at(spark, path, new))


def _model(model: Model | Engine) -> Model:
    return model.model if isinstance(model, Engine) else model


def _end(log: DataFrame, model: Model) -> datetime | None:
    """Up to when time passes in a log."""
    micros = log.agg(F.max(F.unix_micros("at"))).collect()[0][0]
    if micros is None:
        return None
    return settled(datetime.fromtimestamp(micros // 1_000_000, UTC).replace(
        microsecond=micros % 1_000_000
    ), model)  # fmt: skip


def _applied(
    log: DataFrame, sent: bytes, model: Model, settings: _Settings, parts: Iterable[int]
) -> DataFrame:
    """The tables of some parts of a log."""
    chosen = list(parts)
    rooted = with_roots(log.where("reason IS NULL").select("other", *_NEEDED[:-1]))
    placed = rooted.withColumn("part", part_column(settings.parts)).select(*_NEEDED)
    if len(chosen) < settings.parts:
        placed = placed.where(F.col("part").isin(chosen))
    # A row without activity for each part, because a part that has become empty is replaced too.
    marks = log.sparkSession.createDataFrame([Row(part=part) for part in chosen], "part int")
    placed = placed.unionByName(marks, allowMissingColumns=True)
    placed = placed.repartition(max(len(chosen), 1), "part")
    columns = columns_of(model)

    def apply(batches: Iterable[Any]) -> Iterator[Any]:
        for part, rows in _by_part(batches):
            run = PartRun(engine_of(sent))
            log = activities_of(rows.with_columns(place=pl.col("number").fill_null(0)))
            result = run.run(
                log,
                order="arrival" if settings.arrival else "event",
                end=settings.end,
                until=settings.until,
            )
            counts = {name: getattr(result, name) for name in _COUNTS}
            summary = TableWriter(SUMMARY, [counts | attrs.asdict(settings)]).frame()
            yield from arrow_batches(part, {**run.tables(), "summary": summary}, columns)

    return placed.mapInArrow(apply, spark_schema(_FIRST, columns))


_COUNTS = "people merged applied left_out".split()


def _by_part(batches: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """The rows of each part as one frame. Not every server keeps rows sorted for a worker, so they
    are collected; compared with people they are small."""
    frames = [pl.DataFrame(pl.from_arrow(batch)) for batch in batches]
    if not frames:
        return
    for rows in pl.concat(frames).partition_by("part"):
        of_part = rows.filter(pl.col("id").is_not_null()).with_columns(
            pl.col("at").cast(pl.Datetime("us")).to_physical()
        )
        yield int(rows["part"][0]), of_part.sort(_TIES, nulls_last=True)


# -- the folder of a run -----------------------------------------------------------------------


def _written(frame: DataFrame, path: str, by: str, *, some: bool = False) -> None:
    """Write a frame as Parquet, one folder for each value of a column; ``some`` keeps the folders
    of other values."""
    mode = "dynamic" if some else "static"
    writer = frame.write.partitionBy(by).mode("overwrite").option("partitionOverwriteMode", mode)
    writer.parquet(path)


def _log_at(spark: SparkSession, path: str, like: DataFrame) -> DataFrame:
    types = ", ".join(f"`{name}` {kind}" for name, kind in like.dtypes if name != "batch")
    return spark.read.schema(f"{types}, `batch` string").parquet(f"{path}/log")


def _frame_at(spark: SparkSession, path: str, model: Model) -> DataFrame:
    schema = spark_schema("", columns_of(model)).removeprefix(", ")
    frame = spark.read.schema(f"{schema}, {_FIRST}").parquet(f"{path}/tables")
    return frame.withColumn("part", F.col("part").cast("int"))


def _tables_at(spark: SparkSession, path: str, model: Model, log: DataFrame) -> Tables:
    return views(_frame_at(spark, path, model), log)


def _settings_at(spark: SparkSession, path: str, model: Model) -> _Settings:
    names = [field.name for field in attrs.fields(_Settings)]
    summary = _frame_at(spark, path, model).where("`table` = 'summary'").select("summary.*")
    rows = summary.select(names).limit(1).toArrow().to_pylist()
    if not rows:
        raise LifecycleError(f"there is no run in {path}")
    row = rows[0]
    for name in ("until", "end"):
        row[name] = None if row[name] is None else instant(row[name])
    return _Settings(**row)


def _replaces_partitions(spark: SparkSession, path: str) -> bool:
    """Whether this Spark replaces the partitions of a frame only; Sail replaces the entire table,
    and says nothing."""
    probe = f"{path}/probe"
    for number in (1, 2):
        frame = spark.createDataFrame([Row(value=number, part=number)], "value int, part int")
        _written(frame, probe, "part", some=number == 2)
    return spark.read.schema("value int, part int").parquet(probe).count() == 2
