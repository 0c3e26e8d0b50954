"""One person's path says what happened, also where nothing did."""

from __future__ import annotations

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
from lifecycle_fsm.model import load

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


def test_a_long_history_shows_its_last_journeys() -> None:
    first = paths()[0][0]
    rows = [first]
    for number in range(1, 41):
        for stage, kind in (("mal", "return"), ("recycled", "detour")):
            rows.append(
                HistoryRow(
                    person="p", sequence=len(rows) + 1, at=NOW, now=NOW + timedelta(days=len(rows)),
                    from_stage=rows[-1].to_stage, to_stage=stage, kind=kind,  # type: ignore[arg-type]
                    rule="rested", trigger=None, activity=None, journey=number, passed_over=(),
                    credit=True, owner=None, source=None, version=MODEL.version, late=False,
                )
            )  # fmt: skip
    drawing = draw_person(MODEL, rows)
    assert "earlier journeys are not drawn" in drawing.layout
    assert "JOURNEY 40" in drawing.layout
    assert "JOURNEY 2<" not in drawing.layout


def test_times_are_shown_in_the_zone_that_is_asked_for() -> None:
    row = paths()[0][0]
    assert (
        draw_person(MODEL, [row], zone="UTC").layout
        != draw_person(MODEL, [row], zone="Asia/Tokyo").layout
    )
    with pytest.raises(LifecycleError, match="there is no time zone 'Middle-earth'"):
        draw_person(MODEL, [row], zone="Middle-earth")
