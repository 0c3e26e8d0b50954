"""The counts of parts of a history, and how they add up to those of the whole."""

from __future__ import annotations

import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import Counts, Reading, combined, count
from lifecycle_fsm.history import HistoryRow
from tests.funnel.made import MODEL, WINDOWS, day, histories, walk, window


def parts_of(rows: list[HistoryRow], number: int) -> list[list[HistoryRow]]:
    """The rows in so many parts; records that were merged, also by way of others, are in one."""
    groups: list[tuple[set[object], set[str]]] = []
    for person in {row.person: None for row in rows}:
        merges = {row.activity for row in rows if row.person == person and row.kind == "merge"}
        near = [group for group in groups if group[0] & merges]
        groups = [group for group in groups if not group[0] & merges]
        groups.append((merges.union(*(g[0] for g in near)), {person}.union(*(g[1] for g in near))))
    place = {person: at % number for at, (_, people) in enumerate(groups) for person in people}
    return [[row for row in rows if place[row.person] == part] for part in range(number)]


@settings(max_examples=80, deadline=None)
@given(
    histories(8),
    st.integers(1, 4),
    st.sampled_from(["through", "over"]),
    st.sampled_from(WINDOWS),
    st.sampled_from([None, "country == 'DE'"]),
)
def test_the_counts_of_parts_add_up_to_those_of_the_whole(
    rows: list[HistoryRow],
    number: int,
    reading: Reading,
    of: tuple[float | None, float | None],
    where: str | None,
) -> None:
    if not rows:
        return
    how: dict[str, Any] = {"reading": reading, "window": window(of), "until": rows[-1].now}
    if where is not None:
        how["where"] = where
    model = attrs.evolve(MODEL, dimensions=("country", "sourced_by"))
    whole = count(rows, model, **how)
    parts = [count(part, model, **how) for part in parts_of(rows, number)]
    total = combined(pickle.loads(pickle.dumps(part)) for part in parts)
    assert listed(total) == listed(whole)
    assert total.median_stay == whole.median_stay


def listed(counts: Counts) -> list[Any]:
    """All counts with the order of their keys; times in any order."""
    values = attrs.asdict(counts, recurse=False)
    values["stays"] = {
        name: (sorted(times.ended), sorted(times.still), times.folded)
        for name, times in counts.stays.items()
    }
    return [[*value.items()] if isinstance(value, dict) else value for value in values.values()]


def test_counts_of_different_questions_do_not_add_up() -> None:
    rows = walk("a", ("processing", 0), ("mal", 0))
    over = count(rows, MODEL, reading="over")
    for parts in ((count(rows, MODEL), over), (over, count(rows, MODEL, window=(day(1), None)))):
        with pytest.raises(LifecycleError, match="do not add up"):
            combined(parts)
    with pytest.raises(LifecycleError, match="no counts"):
        combined([])
