"""What one activity, the end of processing, or time does to one person, after the inbox [S7].

Each piece of work either completes or raises, and then the caller rolls the person back [S11]. Each
returns its decisions, with the one on the activity itself first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from functools import partial

import attrs

from lifecycle_fsm.activities import MODEL_CHANGED, SETTLED, Activity, time_passed
from lifecycle_fsm.history import ROW
from lifecycle_fsm.machine import EVERYWHERE, Decision, Refusal, Result, TransitionContext
from lifecycle_fsm.machine.merge import close_record, continue_visit
from lifecycle_fsm.orchestrator.deduplication import SeenActivities
from lifecycle_fsm.orchestrator.deferral import WAITS, DeferredResult, record_of
from lifecycle_fsm.orchestrator.engine import Engine
from lifecycle_fsm.orchestrator.entry_requests import TriggeringActivity
from lifecycle_fsm.person import Person
from lifecycle_fsm.requests import Cause, Request
from lifecycle_fsm.silos.alerts import abandoned, given_up, handed_over
from lifecycle_fsm.silos.deadlines import Missed
from lifecycle_fsm.silos.effects import Payloads


class ActivityFlow:
    """The silos and the machine of a model, in the order in which an activity passes them [S7]."""

    def __init__(
        self, engine: Engine, seen: SeenActivities, log: Callable[[Activity], None] | None
    ) -> None:
        self.engine = engine
        self.machine = engine.machine
        self.scoring = engine.scoring
        self.data = engine.data
        self._seen = seen
        self._logs = log is not None
        self._log = _nowhere if log is None else partial(_log_as, log, self.machine.version)
        self._initial = engine.model.initial.name
        self._handling = engine.handling
        self._entry_requests = engine.entry_requests
        self._merging = engine.merging
        self._deferral = engine.deferral

    # ------------------------------------------------------------------ an activity

    def activity(
        self, person: Person, activity: Activity, payload: Payloads, mark: bytes
    ) -> list[Decision]:
        """Run data, scoring, the process trigger once, system moves, assignment and alerts [S7],
        and remember the activity by its fingerprint, ``mark``."""
        self._seen.keep(person, mark)
        kind = activity.kind
        trigger, score, rescored, listened = self._handling[kind]
        machine = self.machine
        context = machine.context(person, activity.at, trigger, activity.id)
        now = context.now
        stage = person.stage
        inputs = self.scoring.seen(person) if rescored else None
        # Only a late activity can still keep a missed deadline [S21].
        missed = machine.scheduler.missed_in_time(person, activity.at, now) if context.late else ()
        self.data.apply(kind, person, now, payload)
        if score is not None:
            score(person, now, payload)
        result: Result = "unchanged"
        unmet: tuple[Refusal, ...] = ()
        requests: tuple[Request, ...] = ()
        reason = ""
        if stage == self._initial:
            machine.advance_clock(person, now, 0)
            person.defer_activities(*self._deferral.waits(person, activity, payload, context.late))
            if trigger is not None:
                result, reason = "deferred", WAITS
        else:
            if inputs is not None and self.scoring.seen(person) != inputs:
                person.demographic_score = self.scoring.demographic(person, now)
            result, unmet = machine.run(person, trigger, context)
            if trigger is not None and result == "no_such_move":
                reason = machine.no_such(trigger, stage)
            if missed:
                machine.scheduler.correct(person, missed, now, context.owner, context.assigned_to)
            if context.entered or listened or person.held_requests:
                cause = Cause(activity.id, record_of(person, activity))
                came = (TriggeringActivity(kind, cause, payload),) if listened else ()
                requests = self._entry_requests.follow(
                    person, now, stage, context.entered, came, cause
                )
        if self._logs:  # in the transaction: an activity that cannot be logged is rolled back
            self._log(activity)
        return [Decision.fired(result, person, context, activity.id, kind, unmet, reason, requests)]

    def created(self, person: Person, activity: Activity, payload: Payloads) -> None:
        """Write the data of a new person; alerts wait for the sort, as always [S14]."""
        self.data.apply("created", person, activity.at, payload)
        person.defer_activities(*self._deferral.waits(person, activity, payload, late=False))
        self.machine.begin(person, activity.at, activity.id)
        self._log(activity)

    # ------------------------------------------------------------------ the sort

    def sort(
        self,
        person: Person,
        context: TransitionContext,
        processed: Activity,
        values: Payloads,
        skipped: str,
    ) -> list[Decision]:
        """End the chain: write its values, sort, fire the deferred triggers in order, make system
        moves, then run assignment and alerts of the last stage [S14]."""
        machine, activity, now = self.machine, processed.id, context.now
        self.data.apply("processed", person, now, values)
        if self.scoring.has_demographic and "demographic_score" not in values:
            person.demographic_score = self.scoring.demographic(person, now)
        machine.end_processing(person, context, None if activity == SETTLED else processed.person)
        caught_up, entered, came, _ = self._deferral.catch_up(
            person, context, context.entered, "processed"
        )
        cause = Cause(activity)
        if "processed" in self._entry_requests.kinds:
            came.append(TriggeringActivity("processed", cause, values))
        machine.advance_clock(person, now, 0)
        if activity == SETTLED:
            machine.stand_behind_activities(person, now)
        requests = self._entry_requests.follow(person, now, self._initial, entered, came, cause)
        result: Result = "moved" if context.entered else "unchanged"
        first = Decision.fired(
            result, person, context, activity, "processed", (), skipped, requests
        )
        self._log(processed)
        return _in_order(person, first, caught_up)

    # ------------------------------------------------------------------ time

    def time(self, person: Person, due: datetime) -> list[Decision]:
        """Apply what is due at an instant: decay, deadlines, moves that time opened [S20]. It is
        logged if the person has changed [S19]."""
        stage = person.stage
        passed = self.machine.pass_time(person, due)
        decisions = [
            Decision("unchanged", person.id, due, due, stage, kind="decay", reason=text)
            for text in passed.faded
        ]
        if passed.missed:
            decisions += _missed(person, due, stage, passed.missed)
        context = passed.context
        if context.entered:
            requests = self._entry_requests.follow(person, due, stage, context.entered, (), Cause())
            decisions.append(
                Decision.fired("moved", person, context, None, "time", (), "", requests)
            )
        if passed.changed and self._logs:
            self._log(time_passed(person.id, due))
        for observer in (*self.machine.observers, *EVERYWHERE):
            observer.time_passed(self.machine, person, due, decisions)
        return decisions

    # ------------------------------------------------------------------ another model

    def model_changed(
        self, person: Person, activity: Activity, before: str, known: Collection[str], reason: str
    ) -> list[Decision]:
        """Continue with a person from another version of the model [S28]: write a row if the stage
        was replaced, apply the deadlines and returns of this version, then make system moves. Only
        the stages that these enter cause requests.

        Args:
            person: new here, in the stage that replaces ``before``.
            activity: the ``model_changed``.
            before: the stage in the other version.
            known: the returns out of that stage that the other version had and that were not shut.
            reason: the reason in the decision.
        """
        machine, stage = self.machine, person.stage
        now = max(activity.at, person.clock or activity.at)
        context = TransitionContext(
            person, now, activity.at, now > activity.at, None, activity.id, machine.version
        )
        if stage != before:
            context.append(
                person, before, stage, "migrate", MODEL_CHANGED, credit=False,
                entered_at=person.stage_entered_at,
            )  # fmt: skip
            context.entered = ()  # the person has not entered a stage by it
        decisions: list[Decision] = []
        if stage != self._initial:
            if self.scoring.has_demographic:
                person.demographic_score = self.scoring.demographic(person, now)
            missed = machine.begin_again(person, now, known)
            decisions = _missed(person, now, stage, missed)
            machine.advance(person, context)
        machine.advance_clock(person, now, 1)
        cause = Cause(activity.id)
        requests = self._entry_requests.follow(person, now, stage, context.entered, (), cause)
        result: Result = "moved" if context.added(person) else "unchanged"
        self._log(activity)
        first = Decision.fired(
            result, person, context, activity.id, MODEL_CHANGED, (), reason, requests
        )
        return [first, *decisions]

    # ------------------------------------------------------------------ a merge

    def merge(
        self,
        survivor: Person,
        loser: Person,
        activity: Activity,
        payload: Payloads,
        now: datetime,
    ) -> list[Decision]:
        """Merge one person into another [S23]: fields and opportunities first; the winning visit
        continues. Then, as for every activity, run data, scoring, triggers (including those that
        waited for either sort), system moves, assignment and alerts."""
        machine, kind = self.machine, activity.kind
        clocks = [person.clock_phase for person in (survivor, loser) if person.clock == now]
        phase = max(clocks, default=0)
        late = now > activity.at or phase > 0
        trigger, score, _, _ = self._handling[kind]
        context = TransitionContext(
            survivor, now, activity.at, late, trigger, activity.id, machine.version
        )
        loser_wins = self.engine.merge_direction.loser_wins(survivor, loser)
        if loser_wins:  # those responsible for the winning visit
            context.owner, context.assigned_to = loser.owner, loser.assigned_to
        # A late merge may still keep a missed deadline of the winning visit [S21].
        winner = loser if loser_wins else survivor
        missed = machine.scheduler.missed_in_time(winner, activity.at, now) if late else ()
        stage = survivor.stage
        theirs = handed_over(loser, loser_wins=loser_wins)
        ours = given_up(survivor, now) if loser_wins else []
        survivor.hold_request(*theirs)
        self._merging.fold(survivor, loser, loser_wins=loser_wins)
        continue_visit(survivor, loser, context, loser_wins=loser_wins, initial=self._initial)
        self.data.apply(kind, survivor, now, payload)
        if score is not None:
            score(survivor, now, payload)
        if self.scoring.has_demographic:
            survivor.demographic_score = self.scoring.demographic(survivor, now)
        own = self._deferral.waits(survivor, activity, payload, late)
        survivor.defer_activities(
            *(
                attrs.evolve(waiting, record=waiting.record or loser.id)
                for waiting in loser.deferred_activities
            ),
            *own,
        )
        closing = Decision.fired(
            "moved", loser, close_record(loser, context), activity.id, "merged",
            reason=f"merged into {survivor.id}", requests=tuple(abandoned(loser, now)),
        )  # fmt: skip
        if survivor.stage == self._initial:
            machine.advance_clock(survivor, now, phase)
            self._log(activity)
            answer = DeferredResult("deferred", (), WAITS) if trigger else DeferredResult()
            merged = Decision.fired(
                answer.result, survivor, context, activity.id, kind, (), answer.reason, tuple(ours)
            )
            return [merged, closing]
        # The row of the merge itself causes no request: the person has not entered a stage by it.
        more, entered, came, answer = self._deferral.catch_up(
            survivor, context, (), kind, own[0] if own else None
        )
        if missed:
            machine.scheduler.correct(survivor, missed, now, context.owner, context.assigned_to)
        machine.advance_clock(survivor, now, phase)
        cause = Cause(activity.id, record_of(survivor, activity))
        # If the CRM's record exists, waiting requests are released at once, not held.
        waits = () if survivor.crm_synced_at is not None else theirs
        # Assignment comes first, so that all requests see the assignee [S18].
        followed = self._entry_requests.follow(survivor, now, stage, entered, came, cause)
        again = (held.template.again(survivor, now, held) for held in waits)
        requests = (*ours, *again, *followed)
        self._log(activity)
        result, unmet, reason = answer
        merged = Decision.fired(
            result, survivor, context, activity.id, kind, unmet, reason, requests
        )
        first, *others = _in_order(survivor, merged, more)
        if first.moved:
            first.result = "moved"
        return [first, closing, *others]


def _missed(person: Person, now: datetime, stage: str, missed: Iterable[Missed]) -> list[Decision]:
    """The decisions on missed deadlines, with their requests."""
    return [
        Decision(
            "unchanged", person.id, now, now, stage, kind="deadline", reason=rule,
            requests=() if request is None else (request,),
        )
        for rule, request in missed
    ]  # fmt: skip


def _log_as(log: Callable[[Activity], None], version: str, activity: Activity) -> None:
    """Log the activity with the version of the model that applied it [S28]."""
    log(activity.applied_by(version))


def _nowhere(activity: Activity) -> None:
    """Do nothing: no log is kept."""


def _in_order(person: Person, first: Decision, others: list[Decision]) -> list[Decision]:
    """The decisions of one piece of work. The rows of the others, made after those of the first,
    are taken out of the first; all decisions get the rows in their final form."""
    for decision in others:
        start = (decision.first - 1 - person.rows_before) * ROW
        decision.hops = person.packed_history[start : start + len(decision.hops)]
    theirs = sum(len(decision.hops) for decision in others)
    if theirs:
        first.hops = first.hops[:-theirs]
        if first.hops:
            first.stage = first.hops[-ROW].to_stage
    return [first, *others]
