"""The decisions of the orchestrator: one function for each way in which an asking can end [S10]."""

from __future__ import annotations

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.history import ROW
from lifecycle_fsm.machine import Decision, Firing, Refusal, Result
from lifecycle_fsm.person import Person
from lifecycle_fsm.requests import Request


def fired(
    result: Result,
    person: Person,
    firing: Firing,
    activity: str | None,
    kind: str,
    unmet: tuple[Refusal, ...] = (),
    reason: str = "",
    requests: tuple[Request, ...] = (),
) -> Decision:
    """The asking reached the machine: what it added to the history, and what it left unmet."""
    start = firing.start
    return Decision(
        result,
        person.id,
        firing.at,
        firing.now,
        person._stage,
        firing.trigger,
        activity,
        kind,
        person._history[start:],
        start // ROW + 1,
        unmet,
        reason,
        firing.late,
        requests,
    )


def stopped(
    result: Result, person: Person, activity: Activity, reason: str, trigger: str | None = None
) -> Decision:
    """The activity changed nothing of the person: a duplicate, rejected, or parked."""
    now = max(activity.at, person._clock or activity.at)
    return Decision(
        result,
        person.id,
        activity.at,
        now,
        person._stage,
        trigger,
        activity.id,
        activity.kind,
        reason=reason,
        late=now > activity.at,
    )


def nobody(
    result: Result, activity: Activity, reason: str = "", created: Person | None = None
) -> Decision:
    """The activity is of somebody who was not there: held, a duplicate, rejected, or creation."""
    return Decision(
        result,
        activity.person,
        activity.at,
        activity.at,
        created._stage if created else "",
        None,
        activity.id,
        activity.kind,
        created._history if created else (),
        1,
        (),
        reason,
    )
