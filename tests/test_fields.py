"""The types of fields: what comes in, in which form it is kept, what is refused [S1][S4][S5]."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Literal, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.errors import RecordError
from lifecycle_fsm.fields import INT_MAX, INT_MIN, KINDS, FieldDef, FieldType, instant, to_utc

TIME = datetime(2024, 5, 1, 10, tzinfo=UTC)
PLUS_2 = timezone(timedelta(hours=2))
COLOURS = FieldType("str", choices=("red", "green"))

ACCEPTED: list[tuple[FieldType, Any, Any]] = [
    (FieldType("bool"), True, True),
    (FieldType("bool"), "yes", True),
    (FieldType("bool"), " TRUE ", True),
    (FieldType("bool"), 1, True),
    (FieldType("bool"), "N", False),
    (FieldType("bool"), "0", False),
    (FieldType("int"), 65, 65),
    (FieldType("int"), "65", 65),
    (FieldType("int"), " -65 ", -65),
    (FieldType("int"), 65.0, 65),
    (FieldType("int"), INT_MAX, INT_MAX),
    (FieldType("int"), str(INT_MIN), INT_MIN),
    (FieldType("int", minimum=0, maximum=100), 1000, 100),
    (FieldType("int", minimum=0, maximum=100), -1, 0),
    (FieldType("float"), 65, 65.0),
    (FieldType("float"), "6.5e1", 65.0),
    (FieldType("float", minimum=0.5), 0.25, 0.5),
    (FieldType("str"), "two words", "two words"),
    (FieldType("str"), "Müller", "Müller"),
    (COLOURS, "red", "red"),
    (FieldType("str", True, ("red", "green")), "", None),
    (FieldType("datetime"), TIME, TIME),
    (FieldType("datetime"), datetime(2024, 5, 1, 10), TIME),  # noqa: DTZ001 -- a naive time is what this is about
    (FieldType("datetime"), datetime(2024, 5, 1, 12, tzinfo=PLUS_2), TIME),
    (FieldType("datetime"), "2024-05-01T10:00:00Z", TIME),
    (FieldType("datetime"), "2024-05-01T12:00:00+02:00", TIME),
    (FieldType("datetime"), "2024-05-01", TIME.replace(hour=0)),
    (FieldType("datetime"), date(2024, 5, 1), TIME.replace(hour=0)),
    *((FieldType(kind, nullable=True), None, None) for kind in KINDS),
    *((FieldType(kind, nullable=True), "", None) for kind in KINDS),
    *((FieldType(kind, nullable=True), " \t", None) for kind in KINDS),
]


@pytest.mark.parametrize(("kind", "value", "stored"), ACCEPTED)
def test_what_is_accepted_and_its_stored_form(kind: FieldType, value: Any, stored: Any) -> None:
    found = kind.accept(value)
    assert found == stored
    assert type(found) is type(stored)
    if isinstance(found, datetime):
        assert found.tzinfo is UTC


REFUSED: list[tuple[FieldType, Any, str]] = [
    (FieldType("str"), "", "a value is missing: str is required"),
    (FieldType("str"), " ", "a value is missing: str is required"),
    (FieldType("bool"), 2, "2 is not yes or no: write true or false"),
    (FieldType("bool"), 1.0, "1.0 is not yes or no: write true or false"),
    (FieldType("bool"), "perhaps", "'perhaps' is not yes or no: write true or false"),
    (FieldType("int"), True, "True is not a whole number"),
    (FieldType("int"), 6.5, "6.5 is not a whole number"),
    (FieldType("int"), float("nan"), "nan is not a whole number"),
    (FieldType("int"), float("inf"), "inf is not a whole number"),
    (FieldType("int"), "6.5", "'6.5' is not a whole number"),
    (FieldType("int"), "1_000", "'1_000' is not a whole number"),
    (FieldType("int"), "9" * 50, f"'{'9' * 50}' is not a whole number"),
    (FieldType("int"), INT_MAX + 1, f"{INT_MAX + 1} is not within 64 bits"),
    (FieldType("int"), INT_MIN - 1, f"{INT_MIN - 1} is not within 64 bits"),
    (FieldType("int"), None, "a value is missing: int is required"),
    (FieldType("int"), "", "a value is missing: int is required"),
    (FieldType("float"), float("nan"), "nan is not finite: NaN and infinity are refused"),
    (FieldType("float"), "inf", "'inf' is not finite: NaN and infinity are refused"),
    (FieldType("float"), "1_0.5", "'1_0.5' is not a number"),
    (FieldType("float"), "many", "'many' is not a number"),
    (FieldType("float"), True, "True is not a number"),
    (FieldType("float"), 10**400, f"{10**400} is not a number"),
    (FieldType("str"), 65, "65 is not a text"),
    (FieldType("str"), None, "a value is missing: str is required"),
    (FieldType("str"), "\ud800", "'\\ud800' is not valid Unicode text (it has a lone surrogate)"),
    (COLOURS, "gren", "'gren' is none of 'red', 'green'; did you mean 'green'?"),
    (COLOURS, "", 'a value is missing: "red" | "green" is required'),
    (FieldType("datetime"), "soon", "'soon' is not a time: write 2024-05-01T10:00:00Z"),
    (FieldType("datetime"), 3, "3 is not a time: write 2024-05-01T10:00:00Z"),
    (
        FieldType("datetime"),
        datetime(1, 1, 1, tzinfo=PLUS_2),
        f"{datetime(1, 1, 1, tzinfo=PLUS_2)!r} is not a time between the years 1 and 9999 in UTC",
    ),
]


@pytest.mark.parametrize(("kind", "value", "message"), REFUSED)
def test_what_is_refused_and_why(kind: FieldType, value: Any, message: str) -> None:
    with pytest.raises(RecordError) as caught:
        kind.accept(value)
    assert str(caught.value) == message


ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.datetimes(timezones=st.none() | st.just(PLUS_2))
    | st.binary()
    | st.lists(st.none())
)
TYPES = st.builds(
    FieldType, st.sampled_from(KINDS), st.booleans()
) | st.sampled_from([COLOURS, FieldType("int", minimum=0, maximum=9)])  # fmt: skip


@given(TYPES, ANYTHING)
def test_any_value_is_accepted_in_its_form_or_refused(kind: FieldType, value: Any) -> None:
    try:
        stored = kind.accept(value)
    except RecordError:
        return
    assert kind.accept(stored) == stored
    if stored is None:
        assert kind.nullable
    else:
        assert type(stored).__name__ == kind.kind


ANNOTATIONS: list[tuple[Any, FieldType]] = [
    (int, FieldType("int")),
    (int | None, FieldType("int", True)),
    (Optional[float], FieldType("float", True)),  # noqa: UP045 -- people write it
    (Union[None, bool], FieldType("bool", True)),  # noqa: UP007 -- people write it
    (datetime, FieldType("datetime")),
    (Literal["a", "b"], FieldType("str", False, ("a", "b"))),
    (Literal["a"] | None, FieldType("str", True, ("a",))),
]


@pytest.mark.parametrize(("annotation", "expected"), ANNOTATIONS)
def test_s1_a_type_from_an_annotation(annotation: Any, expected: FieldType) -> None:
    assert FieldType.from_annotation(annotation) == expected
    assert FieldType.from_annotation(expected.annotation) == expected


@pytest.mark.parametrize(
    "annotation",
    [list[str], int | str, int | str | None, Literal[1, 2], object, None, "int", [int]],
)
def test_s1_other_annotations_are_refused(annotation: Any) -> None:
    with pytest.raises(RecordError, match="is not a type for a field: use bool, int, float, str,"):
        FieldType.from_annotation(annotation)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int", FieldType("int")),
        ("int | None", FieldType("int", True)),
        ("None|str", FieldType("str", True)),
    ],
)
def test_s1_a_type_from_text(text: str, expected: FieldType) -> None:
    assert FieldType.from_text(text) == expected
    assert FieldType.from_text(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("integer", ""),
        ("strr", "; did you mean 'str'?"),
        ("int | str", ""),
        ("None", ""),
        ("", ""),
        ("date time", "; did you mean 'datetime'?"),
    ],
)
def test_s1_other_texts_are_refused(text: str, near: str) -> None:
    with pytest.raises(RecordError) as caught:
        FieldType.from_text(text)
    expected = f"{text!r} is not a type: use bool, int, float, str, datetime, with or without "
    assert str(caught.value).startswith(expected + "'| None'")
    assert str(caught.value).endswith(near or "'| None'") or not near


EMPTY: list[tuple[FieldType, Any]] = [
    (FieldType("bool"), False),
    (FieldType("int"), 0),
    (FieldType("int", minimum=1), 1),
    (FieldType("int", maximum=-1), -1),
    (FieldType("float"), 0.0),
    (FieldType("str"), ""),
    (COLOURS, "red"),
    (FieldType("datetime"), None),
    (FieldType("int", True, minimum=1), None),
]


@pytest.mark.parametrize(("kind", "value"), EMPTY)
def test_what_a_field_is_that_nobody_has_set(kind: FieldType, value: Any) -> None:
    assert kind.empty == value
    assert type(kind.empty) is type(value)
    assert FieldDef("x", kind).start() == value


def test_s5_computed_numbers_are_held_within_64_bits_or_the_declared_bounds() -> None:
    assert FieldType("int").clamp(INT_MAX + 1) == INT_MAX
    assert FieldType("int").clamp(INT_MIN - 1) == INT_MIN
    assert FieldType("int", minimum=0, maximum=9).clamp(10) == 9
    assert FieldType("float", maximum=9.5).clamp(10.0) == 9.5
    assert FieldType("float", minimum=9.5).clamp(1.0) == 9.5
    assert FieldType("float", minimum=1.0, maximum=9.5).clamp(2.5) == 2.5
    assert FieldType("str").clamp("x") == "x"


def test_a_bound_has_one_form() -> None:
    assert repr(FieldType("int", minimum=0.0)) == repr(FieldType("int", minimum=0))
    assert FieldType("float", minimum=0.5).minimum == 0.5


def test_a_field_has_one_form() -> None:
    kind = FieldType("int", maximum=9)
    assert FieldDef("x", kind, 0).tidied() == FieldDef("x", kind)
    assert FieldDef("x", kind, "5").tidied() == FieldDef("x", kind, 5)
    for wrong in (FieldDef("x", kind, 10), FieldDef("x", kind, "y")):
        assert wrong.tidied() == wrong
        assert list(wrong.faults())
    broken = FieldDef("x", FieldType("int", maximum="9"), 5)
    assert broken.tidied() == broken
    assert list(broken.faults()) == ["min and max are numbers, not '9'"]


def test_s4_a_time_becomes_utc() -> None:
    assert to_utc(TIME) is TIME
    assert to_utc(datetime(2024, 5, 1, 10)) == TIME  # noqa: DTZ001 -- a naive time is what this is about
    assert to_utc(datetime(2024, 5, 1, 12, tzinfo=PLUS_2)).tzinfo is UTC
    assert instant(TIME) is TIME
    assert instant("2024-05-01T12:00:00+02:00") == TIME
    assert instant(datetime(2024, 5, 1, 12, tzinfo=PLUS_2)).tzinfo is UTC
    with pytest.raises(RecordError, match="'noon' is not a time"):
        instant("noon")
