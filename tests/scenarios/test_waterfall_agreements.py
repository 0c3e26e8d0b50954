"""What the shipped ``waterfall`` agrees beside its moves: points, promises, assignment, alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from lifecycle_fsm import Lifecycle
from tests.scenarios.stories import DAY, HOUR, MINUTE, MONDAY, OPEN, Story

ANN: dict[str, Any] = {
    "email": "ann@acme.example",
    "first_name": "Ann",
    "last_name": "Lee",
    "company": "Acme",
    "seniority": "vp",
}
DEMO = {"form": "Hand-Raise: Demo"}
OFFICE = datetime.fromisoformat("2024-06-03T09:00+02:00")  # a Monday in Berlin


def lead(**fields: Any) -> Story:
    return Story("waterfall", **{"at": OFFICE, **ANN, **fields})


def mql(**fields: Any) -> Story:
    story = lead(**fields)
    story.happens(0 * DAY, "form_filled", **DEMO)
    assert story.person.stage == "mql"
    return story


def missed(story: Story) -> list[tuple[str, datetime]]:
    return [(one.reason, one.now) for one in story.decisions if one.kind == "deadline"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# ------------------------------------------------------------------ points


def test_r43_a_rule_gives_no_more_than_its_cap() -> None:
    story = lead()
    for number in range(12):
        story.happens(number * MINUTE, "web_visit", page="/pricing")
    assert story.person.behavior_score == 20 + 20
    story.happens(1 * DAY, "web_visit", page="/pricing")  # a new day, the same week
    assert story.person.behavior_score == 50
    for number in range(12):
        story.happens(2 * DAY + number * MINUTE, "email_clicked")
    assert story.person.behavior_score == 65


def test_who_looks_for_a_job_or_wants_no_mail_is_less_interested() -> None:
    story = lead()
    story.happens(1 * DAY, "web_visit", page="/careers/berlin")
    assert story.person.behavior_score == -10
    for hour in range(9):
        story.happens(1 * DAY + hour * HOUR, "web_visit", page="/careers")
    assert story.person.behavior_score == -30
    story.happens(2 * DAY, "unsubscribed")
    story.happens(3 * DAY, "unsubscribed")
    assert story.person.behavior_score == -50
    story.happens(4 * DAY, "form_filled", **DEMO)
    assert story.person.stage == "mql"  # R21


def test_r43_half_of_the_interest_goes_after_thirty_days_of_silence() -> None:
    story = lead()
    story.happens(1 * DAY, "form_filled", form="News")
    story.happens(1 * DAY, "score_given", points=45)
    story.passes(31 * DAY - MINUTE)
    assert story.person.behavior_score == 60
    story.passes(61 * DAY)
    assert story.person.behavior_score == 15
    assert [one.reason for one in story.decisions if one.kind == "decay"] == [
        "silence: behavior_score 60 -> 30",
        "silence: behavior_score 30 -> 15",
    ]
    story.passes(400 * DAY)
    assert (story.person.behavior_score, story.person.stage) == (0, "mal")


def test_a_score_stays_within_its_bounds() -> None:
    story = lead()
    story.happens(1 * DAY, "score_given", points=900)
    assert story.person.behavior_score == 200
    story.happens(2 * DAY, "score_given", points=-900)
    assert story.person.behavior_score == -100


FIT: dict[str, tuple[dict[str, Any], int]] = {
    "decides, from a company": ({}, 25),
    "manages": ({"seniority": "manager"}, 15),
    "neither": ({"seniority": "staff"}, 5),
    "a large company": ({"employees": 50}, 40),
    "a small one": ({"employees": 49}, 25),
    "a private address": ({"email": "ann@gmail.com"}, 15),
}


@pytest.mark.parametrize(("fields", "points"), FIT.values(), ids=FIT.keys())
def test_r2_how_well_somebody_fits(fields: dict[str, Any], points: int) -> None:
    assert lead(**fields).person.demographic_score == points


def test_a_score_below_zero_stays_where_it_is() -> None:
    story = lead()
    story.happens(1 * DAY, "email_clicked")
    story.happens(2 * DAY, "unsubscribed")
    assert story.person.behavior_score == -15
    story.passes(400 * DAY)
    assert story.person.behavior_score == -15


# ------------------------------------------------------------------ who works on it


def test_r36_an_mql_goes_to_the_territory_to_whoever_owns_it_or_around() -> None:
    assert mql(country="SE").person.assigned_to in ("sdr.north", "sdr.baltic")
    assert mql(country="Spain").person.assigned_to in ("sdr.south", "sdr.iberia")
    assert mql(country="JP").person.assigned_to in Lifecycle("waterfall").model.tokens["sdr_team"]  # type: ignore[operator]
    assert mql(country="SE", owner="sdr.south").person.assigned_to == "sdr.south"
    assert mql(country="SE", owner="marketing.bot").person.assigned_to in (
        "sdr.north",
        "sdr.baltic",
    )


def test_s16_the_same_person_goes_to_the_same_rep_on_every_run() -> None:
    assert len({mql(country="NO").person.assigned_to for _ in range(3)}) == 1


def test_s16_a_territory_of_two_is_shared_and_nobody_else_gets_it() -> None:
    lifecycle = Lifecycle("waterfall")
    for country, team in (("SE", {"sdr.north", "sdr.baltic"}), ("PT", {"sdr.south", "sdr.iberia"})):
        people = [
            lifecycle.admit(f"{country}{n}", at=OFFICE, country=country, hand_raised=True)
            for n in range(30)
        ]
        assert {person.assigned_to for person in people} == team


def test_who_works_on_a_lead_stays_so_until_somebody_takes_it_over() -> None:
    story = mql(country="SE")
    named = story.person.assigned_to
    story.happens(1 * HOUR, "changed", country="ES")
    story.happens(2 * HOUR, "sales_touched")
    assert (story.person.stage, story.person.assigned_to) == ("sal", named)
    story.happens(1 * DAY, "owner_changed", owner="ae.kim")
    assert story.person.assigned_to == "ae.kim"
    other = lead()
    other.happens(1 * DAY, "owner_changed", owner="marketing.bot")  # nobody of sales
    assert (other.person.stage, other.person.assigned_to) == ("mal", None)


def test_s25_the_row_of_an_entry_names_whom_it_assigned() -> None:
    story = mql(country="SE")
    before, entry = story.person.history[-2:]
    assert (before.to_stage, before.assigned_to) == ("mal", None)
    assert (entry.to_stage, entry.assigned_to) == ("mql", story.person.assigned_to)
    assert story.decisions[-1].rows[-1] == entry
    # So it is where the sort and what waited for it lead there.
    lifecycle = Lifecycle("waterfall")
    lifecycle.apply("bo", "created", at=OFFICE, country="SE")
    lifecycle.apply("bo", "form_filled", at=OFFICE, **DEMO)
    decision = lifecycle.process("bo", at=OFFICE)
    bo = lifecycle.person("bo")
    assert bo.stage == "mql"
    assert decision.rows[-1] == bo.history[-1]
    assert bo.history[-1].assigned_to == bo.assigned_to is not None


def test_s18_being_assigned_is_not_being_accepted() -> None:
    story = mql(country="SE")
    assert story.person.assigned_to
    assert story.person.owner is None
    assert story.person.stage == "mql"
    story.happens(1 * HOUR, "owner_changed", owner="sdr.iberia")
    assert (story.person.stage, story.person.assigned_to) == ("sal", "sdr.iberia")


def test_r35_the_task_waits_for_the_crm_and_is_due_by_the_promise() -> None:
    story = mql(country="SE")
    assert story.asked("sent")[-1] == ("mql_into_crm", "crm_sync", None)
    assert story.asked("held") == [("mql_to_call", "task", story.person.assigned_to)]
    assert story.due("mql_to_call") == at("2024-06-03T13:00+02:00")
    story.happens(5 * MINUTE, "crm_synced")
    assert story.asked("released") == [("mql_to_call", "task", story.person.assigned_to)]
    (request,) = [one for one in story.decisions[-1].requests if one.rule == "mql_to_call"]
    assert request.text == "Call Ann Lee (Acme): interest 15, last form Hand-Raise: Demo"


def test_s24_whoever_was_made_in_the_crm_is_there_already() -> None:
    story = mql(created_through="crm")
    assert story.asked("held") == []
    assert "mql_to_call" in story.rules_asked("sent")


def test_s12_a_stage_that_was_only_passed_through_asks_nothing_of_anybody() -> None:
    """A recycled lead is ready again and called in one go: MQL and SAL at one instant."""
    story = lead(created_through="crm")
    story.happens(1 * HOUR, "sales_touched")
    story.happens(1 * DAY, "sales_rejected", reason="no_time")
    story.happens(9 * DAY, "changed", behavior_score=80, sales_touched_at=OFFICE + 9 * DAY)
    assert story.stages[-3:] == ["recycled", "mql", "sal"]
    assert story.rules_asked("superseded") == ["mql_into_crm", "mql_to_call"]
    assert {"mql_into_crm", "mql_to_call"}.isdisjoint(story.rules_asked())
    assert story.rules_asked()[-1] == "into_remarketing"


# ------------------------------------------------------------------ the promises


def test_r34_an_mql_is_answered_within_four_working_hours_or_it_goes_up() -> None:
    story = mql(country="SE", at=at("2024-06-07T15:00+02:00"))  # a Friday, two hours before closing
    story.passes(5 * DAY)
    assert missed(story) == [
        ("mql_answered", at("2024-06-10T11:00+02:00")),
        ("mql_forgotten", at("2024-06-11T11:00+02:00")),
    ]
    assert story.asked()[-2:] == [
        ("mql_answered", "task", story.person.assigned_to),
        ("mql_forgotten", "email", "sales.manager"),
    ]
    assert story.person.stage == "mql"


def test_r34_the_weekend_is_nobodys_time() -> None:
    handed = mql(at=at("2024-06-06T15:00+02:00"))  # a Thursday
    made = lead(at=at("2024-06-07T15:00+02:00"), created_by="sales", created_through="crm")
    for story in (handed, made):
        story.passes(7 * DAY)
    assert missed(handed) == [
        ("mql_answered", at("2024-06-07T11:00+02:00")),
        ("mql_forgotten", at("2024-06-10T11:00+02:00")),
    ]
    assert missed(made) == [
        ("sal_called", at("2024-06-10T15:00+02:00")),
        ("sal_forgotten", at("2024-06-11T15:00+02:00")),
    ]


@pytest.mark.parametrize("late", [False, True])
def test_s20_an_answer_exactly_at_the_deadline_is_in_time(late: bool) -> None:
    story = mql()
    story.happens(4 * HOUR + late * MINUTE, "sales_touched")
    assert bool(missed(story)) is late


def test_s20_s21_a_deadline_over_the_weekend_in_which_the_clocks_change() -> None:
    """Europe put its clocks forward on 31 March 2024. Of Easter this calendar knows nothing."""
    story = mql(at=at("2024-03-29T16:00+01:00"))
    assert story.due("mql_to_call") == at("2024-04-01T12:00+02:00")


def test_s20_one_tick_after_a_weeks_outage_gives_what_daily_ticks_give() -> None:
    seldom, daily = mql(country="SE"), mql(country="SE")
    seldom.passes(7 * DAY)
    for day in range(8):
        daily.passes(day * DAY)
    assert missed(seldom) == missed(daily)
    assert seldom.asked() == daily.asked()


def test_r25_whom_sales_made_and_nobody_called_is_found() -> None:
    story = lead(created_by="sales", created_through="crm", owner="ae.kim")
    assert (story.person.stage, story.person.assigned_to) == ("sal", "ae.kim")
    story.passes(31 * DAY)
    assert missed(story) == [
        ("sal_called", at("2024-06-04T09:00+02:00")),
        ("sal_forgotten", at("2024-06-05T09:00+02:00")),
        ("sal_decided", at("2024-07-03T09:00+02:00")),
    ]
    assert ("sal_called", "task", "ae.kim") in story.asked()


def test_who_was_accepted_by_a_call_was_called() -> None:
    story = mql()
    story.happens(1 * HOUR, "sales_touched")
    story.passes(20 * DAY)
    assert not missed(story)
    story.passes(31 * DAY)
    assert [name for name, _ in missed(story)] == ["sal_decided"]


# ------------------------------------------------------------------ alerts


def test_r36_lists_follow_the_stages() -> None:
    story = mql()
    events: list[tuple[str, dict[str, Any]]] = [
        ("sales_touched", {}),
        ("opportunity_opened", OPEN),
        ("opportunity_won", {"opportunity": "deal"}),
    ]
    for day, (kind, payload) in enumerate(events):
        story.happens((day + 1) * DAY, kind, **payload)
    lists = [(one, to) for one, channel, to in story.asked() if channel.startswith("list_")]
    assert lists == [
        ("into_nurture", "nurture"),
        ("out_of_nurture", "nurture"),
        ("into_remarketing", "remarketing"),
        ("out_of_nurture", "nurture"),
        ("out_of_remarketing", "remarketing"),
        ("out_of_nurture", "nurture"),
        ("out_of_remarketing", "remarketing"),
        ("into_onboarding", "onboarding"),
    ]


def test_sal_brings_a_task_that_is_due_when_it_must_be_decided() -> None:
    story = mql(country="SE")
    story.happens(1 * HOUR, "sales_touched")
    assert ("sal_to_work_on", "task", story.person.assigned_to) in story.asked("held")
    story.happens(2 * HOUR, "crm_synced")
    assert ("sal_to_work_on", "task", story.person.assigned_to) in story.asked("released")
    assert story.due("sal_to_work_on") == at("2024-07-03T10:00+02:00")


def test_who_wants_no_mail_is_not_nurtured_when_recycled() -> None:
    story = mql()
    story.happens(1 * DAY, "unsubscribed")
    assert story.asked()[-1] == ("mail_refused", "list_remove", "nurture")
    story.happens(2 * DAY, "sales_rejected", reason="no_time")
    assert story.rules_asked().count("into_nurture") == 1
    assert "into_remarketing" not in story.rules_asked()
    other = mql()
    other.happens(2 * DAY, "sales_rejected", reason="no_time")
    assert other.rules_asked().count("into_nurture") == 2


def test_s24_a_hand_that_is_raised_at_sal_still_alerts_and_one_at_mal_alerts_once() -> None:
    story = mql(created_through="crm")
    assert "raised_hand_meanwhile" not in story.rules_asked()
    story.happens(1 * HOUR, "sales_touched")
    story.happens(2 * HOUR, "form_filled", form="News")
    story.happens(3 * HOUR, "form_filled", form="Hand-Raise: Contact Us")
    assert story.person.stage == "sal"
    assert story.asked()[-1] == ("raised_hand_meanwhile", "task", story.person.assigned_to)
    assert story.rules_asked().count("raised_hand_meanwhile") == 1


def test_a_demo_form_of_somebody_disqualified_asks_for_a_review() -> None:
    story = mql()
    story.happens(1 * HOUR, "sales_rejected", reason="student")
    story.happens(9 * DAY, "form_filled", **DEMO)
    assert story.person.stage == "disqualified"
    assert story.asked()[-1] == ("review", "task", "sales.manager")
    assert "reinstate?" in story.decisions[-1].requests[-1].text


def test_r24_history_keeps_what_reports_are_split_by() -> None:
    row = mql(country="SE", source="webinar").person.history[-1]
    assert [row.value(name) for name in ("sourced_by", "country", "source")] == [
        "marketing",
        "SE",
        "webinar",
    ]
    assert row.value("cohort") in ("control", "test")


def test_s23_two_records_of_one_person() -> None:
    story = lead(country="SE")
    story.happens(1 * DAY, "score_given", points=20)
    story.lifecycle.admit("ann2", at=OFFICE - 9 * DAY, **ANN)
    story.lifecycle.apply("ann2", "score_given", at=OFFICE + 2 * DAY, points=45)
    story.lifecycle.apply("ann2", "unsubscribed", at=OFFICE + 3 * DAY)
    story.lifecycle.apply("ann", "merged", at=MONDAY + 4 * DAY, loser="ann2")
    ann = story.person
    assert (ann.behavior_score, ann.unsubscribed, ann.created_at) == (45, True, OFFICE - 9 * DAY)
    assert story.lifecycle.person("ann2") is ann
