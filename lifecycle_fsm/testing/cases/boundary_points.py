"""The people around the boundary of one condition: 64, 65 and 66 for ``behavior_score >= 65``.

A point is a guard that pins the field of a condition to one value, with the words for it. Whether
there is somebody like that, and who, is for :mod:`lifecycle_fsm.proof` to say.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs

from lifecycle_fsm.fields import INT_MAX, INT_MIN, Value
from lifecycle_fsm.guard import (
    Arithmetic,
    Compare,
    Const,
    Contains,
    Elapsed,
    Field,
    Guard,
    In,
    Known,
    Term,
    TextMatch,
    Token,
    Truth,
    all_of,
    compile_term,
    negate,
    reads,
    term_type,
    walk,
)
from lifecycle_fsm.guard.printer import MOST_OPTIONS, value_words
from lifecycle_fsm.proof import World

_SECOND = timedelta(seconds=1)
#: Where, counted in whole units from the number in the guard, a time term is asked: the last second
#: before a day or an hour begins, or its first instant.
_UNITS = {
    ">=": ((0, True), (0, False), (1, False)),
    "<": ((0, True), (0, False), (1, False)),
    ">": ((0, False), (1, True), (1, False)),
    "<=": ((0, False), (1, True), (1, False)),
    "==": ((0, True), (0, False), (1, True), (1, False)),
}


@attrs.frozen
class Point:
    """One place at the boundary of a condition: in words, and as a guard that only people at this
    place satisfy."""

    words: str
    pin: Guard


#: Gives the value that a field has with the person around whom the points lie.
Base = Callable[[str], Value]


def points(condition: Guard, base: Base, world: World) -> tuple[Point, ...]:
    """Where a condition is asked: on each side of its boundary, on it, and where a field is
    missing. Some may be where nobody can be."""
    return tuple(_points(condition, base, world)) + tuple(_missing(condition, world))


def is_value(field: str, value: Value) -> Guard:
    """Holds for those whose field has exactly this value."""
    if value is None:
        return negate(Known(Field(field)))
    if value is True:
        return Truth(Field(field))
    return Compare("==", Field(field), Const(value))


def may_miss(field: str, world: World) -> bool:
    """Whether somebody can be without a value in the field. Times of the machine are always
    there."""
    kind = world.type_of(field)
    return kind.nullable or kind.kind == "datetime"


def _missing(condition: Guard, world: World) -> Iterator[Point]:
    if isinstance(condition, Known):
        return
    for field in _in_order(condition):
        if may_miss(field, world):
            yield Point(f"{field.replace('_', ' ')} missing", negate(Known(Field(field))))


def _in_order(condition: Guard) -> tuple[str, ...]:
    read = (one.start if isinstance(one, Elapsed) else one for one in walk(condition))
    return tuple(dict.fromkeys(one.name for one in read if isinstance(one, Field)))


def _points(condition: Guard, base: Base, world: World) -> Iterator[Point]:
    match condition:
        case Truth(field):
            yield Point("yes", condition)
            yield Point("no", all_of(negate(condition), *_is_known(field, world)))
        case Known(field):
            yield Point("known", condition)
            yield Point("missing", negate(condition))
        case In(term, options):
            yield from _options(condition, term, options, world)
        case TextMatch():
            yield from _matches(condition, world)
        case Compare():
            yield from _compared(condition, base, world)


def _is_known(term: Term, world: World) -> tuple[Guard, ...]:
    return tuple(Known(Field(name)) for name in sorted(reads(term)) if may_miss(name, world))


# ---------------------------------------------------------------------- texts


def _options(condition: Guard, term: Term, options: Const | Token, world: World) -> Iterator[Point]:
    values = _constant(options, world)
    assert isinstance(values, tuple), "the model has checked that these are several"
    # Of a long list both ends show that it is the list, and that it is whole.
    some = values if len(values) <= MOST_OPTIONS else (*values[:3], *values[-2:])
    for value in some:
        yield Point(value_words(value), Compare("==", term, Const(value)))
    yield Point("none of them", all_of(negate(condition), *_is_known(term, world)))


def _matches(condition: TextMatch, world: World) -> Iterator[Point]:
    term, text = condition.term, _constant(condition.text, world)
    assert isinstance(text, str), "the model has checked that this is a text"
    choices = term_type(term, world.vocabulary)
    if choices is not None and choices.choices:
        for value in choices.choices:
            yield Point(value_words(value), Compare("==", term, Const(value)))
        return
    yield Point("no more than that", Compare("==", term, Const(text)))
    yield Point("and goes on", Compare("==", term, Const(f"{text} and more".lstrip())))
    if isinstance(condition, Contains):
        yield Point("in the middle", Compare("==", term, Const(f"some {text} and more")))
    if text.swapcase() != text:
        yield Point("in other letters", Compare("==", term, Const(text.swapcase())))
    yield Point("something else", all_of(negate(condition), *_is_known(term, world)))


def _constant(term: Const | Token, world: World) -> Any:
    return term.value if isinstance(term, Const) else world.vocabulary.tokens[term.name]


# ---------------------------------------------------------------------- numbers and times


def _compared(condition: Compare, base: Base, world: World) -> Iterator[Point]:
    left, right = condition.left, condition.right
    kind = term_type(left, world.vocabulary)
    if isinstance(left, Elapsed):
        assert isinstance(right, Const | Token), "times compare with a number only [S4]"
        yield from _ages(condition.op, left, _constant(right, world), world)
    elif kind is None or kind.kind in ("str", "bool"):
        yield Point("the same", condition)
        yield Point("another", all_of(negate(condition), *_is_known(left, world)))
    elif kind.kind == "datetime":
        yield from _instants(left, right, base, world)
    else:
        yield from _numbers(left, right, kind.kind == "int", base, world)


def _ages(op: str, elapsed: Elapsed, number: int, world: World) -> Iterator[Point]:
    for more, before in _UNITS[op]:
        count = number + more
        words = f"{count} {elapsed.units.removesuffix('s' if abs(count) == 1 else '')}"
        try:
            age = count * elapsed.unit - (_SECOND if before else timedelta(0))
            begun = world.now - age
        except OverflowError:  # further away than there are years
            continue
        yield Point(
            f"a second short of {words}" if before else words,
            Compare("==", elapsed.start, Const(begun)),
        )


def _instants(left: Term, right: Term, base: Base, world: World) -> Iterator[Point]:
    middle, pins = _held(right, left, base, world)
    if not isinstance(middle, datetime):
        return
    for more, words in ((-1, "a second before"), (0, "the same instant"), (1, "a second after")):
        try:
            value = middle + more * _SECOND
        except OverflowError:
            continue
        yield Point(words, all_of(Compare("==", left, Const(value)), *pins))


def _numbers(left: Term, right: Term, whole: bool, base: Base, world: World) -> Iterator[Point]:
    middle, pins = _held(right, left, base, world)
    # Of several fields on the left one moves, and the others stay as they are.
    first, *others = list(_in_order(Compare("==", left, left))) or [""]
    pins += tuple(is_value(name, base(name)) for name in others)
    if isinstance(middle, int | float) and abs(middle) <= sys.float_info.max:
        for value, words in _around(middle, whole):
            if not isinstance(value, int) or INT_MIN <= value <= INT_MAX:
                yield Point(words, all_of(Compare("==", left, Const(value)), *pins))
    elif first in reads(right):
        for more, words in ((-1, "one below"), (0, "exactly"), (1, "one above")):
            moved = Arithmetic("+", right, Const(more)) if more else right
            # At the end of the numbers one more is the same: that is nobody beside the threshold.
            beside = (Compare("<" if more < 0 else ">", left, right),) if more else ()
            yield Point(words, all_of(Compare("==", left, moved), *beside, *pins))


def _held(right: Term, left: Term, base: Base, world: World) -> tuple[object, tuple[Guard, ...]]:
    """The value of the right side with the person in question, and the guards that keep it so;
    nothing where the left side would move it too."""
    names = sorted(reads(right))
    if not reads(left).isdisjoint(names):
        return None, ()
    words = attrs.evolve(world.vocabulary, in_effect=True)
    person = attrs.make_class("_Held", names, slots=False)(**{one: base(one) for one in names})
    value = compile_term(right, words)(person, world.now, {})
    return value, tuple(is_value(name, base(name)) for name in names)


def _around(middle: int | float, whole: bool) -> Iterator[tuple[int | float, str]]:
    """The numbers next to a threshold, as a person would write them."""
    if whole and isinstance(middle, int):
        yield from ((middle - 1, "one below"), (middle, "exactly"), (middle + 1, "one above"))
    elif whole:
        low = math.floor(middle)
        if low == middle:
            yield from _around(low, True)
        else:
            yield from ((low, "just below"), (low + 1, "just above"))
    else:
        if float(middle) != middle:  # a whole number that no decimal is equal to
            near = float(middle)
            other = math.nextafter(near, -math.inf if near > middle else math.inf)
            yield from ((min(near, other), "just below"), (max(near, other), "just above"))
            return
        number = Decimal(repr(float(middle)))
        exponent = number.normalize().as_tuple().exponent
        assert isinstance(exponent, int), "infinity and NaN never come in [S5]"
        step = Decimal(1).scaleb(min(exponent, 0) - 1)
        below, exactly, above = (float(number + step * more) for more in (-1, 0, 1))
        around = (
            (below if below < exactly else math.nextafter(exactly, -math.inf), "just below"),
            (exactly, "exactly"),
            (above if above > exactly else math.nextafter(exactly, math.inf), "just above"),
        )
        yield from ((value, words) for value, words in around if math.isfinite(value))
