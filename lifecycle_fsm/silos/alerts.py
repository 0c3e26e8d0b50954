"""Alerts and other requests: what is asked for when a stage is entered or an activity comes
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

#: By the name of a deadline, when it is due in the present visit, if it still is.
Dues: TypeAlias = Callable[[str], datetime | None]
#: The rule and the channel of a change of what marketing mail may do.
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
        #: The requests that alerts ask for.
        self.templates = tuple(alert.template for _, alert in rules)
        #: By the stage that is entered, and by the kind of activity, as written.
        self.by_stage, self.by_kind = occasions(model, rules)
        #: What each stage says of marketing mail.
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
        """What the entry of a stage asks for; ``superseded`` where the person went on at once."""
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
        """What an activity asks for, in whatever stage the person is [S24]."""
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
        """A change of what marketing mail may do, where the way from the stage before made one:
        entering a stage sets it, and leaving it undoes that [S12]."""
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
    """What has waited for the CRM, now that it has acknowledged the person [S24]."""
    return [held.template.release(person, now, held) for held in person.take_held_requests()]


def handed_over(loser: Person, *, loser_wins: bool) -> tuple[Held, ...]:
    """What has waited for the CRM's record of the loser and now waits for that of the survivor
    [S23][S24]: what activities asked for, and if the loser's visit goes on, what its entry asked
    for. Somebody still has to call."""
    waiting: tuple[Held, ...] = loser.held_requests
    return tuple(
        held._replace(key=f"{loser.id}/{held.key}")
        for held in waiting
        if held.visit is None or (loser_wins and _is_of_visit(held, loser))
    )


def given_up(survivor: Person, now: datetime) -> list[Request]:
    """What the entry of the survivor's visit has asked for, as another visit takes its place
    [S23]: superseded."""
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
    """What has waited for the CRM, of somebody who is folded into another person now [S23]."""
    return [attrs.evolve(request, state="superseded") for request in released(person, now)]
