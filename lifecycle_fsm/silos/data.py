"""The data silo: the values of an activity become fields of the person [S18].

It never reads the stage. Opportunities are stored by id, and the fields that guards read are
derived from them [S22].
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from datetime import datetime
from typing import Any

from lifecycle_fsm.errors import RecordError, suggest
from lifecycle_fsm.fields import FieldType, Value, is_missing
from lifecycle_fsm.model import ActivityKind, Model
from lifecycle_fsm.model.builtin_activities import OPEN_KINDS, asking
from lifecycle_fsm.person import BASE_FIELDS, Opportunity, Person, accept_fields
from lifecycle_fsm.silos.effects import Effects, Payloads, condition, effects

#: The fields that are derived from a person's opportunities.
_DERIVED = frozenset({"open_opportunities", "won_opportunities", "last_lost_at"})
_STATUS = {
    "opportunity_opened": "open",
    "opportunity_changed": "",
    "opportunity_won": "won",
    "opportunity_lost": "lost",
}


#: The values of an opportunity that activities bring; one that is not given stays as it was.
_TERMS = ("amount", "currency", "closes_at")


class DataSilo:
    """The data rules of a model, ready to run."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._types = model.field_types
        self._starts = {name: field.start() for name, field in BASE_FIELDS.items()}
        self._starts |= {field.name: field.start() for field in model.fields}
        self._payloads: dict[str, Mapping[str, FieldType]] = {
            kind.name: {field.name: field.type for field in kind.payload}
            for kind in model.activity_kinds.values()
        }
        self._required = {
            kind: [name for name, field_type in types.items() if not field_type.nullable]
            for kind, types in self._payloads.items()
        }
        self._writers: dict[str, list[Callable[[Person, datetime, Payloads], None]]] = {
            kind.name: list(_writers(kind, model)) for kind in model.activity_kinds.values()
        }
        #: The fields that each kind may write, which tells whose scores to compute again.
        self.writes: dict[str, frozenset[str]] = {
            kind.name: frozenset(
                {effect.field for effect in kind.sets}
                | (_DERIVED.union(model.amounts) if kind.name in _STATUS else frozenset())
                | (frozenset({"scored_at"}) if kind.name == "score_given" else frozenset())
                | {
                    effect.field
                    for rule in model.data
                    if rule.on == kind.name
                    for effect in rule.then
                }
            )
            for kind in model.activity_kinds.values()
        }

    def names(self, kind: str) -> Container[str]:
        """The names of the values that an activity of this kind may have."""
        return self._types if kind in OPEN_KINDS else self._payloads[kind]

    def accept(self, kind: str, payload: Mapping[str, Any]) -> Payloads:
        """The stored form of an activity's payload.

        Raises:
            RecordError: the kind is unknown, or a value is missing, unknown or of another type.
        """
        types = self._payloads.get(kind)
        if types is None:
            raise RecordError(f"no activity named {kind!r}{suggest(kind, self._payloads)}")
        if kind in OPEN_KINDS:
            if kind == "created":  # blank values count as absent
                payload = {name: value for name, value in payload.items() if not is_missing(value)}
            return accept_fields(self._types, payload, self._starts)
        accepted: dict[str, Value] = {}
        for name, value in payload.items():
            wanted = types.get(name)
            if wanted is None:
                raise RecordError(
                    f"{kind} brings no {name!r}{suggest(name, types)}; "
                    f"it brings {', '.join(types) or 'nothing'}"
                )
            if wanted.takes_any_text and type(value) is str and value[:1] > " " and value.isascii():
                accepted[name] = value  # as accept() would return, without a call for each activity
                continue
            try:
                accepted[name] = wanted.accept(value)
            except RecordError as error:
                raise RecordError(f"{kind}.{name}: {error}") from None
        for name in self._required[kind]:
            if name not in accepted:
                raise RecordError(f"{kind} lacks its {name!r}")
        return accepted

    def apply(self, kind: str, person: Person, now: datetime, payload: Payloads) -> None:
        """Write the values of the activity into the person."""
        for write in self._writers[kind]:
            write(person, now, payload)


def _writers(
    kind: ActivityKind, model: Model
) -> list[Callable[[Person, datetime, Payloads], None]]:
    words = model.vocabulary_for(kind.name)
    writers: list[Callable[[Person, datetime, Payloads], None]] = []
    if kind.name in OPEN_KINDS:
        writers.append(_write_fields)
    if kind.name in _STATUS:
        writers.append(_opportunity_writer(kind.name))
    if kind == asking(kind.name):
        writers.append(_forget_reason)
    if kind.name == "owner_changed" and "owner" in {effect.field for effect in kind.sets}:
        writers.append(_forget_owner)
    if kind.name == "score_given":
        writers.append(_note_interest)
    own = effects(kind.sets, model.field_types, words)
    if own is not None:
        writers.append(own)
    for rule in model.data:
        write = effects(rule.then, model.field_types, words)
        if rule.on == kind.name and write is not None:
            writers.append(_guarded(condition(rule.when, words), write))
    return writers


def _guarded(holds: Callable[[Any, datetime, Payloads], bool], write: Effects) -> Effects:
    def apply(person: Any, now: datetime, payload: Payloads) -> None:
        if holds(person, now, payload):
            write(person, now, payload)

    return apply


def _write_fields(person: Any, now: datetime, payload: Payloads) -> None:
    for name, value in payload.items():
        setattr(person, name, value)


def _forget_reason(person: Any, now: datetime, payload: Payloads) -> None:
    """A request without a reason clears the reason of an earlier one, which must not decide."""
    if payload.get("reason") is None:
        person.rejection_reason = None


def _forget_owner(person: Any, now: datetime, payload: Payloads) -> None:
    """A change of owner without a new owner clears the owner."""
    if payload.get("owner") is None:
        person.owner = None


def _note_interest(person: Any, now: datetime, payload: Payloads) -> None:
    """Points above zero are a sign of interest; negative points are not [S18]."""
    points: Any = payload["points"]
    if points > 0:
        person.scored_at = now


def _opportunity_writer(kind: str) -> Effects:
    status = _STATUS[kind]

    def write(person: Any, now: datetime, payload: Payloads) -> None:
        name = str(payload["opportunity"])
        before = person.opportunities.get(name, Opportunity("open"))
        told: dict[str, Any] = {key: payload[key] for key in _TERMS if payload.get(key) is not None}
        if "currency" in told:
            told["currency"] = told["currency"].strip().upper()
        if kind == "opportunity_opened" and before.opened_at is None:
            told["opened_at"] = now
        if status and status != before.status:
            told["closed_at"] = None if status == "open" else now
        after = before._replace(status=status or before.status, **told)
        # Make a new mapping each time: code that restores the person keeps the old one.
        person.keep_opportunities({**person.opportunities, name: after})
        if status == "lost":
            person.last_lost_at = now

    return write


#: If two records of one opportunity are merged, the later status wins: a closed one never reopens.
_LATER = ("open", "lost", "won")


def merged_opportunity(ours: Opportunity, theirs: Opportunity) -> Opportunity:
    """The merged record of one opportunity from two people [S22][S23].

    An amount keeps its own currency. The opportunity was opened, and closed, when the first of the
    two says so.
    """
    status = max(ours.status, theirs.status, key=_LATER.index)
    priced, other = (theirs, ours) if ours.amount is None else (ours, theirs)
    return Opportunity(
        status,
        priced.amount,
        theirs.closes_at if ours.closes_at is None else ours.closes_at,
        priced.currency or other.currency,
        _first(ours.opened_at, theirs.opened_at),
        _first(*(deal.closed_at for deal in (ours, theirs) if deal.status == status)),
    )


def _first(*times: datetime | None) -> datetime | None:
    return min((at for at in times if at is not None), default=None)
