"""A stream of activities through a model on Spark: each person is state, deadlines are timers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from os import PathLike
from typing import Any

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F
from pyspark.sql.streaming import StatefulProcessor

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator import Engine, Parked
from lifecycle_fsm.parts.part_run import table_columns
from lifecycle_fsm.spark.spark_log import ACTIVITY, activity_of, engine_of, log_of, packed
from lifecycle_fsm.spark.spark_tables import TableColumns, spark_schema
from lifecycle_fsm.tables import REJECTS

_FIRST = "`root` string, `step` bigint"
_STATE = "saved string, seen binary"
_START, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


def stream(
    people: DataFrame | None,
    activities: DataFrame | None,
    model: Model | Engine,
    *,
    delay: str = "1 hour",
    mapping: str | PathLike[str] | None = None,
    arrival: str | None = None,
    processed: bool = False,
) -> DataFrame:
    """Run streams of activities through a model.

    Args:
        people: a stream of new people, with the columns ``id``, ``created_at``, ``root`` and
            fields. The root is the same for all records that are ever merged [S23]; rows of
            different roots never meet.
        activities: a stream of activities, with the columns ``person``, ``kind``, ``at``, ``root``
            and those that they bring.
        model: the lifecycle; an :class:`~lifecycle_fsm.Engine` has steps and tables of its own.
        delay: how long after the latest activity of all an earlier one may still come in time.
            Deadlines wait as long. What comes later is applied late [S19].
        mapping: a file that says how the columns are read.
        arrival: the column that orders the rows of one root which come at once; without it, they
            are ordered by event.
        processed: whether rows have a column ``processed``, which is true if the stream will say
            when the person's original processing ends [S14].

    Returns:
        a stream of rows with ``root``, ``step``, ``table``, and one column for each table, a
        structure. Steps count what happened to a root. Rows of history, decisions, requests and
        rejects are new; those of people and deadlines replace the ones of earlier steps. A record
        that was merged into another has a row in people without a stage.

    Raises:
        FileProblem: the columns do not fit the model and the mapping.
        RecordError: no frame is given, or one lacks a column.
    """
    own = model.model if isinstance(model, Engine) else model
    keep = ["root", "processed"] if processed else ["root"]
    log = log_of(people, activities, own, mapping, arrival, keep)
    # The watermark belongs to a column that is gone again: Spark would drop the late rows.
    log = log.withColumn("event", F.col("at")).withWatermark("event", delay).drop("event")
    log = log.withColumn("micros", F.unix_micros("at")).withColumn(
        "root", F.coalesce("root", F.lit(""))
    )
    columns = stream_columns(own)
    return log.groupBy("root").transformWithState(
        _People(packed(model), columns), spark_schema(_FIRST, columns), "Append", "EventTime"
    )


def stream_columns(model: Model) -> TableColumns:
    """The columns of the tables that a stream makes."""
    rejects = tuple(column for column in REJECTS if column.name != "line")
    columns = {**table_columns(model), "rejects": rejects}
    # A stream only adds rows, and a merge would leave opportunities of a person who is gone.
    left_out = ("owners", "opportunities")
    return {name: of_table for name, of_table in columns.items() if name not in left_out}


class _People(StatefulProcessor):  # type: ignore[misc]
    """Keeps the people of each root."""

    def __init__(self, sent: bytes, columns: TableColumns) -> None:
        self._sent = sent
        self._columns = columns

    def init(self, handle: Any) -> None:
        self._handle = handle
        self._state = handle.getValueState("people", _STATE)
        self._row = Row("root", "step", "table", *self._columns)

    def handleInputRows(self, key: Any, rows: Any, timerValues: Any) -> Iterator[Row]:
        (root,) = key
        read = list(rows)
        group = _Group(engine_of(self._sent), self._state.get())
        group.expected.update(row.person for row in read if "processed" in row and row.processed)
        numbered = [
            (row.number, activity_of(*(row[name] for name in ACTIVITY)))
            for row in read
            if row.reason is None
        ]
        numbered.sort(key=lambda pair: (pair[0] is None, pair[0] or 0, pair[1].order))
        group.lifecycle.expect_processed(group.expected)
        for _, activity in numbered:
            group.lifecycle.apply(activity)
        yield from self._rows(root, group)
        step = group.saved["step"]
        for row in read:
            if row.reason is not None:
                yield self._output(root, step, "rejects", row)

    def handleExpiredTimer(
        self, key: Any, timerValues: Any, expiredTimerInfo: Any
    ) -> Iterator[Row]:
        (root,) = key
        group = _Group(engine_of(self._sent), self._state.get())
        now = _START + timerValues.getCurrentWatermarkInMs() * _MILLISECOND
        group.saved["timer"] = None  # it has fired
        group.lifecycle.tick(now)
        yield from self._rows(root, group)

    def _rows(self, root: str, group: _Group) -> Iterator[Row]:
        """The new rows of a group, after its state and its timer were set."""
        before = group.saved.get("timer")
        saved, seen, after = group.dump()
        if after != before:
            if before is not None:
                self._handle.deleteTimer(before)
            if after is not None:
                self._handle.registerTimer(after)
        self._state.update((saved, seen))
        for table, records in group.records().items():
            for record in records:
                yield self._output(root, group.saved["step"], table, record)

    def _output(self, root: str, step: int, table: str, record: Any) -> Row:
        structs = [
            Row(*(column.name for column in columns))(*(column.value(record) for column in columns))
            if name == table
            else None
            for name, columns in self._columns.items()
        ]
        return self._row(root, step, table, *structs)


class _Group:
    """All records of one root, restored from the state, and what is new since."""

    def __init__(self, engine: Engine, state: tuple[str, bytes] | None) -> None:
        self._decisions: list[Decision] = []
        self.lifecycle = lifecycle = Lifecycle(engine, record=self._decisions.append)
        self.saved: dict[str, Any] = {"step": 0} if state is None else json.loads(state[0])
        self.expected = set(self.saved.get("expected", ()))
        lifecycle.expect_processed(self.expected)
        seen, start = {}, 0
        for name, size in self.saved.get("seen", {}).items():
            assert state is not None
            seen[name] = bytes(state[1][start : start + size])
            start += size
        for person in self.saved.get("people", ()):
            lifecycle.restore(person, seen=seen)
        for activity in self.saved.get("held", ()):
            lifecycle.apply(Activity.load(activity))
        for parked in self.saved.get("parked", ()):
            lifecycle.park(Parked.load(parked))
        self._decisions.clear()  # of activities that wait as they did
        self._merged = set(lifecycle.merged)
        self._deadlines = set(lifecycle.deadlines)

    def dump(self) -> tuple[str, bytes, int | None]:
        """The new state, and the next timer in milliseconds."""
        lifecycle = self.lifecycle
        names = [person.id for person in lifecycle]
        seen = {record: data for name in names for record, data in lifecycle.seen(name).items()}
        dues = [due for name in names if (due := lifecycle.next_due(name)) is not None]
        timer = -((_START - min(dues)) // _MILLISECOND) if dues else None
        parked = [each for lot in lifecycle.parked.values() for each in lot]
        self.saved = {
            "step": self.saved["step"] + 1,
            "timer": timer,
            "expected": sorted(self.expected),
            "people": [lifecycle.dump(name) for name in names],
            "seen": {name: len(data) for name, data in seen.items()},
            "held": [held.dump() for lot in lifecycle.held.values() for held in lot],
            "parked": [each.dump() for each in parked if each.person not in lifecycle],
        }
        return json.dumps(self.saved), b"".join(seen.values()), timer

    def records(self) -> Mapping[str, list[Any]]:
        """The new records of each table."""
        lifecycle = self.lifecycle
        merged = sorted(set(lifecycle.merged) - self._merged)
        return {
            "people": [
                *lifecycle,
                *(lifecycle.engine.machine.person_class(name) for name in merged),
            ],
            "history": list(lifecycle.history),
            "deadlines": [fact for fact in lifecycle.deadlines if fact not in self._deadlines],
            "decisions": self._decisions,
            "requests": [request for made in self._decisions for request in made.requests],
        }
