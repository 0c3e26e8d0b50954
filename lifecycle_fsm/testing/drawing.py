"""How values of fields are drawn: mostly those at which a guard turns, else any that fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from lifecycle_fsm.data import DataSilo
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.kinds import OPEN_KINDS
from lifecycle_fsm.solving import NOW
from lifecycle_fsm.testing._hypothesis import st
from lifecycle_fsm.testing.placing import VISIT
from lifecycle_fsm.testing.values import at, boundary_values, payload_values
from lifecycle_fsm.testing.witnesses import witnesses

#: The name of the person that is drawn, where a test does not give one.
SOMEBODY = "somebody"
_LONG_AGO = timedelta(days=12_000)
#: Fields that follow from opportunities, and are hardly ever changed by hand [S22].
_FROM_DEALS = frozenset({"open_opportunities", "won_opportunities", "last_lost_at"})
#: Texts have no order, so that a few stand for all; those that a guard knows come beside them.
_TEXTS = ("x", "Zoë", "other people")
#: What an opportunity is called: the first is that of a person who was put into a stage with one.
_DEALS = ("open-1", "deal-1", "deal-2")


class Drawing:
    """The strategies of one model, worked out once.

    Args:
        model: the model.
        now: the instant that times are drawn around.
    """

    def __init__(self, model: Model, now: datetime = NOW) -> None:
        self.model = model
        self.now = now
        self.boundary: Mapping[str, Sequence[Value]] = {
            name: [
                one
                for value in values
                if not isinstance(one := at(value, now), datetime) or one > now - _LONG_AGO
            ]
            for name, values in boundary_values(model).items()
        }
        #: By stage, people to whom one of its moves is open.
        self.near: dict[str, list[dict[str, Value]]] = {}
        for edge, fields in witnesses(model):
            shifted = {name: at(value, now) for name, value in fields.items()}
            self.near.setdefault(edge.source, []).append(shifted)
        types = model.field_types
        self._matter = {
            name: self.value(types[name], values)
            for name, values in self.boundary.items()
            if name in types
        }
        self._other = {
            name: self.value(kind, ()) for name, kind in types.items() if name not in self._matter
        }

    def value(self, kind: FieldType, matter: Sequence[Value]) -> st.SearchStrategy[Value]:
        """A value of a type: two times of three one that matters, where some do."""
        known: list[Value] = [one for one in matter if one is not None]
        if kind.nullable:
            known = [None, *known]
        own = _any(kind, self.now)
        if not known:
            return own
        some = st.sampled_from(known)
        if kind.kind == "bool" or kind.choices:
            return some
        return some | st.sampled_from(known) | own

    def fields(self, *, few: bool = False) -> st.SearchStrategy[dict[str, Value]]:
        """Fields of a person: some of those that guards read and up to two others, or a ``few``.

        Not all of them: with every field set, the moves that are tried last would hardly be open.
        """
        matter: st.SearchStrategy[dict[str, Value]]
        matter = st.fixed_dictionaries({}, optional=self._matter)
        if few:
            known = {**self._matter, **self._other}
            return _some({one: known[one] for one in known if one not in _FROM_DEALS}, 2)
        return st.tuples(_some(self._other, 2), matter).map(lambda both: {**both[0], **both[1]})

    def another(self) -> st.SearchStrategy[dict[str, Value]]:
        """Other values for a field or two that guards read."""
        return _some(self._matter, 2)

    def situations(
        self, stages: Sequence[str] = (), given: Mapping[str, Any] | None = None
    ) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
        """A stage, and what ``person_in`` takes beside it; ``given`` are values or strategies.

        Raises:
            LifecycleError: the model has no such stage.
        """
        known = [self.model.stage(one).name for one in stages] or list(self.model.by_name)
        return _situation(self, known, given or {})

    def past(self, field: str, until: datetime) -> st.SearchStrategy[datetime]:
        """A time that is not later: mostly one that matters."""
        matter = [
            one
            for one in self.boundary.get(field, ())
            if isinstance(one, datetime) and one <= until
        ]
        near = [until - length for length in (timedelta(0), timedelta(hours=1), timedelta(days=1))]
        return st.sampled_from([*near, *matter]) | _times(until)

    # ------------------------------------------------------------------ activities

    def kinds(self) -> list[str]:
        """The kinds of activity that may come at any time to a person alone."""
        own = {"created", "processed", "merged"}
        return [name for name in self.model.activity_kinds if name not in own]

    def often(self) -> list[str]:
        """The same, those that may lead somewhere three times: they ask, or change what a guard
        reads."""
        model, writes = self.model, DataSilo(self.model).writes
        scored = {rule.on for rule in model.scoring}
        return [
            name
            for name in self.kinds()
            for _ in range(
                3
                if name in scored
                or name in OPEN_KINDS
                or model.activity_kinds[name].trigger in model.triggers
                or not writes[name].isdisjoint(self.boundary)
                else 1
            )
        ]

    def payload(self, kind: str) -> st.SearchStrategy[dict[str, Value]]:
        """What an activity of a kind brings."""
        if kind in OPEN_KINDS:
            return self.fields(few=True)
        matter = payload_values(self.model, kind, self.boundary)
        must: dict[str, st.SearchStrategy[Value]] = {}
        may: dict[str, st.SearchStrategy[Value]] = {}
        for one in self.model.activity_kinds[kind].payload:
            part = self.value(one.type, matter.get(one.name, ()))
            (may if one.type.nullable else must)[one.name] = part
        if kind.startswith("opportunity_"):
            # Most of them open: without an amount and a date they are empty shells [S22].
            closes = self.now + timedelta(days=90)
            must["opportunity"] = st.sampled_from(_DEALS)
            must["amount"] = st.sampled_from([1000.0, 1000.0, None])
            must["closes_at"] = st.sampled_from([closes, closes, None])
        return st.fixed_dictionaries(
            must, optional={name: part for name, part in may.items() if name not in must}
        )


@st.composite
def _situation(
    draw: st.DrawFn, drawing: Drawing, stages: Sequence[str], given: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    stage = draw(st.sampled_from(stages))
    near = drawing.near.get(stage)
    if near and draw(st.booleans()):
        # Somebody to whom a move is open, but for a field or two.
        found = {**draw(st.sampled_from(near)), **draw(drawing.another())}
    else:
        found = {**draw(drawing.fields()), **draw(_visit(drawing, stage))}
    if not given.keys().isdisjoint(VISIT):
        found = {name: value for name, value in found.items() if name not in VISIT}
    for name, value in given.items():
        found[name] = draw(value) if isinstance(value, st.SearchStrategy) else value
    return stage, found


@st.composite
def _visit(draw: st.DrawFn, drawing: Drawing, stage: str) -> dict[str, Any]:
    entered = draw(drawing.past("stage_entered_at", drawing.now))
    if stage == drawing.model.initial.name:
        return {"stage_entered_at": entered}
    started = draw(drawing.past("journey_started_at", entered))
    journey = draw(st.sampled_from([1, 1, 2, 3]))
    return {"stage_entered_at": entered, "journey_started_at": started, "journey": journey}


def _some(
    known: Mapping[str, st.SearchStrategy[Value]], most: int
) -> st.SearchStrategy[dict[str, Value]]:
    """Some of these fields, at most so many."""
    if not known:
        return st.just({})
    names = st.lists(st.sampled_from(sorted(known)), max_size=most, unique=True)
    return names.flatmap(lambda found: st.fixed_dictionaries({one: known[one] for one in found}))


def _any(kind: FieldType, now: datetime) -> st.SearchStrategy[Value]:
    low = -1000 if kind.minimum is None else kind.minimum
    high = max(low, 1000 if kind.maximum is None else kind.maximum)
    low = min(low, high)
    match kind.kind:
        case "bool":
            return st.booleans()
        case "int":
            return st.integers(int(low), int(high))
        case "float":
            return st.floats(float(low), float(high))
        case "datetime":
            return _times(now)
        case "str":
            return st.sampled_from(kind.choices) if kind.choices else st.sampled_from(_TEXTS)


def _times(until: datetime) -> st.SearchStrategy[datetime]:
    return st.integers(0, 1000 * 86_400).map(lambda seconds: until - timedelta(seconds=seconds))
