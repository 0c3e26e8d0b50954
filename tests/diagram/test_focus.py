"""A picture of a part of a model: one stage, one detour, or what one system owns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm import Model
from lifecycle_fsm.diagram import draw_coverage, draw_difference, draw_funnel, draw_model
from lifecycle_fsm.diagram.drawn_model import focused
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.model import load, shipped
from tests.diagram.test_legibility import CHECKED, check, counts_of, models

MODEL = load("waterfall")


def drawn(model: Model) -> set[tuple[str, str, str]]:
    return {(edge.name, edge.source, edge.target) for edge in (*model.sort_edges, *model.edges)}


@pytest.mark.parametrize("name", MODEL.by_name)
def test_a_stage_is_drawn_with_what_leads_to_it_and_out_of_it(name: str) -> None:
    part = focused(MODEL, name)
    assert drawn(part) == {key for key in drawn(MODEL) if name in key[1:]}
    there = {end for key in drawn(part) for end in key[1:]} | {name, "processing"}
    assert {stage.name for stage in part.stages} == there
    assert [stage for stage in MODEL.stages if stage in part.stages] == list(part.stages)


def test_a_system_is_drawn_with_what_it_owns() -> None:
    part = focused(MODEL, "marketing")
    whole = (*MODEL.sort_edges, *MODEL.edges)
    assert drawn(part) == {
        (edge.name, edge.source, edge.target) for edge in whole if edge.rule.system == "marketing"
    }
    owned = {stage.name for stage in MODEL.stages if stage.system == "marketing"}
    assert owned <= {stage.name for stage in part.stages}


def test_the_kind_of_a_move_stays_where_stages_between_are_left_out() -> None:
    part = focused(MODEL, "customer")
    assert "sal" in part.by_name
    kinds = {edge.name: edge.kind for edge in part.edges}
    assert kinds["closed_won"] == "step"
    assert kinds["won_early"] == "fast_track"


def test_rules_in_words_are_those_of_the_picture() -> None:
    """The sort is a list whose order matters: it is there as a whole, or not at all."""
    dot = draw_model(MODEL, focus="recycled").layout
    assert "THE SORT" not in dot
    assert "sales accepts" not in dot
    assert "not ready" in dot
    dot = draw_model(MODEL, focus="mql").layout
    assert "Rule 8" in dot
    assert "Lead lifecycle – MQL" in dot
    assert "only MQL, with its moves; the rest is left out" in dot


@pytest.mark.parametrize(
    ("name", "message"),
    [("mqll", "did you mean 'mql'"), ("CRM", "did you mean 'crm'"), ("", "there are processing")],
)
def test_an_unknown_focus_is_told_with_the_nearest(name: str, message: str) -> None:
    with pytest.raises(LifecycleError, match=message):
        draw_model(MODEL, focus=name)


@pytest.mark.parametrize("name", shipped())
def test_every_part_of_a_shipped_model_is_legible(name: str) -> None:
    model = load(name)
    for part in (*model.by_name, *model.systems):
        check(draw_model(model, focus=part))
        check(draw_funnel(model, counts_of(model, 4100), focus=part))
        check(draw_coverage(model, {}, focus=part))


@CHECKED
@given(models(), st.data())
def test_every_part_of_any_model_is_legible(model: Model, data: st.DataObject) -> None:
    part = data.draw(st.sampled_from([*model.by_name, *model.systems]))
    check(draw_model(model, focus=part))


def test_what_changes_can_be_limited_too() -> None:
    old, new = load("two_step"), load("sales_led")
    stage = new.path[1].name
    assert "What changes" in draw_difference(old, new, focus=stage).layout
