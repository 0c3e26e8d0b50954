"""What one activity, the end of processing, or time does to one person: the way behind the inbox.

Each piece of work either happens whole or raises, and then the caller puts the person back as it
was [S11]. Each gives its decisions, that of the activity itself first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

import attrs

from lifecycle_fsm.activities import SETTLED, Activity, Order, natural, time_passed
from lifecycle_fsm.history import ROW
from lifecycle_fsm.machine import Decision, Firing, LifecycleMachine, Refusal, Result
from lifecycle_fsm.machine.transaction import Whole
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.builtin_activities import OPEN_KINDS
from lifecycle_fsm.orchestrator.aftermath import Aftermath, Came
from lifecycle_fsm.orchestrator.answers import fired
from lifecycle_fsm.orchestrator.merging import Merging
from lifecycle_fsm.person import Person
from lifecycle_fsm.requests import Cause, Request
from lifecycle_fsm.silos.alerts import abandoned, given_up, handed_over
from lifecycle_fsm.silos.clock import present_visit
from lifecycle_fsm.silos.data import DataSilo
from lifecycle_fsm.silos.effects import Effects, Payloads

#: Why a trigger in original processing does nothing yet [S14].
WAITS = "it waits for the sort"


@attrs.frozen
class _Deferred:
    """An activity that waits for the sort: with its trigger, with its alerts, or both [S14]."""

    trigger: str | None
    activity: str
    kind: str
    at: datetime
    late: bool
    payload: Payloads | None
    order: Order
    record: str | None = None


class _Answer(NamedTuple):
    """What came of the trigger of a merge itself, while others fired that had waited."""

    result: Result = "unchanged"
    unmet: tuple[Refusal, ...] = ()
    reason: str = ""


class _Way(NamedTuple):
    """What there is to do with an activity of one kind, found out once."""

    trigger: str | None
    score: Effects | None
    rescored: bool
    listened: bool


class Work:
    """The silos and the machine of a model, in the order in which an activity passes them [S7]."""

    def __init__(
        self, model: Model, machine: LifecycleMachine, log: Callable[[Activity], None] | None
    ) -> None:
        self.data = DataSilo(model)
        self.scoring = machine.scoring
        self.machine = machine
        self._after = Aftermath(model, machine)
        self._merging = Merging(model)
        self._model = model
        self._logs = log is not None
        self._log = log or (lambda activity: None)
        self._initial = model.initial.name
        #: The process trigger that each kind of activity raises.
        self.triggers = {
            kind.name: kind.trigger
            for kind in model.activity_kinds.values()
            if kind.trigger in model.triggers
        }
        self._ways = {
            name: _Way(
                self.triggers.get(name),
                self.scoring.scorer(name),
                not self.scoring.inputs.isdisjoint(self.data.writes[name]),
                name in self._after.kinds,
            )
            for name in model.activity_kinds
        }
        #: For each kind of activity, what keeps the fields that it may write: few of them, unless
        #: it names fields itself.
        self.narrow: Mapping[str, Whole] = {
            kind: machine.whole
            if kind in OPEN_KINDS or kind == "merged"
            else Whole(machine.person_class, self._written(kind))
            for kind in model.activity_kinds
        }
        decayed = {one.field for rule in model.decay for one in rule.then}
        #: For what time brings.
        self.narrow_time = Whole(machine.person_class, self._written(None) | decayed)

    def _written(self, kind: str | None) -> set[str]:
        """The fields that activities of a kind, or time, may write, themselves or by moves."""
        scores = {"behavior_score", "scored_at", "demographic_score"}
        by_moves = {one.field for move in self._model.moves for one in move.then}
        itself = self.data.writes[kind] if kind else ()
        return {*scores, *by_moves, *itself, "assigned_to"}

    # ------------------------------------------------------------------ an activity

    def activity(self, person: Person, activity: Activity, payload: Payloads) -> list[Decision]:
        """Data, scoring, the process trigger once, system moves, assignment, alerts [S7]."""
        kind = activity.kind
        trigger, score, rescored, listened = self._ways[kind]
        machine = self.machine
        firing = machine.firing(person, activity.at, trigger, activity.id)
        now = firing.now
        stage = person._stage
        scoring, inputs = self.scoring, None
        if rescored or (kind in OPEN_KINDS and not scoring.inputs.isdisjoint(payload)):
            inputs = scoring.seen(person)
        # Only a late activity can still keep a deadline that has been missed [S21].
        missed = machine.agenda.missed_in_time(person, activity.at, now) if firing.late else ()
        self.data.apply(kind, person, now, payload)
        if score is not None:
            score(person, now, payload)
        result: Result = "unchanged"
        unmet: tuple[Refusal, ...] = ()
        requests: tuple[Request, ...] = ()
        reason = ""
        if stage == self._initial:
            machine.advance_clock(person, now, 0)
            person._deferred += self._waits(person, activity, payload, firing.late)
            if trigger is not None:
                result, reason = "deferred", WAITS
        else:
            if inputs is not None and scoring.seen(person) != inputs:
                person.demographic_score = scoring.demographic(person, now)
            if trigger is None:
                # What run() does without a trigger: for nine of ten activities.
                machine.advance(person, firing)
                machine.advance_clock(person, now, 0)
                result = "moved" if firing.entered else "unchanged"
            else:
                result, unmet = machine.run(person, trigger, firing)
                if result == "no_such_move":
                    reason = machine.no_such(trigger, stage)
            if missed:
                machine.agenda.correct(person, missed, now, firing.owner, firing.assigned_to)
            if firing.entered or listened or person._waiting:
                cause = Cause(activity.id, _record(person, activity))
                came = (Came(kind, cause, payload),) if listened else ()
                requests = self._after.follow(person, now, stage, firing.entered, came, cause)
        # Within the transaction: what cannot be logged must not have happened.
        self._log(activity)
        return [fired(result, person, firing, activity.id, kind, unmet, reason, requests)]

    def created(self, person: Person, activity: Activity, payload: Payloads) -> None:
        """The data of a new person; its alerts wait for the sort like all others [S14]."""
        self.data.apply("created", person, activity.at, payload)
        person._deferred = self._waits(person, activity, payload, late=False)
        self.machine.begin(person, activity.at, activity.id)
        self._log(activity)

    def _waits(
        self, person: Person, activity: Activity, payload: Payloads, late: bool
    ) -> tuple[_Deferred, ...]:
        """What of an activity waits: its trigger, and what a rule has to hear of it; or nothing."""
        kind = activity.kind
        trigger = self.triggers.get(kind)
        brought = payload if kind in self._after.kinds else None
        if trigger is None and brought is None:
            return ()
        record = _record(person, activity)
        return (
            _Deferred(
                trigger, activity.id, kind, activity.at, late, brought, activity.order, record
            ),
        )

    # ------------------------------------------------------------------ the sort

    def sort(
        self, person: Person, firing: Firing, processed: Activity, values: Payloads, skipped: str
    ) -> list[Decision]:
        """The end of the chain: its values, the sort, the deferred triggers in order, system moves,
        then assignment and alerts of the last stage [S14]."""
        machine, activity, now = self.machine, processed.id, firing.now
        self.data.apply("processed", person, now, values)
        if self.scoring.has_demographic and "demographic_score" not in values:
            person.demographic_score = self.scoring.demographic(person, now)
        person._settles_at = None
        machine.sort(person, firing)
        found, entered, came, _ = self._catch_up(person, firing, firing.entered, "processed")
        cause = Cause(activity)
        if "processed" in self._after.kinds:
            came.append(Came("processed", cause, values))
        machine.advance_clock(person, now, 0)
        if activity == SETTLED and person._clock == now:
            person._phase = 1  # behind all activities of its instant [S19]
        requests = self._after.follow(person, now, self._initial, entered, came, cause)
        result: Result = "moved" if firing.entered else "unchanged"
        first = fired(result, person, firing, activity, "processed", (), skipped, requests)
        self._log(processed)
        return _in_order(person, first, found)

    def _catch_up(
        self,
        person: Person,
        firing: Firing,
        entered: tuple[str, ...],
        kind: str,
        own: _Deferred | None = None,
    ) -> tuple[list[Decision], tuple[str, ...], list[Came], _Answer]:
        """The triggers that waited, in order, then the system moves to completion [S14]; also all
        stages entered so far, the activities that rules listen to, and what came of ``own``.

        That is the trigger of a merge itself, in order with those that waited [S19]. The decision
        of the merge tells what came of it [S10]. Only where others fired before it, so that its row
        is not next to that of the merge, it stands in a decision behind, which names no trigger.
        """
        machine, now = self.machine, firing.now
        answer = _Answer()
        after = "after the sort" if kind == "processed" else "after the merge"
        # By event, and of one instant and id by record: whoever survives, it is the same order.
        waiting = sorted(
            person._deferred, key=lambda one: (one.order, natural(one.record or person.id))
        )
        person._deferred = ()
        found: list[Decision] = []
        for one in waiting:
            if one.trigger is None:
                continue
            asked = firing
            if one is not own or found:
                asked = Firing(
                    person, now, one.at, one.late, one.trigger, one.activity, machine.version
                )
            # The askings of one run share what they entered, as only the last stage asks [S12], and
            # who was responsible before all of it [S21].
            asked.entered = entered
            asked.owner, asked.assigned_to = firing.owner, firing.assigned_to
            stage = person._stage
            result = machine.ask(person, one.trigger, asked)
            entered = asked.entered
            reason = machine.no_such(one.trigger, stage) if result == "no_such_move" else ""
            unmet = machine.refusals(person, one.trigger, now) if result == "refused" else ()
            if one is own:
                answer = _Answer(result, unmet, reason)
                if asked is firing or result != "moved":
                    continue
                asked.trigger = None
            reason = f"{after}: {reason}" if reason else after
            found.append(fired(result, person, asked, one.activity, one.kind, unmet, reason))
        if not found:
            firing.entered = entered
            machine.advance(person, firing)
            entered = firing.entered
        else:
            last = Firing(
                person, now, firing.at, firing.late, None, firing.activity, machine.version
            )
            last.entered = entered
            last.owner, last.assigned_to = firing.owner, firing.assigned_to
            machine.advance(person, last)
            entered = last.entered
            if last.added(person):
                found.append(fired("moved", person, last, last.activity, kind, (), after))
                answer = answer._replace(result="moved")
        came = [
            Came(one.kind, Cause(one.activity, one.record), one.payload)
            for one in waiting
            if one.payload is not None
        ]
        return found, entered, came, answer

    # ------------------------------------------------------------------ time

    def time(self, person: Person, due: datetime) -> list[Decision]:
        """What is due at an instant: decay, deadlines, moves that time opened [S20]. It is logged
        if anything of the person is not as before [S19]."""
        stage = person._stage
        passed = self.machine.pass_time(person, due)
        decisions = [
            Decision("unchanged", person.id, due, due, stage, kind="decay", reason=text)
            for text in passed.faded
        ]
        for rule, request in passed.missed:
            asked = () if request is None else (request,)
            decisions.append(
                Decision(
                    "unchanged", person.id, due, due, stage, kind="deadline", reason=rule,
                    requests=asked,
                )
            )  # fmt: skip
        firing = passed.firing
        if firing.entered:
            requests = self._after.follow(person, due, stage, firing.entered, (), Cause())
            decisions.append(fired("moved", person, firing, None, "time", (), "", requests))
        if passed.changed and self._logs:
            self._log(time_passed(person.id, due))
        return decisions

    # ------------------------------------------------------------------ a merge

    def merge(
        self,
        survivor: Person,
        loser: Person,
        activity: Activity,
        payload: Payloads,
        now: datetime,
    ) -> list[Decision]:
        """Fold one person into another [S23]: fields and opportunities, and the visit that wins
        goes on; then, as for every activity, data, scoring, triggers, also those that waited for
        the sort of either, system moves, assignment and alerts."""
        machine, kind = self.machine, activity.kind
        clocks = [person._phase for person in (survivor, loser) if person._clock == now]
        phase = max(clocks, default=0)
        late = now > activity.at or phase > 0
        trigger, score, _, _ = self._ways[kind]
        firing = Firing(survivor, now, activity.at, late, trigger, activity.id, machine.version)
        loser_wins = self._merging.loser_wins(survivor, loser)
        if loser_wins:  # who was responsible for the visit that goes on
            firing.owner, firing.assigned_to = loser.owner, loser.assigned_to
        # One that comes late may still keep what the visit that goes on has missed [S21].
        winner = loser if loser_wins else survivor
        missed = machine.agenda.missed_in_time(winner, activity.at, now) if late else ()
        stage = survivor._stage
        theirs = handed_over(loser, loser_wins=loser_wins)
        ours = given_up(survivor, now) if loser_wins else []
        survivor._waiting += theirs
        self._merging.fold(survivor, loser, loser_wins=loser_wins)
        self._go_on(survivor, loser, firing, loser_wins=loser_wins)
        self.data.apply(kind, survivor, now, payload)
        if score is not None:
            score(survivor, now, payload)
        if self.scoring.has_demographic:
            survivor.demographic_score = self.scoring.demographic(survivor, now)
        own = self._waits(survivor, activity, payload, late)
        survivor._deferred += (
            *(attrs.evolve(one, record=one.record or loser.id) for one in loser._deferred),
            *own,
        )
        closing = self._close(loser, survivor, firing)
        if survivor._stage == self._initial:
            machine.advance_clock(survivor, now, phase)
            self._log(activity)
            result, unmet, reason = _Answer("deferred", (), WAITS) if trigger else _Answer()
            requests = tuple(ours)
            merged = fired(result, survivor, firing, activity.id, kind, unmet, reason, requests)
            return [merged, closing]
        # The row of the merge itself asks for nothing: nobody has entered anything by it.
        more, entered, came, answer = self._catch_up(
            survivor, firing, (), kind, own[0] if own else None
        )
        if missed:
            machine.agenda.correct(survivor, missed, now, firing.owner, firing.assigned_to)
        machine.advance_clock(survivor, now, phase)
        cause = Cause(activity.id, _record(survivor, activity))
        # What the CRM's record is there for goes out at once: it is released, not held.
        waits = () if survivor.crm_synced_at is not None else theirs
        # First of all assigned, so that all see who was [S18].
        followed = self._after.follow(survivor, now, stage, entered, came, cause)
        again = (held.asking.again(survivor, now, held) for held in waits)
        requests = (*ours, *again, *followed)
        self._log(activity)
        result, unmet, reason = answer
        merged = fired(result, survivor, firing, activity.id, kind, unmet, reason, requests)
        first, *others = _in_order(survivor, merged, more)
        if first.moved:
            first.result = "moved"
        return [first, closing, *others]

    def _go_on(self, survivor: Person, loser: Person, firing: Firing, *, loser_wins: bool) -> None:
        """Let the winning visit go on in the survivor: its entry, journey, deadlines and what is
        noted of its returns. The visit that loses is over, and decides no deadline [S23]."""
        before = survivor._stage
        if loser_wins:
            visit = present_visit(loser)
            record = loser._journey_record or loser.id
            survivor._stage = loser._stage
            survivor._stage_entered_at = loser._stage_entered_at
            survivor._journey_record = record if record != survivor.id else None
            survivor._deadlines = loser._deadlines
            survivor._shut_returns = loser._shut_returns
            facts = [fact for fact in loser._decided if fact.visit == visit]
            loser._decided = tuple(fact for fact in loser._decided if fact not in facts)
            survivor._decided += tuple(attrs.evolve(fact, person=survivor.id) for fact in facts)
        survivor._last_journey = max(
            survivor._journey, survivor._last_journey, loser._journey, loser._last_journey
        )
        if loser_wins:
            survivor._journey = loser._journey
            survivor._journey_started_at = loser._journey_started_at
        if survivor._stage == self._initial:
            # The first end of processing sorts both.
            survivor._settles_at = min(
                filter(None, (survivor._settles_at, loser._settles_at)), default=None
            )
        else:
            survivor._settles_at = None
        firing.append(
            survivor, before, survivor._stage, "merge", "merged", credit=False,
            entered_at=survivor._stage_entered_at,
        )  # fmt: skip

    def _close(self, loser: Person, survivor: Person, merge: Firing) -> Decision:
        """The loser's closing row: in no stage any more, and nothing is asked for."""
        now, cause = merge.now, merge.activity
        firing = Firing(loser, now, merge.at, merge.late, None, cause, self.machine.version)
        before, loser._stage = loser._stage, ""
        loser._stage_entered_at = now
        loser._clock, loser._due, loser._settles_at = now, None, None
        loser._deferred, loser._deadlines, loser._shut_returns = (), (), ()
        unsent = tuple(abandoned(loser, now))
        firing.append(loser, before, "", "merge", "merged")
        reason = f"folded into {survivor.id}"
        return fired("moved", loser, firing, cause, "merged", (), reason, unsent)


def _record(person: Person, activity: Activity) -> str | None:
    """Whose the activity was, where that record was folded into the person before [S23]."""
    return activity.person if activity.person != person.id else None


def _in_order(person: Person, first: Decision, others: list[Decision]) -> list[Decision]:
    """The decisions of one piece of work, the first without the rows of the others, which were
    made behind its own; all with the rows as they are in the end."""
    for decision in others:
        start = (decision.first - 1) * ROW
        decision.hops = person._history[start : start + len(decision.hops)]
    theirs = sum(len(one.hops) for one in others)
    if theirs:
        first.hops = first.hops[:-theirs]
        if first.hops:
            first.stage = first.hops[-ROW].to_stage
    return [first, *others]
