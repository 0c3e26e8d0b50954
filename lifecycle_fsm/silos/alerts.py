"""Alerts and other requests: what is requested when a stage is entered or an activity is applied
[S12][S24], and what marketing mail may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TypeAlias

import attrs

from lifecycle_fsm.model import AlertRule, Model
from lifecycle_fsm.person import Person
from lifecycle_fsm.requests import Cause, Request
from lifecycle_fsm.silos.effects import NO_PAYLOAD, Payloads, condition
from lifecycle_fsm.silos.request_template import Held, RequestTemplate, occasions

#: Maps the name of a deadline to its due time in the current visit, if it is still open.
Dues: TypeAlias = Callable[[str], datetime | None]
#: The rule and the channel of requests that change what marketing mail may do.
MAIL = "mail"


class _Alert:
    def __init__(self, rule: AlertRule, model: Model) -> None:
        self.deadline = rule.deadline
        self.holds = condition(rule.when, model.vocabulary_for(rule.on))
        self.template = RequestTemplate("alerts", rule.name, rule.send, rule, model)


class Alerts:
    """The alert rules of a model, ready to run."""

    def __init__(self, model: Model) -> None:
        rules = [(rule, _Alert(rule, model)) for rule in model.alerts]
        #: The requests that alerts make.
        self.templates = tuple(alert.template for _, alert in rules)
        #: The alerts by entered stage and by kind of activity, in the order of the model.
        self.by_stage, self.by_kind = occasions(model, rules)
        #: What marketing mail does in each stage.
        self.mail: Mapping[str, str | None] = {stage.name: stage.mail for stage in model.stages}

    def entering(
        self,
        person: Person,
        stage: str,
        now: datetime,
        cause: Cause,
        dues: Dues,
        *,
        superseded: bool = False,
    ) -> Iterator[Request]:
        """The requests for an entry into a stage; ``superseded`` if the person moved on at once."""
        for rule in self.by_stage.get(stage, ()):
            if rule.holds(person, now, NO_PAYLOAD):
                yield rule.template.make(
                    person,
                    now,
                    stage=stage,
                    cause=cause,
                    due_at=dues(rule.deadline) if rule.deadline else None,
                    superseded=superseded,
                )

    def coming(
        self,
        person: Person,
        kind: str,
        now: datetime,
        cause: Cause,
        payload: Payloads,
        dues: Dues,
    ) -> Iterator[Request]:
        """The requests for an activity, in any stage [S24]."""
        for rule in self.by_kind.get(kind, ()):
            if rule.holds(person, now, payload):
                yield rule.template.make(
                    person,
                    now,
                    stage=None,
                    cause=cause,
                    due_at=dues(rule.deadline) if rule.deadline else None,
                )

    def mailing(
        self, person: Person, before: str, now: datetime, cause: Cause
    ) -> Iterator[Request]:
        """The request that changes what marketing mail may do, if the stages before and after
        differ in that: entering a stage sets it, and leaving the stage undoes that [S12]."""
        old, new = self.mail.get(before), self.mail.get(person.stage)
        if old != new:
            yield Request(
                f"{person.id}/{MAIL}/{cause.key(now)}",
                person.id,
                MAIL,
                MAIL,
                "marketing",
                f"marketing mail: {new or 'as usual'}, before {old or 'as usual'}",
                now,
                person.stage,
                cause.activity,
                data={"mail": new, "before": old},
            )


def released(person: Person, now: datetime) -> list[Request]:
    """The requests that waited for the CRM, now that it has acknowledged the person [S24]."""
    return [held.template.release(person, now, held) for held in person.take_held_requests()]


def handed_over(loser: Person, *, loser_wins: bool) -> tuple[Held, ...]:
    """The requests that waited for the CRM's record of the loser and now wait for the survivor's
    [S23][S24]: those that activities made and, if the loser's visit continues, those of its entry.
    The work in them still has to be done."""
    waiting: tuple[Held, ...] = loser.held_requests
    return tuple(
        held._replace(key=f"{loser.id}/{held.key}")
        for held in waiting
        if held.visit is None or (loser_wins and _is_of_visit(held, loser))
    )


def given_up(survivor: Person, now: datetime) -> list[Request]:
    """The requests for the entry of the survivor's visit, superseded because another visit takes
    its place [S23]."""
    waiting: tuple[Held, ...] = survivor.take_held_requests()
    survivor.hold_request(*(held for held in waiting if not _is_of_visit(held, survivor)))
    return [
        attrs.evolve(held.template.release(survivor, now, held), state="superseded")
        for held in waiting
        if _is_of_visit(held, survivor)
    ]


def _is_of_visit(held: Held, person: Person) -> bool:
    return (held.stage, held.visit) == (person.stage, person.stage_entered_at)


def abandoned(person: Person, now: datetime) -> list[Request]:
    """The requests that waited for the CRM, for a person who is now merged into another [S23]."""
    return [attrs.evolve(request, state="superseded") for request in released(person, now)]
