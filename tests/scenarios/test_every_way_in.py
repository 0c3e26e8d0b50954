"""Nothing that comes in moves a person up the funnel again, whichever way it comes [S6]."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from lifecycle_fsm import Activity, Lifecycle, NoSuchMove, RecordError
from tests.machine.small import DAY, HOUR, T

LATER = T + 3 * DAY


def in_sales() -> Lifecycle:
    """Ann is at SQL; Bo is a lead like any other."""
    lifecycle = Lifecycle("waterfall")
    lifecycle.admit("ann", at=T, hand_raised=True, seniority="vp")
    lifecycle.admit("bo", at=T)
    lifecycle.apply("ann", "sales_touched", at=T + HOUR)
    closes = T + 90 * DAY
    lifecycle.apply(
        "ann", "opportunity_opened", at=T + DAY, opportunity="deal", amount=9000, closes_at=closes
    )
    assert lifecycle.person("ann").stage == "sql"
    return lifecycle


def by_form(lifecycle: Lifecycle) -> None:
    lifecycle.apply("ann", "form_filled", at=LATER, form="Hand-Raise: Demo")
    lifecycle.apply("ann", "form_filled", at=LATER, form="Newsletter")


def by_import(lifecycle: Lifecycle) -> None:
    """Old values come back from another system, and the record is made a second time."""
    lifecycle.apply("ann", "changed", at=LATER, behavior_score=0, hand_raised=False, seniority=None)
    again = lifecycle.apply("ann", "created", at=LATER, created_through="list")
    assert again.result == "rejected"


def by_program(lifecycle: Lifecycle) -> None:
    ann = lifecycle.person("ann")
    with pytest.raises(AttributeError, match="written by the machine only"):
        ann.stage = "mal"  # type: ignore[misc]
    with pytest.raises(RecordError, match="written by the machine only"):
        lifecycle.admit("cy", at=LATER, stage="mal")
    refused = lifecycle.apply("ann", "changed", at=LATER, stage="mal")
    assert refused.result == "rejected"


def by_batch(lifecycle: Lifecycle) -> None:
    """The log of the first week is sent once more, in the wrong order, with what came too late."""
    lifecycle.replay(
        [
            Activity("late-1", "ann", "score_given", T + HOUR, {"points": -100}),
            Activity("late-2", "ann", "sales_touched", T, {}),
            Activity("late-3", "ann", "web_visit", T, {"page": "/careers"}),
        ]
    )


def by_hand(lifecycle: Lifecycle) -> None:
    """Sales asks for what only others may have, and time passes."""
    with pytest.raises(NoSuchMove):
        lifecycle.apply("ann", "reinstate", at=LATER).or_raise()
    assert lifecycle.apply("ann", "sales_rejected", at=LATER, reason="no_time").result == (
        "no_such_move"
    )
    lifecycle.apply("ann", "owner_changed", at=LATER, owner="sdr.south")
    lifecycle.tick(LATER + 400 * DAY)


def by_merge(lifecycle: Lifecycle) -> None:
    lifecycle.apply("bo", "merged", at=LATER, loser="ann")  # into the one that is less far


@pytest.mark.parametrize("way", [by_form, by_import, by_program, by_batch, by_hand, by_merge])
def test_r6_forward_only_by_every_way_in(way: Callable[[Lifecycle], None]) -> None:
    lifecycle = in_sales()
    ranks = lifecycle.model.ranks
    way(lifecycle)
    for name in ("ann", "bo"):
        assert lifecycle.person("ann").stage == "sql"
        rows = [row for row in lifecycle.person(name).history if row.visits]
        for before, after in pairwise(rows):
            assert ranks[before.to_stage] < ranks[after.to_stage], (before, after)
