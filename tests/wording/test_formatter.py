"""Conditions, lengths and limits in the words of people who have never seen the tool."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lifecycle_fsm.guard import parse_guard
from lifecycle_fsm.model import Model, Move, ScoreRule, SortRule, Stage, loads
from lifecycle_fsm.wording import Formatter
from tests.wording.phrases import MODEL


@pytest.fixture(scope="module")
def words() -> Formatter:
    return Formatter(loads(MODEL))


@pytest.mark.parametrize(
    ("guard", "said"),
    [
        ("always", ""),
        ("not always", "never"),
        ("hand_raised", "hand raised"),
        ("not unsubscribed", "not unsubscribed"),
        ("behavior_score >= $threshold", "behavior score of 65 or more"),
        ("behavior_score > 65", "behavior score of more than 65"),
        ("behavior_score < 65", "behavior score of less than 65"),
        ("behavior_score <= -5", "behavior score of at most −5"),
        ("not behavior_score >= 65", "not (behavior score of 65 or more)"),
        ("20 <= behavior_score <= 64", "behavior score from 20 to 64"),
        ("20 <= behavior_score < 65",
         "behavior score of 20 or more and behavior score of less than 65"),
        ("demographic_score + behavior_score >= 1000",
         "demographic score + behavior score of 1,000 or more"),
        ("budget >= 0.5", "yearly budget of 0.5 or more"),
        ("employees >= 50", "50 or more employees"),
        ("employees < 1000", "fewer than 1,000 employees"),
        ("open_opportunities == 0", "no open opportunities"),
        ("open_opportunities == 2", "open opportunities is 2"),
        ("sourced_by == 'sales'", "sourced by sales"),
        ("source != 'web'", "source is not web"),
        ("role in ['accounts_payable', 'legal']", "role is accounts payable or legal"),
        ("role not in ['accounts_payable', 'legal']", "role is neither accounts payable nor legal"),
        ("role not in ['a', 'b', 'c']", "role is none of a, b, c"),
        ("owner in $team", "owner is ann or ben"),
        ("country in $region", "country is on the list “region”"),
        ("country not in $region", "country is not on the list “region”"),
        ("last_form starts with $prefix", "last form starts with “Ask:”"),
        ("not last_form starts with $prefix", "last form does not start with “Ask:”"),
        ("email is known", "email is known"),
        ("email is missing", "email is not known"),
        ("assigned_to is known", "assigned rep is known"),
        ("sales_touched_at is missing", "no sales activity"),
        ("sales_touched_at is known", "any sales activity"),
        ("sales_touched_at >= journey_started_at", "sales activity since this journey began"),
        ("last_lost_at < journey_started_at", "lost opportunity before this journey began"),
        ("owner_changed_at > stage_entered_at", "owner change after entry of this stage"),
        ("contract_until < 2025-01-01", "contract until before 2025-01-01"),
        ("days in stage >= 90", "90 or more days in this stage"),
        ("days since sales_touched_at > 1", "more than 1 day since sales activity"),
        ("hours since sales_touched_at > 36", "more than 36 hours since sales activity"),
        ("hours in stage < 1", "fewer than 1 hour in this stage"),
        ("email contains '@acme'", "email contains “@acme”"),
        ("email not contains '@acme'", "email does not contain “@acme”"),
        ("stage == 'won'", "stage is Customer"),
        ("stage != 'won'", "stage is not Customer"),
        ("stage in ['mql', 'won']", "stage is MQL or Customer"),
        ("stage not in ['mql', 'won']", "stage is neither MQL nor Customer"),
        ("fits", "demographic score of 20 or more"),
        ("fits or hand_raised", "demographic score of 20 or more or hand raised"),
        ("(hand_raised or fits) and email is known",
         "(hand raised or demographic score of 20 or more) and email is known"),
        ("hand_raised or fits and email is known",
         "hand raised, or (demographic score of 20 or more and email is known)"),
    ],
)  # fmt: skip
def test_a_condition_is_a_phrase(words: Formatter, guard: str, said: str) -> None:
    assert words.condition(parse_guard(guard)) == said


@pytest.mark.parametrize(
    ("length", "working", "said"),
    [
        (timedelta(hours=4), True, "4 working hours"),
        (timedelta(hours=1), False, "1 hour"),
        (timedelta(days=1), True, "1 working day"),
        (timedelta(days=14), False, "14 days"),
        (timedelta(hours=36), False, "36 hours"),
        (timedelta(minutes=90), True, "90 minutes"),
        (timedelta(seconds=1), False, "1 second"),
    ],
)
def test_a_length_has_the_largest_unit_that_is_whole(
    words: Formatter, length: timedelta, working: bool, said: str
) -> None:
    assert words.length(length, working=working) == said


def test_a_long_list_is_cut_short(words: Formatter) -> None:
    long = ", ".join(f"'c{one:02}'" for one in range(40))
    said = words.condition(parse_guard(f"country in [{long}]"))
    assert said.startswith("country is c00, c01")
    assert said.endswith("or 29 more")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (ScoreRule(name="a", points=15), ""),
        (ScoreRule(name="a", points=-10, cap=20), "at most 20 in all"),
        (ScoreRule(name="a", points="$threshold", cap=100, per="week"), "at most 100 a week"),
    ],
)
def test_a_limit_is_a_phrase(words: Formatter, rule: ScoreRule, said: str) -> None:
    assert words.limit(rule) == said


def test_a_guard_of_a_program_is_named() -> None:
    def knows_better(person: object, now: object) -> bool:
        return True

    model = Model(
        name="own",
        stages=[Stage("new"), Stage("lead"), Stage("won")],
        sort=[SortRule(name="all", target="lead", when="otherwise")],
        moves=[Move(sources="lead", target="won", when=knows_better)],
    )
    assert Formatter(model).condition(model.moves[0].when) == "knows better (a program decides)"
