"""Negations that also hold for everyone whose field is missing [S3]."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.checks.finding import Finding, undecided
from lifecycle_fsm.checks.question_context import QuestionContext, settled
from lifecycle_fsm.guard import Guard, Vocabulary, always, inline, reads, resolve, to_text
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.model import Rule
from lifecycle_fsm.proof.substitution import replaced

#: The machine sets these at each entry into a stage.
_NEVER_MISSING = frozenset({"stage_entered_at", "journey_started_at"})


def check(context: QuestionContext) -> Iterator[Finding]:
    """``source != 'web'`` over a field that may be missing, in a condition that does not say what
    happens if it is."""
    for rule in context.conditions:
        resolved = resolve(rule.when, context.words)
        whole = inline(resolved, context.words)
        mentioned = {node.field.name for node in tree.walk(whole) if isinstance(node, tree.Known)}
        for atom in dict.fromkeys(_denied(resolved, context.words)):
            names = reads(atom) - _NEVER_MISSING - mentioned
            for name in sorted(filter(context.domain.may_miss, names)):
                mentioned.add(name)
                yield from _taken(context, rule, whole, atom, name)


def _taken(
    context: QuestionContext, rule: Rule, whole: Guard, atom: Guard, name: str
) -> Iterator[Finding]:
    """A person for whom the condition holds only because the field is missing."""
    denial = to_text(tree.negate(atom))
    without = replaced(whole, atom, always)
    question = tree.all_of(whole, tree.negate(without), tree.negate(tree.Known(tree.Field(name))))
    answers = context.each(rule, question)
    answer = settled(answers)
    if answer.found:
        message = (
            f"{denial!r} also holds for everybody whose {name!r} is missing: write "
            f"'{name} is known and …' to leave them out, or '{name} is missing or …' to show that "
            "they are meant"
        )
        stage = rule.stages[answers.index(answer)] if rule.stages else None
        person = {**answer.person, name: None}
        yield Finding("hint", "missing", rule.condition, message, stage, person, at=answer.at)
    elif not answer.refuted:
        what = f"whether {denial!r} takes somebody whose {name!r} is missing"
        yield undecided(rule.condition, what, answer.reason)


def _denied(guard: Guard, words: Vocabulary, denied: bool = False) -> Iterator[Guard]:
    """The comparisons below a negation. Those of a named guard are reported at its own place,
    except those that are negated here."""
    match guard:
        case tree.Compare() | tree.In() | tree.TextMatch() | tree.Truth():
            if denied:
                yield guard
        case tree.Not(inner):
            yield from _denied(inner, words, not denied)
        case tree.And(parts) | tree.Or(parts):
            for part in parts:
                yield from _denied(part, words, denied)
        case tree.Named():
            if denied:
                yield from _denied(inline(guard, words), words, True)
