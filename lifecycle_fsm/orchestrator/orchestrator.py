"""The way of one activity: inbox, data, scoring, original processing or machine, history.

Everything that reaches a person comes through :meth:`Orchestrator.apply`, whether it runs live, in
a web handler, or over the log of years, so that both give the same history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from lifecycle_fsm.activity import Activity, fingerprint, made_id
from lifecycle_fsm.data import DataSilo
from lifecycle_fsm.effects import Payloads
from lifecycle_fsm.errors import LifecycleError, RecordError, UnknownPerson
from lifecycle_fsm.fields import instant
from lifecycle_fsm.machine import Decision, Firing, LifecycleMachine, Refusal, Result
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator.answers import fired, nobody, stopped
from lifecycle_fsm.orchestrator.memory import Memory
from lifecycle_fsm.orchestrator.parking import Parked, ParkingLot, said
from lifecycle_fsm.person import Person
from lifecycle_fsm.processing import Chain, Context, StepError, chain_of
from lifecycle_fsm.processing.builtin import Rows
from lifecycle_fsm.processing.step import Run, Step

#: The id of the activity that ends original processing: ids are unique for a person [S19].
PROCESSED = "processed"


@attrs.frozen
class _Deferred:
    """A trigger that waits for the sort [S14]."""

    trigger: str
    activity: str
    kind: str
    at: datetime
    late: bool


class Orchestrator:
    """Runs activities through a model, for any number of persons.

    Args:
        model: the lifecycle.
        steps: the project's own steps of original processing, by name, or declared ones.
        tables: rows for the enrich steps, by name.
        record: called with every decision, in order, also with those that no activity asked for
            (time, the end of processing).
        log: called with every activity that was applied, also with the ``processed`` that ends
            original processing: such a log replays to the same history [S14], but for what came
            late behind a :meth:`tick`, of which the log knows nothing.
    """

    def __init__(
        self,
        model: Model,
        *,
        steps: Mapping[str, Run] | Iterable[Step] = (),
        tables: Mapping[str, Rows] | None = None,
        record: Callable[[Decision], None] | None = None,
        log: Callable[[Activity], None] | None = None,
    ) -> None:
        self.model = model
        self.machine = LifecycleMachine(model)
        self.people: dict[str, Person] = {}
        self._held: dict[str, dict[str, Activity]] = {}
        #: Steps that failed and were gone without, by person [S13].
        self.skipped: dict[str, tuple[StepError, ...]] = {}
        self._record = record or (lambda decision: None)
        self._keep = log or (lambda activity: None)
        self._data = DataSilo(model)
        self._scoring = self.machine.scoring
        self._chain: Chain = chain_of(
            model, steps, tables=tables or {}, demographic=self._scoring.demographic
        )
        self._lot = ParkingLot()
        self._memory = Memory()
        self.machine.front = self._asked
        self._logged: set[str] = set()
        self._released: list[Decision] = []
        self._initial = model.initial.name
        self._triggers = {
            kind.name: kind.trigger
            for kind in model.activity_kinds.values()
            if kind.trigger in model.triggers
        }
        self._scored = frozenset(
            name for name in model.activity_kinds if self._scoring.scores(name)
        )
        self._rescored = frozenset(
            name for name, fields in self._data.writes.items() if fields & self._scoring.inputs
        )

    # ------------------------------------------------------------------ the inbox

    def expect_processed(self, persons: Iterable[str]) -> None:
        """Say whose log has the activity ``processed``: these wait for it, and are not sorted by
        the clock [S14]."""
        self._logged.update(persons)

    def apply(self, activity: Activity) -> Decision:
        """Apply one activity and say what came of it.

        In this order: what was due before it, data, scoring, its process trigger once, and the
        system moves to completion [S7][S20]. All of it happens, or nothing [S11].
        """
        decision = self._apply(activity)
        self._log(decision)
        if activity.kind == "created" and decision.moved:
            self._release(activity.person)
        return decision

    def _log(self, decision: Decision) -> None:
        """Record a decision, and behind it those of the triggers that it let go."""
        self._record(decision)
        released, self._released = self._released, []
        for one in released:
            self._record(one)

    def _apply(self, activity: Activity) -> Decision:
        person = self.people.get(activity.person)
        if person is None:
            return self._unknown(activity)
        try:
            payload = self._data.accept(activity.kind, activity.payload)
        except RecordError as error:
            return stopped("rejected", person, activity, str(error))
        mark = fingerprint(activity, payload)
        before = self._memory.content(person, mark[0])
        if before is not None:
            return self._again(person, activity, before == mark[1])
        if activity.kind == "created":
            return stopped("rejected", person, activity, f"{person.id} was created already")
        if activity.kind == "merged" and "merged" not in self._triggers:
            return stopped("rejected", person, activity, "this version merges no persons yet")
        if activity.kind == "processed" and person._stage != self._initial:
            return stopped("rejected", person, activity, f"{person.id} was sorted already")
        if person._due is not None and person._due < activity.at:
            self._run_due(person, activity.at)
        decision = self._attempt(person, self._transact, person, activity, payload)
        if isinstance(decision, Exception):
            self._lot.keep(Parked(person.id, activity, said(decision)))
            trigger = self._triggers.get(activity.kind)
            return stopped("parked", person, activity, said(decision), trigger)
        self._memory.keep(person, mark)
        if self._lot.by_person:
            self._lot.remove(person.id, activity)
        return decision

    def _asked(
        self, person: Person, trigger: str, at: datetime, activity: str | None, payload: Payloads
    ) -> Decision:
        """``person.<trigger>(at=…)``: the same as the activity of that name [S7]."""
        if trigger not in self.model.activity_kinds:
            kinds = [name for name, raised in self._triggers.items() if raised == trigger]
            raise LifecycleError(
                f"{trigger!r} is asked by an activity: apply {' or '.join(kinds)} instead"
            )
        name = activity or made_id(trigger, at, payload)
        return self.apply(Activity(name, person.id, trigger, at, payload))

    def _attempt(
        self, person: Person, work: Callable[..., Decision], *arguments: Any
    ) -> Decision | Exception:
        """Do all of the work, or leave the person as before and give the error to park [S11]."""
        try:
            return self.machine.whole(person, work, *arguments)
        except Exception as error:
            self._released.clear()
            return error

    def _transact(self, person: Person, activity: Activity, payload: Payloads) -> Decision:
        kind = activity.kind
        trigger = self._triggers.get(kind)
        machine = self.machine
        firing = machine.firing(person, activity.at, trigger, activity.id)
        now = firing.now
        processing = person._stage == self._initial
        if kind == "processed" and processing:
            return self._sort(person, firing, activity, payload)
        self._data.apply(kind, person, now, payload)
        if kind in self._scored:
            self._scoring.score(kind, person, now, payload)
        result: Result = "unchanged"
        unmet: tuple[Refusal, ...] = ()
        reason = ""
        if processing:
            machine.wind(person, now, 0)
            if trigger is not None:
                waiting = _Deferred(trigger, activity.id, kind, activity.at, firing.late)
                person._deferred = (*person._deferred, waiting)
                result, reason = "deferred", "it waits for the sort"
        else:
            if kind in self._rescored or (
                kind == "changed" and not self._scoring.inputs.isdisjoint(payload)
            ):
                person.demographic_score = self._scoring.demographic(person, now)
            stage = person._stage
            result, unmet = machine.run(person, trigger, firing)
            if result == "no_such_move" and trigger is not None:
                reason = machine.no_such(trigger, stage)
        # Within the transaction: what cannot be logged must not have happened.
        self._keep(activity)
        return fired(result, person, firing, activity.id, kind, unmet, reason)

    def _again(self, person: Person, activity: Activity, same: bool) -> Decision:
        if same:
            return stopped("duplicate", person, activity, "it was applied before")
        return stopped(
            "rejected",
            person,
            activity,
            _reused(activity),
        )

    # ------------------------------------------------------------------ new persons

    def _unknown(self, activity: Activity) -> Decision:
        if activity.kind != "created":
            waiting = self._held.setdefault(activity.person, {})
            before = waiting.get(activity.id)
            if before is not None:
                return (
                    nobody("duplicate", activity, "this activity is held already")
                    if before == activity
                    else nobody("rejected", activity, _reused(activity))
                )
            waiting[activity.id] = activity
            return nobody(
                "held",
                activity,
                f"nobody has created {activity.person!r} yet; this waits for 'created'",
            )
        try:
            payload = self._data.accept("created", activity.payload)
            values = {"created_at": activity.at, **payload}
            person = self.machine.person(activity.person, **values)
        except RecordError as error:
            return nobody("rejected", activity, str(error))
        try:
            self._data.apply("created", person, activity.at, values)
            self._keep(activity)
        except Exception as error:
            self._lot.keep(Parked(activity.person, activity, said(error)))
            return nobody("parked", activity, said(error))
        self.machine.enter(person, activity.at, activity.id)
        if activity.person not in self._logged:
            person._due = activity.at + self.model.settle
        self._memory.keep(person, fingerprint(activity, payload))
        self.people[person.id] = person
        return attrs.evolve(nobody("moved", activity), stage=person._stage, hops=person._history)

    def _release(self, id: str) -> None:
        """Apply what was held for a person who has just been created."""
        for activity in sorted(self._held.pop(id, {}).values(), key=lambda one: one.order):
            self.apply(activity)

    # ------------------------------------------------------------------ original processing

    def process(self, person: str, at: datetime | str) -> Decision:
        """Run the chain of original processing for one person now, then sort [S13][S14].

        Raises:
            UnknownPerson: nobody of this id has been created.
            LifecycleError: the person has been sorted before.
        """
        try:
            one = self.people[person]
        except KeyError:
            raise UnknownPerson(f"nobody with the id {person!r} has been created") from None
        if one._stage != self._initial:
            raise LifecycleError(f"{person} was sorted before and is in {one._stage!r}")
        decision = self._process(one, instant(at))
        self._log(decision)
        return decision

    def _process(self, person: Person, at: datetime) -> Decision:
        """Run the chain; its end is the activity ``processed``, as a log would have it."""
        now = max(at, person._clock or at)
        given = self._chain.run(person, Context(now, self.model.tokens))
        self.skipped.pop(person.id, None)
        if given.skipped:
            self.skipped[person.id] = given.skipped
        activity = Activity(PROCESSED, person.id, "processed", now, given.values)
        error: object = given.parked
        if error is None:
            firing = Firing(person, now, now, False, None, PROCESSED, self.machine.version)
            decision = self._attempt(person, self._sort, person, firing, activity, given.values)
            if not isinstance(decision, Exception):
                self._memory.keep(person, fingerprint(activity, given.values))
                self._lot.remove(person.id, None)
                return decision
            error = said(decision)
        person._due = None
        self._lot.keep(Parked(person.id, None, str(error)))
        return stopped("parked", person, activity, str(error))

    def _sort(
        self, person: Person, firing: Firing, processed: Activity, values: Payloads
    ) -> Decision:
        """The end of the chain: its values, the sort, the deferred triggers, system moves [S14]."""
        machine, now, activity = self.machine, firing.now, processed.id
        self._data.apply("processed", person, now, values)
        machine.sort(person, firing)
        waiting, person._deferred = person._deferred, ()
        if not waiting:
            machine.advance(person, firing)
        skipped = "; ".join(map(str, self.skipped.get(person.id, ())))
        decision = fired(
            "moved" if firing.entered else "unchanged",
            person,
            firing,
            activity,
            "processed",
            reason=skipped,
        )
        entered = firing.entered
        for one in waiting:
            asked = Firing(
                person, now, one.at, one.late, one.trigger, one.activity, machine.version
            )
            # The askings of one run share what they entered: no detour is entered twice [S9].
            asked.entered = entered
            stage = person._stage
            result = machine.ask(person, one.trigger, asked)
            entered = asked.entered
            reason = "after the sort"
            if result == "no_such_move":
                reason += f": {machine.no_such(one.trigger, stage)}"
            unmet = machine.refusals(person, one.trigger, now) if result == "refused" else ()
            self._released.append(
                fired(result, person, asked, one.activity, one.kind, unmet, reason)
            )
        if waiting:
            last = Firing(person, now, firing.at, firing.late, None, activity, machine.version)
            last.entered = entered
            machine.advance(person, last)
            if last.added(person):
                self._released.append(
                    fired("moved", person, last, activity, "processed", (), "after the sort")
                )
        machine.wind(person, now, 0)
        self._keep(processed)
        return decision

    # ------------------------------------------------------------------ time

    def tick(self, until: datetime | str) -> list[Decision]:
        """Let time pass: everything that is due up to and at ``until`` happens, each at its own
        instant; how often this is called changes nothing [S20]."""
        end = instant(until)
        return [
            decision
            for person in list(self.people.values())
            for decision in self._run_due(person, end, inclusive=True)
        ]

    def _run_due(
        self, person: Person, until: datetime, *, inclusive: bool = False
    ) -> list[Decision]:
        found: list[Decision] = []
        while (due := person._due) is not None and (due < until or (inclusive and due == until)):
            if person._stage == self._initial:
                decision: Decision | None = self._process(person, due)
                if person._clock == due:
                    person._phase = 1
            else:
                decision = self._let_pass(person, due)
            if decision is not None:
                self._log(decision)
                found.append(decision)
        return found

    def _let_pass(self, person: Person, due: datetime) -> Decision | None:
        """Try the system moves at an instant at which time may have opened one."""
        decision = self._attempt(person, self._pass_time, person, due)
        if isinstance(decision, Exception):
            person._due = None
            self._lot.keep(Parked(person.id, None, said(decision)))
            firing = self.machine.firing(person, due)
            return fired("parked", person, firing, None, "time", reason=said(decision))
        return decision if decision.moved else None

    def _pass_time(self, person: Person, due: datetime) -> Decision:
        return fired("moved", person, self.machine.pass_time(person, due), None, "time")

    # ------------------------------------------------------------------ when things went wrong

    @property
    def held(self) -> Mapping[str, list[Activity]]:
        """Activities of persons that nobody has created yet, by person [S19]."""
        return {person: list(waiting.values()) for person, waiting in self._held.items()}

    @property
    def parked(self) -> Mapping[str, list[Parked]]:
        """What an error keeps from happening, by person [S11][S13]."""
        return self._lot.by_person

    def retry(self, at: datetime | str) -> list[Decision]:
        """Try everything that is parked once more: activities as they were, processing now."""
        now = instant(at)
        found = []
        for one in self._lot.empty():
            if one.activity is not None:
                found.append(self.apply(one.activity))
                continue
            person = self.people[one.person]
            if person._stage == self._initial:
                found.append(self.process(one.person, now))
            else:
                person._due = person._clock
                found += self._run_due(person, now, inclusive=True)
        return found


def _reused(activity: Activity) -> str:
    return f"the id {activity.id!r} was used before with other content: give it its own"
