"""All checks, in the order in which their findings are told, and a model put through them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs

from lifecycle_fsm.checks import (
    claims,
    deadlines_met,
    forward_only,
    guard_always,
    guard_never,
    negated_missing,
    overlapping_moves,
    ping_pong,
    reachable_stages,
    redundant_conditions,
    silo_order,
    sort_exhaustive,
    sort_rules,
    unset_fields,
    unused_tokens,
)
from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.model import Model
from lifecycle_fsm.proof import TOTAL, Prover, Work

Check = Callable[[Ground], Iterator[Finding]]

#: The checks: each looks for one kind of fault, and knows nothing of the others.
CHECKS: tuple[tuple[str, Check], ...] = tuple(
    (one.NAME, one.check)
    for one in (
        sort_exhaustive,
        sort_rules,
        overlapping_moves,
        guard_never,
        guard_always,
        redundant_conditions,
        reachable_stages,
        forward_only,
        ping_pong,
        silo_order,
        deadlines_met,
        negated_missing,
        unused_tokens,
        unset_fields,
        claims,
    )
)


def check(
    model: Model,
    *,
    budget: int = TOTAL,
    seconds: float | None = None,
    prover: Prover = "search",
) -> tuple[Finding, ...]:
    """Everything that the checks find in a model: errors first, then warnings, hints, notes.

    Args:
        model: a model that builds.
        budget: how many cases all questions together may look at; what is left then is a finding
            "not decided", never a pass. Cases are counted, so that every machine says the same.
        seconds: how long it may take on the clock, whatever the machine gets done in that time.
        prover: ``both`` asks the solver z3 where trying values does not decide; ``z3``, always.

    Raises:
        MissingExtra: z3 is asked for and not installed.
    """
    ground = Ground(model, Work(budget, seconds), prover)
    found = _merged(finding for _, one in CHECKS for finding in one(ground))
    return tuple(sorted(found, key=lambda one: one.rank))


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, with those that say and show the same as one that lists their places."""
    merged: dict[object, Finding] = {}
    for finding in findings:
        shown = (finding.stage, *finding.person.items(), *finding.assumed.items())
        key = (finding.check, finding.severity, finding.fault, finding.message, shown)
        first = merged.setdefault(key, finding)
        if first is not finding:
            merged[key] = attrs.evolve(first, also=(*first.also, finding.where, *finding.also))
    return list(merged.values())


def located(found: tuple[Finding, ...], lines: Callable[[str], int | None]) -> tuple[Finding, ...]:
    """The findings with the lines of the model's file."""
    return tuple(attrs.evolve(one, line=lines(one.where)) for one in found)
