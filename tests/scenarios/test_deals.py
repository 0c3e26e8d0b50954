"""Stories of the field, in the shipped ``waterfall``: opportunities, and what becomes of people
with them [S22].

Each is one test, to be read from top to bottom.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lifecycle_fsm import stamps
from tests.scenarios.stories import DAY, HOUR, MINUTE, MONDAY, Story


def deal(name: str, **more: Any) -> dict[str, Any]:
    return {"opportunity": name, "amount": 9000.0, "closes_at": MONDAY + 90 * DAY, **more}


def test_made_by_sales_with_a_deal_lost_recycled_rested_requalified_won() -> None:
    """Three journeys and two years of one contact."""
    ann = Story("waterfall", created_by="sales", created_through="crm", job_title="VP Sales")
    assert ann.stages == ["sal"]
    ann.happens(2 * DAY, "opportunity_opened", **deal("first"))
    ann.happens(80 * DAY, "opportunity_lost", opportunity="first", reason="no_budget")
    assert ann.stages == ["sal", "sql", "recycled"]
    assert ann.lifecycle.mail("ann") == "nurture"

    # Left alone for ninety days, then a lead like any other.
    ann.passes(169 * DAY)
    assert ann.person.stage == "recycled"
    ann.passes(200 * DAY)
    assert (ann.stages[-1], ann.rules[-1]) == ("mal", "rested")
    assert ann.person.history[-1].now == MONDAY + 170 * DAY
    assert ann.person.journey == 2

    # Interested again. What sales did in the first journey accepts nothing in the second.
    ann.happens(400 * DAY, "score_given", points=70)
    assert (ann.stages[-1], ann.rules[-1]) == ("mql", "qualified_by_score")
    ann.happens(400 * DAY + HOUR, "sales_touched")
    ann.happens(420 * DAY, "opportunity_opened", **deal("second"))
    ann.happens(480 * DAY, "opportunity_won", opportunity="second")
    assert ann.stages == ["sal", "sql", "recycled", "mal", "mql", "sal", "sql", "customer"]
    assert [row.journey for row in ann.person.history[1:]] == [1, 1, 1, 2, 2, 2, 2, 2]

    # The old loss is history, and counts no more.
    ann.passes(900 * DAY)
    assert ann.person.stage == "customer"
    assert (ann.person.won_opportunities, ann.person.open_opportunities) == (1, 0)
    found = ann.person.stamps
    assert (found["sql"].visits, found["sql"].total) == (2, 78 * DAY + 60 * DAY)
    assert (found["mal"].visits, found["recycled"].total) == (1, 90 * DAY)
    # Marketing had no part in the first journey, and all of it in the second.
    assert [row.credit for row in ann.person.history if row.passed_over] == [False]


def test_one_of_two_deals_is_lost() -> None:
    """A loss leads out of SQL only when nothing is open any more; and the other one is won."""
    ann = Story("waterfall", job_title="VP Sales")
    ann.happens(1 * DAY, "opportunity_opened", **deal("licence"))
    ann.happens(2 * DAY, "opportunity_opened", **deal("training"))
    assert (ann.stages, ann.person.open_opportunities) == (["mal", "sql"], 2)
    lost = ann.happens(30 * DAY, "opportunity_lost", opportunity="training")
    assert (lost.result, ann.person.stage, ann.person.open_opportunities) == ("unchanged", "sql", 1)

    # A draft, without an amount, keeps nobody at SQL.
    ann.happens(31 * DAY, "opportunity_opened", opportunity="draft")
    assert ann.person.open_opportunities == 1
    ann.happens(40 * DAY, "opportunity_lost", opportunity="licence")
    assert ann.stages == ["mal", "sql", "recycled"]
    # The draft becomes a deal while she is recycled: sales has reopened the case.
    ann.happens(41 * DAY, "opportunity_changed", **deal("draft"))
    assert (ann.stages[-1], ann.rules[-1], ann.person.journey) == ("sql", "reopened", 2)
    ann.happens(60 * DAY, "opportunity_won", opportunity="draft")
    assert ann.person.stage == "customer"


def test_both_deals_end_on_one_day_and_the_order_decides_nothing() -> None:
    """Lost and won at the very same instant: whichever the CRM tells first, she has bought."""
    for first, second in (("lost", "won"), ("won", "lost")):
        ann = Story("waterfall", job_title="VP Sales")
        for name in ("lost", "won"):
            ann.happens(1 * DAY, "opportunity_opened", **deal(name))
        for name in (first, second):
            ann.happens(9 * DAY, f"opportunity_{name}", opportunity=name)
        assert ann.stages == ["mal", "sql", "customer"]


def test_an_upsell() -> None:
    """A customer gets a second deal. That is no stage; it goes to whoever has the customer, and
    when it is lost she is a customer all the same."""
    ann = Story("waterfall", job_title="VP Sales", created_through="crm")
    ann.happens(1 * DAY, "opportunity_opened", **deal("first"))
    ann.happens(20 * DAY, "opportunity_won", opportunity="first")
    assert ann.stages == ["mal", "sql", "customer"]
    before = ann.person.history
    for day, kind, name in (
        (100, "opportunity_opened", "upsell"),
        (110, "opportunity_changed", "upsell"),
        (150, "opportunity_lost", "upsell"),
        (200, "opportunity_opened", "more"),
        (220, "opportunity_won", "more"),
    ):
        decision = ann.happens(day * DAY, kind, **deal(name, amount=day))
        assert (decision.result, decision.requests) == ("unchanged", ()), kind
    ann.passes(900 * DAY)
    assert ann.person.history == before
    assert (ann.person.won_opportunities, ann.person.open_opportunities) == (2, 0)
    assert stamps(before)["customer"].visits == 1
    # She asks for more herself: nobody loses that, though no stage changes.
    ann.happens(901 * DAY, "form_filled", form="Hand-Raise: More seats")
    assert ann.asked()[-1][0] == "raised_hand_meanwhile"


def test_won_while_she_was_being_disqualified() -> None:
    """Sales rules somebody out, and the contract comes back signed."""
    ann = Story("waterfall")
    ann.happens(1 * DAY, "opportunity_opened", **deal("late"))
    ann.happens(50 * DAY, "disqualify", reason="out_of_business")
    assert ann.person.stage == "disqualified"
    ann.happens(50 * DAY + 5 * MINUTE, "opportunity_won", opportunity="late")
    assert (ann.stages[-1], ann.rules[-1], ann.person.journey) == ("customer", "won_after_all", 2)
    assert ann.person.history[-1].now - ann.person.history[-2].now == timedelta(minutes=5)
