"""Step 030: first touch, last touch, and who gets the credit [S17]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lifecycle_fsm.errors import ModelError
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.person import BASE_FIELDS, Person
from lifecycle_fsm.processing.lead_source import make
from lifecycle_fsm.processing.step import BuiltStep, Options, Resources

TYPES: Mapping[str, FieldType] = {name: one.type for name, one in BASE_FIELDS.items()}


def made(**options: Any) -> BuiltStep:
    return make(Options(options), Resources(types=TYPES))


def changes(options: Mapping[str, Any] | None = None, **fields: Any) -> Mapping[str, Value]:
    person = Person("p-1", **fields)
    found = made(**(options or {})).run(person, None)  # type: ignore[arg-type]
    for name, value in found.items():
        setattr(person, name, value)
    assert made(**(options or {})).run(person, None) == {}  # type: ignore[arg-type]
    return found


TIDY = {"values": {"google / cpc": "paid search", "Form": "web form"}}
MARKETING = {"sourced_by": "marketing"}


@pytest.mark.parametrize(
    ("options", "fields", "expected"),
    [
        ({}, {}, {"source": "unknown", "source_latest": "unknown"}),
        ({"default": "other"}, {}, {"source": "other", "source_latest": "other"}),
        ({}, {"created_through": "form"}, {"source": "form", "source_latest": "form"}),
        ({}, {"created_through": " "}, {"source": "unknown", "source_latest": "unknown"}),
        ({}, {"source": "ads"}, {"source_latest": "ads"}),
        ({}, {"source": "ads", "source_latest": "event"}, {}),
        ({}, {"source_latest": "event"}, {"source": "unknown"}),
        ({}, {"source": "", "source_latest": "event"}, {"source": "unknown"}),
        ({"from": ["source_latest", "created_through"]}, {"source_latest": "event"},
         {"source": "event"}),
        ({"from": ["company", "industry"]}, {"industry": "x", "created_through": "api"},
         {"source": "x", "source_latest": "x"}),
        (TIDY, {"source": "Google / CPC"},
         {"source": "paid search", "source_latest": "paid search"}),
        (TIDY, {"created_through": "form"}, {"source": "web form", "source_latest": "web form"}),
        (TIDY, {"source": "ads", "source_latest": " google  /  cpc "},
         {"source_latest": "paid search"}),
        (TIDY, {"source": " Ads "}, {"source": "Ads", "source_latest": "Ads"}),
    ],
)  # fmt: skip
def test_the_first_touch_is_set_once_and_the_last_beside_it(
    options: dict[str, Any], fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert changes(options, **fields) == expected | MARKETING


@pytest.mark.parametrize(
    ("options", "created_by", "created_through", "sourced_by"),
    [
        ({}, "marketing", "form", "marketing"),
        ({}, "sales", None, "sales"),
        ({}, "sales", "crm", "sales"),
        ({}, "sales", "import", "sales"),
        ({}, "sales", "list", "marketing"),
        ({}, "sales", " List", "marketing"),
        ({}, "sales", "bulk", "marketing"),
        ({}, "sales", "listing", "sales"),
        ({}, "marketing", "list", "marketing"),
        ({"bulk": ["import"]}, "sales", "import", "marketing"),
        ({"bulk": ["import"]}, "sales", "list", "sales"),
        ({"bulk": []}, "sales", "list", "sales"),
    ],
)
def test_role_beats_origin(
    options: dict[str, Any], created_by: str, created_through: str | None, sourced_by: str
) -> None:
    found = changes(options, created_by=created_by, created_through=created_through)
    assert found["sourced_by"] == sourced_by


def test_the_credit_that_is_known_stays() -> None:
    assert "sourced_by" not in changes(created_by="sales", sourced_by="marketing")


def test_what_it_reads_and_writes_is_said() -> None:
    one = made(**{"from": ["industry", "source"]})
    assert set(one.reads) == {
        "source", "source_latest", "sourced_by", "created_by", "created_through", "industry"
    }  # fmt: skip
    assert one.writes == ("source", "source_latest", "sourced_by")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"from": ["utm_source"]}, "from: no field named 'utm_source'"),
        ({"from": ["employees"]}, "from: 'employees' holds no text but int"),
        ({"from": 3}, "from: give a list of texts, not 3"),
        ({"values": {"a": "b", "B": "c"}}, "values: 'a' becomes 'b', which becomes something else"),
        ({"values": {"a": 1}}, "values: 'a': give a text, not 1"),
        ({"values": "a"}, "values: give a table"),
        ({"default": True}, "default: give a text, not True"),
        ({"defualt": "x"}, "no option named 'defualt'; did you mean 'default'?"),
    ],
)
def test_a_wrong_option_is_explained(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ModelError) as caught:
        made(**options)
    assert any(expected in str(one) for one in caught.value.problems), caught.value


def test_a_value_may_be_tidied_to_itself_in_other_letters() -> None:
    assert changes({"values": {"ads": "Ads"}}, source="ADS")["source"] == "Ads"
