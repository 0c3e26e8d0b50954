"""A history that stays in its file is measured like one in memory, in the memory of a part."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import attrs
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import FileProblem, LifecycleError
from lifecycle_fsm.funnel import measure, on_picture
from lifecycle_fsm.funnel.scope import observe
from lifecycle_fsm.history import HistoryRow, StoredHistory
from lifecycle_fsm.model import Deadline
from lifecycle_fsm.sheet import PeopleTable
from lifecycle_fsm.tables import (
    DEADLINES,
    TableWriter,
    history_columns,
    history_tables,
    open_deadlines,
    open_history,
    read_history,
)
from tests.funnel.made import MODEL as WATERFALL
from tests.funnel.made import WINDOWS, day, days, decided, histories, mixed, walk, window

MODEL = attrs.evolve(
    WATERFALL,
    assignment=(),
    alerts=(),
    dimensions=("sourced_by", "country"),
    deadlines=[
        Deadline(name="answered", stage="mql", after=days(2)),
        Deadline(name="decided", stage="sal", after=days(4)),
    ],
)
COLUMNS = history_columns({name: MODEL.field_types[name] for name in MODEL.dimensions})

ORDERS: dict[str, Callable[[list[HistoryRow]], list[HistoryRow]]] = {
    "by person": lambda rows: sorted(rows, key=lambda row: (row.person, row.sequence)),
    "by time": lambda rows: rows,
    "backwards": lambda rows: rows[::-1],
}


def stored(path: Path, rows: list[HistoryRow]) -> StoredHistory:
    TableWriter(COLUMNS, rows).save(path)
    history = open_history(path, dimensions=MODEL.field_types)
    assert isinstance(history, StoredHistory)
    return history


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    histories(8),
    st.sampled_from([*ORDERS]),
    st.sampled_from([1, 3, 10, 100_000]),
    st.sampled_from(WINDOWS),
    st.sampled_from([None, "owner", "journey", "country"]),
    st.sampled_from([None, "country == 'DE'"]),
    st.sampled_from([None, "week"]),
    st.sampled_from([None, day(12), "versions"]),
)
def test_every_measure_is_that_of_the_rows(
    tmp_path: Path,
    rows: list[HistoryRow],
    order: str,
    size: int,
    of: tuple[float | None, float | None],
    by: str | None,
    where: str | None,
    every: Any,
    compare: Any,
) -> None:
    rows = ORDERS[order](rows)
    until = day(60)
    facts = decided(rows, MODEL, until)
    TableWriter(DEADLINES, facts).save(tmp_path / "deadlines.parquet")
    people = [
        SimpleNamespace(id=f"p{n}", **dict.fromkeys(_CONTACT, f"x{n}")) for n in range(0, 8, 2)
    ]
    pl.DataFrame([{**vars(one), "stage": "mql"} for one in people]).write_parquet(
        tmp_path / "people.parquet"
    )

    def report(rows: Any, facts: Any, people: Any) -> Any:
        try:
            return measure(
                rows, MODEL, window=window(of), until=until, by=by, where=where, every=every,
                compare=compare, deadlines=facts, people=people, stuck_after=days(3),
            ).as_dict()  # fmt: skip
        except LifecycleError as error:
            return str(error)

    with patch.object(history_tables, "PART", size):
        history = stored(tmp_path / "history.parquet", rows)
        assert [*history] == rows
        assert (history.last, {*history.moves}) == _known(rows)
        parts = [*history.parts()]
        merges = [
            {(row.now, row.activity) for row in part if row.kind == "merge"} for part in parts
        ]
        assert sum(map(len, merges)) == len(set().union(*merges)), "a merge is in two parts"
        assert sorted(map(repr, rows)) == sorted(repr(row) for part in parts for row in part)
        table = PeopleTable(tmp_path / "people.parquet", MODEL, _CONTACT)
        stored_facts = open_deadlines(tmp_path / "deadlines.parquet")
        assert [*stored_facts] == facts
        assert report(history, stored_facts, table) == report(rows, facts, people)
        assert on_picture(observe(history, MODEL)).moves == on_picture(observe(rows, MODEL)).moves


_CONTACT = ("first_name", "last_name", "company", "email", "owner", "assigned_to")


def _known(rows: list[HistoryRow]) -> tuple[datetime | None, set[Any]]:
    moves = {(row.kind, row.from_stage, row.to_stage, row.rule, row.version) for row in rows}
    return max((row.now for row in rows), default=None), moves


def test_a_part_is_no_larger_than_it_must_be(tmp_path: Path) -> None:
    rows = [row for n in range(100) for row in walk(f"p{n:02}", ("processing", 0), ("mal", 1))]
    with patch.object(history_tables, "PART", 10):
        assert {len(part) for part in stored(tmp_path / "h.parquet", rows).parts()} == {8, 10, 2}
        by_time = stored(tmp_path / "h.parquet", mixed(rows))
        assert sum(map(len, by_time.parts())) == 200
        assert max(map(len, by_time.parts())) < 40
    (one,) = {row.person for row in by_time.about({"p07", "nobody"})}
    assert one == "p07"


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown kind": ({"kind": "hop"}, "line 2, column kind: 'hop' is none of 'enter'"),
    "no time": ({"now": None}, "line 2, column now: a value is missing"),
    "no other time": ({"at": None}, "line 2, column at: a value is missing"),
    "no person": ({"person": " "}, "line 2, column person: a value is missing"),
    "no number": ({"sequence": None}, "line 2, column sequence: a value is missing"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_named_with_its_column(tmp_path: Path, name: str) -> None:
    change, message = BAD[name]
    path = tmp_path / "h.parquet"
    TableWriter(COLUMNS, walk("a", ("processing", 0), ("mal", 1), ("mql", 2))).save(path)
    frame = pl.read_parquet(path)
    second = pl.int_range(pl.len()) == 1
    frame.with_columns(
        pl.when(second).then(pl.lit(value, frame.schema[column])).otherwise(pl.col(column))
        .alias(column)
        for column, value in change.items()
    ).write_parquet(path)  # fmt: skip
    with pytest.raises(FileProblem, match=message):
        read_history(path)
    with pytest.raises(FileProblem, match=message):
        observe(open_history(path), MODEL).visits().__next__()


def test_values_that_no_run_writes_are_read_row_by_row(tmp_path: Path) -> None:
    unknown = (("sourced_by", None), ("country", None))
    rows = [attrs.evolve(row, kept=unknown) for row in walk("ä", ("processing", 0), ("mal", 1))]
    history = stored(tmp_path / "h.parquet", rows)
    assert [*history] == rows
    frame = pl.read_parquet(tmp_path / "h.parquet")
    frame.with_columns(pl.col("sequence").cast(pl.String)).write_parquet(tmp_path / "o.parquet")
    assert open_history(tmp_path / "o.parquet", dimensions=MODEL.field_types) == rows


MEMORY = """
import resource, sys
from lifecycle_fsm.model import load
from lifecycle_fsm.funnel import measure
from lifecycle_fsm.tables import history_tables, open_history
history_tables.PART = 5_000
model = load("waterfall")
measure(open_history(sys.argv[1]), model, measures=["stay"])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[2:]:
    measure(open_history(path), model, measures=["people", "flows", "conversion", "stay"])
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the system does not say how much memory")
def test_four_times_the_rows_need_no_four_times_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "h0.parquet"
    TableWriter(COLUMNS, walk("p", ("processing", 0), ("mal", 1), ("mql", 2))).save(path)
    frame = pl.read_parquet(path)
    paths = [path]
    for number in (10_000, 60_000):
        names = pl.DataFrame({"name": [f"p{n}" for n in range(number)]})
        many = names.join(frame, how="cross").with_columns(
            person=pl.col("name"), journey_record=pl.col("name")
        )
        paths.append(tmp_path / f"h{number}.parquet")
        many.select(frame.columns).write_parquet(paths[-1], row_group_size=20_000)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *map(str, paths)], capture_output=True, text=True, check=True
    )
    small, large = map(int, done.stdout.split())
    # In memory, 150,000 more rows would take more than 150 MB.
    assert large < small + 60_000 * (1024 if sys.platform == "darwin" else 1)
