"""What follows the moves of one run: assignment, then alerts of the last stage [S12]."""

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
    """An activity that assignment or alert rules listen to."""

    kind: str
    cause: Cause
    payload: Payloads


class EntryRequests:
    """Assignment and alerts of a model, in that order."""

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
        """Assign the person and make requests, after the person has entered these stages in turn.

        Args:
            person: the person after the moves.
            now: the person's clock.
            before: the stage before the moves.
            entered: the stages; only the last entry makes requests, the others are superseded
                [S12].
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
        if synced:  # like all alerts, these see the assignee [S18]
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
        # An activity and the stage that it led to are one occasion, with one decision list.
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
