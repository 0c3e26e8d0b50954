"""No number depends on which record survives a merge [S23]."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, get_args

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm import Lifecycle
from lifecycle_fsm.funnel import (
    Journeys,
    agreements,
    conversions,
    measure,
    observe,
    on_picture,
    reps,
    walks,
)
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.model import Deadline
from tests.funnel.made import (
    MODEL as WATERFALL,
)
from tests.funnel.made import (
    WINDOWS,
    Step,
    day,
    days,
    decided,
    lived,
    merge,
    mixed,
    onward,
    steps,
    walk,
    window,
)
from tests.machine.small import move, small

MODEL = attrs.evolve(
    WATERFALL,
    assignment=(),
    alerts=(),
    deadlines=[
        Deadline(name="answered", stage="mql", after=days(2)),
        Deadline(name="decided", stage="sal", after=days(4)),
    ],
)
DIRECTIONS: tuple[Callable[[int], bool], ...] = (
    lambda place: True,
    lambda place: False,
    lambda place: place % 2 == 0,
)


def unnamed(value: Any) -> Any:
    """A report without the ids of records, in lists that those would sort."""
    if isinstance(value, dict):
        return {key: unnamed(one) for key, one in value.items() if key != "person"}
    if isinstance(value, list):
        return sorted(map(unnamed, value), key=repr)
    return value


@settings(max_examples=150, deadline=None)
@given(
    steps(),
    st.sampled_from(WINDOWS),
    st.sampled_from([None, 60, 12]),
    st.sampled_from([None, "owner", "assigned_to", "journey", "country", "version"]),
    st.sampled_from(get_args(Journeys)),
    st.sampled_from([None, days(7)]),
)
def test_s23_every_measure_is_the_same_whoever_survives(
    told: list[Step],
    of: tuple[float | None, float | None],
    until: float | None,
    by: str | None,
    journeys: Journeys,
    horizon: timedelta | None,
) -> None:
    def measures(survives: Callable[[int], bool]) -> Any:
        rows = lived(told, survives)
        end = day(until or max([one.at for one in told], default=0) + 1)
        how: dict[str, Any] = {"window": window(of), "until": end, "journeys": journeys}
        report = measure(
            rows, MODEL, by=by if rows else None, every="week", horizon=horizon,
            deadlines=decided(rows, MODEL, end), stuck_after=days(3), **how,
        )  # fmt: skip
        counts = on_picture(observe(rows, MODEL, **how))
        stays = {name: sorted([*one.ended, -1, *one.still]) for name, one in counts.stays.items()}
        return unnamed(report.as_dict()), attrs.evolve(counts, stays={}), stays

    first, *others = map(measures, DIRECTIONS)
    for other in others:
        assert other == first


@pytest.fixture(params=[True, False], ids=["old survives", "new survives"])
def rows(request: pytest.FixtureRequest) -> list[HistoryRow]:
    """Somebody whom sales works on is made a second time, merged, and won."""
    ann = {"owner": "ann"}
    old = walk("old", ("processing", 0, ann), ("mql", 0), ("sal", 2))
    new = walk("new", ("processing", 3, ann), ("mal", 3))
    survivor, loser = merge(old, new, 4) if request.param else merge(new, old, 4)
    return mixed(onward(survivor, ("customer", 9), said=ann), loser)


def test_s23_a_journey_that_goes_on_converts(rows: list[HistoryRow]) -> None:
    (won,) = conversions(observe(rows, MODEL), [("sal", "customer")])
    assert (won.journeys, won.reached, won.median, won.flow_ratio) == (1, 1, days(7), 1.0)
    (ann,) = reps(observe(rows, MODEL))
    assert (ann.owner, ann.journeys, ann.won, ann.open, ann.load) == ("ann", 1, 1, 0, 0)


def test_s23_a_journey_that_a_merge_ended_keeps_its_entries_and_no_more(
    rows: list[HistoryRow],
) -> None:
    ways = [("processing", "mal"), ("mal", "mql")]
    reached, cut = conversions(observe(rows, MODEL), ways)
    assert (reached.journeys, reached.reached) == (2, 1)
    assert (cut.source_entries, cut.journeys, cut.reached, cut.merged) == (1, 0, 0, 1)


@pytest.mark.parametrize(
    ("horizon", "expected"), [(0.5, (1, 0, 0, 0)), (1, (1, 0, 0, 0)), (2, (0, 0, 1, 0)),
                              (30, (0, 0, 0, 1))]
)  # fmt: skip
def test_s23_with_a_horizon_a_journey_counts_that_was_watched_up_to_it(
    rows: list[HistoryRow], horizon: float, expected: tuple[int, int, int, int]
) -> None:
    way = [("mal", "mql")]
    (cut,) = conversions(observe(rows, MODEL, until=day(9)), way, horizon=days(horizon))
    assert (cut.journeys, cut.reached, cut.merged, cut.young) == expected


def test_s23_a_journey_that_a_merge_ended_is_nobodys_to_close() -> None:
    bob = {"owner": "bob"}
    lost = walk("a", ("processing", 0, bob), ("sal", 1))
    rows = mixed(*merge(walk("b", ("processing", 0), ("sql", 1)), lost, 5))
    found = {one.owner: one for one in reps(observe(rows, MODEL))}
    assert (found["bob"].journeys, found["bob"].merged, found["bob"].open) == (0, 1, 0)


def test_s23_the_picture_has_it_too(rows: list[HistoryRow]) -> None:
    counts = on_picture(observe(rows, MODEL))
    assert {name: number for name, number in counts.people.items() if number} == {"customer": 1}
    assert {name: number for name, number in counts.entered.items() if number} == {
        "processing": 2, "mal": 1, "mql": 1, "sal": 1, "customer": 1,
    }  # fmt: skip
    assert counts.moves["merged", "mal", ""] == 1
    assert sum(number for (rule, _, _), number in counts.moves.items() if rule == "merged") == 1
    assert counts.journeys == 2


# ------------------------------------------------------------------ the same, lived by the engine

#: Days, so that much happens at one instant; some moves of time open exactly at deadlines.
RUNNING = small(
    move("answered", "a", "b", on="answer"),
    move("silent", "a", "x", when="days in stage >= 3"),
    move("once_more", "x", "a", when="days in stage >= 2"),
    move("bought", "b", "c", on="buy"),
    move("stale", "b", "y", when="days in stage >= 4"),
    move("back", "y", "b", on="answer"),
    deadlines=[
        Deadline(name="told", stage="a", after=days(1), escalates="slow"),
        Deadline(name="slow", stage="a", after=days(2)),
        Deadline(name="big", stage="a", after=days(1), when="level >= 1"),
        Deadline(name="decided", stage="b", after=days(4)),
        Deadline(name="rested", stage="x", after=days(2)),
    ],
    dimensions=["sourced_by"],
)
#: What happens to whom on which day. Before z is merged, p and q are, so that ids decide no tie.
EVENTS = st.tuples(
    st.sampled_from(["answer", "buy", "level", "owner", "tick"]), st.sampled_from("pqz"),
    st.integers(0, 14),
)  # fmt: skip
END = day(30)


def ran(
    events: list[tuple[str, str, int]],
    merges: tuple[int, int],
    born: dict[str, int],
    *,
    turned: bool,
) -> tuple[Lifecycle, list[DeadlineFact]]:
    """A company of three records, two of them merged on one day, all three on another."""
    lifecycle = Lifecycle(RUNNING)
    first, second = merges
    told: list[tuple[str, str, int]] = [*events, ("merge", "pq", first), ("merge", "pz", second)]
    todo = [("create", name, at) for name, at in born.items()] + told
    for number, (kind, who, at) in enumerate(sorted(todo, key=lambda one: one[2])):
        match kind:
            case "tick":
                lifecycle.tick(day(at))
            case "create":
                lifecycle.admit(who, at=day(at), sourced_by="sales" if who == "z" else "marketing")
            case "merge":
                survivor, loser = (who[1], who[0]) if turned else (who[0], who[1])
                lifecycle.apply(survivor, "merged", at=day(at), loser=loser, id=f"m{number}")
            case "level":
                lifecycle.apply(who, "changed", at=day(at), level=1, id=str(number))
            case "owner":
                lifecycle.apply(who, "owner_changed", at=day(at), owner="ann", id=str(number))
            case _:
                lifecycle.apply(who, kind, at=day(at), id=str(number))
    lifecycle.tick(END)
    return lifecycle, list(lifecycle.deadlines)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(EVENTS, max_size=10),
    st.tuples(st.integers(3, 9), st.integers(9, 16)),
    st.fixed_dictionaries({name: st.integers(0, 3) for name in "pqz"}),
    st.sampled_from([None, "owner", "journey", "sourced_by"]),
    st.sampled_from([None, days(4)]),
)
def test_s23_every_measure_of_a_run_is_the_same_whoever_survives(
    events: list[tuple[str, str, int]],
    merges: tuple[int, int],
    born: dict[str, int],
    by: str | None,
    horizon: timedelta | None,
) -> None:
    reports = []
    for turned in (False, True):
        lifecycle, facts = ran(events, merges, born, turned=turned)
        report = measure(
            lifecycle.history, RUNNING, until=END, by=by, horizon=horizon, every="week",
            deadlines=facts, people=lifecycle,
        )  # fmt: skip
        assert sum(one.people for one in report.people) == len(lifecycle) == 1
        reports.append(unnamed(report.as_dict()))
    assert reports[0] == reports[1]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(EVENTS, max_size=10),
    st.tuples(st.integers(3, 9), st.integers(9, 16)),
    st.fixed_dictionaries({name: st.integers(0, 3) for name in "pqz"}),
    st.booleans(),
)
def test_s21_what_was_recorded_is_what_is_counted(
    events: list[tuple[str, str, int]],
    merges: tuple[int, int],
    born: dict[str, int],
    turned: bool,
) -> None:
    lifecycle, facts = ran(events, merges, born, turned=turned)
    found = agreements(observe(lifecycle.history, RUNNING, until=END, deadlines=facts))
    for one in found:
        mine = [fact.outcome for fact in facts if fact.rule == one.deadline]
        for outcome in ("kept", "missed", "void"):
            assert getattr(one, outcome) == mine.count(outcome)
        visits = [v for walk in walks(lifecycle.history, RUNNING) for v in walk]
        assert one.visits == sum(visit.stage == one.stage for visit in visits)
