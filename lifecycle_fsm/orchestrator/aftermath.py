"""What follows from the moves of one asking: assignment, then alerts [S7][S18][S24]."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from lifecycle_fsm.history import ROW, shared_hop
from lifecycle_fsm.machine import LifecycleMachine
from lifecycle_fsm.model import Model
from lifecycle_fsm.person import Person
from lifecycle_fsm.requests import Cause, Request
from lifecycle_fsm.silos.alerts import Alerts, Dues, released
from lifecycle_fsm.silos.assignment import Assignment
from lifecycle_fsm.silos.effects import NO_PAYLOAD, Payloads


class Came(NamedTuple):
    """An activity that rules of assignment or alerts listen to."""

    kind: str
    cause: Cause
    payload: Payloads


class Aftermath:
    """Assignment and alerts of a model, in their order."""

    def __init__(self, model: Model, machine: LifecycleMachine) -> None:
        self._machine = machine
        self._assignment = Assignment(model)
        self._alerts = Alerts(model)
        #: The kinds of activity that a rule listens to.
        self.kinds = frozenset({*self._assignment.by_kind, *self._alerts.by_kind})
        self._mails = len(set(self._alerts.mail.values())) > 1

    def follow(
        self,
        person: Person,
        now: datetime,
        before: str,
        entered: Sequence[str],
        came: Sequence[Came],
        cause: Cause,
    ) -> tuple[Request, ...]:
        """Assign and ask, after a person has entered these stages, one after the other.

        Args:
            person: as the moves have left them.
            now: the person's clock.
            before: the stage before all of it.
            entered: only the entry of the last one asks; the others are superseded [S12].
            came: the activities that rules listen to.
            cause: the activity behind the moves, or time.
        """
        known = person._waiting and person.crm_synced_at is not None
        if not entered and not came:
            return tuple(released(person, now)) if known else ()
        found: list[Request] = []
        alerts = self._alerts
        dues = partial(self._machine.agenda.due_by, person)
        last = entered[-1] if entered else None
        assignee = person.assigned_to
        found += self._assign(person, now, last, came, cause, dues)
        if last is not None and person.assigned_to != assignee:
            _name_assignee(person)
        if known:  # an alert like all others: it sees who was assigned [S18]
            found += released(person, now)
        for stage in entered[:-1]:
            found += alerts.entering(person, stage, now, cause, dues, superseded=True)
        if last is not None:
            found += alerts.entering(person, last, now, cause, dues)
        for one in came:
            found += alerts.coming(person, one.kind, now, one.cause, one.payload, dues)
        if self._mails and entered:
            found += alerts.mailing(person, before, now, cause)
        return tuple(found)

    def _assign(
        self,
        person: Person,
        now: datetime,
        stage: str | None,
        came: Sequence[Came],
        cause: Cause,
        dues: Dues,
    ) -> list[Request]:
        found = []
        # One activity and the stage to which it led are one occasion: one decision list.
        occasions: list[tuple[str | None, Came | None]] = (
            [(stage, came[0])]
            if len(came) == 1
            else [*([(stage, None)] if stage is not None else []), *((None, one) for one in came)]
        )
        for entry, one in occasions:
            made = self._assignment.assign(
                person,
                now,
                entry,
                one.kind if one else None,
                one.payload if one else NO_PAYLOAD,
            )
            if made is not None:
                task, who, deadline = made
                found.append(
                    task.make(
                        person,
                        now,
                        stage=entry,
                        cause=one.cause if one else cause,
                        to=who,
                        due_at=dues(deadline) if deadline else None,
                    )
                )
        return found


def _name_assignee(person: Person) -> None:
    """Let the row of an entry name whom that entry assigned: it is written before anybody is, and
    who must act is asked by the stage that was entered [S25]. Nobody has seen the row yet."""
    history = person._history
    hop = shared_hop(*history[-ROW]._replace(assigned_to=person.assigned_to))
    person._history = (*history[:-ROW], hop, *history[1 - ROW :])
