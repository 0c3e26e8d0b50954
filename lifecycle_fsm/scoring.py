"""The scoring silo: behavior and demographics, apart [S18]."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from lifecycle_fsm.effects import NO_PAYLOAD, Effects, Payloads, attribute_of, condition
from lifecycle_fsm.guard import Guard, compile_term
from lifecycle_fsm.model import Model, ScoreRule
from lifecycle_fsm.model.building import fields_read

_Rule = tuple[Callable[[Any, datetime, Payloads], bool], Callable[[Any, datetime, Payloads], Any]]


class Scoring:
    """The score rules of a model, ready to run."""

    def __init__(self, model: Model) -> None:
        self._demographic = [_ready(rule, model) for rule in model.scoring if rule.on is None]
        self._behavior: dict[str, list[_Rule]] = {}
        for rule in model.scoring:
            if rule.on is not None:
                self._behavior.setdefault(rule.on, []).append(_ready(rule, model))
        self._fit = model.field_types["demographic_score"].clamp
        self._interest = model.field_types["behavior_score"].clamp
        #: The fields that the demographic score depends on.
        self.inputs = frozenset(
            fields_read(model, (rule.when for rule in model.scoring if rule.on is None))
        )

    @property
    def has_demographic(self) -> bool:
        """Whether the model computes the demographic score at all."""
        return bool(self._demographic)

    def demographic(self, person: Any, now: datetime) -> int:
        """The points for how well the person fits: the sum of all rules that hold, clamped.

        Without such rules, the score that the person has: somebody else gives it.
        """
        if not self._demographic:
            return int(person.demographic_score)
        total = sum(
            points(person, now, NO_PAYLOAD)
            for holds, points in self._demographic
            if holds(person, now, NO_PAYLOAD)
        )
        return int(self._fit(total))

    def rescoring(self, write: Effects | None, fields: Iterable[str]) -> Effects | None:
        """The effects, and behind them the demographic score where they change what it depends on:
        it is one function of the fields, whoever writes them [S18]."""
        if write is None or not self._demographic or self.inputs.isdisjoint(fields):
            return write

        def write_and_score(person: Any, now: datetime, payload: Payloads) -> None:
            write(person, now, payload)
            person.demographic_score = self.demographic(person, now)

        return write_and_score

    def scores(self, kind: str) -> bool:
        """Whether activities of the kind give points."""
        return kind in self._behavior

    def score(self, kind: str, person: Any, now: datetime, payload: Payloads) -> None:
        """Add the points that the activity is worth to the behavior score."""
        total = 0
        for holds, points in self._behavior.get(kind, ()):
            if holds(person, now, payload):
                total += points(person, now, payload)
        if total:
            person.behavior_score = self._interest(person.behavior_score + total)


def _ready(rule: ScoreRule, model: Model) -> _Rule:
    assert not isinstance(rule.points, Guard)
    return (
        condition(rule.when, model.vocabulary_for(rule.on)),
        compile_term(rule.points, model.vocabulary_for(rule.on), attribute_of),
    )
