"""Which activity, bringing what, gives fields the values that a guard wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Always, Arithmetic, Const, Field, Now, Payload
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.definition import DataRule, Set
from lifecycle_fsm.model.kinds import OPEN_KINDS, asking
from lifecycle_fsm.solving import Work, solve_here
from lifecycle_fsm.testing.cases.places import Places, Rule, brought, shown, something

#: Opportunities are kept by id, and have fields follow from them [S22].
_DEAL: Mapping[str, Value] = {"opportunity": "deal"}
_DEALS = {
    "opportunity_opened": frozenset({"open_opportunities"}),
    "opportunity_won": frozenset({"open_opportunities", "won_opportunities"}),
    "opportunity_lost": frozenset({"open_opportunities", "last_lost_at"}),
}


class Asking:
    """The kinds of activity of a model, by what they write."""

    def __init__(self, model: Model, work: Work | None = None) -> None:
        self.model = model
        self._work = work

    @cached_property
    def _places(self) -> Places:
        return Places(self.model, self._work)

    def kinds(self, trigger: str) -> tuple[str, ...]:
        """The kinds of activity that raise a trigger."""
        return tuple(
            one.name for one in self.model.activity_kinds.values() if one.trigger == trigger
        )

    def sets(self, kind: str | None, at: datetime) -> dict[str, Value]:
        """What an activity of a kind writes by itself, whatever it brings."""
        found: dict[str, Value] = {}
        if kind is None:
            return found
        declared = self.model.activity_kinds[kind]
        if declared == asking(kind):
            found["rejection_reason"] = None  # without a reason that of an earlier asking is gone
        for one in declared.sets:
            if isinstance(one.value, Now):
                found[one.field] = at
            elif isinstance(one.value, Const) and not isinstance(one.value.value, tuple):
                found[one.field] = one.value.value
        return found

    def brings(
        self, kind: str, changes: Mapping[str, Value], before: Mapping[str, Value], at: datetime
    ) -> tuple[dict[str, Value], dict[str, Value]]:
        """What an activity of a kind brings so that fields change so; and the changes that another
        one has to make."""
        payload, written = self._payload(self.model.activity_kinds[kind].sets, changes, before, at)
        rest = {name: one for name, one in changes.items() if name not in written}
        return self._filled(kind, payload, at), rest

    def naturally(
        self, changes: Mapping[str, Value], before: Mapping[str, Value], at: datetime
    ) -> Iterator[tuple[str, dict[str, Value]]]:
        """The activities that may make exactly these changes, as they happen in life; the first of
        them need not be right, since a rule of the model may want otherwise."""
        for kind, fields in _DEALS.items():
            if changes.keys() <= fields:
                yield kind, self._filled(kind, {}, at)
        for name, declared in self.model.activity_kinds.items():
            if name in OPEN_KINDS or name == "merged":
                continue
            payload, written = self._payload(declared.sets, changes, before, at)
            if changes.keys() <= written:
                yield name, self._filled(name, payload, at)
            for rule in self.model.data:
                if rule.on == name and changes.keys() <= written | {s.field for s in rule.then}:
                    wanted = self._wanted(rule)
                    if wanted is not None:
                        yield name, self._filled(name, {**payload, **wanted}, at)

    def _payload(
        self,
        sets: tuple[Set, ...],
        changes: Mapping[str, Value],
        before: Mapping[str, Value],
        at: datetime,
    ) -> tuple[dict[str, Value], set[str]]:
        payload: dict[str, Value] = {}
        written: set[str] = set()
        for one in sets:
            wanted = changes.get(one.field)
            if one.field not in changes:
                continue
            match one.value:
                case Payload(name) if wanted is not None:
                    payload[name] = wanted
                case Arithmetic("+", Field(own), Payload(name)) if own == one.field:
                    had = before[own]
                    if not isinstance(wanted, int) or not isinstance(had, int):
                        continue
                    payload[name] = wanted - had
                case Now() if isinstance(wanted, datetime) and wanted <= at:
                    pass
                case Const(value) if value == wanted:
                    pass
                case _:
                    continue
            written.add(one.field)
        return payload, written

    def _wanted(self, rule: DataRule) -> dict[str, Value] | None:
        """What an activity has to bring for a data rule to hold."""
        if isinstance(rule.when, Always):
            return {}
        place = Rule("data", rule.name, rule.when, kind=rule.on)
        answer = solve_here(self._places.guard(place), self._places.world(place))
        names = {name: brought(shown(name)) for name in answer.person}
        if not answer.found or None in names.values():
            return None
        return {str(names[name]): value for name, value in answer.person.items()}

    def _filled(self, kind: str, payload: Mapping[str, Value], at: datetime) -> dict[str, Value]:
        """The payload with something for each value that an activity of the kind must bring."""
        if kind in _DEALS:
            worth: dict[str, Value] = {"amount": 1000.0, "closes_at": at + timedelta(days=30)}
            return {**_DEAL, **(worth if kind == "opportunity_opened" else {}), **payload}
        types = {one.name: one.type for one in self.model.activity_kinds[kind].payload}
        return {
            name: payload[name] if name in payload else something(one, at)
            for name, one in types.items()
            if name in payload or not one.nullable
        }
