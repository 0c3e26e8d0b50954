"""Seeded faults: each is found, nothing else is, and the person who is printed really shows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import attrs
import pytest

from lifecycle_fsm import LifecycleMachine, Model, ModelError
from lifecycle_fsm.checks import CHECKS, Finding
from lifecycle_fsm.proof import NOW
from tests.checks.seeded import BASE, Seeded, found_in, holds, places, read, somebody

FAULTS = read("faults")
REFUSED = [one for one in FAULTS if one.refused]
FOUND = [one for one in FAULTS if not one.refused]
HARMLESS = read("harmless")
SHOWN = [
    pytest.param(one, index, id=f"{one.name}-{index}")
    for one in FOUND
    for index, expected in enumerate(one.findings)
    if not {"witness", "both", "taken_by", "runs", "waits", "open"}.isdisjoint(expected)
]
KEYS = ("check", "severity", "fault", "where", "stage")


def named(one: Seeded) -> str:
    return one.name


def test_nothing_is_found_in_the_base() -> None:
    assert found_in(BASE) == ()


def test_there_are_faults_for_every_check() -> None:
    """Two checks find what building refuses, and have files that show that it does."""
    seeded = {expected["check"] for one in FOUND for expected in one.findings}
    assert seeded == {name for name, _ in CHECKS} - {"sort_exhaustive", "forward_only", "claims"}
    assert {one.name for one in REFUSED} == {"gap", "backwards"}
    assert len(FAULTS) >= 25
    assert len(HARMLESS) >= 12


@pytest.mark.parametrize("one", REFUSED, ids=named)
def test_what_building_refuses_needs_no_check(one: Seeded) -> None:
    with pytest.raises(ModelError) as caught:
        _ = one.model
    assert one.refused in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("one", FOUND, ids=named)
def test_the_fault_is_found_and_nothing_else(one: Seeded) -> None:
    found = found_in(one.text)
    assert [{key: getattr(each, key) for key in KEYS} for each in found] == [
        {key: expected.get(key) for key in KEYS} for expected in one.findings
    ]
    for each, expected in zip(found, one.findings, strict=True):
        assert list(each.also) == expected.get("also", [])
        for words in expected.get("says", ()):
            assert words in each.message


@pytest.mark.parametrize("one", HARMLESS, ids=named)
def test_a_harmless_edit_is_not_reported(one: Seeded) -> None:
    assert found_in(one.text) == ()


@pytest.mark.parametrize(("one", "index"), SHOWN)
def test_the_person_shows_the_fault(one: Seeded, index: int) -> None:
    model, found, expected = one.model, found_in(one.text)[index], one.findings[index]
    if "runs" in expected:
        runs(model, found, expected)
        return
    person = somebody(model, found)
    guards = places(model)
    if "witness" in expected:
        assert holds(model, expected["witness"], person, found.at or NOW)
    if "open" in expected:
        assert holds(model, guards[expected["open"]], person, found.at or NOW)
    if "both" in expected:
        overlaps(model, found, expected["both"])
    if "waits" in expected:
        holds_on_entry(model, found, *expected["waits"])
    if "taken_by" in expected:
        assert holds(model, guards[expected["rule"]], person, found.at or NOW)
        assert made(model, found, trigger_of(model, expected["rule"])) == expected["taken_by"]


@pytest.mark.parametrize(("one", "index"), SHOWN)
def test_the_person_has_nothing_that_need_not_be(one: Seeded, index: int) -> None:
    """Without any one of the fields, one of the two moves would not be open."""
    found, both = found_in(one.text)[index], one.findings[index].get("both", ())
    guards = places(one.model)
    for name in found.person if both else ():
        fewer = {key: value for key, value in found.person.items() if key != name}
        person = somebody(one.model, attrs.evolve(found, person=fewer))
        now = found.at or NOW
        assert not all(holds(one.model, guards[rule], person, now) for rule in both), name


def overlaps(model: Model, found: Finding, both: list[str]) -> None:
    """Both are open, and the order of the file decides which of them is made."""
    first, second = both
    for name in both:
        assert holds(model, places(model)[name], somebody(model, found), found.at or NOW)
    at = [move.name for move in model.moves]
    swapped = list(model.moves)
    one, other = at.index(first), at.index(second)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    for turned, name in ((model, first), (attrs.evolve(model, moves=swapped), second)):
        assert made(turned, found, trigger_of(model, first)) == name


def trigger_of(model: Model, name: str) -> str | None:
    return next((move.on for move in model.moves if move.name == name), None)


def made(model: Model, found: Finding, trigger: str | None) -> str:
    """The rule by which the person is moved, when it is asked for."""
    machine = LifecycleMachine(model)
    person = somebody(model, found, machine=machine)
    if trigger is None:
        machine.evaluate(person, found.at or NOW)
    else:
        machine.fire(person, trigger, at=found.at or NOW)
    return person.history[1].rule


def runs(model: Model, found: Finding, expected: Mapping[str, Any]) -> None:
    """The detour is made now, and nothing happens behind it but that time passes."""
    machine = LifecycleMachine(model)
    person = somebody(model, found, machine=machine)
    assert holds(model, expected["witness"], person, found.at or NOW)
    detour = next(move for move in model.moves if move.name == expected["runs"][0])
    if detour.on is None:
        machine.evaluate(person, NOW)
    else:
        machine.fire(person, detour.on, at=NOW)
    assert person.stage == detour.target
    machine.evaluate(person, NOW + timedelta(days=400))
    rows = person.history[1:]
    assert [row.rule for row in rows][: len(expected["runs"])] == expected["runs"]
    assert rows[2].now == rows[1].now


def holds_on_entry(model: Model, found: Finding, way: str, back: str) -> None:
    """The way in is made now, and the return holds at that same instant."""
    machine = LifecycleMachine(model)
    person = somebody(model, found, machine=machine)
    detour = next(move for move in model.moves if move.name == way)
    if detour.on is None:
        machine.evaluate(person, NOW)
    else:
        machine.fire(person, detour.on, at=NOW)
    assert (person.stage, person.history[-1].rule) == (detour.target, way)
    assert holds(model, places(model)[back], person)
