"""What this lifecycle promises, as tests: run them with pytest, add your own, change the rest."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lifecycle_fsm import Decision, Lifecycle, Request

MODEL = Path(__file__).with_name("lifecycle.toml")
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def with_ann(**fields: Any) -> Lifecycle:
    """A lifecycle with one person, ann, who was created on a Monday."""
    lifecycle = Lifecycle(MODEL)
    lifecycle.admit("ann", at=MONDAY, **fields)
    return lifecycle


@pytest.mark.parametrize(("below", "stage"), [(1, "mal"), (0, "mql")])
def test_the_threshold_is_the_first_score_that_is_enough(below: int, stage: str) -> None:
    """The number comes from the model, so the test holds for any threshold."""
    lifecycle = with_ann(seniority="vp", employees=500)
    threshold = lifecycle.model.tokens["mql_threshold"]
    assert isinstance(threshold, int)
    lifecycle.apply("ann", "score_given", at=MONDAY + DAY, points=threshold - below)
    assert lifecycle.person("ann").stage == stage


def test_interest_without_fit_is_not_enough() -> None:
    """Both scores count, each for itself."""
    lifecycle = with_ann(job_title="Student")
    lifecycle.apply("ann", "score_given", at=MONDAY + DAY, points=150)
    assert lifecycle.person("ann").stage == "mal"
    unmet = {move.move: [str(one) for one in move.unmet] for move in lifecycle.explain("ann")}
    assert any("demographic score" in one for one in unmet["qualified_by_score"])


def test_a_raised_hand_is_enough_whatever_the_score() -> None:
    """The form is recognised by how its name begins."""
    lifecycle = with_ann(behavior_score=-50)
    lifecycle.apply("ann", "form_filled", at=MONDAY + DAY, form="Hand-Raise: Demo")
    person = lifecycle.person("ann")
    assert (person.stage, person.history[-1].rule) == ("mql", "qualified_by_hand_raise")


def test_a_hand_that_is_raised_at_once_never_sees_mal() -> None:
    """What comes before original processing is over waits for the sort."""
    lifecycle = Lifecycle(MODEL)
    lifecycle.apply("bo", "created", at=MONDAY)
    lifecycle.apply(
        "bo", "form_filled", at=MONDAY + timedelta(seconds=3), form="Hand-Raise: Free Trial"
    )
    lifecycle.process("bo", at=MONDAY + timedelta(seconds=20))
    assert [row.to_stage for row in lifecycle.person("bo").history] == ["processing", "mql"]


def test_being_assigned_is_not_being_accepted() -> None:
    """Somebody of the team is proposed; only what sales does accepts the lead."""
    lifecycle = with_ann(country="SE", hand_raised=True)
    ann = lifecycle.person("ann")
    assert ann.stage == "mql"
    assert ann.assigned_to in ("sdr.north", "sdr.baltic")
    lifecycle.apply("ann", "sales_touched", at=MONDAY + HOUR)
    assert ann.stage == "sal"


def test_a_reason_that_was_not_agreed_is_refused_and_says_why() -> None:
    """A refusal changes nothing, and names what is unmet."""
    lifecycle = with_ann(hand_raised=True)
    decision = lifecycle.apply("ann", "sales_rejected", at=MONDAY + HOUR, reason="on holiday")
    assert decision.result == "refused"
    assert "rejection reason is one of" in str(decision)
    assert lifecycle.person("ann").stage == "mql"


def test_who_is_recycled_rests_and_comes_back_at_that_very_instant() -> None:
    """Time moves happen when the time has come; how often somebody looks changes nothing."""
    lifecycle = with_ann(hand_raised=True)
    lifecycle.apply("ann", "sales_rejected", at=MONDAY + HOUR, reason="not_ready")
    days = lifecycle.model.tokens["rest_days"]
    assert isinstance(days, int)
    over = MONDAY + HOUR + days * DAY
    ann = lifecycle.person("ann")
    lifecycle.tick(over - MINUTE)
    assert (ann.stage, ann.journey) == ("recycled", 1)
    lifecycle.tick(over)
    assert (ann.stage, ann.journey) == ("mal", 2)


def test_a_deadline_that_is_missed_asks_somebody_and_moves_nobody() -> None:
    """Four working hours after a Monday at 09:00 UTC is a task for whoever is assigned."""
    asked: list[Request] = []
    missed: list[str] = []

    def keep(decision: Decision) -> None:
        asked.extend(decision.requests)
        if decision.kind == "deadline":
            missed.append(decision.reason)

    lifecycle = Lifecycle(MODEL, record=keep)
    # Made in the CRM, so that links to the record work at once.
    lifecycle.admit("ann", at=MONDAY, hand_raised=True, created_through="crm", country="IT")
    lifecycle.tick(MONDAY + 4 * HOUR - MINUTE)
    assert missed == []
    lifecycle.tick(MONDAY + 4 * HOUR)
    assert missed == ["mql_answered"]
    assert lifecycle.person("ann").stage == "mql"
    overdue = asked[-1]
    assert (overdue.rule, overdue.channel) == ("mql_answered", "task")
    assert overdue.to == lifecycle.person("ann").assigned_to
