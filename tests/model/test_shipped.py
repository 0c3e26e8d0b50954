"""The shipped models as models: nobody is stuck, nobody bounces, nothing is dead [S6]–[S9].

What people go through in them is told in ``tests/scenarios``.
"""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from typing import Any

import pytest

from lifecycle_fsm import Lifecycle, Person
from lifecycle_fsm.model import Model, load, loads, shipped, shipped_text

MODELS = {name: load(name) for name in shipped()}
BOTH = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
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


@BOTH
def test_every_stage_can_be_reached_and_the_end_of_the_path_from_everywhere(model: Model) -> None:
    assert reached(model, model.initial.name) == set(model.by_name)
    for stage in model.stages:
        assert model.path[-1].name in reached(model, stage.name), stage.name


@BOTH
def test_r8_every_detour_has_a_way_back(model: Model) -> None:
    for stage in model.detours:
        assert [one for one in model.edges if one.source == stage.name and one.kind == "return"]


@BOTH
def test_s8_no_stage_has_two_system_moves_of_equal_priority_but_those_that_exclude_each_other(
    model: Model,
) -> None:
    found = {
        frozenset((one.name, other.name))
        for one, other in combinations(model.edges, 2)
        if (one.source, one.on, one.rule.priority) == (other.source, other.on, other.rule.priority)  # type: ignore[union-attr]
    }
    assert found <= {frozenset(("recycled_by_sales", "disqualified_by_sales"))}
    tokens = model.tokens
    if found:
        recycle, disqualify = tokens["recycle_reasons"], tokens["disqualify_reasons"]
        assert isinstance(recycle, tuple)
        assert isinstance(disqualify, tuple)
        assert not {*recycle} & {*disqualify}


@BOTH
def test_s8_where_several_moves_are_open_the_one_that_leads_furthest_is_tried_first(
    model: Model,
) -> None:
    """A detour for somebody who is no prospect at all comes before everything else."""
    for stage in model.stages:
        system = [one for one in model.edges if one.source == stage.name and one.on is None]
        path = [one for one in system if one.target in model.ranks]
        ranks = [model.ranks[one.target] for one in path]
        assert ranks == sorted(ranks, reverse=True), stage.name


@BOTH
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


@BOTH
def test_the_text_is_what_people_copy(model: Model) -> None:
    text = shipped_text(model.name)
    assert text.startswith(f"# {model.name}: ")
    assert f'name = "{model.name}"' in text
    assert "\t" not in text
    sections = [line for line in text.split("\n") if re.match(r"\[\[?\w+\]", line)]
    for heading in dict.fromkeys(sections):
        before = text[: text.index(heading)].rstrip("\n").split("\n")
        comments = [line for line in before[-8:] if line.startswith("#")]
        assert comments, f"{heading} has no word of explanation"
    assert loads(text) == model


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


def test_r20_the_threshold_stands_once() -> None:
    assert len(re.findall(r"\b65\b", shipped_text("waterfall"))) == 1


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
