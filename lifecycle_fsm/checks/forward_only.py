"""Checks that nothing moves backwards [S6], which building a model already ensures."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import QuestionContext


def check(context: QuestionContext) -> Iterator[Finding]:
    """Moves along the path that do not go forward, and returns to the very beginning."""
    model = context.model
    for edge in (*model.sort_edges, *model.edges):
        start, end = model.ranks.get(edge.source), model.ranks.get(edge.target)
        forwards = end is None or (end > 0 if start is None else end > start)
        if not forwards:
            message = (
                f"it leads from {edge.source!r} back to {edge.target!r}: people leave the path by "
                "a detour stage"
            )
            yield Finding("error", "backwards", context.place(edge), message, edge.source)
