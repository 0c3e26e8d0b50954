"""A report as known then and as known now: what came late, and what it changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import compare_known, measure
from lifecycle_fsm.history import HistoryRow
from tests.funnel.made import MODEL, day, histories, mixed, walk


def came_late(rows: list[HistoryRow], place: int, known: float) -> list[HistoryRow]:
    """The history with the rows from a place on known, and applied, only on a day."""
    return [
        row if at < place else attrs.evolve(row, now=day(known), entered_at=day(known), late=True)
        for at, row in enumerate(rows)
    ]


ROWS = mixed(
    walk("a", ("processing", 0), ("mal", 0), ("mql", 5), ("sal", 20)),
    came_late(walk("b", ("processing", 1), ("mal", 1), ("mql", 9)), 2, 40),
    walk("c", ("processing", 2), ("mal", 2), ("mql", 45)),
)


def numbers(at: datetime) -> dict[tuple[str, str, str], tuple[Any, Any]]:
    changes = compare_known(ROWS, MODEL, at, measures=["people", "conversion"])
    return {
        (change.measure, "-".join(change.row.values()), change.name): (change.then, change.now)
        for change in changes.numbers
        if "range" not in change.name
    }


def test_a_late_entry_counts_when_it_happened() -> None:
    changes = compare_known(ROWS, MODEL, day(30))
    assert [(row.person, row.to_stage) for row in changes.rows] == [("b", "mql")]
    known = numbers(day(30))
    assert known["people", "-mal", "people"] == (2, 1)
    assert known["people", "-mql", "people"] == (0, 1)
    assert known["conversion", "-mal-mql-through", "reached"] == (1, 2)
    assert known["conversion", "-mal-mql-through", "ratio.share"] == (1 / 3, 2 / 3)


def test_a_late_entry_does_not_count_before_the_row_that_precedes_it() -> None:
    """It happened on day 3, when the person was not in MAL yet."""
    first, second, third = came_late(walk("a", ("processing", 0), ("mal", 5), ("mql", 9)), 2, 40)
    rows = [first, second, attrs.evolve(third, at=day(3))]
    assert compare_known(rows, MODEL, day(4), measures=["people"]).rows == ()
    (told,) = compare_known(rows, MODEL, day(5), measures=["people"]).rows
    assert told.to_stage == "mql"


@pytest.mark.parametrize("at", [8, 41], ids=["before it happened", "after it was known"])
def test_other_days_have_not_changed(at: float) -> None:
    changes = compare_known(ROWS, MODEL, day(at))
    assert (changes.numbers, changes.rows) == ((), ())


def test_a_day_in_the_future_is_not_known() -> None:
    with pytest.raises(LifecycleError, match="nothing is known after 2024-02-15"):
        compare_known(ROWS, MODEL, day(99))


@settings(max_examples=60, deadline=None)
@given(histories(), st.data())
def test_both_reports_are_those_of_a_history_that_knew(
    rows: list[HistoryRow], data: st.DataObject
) -> None:
    """Known then is the history up to that day. If the last move of somebody comes late, known now
    is the history in which it did not."""
    if not rows:
        return
    last = {row.person: row for row in rows}
    moved = [row for row in last.values() if row.sequence > 1 and row.kind != "merge"]
    late = data.draw(st.sampled_from(moved)) if moved else None
    end = max(row.now for row in rows)
    told = [
        attrs.evolve(row, now=end, entered_at=end, late=True) if row is late else row
        for row in rows
    ]
    earlier = sorted({row.now for row in rows} - {end})
    if not earlier:
        return
    at = data.draw(st.sampled_from(earlier))
    measures: Any = ["people", "flows", "conversion"]
    changes = compare_known(told, MODEL, at, measures=measures)
    assert changes.then == measure(told, MODEL, until=at, measures=measures)
    assert changes.now == measure(rows, MODEL, until=at, measures=measures)
    assert bool(changes.numbers) <= bool(changes.rows)
