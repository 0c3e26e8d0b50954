"""Opening + in - out = closing, whatever happened [S27]."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import get_args

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.funnel import (
    ALL_STAGES,
    Every,
    Flow,
    Journeys,
    Scope,
    flows,
    observe,
    people_now,
    walks,
)
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model
from tests.funnel.made import MODEL, WINDOWS, day, histories, merge, mixed, walk, window
from tests.scenarios.test_random_logs import logs, run

EVERY = (None, *get_args(Every))
BY = (None, "owner", "journey", "country", "version")


def numbers(found: Sequence[Flow], stage: str) -> list[tuple[int, int, int, int]]:
    return [
        (one.opening, one.entered, one.left, one.closing) for one in found if one.stage == stage
    ]


def test_r29_in_and_out_of_each_month() -> None:
    rows = mixed(
        walk("a", ("processing", 0), ("mal", 0), ("mql", 35)),
        walk("b", ("processing", 20), ("mal", 31), ("mql", 31), ("sal", 31)),
        walk("c", ("processing", 40)),
    )
    found = flows(observe(rows, MODEL), "month")
    assert [one.period.name for one in found[:: len(MODEL.stages) + 1]] == ["2024-01", "2024-02"]
    assert numbers(found, "processing") == [(0, 2, 1, 1), (1, 1, 1, 1)]
    assert numbers(found, "mal") == [(0, 1, 0, 1), (1, 1, 2, 0)]
    # A visit of no length came in and went out.
    assert numbers(found, "mql") == [(0, 0, 0, 0), (0, 2, 1, 1)]
    assert numbers(found, ALL_STAGES) == [(0, 2, 0, 2), (2, 1, 0, 3)]
    assert [one.new for one in found if one.stage == "processing"] == [2, 1]


@pytest.mark.parametrize("old_survives", [True, False])
def test_r10_of_two_visits_that_a_merge_brings_together_one_goes_on(old_survives: bool) -> None:
    old = walk("old", ("processing", 0), ("mal", 0), ("mql", 2))
    new = walk("new", ("processing", 1), ("mal", 1))
    rows = mixed(*(merge(old, new, 10) if old_survives else merge(new, old, 10)))
    found = {one.stage: one for one in flows(observe(rows, MODEL))}
    mal, mql, everybody = (found[name] for name in ("mal", "mql", ALL_STAGES))
    assert (mal.entered, mal.left, mal.closing, mal.merged) == (2, 2, 0, 1)
    # It is handed over, if it has to be: nobody came in or went out.
    assert (mql.entered, mql.left, mql.closing, mql.merged) == (1, 0, 1, 0)
    assert (everybody.entered, everybody.new, everybody.merged, everybody.closing) == (2, 2, 1, 1)


def test_what_was_before_the_window_opens_it() -> None:
    rows = walk("a", ("processing", 0), ("mal", 0), ("mql", 12), ("sal", 20))
    scope = observe(rows, MODEL, window=(day(10), day(20)))
    assert numbers(flows(scope), "mal") == [(1, 0, 1, 0)]
    assert numbers(flows(scope), "mql") == [(0, 1, 0, 1)]
    assert numbers(flows(scope), "sal") == [(0, 0, 0, 0)]
    assert numbers(flows(scope), ALL_STAGES) == [(1, 0, 0, 1)]


def test_a_visit_stays_in_the_group_of_its_entry() -> None:
    rows = walk(
        "a", ("processing", 0), ("mal", 0, {"owner": "ann"}), ("mql", 3, {"owner": "bob"}),
        ("sal", 4),
    )  # fmt: skip
    found = flows(observe(rows, MODEL, by="owner"))
    of = {(one.group, one.stage): one for one in found}
    assert (of["ann", "mal"].entered, of["ann", "mal"].left) == (1, 1)
    assert (of["bob", "mql"].entered, of["ann", "mql"].entered) == (1, 0)
    # For all stages it is who came to ann and went from her, wherever that was.
    ann, bob = of["ann", ALL_STAGES], of["bob", ALL_STAGES]
    assert (ann.entered, ann.left, bob.entered, bob.left) == (1, 1, 1, 0)
    assert list(dict.fromkeys(one.group for one in found)) == ["ann", "bob", "(none)"]


def test_who_goes_from_one_version_to_the_next_and_back_comes_in_twice() -> None:
    rows = walk(
        "a", ("processing", 0, {"version": "v1"}), ("mal", 1, {"version": "v2"}),
        ("mql", 2, {"version": "v1"}),
    )  # fmt: skip
    scope = attrs.evolve(observe(rows, MODEL), version="v1")
    (whole,) = (one for one in flows(scope) if one.stage == ALL_STAGES)
    assert (whole.entered, whole.left, whole.closing) == (2, 1, 1)


def reconciles(scope: Scope, every: Every | None, model: Model) -> None:
    found = flows(scope, every)
    for one in found:
        assert one.opening + one.entered - one.left == one.closing
        assert min(one.opening, one.entered, one.left, one.closing) >= 0
    series: dict[tuple[str, str], list[Flow]] = {}
    for one in found:
        series.setdefault((one.group, one.stage), []).append(one)
    for rows in series.values():
        for before, after in pairwise(rows):
            assert before.closing == after.opening
            assert before.period.end == after.period.start
    for group in {one.group for one in found}:
        for place in range(len(series[group, ALL_STAGES])):
            whole = series[group, ALL_STAGES][place]
            parts = [series[group, stage.name][place] for stage in model.stages]
            assert whole.opening == sum(one.opening for one in parts)
            assert whole.closing == sum(one.closing for one in parts)
            assert whole.new == sum(one.new for one in parts)
            assert whole.merged == sum(one.merged for one in parts)
            if scope.by is None and scope.journeys == "all":
                # Nothing but new people and merged ones changes how many there are.
                assert (whole.entered, whole.left) == (whole.new, whole.merged)
    if found:
        now = {(one.group, one.stage): one.people for one in people_now(scope)}
        last = {(group, stage): rows[-1] for (group, stage), rows in series.items()}
        for (group, stage), one in last.items():
            if stage != ALL_STAGES:
                assert one.closing == now.get((group, stage), 0)


@settings(max_examples=60, deadline=None)
@given(
    histories(),
    st.sampled_from(EVERY),
    st.sampled_from(WINDOWS),
    st.sampled_from(BY),
    st.sampled_from(get_args(Journeys)),
    st.sampled_from(["UTC", "Europe/Berlin"]),
)
def test_any_history_reconciles(
    rows: list[HistoryRow],
    every: Every | None,
    days: tuple[float | None, float | None],
    by: str | None,
    journeys: Journeys,
    zone: str,
) -> None:
    if by == "country" and not rows:
        by = None
    scope = observe(rows, MODEL, window=window(days), zone=zone, journeys=journeys, by=by)
    reconciles(scope, every, MODEL)


@settings(max_examples=25, deadline=None)
@given(logs(persons=3), st.sampled_from(EVERY), st.sampled_from([None, "owner", "source"]))
def test_the_history_of_any_run_reconciles(
    given: tuple[Model, list[object]], every: Every | None, by: str | None
) -> None:
    model, log = given
    rows = list(run(model, log).history)  # type: ignore[arg-type]
    # To the day over all the years that are ticked would be many periods.
    scope = observe(rows, model, by=by)
    reconciles(scope, every if every != "day" else "week", model)


@settings(max_examples=60, deadline=None)
@given(histories(), st.sampled_from(WINDOWS))
def test_any_flow_is_what_loops_count(
    rows: list[HistoryRow], days: tuple[float | None, float | None]
) -> None:
    start, end = window(days)
    until = max((one.now for one in rows), default=None)
    for one in flows(observe(rows, MODEL, window=(start, end)), "week"):
        if one.stage == ALL_STAGES:
            continue
        begins, ends = one.period.start, one.period.end
        assert begins is not None
        assert ends is not None
        assert one.opening == at(rows, one.stage, begins)
        assert one.closing == at(rows, one.stage, ends)
        visits = [v for w in walks(rows, MODEL) for v in w if v.stage == one.stage]
        assert one.entered == sum(begins <= v.entered < ends for v in visits)
        assert one.left == sum(v.left is not None and begins <= v.left < ends for v in visits)
        assert until is None or begins <= until


def at(rows: list[HistoryRow], stage: str, instant: datetime) -> int:
    """Whose last row before the instant leads there."""
    ordered = sorted(rows, key=lambda one: (one.person, one.sequence))
    last = {one.person: one.to_stage for one in ordered if one.now < instant}
    return sum(name == stage for name in last.values())


@pytest.mark.parametrize("every", EVERY)
def test_an_empty_history_has_no_flows(every: Every | None) -> None:
    assert all(one.closing == one.entered == 0 for one in flows(observe([], MODEL), every))
