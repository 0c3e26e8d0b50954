"""Tokens that nothing uses: a threshold that was agreed on, and decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.checks.rule_index import readers
from lifecycle_fsm.guard import Token, walk

NAME = "unused_tokens"


def check(ground: Ground) -> Iterator[Finding]:
    """Tokens that stand in no guard, effect, score or receiver."""
    trees = readers(ground.model)
    used = {node.name for tree in trees for node in walk(tree) if isinstance(node, Token)}
    for name in ground.model.tokens:
        if name not in used:
            yield Finding(
                check=NAME,
                severity="warning",
                fault="unused",
                where=f"tokens.{name}",
                message=f"nothing reads it: write ${name} where it should count, or leave it out",
            )
