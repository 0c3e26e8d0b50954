"""A part of a condition that changes nothing: the rest alone decides the same for everybody."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.checks.rule_index import Condition, conditions
from lifecycle_fsm.guard import And, Guard, Known, Not, Or, all_of, any_of, negate, to_text

NAME = "redundant_conditions"


def check(ground: Ground) -> Iterator[Finding]:
    """Parts of ``and`` and ``or`` that can be left out, one after the other."""
    for one in conditions(ground.model):
        whole = one.guard
        if _decided(ground, one):
            continue  # dead, or always: said by checks of their own
        unclear: dict[Guard, str] = {}
        while (found := _redundant(ground, one, whole, unclear)) is not None:
            part, whole = found
            yield Finding(
                check=NAME,
                severity="warning",
                fault="redundant",
                where=one.where,
                message=f"{to_text(part)!r} changes nothing beside the rest, "
                f"{to_text(whole)!r}: leave it out, or look for what was meant",
            )
        for part, reason in unclear.items():
            yield Finding(
                check=NAME,
                severity="hint",
                fault="not decided",
                where=one.where,
                message=f"whether {to_text(part)!r} changes anything beside the rest: {reason}",
            )


def _redundant(
    ground: Ground, one: Condition, whole: Guard, unclear: dict[Guard, str]
) -> tuple[Guard, Guard] | None:
    """A part that can be left out, and the rest; with nothing found, what could not be decided."""
    unclear.clear()
    for part, rest in without_one(whole):
        # "role is missing or role not in …" says what becomes of those without a role.
        if _of_missing(part):
            continue
        if ground.over:
            unclear[part] = ground.over
            return None
        apart = any_of(all_of(whole, negate(rest)), all_of(rest, negate(whole)))
        answers = ground.each(one, apart)
        if all(answer.refuted for answer in answers):
            return part, rest
        if not any(answer.found for answer in answers):
            unclear[part] = next(answer.reason for answer in answers if answer.reason)
    return None


def _of_missing(part: Guard) -> bool:
    return isinstance(part.guard if isinstance(part, Not) else part, Known)


def _decided(ground: Ground, one: Condition) -> bool:
    return any(
        all(answer.refuted for answer in ground.each(one, said))
        for said in (one.guard, negate(one.guard))
    )


def without_one(guard: Guard) -> Iterator[tuple[Guard, Guard]]:
    """Each part of an ``and`` or ``or``, with the guard without it; the last part first."""
    match guard:
        case And(parts) | Or(parts):
            join = all_of if isinstance(guard, And) else any_of
            for at in reversed(range(len(parts))):
                yield parts[at], join(*parts[:at], *parts[at + 1 :])
            for at in reversed(range(len(parts))):
                for part, rest in without_one(parts[at]):
                    yield part, join(*parts[:at], rest, *parts[at + 1 :])
        case Not(inner):
            for part, rest in without_one(inner):
                yield part, negate(rest)
