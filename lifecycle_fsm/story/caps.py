"""Which score rules gave less than an activity was worth, because their cap was reached [S18]."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.guard import Guard, compile_term
from lifecycle_fsm.model import Model
from lifecycle_fsm.person import Person
from lifecycle_fsm.silos.data import DataSilo
from lifecycle_fsm.silos.effects import attribute_of, condition


class Caps:
    """The capped score rules of a model, by the kind of activity that they listen to."""

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
            person: as it has left them.
            before: what the capped rules had given before it, as :attr:`.Person.capped_points`.
            now: the person's clock.
        """
        rules = [one for one in self._rules if one[1].on == activity.kind]
        if not rules:
            return ()
        try:
            payload = self._data.accept(activity.kind, activity.payload)
        except RecordError:
            return ()
        given = person.capped_points
        found = []
        for place, rule, holds, points in rules:
            if place not in given or not holds(person, now, payload):
                continue
            turn, total = given[place]
            same = place in before and before[place][0] == turn
            worth = points(person, now, payload)
            if isinstance(worth, int | float) and worth != total - (
                before[place][1] if same else 0
            ):
                found.append(rule.name)
        return tuple(found)
