"""Rules of the sort that are never reached, because earlier ones take everyone [S15]."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding, Severity, undecided
from lifecycle_fsm.checks.question_context import QuestionContext


def check(context: QuestionContext) -> Iterator[Finding]:
    """Shadowed rules. A rule that no one satisfies at all is reported as a dead guard."""
    _, *others = context.model.sort_edges
    for edge in others:
        left = context.ask(context.turn(edge))
        if left.found or (own := context.ask(context.opens(edge))).refuted:
            continue
        if not left.refuted:
            yield undecided(context.place(edge), "whether anybody is left for it", left.reason)
            continue
        taker = context.taker(edge, context.model.tried_before(edge))
        by = repr(taker.name) if taker else "the rules before it, taken together"
        severity: Severity = "error"
        remedy = "move it up, or leave it out"
        if edge is others[-1]:
            severity = "warning"
            remedy = "nobody is left for it, so look whether an earlier rule takes too many"
        message = f"everybody whom it would take is taken before, by {by}: {remedy}"
        finding = Finding(severity, "shadowed", context.place(edge), message)
        yield finding.shown_by(own, edge.source)
