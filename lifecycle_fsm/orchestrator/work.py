"""What one activity, the end of processing, or time does to one person: the way behind the inbox.

Each piece of work either happens whole or raises, and then the caller puts the person back as it
was [S11]. Each gives its decisions, that of the activity itself first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.alerts import abandoned, handed_over
from lifecycle_fsm.clock import Agenda
from lifecycle_fsm.data import DataSilo
from lifecycle_fsm.effects import Effects, Payloads
from lifecycle_fsm.history import ROW
from lifecycle_fsm.machine import Decision, Firing, LifecycleMachine, Refusal, Result
from lifecycle_fsm.machine.whole import Whole
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.kinds import OPEN_KINDS
from lifecycle_fsm.orchestrator.aftermath import Aftermath, Came
from lifecycle_fsm.orchestrator.answers import fired
from lifecycle_fsm.orchestrator.merging import Merging
from lifecycle_fsm.person import Person
from lifecycle_fsm.requests import Cause, Request


@attrs.frozen
class _Deferred:
    """An activity that waits for the sort: with its trigger, with its alerts, or both [S14]."""

    trigger: str | None
    activity: str
    kind: str
    at: datetime
    late: bool
    payload: Payloads | None
    record: str | None = None


class _Way(NamedTuple):
    """What there is to do with an activity of one kind, found out once."""

    trigger: str | None
    score: Effects | None
    rescored: bool
    listened: bool


class Work:
    """The silos and the machine of a model, in the order in which an activity passes them [S7]."""

    def __init__(
        self, model: Model, machine: LifecycleMachine, log: Callable[[Activity], None]
    ) -> None:
        self.data = DataSilo(model)
        self.scoring = machine.scoring
        self.machine = machine
        self.agenda = Agenda(model, self.scoring)
        if not self.agenda.is_empty:
            machine.agenda = self.agenda.next
        self._after = Aftermath(model, self.agenda)
        self._merging = Merging(model)
        self._model = model
        self._log = log
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
        # Points of fit are due at the sort; a chain with the step has them by then [S13].
        self._unscored = self.scoring.has_demographic and not any(
            step.use == "demographic_score" for step in model.processing
        )

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
        self.data.apply(kind, person, now, payload)
        if score is not None:
            score(person, now, payload)
        result: Result = "unchanged"
        unmet: tuple[Refusal, ...] = ()
        requests: tuple[Request, ...] = ()
        reason = ""
        if stage == self._initial:
            machine.wind(person, now, 0)
            person._deferred += self._waits(person, activity, payload, firing.late)
            if trigger is not None:
                result, reason = "deferred", "it waits for the sort"
        else:
            if rescored or (kind == "changed" and not self.scoring.inputs.isdisjoint(payload)):
                person.demographic_score = self.scoring.demographic(person, now)
            if trigger is None:
                # What run() does without a trigger: for nine of ten activities.
                machine.advance(person, firing)
                machine.wind(person, now, 0)
                result = "moved" if firing.entered else "unchanged"
            else:
                result, unmet = machine.run(person, trigger, firing)
                if result == "no_such_move":
                    reason = machine.no_such(trigger, stage)
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
        return (_Deferred(trigger, activity.id, kind, activity.at, late, brought, record),)

    # ------------------------------------------------------------------ the sort

    def sort(
        self, person: Person, firing: Firing, processed: Activity, values: Payloads, skipped: str
    ) -> list[Decision]:
        """The end of the chain: its values, the sort, the deferred triggers in order, system moves,
        then assignment and alerts of the last stage [S14]."""
        machine, activity, now = self.machine, processed.id, firing.now
        self.data.apply("processed", person, now, values)
        if self._unscored:
            person.demographic_score = self.scoring.demographic(person, now)
        machine.sort(person, firing)
        found, entered, came = self._catch_up(person, firing, firing.entered, "processed")
        cause = Cause(activity)
        if "processed" in self._after.kinds:
            came.append(Came("processed", cause, values))
        machine.wind(person, now, 0)
        requests = self._after.follow(person, now, self._initial, entered, came, cause)
        result: Result = "moved" if firing.entered else "unchanged"
        first = fired(result, person, firing, activity, "processed", (), skipped, requests)
        self._log(processed)
        return _in_order(first, found)

    def _catch_up(
        self, person: Person, firing: Firing, entered: tuple[str, ...], kind: str
    ) -> tuple[list[Decision], tuple[str, ...], list[Came]]:
        """The triggers that waited, in order, then the system moves to completion [S14]; also all
        stages entered so far, and the activities that rules listen to."""
        machine, now = self.machine, firing.now
        after = "after the sort" if kind == "processed" else "after the merge"
        waiting, person._deferred = person._deferred, ()
        found: list[Decision] = []
        for one in waiting:
            if one.trigger is None:
                continue
            asked = Firing(
                person, now, one.at, one.late, one.trigger, one.activity, machine.version
            )
            # The askings of one run share what they entered: no detour is entered twice [S9].
            asked.entered = entered
            stage = person._stage
            result = machine.ask(person, one.trigger, asked)
            entered = asked.entered
            reason = after
            if result == "no_such_move":
                reason += f": {machine.no_such(one.trigger, stage)}"
            unmet = machine.refusals(person, one.trigger, now) if result == "refused" else ()
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
            machine.advance(person, last)
            entered = last.entered
            if last.added(person):
                found.append(fired("moved", person, last, last.activity, kind, (), after))
        came = [
            Came(one.kind, Cause(one.activity, one.record), one.payload)
            for one in waiting
            if one.payload is not None
        ]
        return found, entered, came

    # ------------------------------------------------------------------ time

    def time(self, person: Person, due: datetime) -> list[Decision]:
        """What is due at an instant: decay, missed deadlines, moves that time opened [S20]."""
        quiet = Firing(person, due, due, False, None, None, self.machine.version)
        stage = person._stage
        found = [
            fired("unchanged", person, quiet, None, "decay", reason=said)
            for said in self.agenda.fade(person, due)
        ]
        for name, request in self.agenda.missed(person, due):
            asked = () if request is None else (request,)
            found.append(fired("unchanged", person, quiet, None, "deadline", (), name, asked))
        firing = self.machine.pass_time(person, due)
        if firing.entered:
            requests = self._after.follow(person, due, stage, firing.entered, (), Cause())
            found.append(fired("moved", person, firing, None, "time", (), "", requests))
        return found

    # ------------------------------------------------------------------ a merge

    def merge(
        self,
        survivor: Person,
        loser: Person,
        activity: Activity,
        payload: Payloads,
        now: datetime,
    ) -> list[Decision]:
        """Fold one person into another [S23]: fields, opportunities, the stage that counts more;
        then, as for every activity, data, scoring, triggers, also those that waited for the sort of
        either, system moves, assignment and alerts."""
        machine, kind = self.machine, activity.kind
        late = any(
            now > activity.at or (one._clock == now and one._phase > 0) for one in (survivor, loser)
        )
        self._merging.fold(survivor, loser)
        self.data.apply(kind, survivor, now, payload)
        score = self._ways[kind].score
        if score is not None:
            score(survivor, now, payload)
        if self.scoring.has_demographic:
            survivor.demographic_score = self.scoring.demographic(survivor, now)
        stage = self._merging.stage(survivor._stage, loser._stage)
        taken = stage != survivor._stage
        firing = Firing(survivor, now, activity.at, late, None, activity.id, machine.version)
        self._take_place(survivor, stage, firing)
        held = handed_over(loser, survivor, taken=taken)
        survivor._waiting += held
        theirs = (attrs.evolve(one, record=one.record or loser.id) for one in loser._deferred)
        waiting = sorted((*survivor._deferred, *theirs), key=lambda one: (one.at, one.activity))
        survivor._deferred = (*waiting, *self._waits(survivor, activity, payload, late))
        closing = self._close(loser, survivor, firing)
        if survivor._stage == self._initial:
            machine.wind(survivor, now, 0)
            self._log(activity)
            result: Result = "unchanged" if self.triggers.get(kind) is None else "deferred"
            return [fired(result, survivor, firing, activity.id, kind), closing]
        # The row of the merge itself asks for nothing: nobody has entered anything by it.
        more, entered, came = self._catch_up(survivor, firing, (), kind)
        machine.wind(survivor, now, 0)
        cause = Cause(activity.id, _record(survivor, activity))
        requests = (
            *(one.asking.again(survivor, now, one) for one in held),
            *self._after.follow(survivor, now, stage, entered, came, cause),
        )
        self._log(activity)
        merged = fired("unchanged", survivor, firing, activity.id, kind, (), "", requests)
        first, *others = _in_order(merged, more)
        return [attrs.evolve(first, result="moved") if first.moved else first, closing, *others]

    def _take_place(self, person: Person, stage: str, firing: Firing) -> None:
        """The survivor's row. Coming off a detour begins the next journey, as any return does."""
        before, ranks = person._stage, self._model.ranks
        passed: tuple[str, ...] = ()
        if stage != before:
            start, end = ranks.get(before), ranks.get(stage)
            if end is not None and start is None:
                person._journey += 1
                person._journey_started_at = firing.now
            elif end is not None and start is not None:
                passed = tuple(one.name for one in self._model.path[start + 1 : end])
            person._stage = stage
            person._stage_entered_at = firing.now
        elif stage == self._initial:
            return  # both wait for the sort, which is still to come
        firing.append(person, before, stage, "merge", "merged", passed, credit=False)

    def _close(self, loser: Person, survivor: Person, merge: Firing) -> Decision:
        """The loser's closing row: in no stage any more, and nothing is asked for."""
        now, cause = merge.now, merge.activity
        firing = Firing(loser, now, merge.at, merge.late, None, cause, self.machine.version)
        before, loser._stage = loser._stage, ""
        loser._stage_entered_at = now
        loser._clock, loser._due = now, None
        loser._deferred = ()
        unsent = tuple(abandoned(loser, now))
        firing.append(loser, before, "", "merge", "merged")
        reason = f"folded into {survivor.id}"
        return fired("moved", loser, firing, cause, "merged", (), reason, unsent)


def _record(person: Person, activity: Activity) -> str | None:
    """Whose the activity was, where that record was folded into the person before [S23]."""
    return activity.person if activity.person != person.id else None


def _in_order(first: Decision, others: list[Decision]) -> list[Decision]:
    """The decisions of one piece of work, the first without the rows of the others, which were
    made behind its own."""
    theirs = sum(len(one.hops) for one in others)
    if theirs:
        first.hops = first.hops[:-theirs]
        if first.hops:
            first.stage = first.hops[-ROW].to_stage
    return [first, *others]
