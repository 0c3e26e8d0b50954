"""All checks, in the order in which their findings are reported, and how to run them on a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs

from lifecycle_fsm.checks import (
    broken_claims,
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
from lifecycle_fsm.checks.question_context import QuestionContext
from lifecycle_fsm.model import Model
from lifecycle_fsm.proof import TOTAL, Budget, Prover

Check = Callable[[QuestionContext], Iterator[Finding]]

#: The checks by name: each looks for one kind of fault, independently of the others.
CHECKS: tuple[tuple[str, Check], ...] = (
    ("sort_exhaustive", sort_exhaustive.check),
    ("sort_rules", sort_rules.check),
    ("overlapping_moves", overlapping_moves.check),
    ("guard_never", guard_never.check),
    ("guard_always", guard_always.check),
    ("redundant_conditions", redundant_conditions.check),
    ("reachable_stages", reachable_stages.check),
    ("forward_only", forward_only.check),
    ("ping_pong", ping_pong.check),
    ("silo_order", silo_order.check),
    ("deadlines_met", deadlines_met.check),
    ("negated_missing", negated_missing.check),
    ("unused_tokens", unused_tokens.check),
    ("unset_fields", unset_fields.check),
    ("claims", broken_claims.check),
)


def check(
    model: Model,
    *,
    budget: int = TOTAL,
    seconds: float | None = None,
    prover: Prover = "search",
) -> tuple[Finding, ...]:
    """Every finding of the checks in a model: errors first, then warnings, hints, notes.

    Args:
        model: a valid model.
        budget: how many cases all questions together may examine. A question that is then still
            open gives a finding "not decided", never a pass. Cases are counted, so that every
            machine gives the same result.
        seconds: a limit on the elapsed time, however much the machine gets done in it.
        prover: ``both`` uses the solver z3 if trying values does not decide; ``z3`` always uses it.

    Raises:
        MissingExtra: z3 is requested but not installed.
    """
    context = QuestionContext(model, Budget(budget, seconds), prover)
    findings = (
        attrs.evolve(finding, check=name) for name, find in CHECKS for finding in find(context)
    )
    return tuple(sorted(_merged(findings), key=lambda finding: finding.rank))


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, without those that repeat one that lists their places."""
    merged: dict[object, Finding] = {}
    for finding in findings:
        shown = (finding.stage, *finding.person.items(), *finding.assumed.items())
        key = (finding.check, finding.severity, finding.fault, finding.message, shown)
        first = merged.setdefault(key, finding)
        if first is not finding:
            merged[key] = attrs.evolve(first, also=(*first.also, finding.where, *finding.also))
    return list(merged.values())


def located(
    findings: tuple[Finding, ...], lines: Callable[[str], int | None]
) -> tuple[Finding, ...]:
    """The findings with the lines of the model's file."""
    return tuple(attrs.evolve(finding, line=lines(finding.where)) for finding in findings)
