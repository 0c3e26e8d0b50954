"""Deferral: what comes in original processing waits for the sort, and then fires in order [S14]."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime
from typing import NamedTuple

import attrs

from lifecycle_fsm.activities import Activity, Order, event_order, natural
from lifecycle_fsm.machine import (
    Decision,
    LifecycleMachine,
    Refusal,
    Result,
    TransitionContext,
)
from lifecycle_fsm.orchestrator.entry_requests import TriggeringActivity
from lifecycle_fsm.person import Person
from lifecycle_fsm.requests import Cause
from lifecycle_fsm.silos.effects import Payloads

#: Why a trigger in original processing does nothing yet [S14].
WAITS = "it waits for the sort"


@attrs.define
class Deferred:
    """An activity that waits for the sort: with its trigger, with its alerts, or both [S14]."""

    trigger: str | None
    activity: str
    kind: str
    at: datetime
    late: bool
    payload: Payloads | None
    sequence: int | None
    record: str | None = None

    @property
    def order(self) -> Order:
        """That of the activity [S19]; worked out where it is asked for, because mostly it is the
        only one that waits."""
        return event_order(self.activity, self.kind, self.at, self.sequence)


class DeferredResult(NamedTuple):
    """What came of a trigger that waited, or of that of a merge itself."""

    result: Result = "unchanged"
    unmet: tuple[Refusal, ...] = ()
    reason: str = ""


class Deferral:
    """Lets activities wait for the sort, and fires the triggers of those that have waited.

    Args:
        machine: the machine of the model.
        triggers: the process trigger that each kind of activity raises.
        listened: the kinds of activity that a rule of assignment or alerts listens to.
    """

    def __init__(
        self,
        machine: LifecycleMachine,
        triggers: Mapping[str, str | None],
        listened: Container[str],
    ) -> None:
        self._machine = machine
        self._triggers = triggers
        self._listened = listened

    def waits(
        self, person: Person, activity: Activity, payload: Payloads, late: bool
    ) -> tuple[Deferred, ...]:
        """What of an activity waits: its trigger, and what a rule has to hear of it; or nothing."""
        kind = activity.kind
        trigger = self._triggers.get(kind)
        brought = payload if kind in self._listened else None
        if trigger is None and brought is None:
            return ()
        record = record_of(person, activity)
        return (
            Deferred(
                trigger, activity.id, kind, activity.at, late, brought, activity.sequence, record
            ),
        )

    def catch_up(
        self,
        person: Person,
        context: TransitionContext,
        entered: tuple[str, ...],
        kind: str,
        own: Deferred | None = None,
    ) -> tuple[list[Decision], tuple[str, ...], list[TriggeringActivity], DeferredResult]:
        """The triggers that waited, in order, then the system moves to completion [S14]; also all
        stages entered so far, the activities that rules listen to, and what came of ``own``.

        That is the trigger of a merge itself, in order with those that waited [S19]. The decision
        of the merge tells what came of it [S10]. Only where others fired before it, so that its row
        is not next to that of the merge, it stands in a decision behind, which names no trigger.
        """
        machine, now = self._machine, context.now
        answer = DeferredResult()
        after = "after the sort" if kind == "processed" else "after the merge"
        waiting: list[Deferred] = list(person.take_deferred())
        if len(waiting) > 1:
            # By event, and of one instant and id by record: whoever survives, the same order.
            waiting.sort(
                key=lambda deferred: (deferred.order, natural(deferred.record or person.id))
            )
        decisions: list[Decision] = []
        for deferred in waiting:
            if deferred.trigger is None:
                continue
            asked = context
            if deferred is not own or decisions:
                asked = TransitionContext(
                    person,
                    now,
                    deferred.at,
                    deferred.late,
                    deferred.trigger,
                    deferred.activity,
                    machine.version,
                )
            result, unmet, reason = self._ask(person, deferred, asked, context, entered)
            entered = asked.entered
            if deferred is own:
                answer = DeferredResult(result, unmet, reason)
                if asked is context or result != "moved":
                    continue
                asked.trigger = None
            reason = f"{after}: {reason}" if reason else after
            decisions.append(
                Decision.fired(
                    result, person, asked, deferred.activity, deferred.kind, unmet, reason
                )
            )
        if not decisions:
            context.entered = entered
            machine.advance(person, context)
            entered = context.entered
        else:
            last = TransitionContext(
                person, now, context.at, context.late, None, context.activity, machine.version
            )
            last.entered = entered
            last.owner, last.assigned_to = context.owner, context.assigned_to
            machine.advance(person, last)
            entered = last.entered
            if last.added(person):
                decisions.append(
                    Decision.fired("moved", person, last, last.activity, kind, (), after)
                )
                answer = answer._replace(result="moved")
        came = [
            TriggeringActivity(
                deferred.kind, Cause(deferred.activity, deferred.record), deferred.payload
            )
            for deferred in waiting
            if deferred.payload is not None
        ]
        return decisions, entered, came, answer

    def _ask(
        self,
        person: Person,
        deferred: Deferred,
        asked: TransitionContext,
        context: TransitionContext,
        entered: tuple[str, ...],
    ) -> DeferredResult:
        """Fire one trigger that waited. The askings of one run share what they entered, as only the
        last stage asks [S12], and who was responsible before all of it [S21]."""
        machine, trigger = self._machine, deferred.trigger
        assert trigger is not None
        asked.entered = entered
        asked.owner, asked.assigned_to = context.owner, context.assigned_to
        stage = person.stage
        result = machine.ask(person, trigger, asked)
        reason = machine.no_such(trigger, stage) if result == "no_such_move" else ""
        unmet: tuple[Refusal, ...] = ()
        if result == "refused":
            unmet = machine.refusals(person, trigger, context.now, told=True)
        return DeferredResult(result, unmet, reason)


def record_of(person: Person, activity: Activity) -> str | None:
    """Whose the activity was, where that record was folded into the person before [S23]."""
    return activity.person if activity.person != person.id else None
