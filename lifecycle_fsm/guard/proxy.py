"""Guards in Python: ``(p.behavior_score >= t.mql_threshold) | p.hand_raised`` [S2].

This module only builds trees, the same ones that :mod:`~lifecycle_fsm.guard.parser` builds from
text. No node of a tree is an :class:`Expression`, so trees have plain equality.
"""

from __future__ import annotations

from typing import Any, Literal, NoReturn

from lifecycle_fsm.errors import GuardError
from lifecycle_fsm.guard import terms as tree
from lifecycle_fsm.guard.lexer import RESERVED, constant, is_name
from lifecycle_fsm.guard.printer import to_text
from lifecycle_fsm.guard.terms import Guard, Term

_NO_TRUTH = (
    "has no truth of its own, it needs a person: join guards with & | ~ instead of 'and', 'or', "
    "'not', put each comparison in parentheses, and write .between(a, b) for a <= field <= b, "
    ".is_in(a, b) for 'in'"
)


class Expression(tree.Combinable):  # noqa: PLW1641 -- __hash__ is below, and refuses
    """A value that a guard compares: a field, a token, or arithmetic over them.

    Comparisons give guards; ``&``, ``|`` and ``~`` accept a yes/no field as a guard. All kinds
    share one class, because Python asks the right operand first if it is of a subclass, and would
    turn ``a < b`` around.
    """

    __slots__ = ("_term",)

    def __init__(self, term: Term) -> None:
        self._term = term

    def __term__(self) -> Term:
        """The node that this expression represents."""
        return self._term

    def __guard__(self) -> Guard:
        """The yes/no field that this expression represents, as a guard."""
        if isinstance(self._term, tree.Field):
            return tree.Truth(self._term)
        raise GuardError(f"{self!r} is a value and no guard: compare it, as in ({self!r} >= 65)")

    def __repr__(self) -> str:
        return to_text(self._term)

    # -- comparisons -------------------------------------------------------------------------

    def __eq__(self, other: object) -> Guard:  # type: ignore[override]  # writes a tree
        return tree.compare("==", self._term, as_term(other))

    def __ne__(self, other: object) -> Guard:  # type: ignore[override]  # writes a tree
        return tree.compare("!=", self._term, as_term(other))

    def __lt__(self, other: object) -> Guard:
        return tree.compare("<", self._term, as_term(other))

    def __le__(self, other: object) -> Guard:
        return tree.compare("<=", self._term, as_term(other))

    def __gt__(self, other: object) -> Guard:
        return tree.compare(">", self._term, as_term(other))

    def __ge__(self, other: object) -> Guard:
        return tree.compare(">=", self._term, as_term(other))

    def between(self, low: object, high: object) -> Guard:
        """``low <= value <= high``, both ends included."""
        return tree.all_of(self >= low, self <= high)

    def is_in(self, *options: object) -> Guard:
        """The value is one of the options: several values, one list of them, or a list token."""
        if len(options) == 1 and isinstance(options[0], Expression):
            token = options[0]._term
            if isinstance(token, tree.Token):
                return tree.In(self._term, token)
            raise GuardError(f"{options[0]!r} is no list: give values, a list or a token")
        if len(options) == 1 and isinstance(options[0], tuple | list | set | frozenset):
            return tree.In(self._term, constant(options[0]))
        if any(isinstance(option, Expression) for option in options):
            raise GuardError("a list holds values only: make the whole list one token")
        return tree.In(self._term, constant(options))

    def not_in(self, *options: object) -> Guard:
        """The exact negation of :meth:`is_in`, therefore true if the value is missing [S3]."""
        return tree.negate(self.is_in(*options))

    def starts_with(self, prefix: object) -> Guard:
        """The text starts with the prefix, exactly and case-sensitively [S2]."""
        return tree.StartsWith(self._term, _text(prefix, "is no prefix"))

    def contains(self, text: object) -> Guard:
        """The text contains the other, exactly and case-sensitively [S2]."""
        return tree.Contains(self._term, _text(text, "cannot be looked for"))

    def is_known(self) -> Guard:
        """The field has a value."""
        return tree.Known(self._field("is_known"))

    def is_missing(self) -> Guard:
        """The field has no value."""
        return tree.negate(self.is_known())

    def days_since(self) -> Expression:
        """Whole days, floored, from this time field to now [S4]."""
        return Expression(tree.DaysSince(self._field("days_since")))

    def hours_since(self) -> Expression:
        """Whole hours, floored, from this time field to now [S4]."""
        return Expression(tree.HoursSince(self._field("hours_since")))

    def _field(self, method: str) -> tree.Field:
        if isinstance(self._term, tree.Field):
            return self._term
        raise GuardError(f"{self!r} is not a field: .{method}() is for fields")

    # -- arithmetic --------------------------------------------------------------------------

    def __add__(self, other: object) -> Expression:
        return _arithmetic("+", self, other)

    def __radd__(self, other: object) -> Expression:
        return _arithmetic("+", other, self)

    def __sub__(self, other: object) -> Expression:
        return _arithmetic("-", self, other)

    def __rsub__(self, other: object) -> Expression:
        return _arithmetic("-", other, self)

    def __mul__(self, other: object) -> Expression:
        return _arithmetic("*", self, other)

    def __rmul__(self, other: object) -> Expression:
        return _arithmetic("*", other, self)

    def __truediv__(self, other: object) -> NoReturn:
        raise GuardError("there is no division: multiply with a decimal, as in p.score * 0.5")

    __floordiv__ = __rtruediv__ = __rfloordiv__ = __truediv__

    # -- what Python would do silently --------------------------------------------------------

    def __bool__(self) -> NoReturn:
        raise GuardError(f"{self!r} {_NO_TRUTH}")

    def __contains__(self, item: object) -> NoReturn:
        raise GuardError(
            f"{self!r} is no container here: write .is_in(…), .starts_with(…) or .contains(…)"
        )

    def _no_value(self, *_: object) -> NoReturn:
        raise GuardError(f"{self!r} has no value before there is a person: it only writes a guard")

    __hash__ = __len__ = __iter__ = __int__ = __float__ = __index__ = _no_value
    __getitem__ = __call__ = __round__ = __abs__ = __neg__ = _no_value


class Names:
    """An object whose attributes are expressions: ``p.score`` is a field, ``t.mql_threshold`` a
    token, ``activity.points`` a value of the activity."""

    __slots__ = ("_make",)

    def __init__(self, make: type[tree.Field] | type[tree.Token] | type[tree.Payload]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        # Typed Any, so that a type checker accepts p.hand_raised where a guard is expected.
        if name.startswith("_"):
            raise AttributeError(name)
        if not is_name(name):
            raise GuardError(f"{name!r} cannot be a name: it is a word of the guard language")
        return Expression(self._make(name))


p: Names = Names(tree.Field)
t: Names = Names(tree.Token)
activity: Names = Names(tree.Payload)
now: Expression = Expression(tree.Now())
days_in_stage: Expression = Expression(tree.DaysInStage())
hours_in_stage: Expression = Expression(tree.HoursInStage())
always: Guard = tree.Always()
never: Guard = tree.Not(tree.Always())


def named(name: str, guard: object) -> Guard:
    """A guard with a name, which diagrams and refusals show and the model holds once."""
    if not is_name(name):
        near = ": it is a word of the language" if name in RESERVED else ": use letters, digits, _"
        raise GuardError(f"{name!r} cannot be the name of a guard{near}")
    return tree.Named(name, tree.as_guard(guard))


def least(*values: object) -> Expression:
    """``min(…)`` of two or more values; in effects only."""
    return _extreme("min", values)


def greatest(*values: object) -> Expression:
    """``max(…)`` of two or more values; in effects only."""
    return _extreme("max", values)


def as_term(value: object) -> Term:
    """Convert an expression, a node or a Python value to a term."""
    if isinstance(value, Expression):
        return value.__term__()
    if isinstance(value, Term):
        return value
    if isinstance(value, Guard):
        raise GuardError("a guard is no value: put each comparison in parentheses and join them "
                         "with & | ~")  # fmt: skip
    if isinstance(value, tuple | list | set | frozenset):
        raise GuardError("a list stands only in .is_in(…)")
    return constant(value)


def _text(value: object, fault: str) -> tree.Const | tree.Token:
    term = as_term(value)
    if isinstance(term, tree.Const | tree.Token):
        return term
    raise GuardError(f"{value!r} {fault}: give a text or a token")


def _arithmetic(op: Literal["+", "-", "*"], left: object, right: object) -> Expression:
    return Expression(tree.Arithmetic(op, as_term(left), as_term(right)))


def _extreme(which: Literal["min", "max"], values: tuple[object, ...]) -> Expression:
    if len(values) < 2:
        name = "least" if which == "min" else "greatest"
        raise GuardError(f"{name}() needs two values or more")
    return Expression(tree.Extreme(which, tuple(map(as_term, values))))
