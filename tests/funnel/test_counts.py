"""Counts against plain loops over the same rows [S25][S26]."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel import Conversion, Counts, Reading, count
from lifecycle_fsm.funnel.time_in_stage import Times
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Edge, Model, load

MODEL = load("waterfall")
EDGES = (*MODEL.sort_edges, *MODEL.edges)
START = datetime(2024, 1, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def walk(person: str, *hops: tuple[str, float], model: Model = MODEL) -> list[HistoryRow]:
    """A history by stages and days; the first hop enters original processing."""
    edges = (*model.sort_edges, *model.edges)
    rows: list[HistoryRow] = []
    for stage, at in hops:
        before = rows[-1].to_stage if rows else None
        edge = next((one for one in edges if one.source == before and one.target == stage), None)
        assert edge is not None or not rows, f"no move {before} -> {stage}"
        rows.append(row(person, rows, edge, day(at)))
    return rows


def row(person: str, before: list[HistoryRow], edge: Edge | None, now: datetime) -> HistoryRow:
    journey = before[-1].journey if before else 1
    return HistoryRow(
        person=person,
        sequence=len(before) + 1,
        at=now,
        now=now,
        from_stage=before[-1].to_stage if before else None,
        to_stage=edge.target if edge else "processing",
        kind=edge.kind if edge else "enter",
        rule=edge.name if edge else "created",
        trigger=edge.on if edge else None,
        activity=None,
        journey=journey + (edge is not None and edge.kind == "return"),
        passed_over=edge.passed if edge else (),
        credit=edge.credit if edge else True,
        owner=None,
        source=None,
        version=MODEL.version,
        late=False,
    )


def test_nothing_gives_zeros() -> None:
    counts = count([], MODEL)
    assert counts.total == counts.journeys == 0
    assert set(counts.people) == set(MODEL.by_name)
    assert counts.conversion["mal", "mql"] == Conversion(0, 0)
    assert counts.conversion["mal", "mql"].share is None
    assert counts.median_stay == {}


def test_people_are_where_their_last_row_leads() -> None:
    rows = [
        *walk("a", ("processing", 0), ("mal", 0), ("mql", 5)),
        *walk("b", ("processing", 1), ("mal", 1)),
        *walk("c", ("processing", 2), ("disqualified", 2)),
    ]
    people = count(rows, MODEL).people
    assert {name: n for name, n in people.items() if n} == {"mal": 1, "mql": 1, "disqualified": 1}


def test_a_stage_that_was_passed_over_counts_in_the_reading_over_only() -> None:
    rows = walk("a", ("processing", 0), ("mql", 0), ("sal", 3))
    through, over = count(rows, MODEL), count(rows, MODEL, reading="over")
    assert through.conversion["processing", "mal"] == Conversion(1, 0)
    assert through.conversion["mal", "mql"] == Conversion(0, 0)
    assert over.conversion["processing", "mal"] == Conversion(1, 1)
    assert over.conversion["mal", "mql"] == Conversion(1, 1)
    assert through.passed_over["mal"] == over.passed_over["mal"] == 1
    assert through.conversion["mql", "sal"] == over.conversion["mql", "sal"] == Conversion(1, 1)


@pytest.mark.parametrize("reading", ["through", "over"])
def test_a_stage_without_credit_counts_in_no_reading(reading: Reading) -> None:
    counts = count(walk("a", ("processing", 0), ("sql", 0)), MODEL, reading=reading)
    assert counts.passed_over["mql"] == 0
    assert counts.conversion["mal", "mql"] == Conversion(0, 0)
    assert counts.conversion["sal", "sql"] == Conversion(0, 0)


def test_each_journey_counts_for_itself() -> None:
    rows = walk(
        "a", ("processing", 0), ("mal", 0), ("mql", 5), ("recycled", 9), ("mal", 99), ("sal", 120)
    )
    counts = count(rows, MODEL)
    assert counts.journeys == 2
    assert counts.entered["mal"] == 2
    assert counts.conversion["mal", "mql"] == Conversion(2, 1)


def test_a_walk_that_the_sort_leads_off_the_path_is_no_journey_but_was_processed() -> None:
    counts = count(walk("a", ("processing", 0), ("disqualified", 0)), MODEL)
    assert counts.journeys == 0
    assert counts.conversion["processing", "mal"] == Conversion(1, 0)


def test_the_window_opens_at_its_start_and_ends_before_its_end() -> None:
    rows = [
        *walk("early", ("processing", 0), ("mal", 0), ("mql", 12)),
        *walk("in", ("processing", 10), ("mal", 10), ("mql", 25)),
        *walk("late", ("processing", 20), ("mal", 20), ("mql", 22)),
    ]
    counts = count(rows, MODEL, window=(day(10), day(20)))
    assert counts.entered["mal"] == 1
    assert counts.moves["everybody_else", "processing", "mal"] == 1
    # A journey of the window may reach the next stage behind it.
    assert counts.conversion["mal", "mql"] == Conversion(1, 1)
    assert counts.people["mal"] == 1
    assert counts.people["mql"] == 1
    assert counts.journeys == 1
    # The visit of the window is watched until it ends, also behind the window.
    assert counts.median_stay["mal"] == timedelta(days=15)


def test_the_median_counts_who_is_still_there_for_as_long_as_was_seen() -> None:
    rows = [
        *walk("a", ("processing", 0), ("mal", 0), ("mql", 4)),
        *walk("b", ("processing", 0), ("mal", 0), ("mql", 7)),
        *walk("c", ("processing", 0), ("mal", 0)),
    ]
    stays = count(rows, MODEL).median_stay
    assert stays["mal"] == timedelta(days=7)
    assert stays["processing"] == timedelta(0)
    assert "mql" not in stays
    assert list(count(rows, MODEL, until=day(30)).stays["mal"].still) == [30 * 86_400]


def test_a_closing_row_takes_the_person_out() -> None:
    rows = walk("loser", ("processing", 0), ("mal", 0))
    rows.append(
        attrs.evolve(rows[-1], sequence=3, from_stage="mal", to_stage="", kind="merge", now=day(9))
    )
    counts = count(rows, MODEL)
    assert counts.total == 0
    assert counts.stays["mal"] == Times(array("d"), array("d", [9 * 86_400]), folded=1)


def test_an_unknown_reading_and_a_window_that_ends_first_are_refused() -> None:
    with pytest.raises(LifecycleError, match="no reading named 'both'"):
        count([], MODEL, reading="both")  # type: ignore[arg-type]
    with pytest.raises(LifecycleError, match="ends before it starts"):
        count([], MODEL, window=(day(2), day(1)))


# --- Any history, against loops that only a reader would write


@st.composite
def histories(draw: st.DrawFn) -> list[HistoryRow]:
    rows: list[HistoryRow] = []
    for index in range(draw(st.integers(0, 6))):
        mine: list[HistoryRow] = []
        now = day(draw(st.integers(0, 40)))
        mine.append(row(f"p{index}", mine, None, now))
        for _ in range(draw(st.integers(0, 7))):
            leaving = [edge for edge in EDGES if edge.source == mine[-1].to_stage]
            if not leaving:
                break
            now += timedelta(days=draw(st.integers(0, 9)))
            mine.append(row(f"p{index}", mine, draw(st.sampled_from(leaving)), now))
        rows += mine
    # Persons are mixed, each in sequence.
    return sorted(rows, key=lambda one: (one.now, one.person, one.sequence))


@settings(deadline=None)
@given(
    histories(),
    st.sampled_from(["through", "over"]),
    st.sampled_from([(None, None), (10, None), (None, 20), (5, 30), (10, 10)]),
)
def test_any_history_is_counted_as_loops_would(
    rows: list[HistoryRow], reading: Reading, days: tuple[int | None, int | None]
) -> None:
    window = (None if days[0] is None else day(days[0]), None if days[1] is None else day(days[1]))
    counts = count(iter(rows), MODEL, reading=reading, window=window)
    start = window[0] or day(-1)
    end = window[1] or day(10_000)
    people: dict[str, list[HistoryRow]] = {}
    for one in rows:
        people.setdefault(one.person, []).append(one)

    for stage in MODEL.by_name:
        there = [path for path in people.values() if _stage_at(path, end) == stage]
        assert counts.people[stage] == len(there)
        assert counts.entered[stage] == sum(
            one.to_stage == stage and start <= one.now < end for one in rows
        )
        ended, still = [], []
        for path in people.values():
            for before, after in itertools.zip_longest(path, path[1:]):
                if before.to_stage != stage or not start <= before.now < end:
                    continue
                if after is None:
                    still.append((rows[-1].now - before.now).total_seconds())
                else:
                    ended.append((after.now - before.now).total_seconds())
        assert sorted(counts.stays[stage].ended) == sorted(ended)
        assert sorted(counts.stays[stage].still) == sorted(still)
    assert sum(counts.moves.values()) == sum(
        one.from_stage is not None and start <= one.now < end for one in rows
    )
    for before, after in itertools.pairwise([stage.name for stage in MODEL.path]):
        expected = Conversion(*_converted(people, before, after, reading, start, end))
        assert counts.conversion[before, after] == expected


def _stage_at(path: list[HistoryRow], end: datetime) -> str | None:
    before = [one.to_stage for one in path if one.now < end]
    return before[-1] if before else None


def _met(path: list[HistoryRow], reading: Reading) -> Iterator[tuple[int, str, datetime]]:
    for one in path:
        if reading == "over" and one.credit:
            for name in one.passed_over:
                yield one.journey, name, one.now
        yield one.journey, one.to_stage, one.now


def _converted(
    people: dict[str, list[HistoryRow]],
    stage: str,
    after: str,
    reading: Reading,
    start: datetime,
    end: datetime,
) -> tuple[int, int]:
    entered = reached = 0
    for path in people.values():
        met = list(_met(path, reading))
        for journey in {one.journey for one in path}:
            names = [(name, now) for number, name, now in met if number == journey]
            first = next((index for index, (name, _) in enumerate(names) if name == stage), None)
            if first is None or not start <= names[first][1] < end:
                continue
            entered += 1
            reached += any(name == after for name, _ in names[first + 1 :])
    return entered, reached


def test_flows_reconcile() -> None:
    rows = walk("a", ("processing", 0), ("mal", 0), ("mql", 5), ("recycled", 9), ("mal", 99))
    counts: Counts = count(rows, MODEL)
    for stage in MODEL.by_name:
        into = sum(n for (_, _, target), n in counts.moves.items() if target == stage)
        out = sum(n for (_, source, _), n in counts.moves.items() if source == stage)
        created = 1 if stage == "processing" else 0
        assert into + created - out == counts.people[stage]
