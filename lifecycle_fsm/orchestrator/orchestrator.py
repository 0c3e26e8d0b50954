"""The path of one activity: inbox, data, scoring, original processing or machine, history.

Every activity goes through :meth:`Orchestrator.apply`, whether live in a web handler or replayed
from a log of years, so both give the same history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from lifecycle_fsm.activities import (
    IDENTITY,
    MODEL_CHANGED,
    SETTLED,
    TIME_PASSED,
    Activity,
    fingerprint,
    made_id,
    mapped_stages,
    model_changed,
)
from lifecycle_fsm.errors import LifecycleError, RecordError, UnknownPerson
from lifecycle_fsm.fields import instant
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.machine import EVERYWHERE, Decision
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator.activity_flow import ActivityFlow
from lifecycle_fsm.orchestrator.engine import Engine
from lifecycle_fsm.orchestrator.migration import Migration, carried_over
from lifecycle_fsm.orchestrator.parking import Parked, error_text
from lifecycle_fsm.orchestrator.people_register import NOTHING_SEEN, PeopleRegister, by_person
from lifecycle_fsm.orchestrator.saved_state import Plain
from lifecycle_fsm.person import Person
from lifecycle_fsm.processing import ChainResult, Context
from lifecycle_fsm.processing.step import Rows, Run, Step
from lifecycle_fsm.silos.effects import Payloads

#: The id of the activity that ends original processing: ids are unique for a person [S19].
PROCESSED = "processed"
#: Why an activity that is held changes nothing when it comes again.
HELD = "this activity is held already"
#: Why a ``model_changed`` from a log does nothing here.
MIGRATES = "only the saved state of a person is migrated, and this lifecycle keeps the person"
#: Kinds of activity with special handling.
_OUR_OWN = frozenset({"created", "processed", "merged", "converted", MODEL_CHANGED})


class Orchestrator(PeopleRegister):
    """Runs activities through a model, for any number of people.

    Args:
        model: the lifecycle, or a shared engine.
        steps: the project's own steps of original processing, by name, or declared ones; an engine
            has its own.
        tables: rows for the enrich steps, by name.
        record: called with every decision, in order, including those without an activity (time,
            the end of processing).
        log: called with every activity that was applied, with the ``processed`` that ends original
            processing, and with a ``time_passed`` for each instant at which time changed a person.
            Replaying such a log always gives the same history [S14][S19].
    """

    def __init__(
        self,
        model: Model | Engine,
        *,
        steps: Mapping[str, Run] | Iterable[Step] = (),
        tables: Mapping[str, Rows] | None = None,
        record: Callable[[Decision], None] | None = None,
        log: Callable[[Activity], None] | None = None,
    ) -> None:
        if isinstance(model, Model):
            model = Engine(model, steps=steps, tables=tables)
        elif steps or tables:
            raise LifecycleError("an engine has its own steps and tables: give them to it instead")
        super().__init__(model)
        self._held: dict[str, dict[str, Activity]] = {}
        #: The held activities of existing people: merges that wait for their losers.
        self._held_merges: dict[str, Activity] = {}
        self._record = record or _unrecorded
        self._flow = ActivityFlow(self.engine, self._seen, log)
        self._work = self._flow.activity
        self._logged: set[str] = set()
        self._initial = self.model.initial.name
        self._observers = self.machine.observers
        self._data = self.engine.data
        self._triggers = self.engine.triggers
        self._snapshots = self.engine.snapshots

    # ------------------------------------------------------------------ the inbox

    def expect_processed(self, persons: Iterable[str]) -> None:
        """Name the people whose log has the activity ``processed``: they wait for it and are not
        sorted by the clock [S14]."""
        self._logged.update(persons)

    def apply(self, activity: Activity) -> Decision:
        """Apply one activity and return the decision on it.

        The order is: everything due before it, data, scoring, its process trigger once, and the
        system moves to completion [S7][S20]. Either all of it happens or nothing [S11].
        """
        if activity.kind == TIME_PASSED and activity.person in self:
            return self._time_passed(activity)
        decisions = self._apply(activity)
        for decision in decisions:
            self._record(decision)
        if self._observers or EVERYWHERE:
            self._tell(activity, decisions)
        if self._held:
            for name in (activity.person, activity.payload.get("contact")):
                if name in self._held and name in self:
                    self._release(name)
        return decisions[0]

    def _tell(self, activity: Activity, decisions: list[Decision]) -> None:
        for observer in (*self.machine.observers, *EVERYWHERE):
            observer.activity_applied(self.machine, activity, decisions)

    def _apply(self, activity: Activity, *, released: bool = False) -> list[Decision]:
        name, kind = activity.person, activity.kind
        person = self.people.get(name)
        if person is None or name in self.merged:
            if name not in self:
                return [self._unknown(activity)]
            person = self.survivor(name)
            if name in self.aliases and name not in self._all_names(person):
                self._names[person.id] = (*self._all_names(person), name)
        if self._held_merges and not released:
            held = self._held_merges.get(_held_key(activity))
            if held is not None:
                return [_again(person, activity, self._same(held, activity), HELD)]
        try:
            payload = self._data.accept(kind, activity.payload)
        except RecordError as error:
            return [Decision.stopped("rejected", person, activity, str(error))]
        mark = fingerprint(activity, payload, None if name == person.id else name)
        if person.id in self._names:
            before = self._content(person, name, activity.id)
            if before is None and self._came_to_others(person, activity, mark[IDENTITY:]):
                before = mark[IDENTITY:]
        else:
            before = self._seen.find(person, mark[:IDENTITY])
        if before is not None:
            return [_again(person, activity, before == mark[IDENTITY:])]
        own = kind in _OUR_OWN
        if own and (refused := self._refusal(activity, person, payload)) is not None:
            return [refused]
        due = person.next_due
        if due is not None and due < activity.at:
            self._run_due(person, activity.at)
        loser, work = None, self._work
        if own:
            payload = self._filtered(activity, person, payload)
            loser, work = self._merged_with(activity, person, payload), self._transact
        if loser is not None:
            self._meet(person, loser, activity.at)
        try:
            if loser is not None:
                decisions = self._merge(person, loser, activity, payload, mark)
            else:
                # As the snapshot does when called, but without the calls.
                snapshot = self._snapshots[kind]
                state = snapshot.read(person)
                try:
                    decisions = work(person, activity, payload, mark)
                except BaseException:
                    snapshot.put_back(person, state)
                    raise
        except Exception as error:
            return [self._park(person, activity, error)]
        if self._lot.by_person:
            self._unpark(person, activity)
            if kind == "processed" and person.stage != self._initial:
                self._lot.remove(person.id, None)
        return decisions

    def _park(self, person: Person, activity: Activity, error: Exception) -> Decision:
        """Keep an activity that an error stopped for a retry, and return the decision on it."""
        if self._replaces_parked(self._all_names(person), activity):
            return _again(person, activity, same=False)
        self._unpark(person, activity)
        self._lot.keep(Parked(person.id, activity, error_text(error), exception=error))
        trigger = self._triggers.get(activity.kind)
        return Decision.stopped("parked", person, activity, error_text(error), trigger)

    def _same(self, before: Activity, activity: Activity) -> bool:
        """Whether two activities with the same id have the same content [S19]: a time may be a
        text, as in a saved activity."""
        return before == activity or self._mark(before) == self._mark(activity)

    def _mark(self, activity: Activity) -> bytes:
        try:
            payload = self._data.accept(activity.kind, activity.payload)
        except RecordError:  # a held activity may have an invalid payload
            payload = dict(activity.payload)
        return fingerprint(activity, payload)

    def _replaces_parked(self, names: Iterable[str], activity: Activity) -> bool:
        """Whether this activity, if it is parked too, would replace a parked activity with the
        same id and other content [S19]."""
        before = self._lot.find(names, activity)
        return before is not None and not self._same(before, activity)

    def _unpark(self, person: Person, activity: Activity) -> None:
        """Remove an activity from the parked ones, even if it was parked before a merge."""
        for name in self._all_names(person):
            self._lot.remove(name, activity)

    def _refusal(self, activity: Activity, person: Person, payload: Payloads) -> Decision | None:
        """The decision on an activity that is refused or held, not applied; else ``None``."""
        reason, record = "", activity.person
        if activity.kind == MODEL_CHANGED:
            return Decision.stopped("unchanged", person, activity, MIGRATES)
        if activity.kind == "created" and record not in self.aliases:
            reason = f"{record} was created already"
        elif activity.kind == "processed" and person.stage != self._initial:
            if self._was_sorted(record):
                reason = f"{record} was sorted already"
        elif activity.kind == "merged" and str(payload["loser"]) not in self:
            return self._hold(activity, str(payload["loser"]))
        return Decision.stopped("rejected", person, activity, reason) if reason else None

    def _was_sorted(self, record: str) -> bool:
        """Whether the end of this record's own processing has sorted its person; ``settle`` is only
        a substitute for it, and the ``processed`` may still come [S14]."""
        record = self.aliases.get(record, record)
        return self.people[record].sorted_by == record

    def _filtered(self, activity: Activity, person: Person, payload: Payloads) -> Payloads:
        """The part of a payload that may still be applied to an existing person.

        A contact that is created after the conversion of its lead adds only missing values. The end
        of processing of a merged record adds fields but not the demographic score, which is a
        function of all of them [S18][S23].
        """
        if activity.kind == "created":
            return {name: value for name, value in payload.items() if getattr(person, name) is None}
        if activity.kind == "processed" and person.stage != self._initial:
            scored = self.machine.scoring.has_demographic
            return {
                name: value
                for name, value in payload.items()
                if not (scored and name == "demographic_score")
            }
        return payload

    def _merged_with(self, activity: Activity, person: Person, payload: Payloads) -> Person | None:
        """The person that the activity merges into this one, by a merge or by a conversion into an
        existing contact [S23]."""
        match activity.kind:
            case "merged":
                name = payload["loser"]
            case "converted":
                name = payload.get("contact")
            case _:
                return None
        other = self.survivor(name) if isinstance(name, str) and name in self else person
        return None if other is person else other

    # ------------------------------------------------------------------ work on a person

    def ask(
        self, person: Person, trigger: str, at: datetime, activity: str | None, payload: Payloads
    ) -> Decision:
        """``person.<trigger>(at=…)``: works like the activity with that name [S7]."""
        if trigger not in self.model.activity_kinds:
            kinds = [name for name, raised in self._triggers.items() if raised == trigger]
            raise LifecycleError(
                f"{trigger!r} is asked by an activity: apply {' or '.join(kinds)} instead"
            )
        name = activity or made_id(trigger, at, payload)
        return self.apply(Activity(name, person.id, trigger, at, payload))

    def _transact(
        self, person: Person, activity: Activity, payload: Payloads, mark: bytes
    ) -> list[Decision]:
        """Apply an activity, which may sort the person or name a contact, and remember it."""
        if activity.kind == "processed" and person.stage == self._initial:
            self._seen.keep(person, mark)
            return self._sort(person, activity, payload)
        decisions = self._flow.activity(person, activity, payload, mark)
        if activity.kind == "merged":
            decisions[0].reason = f"{payload['loser']} and {person.id} are one person already"
        contact = payload.get("contact") if activity.kind == "converted" else None
        if isinstance(contact, str) and contact not in self:
            contacts = self._contacts.get(person.id, ())
            self._contacts[person.id] = tuple(dict.fromkeys((*contacts, contact)))
            self.aliases[contact] = activity.person if activity.person in self.people else person.id
        return decisions

    def _sort(self, person: Person, processed: Activity, values: Payloads) -> list[Decision]:
        context = self.machine.context(person, processed.at, None, processed.id)
        skipped = "; ".join(map(str, self.skipped.get(person.id, ())))
        return self._flow.sort(person, context, processed, values, skipped)

    def _meet(self, survivor: Person, loser: Person, at: datetime) -> None:
        """Advance both clocks to the merge, or to the later clock: neither goes back [S20]."""
        now = at
        while True:
            for person in (survivor, loser):
                if person.next_due is not None and person.next_due < now:
                    self._run_due(person, now)
            latest = max(survivor.clock or now, loser.clock or now)
            if latest <= now:
                return
            now = latest

    def _merge(
        self, person: Person, loser: Person, activity: Activity, payload: Payloads, mark: bytes
    ) -> list[Decision]:
        """Merge another person into this one [S23]: both people and the register of their ids
        change together or, on an exception, not at all [S11]."""
        clocks = [record.clock for record in (person, loser) if record.clock is not None]
        now = max(activity.at, *clocks)
        ours = self._records.get(person.id, (person,))
        theirs = self._records.get(loser.id, (loser,))
        names = self._all_names(person)

        def fold() -> list[Decision]:
            self._seen.keep(person, mark)
            decisions = self._flow.merge(person, loser, activity, payload, now)
            self._records[person.id] = (*ours, *theirs)
            self._names[person.id] = (*names, *self._all_names(loser))
            self.merged[loser.id] = person.id
            return decisions

        try:
            decisions = self.machine.transaction.both(person, loser, fold)
        except BaseException:
            self.merged.pop(loser.id, None)
            self._records[person.id] = ours
            self._names[person.id] = names
            raise
        self._logged.discard(loser.id)
        self._lot.remove(loser.id, None)
        if person.stage != self._initial:
            self._lot.remove(person.id, None)
        return decisions

    # ------------------------------------------------------------------ new people

    def _unknown(self, activity: Activity) -> Decision:
        if activity.kind != "created":
            return self._hold(activity, activity.person)
        try:
            payload = self._data.accept("created", activity.payload)
            values = {"created_at": activity.at, **payload}
            person = self.machine.person(activity.person)
            person.entrust_to(self)
        except RecordError as error:
            return Decision.of_unknown("rejected", activity, str(error))
        if activity.person not in self._logged:
            self.machine.settle_at(person, activity.at + self.model.settle)
        try:
            self._flow.created(person, activity, values)
        except Exception as error:
            if self._replaces_parked([activity.person], activity):
                return Decision.of_unknown("rejected", activity, _reused(activity))
            self._lot.keep(Parked(activity.person, activity, error_text(error), exception=error))
            return Decision.of_unknown("parked", activity, error_text(error))
        self._seen.keep(person, fingerprint(activity, payload))
        self.people[person.id] = person
        self._lot.remove(person.id, activity)
        return Decision.of_unknown("moved", activity, "", person)

    def _hold(self, activity: Activity, missing: str) -> Decision:
        """Hold the activity until the person that it needs is created [S19]."""
        waiting = self._held.setdefault(missing, {})
        key = _held_key(activity)
        before = waiting.get(key)
        if before is not None:
            return (
                Decision.of_unknown("duplicate", activity, HELD)
                if self._same(before, activity)
                else Decision.of_unknown("rejected", activity, _reused(activity))
            )
        waiting[key] = activity
        if missing != activity.person:
            self._held_merges[key] = activity
        reason = f"nobody has created {missing!r} yet; this waits for 'created'"
        return Decision.of_unknown("held", activity, reason)

    def _release(self, name: str) -> None:
        """Apply the activities held for a person who has been created or a contact that is now
        known. Each is held until it has been applied, so an interrupt loses none [S11]."""
        waiting = self._held[name]
        for key, activity in sorted(waiting.items(), key=lambda held: held[1].order):
            decisions = self._apply(activity, released=True)
            for decision in decisions:
                self._record(decision)
            self._tell(activity, decisions)
            waiting.pop(key, None)
            if activity.person != name:
                self._held_merges.pop(key, None)
            contact = activity.payload.get("contact")
            if contact != name and contact in self._held and contact in self:
                self._release(contact)
        if not waiting:
            self._held.pop(name, None)

    # ------------------------------------------------------------------ original processing

    def process(self, id: str, at: datetime | str, given: ChainResult | None = None) -> Decision:
        """Run the chain of original processing for one person now, then sort [S13][S14].

        Args:
            id: the person's id.
            at: when processing ends.
            given: the result of the chain if it has already run; then only sort.

        Raises:
            UnknownPerson: no person with this id has been created.
            LifecycleError: the person is already sorted.
        """
        try:
            person = self.survivor(id)
        except KeyError:
            raise UnknownPerson(f"nobody with the id {id!r} has been created") from None
        if person.stage != self._initial:
            raise LifecycleError(f"{id} was sorted before and is in {person.stage!r}")
        if given is not None and person.id != id:
            raise LifecycleError(f"{id} was merged into {person.id}: its processing has ended")
        when = instant(at)
        if person.settles_at is not None:  # the caller now decides when it ends, not settle
            self.machine.settle_at(person, None)
        self._run_due(person, when)
        decisions = self._process(person, when, PROCESSED, given)
        for decision in decisions:
            self._record(decision)
        return decisions[0]

    def _process(
        self, person: Person, at: datetime, id: str, given: ChainResult | None = None
    ) -> list[Decision]:
        """Run the chain; it ends with the activity ``processed``, as in a log."""
        now = max(at, person.clock or at)
        if given is None:
            given = self.engine.chain.run(person, Context(now, self.model.tokens))
        self.skipped.pop(person.id, None)
        if given.skipped:
            self.skipped[person.id] = given.skipped
        activity = Activity(id, person.id, "processed", now, given.values)
        error: object = given.parked
        exception = None if given.parked is None else given.parked.exception
        if error is None:
            mark = fingerprint(activity, given.values)
            try:
                decisions = self.machine.transaction(
                    person, self._transact, person, activity, given.values, mark
                )
            except Exception as failure:
                error, exception = error_text(failure), failure
            else:
                self._lot.remove(person.id, None)
        if error is not None:
            self.machine.settle_at(person, None, now)
            self._lot.keep(Parked(person.id, None, str(error), exception=exception))
            decisions = [Decision.stopped("parked", person, activity, str(error))]
        if self._observers or EVERYWHERE:
            self._tell(activity, decisions)
        return decisions

    # ------------------------------------------------------------------ saved people

    def dump_all(self) -> Plain:
        """All data of all people, for :meth:`restore_all`; rows and activities stay objects."""
        return {
            "states": [self.dump(name) for name in self.people if name not in self.merged],
            "order": list(self.people),
            "history": [row for person in self.people.values() for row in person.history],
            "deadlines": [fact for person in self.people.values() for fact in person.deadlines],
            "seen": {name: self._seen.all_of(person) for name, person in self.people.items()},
            "held": [activity for held in self.held.values() for activity in held],
            "parked": [lot.dump() for lot in self._lot.parked if lot.person not in self],
            "expected": sorted(self._logged),
        }

    def restore_all(self, everything: Mapping[str, Any]) -> None:
        """Restore all people from :meth:`dump_all`; the orchestrator must be empty."""
        rows, facts = by_person(everything["history"]), by_person(everything["deadlines"])
        for state in everything["states"]:
            names = [state["id"], *(record["id"] for record in state.get("folded", ()))]
            self.restore(
                state,
                [row for name in names for row in rows.get(name, ())],
                [fact for name in names for fact in facts.get(name, ())],
                everything["seen"],
            )
        self.people = {name: self.people[name] for name in everything["order"]}
        self._logged.update(everything["expected"])
        for activity in everything["held"]:
            self._apply(activity)
        for parked in everything["parked"]:
            self.park(Parked.load(parked))

    def migrate(
        self,
        state: Mapping[str, Any],
        stages: Mapping[str, str],
        at: datetime | str,
        history: Iterable[HistoryRow] = (),
        deadlines: Iterable[DeadlineFact] | None = None,
        seen: Mapping[str, bytes] = NOTHING_SEEN,
    ) -> Decision:
        """Restore a person from another version of the model, by a ``model_changed`` [S28].

        Args:
            state: the plain data.
            stages: the removed stages, each with its replacement.
            at: when the model changes for the person.
            history: as for :meth:`restore`.
            deadlines: likewise.
            seen: likewise.

        Raises:
            LifecycleError: the map of stages does not fit the model.
            RecordError: the state cannot be rewritten, or is not a saved state.
        """
        self._check(state, migrates=True)
        version = str(state.get("version"))
        migrated = Migration(self.engine, stages).rewrite(state, instant(at))
        stage = migrated.state["stage"]
        facts = None if deadlines is None else carried_over(deadlines, state, stage)
        people, parked = self._loaded(migrated.state, history, facts)
        person = people[0]
        activity = model_changed(person.id, instant(at), version, self.machine.version, stages)
        reason = f"dropped {', '.join(migrated.dropped)}" if migrated.dropped else ""
        known = state.get("open_returns", ())
        # The person is not registered yet, so on an error nothing has happened [S11].
        decisions = self._flow.model_changed(person, activity, migrated.before, known, reason)
        self._keep(migrated.state, people, parked, seen)
        self._seen.keep(person, fingerprint(activity, activity.payload))
        for decision in decisions:
            self._record(decision)
        self._tell(activity, decisions)
        return decisions[0]

    def hand_over(self, other: Orchestrator, changed: Activity) -> Decision:
        """Hand a person over to the orchestrator of another version of the model, as recorded in a
        log [S28]. The person stays here as well."""
        person = self.survivor(changed.person)
        # The log has the changes by time: this only finds out what is due next.
        self._run_due(person, max(changed.at, person.clock or changed.at), inclusive=True)
        records = self._records.get(person.id, (person,))
        return other.migrate(
            self.dump(person.id),
            mapped_stages(changed),
            changed.at,
            [row for record in records for row in record.history],
            [fact for record in records for fact in record.deadlines],
            self.seen(person.id),
        )

    # ------------------------------------------------------------------ time

    def tick(self, until: datetime | str) -> list[Decision]:
        """Let time pass: everything due by ``until`` happens, each at its own instant. How often
        this is called makes no difference [S20]."""
        end = instant(until)
        return [
            decision
            for person in list(self.people.values())
            for decision in self._run_due(person, end, inclusive=True)
        ]

    def _time_passed(self, activity: Activity) -> Decision:
        """Apply a ``time_passed`` of a log: everything due by then happens, unless it has [S19]."""
        person = self.survivor(activity.person)
        decisions = self._run_due(person, activity.at, inclusive=True)
        return decisions[0] if decisions else Decision.stopped("unchanged", person, activity, "")

    def _run_due(
        self, person: Person, until: datetime, *, inclusive: bool = False
    ) -> list[Decision]:
        made: list[Decision] = []
        while (due := person.next_due) is not None and (
            due < until or (inclusive and due == until)
        ):
            settles = person.settles_at
            if settles is not None and settles <= due and person.stage == self._initial:
                decisions = self._process(person, due, SETTLED)
            else:
                # Never back in time: what failed before the last activity is already parked.
                decisions = self._let_pass(person, max(due, person.clock or due))
            for decision in decisions:
                self._record(decision)
            made += decisions
        return made

    def _let_pass(self, person: Person, due: datetime) -> list[Decision]:
        """Apply what is due at an instant: decay, deadlines, moves."""
        try:
            return self.engine.time_snapshot(person, self._flow.time, person, due)
        except Exception as error:
            self.machine.suspend(person)
            self._lot.keep(Parked(person.id, None, error_text(error), due, error))
            context = self.machine.context(person, due)
            return [
                Decision.fired("parked", person, context, None, "time", reason=error_text(error))
            ]

    # ------------------------------------------------------------------ when things went wrong

    @property
    def held(self) -> Mapping[str, list[Activity]]:
        """Activities that wait for a person who has not been created, by that person's id [S19]."""
        # Copied in one step: another thread may read while this one adds more.
        return {person: list(waiting.values()) for person, waiting in list(self._held.items())}

    @property
    def parked(self) -> Mapping[str, list[Parked]]:
        """Work that an error prevented, kept for a retry, by person [S11][S13]."""
        return self._lot.by_person

    def park(self, parked: Parked) -> None:
        """Take over what an error parked elsewhere."""
        self._lot.keep(parked)

    def retry(self, at: datetime | str) -> list[Decision]:
        """Retry everything parked: activities at their own time, processing now."""
        now = instant(at)
        decisions = []
        for parked in self._lot.parked:
            tried = self._retry(parked, now)
            # Only now, so that an interrupt loses none.
            if all(decision.result != "parked" for decision in tried):
                self._lot.remove(parked.person, parked.activity)
            decisions += tried
        return decisions

    def _retry(self, parked: Parked, now: datetime) -> list[Decision]:
        if parked.activity is not None:
            return [self.apply(parked.activity)]
        person = self.people[parked.person]
        if person.id in self.merged:
            return []
        if person.stage == self._initial:
            return [self.process(parked.person, now)]
        self.machine.reschedule(person)
        return self._run_due(person, now, inclusive=True)


def _unrecorded(decision: Decision) -> None:
    """Do nothing: decisions are not kept."""


def _again(
    person: Person, activity: Activity, same: bool, reason: str = "it was applied before"
) -> Decision:
    if same:
        return Decision.stopped("duplicate", person, activity, reason)
    return Decision.stopped("rejected", person, activity, _reused(activity))


def _held_key(activity: Activity) -> str:
    return f"{activity.person}/{activity.id}"


def _reused(activity: Activity) -> str:
    return f"the id {activity.id!r} was used before with other content: give it its own"
