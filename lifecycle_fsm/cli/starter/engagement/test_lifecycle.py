"""What this lifecycle promises, as tests: run them with pytest, add your own, change the rest."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lifecycle_fsm import Decision, Lifecycle

MODEL = Path(__file__).with_name("lifecycle.toml")
MONDAY = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)  # nine o'clock in New York
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def with_ann(**fields: Any) -> Lifecycle:
    """A lifecycle with one person, ann, who was created on a Monday."""
    lifecycle = Lifecycle(MODEL)
    lifecycle.admit("ann", at=MONDAY, **fields)
    return lifecycle


def points(lifecycle: Lifecycle, token: str) -> int:
    """A number that people agreed on, as the model says it."""
    number = lifecycle.model.tokens[token]
    assert isinstance(number, int)
    return number


@pytest.mark.parametrize(("below", "stage"), [(1, "known"), (0, "engaged")])
def test_the_threshold_is_the_first_score_that_is_enough(below: int, stage: str) -> None:
    """The number comes from the model, so the test holds for any threshold."""
    lifecycle = with_ann()
    enough = points(lifecycle, "engaged_threshold")
    lifecycle.apply("ann", "score_given", at=MONDAY + DAY, points=enough - below)
    assert lifecycle.person("ann").stage == stage


def test_points_alone_are_not_enough_without_fit() -> None:
    """Sales asks for both, where nobody raised a hand."""
    lifecycle = with_ann(job_title="Student")
    enough = points(lifecycle, "mql_threshold")
    lifecycle.apply("ann", "score_given", at=MONDAY + DAY, points=enough)
    assert lifecycle.person("ann").stage == "engaged"
    unmet = {move.move: [str(one) for one in move.unmet] for move in lifecycle.explain("ann")}
    assert any("demographic score" in one for one in unmet["warm_enough"])


def test_a_raised_hand_gives_all_the_points_at_once() -> None:
    """The points of the boost are the threshold itself, so they cannot drift apart."""
    lifecycle = with_ann()
    lifecycle.apply("ann", "form_filled", at=MONDAY + DAY, form="Hand-Raise: Demo")
    ann = lifecycle.person("ann")
    assert ann.behavior_score >= points(lifecycle, "mql_threshold")
    assert (ann.stage, ann.history[-1].rule) == ("mql", "raised_hand")


def test_sales_accepts_by_saying_so() -> None:
    """A call alone moves nobody in this model."""
    lifecycle = with_ann(hand_raised=True, behavior_score=100)
    ann = lifecycle.person("ann")
    lifecycle.apply("ann", "sales_touched", at=MONDAY + HOUR)
    assert ann.stage == "mql"
    lifecycle.apply("ann", "sales_accepted", at=MONDAY + 2 * HOUR)
    assert ann.stage == "sal"


def test_a_reason_that_was_not_agreed_is_refused_and_says_why() -> None:
    """A refusal changes nothing, and names what is unmet."""
    lifecycle = with_ann(hand_raised=True, behavior_score=100)
    decision = lifecycle.apply("ann", "sales_returned", at=MONDAY + HOUR, reason="on holiday")
    assert decision.result == "refused"
    assert "rejection reason is one of" in str(decision)
    assert lifecycle.person("ann").stage == "mql"


def test_who_is_returned_rests_and_comes_back_at_that_very_instant() -> None:
    """Time moves happen when the time has come; how often somebody looks changes nothing."""
    lifecycle = with_ann(hand_raised=True, behavior_score=100)
    lifecycle.apply("ann", "sales_returned", at=MONDAY + HOUR, reason="bad_timing")
    over = MONDAY + HOUR + points(lifecycle, "rest_days") * DAY
    ann = lifecycle.person("ann")
    lifecycle.tick(over - MINUTE)
    assert (ann.stage, ann.journey) == ("recycled", 1)
    lifecycle.tick(over)
    assert (ann.stage, ann.journey) == ("known", 2)


def test_a_deadline_that_is_missed_tells_and_moves_nobody() -> None:
    """A working day after a Monday morning is Tuesday morning."""
    missed: list[str] = []

    def keep(decision: Decision) -> None:
        if decision.kind == "deadline":
            missed.append(decision.reason)

    lifecycle = Lifecycle(MODEL, record=keep)
    lifecycle.admit("ann", at=MONDAY, hand_raised=True, behavior_score=100)
    lifecycle.tick(MONDAY + DAY - MINUTE)
    assert missed == []
    lifecycle.tick(MONDAY + DAY)
    assert missed == ["mql_answer"]
    assert lifecycle.person("ann").stage == "mql"
