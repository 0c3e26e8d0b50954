"""Visits by day, counted as a plain loop counts them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import chain
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.forecast.visit_days import DayCollector, VisitDays
from lifecycle_fsm.funnel import Scope, flows, observe, walks
from lifecycle_fsm.history import HistoryRow
from tests.funnel.made import MODEL, day, histories, merge, mixed, walk
from tests.funnel.test_parts import parts_of

STAGES = [stage.name for stage in MODEL.stages]


def by_day(scope: Scope) -> VisitDays:
    collector = DayCollector(scope)
    for part in scope.parts():
        collector.add(part)
    days = collector.days()
    assert days is not None
    return days


@settings(max_examples=100, deadline=None)
@given(histories(8), st.sampled_from(["UTC", "America/Sao_Paulo", "Pacific/Auckland"]))
def test_r32_entries_and_ends_fall_on_the_days_of_the_zone(
    rows: list[HistoryRow], zone: str
) -> None:
    if not rows:
        return
    model = attrs.evolve(MODEL, dimensions=("country", "sourced_by"))
    visits = by_day(observe(rows, model, zone=zone, by="country"))
    local = ZoneInfo(zone)
    expected: Counter[tuple[int, int, str]] = Counter()
    spans: Counter[tuple[int, int, int]] = Counter()
    for one in chain.from_iterable(walks(rows, model)):
        state = STAGES.index(one.stage)
        if one.stage == "customer" and one.entry.from_stage == "processing":
            state = len(STAGES)
        began = one.entered.astimezone(local).toordinal()
        left = visits.until if one.left is None else one.left.astimezone(local).toordinal()
        spans[state, began, left] += 1
        if one.entry.kind != "merge":
            expected[began, state, str(one.entry.value("country"))] += 1
    counted = {
        (place + visits.first, state, visits.groups[group]): int(
            visits.entries[place, state, group]
        )
        for place, state, group in zip(*visits.entries.nonzero(), strict=True)
    }
    assert counted == expected
    table: Counter[tuple[int, int, int]] = Counter()
    for *key, count in zip(visits.state, visits.entered, visits.left, visits.count, strict=True):
        state, began, left = map(int, key)
        table[state, began, left] += int(count)
    assert table == spans
    assert visits.until == rows[-1].now.astimezone(local).toordinal() + 1
    news = sum(row.new for row in flows(observe(rows, model)))
    assert int(visits.arrivals.sum()) == news / 2  # each is counted by stage and in total


@settings(max_examples=30, deadline=None)
@given(histories(8), st.integers(1, 4))
def test_r32_parts_are_the_whole(rows: list[HistoryRow], number: int) -> None:
    if not rows:
        return
    scope = observe(rows, MODEL)
    whole, collector = by_day(scope), DayCollector(scope)
    for part in parts_of(rows, number):
        collector.add(walks(part, MODEL))
    parts = collector.days()
    assert parts is not None
    for name in ("state", "after", "entered", "left", "count"):
        assert (getattr(parts, name) == getattr(whole, name)).all()


@pytest.mark.parametrize(("until", "days"), [(5.0, 5), (5.5, 6), (6.0, 6)])
def test_r32_a_day_that_began_is_known(until: float, days: int) -> None:
    rows = walk("a", ("processing", 0.5), ("mal", 4.5))
    visits = by_day(observe(rows, MODEL, until=day(until)))
    assert visits.length == days


def test_r32_what_happens_at_midnight_is_known_with_its_day() -> None:
    rows = walk("a", ("processing", 0), ("mal", 5))
    assert by_day(observe(rows, MODEL, until=day(5))).length == 6


def test_r32_who_was_merged_is_followed_by_nothing() -> None:
    old = walk("old", ("processing", 0), ("mal", 0), ("mql", 2))
    rows = mixed(*merge(old, walk("new", ("processing", 1), ("mal", 1)), 10))
    visits = by_day(observe(rows, MODEL, until=day(11) - timedelta(seconds=1)))
    mal = STAGES.index("mal")
    left = {
        int(after): int(left)
        for after, left, state in zip(visits.after, visits.left, visits.state, strict=True)
        if state == mal
    }
    first = day(0).toordinal()
    assert left == {STAGES.index("mql"): first + 2, visits.states: first + 10}
