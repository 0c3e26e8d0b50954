"""A guard split into its conditions, for the coverage of guards.

A *condition* is a comparison, a yes/no field or a Python callable: an operand of ``and``, ``or``
and ``not``. A comparison that a guard repeats is one condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, TypeAlias, cast

import attrs

from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.evaluate import Attribute, Source, compile_guard, same_name
from lifecycle_fsm.guard.terms import Guard
from lifecycle_fsm.guard.vocabulary import Vocabulary, inline

#: The outcomes of all conditions of a guard, as one number: see :class:`Conditions`.
Vector: TypeAlias = int
#: The parser of Python nests each ``|`` in the one before and limits the depth.
_AT_ONCE = 50


@attrs.frozen
class Conditions:
    """The conditions of a guard, each once, in reading order, and the guard itself.

    A *vector* is a number that holds the outcomes of all conditions for one person: bit ``i`` is
    set if condition ``i`` holds. A Python callable is called only if the guard calls it [S2]. If it
    was not called, bit ``i`` is unset and bit ``len(atoms) + i`` is set.
    """

    guard: Guard
    """The guard with every named guard written out."""
    atoms: tuple[Guard, ...]

    @cached_property
    def _places(self) -> Mapping[Guard, int]:
        return {atom: index for index, atom in enumerate(self.atoms)}

    def index(self, atom: Guard) -> int:
        """The index of a condition."""
        return self._places[atom]

    def outcome(self, vector: Vector) -> bool | None:
        """Whether the guard holds; ``None`` if that depends on a callable that was not called."""
        return self._outcome(self.guard, vector)

    def seen(self, vector: Vector, index: int) -> bool | None:
        """The outcome of one condition; ``None`` for a callable that was not called."""
        if vector >> (len(self.atoms) + index) & 1:
            return None
        return bool(vector >> index & 1)

    def turned(self, vector: Vector, index: int) -> Vector:
        """The vector with the outcome of one condition inverted; it must have been evaluated."""
        return vector ^ (1 << index)

    def _outcome(self, guard: Guard, vector: Vector) -> bool | None:
        match guard:
            case tree.Always():
                return True
            case tree.Not(part):
                outcome = self._outcome(part, vector)
                return None if outcome is None else not outcome
            case tree.And(parts) | tree.Or(parts):
                decides = isinstance(guard, tree.Or)
                outcomes = [self._outcome(part, vector) for part in parts]
                if decides in outcomes:
                    return decides
                return None if None in outcomes else not decides
        return self.seen(vector, self._places[guard])


def conditions(guard: Guard, vocabulary: Vocabulary) -> Conditions:
    """Split a guard into its conditions, with named guards written out.

    Raises:
        GuardError: a named guard is unknown, or refers to itself.
    """
    whole = inline(guard, vocabulary)
    return Conditions(whole, tuple(dict.fromkeys(_atoms(whole))))


def _atoms(guard: Guard) -> Iterator[Guard]:
    if isinstance(guard, tree.And | tree.Or | tree.Not):
        for part in tree.children(guard):
            assert isinstance(part, Guard)
            yield from _atoms(part)
    elif not isinstance(guard, tree.Always):
        yield guard


#: A compiled guard that returns its outcome and the vector of its conditions.
Observed: TypeAlias = Callable[[Any, datetime], tuple[bool, Vector | None]]


def compile_observed(
    parts: Conditions, vocabulary: Vocabulary, attribute: Attribute = same_name
) -> Observed:
    """The guard as a function ``(person, now) -> (outcome, vector of its conditions)``.

    Every condition except Python callables is evaluated, even where the guard itself would stop
    early: conditions are pure [S4]. Callables are called as often, and in the same order, as by the
    guard itself. If a condition that the guard would have skipped raises an error, the plain guard
    gives the outcome and the vector is ``None``.
    """
    source = Source(vocabulary, attribute)
    count, terms, later = len(parts.atoms), [], []
    for index, atom in enumerate(parts.atoms):
        if isinstance(atom, tree.Opaque):
            later.append(index)
            terms.append(str(1 << (count + index)))
        else:
            terms.append(f"({1 << index} if {source.guard(atom)} else 0)")
    lines = [
        "def guard(p, now):",
        "    try:",
        f"        m = {' | '.join(terms[:_AT_ONCE]) or '0'}",
        *(
            f"        m |= {' | '.join(terms[start : start + _AT_ONCE])}"
            for start in range(_AT_ONCE, count, _AT_ONCE)
        ),
        "    except failure:",
        "        return plain(p, now), None",
        *(f"    o{index} = None" for index in later),
        f"    holds = {_over(parts.guard, parts, source)}",
    ]
    for index in later:
        lines.append(f"    if o{index} is not None:")
        lines.append(f"        m += ({1 << index} if o{index} else 0) - {1 << (count + index)}")
    lines.append("    return holds, m")
    source.values |= {
        "failure": Exception,
        "plain": compile_guard(parts.guard, vocabulary, attribute),
    }
    text = "\n".join(lines)
    # Like the source of a plain guard, it is made from the tree alone, never from a user's text.
    exec(compile(text, "<observed guard>", "exec"), source.values)  # noqa: S102
    function = cast(Observed, source.values["guard"])
    function.source = text  # type: ignore[attr-defined]
    return function


def _over(guard: Guard, parts: Conditions, source: Source) -> str:
    """The source of the guard over the vector ``m``; callables are called where the guard does."""
    match guard:
        case tree.And(guards):
            return f"({' and '.join(_over(child, parts, source) for child in guards)})"
        case tree.Or(guards):
            return f"({' or '.join(_over(child, parts, source) for child in guards)})"
        case tree.Not(part):
            return f"(not {_over(part, parts, source)})"
        case tree.Always():
            return "True"
        case tree.Opaque():
            return f"(o{parts.index(guard)} := {source.guard(guard)})"
    return f"(m & {1 << parts.index(guard)} != 0)"
