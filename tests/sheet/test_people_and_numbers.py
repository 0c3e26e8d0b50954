"""People back from the table of a run, and the numbers of a history."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from lifecycle_fsm import Lifecycle
from lifecycle_fsm.demo.histories import END, history
from lifecycle_fsm.errors import FileProblem, LifecycleError
from lifecycle_fsm.funnel import Ratio, Reading, conversions, observe, stays
from lifecycle_fsm.guard import compile_guard
from lifecycle_fsm.history import DeadlineFact
from lifecycle_fsm.model import Model, load
from lifecycle_fsm.sheet import make_sheet, read_people
from lifecycle_fsm.tables import TableWriter, people_columns
from tests.sheet.samples import START, people


def written(lifecycle: Lifecycle, path: Path) -> Path:
    table = TableWriter(people_columns(lifecycle.model.field_types))
    table.extend(lifecycle)
    table.save(path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_people_come_back_as_they_were_written(tmp_path: Path, suffix: str) -> None:
    lifecycle = people(ann=(70, 10), ben=(40, None), cem=(0, None))
    model = lifecycle.model
    found = read_people(written(lifecycle, tmp_path / f"people{suffix}"), model)
    names = ["id", "stage", "stage_entered_at", "journey", "journey_started_at", *model.field_types]
    for person, back in zip(lifecycle, found, strict=True):
        for name in names:
            assert getattr(back, name) == getattr(person, name), name
    for edge in model.edges:
        test = compile_guard(edge.when, model.vocabulary)
        for person, back in zip(lifecycle, found, strict=True):
            assert test(back, END) is test(person, END)


def test_columns_that_are_not_there_are_unknown_and_others_are_passed_over(
    tmp_path: Path, rich: Model
) -> None:
    path = tmp_path / "people.csv"
    path.write_text("id,stage,shoe_size\nann,lead,44\n")
    (ann,) = read_people(path, rich)
    assert (ann.id, ann.stage, ann.behavior_score, ann.budget) == ("ann", "lead", 0, None)
    assert not hasattr(ann, "shoe_size")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,behavior_score\nann,4\n", "is no table of people .* it has no column 'stage'"),
        ("id,stage\nann,mqll\n", "line 2: the model 'everything' has no stage named 'mqll'; did"),
        ("id,stage,behavior_score\nann,mql,many\n", "line 2, column behavior_score: 'many' is not"),
    ],
)
def test_what_is_no_table_of_people(tmp_path: Path, rich: Model, text: str, message: str) -> None:
    path = tmp_path / "people.csv"
    path.write_text(text)
    with pytest.raises(FileProblem, match=message):
        read_people(path, rich)


def test_numbers_are_those_of_the_funnel() -> None:
    model = load("waterfall")
    rows = list(history(model, 300))
    facts = [
        DeadlineFact(
            row.person, one.name, one.stage, row.person, row.journey, row.now, row.now,
            "kept" if place % 3 else "missed", row.now, None, None,
        )
        for one in model.deadlines
        for place, row in enumerate(rows)
        if row.to_stage == one.stage
    ]  # fmt: skip
    found = make_sheet(model, history=rows, deadlines=facts, now=END).numbers
    assert found is not None
    scope = observe(rows, model, until=END)
    assert found.counts.total == sum(found.counts.people.values()) == 300
    path = [stage.name for stage in model.path]
    readings: dict[Reading, Mapping[str, Ratio]] = {"through": found.through, "over": found.over}
    for reading, ratios in readings.items():
        rates = conversions(scope, pairwise(path), reading=reading)
        assert ratios == {rate.source: rate.ratio for rate in rates}
        assert not {"customer", "recycled", "disqualified"} & set(ratios)
    assert found.stays == {stay.stage: stay for stay in stays(scope)}
    # Escalations follow from what was missed.
    assert set(found.kept) == {"mql_answered", "sal_called", "sal_decided"}
    assert all(0.5 < (ratio.share or 0) < 0.8 for ratio in found.kept.values())
    without = make_sheet(model, history=rows, now=END).numbers
    assert without is not None
    assert without.kept == {}


def test_what_happened_later_is_left_out() -> None:
    model = load("two_step")
    rows = list(history(model, 50))
    early = make_sheet(model, history=rows, now=rows[0].now)
    assert early.numbers is not None
    assert early.numbers.counts.total < 50
    late = make_sheet(model, history=rows)
    assert late.as_of == max(row.now for row in rows)


def test_the_instant_is_never_that_of_this_machine() -> None:
    lifecycle = people(ann=(70, 10))
    model = lifecycle.model
    assert make_sheet(model).as_of is None
    (ann,) = lifecycle
    assert make_sheet(model, people=[ann]).as_of == ann.stage_entered_at
    told = make_sheet(model, people=[ann], now="2025-01-01", zone="Europe/Berlin")
    assert told.readiness is not None
    assert f"{told.readiness.now:%Y-%m-%d %H:%M}" == "2025-01-01 00:00"
    ann._stage_entered_at = None
    with pytest.raises(LifecycleError, match="give now"):
        make_sheet(model, people=[ann])


def test_an_empty_history_and_nobody_make_a_sheet_without_numbers() -> None:
    lifecycle = people()
    made = make_sheet(lifecycle.model, history=[], people=[], now=START)
    assert made.numbers is None
    assert made.readiness is not None
    assert made.readiness.nearest == ()
    assert "Nobody." in made.html()


def test_an_unknown_zone_is_refused(rich: Model) -> None:
    with pytest.raises(LifecycleError, match="no time zone"):
        make_sheet(rich, zone="Europe/Berln")


def test_a_second_run_gives_the_same_bytes(tmp_path: Path) -> None:
    model = load("waterfall")
    rows = list(history(model, 60))
    crowd = list(people(ann=(70, 10), ben=(10, 3)))
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        made = make_sheet(model, history=rows)
        made.save(folder / "sheet.html")
        made.save(folder / "sheet.md")
        own = make_sheet(people().model, people=reversed(crowd) if name == "two" else crowd,
                         now=START + timedelta(days=5))  # fmt: skip
        own.save(folder / "own.html")
    names = sorted(one.name for one in (tmp_path / "one").iterdir())
    assert names == ["own.html", "sheet-picture.svg", "sheet.html", "sheet.md"]
    for file in names:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_the_table_of_people_that_a_run_writes_has_what_is_needed(tmp_path: Path) -> None:
    lifecycle = people(ann=(70, 10))
    path = written(lifecycle, tmp_path / "people.csv")
    with path.open(newline="") as file:
        assert {"id", "stage", "stage_entered_at"} <= set(next(csv.reader(file)))
