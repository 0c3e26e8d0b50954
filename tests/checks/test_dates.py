"""What names dates of the calendar is compared and claimed at any time, also in years to come."""

from __future__ import annotations

import pytest

from lifecycle_fsm import loads
from lifecycle_fsm.checks import check
from lifecycle_fsm.checks.difference import differences
from tests.checks.seeded import BASE

WHEN = 'name = "sorted_by_score"\nwhen = "ready and fits'


def with_date(date: str, more: str = "") -> str:
    assert BASE.count(WHEN) == 1
    return BASE.replace(WHEN, f"{WHEN} and created_at >= {date}") + more


def test_two_dates_to_come_are_two() -> None:
    found = differences(loads(with_date("2031-01-01")), loads(with_date("2032-01-01")))
    (guard,) = (one for one in found if one.name == "sorted_by_score")
    assert guard.change == "stricter"
    assert guard.gains is None
    assert guard.loses is not None
    assert guard.loses["behavior_score"] == 60


@pytest.mark.parametrize(("date", "broken"), [("2030-06-01", True), ("2031-01-01", False)])
def test_a_claim_about_years_to_come_is_looked_into(date: str, broken: bool) -> None:
    claim = (
        "\n[[claims]]\nname = 'from 2031 on'\nentering = 'mql'\nby = 'sorted_by_score'\n"
        "always = 'created_at >= 2031-01-01'\n"
    )
    found = check(loads(with_date(date, claim)))
    assert [one.fault for one in found] == ["broken claim"] * broken
    for one in found:
        assert one.at is not None
        assert "looked at on 2030-" in one.shows
        assert one.code == ""
