"""The people a process worked on recently, kept in memory so that they need not be restored."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.orchestrator import Engine


@attrs.frozen(init=False)
class RecordedLifecycle:
    """A Lifecycle, with the decisions that it makes and the activities that it logs."""

    lifecycle: Lifecycle
    decisions: list[Decision]
    log: list[Activity]

    def __init__(self, engine: Engine) -> None:
        decisions: list[Decision] = []
        log: list[Activity] = []
        lifecycle = Lifecycle(engine, record=decisions.append, log=log.append)
        self.__attrs_init__(lifecycle, decisions, log)

    def clear(self) -> None:
        """Drop the decisions and activities recorded so far."""
        self.decisions.clear()
        self.log.clear()


class Cached(NamedTuple):
    """A cached person.

    Args:
        names: the ids of all records and contacts of the person, the survivor's first.
        text: the person's state as the database had it last.
        recorded: holds the person in this state, and no other person.
    """

    names: tuple[str, ...]
    text: str
    recorded: RecordedLifecycle


class PeopleCache:
    """Keeps the Lifecycle of each recent person, with the text of the person's saved state.

    The state decides everything that happens next. If the database still has the same text, the
    cached Lifecycle is up to date, whatever other processes have done in the meantime. A Lifecycle
    is taken out while it is used, and put back once the transaction is committed.

    Args:
        limit: how many people to keep, the most recent first; each takes a few kilobytes.
    """

    def __init__(self, limit: int = 5_000) -> None:
        self._limit = limit
        self._people: OrderedDict[str, Cached] = OrderedDict()
        #: The survivor, by each other id of a person with several.
        self._survivors: dict[str, str] = {}

    def take(self, name: str) -> Cached | None:
        """Take out the person with this id, if the id still was theirs when they were put in."""
        cached = self._people.pop(self._survivors.get(name, name), None)
        return cached if cached is not None and name in cached.names else None

    def put(self, person: Cached) -> None:
        """Keep a person for the next activity."""
        person.recorded.clear()
        person.recorded.lifecycle.drop_past()
        survivor, *others = person.names
        self._survivors.pop(survivor, None)  # a merge into another person may have been undone
        for name in others:
            self._survivors[name] = survivor
        self._people[survivor] = person
        if len(self._people) > self._limit:
            for name in self._people.popitem(last=False)[1].names:
                self._survivors.pop(name, None)
