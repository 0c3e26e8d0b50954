"""Whether anybody can tell a mutant from its model, where its moves are asked [S8][S15].

A guard that is changed may still decide alike where it stands: behind sort rules that took the
others already, or beside what the stage itself says. So whole decisions are compared: for each
stage and trigger, who gets which of the moves.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from lifecycle_fsm.checks import world_of
from lifecycle_fsm.guard import (
    Compare,
    Const,
    Field,
    Guard,
    In,
    Term,
    TextMatch,
    Token,
    Truth,
    all_of,
    always,
    any_of,
    inline,
    negate,
    never,
    transform,
)
from lifecycle_fsm.guard.terms import Arithmetic, Extreme
from lifecycle_fsm.model import Edge, Model, Set
from lifecycle_fsm.solving import Answer, solve_whenever
from lifecycle_fsm.testing.mutation.mutant import Mutant


@attrs.frozen
class Asked:
    """Where moves are asked: a stage, and the trigger; none where the system asks, which in the
    stage of original processing is the sort [S7][S15]."""

    stage: str
    trigger: str | None


@attrs.frozen
class Verdict:
    """Whether a mutant can be told from its model.

    ``different`` has a person for whom they decide otherwise where ``asked`` says. ``equivalent``
    is a proof that there is nobody. ``undecided`` is neither, and ``reason`` says why.
    """

    answer: Answer
    asked: Asked | None = None

    @property
    def different(self) -> bool:
        """There is a person who tells them apart."""
        return self.answer.found

    @property
    def equivalent(self) -> bool:
        """There is nobody, for certain."""
        return self.answer.refuted

    @property
    def reason(self) -> str:
        """Why it is not decided."""
        return self.answer.reason


@attrs.frozen
class _Choice:
    """One of the moves that are tried one after the other: its guard, with nothing named in it,
    and what it does."""

    guard: Guard
    does: tuple[object, ...]
    sets: tuple[Set, ...] = ()


def compare(model: Model, mutant: Mutant) -> Verdict:
    """Look for the smallest person for whom the mutant decides otherwise than the model.

    The proof is about every person that the fields allow, whether activities lead there or not; it
    is none for what other sections read too.
    """
    undecided: Verdict | None = None
    world = world_of(model)
    ours, theirs = _choices(model), _choices(mutant.model)
    for asked in dict.fromkeys((*ours, *theirs)):
        one, other = ours.get(asked, ()), theirs.get(asked, ())
        if one == other:
            continue
        here = Compare("==", Field("stage"), Const(asked.stage))
        answer = solve_whenever(all_of(here, _apart(one, other)), world)
        if answer.found:
            return Verdict(answer, asked)
        if not answer.refuted and undecided is None:
            undecided = Verdict(answer, asked)
    if undecided is not None:
        return undecided
    if mutant.change.elsewhere:
        reason = "no move tells them apart, and other sections read it too"
        return Verdict(Answer("undecided", reason=reason))
    return Verdict(Answer("refuted"))


# ---------------------------------------------------------------------- what is asked, in order


def _choices(model: Model) -> dict[Asked, tuple[_Choice, ...]]:
    found: dict[Asked, list[_Choice]] = {}
    for edge in (*model.sort_edges, *model.edges):
        asked = Asked(edge.source, edge.on)
        found.setdefault(asked, []).append(_choice(edge, model))
    return {asked: tuple(choices) for asked, choices in found.items()}


def _choice(edge: Edge, model: Model) -> _Choice:
    guard = _settled(edge.when, model)
    then = getattr(edge.rule, "then", ())
    sets = tuple(Set(one.field, _settled_value(one.value, model)) for one in then)
    return _Choice(guard, (edge.name, edge.target, edge.kind, edge.passed, edge.credit), sets)


def _settled(guard: Guard, model: Model) -> Guard:
    """The guard with named guards written out and tokens by their values: so the guards of two
    models can be compared in one world."""

    def change(part: Guard) -> Guard:
        match part:
            case Compare(op, left, right):
                return Compare(op, _value(left, model), _value(right, model))
            case In(term, options):
                return In(_value(term, model), _constant(options, model))
            case TextMatch(term, text):
                term, text = _value(term, model), _constant(text, model)
                return attrs.evolve(part, term=term, text=text)
        return part

    return transform(inline(guard, model.vocabulary), change)


def _settled_value(value: Term | Guard, model: Model) -> Term | Guard:
    return _settled(value, model) if isinstance(value, Guard) else _value(value, model)


def _constant(term: Const | Token, model: Model) -> Const:
    return Const(model.tokens[term.name]) if isinstance(term, Token) else term


def _value(term: Term, model: Model) -> Term:
    match term:
        case Token():
            return _constant(term, model)
        case Arithmetic(op, left, right):
            return Arithmetic(op, _value(left, model), _value(right, model))
        case Extreme(which, terms):
            return Extreme(which, tuple(_value(one, model) for one in terms))
    return term


# ---------------------------------------------------------------------- whom they part


def _apart(ours: tuple[_Choice, ...], theirs: tuple[_Choice, ...]) -> Guard:
    """Who gets something else of the one than of the other."""
    same = 0
    while same < min(len(ours), len(theirs)) and ours[same] == theirs[same]:
        same += 1
    before = [negate(one.guard) for one in ours[:same]]
    ours, theirs = ours[same:], theirs[same:]
    if ours and theirs and ours[1:] == theirs[1:] and _unlike(ours[0], ours[1:]):
        return all_of(*before, _one_apart(ours[0], theirs[0]))
    return all_of(*before, any_of(*_pairs(ours, theirs)))


def _unlike(choice: _Choice, others: tuple[_Choice, ...]) -> bool:
    return all(choice.does != other.does for other in others)


def _one_apart(one: _Choice, other: _Choice) -> Guard:
    """Where one choice is changed, and who is refused it gets something else or nothing."""
    either = any_of(all_of(one.guard, negate(other.guard)), all_of(other.guard, negate(one.guard)))
    if one.guard == other.guard:
        return all_of(one.guard, _told_apart(one, other))
    return any_of(either, all_of(one.guard, other.guard, _told_apart(one, other)))


def _pairs(ours: tuple[_Choice, ...], theirs: tuple[_Choice, ...]) -> Iterator[Guard]:
    for one, first in _firsts(ours):
        for other, also in _firsts(theirs):
            told = always if one is None or other is None else _told_apart(one, other)
            if not (one is None and other is None) and told != never:
                yield all_of(first, also, told)


def _firsts(choices: tuple[_Choice, ...]) -> Iterator[tuple[_Choice | None, Guard]]:
    """Each choice with who gets it, and nothing with who gets none."""
    before: list[Guard] = []
    for one in choices:
        yield one, all_of(*before, one.guard)
        before.append(negate(one.guard))
    yield None, all_of(*before)


def _told_apart(one: _Choice, other: _Choice) -> Guard:
    """For whom two choices come to something else, when both are made."""
    if one.does != other.does:
        return always
    mine = {effect.field: effect.value for effect in one.sets}
    theirs = {effect.field: effect.value for effect in other.sets}
    return any_of(
        *(
            _values_apart(field, mine.get(field), theirs.get(field))
            for field in dict.fromkeys((*mine, *theirs))
            if mine.get(field) != theirs.get(field)
        )
    )


def _values_apart(field: str, one: Term | Guard | None, other: Term | Guard | None) -> Guard:
    """For whom a field gets another value; nothing stands for the value that it has."""
    if isinstance(one, Guard) or isinstance(other, Guard) or _yes_no(one) or _yes_no(other):
        first, second = _truth(field, one), _truth(field, other)
        return any_of(all_of(first, negate(second)), all_of(second, negate(first)))
    return negate(Compare("==", one or Field(field), other or Field(field)))


def _yes_no(value: Term | Guard | None) -> bool:
    return isinstance(value, Const) and isinstance(value.value, bool)


def _truth(field: str, value: Term | Guard | None) -> Guard:
    match value:
        case Guard():
            return value
        case Const(bool() as known):
            return always if known else never
        case Field():
            return Truth(value)
    return Truth(Field(field))
