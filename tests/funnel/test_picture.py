"""The picture shows what the tables say."""

from __future__ import annotations

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import diagram
from lifecycle_fsm.funnel import Reading, count, observe, on_picture, stays
from lifecycle_fsm.history import HistoryRow
from tests.funnel.made import MODEL, WINDOWS, days, histories, mixed, walk, window


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from(["through", "over"]), st.sampled_from(WINDOWS))
def test_it_counts_as_the_quick_count_does(
    rows: list[HistoryRow], reading: Reading, of: tuple[float | None, float | None]
) -> None:
    scope = observe(rows, MODEL, window=window(of))
    found = on_picture(scope, reading=reading)
    quick = count(rows, MODEL, reading=reading, window=window(of))
    same = attrs.evolve(quick, median_stay=found.median_stay, stay_of="all")
    assert found == same
    assert found.median_stay == {
        one.stage: one.median for one in stays(scope) if one.median is not None
    }


def test_it_says_which_times_stand_on_the_cards() -> None:
    rows = mixed(
        walk("a", ("processing", 0), ("mal", 0), ("mql", 4)),
        walk("b", ("processing", 0), ("mal", 0), ("mql", 8)),
        walk("c", ("processing", 0), ("mal", 0)),
    )
    quick, whole = count(rows, MODEL), on_picture(observe(rows, MODEL))
    assert (quick.median_stay["mal"], whole.median_stay["mal"]) == (days(6), days(8))
    said = "half had left"
    assert said in diagram.draw_funnel(MODEL, whole).dot
    assert said not in diagram.draw_funnel(MODEL, quick).dot
    assert "median time of" in diagram.draw_funnel(MODEL, quick).dot


def test_repeat_journeys_can_be_drawn_alone() -> None:
    rows = walk("a", ("processing", 0), ("mql", 0), ("recycled", 5), ("mql", 9))
    found = on_picture(observe(rows, MODEL, journeys="repeat", by="owner"))
    assert (found.people["mql"], found.entered["mql"], found.journeys) == (1, 1, 1)
    assert sum(found.moves.values()) == 1
