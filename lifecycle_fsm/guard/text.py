"""A guard or a value as text, which :mod:`~lifecycle_fsm.guard.parser` reads back as an equal
tree [S2]."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from lifecycle_fsm.errors import GuardError
from lifecycle_fsm.guard.terms import (
    FLIPPED,
    Always,
    And,
    Arithmetic,
    Compare,
    Const,
    Elapsed,
    Extreme,
    Field,
    Guard,
    In,
    Known,
    Named,
    Not,
    Now,
    Opaque,
    Or,
    Payload,
    Scalar,
    Term,
    TextMatch,
    Token,
    Truth,
    compare,
)

# How tightly each kind of node binds; an operand that binds less needs parentheses.
OR, AND, NOT, COMPARISON, SUM, PRODUCT, PRIMARY = range(7)
_CHAINS = {"<": "<", "<=": "<", ">": ">", ">=": ">"}


def to_text(node: Guard | Term) -> str:
    """The text of a canonical guard or value, with as few parentheses as it can have.

    Raises:
        GuardError: the guard has a Python callable in it, which has no text.
    """
    return _text(node, OR)


def binding(node: Guard | Term) -> int:
    """How tightly a node holds its parts together: the precedence of its operator [S2]."""
    match node:
        case Or():
            return OR
        case And(guards):
            return COMPARISON if len(guards) == 2 and chain(*guards) else AND
        case Not(Compare("==") | In() | Known()):
            return COMPARISON
        case Not(Always()):
            return PRIMARY
        case Not():
            return NOT
        case Compare() | In() | TextMatch() | Known():
            return COMPARISON
        case Arithmetic("*"):
            return PRODUCT
        case Arithmetic():
            return SUM
    return PRIMARY


def chain(first: Guard, second: Guard) -> tuple[Term, str, Term, str, Term] | None:
    """The parts of ``20 <= score < 65`` if two neighbours of an ``and`` can be written so."""
    match first, second:
        case Compare(low, left, bound), Compare(high, same, end) if left == same:
            turned = FLIPPED[low]
            together = turned in _CHAINS and _CHAINS.get(high) == _CHAINS[turned]
            if together and compare(turned, bound, left) == first:
                return bound, turned, left, high, end
    return None


def _text(node: Guard | Term, least: int) -> str:
    written = _plain(node)
    return f"({written})" if binding(node) < least else written


def _plain(node: Guard | Term) -> str:
    match node:
        case Or(guards):
            return " or ".join(_text(part, AND) for part in guards)
        case And(guards):
            return " and ".join(_conjuncts(guards))
        case Not(Always()):
            return "never"
        case Not(Compare("==", left, right)):
            return f"{_text(left, SUM)} != {_text(right, SUM)}"
        case Not(In(term, options)):
            return f"{_text(term, SUM)} not in {_plain(options)}"
        case Not(Known(field)):
            return f"{field.name} is missing"
        case Not(guard):
            return f"not {_text(guard, NOT)}"
        case Compare(op, left, right):
            return f"{_text(left, SUM)} {op} {_text(right, SUM)}"
        case In(term, options):
            return f"{_text(term, SUM)} in {_plain(options)}"
        case TextMatch(term, text):
            return f"{_text(term, SUM)} {node.verb} {_plain(text)}"
        case Known(field):
            return f"{field.name} is known"
        case Truth(Field(name)) | Named(name) | Field(name):
            return name
        case Always():
            return "always"
        case Opaque(name):
            raise GuardError(f"the guard {name!r} is a Python function and has no text")
        case Token(name):
            return f"${name}"
        case Payload(name):
            return f"activity.{name}"
        case Now():
            return "now"
        case Elapsed():
            where = "in stage" if node.in_stage else f"since {node.start.name}"
            return f"{node.units} {where}"
        case Arithmetic(op, left, right):
            # Operators of one precedence group to the left: only a right operand needs help.
            own = binding(node)
            return f"{_text(left, own)} {op} {_text(right, own + 1)}"
        case Extreme(which, terms):
            return f"{which}({', '.join(map(_plain, terms))})"
        case Const(tuple() as values):
            return f"[{', '.join(map(literal, values))}]"
        case Const(value):
            return literal(cast(Scalar, value))
    raise GuardError(f"{node!r} is neither a guard nor a value")


def _conjuncts(guards: tuple[Guard, ...]) -> list[str]:
    """The parts of an ``and``, neighbours that bound the same term from both sides as one."""
    written = []
    waiting = list(reversed(guards))
    while waiting:
        first = waiting.pop()
        found = chain(first, waiting[-1]) if waiting else None
        if found is None:
            written.append(_text(first, NOT))
        else:
            waiting.pop()
            low, lower, term, higher, high = found
            ends = (_text(low, SUM), lower, _text(term, SUM), higher, _text(high, SUM))
            written.append(" ".join(ends))
    return written


def literal(value: Scalar) -> str:
    """One constant as the language writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            written = value.isoformat().replace("+00:00", "Z")
            return written.removesuffix("T00:00:00Z")
        case str():
            return f'"{"".join(map(_character, value))}"'
    return repr(value)


def _character(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    code = ord(character)
    return {"\n": r"\n", "\t": r"\t", "\r": r"\r"}.get(
        character, f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )
