"""Which conditions of a guard were shown to decide alone: modified condition/decision coverage.

A condition decides for a person if the guard would come out the other way, were this condition
alone to come out the other way. It was *shown to decide alone* if it decided once while it held and
once while it did not, and the guard came out differently: then no test suite that checks outcomes
lets somebody drop it, or negate it, unnoticed.

- By *unique cause*: two persons who differ in this condition and in no other one.
- By *masking*: two persons who differ in others too, which could not have mattered.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.guard import Conditions, Guard, Vector, all_of, always, any_of, negate, never
from lifecycle_fsm.guard import transform as changed

How: TypeAlias = Literal["unique cause", "masking"]


@attrs.frozen
class Evidence:
    """What the vectors show of one condition."""

    held: bool
    """It was seen to hold."""
    failed: bool
    """It was seen not to hold."""
    decided_holding: bool
    """It decided for somebody for whom it held."""
    decided_failing: bool
    """It decided for somebody for whom it did not."""
    decided: How | None
    """How it was shown to decide alone, if it was."""


def evidence(parts: Conditions, vectors: Collection[Vector], index: int) -> Evidence:
    """What the vectors show of one condition of the guard."""
    sides: dict[bool, set[bool]] = {True: set(), False: set()}
    seen, unique = set(), False
    for vector in vectors:
        side = parts.seen(vector, index)
        if side is None:
            continue
        seen.add(side)
        outcome, turned = parts.outcome(vector), parts.turned(vector, index)
        other = parts.outcome(turned)
        if outcome is None or other is None or outcome == other:
            continue
        sides[side].add(outcome)
        unique = unique or turned in vectors
    decided: How | None = None
    if unique:
        decided = "unique cause"
    elif any(one != other for one in sides[True] for other in sides[False]):
        decided = "masking"
    return Evidence(True in seen, False in seen, bool(sides[True]), bool(sides[False]), decided)


def deciding(parts: Conditions, index: int, holding: bool) -> Guard:
    """Holds for a person for whom the condition decides while it holds, or while it does not."""
    atom = parts.atoms[index]
    there = changed(parts.guard, lambda one: always if one == atom else one)
    gone = changed(parts.guard, lambda one: never if one == atom else one)
    apart = any_of(all_of(there, negate(gone)), all_of(gone, negate(there)))
    return all_of(atom if holding else negate(atom), apart)
