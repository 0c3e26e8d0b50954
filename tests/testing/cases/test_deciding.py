"""The people who test a guard: each stands at a boundary, and each pair really flips."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle_fsm.guard import (
    Arithmetic,
    Compare,
    Elapsed,
    Guard,
    Opaque,
    always,
    inline,
    never,
    parse_guard,
    reads,
    resolve,
    transform,
    walk,
)
from lifecycle_fsm.proof import Domain
from lifecycle_fsm.testing.cases import GuardCases, Probe, conditions, guard_cases
from tests.guard.trees import GUARDS, NOW, PERSONS, VOCABULARY, oracle, oracle_value

DOMAIN = Domain(VOCABULARY, now=NOW)
thoroughly = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def whole(person: Any) -> SimpleNamespace:
    start = {name: DOMAIN.start_of(name) for name in VOCABULARY.fields}
    return SimpleNamespace(**start | dict(person))


def hangs_on(guard: Guard, condition: Guard, person: SimpleNamespace) -> bool:
    """Whether the outcome for this person turns with the condition, all others as they are."""
    written = inline(resolve(guard, VOCABULARY), VOCABULARY)
    with_it, without = (
        transform(written, lambda part, taken=taken: taken if part == condition else part)  # type: ignore[misc]
        for taken in (always, never)
    )
    return oracle(with_it, person) is not oracle(without, person)


@thoroughly
@given(GUARDS)
def test_everybody_at_a_boundary_is_somebody_for_whom_it_matters(guard: Guard) -> None:
    found = guard_cases(guard, DOMAIN)
    for one in found.boundaries:
        person = whole(one.who.person)
        assert one.who.holds is oracle(guard, person)
        assert one.condition in found.redundant or hangs_on(guard, one.condition, person)


def distance(condition: Compare, person: SimpleNamespace) -> float | None:
    """How far a person is from the threshold: in whole units, seconds or days."""
    left, right = (oracle_value(one, person, NOW, {}) for one in (condition.left, condition.right))
    if left is None or right is None or isinstance(left, str | bool):
        return None
    computed = any(isinstance(node, Arithmetic) for node in walk(condition))
    if computed and not (isinstance(left, int) and isinstance(right, int)):
        return None  # decimals that are computed are rounded on the way
    if isinstance(left, datetime):
        return float(abs(left - right) / timedelta(seconds=1))
    return float(abs(Fraction(left) - Fraction(right)))


@thoroughly
@given(GUARDS)
def test_at_a_boundary_is_next_to_the_threshold(guard: Guard) -> None:
    for one in guard_cases(guard, DOMAIN).boundaries:
        if not isinstance(one.condition, Compare) or "missing" in one.words:
            continue
        person = whole(one.who.person)
        away = distance(one.condition, person)
        if away is None:
            continue
        if isinstance(one.condition.left, Elapsed):
            assert away <= 1
        elif one.words in ("exactly", "the same instant"):
            assert away == 0
        else:
            # Of a decimal, one step behind its last digit, or the next that there is.
            value = oracle_value(one.condition.left, person, NOW, {})
            far = abs(value) / 8 if isinstance(value, float) else 0
            assert 0 < away <= max(1, far)


@thoroughly
@given(GUARDS)
def test_each_pair_flips_by_its_condition(guard: Guard) -> None:
    for pair in guard_cases(guard, DOMAIN).pairs:
        met, unmet = whole(pair.met.person), whole(pair.unmet.person)
        assert oracle(pair.condition, met)
        assert not oracle(pair.condition, unmet)
        assert hangs_on(guard, pair.condition, met)
        assert hangs_on(guard, pair.condition, unmet)
        others = [one for one in conditions(guard, DOMAIN) if one != pair.condition]
        same = all(oracle(one, met) is oracle(one, unmet) for one in others)
        if pair.how == "unique cause":
            assert same
            assert pair.met.holds is not pair.unmet.holds
        else:
            assert not same


@thoroughly
@given(GUARDS, st.lists(PERSONS, min_size=20, max_size=20))
def test_a_redundant_condition_decides_for_nobody(guard: Guard, persons: list[Any]) -> None:
    found = guard_cases(guard, DOMAIN)
    for condition in found.redundant:
        sides = {oracle(condition, one) for one in persons if hangs_on(guard, condition, one)}
        assert len(sides) < 2


@thoroughly
@given(GUARDS)
def test_every_condition_has_a_pair_or_a_reason(guard: Guard) -> None:
    found = guard_cases(guard, DOMAIN)
    told = [one.condition for one in found.pairs] + list(found.redundant)
    told += [condition for condition, _ in found.undecided]
    assert sorted(map(repr, told)) == sorted(map(repr, conditions(guard, DOMAIN)))
    for _, reason in found.undecided:
        assert reason


@thoroughly
@given(GUARDS)
def test_nobody_has_a_field_that_the_guard_does_not_read(guard: Guard) -> None:
    found = guard_cases(guard, DOMAIN)
    read = reads(inline(resolve(guard, VOCABULARY), VOCABULARY))
    for one in [one.who for one in found.boundaries] + [pair.met for pair in found.pairs]:
        assert set(one.person) <= set(one.shown) <= read


@given(GUARDS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_same_guard_has_the_same_cases(guard: Guard) -> None:
    assert guard_cases(guard, DOMAIN) == guard_cases(guard, DOMAIN)


def around(text: str) -> list[tuple[str, bool]]:
    """What stands at the boundaries of a guard, and whether it holds there."""
    found = guard_cases(parse_guard(text), DOMAIN)
    return [(told(one.who), one.who.holds) for one in found.boundaries]


def told(who: Probe) -> str:
    start = {name: DOMAIN.start_of(name) for name in VOCABULARY.fields}
    return ", ".join(f"{name}={shown({**start, **who.person}[name])}" for name in who.shown)


def shown(value: object) -> str:
    return f"{value - NOW}" if isinstance(value, datetime) else f"{value}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("score >= $threshold", [("score=64", False), ("score=65", True), ("score=66", True)]),
        ("score > 65", [("score=64", False), ("score=65", False), ("score=66", True)]),
        ("score == 65", [("score=64", False), ("score=65", True), ("score=66", False)]),
        (
            "bonus <= 3",
            [("bonus=2", True), ("bonus=3", True), ("bonus=4", False), ("bonus=None", False)],
        ),
        ("score >= 0.5", [("score=0", False), ("score=1", True)]),
        ("ratio >= 0.5", [("ratio=0.49", False), ("ratio=0.5", True), ("ratio=0.51", True)]),
        ("ratio < 2", [("ratio=1.9", True), ("ratio=2.0", False), ("ratio=2.1", False)]),
        ("hand_raised", [("hand_raised=True", True), ("hand_raised=False", False)]),
        (
            "not opted_in",
            [("opted_in=True", False), ("opted_in=False", True), ("opted_in=None", True)],
        ),
        ("bonus is known", [("bonus=0", True), ("bonus=None", False)]),
        (
            "company in ['a', 'b']",
            [("company=a", True), ("company=b", True), ("company=", False)],
        ),
        (
            "company starts with 'Ab'",
            [
                ("company=Ab", True),
                ("company=Ab and more", True),
                ("company=aB", False),
                ("company=", False),
            ],
        ),
        (
            "days since lost_at >= 2",
            [
                ("lost_at=-2 days, 0:00:01", False),
                ("lost_at=-2 days, 0:00:00", True),
                ("lost_at=-3 days, 0:00:00", True),
                ("lost_at=None", False),
            ],
        ),
        (
            "days since lost_at > 2",
            [
                ("lost_at=-2 days, 0:00:00", False),
                ("lost_at=-3 days, 0:00:01", False),
                ("lost_at=-3 days, 0:00:00", True),
                ("lost_at=None", False),
            ],
        ),
        (
            "lost_at >= $launch",
            [
                ("lost_at=-2 days, 13:59:59", False),
                ("lost_at=-2 days, 14:00:00", True),
                ("lost_at=-2 days, 14:00:01", True),
                ("lost_at=None", False),
            ],
        ),
        # Of two numbers one moves; of a chain each end has its three.
        (
            "score + bonus >= 10",
            [
                ("score=9, bonus=0", False),
                ("score=10, bonus=0", True),
                ("score=11, bonus=0", True),
                ("score=0, bonus=None", False),
            ],
        ),
        (
            "3 <= score < 9",
            [
                ("score=2", False),
                ("score=3", True),
                ("score=4", True),
                ("score=8", True),
                ("score=9", False),
                ("score=10", False),
            ],
        ),
    ],
)  # fmt: skip
def test_who_stands_at_a_boundary(text: str, expected: list[tuple[str, bool]]) -> None:
    assert around(text) == expected


def test_two_fields_are_compared_around_their_equality() -> None:
    found = guard_cases(parse_guard("lost_at >= created_at"), DOMAIN)
    words = {one.words: one.who.holds for one in found.boundaries}
    assert words == {
        "a second before": False,
        "the same instant": True,
        "a second after": True,
        "lost at missing": False,
        "created at missing": False,
    }


def pairs(text: str) -> list[tuple[str, str, str]]:
    found: GuardCases = guard_cases(parse_guard(text), DOMAIN)
    return [(told(one.met), told(one.unmet), one.how) for one in found.pairs]


def test_the_other_conditions_of_a_pair_are_such_that_this_one_decides() -> None:
    assert pairs("score >= 3 and (hand_raised or opted_in)") == [
        ("score=3, opted_in=True", "score=2, opted_in=True", "unique cause"),
        ("score=3, hand_raised=True", "score=3, hand_raised=False", "unique cause"),
        ("score=3, opted_in=True", "score=3, opted_in=False", "unique cause"),
    ]


def test_conditions_that_cannot_part_are_paired_by_masking() -> None:
    # A score of 9 meets both: 'score >= 9' never comes alone, yet decides where nothing is known.
    found = guard_cases(
        parse_guard("(score >= 3 and hand_raised) or (score < 3 and opted_in)"), DOMAIN
    )
    assert {pair.how for pair in found.pairs} == {"unique cause", "masking"}
    assert not found.redundant


@pytest.mark.parametrize(
    ("text", "redundant"),
    [
        ("score >= 9 and score >= 3", "score >= 3"),
        ("score >= 9 or score >= 3", "score >= 9"),
        ("source is missing or source not in ['web']", "source is known"),
        ("hand_raised or not hand_raised", "hand_raised"),
    ],
)
def test_a_redundant_condition_is_named(text: str, redundant: str) -> None:
    assert guard_cases(parse_guard(text), DOMAIN).redundant == (parse_guard(redundant),)


def test_a_redundant_condition_has_its_boundary_all_the_same() -> None:
    assert around("opted_in is missing or not opted_in") == [
        ("opted_in=False", True),
        ("opted_in=None", True),
        ("opted_in=True", False),
        ("opted_in=False", True),
    ]
    # Neither decides, since each says what the other says; still there are people on both sides.
    assert around("score >= 3 and score > 2")[:3] == [
        ("score=2", False),
        ("score=3", True),
        ("score=4", True),
    ]


@pytest.mark.parametrize(
    ("text", "constant"),
    [
        ("score >= 9 and score < 3", False),
        ("hand_raised or not hand_raised", True),
        ("score >= 3 and score > 2", None),
        ("score >= 3", None),
        ("source == 'web' and source != 'web' and score >= 3", False),
    ],
)
def test_a_guard_for_everybody_or_nobody_is_known_as_one(text: str, constant: bool | None) -> None:
    assert guard_cases(parse_guard(text), DOMAIN).constant is constant


@thoroughly
@given(GUARDS, st.lists(PERSONS, min_size=20, max_size=20))
def test_a_constant_guard_is_so_for_everybody(guard: Guard, persons: list[Any]) -> None:
    constant = guard_cases(guard, DOMAIN).constant
    if constant is not None:
        assert {oracle(guard, one) for one in persons} == {constant}


def test_a_condition_is_bound_by_where_it_is_asked() -> None:
    guard = parse_guard("source == 'web' or score >= 3")
    found = guard_cases(guard, DOMAIN, here=parse_guard("source != 'web'"))
    assert found.redundant == (parse_guard("source == 'web'"),)
    assert found.boundaries
    assert all(one.who.person.get("source") != "web" for one in found.boundaries)


def test_a_python_function_is_taken_to_answer_what_lets_others_decide() -> None:
    def knows_budget(person: Any, now: datetime) -> bool:
        raise AssertionError("nobody asks it")

    guard = Opaque("knows_budget", knows_budget) & parse_guard("score >= 3")
    found = guard_cases(guard, DOMAIN)
    assert found.opaque == ("knows_budget",)
    assert [(told(one.who), one.who.holds) for one in found.boundaries] == [
        ("score=2", False),
        ("score=3", True),
        ("score=4", True),
    ]
    assert all(one.who.assumed == {"knows_budget": True} for one in found.boundaries)
