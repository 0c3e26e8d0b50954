"""The way of one activity: inbox, data, scoring, original processing or machine, history.

Everything that reaches a person comes through :meth:`Orchestrator.apply`, whether it runs live, in
a web handler, or over the log of years, so that both give the same history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from lifecycle_fsm.activities import Activity, fingerprint, made_id
from lifecycle_fsm.effects import Payloads
from lifecycle_fsm.errors import LifecycleError, RecordError, UnknownPerson
from lifecycle_fsm.fields import instant
from lifecycle_fsm.machine import Decision, Firing, LifecycleMachine, Result
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator.answers import fired, nobody, stopped
from lifecycle_fsm.orchestrator.memory import Memory
from lifecycle_fsm.orchestrator.parking import Parked, ParkingLot, said
from lifecycle_fsm.orchestrator.work import Work
from lifecycle_fsm.person import Person
from lifecycle_fsm.processing import Chain, Context, StepError, chain_of
from lifecycle_fsm.processing.builtin import Rows
from lifecycle_fsm.processing.step import Run, Step

#: The id of the activity that ends original processing: ids are unique for a person [S19].
PROCESSED = "processed"
#: Kinds of activity that do more than all others.
_OUR_OWN = frozenset({"created", "processed", "merged"})


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
        #: Everybody who was created, also those who were folded into others since.
        self.people: dict[str, Person] = {}
        #: Whom each loser of a merge was folded into [S23].
        self.merged: dict[str, str] = {}
        self._records: dict[str, tuple[Person, ...]] = {}  # of one person, the survivor's first
        #: Steps that failed and were gone without, by person [S13].
        self.skipped: dict[str, tuple[StepError, ...]] = {}
        self._held: dict[str, dict[str, Activity]] = {}
        self._record = record or (lambda decision: None)
        self._work = Work(model, self.machine, log or (lambda activity: None))
        self._chain: Chain = chain_of(
            model, steps, tables=tables or {}, demographic=self.machine.scoring.demographic
        )
        self._lot = ParkingLot()
        self._memory = Memory()
        self.machine.front = self._asked
        self._logged: set[str] = set()
        self._initial = model.initial.name
        self._data = self._work.data
        self._triggers = self._work.triggers
        self._narrow = self._work.narrow

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
        decisions = self._apply(activity)
        for one in decisions:
            self._record(one)
        if activity.kind == "created" and decisions[0].moved:
            self._release(activity.person)
        return decisions[0]

    def _apply(self, activity: Activity) -> list[Decision]:
        record = self.people.get(activity.person)
        if record is None:
            return [self._unknown(activity)]
        person = self.survivor(record.id) if record.id in self.merged else record
        try:
            payload = self._data.accept(activity.kind, activity.payload)
        except RecordError as error:
            return [stopped("rejected", person, activity, str(error))]
        mark = fingerprint(activity, payload)
        same = self._memory.same(record, mark)
        if same is not None:
            return [_again(person, activity, same)]
        if person.id in self._records and self._came_to_others(person, record, mark):
            return [_again(person, activity, True)]
        ordinary = activity.kind not in _OUR_OWN
        decisions = None if ordinary else self._refusal(activity, person, record, payload)
        if decisions is None:
            if person._due is not None and person._due < activity.at:
                self._run_due(person, activity.at)
            if activity.kind == "merged":
                self._meet(person, self.survivor(str(payload["loser"])), activity.at)
            work = self._work.activity if ordinary else self._transact
            try:
                decisions = self._narrow[activity.kind](person, work, person, activity, payload)
            except Exception as error:
                self._lot.keep(Parked(person.id, activity, said(error)))
                trigger = self._triggers.get(activity.kind)
                return [stopped("parked", person, activity, said(error), trigger)]
        elif decisions[0].result != "unchanged":
            return decisions
        self._memory.keep(record, mark)
        if self._lot.by_person:
            self._lot.remove(person.id, activity)
        return decisions

    def _refusal(
        self, activity: Activity, person: Person, record: Person, payload: Payloads
    ) -> list[Decision] | None:
        """The decision of an activity that is not applied, whoever the person is."""
        result: Result = "rejected"
        reason = ""
        if activity.kind == "created":
            reason = f"{record.id} was created already"
        elif activity.kind == "processed" and record is not person:
            result, reason = "unchanged", f"{record.id} was folded into {person.id} before"
        elif activity.kind == "processed" and person._stage != self._initial:
            reason = f"{person.id} was sorted already"
        elif activity.kind == "merged":
            name = str(payload["loser"])
            loser = self.people.get(name)
            if loser is None:
                return [self._hold(activity, name)]
            if self.survivor(name) is person:
                result = "unchanged"
                reason = f"{name} and {person.id} are one person already"
        return [stopped(result, person, activity, reason)] if reason else None

    def survivor(self, id: str) -> Person:
        """The person whom a record now belongs to, after all merges [S23].

        Raises:
            KeyError: nobody of this id was created.
        """
        record = id
        while record in self.merged:
            record = self.merged[record]
        return self.people[record]

    def _came_to_others(self, person: Person, record: Person, mark: bytes) -> bool:
        """Whether the very same activity came before to another record of the same person: a CRM
        that merges two records gives the one what the other had."""
        return any(
            self._memory.same(other, mark)
            for other in self._records.get(person.id, ())
            if other is not record
        )

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

    def _transact(self, person: Person, activity: Activity, payload: Payloads) -> list[Decision]:
        if activity.kind == "processed":
            return self._sort(person, activity, payload)
        if activity.kind == "merged":
            return self._merge(person, activity, payload)
        raise AssertionError(f"{activity.kind} is an activity like all others")

    def _sort(self, person: Person, processed: Activity, values: Payloads) -> list[Decision]:
        firing = self.machine.firing(person, processed.at, None, processed.id)
        skipped = "; ".join(map(str, self.skipped.get(person.id, ())))
        return self._work.sort(person, firing, processed, values, skipped)

    def _meet(self, one: Person, other: Person, at: datetime) -> None:
        """Let both clocks run up to a merge, or to the later of them: neither goes back [S20]."""
        now = at
        while True:
            for person in (one, other):
                if person._due is not None and person._due < now:
                    self._run_due(person, now)
            latest = max(one._clock or now, other._clock or now)
            if latest <= now:
                return
            now = latest

    def _merge(self, person: Person, activity: Activity, payload: Payloads) -> list[Decision]:
        """Fold the person whom the loser's record belongs to into this one [S23]."""
        loser = self.survivor(str(payload["loser"]))
        now = max(activity.at, *(one._clock or activity.at for one in (person, loser)))
        found = self.machine.whole(loser, self._work.merge, person, loser, activity, payload, now)
        self.merged[loser.id] = person.id
        ours = self._records.get(person.id, (person,))
        self._records[person.id] = (*ours, *self._records.pop(loser.id, (loser,)))
        self._logged.discard(loser.id)
        self._lot.remove(loser.id, None)
        if person._stage != self._initial:
            self._lot.remove(person.id, None)
        return found

    # ------------------------------------------------------------------ new persons

    def _unknown(self, activity: Activity) -> Decision:
        if activity.kind != "created":
            return self._hold(activity, activity.person)
        try:
            payload = self._data.accept("created", activity.payload)
            values = {"created_at": activity.at, **payload}
            person = self.machine.person(activity.person)
        except RecordError as error:
            return nobody("rejected", activity, str(error))
        try:
            self._work.created(person, activity, values)
        except Exception as error:
            self._lot.keep(Parked(activity.person, activity, said(error)))
            return nobody("parked", activity, said(error))
        self.machine.begin(person, activity.at, activity.id)
        if activity.person not in self._logged:
            person._due = activity.at + self.model.settle
        self._memory.keep(person, fingerprint(activity, payload))
        self.people[person.id] = person
        return nobody("moved", activity, "", person)

    def _hold(self, activity: Activity, missing: str) -> Decision:
        """Keep the activity until somebody creates the person whom it needs [S19]."""
        waiting = self._held.setdefault(missing, {})
        key = f"{activity.person}/{activity.id}"
        before = waiting.get(key)
        if before is not None:
            return (
                nobody("duplicate", activity, "this activity is held already")
                if before == activity
                else nobody("rejected", activity, _reused(activity))
            )
        waiting[key] = activity
        reason = f"nobody has created {missing!r} yet; this waits for 'created'"
        return nobody("held", activity, reason)

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
            one = self.survivor(person)
        except KeyError:
            raise UnknownPerson(f"nobody with the id {person!r} has been created") from None
        if one._stage != self._initial:
            raise LifecycleError(f"{person} was sorted before and is in {one._stage!r}")
        decisions = self._process(one, instant(at))
        for decision in decisions:
            self._record(decision)
        return decisions[0]

    def _process(self, person: Person, at: datetime) -> list[Decision]:
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
            skipped = "; ".join(map(str, given.skipped))
            try:
                found = self.machine.whole(
                    person, self._work.sort, person, firing, activity, given.values, skipped
                )
            except Exception as failure:
                error = said(failure)
            else:
                self._memory.keep(person, fingerprint(activity, given.values))
                self._lot.remove(person.id, None)
                return found
        person._due = None
        self._lot.keep(Parked(person.id, None, str(error)))
        return [stopped("parked", person, activity, str(error))]

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
                decisions = self._process(person, due)
                if person._clock == due and decisions[0].result != "parked":
                    person._phase = 1
            else:
                # Never back in time: what failed before the last activity was parked, and is past.
                decisions = self._let_pass(person, max(due, person._clock or due))
            for one in decisions:
                self._record(one)
            found += decisions
        return found

    def _let_pass(self, person: Person, due: datetime) -> list[Decision]:
        """Let happen what is due at an instant: decay, deadlines, moves."""
        try:
            return self._work.narrow_time(person, self._work.time, person, due)
        except Exception as error:
            person._due = None
            self._lot.keep(Parked(person.id, None, said(error), due))
            firing = self.machine.firing(person, due)
            return [fired("parked", person, firing, None, "time", reason=said(error))]

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
            if person.id in self.merged:
                continue
            if person._stage == self._initial:
                found.append(self.process(one.person, now))
            else:
                assert person._clock is not None, "who was sorted has a clock"
                self.machine.wind(person, person._clock, person._phase)
                if one.due is not None and person._clock < one.due:
                    # A return right behind its detour is due once, and wind() cannot know it.
                    person._due = one.due
                found += self._run_due(person, now, inclusive=True)
        return found


def _again(person: Person, activity: Activity, same: bool) -> Decision:
    if same:
        return stopped("duplicate", person, activity, "it was applied before")
    return stopped("rejected", person, activity, _reused(activity))


def _reused(activity: Activity) -> str:
    return f"the id {activity.id!r} was used before with other content: give it its own"
