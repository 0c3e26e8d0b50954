"""The search for a person: one value at a time, remembering what was refuted."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, combinations
from typing import Any

import attrs

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.proof.answer import STEPS, OutOfBudget
from lifecycle_fsm.proof.breakpoints import Breakpoints
from lifecycle_fsm.proof.domain import Atom, Atoms, Domain, Node, given, numbers

# ------------------------------------------------------------------ candidates
#
# The values of one field that can matter to a formula: one for each outcome of its atoms.
#
# Between two neighbouring thresholds the atoms cannot distinguish values, so a few stand for all.
# If fields are compared with each other, each stretch gives as many values as there are such
# fields, so that every order of them is possible.


_DAY = timedelta(days=1)
#: With more parts than this in one text, not every selection of them is tried.
_MOST_PARTS = 6


@attrs.frozen
class Candidates:
    """The values to try, the most likely first, and whether they are exhaustive."""

    values: tuple[Value, ...]
    complete: bool = True


def candidates(
    field: str,
    atoms: Sequence[Atom],
    bound: Mapping[str, Value],
    domain: Domain,
    linked: frozenset[str],
) -> Candidates:
    """The values to try for a field.

    Args:
        field: the field.
        atoms: the atoms of the formula that read it or one of the fields linked with it.
        bound: the fields that already have a value.
        domain: the types and bounds.
        linked: the fields without a value that are compared with each other, including this one:
            a threshold of one is a threshold of all.
    """
    if field not in domain.vocabulary.fields:
        return Candidates((False, True))  # the result of a Python callable
    kind = domain.type_of(field)
    start = domain.start_of(field)
    missing = [None] if domain.may_miss(field) else []
    if kind.kind == "bool":
        return Candidates(_each_once([start, False, True, *missing]))
    if kind.choices:
        return Candidates(_each_once([start, *kind.choices, *missing]))
    if kind.kind == "str":
        texts, complete = _texts(linked, atoms, bound, domain)
        return Candidates(_each_once([start, *texts, *missing]), complete)
    marks = Breakpoints(field, linked, bound, domain)
    for atom in atoms:
        marks.read(atom)
    values = sorted(marks.spread(len(linked)), key=lambda value: _odd(value, start, domain))
    return Candidates(_each_once([start, *values, *missing]), marks.complete)


def _odd(value: Any, start: Value, domain: Domain) -> tuple[bool, Any]:
    """How unusual a value is: usual times are whole days from now and near to it, usual numbers are
    near to the start value."""
    if isinstance(value, datetime):
        gap = abs(domain.now - value)
        return bool(gap % _DAY), gap
    return False, abs(value - start) if isinstance(start, int | float) else abs(value)


def _each_once(values: Iterable[Value]) -> tuple[Value, ...]:
    return tuple({(type(value), value): value for value in values}.values())


def _texts(
    linked: frozenset[str], atoms: Sequence[Atom], bound: Mapping[str, Value], domain: Domain
) -> tuple[list[str], bool]:
    """The texts to try, and whether they are exhaustive."""
    known: list[str] = []
    prefixes: list[str] = []
    parts: list[str] = []
    for atom in atoms:
        for node in tree.walk(atom.guard):
            if isinstance(node, tree.Const | tree.Token):
                value = domain.constant(node)
                options = value if isinstance(value, tuple) else (value,)
                known += [text for text in options if isinstance(text, str)]
            elif isinstance(node, tree.Field) and node.name not in linked:
                other = bound.get(node.name)
                known += [other] if isinstance(other, str) else []
            elif isinstance(node, tree.TextMatch):
                text = domain.constant(node.text)
                (prefixes if isinstance(node, tree.StartsWith) else parts).append(text)
    parts = list(dict.fromkeys(parts))
    few = len(parts) <= _MOST_PARTS
    sizes = range(len(parts) + 1) if few else (0, 1, len(parts))
    texts = list(known)
    for chosen in chain.from_iterable(combinations(parts, size) for size in sizes):
        for prefix in (*prefixes, ""):
            word = _begun(prefix, "…" if prefix else "other", prefixes)
            if chosen or any(part in word and part not in prefix for part in parts):
                # Separate the pieces by an unused character, so that no part spans two of them.
                word = _unused_sign([*prefixes, *parts]).join([prefix, *chosen, ""])
            texts += _fresh(word, known, [*prefixes, *parts], len(linked))
    return texts, few


def _unused_sign(known: Sequence[str]) -> str:
    taken = set().union(*known)
    return next(
        sign for sign in chain("…~", map(chr, range(0x2190, sys.maxunicode))) if sign not in taken
    )


def _begun(start: str, end: str, prefixes: Sequence[str]) -> str:
    """``start`` with an ending that adds no prefix which ``start`` itself does not begin with."""
    longer = [prefix for prefix in prefixes if not start.startswith(prefix)]
    while any((start + end).startswith(prefix) for prefix in longer):
        # The first character decides: use one with which no prefix continues.
        taken = {prefix[len(start)] for prefix in longer if prefix.startswith(start)}
        end = next(sign for sign in map(chr, range(ord("!"), sys.maxunicode)) if sign not in taken)
    return start + end


def _fresh(word: str, taken: Sequence[str], known: Sequence[str], count: int) -> Iterator[str]:
    """``count`` texts that begin with the word and are different from the others."""
    more = "~" if all("~" not in text for text in known) else _unused_sign(known)
    for _ in range(count):
        while word in taken:
            word += more
        yield word
        word += more


# ------------------------------------------------------------------ search


#: How many cases one question may examine before it gives up.
BUDGET = 20_000
#: For a formula so large that a case takes more steps, fewer cases are examined.
_STEPS_A_CASE = STEPS // 2


class Search:
    """One search over one formula.

    The formula shrinks with each field that gets a value: an atom whose fields are all known is
    true or false. Only the remaining formula matters, so one that was refuted is not tried again.
    """

    def __init__(self, atoms: Atoms, domain: Domain, budget: int = BUDGET) -> None:
        self._atoms = atoms
        self._domain = domain
        self._budget, self._left = budget, budget
        self._steps = budget * _STEPS_A_CASE
        self._refuted: set[tuple[object, ...]] = set()
        #: Whether the values tried so far were exhaustive.
        self.complete = True

    def run(self, node: Node, bound: dict[str, Value]) -> Mapping[str, Value] | None:
        """Values under which the formula holds, including those already bound; ``None`` if there
        are none.

        Raises:
            OutOfBudget: the search ended undecided.
        """
        if node is True:
            return dict(bound)
        if node is False:
            return None
        every = list(numbers(node))
        present = [self._atoms[number] for number in dict.fromkeys(every)]
        half = {name for atom in present for name in atom.fields if name in bound}
        key = (node, *((name, type(bound[name]), bound[name]) for name in sorted(half)))
        if key in self._refuted:
            return None
        self._left -= 1
        if self._left < 0:
            raise OutOfBudget(f"more than {self._budget:,} cases")
        field, linked = self._next(present, bound)
        reading = [atom for atom in present if not linked.isdisjoint(atom.fields)]
        # The search for the thresholds of a number costs as much as some comparisons.
        self._spend(len(every) + STEPS * len(reading))
        tried = candidates(field, reading, bound, self._domain, linked)
        self.complete = self.complete and tried.complete
        affected = {number for number in every if field in self._atoms[number].fields}
        seen: set[tuple[object, ...]] = set()
        for value in tried.values:
            bound[field] = value
            self._spend(len(affected) + len(every))
            outcomes = {
                number: self._atoms[number].holds(bound, self._domain.now)
                for number in affected
                if all(name in bound for name in self._atoms[number].fields)
            }
            open_still = len(outcomes) < len(affected)
            same = (tuple(outcomes.items()), (type(value), value) if open_still else None)
            if same not in seen:
                seen.add(same)
                person = self.run(given(node, outcomes), bound)
                if person is not None:
                    return person
            del bound[field]
        self._refuted.add(key)
        return None

    def _spend(self, steps: int) -> None:
        self._steps -= steps
        if self._steps < 0:
            raise OutOfBudget(f"more than {self._budget:,} cases")
        self._domain.budget.spend(steps)

    def _next(self, present: list[Atom], bound: Mapping[str, Value]) -> tuple[str, frozenset[str]]:
        """The field to try next, with those that it is compared with, including itself: the one on
        which most others depend."""
        near: dict[str, set[str]] = {}
        count: Counter[str] = Counter()
        for atom in present:
            free = [name for name in atom.fields if name not in bound]
            for name in free:
                count[name] += 1
                near.setdefault(name, set()).update(free if _orders(atom) else (name,))
        first = max(count, key=lambda name: (len(near[name]), count[name]))
        return first, frozenset(reached(first, near))


def _orders(atom: Atom) -> bool:
    return (
        isinstance(atom.guard, tree.Compare)
        and isinstance(atom.guard.left, tree.Field)
        and isinstance(atom.guard.right, tree.Field)
    )


def reached(start: str, near: Mapping[str, set[str]]) -> set[str]:
    """``start``, and everything that it is connected with, directly or indirectly."""
    names, waiting = {start}, [start]
    while waiting:
        fresh = near.get(waiting.pop(), set()) - names
        names |= fresh
        waiting.extend(fresh)
    return names
