"""Small models and short words that the tests of the machine and of the orchestrator share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import attrs

from lifecycle_fsm import Activity, HistoryRow, Model, Move, Person, SortRule, Stage
from lifecycle_fsm.fields import FieldDef, FieldType
from lifecycle_fsm.model import StepDef
from lifecycle_fsm.orchestrator import Orchestrator

T = datetime(2024, 5, 1, 9, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)

PATH = ("new", "a", "b", "c", "d")
DETOURS = ("x", "y")
STAGES = (*(Stage(name) for name in PATH), *(Stage(name, off_path=True) for name in DETOURS))
#: A field that says where the sort shall put somebody, and two that guards may read.
FIELDS = (
    FieldDef("start", FieldType("str"), "a"),
    FieldDef("level", FieldType("int")),
    FieldDef("ready", FieldType("bool")),
    FieldDef("big", FieldType("float")),
)
SORT = (
    *(
        SortRule(
            name=f"to_{name}",
            target=name,
            when=f"start == '{name}'",
            skips="no_credit" if name in PATH[2:] else None,
        )
        for name in ("b", "c", "d", "x", "y")
    ),
    SortRule(name="everybody_else", target="a", when="otherwise"),
)
#: The step that rules of demographic points need.
STEP_040 = (StepDef(number=40, name="demographic_score", use="demographic_score"),)
#: An effect that raises for a person whose ``big`` is set: the number is too large for a decimal.
TOO_LARGE = {"big": "big * 10.0"}
HUGE = 1e308


def small(*moves: Move, **more: Any) -> Model:
    """A model of four path stages and two detours, with these moves."""
    given: dict[str, Any] = {
        "name": "small",
        "stages": STAGES,
        "fields": FIELDS,
        "sort": SORT,
        "moves": moves,
    }
    return Model(**{**given, **more})


def move(name: str, source: str | tuple[str, ...], target: str, **more: Any) -> Move:
    return Move(name=name, sources=source, target=target, **more)


def act(id: str, kind: str, at: datetime, person: str = "p", **payload: Any) -> Activity:
    return Activity(id, person, kind, at, payload)


def admitted(orchestrator: Orchestrator, id: str = "p", **fields: Any) -> Person:
    """A person who has been created and sorted at T."""
    orchestrator.apply(Activity("created", id, "created", T, fields))
    if orchestrator.people[id].stage == orchestrator.model.initial.name:
        orchestrator.process(id, T)
    return orchestrator.people[id]


def running(*moves: Move, **more: Any) -> tuple[Orchestrator, Person]:
    """The small model with these moves, and a person sorted at T; ``fields`` are the person's."""
    fields = more.pop("fields", {})
    orchestrator = Orchestrator(small(*moves, **more))
    return orchestrator, admitted(orchestrator, **fields)


def slots(person: Person) -> dict[str, object]:
    """Everything that a person holds, such that two runs can be compared."""
    found = {one.name: getattr(person, one.name) for one in attrs.fields(type(person))}
    found["_waiting"] = [(one.template.rule, *one[1:]) for one in person._waiting]
    return found


def hops(person: Person) -> list[tuple[str | None, str, str]]:
    """The history in short: from, to and rule."""
    return [(row.from_stage, row.to_stage, row.rule) for row in person.history]


def check_chain(rows: tuple[HistoryRow, ...]) -> None:
    """Rows chain, are numbered from 1, and never go back in time [S25]."""
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    assert rows[0].from_stage is None
    numbers = {rows[0].journey}
    for before, after in pairwise(rows):
        assert after.from_stage == before.to_stage
        assert after.now >= before.now
        if after.kind == "return":  # the next number is above all
            assert after.journey > max(numbers)
        elif after.kind != "merge":  # which may bring the journey of another record [S23]
            assert after.journey == before.journey
        numbers.add(after.journey)
