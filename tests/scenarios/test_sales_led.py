"""What people go through in the shipped ``sales_led``, told by the lines of the requirements."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from lifecycle_fsm import Lifecycle
from lifecycle_fsm.funnel import count
from tests.scenarios.stories import DAY, HOUR, MINUTE, MONDAY, OPEN, Story

BY_SALES: dict[str, Any] = {
    "created_by": "sales",
    "created_through": "crm",
    "first_name": "Ann",
    "last_name": "Lee",
    "company": "Acme",
}
CONTACT = {"form": "Contact: Please call"}


def prospect(**fields: Any) -> Story:
    """Somebody whom sales made on Monday at nine, London."""
    return Story("sales_led", **{**BY_SALES, **fields})


def inquiry(**fields: Any) -> Story:
    return Story("sales_led", email="bo@lumen.example", **fields)


# ------------------------------------------------------------------ the sort

SORTED: dict[str, tuple[dict[str, Any], str, str]] = {
    "R22 made by sales": (BY_SALES, "working", "made_by_sales"),
    "R22 made by sales with an opportunity": (
        {**BY_SALES, "open_opportunities": 1},
        "opportunity",
        "on_open_opportunity",
    ),
    "R22 a contact of a customer": (
        {**BY_SALES, "won_opportunities": 1},
        "customer",
        "customers_contact",
    ),
    "R22 accounts payable": ({**BY_SALES, "role": "accounts_payable"}, "off_path", "no_prospect"),
    "R22 legal of a customer": (
        {**BY_SALES, "role": "legal", "won_opportunities": 3},
        "off_path",
        "no_prospect",
    ),
    "R23 a list of sales goes the way of marketing": (
        {**BY_SALES, "created_through": "list"},
        "inquiry",
        "everybody_else",
    ),
    "R18 asks at once": ({"hand_raised": True}, "mql", "asked_at_once"),
    "R14 everybody else": ({}, "inquiry", "everybody_else"),
}


@pytest.mark.parametrize(("fields", "stage", "rule"), SORTED.values(), ids=SORTED.keys())
def test_s15_who_enters_where(fields: dict[str, Any], stage: str, rule: str) -> None:
    story = Story("sales_led", **fields)
    assert (story.stages, story.rules) == ([stage], [rule])


def test_s15_r15_every_rule_of_the_sort_has_its_case() -> None:
    model = Lifecycle("sales_led").model
    assert {rule for _, _, rule in SORTED.values()} == {rule.name for rule in model.sort}


def test_r22_no_marketing_mail_for_whom_we_only_pay_or_sue() -> None:
    for role in ("accounts_payable", "legal", "supplier"):
        story = prospect(role=role)
        assert story.lifecycle.mail("ann") == "suspended"
        assert story.rules_asked() == ["out_of_nurture"]


# ------------------------------------------------------------------ no credit


def test_s17_r23_marketing_gets_no_credit_for_stages_that_sales_made_people_never_had() -> None:
    row = prospect().person.history[-1]
    assert (row.passed_over, row.credit) == (("inquiry", "mql"), False)


OVERTAKEN: dict[str, tuple[str, dict[str, Any], str]] = {
    "a call": ("sales_touched", {}, "working"),
    "a meeting": ("meeting_held", {"minutes": 40}, "meeting"),
    "an opportunity": ("opportunity_opened", OPEN, "opportunity"),
    "a deal": ("opportunity_won", {"opportunity": "deal"}, "customer"),
}


@pytest.mark.parametrize(("kind", "payload", "stage"), OVERTAKEN.values(), ids=OVERTAKEN.keys())
def test_r19_r23_what_sales_overtakes_has_no_credit(
    kind: str, payload: dict[str, Any], stage: str
) -> None:
    story = inquiry()
    story.happens(1 * DAY, kind, **payload)
    row = story.person.history[-1]
    assert (story.stages, row.kind, row.credit) == (["inquiry", stage], "fast_track", False)
    assert row.passed_over[0] == "mql"


def test_s26_the_ratios_of_marketing_are_about_those_whom_marketing_had() -> None:
    lifecycle = Lifecycle("sales_led")
    for number in range(8):
        lifecycle.admit(f"s{number}", at=MONDAY, **BY_SALES)
    for number in range(4):
        lifecycle.admit(f"m{number}", at=MONDAY)
    lifecycle.apply("m0", "form_filled", at=MONDAY + DAY, **CONTACT)
    lifecycle.apply("m0", "sales_touched", at=MONDAY + DAY + HOUR)
    lifecycle.apply("m1", "sales_touched", at=MONDAY + DAY)
    for reading in ("through", "over"):
        counts = count(lifecycle.history, lifecycle.model, reading=reading)
        ratio = counts.conversion["mql", "working"]
        assert (ratio.reached, ratio.journeys) == (1, 1)


# ------------------------------------------------------------------ the path


def test_the_path_that_sales_walks() -> None:
    story = prospect()
    story.happens(1 * DAY, "sales_touched", by="rep.uk")
    story.happens(9 * DAY, "meeting_held", by="rep.uk", minutes=45)
    story.happens(20 * DAY, "opportunity_opened", **OPEN)
    story.happens(80 * DAY, "opportunity_won", opportunity="deal")
    assert story.stages == ["working", "meeting", "opportunity", "customer"]
    assert {row.kind for row in story.person.history[2:]} == {"step"}


def test_an_inquiry_goes_to_sales_when_it_asks_or_has_shown_enough() -> None:
    asks, warm = inquiry(), inquiry()
    asks.happens(1 * DAY, "form_filled", **CONTACT)
    for day in (1, 2, 40):
        warm.happens(day * DAY, "form_filled", form="Catalogue")
    assert asks.stages == warm.stages == ["inquiry", "mql"]
    assert (asks.rules[-1], warm.rules[-1]) == ("asked", "warmed_up")


def test_r43_the_few_points_of_a_small_marketing() -> None:
    story = inquiry()
    for number in range(5):
        story.happens(number * MINUTE, "web_visit", page="/")
        story.happens(number * MINUTE, "email_clicked")
    assert story.person.behavior_score == 9 + 10
    story.happens(1 * DAY, "form_filled", form="Catalogue")
    assert (story.person.behavior_score, story.person.stage) == (39, "inquiry")
    story.happens(2 * DAY, "unsubscribed")
    story.happens(3 * DAY, "unsubscribed")
    assert story.person.behavior_score == -1
    story.passes(400 * DAY)
    assert story.person.behavior_score == -1  # silence raises no score
    story.happens(401 * DAY, "form_filled", form="Catalogue")
    story.passes(580 * DAY)
    assert story.person.behavior_score == 19
    story.passes(581 * DAY)
    assert story.person.behavior_score == 0


def test_r3_only_one_of_ours_accepts_by_taking_the_record_over() -> None:
    story = inquiry()
    story.happens(1 * DAY, "form_filled", **CONTACT)
    story.happens(2 * DAY, "owner_changed", owner="import.robot")
    assert story.person.stage == "mql"
    story.happens(3 * DAY, "owner_changed", owner="rep.dach")
    assert (story.person.stage, story.person.assigned_to) == ("working", "rep.dach")


# ------------------------------------------------------------------ left alone


def missed(story: Story) -> list[tuple[str, datetime]]:
    return [(one.reason, one.now) for one in story.decisions if one.kind == "deadline"]


def test_r25_whom_sales_made_and_left_alone_raises_the_same_alarms_as_anyone() -> None:
    """A prospect of sales' own, and one that marketing handed over: the same promises at the same
    stage, kept or missed alike."""
    own = prospect(owner="rep.uk")
    handed = inquiry(owner="rep.uk")
    handed.happens(0 * DAY, "form_filled", **CONTACT)
    handed.happens(0 * DAY + MINUTE, "owner_changed", owner="rep.uk")
    assert own.person.stage == handed.person.stage == "working"
    for story in (own, handed):
        story.passes(60 * DAY)
        assert [name for name, _ in missed(story)] == [
            "first_call",
            "first_call_to_director",
            "no_meeting",
        ]
        assert story.asked()[-3:] == [
            ("first_call", "task", "rep.uk"),
            ("first_call_to_director", "email", "sales.director"),
            ("no_meeting", "task", "rep.uk"),
        ]
        assert story.person.stage == "working"  # alarms move nobody


def test_r25_the_first_call_is_due_after_two_working_days() -> None:
    """Made on Friday at three: Monday is the first, Tuesday at three the second."""
    story = prospect(at=datetime.fromisoformat("2024-06-07T15:00+01:00"))
    story.passes(10 * DAY)
    assert missed(story) == [
        ("first_call", datetime.fromisoformat("2024-06-11T15:00+01:00")),
        ("first_call_to_director", datetime.fromisoformat("2024-06-12T15:00+01:00")),
    ]


def test_s20_a_call_exactly_at_the_deadline_is_in_time() -> None:
    story = prospect()
    story.happens(2 * DAY, "sales_touched")
    story.passes(20 * DAY)
    assert not missed(story)


def test_r25_who_was_made_without_an_owner_goes_to_the_territory() -> None:
    assert prospect(country="DE").person.assigned_to == "rep.dach"
    assert prospect(country="BR").person.assigned_to in Lifecycle("sales_led").model.tokens["reps"]  # type: ignore[operator]
    assert prospect(country="DE", owner="rep.benelux").person.assigned_to == "rep.benelux"


def test_s16_a_territory_of_two_is_shared_and_nobody_else_gets_it() -> None:
    lifecycle = Lifecycle("sales_led")
    people = [lifecycle.admit(f"p{n}", at=MONDAY, **BY_SALES, country="Ireland") for n in range(30)]
    assert {person.assigned_to for person in people} == {"rep.uk", "rep.ireland"}
    others = [lifecycle.admit(f"q{n}", at=MONDAY, **BY_SALES, country="BR") for n in range(60)]
    assert {person.assigned_to for person in others} == {*lifecycle.model.tokens["reps"]}  # type: ignore[misc]


def test_whoever_takes_the_record_over_is_the_one_and_stays_so() -> None:
    story = prospect(country="DE", owner="rep.benelux")
    story.happens(1 * DAY, "owner_changed", owner="rep.uk")
    assert story.person.assigned_to == "rep.uk"
    story.happens(2 * DAY, "owner_changed", owner="")
    assert story.person.assigned_to == "rep.uk"
    handed = inquiry(country="DE")
    handed.happens(1 * DAY, "form_filled", **CONTACT)
    handed.happens(2 * DAY, "changed", country="IE", sales_touched_at=MONDAY + 2 * DAY)
    assert (handed.person.stage, handed.person.assigned_to) == ("working", "rep.dach")


def test_r34_a_lead_that_was_handed_over_is_called_within_four_working_hours() -> None:
    """From half past eleven on, with the hour of lunch: until half past four."""
    story = inquiry(at=datetime.fromisoformat("2024-06-03T11:30+01:00"))
    story.happens(0 * DAY, "form_filled", **CONTACT)
    assert story.due("call_them") == datetime.fromisoformat("2024-06-03T16:30+01:00")
    story.happens(5 * HOUR, "sales_touched")
    story.passes(1 * DAY)
    assert not missed(story)


def test_r34_a_lead_that_nobody_calls_goes_up_to_the_director() -> None:
    story = inquiry(country="DE")
    story.happens(0 * DAY, "form_filled", **CONTACT)
    story.passes(9 * DAY)
    assert missed(story) == [
        ("handed_over", datetime.fromisoformat("2024-06-03T14:00+01:00")),
        ("handed_over_to_director", datetime.fromisoformat("2024-06-04T14:00+01:00")),
    ]
    assert story.asked()[-2:] == [
        ("handed_over", "task", "rep.dach"),
        ("handed_over_to_director", "email", "sales.director"),
    ]


def test_a_meeting_without_an_opportunity_is_asked_about() -> None:
    story = prospect()
    story.happens(1 * DAY, "meeting_held")
    story.passes(22 * DAY)
    assert [name for name, _ in missed(story)] == ["no_opportunity"]


def test_s24_whom_sales_made_in_the_crm_is_there_and_no_link_waits() -> None:
    story = prospect()
    story.happens(1 * HOUR, "sales_touched")
    story.happens(2 * HOUR, "form_filled", **CONTACT)
    assert story.asked()[-1] == ("asks_meanwhile", "task", story.person.assigned_to)
    other = inquiry()
    other.happens(1 * HOUR, "form_filled", **CONTACT)
    assert "call_them" in other.rules_asked("held")
    other.happens(2 * HOUR, "crm_synced")
    assert "call_them" in other.rules_asked("released")


# ------------------------------------------------------------------ later, and off the path


def test_r38_the_reason_decides_between_later_and_no_fit() -> None:
    tokens = Lifecycle("sales_led").model.tokens
    for token, stage in (("later_reasons", "later"), ("no_fit_reasons", "disqualified")):
        reasons = tokens[token]
        assert isinstance(reasons, tuple)
        for reason in reasons:
            story = prospect()
            story.happens(1 * DAY, "sales_rejected", reason=reason)
            assert story.person.stage == stage
    story = prospect()
    assert story.happens(1 * DAY, "sales_rejected", reason="bored").result == "refused"
    assert story.person.stage == "working"


BACK: dict[str, tuple[list[tuple[str, dict[str, Any]]], list[str]]] = {
    "later: asks for us": (
        [("sales_rejected", {"reason": "no_time"}), ("form_filled", CONTACT)],
        ["working", "later", "mql"],
    ),
    "later: a new opportunity": (
        [("sales_rejected", {"reason": "no_time"}), ("opportunity_opened", OPEN)],
        ["working", "later", "opportunity"],
    ),
    "later: won": (
        [("sales_rejected", {"reason": "no_time"}), ("opportunity_won", {"opportunity": "deal"})],
        ["working", "later", "customer"],
    ),
    "later, and then no prospect": (
        [("sales_rejected", {"reason": "no_time"}), ("changed", {"role": "legal"})],
        ["working", "later", "off_path"],
    ),
    "ruled out, and won all the same": (
        [("disqualify", {}), ("opportunity_won", {"opportunity": "deal"})],
        ["working", "disqualified", "customer"],
    ),
    "ruled out, and reinstated": (
        [("disqualify", {}), ("reinstate", {})],
        ["working", "disqualified", "working"],
    ),
    "off the path, reinstated too early, then with another role": (
        [
            ("changed", {"role": "legal"}),
            ("reinstate", {}),
            ("changed", {"role": None}),
            ("reinstate", {}),
        ],
        ["working", "off_path", "working"],
    ),
    "disqualified: a form asks for a review": (
        [("disqualify", {}), ("form_filled", CONTACT)],
        ["working", "disqualified"],
    ),
}


@pytest.mark.parametrize(("events", "expected"), BACK.values(), ids=BACK.keys())
def test_r5_ways_off_the_path_and_back(
    events: list[tuple[str, dict[str, Any]]], expected: list[str]
) -> None:
    story = prospect()
    for number, (kind, payload) in enumerate(events):
        story.happens((number + 1) * DAY, kind, **payload)
    assert story.stages == expected
    asks_for_review = story.stages[-1] == "disqualified"
    assert (story.asked()[-1][0] == "review") is asks_for_review


def test_r5_who_said_later_comes_back_to_sales_when_the_time_is_over() -> None:
    story = prospect()
    story.happens(1 * DAY, "sales_touched")
    story.happens(2 * DAY, "sales_rejected", reason="other_contract")
    story.passes(121 * DAY)
    assert story.person.stage == "later"
    story.passes(122 * DAY)
    assert (story.stages[-2:], story.person.journey) == (["later", "working"], 2)
    # The call of the first journey does not count for the second.
    story.passes(140 * DAY)
    assert "first_call" in [name for name, _ in missed(story)]


def test_sales_may_pick_somebody_up_before_that() -> None:
    story = prospect()
    story.happens(1 * DAY, "sales_rejected", reason="no_time")
    story.happens(1 * DAY, "sales_touched")
    assert story.person.stage == "later"  # the same instant: that was the call that ended it
    story.happens(30 * DAY, "sales_touched")
    assert (story.stages[-1], story.rules[-1]) == ("working", "picked_up_again")


def test_accounts_payable_who_becomes_a_prospect_is_worked_on() -> None:
    story = prospect(role="accounts_payable")
    story.happens(10 * DAY, "changed", role="buyer")
    assert (story.stages, story.person.journey) == (["off_path", "working"], 2)


def test_made_by_sales_with_an_opportunity_lost_later_requalified_and_won() -> None:
    story = prospect(open_opportunities=0)
    story.happens(1 * DAY, "opportunity_opened", **OPEN)
    story.happens(30 * DAY, "opportunity_lost", opportunity="deal", reason="price")
    story.passes(151 * DAY)
    story.happens(160 * DAY, "meeting_held")
    story.happens(170 * DAY, "opportunity_opened", **{**OPEN, "opportunity": "second"})
    story.happens(200 * DAY, "opportunity_won", opportunity="second")
    assert story.stages == [
        "working", "opportunity", "later", "working", "meeting", "opportunity", "customer"
    ]  # fmt: skip
    assert [row.journey for row in story.person.history[-3:]] == [2, 2, 2]


def test_a_customer_who_asks_is_told_to_whoever_has_them() -> None:
    story = prospect(owner="rep.uk", won_opportunities=1)
    story.happens(5 * DAY, "form_filled", **CONTACT)
    assert story.person.stage == "customer"
    assert story.asked()[-1] == ("asks_meanwhile", "task", "rep.uk")
    story.happens(6 * DAY, "opportunity_opened", **OPEN)  # an upsell is no stage change
    assert story.stages == ["customer"]


# ------------------------------------------------------------------ lists, and two records


def test_r36_who_comes_on_their_own_is_nurtured_until_sales_works_on_them() -> None:
    story = inquiry()
    story.happens(1 * DAY, "form_filled", **CONTACT)
    assert story.rules_asked() == ["into_nurture", "into_crm"]
    story.happens(2 * DAY, "sales_touched")
    story.happens(3 * DAY, "sales_rejected", reason="no_time")
    assert [one for one in story.rules_asked() if "nurture" in one] == [
        "into_nurture",
        "out_of_nurture",
        "into_nurture",
    ]


def test_who_wants_no_mail_is_taken_off_the_list_and_never_put_back() -> None:
    story = inquiry()
    story.happens(1 * DAY, "unsubscribed")
    assert story.asked()[-1] == ("mail_refused", "list_remove", "nurture")
    story.happens(2 * DAY, "sales_touched")
    story.happens(3 * DAY, "sales_rejected", reason="no_time")
    assert story.rules_asked().count("into_nurture") == 1


def test_s24_only_a_form_that_asks_for_sales_is_told() -> None:
    story = prospect(created_through="form")
    story.happens(1 * DAY, "form_filled", form="Catalogue")
    assert "asks_meanwhile" not in story.rules_asked("sent", "held")
    story.happens(2 * DAY, "form_filled", **CONTACT)
    assert "asks_meanwhile" in story.rules_asked("held")


def test_s23_two_records_of_one_person() -> None:
    story = inquiry(behavior_score=10)
    story.lifecycle.admit("ann2", at=MONDAY - 9 * DAY, **BY_SALES, behavior_score=30)
    story.happens(1 * DAY, "meeting_held")
    for kind in ("meeting_held", "unsubscribed"):
        story.lifecycle.apply("ann2", kind, at=MONDAY + 2 * DAY)
    story.happens(3 * DAY, "merged", loser="ann2")
    ann = story.person
    assert (ann.stage, ann.behavior_score, ann.unsubscribed) == ("meeting", 10, True)
    assert (ann.created_at, ann.met_at) == (MONDAY - 9 * DAY, MONDAY + 2 * DAY)  # type: ignore[attr-defined]
