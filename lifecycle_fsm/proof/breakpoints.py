"""The thresholds of a number or a time, and sample values for the stretches between them."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, Literal, TypeAlias

from lifecycle_fsm.fields import INT_MAX, INT_MIN, Value
from lifecycle_fsm.guard import Guard, Term, compile_term, reads
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.proof.domain import Atom, Domain

# ------------------------------------------------------------------ monotonicity
#
# Whether a value rises or falls with its fields, so that a threshold can be searched for.


#: How a value changes with its fields: rising, falling, constant, or unknown.
Slope: TypeAlias = Literal[1, 0, -1] | None


def slope(term: Term, domain: Domain) -> Slope:
    """How the value changes as all of its fields grow."""
    match term:
        case tree.Field():
            return 1
        case tree.Elapsed():
            return -1
        case tree.Arithmetic("*", left, right):
            for scaled, other in ((left, right), (right, left)):
                factor = domain.constant(other)
                if isinstance(factor, int | float):
                    rate = slope(scaled, domain)
                    return rate if factor > 0 else 0 if factor == 0 else turned(rate)
            return None
        case tree.Arithmetic(op, left, right):
            second = slope(right, domain)
            return together(slope(left, domain), second if op == "+" else turned(second))
        case tree.Extreme(_, terms):
            return reduce(together, (slope(part, domain) for part in terms))
    return 0


def turned(rate: Slope) -> Slope:
    """The slope of the negated value."""
    return None if rate is None else 0 if rate == 0 else 1 if rate == -1 else -1


def together(first: Slope, second: Slope) -> Slope:
    """The slope of a sum of two values."""
    if first is None or second is None:
        return None
    return first or second if first == second or not (first and second) else None


def rises(guard: Guard) -> bool:
    """Whether it is an inequality in which each field occurs only once, so that the value rises or
    falls with it throughout. An equality may need a value between the ends."""
    if not isinstance(guard, tree.Compare) or guard.op == "==":
        return False
    names = [node.name for node in tree.walk(guard) if isinstance(node, tree.Field)]
    products = (
        node for node in tree.walk(guard) if isinstance(node, tree.Arithmetic) and node.op == "*"
    )
    of_fields = any(reads(product.left) and reads(product.right) for product in products)
    return len(names) == len(set(names)) and not of_fields


# ------------------------------------------------------------------ breakpoints


_DAY = timedelta(days=1)
_STEPS = (_DAY, timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1))
_TICK = timedelta(microseconds=1)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(8999, 12, 31, tzinfo=UTC)
_FAR = sys.float_info.max


class Breakpoints:
    """The thresholds of one number or time, and sample values for the stretches between them."""

    def __init__(
        self, field: str, linked: frozenset[str], bound: Mapping[str, Value], domain: Domain
    ) -> None:
        self.field, self.linked, self.bound, self.domain = field, linked, bound, domain
        self.kind = domain.type_of(field)
        self.marks: set[Any] = set()
        self.complete = True
        self.ends = 0  # atoms with other fields, for which only the ends of a stretch matter
        self.low, self.high = bounds(field, domain)
        for other in linked - {field}:
            for bound_of_other in bounds(other, domain):
                self._mark(bound_of_other)

    def read(self, atom: Atom) -> None:
        """Add the thresholds of an atom."""
        match atom.guard:
            case tree.Compare(_, left, right):
                self._compare(atom, left, right)
            case tree.In(term, options):
                for value in self.domain.constant(options):
                    self._compare(atom, term, tree.Const(value))

    def _compare(self, atom: Atom, left: Term, right: Term) -> None:
        for side, other in ((left, right), (right, left)):
            match side:
                case tree.Field(name) if name in self.linked:
                    if isinstance(other, tree.Field) and other.name in self.linked:
                        return  # only their order matters, which ``linked`` covers
                    if isinstance(other, tree.Field | tree.Const | tree.Token | tree.Now):
                        self._mark(self._value(other))
                        return
                case tree.Elapsed() if side.start.name in self.linked:
                    self._elapsed(self._value(other), side.unit)
                    return
        free = {name for name in atom.fields if name not in self.bound}
        if self.field not in free:
            self.complete = False  # arithmetic on a field that this one is compared with
        elif free == {self.field}:
            self._bisect(left, right)
        else:
            self._both_ends(atom)

    def _value(self, term: Term) -> Any:
        if isinstance(term, tree.Now):
            return self.domain.now
        if isinstance(term, tree.Field):
            return self.bound.get(term.name)
        return self.domain.constant(term)

    def _mark(self, value: Any) -> None:
        if value is None:
            return
        if self.kind.kind == "int" and isinstance(value, float):
            self.marks.update({math.floor(value), math.ceil(value)})
        elif self.kind.kind == "float":
            self.marks.add(float(value))
            if isinstance(value, int) and float(value) != value:
                self.complete = False  # no decimal equals this integer
        else:
            self.marks.add(value)

    def _elapsed(self, count: Any, unit: timedelta) -> None:
        """Add the times between which that many whole units have passed; the older is exclusive."""
        for number in (count, count + 1) if isinstance(count, int) else ():
            with suppress(OverflowError):
                self.marks.add(self.domain.now - number * unit)

    def _bisect(self, left: Term, right: Term) -> None:
        """Search for the points where a value that depends on the field crosses the other."""
        if self.kind.kind == "datetime":
            self.complete = False  # guards do not compute with times, but substituted values may
            return
        ends = [self.low, self.high]
        if together(slope(left, self.domain), turned(slope(right, self.domain))) is None:
            self.complete = False  # it may not rise or fall throughout
            ends = self._probes()
        first, second = self._computed(left), self._computed(right)
        for low, high in pairwise(ends):
            self._turn(lambda value: first(value) >= second(value), low, high)
            self._turn(lambda value: first(value) > second(value), low, high)

    def _probes(self) -> list[Any]:
        """Values between which one turn each is searched for, closer together near zero."""
        steps = [2**power for power in range(0, 63, 3)]
        number = int if self.kind.kind == "int" else float
        inner = {number(sign * step) for step in steps for sign in (-1, 1)} | {number(0)}
        return sorted({self.low, self.high, *(x for x in inner if self.low < x < self.high)})

    def _turn(self, holds: Callable[[Any], bool], low: Any, high: Any) -> None:
        """Mark the two neighbours between which the result changes, by bisection."""
        first = holds(low)
        if first == holds(high):
            return
        whole = self.kind.kind == "int"
        while low < (middle := (low + high) // 2 if whole else low / 2 + high / 2) < high:
            low, high = (middle, high) if holds(middle) == first else (low, middle)
        self.marks.update({low, high})

    def _computed(self, term: Term) -> Callable[[Any], Any]:
        compute = compile_term(term, self.domain.vocabulary)
        others = {name: self.bound[name] for name in reads(term) - {self.field}}

        def at(value: Any) -> Any:
            result = compute(SimpleNamespace(**others, **{self.field: value}), self.domain.now, {})
            return -math.inf if result is None else result

        return at

    def _both_ends(self, atom: Atom) -> None:
        """Handle arithmetic with fields that have no value yet: the ends of each stretch are best
        for one such atom, but two may pull in different directions."""
        self.ends += 1
        if self.ends > 1 or len(self.linked) > 1 or not rises(atom.guard):
            self.complete = False

    # -- values -------------------------------------------------------------------------------

    def spread(self, linked: int) -> Iterator[Value]:
        """Values for each threshold and each stretch between thresholds."""
        marks = sorted(mark for mark in self.marks if self.low <= mark <= self.high)
        edges = [None, *marks, None]
        yield from marks
        for after, before in pairwise(edges):
            yield from self._stretch(after, before, linked)
        if self.ends:
            yield from (self.low, self.high)

    def _stretch(self, after: Any, before: Any, count: int) -> Iterator[Value]:
        """Values after one threshold and before the next, those nearest to either first."""
        match self.kind.kind:
            case "int":
                yield from self._whole(after, before, count)
            case "float":
                yield from self._decimals(after, before, count)
            case _:
                yield from self._times(after, before, count)

    def _whole(self, after: int | None, before: int | None, count: int) -> Iterator[Value]:
        low = self.low if after is None else after + 1
        high = self.high if before is None else before - 1
        if low > high:
            return
        if after is None and before is None:
            middle = max(low, min(0, high))
            yield from range(middle, min(middle + count, high + 1))
            yield from range(max(low, middle - count + 1), middle)
            return
        if after is not None:
            yield from range(low, min(low + count, high + 1))
        if before is not None:
            yield from range(high, max(high - count, low - 1), -1)
        if self.ends:
            yield from (low, high)

    def _decimals(self, after: float | None, before: float | None, count: int) -> Iterator[Value]:
        low = self.low if after is None else after
        high = self.high if before is None else before
        if after is None and before is None:
            yield from (float(x) for x in range(count) if low <= x <= high)
        for part in range(1, count + 1):
            if after is not None and before is None:
                yield min(after + part, high)
            elif before is not None and after is None:
                yield max(before - part, low)
            elif low < (between := low + (high - low) * part / (count + 1)) < high:
                yield between
        if self.ends:
            yield from (math.nextafter(low, high), math.nextafter(high, low))

    def _times(
        self, after: datetime | None, before: datetime | None, count: int
    ) -> Iterator[Value]:
        if after is None and before is None:
            now = min(self.domain.now, self.high)
            yield from (now - part * _DAY for part in range(count))
            return
        last = self.high if before is None else before - _TICK
        first = self.low if after is None else after + _TICK
        if first > last:
            return
        step = next((size for size in _STEPS if size * (count + 1) <= last - first), _TICK)
        for part in range(1, count + 1):
            if after is not None and after + part * step <= last:
                yield after + part * step
            if before is not None and before - part * step >= first:
                yield before - part * step
        if before is None and self.high < _LAST:
            yield self.high


def bounds(field: str, domain: Domain) -> tuple[Any, Any]:
    """The smallest and the largest value of a number or a time."""
    kind = domain.type_of(field)
    if kind.kind == "datetime":
        return _EARLIEST, domain.latest.get(field, _LAST)
    number, low, high = (int, INT_MIN, INT_MAX) if kind.kind == "int" else (float, -_FAR, _FAR)
    return (
        low if kind.minimum is None else number(kind.minimum),
        high if kind.maximum is None else number(kind.maximum),
    )
