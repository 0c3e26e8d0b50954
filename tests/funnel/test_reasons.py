"""Why people left the path: the reason of a rejection counts in the row that it caused."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import GivenBack, Ratio, given_back, observe
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import load
from tests.funnel.made import Hop, day, kept, merge, mixed, walk

MODEL = attrs.evolve(load("waterfall"), assignment=(), alerts=())


def rejected(reason: str) -> dict[str, Any]:
    return {"trigger": "lead_status_changed", **kept(rejection_reason=reason)}


def lived(person: str, *hops: Hop) -> list[HistoryRow]:
    return walk(person, *hops, model=MODEL)


LOST = {"trigger": None, **kept(rejection_reason="no_time")}
ROWS = mixed(
    lived("a", ("processing", 0), ("mql", 0), ("recycled", 4, rejected("no_time"))),
    lived("b", ("processing", 1), ("mql", 1), ("recycled", 8, rejected("no_time"))),
    lived("c", ("processing", 2), ("mql", 2), ("sal", 3), ("sql", 4), ("recycled", 9, LOST)),
    lived("d", ("processing", 3), ("mql", 3), ("disqualified", 40, rejected("student"))),
    lived("e", ("processing", 3), ("mql", 3), ("sal", 5)),
)


def told(**how: Any) -> list[tuple[str, str, str, Ratio]]:
    rows = given_back(observe(ROWS, MODEL, **how))
    assert all(isinstance(row, GivenBack) for row in rows)
    return [(row.stage, row.target, row.reason, row.ratio) for row in rows]


def test_a_reason_counts_only_where_its_rejection_moved_the_person() -> None:
    assert told() == [
        ("mql", "recycled", "no_time", Ratio(2, 5)),
        ("mql", "disqualified", "student", Ratio(1, 5)),
        ("sql", "recycled", "(none)", Ratio(1, 1)),
    ]


def test_an_earlier_reason_does_not_count_again() -> None:
    """Another trigger than a rejection moved the person, who still has the reason."""
    touched = {"trigger": "sales_touched", **kept(rejection_reason="no_time")}
    rows = lived("a", ("processing", 0), ("mql", 0), ("recycled", 4, touched))
    (row,) = given_back(observe(rows, MODEL))
    assert (row.reason, row.ratio) == ("(none)", Ratio(1, 1))


def test_a_visit_that_a_merge_ended_is_left_out() -> None:
    gone = lived("b", ("processing", 0), ("mql", 2))
    rows = mixed(
        *merge(lived("a", ("processing", 0), ("mql", 1)), gone, 3),
        lived("c", ("processing", 0), ("mql", 1), ("recycled", 4, rejected("no_time"))),
    )
    (row,) = given_back(observe(rows, MODEL))
    assert row.ratio == Ratio(1, 1)


def test_the_window_is_that_of_the_row() -> None:
    assert told(window=(day(5), day(40))) == [
        ("mql", "recycled", "no_time", Ratio(1, 2)),
        ("sql", "recycled", "(none)", Ratio(1, 1)),
    ]


@pytest.mark.parametrize(
    ("dimensions", "line"),
    [
        (("country",), r'dimensions = \["country", "rejection_reason"\]; run it again'),
        (("rejection_reason",), r'dimensions = \["rejection_reason"\]; run it again'),
    ],
)
def test_a_history_without_reasons_says_how_to_keep_them(
    dimensions: tuple[str, ...], line: str
) -> None:
    """It counts what the history keeps: one of an older model has no reasons."""
    rows = lived("a", ("processing", 0), ("mql", 0), ("recycled", 4))
    with pytest.raises(LifecycleError, match=line):
        given_back(observe(rows, attrs.evolve(MODEL, dimensions=dimensions)))
    assert given_back(observe([], MODEL)) == ()
