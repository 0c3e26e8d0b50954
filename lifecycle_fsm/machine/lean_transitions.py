"""The parts of a ``transitions`` machine, made lean for one machine that serves all persons.

Plain ``transitions`` binds partials to every model, resolves names at each call and formats log
records; these subclasses do the same work on what was resolved when the model was built.
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
    """What the hops of one asking share: when, because of what, who was responsible before it, and
    the stages entered by it."""

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
        """Write the row of a hop that has just been made [S25]: ``trigger`` is that of a process
        move, because the row of a system move names none [S7]; ``entered_at`` says when the visit
        began, where that was before [S23]."""
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
        """The sequence that the first of its rows has."""
        return self.rows_before + self.start // ROW + 1

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
        #: The machine whose observers hear of it; set as soon as the machine has all its moves.
        self.machine: LifecycleMachine
        self.guard = guard
        #: The guard as observers need it who ask for its conditions, once there is one.
        self.observed: Observed | None = None
        self.then = then
        self.name = edge.name
        self.asked = edge.on is not None
        self.returns = edge.kind == "return"
        #: A return that the system makes waits until its guard has been false once [S9].
        self.may_be_shut = self.returns and not self.asked
        #: The system returns out of the stage to which it leads.
        self.returns_behind: tuple[LeanTransition, ...] = ()
        #: The deadlines of the stages that it leaves and enters, where they have any [S21].
        self.leaves: Scheduler | None = None
        self.enters: Scheduler | None = None

    def opens(self, person: Person, now: datetime) -> bool:
        """Whether the move is open to the person at that instant."""
        return self.evaluate(person, now) and not is_shut(person, self)

    def evaluate(self, person: Person, now: datetime) -> bool:
        """Whether the guard holds, and tell it to whoever observes."""
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
        """Apply the whole move; it has been found open."""
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
    #: Those of its machine; set as soon as the machine has all its moves.
    observers: list[Observer]
    #: By stage, whether any of its moves is open. It is asked first, because mostly none is, and
    #: then one guard is asked instead of all.
    any_open: Mapping[str, Callable[[Any, datetime], bool]]

    def trigger(self, model: Any, *args: Any, **kwargs: Any) -> bool:
        """Fire for one person, with ``context=``; whether a move was made."""
        return self.fire(model, kwargs["context"])

    def fire(self, person: Person, context: TransitionContext) -> bool:
        """The same without keyword arguments, for the inner loop."""
        now = context.now
        told = self.observers or EVERYWHERE
        if not told and not person._shut_returns:
            any_open = self.any_open.get(person._stage)
            if any_open is not None and not any_open(person, now):
                return False
        # .get(): the mapping is a defaultdict, which a plain look-up would let grow.
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
    """A ``transitions`` machine with the lean parts and no models of its own."""

    event_cls = LeanEvent
    transition_cls = LeanTransition
