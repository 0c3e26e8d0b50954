"""The clock of each person: what is due, and what happens when time passes [S20]."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from lifecycle_fsm.guard import TurningPoint, next_turn
from lifecycle_fsm.machine.lean_transitions import (
    ADVANCE,
    LeanEvent,
    LeanTransition,
    TransitionContext,
)
from lifecycle_fsm.machine.returns import judge_new_returns, shut_what_holds
from lifecycle_fsm.machine.transaction import Transaction
from lifecycle_fsm.person import Person
from lifecycle_fsm.silos.deadlines import Missed, Scheduler
from lifecycle_fsm.silos.effects import attribute_of


class Passed(NamedTuple):
    """What happened to a person at an instant at which something was due [S20].

    Args:
        context: the system moves that were made, if any.
        faded: what decay changed, in words, rule by rule.
        missed: the deadlines that were missed.
        changed: whether anything about the person changed: a field, a row, a decided deadline, or a
            note that a condition has held or that the guard of a return has been false.
    """

    context: TransitionContext
    faded: list[str]
    missed: list[Missed]
    changed: bool


class MachineClock:
    """The part of a machine that handles time; a base of :class:`~lifecycle_fsm.LifecycleMachine`.

    A person's clock is the greatest instant and phase that have been applied: phase 0 is an
    activity, phase 1 is what was due.
    """

    #: Decay and deadlines: the effects of time besides moves [S20][S21].
    scheduler: Scheduler
    events: Mapping[str, LeanEvent]
    version: str
    transaction: Transaction
    _initial: str
    #: For each stage, when the passing of time alone can open its system moves.
    _turning: Mapping[str, tuple[TurningPoint, ...]]

    def advance(self, person: Person, context: TransitionContext) -> None:
        """Run the system moves to completion [S7]."""
        raise NotImplementedError

    def advance_clock(self, person: Person, now: datetime, phase: int) -> None:
        """Set the person's clock, with phase 0 for an activity and 1 for what was due, and compute
        what is due next [S20]."""
        clock = person._clock
        if clock is None or now > clock:
            person._clock, person._phase = now, phase
        elif phase > person._phase:
            person._phase = phase
        if person._deadlines:
            self.scheduler.observe(person, now)
        # Use the person's own phase: a late activity does not bring back what was already due.
        self.schedule(person, now, person._phase)

    def schedule(self, person: Person, now: datetime, phase: int, *, in_vain: bool = False) -> None:
        """Compute when time may next change the person, after ``now``; ``in_vain`` says that what
        was due at ``now`` changed nothing."""
        first: datetime | None = None
        for rule in self.scheduler.decay:
            # If only an activity happened at ``now``, what is due at that instant is still to come.
            due = rule.next(person, now, phase == 0, in_vain)
            if first is None or (due is not None and due < first):
                first = due
        if person._deadlines:
            first = _earlier(first, self.scheduler.next_deadline(person, now))
        stage = person._stage
        if stage == self._initial:
            turn = person._settles_at
        else:
            # Few stages have a move that time can open; skip the call for the others.
            points = self._turning.get(stage)
            turn = next_turn(points, person, now, attribute_of) if points else None
        person._due = first if turn is None else _earlier(first, turn)

    def pass_time(self, person: Person, due: datetime) -> Passed:
        """Apply what is due at an instant: decay, deadlines, then the moves that these open. In
        original processing only decay applies [S20].

        If nothing changes, neither does the person's clock [S19].
        """
        scheduler = self.scheduler
        before = person._decided, person._deadlines, person._shut_returns
        faded = scheduler.fade(person, due)
        context = TransitionContext(person, due, due, False, None, None, self.version)
        missed: list[Missed] = []
        if person._stage != self._initial:
            if person._deadlines:
                missed = scheduler.decide(person, due)
            self.advance(person, context)
            if person._deadlines:
                scheduler.observe(person, due)
        changed = bool(faded or context.entered) or before != (
            person._decided, person._deadlines, person._shut_returns
        )  # fmt: skip
        if changed:
            self.advance_clock(person, due, 1)
        else:
            self.schedule(person, due, 1, in_vain=True)
        return Passed(context, faded, missed, changed)

    def next_due(self, person: Person) -> datetime | None:
        """When time alone may next change the person, or ``None`` if it never does: by decay, a
        deadline, a move that time opens, or the sort at the end of ``settle`` [S20].

        Nothing may change at that time, as when a fading score is already zero.
        """
        return person._due

    def as_of(self, person: Person, at: datetime) -> tuple[Person, datetime]:
        """The person as an activity at that instant would find them, and the instant at which it
        would be applied [S20].

        Returns the person, or a copy to which everything due before that instant was applied. A
        query never runs the steps of original processing.
        """
        clock = person._clock
        if clock is None or at <= clock:
            return person, clock or at
        if person._due is None or person._due >= at:
            return person, at
        later = self.transaction.copy(person)
        while later._due is not None and later._due < at:
            if later._stage == self._initial and later._due == later._settles_at:
                break
            self.pass_time(later, later._due)
        return later, at

    def reschedule(self, person: Person) -> None:
        """Recompute when time may next change the person."""
        assert person._clock is not None, "who was created has a clock"
        self.schedule(person, person._clock, person._phase)

    def suspend(self, person: Person) -> None:
        """Make nothing due until :meth:`reschedule` or the next activity, because what was due is
        parked."""
        person._due = None

    def _pass(self, person: Person, until: datetime) -> None:
        """Apply what is due before an instant [S20], except the sort, which the keeper runs."""
        while person._due is not None and person._due < until:
            if person._stage == self._initial and person._due == person._settles_at:
                return
            self.pass_time(person, person._due)

    def pass_turns(self, person: Person, until: datetime) -> None:
        """Make the moves that time opens before an instant, for a person without a keeper: decay
        and deadlines are not applied, and the entry into the stage may not have been observed."""
        now = person._clock
        assert now is not None, "who has a history has a clock"
        if until == person._stage_entered_at:
            shut_what_holds(person, self._returns(person._stage), until)
        while (due := self.due(person, now)) is not None and due < until:
            now = due
            context = TransitionContext(person, due, due, False, None, None, self.version)
            self.advance(person, context)
            if context.entered:
                person._clock, person._phase = due, 1
        person._due = None

    def begin_again(self, person: Person, now: datetime, known: Collection[str]) -> list[Missed]:
        """Continue, under this version of the model, the visit of a person that another version led
        into its stage [S28].

        Args:
            person: a person who is not in original processing.
            now: when the model changes.
            known: the returns out of the stage that the other version had, and that were not shut.

        Returns:
            the deadlines that have passed by now, and so were missed.
        """
        judge_new_returns(person, self._returns(person._stage), known)
        self.scheduler.begin_again(person, now)
        return self.scheduler.decide(person, now)

    def _returns(self, stage: str) -> list[LeanTransition]:
        """The system returns out of a stage."""
        event = self.events.get(ADVANCE)
        moves = event.transitions.get(stage, ()) if event else ()
        return [move for move in moves if move.may_be_shut]

    def due(self, person: Person, after: datetime) -> datetime | None:
        """The next instant after ``after`` at which time alone may open a system move [S20]."""
        points = self._turning.get(person._stage)
        return next_turn(points, person, after, attribute_of) if points else None


def _earlier(due: datetime | None, other: datetime | None) -> datetime | None:
    return due if other is None or (due is not None and due < other) else other
