"""Stories of the field, in the shipped ``waterfall``: records that are folded together, and people
who come back from where nobody comes back [S23].

Each is one test, to be read from top to bottom.
"""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm import Decision, Lifecycle, Person, load
from tests.scenarios.stories import DAY, HOUR, MONDAY, Story

WATERFALL = load("waterfall")
DEAL: dict[str, Any] = {"opportunity": "deal", "amount": 9000.0, "closes_at": MONDAY + 90 * DAY}


def stages(person: Person) -> list[str]:
    return [row.to_stage for row in person.history[1:]]


@pytest.mark.parametrize("survivor", ["bought", "reads"])
def test_a_customer_and_a_lead_are_one_person(survivor: str) -> None:
    """She bought with her office address, and reads the newsletter with her private one. Whichever
    record the CRM keeps, she is a customer, whom nobody nurtures; and nobody is asked for anything
    because two records became one."""
    decisions: list[Decision] = []
    lifecycle = Lifecycle(WATERFALL, record=decisions.append)
    lifecycle.admit("bought", at=MONDAY, created_by="sales", owner="ae.kim", source="referral")
    lifecycle.apply("bought", "opportunity_opened", at=MONDAY + DAY, **DEAL)
    lifecycle.apply("bought", "opportunity_won", at=MONDAY + 30 * DAY, opportunity="deal")
    lifecycle.admit("reads", at=MONDAY - 300 * DAY, email="ann@home.example", source="webinar")
    lifecycle.apply("reads", "score_given", at=MONDAY + 40 * DAY, points=40)
    assert {one.id: one.stage for one in lifecycle} == {"bought": "customer", "reads": "mal"}
    decisions.clear()

    loser = "reads" if survivor == "bought" else "bought"
    lifecycle.apply(survivor, "merged", at=MONDAY + 50 * DAY, loser=loser)
    ann = lifecycle.person(survivor)
    assert lifecycle.person(loser) is ann
    assert (len(lifecycle), ann.id, ann.stage) == (1, survivor, "customer")
    assert lifecycle.mail(loser) is None
    assert not [one for each in decisions for one in each.requests if one.goes_out]

    # One history, which says what was before; her first touch is that of the record that stayed.
    row = ann.history[-1]
    assert (row.kind, row.now) == ("merge", MONDAY + 50 * DAY)
    if survivor == "bought":
        assert stages(ann) == ["sal", "sql", "customer", "customer"]
        assert (ann.source, row.visits, ann.stage_entered_at) == (
            "referral",
            False,
            MONDAY + 30 * DAY,
        )
    else:
        assert stages(ann) == ["mal", "customer"]
        # The visit of the other record goes on here: it was entered then, and counts once.
        assert (row.passed_over, row.credit) == ((), False)
        assert (ann.source, row.visits, ann.stage_entered_at) == (
            "referral",
            False,
            MONDAY + 30 * DAY,
        )
    assert (ann.owner, ann.won_opportunities) == ("ae.kim", 1)
    assert (ann.created_at, ann.behavior_score) == (MONDAY - 300 * DAY, 40)

    # She raises a hand with the address of the record that is no more: no stage changes, and
    # whoever has the customer hears of it.
    asks = lifecycle.apply(
        loser, "form_filled", at=MONDAY + 60 * DAY, form="Hand-Raise: More seats"
    )
    assert (asks.person, asks.result) == (survivor, "unchanged")
    assert [(one.rule, one.to) for one in asks.requests] == [("raised_hand_meanwhile", "ae.kim")]


def test_a_record_is_merged_into_an_old_one_seconds_after_a_hand_was_raised() -> None:
    """The form makes a new record, because the address is new; the CRM sees that she is known, and
    folds it into the old one before original processing has ended. The hand stays raised."""
    decisions: list[Decision] = []
    lifecycle = Lifecycle(WATERFALL, record=decisions.append)
    old = lifecycle.admit("old", at=MONDAY - 300 * DAY, job_title="CFO", crm_synced_at=MONDAY)
    lifecycle.apply("new", "created", at=MONDAY, email="cfo@acme.example")
    lifecycle.apply("new", "form_filled", at=MONDAY, form="Hand-Raise: Demo", id="demo")
    decisions.clear()
    merged = lifecycle.apply("old", "merged", at=MONDAY + 0.005 * HOUR, loser="new")
    assert [(row.to_stage, row.rule) for row in merged.rows] == [
        ("mal", "merged"),
        ("mql", "qualified_by_hand_raise"),
    ]
    asked = {one.rule for decision in decisions for one in decision.requests if one.goes_out}
    assert {"mql_into_crm", "mql_to_call"} <= asked
    # The clock sorts nobody a second time.
    lifecycle.tick(MONDAY + HOUR)
    assert stages(old) == ["mal", "mal", "mql"]
    assert [row.to_stage for row in lifecycle.history if row.person == "new"] == ["processing", ""]


def test_a_demo_form_of_somebody_disqualified() -> None:
    """A student, ruled out, asks for a demo two years later. No system may bring him back; a human
    looks, and does. What he asked for then counts, and sales gets the lead like any other."""
    bo = Story("waterfall", created_through="crm", country="SE")
    bo.happens(1 * DAY, "form_filled", form="Hand-Raise: Demo")
    bo.happens(2 * DAY, "sales_rejected", reason="student")
    assert (bo.person.stage, bo.lifecycle.mail("ann")) == ("disqualified", "suspended")

    asks = bo.happens(700 * DAY, "form_filled", form="Hand-Raise: Demo")
    assert (asks.result, bo.person.stage) == ("unchanged", "disqualified")
    assert [(one.rule, one.to, one.state) for one in asks.requests] == [
        ("review", "sales.manager", "sent")
    ]
    for day in (701, 702):  # and whatever the systems say meanwhile
        bo.happens(day * DAY, "score_given", points=80)
        bo.happens(day * DAY, "sales_touched")
    assert bo.person.stage == "disqualified"

    back = bo.happens(703 * DAY, "reinstate", by="sales.manager")
    assert [(row.to_stage, row.kind, row.rule) for row in back.rows] == [
        ("mal", "return", "reinstated"),
        ("mql", "step", "qualified_by_hand_raise"),
    ]
    assert bo.person.journey == 2
    called = [one for one in back.requests if one.rule == "mql_to_call"]
    assert [(one.state, one.to) for one in called] == [("sent", bo.person.assigned_to)]
    # The touches before the return accept nothing in this journey.
    bo.happens(704 * DAY, "sales_touched")
    assert bo.person.stage == "sal"
