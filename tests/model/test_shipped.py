"""The shipped models as models: nobody is stuck, nobody bounces, nothing is dead [S6]–[S9], and all
that they agree on has its words.

What people go through in them is told in ``tests/scenarios``.
"""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

from lifecycle_fsm import Lifecycle, Person, dumps
from lifecycle_fsm.guard import Always, Compare, Const, Field, In, Token, walk
from lifecycle_fsm.model import Edge, Model, load, loads, shipped, shipped_text
from lifecycle_fsm.model.structure import from_plain
from lifecycle_fsm.model.unstructure import SECTIONS, TABLES, to_plain

MODELS = {name: load(name) for name in shipped()}
EACH = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
#: Those that are more than an example: with agreements, and words for the sheet.
WHOLE = {name: model for name, model in MODELS.items() if name != "two_step"}
EACH_WHOLE = pytest.mark.parametrize("model", WHOLE.values(), ids=WHOLE)
DAYS = [f"2024-05-{day:02}T09:00:00Z" for day in range(1, 31)]


def reached(model: Model, start: str) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        here = waiting.pop()
        for edge in (*model.edges, *model.sort_edges):
            if edge.source == here and edge.target not in found:
                found.add(edge.target)
                waiting.append(edge.target)
    return found


def stages(person: Person) -> list[str]:
    return [row.to_stage for row in person.history]


@EACH
def test_every_stage_can_be_reached_and_the_end_of_the_path_from_everywhere(model: Model) -> None:
    assert reached(model, model.initial.name) == set(model.by_name)
    for stage in model.stages:
        assert model.path[-1].name in reached(model, stage.name), stage.name


@EACH
def test_r8_every_detour_has_a_way_back(model: Model) -> None:
    for stage in model.detours:
        assert [one for one in model.edges if one.source == stage.name and one.kind == "return"]


@EACH
def test_s8_no_stage_has_two_system_moves_of_equal_priority_but_those_that_exclude_each_other(
    model: Model,
) -> None:
    for one, other in combinations(model.edges, 2):
        if (one.source, one.on, one.rule.priority) == (other.source, other.on, other.rule.priority):  # type: ignore[union-attr]
            assert one.on, (one.name, other.name)
            assert not reasons(model, one) & reasons(model, other)


def reasons(model: Model, edge: Edge) -> set[object]:
    """The reasons of a move that sales asks for: one of a list, and nothing else."""
    guard = edge.when
    assert isinstance(guard, In), edge.name
    assert guard.term == Field("rejection_reason")
    assert isinstance(guard.options, Token)
    listed = model.tokens[guard.options.name]
    assert isinstance(listed, tuple)
    return {*listed}


@EACH
def test_s8_where_several_moves_are_open_the_one_that_leads_furthest_is_tried_first(
    model: Model,
) -> None:
    """A detour for somebody who is no prospect at all comes before everything else."""
    for stage in model.stages:
        system = [one for one in model.edges if one.source == stage.name and one.on is None]
        path = [one for one in system if one.target in model.ranks]
        ranks = [model.ranks[one.target] for one in path]
        assert ranks == sorted(ranks, reverse=True), stage.name


@EACH
def test_every_guard_and_token_is_used_and_every_part_has_its_words(model: Model) -> None:
    text = shipped_text(model.name)
    for token in model.tokens:
        assert f"${token}" in text, token
    for guard in model.guards:
        assert len(re.findall(rf"\b{guard}\b", text)) >= 2, guard
    for stage in model.stages:
        assert stage.label
        assert stage.code
        assert stage.system in model.systems
    for name, system in [(one.name, one.system) for one in model.moves] + [
        (one.name, one.system) for one in model.sort
    ]:
        assert system in model.systems, name
    for move in model.moves:
        assert move.label, move.name


@EACH
def test_the_text_is_what_people_copy(model: Model) -> None:
    text = shipped_text(model.name)
    assert text.startswith(f"# {model.name}: ")
    assert f'name = "{model.name}"' in text
    assert "\t" not in text
    sections = [line for line in text.split("\n") if re.match(r"\[\[?[\w.]+\]", line)]
    for heading in dict.fromkeys(sections):
        before = text[: text.index(heading)].rstrip("\n").split("\n")
        comments = [line for line in before[-8:] if line.startswith("#")]
        assert comments, f"{heading} has no word of explanation"
    assert loads(text) == model


@EACH
def test_a_round_trip_gives_the_same_model(model: Model) -> None:
    for again in (loads(dumps(model)), from_plain(to_plain(model))):
        assert again == model
        assert again.version == model.version


@EACH
def test_the_page_of_a_model_has_its_stages_and_its_promises_as_they_are(model: Model) -> None:
    page = Path(__file__).parents[2] / "docs" / "agree" / f"{model.name}.md"
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.read_text("utf-8").split("\n")
        if line.startswith("|")
    ]
    stages = [row for row in rows if re.fullmatch(r"\d+", row[0])]
    assert [row[0] for row in stages] == [stage.code for stage in model.stages]
    for row, stage in zip(stages, model.stages, strict=True):
        assert row[1].split(",")[0] == stage.display
    promises = [row[0] for row in rows if row[0].startswith("`")]
    assert promises == [f"`{one.name}`" for one in model.deadlines]


# ------------------------------------------------------------------ what is agreed


def test_all_sections_of_a_model_are_shown_in_the_waterfall() -> None:
    waterfall = MODELS["waterfall"]
    shown = {name for name in (*TABLES, *SECTIONS, "dimensions") if getattr(waterfall, name, None)}
    hidden = {"kinds", "money", "segments", "theme"}
    assert {*TABLES, *SECTIONS, "dimensions"} - shown == hidden
    assert MODELS["sales_led"].kinds


@EACH_WHOLE
def test_r9_r45_every_stage_has_its_part_of_the_funnel_and_a_playbook(model: Model) -> None:
    assert {stage.group for stage in model.path} == {"intake", "top", "middle", "bottom"}
    for stage in model.stages:
        assert stage.playbook.endswith("."), stage.name
        assert stage.description.endswith("."), stage.name


@EACH_WHOLE
def test_r34_every_promise_is_told_escalated_and_said_in_words(model: Model) -> None:
    known = {one.name: one for one in model.deadlines}
    for one in model.deadlines:
        assert one.label, one.name
        assert one.text, one.name
        assert one.send, one.name
        if one.escalates:
            assert one.calendar == known[one.escalates].calendar
            assert one.when == known[one.escalates].when
            assert one.to != known[one.escalates].to
    # The promise to answer what marketing hands over, and behind it somebody above.
    (answer,) = [one for one in model.deadlines if one.stage == "mql" and not one.escalates]
    assert [one for one in model.deadlines if one.escalates == answer.name]
    assert answer.calendar


@EACH_WHOLE
def test_r25_what_was_left_alone_is_found_whoever_made_it(model: Model) -> None:
    """Where the sort puts those whom sales made, deadlines run, and none asks who made them."""
    (made_by_sales,) = [rule for rule in model.sort if rule.name == "made_by_sales"]
    assert [one for one in model.deadlines if one.stage == made_by_sales.target]
    for one in model.deadlines:
        read = {node.name for node in walk(one.when) if isinstance(node, Field)}
        assert not read & {"created_by", "created_through", "sourced_by"}, one.name


@EACH_WHOLE
def test_who_is_assigned_counts_as_known_when_they_take_the_lead(model: Model) -> None:
    """Everybody whom a rule of assignment may name is of the team whose taking over counts."""
    known = {
        "waterfall": {"sdr_team"},
        "engagement": {"large_team", "inside_team"},
        "sales_led": {"reps"},
    }[model.name]
    team = {name for token in known for name in names(model, token)}
    named = {
        name
        for rule in model.assignment
        for term in rule.to
        if isinstance(term, Token)
        for name in names(model, term.name)
    }
    assert named <= team
    entered = [rule for rule in model.assignment if "mql" in rule.entering]
    assert entered[-1].when == Always()  # somebody for everybody


def names(model: Model, token: str) -> set[str]:
    value = model.tokens[token]
    return {str(one) for one in value} if isinstance(value, tuple) else {str(value)}


@pytest.mark.parametrize(
    ("name", "territories"),
    [("waterfall", ("north_countries", "south_countries")), ("sales_led", ("islands", "dach"))],
)
def test_a_country_is_of_one_territory(name: str, territories: tuple[str, str]) -> None:
    one, other = (names(MODELS[name], token) for token in territories)
    assert not one & other
    assert all(re.fullmatch("[A-Z]{2}", country) for country in one | other)


@EACH_WHOLE
def test_r36_nurture_is_left_where_marketing_mail_is_not_for_nurture(model: Model) -> None:
    """The list and what the stage says of mail are one agreement."""
    joined = {stage for rule in model.alerts if rule.send == "list_add" for stage in rule.entering
              if "nurture" in str(rule.name)}  # fmt: skip
    left = {stage for rule in model.alerts if rule.send == "list_remove" for stage in rule.entering
            if "nurture" in str(rule.name)}  # fmt: skip
    for stage in model.stages[1:]:
        if stage.name in joined:
            assert stage.mail == "nurture", stage.name
        if stage.mail != "nurture":
            assert stage.name in left, stage.name


@EACH_WHOLE
def test_r43_interest_fades_is_capped_and_stays_within_bounds(model: Model) -> None:
    assert [one for one in model.decay if one.since == "scored_at"]
    for rule in model.scoring:
        if rule.on in ("web_visit", "email_clicked", "unsubscribed"):
            assert rule.cap is not None, rule.name
            assert isinstance(rule.points, Const)
            assert isinstance(rule.points.value, int)
            assert rule.cap >= abs(rule.points.value), rule.name
    assert [rule for rule in model.scoring if rule.on == "unsubscribed"]


# ------------------------------------------------------------------ the waterfall

EVERY_DETOUR = {
    "recycled": [("sales_rejected", {"reason": "no_time"})],
    "disqualified": [("sales_rejected", {"reason": "student"})],
    "off_path": [("changed", {"role": "legal"})],
}


@pytest.mark.parametrize("detour", EVERY_DETOUR)
def test_s9_r37_nobody_who_comes_back_is_handed_to_sales_at_once(detour: str) -> None:
    lifecycle = Lifecycle("waterfall")
    ann = lifecycle.admit("ann", at=DAYS[0], seniority="vp", behavior_score=400, hand_raised=True)
    assert ann.stage == "mql"
    for kind, payload in EVERY_DETOUR[detour]:
        lifecycle.apply("ann", kind, at=DAYS[1], **payload)
    assert (ann.stage, ann.behavior_score, ann.hand_raised) == (detour, 64, False)
    lifecycle.apply("ann", "changed", at=DAYS[2], role=None)
    if detour == "recycled":
        lifecycle.tick("2024-08-01")
    else:
        lifecycle.apply("ann", "reinstate", at=DAYS[3])
    assert stages(ann) == ["processing", "mql", detour, "mal"]
    assert ann.journey == 2


def test_who_raised_a_hand_while_disqualified_is_an_mql_when_a_human_brings_them_back() -> None:
    lifecycle = Lifecycle("waterfall")
    ann = lifecycle.admit("ann", at=DAYS[0])
    lifecycle.apply("ann", "disqualify", at=DAYS[1])
    lifecycle.apply("ann", "form_filled", at=DAYS[2], form="Hand-Raise: Demo")
    assert ann.stage == "disqualified"
    lifecycle.apply("ann", "reinstate", at=DAYS[3])
    assert stages(ann) == ["processing", "mal", "disqualified", "mal", "mql"]


@pytest.mark.parametrize("detour", ["off_path", "disqualified"])
def test_s9_a_role_that_keeps_somebody_off_the_path_has_to_be_corrected_first(detour: str) -> None:
    """Otherwise the return would be undone at its own instant, and count a journey."""
    lifecycle = Lifecycle("waterfall")
    if detour == "off_path":
        ann = lifecycle.admit("ann", at=DAYS[0], role="legal")
    else:
        ann = lifecycle.admit("ann", at=DAYS[0])
        lifecycle.apply("ann", "disqualify", at=DAYS[1])
        lifecycle.apply("ann", "changed", at=DAYS[2], role="legal")
    decision = lifecycle.apply("ann", "reinstate", at=DAYS[3])
    assert (decision.result, ann.stage, ann.journey) == ("refused", detour, 1)
    assert "('role', 'legal')" in repr(decision.unmet)
    lifecycle.apply("ann", "changed", at=DAYS[4], role="buyer")
    if detour == "disqualified":
        assert lifecycle.apply("ann", "reinstate", at=DAYS[5]).moved
    assert (ann.stage, ann.journey) == ("mal", 2)


def test_who_is_off_the_path_for_an_unknown_role_is_brought_back_by_a_human() -> None:
    lifecycle = Lifecycle("waterfall")
    ann = lifecycle.admit("ann", at=DAYS[0], role="legal")
    lifecycle.apply("ann", "changed", at=DAYS[1], role=None)
    assert ann.stage == "off_path"
    lifecycle.apply("ann", "reinstate", at=DAYS[2])
    assert ann.stage == "mal"


def test_r5_r4_after_sal_there_are_three_exits_and_a_loss_has_its_own() -> None:
    model = MODELS["waterfall"]
    exits = {one.target for one in model.edges if one.source == "sal"}
    assert exits - {"customer", "off_path"} == {"sql", "recycled", "disqualified"}
    assert [
        one.name for one in model.edges if one.source == "sql" and one.target == "recycled"
    ] == ["lost"]


def test_s17_what_sales_made_has_no_credit_and_what_sales_overtook_is_passed_over() -> None:
    model = MODELS["waterfall"]
    assert {rule.name for rule in model.sort if rule.skips == "no_credit"} == {
        "customers_contact", "on_open_opportunity", "made_by_sales"
    }  # fmt: skip
    tracks = {one.rule.skips for one in model.edges if one.kind == "fast_track"}
    assert tracks == {"passed_over"}


@EACH_WHOLE
def test_r20_the_threshold_stands_once(model: Model) -> None:
    moves = (*model.edges, *model.sort_edges)
    data = [rule.when for rule in model.data]
    for guard in (*model.guards.values(), *(edge.when for edge in moves), *data):
        for node in walk(guard):
            if isinstance(node, Compare) and {"behavior_score", "demographic_score"} & {
                side.name for side in (node.left, node.right) if isinstance(side, Field)
            }:
                assert isinstance(node.right, Token), str(node)


def test_r20_both_designs_for_a_hand_raise_are_there() -> None:
    """A fast track of its own, and a boost of points by the threshold itself."""
    for name in ("waterfall", "sales_led"):
        assert not [
            one for one in MODELS[name].scoring if Token("mql_threshold") in walk(one.points)
        ]
    (boost,) = [
        one for one in MODELS["engagement"].scoring if Token("mql_threshold") in walk(one.points)
    ]
    assert (boost.on, boost.points) == ("form_filled", Token("mql_threshold"))


# ------------------------------------------------------------------ the two steps

WAYS: dict[str, tuple[list[tuple[str, dict[str, Any]]], list[str]]] = {
    "step by step": (
        [("form_filled", {"form": "x"})] * 2 + [("opportunity_won", {"opportunity": "1"})],
        ["contact", "lead", "customer"],
    ),
    "bought at once": ([("opportunity_won", {"opportunity": "1"})], ["contact", "customer"]),
    "given up, and interested again": (
        [("form_filled", {"form": "x"})] * 2
        + [("give_up", {})]
        + [("form_filled", {"form": "x"})] * 2,
        ["contact", "lead", "lost", "lead"],
    ),
    "given up, and bought after all": (
        [("form_filled", {"form": "x"})] * 2
        + [("give_up", {}), ("opportunity_won", {"opportunity": "1"})],
        ["contact", "lead", "lost", "customer"],
    ),
}


@pytest.mark.parametrize(("story", "expected"), WAYS.values(), ids=WAYS.keys())
def test_two_steps(story: list[tuple[str, dict[str, Any]]], expected: list[str]) -> None:
    lifecycle = Lifecycle("two_step")
    ann = lifecycle.admit("ann", at=DAYS[0])
    for (kind, payload), day in zip(story, DAYS[1:], strict=False):
        lifecycle.apply("ann", kind, at=day, **payload)
    assert stages(ann) == ["new", *expected]
    assert all(one.now < other.now for one, other in pairwise(ann.history[1:]))
    assert [row.passed_over for row in ann.history if row.passed_over] == (
        [("lead",)] if expected == ["contact", "customer"] else []
    )
