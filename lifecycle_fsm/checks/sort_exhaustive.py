"""Whether the sort gives everybody a first stage [S15]."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.guard import all_of, negate

NAME = "sort_exhaustive"


def check(ground: Ground) -> Iterator[Finding]:
    """Somebody whom no rule of the sort takes."""
    start = ground.model.initial.name
    nobody = all_of(*(negate(ground.at(rule.when, start)) for rule in ground.model.sort))
    answer = ground.ask(nobody)
    if not answer.refuted:
        yield Finding(
            check=NAME,
            severity="error" if answer.found else "hint",
            fault="gap" if answer.found else "not decided",
            where="sort",
            message="no rule takes this person: end the sort with when = 'otherwise'"
            if answer.found
            else answer.reason,
            stage=start,
            person=answer.person,
            at=answer.at,
        )
