"""A condition that holds for everybody, without saying so."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.checks.rule_index import conditions
from lifecycle_fsm.guard import Always, negate

NAME = "guard_always"


def check(ground: Ground) -> Iterator[Finding]:
    """Conditions that nobody fails, such as ``score >= 0`` of a score that cannot be less."""
    for one in conditions(ground.model):
        if isinstance(one.guard, Always):
            continue
        answers = ground.each(one, negate(one.guard))
        unclear = [answer for answer in answers if answer.verdict == "undecided"]
        if unclear and not any(answer.found for answer in answers):
            yield Finding(
                check=NAME,
                severity="hint",
                fault="not decided",
                where=one.where,
                message=f"whether anybody fails it: {unclear[0].reason}",
            )
        elif all(answer.refuted for answer in answers):
            yield Finding(
                check=NAME,
                severity="warning",
                fault="always",
                where=one.where,
                message=f"everybody satisfies it, so {one.what} asks for nothing: look for a "
                "number that nobody is below, or an 'or' that should be an 'and'; write 'always' "
                "if everybody is meant",
            )
