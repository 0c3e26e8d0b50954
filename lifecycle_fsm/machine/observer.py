"""Observers of machines: metrics, logs, coverage, a person's story.

Without observers this costs nothing: a machine checks for them once for each trigger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.guard import Vector
from lifecycle_fsm.model import Edge
from lifecycle_fsm.person import Person

if TYPE_CHECKING:
    from lifecycle_fsm.machine.decision import Decision, Result
    from lifecycle_fsm.machine.machine import LifecycleMachine


class Observer:
    """Is notified of what machines do. Override the methods you need; the others do nothing.

    An observer must not change a person; an error that it raises reaches the caller that applied
    the activity. It is notified of moves and evaluations as they happen, within the work on one
    activity. A later error in that work undoes them, and the activity is then reported as
    ``parked``.
    """

    def machine_made(self, machine: LifecycleMachine) -> None:
        """A machine was made; only observers of the entire process are notified."""

    #: Whether :meth:`guard_evaluated` needs the outcome of each condition; guards then take several
    #: times as long.
    needs_conditions: ClassVar[bool] = False

    def guard_evaluated(
        self,
        machine: LifecycleMachine,
        person: Person,
        edge: Edge,
        now: datetime,
        holds: bool,
        conditions: Vector | None,
    ) -> None:
        """A machine evaluated the guard of a move, or of a rule of the sort, out of the person's
        stage: to fire, to let time pass, or for ``may`` and ``explain``.

        ``conditions`` holds the outcomes of the guard's conditions, numbered as in
        :class:`~lifecycle_fsm.guard.Conditions`, if an observer needs them.
        """

    def transition_tried(
        self, machine: LifecycleMachine, person: Person, trigger: str, now: datetime
    ) -> None:
        """A process trigger is about to be fired; the person has not changed yet [S7]."""

    def transition_refused(
        self,
        machine: LifecycleMachine,
        person: Person,
        trigger: str,
        now: datetime,
        result: Result,
    ) -> None:
        """A process trigger did not move the person: ``refused``, because no guard held, or
        ``no_such_move``, because none of its moves leaves the person's stage [S10]."""

    def transition_made(
        self, machine: LifecycleMachine, person: Person, edge: Edge, now: datetime
    ) -> None:
        """A move was made, with its effects; the person is in its target stage."""

    def activity_applied(
        self, machine: LifecycleMachine, activity: Activity, decisions: Sequence[Decision]
    ) -> None:
        """All work on an activity is done, even if it had no effect: a duplicate, held, rejected or
        parked. The first decision is that of the activity itself [S10]."""

    def time_passed(
        self,
        machine: LifecycleMachine,
        person: Person,
        due: datetime,
        decisions: Sequence[Decision],
    ) -> None:
        """What was due at an instant was applied, even if it had no effect [S20]."""


#: The observers of every machine in the process, managed by :func:`observe`.
EVERYWHERE: list[Observer] = []


@contextmanager
def observe(observer: Observer, *machines: LifecycleMachine) -> Iterator[Observer]:
    """Attach an observer to these machines for the duration of the block; without machines, to
    every machine in the process, including those made during the block.

    To observe a machine for its lifetime, append to its ``observers`` instead.
    """
    lists = [machine.observers for machine in machines] or [EVERYWHERE]
    for observers in lists:
        observers.append(observer)
    try:
        yield observer
    finally:
        for observers in lists:
            observers.remove(observer)
