"""Whether a value rises or falls with the fields in it: then a threshold can be looked for."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from lifecycle_fsm.guard import (
    Arithmetic,
    Compare,
    Const,
    Elapsed,
    Extreme,
    Field,
    Guard,
    Term,
    Token,
    reads,
    walk,
)
from lifecycle_fsm.solving.world import World


def constant(term: Term, world: World) -> Any:
    """The value of a constant or a token; nothing for any other term."""
    if isinstance(term, Const):
        return term.value
    if isinstance(term, Token):
        return world.vocabulary.tokens[term.name]
    return None


#: How a value goes with the fields in it: up, down, not at all, or nobody knows.
Slope: TypeAlias = Literal[1, 0, -1] | None


def slope(term: Term, world: World) -> Slope:
    """How the value goes as the fields in it, all of them, grow."""
    match term:
        case Field():
            return 1
        case Elapsed():
            return -1
        case Arithmetic("*", left, right):
            for one, other in ((left, right), (right, left)):
                factor = constant(other, world)
                if isinstance(factor, int | float):
                    found = slope(one, world)
                    return found if factor > 0 else 0 if factor == 0 else turned(found)
            return None
        case Arithmetic(op, left, right):
            behind = slope(right, world)
            return together(slope(left, world), behind if op == "+" else turned(behind))
        case Extreme(_, terms):
            goes: Slope = 0
            for part in terms:
                goes = together(goes, slope(part, world))
            return goes
    return 0


def turned(one: Slope) -> Slope:
    """The other way round."""
    return None if one is None else 0 if one == 0 else 1 if one == -1 else -1


def together(one: Slope, other: Slope) -> Slope:
    """How something goes that goes with both."""
    if one is None or other is None:
        return None
    return one or other if one == other or not (one and other) else None


def rises(guard: Guard) -> bool:
    """Whether it asks for more or for less, and each field occurs but once, so that the value rises
    or falls with it all the way. To be equal, a value between the ends may be needed."""
    if not isinstance(guard, Compare) or guard.op == "==":
        return False
    names = [node.name for node in walk(guard) if isinstance(node, Field)]
    parts = [node for node in walk(guard) if isinstance(node, Arithmetic) and node.op == "*"]
    products = [node for node in parts if len(reads(node.left)) and len(reads(node.right))]
    return len(names) == len(set(names)) and not products
