"""Two models as one picture, and two periods: what was added, removed and changed."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm import Model, Move, SortRule, Stage
from lifecycle_fsm.diagram import draw_difference, draw_funnel
from lifecycle_fsm.diagram.chart_data import ChartData
from lifecycle_fsm.diagram.joined_models import joined_models, tally
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import Counts, count
from lifecycle_fsm.model import load, shipped
from tests.diagram.test_legibility import CHECKED, check, counts_of, models
from tests.funnel.made import day, mixed, walk


def move(sources: Any, target: str, name: str, **more: Any) -> Move:
    return Move(sources=sources, target=target, name=name, **more)


OLD = Model(
    name="small",
    tokens={"limit": 65},
    stages=(Stage("new"), Stage("lead"), Stage("demo"), Stage("won"), Stage("lost", off_path=True)),
    sort=(SortRule(name="all", target="lead", when="otherwise"),),
    moves=(
        move("lead", "demo", "scored", when="behavior_score >= $limit"),
        move("demo", "won", "bought", when="won_opportunities >= 1"),
        move(("lead", "demo"), "lost", "given_up", on="give_up"),
    ),
)


def changed(**parts: Any) -> Model:
    return attrs.evolve(OLD, **parts)


def moves(*more: Move, **ends: Any) -> tuple[Move, ...]:
    """The moves with other parts; None leaves a move out."""
    kept = (move for move in OLD.moves if ends.get(move.name, move) is not None)
    return (*(attrs.evolve(move, **ends.get(move.name, {})) for move in kept), *more)


def marks(new: Model) -> dict[str, str]:
    """The mark of each line that has one."""
    both = joined_models(OLD, new)
    return {
        f"{flow.source}-{flow.target} {rule.label}": rule.mark
        for flow in ChartData(both, None, "", "").flows
        for rule in flow.rules
        if rule.mark
    } | {name: change for name, change in both.stage_changes.items() if change}


@pytest.mark.parametrize(
    ("new", "expected", "told"),
    [
        (OLD, {}, None),
        # Only a number changed, and every guard that reads it says so.
        (changed(tokens={"limit": 50}), {"lead-demo scored": "≠"}, "behavior score of 50 or more"),
        (changed(moves=moves(scored={"label": "hot"})), {"lead-demo hot": "≠"}, "called “hot”"),
        (changed(moves=moves(given_up={"on": "stop"})),
         {"lead-lost given up": "≠", "demo-lost given up": "≠"}, "asked for by “stop”"),
        (changed(moves=moves(given_up={"sources": ("demo",)})),
         {"lead-lost given up": "−"}, "before: Lead, Demo → Lost"),
        (changed(moves=moves(bought=None)), {"demo-won bought": "−"}, "1 or more won"),
        (changed(moves=moves(move("lead", "won", "at_once", when="won_opportunities >= 2",
                                  skips="no_credit"))),
         {"lead-won at once": "+"}, "stages between: no credit"),
        (changed(stages=(*OLD.stages, Stage("later", off_path=True))),
         {"later": "+"}, "Stage Later"),
        (changed(stages=[attrs.evolve(stage, title="Meeting") if stage.name == "demo" else stage
                         for stage in OLD.stages]), {"demo": "≠"}, "short name: none → “Meeting”"),
        # The old step skips the new stage now, and is drawn above the path.
        (changed(stages=(*OLD.stages[:3], Stage("offer"), *OLD.stages[3:]),
                 moves=moves(move("demo", "offer", "sent", on="send"),
                             bought={"sources": ("offer",)})),
         {"offer": "+", "demo-offer sent": "+", "offer-won bought": "+", "demo-won bought": "−"},
         "now: Offer → WON"),
        (changed(stages=(*OLD.stages[:2], *OLD.stages[3:]),
                 moves=moves(scored={"target": "won"}, bought=None,
                             given_up={"sources": ("lead",)})),
         {"demo": "−", "lead-won scored": "+", "lead-demo scored": "−", "demo-won bought": "−",
          "demo-lost given up": "−"}, "Stage Demo"),
        (changed(settle=timedelta(minutes=3)), {}, "Model settle"),
    ],
)  # fmt: skip
def test_what_changed_has_a_mark_and_words(
    new: Model, expected: dict[str, str], told: str | None
) -> None:
    assert marks(new) == expected
    texts = joined_models(OLD, new).texts
    words = "\n".join(line for text in texts for line in (text.head, *text.lines))
    assert told is None or told in words, words
    assert bool(texts) == (told is not None)
    drawing = draw_difference(OLD, new)
    check(drawing)
    assert (told is None) == ("nothing changes" in drawing.layout)


def test_a_change_is_told_without_colour() -> None:
    new = changed(
        stages=(*OLD.stages[:3], Stage("offer"), *OLD.stages[3:]),
        moves=moves(move("demo", "offer", "sent", on="send"), bought={"sources": ("offer",)}),
        tokens={"limit": 50},
    )
    drawing = draw_difference(OLD, new)
    for mark in "+−≠":
        assert f">{mark}" in drawing.layout
    lines = [line for line in drawing.layout.splitlines() if "->" in line]
    assert any("dotted" in line for line in lines)
    widths = {float(width) for line in lines for width in re.findall(r"penwidth=([\d.]+)", line)}
    assert max(widths) > 1.5 * sorted(widths)[len(widths) // 2]
    assert "(added)" in drawing.description
    assert "(removed)" in drawing.description
    assert tally(joined_models(OLD, new)) == "2 added, 3 changed"


def test_a_guard_is_told_with_somebody_for_whom_it_is_different() -> None:
    [guard, token] = joined_models(OLD, changed(tokens={"limit": 50})).texts
    assert guard.lines == (
        "before: when behavior score of 65 or more",
        "now: when behavior score of 50 or more",
        "now also, for example: behavior score 50",
    )
    assert token.lines == ("65 → 50",)


def test_a_removed_guard_is_told_in_the_words_and_numbers_of_its_model() -> None:
    """Also where a browser shows more about a stage: the new model lacks the names."""
    old = changed(
        guards={"hot": "behavior_score >= $limit and plan == 'pro'"},
        fields={"plan": "str"},
        moves=moves(scored={"when": "hot"}),
    )
    new = changed(tokens={}, moves=moves(scored=None))
    drawing = draw_difference(old, new)
    [text] = [text for text in joined_models(old, new).texts if text.about == "scored"]
    assert text.lines[0] == "when behavior score of 65 or more and plan is pro"
    assert "− Scored, from Lead" in drawing.details["demo"]
    assert (
        "− Scored: behavior score of 65 or more and plan is pro" in drawing.details["lead", "demo"]
    )


def test_an_order_of_the_path_that_is_turned_round_is_told_in_words() -> None:
    """The old step would lead backwards: it is not drawn."""
    new = changed(
        stages=(OLD.stages[0], OLD.stages[2], OLD.stages[1], *OLD.stages[3:]),
        sort=(SortRule(name="all", target="demo", when="otherwise"),),
        moves=(move("demo", "lead", "back"), move("lead", "won", "bought")),
    )
    both = joined_models(OLD, new)
    assert ("scored", "lead", "demo") not in {(e.name, e.source, e.target) for e in both.edges}
    assert any(text.change == "−" and "scored" in text.head for text in both.texts)
    check(draw_difference(OLD, new))


@pytest.mark.parametrize(("old", "new"), [*itertools.pairwise(shipped())])
def test_the_difference_of_two_shipped_models_is_legible(old: str, new: str) -> None:
    check(draw_difference(load(old), load(new)))
    check(draw_difference(load(new), load(old)))


@CHECKED
@given(models(), st.data())
def test_the_moves_that_any_model_lost_or_got_are_legible(
    model: Model, data: st.DataObject
) -> None:
    kept = data.draw(st.lists(st.booleans(), min_size=len(model.moves), max_size=len(model.moves)))
    some = attrs.evolve(model, moves=tuple(itertools.compress(model.moves, kept)))
    check(draw_difference(model, some))
    check(draw_difference(some, model))


@CHECKED
@given(models(), models())
def test_any_two_models_can_be_drawn_as_one(old: Model, new: Model) -> None:
    both = joined_models(old, new)
    assert {*old.by_name, *new.by_name} == set(both.by_name)
    # Each line of either model is drawn, but for those that would lead backwards.
    lines = {(edge.name, edge.source, edge.target) for edge in both.drawn}
    backwards = {
        (name, source, target)
        for name, source, target in both.changes or {}
        if both.ranks.get(source, -1) >= both.ranks.get(target, 99)
    }
    assert lines | backwards >= set(both.changes or {}) >= lines
    assert draw_difference(old, new).svg()


# --- Two periods


ROWS = mixed(
    walk("a", ("processing", 0), ("mal", 0), ("mql", 4)),
    walk("b", ("processing", 1), ("mal", 1)),
    walk("c", ("processing", 20), ("mal", 20), ("mql", 24), ("recycled", 26)),
)


def test_r30_two_periods_are_drawn_as_one_picture() -> None:
    model = load("waterfall")
    before, after = (count(ROWS, model, window=of) for of in ((None, day(10)), (day(10), None)))
    drawing = draw_funnel(model, after, before=before)
    assert "until 2024-01-11 (UTC) → since 2024-01-11 (UTC)" in drawing.layout
    for text in ("2 → 1", "50% → 100%", "0 → 1", "Before each arrow: the earlier period."):
        assert text in drawing.layout
    assert "MQL has 1 → 1 people" in drawing.description
    assert drawing.mermaid is not None
    assert "2 → 1 · " in drawing.mermaid
    check(drawing)


@pytest.mark.parametrize("volume", [0, 41, 4100, 999_999])
@pytest.mark.parametrize("name", shipped())
def test_two_periods_are_legible(name: str, volume: int) -> None:
    model = load(name)
    counts = counts_of(model, volume)
    check(draw_funnel(model, counts, before=counts_of(model, volume // 2)))


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"reading": "over"}, "whose reading differs, 'over' and 'through'"),
        ({"zone": "Europe/Berlin"}, "whose zone differs"),
        ({"where": "country = DE"}, "whose where differs"),
    ],
)
def test_only_what_was_counted_alike_is_compared(other: dict[str, Any], message: str) -> None:
    with pytest.raises(LifecycleError, match=message):
        draw_funnel(load("waterfall"), Counts(), before=attrs.evolve(Counts(), **other))
