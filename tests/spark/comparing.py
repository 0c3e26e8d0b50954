"""Logs for Spark, and what comes of them in one piece."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from random import Random
from typing import Any
from unittest import mock

import polars as pl

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Engine
from lifecycle_fsm.parts.file_run import settled
from lifecycle_fsm.parts.part_run import Order, PartRun
from lifecycle_fsm.parts.spool import Place
from lifecycle_fsm.spark.spark_log import as_json
from lifecycle_fsm.tables import FileRow, Intake, RowFile, Targets
from tests.oracle import generator
from tests.oracle.comparing import built, handed

Table = list[tuple[Any, ...]]
COLUMNS = "id string, person string, kind string, at timestamp, sequence long, payload string"
#: The tables of a stream; a run has those of opportunities as well.
IN_STREAMS = ("people", "history", "deadlines", "decisions", "requests")
TABLES = (*IN_STREAMS, "opportunities")


def crowd(seed: str, size: int, **shape: Any) -> tuple[Model, list[Activity]]:
    """Many logs of one made-up model, mixed in the order in which they come."""
    random = Random(seed)
    made = generator.model(random)
    if shape.get("persons", 1) > 1:
        made["mail"] = {}
    came: list[tuple[datetime, Activity]] = []
    with mock.patch.object(generator, "model", return_value=made):
        for number in range(size):
            story = generator.story(random, **shape)
            steps = [handed(what, made) for word, what in story.steps if word == "apply"]
            arrives = accumulate((activity.at for activity in steps), max)
            came += zip(arrives, (_named(activity, number) for activity in steps), strict=True)
    came.sort(key=lambda pair: pair[0])
    return built(generator.Story(made, [])), [activity for _, activity in came]


def _named(activity: Activity, number: int) -> Activity:
    """The activity with its persons in a world of their own."""
    payload = {
        name: f"{number:02}{value}" if name in ("loser", "contact") else value
        for name, value in activity.payload.items()
    }
    name = f"{number:02}{activity.person}"
    return Activity(
        activity.id, name, activity.kind, activity.at, payload, sequence=activity.sequence
    )


def rows(activities: Iterable[Activity], *beside: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Rows for a frame of activities, with :data:`COLUMNS` and values of more columns."""
    return [
        (
            each.id,
            each.person,
            each.kind,
            each.at,
            each.sequence,
            as_json(dict(each.payload)),
            *more,
        )
        for each, *more in zip(activities, *beside, strict=True)
    ]


def in_one_piece(
    model: Model | Engine,
    activities: Iterable[Activity],
    order: Order = "event",
    until: datetime | None = None,
) -> dict[str, Table]:
    """The tables of a log that is run in one piece, without Spark."""
    engine = model if isinstance(model, Engine) else Engine(model)
    log = bound(engine.model, activities)
    end = until or settled(max(each.at for each in log), engine.model)
    run = PartRun(engine)
    run.run([(each, Place(0, 0)) for each in log], order=order, end=end, until=until)
    return {name: table(frame) for name, frame in run.tables() if name != "owners"}


def bound(model: Model, activities: Iterable[Activity]) -> list[Activity]:
    """The activities as they are read from rows, without those that are rejected."""
    read = [dict(zip(_names(), row, strict=True)) for row in rows(activities)]
    lines = (FileRow(line, row) for line, row in enumerate(read, 1))
    file = RowFile("activities", _names(), lines, lambda: None, lambda: None)
    return list(Intake([("activities", file)], Targets.of(model)))


def _names() -> tuple[str, ...]:
    return tuple(column.split()[0] for column in COLUMNS.split(", "))


def table(frame: Any) -> Table:
    """The rows of a polars frame, or of one of Spark, in an order that both share."""
    if not isinstance(frame, pl.DataFrame):
        frame = pl.DataFrame(pl.from_arrow(frame.toArrow()))
    frame = frame.drop("part", strict=False)
    zoned = pl.selectors.datetime(time_zone="*")
    frame = frame.with_columns(zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None))
    return sorted(map(tuple, frame.rows()), key=repr)


def tables(made: Any) -> dict[str, Table]:
    """The tables of a run on Spark."""
    return {name: table(getattr(made, name)) for name in TABLES}


def at(text: str) -> datetime:
    """A time of 2024 in UTC."""
    return datetime.fromisoformat(f"2024-{text}").replace(tzinfo=UTC)


def payload(**values: Any) -> str:
    """A payload as text."""
    return json.dumps(values)


def differences(seen: dict[str, Table], whole: dict[str, Table]) -> dict[str, list[Any]]:
    """The rows of each table that only one has; empty if they are equal."""
    found = {}
    for name, rows in whole.items():
        ours, theirs = Counter(map(repr, seen[name])), Counter(map(repr, rows))
        if ours != theirs:
            found[name] = [sorted(ours - theirs), sorted(theirs - ours)]
    return found
