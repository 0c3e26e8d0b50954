"""The shipped ``waterfall`` edge by edge: who goes where, and by which rule where several are open.

One line is one person, with the fewest fields that make the case. The furthest along the path is
tried first; who is no prospect leaves whatever else is true [S8].
"""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm.testing import Bench

NOW = "2024-06-03T12:00:00Z"
READY: dict[str, Any] = {"behavior_score": 65, "demographic_score": 20}
OWNED: dict[str, Any] = {"owner": "sdr.north", "owner_changed_at": NOW}
LEGAL: dict[str, Any] = {"role": "legal"}
RIVAL: dict[str, Any] = {"domain": "competitor.example"}
HAND: dict[str, Any] = {"hand_raised": True}
DEAL: dict[str, Any] = {"open_opportunities": 1}
WON: dict[str, Any] = {"won_opportunities": 1}
SALES: dict[str, Any] = {"sourced_by": "sales"}

#: Name of the case: the stage, the fields, the stage that follows, and the rule.
BY_THE_SYSTEM: dict[str, tuple[str, dict[str, Any], str, str]] = {
    # The sort, where two of its rules hold.
    "legal of a competitor": ("processing", LEGAL | RIVAL, "off_path", "no_prospect"),
    "competitor with a deal": ("processing", RIVAL | DEAL, "disqualified", "competitor"),
    "competitor who bought": ("processing", RIVAL | WON, "customer", "customers_contact"),
    "bought, and buys": ("processing", WON | DEAL, "customer", "customers_contact"),
    "bought twice": ("processing", {"won_opportunities": 2}, "customer", "customers_contact"),
    "two deals": ("processing", {"open_opportunities": 2}, "sql", "on_open_opportunity"),
    "made by sales with a deal": ("processing", SALES | DEAL, "sql", "on_open_opportunity"),
    "made by sales, and asks": ("processing", SALES | HAND, "sal", "made_by_sales"),
    "asks, and is ready": ("processing", READY | HAND, "mql", "sorted_by_hand_raise"),
    "a point short of fit": (
        "processing",
        READY | {"demographic_score": 19},
        "mal",
        "everybody_else",
    ),
    "a point short of interest": (
        "processing",
        READY | {"behavior_score": 64},
        "mal",
        "everybody_else",
    ),
    # Fast tracks: the one that leads furthest.
    "bought at MAL": ("mal", WON | DEAL, "customer", "won_early"),
    "bought at MAL, and asks": ("mal", WON | HAND, "customer", "won_early"),
    "bought at MQL": ("mql", WON, "customer", "won_early"),
    "bought at MQL, owned": ("mql", WON | DEAL | OWNED, "customer", "won_early"),
    "bought at SAL": ("sal", WON | DEAL, "customer", "won_early"),
    "a deal at MAL, owned": ("mal", DEAL | OWNED, "sql", "opportunity_early"),
    "a deal at MAL, and asks": ("mal", DEAL | HAND, "sql", "opportunity_early"),
    "a deal at MQL, owned": ("mql", DEAL | OWNED, "sql", "opportunity_early"),
    "owned at MAL, and asks": ("mal", HAND | OWNED, "sal", "worked_by_sales"),
    "asks at MAL, and is ready": ("mal", HAND | READY, "mql", "qualified_by_hand_raise"),
    "bought at SQL": ("sql", WON | DEAL, "customer", "closed_won"),
    # Everybody of the team accepts.
    "owned by Baltic": ("mal", OWNED | {"owner": "sdr.baltic"}, "sal", "worked_by_sales"),
    "owned by South": ("mal", OWNED | {"owner": "sdr.south"}, "sal", "worked_by_sales"),
    "owned by Iberia": ("mal", OWNED | {"owner": "sdr.iberia"}, "sal", "worked_by_sales"),
    "owned since the journey began": (
        "mal",
        OWNED | {"stage_entered_at": NOW, "journey_started_at": NOW},
        "sal",
        "worked_by_sales",
    ),
    "touched since the journey began": (
        "mql",
        {"sales_touched_at": NOW, "stage_entered_at": NOW, "journey_started_at": NOW},
        "sal",
        "accepted",
    ),
    # Who is no prospect leaves from anywhere, whatever else is true.
    "legal at MAL": ("mal", LEGAL | WON, "off_path", "no_prospect_after_all"),
    "legal at MAL, and asks": ("mal", LEGAL | HAND, "off_path", "no_prospect_after_all"),
    "legal at MQL": ("mql", LEGAL | OWNED, "off_path", "no_prospect_after_all"),
    "legal at SAL": ("sal", LEGAL | DEAL, "off_path", "no_prospect_after_all"),
    "legal at SQL": ("sql", LEGAL | WON, "off_path", "no_prospect_after_all"),
    "legal, recycled": ("recycled", LEGAL | WON, "off_path", "no_prospect_after_all"),
    "accounts payable": (
        "mal",
        {"role": "accounts_payable"},
        "off_path",
        "no_prospect_after_all",
    ),
    # Back from recycled: the furthest first, and a rest last.
    "recycled, bought": ("recycled", WON | DEAL, "customer", "won_after_all"),
    "recycled, a deal": ("recycled", DEAL | HAND, "sql", "reopened"),
    "recycled, asks": ("recycled", HAND, "mql", "raised_hand_again"),
    "recycled, asks and is ready": ("recycled", HAND | READY, "mql", "raised_hand_again"),
    "recycled, ready": ("recycled", READY | {"days_in_stage": 90}, "mql", "requalified"),
    "recycled, rested": ("recycled", {"days_in_stage": 90}, "mal", "rested"),
    "recycled, long rested": ("recycled", {"days_in_stage": 91}, "mal", "rested"),
    "disqualified, bought": ("disqualified", WON, "customer", "won_after_all"),
}
STAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "recycled, interested, does not fit": ("recycled", {"behavior_score": 65}),
    "recycled, a day short of rest": ("recycled", {"days_in_stage": 89}),
    "interested, a point short of fit": ("mal", READY | {"demographic_score": 19}),
    "disqualified, asks and is ready": ("disqualified", HAND | READY),
    "owned by a stranger": ("mql", OWNED | {"owner": "somebody"}),
}
#: The reason that sales gives, and where that leads.
REASONS = {
    **dict.fromkeys(("no_budget", "no_time", "no_answer", "not_ready"), "recycled"),
    **dict.fromkeys(("wrong_person", "competitor", "student", "out_of_business"), "disqualified"),
}


@pytest.mark.parametrize(
    ("stage", "fields", "to", "by"), BY_THE_SYSTEM.values(), ids=list(BY_THE_SYSTEM)
)
def test_s8_who_goes_where(stage: str, fields: dict[str, Any], to: str, by: str) -> None:
    bench = Bench("waterfall")
    bench.assert_moves(bench.person_in(stage, **fields), to=to, by=by)


@pytest.mark.parametrize(("stage", "fields"), STAYS.values(), ids=list(STAYS))
def test_who_stays(stage: str, fields: dict[str, Any]) -> None:
    bench = Bench("waterfall")
    bench.assert_stays(bench.person_in(stage, **fields))


@pytest.mark.parametrize("stage", ["mql", "sal"])
@pytest.mark.parametrize(("reason", "to"), REASONS.items())
def test_r38_each_reason_leads_to_one_detour(stage: str, reason: str, to: str) -> None:
    bench = Bench("waterfall")
    person = bench.person_in(stage, rejection_reason=reason, behavior_score=1, hand_raised=True)
    bench.assert_moves(person, "sales_rejected", to=to, by=f"{to}_by_sales")
    # Half of the interest goes with it, floored, and the hand is down.
    assert (person.behavior_score, person.hand_raised) == (0, False)


@pytest.mark.parametrize("stage", ["mal", "mql", "sal", "sql", "recycled"])
def test_who_turns_out_to_be_no_prospect_loses_the_heat(stage: str) -> None:
    bench = Bench("waterfall")
    person = bench.person_in(stage, role="legal", behavior_score=200, hand_raised=True)
    bench.assert_moves(person, to="off_path", by="no_prospect_after_all")
    assert (person.behavior_score, person.hand_raised) == (64, False)


def test_recycled_can_still_be_ruled_out() -> None:
    bench = Bench("waterfall")
    bench.assert_moves(bench.person_in("recycled"), "disqualify", to="disqualified", by="ruled_out")
