"""A replay of one person's log that records what each activity changed.

The engine is the usual one, with a recorder as its observer. The recorder compares the fields
before and after each piece of work, and explains every guard that opens a move as it was at that
instant. So a story tells only what the engine did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from lifecycle_fsm.activities import Activity, of_version, other_record
from lifecycle_fsm.components import Components
from lifecycle_fsm.errors import RecordError, UnknownPerson
from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Guard, Outcome, compile_explainer, compile_term
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.machine import Decision, LifecycleMachine, Observer
from lifecycle_fsm.model import Edge, Model
from lifecycle_fsm.orchestrator import Orchestrator
from lifecycle_fsm.person import Opportunity, Person
from lifecycle_fsm.processing import Step
from lifecycle_fsm.processing.step import Rows, Run
from lifecycle_fsm.silos.data import DataSilo
from lifecycle_fsm.silos.effects import attribute_of, condition

#: Results that are decided before the person is touched.
_STOPPED = frozenset({"duplicate", "held", "parked", "rejected"})


@attrs.frozen
class FieldChange:
    """A field of the person whose value changed."""

    field: str
    before: Value
    after: Value


@attrs.frozen(kw_only=True)
class StoryMoment:
    """One thing that happened to one record: an activity, the end of processing, or time.

    ``decisions`` are its results, the decision on the activity itself first. ``before`` and
    ``after`` have all fields, ``deals`` the opportunities before and after. ``reasons`` maps each
    history row, by its sequence, to the guard that was open, with the values that it saw.
    ``capped`` are the score rules that gave less than the activity was worth, because they reached
    their cap. ``decided`` are the outcomes of deadlines that it decided.
    """

    person: str
    now: datetime
    activity: Activity | None
    decisions: list[Decision]
    before: Mapping[str, Value]
    after: Mapping[str, Value]
    deals: tuple[Mapping[str, Opportunity], Mapping[str, Opportunity]]
    reasons: dict[int, Outcome]
    capped: tuple[str, ...] = ()
    decided: tuple[DeadlineFact, ...] = ()

    @property
    def main(self) -> Decision:
        """The decision on the activity itself; the others followed from it."""
        return self.decisions[0]

    @property
    def kind(self) -> str:
        """The kind of the activity, or ``time``."""
        return self.activity.kind if self.activity is not None else "time"

    @property
    def rows(self) -> tuple[HistoryRow, ...]:
        """The rows of all its decisions."""
        return tuple(row for decision in self.decisions for row in decision.rows)

    @property
    def changes(self) -> tuple[FieldChange, ...]:
        """The fields whose values changed."""
        return tuple(
            FieldChange(name, self.before[name], value)
            for name, value in self.after.items()
            if self.before[name] != value
        )


def together(activities: Iterable[Activity], person: str) -> frozenset[str]:
    """The ids of all records that are ever merged with this one [S23]."""
    pairs = (
        (activity.person, other)
        for activity in activities
        if (other := other_record(activity)) is not None
    )
    return Components(pairs).group(person)


class Replay:
    """A person's log, applied in the order given, including all records that are merged together.

    Args:
        model: the lifecycle.
        log: activities, of these persons or of everybody.
        person: the id of any of the records.
        until: what happened later is left out, and time passes up to then.
        steps, tables: for original processing, if the log does not record its results.

    Raises:
        UnknownPerson: the log does not create the person.
        LifecycleError: another version of the model applied the log [S28].
    """

    def __init__(
        self,
        model: Model,
        log: Iterable[Activity],
        person: str,
        *,
        until: datetime | None = None,
        steps: Mapping[str, Run] | Iterable[Step] = (),
        tables: Mapping[str, Rows] | None = None,
    ) -> None:
        everything = of_version(log, model.version)
        self.group = together(everything, person)
        own = [activity for activity in everything if activity.person in self.group]
        self.log = [activity for activity in own if until is None or activity.at <= until]
        self._recorder = _Recorder(model, self.log)
        self.orchestrator = Orchestrator(
            model, steps=steps, tables=tables, record=self._recorder.record, log=self._recorder.log
        )
        self._recorder.begin(self.orchestrator)
        self.orchestrator.expect_processed(
            activity.person for activity in self.log if activity.kind == "processed"
        )
        for activity in self.log:
            self._recorder.current = activity
            self.orchestrator.apply(activity)
        self._recorder.current = None
        if until is not None:
            self.orchestrator.tick(until)
        if person not in self.orchestrator:
            raise UnknownPerson(_nobody(person, own, self._recorder.moments(), until))
        #: Whose story it is: the person who has the record now.
        self.person: Person = self.orchestrator.survivor(person)
        self.moments = self._recorder.moments()
        clock = self.person.clock
        assert clock is not None, "who was created has a clock"
        #: The end of the known history.
        self.end = clock if until is None else until

    @property
    def causes(self) -> Mapping[tuple[str, str], Activity]:
        """The activities behind the rows and decisions, by record and id."""
        return self._recorder.causes

    def look_ahead(self, limit: datetime, most: int) -> list[StoryMoment]:
        """What time alone would bring up to the limit, if nothing else happens: at most ``most``
        moments, and none after the first that moves the person. Call it last, because it advances
        the persons."""
        person = self.person
        moments: list[StoryMoment] = []
        while len(moments) < most and (due := person.next_due) is not None and due <= limit:
            count = self._recorder.count
            self.orchestrator.tick(due)
            fresh = [
                moment for moment in self._recorder.moments(count) if moment.person == person.id
            ]
            moments += fresh
            if not fresh or any(row.visits for moment in fresh for row in moment.rows):
                break
        return moments


def _nobody(
    person: str, own: list[Activity], moments: list[StoryMoment], until: datetime | None
) -> str:
    mine = [activity for activity in own if activity.person == person]
    if not mine:
        return f"nothing in this log is about {person!r}"
    later = min((activity.at for activity in mine if activity.kind == "created"), default=None)
    if later is not None and until is not None and later > until:
        return f"{person!r} is created later, at {later:%Y-%m-%d %H:%M} UTC: say a later --at"
    reasons = dict.fromkeys(
        decision.reason
        for moment in moments
        if moment.person == person
        for decision in moment.decisions
        if decision.reason
    )
    return f"{person!r} was never created: {'; '.join(reasons)}"


@attrs.frozen
class _Snapshot:
    """A person at one instant. Two are equal if nothing at all has changed in between."""

    kept: Mapping[str, Any]
    opportunities: Mapping[str, Opportunity] = attrs.field(eq=False)
    capped_points: Mapping[int, tuple[int, int]] = attrs.field(eq=False)
    deadlines: tuple[DeadlineFact, ...] = attrs.field(eq=False)

    @classmethod
    def of(cls, person: Person) -> _Snapshot:
        """Everything that the person keeps, as it is pickled, and the parts that are not fields."""
        kept: Any = person.__getstate__()
        return cls(kept, person.opportunities, person.capped_points, person.deadlines)


class _Recorder(Observer):
    """Records each piece of work as it is done."""

    def __init__(self, model: Model, log: Iterable[Activity]) -> None:
        self.model = model
        self.current: Activity | None = None
        self.causes: dict[tuple[str, str], Activity] = {}
        self._given = {(activity.person, activity.id): activity for activity in log}
        self._moments: list[StoryMoment] = []
        self._latest: dict[str, StoryMoment] = {}
        self._states: dict[str, _Snapshot] = {}
        self._fields = tuple(model.field_types)
        self._caps = _Caps(model)
        self._opened: dict[tuple[str, str], Outcome] = {}
        self._explainers: dict[str, Callable[[Any, datetime], Outcome]] = {}

    def begin(self, orchestrator: Orchestrator) -> None:
        self._people: Mapping[str, Person] = orchestrator.people
        self._nothing = _Snapshot.of(orchestrator.machine.person("nobody"))
        orchestrator.machine.observers.append(self)

    def guard_evaluated(
        self,
        machine: LifecycleMachine,
        person: Person,
        edge: Edge,
        now: datetime,
        holds: bool,
        conditions: object,
    ) -> None:
        """Explain a guard that opens a move, as it is at that instant."""
        if not holds:
            return
        explain = self._explainers.get(edge.name)
        if explain is None:
            explain = compile_explainer(edge.when, self.model.vocabulary, attribute_of)
            self._explainers[edge.name] = explain
        self._opened[person.id, edge.name] = explain(person, now)

    def log(self, activity: Activity) -> None:
        """An activity was applied, possibly the one that ended processing."""
        self.causes[activity.person, activity.id] = activity

    def record(self, decision: Decision) -> None:
        """A decision was made. The decisions of one piece of work come after all of it is done: the
        first finds the person changed, the others find them as the first left them."""
        person = self._people.get(decision.person)
        state = self._nothing if person is None else _Snapshot.of(person)
        before = self._states.get(decision.person, self._nothing)
        self._states[decision.person] = state
        moment = self._latest.get(decision.person)
        if moment is None or state != before or decision.result in _STOPPED:
            moment = self._begun(decision, person, before, state)
            self._moments.append(moment)
            self._latest[decision.person] = moment
        else:
            moment.decisions.append(decision)
        for row in decision.rows:
            outcome = self._opened.get((decision.person, row.rule))
            if outcome is not None:
                moment.reasons[row.sequence] = outcome

    def _begun(
        self,
        decision: Decision,
        person: Person | None,
        before: _Snapshot,
        after: _Snapshot,
    ) -> StoryMoment:
        """The moment that a decision begins; others of the same piece of work may follow."""
        activity = self._activity(decision)
        capped: tuple[str, ...] = ()
        if person is not None and activity is not None and decision.result not in _STOPPED:
            capped = self._caps.reached(activity, person, before.capped_points, decision.now)
        return StoryMoment(
            person=decision.person,
            now=decision.now,
            activity=activity,
            decisions=[decision],
            before={name: before.kept[name] for name in self._fields},
            after={name: after.kept[name] for name in self._fields},
            deals=(before.opportunities, after.opportunities),
            reasons={},
            capped=capped,
            decided=tuple(fact for fact in after.deadlines if fact not in before.deadlines),
        )

    def _activity(self, decision: Decision) -> Activity | None:
        if decision.activity is None:
            return None
        if self.current is not None and self.current.id == decision.activity:
            return self.current
        key = decision.person, decision.activity
        activity = self.causes.get(key) or self._given.get(key)
        if activity is None:  # it belongs to a record that was merged into this one
            others = (
                activity for activity in self._given.values() if activity.id == decision.activity
            )
            activity = next(others, None)
        return activity

    @property
    def count(self) -> int:
        """How many moments there are so far."""
        return len(self._moments)

    def moments(self, since: int = 0) -> list[StoryMoment]:
        """All moments so far, or those after the first ``since``; an activity that was held until
        its person was created appears once."""
        done = {
            (moment.activity.person, moment.activity.id)
            for moment in self._moments
            if moment.activity is not None and moment.main.result != "held"
        }
        return [
            moment
            for moment in self._moments[since:]
            if moment.main.result != "held"
            or moment.activity is None
            or (moment.activity.person, moment.activity.id) not in done
        ]


class _Caps:
    """The capped score rules of a model: which of them gave less than an activity was worth,
    because they reached their cap [S18]."""

    def __init__(self, model: Model) -> None:
        self._data = DataSilo(model)
        self._rules = [
            (
                place,
                rule,
                condition(rule.when, model.vocabulary_for(rule.on)),
                compile_term(rule.points, model.vocabulary_for(rule.on), attribute_of),
            )
            for place, rule in enumerate(model.scoring)
            if rule.on is not None and rule.cap is not None and not isinstance(rule.points, Guard)
        ]

    def reached(
        self,
        activity: Activity,
        person: Person,
        before: Mapping[int, tuple[int, int]],
        now: datetime,
    ) -> tuple[str, ...]:
        """The names of those rules, for an activity that has just been applied.

        Args:
            activity: what happened.
            person: the person after it.
            before: what the capped rules had given before it, as :attr:`.Person.capped_points`.
            now: the person's clock.
        """
        rules = [rule for rule in self._rules if rule[1].on == activity.kind]
        if not rules:
            return ()
        try:
            payload = self._data.accept(activity.kind, activity.payload)
        except RecordError:
            return ()
        given = person.capped_points
        reached = []
        for place, rule, holds, points in rules:
            if place not in given or not holds(person, now, payload):
                continue
            turn, total = given[place]
            same = place in before and before[place][0] == turn
            worth = points(person, now, payload)
            if isinstance(worth, int | float) and worth != total - (
                before[place][1] if same else 0
            ):
                reached.append(rule.name)
        return tuple(reached)
