"""Whole models: those that are shipped, the second opinion of z3, the same answer every time, and
what cannot be decided."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest

from lifecycle_fsm import Model, Move, load
from lifecycle_fsm.checks import CHECKS, Finding, check, differences
from lifecycle_fsm.guard import parse_guard
from lifecycle_fsm.model import shipped
from lifecycle_fsm.proof import NOW, Budget, domain_of, solve
from tests.checks.seeded import BASE, Seeded, found_in, read
from tests.machine.small import DAY, move, small

FAULTS = [one for one in read("faults") if not one.refused]


def verdicts(found: tuple[Finding, ...]) -> list[tuple[str | None, ...]]:
    """What is found, without the person: another one may show it as well."""
    return [(one.check, one.severity, one.fault, one.where, one.stage) for one in found]


@pytest.mark.parametrize("name", shipped())
def test_nothing_is_found_in_a_shipped_model(name: str) -> None:
    assert check(load(name)) == ()


@pytest.mark.parametrize("name", shipped())
def test_z3_finds_nothing_in_a_shipped_model(name: str) -> None:
    pytest.importorskip("z3")
    assert check(load(name), prover="z3") == ()


@pytest.mark.parametrize("one", FAULTS, ids=lambda one: one.name)
def test_z3_finds_the_same_faults(one: Seeded) -> None:
    pytest.importorskip("z3")
    found = check(one.model, prover="z3")
    assert verdicts(found) == verdicts(found_in(one.text)), [str(each) for each in found]


FINDINGS = """
from tests.checks.seeded import read
from lifecycle_fsm.checks import check
for one in read("faults"):
    if not one.refused:
        for finding in check(one.model):
            print(one.name, finding, finding.code, sep="\\n")
"""


def test_the_findings_are_the_same_whatever_the_hash_seed() -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", FINDINGS],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert said[0].count("ping-pong") >= 5


# ------------------------------------------------------------------ not decided


def test_a_budget_that_runs_out_is_told_and_never_clean() -> None:
    found = found_in(BASE, budget=1)
    assert {one.fault for one in found} == {"not decided"}
    assert {one.severity for one in found} == {"hint"}
    assert all(one.person == {} and one.stage is None for one in found)
    assert {one.check for one in found} >= {
        "sort_rules",
        "overlapping_moves",
        "guard_never",
        "guard_always",
        "redundant_conditions",
        "reachable_stages",
        "ping_pong",
        "deadlines_met",
    }
    assert any("more than 1 cases" in one.message for one in found)


@pytest.mark.parametrize("one", FAULTS, ids=lambda one: one.name)
def test_a_small_budget_tells_less_and_nothing_else(one: Seeded) -> None:
    found = found_in(one.text, budget=1)
    decided = {each for each in verdicts(found) if each[2] != "not decided"}
    assert decided <= set(verdicts(found_in(one.text)))
    assert len(decided) < len(found)


#: Sums over several fields in each of many conditions: to try values takes for ever.
HARD = " and ".join(
    f"(level + {b} * 3 == {n} or level * 5 - {c} > {n} or {b} == {c})"
    for n, (b, c) in enumerate(zip("abcdefgh", "bcdefgha", strict=True))
)


def hard() -> Model:
    from lifecycle_fsm.fields import FieldDef, FieldType
    from tests.machine.small import FIELDS

    more = (FieldDef(name, FieldType("int")) for name in "abcdefgh")
    return small(move("first", "a", "b", when=HARD), fields=(*FIELDS, *more))


def test_the_budget_counts_all_questions_together_and_the_same_everywhere() -> None:
    def told(budget: int) -> list[str]:
        return [str(one) for one in check(hard(), budget=budget)]

    assert told(300) == told(300)
    assert any("more than 300 cases in all" in one for one in told(300))
    decided = {one for one in told(300) if "not decided" not in one}
    assert decided <= set(told(3_000))


def test_work_ends_where_it_has_to() -> None:
    budget = Budget(300)
    domain = attrs.evolve(domain_of(hard()), budget=budget)
    for _ in range(100):
        solve(parse_guard(HARD), domain)
    assert budget.left == 0
    assert solve(parse_guard("hand_raised"), domain).reason == "more than 300 cases in all"


def test_a_clock_is_looked_at_only_where_somebody_asks() -> None:
    told = [one for one in check(hard(), seconds=0) if one.fault == "not decided"]
    assert {one.check for one in told} >= {"sort_rules", "guard_never", "redundant_conditions"}
    assert any("more than 0 seconds" in one.message for one in told)
    assert all(one.severity == "hint" for one in told)


def test_a_comparison_of_models_has_a_budget_too() -> None:
    other = attrs.evolve(hard(), moves=[move("first", "a", "b", when=f"ready and {HARD}")])
    told = {one.part: one.change for one in differences(hard(), other, budget=1)}
    assert told["guard of move"] == "not decided"


TWO_SUMS = (
    move("first", "a", "b", when="level + bonus >= 10 and level - bonus >= 10"),
    move("second", "a", "b", when="level + bonus < 10 and bonus >= 0"),
)


def test_arithmetic_over_several_fields_is_not_decided_without_z3() -> None:
    """The sum cannot be both, but trying values does not show it."""
    from lifecycle_fsm.fields import FieldDef, FieldType
    from tests.machine.small import FIELDS

    model = small(*TWO_SUMS, fields=(*FIELDS, FieldDef("bonus", FieldType("int"))))
    overlap = [one for one in check(model) if one.check == "overlapping_moves"]
    assert [one.fault for one in overlap] == ["not decided"]
    assert "arithmetic over several fields" in overlap[0].message
    pytest.importorskip("z3")
    assert [one for one in check(model, prover="both") if one.check == "overlapping_moves"] == []


@pytest.mark.parametrize(
    ("leave", "onward", "fault", "person"),
    [
        # Seen a day before the detour, and four days before the return.
        ("days since seen_at < 2", "days since seen_at >= 4", "ping-pong", {"seen_at": DAY}),
        # Nobody who was seen today can have been unseen for ten days when three have gone by.
        ("days since seen_at < 1", "days since seen_at >= 10", "not decided", {}),
        # Who had to be unseen for ten days before is so behind, and for three days longer.
        ("days since seen_at >= 10", "days since seen_at >= 4", "ping-pong", {"seen_at": 10 * DAY}),
    ],
)
def test_what_a_detour_asks_of_times_is_looked_at_when_it_is_made(
    leave: str, onward: str, fault: str, person: dict[str, timedelta]
) -> None:
    from lifecycle_fsm.fields import FieldDef, FieldType
    from tests.machine.small import FIELDS

    model = small(
        move("leave", "b", "x", when=leave),
        move("back", "x", "a", when="days in stage >= 3"),
        move("on", "a", "b", when=onward),
        fields=(*FIELDS, FieldDef("seen_at", FieldType("datetime", nullable=True))),
    )
    (found,) = (one for one in check(model) if one.check == "ping_pong")
    assert found.fault == fault
    assert found.person == {name: NOW - ago for name, ago in person.items()}


# ------------------------------------------------------------------ Python guards


def lucky(person: Any, now: datetime) -> bool:
    return bool(person.level % 7 == 3)


def overlapping(*moves: Move) -> list[Finding]:
    return [one for one in check(small(*moves)) if one.check == "overlapping_moves"]


def test_a_python_guard_overlaps_with_everything_and_is_named() -> None:
    (found,) = overlapping(
        move("first", "a", "b", when=lucky), move("second", "a", "b", when="level >= 5")
    )
    assert found.fault == "overlap"
    assert found.severity == "error"
    assert found.where == "moves[1] a -> b"
    assert found.person == {"level": 5}
    assert found.assumed == {"lucky": True}
    assert found.shows == "somebody in a: level 5, lucky answers yes"


def test_two_python_guards_overlap_too() -> None:
    def unlucky(person: Any, now: datetime) -> bool:
        return not lucky(person, now)

    (found,) = overlapping(
        move("first", "a", "b", when=lucky), move("second", "a", "b", when=unlucky)
    )
    assert found.assumed == {"lucky": True, "unlucky": True}


def test_a_priority_orders_a_python_guard_like_any_other() -> None:
    first, second = (
        move("first", "a", "b", when=lucky),
        move("second", "a", "b", when="level >= 5", priority=1),
    )
    assert overlapping(first, second) == []


def test_nobody_looks_into_a_python_guard() -> None:
    """It is neither dead nor always true, whatever it answers."""

    def never(person: Any, now: datetime) -> bool:
        return False

    found = check(small(move("first", "a", "b", when=never)))
    assert [one for one in found if one.check in ("guard_never", "guard_always")] == []


# ------------------------------------------------------------------ what a finding says


def test_every_check_has_a_name_of_its_own() -> None:
    names = [name for name, _ in CHECKS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("one", FAULTS, ids=lambda one: one.name)
def test_a_finding_can_be_told_as_text_and_as_plain_values(one: Seeded) -> None:
    import json

    for found in found_in(one.text):
        told = str(found)
        assert told.startswith(f"{found.severity}: {found.where}: {found.fault}: ")
        assert all(ord(letter) >= 32 or letter == "\n" for letter in told)
        json.dumps(found.as_plain(), default=str)


def test_errors_come_before_warnings_and_hints() -> None:
    texts = [one.text for one in FAULTS if one.name == "dead_by_clamp"]
    (text,) = texts
    worse = text.replace('when = "days in stage >= $rest_days"', 'when = "days in stage >= 90"')
    found = found_in(worse.replace("role is missing or role not in", "role not in"))
    assert [one.severity for one in found] == ["error", "warning", "hint"]


def test_a_model_from_python_is_checked_like_a_file() -> None:
    dead = small(move("first", "a", "b", when="level >= 5 and level < 5"))
    assert isinstance(dead, Model)
    (found,) = (one for one in check(dead) if one.check == "guard_never")
    assert found.line is None
    assert found.where == "moves[0] a -> b, when"
