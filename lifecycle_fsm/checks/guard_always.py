"""Conditions that hold for everyone without saying so."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding, undecided
from lifecycle_fsm.checks.question_context import QuestionContext, decided_by
from lifecycle_fsm.guard import Always, negate


def check(context: QuestionContext) -> Iterator[Finding]:
    """Conditions that are never false, such as ``score >= 0`` for a score that cannot be less."""
    for rule in context.conditions:
        if isinstance(rule.when, Always):
            continue
        answer = context.anywhere(rule, negate(rule.when))
        if answer.verdict == "undecided":
            yield undecided(rule.condition, "whether anybody fails it", answer.reason)
        elif answer.refuted:
            message = (
                f"everybody satisfies it, so {decided_by(rule)} asks for nothing: look for a "
                "number that nobody is below, or an 'or' that should be an 'and'; write 'always' "
                "if everybody is meant"
            )
            yield Finding("warning", "always", rule.condition, message)
