"""Whoever wants to hear what machines do: metrics, logs, coverage, a person's story.

Where nobody listens it costs nothing: a machine looks once for each trigger whether anybody does.
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
    """Hears what machines do. Override the methods of what you want to hear; the others do nothing.

    An observer must change nothing of a person, and what it raises goes to whoever applied the
    activity. Moves and evaluations are told as they happen, within the work on one activity: an
    error later in that work undoes them, and then the activity is told as ``parked``.
    """

    def machine_made(self, machine: LifecycleMachine) -> None:
        """A machine was made; only observers of the whole process hear it."""

    #: Whether :meth:`guard_evaluated` is to be told how each condition came out: guards then take
    #: several times as long.
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

        ``conditions`` says how the conditions of the guard came out, as
        :class:`~lifecycle_fsm.guard.Conditions` numbers them, where an observer needs them.
        """

    def transition_tried(
        self, machine: LifecycleMachine, person: Person, trigger: str, now: datetime
    ) -> None:
        """A process trigger is asked for; the person is as found [S7]."""

    def transition_refused(
        self,
        machine: LifecycleMachine,
        person: Person,
        trigger: str,
        now: datetime,
        result: Result,
    ) -> None:
        """A process trigger has moved nobody: ``refused``, because no guard held, or
        ``no_such_move``, because none of its moves leaves the person's stage [S10]."""

    def transition_made(
        self, machine: LifecycleMachine, person: Person, edge: Edge, now: datetime
    ) -> None:
        """A move was made, with its effects: the person is in its target."""

    def activity_applied(
        self, machine: LifecycleMachine, activity: Activity, decisions: Sequence[Decision]
    ) -> None:
        """All work on an activity is done, also where it came to nothing: a duplicate, held,
        rejected, parked. The first of the decisions is that of the activity itself [S10]."""

    def time_passed(
        self,
        machine: LifecycleMachine,
        person: Person,
        due: datetime,
        decisions: Sequence[Decision],
    ) -> None:
        """Something was due at an instant and has happened, or nothing came of it [S20]."""


#: The observers of every machine of the process; :func:`observe` keeps it.
EVERYWHERE: list[Observer] = []


@contextmanager
def observe(observer: Observer, *machines: LifecycleMachine) -> Iterator[Observer]:
    """Let an observer hear these machines, or without any every machine of the process, also those
    that are made meanwhile, as long as the block lasts.

    For as long as a machine lives, append to its ``observers`` instead.
    """
    lists = [machine.observers for machine in machines] or [EVERYWHERE]
    for observers in lists:
        observers.append(observer)
    try:
        yield observer
    finally:
        for observers in lists:
            observers.remove(observer)
