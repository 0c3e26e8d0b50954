"""A log on Spark is run as it is in one piece."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from lifecycle_fsm import Activity, Engine, FileProblem, LifecycleError, RecordError, load, step
from lifecycle_fsm.components import Components, part_of
from lifecycle_fsm.spark import add, run
from lifecycle_fsm.spark.spark_log import part_column, roots_of
from tests.spark.comparing import (
    COLUMNS,
    TABLES,
    at,
    crowd,
    differences,
    in_one_piece,
    payload,
    rows,
    table,
    tables,
)
from tests.spark.servers import REAL

SHAPES: dict[str, dict[str, Any]] = {
    "single people": {"size": 30, "lateness": 0.2},
    "merges": {"size": 30, "persons": 3, "lateness": 0.2},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("seed", "parts"), [(1, 1), (5, 2), (2, 7), (3, 64)])
def test_parts_on_spark_give_the_tables_of_one_piece(
    spark: Any, shape: str, seed: int, parts: int
) -> None:
    model, log = crowd(f"{shape}{seed}", **SHAPES[shape])
    Random(seed).shuffle(log)
    frame = spark.createDataFrame(rows(log), COLUMNS)
    made = run(None, frame, model, parts=parts)
    assert not differences(tables(made), in_one_piece(model, log))
    summary = made.summary.toArrow().to_pylist()
    assert sorted(row["part"] for row in summary) == list(range(parts))
    assert sum(row["people"] for row in summary) == len(table(made.people))


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_in_an_order_of_arrival_are_applied_in_it(spark: Any, shape: str) -> None:
    model, log = crowd(f"{shape}4", **SHAPES[shape])
    numbered = rows(log, range(len(log)))
    Random(4).shuffle(numbered)
    made = run(
        None, spark.createDataFrame(numbered, f"{COLUMNS}, place long"), model,
        arrival="place", parts=5,
    )  # fmt: skip
    expected = in_one_piece(model, log, "arrival")
    assert not differences(tables(made), expected)
    assert any(row[-1] for row in expected["decisions"]), "nothing is late"


#: The lead l-1 becomes the contact k-1, which then has activities; l-2 becomes the same contact;
#: and the loser x has some after its merge.
RENAMED = [
    ("c-1", "l-1", "created", at("05-01"), None, payload(behavior_score=10)),
    ("c-2", "l-2", "created", at("05-01"), None, payload(behavior_score=10)),
    ("c-3", "x", "created", at("05-01"), None, "{}"),
    ("v-1", "l-1", "converted", at("05-02"), None, payload(contact="k-1")),
    ("f-1", "k-1", "form_filled", at("05-03"), None, payload(form="Demo")),
    ("v-2", "l-2", "converted", at("05-04"), None, payload(contact="k-1")),
    ("g-1", "l-2", "give_up", at("05-05"), None, "{}"),
    ("m-1", "k-1", "merged", at("05-06"), None, payload(loser="x")),
    ("f-2", "x", "form_filled", at("05-07"), None, payload(form="Demo")),
]


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_activities_under_other_names_of_a_person(spark: Any, parts: int) -> None:
    model = load("two_step")
    made = run(None, spark.createDataFrame(RENAMED[::-1], COLUMNS), model, parts=parts)
    expected = in_one_piece(model, map(activity, RENAMED))
    assert not differences(tables(made), expected)
    assert len(expected["people"]) == 1
    assert not {"held", "rejected"} & {row[3] for row in expected["decisions"]}


@pytest.mark.skipif(REAL, reason="Spark reads Delta tables with a jar of Delta, Sail without")
def test_a_log_and_its_tables_as_delta_tables(spark: Any, tmp_path: Path) -> None:
    def stored(frame: Any, name: str) -> Any:
        frame.write.format("delta").save(str(tmp_path / name))
        assert (tmp_path / name / "_delta_log").is_dir()
        return spark.read.format("delta").load(str(tmp_path / name))

    model = load("two_step")
    log = stored(spark.createDataFrame(RENAMED, COLUMNS), "log")
    made = run(None, log, model, parts=2)
    read = {name: table(stored(getattr(made, name), name)) for name in TABLES}
    assert not differences(read, in_one_piece(model, map(activity, RENAMED)))


@pytest.mark.parametrize("length", [0, 1, 2, 40])
def test_roots_are_those_of_the_components(spark: Any, length: int) -> None:
    random = Random(length)
    names = [f"{chance}é{n}" for n, chance in enumerate(random.sample(range(1000), length + 1))]
    edges = [*pairwise(names), ("x", "y"), ("z", "z")] if length else []
    random.shuffle(edges)
    known = Components()
    for edge in edges:
        known.join(*edge)
    roots = roots_of(spark.createDataFrame(edges, "record string, other string"))
    if roots is None:
        assert not edges
        return
    read = roots.withColumn("part", part_column(7)).toArrow().to_pylist()
    assert {row["record"]: row["root"] for row in read} == {
        name: known.root(name) for edge in edges for name in edge
    }
    assert all(row["part"] == part_of(row["root"], 7) for row in read)


def test_people_and_activities_are_read_as_from_files(spark: Any, tmp_path: Path) -> None:
    people = spark.createDataFrame(
        [("ann", "2024-05-01T09:00Z", 5.0), ("bo", "2024-05-02", None), ("", "2024-05-02", 1.0)],
        "id string, created_at string, behavior_score double",
    )
    activities = spark.createDataFrame(
        [
            ("ann", "form_filled", at("05-02"), "Demo"),
            ("ann", "form_filled", at("05-02"), "Demo"),  # the same row twice
            ("ann", "form_fild", at("05-02"), "Demo"),
            ("ann", "form_filled", None, "Demo"),
            ("cy", "form_filled", at("05-02"), "Demo"),  # nobody has created cy
        ],
        "person string, kind string, at timestamp, form string",
    )
    made = run(people, activities, load("two_step"), parts=3, path=str(tmp_path))
    assert [row[0] for row in table(made.people)] == ["ann", "bo"]
    results = [row[3] for row in table(made.decisions) if row[5] == "form_filled"]
    assert sorted(results) == ["duplicate", "held", "unchanged"]
    rejected = {(row[0], row[1], row[2][:20]) for row in table(made.rejects)}
    assert rejected == {
        ("people", "id", "it is empty: whom is"),
        ("activities", "kind", "'form_fild' is no ki"),
        ("activities", "at", "it is empty: when di"),
    }
    before = tables(made)
    made = run(people, activities, load("two_step"), parts=3, path=str(tmp_path))
    assert tables(made) == before
    stored = pl.scan_parquet(tmp_path / "tables/**/*.parquet", hive_partitioning=True)
    history = stored.filter(pl.col("table") == "history").select("history").unnest("history")
    assert table(history.collect()) == table(made.history)


@step(number=35, writes="industry", on_failure="park")
def fragile(*_: Any) -> Mapping[str, Any]:
    raise OSError("the service is down")


def test_an_engine_brings_its_own_steps_and_what_they_park(spark: Any) -> None:
    engine = Engine(load("waterfall"), steps=[fragile])
    people = spark.createDataFrame(
        [("ann", at("05-01"), "ann@acme.example")], "id string, created_at timestamp, email string"
    )
    made = run(people, None, engine, parts=2)
    assert table(made.people)[0][1] == "processing"
    assert {row[3] for row in table(made.decisions)} == {"moved", "parked"}


def test_what_cannot_be_run_is_said_at_once(spark: Any, tmp_path: Path) -> None:
    model = load("two_step")
    frame = spark.createDataFrame([("ann", "2024-05-01")], "person string, at string")
    with pytest.raises(FileProblem, match="there is no column 'kind'"):
        run(None, frame, model)
    with pytest.raises(RecordError, match="give a frame of people"):
        run(None, None, model)
    with pytest.raises(RecordError, match="has no column 'place'"):
        run(frame, None, model, arrival="place")


LATE = [
    ("f-2", "bo", "form_filled", at("05-03"), None, payload(form="Demo")),
    ("m-1", "bo", "merged", at("05-04"), None, payload(loser="cy")),  # in another part
    ("f-3", "cy", "form_filled", at("05-05"), None, payload(form="Demo")),
]
FIRST = [
    *((f"c-{name}", name, "created", at("05-01"), None, "{}") for name in "ann bo cy di".split()),
    ("f-1", "ann", "form_filled", at("05-20"), None, payload(form="Demo")),
    ("f-1", "cy", "form_filled", at("05-02"), None, payload(form="Demo")),
]


def activity(row: Any) -> Activity:
    name, person, kind, when, _, brings = row
    return Activity(name, person, kind, when, json.loads(brings))


def test_late_rows_run_their_parts_again(spark_itself: Any, tmp_path: Path) -> None:
    spark, model, path = spark_itself, load("two_step"), str(tmp_path / "run")
    first, late = (spark.createDataFrame(each, COLUMNS) for each in (FIRST, LATE))
    run(None, first, model, path=path, parts=16)
    stored = Path(path, "tables")
    before = {file: file.stat().st_mtime_ns for file in stored.glob("part=*/*.parquet")}
    whole = in_one_piece(model, map(activity, [*FIRST, *LATE]))
    for _ in range(2):  # the second time changes nothing
        made = add(None, late, model, path=path, batch="june")
        assert not differences(tables(made), whole)
    kept = {file for file in before if file.exists()}
    replaced = {int(file.parent.name.removeprefix("part=")) for file in before.keys() - kept}
    assert replaced == {part_of(name, 16) for name in ("bo", "cy")}
    corrected = add(None, late.where("kind <> 'merged'"), model, path=path, batch="june")
    without = [row for row in LATE if row[2] != "merged"]
    whole = in_one_piece(model, map(activity, [*FIRST, *without]))
    assert not differences(tables(corrected), whole)
    later = [("f-9", "di", "form_filled", at("06-30"), None, payload(form="Demo"))]
    end = {row["settings"] for row in corrected.summary.collect()}
    moved = add(None, spark.createDataFrame(later, COLUMNS), model, path=path, batch="july")
    assert {row["settings"] for row in moved.summary.collect()}.isdisjoint(end)  # in all parts


def test_late_rows_need_the_run_that_they_belong_to(spark: Any, tmp_path: Path) -> None:
    model, path = load("two_step"), str(tmp_path / "run")
    late = spark.createDataFrame(LATE, COLUMNS)
    with pytest.raises(LifecycleError):
        add(None, late, model, path=path, batch="june")
