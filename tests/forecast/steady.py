"""A company whose pace is known, for tests of the forecast."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from lifecycle_fsm.history import HistoryRow
from tests.funnel.made import Hop, kept, mixed, walk

#: The chances of each day and stage: where a person goes.
CHANCES = {
    "mal": (("mql", 0.03), ("disqualified", 0.01)),
    "mql": (("sal", 0.4), ("recycled", 0.1)),
    "sal": (("sql", 0.2), ("recycled", 0.1)),
    "sql": (("customer", 0.05), ("recycled", 0.05)),
}
_COUNTRIES = ("DE", "US")


def steady(
    days: int,
    each_day: Callable[[int], int] = lambda day: 3,
    seed: int = 1,
    pace: Callable[[int], float] = lambda day: 1.0,
) -> list[HistoryRow]:
    """People who arrive every day and move by :data:`CHANCES` times the pace of the day. One
    in ten is the contact of a customer, whom the sort sends there."""
    random = Random(seed)
    walks = []
    for arrived in range(days):
        for number in range(each_day(arrived)):
            of = kept(country=random.choice(_COUNTRIES))
            hops: list[Hop] = [("processing", arrived + 0.3, of)]
            stage, at = ("customer" if random.random() < 0.1 else "mal"), arrived
            hops.append((stage, at + 0.4))
            while at < days - 1 and stage in CHANCES:
                at, chance = at + 1, random.random()
                for target, share in CHANCES[stage]:
                    if chance < share * pace(at):
                        stage = target
                        hops.append((stage, at + 0.5))
                        break
                    chance -= share * pace(at)
            walks.append(walk(f"{arrived:04}-{number}", *hops))
    return mixed(*walks)
