"""The instants at which time alone changes a guard [S4][S20][S21]."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import GuardError
from lifecycle_fsm.guard import (
    Guard,
    TurningPoint,
    all_of,
    any_of,
    compile_guard,
    next_turn,
    parse_guard,
    turning_points,
)
from lifecycle_fsm.guard.terms import Compare, Elapsed, walk
from tests.guard.trees import MOMENTS, NOW, VOCABULARY, days

DAY, HOUR, MICRO = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)
PEOPLE = st.builds(
    SimpleNamespace,
    created_at=st.none() | MOMENTS,
    lost_at=st.none() | MOMENTS,
    stage_entered_at=MOMENTS,
)


def answers(guard: Guard, person: Any, now: datetime) -> list[bool]:
    return [
        compile_guard(node, VOCABULARY)(person, now)
        for node in walk(guard)
        if isinstance(node, Compare) and isinstance(node.left, Elapsed)
    ]


@settings(max_examples=300, deadline=None)
@given(st.lists(days(), min_size=1, max_size=3), PEOPLE)
def test_first_microsecond_of_the_next_change_s20(atoms: list[Guard], person: Any) -> None:
    guard = any_of(*atoms)
    before = answers(guard, person, NOW)
    # By brute force: a count changes only at whole days or hours after a field.
    boundaries = sorted(
        instant
        for field in (person.created_at, person.lost_at, person.stage_entered_at)
        if field is not None
        for count in range(-12, 28)
        for unit in (DAY, HOUR)
        if (instant := field + count * unit) > NOW
    )
    expected = next((at for at in boundaries if answers(guard, person, at) != before), None)
    found = next_turn(turning_points(guard, VOCABULARY), person, NOW)
    assert found == expected
    if found is not None:
        assert answers(guard, person, found - MICRO) == before


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("days in stage >= 90", [90]),
        ("days in stage > 90", [91]),
        ("days in stage <= 90", [91]),
        ("days in stage < 90", [90]),
        ("days in stage == 90", [90, 91]),
        ("days in stage != 90", [90, 91]),
        ("10 <= days in stage < 20", [10, 20]),
        ("days in stage >= $rest and score > 3", [2]),
        ("score > 3 or created_at > $launch", []),
    ],
)
def test_turning_points(text: str, after: list[int]) -> None:
    guard = parse_guard(text)
    assert [point.days for point in turning_points(guard, VOCABULARY)] == after
    person = SimpleNamespace(stage_entered_at=NOW, score=1)
    expected = [NOW + count * DAY for count in after]
    found = []
    change = next_turn(turning_points(guard, VOCABULARY), person, NOW)
    while change is not None:
        found.append(change)
        change = next_turn(turning_points(guard, VOCABULARY), person, change)
    assert found == expected


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("hours in stage >= 36", [36]),
        ("hours in stage > 36", [37]),
        ("hours in stage == 1", [1, 2]),
        ("hours in stage >= 30 or days in stage >= 1", [24, 30]),
    ],
)
def test_hours_turn_at_whole_hours(text: str, after: list[int]) -> None:
    guard, person = parse_guard(text), SimpleNamespace(stage_entered_at=NOW)
    assert sorted(point.length for point in turning_points(guard, VOCABULARY)) == [
        count * HOUR for count in after
    ]
    assert next_turn(turning_points(guard, VOCABULARY), person, NOW) == NOW + after[0] * HOUR


def test_named_guards_and_other_attributes() -> None:
    named = parse_guard("stale")
    vocabulary = type(VOCABULARY)(
        VOCABULARY.fields, guards={"stale": parse_guard("not days since lost_at < 30")}
    )
    assert turning_points(named, vocabulary) == (TurningPoint("lost_at", 30),)
    person = SimpleNamespace(_lost_at=NOW)
    found = next_turn(turning_points(named, vocabulary), person, NOW, lambda name: f"_{name}")
    assert found == NOW + 30 * DAY


def test_never_where_the_field_is_missing_or_the_year_has_no_name() -> None:
    guard = parse_guard("days since lost_at > 9223372036854775807 or days since lost_at > -9000000")
    person = SimpleNamespace(lost_at=NOW)
    assert next_turn(turning_points(guard, VOCABULARY), person, NOW) is None
    guard = parse_guard("days since lost_at > 3")
    assert next_turn(turning_points(guard, VOCABULARY), SimpleNamespace(lost_at=None), NOW) is None


def test_time_term_against_a_field_has_no_turning_point_s4() -> None:
    with pytest.raises(GuardError, match="whole number or a token"):
        turning_points(all_of(parse_guard("days in stage > score")), VOCABULARY)
