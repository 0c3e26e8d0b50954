"""What a condition needs, and what it was that opened a move, in words with values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lifecycle_fsm import LifecycleMachine, Model, Outcome, SortRule, Stage, parse_guard
from lifecycle_fsm.guard import explain
from lifecycle_fsm.story.story_formatter import StoryFormatter
from tests.story.small import at

new, known = Stage("new"), Stage("known")
MODEL = Model(
    name="needs",
    stages=[new, known],
    sort=[SortRule(name="all", when="otherwise", target="known")],
    tokens={
        "threshold": 65,
        "many": [f"v{n}" for n in range(20)],
        "prefix": "Demo",
        "far": 90,
    },
    guards={
        "fits": "demographic_score >= 20",
        "big": "fits and employees > 50",
        "ready": "vip and budget >= 2",
        "asked": "ready",
        "loud": "vip",
    },
    guard_labels={"ready": "ready to buy", "loud": "wants to be seen"},
    fields={"vip": "bool", "budget": "float | None", "met_at": "datetime | None"},
)
NOW = at("2025-04-01")
START = {"stage_entered_at": at("2025-03-01"), "journey_started_at": at("2025-03-01")}

#: The guard, the fields of the person, and what is missing.
MISSING: list[tuple[str, dict[str, Any], str]] = [
    (
        "behavior_score >= $threshold",
        {"behavior_score": 42},
        "23 more points of interest (42 of 65)",
    ),
    ("behavior_score > 64", {"behavior_score": 64}, "1 more point of interest (64 of 64)"),
    ("fits", {}, "20 more points of fit (0 of 20)"),
    (
        "big",
        {"demographic_score": 5},
        "15 more points of fit (5 of 20) and more than 50 employees (not known)",
    ),
    ("employees >= 50", {"employees": 20}, "50 or more employees (20 now)"),
    ("days in stage >= $far", {}, "59 more days in this stage (31 of 90)"),
    (
        "days since created_at >= 40",
        {"created_at": at("2025-02-21")},
        "1 more day since the creation (39 of 40)",
    ),
    ("hand_raised", {}, "a raised hand"),
    ("vip", {}, "“vip” to be yes"),
    ("not vip", {"vip": True}, "“vip” to be no"),
    ("owner is known", {}, "owner to be known"),
    ("owner is missing", {"owner": "ann"}, "owner not to be known (it is “ann”)"),
    ("met_at is known", {}, "met to be known"),
    (
        "met_at >= created_at",
        {"created_at": NOW},
        "met not before creation (met: not known, creation: 1 Apr 2025 00:00)",
    ),
    ("sales_touched_at is known", {}, "a sales activity"),
    (
        "sales_touched_at >= journey_started_at",
        {"sales_touched_at": at("2025-02-01")},
        "a sales activity since this journey began (the last: 1 Feb 2025 00:00)",
    ),
    ("role in ['buyer', 'legal']", {}, "role to be buyer or legal (not known)"),
    (
        "role not in ['buyer', 'legal']",
        {"role": "legal"},
        "role to be neither buyer nor legal (it is “legal”)",
    ),
    ("role in $many", {"role": "x"}, "role to be on the list “many” (it is “x”)"),
    ("role == 'buyer'", {"role": "x"}, "role to be buyer (it is “x”)"),
    ("role != 'x'", {"role": "x"}, "role not to be x (it is “x”)"),
    (
        "last_form starts with $prefix",
        {"last_form": "News"},
        "last form to start with “Demo” (it is “News”)",
    ),
    ("ready", {"vip": True}, "“ready to buy”: budget of 2 or more (not known)"),
    (
        "asked and fits",
        {"vip": True, "budget": 1.0},
        "(“ready to buy”: budget of 2 or more (1 now)) and 20 more points of fit (0 of 20)",
    ),
    ("not loud", {"vip": True}, "“vip” to be no"),
    ("source_latest is known and vip", {"vip": True}, "source latest to be known"),
    ("vip or hand_raised", {}, "“vip” to be yes, or a raised hand"),
    (
        "(vip or hand_raised) and fits",
        {},
        "(“vip” to be yes, or a raised hand) and 20 more points of fit (0 of 20)",
    ),
    (
        "not (vip and hand_raised)",
        {"vip": True, "hand_raised": True},
        "“vip” to be no, or “hand raised” to be no",
    ),
    ("open_opportunities == 0", {"open_opportunities": 2}, "no open opportunities (2 now)"),
    ("sourced_by == 'sales'", {}, "“sourced by sales” to hold (not known)"),
    ("budget >= 1.5", {"budget": 1.0}, "budget of 1.5 or more (1 now)"),
]


@pytest.mark.parametrize(("text", "fields", "told"), MISSING, ids=[one[0] for one in MISSING])
def test_what_is_missing_is_told_with_values(text: str, fields: dict[str, Any], told: str) -> None:
    outcome = outcome_of(text, fields)
    assert not outcome.holds
    assert StoryFormatter(MODEL).outcomes.missing(outcome) == told


#: The guard, the fields, and what opened the move.
MET: list[tuple[str, dict[str, Any], str]] = [
    ("always", {}, ""),
    ("behavior_score >= $threshold", {"behavior_score": 70}, "interest 70 of 65"),
    ("days in stage >= 30", {}, "31 days in this stage"),
    ("vip or hand_raised", {"hand_raised": True}, "hand raised"),
    ("role == 'buyer' and vip", {"role": "buyer", "vip": True}, "role is buyer, vip"),
    ("sourced_by in ['sales']", {"sourced_by": "sales"}, "sourced by sales"),
    ("open_opportunities == 0", {}, "no open opportunities"),
    ("won_opportunities >= 1", {"won_opportunities": 2}, "won opportunities: 2"),
    ("not vip", {}, "not vip"),
    ("role is known and role not in ['x', 'y']", {"role": "buyer"}, "role is buyer"),
    ("owner != 'x'", {"owner": "ann"}, "owner is ann"),
    ("owner != 'x'", {}, "owner is not x"),
]


@pytest.mark.parametrize(("text", "fields", "told"), MET, ids=range(len(MET)))
def test_what_opened_a_move_is_told_with_values(
    text: str, fields: dict[str, Any], told: str
) -> None:
    outcome = outcome_of(text, fields)
    assert outcome.holds
    assert StoryFormatter(MODEL).outcomes.met(outcome) == told


NOBODY = LifecycleMachine(MODEL).person("nobody")


def outcome_of(text: str, fields: dict[str, Any]) -> Outcome:
    values = {name: getattr(NOBODY, name) for name in MODEL.field_types}
    everything = {"stage": "known", "journey": 1, **START, **values, **fields}
    return explain(parse_guard(text), SimpleNamespace(**everything), NOW, MODEL.vocabulary)
