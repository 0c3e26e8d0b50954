"""Conditions that no one can ever satisfy, so that what they decide is dead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from lifecycle_fsm.checks.finding import Finding, undecided
from lifecycle_fsm.checks.question_context import QuestionContext, decided_by, settled
from lifecycle_fsm.guard import And, Named, all_of, to_text
from lifecycle_fsm.model import Rule


def check(context: QuestionContext) -> Iterator[Finding]:
    """Conditions that hold for no one, or for no one in one of the stages of their rule."""
    dead = {
        rule.condition: rule
        for rule in context.conditions
        if context.anywhere(rule, rule.when).refuted
    }
    causes = {place: _cause(rule, dead) for place, rule in dead.items()}
    for rule in context.conditions:
        if causes.get(rule.condition):
            continue  # reported for the named guard
        answers = context.each(rule, rule.when)
        never = [
            stage for stage, answer in zip(rule.stages, answers, strict=False) if answer.refuted
        ]
        unclear = [answer for answer in answers if answer.verdict == "undecided"]
        if settled(answers).refuted:
            message = (
                f"nobody can ever satisfy it, so {decided_by(rule)} never applies: "
                f"{_reason(context, rule)}"
            )
            also = tuple(place for place in dead if _root(place, causes) == rule.condition)
            yield Finding("error", "dead", rule.condition, message, also=also)
        elif never:
            message = (
                f"nobody in {' or '.join(map(repr, never))} can satisfy it: leave "
                f"{'that stage' if len(never) == 1 else 'those stages'} out there, or look at what "
                "it asks for"
            )
            yield Finding("warning", "dead", rule.condition, message)
        elif unclear:
            yield undecided(rule.condition, "whether anybody can satisfy it", unclear[0].reason)


def _cause(rule: Rule, dead: Mapping[str, Rule]) -> str:
    """The place of a dead named guard that makes this rule dead, if there is one."""
    parts = rule.when.guards if isinstance(rule.when, And) else (rule.when,)
    named = (f"guards.{part.name}" for part in parts if isinstance(part, Named))
    return next((place for place in named if place in dead), "")


def _root(place: str, causes: Mapping[str, str]) -> str:
    """The place of the innermost cause; empty for a rule that is a cause itself."""
    cause = causes[place]
    return (_root(cause, causes) or cause) if cause else ""


def _reason(context: QuestionContext, rule: Rule) -> str:
    """The part of the condition, or the two parts, that already hold for no one."""
    parts = rule.when.guards if isinstance(rule.when, And) else ()
    for count, contradiction in (
        (1, "holds for nobody"),
        (2, "contradict each other, so one of them is a slip"),
    ):
        for chosen in combinations(parts, count):
            if context.anywhere(rule, all_of(*chosen)).refuted:
                return f"{' and '.join(repr(to_text(part)) for part in chosen)} {contradiction}"
    return (
        "look for conditions that contradict each other"
        if parts
        else "look for a value that the field cannot have"
    )
