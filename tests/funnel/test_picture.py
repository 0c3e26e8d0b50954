"""The picture shows what the tables say."""

from __future__ import annotations

import sys

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import diagram
from lifecycle_fsm.funnel import Reading, count, observe, on_picture, on_pictures, stays
from lifecycle_fsm.history import HistoryRow
from tests.funnel.made import MODEL, WINDOWS, day, days, histories, mixed, walk, window


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from(["through", "over"]), st.sampled_from(WINDOWS), st.data())
def test_it_has_the_times_of_the_table(
    rows: list[HistoryRow],
    reading: Reading,
    of: tuple[float | None, float | None],
    data: st.DataObject,
) -> None:
    until = data.draw(st.none() | st.floats(1000, 2000).map(day))
    scope = observe(rows, MODEL, window=window(of), until=until)
    found = on_picture(scope, reading=reading)
    assert found.median_stay == {
        one.stage: one.median for one in stays(scope) if one.median is not None
    }


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from(WINDOWS))
def test_both_readings_at_once_are_the_same_as_one_by_one(
    rows: list[HistoryRow], of: tuple[float | None, float | None]
) -> None:
    scope = observe(rows, MODEL, window=window(of), by="owner")
    both = on_pictures(scope)
    assert list(both) == ["through", "over"]
    for reading, counts in both.items():
        one = on_picture(scope, reading=reading)
        assert attrs.evolve(counts, stays={}) == attrs.evolve(one, stays={})
        assert counts.median_stay == one.median_stay


def test_the_time_on_a_card_counts_who_is_still_there() -> None:
    rows = mixed(
        walk("a", ("processing", 0), ("mal", 0), ("mql", 4)),
        walk("b", ("processing", 0), ("mal", 0), ("mql", 8)),
        walk("c", ("processing", 0), ("mal", 0)),
    )
    counts = count(rows, MODEL)
    assert counts.median_stay["mal"] == days(8)
    assert "half had left" in diagram.draw_funnel(MODEL, counts).layout


def test_without_scipy_there_is_no_time_on_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    counts = count(walk("a", ("processing", 0), ("mal", 0), ("mql", 4)), MODEL)
    assert counts.median_stay == {}
    assert "half had left" not in diagram.draw_funnel(MODEL, counts).layout


def test_repeat_journeys_can_be_drawn_alone() -> None:
    rows = walk("a", ("processing", 0), ("mql", 0), ("recycled", 5), ("mql", 9))
    found = on_picture(observe(rows, MODEL, journeys="repeat", by="owner"))
    assert (found.people["mql"], found.entered["mql"], found.journeys) == (1, 1, 1)
    assert sum(found.moves.values()) == 1
