"""How close forecasts of made-up companies come, and how long they take. On request only::

python -m tests.benchmarks.bench_forecast             # companies that nothing was tuned on
python -m tests.benchmarks.bench_forecast --million   # the time of a million people
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import attrs
import numpy as np

from lifecycle_fsm import HistoryRow, Lifecycle, load
from lifecycle_fsm.demo import company
from lifecycle_fsm.forecast import Forecast, RevenueForecast, forecast
from lifecycle_fsm.funnel import Scope, observe
from lifecycle_fsm.history import HistoryInMemory
from lifecycle_fsm.tables import by_event

MODEL = load("waterfall")
END = datetime(2026, 1, 1, tzinfo=UTC)
ORIGINS = [datetime(2025, 10, 3, tzinfo=UTC) - timedelta(30 * step) for step in range(4)]
DAYS = 90
SHARES = (50, 80, 95)
Won = list[tuple[datetime, float]]


def made(people: int, seed: int) -> tuple[list[HistoryRow], Won]:
    """The history of a made-up company, and its won amounts, one for each deal."""
    invented = company.invent(people, seed).with_processing(MODEL)
    lifecycle = Lifecycle(MODEL)
    for activity in by_event(invented.log):
        lifecycle.apply(activity)
    lifecycle.tick(END - timedelta(seconds=1))
    amounts: dict[object, float] = {}
    won: dict[object, datetime] = {}
    for activity in invented.log:
        deal, amount = activity.payload.get("opportunity"), activity.payload.get("amount")
        if activity.kind == "opportunity_opened" and isinstance(amount, int | float):
            amounts[deal] = float(amount)
        elif activity.kind == "opportunity_won":
            won.setdefault(deal, activity.at)
    return list(lifecycle.history), [
        (at, amounts[deal]) for deal, at in won.items() if deal in amounts
    ]


def scope_of(rows: list[HistoryRow], until: datetime) -> Scope:
    return observe(rows, MODEL, until=until - timedelta(microseconds=1))


@attrs.define
class Score:
    """The errors of one stage."""

    truth: float = 0
    off: float = 0
    bias: float = 0
    last_period: float = 0
    last_year: float = 0
    cases: int = 0
    held: dict[int, int] = attrs.field(factory=lambda: dict.fromkeys(SHARES, 0))
    weeks: int = 0
    held_weeks: dict[int, int] = attrs.field(factory=lambda: dict.fromkeys(SHARES, 0))

    def line(self, name: str) -> str:
        parts = [f"{self.off / self.truth:7.1%}", f"{self.bias / self.truth:+7.1%}"]
        parts += [f"{self.last_period / self.truth:7.1%}", f"{self.last_year / self.truth:7.1%}"]
        parts += [f"{self.held[share] / self.cases:5.0%}" for share in SHARES]
        parts += [f"{self.held_weeks[share] / max(self.weeks, 1):5.0%}" for share in SHARES]
        return f"{name:14} {self.truth:7,.0f} " + " ".join(parts)


def score(scores: dict[str, Score], result: Forecast, entries: dict[tuple[str, date], int]) -> None:
    """Add the errors of one forecast."""

    def count(stage: str, first: date, days: int) -> int:
        return sum(entries.get((stage, first + timedelta(day)), 0) for day in range(days))

    names = {
        (row.stage, row.kind): f"{row.stage}{'*' * (row.kind == 'contact')}"
        for row in result.totals
    }
    for row in result.totals:
        name = names[row.stage, row.kind]
        it, truth = scores[name], count(name, result.start, DAYS)
        it.truth += truth
        it.off += abs(row.expected - truth)
        it.bias += row.expected - truth
        it.last_period += abs(row.last_period - truth)
        it.last_year += abs((row.last_year or 0) - truth)
        it.cases += 1
        for share in SHARES:
            low, high = getattr(row, f"low_{share}"), getattr(row, f"high_{share}")
            it.held[share] += low <= truth <= high
    for week in result.weeks:
        name = names[week.stage, week.kind]
        it, truth = scores[name], count(name, week.start, week.days)
        it.weeks += 1
        for share in SHARES:
            low, high = getattr(week, f"low_{share}"), getattr(week, f"high_{share}")
            it.held_weeks[share] += low <= truth <= high


def accuracy(people: int, seeds: range) -> None:
    """Print the errors of the totals of 90 days, by stage."""
    first, all_origins = defaultdict[str, Score](Score), defaultdict[str, Score](Score)
    money: list[tuple[RevenueForecast, float]] = []
    sorts = {rule.name for rule in MODEL.sort}
    for seed in seeds:
        rows, won = made(people, seed)
        entries: defaultdict[tuple[str, date], int] = defaultdict(int)
        for row in rows:
            if row.visits:
                contact = row.to_stage == "customer" and row.rule in sorts
                entries[row.to_stage + "*" * contact, row.now.date()] += 1
        for origin in ORIGINS:
            known = [deal for deal in won if deal[0] < origin]
            began = time.perf_counter()
            result = forecast(scope_of(rows, origin), won=known)
            took = time.perf_counter() - began
            score(all_origins, result, entries)
            if origin == ORIGINS[0]:
                score(first, result, entries)
                print(f"seed {seed}: {took:.2f} s from rows to forecast", flush=True)
            if result.revenue is not None:
                end = origin + timedelta(DAYS)
                money.append((result.revenue, sum(sum_ for at, sum_ in won if origin <= at < end)))
    for title, scores in ((ORIGINS[0].date(), first), (f"{len(ORIGINS)} origins", all_origins)):
        print(f"\n{title}: error, bias, last period, last year; totals in 50, 80, 95 %; weeks")
        print("\n".join(it.line(name) for name, it in scores.items() if it.truth))
        stages = [scores[name] for name in ("mal", "mql", "sal", "sql", "customer", "recycled")]
        for share in SHARES:
            totals = sum(it.held[share] for it in stages) / sum(it.cases for it in stages)
            weeks = sum(it.held_weeks[share] for it in stages) / sum(it.weeks for it in stages)
            print(
                f"{share} % interval, all of these stages: totals {totals:.1%}, weeks {weeks:.1%}"
            )
    truth = sum(amount for _, amount in money)
    print(
        f"\nrevenue: error {sum(abs(it.expected - amount) for it, amount in money) / truth:.1%}, "
        f"last period {sum(abs(it.last_period - amount) for it, amount in money) / truth:.1%}, "
        f"in 80 % {np.mean([it.low_80 <= amount <= it.high_80 for it, amount in money]):.0%}"
    )


class Copies(HistoryInMemory):
    """A company many times, each copy moved by some days, so that few visits agree."""

    def __init__(self, rows: list[HistoryRow], copies: int) -> None:
        super().__init__(rows)
        self._copies = copies

    def parts(self) -> Iterator[list[HistoryRow]]:
        for copy in range(self._copies):
            by = timedelta(days=copy % 60, minutes=copy)
            yield [
                attrs.evolve(
                    row, person=f"{copy}:{row.person}", at=row.at + by, now=row.now + by,
                    journey_record=f"{copy}:{row.journey_record}", entered_at=row.entered_at + by,
                )
                for row in self._rows
            ]  # fmt: skip


def million() -> None:
    """Print the processor times for a million people, to collect their visits and to forecast."""
    rows, _ = made(5_000, 1)
    scope = observe(rows, MODEL, until=END)
    began = time.process_time()
    forecast(scope)
    print(f"5,000 people, with the import of scipy: {time.process_time() - began:.2f} s")
    began = time.process_time()
    forecast(scope)
    print(f"5,000 people: {time.process_time() - began:.2f} s")
    copies = Copies(rows, 200)
    scope = attrs.evolve(scope, walks=type(scope.walks)(copies, MODEL, None, None))
    scope = attrs.evolve(scope, until=END + timedelta(60))
    collecting, visits = 0.0, 0
    measuring = forecast.measuring(scope)
    next(measuring)
    for walks in scope.parts():
        part = tuple(walks)
        visits += sum(map(len, part))
        began = time.process_time()
        measuring.send(part)
        collecting += time.process_time() - began
    began = time.process_time()
    with suppress(StopIteration):
        measuring.send(None)
    print(
        f"1,000,000 people, {visits:,} visits: {collecting:.1f} s to collect them, "
        f"{time.process_time() - began:.1f} s to forecast"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=5_000)
    parser.add_argument("--seeds", type=int, nargs=2, default=(11, 20))
    parser.add_argument("--million", action="store_true")
    asked = parser.parse_args()
    if asked.million:
        million()
    else:
        accuracy(asked.people, range(asked.seeds[0], asked.seeds[1] + 1))
