"""Stories of the field, in the shipped ``waterfall``: how people leave the path, with what is left
of their interest, and who is let back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.stories import DAY, MONDAY, OPEN, Story


def test_a_loss_takes_the_heat_out() -> None:
    """Whose deal is lost starts anew: half of the interest, never enough for MQL, no hand."""
    ann = Story("waterfall", job_title="VP Sales", hand_raised=True, behavior_score=180)
    ann.happens(DAY, "opportunity_opened", **OPEN)
    assert (ann.person.stage, ann.person.hand_raised) == ("sql", True)
    ann.happens(2 * DAY, "opportunity_lost", opportunity="deal", reason="no_budget")
    assert ann.rules[-1] == "lost"
    assert (ann.person.behavior_score, ann.person.hand_raised) == (64, False)
    # Otherwise she would be an MQL again at once, and sales would be sent to call her.
    ann.passes(30 * DAY)
    assert ann.person.stage == "recycled"


def test_a_small_interest_is_halved_by_a_loss() -> None:
    ann = Story("waterfall", behavior_score=41)
    ann.happens(DAY, "opportunity_opened", **OPEN)
    ann.happens(2 * DAY, "opportunity_lost", opportunity="deal", reason="no_budget")
    assert (ann.person.stage, ann.person.behavior_score) == ("recycled", 20)


def test_an_opportunity_that_was_a_mistake_is_no_loss() -> None:
    """The CRM corrects its count: nobody lost anything, and sales goes on with the lead."""
    ann = Story("waterfall", open_opportunities=1)
    ann.happens(DAY, "changed", open_opportunities=0)
    assert (ann.person.stage, ann.person.last_lost_at) == ("sql", None)
    assert ann.rules == ["on_open_opportunity"]


def test_a_deal_that_is_lost_in_the_second_in_which_it_came() -> None:
    """An import of the old CRM knows days only: opened and lost have the same time. The loss is one
    of the journey that the opportunity began."""
    ann = Story("waterfall", created_by="sales")
    ann.happens(DAY, "sales_rejected", reason="no_time")
    ann.happens(40 * DAY, "opportunity_opened", **OPEN)
    assert (ann.person.stage, ann.rules[-1], ann.person.journey) == ("sql", "reopened", 2)
    ann.happens(40 * DAY, "opportunity_lost", opportunity="deal", reason="no_budget")
    assert ann.person.last_lost_at == ann.person.journey_started_at == MONDAY + 40 * DAY
    assert (ann.stages[-1], ann.rules[-1]) == ("recycled", "lost")


@pytest.mark.parametrize(
    ("fields", "stage"),
    [
        ({}, "mal"),
        ({"hand_raised": True}, "mql"),
        ({"created_by": "sales"}, "sal"),
        ({"open_opportunities": 1}, "sql"),
    ],
)
def test_anybody_may_be_ruled_out_and_nothing_is_left_of_the_interest(
    fields: dict[str, Any], stage: str
) -> None:
    ann = Story("waterfall", behavior_score=130, **fields)
    assert ann.person.stage == stage
    ann.happens(DAY, "disqualify")
    assert (ann.stages, ann.rules[-1]) == ([stage, "disqualified"], "ruled_out")
    assert (ann.person.behavior_score, ann.person.hand_raised) == (64, False)


def test_somebody_whose_role_is_known_is_reinstated() -> None:
    """A known role keeps nobody out but those of people who are no prospects."""
    ann = Story("waterfall", role="buyer")
    ann.happens(DAY, "disqualify")
    ann.happens(2 * DAY, "reinstate")
    assert (ann.stages, ann.rules[-1]) == (["mal", "disqualified", "mal"], "reinstated")
    ann.happens(3 * DAY, "disqualify")
    ann.happens(4 * DAY, "changed", role="legal")
    refused = ann.happens(5 * DAY, "reinstate")
    assert (refused.result, ann.person.stage) == ("refused", "disqualified")
