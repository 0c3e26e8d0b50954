"""What people go through in the shipped ``engagement``, told by the lines of the requirements."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from lifecycle_fsm import Lifecycle
from tests.scenarios.stories import DAY, HOUR, MINUTE, MONDAY, OPEN, Story

FITS: dict[str, Any] = {
    "email": "ann@acme.example",
    "first_name": "Ann",
    "last_name": "Lee",
    "company": "Acme",
    "seniority": "vp",
    "created_through": "crm",
}
DEMO = {"form": "Hand-Raise: Demo"}


def known(**fields: Any) -> Story:
    return Story("engagement", **fields)


def mql(**fields: Any) -> Story:
    """Somebody who raised a hand on Monday at nine, New York."""
    story = known(**{"at": MONDAY + 5 * HOUR, **FITS, **fields})
    story.happens(0 * DAY, "form_filled", **DEMO)
    assert story.person.stage == "mql"
    return story


# ------------------------------------------------------------------ the sort

SORTED: dict[str, tuple[dict[str, Any], str, str]] = {
    "R14 everybody else": ({}, "known", "everybody_else"),
    "interested already": ({"behavior_score": 20}, "engaged", "engaged_at_once"),
    "R2 ready, of no fit": ({"behavior_score": 90}, "engaged", "engaged_at_once"),
    "R14 ready and fits": ({"behavior_score": 60, "seniority": "vp"}, "mql", "sorted_by_score"),
    "R18 a hot list: points and a raised hand": (
        {"behavior_score": 60, "hand_raised": True},
        "mql",
        "sorted_by_hand_raise",
    ),
    "R22 made by sales": ({"created_by": "sales"}, "sal", "made_by_sales"),
    "R23 a list of sales": (
        {"created_by": "sales", "created_through": "list"},
        "known",
        "everybody_else",
    ),
    "R14 on an open opportunity": (
        {"created_by": "sales", "open_opportunities": 1},
        "sql",
        "on_open_opportunity",
    ),
    "R14 contact of a customer": ({"won_opportunities": 1}, "customer", "customers_contact"),
    "R22 accounts payable": (
        {"created_by": "sales", "role": "accounts_payable"},
        "disqualified",
        "no_prospect",
    ),
    "a competitor": ({"domain": "competitor.example"}, "disqualified", "no_prospect"),
}


@pytest.mark.parametrize(("fields", "stage", "rule"), SORTED.values(), ids=SORTED.keys())
def test_s15_who_enters_where(fields: dict[str, Any], stage: str, rule: str) -> None:
    story = known(**fields)
    assert (story.stages, story.rules) == ([stage], [rule])


def test_s15_r15_every_rule_of_the_sort_has_its_case() -> None:
    model = Lifecycle("engagement").model
    assert {rule for _, _, rule in SORTED.values()} == {rule.name for rule in model.sort}


# ------------------------------------------------------------------ points decide


def test_points_lead_from_known_over_engaged_to_mql() -> None:
    story = known(**FITS)
    story.happens(1 * DAY, "form_filled", form="Newsletter")
    story.happens(2 * DAY, "web_visit", page="/pricing")
    assert (story.person.behavior_score, story.stages) == (25, ["known", "engaged"])
    story.happens(8 * DAY, "form_filled", form="Guide")
    story.happens(9 * DAY, "form_filled", form="Webinar")
    assert (story.person.behavior_score, story.person.stage) == (55, "engaged")
    story.happens(10 * DAY, "web_visit", page="/pricing/teams")
    assert story.stages == ["known", "engaged", "mql"]
    assert story.rules[-1] == "warm_enough"


def test_r43_caps_keep_one_evening_of_reading_from_being_a_wish_to_buy() -> None:
    story = known(**FITS)
    for number in range(40):
        story.happens(1 * DAY + number * MINUTE, "web_visit", page="/pricing")
    assert story.person.behavior_score == 16 + 6  # of pricing in a week, of any page in a day
    for number in range(10):
        story.happens(2 * DAY + number * MINUTE, "email_clicked")
    assert story.person.behavior_score == 22 + 12
    assert story.person.stage == "engaged"


def test_r43_interest_fades_by_a_quarter_after_each_two_weeks_of_silence() -> None:
    story = known(behavior_score=0)
    story.happens(1 * DAY, "score_given", points=80)
    story.passes(15 * DAY - MINUTE)
    assert story.person.behavior_score == 80
    story.passes(15 * DAY)
    assert story.person.behavior_score == 60
    story.passes(29 * DAY)
    assert story.person.behavior_score == 45
    story.happens(30 * DAY, "email_clicked")  # 49, and the two weeks begin anew
    story.passes(44 * DAY - MINUTE)
    assert story.person.behavior_score == 49
    story.passes(44 * DAY)
    assert story.person.behavior_score == 36
    assert story.person.stage == "engaged"  # a score that falls moves nobody


def test_negative_points_are_capped_and_the_score_never_falls_below_none() -> None:
    story = known()
    story.happens(0 * DAY, "score_given", points=45)
    for number in range(5):
        story.happens(1 * DAY + number * MINUTE, "web_visit", page="/careers/it")
    assert story.person.behavior_score == 25
    story.happens(2 * DAY, "unsubscribed")
    assert story.person.behavior_score == 0
    story.happens(3 * DAY, "score_given", points=50)
    story.happens(4 * DAY, "unsubscribed")  # it has taken its thirty points already
    assert story.person.behavior_score == 50


def test_r43_a_page_is_worth_what_it_says_about_them() -> None:
    for page, points in (("/", 2), ("/pricing/teams", 10), ("/careers", 0), (None, 2)):
        story = known()
        story.happens(1 * DAY, "web_visit", page=page)
        assert story.person.behavior_score == points, page


FIT: dict[str, tuple[dict[str, Any], int]] = {
    "nothing known": ({}, 0),
    "decides": ({"job_title": "Head of Procurement"}, 20),
    "manages": ({"job_title": "Project Manager"}, 10),
    "our industry": ({"industry": "logistics"}, 15),
    "another industry": ({"industry": "fishing"}, 0),
    "large enough": ({"employees": 20}, 10),
    "too small": ({"employees": 19}, 0),
    "all of it": ({"seniority": "c_level", "industry": "software", "employees": 900}, 45),
}


@pytest.mark.parametrize(("fields", "points"), FIT.values(), ids=FIT.keys())
def test_r2_how_well_somebody_fits(fields: dict[str, Any], points: int) -> None:
    assert known(**fields).person.demographic_score == points


# ------------------------------------------------------------------ the raised hand: a boost


def test_r17_r18_a_raised_hand_is_all_the_points_that_an_mql_needs() -> None:
    story = known()  # nothing is known of the fit
    story.happens(1 * DAY, "form_filled", **DEMO)
    assert story.stages == ["known", "mql"]
    assert story.rules[-1] == "raised_hand"
    row = story.person.history[-1]
    assert (row.kind, row.passed_over, row.credit) == ("fast_track", ("engaged",), True)


def test_r21_points_that_were_taken_off_do_not_defeat_a_raised_hand() -> None:
    story = known(behavior_score=-500)
    for number in range(4):
        story.happens(number * MINUTE, "web_visit", page="/careers")
    story.happens(1 * DAY, "unsubscribed")
    story.happens(2 * DAY, "form_filled", form="Hand-Raise: Contact Us")
    assert story.person.stage == "mql"


def test_r17_a_form_that_is_not_on_the_list_is_no_raised_hand() -> None:
    story = known()
    story.happens(1 * DAY, "form_filled", form="Hand-Raise: Fan Club")
    assert (story.person.hand_raised, story.person.stage) == (False, "known")


def test_r20_by_score_and_by_raised_hand_stay_distinguishable() -> None:
    by_score, by_hand = known(**FITS), known(**FITS)
    by_score.happens(1 * DAY, "score_given", points=60)
    by_hand.happens(1 * DAY, "form_filled", **DEMO)
    assert by_score.stages[-1] == by_hand.stages[-1] == "mql"
    assert (by_score.rules[-1], by_hand.rules[-1]) == ("warm_enough", "raised_hand")


def test_r18_a_raised_hand_during_processing_never_stamps_known_or_engaged() -> None:
    lifecycle = Lifecycle("engagement")
    lifecycle.apply("ann", "created", at=MONDAY, email="ann@acme.example")
    lifecycle.apply("ann", "form_filled", at=MONDAY + timedelta(seconds=3), **DEMO)
    lifecycle.process("ann", at=MONDAY + MINUTE)
    person = lifecycle.person("ann")
    assert [row.rule for row in person.history] == ["created", "sorted_by_hand_raise"]
    assert set(person.stamps) == {"processing", "mql"}


# ------------------------------------------------------------------ the agreement with sales


def test_r34_an_mql_is_answered_within_a_working_day_or_the_manager_hears_of_it() -> None:
    story = mql()
    assert story.due("inside_sales") == datetime.fromisoformat("2024-06-04T09:00-04:00")
    story.passes(4 * DAY)
    missed = [one for one in story.decisions if one.kind == "deadline"]
    assert [(one.reason, one.now.isoformat()) for one in missed] == [
        ("mql_answer", "2024-06-04T13:00:00+00:00"),
        ("mql_to_manager", "2024-06-05T13:00:00+00:00"),
        ("mql_to_everybody", "2024-06-06T13:00:00+00:00"),
    ]
    assert [one[2] for one in story.asked()[-3:]] == [
        story.person.assigned_to,
        "head of inside sales",
        "inside sales",
    ]
    assert story.person.stage == "mql"  # a deadline moves nobody


def test_r34_on_fridays_the_desk_closes_at_noon_and_the_weekend_does_not_count() -> None:
    friday_morning = datetime.fromisoformat("2024-06-07T11:00-04:00")
    thursday = mql(at=friday_morning - DAY)
    thursday.passes(9 * DAY)
    assert [one.now.day for one in thursday.decisions if one.kind == "deadline"] == [7, 10, 11]
    story = Story("engagement", at=friday_morning, **FITS)
    story.happens(HOUR / 2, "form_filled", **DEMO)
    assert story.due("inside_sales") == datetime.fromisoformat("2024-06-10T11:30-04:00")
    story.passes(9 * DAY)
    assert [one.now.day for one in story.decisions if one.kind == "deadline"] == [10, 11, 12]
    called = Story("engagement", at=friday_morning, created_by="sales")
    called.passes(9 * DAY)
    assert [one.now.day for one in called.decisions if one.kind == "deadline"] == [10, 11]


def test_s20_an_answer_exactly_at_the_deadline_is_in_time() -> None:
    story = mql()
    story.happens(1 * DAY, "sales_accepted")
    assert story.person.stage == "sal"
    assert not [one for one in story.decisions if one.kind == "deadline"]


def test_r7_accepting_is_something_that_a_human_says() -> None:
    """A call alone does not accept; the activity does, and it is asked for by its name."""
    story = mql()
    story.happens(HOUR, "sales_touched")
    assert story.person.stage == "mql"
    decision = story.happens(2 * HOUR, "sales_accepted", by="ida")
    assert decision.moved
    assert story.person.history[-1].trigger == "sales_accepted"


def test_r38_the_reason_of_a_return_decides_between_recycled_and_disqualified() -> None:
    tokens = Lifecycle("engagement").model.tokens
    for token, stage in (("return_reasons", "recycled"), ("disqualify_reasons", "disqualified")):
        reasons = tokens[token]
        assert isinstance(reasons, tuple)
        for reason in reasons:
            story = mql()
            story.happens(HOUR, "sales_returned", reason=reason)
            assert (story.person.stage, story.person.hand_raised) == (stage, False)
    for wrong in ({"reason": "bored"}, {}):  # no reason is no answer
        story = mql()
        assert story.happens(HOUR, "sales_returned", **wrong).result == "refused"
        assert story.person.stage == "mql"


def test_assignment_brings_its_task_and_waits_for_the_crm() -> None:
    story = mql(created_through="form")
    assert ("inside_sales", "task", story.person.assigned_to) in story.asked("held")
    assert story.person.assigned_to in ("ida", "igor", "imani")
    released = story.happens(HOUR, "crm_synced").requests
    assert [(one.rule, one.state) for one in released] == [("inside_sales", "released")]
    assert "Ann Lee, Acme" in released[0].text


def test_large_companies_have_their_own_team_and_known_owners_keep_their_leads() -> None:
    assert mql(employees=5000).person.assigned_to in ("lea", "luca")
    story = known(**FITS)
    story.happens(1 * HOUR, "owner_changed", owner="luca")
    story.happens(2 * HOUR, "form_filled", **DEMO)
    assert story.person.assigned_to == "luca"
    assert "owner_keeps_it" in story.rules_asked()
    assert story.due("owner_keeps_it") == datetime.fromisoformat("2024-06-04T08:30-04:00")
    assert mql(owner="marketing.bot").person.assigned_to in ("ida", "igor", "imani")


def test_whoever_takes_the_record_over_works_on_it() -> None:
    story = mql()
    story.happens(1 * HOUR, "owner_changed", owner="igor")
    assert (story.person.stage, story.person.assigned_to) == ("mql", "igor")
    other = known()
    other.happens(1 * HOUR, "owner_changed", owner="igor")
    assert other.person.assigned_to is None  # nothing to work on yet
    other.happens(2 * HOUR, "sales_accepted")
    assert other.person.assigned_to == "igor"


def test_r25_whom_sales_made_and_left_alone_is_found_all_the_same() -> None:
    story = known(at=MONDAY + 5 * HOUR, created_by="sales", created_through="crm", owner="ida")
    assert story.stages == ["sal"]
    story.passes(30 * DAY)
    assert story.rules_asked()[-3:] == ["first_call", "first_call_to_manager", "sal_outcome"]
    assert story.asked()[-2] == ("first_call_to_manager", "email", "head of inside sales")
    called = known(at=MONDAY + 5 * HOUR, created_by="sales", created_through="crm")
    called.happens(2 * HOUR, "sales_touched")
    called.passes(30 * DAY)
    assert called.rules_asked()[-1:] == ["sal_outcome"]
    assert not {"first_call", "first_call_to_manager"} & {*called.rules_asked()}


# ------------------------------------------------------------------ lists and mail


def test_r36_marketing_mail_follows_the_stages() -> None:
    story = known(**FITS)
    mails = [story.lifecycle.mail("ann")]
    events: list[tuple[str, dict[str, Any]]] = [
        ("form_filled", DEMO),
        ("sales_accepted", {}),
        ("opportunity_opened", OPEN),
        ("opportunity_lost", {"opportunity": "deal"}),
    ]
    for number, (kind, payload) in enumerate(events):
        story.happens((number + 1) * DAY, kind, **payload)
        mails.append(story.lifecycle.mail("ann"))
    assert mails == ["nurture", "nurture", "paused", "suspended", "nurture"]
    assert [one for one in story.rules_asked() if "nurture" in one] == [
        "into_nurture",
        "out_of_nurture",
        "out_of_nurture",
        "into_nurture",
    ]


def test_who_wants_no_mail_is_taken_off_the_list_and_never_put_back() -> None:
    story = known(**FITS)
    story.happens(1 * DAY, "unsubscribed")
    story.happens(2 * DAY, "form_filled", **DEMO)
    story.happens(3 * DAY, "sales_returned", reason="bad_timing")
    assert story.person.stage == "recycled"
    assert story.rules_asked().count("into_nurture") == 1
    assert "mail_refused" in story.rules_asked()
    assert story.lifecycle.mail("ann") == "unsubscribed"


def test_s24_who_asks_again_while_sales_works_on_them_is_told_at_once() -> None:
    story = mql()
    assert (
        "asks_again" not in story.rules_asked()
    )  # the raised hand made the MQL: one task is enough
    story.happens(1 * HOUR, "form_filled", form="Hand-Raise: Free Trial")
    story.happens(2 * HOUR, "sales_accepted")
    story.happens(3 * HOUR, "form_filled", form="Newsletter")
    story.happens(4 * HOUR, "form_filled", **DEMO)
    assert story.rules_asked().count("asks_again") == 2


def test_a_demo_form_of_somebody_disqualified_asks_for_a_review_and_moves_nobody() -> None:
    story = known(domain="competitor.example")
    story.happens(1 * DAY, "form_filled", **DEMO)
    assert story.person.stage == "disqualified"
    assert story.asked()[-1] == ("review", "task", "head of inside sales")
    story.happens(1 * DAY + HOUR, "form_filled", form="Newsletter")
    assert story.rules_asked().count("review") == 1
    story.happens(2 * DAY, "reinstate")
    assert story.stages == ["disqualified", "known", "mql"]


# ------------------------------------------------------------------ off the path and back


def test_r4_a_lost_opportunity_has_its_own_stage_and_a_second_life() -> None:
    story = mql()
    story.happens(1 * HOUR, "sales_accepted")
    story.happens(1 * DAY, "opportunity_opened", **OPEN)
    story.happens(30 * DAY, "opportunity_lost", opportunity="deal", reason="price")
    assert story.stages == ["known", "mql", "sal", "sql", "lost"]
    story.passes(209 * DAY)
    assert story.person.stage == "lost"
    story.passes(211 * DAY)
    assert (story.person.stage, story.person.journey) == ("known", 2)


def test_s22_one_of_two_opportunities_lost_is_not_lost() -> None:
    story = mql()
    story.happens(1 * DAY, "opportunity_opened", **OPEN)
    story.happens(2 * DAY, "opportunity_opened", **{**OPEN, "opportunity": "other"})
    story.happens(3 * DAY, "opportunity_lost", opportunity="deal")
    assert story.person.stage == "sql"
    story.happens(4 * DAY, "opportunity_won", opportunity="other")
    assert story.person.stage == "customer"
    assert story.asked()[-1] == ("welcome", "webhook", "customer-success")


@pytest.mark.parametrize("score", [60, 90, 120])
def test_r37_s9_who_comes_back_is_cold_and_has_to_warm_up_again(score: int) -> None:
    story = known(**FITS)
    story.happens(1 * DAY, "score_given", points=score)
    story.happens(2 * DAY, "sales_returned", reason="no_budget")
    assert story.person.behavior_score <= 19
    story.passes(62 * DAY)
    assert story.stages[-2:] == ["recycled", "known"]
    story.passes(400 * DAY)
    assert story.person.stage == "known"


def test_a_recycled_lead_that_asks_is_handed_over_without_any_rest() -> None:
    story = mql()
    story.happens(1 * DAY, "sales_returned", reason="bad_timing")
    story.happens(2 * DAY, "form_filled", **DEMO)
    assert story.stages[-2:] == ["recycled", "mql"]
    assert (story.rules[-1], story.person.journey) == ("raised_hand_again", 2)


BACK: dict[str, tuple[list[tuple[str, dict[str, Any]]], list[str]]] = {
    "won at once": ([("opportunity_won", {"opportunity": "deal"})], ["known", "customer"]),
    "an opportunity at once": ([("opportunity_opened", OPEN)], ["known", "sql"]),
    "recycled, and a new opportunity": (
        [
            ("sales_accepted", {}),
            ("sales_returned", {"reason": "no_budget"}),
            ("opportunity_opened", OPEN),
        ],
        ["known", "sal", "recycled", "sql"],
    ),
    "recycled, and warm again": (
        [
            ("sales_accepted", {}),
            ("sales_returned", {"reason": "no_budget"}),
            ("score_given", {"points": 60}),
        ],
        ["known", "sal", "recycled", "mql"],
    ),
    "recycled, and ruled out": (
        [("sales_accepted", {}), ("sales_returned", {"reason": "no_budget"}), ("disqualify", {})],
        ["known", "sal", "recycled", "disqualified"],
    ),
    "lost, and won after all": (
        [
            ("opportunity_opened", OPEN),
            ("opportunity_lost", {"opportunity": "deal"}),
            ("opportunity_won", {"opportunity": "other"}),
        ],
        ["known", "sql", "lost", "customer"],
    ),
    "pays our invoices, until that is corrected": (
        [
            ("disqualify", {}),
            ("changed", {"role": "legal"}),
            ("reinstate", {}),
            ("changed", {"role": "buyer"}),
            ("reinstate", {}),
        ],
        ["known", "disqualified", "known"],
    ),
}


@pytest.mark.parametrize(("events", "expected"), BACK.values(), ids=BACK.keys())
def test_r5_ways_off_the_path_and_back(
    events: list[tuple[str, dict[str, Any]]], expected: list[str]
) -> None:
    story = known(**FITS)
    for number, (kind, payload) in enumerate(events):
        story.happens((number + 1) * DAY, kind, **payload)
    assert story.stages == expected


def test_sales_may_pick_anybody_off_the_list() -> None:
    story = known()
    assert story.happens(1 * DAY, "sales_accepted", by="ida").moved
    assert story.person.history[-1].passed_over == ("engaged", "mql")
    story.happens(2 * DAY, "sales_returned", reason="no_answer")
    story.happens(3 * DAY, "sales_accepted", by="igor")
    assert story.stages[-2:] == ["recycled", "sal"]


def test_s23_two_records_of_one_person() -> None:
    story = known(behavior_score=30)
    story.lifecycle.admit("ann2", at=MONDAY - 9 * DAY, behavior_score=40)
    story.lifecycle.apply("ann2", "unsubscribed", at=MONDAY)
    story.happens(1 * DAY, "merged", loser="ann2")
    ann = story.person
    assert (ann.behavior_score, ann.unsubscribed) == (30, True)
    assert (ann.created_at, ann.stage) == (MONDAY - 9 * DAY, "engaged")


def test_r24_reports_can_be_split_by_who_brought_them_and_by_industry() -> None:
    story = mql(industry="logistics")
    row = story.person.history[-1]
    assert (row.value("sourced_by"), row.value("industry")) == ("marketing", "logistics")
