"""What time brings to a person: decay, then missed deadlines, then system moves [S20].

The agenda only says when the next of these is due and lets it happen; whose turn it is, and what
an activity at the same instant does first, is the orchestrator's matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias

from lifecycle_fsm.asking import Asking
from lifecycle_fsm.clock.working_time import WorkingTime
from lifecycle_fsm.effects import NO_PAYLOAD, attribute_of, condition, effects
from lifecycle_fsm.guard import turning_points
from lifecycle_fsm.model import Deadline, Decay, Model
from lifecycle_fsm.model.building import fields_read
from lifecycle_fsm.person import Person
from lifecycle_fsm.requests import Cause, Request
from lifecycle_fsm.scoring import Scoring

#: What a person keeps of the deadlines of the present visit: its stage, when it began, how many
#: of them have passed, and when the next one is due [S21].
_Visit: TypeAlias = tuple[str, datetime, int, datetime | None]
#: Of how many visits the due times are remembered; working them out takes calendars.
_REMEMBERED = 512


class _Fading:
    """One decay rule, ready to run."""

    def __init__(self, rule: Decay, model: Model, scoring: Scoring) -> None:
        words = model.vocabulary_for(None)
        self.name = rule.name
        self.every = rule.every
        self.since = attribute_of(rule.since)
        self.holds = condition(rule.when, words)
        # A condition that no clock can change keeps the rule asleep until an activity wakes it; but
        # assignment writes behind the moves, when the next instant is known already.
        self.sleeps = not turning_points(rule.when, words) and "assigned_to" not in fields_read(
            model, [rule.when]
        )
        written = effects(rule.then, model.field_types, words)
        self.fade = scoring.rescoring(written, (one.field for one in rule.then))
        self.fields = tuple(dict.fromkeys([*(one.field for one in rule.then), "demographic_score"]))

    def next(self, person: Person, now: datetime, *, at_now: bool) -> datetime | None:
        """The next instant after now, or at it."""
        since: datetime | None = getattr(person, self.since)
        if since is None or (self.sleeps and not self.holds(person, now, NO_PAYLOAD)):
            return None
        try:
            if since >= now:  # as after every sign of interest
                return since + self.every
            passed = (now - since) // self.every
            if at_now and passed >= 1 and since + passed * self.every == now:
                return now
            return since + (passed + 1) * self.every
        except OverflowError:
            return None

    def is_due(self, person: Person, due: datetime) -> bool:
        """Whether this is one of its instants."""
        since: datetime | None = getattr(person, self.since)
        return since is not None and due > since and not (due - since) % self.every

    def happens(self, person: Person, due: datetime) -> str:
        """Let the scores fade, if this is one of its instants; what changed, in words."""
        if not self.is_due(person, due) or not self.holds(person, due, NO_PAYLOAD):
            return ""
        before = [getattr(person, name) for name in self.fields]
        assert self.fade is not None
        self.fade(person, due, NO_PAYLOAD)
        changes = [
            f"{name} {old} -> {new}"
            for name, old in zip(self.fields, before, strict=True)
            if (new := getattr(person, name)) != old
        ]
        return f"{self.name}: {', '.join(changes)}" if changes else ""


class _Promise:
    """One deadline, ready to run."""

    def __init__(self, rule: Deadline, model: Model, time: WorkingTime) -> None:
        self.name = rule.name
        self.stage = rule.stage
        self.length = rule.after
        self.escalates = rule.escalates
        self.time = time
        self.holds = condition(rule.when, model.vocabulary)
        self.asking = Asking(rule.name, rule.send, rule, model) if rule.send else None


class Agenda:
    """The decay rules and the deadlines of a model, ready to run."""

    def __init__(self, model: Model, scoring: Scoring) -> None:
        self._fading = [_Fading(rule, model, scoring) for rule in model.decay]
        # One for each calendar, because it remembers the days that it has worked out.
        calendars = {one.name: one for one in model.calendars}
        times = {
            name: WorkingTime(calendars[name] if name else None)
            for name in dict.fromkeys(rule.calendar for rule in model.deadlines)
        }
        self._promises = [_Promise(rule, model, times[rule.calendar]) for rule in model.deadlines]
        self._places = {one.name: place for place, one in enumerate(self._promises)}
        # An entry asks twice, once for the clock and once for the requests, and a miss once more.
        self._due = lru_cache(maxsize=_REMEMBERED)(self._due_of_visit)
        self._by_stage: Mapping[str, list[int]] = {
            stage.name: found
            for stage in model.stages
            if (
                found := [
                    place for place, one in enumerate(self._promises) if one.stage == stage.name
                ]
            )
        }

        self._first = {
            stage: [place for place in places if not self._promises[place].escalates]
            for stage, places in self._by_stage.items()
        }

    @property
    def is_empty(self) -> bool:
        """Whether time brings nothing but moves."""
        return not self._fading and not self._promises

    def next(
        self, person: Person, now: datetime, phase: int, moves: datetime | None
    ) -> datetime | None:
        """When something is due next: of decay, deadlines, and the next time-opened move.

        What is due at ``now`` itself still comes where only an activity (phase 0) has happened
        there: an acceptance at the very deadline is in time.
        """
        found = moves
        for one in self._fading:
            due = one.next(person, now, at_now=phase == 0)
            if due is not None and (found is None or due < found):
                found = due
        due = self._next_deadline(person)
        if due is not None and (found is None or due < found):
            found = due
        return found

    def _next_deadline(self, person: Person) -> datetime | None:
        """When the next deadline of this visit is due that has not passed.

        A person keeps only the visit, how many of its deadlines have passed, and this instant: the
        others are worked out again when it has come, which is seldom.
        """
        stage, entered = person._stage, person._stage_entered_at
        if entered is None or stage not in self._by_stage:
            if person._deadlines is not None:
                person._deadlines = None
            return None
        kept: _Visit | None = person._deadlines
        if kept is None or kept[0] != stage or kept[1] != entered:
            return self._keep(person, stage, entered, 0)
        return kept[3]

    def _keep(self, person: Person, stage: str, entered: datetime, passed: int) -> datetime | None:
        due: datetime | None
        if passed:
            order = self._order(stage, entered)
            due = order[passed][0] if passed < len(order) else None
        else:
            # An escalation is due behind the deadline that it escalates, so it cannot be the first.
            due = min(self._due(entered, place) for place in self._first[stage])
        visit: _Visit = (stage, entered, passed, due)
        person._deadlines = visit
        return due

    def _order(self, stage: str, entered: datetime) -> list[tuple[datetime, int]]:
        """The deadlines of a visit as they fall due; those of one instant as declared."""
        return sorted((self._due(entered, place), place) for place in self._by_stage[stage])

    def _due_of_visit(self, entered: datetime, place: int) -> datetime:
        """When a deadline is due for a visit that began then [S21]."""
        one = self._promises[place]
        if one.escalates:
            entered = self._due(entered, self._places[one.escalates])
        return one.time.after(entered, one.length)

    def due_by(self, person: Person, name: str) -> datetime | None:
        """When the deadline of that name is due in the present visit, if it has not passed."""
        following = self._next_deadline(person)
        place = self._places.get(name)
        if following is None or place is None or self._promises[place].stage != person._stage:
            return None
        assert person._stage_entered_at is not None, "there is a visit"
        due = self._due(person._stage_entered_at, place)
        return due if due >= following else None

    def fade(self, person: Person, due: datetime) -> list[str]:
        """Let decay happen that is due at this instant; for each rule that changed something,
        what it changed, in words."""
        return [said for one in self._fading if (said := one.happens(person, due))]

    def missed(self, person: Person, due: datetime) -> Iterator[tuple[str, Request | None]]:
        """The deadlines that are missed at this instant, as declared, each with what it asks for;
        each once a visit [S21]."""
        first = self._next_deadline(person)
        if first is None or first > due:
            return
        stage, entered, passed, _ = person._deadlines
        now_due = [one for one in self._order(stage, entered)[passed:] if one[0] <= due]
        self._keep(person, stage, entered, passed + len(now_due))
        for place, when in sorted((place, when) for when, place in now_due):
            one = self._promises[place]
            if not one.holds(person, due, NO_PAYLOAD):
                continue
            request = None
            if one.asking is not None:
                request = one.asking.make(person, due, stage=stage, cause=Cause(), due_at=when)
            yield one.name, request
