"""What this lifecycle promises, as tests: run them with pytest, add your own, change the rest."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lifecycle_fsm import Lifecycle

MODEL = Path(__file__).with_name("lifecycle.toml")
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def with_ann(**fields: Any) -> Lifecycle:
    """A lifecycle with one person, ann, who was created on a Monday."""
    lifecycle = Lifecycle(MODEL)
    lifecycle.admit("ann", at=MONDAY, **fields)
    return lifecycle


@pytest.mark.parametrize(("below", "stage"), [(1, "contact"), (0, "lead")])
def test_the_threshold_is_the_first_score_that_is_enough(below: int, stage: str) -> None:
    """The number comes from the model, so the test holds for any threshold."""
    lifecycle = with_ann()
    threshold = lifecycle.model.tokens["lead_threshold"]
    assert isinstance(threshold, int)
    lifecycle.apply("ann", "score_given", at=MONDAY + DAY, points=threshold - below)
    assert lifecycle.person("ann").stage == stage


def test_what_is_missing_is_told() -> None:
    """Every move that is not open says why, with the value that it saw."""
    waiting = {move.move: [str(one) for one in move.unmet] for move in with_ann().explain("ann")}
    assert waiting["bought"] == ["✗ won opportunities ≥ 1 (it is 0)"]


def test_who_buys_at_once_is_carried_past_the_lead() -> None:
    """The stage between is marked as passed over, and not filled in."""
    lifecycle = with_ann()
    lifecycle.apply("ann", "opportunity_won", at=MONDAY + DAY, opportunity="deal-1")
    row = lifecycle.person("ann").history[-1]
    assert (row.to_stage, row.passed_over, row.credit) == ("customer", ("lead",), True)


def test_who_had_bought_before_counts_in_no_ratio() -> None:
    """The sort gives no credit for stages that nobody saw."""
    row = with_ann(won_opportunities=1).person("ann").history[-1]
    assert (row.to_stage, row.rule, row.credit) == ("customer", "bought_already", False)


def test_only_a_lead_can_be_given_up() -> None:
    """What is not declared cannot happen, and says so."""
    lifecycle = with_ann()
    assert lifecycle.apply("ann", "give_up", at=MONDAY + DAY).result == "no_such_move"
    lifecycle.apply("ann", "score_given", at=MONDAY + DAY, points=50)
    lifecycle.apply("ann", "give_up", at=MONDAY + 2 * DAY)
    ann = lifecycle.person("ann")
    assert (ann.stage, ann.behavior_score) == ("lost", 0)


def test_coming_back_starts_the_next_journey() -> None:
    """First and repeated journeys can be told apart."""
    lifecycle = with_ann()
    lifecycle.apply("ann", "score_given", at=MONDAY + 1 * DAY, points=30)
    lifecycle.apply("ann", "give_up", at=MONDAY + 2 * DAY)
    lifecycle.apply("ann", "score_given", at=MONDAY + 3 * DAY, points=30)
    ann = lifecycle.person("ann")
    assert (ann.stage, ann.journey) == ("lead", 2)
