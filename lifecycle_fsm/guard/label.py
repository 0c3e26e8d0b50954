"""A guard or a value in plain words, as it stands on a diagram and in a refusal.

For people, not for parsing: :mod:`~lifecycle_fsm.guard.text` writes what can be read back.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import cast

from lifecycle_fsm.guard.terms import (
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
)
from lifecycle_fsm.guard.text import AND, NOT, OR, PRODUCT, SUM, binding, chain
from lifecycle_fsm.guard.vocabulary import TokenValue, Vocabulary, definition_of

MOST_OPTIONS = 8
"""A list of more values is cut short: a label must fit its place."""

_SIGNS = {"==": "=", "<": "<", "<=": "≤", ">": ">", ">=": "≥", "-": "−", "+": "+", "*": "×"}
_NOTHING = Vocabulary(fields={})


def label(node: Guard | Term, vocabulary: Vocabulary | None = None, *, expand: bool = False) -> str:
    """The guard in words, such as "behavior score ≥ 65 or hand raised".

    The vocabulary gives tokens their values; without it they stand by name. ``expand`` shows the
    definition behind each named guard in parentheses.
    """
    return _Words(vocabulary or _NOTHING, expand).words(node, OR)


class _Words:
    def __init__(self, vocabulary: Vocabulary, expand: bool) -> None:
        self.vocabulary = vocabulary
        self.expand = expand

    def words(self, node: Guard | Term, least: int) -> str:
        said = self.guard(node) if isinstance(node, Guard) else self.term(node)
        return f"({said})" if binding(node) < least else said

    # -- guards ------------------------------------------------------------------------------

    def guard(self, guard: Guard) -> str:
        match guard:
            case Or(guards):
                return " or ".join(self.words(part, AND) for part in guards)
            case And(guards):
                return " and ".join(self.conjuncts(guards))
            case Not(part):
                return self.denial(part)
            case Compare(op, Elapsed() as elapsed, other):
                return self.elapsed(op, elapsed, other)
            case Compare(op, left, right):
                return f"{self.words(left, SUM)} {_SIGNS[op]} {self.words(right, SUM)}"
            case In(term, options):
                return f"{self.words(term, SUM)} is {self.options(options, 'one of ')}"
            case TextMatch(term, text):
                return f"{self.words(term, SUM)} {guard.verb} {self.quoted(text)}"
            case Known(field):
                return f"{self.term(field)} known"
            case Truth(field):
                return self.term(field)
            case Named(name):
                return self.named(guard, name)
            case Opaque(name):
                return _plain(name)
        return "always"

    def denial(self, guard: Guard) -> str:
        match guard:
            case Always():
                return "never"
            case Compare("==", left, right) if not isinstance(left, Elapsed):
                return f"{self.words(left, SUM)} ≠ {self.words(right, SUM)}"
            case In(term, options):
                return f"{self.words(term, SUM)} is {self.options(options, 'none of ', 'not ')}"
            case TextMatch(term, text):
                return f"{self.words(term, SUM)} {guard.denied} {self.quoted(text)}"
            case Known(field):
                return f"{self.term(field)} missing"
        return f"not {self.words(guard, NOT)}"

    def conjuncts(self, guards: tuple[Guard, ...]) -> list[str]:
        said = []
        waiting = list(reversed(guards))
        while waiting:
            first = waiting.pop()
            found = chain(first, waiting[-1]) if waiting else None
            if found is None or isinstance(found[2], Elapsed):
                said.append(self.words(first, NOT))
                continue
            waiting.pop()
            low, lower, term, higher, high = found
            ends = self.words(low, SUM), self.words(high, SUM)
            if (lower, higher) == ("<=", "<="):
                said.append(f"{self.words(term, SUM)} between {ends[0]} and {ends[1]}")
            else:
                middle = f"{_SIGNS[lower]} {self.words(term, SUM)} {_SIGNS[higher]}"
                said.append(f"{ends[0]} {middle} {ends[1]}")
        return said

    def elapsed(self, op: str, elapsed: Elapsed, other: Term) -> str:
        since = _since(elapsed)
        if isinstance(other, Token) and other.name not in self.vocabulary.tokens:
            return f"{elapsed.units} {since} {_SIGNS[op]} {_plain(other.name)}"
        number = self.words(other, SUM)
        unit = elapsed.units.removesuffix("s" if number == "1" else "")
        return {
            ">=": f"{number} {unit} or more {since}",
            ">": f"more than {number} {unit} {since}",
            "<": f"less than {number} {unit} {since}",
            "<=": f"at most {number} {unit} {since}",
            "==": f"exactly {number} {unit} {since}",
        }[op]

    def named(self, guard: Named, name: str) -> str:
        definition = definition_of(guard, self.vocabulary) if self.expand else None
        return _plain(name) + (f" ({self.words(definition, OR)})" if definition is not None else "")

    def options(self, options: Const | Token, several: str, single: str = "") -> str:
        values = self.value(options)
        if not isinstance(values, tuple):  # the token is not known here, or is no list
            return f"{several}{_plain(cast(Token, options).name)}"
        shown = [value_words(value) for value in values[:MOST_OPTIONS]]
        if len(shown) == 1:
            return f"{single}{shown[0]}"
        if len(values) > MOST_OPTIONS:
            shown[-2:] = [f"{len(values) - MOST_OPTIONS + 2} more"]
        return several + ", ".join(shown)

    def quoted(self, prefix: Const | Token) -> str:
        value = self.value(prefix)
        return _plain(cast(Token, prefix).name) if value is None else f"“{value}”"

    def value(self, term: Const | Token) -> TokenValue | None:
        return term.value if isinstance(term, Const) else self.vocabulary.tokens.get(term.name)

    # -- terms -------------------------------------------------------------------------------

    def term(self, term: Term) -> str:
        match term:
            case Field(name):
                return _plain(name)
            case Payload(name):
                return f"the activity's {_plain(name)}"
            case Now():
                return "now"
            case Elapsed():
                return f"{term.units} {_since(term)}"
            case Arithmetic(op, left, right):
                own = PRODUCT if op == "*" else SUM
                return f"{self.words(left, own)} {_SIGNS[op]} {self.words(right, own + 1)}"
            case Extreme(which, terms):
                kind = "smallest" if which == "min" else "largest"
                return f"the {kind} of ({', '.join(self.words(part, OR) for part in terms)})"
            case Const() | Token():
                value = self.value(term)
                if isinstance(value, tuple):
                    return f"({', '.join(map(value_words, value))})"
                return _plain(cast(Token, term).name) if value is None else value_words(value)
        raise TypeError(f"{term!r} is not a value")


def _since(elapsed: Elapsed) -> str:
    if elapsed.in_stage:
        return "in stage"
    return f"since {_plain(elapsed.start.name.removesuffix('_at'))}"


def _plain(name: str) -> str:
    return name.replace("_", " ")


def value_words(value: Scalar) -> str:
    """One constant in words."""
    match value:
        case bool():
            return "yes" if value else "no"
        case datetime():
            day = value.strftime("%Y-%m-%d")
            return (
                day
                if not (value.hour or value.minute or value.second or value.microsecond)
                else value.isoformat(" ").replace("+00:00", " UTC")
            )
        case str():
            return value if re.fullmatch(r"\w(?:[\w .&/+-]*\w)?", value) else f"“{value}”"
    return str(value)
