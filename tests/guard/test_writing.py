"""The same guard in text, in Python and in words [S2]."""

from __future__ import annotations

import enum
import operator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    Opaque,
    Or,
    Payload,
    StartsWith,
    Term,
    Token,
    Truth,
    activity,
    all_of,
    always,
    any_of,
    compare,
    days_in_stage,
    greatest,
    hours_in_stage,
    label,
    least,
    named,
    negate,
    never,
    now,
    p,
    parse_guard,
    parse_term,
    resolve,
    t,
    to_text,
)
from lifecycle_fsm.guard.proxy import Expression
from lifecycle_fsm.guard.terms import DaysInStage, DaysSince, HoursInStage, HoursSince
from tests.guard.trees import GUARDS, VOCABULARY

SCORE, RAISED = Field("score"), Truth(Field("hand_raised"))
MAY = datetime(2024, 5, 1, tzinfo=UTC)


class Source(enum.StrEnum):
    WEB = "web"


# text, Python, tree, words
TABLE: list[tuple[str, Any, Guard, str]] = [
    (
        "score >= $threshold or hand_raised",
        (p.score >= t.threshold) | p.hand_raised,
        Or((Compare(">=", SCORE, Token("threshold")), RAISED)),
        "score ≥ 65 or hand raised",
    ),
    (
        "20 <= score <= 65",
        p.score.between(20, 65),
        And((Compare(">=", SCORE, Const(20)), Compare("<=", SCORE, Const(65)))),
        "score between 20 and 65",
    ),
    (
        "20 <= score < 65",
        (p.score >= 20) & (p.score < 65),
        And((Compare(">=", SCORE, Const(20)), Compare("<", SCORE, Const(65)))),
        "20 ≤ score < 65",
    ),
    ("65 <= score", p.score >= 65, Compare(">=", SCORE, Const(65)), "score ≥ 65"),
    ("5 >= $rest", t.rest <= 5, Compare("<=", Token("rest"), Const(5)), "2 ≤ 5"),
    (
        "score != 5",
        p.score != 5,
        Not(Compare("==", SCORE, Const(5))),
        "score ≠ 5",
    ),
    (
        "not (hand_raised and score == 5)",
        ~(p.hand_raised & (p.score == 5)),
        Not(And((RAISED, Compare("==", SCORE, Const(5))))),
        "not (hand raised and score = 5)",
    ),
    ("hand_raised == true", p.hand_raised == True, RAISED, "hand raised"),  # noqa: E712
    (
        "hand_raised == false",
        p.hand_raised == False,  # noqa: E712
        Compare("==", Field("hand_raised"), Const(False)),
        "hand raised = no",
    ),
    (
        "(hand_raised or opted_in) and score > 1",
        (p.hand_raised | p.opted_in) & (p.score > 1),
        And((Or((RAISED, Truth(Field("opted_in")))), Compare(">", SCORE, Const(1)))),
        "(hand raised or opted in) and score > 1",
    ),
    (
        'source in ["web", "event"]',
        p.source.is_in(Source.WEB, "event"),
        In(Field("source"), Const(("web", "event"))),
        "source is one of web, event",
    ),
    (
        "source not in $sources",
        p.source.not_in(t.sources),
        Not(In(Field("source"), Token("sources"))),
        "source is none of web, event",
    ),
    (
        "source starts with 'Hand-Raise:'",
        p.source.starts_with("Hand-Raise:"),
        StartsWith(Field("source"), Const("Hand-Raise:")),
        "source starts with “Hand-Raise:”",
    ),
    (
        "not source starts with $prefix",
        ~p.source.starts_with(t.prefix),
        Not(StartsWith(Field("source"), Token("prefix"))),
        "source does not start with “Hand-”",
    ),
    (
        "source contains 'demo'",
        p.source.contains("demo"),
        Contains(Field("source"), Const("demo")),
        "source contains “demo”",
    ),
    (
        "not source contains $prefix",
        ~p.source.contains(t.prefix),
        Not(Contains(Field("source"), Token("prefix"))),
        "source does not contain “Hand-”",
    ),
    ("source is known", p.source.is_known(), Known(Field("source")), "source known"),
    ("source is missing", p.source.is_missing(), Not(Known(Field("source"))), "source missing"),
    (
        "days since lost_at >= 30",
        p.lost_at.days_since() >= 30,
        Compare(">=", DaysSince(Field("lost_at")), Const(30)),
        "30 days or more since lost",
    ),
    (
        "days in stage < $rest",
        days_in_stage < t.rest,
        Compare("<", DaysInStage(), Token("rest")),
        "less than 2 days in stage",
    ),
    (
        "hours since lost_at >= 36",
        p.lost_at.hours_since() >= 36,
        Compare(">=", HoursSince(Field("lost_at")), Const(36)),
        "36 hours or more since lost",
    ),
    (
        "hours in stage <= 1",
        hours_in_stage <= 1,
        Compare("<=", HoursInStage(), Const(1)),
        "at most 1 hour in stage",
    ),
    (
        "created_at < 2024-05-01",
        p.created_at < date(2024, 5, 1),
        Compare("<", Field("created_at"), Const(MAY)),
        "created at < 2024-05-01",
    ),
    (
        "score * 0.5 - (ratio - 1) >= -3",
        p.score * 0.5 - (p.ratio - 1) >= -3,
        Compare(
            ">=",
            Arithmetic(
                "-",
                Arithmetic("*", SCORE, Const(0.5)),
                Arithmetic("-", Field("ratio"), Const(1)),
            ),
            Const(-3),
        ),
        "score × 0.5 − (ratio − 1) ≥ -3",
    ),
    (
        "2 * (1 + score) > 10 - bonus",
        2 * (1 + p.score) > 10 - p.bonus,
        Compare(
            ">",
            Arithmetic("*", Const(2), Arithmetic("+", Const(1), SCORE)),
            Arithmetic("-", Const(10), Field("bonus")),
        ),
        "2 × (1 + score) > 10 − bonus",
    ),
    ("always", always, Always(), "always"),
    ("never", never, Not(Always()), "never"),
    ("fits", named("fits", p.score > 3), Named("fits"), "fits"),
    (
        "score > 1 and score > 2 and hand_raised",
        (p.score > 1) & (p.score > 2) & p.hand_raised,
        And((Compare(">", SCORE, Const(1)), Compare(">", SCORE, Const(2)), RAISED)),
        "score > 1 and score > 2 and hand raised",
    ),
]


@pytest.mark.parametrize(("text", "python", "tree", "words"), TABLE, ids=[r[0] for r in TABLE])
def test_text_and_python_give_one_tree_and_its_words_s2(
    text: str, python: Guard, tree: Guard, words: str
) -> None:
    assert resolve(parse_guard(text), VOCABULARY) == tree
    assert python == tree
    assert label(tree, VOCABULARY) == words
    assert resolve(parse_guard(to_text(tree)), VOCABULARY) == tree


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a or b and not c == d", "a or (b and (not (c == d)))"),
        ("a + b * c - d > 1", "((a + (b * c)) - d) > 1"),
        ("not not a", "a"),
        ("a is not known", "a is missing"),
        ("a is not missing", "a is known"),
        ("a not starts with 'x'", "not a starts with 'x'"),
        ("10 > a >= 5", "a < 10 and a >= 5"),
        ("(a and b) and c", "a and (b and c)"),
        ("true == a", "a"),
        ("a in [1, 2,]", "a in [1,2]"),
        ("a == 2024-05-01T12:00:00+02:00", "a == 2024-05-01T10:00:00Z"),
        ("a == 'it\\'s \\u00e9'", 'a == "it\'s é"'),
        ("days in [1] or min in [1]", "(days in [1]) or (min in [1])"),
    ],
)
def test_two_texts_for_one_tree(text: str, same: str) -> None:
    assert parse_guard(text) == parse_guard(same)


@pytest.mark.parametrize(
    "text",
    [
        "10 > score >= 5",
        "1 <= score <= 2 and hand_raised",
        "not 1 <= score <= 2",
        "a - (b - c) * 2 > -1",
        "a + (b + c) > 1",
        'a == "\\u0000\\n\\"\\\\ \\u202e é"',
        "a in [1, 1.0, true, 2024-05-01T10:00:00.000001Z]",
        "a == 1e+16 or a == 1e-07",
        "not (a or b) and c",
        "a >= b and a <= c",
    ],
)
def test_text_is_kept_as_a_person_writes_it(text: str) -> None:
    assert to_text(parse_guard(text)) == text


def test_effect_values_in_text_and_python() -> None:
    text = "min(score * 0.5, $threshold - 1, max(activity.points, 3))"
    tree = least(p.score * 0.5, t.threshold - 1, greatest(activity.points, 3))
    assert parse_term(text) == tree.__term__()
    assert to_text(tree.__term__()) == text
    assert parse_term("now") == now.__term__() == Now()
    assert label(tree.__term__(), VOCABULARY) == (
        "the smallest of (score × 0.5, 65 − 1, the largest of (the activity's points, 3))"
    )


def test_labels_of_the_rest() -> None:
    assert label(parse_guard("score >= $threshold")) == "score ≥ threshold"
    assert label(parse_guard("days in stage >= $rest_days")) == "days in stage ≥ rest days"
    assert label(parse_guard("days in stage == 1")) == "exactly 1 day in stage"
    assert label(parse_guard("not days in stage == 1")) == "not exactly 1 day in stage"
    assert label(parse_guard("source in ['web']")) == "source is web"
    assert label(parse_guard("source not in ['web']")) == "source is not web"
    assert label(parse_guard("score in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]")) == (
        "score is one of 1, 2, 3, 4, 5, 6, 4 more"
    )
    assert label(parse_guard("not (a or b) and (c or d)")) == "not (a or b) and (c or d)"
    assert label(Opaque("is_vip", lambda person, now: True)) == "is vip"
    expanded = label(Not(Named("hot")), VOCABULARY, expand=True)
    assert expanded == "not hot (fits (score ≥ 3 and source known) or opted in)"


@settings(max_examples=500)
@given(GUARDS)
def test_text_of_any_guard_reads_back_s2(guard: Guard) -> None:
    assert resolve(parse_guard(to_text(guard)), VOCABULARY) == guard


# Names that are words elsewhere in the language, and constants of every kind: not for checking or
# running, only for writing and reading.
_NAMES = st.sampled_from(
    ["a", "b", "days", "stage", "since", "min", "max", "activity", "known", "starts", "größe", "_x"]
)
_SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.datetimes(timezones=st.just(UTC)),
)
_TERMS: st.SearchStrategy[Term] = st.recursive(
    st.builds(Field, _NAMES)
    | st.builds(Token, _NAMES)
    | st.builds(Payload, _NAMES)
    | st.builds(Const, _SCALARS)
    | st.builds(DaysSince, st.builds(Field, _NAMES))
    | st.builds(HoursSince, st.builds(Field, _NAMES))
    | st.sampled_from([Now(), DaysInStage(), HoursInStage()]),
    lambda below: (
        st.builds(Arithmetic, st.sampled_from(["+", "-", "*"]), below, below)
        | st.builds(
            Extreme,
            st.sampled_from(["min", "max"]),
            st.lists(below, min_size=2, max_size=3).map(tuple),
        )
    ),
    max_leaves=5,
)
_OPERATORS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_ANY: st.SearchStrategy[Guard] = st.recursive(
    st.one_of(
        st.builds(compare, _OPERATORS, _TERMS, _TERMS),
        st.builds(In, _TERMS, st.lists(_SCALARS, max_size=3).map(tuple).map(Const)),
        st.builds(In, _TERMS, st.builds(Token, _NAMES)),
        st.builds(StartsWith, _TERMS, st.builds(Token, _NAMES)),
        st.builds(Contains, _TERMS, st.builds(Token, _NAMES)),
        st.builds(Truth, st.builds(Field, _NAMES)),
        st.builds(Known, st.builds(Field, _NAMES)),
        st.just(Always()),
    ),
    lambda below: st.one_of(
        st.lists(below, max_size=4).map(lambda guards: all_of(*guards)),
        st.lists(below, max_size=4).map(lambda guards: any_of(*guards)),
        below.map(negate),
    ),
    max_leaves=8,
)


@settings(max_examples=1000)
@given(_ANY)
def test_every_canonical_tree_reads_back_from_its_text_s2(guard: Guard) -> None:
    assert parse_guard(to_text(guard)) == guard


@given(_TERMS)
def test_every_value_reads_back_from_its_text_s2(term: Term) -> None:
    assert parse_term(to_text(term)) == term


_PYTHON = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def python_term(term: Term) -> Any:
    """The term as a person writes it in Python: constants are bare values."""
    match term:
        case Field(name):
            return Expression(term) if name.startswith("_") else getattr(p, name)
        case Const(value):
            return value
        case DaysSince(field):
            return Expression(field).days_since()
        case HoursSince(field):
            return Expression(field).hours_since()
        case Arithmetic(op, left, right):
            one, other = python_term(left), python_term(right)
            if isinstance(left, Const) and isinstance(right, Const):
                one = Expression(left)  # else Python would compute it
            return _PYTHON[op](one, other)
        case Extreme(which, terms):
            return (least if which == "min" else greatest)(*map(python_term, terms))
    return Expression(term)


def python_guard(guard: Guard) -> Any:
    match guard:
        case And((first, *others)) | Or((first, *others)):
            made = python_guard(first)
            for other in others:
                following = python_guard(other)
                made = made & following if isinstance(guard, And) else made | following
            return made
        case Not(part):
            return ~python_guard(part)
        case Compare(op, left, right):
            one = Expression(left) if isinstance(left, Const) else python_term(left)
            return _PYTHON[op](one, python_term(right))
        case In(term, Const(tuple() as values)):
            return Expression(term).is_in(list(values))
        case Truth(field):
            return Expression(field)
    return guard


@given(_ANY)
def test_python_operators_write_the_tree_that_the_text_does_s2(guard: Guard) -> None:
    written = python_guard(guard)
    tree = written.__guard__() if isinstance(written, Expression) else written
    assert tree == guard == parse_guard(to_text(guard))
