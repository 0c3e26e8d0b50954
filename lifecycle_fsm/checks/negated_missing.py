"""Negations that also take everybody of whom nothing is known [S3]."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.ground import Ground
from lifecycle_fsm.checks.places import conditions
from lifecycle_fsm.guard import (
    And,
    Compare,
    Field,
    Guard,
    In,
    Known,
    Not,
    Or,
    StartsWith,
    Truth,
    to_text,
    walk,
)

NAME = "negated_missing"


def check(ground: Ground) -> Iterator[Finding]:
    """``source != 'web'`` over a field that may be missing, in a condition that does not say what
    becomes of those of whom it is."""
    words = ground.world.vocabulary.fields
    for one in conditions(ground.model):
        asked = {node.field.name for node in walk(one.guard) if isinstance(node, Known)}
        for negated in _negated(one.guard):
            names = [node.name for node in walk(negated) if isinstance(node, Field)]
            open_names = [
                name
                for name in names
                if name in words and words[name].nullable and name not in asked
            ]
            if open_names:
                name = open_names[0]
                yield Finding(
                    check=NAME,
                    severity="hint",
                    fault="missing",
                    where=one.where,
                    message=f"{to_text(Not(negated))!r} also holds where the {name} is missing: "
                    f"say so with '{name} is known and …' or '{name} is missing or …'",
                )


def _negated(guard: Guard) -> Iterator[Guard]:
    """The comparisons that stand under a negation."""
    match guard:
        case Not(Compare() | In() | StartsWith() | Truth() as atom):
            yield atom
        case Not(inner):
            yield from _negated_under(inner)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _negated(part)


def _negated_under(guard: Guard) -> Iterator[Guard]:
    match guard:
        case Compare() | In() | StartsWith() | Truth():
            yield guard
        case Not(inner):
            yield from _negated(inner)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _negated_under(part)
