"""The scoring silo: behavior and demographic scores, kept separate [S18]."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from lifecycle_fsm.attributes import reader
from lifecycle_fsm.guard import Const, Guard, Token, compile_term
from lifecycle_fsm.model import Model, Period, ScoreRule
from lifecycle_fsm.model.validation import fields_read
from lifecycle_fsm.silos.effects import NO_PAYLOAD, Effects, Payloads, attribute_of, condition

_NEVER = datetime.min.replace(tzinfo=UTC)


class Scoring:
    """The score rules of a model, ready to run."""

    def __init__(self, model: Model) -> None:
        self._demographic: list[_Rule] = []
        self._behavior: dict[str, list[_Rule]] = {}
        for place, rule in enumerate(model.scoring):
            ready = _Rule(place, rule, model)
            if rule.on is None:
                self._demographic.append(ready)
            else:
                self._behavior.setdefault(rule.on, []).append(ready)
        self._initial = model.initial.name
        self._fit = model.field_types["demographic_score"].clamp
        self._interest = model.field_types["behavior_score"].clamp
        #: The fields that the demographic score depends on.
        self.inputs = frozenset(
            fields_read(
                model,
                (
                    tree
                    for rule in model.scoring
                    if rule.on is None
                    for tree in (rule.when, rule.points)
                ),
            )
        )
        #: Reads the values of these fields, to detect changes.
        self.seen = reader(attribute_of(name) for name in sorted(self.inputs))

    @property
    def has_demographic(self) -> bool:
        """Whether the model computes the demographic score."""
        return bool(self._demographic)

    def demographic(self, person: Any, now: datetime) -> int:
        """The points for how well the person fits: the sum of all rules that hold, clamped.

        Without such rules, the score that the person already has from elsewhere.
        """
        if not self._demographic:
            return int(person.demographic_score)
        total: Any = 0
        for rule in self._demographic:
            if rule.holds(person, now, NO_PAYLOAD):
                worth = rule.worth
                total += rule.points(person, now, NO_PAYLOAD) if worth is None else worth
        return int(self._fit(total))

    def rescoring(self, write: Effects | None, fields: Iterable[str]) -> Effects | None:
        """The effects, followed by the demographic score if they change its inputs: it is a
        function of the fields alone, whatever changes them [S18]. New people first get it by a step
        of original processing."""
        if write is None or not self._demographic or self.inputs.isdisjoint(fields):
            return write

        def write_and_score(person: Any, now: datetime, payload: Payloads) -> None:
            before = self.seen(person)
            write(person, now, payload)
            if self.seen(person) != before and person.stage != self._initial:
                person.demographic_score = self.demographic(person, now)

        return write_and_score

    def scorer(self, kind: str) -> Effects | None:
        """A function that adds the points for an activity of the kind to the behavior score and
        records when the person last showed interest; ``None`` if the kind gives no points."""
        rules = self._behavior.get(kind)
        if rules is None:
            return None
        clamp = self._interest

        def score(person: Any, now: datetime, payload: Payloads) -> None:
            total = 0
            interest = False
            for rule in rules:
                if rule.holds(person, now, payload):
                    worth = rule.worth
                    if worth is None:
                        worth = rule.points(person, now, payload)
                    if worth > 0:
                        interest = True
                    cap = rule.cap
                    if cap is not None:
                        worth = person.give_capped_points(rule.place, rule.period(now), worth, cap)
                    total += worth
            if interest:
                person.scored_at = now
            if total:
                person.behavior_score = clamp(person.behavior_score + total)

        return score


class _Rule:
    """One score rule, ready to run."""

    __slots__ = ("cap", "holds", "period", "place", "points", "worth")
    holds: Callable[[Any, datetime, Payloads], bool]
    points: Callable[[Any, datetime, Payloads], Any]

    def __init__(self, place: int, rule: ScoreRule, model: Model) -> None:
        assert not isinstance(rule.points, Guard)
        words = model.vocabulary_for(rule.on)
        self.place = place
        self.holds = condition(rule.when, words)
        self.points = compile_term(rule.points, words, attribute_of)
        #: The points, if they are the same for everyone.
        self.worth: Any = (
            self.points(None, _NEVER, NO_PAYLOAD)
            if isinstance(rule.points, Const | Token)
            else None
        )
        self.cap = rule.cap
        self.period = _PERIODS[rule.per]


#: The number of the period that contains an instant, in UTC; weeks begin on Monday.
_PERIODS: Mapping[Period | None, Callable[[datetime], int]] = {
    None: lambda now: 0,
    "day": datetime.toordinal,
    "week": lambda now: (now.toordinal() - 1) // 7,  # day 1 of year 1 was a Monday
    "month": lambda now: now.year * 12 + now.month,
    "year": lambda now: now.year,
}
