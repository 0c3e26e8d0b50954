"""Guards that name dates of the calendar are asked about at every instant that matters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifecycle_fsm.guard import Compare, Field, Guard, parse_guard
from lifecycle_fsm.proof import Domain, RelativeInstant, solve, solve_whenever
from tests.guard.trees import GUARDS, NOW, PERSONS, VOCABULARY, oracle
from tests.proof.test_search import somebody

PAST = ("created_at", "stage_entered_at")
DOMAIN = Domain(VOCABULARY, latest=dict.fromkeys(PAST, NOW), now=NOW)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("created_at >= 2031-01-01", datetime(2031, 1, 1, tzinfo=UTC)),
        ("created_at < 2020-01-01 and days since created_at < 30", None),
        ("lost_at >= 2031-01-01", None),
        ("created_at >= $launch and days since created_at >= 2", None),
    ],
)
def test_a_date_to_come_comes(text: str, at: datetime | None) -> None:
    guard = parse_guard(text)
    answer = solve_whenever(guard, DOMAIN)
    assert answer.found
    assert oracle(guard, somebody(answer), answer.at or NOW)
    if at is not None:
        assert answer.at is not None
        assert timedelta(0) <= answer.at - at <= DAY


@pytest.mark.parametrize(
    "text",
    [
        "created_at >= 2031-01-01 and created_at < 2030-01-01",
        "created_at >= 2031-01-01 and days since created_at < 3 and stage_entered_at < 2020-01-01 "
        "and days since stage_entered_at < 30",
    ],
)
def test_what_never_is_stays_refuted(text: str) -> None:
    assert solve_whenever(parse_guard(text), DOMAIN).refuted


def test_a_moment_is_no_date() -> None:
    """It moves with the clock: two days ago is not before a day that comes in two days."""
    older = Compare("<=", Field("created_at"), RelativeInstant(NOW - 2 * DAY))
    newer = parse_guard("days since created_at < 1 and lost_at >= 2031-01-01")
    assert solve_whenever(older & newer, DOMAIN).refuted
    assert solve_whenever(older & parse_guard("created_at >= 2031-01-01"), DOMAIN).found


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(GUARDS, st.lists(PERSONS, min_size=10, max_size=10), st.integers(-6, 6))
def test_what_somebody_satisfies_some_day_is_never_refuted(
    guard: Guard, persons: list[Any], days: int
) -> None:
    now = NOW + days * DAY
    true = [
        person
        for person in persons
        if oracle(guard, person, now)
        and all(getattr(person, name) is None or getattr(person, name) <= now for name in PAST)
    ]
    answer = solve_whenever(guard, DOMAIN)
    if true:
        assert not answer.refuted
    if answer.found:
        assert oracle(guard, somebody(answer), answer.at or NOW)
    if solve(guard, DOMAIN).found:
        assert answer.at is None
