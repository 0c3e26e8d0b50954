"""Whatever is typed gives a tree or an error with the place and the remedy [S2][S5]."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import GuardSyntaxError
from lifecycle_fsm.guard import MAX_DEPTH, Guard, Term, parse_guard, parse_term, to_text
from lifecycle_fsm.guard.parser import MAX_LENGTH
from lifecycle_fsm.guard.terms import depth

# text, column, part of the message
ERRORS: list[tuple[str, int, str]] = [
    ("", 1, "write 'always'"),
    ("  \n", 1, "write 'always'"),
    ("a = 1", 3, "did you mean '=='"),
    ("a === 1", 3, "did you mean '=='"),
    ("a => 1", 3, "did you mean '>='"),
    ("a =< 1", 3, "did you mean '<='"),
    ("a <> 1", 3, "did you mean '!='"),
    ("a && b", 3, "write 'and'"),
    ("a & b", 3, "write 'and'"),
    ("a || b", 3, "write 'or'"),
    ("!a", 1, "write 'not'"),
    ("~a", 1, "write 'not'"),
    ("a / 2 > 1", 3, "no division"),
    ("a > 50%", 7, "as a decimal"),
    ("a ≥ 1", 3, "write '>='"),
    ("a == “x”", 6, "straight quotation marks"),
    ("a adn b", 3, "did you mean 'and'?"),
    ("a AND b", 3, "write 'and' in small letters"),
    ("a Or b", 3, "write 'or' in small letters"),
    ("a like 'x'", 3, "there are 'starts with' and 'contains'"),
    ("a ends with 'x'", 3, "there are 'starts with' and 'contains'"),
    ("a contains b", 12, "a text in quotes or a $token"),
    ("a contains 5", 12, "a text in quotes or a $token"),
    ("a not contains", 15, "a text in quotes or a $token"),
    ("hours sinse a > 3", 7, "did you mean 'since'?"),
    ("minutes since a > 3", 1, "there are days and hours"),
    ("a == ''", 6, "'is missing'"),
    ("a in ['x', '']", 12, "'is missing'"),
    ('a starts with ""', 15, "'is missing'"),
    ("a between 1", 3, "20 <= score <= 65"),
    ("a b", 3, "missing before 'b'"),
    ("a > 1 2", 7, "not expected here"),
    ("a == null", 6, "write 'is missing'"),
    ("a != None", 6, "write 'is missing'"),
    ("a is null", 6, "write 'is missing'"),
    ("a is mising", 6, "did you mean 'missing'?"),
    ("a is true", 6, "write '== true'"),
    ("a is", 5, "comes 'known' or 'missing'"),
    ("a + 1 is known", 1, "only a field"),
    ("$a is known", 1, "only a field"),
    ("a == True", 6, "small letters"),
    ("true", 1, "write 'always'"),
    ("false", 1, "write 'never'"),
    ("5", 1, "a value is no guard"),
    ("$a", 1, "write '$a == true'"),
    ("activity.a", 1, "write 'activity.a == true'"),
    ("a and b + 1", 7, "a value is no guard"),
    ("not 'x'", 5, "a value is no guard"),
    ("(a > 1) > 2", 1, "a guard is no value"),
    ("1 < (a and b)", 5, "a guard is no value"),
    ("always == true", 1, "a guard is no value"),
    ("a < b > c", 3, "a chain goes one way"),
    ("a == b != c", 3, "a chain goes one way"),
    ("(a", 1, "'(' is not closed"),
    ("a)", 2, "no '(' for this"),
    ("(a b)", 4, "missing before 'b'"),
    ("and a", 1, "missing before 'and'"),
    ("a and", 6, "missing at the end"),
    ("a ==", 5, "missing at the end"),
    ("a == not b", 6, "parentheses"),
    ("a in 1", 6, "a list or a token"),
    ("a in (1, 2)", 6, "a list or a token"),
    ("a in [b]", 7, "values only"),
    ("a in [1 2]", 9, "comes ','"),
    ("a in [1", 6, "not closed"),
    ("a in [", 7, "values only"),
    ("a == [1]", 6, "only after 'in'"),
    ("a starts wiht 'x'", 10, "did you mean 'with'?"),
    ("a starts with b", 15, "a text in quotes or a $token"),
    ("a starts with 5", 15, "a text in quotes or a $token"),
    ("days sinse a > 3", 6, "did you mean 'since'?"),
    ("days since 5 > 3", 12, "the name of a time field"),
    ("days since $a > 3", 12, "the name of a time field"),
    ("days since and > 3", 12, "the name of a time field"),
    ("activity. > 3", 11, "the name of a value"),
    ("p.score > 3", 2, "by its name alone"),
    ("activty.score > 3", 8, "did you mean 'activity'?"),
    ("len(a) > 3", 1, "no function 'len'"),
    ("mni(a, 3) > 3", 1, "did you mean 'min'?"),
    ("min(a) > 3", 4, "two values or more"),
    ("-a > 3", 1, "write '0 - x'"),
    ("a == .5", 6, "write 0.5"),
    ("a == 5.", 7, "not expected here"),
    ("a == 1_000", 6, "neither a number"),
    ("a == 65x", 6, "neither a number"),
    ("a > 9223372036854775808", 5, "64 bits"),
    ("a > -9223372036854775809", 6, "64 bits"),
    ("a > " + "9" * 5000, 5, "64 bits"),
    ("a > 1e999", 5, "finite"),
    ("a > 2024-02-30", 5, "no such time"),
    ("a > 2024-05-01T25:00:00Z", 5, "no such time"),
    ("a > 0001-01-01T00:00:00+14:00", 5, "years 1 and 9999"),
    ("a == 'x", 6, "not closed"),
    ("a == 'x\ty'", 6, "not closed, or has a raw control"),
    (r"a == 'x\q'", 8, "no such escape"),
    (r"a == '\u12'", 7, "no such escape"),
    (r"a == '\U00110000'", 7, "no such escape"),
    (r"a == '\ud800'", 6, "lone surrogate"),
    ("a == '\ud800'", 6, "lone surrogate"),
    ("\udfff", 1, "U+DFFF"),
    ("a\x00", 2, "U+0000"),
    ("a\u00a0> 1", 2, "U+00A0"),
    ("a ; b", 3, "not a character"),
    ("$ a", 1, "a token is '$' with its name"),
    ("$class > 1", 1, "cannot be a name"),
    ("class > 1", 1, "cannot be a name"),
    ("ﬁt > 1", 1, "cannot be a name"),
    ("(" * 100 + "a" + ")" * 100, MAX_DEPTH + 1, "nested more than"),
    ("a" + " + a" * 100 + " > 1", 1, "nested more than"),
    ("a > 1 or " * 20_000 + "b", 1, f"more than {MAX_LENGTH} characters"),
]


@pytest.mark.parametrize(
    ("text", "column", "message"), ERRORS, ids=[ascii(r[0][:30]) for r in ERRORS]
)
def test_error_has_the_place_and_the_remedy_s5(text: str, column: int, message: str) -> None:
    with pytest.raises(GuardSyntaxError) as error:
        parse_guard(text)
    assert message in error.value.message
    assert error.value.column == column
    # The error can be printed anywhere, and points into what was typed.
    assert str(error.value).encode()
    assert column <= len(error.value.text) + 1


@pytest.mark.parametrize("wrong", [None, True, 5, ["a"]])
def test_what_is_no_text_is_a_syntax_error_too(wrong: Any) -> None:
    with pytest.raises(GuardSyntaxError, match="written as text"):
        parse_guard(wrong)


def test_values_have_errors_of_their_own() -> None:
    for text, message in [
        ("", "a value is missing"),
        ("score > 3", "a guard is no value"),
        ("always", "a guard is no value"),
        ("min(score, 3", "not closed"),
        ("min(score > 3, 3)", "a guard is no value"),
        ("null", "no null"),
    ]:
        with pytest.raises(GuardSyntaxError) as error:
            parse_term(text)
        assert message in error.value.message


def test_long_flat_texts_are_fine() -> None:
    guard = parse_guard(" or ".join(f"score == {number}" for number in range(4000)))
    assert depth(guard) == 3
    assert parse_guard("not " * 10_001 + "a") == parse_guard("not a")


_WORDS = st.sampled_from(
    "a b score and or not in is known missing starts with always never days since stage now true "
    "false null min max activity $a $list 1 0.5 -1 2024-05-01 \"x\" 'y' == != < <= > >= = + - * / "
    "( ) [ ] , . ( ) [ ] ,".split()
)


def _fault(read: Callable[[str], Guard | Term], text: str) -> GuardSyntaxError | None:
    try:
        tree = read(text)
    except GuardSyntaxError as error:
        return error
    assert read(to_text(tree)) == tree
    return None


def _read(text: str) -> None:
    for read in (parse_guard, parse_term):
        fault = _fault(read, text)
        if fault is not None:
            assert 1 <= fault.column <= len(fault.text) + 1
            assert str(fault).encode()


@settings(max_examples=2000)
@given(st.lists(_WORDS, max_size=14))
def test_any_soup_of_words_gives_a_tree_or_a_syntax_error_s5(words: list[str]) -> None:
    _read(" ".join(words))


@settings(max_examples=2000)
@given(st.text(st.characters(), max_size=40))
@example("\ud800'")
@example("1e")
@example("'\\")
@example('"\\u')
def test_any_text_gives_a_tree_or_a_syntax_error_s5(text: str) -> None:
    _read(text)


@settings(max_examples=500)
@given(st.text("ab$'\"\\.0129-+*<>=!()[],TZ:e u_d8", max_size=30))
def test_any_soup_of_signs_gives_a_tree_or_a_syntax_error_s5(text: str) -> None:
    _read(text)
