"""A stream on Spark makes the history of a batch; Sail has no state for streams."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

import attrs
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import Row

from lifecycle_fsm import Engine, load, step
from lifecycle_fsm.activities import Activity, other_record
from lifecycle_fsm.components import Components
from lifecycle_fsm.model import Model
from lifecycle_fsm.spark import stream
from lifecycle_fsm.spark.spark_log import as_json, packed
from lifecycle_fsm.spark.spark_stream import _People, stream_columns
from lifecycle_fsm.tables import TableWriter
from tests.spark.comparing import (
    COLUMNS,
    IN_STREAMS,
    at,
    bound,
    crowd,
    differences,
    in_one_piece,
    rows,
    table,
)

Tables = dict[str, list[tuple[Any, ...]]]
START = datetime(1970, 1, 1, tzinfo=UTC)
STREAMED = f"{COLUMNS}, place long, root string, processed boolean"
#: What identifies a row that later ones replace.
KEYS = {"people": ["id"], "deadlines": ["rule", "journey_record", "journey", "stage", "entered_at"]}
#: Somebody who comes long after all others, because only what happens lets time pass.
SENTINEL = "~"
DELAY = timedelta(days=10)  # nothing of a made-up log comes later
SHAPES: dict[str, dict[str, Any]] = {
    "single people": {"lateness": 0.2},
    "merges": {"persons": 3, "lateness": 0.2},
}


def streamed(model: Model | Engine, log: Sequence[Activity], until: datetime) -> Tables:
    """The tables of a stream, as a run in one piece has them."""
    whole = in_one_piece(model, log, "arrival", until=until)
    return {name: whole[name] for name in IN_STREAMS}


def logged(seed: str, size: int, shape: str) -> tuple[Model, list[Activity], Tables]:
    """A log, and its tables in one piece."""
    model, log = crowd(f"{shape}{seed}", size, **SHAPES[shape])
    log = bound(model, log)
    for place in range(0, len(log), 4):
        log.insert(place + 20, log.pop(place))  # some come before their person
        log.insert(place + 10, log[place])  # some come again
    until = max(activity.at for activity in log) + timedelta(days=30)
    whole = streamed(model, log, until=until)
    log.append(Activity("~", SENTINEL, "created", until + DELAY))
    return model, log, whole


def ends_of(log: Sequence[Activity]) -> set[str]:
    """The people whose log says when their processing ends."""
    return {activity.person for activity in log if activity.kind == "processed"}


def roots_of(log: Sequence[Activity]) -> list[str]:
    components = Components()
    for activity in log:
        if (other := other_record(activity)) is not None:
            components.join(activity.person, other)
    return [components.root(activity.person) for activity in log]


class Memory:
    """State and timers of one key, as Spark keeps them."""

    def __init__(self) -> None:
        self.state: Any = None
        self.timers: set[int] = set()

    def getValueState(self, name: str, schema: str) -> Memory:
        return self

    def get(self) -> Any:
        return self.state

    def update(self, value: Any) -> None:
        self.state = value

    def registerTimer(self, at: int) -> None:
        self.timers.add(at)

    def deleteTimer(self, at: int) -> None:
        self.timers.remove(at)


class Watermark:
    def __init__(self, at: int) -> None:
        self.at = at

    def getCurrentWatermarkInMs(self) -> int:
        return self.at


def emulated(
    model: Model | Engine, log: Sequence[Activity], cuts: Sequence[int]
) -> list[dict[str, Any]]:
    """The rows that a stream makes, without a Spark, of a log that comes in pieces."""
    columns = stream_columns(model.model if isinstance(model, Engine) else model)
    people = _People(packed(model), columns)
    memories: dict[str, Memory] = defaultdict(Memory)
    made: list[Row] = []
    mark = 0
    roots, expected = roots_of(log), ends_of(log)
    for start, stop in pairwise([0, *sorted(cuts), len(log)]):
        piece = range(start, stop)
        for root in dict.fromkeys(roots[place] for place in piece):
            people.init(memories[root])
            rows = [
                row_of(log[place], place, log[place].person in expected)
                for place in piece
                if roots[place] == root
            ]
            made += people.handleInputRows((root,), iter(reversed(rows)), Watermark(mark))
        latest = max((log[place].at for place in range(stop)), default=None)
        if latest is not None:
            mark = max(mark, (latest - DELAY - START) // timedelta(milliseconds=1))
        for root, memory in memories.items():
            people.init(memory)
            for timer in sorted(timer for timer in memory.timers if timer <= mark):
                memory.timers.discard(timer)
                made += people.handleExpiredTimer((root,), Watermark(mark), None)
    return [row.asDict(recursive=True) for row in made]


def row_of(activity: Activity, place: int, processed: bool) -> Row:
    return Row(
        number=place,
        id=activity.id,
        person=activity.person,
        kind=activity.kind,
        micros=(activity.at - START) // timedelta(microseconds=1),
        sequence=activity.sequence,
        payload=as_json(dict(activity.payload)),
        reason=None,
        processed=processed,
    )


def latest(model: Model, rows: Iterable[dict[str, Any]]) -> Tables:
    """The tables in the rows of a stream."""
    found: Tables = {}
    columns = stream_columns(model)
    mine = sorted((row for row in rows if row["root"] != SENTINEL), key=itemgetter("step"))
    for name in IN_STREAMS:
        records = [row[name] for row in mine if row["table"] == name]
        if name in KEYS:
            keyed = {tuple(record[key] for key in KEYS[name]): record for record in records}
            records = list(keyed.values())
        if name == "people":
            records = [record for record in records if record["stage"]]
        writer = TableWriter(
            [attrs.evolve(column, get=itemgetter(column.name)) for column in columns[name]], records
        )
        found[name] = table(writer.take())
    return found


@pytest.mark.parametrize("shape", SHAPES)
@given(seed=st.integers(0, 10**6), chance=st.randoms(use_true_random=False))
@settings(max_examples=int(os.environ.get("LIFECYCLE_STORIES", "40")) // 8, deadline=None)
def test_pieces_of_a_log_make_the_tables_of_all_of_it(
    shape: str, seed: int, chance: Random
) -> None:
    model, log, whole = logged(str(seed), 6, shape)
    cuts = [chance.randrange(len(log)) for _ in range(chance.randint(0, 5))]
    assert not differences(latest(model, emulated(model, log, cuts)), whole)


def files(spark: Any, folder: Path, log: Sequence[Activity], cuts: int) -> Any:
    """A stream of files, each with a part of a log."""
    roots, expected = roots_of(log), ends_of(log)
    comes = [activity.person in expected for activity in log]
    rows_of_all = rows(log, range(len(log)), roots, comes)
    size = -(-len(log) // cuts)
    names = [name.split()[0] for name in STREAMED.split(", ")]
    folder.mkdir()
    for number in range(cuts):
        part = rows_of_all[number * size : (number + 1) * size]
        pl.DataFrame(part, schema=names, orient="row", infer_schema_length=None).with_columns(
            pl.col("sequence", "place").cast(pl.Int64), pl.col("at").dt.cast_time_unit("us")
        ).write_parquet(folder / f"{number:03}.parquet")
        os.utime(folder / f"{number:03}.parquet", (number, number))  # the order in which they come
    return spark.readStream.schema(STREAMED).option("maxFilesPerTrigger", 1).parquet(str(folder))


@step(number=35, writes="industry", on_failure="park")
def fragile(*_: Any) -> Mapping[str, Any]:
    raise OSError("the service is down")


def test_what_an_error_stops_stays_parked_in_the_state() -> None:
    engine = Engine(load("waterfall"), steps=[fragile])
    log = [
        Activity("c-1", "ann", "created", at("05-01")),
        Activity("f-1", "ann", "form_filled", at("05-01"), {"form": "Hand-Raise: Demo"}),
        Activity("f-2", "ann", "form_filled", at("05-09"), {"form": "Hand-Raise: Demo"}),
        Activity("~", SENTINEL, "created", at("06-30")),
    ]
    whole = streamed(engine, log[:3], until=at("06-30") - DELAY)
    assert "parked" in {row[3] for row in whole["decisions"]}
    for cuts in ([], [1, 2, 3]):
        assert not differences(latest(engine.model, emulated(engine, log, cuts)), whole)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_makes_the_tables_of_a_batch(
    spark_itself: Any, tmp_path: Path, shape: str
) -> None:
    model, log, whole = logged("1", 20, shape)
    frame = files(spark_itself, tmp_path / "in", log, 3)
    made = stream(None, frame, model, arrival="place", processed=True, delay="10 days")
    query = (
        made.writeStream.format("parquet")
        .option("path", str(tmp_path / "out"))
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    rows = spark_itself.read.parquet(str(tmp_path / "out")).toArrow().to_pylist()
    assert not differences(latest(model, rows), whole)
