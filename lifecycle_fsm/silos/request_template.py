"""Compiled requests: who receives a request, and its text [S11][S24]."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias, TypeVar

from lifecycle_fsm.attributes import reader
from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import Const, Field, Term, Token
from lifecycle_fsm.model import PLACE, AlertRule, Ask, AssignmentRule, Model
from lifecycle_fsm.person import Person
from lifecycle_fsm.requests import Cause, Request, State
from lifecycle_fsm.silos.effects import attribute_of

T = TypeVar("T")
#: A function that gives the receiver for a person.
Receiver: TypeAlias = Callable[[Person], str | None]
#: The text for an unknown value.
UNKNOWN = "unknown"


class Held(NamedTuple):
    """A request that waits for the CRM: its rule, and what cannot be recomputed after the wait."""

    template: RequestTemplate
    key: str
    stage: str | None
    visit: datetime | None
    activity: str | None
    to: str | None
    due_at: datetime | None


class RequestTemplate:
    """The request of one rule, ready to be made for a person."""

    def __init__(self, section: str, rule: str, channel: str, ask: Ask, model: Model) -> None:
        #: The section and the name of the rule identify the template in its model.
        self.section = section
        self.rule = rule
        self.channel = channel
        self.links_to_crm = ask.links_to_crm
        self._receivers = [receiver(term, model) for term in ask.to]
        # Texts and names of fields alternate.
        self._words = PLACE.split(ask.text)
        self._values = reader(attribute_of(name) for name in self._words[1::2])
        self._include = [(name, attribute_of(name)) for name in ask.include]

    def make(
        self,
        person: Person,
        at: datetime,
        *,
        stage: str | None,
        cause: Cause,
        to: str | None = None,
        due_at: datetime | None = None,
        superseded: bool = False,
    ) -> Request:
        """The request; held if its link needs a record that the CRM has not acknowledged. The
        person then stores that it waits [S24]."""
        state: State = "sent"
        key = cause.key(at)
        if superseded:
            state = "superseded"
            # The stage that is finally entered may make a request by the same rule.
            key += f"/{stage}"
        elif self.links_to_crm and person.crm_synced_at is None:
            state = "held"
            visit = person.stage_entered_at if stage is not None else None
            person.hold_request(Held(self, key, stage, visit, cause.activity, to, due_at))
        return self._made(person, at, key, stage, cause.activity, to, due_at, state)

    def release(self, person: Person, at: datetime, held: Held) -> Request:
        """The request that waited for the CRM, with its text as of now; superseded if it was made
        for a stage that the person has left since."""
        here = held.visit is None or (held.stage, held.visit) == (
            person.stage,
            person.stage_entered_at,
        )
        state: State = "released" if here else "superseded"
        return self._made(
            person, at, held.key, held.stage, held.activity, held.to, held.due_at, state
        )

    def again(self, person: Person, at: datetime, held: Held) -> Request:
        """The request, still waiting, for the person who took it over in a merge [S23]."""
        return self._made(
            person, at, held.key, held.stage, held.activity, held.to, held.due_at, "held"
        )

    def _made(
        self,
        person: Person,
        at: datetime,
        key: str,
        stage: str | None,
        activity: str | None,
        to: str | None,
        due_at: datetime | None,
        state: State,
    ) -> Request:
        data: Mapping[str, Value] = {
            name: getattr(person, attribute) for name, attribute in self._include
        }
        return Request(
            f"{person.id}/{self.rule}/{key}",
            person.id,
            self.rule,
            self.channel,
            to or self.receiver(person),
            self._text(person),
            at,
            stage,
            activity,
            due_at,
            state,
            data,
        )

    def receiver(self, person: Person) -> str | None:
        """The first known receiver."""
        for receiver_of in self._receivers:
            name = receiver_of(person)
            if name:
                return name
        return None

    def _text(self, person: Person) -> str:
        parts = list(self._words)
        parts[1::2] = map(_value_text, self._values(person))
        return "".join(parts)


def occasions(
    model: Model, rules: Iterable[tuple[AlertRule | AssignmentRule, T]]
) -> tuple[Mapping[str, list[T]], Mapping[str, list[T]]]:
    """The rules by their occasion, in the order of the model: by entered stage, and by kind of
    activity."""
    by_stage: dict[str, list[T]] = {}
    by_kind: dict[str, list[T]] = {}
    for rule, ready in rules:
        for stage in rule.entering:
            by_stage.setdefault(stage, []).append(ready)
        if rule.on is not None:
            by_kind.setdefault(rule.on, []).append(ready)
    return by_stage, by_kind


def receiver(term: Term, model: Model) -> Receiver:
    """The receiver that a term denotes, for each person."""
    match term:
        case Field(name):
            return attrgetter(attribute_of(name))
        case Token(name):
            value: Any = model.tokens[name]
        case Const(value):
            pass
    assert isinstance(value, str)
    return lambda person: value


def _value_text(value: Value) -> str:
    if isinstance(value, str) or value is None:
        return value or UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    return str(value)
