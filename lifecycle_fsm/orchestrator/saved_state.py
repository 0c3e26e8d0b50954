"""A person as plain data, and back: everything that decides what happens next.

The format is described in ``docs/embed/state.md``. Names of rules stand for their places in the
model, so that a model whose rules were only put in another order reads it too. What is as it is for
everybody, such as a field that nobody has set, is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import LifecycleError, RecordError
from lifecycle_fsm.history import ROW, DeadlineFact, HistoryRow, VisitKey, pack
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator.deferral import Deferred
from lifecycle_fsm.person import OpenDeadline, Opportunity, Person
from lifecycle_fsm.silos.data import DataSilo
from lifecycle_fsm.silos.request_template import Held, RequestTemplate

Plain: TypeAlias = dict[str, Any]
#: The number of the format; another one is refused.
FORMAT = 1


class StateFormat:
    """Saves and restores the persons of one model.

    Args:
        model: the lifecycle.
        person_class: of its persons.
        data: reads what activities bring.
        templates: the requests that its rules ask for, to know again those that wait.
    """

    def __init__(
        self,
        model: Model,
        person_class: type[Person],
        data: DataSilo,
        templates: Iterable[RequestTemplate],
    ) -> None:
        self._data = data
        self._model = model
        self._class = person_class
        fields = [
            attribute
            for attribute in attrs.fields(person_class)
            if attribute.init and attribute.name != "id"
        ]
        new = person_class("new")
        self._names = tuple(attribute.name for attribute in fields)
        self._starts = tuple(getattr(new, name) for name in self._names)
        self._values: Callable[[Person], tuple[Any, ...]] = attrgetter(*self._names)
        self._times = frozenset(
            name for name, kind in model.field_types.items() if kind.kind == "datetime"
        )
        self._score_rules = [rule.name for rule in model.scoring]
        self._deadlines = [rule.name for rule in model.deadlines]
        self.templates = {(template.section, template.rule): template for template in templates}
        self._initial = model.initial.name
        self._returns: dict[str, list[str]] = {}
        for edge in model.edges:
            if edge.kind == "return" and edge.on is None:
                self._returns.setdefault(edge.source, []).append(edge.name)

    def dump(self, person: Person) -> Plain:
        """One record as plain data that JSON can write, without its history and the activities that
        it has had."""
        (
            stage, entered_at, journey, journey_record, journey_started_at, clock, phase, due,
            rows_before, history, _, deferred, opportunities, points, deadlines, decided,
            shut_returns, settles_at, sorted_by, last_journey, waiting,
        ) = person.machine_state()  # fmt: skip
        fields = {
            name: value
            for name, value, start in zip(
                self._names, self._values(person), self._starts, strict=True
            )
            if value is not start and value != start
        }
        for name in self._times:
            if name in fields:
                fields[name] = fields[name].isoformat()
        state: Plain = {
            "id": person.id,
            "fields": fields,
            "stage": stage,
            "entered_at": entered_at.isoformat(),
            "journey": journey,
            "journey_started_at": journey_started_at.isoformat(),
            "clock": clock.isoformat(),
            "rows": rows_before + len(history) // ROW,
        }
        # One by one, because most people have few of them.
        if journey_record is not None:
            state["journey_record"] = journey_record
        if phase:
            state["phase"] = phase
        if due is not None:
            state["due"] = due.isoformat()
        if settles_at is not None:
            state["settles_at"] = settles_at.isoformat()
        if sorted_by is not None:
            state["sorted_by"] = sorted_by
        if last_journey:
            state["last_journey"] = last_journey
        if shut_returns:
            state["shut_returns"] = list(shut_returns)
        # What another version of the model has to know: its stages and returns may be others [S28].
        if stage == self._initial:
            state["processing"] = True
        if stage in self._returns:
            state["open_returns"] = [
                name for name in self._returns[stage] if name not in shut_returns
            ]
        if opportunities:
            state["opportunities"] = {
                name: [deal.status, deal.amount, _text(deal.closes_at)]
                for name, deal in opportunities.items()
            }
        if points:
            state["points"] = {
                self._score_rules[points[at]]: [points[at + 1], points[at + 2]]
                for at in range(0, len(points), 3)
            }
        if deadlines:
            state["deadlines"] = [
                [self._deadlines[deadline.place], deadline.due.isoformat(), deadline.held]
                for deadline in deadlines
            ]
        if decided and stage:
            visit = person.present_visit
            facts = [_dump_fact(fact) for fact in decided if fact.visit == visit]
            if facts:
                state["decided"] = facts
        if deferred:
            state["deferred"] = [_dump_deferred(waits) for waits in deferred]
        if waiting:
            state["waiting"] = [_dump_request(held) for held in waiting]
        return state

    def load(
        self,
        state: Mapping[str, Any],
        history: Sequence[HistoryRow] = (),
        deadlines: Sequence[DeadlineFact] | None = None,
    ) -> Person:
        """The record that :meth:`dump` gave.

        Args:
            state: the plain data.
            history: its rows, or the last of them; it begins behind those that are left out.
            deadlines: all of its recorded deadlines; without them it knows those of the present
                visit.

        Raises:
            RecordError: the state is not one of this model.
        """
        try:
            return self._load(state, history, deadlines)
        except (KeyError, TypeError, ValueError, AttributeError, LifecycleError) as error:
            raise RecordError(
                f"the saved state of {state.get('id')!r} cannot be read: "
                f"{type(error).__name__}: {error}"
            ) from error

    def _load(
        self,
        state: Mapping[str, Any],
        history: Sequence[HistoryRow],
        deadlines: Sequence[DeadlineFact] | None,
    ) -> Person:
        person = self._class(state["id"])
        types = self._model.field_types
        for name, value in state["fields"].items():
            setattr(person, name, types[name].accept(value))
        get = state.get
        rows = state["rows"]
        before = rows - len(history)
        if history and [row.sequence for row in history] != list(range(before + 1, rows + 1)):
            raise ValueError(f"the history that is given is not its last rows, up to row {rows}")
        stage, entered_at = state["stage"], datetime.fromisoformat(state["entered_at"])
        if stage:  # who was folded into somebody else is in none
            self._model.stage(stage)
        journey, record = state["journey"], get("journey_record")
        points: list[Any] = []
        for rule, (period, given) in get("points", {}).items():
            points += (self._score_rules.index(rule), period, given)
        opportunities = {
            name: Opportunity(status, amount, _time(closes_at))
            for name, (status, amount, closes_at) in get("opportunities", {}).items()
        }
        visit = (record or person.id, journey, stage, entered_at)
        if deadlines is None:
            deadlines = [_load_fact(person.id, visit, fact) for fact in get("decided", ())]
        person.restore_machine_state(
            (
                stage,
                entered_at,
                journey,
                record,
                _time(state["journey_started_at"]),
                _time(state["clock"]),
                get("phase", 0),
                _time(get("due")),
                before,
                tuple([part for row in history for part in pack(row)]),
                b"",
                tuple([self._load_deferred(person.id, waits) for waits in get("deferred", ())]),
                opportunities or None,
                tuple(points),
                tuple(
                    [
                        OpenDeadline(datetime.fromisoformat(due), self._deadlines.index(rule), held)
                        for rule, due, held in get("deadlines", ())
                    ]
                ),
                tuple(deadlines),
                tuple(get("shut_returns", ())),
                _time(get("settles_at")),
                get("sorted_by"),
                get("last_journey", 0),
                tuple([self._load_request(waits) for waits in get("waiting", ())]),
            )
        )
        return person

    def _load_deferred(self, person: str, waits: Mapping[str, Any]) -> Deferred:
        kind = waits["kind"]
        activity = Activity(
            waits["activity"], person, kind, waits["at"], sequence=waits.get("sequence")
        )
        brought = waits.get("payload")
        return Deferred(
            waits.get("trigger"),
            activity.id,
            kind,
            activity.at,
            waits.get("late", False),
            None if brought is None else self._data.accept(kind, brought),
            activity.order,
            waits.get("record"),
        )

    def _load_request(self, waits: Mapping[str, Any]) -> Held:
        return Held(
            self.templates[waits["section"], waits["rule"]],
            waits["key"],
            waits.get("stage"),
            _time(waits.get("visit")),
            waits.get("activity"),
            waits.get("to"),
            _time(waits.get("due_at")),
        )


def _text(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _known(values: Plain) -> Plain:
    return {name: value for name, value in values.items() if value is not None}


def _dump_request(held: Held) -> Plain:
    return _known(
        {
            "section": held.template.section,
            "rule": held.template.rule,
            "key": held.key,
            "stage": held.stage,
            "visit": _text(held.visit),
            "activity": held.activity,
            "to": held.to,
            "due_at": _text(held.due_at),
        }
    )


def _dump_deferred(waits: Deferred) -> Plain:
    *_, unordered, sequence, _ = waits.order
    brought = waits.payload
    state: Plain = {
        "activity": waits.activity,
        "kind": waits.kind,
        "at": _text(waits.at),
        "trigger": waits.trigger,
        "late": waits.late or None,
        "sequence": None if unordered else sequence,
        "record": waits.record,
    }
    if brought is not None:
        state["payload"] = {
            name: _text(value) if isinstance(value, datetime) else value
            for name, value in brought.items()
        }
    return _known(state)


def _dump_fact(fact: DeadlineFact) -> list[Any]:
    return [
        fact.rule, _text(fact.due_at), fact.outcome, _text(fact.decided_at), fact.owner,
        fact.assigned_to, fact.late,
    ]  # fmt: skip


def _load_fact(person: str, visit: VisitKey, fact: Sequence[Any]) -> DeadlineFact:
    rule, due_at, outcome, decided_at, owner, assigned_to, late = fact
    record, journey, stage, entered_at = visit
    return DeadlineFact(
        person, rule, stage, record, journey, entered_at, datetime.fromisoformat(due_at), outcome,
        datetime.fromisoformat(decided_at), owner, assigned_to, late,
    )  # fmt: skip
