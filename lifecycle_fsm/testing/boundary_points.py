"""The people around the boundary of one condition: 64, 65 and 66 for ``behavior_score >= 65``.

A point is a guard that pins the field of a condition to one value, with a description of it.
Whether such a person exists, and who it is, is for :mod:`lifecycle_fsm.proof` to find out.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import attrs

from lifecycle_fsm.fields import INT_MAX, INT_MIN, Value
from lifecycle_fsm.guard import Guard, Scalar, Term, compile_term, reads, term_type
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.printer import MOST_OPTIONS, value_words
from lifecycle_fsm.proof import Domain, is_value

_SECOND = timedelta(seconds=1)
#: Where to test a time term, in whole units from the number in the guard: the last second before a
#: day or an hour begins, or its first instant.
_UNITS = {
    ">=": ((0, True), (0, False), (1, False)),
    "<": ((0, True), (0, False), (1, False)),
    ">": ((0, False), (1, True), (1, False)),
    "<=": ((0, False), (1, True), (1, False)),
    "==": ((0, True), (0, False), (1, True), (1, False)),
}


@attrs.frozen
class Point:
    """One place at the boundary of a condition: its description, and a guard that only people at
    this place satisfy."""

    words: str
    pin: Guard


#: Gives the value of a field for the person around whom the points lie.
Base = Callable[[str], Value]


def points(condition: Guard, base: Base, domain: Domain) -> tuple[Point, ...]:
    """Where to test a condition: on each side of its boundary, on it, and with a missing field.
    Some points may be impossible."""
    return tuple(_Boundary(condition, base, domain).points())


def fields_of(guard: Guard | Term) -> tuple[str, ...]:
    """The fields that a guard or a value reads, in reading order."""
    read = (node.start if isinstance(node, tree.Elapsed) else node for node in tree.walk(guard))
    return tuple(dict.fromkeys(node.name for node in read if isinstance(node, tree.Field)))


@attrs.frozen
class _Boundary:
    """The boundary of one condition."""

    condition: Guard
    base: Base
    domain: Domain

    def points(self) -> Iterator[Point]:
        match self.condition:
            case tree.Truth(field):
                yield Point("yes", self.condition)
                yield self._failing("no", field)
            case tree.Known():
                yield Point("known", self.condition)
                yield Point("missing", tree.negate(self.condition))
                return
            case tree.In(term, options):
                values = self.domain.constant(options)
                # Both ends of a long list are enough to show that it is this list, and complete.
                some = values if len(values) <= MOST_OPTIONS else (*values[:3], *values[-2:])
                yield from _each(term, {value_words(value): value for value in some})
                yield self._failing("none of them", term)
            case tree.TextMatch(term, text):
                yield from self._texts(term, self.domain.constant(text))
            case tree.Compare(op, left, right):
                yield from self._compared(op, left, right)
        for name in filter(self.domain.may_miss, fields_of(self.condition)):
            yield Point(
                f"{name.replace('_', ' ')} missing", tree.negate(tree.Known(tree.Field(name)))
            )

    def _failing(self, words: str, term: Term) -> Point:
        """People for whom all fields are known and the condition does not hold."""
        names = filter(self.domain.may_miss, sorted(reads(term)))
        known = (tree.Known(tree.Field(name)) for name in names)
        return Point(words, tree.all_of(tree.negate(self.condition), *known))

    def _texts(self, term: Term, text: str) -> Iterator[Point]:
        kind = term_type(term, self.domain.vocabulary)
        if kind is not None and kind.choices:
            yield from _each(term, {value_words(choice): choice for choice in kind.choices})
            return
        texts = {"no more than that": text, "and goes on": f"{text} and more".lstrip()}
        if isinstance(self.condition, tree.Contains):
            texts["in the middle"] = f"some {text} and more"
        if text.swapcase() != text:
            texts["in other letters"] = text.swapcase()
        yield from _each(term, texts)
        yield self._failing("something else", term)

    # -- numbers and times --------------------------------------------------------------------

    def _compared(self, op: str, left: Term, right: Term) -> Iterator[Point]:
        kind = term_type(left, self.domain.vocabulary)
        if isinstance(left, tree.Elapsed):
            yield from self._ages(op, left, self.domain.constant(right))
        elif kind is None or kind.kind in ("str", "bool"):
            yield Point("the same", self.condition)
            yield self._failing("another", left)
        elif kind.kind == "datetime":
            yield from self._instants(left, right)
        else:
            yield from self._numbers(left, right, kind.kind == "int")

    def _ages(self, op: str, elapsed: tree.Elapsed, number: int) -> Iterator[Point]:
        for more, before in _UNITS[op]:
            count = number + more
            words = f"{count} {elapsed.units.removesuffix('s' if abs(count) == 1 else '')}"
            words = f"a second short of {words}" if before else words
            with suppress(OverflowError):  # further away than the calendar goes
                age = count * elapsed.unit - (_SECOND if before else timedelta(0))
                yield from _each(elapsed.start, {words: self.domain.now - age})

    def _instants(self, left: Term, right: Term) -> Iterator[Point]:
        middle, pins = self._held(right, left)
        if isinstance(middle, datetime):
            for more, words in (
                (-1, "a second before"),
                (0, "the same instant"),
                (1, "a second after"),
            ):
                with suppress(OverflowError):
                    yield from _each(left, {words: middle + more * _SECOND}, *pins)

    def _numbers(self, left: Term, right: Term, whole: bool) -> Iterator[Point]:
        middle, pins = self._held(right, left)
        # Of several fields on the left, one moves and the others stay as they are.
        first, *others = fields_of(left) or ("",)
        pins += tuple(is_value(name, self.base(name)) for name in others)
        if isinstance(middle, int | float) and abs(middle) <= sys.float_info.max:
            for value, words in _around(middle, whole):
                if not isinstance(value, int) or INT_MIN <= value <= INT_MAX:
                    yield from _each(left, {words: value}, *pins)
        elif first in reads(right):
            for more, words in ((-1, "one below"), (0, "exactly"), (1, "one above")):
                moved = tree.Arithmetic("+", right, tree.Const(more)) if more else right
                # At the end of the number range, one more is the same: nobody is beyond the
                # threshold.
                beside = (tree.Compare("<" if more < 0 else ">", left, right),) if more else ()
                yield Point(words, tree.all_of(tree.Compare("==", left, moved), *beside, *pins))

    def _held(self, right: Term, left: Term) -> tuple[object, tuple[Guard, ...]]:
        """The value of the right side for the person in question, and the guards that keep it so;
        None if it shares a field with the left side."""
        names = sorted(reads(right))
        if not reads(left).isdisjoint(names):
            return None, ()
        values = {name: self.base(name) for name in names}
        compute = compile_term(right, self.domain.vocabulary)
        value = compute(SimpleNamespace(**values), self.domain.now, {})
        return value, tuple(is_value(name, held) for name, held in values.items())


def _each(term: Term, values: Mapping[str, Scalar], *pins: Guard) -> Iterator[Point]:
    """A point for each value, with its description."""
    for words, value in values.items():
        yield Point(words, tree.all_of(tree.Compare("==", term, tree.Const(value)), *pins))


def _around(middle: int | float, whole: bool) -> Iterator[tuple[int | float, str]]:
    """The numbers next to a threshold, in the notation that a person would use."""
    if whole and middle == (low := math.floor(middle)):
        yield from ((low - 1, "one below"), (low, "exactly"), (low + 1, "one above"))
    elif whole:
        yield from ((low, "just below"), (low + 1, "just above"))
    elif float(middle) != middle:  # a whole number that no float equals
        near = float(middle)
        other = math.nextafter(near, -math.inf if near > middle else math.inf)
        yield from zip(sorted((near, other)), ("just below", "just above"), strict=True)
    else:
        number = Decimal(repr(float(middle)))
        exponent = number.normalize().as_tuple().exponent
        assert isinstance(exponent, int), "infinity and NaN never come in [S5]"
        step = Decimal(1).scaleb(min(exponent, 0) - 1)
        below, exactly, above = (float(number + step * more) for more in (-1, 0, 1))
        # For a very large number, one step is too small to give another number.
        below = below if below < exactly else math.nextafter(exactly, -math.inf)
        above = above if above > exactly else math.nextafter(exactly, math.inf)
        around = ((below, "just below"), (exactly, "exactly"), (above, "just above"))
        yield from ((value, words) for value, words in around if math.isfinite(value))
