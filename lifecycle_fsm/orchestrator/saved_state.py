"""A person as plain data, and back: everything that decides what happens next.

``docs/embed/state.md`` describes the format. Rules are saved by name, not by place, so a model with
the same rules in another order can read it. Default values, such as a field that was never set,
are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain, repeat
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.attributes import differences
from lifecycle_fsm.errors import LifecycleError, RecordError
from lifecycle_fsm.fields import iso_text
from lifecycle_fsm.history import ROW, DeadlineFact, HistoryRow, VisitKey, pack
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.name_resolution import AMOUNTS
from lifecycle_fsm.orchestrator.deferral import Deferred
from lifecycle_fsm.person import OpenDeadline, Opportunity, Person
from lifecycle_fsm.silos.data import DataSilo
from lifecycle_fsm.silos.request_template import Held, RequestTemplate

Plain: TypeAlias = dict[str, Any]
#: The version of the format; any other is refused.
FORMAT = 1


class StateFormat:
    """Saves and restores the people of one model.

    Args:
        model: the lifecycle.
        person_class: the model's person class.
        data: reads the payloads of activities.
        templates: the requests of the model's rules, to restore those that wait.
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
        names = [attribute.name for attribute in fields]
        types = model.field_types
        times = {name for name, kind in types.items() if kind.kind == "datetime"}
        starts = {name: getattr(new, name) for name in names}
        self._set_fields = differences(starts, iso_text, times)
        self._accept = {
            name: _time if name in times else kind.accept for name, kind in types.items()
        }
        self._money = None if model.money is None else model.money.terms
        self._texts = frozenset(name for name, kind in types.items() if kind.takes_any_text)
        self._score_rules = [rule.name for rule in model.scoring]
        self._score_places = {name: place for place, name in enumerate(self._score_rules)}
        self._deadlines = [rule.name for rule in model.deadlines]
        self.templates = {(template.section, template.rule): template for template in templates}
        self._initial = model.initial.name
        self._returns: dict[str, list[str]] = {}
        for edge in model.edges:
            if edge.kind == "return" and edge.on is None:
                self._returns.setdefault(edge.source, []).append(edge.name)

    def dump(self, person: Person, **head: Any) -> Plain:
        """One record as plain data that JSON can write, without its history and its past
        activities; ``head`` comes first."""
        (
            stage, entered_at, journey, journey_record, journey_started_at, clock, phase, due,
            rows_before, history, _, deferred, opportunities, points, deadlines, decided,
            shut_returns, settles_at, sorted_by, last_journey, waiting,
        ) = person.machine_state()  # fmt: skip
        state: Plain = {
            **head,
            "id": person.id,
            "fields": self._set_fields(person),
            "stage": stage,
            "entered_at": iso_text(entered_at),
            "journey": journey,
            "journey_started_at": iso_text(journey_started_at),
            "clock": iso_text(clock),
            "rows": rows_before + len(history) // ROW,
        }
        # One by one, because most people have only a few of these.
        if journey_record is not None:
            state["journey_record"] = journey_record
        if phase:
            state["phase"] = phase
        if due is not None:
            state["due"] = iso_text(due)
        if settles_at is not None:
            state["settles_at"] = iso_text(settles_at)
        if sorted_by is not None:
            state["sorted_by"] = sorted_by
        if last_journey:
            state["last_journey"] = last_journey
        if shut_returns:
            state["shut_returns"] = list(shut_returns)
        # For another version of the model, whose stages and returns may differ [S28].
        if stage == self._initial:
            state["processing"] = True
        if stage in self._returns:
            state["open_returns"] = [
                name for name in self._returns[stage] if name not in shut_returns
            ]
        if opportunities:
            state["opportunities"] = {
                name: _dump_opportunity(deal) for name, deal in opportunities.items()
            }
        if self._money is not None and (opportunities or _amounts(state)):
            state["money"] = self._money
        if points:
            state["points"] = {
                self._score_rules[points[at]]: [points[at + 1], points[at + 2]]
                for at in range(0, len(points), 3)
            }
        if deadlines:
            state["deadlines"] = [
                [self._deadlines[deadline.place], iso_text(deadline.due), deadline.held]
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
        """Restore a record from the data of :meth:`dump`.

        Args:
            state: the plain data.
            history: its rows, or the last of them; the history starts after the rows left out.
            deadlines: all of its recorded deadlines; by default those of the current visit.

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
        get, accept, texts = state.get, self._accept, self._texts
        person = self._class(state["id"])
        fields = state["fields"]
        if self._money is None and "money" in state:
            fields = {name: value for name, value in fields.items() if name not in _amounts(state)}
        for name, value in fields.items():
            # Texts were accepted when they came, and are saved unchanged.
            is_text = type(value) is str and name in texts
            setattr(person, name, value if is_text else accept[name](value))
        rows = state["rows"]
        before = rows - len(history)
        if history and [row.sequence for row in history] != list(range(before + 1, rows + 1)):
            raise ValueError(f"the history that is given is not its last rows, up to row {rows}")
        time = datetime.fromisoformat
        stage, entered_at = state["stage"], time(state["entered_at"])
        if stage:  # a merged record has no stage
            self._model.stage(stage)
        journey, record = state["journey"], get("journey_record")
        points: list[Any] = []
        for rule, (period, given) in get("points", _NOTHING).items():
            points += (self._score_places[rule], period, given)
        if deadlines is None:
            visit = (record or person.id, journey, stage, entered_at)
            deadlines = [_load_fact(person.id, visit, fact) for fact in get("decided", ())]
        due, settles_at = get("due"), get("settles_at")
        # Most people have few of the following, so absent ones cost nothing.
        deferred, waiting = get("deferred"), get("waiting")
        opportunities, open_deadlines = get("opportunities"), get("deadlines")
        person.restore_machine_state(
            (
                stage,
                entered_at,
                journey,
                record,
                time(state["journey_started_at"]),
                time(state["clock"]),
                get("phase", 0),
                due and time(due),
                before,
                tuple(chain.from_iterable(map(pack, history))) if history else (),
                b"",
                tuple(map(self._load_deferred, repeat(person.id), deferred)) if deferred else (),
                load_opportunities(opportunities) if opportunities else None,
                tuple(points),
                tuple(map(self._load_deadline, open_deadlines)) if open_deadlines else (),
                tuple(deadlines),
                tuple(get("shut_returns", ())),
                settles_at and time(settles_at),
                get("sorted_by"),
                get("last_journey", 0),
                tuple(map(self._load_request, waiting)) if waiting else (),
            )
        )
        if opportunities and get("money") != self._money:
            person.value_opportunities()
        return person

    def _load_deadline(self, deadline: Sequence[Any]) -> OpenDeadline:
        rule, due, held = deadline
        return OpenDeadline(datetime.fromisoformat(due), self._deadlines.index(rule), held)

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
            activity.sequence,
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


#: The default for a missing part of a state.
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _amounts(state: Mapping[str, Any]) -> set[str]:
    """The amounts of opportunities among the fields of a state."""
    return {field.name for field in AMOUNTS}.intersection(state["fields"])


def _text(value: datetime | None) -> str | None:
    return None if value is None else iso_text(value)


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
    brought = waits.payload
    state: Plain = {
        "activity": waits.activity,
        "kind": waits.kind,
        "at": _text(waits.at),
        "trigger": waits.trigger,
        "late": waits.late or None,
        "sequence": waits.sequence,
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


def load_opportunities(saved: Mapping[str, Any]) -> dict[str, Opportunity]:
    """The opportunities of a state, by id."""
    return {
        name: Opportunity(
            status, amount, _time(closes_at), *more[:1], *(_time(at) for at in more[1:])
        )
        # States of earlier releases end with the close date.
        for name, (status, amount, closes_at, *more) in saved.items()
    }


def _dump_opportunity(deal: Opportunity) -> list[Any]:
    return [
        deal.status, deal.amount, _text(deal.closes_at), deal.currency, _text(deal.opened_at),
        _text(deal.closed_at),
    ]  # fmt: skip


def _load_fact(person: str, visit: VisitKey, fact: Sequence[Any]) -> DeadlineFact:
    rule, due_at, outcome, decided_at, owner, assigned_to, late = fact
    record, journey, stage, entered_at = visit
    return DeadlineFact(
        person, rule, stage, record, journey, entered_at, datetime.fromisoformat(due_at), outcome,
        datetime.fromisoformat(decided_at), owner, assigned_to, late,
    )  # fmt: skip
