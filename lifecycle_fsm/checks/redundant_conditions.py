"""Parts of a condition that change nothing, because the rest decides the same for everyone."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding, undecided
from lifecycle_fsm.checks.question_context import QuestionContext
from lifecycle_fsm.guard import Guard, to_text
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.model import Rule
from lifecycle_fsm.proof import apart


def check(context: QuestionContext) -> Iterator[Finding]:
    """Parts of ``and`` and ``or`` that can be removed, one after the other."""
    for rule in context.conditions:
        whole = rule.when
        if any(context.anywhere(rule, side).refuted for side in (whole, tree.negate(whole))):
            continue  # dead, or always true: other checks report these
        unclear: dict[Guard, str] = {}
        while (redundant := _redundant(context, rule, whole, unclear)) is not None:
            part, whole = redundant
            message = (
                f"{to_text(part)!r} changes nothing beside the rest, {to_text(whole)!r}: leave it "
                "out, or look for what was meant"
            )
            yield Finding("warning", "redundant", rule.condition, message)
        for part, reason in unclear.items():
            question = f"whether {to_text(part)!r} changes anything beside the rest"
            yield undecided(rule.condition, question, reason)


def _redundant(
    context: QuestionContext, rule: Rule, whole: Guard, unclear: dict[Guard, str]
) -> tuple[Guard, Guard] | None:
    """A part that can be removed, and the rest; if there is none, ``unclear`` gets the undecided
    parts with the reason."""
    unclear.clear()
    for part, rest in without_one(whole):
        # "role is missing or role not in …" says what happens to people without a role.
        if isinstance(part.guard if isinstance(part, tree.Not) else part, tree.Known):
            continue
        if context.over:
            unclear[part] = context.over
            return None
        answer = context.anywhere(rule, apart(whole, rest))
        if answer.refuted:
            return part, rest
        if not answer.found:
            unclear[part] = answer.reason
    return None


def without_one(guard: Guard) -> Iterator[tuple[Guard, Guard]]:
    """Each part of an ``and`` or ``or``, with the guard without it; the last part comes first."""
    match guard:
        case tree.And(parts) | tree.Or(parts):
            join = tree.all_of if isinstance(guard, tree.And) else tree.any_of
            for at in reversed(range(len(parts))):
                yield parts[at], join(*parts[:at], *parts[at + 1 :])
            for at in reversed(range(len(parts))):
                for part, rest in without_one(parts[at]):
                    yield part, join(*parts[:at], rest, *parts[at + 1 :])
        case tree.Not(inner):
            for part, rest in without_one(inner):
                yield part, tree.negate(rest)
