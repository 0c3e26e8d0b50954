"""Negations that also take everybody of whom nothing is known [S3]."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding
from lifecycle_fsm.checks.question_context import Ground
from lifecycle_fsm.checks.rule_index import Condition, conditions
from lifecycle_fsm.guard import (
    And,
    Compare,
    Field,
    Guard,
    In,
    Known,
    Named,
    Not,
    Or,
    TextMatch,
    Truth,
    Vocabulary,
    all_of,
    always,
    inline,
    negate,
    reads,
    resolve,
    to_text,
    transform,
    walk,
)
from lifecycle_fsm.proof import Answer

NAME = "negated_missing"
#: The machine sets these whenever somebody enters a stage.
_NEVER_MISSING = frozenset({"stage_entered_at", "journey_started_at"})


def check(ground: Ground) -> Iterator[Finding]:
    """``source != 'web'`` over a field that may be missing, in a condition that does not say what
    becomes of those of whom it is."""
    words = ground.world.vocabulary
    for one in conditions(ground.model):
        whole = inline(resolve(one.guard, words), words)
        asked = {node.field.name for node in walk(whole) if isinstance(node, Known)}
        for atom in dict.fromkeys(_denied(resolve(one.guard, words), words)):
            for name in _may_be_missing(atom, words):
                if name in asked:
                    continue
                asked.add(name)
                found = next(_taken(ground, one, whole, atom, name), None)
                if found is None:
                    continue
                stage, answer = found
                if not answer.found:
                    yield Finding(
                        check=NAME,
                        severity="hint",
                        fault="not decided",
                        where=one.where,
                        message=f"whether {to_text(negate(atom))!r} takes somebody whose {name!r} "
                        f"is missing: {answer.reason}",
                    )
                    continue
                yield Finding(
                    check=NAME,
                    severity="hint",
                    fault="missing",
                    where=one.where,
                    message=f"{to_text(negate(atom))!r} also holds for everybody whose "
                    f"{name!r} is missing: write '{name} is known and …' to leave them out, or "
                    f"'{name} is missing or …' to show that they are meant",
                    stage=stage,
                    person={**answer.person, name: None},
                    at=answer.at,
                )


def _may_be_missing(atom: Guard, words: Vocabulary) -> list[str]:
    kinds = words.fields
    times = [name for name, kind in kinds.items() if kind.kind == "datetime"]
    return [
        name
        for name in sorted(reads(atom))
        if name not in _NEVER_MISSING and (kinds[name].nullable or name in times)
    ]


def _taken(
    ground: Ground, one: Condition, whole: Guard, atom: Guard, name: str
) -> Iterator[tuple[str | None, Answer]]:
    """Somebody whom the condition takes only because the field is missing."""
    fails = transform(whole, lambda part: always if part == atom else part)
    question = all_of(whole, negate(fails), negate(Known(Field(name))))
    unclear: list[tuple[str | None, Answer]] = []
    for stage, answer in zip(one.stages or (None,), ground.each(one, question), strict=True):
        if answer.found:
            yield stage, answer
            return
        if not answer.refuted:
            unclear.append((stage, answer))
    yield from unclear


def _denied(guard: Guard, words: Vocabulary, denied: bool = False) -> Iterator[Guard]:
    """The comparisons that stand under a negation. Those of a named guard are told at its own
    place, but for those that are denied here."""
    match guard:
        case Compare() | In() | TextMatch() | Truth():
            if denied:
                yield guard
        case Not(inner):
            yield from _denied(inner, words, not denied)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _denied(part, words, denied)
        case Named():
            if denied:
                yield from _denied(inline(guard, words), words, True)
