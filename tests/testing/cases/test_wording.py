"""People told in words are the same people when they are read."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import INT_MAX, INT_MIN, FieldType, Value
from lifecycle_fsm.proof import NOW
from lifecycle_fsm.testing.cases.case_table import (
    format_length,
    format_values,
    parse_length,
    parse_values,
)

TYPES = {
    "flag": FieldType("bool", nullable=True),
    "count": FieldType("int", nullable=True),
    "ratio": FieldType("float", nullable=True),
    "word": FieldType("str", nullable=True),
    "when": FieldType("datetime", nullable=True),
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "flag": st.booleans(),
    "count": st.integers(INT_MIN, INT_MAX),
    "ratio": st.floats(allow_nan=False, allow_infinity=False),
    # A text without content is missing [S4].
    "word": st.text(st.characters(codec="utf-8"), max_size=12).filter(str.strip)
    | st.sampled_from(["missing", "now", "yes", "1 day ago", "a, b", 'say "so"', " x ", "a = b"]),
    "when": st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1)).map(  # noqa: DTZ001
        lambda one: one.replace(tzinfo=NOW.tzinfo)
    )
    | st.integers(-90, 90).map(lambda days: NOW + timedelta(days=days))
    | st.integers(-90, 90).map(lambda days: NOW + timedelta(days=days, seconds=-1)),
}
PEOPLE = st.fixed_dictionaries({}, optional={name: st.none() | one for name, one in VALUES.items()})


@given(PEOPLE)
def test_what_is_told_can_be_read(person: dict[str, Value]) -> None:
    told = format_values(person, NOW)
    assert "\n" not in told
    found = parse_values(told, TYPES, NOW)
    assert found == person
    assert [type(one) for one in found.values()] == [type(one) for one in person.values()]


def test_a_text_that_nobody_has_set_can_be_told_and_one_without_content_cannot_be_given() -> None:
    types = {"word": FieldType("str")}
    assert parse_values(format_values({"word": ""}, NOW), types, NOW) == {"word": ""}
    with pytest.raises(RecordError, match="word: a value is missing"):
        parse_values('word = " "', types, NOW)


@given(st.timedeltas(timedelta(0), timedelta(days=99_999)))
def test_a_length_can_be_read(length: timedelta) -> None:
    assert parse_length(format_length(length)) == length


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "missing"),
        (True, "yes"),
        (65, "65"),
        (0.5, "0.5"),
        ("accounts_payable", "accounts_payable"),
        ("Hand-Raise: Demo", "Hand-Raise: Demo"),
        ("", '""'),
        ("missing", '"missing"'),
        ("one, two", '"one, two"'),
        (NOW, "now"),
        (NOW - timedelta(days=30), "30 days ago"),
        (NOW - timedelta(days=1), "1 day ago"),
        (NOW + timedelta(days=2), "in 2 days"),
        (NOW - timedelta(days=90) + timedelta(seconds=1), "89 days 23:59:59 ago"),
        (NOW - timedelta(microseconds=1), "00:00:00.000001 ago"),
        (NOW.replace(hour=0), "2024-06-03"),
        (NOW.replace(hour=0, second=1), "2024-06-03T00:00:01Z"),
    ],
)
def test_a_value_is_told_as_people_would_say_it(value: Value, words: str) -> None:
    assert format_values({"field": value}, NOW) == f"field = {words}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("count 65", "'count 65' is not understood: write field = value, …"),
        ("cuont = 65", "no field named 'cuont'; did you mean 'count'?"),
        ("count = many", "count: 'many' is not a whole number"),
        ("when = a while ago", "when: 'a while' is no length of time: write 30 days, or 29 days"),
        ("when = yesterday", "when: 'yesterday' is not a time"),
        ('word = "a\\x"', "is no text in quotes"),
        ("when = 99999999 days ago", "further away than there are years"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, complaint: str) -> None:
    with pytest.raises(RecordError) as caught:
        parse_values(text, TYPES, NOW)
    assert complaint in str(caught.value)
