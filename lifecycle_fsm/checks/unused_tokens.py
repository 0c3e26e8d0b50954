"""Tokens that nothing uses: a threshold that was agreed on but decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import QuestionContext
from lifecycle_fsm.guard import Token, walk


def check(context: QuestionContext) -> Iterator[Finding]:
    """Tokens that occur in no guard, effect, score or receiver."""
    nodes = (node for tree in context.trees() for node in walk(tree))
    used = {node.name for node in nodes if isinstance(node, Token)}
    for name in context.model.tokens:
        if name not in used:
            message = f"nothing reads it: write ${name} where it should count, or leave it out"
            yield Finding("warning", "unused", f"tokens.{name}", message)
