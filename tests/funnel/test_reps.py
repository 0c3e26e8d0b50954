"""Close rate and load for each salesperson."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import Reading, Rep, conversions, observe, reps
from lifecycle_fsm.history import HistoryRow
from tests.funnel.made import MODEL, WINDOWS, day, days, histories, mixed, walk, window

ANN, BOB = {"owner": "ann"}, {"owner": "bob"}
ROWS = mixed(
    walk("won", ("processing", 0), ("mql", 0), ("sal", 1, ANN), ("sql", 2, BOB), ("customer", 11)),
    walk("lost", ("processing", 0), ("mql", 0), ("sal", 1, ANN), ("recycled", 5)),
    walk("open", ("processing", 0), ("mql", 0), ("sal", 1, ANN), ("sql", 9)),
    # Won in a second journey: the first was lost.
    walk(
        "again", ("processing", 0), ("sal", 0, BOB), ("recycled", 2), ("mql", 10), ("sal", 11),
        ("sql", 12), ("customer", 13),
    ),
    walk("nobodys", ("processing", 0), ("mql", 0), ("sal", 20)),
    walk("quick", ("processing", 0), ("mal", 0), ("customer", 3, BOB)),
)  # fmt: skip


def found(**how: object) -> dict[str, Rep]:
    reading = how.pop("reading", "through")
    stage = how.pop("from_stage", None)
    scope = observe(ROWS, MODEL, **how)  # type: ignore[arg-type]
    return {one.owner: one for one in reps(scope, from_stage=stage, reading=reading)}  # type: ignore[arg-type]


def test_r31_close_rate_and_load_of_each_owner() -> None:
    by = found()
    assert list(by) == ["ann", "bob", "(none)"]
    ann = by["ann"]
    assert (ann.journeys, ann.won, ann.lost, ann.open) == (3, 1, 1, 1)
    assert ann.close_rate.share == pytest.approx(1 / 3)
    assert ann.median == days(10)
    # "open" came into SQL under ann; the deal that was won is on nobody's desk.
    assert ann.load == 1
    bob = by["bob"]
    assert (bob.journeys, bob.won, bob.lost, bob.open, bob.load) == (2, 1, 1, 0, 0)
    assert (by["(none)"].journeys, by["(none)"].open, by["(none)"].load) == (1, 1, 1)


def test_any_detour_is_a_loss() -> None:
    rows = walk("a", ("processing", 0), ("sal", 0), ("disqualified", 2))
    (nobody,) = reps(observe(rows, MODEL))
    assert (nobody.owner, nobody.lost, nobody.open) == ("(none)", 1, 0)


def test_over_counts_those_who_were_carried_past_the_stage() -> None:
    bob = found(reading="over")["bob"]
    assert (bob.journeys, bob.won) == (3, 2)


def test_the_window_is_that_of_the_entry_and_the_load_that_of_its_end() -> None:
    by = found(window=(day(1), day(10)))
    assert (by["ann"].journeys, by["ann"].won, by["ann"].load) == (3, 1, 1)
    assert by["bob"].load == 1
    assert by["bob"].journeys == 0


def test_the_first_stage_of_sales_can_be_another() -> None:
    by = found(from_stage="sql")
    assert (by["ann"].journeys, by["ann"].won) == (1, 0)
    assert (by["bob"].journeys, by["bob"].won) == (2, 2)
    with pytest.raises(LifecycleError, match="name a stage of the path"):
        found(from_stage="customer")


def test_groups_have_their_own() -> None:
    scope = observe(ROWS, MODEL, by="journey")
    assert [(one.group, one.owner, one.journeys) for one in reps(scope) if one.owner == "bob"] == [
        ("1", "bob", 1),
        ("2", "bob", 1),
    ]


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from(["through", "over"]), st.sampled_from(WINDOWS))
def test_the_close_rate_is_the_conversion_by_owner(
    rows: list[HistoryRow], reading: Reading, of: tuple[float | None, float | None]
) -> None:
    scope = observe(rows, MODEL, window=window(of), by="owner")
    expected = {
        one.group: (one.journeys, one.reached, one.median)
        for one in conversions(scope, [("sal", "customer")], reading=reading)
        if one.journeys
    }
    mine = reps(observe(rows, MODEL, window=window(of)), reading=reading)
    assert {
        one.owner: (one.journeys, one.won, one.median) for one in mine if one.journeys
    } == expected
    for one in mine:
        assert one.journeys == one.won + one.lost + one.open
