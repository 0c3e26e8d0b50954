"""A condition as a phrase, or as a list of phrases: brackets become indentation.

A sentence with several "and" and "or" can be read in more than one way. So only two short parts are
joined in a phrase; everything else is a list "all of:" or "any of:" with a phrase for each part.
"""

from __future__ import annotations

import attrs

from lifecycle_fsm.guard import And, Guard, In, Not, Or
from lifecycle_fsm.wording.formatter import Formatter

_LONGEST = 80  # characters of two parts in one phrase


@attrs.frozen
class Phrase:
    """A condition in words; with parts it is the head of a list, such as "all of:"."""

    text: str
    parts: tuple[Phrase, ...] = ()


def outline(formatter: Formatter, guard: Guard) -> Phrase | None:
    """The words of a guard, in the formatter's wording; ``None`` if it always holds."""
    text = formatter.condition(guard)
    return _phrase(formatter, formatter.written_out(guard)) if text else None


def _phrase(formatter: Formatter, guard: Guard) -> Phrase:
    text = formatter.guard(guard)
    match guard:
        case Not(And(guards)):
            head = "not all of:"
        case Not(Or(guards)):
            head = "none of:"
        case And(guards):
            head = "all of:"
        case Or(guards):
            head = "any of:"
        case _:
            return Phrase(text)
    parts = tuple(
        Phrase(part) if isinstance(part, str) else _phrase(formatter, part)
        for part in (formatter.conjuncts(guards) if "all" in head else guards)
    )
    if len(parts) == 1:  # a value between two bounds
        return parts[0] if isinstance(guard, And) else Phrase(text)
    short = len(parts) == 2 and len(text) <= _LONGEST and not isinstance(guard, Not)
    if short and not any(_composed(formatter, part) for part in guards):
        return Phrase(text)
    return Phrase(head, parts)


def _composed(formatter: Formatter, part: Guard) -> bool:
    """Whether the words of a part have an "and" or an "or" of their own."""
    match part:
        case And() | Or() | Not(And() | Or()):
            return True
        case In(_, options):
            values = formatter.constant(options)
            return (
                isinstance(values, tuple) and len(values) > 1 and not formatter.long_list(options)
            )
    return False
