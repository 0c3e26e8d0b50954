"""Guards and values as text, in two styles: code, which :mod:`~lifecycle_fsm.guard.parser` parses
to an equal tree [S2], and labels for people.

:class:`Printer` walks the tree and writes code; a subclass writes another style.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar, cast

from lifecycle_fsm.errors import GuardError
from lifecycle_fsm.fields import utc_text
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.terms import Guard, Scalar, Term
from lifecycle_fsm.guard.vocabulary import TokenValue, Vocabulary, definition_of

MOST_OPTIONS = 8
"""A longer list is shortened, because a label must fit its place."""
# How tightly each kind of node binds; an operand that binds less needs parentheses.
OR, AND, NOT, COMPARISON, SUM, PRODUCT, PRIMARY = range(7)
_CHAINS = {"<": "<", "<=": "<", ">": ">", ">=": ">"}
_SIGNS = {"==": "=", "!=": "≠", "<=": "≤", ">=": "≥", "-": "−", "*": "×"}
_NO_WORDS = Vocabulary(fields={})


def text_or_label(guard: Guard) -> str:
    """The guard in its own language; in words if it has a Python callable, which has no text."""
    try:
        return to_text(guard)
    except GuardError:
        return label(guard)


def to_text(node: Guard | Term) -> str:
    """The text of a canonical guard or value, with as few parentheses as possible.

    Raises:
        GuardError: the guard contains a Python callable, which has no text.
    """
    return _CODE.write(node)


def label(node: Guard | Term, vocabulary: Vocabulary | None = None, *, expand: bool = False) -> str:
    """The guard in words, such as "behavior score ≥ 65 or hand raised".

    If the vocabulary is given, tokens show their values, otherwise their names. ``expand`` adds the
    definition of each named guard in parentheses.
    """
    return LabelPrinter(vocabulary or _NO_WORDS, expand).write(node)


class Printer:
    """Writes guards and values as code.

    :meth:`guard` and :meth:`term` walk the tree and pass each part to the method for its kind,
    which a style overrides. ``denied`` asks for the negation of a part.
    """

    def write(self, node: Guard | Term, least: int = OR) -> str:
        """The text of a node, in parentheses if it binds less than ``least``."""
        text = self.guard(node) if isinstance(node, Guard) else self.term(node)
        return f"({text})" if _binding(node) < least else text

    # -- guards ------------------------------------------------------------------------------

    def guard(self, guard: Guard, denied: bool = False) -> str:
        """A guard, or its negation."""
        match guard:
            case tree.Not(part) if not denied:
                return self.guard(part, denied=True)
            case tree.Always():
                return "never" if denied else "always"
            case tree.In(term, options):
                return self.membership(term, options, denied)
            case tree.TextMatch():
                return self.text_match(guard, denied)
            case tree.Known(field):
                return self.presence(field, denied)
            case tree.Compare("==", left, right) if denied:
                return self.comparison("!=", left, right)
            case _ if denied:
                return self.negation(guard)
            case tree.Compare(op, left, right):
                return self.comparison(op, left, right)
            case tree.Or(guards):
                return self.alternatives(guards)
            case tree.And(guards):
                parts = self.conjuncts(guards)
                texts = (part if isinstance(part, str) else self.write(part, NOT) for part in parts)
                return " and ".join(texts)
            case tree.Truth(field):
                return self.term(field)
            case tree.Named():
                return self.named(guard)
            case tree.Opaque(name):
                return self.opaque(name)
        raise GuardError(f"{guard!r} is neither a guard nor a value")

    def negation(self, guard: Guard) -> str:
        """The negation of a guard that has no opposite in this style."""
        return f"not {self.write(guard, NOT)}"

    def alternatives(self, guards: tuple[Guard, ...]) -> str:
        """The parts of an ``or``."""
        return " or ".join(self.write(part, AND) for part in guards)

    def conjuncts(self, guards: tuple[Guard, ...]) -> Iterator[Guard | str]:
        """The parts of an ``and``; two neighbours that bound one term on both sides are joined into
        one text."""
        waiting = list(reversed(guards))
        while waiting:
            first = waiting.pop()
            parts = _chain(first, waiting[-1]) if waiting else None
            text = self.chain(*parts) if parts else None
            if text is not None:
                waiting.pop()
            yield first if text is None else text

    def chain(self, low: Term, lower: str, term: Term, higher: str, high: Term) -> str | None:
        """``20 <= score < 65``, or ``None`` if the style writes it as two comparisons."""
        lowest, middle, highest = (self.write(part, SUM) for part in (low, term, high))
        return f"{lowest} {self.sign(lower)} {middle} {self.sign(higher)} {highest}"

    def comparison(self, op: str, left: Term, right: Term) -> str:
        """A comparison of two values; ``op`` may be ``!=``."""
        return f"{self.write(left, SUM)} {self.sign(op)} {self.write(right, SUM)}"

    def membership(self, term: Term, options: tree.Const | tree.Token, denied: bool) -> str:
        """The test that a value is in a list."""
        return f"{self.write(term, SUM)} {'not in' if denied else 'in'} {self.term(options)}"

    def text_match(self, guard: tree.TextMatch, denied: bool) -> str:
        """The test that a text starts with or contains another."""
        text = f"{self.write(guard.term, SUM)} {guard.verb} {self.term(guard.text)}"
        return f"not {text}" if denied else text

    def presence(self, field: tree.Field, denied: bool) -> str:
        """The test that a field has a value."""
        return f"{self.term(field)} is {'missing' if denied else 'known'}"

    def named(self, guard: tree.Named) -> str:
        """A named guard."""
        return guard.name

    def opaque(self, name: str) -> str:
        """A Python callable by its name.

        Raises:
            GuardError: the style cannot write it.
        """
        raise GuardError(f"the guard {name!r} is a Python function and has no text")

    # -- values ------------------------------------------------------------------------------

    def term(self, term: Term) -> str:
        """A value."""
        match term:
            case tree.Field(name):
                return self.field(name)
            case tree.Payload(name):
                return self.payload(name)
            case tree.Now():
                return "now"
            case tree.Elapsed():
                return f"{term.units} {self.since(term)}"
            case tree.Arithmetic():
                return self.arithmetic(term)
            case tree.Extreme(which, terms):
                return self.extreme(which, terms)
            case tree.Const() | tree.Token():
                return self.constant_text(term)
        raise GuardError(f"{term!r} is neither a guard nor a value")

    def field(self, name: str) -> str:
        """A field of the person."""
        return name

    def payload(self, name: str) -> str:
        """A value of the activity."""
        return f"activity.{name}"

    def since(self, elapsed: tree.Elapsed) -> str:
        """The time from which an elapsed time counts, as written after its units."""
        return "in stage" if elapsed.in_stage else f"since {elapsed.start.name}"

    def arithmetic(self, term: tree.Arithmetic) -> str:
        """A computation. Operators of the same precedence group to the left, so only a right
        operand needs parentheses."""
        least = _binding(term)
        left, right = self.write(term.left, least), self.write(term.right, least + 1)
        return f"{left} {self.sign(term.op)} {right}"

    def extreme(self, which: str, terms: tuple[Term, ...]) -> str:
        """The smallest or the largest of several values."""
        return f"{which}({', '.join(map(self.term, terms))})"

    def constant_text(self, term: tree.Const | tree.Token) -> str:
        """A constant, a list of them, or a token."""
        if isinstance(term, tree.Token):
            return f"${term.name}"
        if isinstance(term.value, tuple):
            return f"[{', '.join(map(literal, term.value))}]"
        return literal(term.value)

    def sign(self, op: str) -> str:
        """The sign of an operator."""
        return op


_CODE = Printer()


class LabelPrinter(Printer):
    """Writes guards and values in plain words, for diagrams and refusals."""

    amounts: ClassVar[Mapping[str, str]] = {
        ">=": "{} {} or more",
        ">": "more than {} {}",
        "<": "less than {} {}",
        "<=": "at most {} {}",
        "==": "exactly {} {}",
    }
    """The wording of each comparison with a number of units."""

    def __init__(self, vocabulary: Vocabulary, expand: bool = False) -> None:
        self.vocabulary = vocabulary
        self.expand = expand

    def chain(self, low: Term, lower: str, term: Term, higher: str, high: Term) -> str | None:
        """As in "score between 20 and 65", "20 ≤ score < 65"; for time terms two comparisons."""
        if isinstance(term, tree.Elapsed):
            return None
        if (lower, higher) == ("<=", "<="):
            ends = f"{self.write(low, SUM)} and {self.write(high, SUM)}"
            return f"{self.write(term, SUM)} between {ends}"
        return super().chain(low, lower, term, higher, high)

    def comparison(self, op: str, left: Term, right: Term) -> str:
        """As in "score ≥ 65", "30 days or more since lost"."""
        if not isinstance(left, tree.Elapsed):
            return super().comparison(op, left, right)
        if op == "!=":
            return self.negation(tree.Compare("==", left, right))
        if isinstance(right, tree.Token) and self.vocabulary.constant_value(right) is None:
            return super().comparison(op, left, right)
        number = self.term(right)
        unit = left.units.removesuffix("s" if number == "1" else "")
        return f"{self.amounts[op].format(number, unit)} {self.since(left)}"

    def membership(self, term: Term, options: tree.Const | tree.Token, denied: bool) -> str:
        """As in "source is one of web, event", "source is not web"."""
        return f"{self.write(term, SUM)} is {self._options(options, denied)}"

    def _options(self, options: tree.Const | tree.Token, denied: bool) -> str:
        several = "none of" if denied else "one of"
        values = self.vocabulary.constant_value(options)
        if not isinstance(values, tuple):  # the token is unknown or not a list
            return f"{several} {_underscores_as_spaces(cast(tree.Token, options).name)}"
        shown = [value_words(value) for value in values[:MOST_OPTIONS]]
        if len(shown) == 1:
            return f"not {shown[0]}" if denied else shown[0]
        if len(values) > MOST_OPTIONS:
            shown[-2:] = [f"{len(values) - MOST_OPTIONS + 2} more"]
        return f"{several} {', '.join(shown)}"

    def text_match(self, guard: tree.TextMatch, denied: bool) -> str:
        """As in "company does not start with “Ask:”"."""
        verb = guard.denied if denied else guard.verb
        return f"{self.write(guard.term, SUM)} {verb} {self.quoted(guard.text)}"

    def quoted(self, text: tree.Const | tree.Token) -> str:
        """A text that another text starts with or contains."""
        value = self.vocabulary.constant_value(text)
        return self.constant_text(text) if value is None else f"“{value}”"

    def presence(self, field: tree.Field, denied: bool) -> str:
        """As in "owner known", "owner missing"."""
        return f"{self.term(field)} {'missing' if denied else 'known'}"

    def named(self, guard: tree.Named) -> str:
        """A named guard, with its definition if ``expand`` is set."""
        name = _underscores_as_spaces(guard.name)
        definition = definition_of(guard, self.vocabulary) if self.expand else None
        return name if definition is None else f"{name} ({self.write(definition)})"

    def opaque(self, name: str) -> str:
        """The name of a Python callable in words."""
        return _underscores_as_spaces(name)

    def field(self, name: str) -> str:
        """The name of a field in words."""
        return _underscores_as_spaces(name)

    def payload(self, name: str) -> str:
        """As in "the activity's points"."""
        return f"the activity's {_underscores_as_spaces(name)}"

    def since(self, elapsed: tree.Elapsed) -> str:
        """As in "since lost" for the field ``lost_at``."""
        if elapsed.in_stage:
            return "in stage"
        return f"since {_underscores_as_spaces(elapsed.start.name.removesuffix('_at'))}"

    def extreme(self, which: str, terms: tuple[Term, ...]) -> str:
        """As in "the smallest of (score, 65)"."""
        kind = "smallest" if which == "min" else "largest"
        return f"the {kind} of ({', '.join(map(self.term, terms))})"

    def constant_text(self, term: tree.Const | tree.Token) -> str:
        """A value in words; a token without a known value by its name."""
        value = self.vocabulary.constant_value(term)
        if isinstance(value, tuple):
            return f"({value_words(value)})"
        if value is None:
            return _underscores_as_spaces(cast(tree.Token, term).name)
        return value_words(value)

    def sign(self, op: str) -> str:
        """The typographic sign of an operator."""
        return _SIGNS.get(op, op)


def _binding(node: Guard | Term) -> int:
    """How tightly a node binds its parts: the precedence of its operator [S2]."""
    match node:
        case tree.Or():
            return OR
        case tree.And(guards):
            return COMPARISON if len(guards) == 2 and _chain(*guards) else AND
        case tree.Not(tree.Compare("==") | tree.In() | tree.Known()):
            return COMPARISON
        case tree.Not(tree.Always()):
            return PRIMARY
        case tree.Not():
            return NOT
        case tree.Compare() | tree.In() | tree.TextMatch() | tree.Known():
            return COMPARISON
        case tree.Arithmetic("*"):
            return PRODUCT
        case tree.Arithmetic():
            return SUM
    return PRIMARY


def _chain(first: Guard, second: Guard) -> tuple[Term, str, Term, str, Term] | None:
    """The parts of ``20 <= score < 65``, if two neighbours of an ``and`` can be written so."""
    match first, second:
        case tree.Compare(low, left, bound), tree.Compare(high, same, end) if left == same:
            turned = tree.FLIPPED[low]
            together = turned in _CHAINS and _CHAINS.get(high) == _CHAINS[turned]
            if together and tree.compare(turned, bound, left) == first:
                return bound, turned, left, high, end
    return None


def literal(value: Scalar) -> str:
    """One constant in the syntax of the language."""
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


def _underscores_as_spaces(name: str) -> str:
    return name.replace("_", " ")


def value_words(value: TokenValue | None) -> str:
    """A value, or a list of them, in words."""
    match value:
        case None:
            return "missing"
        case tuple():
            return ", ".join(map(value_words, value))
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
