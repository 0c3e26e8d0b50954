"""Assignment: who should work on a person [S18]. To assign is not to accept.

The rules are one decision list. It is evaluated when an activity, or time, has moved a person into
a stage that a rule names, and when an activity of a kind that a rule names is applied.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from lifecycle_fsm.guard import Token
from lifecycle_fsm.model import AssignmentRule, Model
from lifecycle_fsm.person import Person
from lifecycle_fsm.silos.effects import NO_PAYLOAD, Payloads, condition
from lifecycle_fsm.silos.request_template import Receiver, RequestTemplate, occasions, receiver
from lifecycle_fsm.stable_hash import stable_choice


class _Assignment:
    def __init__(self, index: int, rule: AssignmentRule, model: Model) -> None:
        self.index = index
        self.deadline = rule.deadline
        self.holds = condition(rule.when, model.vocabulary_for(rule.on))
        self.who = _who(rule, model)
        nobody_else = attrs.evolve(rule, to=())
        self.task: RequestTemplate | None = None
        if rule.text:
            self.task = RequestTemplate("assignment", rule.name, "task", nobody_else, model)


class Assignment:
    """The assignment rules of a model, ready to run."""

    def __init__(self, model: Model) -> None:
        rules = [_Assignment(index, rule, model) for index, rule in enumerate(model.assignment)]
        #: The tasks of the assignments.
        self.templates = tuple(rule.task for rule in rules if rule.task)
        named = list(zip(model.assignment, rules, strict=True))
        #: The rules by entered stage and by kind of activity, in the order of the model.
        self.by_stage, self.by_kind = occasions(model, named)

    def assign(
        self,
        person: Person,
        now: datetime,
        stage: str | None,
        kind: str | None,
        payload: Payloads = NO_PAYLOAD,
    ) -> tuple[RequestTemplate, str, str] | None:
        """Write ``assigned_to`` by the first rule that holds and has a known assignee.

        Returns:
            the task of the rule, the assignee, and the name of the rule's deadline.
        """
        rules = self.by_stage.get(stage, []) if stage is not None else []
        if kind is not None and kind in self.by_kind:
            rules = sorted({*rules, *self.by_kind[kind]}, key=lambda rule: rule.index)
        for rule in rules:
            if not rule.holds(person, now, payload):
                continue
            who = rule.who(person)
            if who:
                person.assigned_to = who
                return (rule.task, who, rule.deadline) if rule.task else None
        return None


def _who(rule: AssignmentRule, model: Model) -> Receiver:
    (term,) = rule.to
    if isinstance(term, Token):
        team = model.tokens[term.name]
        if isinstance(team, tuple):
            names = [str(member) for member in team]
            return lambda person: stable_choice(names, rule.name, person.id)
    return receiver(term, model)
