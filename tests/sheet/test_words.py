"""Conditions, effects and times in the words of people who have never seen the tool."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lifecycle_fsm.guard import parse_guard, parse_term
from lifecycle_fsm.model import Calendar, Model, ScoreRule, Set, loads
from lifecycle_fsm.sheet.words import Words, joined, plain

MODEL = """
name = "phrases"
[tokens]
threshold = 65
share = 0.5
prefix = "Ask:"
team = ["ann", "ben"]
region = ["DE", "FR", "NL", "US"]
[guards]
fits = "demographic_score >= 20"
[fields]
contract_until = { type = "datetime | None" }
budget = { type = "float | None", label = "yearly budget" }
glad = { type = "int", min = 0 }
[[stages]]
name = "new"
[[stages]]
name = "mql"
[[stages]]
name = "won"
title = "Customer"
[[sort]]
name = "all"
when = "otherwise"
to = "mql"
[[moves]]
name = "bought"
from = "mql"
to = "won"
when = "won_opportunities >= 1"
"""


@pytest.fixture(scope="module")
def words() -> Words:
    return Words(loads(MODEL))


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
def test_a_condition_is_a_phrase(words: Words, guard: str, said: str) -> None:
    assert words.condition(parse_guard(guard)) == said


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
    words: Words, field: str, value: str, said: str
) -> None:
    assert words.effects([Set(field, value)]) == (said,)


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
    words: Words, length: timedelta, working: bool, said: str
) -> None:
    assert words.length(length, working=working) == said


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
def test_hours_are_told_by_runs_of_days(words: Words, calendar: Calendar, said: str) -> None:
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
def test_a_receiver_is_who_gets_it(words: Words, receivers: list[str], said: str) -> None:
    assert words.receiver([parse_term(one) for one in receivers]) == said


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (ScoreRule(name="a", points=15), ("+15", "")),
        (ScoreRule(name="a", points=-10, cap=20), ("−10", "at most 20 in all")),
        (ScoreRule(name="a", points="$threshold", cap=100, per="week"),
         ("+65", "at most 100 a week")),
        (ScoreRule(name="a", points="employees * 2"), ("employees × 2", "")),
    ],
)  # fmt: skip
def test_points_have_a_sign_and_a_limit(
    words: Words, rule: ScoreRule, said: tuple[str, str]
) -> None:
    assert (words.points(rule), words.limit(rule)) == said


def test_a_long_list_is_cut_short(words: Words) -> None:
    long = ", ".join(f"'c{one:02}'" for one in range(40))
    said = words.condition(parse_guard(f"country in [{long}]"))
    assert said.startswith("country is c00, c01")
    assert said.endswith("or 29 more")


def test_places_in_a_text_are_named(words: Words) -> None:
    assert words.text("Call {first_name}\n of {company}: {assigned_to}") == (
        "Call [first name] of [company]: [assigned rep]"
    )


@pytest.mark.parametrize(
    ("name", "said"), [("mql_threshold", "MQL threshold"), ("sdr_team", "SDR team"), ("a_b", "a b")]
)
def test_a_name_is_words(name: str, said: str) -> None:
    assert plain(name) == said


@pytest.mark.parametrize(
    ("parts", "said"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_parts_are_joined(parts: list[str], said: str) -> None:
    assert joined(parts) == said


def test_a_guard_of_a_program_is_named() -> None:
    from lifecycle_fsm import Move, SortRule, Stage

    def knows_better(person: object, now: object) -> bool:
        return True

    model = Model(
        name="own",
        stages=[Stage("new"), Stage("lead"), Stage("won")],
        sort=[SortRule(name="all", target="lead", when="otherwise")],
        moves=[Move(sources="lead", target="won", when=knows_better)],
    )
    assert Words(model).condition(model.moves[0].when) == "knows better (a program decides)"
