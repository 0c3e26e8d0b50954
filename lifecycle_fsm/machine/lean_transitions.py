"""Lean parts for a ``transitions`` machine that serves all people of a model.

Plain ``transitions`` binds partials to every model, resolves names at each call and formats log
records. These subclasses use what was resolved when the machine was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from transitions import Event, Machine, Transition

from lifecycle_fsm.guard import Observed
from lifecycle_fsm.history import ROW, MoveKind, Packed, shared_hop
from lifecycle_fsm.machine.observer import EVERYWHERE, Observer
from lifecycle_fsm.machine.returns import is_shut, open_again, shut_what_holds
from lifecycle_fsm.model import Edge
from lifecycle_fsm.person import Person
from lifecycle_fsm.silos.deadlines import Scheduler
from lifecycle_fsm.silos.effects import NO_PAYLOAD, Effects

if TYPE_CHECKING:
    from lifecycle_fsm.machine.machine import LifecycleMachine


#: The event of the system moves; triggers of a model never start with ``_``.
ADVANCE = "_advance"


class TransitionContext:
    """What the hops of one activity or trigger share: time, cause, the owner and assignee before
    it, and the stages that it entered."""

    __slots__ = (
        "activity", "assigned_to", "at", "entered", "late", "now", "owner", "rows_before", "start",
        "trigger", "version",
    )  # fmt: skip

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
        self.owner = person.owner
        self.assigned_to = person.assigned_to
        self.start = len(person._history)
        self.rows_before = person._rows_before
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
        trigger: str | None = None,
        entered_at: datetime | None = None,
    ) -> None:
        """Add the row of a hop that was just made [S25].

        ``trigger`` is that of a process move; the row of a system move has none [S7].
        ``entered_at`` is when the visit began, if that was earlier [S23].
        """
        hop = shared_hop(
            source,
            target,
            kind,
            rule,
            trigger,
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
        """The sequence number of the first of its rows."""
        return self.rows_before + self.start // ROW + 1

    def added(self, person: Person) -> Packed:
        """The packed rows added so far."""
        return person._history[self.start :]


class LeanTransition(Transition):
    """An edge of the model: a pure guard decides, then the move is applied atomically [S11]."""

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
        #: The machine whose observers are notified; set once the machine has all its moves.
        self.machine: LifecycleMachine
        self.guard = guard
        #: The guard for observers that need its conditions, compiled at first use.
        self.observed: Observed | None = None
        self.then = then
        self.name = edge.name
        self.asked = edge.on is not None
        self.returns = edge.kind == "return"
        #: A system return waits until its guard has been false once [S9].
        self.may_be_shut = self.returns and not self.asked
        #: The system returns out of the target stage.
        self.returns_behind: tuple[LeanTransition, ...] = ()
        #: The scheduler, if the stage that the move leaves or enters has deadlines [S21].
        self.leaves: Scheduler | None = None
        self.enters: Scheduler | None = None

    def opens(self, person: Person, now: datetime) -> bool:
        """Whether the move is open to the person at that instant."""
        return self.evaluate(person, now) and not is_shut(person, self)

    def evaluate(self, person: Person, now: datetime) -> bool:
        """Whether the guard holds; observers are notified."""
        machine, edge = self.machine, self.edge
        observers = (*machine.observers, *EVERYWHERE)
        conditions = None
        for observer in observers:
            if observer.needs_conditions:
                if self.observed is None:
                    self.observed = machine.observed(edge)
                holds, conditions = self.observed(person, now)
                break
        else:
            holds = self.guard(person, now)
        for observer in observers:
            observer.guard_evaluated(machine, person, edge, now, holds, conditions)
        return holds

    def make(self, person: Person, context: TransitionContext) -> None:
        """Apply the move, which the caller has found open."""
        edge, now = self.edge, context.now
        if self.leaves is not None:
            self.leaves.leave(person, now, context.owner, context.assigned_to)
        if self.then is not None:
            self.then(person, now, NO_PAYLOAD)
        if self.returns:
            person._journey = max(person._journey, person._last_journey) + 1
            person._journey_started_at = now
        person._stage = edge.target
        person._stage_entered_at = now
        if self.returns_behind or person._shut_returns:
            shut_what_holds(person, self.returns_behind, now)
        if self.enters is not None:
            self.enters.enter(person, now)
        context.append(
            person,
            edge.source,
            edge.target,
            edge.kind,
            edge.rule.name,
            edge.passed,
            edge.credit,
            context.trigger if self.asked else None,
        )


class LeanEvent(Event):
    """A trigger: the first open move out of the person's stage is made."""

    transitions: dict[str, list[LeanTransition]]  # type: ignore[assignment]
    #: The observers of its machine; set once the machine has all its moves.
    observers: list[Observer]
    #: For each stage, whether any of its moves is open. This is evaluated first: mostly none is,
    #: and then one guard has been evaluated instead of all.
    any_open: Mapping[str, Callable[[Any, datetime], bool]]

    def trigger(self, model: Any, *args: Any, **kwargs: Any) -> bool:
        """Fire for one person, with ``context=``; return whether a move was made."""
        return self.fire(model, kwargs["context"])

    def fire(self, person: Person, context: TransitionContext) -> bool:
        """Fire without keyword arguments, for the inner loop."""
        now = context.now
        told = self.observers or EVERYWHERE
        if not told and not person._shut_returns:
            any_open = self.any_open.get(person._stage)
            if any_open is not None and not any_open(person, now):
                return False
        # Use .get(): the mapping is a defaultdict, and indexing it would add keys.
        for move in self.transitions.get(person._stage, ()):
            if move.evaluate(person, now) if told else move.guard(person, now):
                if not move.may_be_shut or not is_shut(person, move):
                    move.make(person, context)
                    if told:
                        for observer in (*self.observers, *EVERYWHERE):
                            observer.transition_made(move.machine, person, move.edge, now)
                    return True
            elif move.may_be_shut and person._shut_returns:
                open_again(person, move)
        return False


class LeanMachine(Machine):
    """A ``transitions`` machine with the lean parts and without models."""

    event_cls = LeanEvent
    transition_cls = LeanTransition
