"""Whether the sort gives everyone a first stage [S15]."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import QuestionContext
from lifecycle_fsm.guard import all_of, negate


def check(context: QuestionContext) -> Iterator[Finding]:
    """A person whom no rule of the sort takes."""
    sort = context.model.sort_edges
    answer = context.ask(all_of(*(negate(context.opens(edge)) for edge in sort)))
    if not answer.refuted:
        message = "no rule takes this person: end the sort with when = 'otherwise'"
        finding = (
            Finding("error", "gap", "sort", message)
            if answer.found
            else Finding("hint", "not decided", "sort", answer.reason)
        )
        yield finding.shown_by(answer, context.model.initial.name)
