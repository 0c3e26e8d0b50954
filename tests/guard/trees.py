"""Random guards, random persons, and an oracle: what the tests of this folder share."""

from __future__ import annotations

import math
import operator
import sys
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st

from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import (
    Always,
    And,
    Arithmetic,
    Compare,
    Const,
    Contains,
    Extreme,
    Field,
    Guard,
    In,
    Known,
    Named,
    Not,
    Now,
    Or,
    Payload,
    StartsWith,
    Term,
    Token,
    Truth,
    Vocabulary,
    all_of,
    any_of,
    compare,
    negate,
    parse_guard,
    term_type,
)
from lifecycle_fsm.guard.terms import (
    Comparison,
    DaysInStage,
    DaysSince,
    HoursInStage,
    HoursSince,
)

NOW = datetime(2024, 5, 1, 10, tzinfo=UTC)
SOURCES = ("web", "event", "Hand-Raise: demo")

VOCABULARY = Vocabulary(
    fields={
        "score": FieldType("int"),
        "bonus": FieldType("int", nullable=True),
        "ratio": FieldType("float"),
        "fit": FieldType("float", nullable=True),
        "hand_raised": FieldType("bool"),
        "opted_in": FieldType("bool", nullable=True),
        "company": FieldType("str"),
        "source": FieldType("str", nullable=True, choices=SOURCES),
        "created_at": FieldType("datetime"),
        "lost_at": FieldType("datetime", nullable=True),
        "stage_entered_at": FieldType("datetime"),
    },
    tokens={
        "threshold": 65,
        "half": 0.5,
        "rest": 2,
        "prefix": "Hand-",
        "sources": ("web", "event"),
        "numbers": (1, 2, 3),
        "launch": datetime(2024, 4, 30, tzinfo=UTC),
    },
    guards={
        "fits": parse_guard("score >= 3 and source is known"),
        "hot": parse_guard("fits or opted_in"),
    },
    payload={"points": FieldType("int", nullable=True), "price": FieldType("float")},
)

# Small numbers, so that equal ones and boundaries come up often.
INTEGERS = st.integers(-4, 4) | st.sampled_from([64, 65, 66, 2**63 - 1, -(2**63)])
DECIMALS = st.sampled_from(
    [-1.5, -0.1, 0.0, 0.1, 0.5, 1.0, 2.0, 65.0, 1e300, 1e-7, -1.5e308, 1.7e308, 2.0**63]
)
MOMENTS = st.builds(
    lambda days, micros: NOW - timedelta(days=days, microseconds=micros),
    st.integers(-3, 4),
    st.sampled_from([-1, 0, 1]),
)
PIECES = st.sampled_from([*SOURCES, "W", "e", "-R", "Hand-"])
TEXTS = st.just("") | PIECES
OPERATORS: st.SearchStrategy[Comparison] = st.sampled_from(["==", "<", "<=", ">", ">="])


def fields(*kinds: str) -> st.SearchStrategy[Field]:
    return st.sampled_from(
        [Field(name) for name, found in VOCABULARY.fields.items() if found.kind in kinds]
    )


def numbers(*, effects: bool = False) -> st.SearchStrategy[Term]:
    leaves: st.SearchStrategy[Term] = (
        fields("int", "float")
        | st.sampled_from([Token("threshold"), Token("half"), Token("rest")])
        | st.builds(Const, INTEGERS | DECIMALS)
    )
    if effects:
        leaves |= st.sampled_from([Payload("points"), Payload("price")])

    def above(below: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
        made: st.SearchStrategy[Term] = st.builds(
            Arithmetic, st.sampled_from(["+", "-", "*"]), below, below
        )
        if effects:
            made |= st.builds(
                Extreme,
                st.sampled_from(["min", "max"]),
                st.lists(below, min_size=2, max_size=3).map(tuple),
            )
        return made

    return st.recursive(leaves, above, max_leaves=4)


def times() -> st.SearchStrategy[Term]:
    return fields("datetime") | st.just(Token("launch")) | st.builds(Const, MOMENTS)


def days() -> st.SearchStrategy[Guard]:
    return st.builds(
        compare,
        OPERATORS,
        st.one_of(
            st.builds(DaysSince, fields("datetime")),
            st.builds(HoursSince, fields("datetime")),
            st.sampled_from([DaysInStage(), HoursInStage()]),
        ),
        st.builds(Const, st.integers(-2, 4) | st.sampled_from([23, 24, 25]))
        | st.just(Token("rest")),
    )


def atoms() -> st.SearchStrategy[Guard]:
    texts: st.SearchStrategy[Field] = fields("str")
    return st.one_of(
        st.builds(compare, OPERATORS, numbers(), numbers()),
        st.builds(compare, OPERATORS, times(), times()),
        st.builds(compare, st.just("=="), texts, st.builds(Const, st.sampled_from(SOURCES))),
        st.builds(
            compare, st.sampled_from(["==", "!="]), fields("bool"), st.builds(Const, st.booleans())
        ),
        days(),
        st.builds(In, texts, st.just(Token("sources"))),
        st.builds(
            In,
            texts,
            st.lists(st.sampled_from(SOURCES), min_size=1, max_size=3).map(tuple).map(Const),
        ),
        st.builds(In, numbers(), st.just(Token("numbers"))),
        st.builds(StartsWith, texts, st.builds(Const, PIECES) | st.just(Token("prefix"))),
        st.builds(Contains, texts, st.builds(Const, PIECES) | st.just(Token("prefix"))),
        st.builds(Known, fields("int", "str", "bool", "datetime", "float")),
        st.builds(Truth, fields("bool")),
        st.builds(Named, st.sampled_from(["fits", "hot"])),
        st.just(Always()),
    )


def joined(below: st.SearchStrategy[Guard]) -> st.SearchStrategy[Guard]:
    several = st.lists(below, min_size=1, max_size=4)
    return st.one_of(
        several.map(lambda guards: all_of(*guards)),
        several.map(lambda guards: any_of(*guards)),
        below.map(negate),
    )


GUARDS: st.SearchStrategy[Guard] = st.recursive(atoms(), joined, max_leaves=8)


def values(found: FieldType) -> st.SearchStrategy[Any]:
    known: dict[str, st.SearchStrategy[Any]] = {
        "bool": st.booleans(),
        "int": INTEGERS,
        "float": DECIMALS,
        "str": st.sampled_from(SOURCES) if found.choices else TEXTS,
        "datetime": MOMENTS,
    }
    strategy = known[found.kind]
    # A time that nobody has set is missing whatever its type says.
    return st.none() | strategy if found.nullable or found.kind == "datetime" else strategy


PERSONS: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {name: values(found) for name, found in VOCABULARY.fields.items()}
).map(lambda found: SimpleNamespace(**found))
PAYLOADS: st.SearchStrategy[dict[str, Value]] = st.fixed_dictionaries(
    {}, optional={"points": st.none() | INTEGERS, "price": DECIMALS}
)


def oracle_value(term: Term, person: Any, now: datetime, payload: dict[str, Value]) -> Any:
    """The value of a term by the letter of the rules; None where a part is missing."""

    def of(part: Term) -> Any:
        return oracle_value(part, person, now, payload)

    match term:
        case Field(name):
            return getattr(person, name)
        case Payload(name):
            return payload.get(name)
        case Now():
            return now
        case Const(value):
            return value
        case Token(name):
            return VOCABULARY.tokens[name]
        case DaysSince(field):
            start = of(field)
            return None if start is None else (now - start) // timedelta(days=1)
        case DaysInStage():
            return of(DaysSince(Field("stage_entered_at")))
        case HoursSince(field):
            start = of(field)
            return None if start is None else (now - start) // timedelta(hours=1)
        case HoursInStage():
            return of(HoursSince(Field("stage_entered_at")))
        case Extreme(which, terms):
            found = [of(part) for part in terms]
            if None in found:
                return None
            chosen = sorted(found)[0 if which == "min" else -1]
            return float(chosen) if float in map(type, found) else chosen
        case Arithmetic(op, left, right):
            one, other = of(left), of(right)
            if one is None or other is None:
                return None
            if op == "*":
                for whole, number, scale, factor in (
                    (left, one, right, other),
                    (right, other, left, one),
                ):
                    decimal = isinstance(scale, Const | Token) and isinstance(factor, float)
                    if decimal and is_whole(whole):
                        return saturated(math.floor(Fraction(repr(factor)) * number))
                return saturated(one * other)
            return saturated(one + other if op == "+" else one - other)
    raise AssertionError(term)


def saturated(value: Any) -> Any:
    """No operation goes past 64 bits, or the largest decimal [S5]."""
    if isinstance(value, int):
        return max(-(2**63), min(value, 2**63 - 1))
    return max(-sys.float_info.max, min(value, sys.float_info.max))


def is_whole(term: Term) -> bool:
    everything = Vocabulary(VOCABULARY.fields, VOCABULARY.tokens, {}, VOCABULARY.payload, True)
    found = term_type(term, everything)
    return found is not None and found.kind == "int"


def oracle(guard: Guard, person: Any, now: datetime = NOW) -> bool:
    """Whether a guard holds, by the letter of [S3]: slow, plain, and written without the package's
    own readings."""

    def of(part: Term) -> Any:
        return oracle_value(part, person, now, {})

    match guard:
        case And(guards):
            return all(oracle(part, person, now) for part in guards)
        case Or(guards):
            return any(oracle(part, person, now) for part in guards)
        case Not(part):
            return not oracle(part, person, now)
        case Named(name):
            return {
                "fits": person.score >= 3 and person.source is not None,
                "hot": (person.score >= 3 and person.source is not None) or person.opted_in is True,
            }[name]
        case Always():
            return True
        case Truth(field):
            return of(field) is True
        case Known(field):
            return of(field) is not None
        case Compare(op, left, right):
            one, other = of(left), of(right)
            if one is None or other is None:
                return False
            if op == "==":
                return bool(one == other)
            ordered = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
            return bool(ordered[op](one, other))
        case In(term, options):
            return of(term) is not None and of(term) in of(options)
        case StartsWith(term, prefix):
            return of(term) is not None and of(term)[: len(of(prefix))] == of(prefix)
        case Contains(term, part):
            return of(term) is not None and of(term).find(of(part)) >= 0
    raise AssertionError(guard)
