"""Ways into a detour, and the returns from it that may hold on entry: those must wait [S9].

A return that held on entry is not made before its guard has been false once. Whether it is open
therefore does not say whether it was made, and must not exclude anyone from the moves after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import Guard, Term, Vocabulary, always, inline, never, reads
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.vocabulary import scalar_value
from lifecycle_fsm.model import Edge, Model, Move
from lifecycle_fsm.proof import NOW, Answer, RelativeInstant, substitute

if TYPE_CHECKING:
    from lifecycle_fsm.checks.question_context import QuestionContext


# ------------------------------------------------------------------ effects
#
# The values of the fields after a move, as terms over the fields before it.


#: What the machine sets at each return.
AT_RETURN: Mapping[str, Term | Guard] = {
    "stage_entered_at": tree.Now(),
    "journey_started_at": tree.Now(),
    "journey": tree.Arithmetic("+", tree.Field("journey"), tree.Const(1)),
}


def values_after(edge: Edge, model: Model, now: Term | None = None) -> dict[str, Term | Guard]:
    """The values that the effects of a move leave in the fields, clamped to their bounds.

    ``now`` is the term for the instant of the move, if that is in the past.
    """
    if not isinstance(edge.rule, Move):
        return {}
    return {
        effect.field: now or effect.value
        if isinstance(effect.value, tree.Now)
        else _clamped(effect.value, model.field_types[effect.field])
        for effect in edge.rule.then
    }


def _clamped(value: Term | Guard, kind: FieldType) -> Term | Guard:
    if isinstance(value, Guard | tree.Const) or kind.kind not in ("int", "float"):
        return value
    if kind.maximum is not None:
        value = tree.Extreme("min", (value, tree.Const(kind.maximum)))
    if kind.minimum is not None:
        value = tree.Extreme("max", (value, tree.Const(kind.minimum)))
    return value


# ------------------------------------------------------------------ past
#
# What a guard says about the past, over the same fields.


_ENTERED = tree.Field("stage_entered_at")
_TICK = timedelta(microseconds=1)


def a_tick_ago(guard: Guard, words: Vocabulary) -> Guard:
    """The guard as it was one tick before, over the same fields."""

    def change(part: Guard) -> Guard:
        match part:
            case tree.Compare(op, tree.Elapsed(start=field, unit=unit), other):
                value = scalar_value(other, words)
                if value is None or not isinstance(value[0], int):
                    return part
                passed, more = (_had_passed(field, value[0] + n, unit) for n in (0, 1))
                match op:
                    case ">=":
                        return passed
                    case ">":
                        return more
                    case "<":
                        return tree.all_of(tree.Known(field), tree.negate(passed))
                    case "<=":
                        return tree.all_of(tree.Known(field), tree.negate(more))
                return tree.all_of(passed, tree.negate(more))
        return part

    return tree.transform(inline(guard, words), change)


def _had_passed(field: tree.Field, count: int, unit: timedelta) -> Guard:
    """Holds if that many whole days or hours had passed since a time, one tick ago."""
    try:
        return tree.Compare("<=", field, RelativeInstant(NOW - _TICK - count * unit))
    except OverflowError:
        return never if count > 0 else tree.Known(field)


def still(guard: Guard, words: Vocabulary) -> Guard:
    """What still follows, for the same fields, from a guard that held in a stage since left."""
    return remembered(guard, words, frozenset({_ENTERED.name}), aged=True)


def remembered(guard: Guard, words: Vocabulary, forgotten: frozenset[str], *, aged: bool) -> Guard:
    """What follows from a guard that held if some fields are now unknown; the result holds for more
    people. ``aged``: time has passed, so that days since a time have grown."""

    def loose(part: Guard, wanted: bool) -> Guard:
        match part:
            case tree.And(parts):
                return tree.all_of(*(loose(guard, wanted) for guard in parts))
            case tree.Or(parts):
                return tree.any_of(*(loose(guard, wanted) for guard in parts))
            case tree.Not(inner):
                return tree.negate(loose(inner, not wanted))
        if not forgotten.isdisjoint(reads(part)):
            return always if wanted else never
        if not aged:
            return part
        match part:
            case tree.Compare(">=" | ">", tree.Elapsed(), _) if wanted:
                return part
            case tree.Compare("<" | "<=", tree.Elapsed(), _) if not wanted:
                return part
            case tree.Compare("==", tree.Elapsed() as elapsed, other) if wanted:
                return tree.Compare(">=", elapsed, other)
            case tree.Compare(_, tree.Elapsed(start=field), _):
                return tree.Known(field) if wanted else never
        return part

    return loose(inline(guard, words), True)


# ------------------------------------------------------------------ detour futures


@attrs.frozen
class HeldReturn:
    """A way into a detour, a return from it, and a person for whom that holds on entry."""

    edge: Edge
    back: Edge
    answer: Answer


def held_returns(context: QuestionContext) -> Iterator[HeldReturn]:
    """Every return that may hold on entry, with each way in on which it may."""
    reported: set[tuple[str, str]] = set()
    for edge in context.edges:
        for back in context.groups.get((edge.target, None), ()):
            if edge.kind != "detour" or back.kind != "return" or (edge.name, back.name) in reported:
                continue
            answer = context.ask(_on_entry(context, edge, back))
            if not answer.refuted:
                reported.add((edge.name, back.name))
                yield HeldReturn(edge, back, answer)


def _on_entry(context: QuestionContext, edge: Edge, back: Edge) -> Guard:
    """Holds for a person who takes the way in and stays, if the return holds at that instant."""
    onward = [
        tree.negate(context.opens(other))
        for other in context.groups.get((edge.target, None), ())
        if other.kind != "return"
    ]
    then = {
        "stage": tree.Const(edge.target),
        "stage_entered_at": tree.Now(),
        **values_after(edge, context.model),
    }
    entered = tree.all_of(context.opens(back), *onward)
    return tree.all_of(
        context.turn(edge), *resting(context, edge), substitute(entered, then, context.words)
    )


def resting(context: QuestionContext, edge: Edge, *, aged: bool = False) -> list[Guard]:
    """That no system move was open before the trigger, because it would have been made.

    The effects of the activity with the trigger come after that rest and before the move.

    Args:
        context: the model.
        edge: a move with a trigger; from a system move nothing follows.
        aged: whether time has passed since.
    """
    if edge.on is None:
        return []
    model = context.model
    kinds = [kind for kind in model.activity_kinds.values() if kind.trigger == edge.on]
    names = {kind.name for kind in kinds}
    fresh = {effect.field for kind in kinds for effect in kind.sets}
    fresh |= {effect.field for rule in model.data if rule.on in names for effect in rule.then}
    if fresh:
        fresh.add("demographic_score")  # may be computed from them
    if any(rule.on in names for rule in model.scoring):
        fresh |= {"behavior_score", "scored_at"}
    if aged:
        fresh.add("stage_entered_at")
    return [
        remembered(tree.negate(context.opens(other)), context.words, frozenset(fresh), aged=aged)
        for other in context.groups.get((edge.source, None), ())
        if not context.may_wait(other)
    ]
