"""The whole company: the log of its activities, and what a data provider knows of its accounts."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import datetime

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.demo.company.accounts import Account
from lifecycle_fsm.demo.company.people import People
from lifecycle_fsm.demo.company.processing import processed
from lifecycle_fsm.demo.company.seasons import instant, second_of
from lifecycle_fsm.demo.company.story import Happening
from lifecycle_fsm.model import Model

_STEP = 200


@attrs.frozen
class Company:
    """What has happened at a company.

    Args:
        log: every activity, in the order in which the log got them.
        arrived: the second of each in which it did.
        accounts: the companies that people work for.
        held_up: whose original processing had to go on without company data, and until when that
            took.
    """

    log: list[Activity]
    arrived: array[int]
    accounts: list[Account]
    held_up: Mapping[str, datetime]

    def with_processing(self, model: Model) -> Company:
        """The same, with the end of the processing of those who were held up, as a log has it."""
        log, arrived = list(self.log), self.arrived[:]
        for activity in processed(model, self.log, self.held_up):
            at = second_of(activity.at)
            place = bisect_right(arrived, at)
            log.insert(place, activity)
            arrived.insert(place, at)
        return attrs.evolve(self, log=log, arrived=arrived)


def invent(
    people: int,
    seed: int,
    *,
    merges: bool = True,
    bar: Callable[[str, float | None], None] = lambda what, done: None,
) -> Company:
    """Make up a company to which so many people come in two years."""
    world = People(seed, merges=merges)
    came: list[Happening] = []
    held_up: dict[str, datetime] = {}
    for number, story in enumerate(world.come(people)):
        for record in (story, *story.others):
            came += record.came
            if record.outage is not None and record.came:
                held_up[record.id] = instant(record.processed)
        if number % _STEP == 0:
            bar("making up", number / people)
    came.sort(key=lambda one: (one.arrives, one.person, one.at, one.id))
    return Company(
        log=[Activity(one.id, one.person, one.kind, instant(one.at), one.payload) for one in came],
        arrived=array("q", [one.arrives for one in came]),
        accounts=world.accounts.all,
        held_up=held_up,
    )
