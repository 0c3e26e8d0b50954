"""The entries of two histories of one log: each counted once, as a plain loop does it (R51)."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from datetime import datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.funnel import Visit, Walk, walks
from lifecycle_fsm.funnel.entry_changes import (
    NEW_KINDS,
    OLD_KINDS,
    PairedEntry,
    first_difference,
    paired_entries,
    pairs,
)
from lifecycle_fsm.history import HistoryRow
from tests.funnel.made import MODEL, WINDOWS, Step, day, lived, merge, steps, walk, window

Window = tuple[float | None, float | None]


def paired(
    old: list[HistoryRow], new: list[HistoryRow], of: Window = (None, None)
) -> list[PairedEntry]:
    start, end = window(of)
    roots = persons(old, new)
    return list(
        paired_entries(
            walks(old, MODEL), walks(new, MODEL), MODEL,
            person_of=lambda record: roots.get(record, record),
            inside=lambda at: (start is None or at >= start) and (end is None or at < end),
        )
    )  # fmt: skip


def persons(*histories: list[HistoryRow]) -> dict[str, str]:
    """The smallest id of all records that any of the histories merges."""
    roots = {row.person: row.person for rows in histories for row in rows}
    merges: dict[tuple[int, datetime, str | None], set[str]] = {}
    for place, rows in enumerate(histories):
        for row in rows:
            if row.kind == "merge":
                merges.setdefault((place, row.now, row.activity), set()).add(row.person)
    for _ in roots:
        for group in merges.values():
            least = min(roots[person] for person in group)
            for person, root in tuple(roots.items()):
                if root in {roots[one] for one in group}:
                    roots[person] = least
    return roots


def simple(entry: PairedEntry) -> tuple[object, ...]:
    return entry.stage, entry.kind, entry.first, entry.became


# ---------------------------------------------------------------- by hand


def test_kinds_and_what_really_became_of_people() -> None:
    old = walk("p", ("processing", 0), ("mal", 0), ("mql", 5), ("sal", 6), ("sql", 9))
    none = walk("p", ("processing", 0), ("mal", 0), ("sal", 6), ("sql", 9))
    sooner = walk("p", ("processing", 0), ("mal", 0), ("mql", 3), ("sal", 6), ("sql", 9))
    assert [simple(row) for row in paired(old, none) if row.kind != "same"] == [
        ("mql", "lost", True, "sql")
    ]
    assert [simple(row) for row in paired(old, sooner) if row.kind != "same"] == [
        ("mql", "earlier", True, "sql")
    ]
    assert [simple(row) for row in paired(sooner, old) if row.kind != "same"] == [
        ("mql", "later", True, "sql")
    ]
    assert [simple(row) for row in paired(none, old) if row.kind != "same"] == [
        ("mql", "added", True, "sql")  # sales came by itself
    ]


def test_what_follows_a_first_difference_is_none() -> None:
    old = walk("p", ("processing", 0), ("mal", 0), ("mql", 5), ("sal", 6))
    new = walk("p", ("processing", 0), ("mal", 0), ("mql", 3), ("recycled", 6))
    rows = {(row.stage, row.kind): row.first for row in paired(old, new)}
    assert rows == {
        ("mal", "same"): False,
        ("mql", "earlier"): True,
        ("sal", "lost"): False,
        ("recycled", "added"): False,
    }


def test_what_became_of_somebody_is_of_that_journey() -> None:
    old = walk(
        "p", ("processing", 0), ("mal", 0), ("mql", 5), ("recycled", 6), ("mql", 9), ("sal", 10)
    )
    new = walk("p", ("processing", 0), ("mal", 0), ("mql", 9), ("sal", 10))
    (lost,) = [row for row in paired(old, new) if row.first]
    assert lost.became == "recycled"


def test_an_entry_that_leaves_the_window_is_lost() -> None:
    old = walk("p", ("processing", 0), ("mal", 0), ("mql", 5))
    new = walk("p", ("processing", 0), ("mal", 0), ("mql", 15))
    assert [simple(row)[:3] for row in paired(old, new, (1, 10))] == [("mql", "lost", True)]
    assert [simple(row)[:3] for row in paired(old, new, (10, 20))] == [("mql", "added", True)]


def test_records_of_one_person_are_one_person() -> None:
    first = walk("a", ("processing", 0), ("mal", 0), ("mql", 5))
    second = walk("b", ("processing", 1), ("mal", 1))
    late = walk("b", ("processing", 1), ("mal", 1), ("mql", 4))
    old = [row for rows in merge(first, second, 7) for row in rows]
    new = [row for rows in merge(walk("a", ("processing", 0), ("mal", 0)), late, 7) for row in rows]
    kinds = Counter(row.kind for row in paired(old, new) if row.stage == "mql")
    assert kinds == {"earlier": 1}


# ---------------------------------------------------------------- a plain loop


def visits_of(rows: list[HistoryRow], roots: dict[str, str]) -> dict[str, list[Visit]]:
    people: dict[str, list[Visit]] = {}
    every: tuple[Walk, ...] = walks(rows, MODEL)
    for one in every:
        for visit in one:
            if visit.stage != "processing":
                people.setdefault(roots[visit.entry.person], []).append(visit)
    return people


def in_gap(times: list[datetime], common: Counter[datetime], low: int) -> list[datetime]:
    """The times without the common ones, between the common instant ``low`` and the next one."""
    left, gone = [], Counter(common)
    for time in times:
        if gone[time]:
            gone[time] -= 1
        else:
            left.append(time)
    instants = sorted(common)
    return [time for time in left if bisect_right(instants, time) == low]


@st.composite
def two_histories(draw: st.DrawFn) -> tuple[list[HistoryRow], list[HistoryRow]]:
    """A history, and one of the same people in which some things happen otherwise or not at all."""
    told = draw(steps())
    first = {min(place for place, step in enumerate(told) if step.record == record)
             for record in {step.record for step in told}}  # fmt: skip
    changed: list[Step] = []
    for place, step in enumerate(told):
        match draw(st.integers(0, 5)):
            case 0 if place not in first and step.other is None:
                continue
            case 1 if place not in first:
                changed.append(attrs.evolve(step, choice=step.choice + 1))
            case _:
                changed.append(step)
    return lived(told), lived(changed)


@given(two_histories(), st.sampled_from(WINDOWS))
def test_every_entry_is_counted_once_and_as_a_plain_loop_does(
    both: tuple[list[HistoryRow], list[HistoryRow]], of: Window
) -> None:
    start, end = window(of)
    roots = persons(*both)
    olds, news = (visits_of(rows, roots) for rows in both)
    expected: Counter[tuple[str, str, str]] = Counter()

    def inside(time: datetime | None) -> bool:
        return time is not None and (start is None or time >= start) and (end is None or time < end)

    for person in {*olds, *news}:
        for stage in MODEL.by_name:
            before, after = (
                sorted(visit.entered for visit in people.get(person, []) if visit.stage == stage)
                for people in (olds, news)
            )
            common = Counter(before) & Counter(after)
            for time, count in common.items():
                expected[person, stage, "same"] += count * inside(time)
            for gap in range(len(common) + 1):
                left = in_gap(before, common, gap), in_gap(after, common, gap)
                for place in range(max(map(len, left))):
                    first, second = (times[place] if place < len(times) else None for times in left)
                    if inside(first) and inside(second):
                        assert first is not None
                        assert second is not None
                        expected[person, stage, "earlier" if second < first else "later"] += 1
                    elif inside(first):
                        expected[person, stage, "lost"] += 1
                    elif inside(second):
                        expected[person, stage, "added"] += 1
    rows = paired(*both, of)
    assert Counter((row.person, row.stage, row.kind) for row in rows) == +expected
    for people, kinds in ((olds, OLD_KINDS), (news, NEW_KINDS)):
        entries = [visit for visits in people.values() for visit in visits if inside(visit.entered)]
        assert sum(row.kind in kinds for row in rows) == len(entries)


@given(two_histories())
def test_nothing_differs_before_a_first_difference(
    both: tuple[list[HistoryRow], list[HistoryRow]],
) -> None:
    roots = persons(*both)
    olds, news = (visits_of(rows, roots) for rows in both)
    firsts: dict[str, set[datetime]] = {}
    for row in paired(*both):
        if row.first:
            firsts.setdefault(row.person, set()).add(row.at)
    for person in {*olds, *news}:
        times = firsts.get(person, set())
        assert len(times) <= 1
        at = min(times, default=None)
        before, after = (
            Counter(
                (visit.entered, visit.stage)
                for visit in people.get(person, [])
                if at is None or visit.entered < at
            )
            for people in (olds, news)
        )
        if at is not None or first_difference(olds.get(person, []), news.get(person, [])) is None:
            assert before == after


def test_entries_of_one_instant_pair_with_each_other() -> None:
    visits = [visit for one in walks(walk("p", ("processing", 0), ("mal", 2)), MODEL)
              for visit in one if visit.stage == "mal"]  # fmt: skip
    assert list(pairs([*visits, *visits], visits)) == [
        (visits[0], visits[0]),
        (visits[0], None),
    ]
    assert visits[0].entered == day(2)


@pytest.mark.parametrize("people", [[], ["p"]])
def test_histories_that_are_alike_differ_nowhere(people: list[str]) -> None:
    rows = [row for name in people for row in walk(name, ("processing", 0), ("mal", 1))]
    assert [row for row in paired(rows, rows) if row.first or row.kind != "same"] == []
