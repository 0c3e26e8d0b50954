"""Rows of one's own go the way of people in a Lifecycle, with one column for the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle_fsm import (
    Decision,
    Engine,
    Lifecycle,
    OwnRows,
    RecordError,
    StageConflict,
    load,
)
from tests.oracle.comparing import built, handed
from tests.oracle.generator import story
from tests.oracle.language import as_time

T = datetime.fromisoformat("2024-05-01T09:00:00Z")
HOUR = timedelta(hours=1)
ROWS = OwnRows(Engine(load("two_step")))


def saved(row: SimpleNamespace) -> SimpleNamespace:
    """The row as a database gives it back: the state as JSON, times without a zone."""
    return SimpleNamespace(
        **{
            name: value.replace(tzinfo=None) if isinstance(value, datetime) else value
            for name, value in vars(row).items()
            if name != "lifecycle_state"
        },
        lifecycle_state=json.loads(json.dumps(row.lifecycle_state)),
    )


@pytest.mark.parametrize("columns", [(), ("behavior_score", "scored_at", "mark", "owner")])
def test_a_row_goes_the_way_of_a_person(columns: tuple[str, ...]) -> None:
    for seed in range(25):
        example = story(Random(f"rows {seed}"), lateness=0.2)
        engine = Engine(built(example))
        rows = OwnRows(engine)
        decisions: list[Decision] = []
        theirs: list[Decision] = []
        lifecycle = Lifecycle(engine, record=decisions.append)
        name = ""
        row: Any = None
        for word, what in example.steps:
            if word == "tick":
                lifecycle.tick(as_time(what))
                if row is not None:
                    theirs += rows.tick(row, as_time(what))
            elif word == "apply":
                activity = handed(what, example.model)
                if row is None and activity.kind != "created":
                    continue
                name = name or activity.person
                if activity.person != name or activity.kind in ("merged", "processed"):
                    continue
                if row is None:
                    start = dict.fromkeys(columns)
                    row = SimpleNamespace(id=name, lifecycle_state=None, stage="", **start)
                lifecycle.apply(activity)
                rows.apply(row, activity, record=theirs.append)
            if row is not None:
                row = saved(row)
        assert [(d, d.rows) for d in theirs] == [(d, d.rows) for d in decisions], seed
        if row is not None:
            person = lifecycle.person(name)
            assert row.stage == person.stage
            assert rows.next_due(row) == person.next_due


def ann(**more: Any) -> SimpleNamespace:
    fields = {"id": "ann", "lifecycle_state": None, "stage": "", "behavior_score": 0}
    return SimpleNamespace(**{**fields, **more})


def test_an_id_that_comes_twice_is_a_duplicate_also_after_a_restart() -> None:
    row = ann()
    assert ROWS.create(row, at=T).result == "moved"
    apply: Callable[..., Decision] = ROWS.apply
    form = {"at": T + 24 * HOUR, "id": "f-1", "form": "Demo"}
    assert apply(row, "form_filled", **form).result == "unchanged"
    assert row.behavior_score == 20
    assert apply(saved(row), "form_filled", **form).result == "duplicate"


def test_what_an_error_stops_leaves_the_row_as_it_was() -> None:
    row = ann()
    ROWS.create(row, at=T)
    before = dict(vars(row))
    with pytest.raises(RecordError, match="SimpleNamespace 'ann', behavior_score: 'many'"):
        ROWS.apply(ann(**{**before, "behavior_score": "many"}), "form_filled", at=T, form="x")
    assert vars(row) == before


def test_a_row_that_cannot_be_is_told_what_to_do() -> None:
    row = ann()
    with pytest.raises(RecordError, match=r"'ann' has no lifecycle yet: create\(\)"):
        ROWS.apply(row, "form_filled", at=T, form="x")
    ROWS.create(row, at=T)
    with pytest.raises(RecordError, match="has a lifecycle already"):
        ROWS.create(row, at=T)
    with pytest.raises(RecordError, match="a merge needs a Lifecycle that keeps both"):
        ROWS.apply(row, "merged", at=T, loser="bo")
    row.stage = "lead"
    with pytest.raises(StageConflict, match="stage = 'lead', and its lifecycle says 'new'"):
        ROWS.tick(row, T + HOUR)


def test_fields_may_have_other_names_and_questions_change_nothing() -> None:
    rows = OwnRows(ROWS.engine, state="rest", id="number", stage="status", fields={"email": "mail"})
    row = SimpleNamespace(number=7, rest=None, status=None, mail="ann@acme.example")
    rows.create(row, at=T)
    rows.tick(row, T + HOUR)
    before = dict(vars(row))
    assert before["status"] == "contact"
    assert "email" not in row.rest["fields"]
    assert rows.explain(row, at=T + HOUR)
    assert vars(row) == before
