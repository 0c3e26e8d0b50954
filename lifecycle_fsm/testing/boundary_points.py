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
from types import SimpleNamespace

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
from lifecycle_fsm.proof import Domain

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


def points(condition: Guard, base: Base, domain: Domain) -> tuple[Point, ...]:
    """Where a condition is asked: on each side of its boundary, on it, and where a field is
    missing. Some may be where nobody can be."""
    return tuple(_points(condition, base, domain)) + tuple(_missing(condition, domain))


def is_value(field: str, value: Value) -> Guard:
    """Holds for those whose field has exactly this value."""
    if value is None:
        return negate(Known(Field(field)))
    if value is True:
        return Truth(Field(field))
    return Compare("==", Field(field), Const(value))


def fields_of(guard: Guard | Term) -> tuple[str, ...]:
    """The fields that a guard or a value reads, in reading order."""
    read = (node.start if isinstance(node, Elapsed) else node for node in walk(guard))
    return tuple(dict.fromkeys(node.name for node in read if isinstance(node, Field)))


def _missing(condition: Guard, domain: Domain) -> Iterator[Point]:
    if not isinstance(condition, Known):
        for field in filter(domain.may_miss, fields_of(condition)):
            yield Point(f"{field.replace('_', ' ')} missing", negate(Known(Field(field))))


def _points(condition: Guard, base: Base, domain: Domain) -> Iterator[Point]:
    match condition:
        case Truth(field):
            yield Point("yes", condition)
            yield Point("no", _negated(condition, field, domain))
        case Known(field):
            yield Point("known", condition)
            yield Point("missing", negate(condition))
        case In(term, options):
            yield from _options(condition, term, options, domain)
        case TextMatch():
            yield from _matches(condition, domain)
        case Compare():
            yield from _compared(condition, base, domain)


def _negated(condition: Guard, term: Term, domain: Domain) -> Guard:
    """Holds for those of whom all is known and for whom the condition does not hold."""
    known = (Known(Field(name)) for name in sorted(reads(term)) if domain.may_miss(name))
    return all_of(negate(condition), *known)


# ---------------------------------------------------------------------- texts


def _options(
    condition: Guard, term: Term, options: Const | Token, domain: Domain
) -> Iterator[Point]:
    values = domain.constant(options)
    assert isinstance(values, tuple), "the model has checked that these are several"
    # Of a long list both ends show that it is the list, and that it is whole.
    some = values if len(values) <= MOST_OPTIONS else (*values[:3], *values[-2:])
    for value in some:
        yield Point(value_words(value), Compare("==", term, Const(value)))
    yield Point("none of them", _negated(condition, term, domain))


def _matches(condition: TextMatch, domain: Domain) -> Iterator[Point]:
    term, text = condition.term, domain.constant(condition.text)
    assert isinstance(text, str), "the model has checked that this is a text"
    kind = term_type(term, domain.vocabulary)
    if kind is not None and kind.choices:
        for value in kind.choices:
            yield Point(value_words(value), Compare("==", term, Const(value)))
        return
    texts = {"no more than that": text, "and goes on": f"{text} and more".lstrip()}
    if isinstance(condition, Contains):
        texts["in the middle"] = f"some {text} and more"
    if text.swapcase() != text:
        texts["in other letters"] = text.swapcase()
    for words, value in texts.items():
        yield Point(words, Compare("==", term, Const(value)))
    yield Point("something else", _negated(condition, term, domain))


# ---------------------------------------------------------------------- numbers and times


def _compared(condition: Compare, base: Base, domain: Domain) -> Iterator[Point]:
    left, right = condition.left, condition.right
    kind = term_type(left, domain.vocabulary)
    if isinstance(left, Elapsed):
        assert isinstance(right, Const | Token), "times compare with a number only [S4]"
        yield from _ages(condition.op, left, domain.constant(right), domain)
    elif kind is None or kind.kind in ("str", "bool"):
        yield Point("the same", condition)
        yield Point("another", _negated(condition, left, domain))
    elif kind.kind == "datetime":
        yield from _instants(left, right, base, domain)
    else:
        yield from _numbers(left, right, kind.kind == "int", base, domain)


def _ages(op: str, elapsed: Elapsed, number: int, domain: Domain) -> Iterator[Point]:
    for more, before in _UNITS[op]:
        count = number + more
        words = f"{count} {elapsed.units.removesuffix('s' if abs(count) == 1 else '')}"
        try:
            age = count * elapsed.unit - (_SECOND if before else timedelta(0))
            begun = domain.now - age
        except OverflowError:  # further away than there are years
            continue
        yield Point(
            f"a second short of {words}" if before else words,
            Compare("==", elapsed.start, Const(begun)),
        )


def _instants(left: Term, right: Term, base: Base, domain: Domain) -> Iterator[Point]:
    middle, pins = _held(right, left, base, domain)
    if not isinstance(middle, datetime):
        return
    for more, words in ((-1, "a second before"), (0, "the same instant"), (1, "a second after")):
        try:
            value = middle + more * _SECOND
        except OverflowError:
            continue
        yield Point(words, all_of(Compare("==", left, Const(value)), *pins))


def _numbers(left: Term, right: Term, whole: bool, base: Base, domain: Domain) -> Iterator[Point]:
    middle, pins = _held(right, left, base, domain)
    # Of several fields on the left one moves, and the others stay as they are.
    first, *others = fields_of(left) or ("",)
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


def _held(right: Term, left: Term, base: Base, domain: Domain) -> tuple[object, tuple[Guard, ...]]:
    """The value of the right side with the person in question, and the guards that keep it so;
    None if the left side would move it too."""
    names = sorted(reads(right))
    if not reads(left).isdisjoint(names):
        return None, ()
    person = SimpleNamespace(**{name: base(name) for name in names})
    value = compile_term(right, domain.vocabulary)(person, domain.now, {})
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
