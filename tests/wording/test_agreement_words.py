"""Effects, points, receivers and hours in the words of people who have never seen the tool."""

from __future__ import annotations

import pytest

from lifecycle_fsm.guard import parse_term
from lifecycle_fsm.model import Calendar, ScoreRule, Set, loads
from lifecycle_fsm.wording import Formatter
from tests.wording.phrases import MODEL


@pytest.fixture(scope="module")
def words() -> Formatter:
    return Formatter(loads(MODEL))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("hand_raised", "false", "hand raised is cleared"),
        ("hand_raised", "true", "hand raised is set"),
        ("behavior_score", "0", "behavior score becomes 0"),
        ("behavior_score", "behavior_score * 0.5", "behavior score is cut to 50%"),
        ("behavior_score", "behavior_score * $share", "behavior score is cut to 50%"),
        ("behavior_score", "behavior_score * 2", "behavior score is raised to 200%"),
        ("behavior_score", "behavior_score - 10", "behavior score falls by 10"),
        ("behavior_score", "behavior_score + 10", "behavior score rises by 10"),
        ("behavior_score", "min(behavior_score, behavior_score * 0.5, $threshold - 1)",
         "behavior score is cut to 50% and to at most 64"),
        # A negative value would grow: nothing says that it is cut.
        ("behavior_score", "min(behavior_score * 0.5, 10)",
         "behavior score becomes the smallest of behavior score × 0.5 and 10"),
        ("glad", "min(glad * 0.5, 10)", "glad is cut to 50% and to at most 10"),
        ("hand_raised", "employees >= 50", "hand raised says whether 50 or more employees"),
        ("hand_raised_at", "now", "the time of the hand raise is kept"),
        ("owner", "activity.owner", "owner becomes owner"),
    ],
)  # fmt: skip
def test_an_effect_says_what_becomes_of_a_field(
    words: Formatter, field: str, value: str, said: str
) -> None:
    assert words.effects([Set(field, value)]) == (said,)


@pytest.mark.parametrize(
    ("calendar", "said"),
    [
        (Calendar(name="a"), "Mon–Fri 09:00–17:00 (UTC)"),
        (Calendar(name="a", hours={"mon": "9:00-12:00", "wed": "9:00-12:00"}, zone="Asia/Tokyo"),
         "Mon 9:00–12:00; Wed 9:00–12:00 (Asia/Tokyo)"),
        (Calendar(name="a", hours={"sat": "10:00-14:00"}, holidays="DE", closed=("2024-12-24",)),
         "Sat 10:00–14:00 (UTC), without the public holidays of DE, closed on 2024-12-24"),
    ],
)  # fmt: skip
def test_hours_are_told_by_runs_of_days(words: Formatter, calendar: Calendar, said: str) -> None:
    assert words.hours(calendar) == said


@pytest.mark.parametrize(
    ("receivers", "said"),
    [
        (["owner"], "the owner"),
        (["assigned_to", "owner", "'desk'"], "the assigned rep, else the owner, else desk"),
        (["$team"], "ann and ben in turn"),
        (["$region"], "the list “region” in turn"),
    ],
)
def test_a_receiver_is_who_gets_it(words: Formatter, receivers: list[str], said: str) -> None:
    assert words.receiver([parse_term(one) for one in receivers]) == said


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (ScoreRule(name="a", points=15), "+15"),
        (ScoreRule(name="a", points=-10, cap=20), "−10"),
        (ScoreRule(name="a", points="$threshold", cap=100, per="week"), "+65"),
        (ScoreRule(name="a", points="employees * 2"), "employees × 2"),
    ],
)
def test_points_have_a_sign(words: Formatter, rule: ScoreRule, said: str) -> None:
    assert words.points(rule) == said


def test_places_in_a_text_are_named(words: Formatter) -> None:
    assert words.text("Call {first_name}\n of {company}: {assigned_to}") == (
        "Call [first name] of [company]: [assigned rep]"
    )
