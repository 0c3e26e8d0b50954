"""The parts of a ``transitions`` machine, made lean for one machine that serves all persons.

Plain ``transitions`` binds partials to every model, resolves names at each call and formats log
records; these subclasses do the same work on what was resolved when the model was built.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from transitions import Event, EventData, Machine, Transition

from lifecycle_fsm.effects import NO_PAYLOAD, Effects
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Edge
from lifecycle_fsm.person import Person


class Firing:
    """What the hops of one asking share: when, because of what, and the rows that came of it."""

    __slots__ = ("activity", "at", "late", "now", "rows", "trigger", "version")

    def __init__(
        self,
        now: datetime,
        at: datetime,
        late: bool,
        trigger: str | None,
        activity: str | None,
        version: str,
    ) -> None:
        self.now = now
        self.at = at
        self.late = late
        self.trigger = trigger
        self.activity = activity
        self.version = version
        self.rows: list[HistoryRow] = []

    def append(
        self, person: Person, source: str | None, target: str, kind: Any, rule: str,
        passed: tuple[str, ...] = (), credit: bool = True,
    ) -> None:  # fmt: skip
        """Write the row of a hop that has just been made [S25]."""
        history = person._history
        row = HistoryRow(
            person.id,
            len(history) + 1,
            self.at,
            self.now,
            source,
            target,
            kind,
            rule,
            self.trigger,
            self.activity,
            person._journey,
            passed,
            credit,
            person.owner,
            person.source,
            self.version,
            self.late,
        )
        history.append(row)
        self.rows.append(row)


class LeanTransition(Transition):
    """An edge of the model: its guard decides first, purely, then the move is applied whole [S11]."""

    def __init__(
        self,
        source: str,
        dest: str,
        *_: Any,
        edge: Edge,
        guard: Callable[[Any, datetime], bool],
        then: Effects | None,
        **__: Any,
    ) -> None:
        super().__init__(source, dest)
        self.edge = edge
        self.guard = guard
        self.then = then
        self.kind = edge.kind
        self.returns = edge.kind == "return"

    def opens(self, person: Person, firing: Firing) -> bool:
        """Whether the move is open: never a return at the instant of the detour [S9]; no detour is
        entered twice at one asking."""
        if self.returns and person._stage_entered_at == firing.now:
            return False
        if self.kind == "detour" and firing.rows:
            target = self.edge.target
            if any(row.to_stage == target for row in firing.rows):
                return False
        return self.guard(person, firing.now)

    def execute(self, event_data: EventData) -> bool:
        """Make the move if it is open. ``event_data`` carries the person and the firing."""
        person = cast(Person, event_data.model)
        firing = cast(Firing, event_data.kwargs["firing"])
        return self.make(person, firing)

    def make(self, person: Person, firing: Firing) -> bool:
        """Make the move if it is open, and say whether it was."""
        if not self.opens(person, firing):
            return False
        if self.then is not None:
            self.then(person, firing.now, NO_PAYLOAD)
        edge = self.edge
        if self.returns:
            person._journey += 1
            person._journey_started_at = firing.now
        person._stage = edge.target
        person._stage_entered_at = firing.now
        firing.append(
            person, edge.source, edge.target, edge.kind, edge.rule.name, edge.passed, edge.credit
        )
        return True


class LeanEvent(Event):
    """A trigger: the first open move out of the person's stage is made."""

    def trigger(self, model: Any, *args: Any, **kwargs: Any) -> bool:
        """Fire for one person, with ``firing=``; whether a move was made."""
        return self.fire(model, kwargs["firing"])

    def fire(self, person: Person, firing: Firing) -> bool:
        """The same without keyword arguments, for the inner loop."""
        # .get(): the mapping is a defaultdict, which a plain look-up would let grow.
        for transition in self.transitions.get(person._stage, ()):
            if cast(LeanTransition, transition).make(person, firing):
                return True
        return False


class LeanMachine(Machine):
    """A ``transitions`` machine with the lean parts and no models of its own."""

    event_cls = LeanEvent
    transition_cls = LeanTransition
