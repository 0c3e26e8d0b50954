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
from lifecycle_fsm.history import ROW, MoveKind, Packed, shared_hop
from lifecycle_fsm.model import Edge
from lifecycle_fsm.person import Person


class Firing:
    """What the hops of one asking share: when, because of what, and the stages entered by it."""

    __slots__ = ("activity", "at", "entered", "late", "now", "start", "trigger", "version")

    def __init__(
        self,
        person: Person,
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
        self.start = len(person._history)
        self.entered: tuple[str, ...] = ()

    def append(
        self,
        person: Person,
        source: str | None,
        target: str,
        kind: MoveKind,
        rule: str,
        passed: tuple[str, ...] = (),
        credit: bool = True,
        entered_at: datetime | None = None,
    ) -> None:
        """Write the row of a hop that has just been made [S25]; ``entered_at`` where the visit
        began before [S23]."""
        hop = shared_hop(
            source,
            target,
            kind,
            rule,
            self.trigger,
            person._journey,
            passed,
            credit,
            person.owner,
            person.source,
            self.version,
            self.late,
            person._kept(),
            person.assigned_to,
            person._journey_record,
            entered_at,
        )
        person._history += (hop, self.at, self.now, self.activity)
        self.entered += (target,)

    @property
    def first(self) -> int:
        """The sequence that the first of its rows has."""
        return self.start // ROW + 1

    def added(self, person: Person) -> Packed:
        """The rows that this asking has added so far, packed."""
        return person._history[self.start :]


class LeanTransition(Transition):
    """An edge of the model: its guard decides, purely, then the move is applied whole [S11]."""

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
        """Whether the move is open to the person now."""
        return self.guard(person, firing.now) and self.allowed(person, firing)

    def allowed(self, person: Person, firing: Firing) -> bool:
        """Whether time allows it: no return at the instant of the detour that led there [S9], and
        no detour entered twice at one asking."""
        if self.returns:
            return person._stage_entered_at != firing.now
        return self.kind != "detour" or self.edge.target not in firing.entered

    def execute(self, event_data: EventData) -> bool:
        """Make the move if it is open; the way in for a plain ``transitions`` event."""
        person = cast(Person, event_data.model)
        firing: Firing = event_data.kwargs["firing"]
        if not self.opens(person, firing):
            return False
        self.make(person, firing)
        return True

    def make(self, person: Person, firing: Firing) -> None:
        """Apply the whole move; it has been found open."""
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


class LeanEvent(Event):
    """A trigger: the first open move out of the person's stage is made."""

    transitions: dict[str, list[LeanTransition]]  # type: ignore[assignment]

    def trigger(self, model: Any, *args: Any, **kwargs: Any) -> bool:
        """Fire for one person, with ``firing=``; whether a move was made."""
        return self.fire(model, kwargs["firing"])

    def fire(self, person: Person, firing: Firing) -> bool:
        """The same without keyword arguments, for the inner loop."""
        now = firing.now
        # .get(): the mapping is a defaultdict, which a plain look-up would let grow.
        for one in self.transitions.get(person._stage, ()):
            if one.guard(person, now) and one.allowed(person, firing):
                one.make(person, firing)
                return True
        return False


class LeanMachine(Machine):
    """A ``transitions`` machine with the lean parts and no models of its own."""

    event_cls = LeanEvent
    transition_cls = LeanTransition
