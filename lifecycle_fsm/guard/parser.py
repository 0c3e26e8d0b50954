"""A guard from its text [S2]: a recursive-descent parser with one method for each precedence.

::

    or < and < not < == != < <= > >= in, is, starts with, contains < + - < *

Text is data: it becomes a tree, or a :class:`~lifecycle_fsm.errors.GuardSyntaxError` that points
at the column. It is never evaluated [S5].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NoReturn, TypeVar, cast

from lifecycle_fsm.errors import GuardSyntaxError, suggest
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.lexer import RESERVED, Cursor, Lexeme, constant, fail, shown
from lifecycle_fsm.guard.terms import MAX_DEPTH, Guard, Term

MAX_LENGTH = 100_000

_Node = TypeVar("_Node", Guard, Term)
_Content = TypeVar("_Content")
_Op = Literal["==", "!=", "<", "<=", ">", ">="]

_CHAINS: tuple[set[str], ...] = ({"<", "<="}, {">", ">="}, {"=="})
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_DENIED = ("in", "starts", "contains")
_NULLS = frozenset({"null", "none", "NULL", "Null", "None"})
_AFTER_TERM = ("and", "or", "not", "in", "is", "starts", "contains")
_INSTEAD = {
    "like": "there are 'starts with' and 'contains'",
    "matches": "there are 'starts with' and 'contains'",
    "ends": "there are 'starts with' and 'contains'",
    "between": "write '20 <= score <= 65'",
    "equals": "write '=='",
}
_TOO_DEEP = f"nested more than {MAX_DEPTH} deep: give a part of it a name of its own"


def parse_guard(text: str) -> Guard:
    """The guard that a text denotes, such as ``"behavior_score >= $mql_threshold or hand_raised"``.

    A bare name becomes a yes/no field; :func:`~lifecycle_fsm.guard.type_check.resolve` tells fields
    from named guards. Values of an activity, ``now``, ``min`` and ``max`` are parsed here too;
    :func:`~lifecycle_fsm.guard.type_check.problems` refuses them outside effects.

    Raises:
        GuardSyntaxError: the text cannot be parsed; the error has the column and the remedy [S5].
    """
    parser = _Parser(text, "a guard", "write 'always' for a guard that holds for everyone")
    return parser.whole(parser.guard)


def parse_term(text: str) -> Term:
    """The value that a text denotes, such as ``"min(behavior_score * 0.5, $mql_threshold - 1)"``:
    what an effect assigns to a field.

    Raises:
        GuardSyntaxError: the text cannot be parsed; the error has the column and the remedy [S5].
    """
    parser = _Parser(text, "a value", "write a number, a text in quotes, a field or a $token")
    return parser.whole(parser.value)


class _Parser(Cursor):
    """The parser of one text. The methods go from the loosest operator to the tightest.

    A bare field may be a value or a yes/no guard, so the middle methods return either, and
    ``_holds`` and ``_as_value`` decide once an operator shows which is expected.
    """

    def __init__(self, text: str, what: str, when_empty: str) -> None:
        if not isinstance(text, str):
            raise GuardSyntaxError(f"{what} is written as text, not {text!r}", repr(text), 1)
        if len(text) > MAX_LENGTH:
            message = f"{what} has more than {MAX_LENGTH} characters: make a long list a token"
            fail(message, text[:60] + " …", 0)
        super().__init__(text)
        self.nesting = 0
        if self.here.kind == "end":
            self.fail(f"{what} is missing: {when_empty}", 0)

    def whole(self, read: Callable[[], _Node]) -> _Node:
        """The result of ``read``, if that was the entire text and is not nested too deep."""
        node = read()
        if self.here.kind != "end":
            self._unexpected()
        return self._shallow(node)

    def guard(self) -> Guard:
        at = self.here.at
        return self._holds(self._either(), at)

    def value(self) -> Term:
        at = self.here.at
        return self._as_value(self._either(), at)

    # -- the grammar -------------------------------------------------------------------------

    def _either(self) -> Guard | Term:
        return self._joined("or", tree.any_of, self._conjunction)

    def _conjunction(self) -> Guard | Term:
        return self._joined("and", tree.all_of, self._negation)

    def _joined(
        self, word: str, join: Callable[..., Guard], read: Callable[[], Guard | Term]
    ) -> Guard | Term:
        at = self.here.at
        node = read()
        if not self.at_word(word):
            return node
        guards = [self._holds(node, at)]
        while self.take(word):
            at = self.here.at
            guards.append(self._holds(read(), at))
        return join(*guards)

    def _negation(self) -> Guard | Term:
        negations = 0
        while self.take("not"):
            negations += 1
        at = self.here.at
        node = self._comparison()
        if not negations:
            return node
        guard = self._holds(node, at)
        return tree.negate(guard) if negations % 2 else guard

    def _comparison(self) -> Guard | Term:
        at = self.here.at
        node = self._sum()
        if self.here.text in _COMPARISONS and self.here.kind == "symbol":
            return self._chain(self._as_value(node, at))
        if self.take("is"):
            return self._presence(node, at)
        denied = self.at_word("not") and self.after().text in _DENIED and self.take("not")
        if self.take("in"):
            guard: Guard = tree.In(self._as_value(node, at), self._options())
        elif self.take("starts"):
            guard = tree.StartsWith(self._as_value(node, at), self._prefix())
        elif self.take("contains"):
            text = self._text("contains")
            guard = tree.Contains(self._as_value(node, at), text)
        else:
            return node
        return tree.negate(guard) if denied else guard

    def _chain(self, left: Term) -> Guard:
        guards: list[Guard] = []
        operators: set[str] = set()
        at = self.here.at
        while self.here.kind == "symbol" and self.here.text in _COMPARISONS:
            operator = cast(_Op, self.advance().text)
            operators.add(operator)
            right_at = self.here.at
            right = self._as_value(self._sum(), right_at)
            guards.append(tree.compare(operator, left, right))
            left = right
        if len(guards) > 1 and not any(operators <= chain for chain in _CHAINS):
            self.fail("a chain goes one way, as in '20 <= score < 65': join others with 'and'", at)
        return tree.all_of(*guards)

    def _presence(self, node: Guard | Term, at: int) -> Guard:
        denied = self.take("not")
        word = self.advance()
        if word.text not in ("known", "missing") or word.kind != "name":
            instead = {"true": "'== true'", "false": "'== false'"}.get(word.text, "'is missing'")
            remedy = (
                f": write {instead}"
                if word.text in _NULLS or word.text in ("true", "false", "nil", "empty")
                else suggest(word.text, ("known", "missing"))
            )
            self.fail(f"after 'is' comes 'known' or 'missing'{remedy}", word.at)
        if not isinstance(node, tree.Field):
            self.fail(f"only a field is known or missing: write 'owner is {word.text}'", at)
        return (
            tree.Known(node) if (word.text == "known") != denied else tree.negate(tree.Known(node))
        )

    def _options(self) -> tree.Const | tree.Token:
        if self.here.kind == "token":
            return tree.Token(self.advance().text[1:])
        at = self.here.at
        if not self.take("["):
            self.fail('after \'in\' comes a list or a token: write ["a", "b"] or $name', at)
        values = []
        while not self.take("]"):
            values.append(self._literal())
            if not self.at_word("]") and not self.take(","):
                if self.here.kind == "end":
                    self.fail("this list is not closed: ']' is missing", at)
                self.fail("between the values of a list comes ','", self.here.at)
        return constant(tuple(values))

    def _literal(self) -> object:
        at = self.here.at
        node = None if self.here.kind == "end" or self.at_word("(") else self._primary()
        if not isinstance(node, tree.Const):
            self.fail("a list holds values only: numbers, texts in quotes, true, false, times", at)
        return node.value

    def _prefix(self) -> tree.Const | tree.Token:
        word = self.advance()
        if word.text != "with" or word.kind != "name":
            self.fail(f"after 'starts' comes 'with'{suggest(word.text, ['with'])}", word.at)
        return self._text("starts with")

    def _text(self, verb: str) -> tree.Const | tree.Token:
        if self.here.kind not in ("string", "token"):
            self.fail(f"after {verb!r} comes a text in quotes or a $token", self.here.at)
        return cast(tree.Const | tree.Token, self._primary())

    def _sum(self) -> Guard | Term:
        return self._arithmetic(("+", "-"), self._product)

    def _product(self) -> Guard | Term:
        return self._arithmetic(("*",), self._primary)

    def _arithmetic(
        self, operators: tuple[str, ...], read: Callable[[], Guard | Term]
    ) -> Guard | Term:
        at = self.here.at
        node = read()
        while self.here.kind == "symbol" and self.here.text in operators:
            operator = cast(Literal["+", "-", "*"], self.advance().text)
            left = self._as_value(node, at)
            right_at = self.here.at
            node = self._shallow(tree.Arithmetic(operator, left, self._as_value(read(), right_at)))
        return node

    def _primary(self) -> Guard | Term:
        lexeme = self.advance()
        match lexeme.kind, lexeme.text:
            case "number" | "string" | "time", _:
                return self.constant(lexeme)
            case "token", text:
                return tree.Token(text[1:])
            case "name", _:
                return self._word(lexeme)
            case "symbol", "-":
                if self.here.kind == "number":
                    return self.constant(self.advance(), sign="-")
                self.fail("a minus stands before a number or between two values: write '0 - x'",
                           lexeme.at)  # fmt: skip
            case "symbol", "(":
                return self._nested(lexeme.at, self._either)
            case "symbol", "[":
                self.fail("a list stands only after 'in'", lexeme.at)
            case "symbol", "." if self.here.kind == "number":
                self.fail(f"write 0.{self.here.text}", lexeme.at)
            case "end", _:
                self.fail("something is missing at the end: a field, a value or a guard",
                           lexeme.at)  # fmt: skip
        self.fail(f"a field, a value or a guard is missing before {lexeme.text!r}", lexeme.at)

    def _word(self, lexeme: Lexeme) -> Guard | Term:
        following = self.here.text
        match lexeme.text:
            case "always":
                return tree.Always()
            case "never":
                return tree.negate(tree.Always())
            case "true" | "false" as word:
                return tree.Const(word == "true")
            case "True" | "False" as word:
                self.fail(f"write {word.lower()!r} in small letters", lexeme.at)
            case "now":
                return tree.Now()
            case "activity" if following == ".":
                self.advance()
                return tree.Payload(self.name("a value of the activity"))
            case "min" | "max" as which if following == "(":
                return self._extreme(which, self.advance().at)
            case "days" | "hours" as units if following == "since":
                self.advance()
                field = tree.Field(self.name("a time field"))
                return tree.DaysSince(field) if units == "days" else tree.HoursSince(field)
            case "days" | "hours" as units if following == "in" and self.after().text == "stage":
                self.advance()
                self.advance()
                return tree.DaysInStage() if units == "days" else tree.HoursInStage()
            case "days" | "hours" as units if (
                self.here.kind == "name" and following not in _AFTER_TERM
            ):
                self.fail(f"after {units!r} comes 'since' and a time field, or 'in stage'"
                           f"{suggest(following, ['since'])}", self.here.at)  # fmt: skip
            case "minutes" | "weeks" | "months" as units if following in ("since", "in"):
                self.fail(f"there is no '{units} {following}': there are days and hours", lexeme.at)
            case word if word in _NULLS:
                self.fail("there is no null: write 'is missing' or 'is known'", lexeme.at)
            case word if word in RESERVED:
                self.fail(f"something is missing before {word!r}, or it needs parentheses",
                           lexeme.at)  # fmt: skip
            case word if following == "(":
                self.fail(f"there is no function {shown(word)}, only min and max"
                           f"{suggest(word, ('min', 'max'))}", lexeme.at)  # fmt: skip
            case word if following == ".":
                remedy = suggest(word, ["activity"]) or ": write a field by its name alone"
                self.fail(f"a '.' comes after 'activity' only{remedy}", self.here.at)
        return tree.Field(self.checked(lexeme))

    def _extreme(self, which: Literal["min", "max"], at: int) -> Term:
        def terms() -> tuple[Term, ...]:
            values = [self.value()]
            while self.take(","):
                values.append(self.value())
            return tuple(values)

        values = self._nested(at, terms)
        if len(values) < 2:
            self.fail(f"{which} needs two values or more", at)
        return self._shallow(tree.Extreme(which, values))

    # -- what stands where -------------------------------------------------------------------

    def _nested(self, at: int, read: Callable[[], _Content]) -> _Content:
        self.nesting += 1
        if self.nesting > MAX_DEPTH:
            self.fail(_TOO_DEEP, at)
        content = read()
        if not self.take(")"):
            if self.here.kind == "end":
                self.fail("this '(' is not closed", at)
            self._unexpected()
        self.nesting -= 1
        return content

    def _shallow(self, node: _Node) -> _Node:
        if tree.depth(node) > MAX_DEPTH:
            self.fail(_TOO_DEEP, 0)
        return node

    def _holds(self, node: Guard | Term, at: int) -> Guard:
        match node:
            case Guard():
                return node
            case tree.Field():
                return tree.Truth(node)
            case tree.Const(bool() as value):
                self.fail(f"write {'always' if value else 'never'!r}", at)
            case tree.Payload(name):
                self.fail(f"a value is no guard: write 'activity.{name} == true'", at)
            case tree.Token(name):
                self.fail(f"a token is no guard: write '${name} == true'", at)
        self.fail("a value is no guard: compare it, as in 'score >= 65'", at)

    def _as_value(self, node: Guard | Term, at: int) -> Term:
        if isinstance(node, Guard):
            self.fail("a guard is no value: join guards with 'and', 'or', 'not'", at)
        return node

    def _unexpected(self) -> NoReturn:
        lexeme = self.here
        if lexeme.kind == "name":
            word = lexeme.text.lower()
            if word in _INSTEAD:
                self.fail(f"there is no {word!r}: {_INSTEAD[word]}", lexeme.at)
            if word in _AFTER_TERM and word != lexeme.text:
                self.fail(f"write {word!r} in small letters", lexeme.at)
            self.fail(f"'and', 'or' or a comparison is missing before {shown(lexeme.text)}"
                       f"{suggest(lexeme.text[:40], _AFTER_TERM)}", lexeme.at)  # fmt: skip
        if lexeme.text == ")":
            self.fail("there is no '(' for this ')'", lexeme.at)
        self.fail(f"{shown(lexeme.text)} is not expected here: 'and', 'or' or a comparison is "
                   "missing before it", lexeme.at)  # fmt: skip
