"""The pace and the expected entries, as plain loops compute them."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.forecast.pace import AGES, Pace, observe_pace, season
from lifecycle_fsm.forecast.projection import expect, present, project
from lifecycle_fsm.funnel import observe
from lifecycle_fsm.history import HistoryRow
from tests.forecast.steady import CHANCES, steady
from tests.forecast.test_visit_days import STAGES, by_day
from tests.funnel.made import MODEL, histories, walk

DAY = 86_400
BEGINS = [*range(15), *range(15, 92, 7), *range(92, 453, 30)]
Table = dict[tuple[int, ...], float]


def pace_by_loop(rows: list[HistoryRow], origin: int, window: int) -> Table:
    """By state, the state behind and the age; days are watched one by one."""
    visits = by_day(observe(rows, MODEL))
    risk: Counter[tuple[int, int]] = Counter()
    moves: Counter[tuple[int, int, int]] = Counter()
    columns = (visits.state, visits.after, visits.entered, visits.left, visits.count)
    for state, after, entered, left, count in zip(*(map(int, one) for one in columns), strict=True):
        for at in range(max(entered, origin - window), origin):
            if at <= left:
                place = bisect_right(BEGINS, at - entered) - 1
                risk[state, place] += count
                if at == left and after != -1:
                    moves[state, after, place] += count
    ages = [
        one
        for one in BEGINS
        if one
        <= 1
        + max(
            (
                min(int(left), origin - 1) - int(entered)
                for left, entered in zip(visits.left, visits.entered, strict=True)
                if entered < origin and left >= origin - window
            ),
            default=0,
        )
    ]
    widths = [
        after - one for one, after in zip(BEGINS, [*BEGINS[1:], BEGINS[-1] + 30], strict=True)
    ]
    table: Table = {}
    for state in range(visits.states):
        for place in range(len(ages)):
            near = {place}
            while (
                place
                and near != set(range(1, len(ages)))
                and sum(moves[state, to, one] for to in range(visits.states + 1) for one in near)
                < 10
                and sum(risk[state, one] / widths[one] for one in near) < 30
            ):
                near |= {one for one in (min(near) - 1, max(near) + 1) if 0 < one < len(ages)}
            days = sum(risk[state, one] for one in near)
            for to in range(visits.states + 1):
                if count := sum(moves[state, to, one] for one in near):
                    table[state, to, place] = count / days
    return table


@settings(max_examples=60, deadline=None)
@given(histories(12), st.integers(0, 60), st.sampled_from([365, 12]))
def test_r32_the_pace_is_moves_by_days_at_risk(
    rows: list[HistoryRow], before: int, window: int
) -> None:
    if not rows:
        return
    visits = by_day(observe(rows, MODEL))
    origin = max(visits.until - before, visits.first + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lifecycle_fsm.forecast.pace.WINDOW", window)
        pace = observe_pace(visits, origin).leaves
    expected = pace_by_loop(rows, origin, window)
    found = {
        (state, to, place): float(pace[state, to, BEGINS[place]])
        for state, to, age in zip(*pace.nonzero(), strict=True)
        for place in [bisect_right(BEGINS, age) - 1]
    }
    longest = max((place for _, _, place in expected), default=0)
    assert {key: share for key, share in found.items() if key[2] <= longest} == pytest.approx(
        expected
    )


def test_r32_a_visit_that_began_before_counts_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lifecycle_fsm.forecast.pace.WINDOW", 12)
    visits = by_day(observe(walk("a", ("processing", 0), ("mal", 0), ("mql", 20)), MODEL))
    pace = observe_pace(visits, visits.until).leaves[STAGES.index("mal"), STAGES.index("mql")]
    # It was watched from day 9 to day 20.
    assert pace[1:] == pytest.approx(np.full(AGES - 1, 1 / 12))


def test_r32_only_the_last_year_counts() -> None:
    slow = steady(300, pace=lambda day: 0.2)
    visits = by_day(observe(slow, MODEL))
    moved = attrs.evolve(visits, until=visits.until + 365)
    moved = attrs.evolve(
        moved, left=np.where(visits.left == visits.until, moved.until, visits.left)
    )
    pace = observe_pace(moved, moved.until)
    # Nobody moved in the last year, in which everybody was old.
    assert pace.leaves.sum() == 0
    assert observe_pace(visits, visits.until).leaves.sum() > 0


def test_r32_the_pace_is_the_one_by_which_people_moved() -> None:
    visits = by_day(observe(steady(500, lambda day: 8), MODEL))
    leaves = observe_pace(visits, visits.until).leaves
    for stage, targets in CHANCES.items():
        for target, share in targets:
            mean = leaves[STAGES.index(stage), STAGES.index(target), 1:8].mean()
            assert mean == pytest.approx(share, rel=0.2)


def by_loop(pace: Pace, people: Table, arrivals: np.ndarray, quiet: np.ndarray) -> Table:
    """Entries by day, state, group, and known (0) or new (1), of people by state, group, age."""
    states, groups = arrivals.shape[1:]
    here: defaultdict[tuple[int, int, int, int], float] = defaultdict(float)
    entries: defaultdict[tuple[int, ...], float] = defaultdict(float)
    for (state, group, age), count in people.items():
        here[0, state, group, age] += count

    def leave(
        key: tuple[int, int, int, int], mass: float, at: int
    ) -> tuple[float, dict[tuple[int, int, int, int], float]]:
        kind, state, group, age = key
        age = min(age, AGES - 1)
        rates = pace.leaves[state] * pace.tilt[state, group][:, None]
        speed = min(quiet[at, state], 1 / max(rates.sum(0).max(), 1e-9))
        gone: defaultdict[tuple[int, int, int, int], float] = defaultdict(float)
        for to in range(states):
            for behind in range(groups):
                share = 1.0 if pace.regroups is None else pace.regroups[state, to, group, behind]
                gone[kind, to, behind, 0] += mass * rates[to, age] * speed * share
        return mass * (1 - rates[:, age].sum() * speed), gone

    for at in range(len(arrivals)):
        coming: defaultdict[tuple[int, int, int, int], float] = defaultdict(float)
        for state in range(states):
            for group in range(groups):
                coming[1, state, group, 0] += arrivals[at, state, group]
        after: defaultdict[tuple[int, int, int, int], float] = defaultdict(float)
        for key, mass in here.items():
            rest, gone = leave(key, mass, at)
            after[(*key[:3], key[3] + 1)] += rest
            for to, count in gone.items():
                coming[to] += count
        for _ in range(20):
            again: defaultdict[tuple[int, int, int, int], float] = defaultdict(float)
            for (kind, state, group, age), mass in coming.items():
                entries[at, state, group, kind] += mass
                rest, gone = leave((kind, state, group, age), mass, at)
                after[kind, state, group, 1] += rest
                for to, count in gone.items():
                    again[to] += count
            coming = again
        here = after
    return entries


@settings(max_examples=15, deadline=None)
@given(histories(8), st.sampled_from([None, "country"]))
def test_r32_entries_follow_from_the_pace(rows: list[HistoryRow], by: str | None) -> None:
    if not rows:
        return
    model = attrs.evolve(MODEL, dimensions=("country", "sourced_by"))
    visits = by_day(observe(rows, model, by=by))
    origin = visits.until
    pace, here = observe_pace(visits, origin), present(visits, origin)
    assert here.sum() == visits.count[visits.left == visits.until].sum()
    arrivals = np.zeros((6, visits.states, len(visits.groups)))
    arrivals[:, 0] = 1.5
    quiet = np.ones((6, visits.states))
    quiet[2] = 0.5
    quiet[4] = 3
    people = {tuple(map(int, key)): float(here[key]) for key in zip(*here.nonzero(), strict=True)}
    expected = by_loop(pace, people, arrivals, quiet)
    found = project(pace, here, arrivals, quiet)
    for key, count in expected.items():
        assert found[key] == pytest.approx(count, abs=1e-6)
    assert found.sum() == pytest.approx(sum(expected.values()), abs=1e-6)


def test_r32_who_has_been_there_very_long_still_moves() -> None:
    """The last age stands for all that are above it."""
    leaves = np.zeros((2, 3, AGES))
    leaves[0, 1, -3:] = [0.5, 0.2, 0.1]
    people = np.zeros((2, 1, AGES))
    people[0, 0, -3:] = [100, 10, 1]
    pace = Pace(leaves, np.ones((2, 1, 3)), None)
    entries = project(pace, people, np.zeros((3, 2, 1)), np.ones((3, 2)))[:, 1, 0, 0]
    first = 50 + 2 + 0.1
    second = 50 * 0.2 + (8 + 0.9) * 0.1
    third = (40 + (8 + 0.9) * 0.9) * 0.1
    assert entries == pytest.approx([first, second, third])


def test_r32_a_quiet_week_comes_again_and_chance_does_not() -> None:
    """In one week of the year before, nobody moves."""
    rows = steady(700, lambda day: 6)
    visits = by_day(observe(rows, MODEL))
    pace = observe_pace(visits, visits.until)
    usual = season(visits, visits.until, 84, pace)
    assert (abs(usual - 1) < 0.25).all()
    first = visits.until - 364 + 21
    late = (visits.left >= first) & (visits.left < first + 7) & (visits.state != visits.initial)
    calm = attrs.evolve(visits, left=np.where(late, first + 7, visits.left))
    factors = season(calm, visits.until, 84, observe_pace(calm, visits.until))
    assert (factors[21:28] < 0.2).all()
    assert (factors[28:35] > 1.3).all()


def test_r32_groups_are_together_what_is_expected_of_all() -> None:
    rows = steady(500)
    visits = by_day(observe(rows, attrs.evolve(MODEL, dimensions=("country",)), by="country"))
    assert sorted(visits.groups) == ["DE", "US"]
    parts = expect(visits, visits.until, 60)
    whole = expect(visits.whole, visits.until, 60)
    assert parts.sum(2) == pytest.approx(whole.sum(2))
    assert (parts.sum((0, 1, 3)) > 0.3 * whole.sum()).all()
