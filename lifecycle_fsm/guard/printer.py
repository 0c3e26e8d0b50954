"""A guard or a value as text, which :mod:`~lifecycle_fsm.guard.parser` reads back as an equal
tree [S2].
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import cast

from lifecycle_fsm.errors import GuardError
from lifecycle_fsm.fields import utc_text
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
from lifecycle_fsm.guard.vocabulary import TokenValue, Vocabulary, definition_of

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
            return utc_text(value).removesuffix("T00:00:00Z")
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


# ------------------------------------------------------------------ label
#
# A guard or a value in plain words, as it stands on a diagram and in a refusal.
#
# For people, not for parsing: :mod:`~lifecycle_fsm.guard.printer` writes what can be read back.


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
                return _underscores_as_spaces(name)
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
            return f"{elapsed.units} {since} {_SIGNS[op]} {_underscores_as_spaces(other.name)}"
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
        return _underscores_as_spaces(name) + (
            f" ({self.words(definition, OR)})" if definition is not None else ""
        )

    def options(self, options: Const | Token, several: str, single: str = "") -> str:
        values = self.value(options)
        if not isinstance(values, tuple):  # the token is not known here, or is no list
            return f"{several}{_underscores_as_spaces(cast(Token, options).name)}"
        shown = [value_words(value) for value in values[:MOST_OPTIONS]]
        if len(shown) == 1:
            return f"{single}{shown[0]}"
        if len(values) > MOST_OPTIONS:
            shown[-2:] = [f"{len(values) - MOST_OPTIONS + 2} more"]
        return several + ", ".join(shown)

    def quoted(self, prefix: Const | Token) -> str:
        value = self.value(prefix)
        return _underscores_as_spaces(cast(Token, prefix).name) if value is None else f"“{value}”"

    def value(self, term: Const | Token) -> TokenValue | None:
        return term.value if isinstance(term, Const) else self.vocabulary.tokens.get(term.name)

    # -- terms -------------------------------------------------------------------------------

    def term(self, term: Term) -> str:
        match term:
            case Field(name):
                return _underscores_as_spaces(name)
            case Payload(name):
                return f"the activity's {_underscores_as_spaces(name)}"
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
                return (
                    _underscores_as_spaces(cast(Token, term).name)
                    if value is None
                    else value_words(value)
                )
        raise TypeError(f"{term!r} is not a value")


def _since(elapsed: Elapsed) -> str:
    if elapsed.in_stage:
        return "in stage"
    return f"since {_underscores_as_spaces(elapsed.start.name.removesuffix('_at'))}"


def _underscores_as_spaces(name: str) -> str:
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
