"""What follows from the moves of one asking: assignment, then alerts of the last stage [S12]."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from lifecycle_fsm.machine import LifecycleMachine
from lifecycle_fsm.model import Model
from lifecycle_fsm.person import Person
from lifecycle_fsm.requests import Cause, Request
from lifecycle_fsm.silos.alerts import Alerts, Dues, released
from lifecycle_fsm.silos.assignment import Assignment
from lifecycle_fsm.silos.effects import NO_PAYLOAD, Payloads


class TriggeringActivity(NamedTuple):
    """An activity that rules of assignment or alerts listen to."""

    kind: str
    cause: Cause
    payload: Payloads


class EntryRequests:
    """Assignment and alerts of a model, in their order."""

    def __init__(self, model: Model, machine: LifecycleMachine) -> None:
        self._machine = machine
        self._assignment = Assignment(model)
        self._alerts = Alerts(model)
        #: The kinds of activity that a rule listens to.
        self.kinds = frozenset({*self._assignment.by_kind, *self._alerts.by_kind})
        self.templates = (*self._alerts.templates, *self._assignment.templates)
        self._mails = len(set(self._alerts.mail.values())) > 1

    def follow(
        self,
        person: Person,
        now: datetime,
        before: str,
        entered: Sequence[str],
        came: Sequence[TriggeringActivity],
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
        synced = person.held_requests and person.crm_synced_at is not None
        if not entered and not came:
            return tuple(released(person, now)) if synced else ()
        requests: list[Request] = []
        alerts = self._alerts
        dues = partial(self._machine.scheduler.due_by, person)
        last = entered[-1] if entered else None
        assignee = person.assigned_to
        requests += self._assign(person, now, last, came, cause, dues)
        if last is not None and person.assigned_to != assignee:
            person.name_assignee()
        if synced:  # an alert like all others: it sees who was assigned [S18]
            requests += released(person, now)
        for stage in entered[:-1]:
            requests += alerts.entering(person, stage, now, cause, dues, superseded=True)
        if last is not None:
            requests += alerts.entering(person, last, now, cause, dues)
        for activity in came:
            requests += alerts.coming(
                person, activity.kind, now, activity.cause, activity.payload, dues
            )
        if self._mails and entered:
            requests += alerts.mailing(person, before, now, cause)
        return tuple(requests)

    def _assign(
        self,
        person: Person,
        now: datetime,
        stage: str | None,
        came: Sequence[TriggeringActivity],
        cause: Cause,
        dues: Dues,
    ) -> list[Request]:
        tasks = []
        # One activity and the stage to which it led are one occasion: one decision list.
        occasions: list[tuple[str | None, TriggeringActivity | None]] = (
            [(stage, came[0])]
            if len(came) == 1
            else [
                *([(stage, None)] if stage is not None else []),
                *((None, activity) for activity in came),
            ]
        )
        for entry, activity in occasions:
            made = self._assignment.assign(
                person,
                now,
                entry,
                activity.kind if activity else None,
                activity.payload if activity else NO_PAYLOAD,
            )
            if made is not None:
                task, who, deadline = made
                tasks.append(
                    task.make(
                        person,
                        now,
                        stage=entry,
                        cause=activity.cause if activity else cause,
                        to=who,
                        due_at=dues(deadline) if deadline else None,
                    )
                )
        return tasks
