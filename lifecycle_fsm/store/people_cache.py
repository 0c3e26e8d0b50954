"""The people a process worked on recently, kept in memory so that they need not be restored."""

from __future__ import annotations

from collections import OrderedDict

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
        self._people: OrderedDict[str, tuple[tuple[str, ...], str, RecordedLifecycle]] = (
            OrderedDict()
        )
        #: For people with several ids: all of these ids, by each of them.
        self._names: dict[str, tuple[str, ...]] = {}

    def names(self, name: str) -> tuple[str, ...]:
        """The ids of all records and contacts of a person, the survivor's first, as far as this
        process knows them."""
        return self._names.get(name) or (name,)

    def take(self, names: tuple[str, ...]) -> tuple[str, RecordedLifecycle] | None:
        """Take out the saved state and the Lifecycle of a person, if these are all of the ids."""
        kept = self._people.pop(names[0], None)
        return kept[1:] if kept is not None and kept[0] == names else None

    def put(self, names: tuple[str, ...], text: str, recorded: RecordedLifecycle) -> None:
        """Keep the Lifecycle of a person for the next activity.

        Args:
            names: the ids of all records and contacts of the person, the survivor's first.
            text: the person's state as the database has it now.
            recorded: holds the person in this state, and no other person.
        """
        recorded.clear()
        recorded.lifecycle.drop_past()
        if self._names.get(names[0], names[:1]) != names:
            self._forget_names(names[0])
        if len(names) > 1:
            self._names.update(dict.fromkeys(names, names))
        self._people[names[0]] = names, text, recorded
        if len(self._people) > self._limit:
            self._forget_names(self._people.popitem(last=False)[0])

    def _forget_names(self, name: str) -> None:
        for other in self._names.get(name, ()):
            self._names.pop(other, None)
