"""Stories of the field, in the shipped ``waterfall``: what happens around the creation of a person.

Each is one test, to be read from top to bottom.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs

from lifecycle_fsm import Context, Decision, Lifecycle, Person, load
from tests.scenarios.stories import DAY, HOUR, MINUTE, MONDAY

SECOND = timedelta(seconds=1)
LEE = {"email": "ann.lee@acme.com", "first_name": "Ann", "company": "Acme", "job_title": "VP Sales"}
DEMO = {"form": "Hand-Raise: Demo"}
WATERFALL = load("waterfall")


def hops(person: Person) -> list[tuple[str, str]]:
    """Stage and rule of everything that was entered behind original processing."""
    return [(row.to_stage, row.rule) for row in person.history[1:]]


def asked(decisions: list[Decision]) -> list[tuple[str, str]]:
    return [
        (one.rule, one.state)
        for decision in decisions
        for one in decision.requests
        if one.channel != "mail"
    ]


def form_and_hand_raise(lifecycle: Lifecycle) -> None:
    """A form makes the record, and three seconds later its second page asks for a demo."""
    lifecycle.apply("ann", "created", at=MONDAY, id="c", created_through="form", **LEE)
    answer = lifecycle.apply("ann", "form_filled", at=MONDAY + 3 * SECOND, id="f", **DEMO)
    assert answer.stage == "processing"


def test_a_hand_is_raised_three_seconds_after_creation_while_enrich_is_slow() -> None:
    """The service answers after eleven minutes. Until then nobody moves; then the sort sees the
    raised hand, and what the service knew."""
    decisions: list[Decision] = []

    def enrich(person: Person, context: Context) -> dict[str, Any]:
        assert person.domain == "acme.com"
        return {"industry": "shipping", "employees": 900}

    lifecycle = Lifecycle(WATERFALL, steps={"enrich": enrich}, record=decisions.append)
    lifecycle.expect_processed("ann")
    form_and_hand_raise(lifecycle)
    lifecycle.tick(MONDAY + 10 * MINUTE)
    ann = lifecycle.person("ann")
    assert (ann.stage, ann.hand_raised) == ("processing", True)

    lifecycle.process("ann", at=MONDAY + 11 * MINUTE)
    assert hops(ann) == [("mql", "sorted_by_hand_raise")]
    assert "mal" not in ann.stamps
    assert ann.history[-1].now == MONDAY + 11 * MINUTE
    assert ann.history[-1].passed_over == ("mal",)
    assert (ann.employees, ann.demographic_score) == (900, 20 + 15 + 5)
    # Sales is asked once, at once, and hears nothing of the stage that was passed over.
    assert asked(decisions) == [("mql_into_crm", "sent"), ("mql_to_call", "held")]


def test_a_hand_is_raised_three_seconds_after_creation_while_enrich_is_down() -> None:
    """The lead goes on without the company data, and the error is kept. When the service is back
    the company follows by hand, and the fit with it."""

    def enrich(person: Person, context: Context) -> dict[str, Any]:
        raise TimeoutError("no answer from the data service")

    lifecycle = Lifecycle(WATERFALL, steps={"enrich": enrich})
    form_and_hand_raise(lifecycle)
    (sorted_,) = lifecycle.tick(MONDAY + MINUTE)
    ann = lifecycle.person("ann")
    assert hops(ann) == [("mql", "sorted_by_hand_raise")]
    assert ann.history[-1].now == MONDAY + MINUTE  # as long as the model waits
    assert "no answer from the data service" in sorted_.reason
    assert [one.step for one in lifecycle.skipped["ann"]] == ["enrich"]
    assert not lifecycle.parked

    lifecycle.apply("ann", "changed", at=MONDAY + HOUR, employees=900)
    assert ann.demographic_score == 20 + 15 + 5
    assert len(ann.history) == 2


def test_a_hot_list_with_a_score_boost() -> None:
    """Marketing imports the contacts of a fair, and gives everybody who came to the booth enough
    points. Who fits is an MQL at once, and was never stamped as anything less; who does not fit
    is a lead, and stays one; who was a lead before qualifies on the spot."""
    lifecycle = Lifecycle(WATERFALL)
    lifecycle.admit("known", at=MONDAY - 90 * DAY, job_title="VP Marketing")
    for name, title in (("vp", "VP Sales"), ("intern", "Intern"), ("absent", "CEO")):
        lifecycle.apply(
            name, "created", at=MONDAY, created_through="list", source="fair", job_title=title
        )
    for name in ("vp", "intern", "known"):
        lifecycle.apply(name, "score_given", at=MONDAY + SECOND, points=65, reason="was at booth 7")
    lifecycle.tick(MONDAY + HOUR)
    assert {person.id: hops(person) for person in lifecycle} == {
        "known": [("mal", "everybody_else"), ("mql", "qualified_by_score")],
        "vp": [("mql", "sorted_by_score")],
        "intern": [("mal", "everybody_else")],
        "absent": [("mal", "everybody_else")],
    }
    assert lifecycle.person("vp").history[-1].source == "fair"


def test_won_before_created() -> None:
    """The deal was opened and won by telephone; the CRM makes the contact when the contract comes
    back. What was held until then counts, in the order in which it happened, and marketing gets no
    credit for stages that never were."""
    lifecycle = Lifecycle(WATERFALL)
    deal: dict[str, Any] = {"opportunity": "d-1", "amount": 4000, "closes_at": MONDAY}
    for day, kind in ((-20, "opportunity_opened"), (-2, "opportunity_won")):
        at = MONDAY + day * DAY
        assert lifecycle.apply("kim", kind, at=at, **deal).result == "held"
    lifecycle.apply("kim", "created", at=MONDAY, created_by="sales", created_through="crm")
    lifecycle.tick(MONDAY + HOUR)
    kim = lifecycle.person("kim")
    assert not lifecycle.held
    assert hops(kim) == [("customer", "customers_contact")]
    row = kim.history[-1]
    assert (row.passed_over, row.credit) == (("mal", "mql", "sal", "sql"), False)
    assert (kim.won_opportunities, kim.open_opportunities) == (1, 0)
    assert kim.history[0].now == MONDAY  # nobody was here before


def test_four_hops_in_one_activity() -> None:
    """A company without fast tracks imports from its old CRM that somebody raised a hand, was
    called, and has bought. Each stage has its row, at one instant, and counts as entered; only the
    last one asks anybody for anything."""
    no_fast_tracks = [one for one in WATERFALL.moves if not one.skips]
    lifecycle = Lifecycle(attrs.evolve(WATERFALL, moves=no_fast_tracks))
    ann = lifecycle.admit("ann", at=MONDAY, **LEE)
    at = MONDAY + DAY
    decision = lifecycle.apply(
        "ann",
        "changed",
        at=at,
        id="import",
        hand_raised=True,
        sales_touched_at=at,
        open_opportunities=1,
        won_opportunities=1,
    )
    assert [(row.from_stage, row.to_stage, row.rule) for row in decision.rows] == [
        ("mal", "mql", "qualified_by_hand_raise"),
        ("mql", "sal", "accepted"),
        ("sal", "sql", "opportunity_opened"),
        ("sql", "customer", "closed_won"),
    ]
    assert {(row.now, row.activity, row.kind) for row in decision.rows} == {(at, "import", "step")}
    assert [row.sequence for row in ann.history] == [1, 2, 3, 4, 5, 6]
    for stage in ("mql", "sal", "sql"):
        assert (ann.stamps[stage].visits, ann.stamps[stage].total) == (1, timedelta(0))
    outgoing = [one for one in decision.requests if one.goes_out and one.channel != "mail"]
    assert {one.stage for one in outgoing} == {"customer"}
    assert {one.stage for one in decision.requests if one.state == "superseded"} == {
        "mql",
        "sal",
        "sql",
    }
    mail = [one.data for one in decision.requests if one.channel == "mail"]
    assert mail == [{"mail": None, "before": "nurture"}]
    # Nothing was promised for stages that lasted no time.
    assert not [one for one in lifecycle.tick(at + 300 * DAY) if one.kind == "deadline"]


def test_accounts_payable_who_later_becomes_a_prospect() -> None:
    """Sales makes a record of whoever pays the bills: nobody's lead, and no mail. Two years later
    she buys herself: the role is corrected, and she begins at the beginning, with no credit lost
    and nothing of the old record in the way."""
    lifecycle = Lifecycle(WATERFALL)
    kim = lifecycle.admit(
        "kim", at=MONDAY, created_by="sales", created_through="crm", role="accounts_payable"
    )
    assert (hops(kim), lifecycle.mail("kim")) == ([("off_path", "no_prospect")], "suspended")
    # What she does meanwhile moves her nowhere.
    asks = lifecycle.apply("kim", "form_filled", at=MONDAY + 90 * DAY, **DEMO)
    assert [(one.rule, one.to) for one in asks.requests] == [("review", "sales.manager")]
    lifecycle.apply("kim", "sales_touched", at=MONDAY + 91 * DAY)
    assert lifecycle.apply("kim", "reinstate", at=MONDAY + 92 * DAY).result == "refused"
    assert kim.stage == "off_path"

    lifecycle.apply("kim", "changed", at=MONDAY + 700 * DAY, role="buyer", hand_raised=False)
    assert hops(kim)[1:] == [("mal", "became_prospect")]
    assert (kim.journey, kim.journey_started_at) == (2, MONDAY + 700 * DAY)
    assert lifecycle.mail("kim") == "nurture"
    # The call of the time before does not count as accepted; a new one does.
    assert lifecycle.apply("kim", "web_visit", at=MONDAY + 701 * DAY).result == "unchanged"
    lifecycle.apply("kim", "form_filled", at=MONDAY + 702 * DAY, **DEMO)
    lifecycle.apply("kim", "sales_touched", at=MONDAY + 703 * DAY)
    assert hops(kim)[2:] == [("mql", "qualified_by_hand_raise"), ("sal", "accepted")]
    assert {row.journey for row in kim.history[3:]} == {2}
