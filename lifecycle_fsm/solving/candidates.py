"""The values of one field that can matter to a formula: one for each outcome of its atoms.

Between two neighbouring thresholds all values are alike to the atoms, so that a few stand for all.
Where fields are compared with each other, as many values are taken from each stretch as there are
such fields: then every order of them can be had.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, combinations
from typing import Any

import attrs

from lifecycle_fsm.fields import Value
from lifecycle_fsm.guard import (
    Const,
    Field,
    StartsWith,
    TextMatch,
    Token,
    walk,
)
from lifecycle_fsm.solving.formula import Atom
from lifecycle_fsm.solving.marks import Marks
from lifecycle_fsm.solving.slopes import constant
from lifecycle_fsm.solving.world import World

_DAY = timedelta(days=1)
#: Of more texts that may be in one, not every selection is tried.
_MOST_PARTS = 6


@attrs.frozen
class Candidates:
    """The values to try, the likeliest first, and whether they are all that can matter."""

    values: tuple[Value, ...]
    complete: bool = True


def candidates(
    field: str,
    atoms: Sequence[Atom],
    bound: Mapping[str, Value],
    world: World,
    linked: frozenset[str],
) -> Candidates:
    """What to try for a field.

    Args:
        field: the field.
        atoms: those of the formula that read it, or one of those that it is linked with.
        bound: the fields that have a value already.
        world: the types and bounds.
        linked: the fields without a value that are compared with each other, this one included:
            what divides the values of one divides those of all.
    """
    if field not in world.vocabulary.fields:
        return Candidates((False, True))  # the answer of a Python callable
    kind = world.type_of(field)
    start = world.start_of(field)
    missing = [None] if kind.nullable or kind.kind == "datetime" else []
    if kind.kind == "bool":
        return Candidates(_each_once([start, False, True, *missing]))
    if kind.choices:
        return Candidates(_each_once([start, *kind.choices, *missing]))
    if kind.kind == "str":
        texts, complete = _texts(linked, atoms, bound, world)
        return Candidates(_each_once([start, *texts, *missing]), complete)
    marks = Marks(field, linked, bound, world)
    for atom in atoms:
        marks.read(atom)
    found = sorted(marks.spread(len(linked)), key=lambda value: _odd(value, start, world))
    return Candidates(_each_once([start, *found, *missing]), marks.complete)


def _odd(value: Any, start: Value, world: World) -> tuple[bool, Any]:
    """How far a value is from what one expects: whole days, near to now; numbers near to those of
    somebody of whom nothing is known."""
    if isinstance(value, datetime):
        gap = abs(world.now - value)
        return bool(gap % _DAY), gap
    return False, abs(value - start) if isinstance(start, int | float) else abs(value)


def _each_once(values: Iterable[Value]) -> tuple[Value, ...]:
    return tuple({(type(one), one): one for one in values}.values())


def _texts(
    linked: frozenset[str], atoms: Sequence[Atom], bound: Mapping[str, Value], world: World
) -> tuple[list[str], bool]:
    """The texts to try, and whether they are all that can matter."""
    known: list[str] = []
    prefixes: list[str] = []
    parts: list[str] = []
    for atom in atoms:
        for node in walk(atom.guard):
            if isinstance(node, Const | Token):
                value = constant(node, world)
                options = value if isinstance(value, tuple) else (value,)
                known += [one for one in options if isinstance(one, str)]
            elif isinstance(node, Field) and node.name not in linked:
                other = bound.get(node.name)
                known += [other] if isinstance(other, str) else []
            elif isinstance(node, TextMatch):
                text = constant(node.text, world)
                among = prefixes if isinstance(node, StartsWith) else parts
                among += [text] if isinstance(text, str) else []
    parts = list(dict.fromkeys(parts))
    few = len(parts) <= _MOST_PARTS
    sizes = range(len(parts) + 1) if few else (0, 1, len(parts))
    texts = list(known)
    for some in chain.from_iterable(combinations(parts, size) for size in sizes):
        for prefix in (*prefixes, ""):
            word = _begun(prefix, "…" if prefix else "other", prefixes)
            if some or any(part in word and part not in prefix for part in parts):
                word = _parted([prefix, *some, ""], [*prefixes, *parts])
            texts += _fresh(word, known, [*prefixes, *parts], len(linked))
    return texts, few


def _parted(pieces: Sequence[str], known: Sequence[str]) -> str:
    """The pieces, with a sign between them that is in none of the known texts: what is in the whole
    is in one of the pieces."""
    return _sign(known).join(pieces)


def _sign(known: Sequence[str]) -> str:
    taken = set().union(*known)
    return next(
        sign for sign in chain("…~", map(chr, range(0x2190, sys.maxunicode))) if sign not in taken
    )


def _begun(start: str, end: str, prefixes: Sequence[str]) -> str:
    """The start with an end: it begins with no prefix that the start does not begin with."""
    longer = [one for one in prefixes if not start.startswith(one)]
    while any((start + end).startswith(one) for one in longer):
        # The first sign decides: one by which no prefix goes on.
        taken = {one[len(start)] for one in longer if one.startswith(start)}
        end = next(sign for sign in map(chr, range(ord("!"), sys.maxunicode)) if sign not in taken)
    return start + end


def _fresh(word: str, taken: Sequence[str], known: Sequence[str], count: int) -> Iterator[str]:
    """So many texts that begin with the word and are none of the others."""
    more = "~" if all("~" not in one for one in known) else _sign(known)
    for _ in range(count):
        while word in taken:
            word += more
        yield word
        word += more
