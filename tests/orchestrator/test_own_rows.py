"""Rows of one's own go the way of people in a Lifecycle, with one column for the rest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle_fsm import (
    Activity,
    Decision,
    Engine,
    Lifecycle,
    OwnRows,
    RecordError,
    StageConflict,
    load,
)
from lifecycle_fsm.activities import other_record
from tests.oracle.comparing import built, handed
from tests.oracle.generator import story
from tests.oracle.language import as_time
from tests.orchestrator.test_saved_state import by_person

T = datetime.fromisoformat("2024-05-01T09:00:00Z")
HOUR = timedelta(hours=1)
ROWS = OwnRows(Engine(load("two_step")))


def plain(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def saved(row: SimpleNamespace) -> SimpleNamespace:
    """The row as a database gives it back: the state as JSON, times without a zone."""
    return SimpleNamespace(
        **{name: plain(value) for name, value in vars(row).items() if name != "lifecycle_state"},
        lifecycle_state=json.loads(json.dumps(row.lifecycle_state)),
    )


class Table:
    """Rows that are read from a database for each thing that happens, and written back."""

    def __init__(self, rows: OwnRows, columns: Iterable[str]) -> None:
        self.own = rows
        self.columns = dict.fromkeys(columns)
        self.rows: dict[str, SimpleNamespace] = {}
        self.contacts: dict[str, str] = {}
        self.decisions: list[Decision] = []

    def __getitem__(self, name: str) -> SimpleNamespace:
        row = self.rows[self.contacts.get(name, name)]
        survivor = self.own.survivor(row)
        return row if survivor is None else self[survivor]

    def __contains__(self, name: str | None) -> bool:
        return name in self.rows or name in self.contacts

    def apply(self, activity: Activity) -> None:
        name = activity.person
        if name not in self:
            row = SimpleNamespace(id=name, lifecycle_state=None, stage="", due_at=None)
            self.rows[name] = SimpleNamespace(**vars(row), **self.columns)
        row, named = self[name], other_record(activity)
        other = self[named] if named is not None and named in self else None
        decision = self.own.apply(row, activity, other=other, record=self.decisions.append)
        if activity.kind == "converted" and decision.result not in ("rejected", "duplicate"):
            self.contacts |= {} if named is None or named in self else {named: name}
        self.rows = {name: saved(row) for name, row in self.rows.items()}

    def tick(self, until: datetime) -> None:
        for row in self.rows.values():
            self.decisions += self.own.tick(row, until)
        self.rows = {name: saved(row) for name, row in self.rows.items()}


@pytest.mark.parametrize("columns", [(), ("behavior_score", "level", "scored_at", "mark", "owner")])
@pytest.mark.parametrize("persons", [1, 3])
def test_rows_go_the_way_of_people(columns: tuple[str, ...], persons: int) -> None:
    merges = 0
    for seed in range(25):
        example = story(Random(f"rows {seed}"), persons=persons, lateness=0.2)
        engine = Engine(built(example))
        table = Table(OwnRows(engine), columns)
        decisions: list[Decision] = []
        lifecycle = Lifecycle(engine, record=decisions.append)
        for word, what in example.steps:
            if word == "tick":
                lifecycle.tick(as_time(what))
                table.tick(as_time(what))
            elif word == "apply":
                activity = handed(what, example.model)
                if activity.person not in lifecycle and activity.kind != "created":
                    continue  # there is no row yet
                if activity.kind == "merged" and activity.payload["loser"] not in lifecycle:
                    continue
                lifecycle.apply(activity)
                table.apply(activity)
        assert by_person(table.decisions) == by_person(decisions), seed
        merges += len(lifecycle.merged)
        assert {name for name, row in table.rows.items() if table.own.survivor(row)} == {
            *lifecycle.merged
        }
        for name, row in table.rows.items():
            if name in lifecycle.merged:
                assert (row.stage, row.due_at) == ("", None)
                assert table.own.survivor(row) == lifecycle.merged[name]
            else:
                person = lifecycle.person(name)
                assert (row.stage, table.own.next_due(row)) == (person.stage, person.next_due)
                assert row.due_at == plain(person.next_due)
                known = [column for column in columns if column in engine.model.field_types]
                assert [getattr(row, column) for column in known] == [
                    plain(getattr(person, column)) for column in known
                ]
    assert (merges > 10) == (persons > 1)


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
    with pytest.raises(RecordError, match="'f-1' happened to 'bo', not to SimpleNamespace 'ann'"):
        ROWS.apply(row, Activity("f-1", "bo", "form_filled", T, {"form": "Demo"}))
    row.stage = "lead"
    with pytest.raises(StageConflict, match="stage = 'lead', and its lifecycle says 'new'"):
        ROWS.tick(row, T + HOUR)


def pair() -> tuple[SimpleNamespace, SimpleNamespace]:
    rows = ann(email=None), ann(id="bo", email="bo@acme.example")
    for row in rows:
        ROWS.create(row, at=T)
        ROWS.apply(row, "form_filled", at=T + HOUR, id=f"f-{row.id}", form="Demo")
    return rows


@pytest.mark.parametrize(
    ("kind", "brings"), [("merged", {"loser": "bo"}), ("converted", {"contact": "bo"})]
)
def test_s23_what_comes_for_a_row_that_was_folded_goes_to_the_other(
    kind: str, brings: dict[str, str]
) -> None:
    row, other = pair()
    activity = Activity("m-1", "ann", kind, T + 2 * HOUR, brings)
    assert ROWS.apply(row, activity, other=other).result == "unchanged"
    assert (ROWS.survivor(row), ROWS.survivor(other)) == (None, "ann")
    assert (row.stage, row.behavior_score, row.email) == ("contact", 20, "bo@acme.example")
    assert (other.stage, other.behavior_score, other.email) == ("", 20, "bo@acme.example")
    row, other = saved(row), saved(other)
    form = Activity("f-2", "bo", "form_filled", T + 3 * HOUR, {"form": "Demo"})
    with pytest.raises(RecordError, match="'bo' was merged into 'ann': load that row"):
        ROWS.apply(other, form)
    assert (ROWS.tick(other, T + 4 * HOUR), ROWS.next_due(other)) == ([], None)
    assert ROWS.apply(row, form).result == "moved"
    assert (row.stage, row.behavior_score) == ("lead", 40)
    # The same once more, from somebody who has not heard that both are one.
    assert ROWS.apply(row, activity, other=other).result == "duplicate"
    assert ROWS.apply(row, activity).result == "duplicate"
    again = Activity("f-bo", "bo", "form_filled", T + HOUR, {"form": "Demo"})
    assert ROWS.apply(saved(row), again).result == "duplicate"


def test_a_merge_of_which_a_row_is_missing_says_which_one_to_load() -> None:
    row, other = pair()
    third = ann(id="cy")
    apply: Callable[..., Decision] = ROWS.apply
    with pytest.raises(RecordError, match=r"load the row of 'bo' too, .* give it as other="):
        apply(row, "merged", at=T, loser="bo")
    with pytest.raises(RecordError, match="'cy' has no lifecycle yet"):
        apply(row, "merged", at=T, loser="cy", other=third)
    ROWS.create(third, at=T)
    with pytest.raises(RecordError, match=r"'cy', and this merged is about 'bo': load that row"):
        apply(row, "merged", at=T, loser="bo", other=third)
    with pytest.raises(RecordError, match="this form_filled is about nobody else"):
        apply(row, "form_filled", at=T, form="Demo", other=other)
    apply(row, "merged", at=T + 2 * HOUR, other=other)
    with pytest.raises(RecordError, match="'bo' was merged into 'ann': load that row"):
        apply(third, "merged", at=T + 2 * HOUR, other=other)
    apply(third, "merged", at=T + 2 * HOUR, other=row)
    assert (ROWS.survivor(other), ROWS.survivor(row)) == ("ann", "cy")
    assert third.behavior_score == 20


def test_s11_both_rows_of_a_merge_change_or_none() -> None:
    class Frozen(SimpleNamespace):
        def __setattr__(self, name: str, value: Any) -> None:
            raise PermissionError(name)

    row, other = pair()
    frozen = Frozen(**vars(other))
    before = dict(vars(row))
    with pytest.raises(PermissionError):
        ROWS.apply(row, "merged", at=T + 2 * HOUR, other=frozen)
    assert vars(row) == before


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


def test_an_attribute_that_is_to_keep_two_things_is_refused() -> None:
    with pytest.raises(RecordError, match="'mail' is to keep both the due time and the field 'em"):
        OwnRows(ROWS.engine, due="mail", fields={"email": "mail"})
