"""What people go through in the shipped ``waterfall``, told by the lines of the requirements."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm import Activity, Lifecycle, Person
from lifecycle_fsm.tables import by_event
from tests.machine.small import DAY, HOUR, SECOND, T, check_chain


def lead(**fields: Any) -> tuple[Lifecycle, Person]:
    lifecycle = Lifecycle("waterfall")
    return lifecycle, lifecycle.admit("p", at=T, **fields)


def stages(person: Person) -> list[str]:
    return [row.to_stage for row in person.history]


def happens(lifecycle: Lifecycle, *events: tuple[int, str, dict[str, Any]]) -> None:
    for day, kind, payload in events:
        lifecycle.apply("p", kind, at=T + day * DAY, **payload)


OPEN = {"opportunity": "o", "amount": 900, "closes_at": T + 90 * DAY}


# ------------------------------------------------------------------ the sort

SORTED: dict[str, tuple[dict[str, Any], str, str]] = {
    "R14 everybody else": ({}, "mal", "everybody_else"),
    "R2 fits, not interested": ({"seniority": "vp"}, "mal", "everybody_else"),
    "R2 interested, does not fit": ({"behavior_score": 99}, "mal", "everybody_else"),
    "R14 fits and interested": (
        {"seniority": "vp", "behavior_score": 65},
        "mql",
        "sorted_by_score",
    ),
    "R18 a hand raise": ({"hand_raised": True}, "mql", "sorted_by_hand_raise"),
    "R21 a hand raise of no fit": (
        {"hand_raised": True, "behavior_score": -80},
        "mql",
        "sorted_by_hand_raise",
    ),
    "R22 made by sales": ({"created_by": "sales"}, "sal", "made_by_sales"),
    "R14 on an open opportunity": ({"open_opportunities": 1}, "sql", "on_open_opportunity"),
    "R22 made by sales with an opportunity": (
        {"created_by": "sales", "open_opportunities": 1},
        "sql",
        "on_open_opportunity",
    ),
    "R14 contact of a customer": ({"won_opportunities": 1}, "customer", "customers_contact"),
    "R22 accounts payable, made by sales": (
        {"created_by": "sales", "role": "accounts_payable"},
        "off_path",
        "no_prospect",
    ),
    "R22 legal of a customer": (
        {"role": "legal", "won_opportunities": 2},
        "off_path",
        "no_prospect",
    ),
    "a competitor": (
        {"domain": "competitor.example", "hand_raised": True},
        "disqualified",
        "competitor",
    ),
    "R23 a bulk list of sales, ready": (
        {"created_by": "sales", "created_through": "list", "hand_raised": True},
        "mql",
        "sorted_by_hand_raise",
    ),
    "R23 a bulk list of sales": (
        {"created_by": "sales", "created_through": "List"},
        "mal",
        "everybody_else",
    ),
}


@pytest.mark.parametrize(("fields", "stage", "rule"), SORTED.values(), ids=SORTED.keys())
def test_s15_who_enters_where(fields: dict[str, Any], stage: str, rule: str) -> None:
    _, person = lead(**fields)
    assert (person.stage, person.history[-1].rule, len(person.history)) == (stage, rule, 2)


def test_s15_r15_every_rule_of_the_sort_has_its_case() -> None:
    model = Lifecycle("waterfall").model
    assert {rule for _, _, rule in SORTED.values()} == {rule.name for rule in model.sort}


def test_s17_r23_marketing_gets_no_credit_for_stages_that_sales_made_people_never_had() -> None:
    for fields in ({"created_by": "sales"}, {"open_opportunities": 1}, {"won_opportunities": 1}):
        _, person = lead(**fields)
        row = person.history[-1]
        assert row.credit is False
        assert row.passed_over[:1] == ("mal",)
    _, person = lead(hand_raised=True)
    assert person.history[-1].credit is True


# ------------------------------------------------------------------ the path


def test_the_whole_path_step_by_step() -> None:
    lifecycle, person = lead(seniority="vp")
    happens(
        lifecycle,
        (1, "score_given", {"points": 70}),
        (2, "sales_touched", {}),
        (3, "opportunity_opened", OPEN),
        (4, "opportunity_won", {"opportunity": "o"}),
    )
    assert stages(person) == ["processing", "mal", "mql", "sal", "sql", "customer"]
    assert {row.kind for row in person.history[1:]} == {"step"}
    assert person.journey == 1
    assert person.time_in_stage(T + 6 * DAY) == 2 * DAY


def test_r3_being_assigned_is_not_being_accepted_and_the_owner_must_be_a_known_one() -> None:
    lifecycle, person = lead(hand_raised=True)
    happens(
        lifecycle,
        (1, "changed", {"assigned_to": "sdr.north"}),
        (2, "owner_changed", {"owner": "marketing.bot"}),
    )
    assert person.stage == "mql"
    happens(lifecycle, (3, "owner_changed", {"owner": "sdr.north"}))
    assert person.stage == "sal"


def test_s18_a_touch_of_the_last_journey_does_not_accept_in_this_one() -> None:
    lifecycle, person = lead(hand_raised=True)
    happens(
        lifecycle,
        (1, "sales_touched", {}),
        (2, "sales_rejected", {"reason": "no_time"}),
        (3, "form_filled", {"form": "Hand-Raise: Demo"}),
    )
    assert (person.stage, person.journey) == ("mql", 2)
    happens(lifecycle, (4, "sales_touched", {}))
    assert person.stage == "sal"


FAST: dict[str, tuple[list[tuple[int, str, dict[str, Any]]], list[str], tuple[str, ...]]] = {
    "sales was first": ([(1, "sales_touched", {})], ["sal"], ("mql",)),
    "an opportunity at once": ([(1, "opportunity_opened", OPEN)], ["sql"], ("mql", "sal")),
    "won at once": (
        [(1, "opportunity_won", {"opportunity": "o"})],
        ["customer"],
        ("mql", "sal", "sql"),
    ),
}


@pytest.mark.parametrize(("events", "entered", "passed"), FAST.values(), ids=FAST.keys())
def test_r19_a_fast_track_marks_what_it_passes_over_and_never_fills_it_in(
    events: Any, entered: list[str], passed: tuple[str, ...]
) -> None:
    lifecycle, person = lead()
    happens(lifecycle, *events)
    assert stages(person)[2:] == entered
    row = person.history[-1]
    assert (row.kind, row.passed_over, row.credit) == ("fast_track", passed, True)
    assert not set(passed) & set(person.stamps)


def test_r24_marketing_or_sales_sourced_stays_with_the_person() -> None:
    lifecycle, person = lead(created_by="sales", source="referral")
    happens(lifecycle, (1, "form_filled", {"form": "News", "source": "webinar"}))
    assert (person.sourced_by, person.source, person.source_latest) == (
        "sales",
        "referral",
        "webinar",
    )


# ------------------------------------------------------------------ off the path and back


def test_r38_the_reason_decides_between_recycled_and_disqualified() -> None:
    model = Lifecycle("waterfall").model
    for token, stage in (
        ("recycle_reasons", "recycled"),
        ("disqualify_reasons", "disqualified"),
    ):
        reasons = model.tokens[token]
        assert isinstance(reasons, tuple)
        for reason in reasons:
            lifecycle, person = lead(hand_raised=True)
            happens(lifecycle, (1, "sales_rejected", {"reason": reason}))
            assert (person.stage, person.hand_raised) == (stage, False)


def test_r38_a_reason_that_is_not_on_the_list_is_refused_and_can_be_asked_again() -> None:
    lifecycle, person = lead(hand_raised=True)
    decision = lifecycle.apply("p", "sales_rejected", at=T + DAY, reason="bored")
    assert (decision.result, person.stage) == ("refused", "mql")
    assert lifecycle.apply("p", "sales_rejected", at=T + DAY + HOUR, reason="student").moved


def test_a_demo_form_of_somebody_disqualified_moves_nobody_a_human_may() -> None:
    lifecycle, person = lead(hand_raised=True)
    happens(
        lifecycle,
        (1, "disqualify", {}),
        (2, "form_filled", {"form": "Hand-Raise: Demo"}),
    )
    lifecycle.tick(T + 500 * DAY)
    assert person.stage == "disqualified"
    lifecycle.apply("p", "reinstate", at=T + 600 * DAY)
    # Back on the path, what was asked for is still there.
    assert stages(person)[-2:] == ["mal", "mql"]
    assert person.journey == 2


def test_r33_journeys_are_numbered() -> None:
    lifecycle, person = lead(hand_raised=True)
    for number in range(3):
        happens(
            lifecycle,
            (10 * number + 1, "sales_rejected", {"reason": "no_time"}),
            (10 * number + 2, "form_filled", {"form": "Hand-Raise: Demo"}),
        )
    assert person.journey == 4
    assert [row.journey for row in person.history if row.to_stage == "mql"] == [1, 2, 3, 4]
    assert person.stamps["mql"].visits == 4
    assert person.journey_started_at == T + 22 * DAY


def test_off_path_and_back_when_the_role_changes() -> None:
    lifecycle, person = lead()
    happens(
        lifecycle,
        (1, "changed", {"role": "legal"}),
        (2, "changed", {"role": None}),
    )
    assert person.stage == "off_path"
    happens(lifecycle, (3, "changed", {"role": "buyer"}))
    assert (person.stage, person.journey) == ("mal", 2)


def test_s23_r10_conversion_keeps_the_person_and_the_stage() -> None:
    lifecycle, person = lead(hand_raised=True)
    decision = lifecycle.apply("p", "converted", at=T + DAY, contact="c-1", account="a-1")
    assert (decision.result, person.stage, person.converted_at) == ("unchanged", "mql", T + DAY)


def test_r40_the_history_says_what_when_by_which_rule_and_because_of_what() -> None:
    lifecycle, person = lead(seniority="vp", source="fair")
    lifecycle.apply("p", "owner_changed", at=T + HOUR, owner="ada", id="crm-1")
    lifecycle.apply("p", "score_given", at=T + DAY, points=70, id="score-9")
    row = person.history[-1]
    assert (row.rule, row.activity, row.trigger, row.now) == (
        "qualified_by_score",
        "score-9",
        None,
        T + DAY,
    )
    assert (row.owner, row.source) == ("ada", "fair")


# ------------------------------------------------------------------ a hot list


def test_r18_a_hot_list_of_500_is_imported_safely() -> None:
    """A list from a fair: everybody with a score, some asked for a demo, some are no prospects,
    one is a competitor, a few were known before and are on the list twice."""
    log: list[Activity] = []
    for number in range(500):
        name = f"fair-{number:03}"
        at = T + number * 2 * SECOND
        fields: dict[str, Any] = {
            "created_by": "sales",
            "created_through": "list",
            "source": "fair",
            "seniority": "vp" if number % 2 else None,
        }
        if number % 50 == 9:
            fields["role"] = "legal"
        if number == 13:
            fields["domain"] = "competitor.example"
        log.append(Activity(f"{name}-created", name, "created", at, fields))
        if number % 3 == 0:
            log.append(Activity(f"{name}-score", name, "score_given", at + SECOND, {"points": 65}))
        if number % 5 == 0:
            log.append(
                Activity(
                    f"{name}-hand",
                    name,
                    "form_filled",
                    at + 3 * SECOND,
                    {"form": "Hand-Raise: Demo"},
                )
            )
        if number % 10 == 0:
            log.append(Activity(f"{name}-touch", name, "sales_touched", at + 30 * SECOND))
    log += log[:40]  # the file was sent twice
    lifecycle = Lifecycle("waterfall")
    counts = lifecycle.replay(by_event(log))
    lifecycle.tick(T + DAY)
    assert counts["duplicate"] == 40
    assert len(lifecycle) == 500
    assert not lifecycle.parked
    for number, person in enumerate(sorted(lifecycle, key=lambda one: one.id)):
        check_chain(person.history)
        asked, scored, fits = number % 5 == 0, number % 3 == 0, bool(number % 2)
        if number % 50 == 9:
            expected = ["off_path"]
        elif number == 13:
            expected = ["disqualified"]
        elif asked or (scored and fits):
            expected = ["mql"]
        else:
            expected = ["mal"]
        if number % 10 == 0 and number % 50 != 9:
            expected.append("sal")
        assert stages(person)[1:] == expected, number
        assert person.sourced_by == "marketing"
        if expected[0] == "mql":
            assert "mal" not in person.stamps
            assert person.history[1].passed_over == ("mal",)
            # Sales touched them while they waited: that is not forgotten either.
        assert all(row.now == person.history[1].now for row in person.history[1:])
