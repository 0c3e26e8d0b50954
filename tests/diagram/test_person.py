"""One person's path says what happened, also where nothing did."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby

import attrs
import pytest

from lifecycle_fsm.demo.histories import history
from lifecycle_fsm.diagram import draw_person
from lifecycle_fsm.diagram.render import layout
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.model import Model, Move, SortRule, Stage, load
from lifecycle_fsm.wording import clean, format_day
from tests.diagram.many_models import entered
from tests.diagram.pictures import Picture

MODEL = load("waterfall")
NOW = datetime(2024, 5, 3, 10, 12, tzinfo=UTC)


def paths() -> list[list[HistoryRow]]:
    return [list(group) for _, group in groupby(history(MODEL, 300), key=lambda row: row.person)]


def test_a_person_without_history_can_be_drawn() -> None:
    drawing = draw_person(MODEL, [], name="Ada")
    assert "No history yet." in drawing.layout
    assert drawing.description == "Ada has no history yet."
    layout(drawing.layout)


def test_a_refusal_is_told_also_where_there_is_no_history() -> None:
    asked = Decision("no_such_move", "p", NOW, NOW, "mal", trigger="give_up")
    told = draw_person(MODEL, [], name="Ada", decisions=[asked]).description
    assert told == (
        "Ada has no history yet. 3 May 2024 10:12: give up was refused, no such move out of MAL."
    )


def test_every_visit_is_in_the_text_alternative() -> None:
    path = max(paths(), key=len)
    drawing = draw_person(MODEL, path)
    for row in path:
        assert MODEL.stage(row.to_stage).display in drawing.description
    assert drawing.description.count("journey") == len(path)


def test_s23_a_merge_that_leaves_the_stage_as_it_was_is_no_visit() -> None:
    path = [row for row in paths()[0] if row.to_stage]
    last = path[-1]
    merge = attrs.evolve(
        last, sequence=last.sequence + 1, now=last.now + timedelta(days=1), kind="merge",
        rule="merged", from_stage=last.to_stage, to_stage=last.to_stage,
    )  # fmt: skip
    assert draw_person(MODEL, [*path, merge]).layout == draw_person(MODEL, path).layout


def test_what_was_refused_is_told_with_its_reason() -> None:
    asked = Decision("no_such_move", "p", NOW, NOW, "mal", trigger="give_up")
    moved = Decision("moved", "p", NOW, NOW, "mal", trigger="accept_it")
    drawing = draw_person(MODEL, paths()[0], decisions=[asked, moved])
    assert "ASKED AND REFUSED" in drawing.layout
    assert "3 May 2024 10:12: give up was refused, no such move out of MAL." in drawing.description
    assert "accept it" not in drawing.description


def walk(model: Model, moves: int, seed: int) -> list[HistoryRow]:
    """A journey of so many moves: forwards most of the time, with detours and returns."""
    dice = random.Random(seed)
    edges = (*model.sort_edges, *model.edges)
    left = {edge.source for edge in edges}
    rows: list[HistoryRow] = []
    stage, before, edge = model.initial.name, None, None
    now, journey = NOW, 1
    for sequence in range(1, moves + 1):
        rows.append(
            entered(model, edge, before, stage, now, sequence, journey, late=sequence % 5 == 0)
        )
        ways = [way for way in edges if way.source == stage and way.target in left]
        forwards = [way for way in ways if way.kind in ("step", "fast_track")]
        edge = dice.choice(forwards if forwards and dice.random() < 0.6 else ways)
        before, stage = stage, edge.target
        journey += edge.kind == "return"
        now += timedelta(hours=dice.choice([0, 1, 30, 4000]))
    return rows


def long_model(stages: int) -> Model:
    """A path with long names, a fast track past most of it, and a detour."""
    path = [Stage(f"s{rank}", code=str(rank), title=LONG[rank % 3]) for rank in range(stages)]
    moves = [
        Move(sources=f"s{rank - 1}", target=f"s{rank}", name=f"up{rank}", on=f"agreed_{rank}",
             label=f"Agreed {rank}")
        for rank in range(2, stages)
    ]  # fmt: skip
    last = f"s{stages - 1}"
    moves += [
        Move(sources=("s1", "s4"), target=last, name="fast", on="ask", skips="no_credit",
             label="A purchase order has come in by way of the marketplace"),
        Move(sources=("s3", last), target="rest", name="pause", on="pause"),
        Move(sources="rest", target="s1", name="again", on="wake", label="Wants to hear of us"),
    ]  # fmt: skip
    return Model(
        name="long", stages=(*path, Stage("rest", title="Resting", off_path=True)),
        sort=[SortRule(name="all", target="s1", when="otherwise")], moves=moves,
    )  # fmt: skip


LONG = ("Qualified", "Presentation arranged with the buying centre", "Entscheidungsvorbereitung")


@pytest.mark.parametrize("moves", [3, 8, 11, 25, 80])
@pytest.mark.parametrize("model", [MODEL, long_model(12), long_model(25)], ids=lambda m: m.name)
def test_a_journey_of_any_length_is_legible_and_whole(model: Model, moves: int) -> None:
    rows = walk(model, moves, seed=moves)
    assert len(rows) == moves
    drawing = draw_person(model, rows, name="Maximiliane von Hohenstein-Papadopoulou")
    picture = Picture(drawing.layout)
    assert not picture.faults()
    texts = [text.box.what for text in picture.texts]
    assert not [text for text in texts if "…" in text], "nothing is cut"
    for day, count in Counter(format_day(row.now, UTC, clock=True) for row in rows).items():
        assert texts.count(day) >= count, "every date is whole"
    for row in rows:
        shown = [text for text in texts if text in clean(model.stage(row.to_stage).display)]
        assert " ".join(shown), row.to_stage


def test_the_words_of_a_move_are_not_repeated_by_its_trigger() -> None:
    model = long_model(12)
    rows = walk(model, 2, seed=1)
    rows.append(attrs.evolve(rows[-1], to_stage="s2", rule="up2", trigger="agreed_2"))
    rows[-1] = attrs.evolve(rows[-1], from_stage="s1", sequence=3)
    rows.append(attrs.evolve(rows[-1], from_stage="s2", to_stage="rest", rule="pause", sequence=4))
    told = draw_person(model, rows).description
    assert "(Agreed 2, by hand)" in told
    assert "(pause (agreed 2), by hand)" in told


def test_what_a_move_passes_is_named_where_it_goes_on_in_a_further_row() -> None:
    model = long_model(25)
    move = next(edge for edge in model.edges if edge.name == "fast" and edge.source == "s1")
    first = walk(model, 2, seed=1)
    fast = attrs.evolve(
        first[-1], sequence=3, from_stage="s1", to_stage=move.target, rule="fast",
        passed_over=move.passed, credit=False,
    )  # fmt: skip
    words = " ".join(
        text.box.what for text in Picture(draw_person(model, [*first, fast]).layout).texts
    )
    assert "past 22 stages without credit" in words


def test_a_history_without_end_shows_its_last_journeys() -> None:
    drawing = draw_person(MODEL, walk(MODEL, 400, seed=3))
    assert "earlier journeys are not drawn" in drawing.layout
    assert "JOURNEY 1<" not in drawing.layout
    assert drawing.png().startswith(b"\x89PNG")


def test_times_are_shown_in_the_zone_that_is_asked_for() -> None:
    row = paths()[0][0]
    assert (
        draw_person(MODEL, [row], zone="UTC").layout
        != draw_person(MODEL, [row], zone="Asia/Tokyo").layout
    )
    with pytest.raises(LifecycleError, match="there is no time zone 'Middle-earth'"):
        draw_person(MODEL, [row], zone="Middle-earth")
