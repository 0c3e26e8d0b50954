"""Decay: scores that fade at declared instants [S20]."""

from __future__ import annotations

from datetime import datetime

from lifecycle_fsm.attributes import reader
from lifecycle_fsm.guard import next_turn, turning_points
from lifecycle_fsm.model import Decay, Model
from lifecycle_fsm.model.name_resolution import fields_read, reads_time
from lifecycle_fsm.person import Person
from lifecycle_fsm.silos.effects import NO_PAYLOAD, attribute_of, condition, effects
from lifecycle_fsm.silos.scoring import Scoring


class DecayRule:
    """One decay rule, ready to run."""

    def __init__(self, rule: Decay, model: Model, scoring: Scoring) -> None:
        words = model.vocabulary_for(None)
        self.name = rule.name
        self.every = rule.every
        self.since = attribute_of(rule.since)
        self.holds = condition(rule.when, words)
        self._points = turning_points(rule.when, words)
        self._timed_effects = reads_time(model, [part.value for part in rule.then])
        # If time cannot change the condition, the rule sleeps until an activity wakes it. But
        # assignment writes after the moves, when the next instant has already been computed.
        self.sleeps = not self._points and "assigned_to" not in fields_read(model, [rule.when])
        written = effects(rule.then, model.field_types, words)
        self.fade = scoring.rescoring(written, (part.field for part in rule.then))
        # In original processing, a step computes the demographic score [S18].
        self._initial = model.initial.name
        self._fade_alone = written
        self.fields = tuple(
            dict.fromkeys([*(part.field for part in rule.then), "demographic_score"])
        )
        self._read = reader(self.fields)

    def next(self, person: Person, now: datetime, at_now: bool, in_vain: bool) -> datetime | None:
        """The next instant after ``now``, or at it; ``in_vain`` says that the one at ``now`` has
        just been applied and changed nothing about the person."""
        since: datetime | None = getattr(person, self.since)
        if since is None or (self.sleeps and not self.holds(person, now, NO_PAYLOAD)):
            return None
        if since >= now:  # as after each sign of interest
            try:
                return since + self.every
            except OverflowError:
                return None
        if in_vain and self.is_due(person, now) and not self._timed_effects:
            # As long as nothing else changes the person, only the rule's condition can change:
            # however short the interval, this skips years of silence in one step.
            turn = next_turn(self._points, person, now, attribute_of)
            return None if turn is None else self._first(since, turn, included=True)
        return self._first(since, now, included=at_now)

    def _first(self, since: datetime, now: datetime, *, included: bool) -> datetime | None:
        """The first of its instants after ``now`` (which is later than ``since``), or at it."""
        try:
            passed = (now - since) // self.every
            if included and passed >= 1 and since + passed * self.every == now:
                return now
            return since + (passed + 1) * self.every
        except OverflowError:
            return None

    def is_due(self, person: Person, due: datetime) -> bool:
        """Whether this is one of its instants."""
        since: datetime | None = getattr(person, self.since)
        return since is not None and due > since and not (due - since) % self.every

    def happens(self, person: Person, due: datetime) -> str:
        """Let the scores fade if this is one of its instants; return what changed, in words."""
        if not self.is_due(person, due) or not self.holds(person, due, NO_PAYLOAD):
            return ""
        before = self._read(person)
        fade = self._fade_alone if person.stage == self._initial else self.fade
        assert fade is not None, "a rule of decay changes something"
        fade(person, due, NO_PAYLOAD)
        after = self._read(person)
        if after == before:
            return ""
        changes = [
            f"{name} {old} -> {new}"
            for name, old, new in zip(self.fields, before, after, strict=True)
            if new != old
        ]
        return f"{self.name}: {', '.join(changes)}"
