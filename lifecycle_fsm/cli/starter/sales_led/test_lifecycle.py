"""What this lifecycle promises, as tests: run them with pytest, add your own, change the rest."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lifecycle_fsm import Decision, Lifecycle

MODEL = Path(__file__).with_name("lifecycle.toml")
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def with_ann(**fields: Any) -> Lifecycle:
    """A lifecycle with one person, ann, who was created on a Monday."""
    lifecycle = Lifecycle(MODEL)
    lifecycle.admit("ann", at=MONDAY, **fields)
    return lifecycle


@pytest.mark.parametrize(
    ("through", "stage"), [("crm", "working"), ("list", "inquiry"), (None, "working")]
)
def test_whom_sales_made_starts_with_sales_and_a_list_does_not(
    through: str | None, stage: str
) -> None:
    """Made one by one counts as sales'; an imported list goes the way of all others."""
    lifecycle = with_ann(created_by="sales", created_through=through)
    assert lifecycle.person("ann").stage == stage


def test_marketing_claims_no_credit_for_whom_sales_made() -> None:
    """The stages before are gone past, and count in no ratio."""
    row = with_ann(created_by="sales").person("ann").history[-1]
    assert (row.passed_over, row.credit) == (("inquiry", "mql"), False)


@pytest.mark.parametrize(("below", "stage"), [(1, "inquiry"), (0, "mql")])
def test_the_threshold_is_the_first_score_that_is_enough(below: int, stage: str) -> None:
    """The number comes from the model, so the test holds for any threshold."""
    lifecycle = with_ann()
    threshold = lifecycle.model.tokens["mql_threshold"]
    assert isinstance(threshold, int)
    lifecycle.apply("ann", "score_given", at=MONDAY + DAY, points=threshold - below)
    assert lifecycle.person("ann").stage == stage


def test_a_meeting_carries_somebody_past_the_stages_between() -> None:
    """The meeting is an activity of this model's own; it also says that sales did something."""
    lifecycle = with_ann()
    lifecycle.apply("ann", "meeting_held", at=MONDAY + DAY, by="rep.uk", minutes=30)
    ann = lifecycle.person("ann")
    assert (ann.stage, ann.history[-1].rule) == ("meeting", "met_early")
    assert ann.sales_touched_at == MONDAY + DAY


def test_a_reason_that_was_not_agreed_is_refused_and_says_why() -> None:
    """A refusal changes nothing, and names what is unmet."""
    lifecycle = with_ann(created_by="sales")
    decision = lifecycle.apply("ann", "sales_rejected", at=MONDAY + HOUR, reason="on holiday")
    assert decision.result == "refused"
    assert "rejection reason is one of" in str(decision)
    assert lifecycle.person("ann").stage == "working"


def test_who_said_later_is_called_again_at_that_very_instant() -> None:
    """They come back to sales, not to marketing."""
    lifecycle = with_ann(created_by="sales")
    lifecycle.apply("ann", "sales_rejected", at=MONDAY + HOUR, reason="no_budget")
    days = lifecycle.model.tokens["call_again_days"]
    assert isinstance(days, int)
    over = MONDAY + HOUR + days * DAY
    ann = lifecycle.person("ann")
    lifecycle.tick(over - MINUTE)
    assert (ann.stage, ann.journey) == ("later", 1)
    lifecycle.tick(over)
    assert (ann.stage, ann.journey) == ("working", 2)


def test_whom_sales_made_and_left_alone_is_told_of_as_anybody() -> None:
    """Two working days after a Monday morning is Wednesday morning; nobody is moved."""
    missed: list[str] = []

    def keep(decision: Decision) -> None:
        if decision.kind == "deadline":
            missed.append(decision.reason)

    lifecycle = Lifecycle(MODEL, record=keep)
    lifecycle.admit("ann", at=MONDAY, created_by="sales")
    lifecycle.tick(MONDAY + 2 * DAY - MINUTE)
    assert missed == []
    lifecycle.tick(MONDAY + 2 * DAY)
    assert missed == ["first_call"]
    assert lifecycle.person("ann").stage == "working"
