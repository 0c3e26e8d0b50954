"""The activities that give fields the values that a guard wants."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lifecycle_fsm.model import load
from lifecycle_fsm.proof import NOW
from lifecycle_fsm.testing.cases.transition_tour import ActivityIndex

ACTIVITIES = ActivityIndex(load("waterfall"))
BEFORE = {"behavior_score": 10, "owner": None, "hand_raised": False}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"behavior_score": 65}, ("score_given", {"points": 55})),
        ({"hand_raised": True}, ("form_filled", {"form": "Hand-Raise:"})),
        (
            {"owner": "sdr.north", "owner_changed_at": NOW},
            ("owner_changed", {"owner": "sdr.north"}),
        ),
        ({"won_opportunities": 1}, ("opportunity_won", {"opportunity": "deal"})),
        (
            {"open_opportunities": 1},
            (
                "opportunity_opened",
                {
                    "opportunity": "deal",
                    "amount": 1000.0,
                    "closes_at": NOW + timedelta(days=30),
                },
            ),
        ),
    ],
)
def test_a_change_comes_by_the_activity_that_brings_it_in_life(
    changes: dict[str, Any], expected: tuple[str, dict[str, Any]]
) -> None:
    assert next(iter(ACTIVITIES.naturally(changes, BEFORE, NOW))) == expected


def test_what_no_activity_brings_has_none() -> None:
    assert not list(ACTIVITIES.naturally({"role": "legal"}, BEFORE, NOW))


def test_who_asks_gives_a_reason_or_none() -> None:
    assert ACTIVITIES.sets("sales_rejected", NOW) == {"rejection_reason": None}
    assert ACTIVITIES.sets("sales_touched", NOW) == {"sales_touched_at": NOW}
    assert ACTIVITIES.sets(None, NOW) == {}
    brought = ACTIVITIES.brings("sales_rejected", {"rejection_reason": "no_time"}, BEFORE, NOW)
    assert brought == ({"reason": "no_time"}, {})
    rest = ACTIVITIES.brings("disqualify", {"role": "legal"}, BEFORE, NOW)
    assert rest == ({}, {"role": "legal"})
