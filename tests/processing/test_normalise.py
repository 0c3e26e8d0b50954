"""Step 010: the record cleaned, and nothing lost."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.errors import MissingExtra, ModelError
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.person import BASE_FIELDS, Person
from lifecycle_fsm.processing import Chain, Context, Step
from lifecycle_fsm.processing.normalise import FIELDS, make
from lifecycle_fsm.processing.step import BuiltStep, Options, Resources

TYPES: Mapping[str, FieldType] = {name: one.type for name, one in BASE_FIELDS.items()}
NOW = Context(datetime(2024, 5, 1, tzinfo=UTC))


def made(**options: Any) -> BuiltStep:
    return make(Options(options), Resources(types=TYPES))


def changes(person: Person, **options: Any) -> Mapping[str, Value]:
    one = made(**options)
    chain = Chain([Step(10, "normalise", one.run, one.reads, one.writes)], TYPES)
    result = chain.run(person, NOW)
    assert result.parked is None
    return result.values


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        (
            {"first_name": " Ada ", "last_name": "Love  lace", "company": "Acme\u00a0Inc"},
            {"first_name": "Ada", "last_name": "Love lace", "company": "Acme Inc"},
        ),
        ({"first_name": "Ada", "country": "DE", "domain": "acme.com"}, {}),
        ({"first_name": "  ", "phone": "", "country": " "},
         {"first_name": None, "phone": None, "country": None}),
        ({"email": "Ada@ACME.com"}, {"email": "Ada@acme.com", "domain": "acme.com"}),
        ({"email": "ada@mail.acme.co.uk"}, {"domain": "acme.co.uk"}),
        ({"email": "ada@gmail.com"}, {}),
        ({"email": "ada at acme.com"}, {}),
        ({"email": "www.acme.com"}, {}),
        ({"email": "ada@acme.com", "domain": "https://www.group.com/x"}, {"domain": "group.com"}),
        ({"email": "ada@acme.com", "domain": "our intranet"}, {}),
        ({"email": "ada@acme.com", "domain": " "}, {"domain": "acme.com"}),
        ({"email": "ada@gmail.com", "domain": "www.gmail.com"}, {"domain": None}),
        ({"email": "ada@gmail.com", "domain": ""}, {"domain": None}),
        ({"country": "germany", "phone": "030 2270"}, {"country": "DE", "phone": "+49302270"}),
        ({"country": "us", "phone": "(212) 736-5000"}, {"country": "US", "phone": "+12127365000"}),
        ({"country": "Atlantis", "phone": "(212) 736-5000"}, {}),
        ({"country": "??", "phone": "(212) 736-5000"}, {}),
        ({"phone": "(212) 736-5000"}, {}),
        ({"phone": "+1 (212) 736-5000"}, {"phone": "+12127365000"}),
        ({"job_title": " Chief   Nerd "}, {"job_title": "Chief Nerd", "seniority": "c_level"}),
        ({"job_title": "CEO", "seniority": "board"}, {}),
        ({"job_title": "CEO", "seniority": ""}, {"seniority": "c_level"}),
        ({"job_title": "Wizard"}, {}),
    ],
)  # fmt: skip
def test_a_record_is_cleaned(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert changes(Person("p-1", **fields)) == expected


def test_the_plan_of_people_without_a_country_can_be_given() -> None:
    assert changes(Person("p", phone="030 2270"), phone_country="de") == {"phone": "+49302270"}
    assert changes(Person("p", phone="030 2270", country="US"), phone_country="DE") == {}
    assert changes(Person("p", phone="030 2270", country="Atlantis"), phone_country="DE") == {}


def test_a_project_has_free_mail_of_its_own() -> None:
    assert changes(Person("p", email="a@acme.com"), free_mail=["ACME.com"]) == {}
    assert changes(Person("p", domain="acme.com"), free_mail="acme.com") == {"domain": None}


def test_only_the_fields_that_were_asked_for_are_cleaned() -> None:
    one = made(fields=["phone", "first_name"])
    assert one.writes == ("first_name", "phone")
    assert set(one.reads) == {"first_name", "country", "phone"}
    person = Person("p", first_name=" A", last_name=" B", country="Germany", phone="030 2270")
    # The country is not cleaned here, so it is no region.
    assert changes(person, fields=["phone", "first_name"]) == {"first_name": "A"}


def test_all_that_it_may_write_is_said() -> None:
    assert made().writes == FIELDS
    assert set(made().reads) == set(FIELDS)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"fields": ["emial"]}, "fields: 'emial' is no field to clean; did you mean 'email'?"),
        ({"phone_country": "Germany"}, "phone_country: write two letters"),
        ({"free_mail": 3}, "free_mail: give a list of texts, not 3"),
        ({"phone_contry": "DE"}, "no option named 'phone_contry'; did you mean 'phone_country'?"),
    ],
)
def test_a_wrong_option_is_explained(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ModelError) as caught:
        made(**options)
    assert any(expected in str(one) for one in caught.value.problems)


@pytest.mark.parametrize(
    ("module", "fields"),
    [
        ("email_validator", "email"),
        ("email_validator", "domain"),
        ("tldextract", "domain"),
        ("phonenumbers", "phone"),
        ("pycountry", "country"),
    ],
)
def test_a_missing_library_is_told_when_the_step_is_made(
    monkeypatch: pytest.MonkeyPatch, module: str, fields: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r"lifecycle-fsm\[clean\]"):
        made()
    with pytest.raises(MissingExtra):
        made(fields=fields)
    made(fields=["first_name", "seniority"])


TEXTS = st.none() | st.text() | st.text("aÄ.@- +0123:/") | st.emails()


@settings(max_examples=200)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, TEXTS)))
def test_whatever_was_written_nothing_fails_and_cleaning_twice_is_cleaning_once(
    fields: dict[str, Any],
) -> None:
    person = Person("p-1", **fields)
    once = made().run(person, NOW)
    assert set(once) <= set(FIELDS)
    for name, value in once.items():
        assert value is None or (isinstance(value, str) and value != fields.get(name))
        setattr(person, name, value)
    assert made().run(person, NOW) == {}
