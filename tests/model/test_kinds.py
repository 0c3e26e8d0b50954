"""The built-in kinds of activity, and the page that tells of them [S18]."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lifecycle_fsm import Activity, Lifecycle
from lifecycle_fsm.errors import ModelError
from lifecycle_fsm.guard import to_text
from lifecycle_fsm.model import ActivityKind, Model, SortRule, Stage, from_plain
from lifecycle_fsm.model.builtin_activities import BUILT_IN, KEPT, OPEN_KINDS, SILENT
from lifecycle_fsm.person import BASE_FIELDS

PAGE = Path(__file__).parents[2] / "docs" / "understand" / "activities.md"
#: What the data silo derives from the opportunities of a person [S22].
DERIVED = {
    "opportunity_opened": "`open_opportunities`",
    "opportunity_changed": "`open_opportunities`",
    "opportunity_won": "`open_opportunities`, `won_opportunities`",
    "opportunity_lost": "`open_opportunities`, `last_lost_at`",
}
#: Where the cell says more than the fields that are always set.
SETS = DERIVED | {
    "score_given": "`behavior_score = behavior_score + activity.points`; `scored_at = now` for "
    "points above zero",
    "owner_changed": "`owner = activity.owner`, `owner_changed_at = now`; without an `owner` the "
    "record belongs to nobody",
}
NEW, MAL, MQL = map(Stage, ("new", "mal", "mql"))


def row(kind: ActivityKind) -> str:
    if kind.name in OPEN_KINDS:
        brings, sets = "any field", "these fields"
    else:
        brings = ", ".join(f"`{one.name}: {one.type}`" for one in kind.payload)
        sets = SETS.get(kind.name) or ", ".join(
            f"`{one.field} = {to_text(one.value)}`" for one in kind.sets
        )
    # A bar would end the cell.
    cells = [brings.replace("|", "\\|"), sets, f"`{kind.trigger}`" if kind.trigger else ""]
    described = re.sub(r" \[S\d+\]", "", kind.description)
    return f"| `{kind.name}` | {described} | " + " | ".join(cells) + " |"


def table() -> str:
    head = [
        "| kind | what happened | brings | sets | asks for |",
        "| --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *map(row, BUILT_IN.values())])


def test_the_page_has_the_kinds_as_they_are() -> None:
    page = PAGE.read_text("utf-8")
    found = re.search(r"^\| kind \|.*?\n\n", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    assert found[0].strip() == table(), f"put this into {PAGE.name}:\n\n{table()}\n"


def test_a_kind_of_ones_own_sets_fields_and_asks_for_a_move() -> None:
    parts = tomllib.loads("""
        [kinds.call_logged]
        payload = { minutes = "int", outcome = { choices = ["reached", "voicemail"] } }
        sets = { sales_touched_at = "now", lead_status = "activity.outcome" }
        trigger = "called"

        [[data]]
        name = "long_call"
        on = "call_logged"
        when = "activity.minutes >= 10"
        then = { hand_raised = true }
    """)
    model = from_plain(
        {
            "name": "acme",
            "stages": [{"name": "new"}, {"name": "mal"}, {"name": "mql"}],
            "sort": [{"name": "all", "when": "otherwise", "to": "mal"}],
            "moves": [{"from": "mal", "to": "mql", "on": "called", "when": "hand_raised"}],
            **parts,
        }
    )
    lifecycle = Lifecycle(model)
    ann = lifecycle.admit("ann", at="2024-05-01T09:00:00Z")
    short, long = (
        lifecycle.apply(
            "ann", "call_logged", at=f"2024-05-0{day}T09:00:00Z", minutes=minutes, outcome="reached"
        )
        for day, minutes in ((2, 9), (3, 10))
    )
    assert (short.result, long.result) == ("refused", "moved")
    assert (ann.stage, ann.lead_status) == ("mql", "reached")
    assert ann.sales_touched_at == long.at


def test_every_kind_of_the_design_is_there() -> None:
    """What comes from other systems, what original processing needs, time, and a changed model."""
    assert set(BUILT_IN) == set(
        "created processed changed form_filled web_visit email_clicked unsubscribed score_given "
        "owner_changed sales_touched lead_status_changed opportunity_opened opportunity_changed "
        "opportunity_won opportunity_lost crm_synced converted merged time_passed "
        "model_changed".split()
    )
    assert all(kind.description for kind in BUILT_IN.values())
    assert set(BUILT_IN) >= OPEN_KINDS | KEPT | SILENT


@pytest.mark.parametrize("kind", BUILT_IN.values(), ids=lambda kind: kind.name)
def test_each_kind_is_one_that_a_model_could_declare(kind: ActivityKind) -> None:
    """Built-in kinds stand before the checks of a model, so they are checked here."""
    renamed = ActivityKind(name="ours", payload=kind.payload, sets=kind.sets, trigger=kind.trigger)
    model = Model(
        name="acme",
        stages=[NEW, MAL],
        sort=[SortRule(name="all", when="otherwise", target=MAL)],
        kinds=[renamed],
    )
    assert model.activity_kinds["ours"] == renamed
    assert all(one.field in BASE_FIELDS for one in kind.sets)


def test_s18_ownership_comes_from_crm_activities_only() -> None:
    crm = {"owner", "owner_changed_at", "sales_touched_at", "assigned_to"}
    writers = {
        kind.name: crm & {one.field for one in kind.sets}
        for kind in BUILT_IN.values()
        if crm & {one.field for one in kind.sets}
    }
    assert writers == {
        "owner_changed": {"owner", "owner_changed_at"},
        "sales_touched": {"sales_touched_at"},
    }


@pytest.mark.parametrize("nobody", [{}, {"owner": None}, {"owner": ""}, {"owner": " \t"}], ids=str)
def test_r3_s4_a_record_that_nobody_owns_any_more_is_not_accepted(nobody: dict[str, Any]) -> None:
    lifecycle = Lifecycle("waterfall")
    ann = lifecycle.admit("ann", at="2024-05-01T09:00:00Z", hand_raised=True, owner="sdr.north")
    decision = lifecycle.apply("ann", "owner_changed", at="2024-05-02T09:00:00Z", **nobody)
    assert (decision.result, decision.stage) == ("unchanged", "mql")
    assert (ann.owner, ann.owner_changed_at) == (None, decision.at)
    lifecycle.apply("ann", "owner_changed", at="2024-05-03T09:00:00Z", owner="sdr.south")
    assert ann.stage == "sal"


# The name of one is that of a field, which a move reads: when = "unsubscribed".
@pytest.mark.parametrize("kind", sorted(set(BUILT_IN) - SILENT - {"unsubscribed"}))
def test_s7_a_trigger_with_the_name_of_a_kind_is_raised_by_it(kind: str) -> None:
    model = Model(
        name="acme",
        stages=[NEW, MAL, MQL],
        sort=[SortRule(name="all", when="otherwise", target=MAL)],
        moves=[MAL.to(MQL, on=kind)],
    )
    assert model.activity_kinds[kind].trigger == kind
    assert model.activity_kinds[kind].payload == BUILT_IN[kind].payload


def test_s7_a_trigger_without_a_kind_has_one_of_its_own() -> None:
    model = Model(
        name="acme",
        stages=[NEW, MAL, MQL],
        sort=[SortRule(name="all", when="otherwise", target=MAL)],
        moves=[MAL.to(MQL, on="judged_ready"), MAL.to(MQL, on="called", name="b")],
        kinds=[ActivityKind(name="call_logged", trigger="called")],
    )
    assert set(model.activity_kinds) - set(BUILT_IN) == {"judged_ready", "call_logged"}
    asking = model.activity_kinds["judged_ready"]
    assert (asking.trigger, asking.description) == (
        "judged_ready",
        "somebody asked for judged ready",
    )
    assert [one.name for one in asking.payload] == ["reason", "by"]


def test_a_kind_of_the_model_stands_in_place_of_a_built_in_one() -> None:
    model = Model(
        name="acme",
        stages=[NEW, MAL],
        sort=[SortRule(name="all", when="otherwise", target=MAL)],
        kinds=[ActivityKind(name="web_visit", sets={"unsubscribed": False})],
    )
    assert model.activity_kinds["web_visit"] == model.kinds[0]
    for kind in KEPT:
        with pytest.raises(ModelError, match="this kind is built in and means more"):
            Model(name="acme", stages=[NEW, MAL], sort=model.sort, kinds=[ActivityKind(name=kind)])


def test_s14_s19_what_the_page_says_of_created_processed_and_changed() -> None:
    lifecycle = Lifecycle("two_step")
    at = "2024-05-01T09:00:00Z"
    held = lifecycle.apply("ann", "web_visit", at=at)
    assert held.result == "held"
    lifecycle.expect_processed(["ann"])
    lifecycle.apply(Activity("1", "ann", "created", at, {"source": "fair", "employees": 5}))
    ann = lifecycle.person("ann")
    assert (ann.stage, ann.source, ann.created_at) == ("new", "fair", ann.clock)
    assert ann.behavior_score == 5
    assert lifecycle.apply(Activity("2", "ann", "created", at)).result == "rejected"
    later = "2024-05-02T09:00:00Z"
    lifecycle.apply("ann", "processed", at=later, source="the fair")
    assert (ann.stage, ann.source) == ("contact", "the fair")
    assert lifecycle.apply("ann", "processed", at="2024-05-03").result == "rejected"
    lifecycle.apply("ann", "changed", at="2024-05-04", employees=None)
    assert (ann.employees, ann.source) == (None, "the fair")
    assert lifecycle.apply("ann", "changed", at="2024-05-05", stage="lead").result == "rejected"
