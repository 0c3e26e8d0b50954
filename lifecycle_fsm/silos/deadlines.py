"""The effects of time on a person besides moves: decay and deadlines [S20][S21].

The scheduler computes when the next of these is due and applies it. The machine decides their
order, and what an activity at the same instant does first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import attrs

from lifecycle_fsm.guard import TurningPoint, next_turn, turning_points
from lifecycle_fsm.history import DeadlineFact, DeadlineOutcome
from lifecycle_fsm.model import Deadline, Model
from lifecycle_fsm.person import OpenDeadline, Person
from lifecycle_fsm.requests import Cause, Request
from lifecycle_fsm.silos.decay import DecayRule
from lifecycle_fsm.silos.effects import NO_PAYLOAD, attribute_of, condition
from lifecycle_fsm.silos.request_template import RequestTemplate
from lifecycle_fsm.silos.scoring import Scoring
from lifecycle_fsm.silos.working_time import WorkingTime

#: The number of visits whose due times are cached; computing them takes calendars.
_REMEMBERED = 512


class Missed(NamedTuple):
    """A missed deadline, with the request that reports it."""

    rule: str
    request: Request | None


class MissedInTime(NamedTuple):
    """A missed deadline that a late activity may have kept, and whether its condition held when the
    activity arrived."""

    fact: DeadlineFact
    held: bool


class _Deadline:
    """One deadline, ready to run."""

    def __init__(self, rule: Deadline, model: Model, time: WorkingTime) -> None:
        self.name = rule.name
        self.length = rule.after
        self.escalates = rule.escalates
        self.time = time
        self.holds = condition(rule.when, model.vocabulary)
        self.points: tuple[TurningPoint, ...] = turning_points(rule.when, model.vocabulary)
        self.template: RequestTemplate | None = None
        if rule.send:
            self.template = RequestTemplate("deadlines", rule.name, rule.send, rule, model)


class Scheduler:
    """The decay rules and the deadlines of a model, ready to run."""

    def __init__(self, model: Model, scoring: Scoring) -> None:
        #: The rules of decay.
        self.decay = tuple(DecayRule(rule, model, scoring) for rule in model.decay)
        # One for each calendar, because it caches the days that it has computed.
        calendars = {calendar.name: calendar for calendar in model.calendars}
        times = {
            name: WorkingTime(calendars[name] if name else None)
            for name in dict.fromkeys(rule.calendar for rule in model.deadlines)
        }
        self._deadlines = [_Deadline(rule, model, times[rule.calendar]) for rule in model.deadlines]
        #: Whether time alone can make the condition of a deadline hold.
        self._conditions_turn = any(deadline.points for deadline in self._deadlines)
        self._places = {deadline.name: place for place, deadline in enumerate(self._deadlines)}
        self._due = lru_cache(maxsize=_REMEMBERED)(self._due_of_visit)
        #: The deadlines of each stage that has any, by their index in the model.
        self.by_stage: Mapping[str, tuple[int, ...]] = {
            stage: tuple(place for place, rule in enumerate(model.deadlines) if rule.stage == stage)
            for stage in dict.fromkeys(rule.stage for rule in model.deadlines)
        }

    @property
    def templates(self) -> Iterator[RequestTemplate]:
        """The requests that deadlines make."""
        return (deadline.template for deadline in self._deadlines if deadline.template)

    # ------------------------------------------------------------------ what is due next

    def next_deadline(self, person: Person, now: datetime) -> datetime | None:
        """When a deadline is next due or, if earlier, when time makes the condition of one hold.

        That may be ``now`` itself if a deadline is still open: an acceptance at that very instant
        is in time.
        """
        deadlines = person.open_deadlines
        if not deadlines:
            return None
        first = deadlines[0].due  # they are sorted
        if self._conditions_turn:
            for deadline in deadlines:
                if deadline.held:
                    continue
                points = self._deadlines[deadline.place].points
                due = next_turn(points, person, now, attribute_of) if points else None
                if due is not None and due < deadline.due and due < first:
                    first = due
        return first

    # ------------------------------------------------------------------ decay

    def fade(self, person: Person, due: datetime) -> list[str]:
        """Apply the decay that is due at this instant; return, for each rule that changed
        something, what it changed, in words."""
        return [text for rule in self.decay if (text := rule.happens(person, due))]

    # ------------------------------------------------------------------ deadlines

    def enter(self, person: Person, now: datetime) -> None:
        """Begin the deadlines of the visit that has just begun, each with its due time [S21]."""
        entered = person.stage_entered_at
        assert entered is not None, "there is a visit"
        person.begin_deadlines(
            [
                OpenDeadline(
                    self._due(entered, place),
                    place,
                    self._deadlines[place].holds(person, now, NO_PAYLOAD),
                )
                for place in self.by_stage.get(person.stage, ())
            ]
        )

    def begin_again(self, person: Person, now: datetime) -> None:
        """Begin the deadlines of a visit that began under another version of the model [S28].

        Decided deadlines stay decided. The others get new due times, counted from the entry. A
        condition that has held stays noted as such.
        """
        entered, visit = person.stage_entered_at, person.present_visit
        assert entered is not None, "there is a visit"
        decided = {fact.rule for fact in person.deadlines if fact.visit == visit}
        held = {deadline.place for deadline in person.open_deadlines if deadline.held}
        person.begin_deadlines(
            OpenDeadline(
                self._due(entered, place),
                place,
                place in held or self._deadlines[place].holds(person, now, NO_PAYLOAD),
            )
            for place in self.by_stage.get(person.stage, ())
            if self._deadlines[place].name not in decided
        )

    def leave(
        self, person: Person, now: datetime, owner: str | None, assigned_to: str | None
    ) -> None:
        """Decide the open deadlines of a visit that ends: a stage left in time is kept [S21]."""
        person.decide_deadlines(
            [
                self._fact(
                    person, deadline, "kept" if deadline.held else "void", now, owner, assigned_to
                )
                for deadline in person.open_deadlines
            ]
        )

    def observe(self, person: Person, now: datetime) -> None:
        """Note which conditions of open deadlines hold: if one never does, its deadline is void."""
        for deadline in person.open_deadlines:
            if not deadline.held:
                break
        else:
            return
        person.observe_deadlines(
            lambda deadline: self._deadlines[deadline.place].holds(person, now, NO_PAYLOAD)
        )

    def decide(self, person: Person, now: datetime) -> list[Missed]:
        """Decide the deadlines that are due by now, those of one instant in the order of the model;
        return those that were missed."""
        due = [deadline for deadline in person.open_deadlines if deadline.due <= now]
        missed, facts = [], []
        for open_deadline in sorted(due, key=lambda open_deadline: open_deadline.place):
            deadline = self._deadlines[open_deadline.place]
            outcome: DeadlineOutcome = "kept" if open_deadline.held else "void"
            if deadline.holds(person, now, NO_PAYLOAD):
                outcome = "missed"
                request = None
                if deadline.template is not None:
                    request = deadline.template.make(
                        person, now, stage=person.stage, cause=Cause(), due_at=open_deadline.due
                    )
                missed.append(Missed(deadline.name, request))
            facts.append(
                self._fact(person, open_deadline, outcome, now, person.owner, person.assigned_to)
            )
        person.decide_deadlines(facts)
        return missed

    def missed_in_time(
        self, person: Person, at: datetime, now: datetime
    ) -> tuple[MissedInTime, ...]:
        """The missed deadlines of the current visit that a late activity with this time could still
        have kept [S21]."""
        visit = person.present_visit
        return tuple(
            MissedInTime(fact, self._condition_holds(fact, person, now))
            for fact in person.deadlines
            if fact.outcome == "missed"
            and fact.due_at >= at
            and fact.visit == visit
            # Another version of the model may have dropped the rule [S28].
            and fact.rule in self._places
        )

    def correct(
        self,
        person: Person,
        missed: tuple[MissedInTime, ...],
        now: datetime,
        owner: str | None,
        assigned_to: str | None,
    ) -> None:
        """Turn missed deadlines into kept ones if a late activity, in time by its own clock, kept
        them [S21]: the person left because of it, or the condition ceased to hold."""
        for fact, held in missed:
            here = person.present_visit == fact.visit
            if here and (not held or self._condition_holds(fact, person, now)):
                continue
            person.correct_deadline(
                # A merge may have moved the deadline to another record since [S23].
                attrs.evolve(
                    fact,
                    person=person.id,
                    outcome="kept",
                    decided_at=now,
                    owner=owner,
                    assigned_to=assigned_to,
                    late=True,
                )
            )

    def _condition_holds(self, fact: DeadlineFact, person: Person, now: datetime) -> bool:
        """Whether the condition of the deadline holds."""
        return self._deadlines[self._places[fact.rule]].holds(person, now, NO_PAYLOAD)

    def _fact(
        self,
        person: Person,
        deadline: OpenDeadline,
        outcome: DeadlineOutcome,
        now: datetime,
        owner: str | None,
        assigned_to: str | None,
    ) -> DeadlineFact:
        entered = person.stage_entered_at
        assert entered is not None, "there is a visit"
        return DeadlineFact(
            person.id,
            self._deadlines[deadline.place].name,
            person.stage,
            person.journey_record,
            person.journey,
            entered,
            deadline.due,
            outcome,
            now,
            owner,
            assigned_to,
        )

    def _due_of_visit(self, entered: datetime, place: int) -> datetime:
        """When a deadline is due in a visit that began at ``entered`` [S21]."""
        deadline = self._deadlines[place]
        if deadline.escalates:
            entered = self._due(entered, self._places[deadline.escalates])
        return deadline.time.after(entered, deadline.length)

    def due_by(self, person: Person, name: str) -> datetime | None:
        """When the deadline with that name is due in the current visit, if it is undecided."""
        place = self._places.get(name)
        return next(
            (deadline.due for deadline in person.open_deadlines if deadline.place == place), None
        )
