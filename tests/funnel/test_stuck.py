"""Who is in a stage for longer than nearly everybody was (R32)."""

from __future__ import annotations

import pytest

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import Limit, limits, observe, stuck
from lifecycle_fsm.history import HistoryRow
from tests.funnel.made import MODEL, day, days, mixed, walk


def mql(ended: list[int], still: list[int], until: int = 100) -> list[HistoryRow]:
    """MQL that lasted so many days, and others that have lasted so many until day 100."""
    left = [
        walk(f"l{place:02}", ("processing", 0), ("mql", 0), ("sal", one), ("sql", one))
        for place, one in enumerate(ended)
    ]
    there = [
        walk(f"s{place:02}", ("processing", 0), ("mql", until - one, {"owner": "ann"}))
        for place, one in enumerate(still)
    ]
    return mixed(*left, *there)


def limit(rows: list[HistoryRow], stage: str = "mql") -> Limit:
    return next(one for one in limits(observe(rows, MODEL, until=day(100))) if one.stage == stage)


def test_r32_longer_than_nine_in_ten_is_stuck() -> None:
    rows = mql(ended=[*range(1, 20)], still=[40, 5])
    assert limit(rows) == Limit(stage="mql", time=days(19), of="all")
    (found,) = stuck(observe(rows, MODEL, until=day(100)))
    assert (found.person, found.stage, found.since, found.time, found.owner, found.limit) == (
        "s00", "mql", day(60), days(40), "ann", days(19),
    )  # fmt: skip


def test_where_many_never_leave_it_is_nine_in_ten_of_those_who_did() -> None:
    rows = mql(ended=[*range(1, 21)], still=[60, 50, 40, 30, 18, 3])
    assert limit(rows) == Limit(stage="mql", time=days(18), of="ended")
    found = stuck(observe(rows, MODEL, until=day(100)))
    # Longer, and not as long; the longest first.
    assert [one.person for one in found] == ["s00", "s01", "s02", "s03"]


@pytest.mark.parametrize(
    ("ended", "still"),
    [
        # Most stay: a long stay is nothing unusual.
        ([*range(1, 21)], [60] * 21),
        # Nine that left say little.
        ([*range(1, 10)], [60] * 3),
        ([*range(1, 10)], [60]),
        ([], []),
    ],
)
def test_where_it_cannot_be_said_nobody_is_called_stuck(ended: list[int], still: list[int]) -> None:
    rows = mql(ended, still)
    assert limit(rows).time is None
    assert not [one for one in stuck(observe(rows, MODEL, until=day(100))) if one.stage == "mql"]


def test_a_time_can_be_said() -> None:
    rows = mql(ended=[1], still=[31, 30, 2])
    scope = observe(rows, MODEL, until=day(100))
    found = [one.person for one in stuck(scope, days(30)) if one.stage == "mql"]
    assert found == ["s00"]
    assert {one.of for one in limits(scope, days(30))} == {"said"}
    with pytest.raises(LifecycleError, match="at least nothing"):
        stuck(scope, days(-1))


def test_who_has_arrived_or_is_off_the_path_is_not_stuck() -> None:
    rows = mixed(
        walk("won", ("processing", 0), ("sql", 0), ("customer", 1)),
        walk("out", ("processing", 0), ("disqualified", 0)),
        walk("parked", ("processing", 0)),
    )
    scope = observe(rows, MODEL, until=day(100))
    assert [one.person for one in stuck(scope, days(30))] == ["parked"]
    assert [one.stage for one in limits(scope)] == ["processing", "mal", "mql", "sal", "sql"]


def test_it_is_asked_at_the_end_of_the_window() -> None:
    rows = mql(ended=[50], still=[10])
    found = stuck(observe(rows, MODEL, window=(None, day(45))), days(30))
    assert [(one.person, one.time) for one in found if one.stage == "mql"] == [("l00", days(45))]


def test_nothing_has_nobody_stuck() -> None:
    assert stuck(observe([], MODEL)) == ()
