"""The search against the oracle of the guard language: what it finds holds, what it refutes never
does."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import (
    Arithmetic,
    Compare,
    Const,
    Extreme,
    Field,
    Guard,
    Opaque,
    Vocabulary,
    parse_guard,
)
from lifecycle_fsm.proof import Answer, Domain, differs, solve
from tests.guard.trees import GUARDS, NOW, PERSONS, VOCABULARY, oracle

DOMAIN = Domain(VOCABULARY, now=NOW)
thoroughly = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def somebody(answer: Answer, domain: Domain = DOMAIN) -> Any:
    """The whole person of an answer."""
    fields = {name: domain.start_of(name) for name in domain.vocabulary.fields}
    return SimpleNamespace(**fields | dict(answer.person))


@thoroughly
@given(GUARDS)
def test_who_is_found_satisfies_the_guard(guard: Guard) -> None:
    answer = solve(guard, DOMAIN)
    if answer.found:
        assert oracle(guard, somebody(answer))


@thoroughly
@given(GUARDS, st.lists(PERSONS, min_size=20, max_size=20))
def test_what_somebody_satisfies_is_never_refuted(guard: Guard, persons: list[Any]) -> None:
    if any(oracle(guard, person) for person in persons):
        assert not solve(guard, DOMAIN).refuted


@thoroughly
@given(GUARDS, PERSONS)
def test_every_person_satisfies_a_guard_or_its_negation(guard: Guard, person: Any) -> None:
    assert solve(guard | ~guard, DOMAIN).found
    assert not solve(guard & ~guard, DOMAIN).found
    told = guard if oracle(guard, person) else ~guard
    assert not solve(told, DOMAIN).refuted


@thoroughly
@given(GUARDS)
def test_nothing_is_set_that_need_not_be(guard: Guard) -> None:
    answer = solve(guard, DOMAIN)
    for name in answer.person:
        person = somebody(answer)
        setattr(person, name, DOMAIN.start_of(name))
        assert not oracle(guard, person)


@pytest.mark.parametrize(
    ("text", "person"),
    [
        ("score >= 65", {"score": 65}),
        ("score >= 65 and not score > 65", {"score": 65}),
        ("score > 2 and score < 4", {"score": 3}),
        ("hand_raised", {"hand_raised": True}),
        ("bonus is missing or bonus >= 3", {}),
        ("not bonus >= 3", {}),
        ("company starts with 'Ac' and company != 'Ac'", {"company": "Ac…"}),
        ("source in ['web', 'event'] and source != 'web'", {"source": "event"}),
        (
            "company starts with 'A' and company != 'A' and not company starts with 'A…'",
            {"company": "A!"},
        ),
        ("company contains 'ac'", {"company": "ac"}),
        ("company contains 'ac' and not company starts with 'ac'", {"company": "…ac…"}),
        (
            "company contains 'a' and company contains 'b' and not company contains 'ab' "
            "and not company contains '…'",
            {"company": "~a~b~"},
        ),
        (
            "hours since lost_at >= 24 and hours in stage == 1",
            {"lost_at": NOW - timedelta(days=1), "stage_entered_at": NOW - timedelta(hours=1)},
        ),
        ("score * 0.5 >= 33", {"score": 66}),
        ("score - 2 * score >= 5", None),
        ("score + bonus >= 7 and bonus <= 3", None),
    ],
)
def test_the_smallest_person(text: str, person: dict[str, Any] | None) -> None:
    answer = solve(parse_guard(text), DOMAIN)
    assert answer.found
    if person is not None:
        assert answer.person == person


@pytest.mark.parametrize(
    "text",
    [
        "score >= 65 and score < 65",
        "score > 2 and score < 3",
        "bonus >= 3 and bonus is missing",
        "hand_raised and not hand_raised",
        "source in ['web', 'event'] and source starts with 'H'",
        "score * 0.5 >= 33 and score < 66",
        "days since lost_at == 3 and days since lost_at == 4",
        "lost_at > created_at and created_at > stage_entered_at and stage_entered_at > lost_at",
        "lost_at > created_at and days since lost_at >= 3 and days since created_at < 3",
        "score <= bonus and bonus <= 5 and score > 5",
        "company starts with 'ab' and not company contains 'b'",
        "company contains 'ab' and not company contains 'b'",
        "hours since lost_at >= 25 and days since lost_at < 1",
    ],
)
def test_what_nobody_satisfies_is_refuted(text: str) -> None:
    assert solve(parse_guard(text), DOMAIN).refuted


def test_three_times_within_one_day_can_stand_in_any_order() -> None:
    """A proof that looked at each field alone would miss them."""
    guard = parse_guard(
        "lost_at > created_at and created_at > stage_entered_at "
        "and days since lost_at >= 3 and days since stage_entered_at < 4"
    )
    assert oracle(guard, somebody(solve(guard, DOMAIN)))


def test_what_an_effect_computed_is_decided_where_it_only_rises() -> None:
    score = Field("score")
    halved = Arithmetic("*", score, Const(0.5))
    capped = Extreme("min", (score, halved, Const(64)))
    assert solve(Compare(">=", capped, Const(65)), DOMAIN).refuted
    assert solve(Compare(">=", capped, Const(32)), DOMAIN).person == {"score": 64}
    folded = Extreme("max", (score, Arithmetic("-", Const(0), score)))
    assert solve(Compare("<", folded, Const(0)), DOMAIN).verdict == "undecided"


def test_a_search_that_runs_out_of_its_budget_has_decided_nothing() -> None:
    guard = parse_guard("score >= 3 and (bonus >= 3 or hand_raised) and (score < 3 or bonus < 0)")
    answer = solve(guard, DOMAIN, budget=1)
    assert answer.verdict == "undecided"
    assert "more than 1 cases" in answer.reason


def test_arithmetic_that_pulls_two_ways_is_not_decided_by_trying() -> None:
    guard = parse_guard("score + bonus >= 10 and score - bonus >= 10 and score + bonus < 10")
    assert solve(guard, DOMAIN).verdict in ("undecided", "refuted")
    assert not solve(guard, DOMAIN).found


def test_a_sum_that_has_to_be_equal_needs_more_than_the_ends() -> None:
    bounded = "bonus >= 0 and bonus <= 3 and score >= -100 and score <= 100"
    assert not solve(parse_guard(f"score + bonus == 10 and {bounded}"), DOMAIN).refuted
    assert solve(parse_guard(f"score + bonus >= 104 and {bounded}"), DOMAIN).refuted
    assert solve(parse_guard(f"score + bonus >= 103 and {bounded}"), DOMAIN).found


def test_a_sum_that_has_to_be_equal_may_need_a_value_between_the_ends() -> None:
    text = "score >= 1 and score <= 100 and score + bonus == 77 and bonus in [20, 30]"
    assert not solve(parse_guard(text), DOMAIN).refuted


def test_five_numbers_in_a_row_that_just_fit() -> None:
    """The middle one is tried first, and neither end of the stretch will do for it."""
    domain = Domain(Vocabulary(fields={name: FieldType("int") for name in "abcde"}))
    row = "a > b and b > c and c > d and d > e and c != 100 and e >= 3"
    assert solve(parse_guard(f"{row} and a <= 7"), domain).person == dict(
        zip("abcde", (7, 6, 5, 4, 3), strict=True)
    )
    assert solve(parse_guard(f"{row} and a <= 6"), domain).refuted


def test_questions_of_two_guards() -> None:
    strict, loose = parse_guard("score >= 65"), parse_guard("score >= 50")
    assert solve(strict & ~loose, DOMAIN).refuted
    assert solve(loose & ~strict, DOMAIN).person == {"score": 50}
    assert differs(loose, strict, DOMAIN).person == {"score": 50}
    assert differs(strict, parse_guard("not score < 65"), DOMAIN).refuted


def test_a_python_callable_is_assumed_to_answer_either_way() -> None:
    asks = Opaque("is_hot", lambda person, now: True)
    assert solve(asks & parse_guard("score >= 3"), DOMAIN) == Answer(
        "found", {"score": 3}, {"is_hot": True}
    )
    assert solve(asks & ~asks, DOMAIN).refuted


def test_laws_hold_for_everybody_who_is_found() -> None:
    domain = Domain(VOCABULARY, laws=(parse_guard("lost_at >= created_at"),), now=NOW)
    guard = parse_guard("days since lost_at >= 3 and days since created_at < 3")
    assert solve(guard, DOMAIN).found
    assert solve(guard, domain).refuted
