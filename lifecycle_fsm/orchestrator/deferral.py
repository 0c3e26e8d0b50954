"""Deferral: triggers during original processing wait for the sort, then fire in order [S14]."""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime
from typing import NamedTuple

import attrs

from lifecycle_fsm.activities import Activity, Order, event_order, natural
from lifecycle_fsm.machine import Decision, LifecycleMachine, Refusal, Result, TransitionContext
from lifecycle_fsm.orchestrator.entry_requests import TriggeringActivity
from lifecycle_fsm.person import Person
from lifecycle_fsm.requests import Cause
from lifecycle_fsm.silos.effects import Payloads

#: Why a trigger does nothing yet during original processing [S14].
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
        """The order of the activity [S19], computed on demand, because usually only one waits."""
        return event_order(self.activity, self.kind, self.at, self.sequence)


class DeferredResult(NamedTuple):
    """The result of a trigger that waited, or of a merge's own trigger."""

    result: Result = "unchanged"
    unmet: tuple[Refusal, ...] = ()
    reason: str = ""


class Deferral:
    """Lets activities wait for the sort, and fires the triggers of those that have waited.

    Args:
        machine: the machine of the model.
        triggers: the process trigger that each kind of activity raises.
        listened: the kinds of activity that an assignment or alert rule listens to.
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
        """The parts of an activity that wait: its trigger, its alerts, both or none."""
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
        """Fire the triggers that waited, in order, then make the system moves to completion [S14].
        Also return all stages entered so far, the activities that rules listen to, and the result
        of ``own``.

        ``own`` is the merge's own trigger, ordered with those that waited [S19]. The merge's
        decision contains its result [S10]. Only if others fired before it, so that its row does
        not follow that of the merge, it has a later decision, which names no trigger.
        """
        machine, now = self._machine, context.now
        answer = DeferredResult()
        after = "after the sort" if kind == "processed" else "after the merge"
        waiting: list[Deferred] = list(person.take_deferred())
        if len(waiting) > 1:
            # By event and, for equal instants and ids, by record: independent of the survivor.
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
        """Fire one trigger that waited. The triggers of one run share the stages entered, because
        only the last stage causes requests [S12], and the initial owner and assignee [S21]."""
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
    """The record of the activity, if it was merged into the person before; else ``None`` [S23]."""
    return activity.person if activity.person != person.id else None
