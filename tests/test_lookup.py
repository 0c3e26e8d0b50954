"""Somebody is found by id, e-mail address or name (R53)."""

from __future__ import annotations

import pytest

from lifecycle_fsm import Lifecycle
from lifecycle_fsm.people_search import look_up, nearest
from lifecycle_fsm.person import Person

PEOPLE = [
    Person("p-1", first_name="Ann", last_name="Lee", company="Acme", email="Ann@Acme.example"),
    Person("p-2", first_name="Bo", last_name="Lee", company="Lumen"),
    Person("p-3", first_name="Ann", last_name="van der Berg", company="Lumen"),
    Person("Lee", last_name="Other"),
    Person("p-5", company="Lee"),
]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("p-1", ["p-1"]),
        ("P-1", ["p-1"]),
        (" p-1 ", ["p-1"]),
        ("ann@acme.example", ["p-1"]),
        ("ANN@ACME.EXAMPLE", ["p-1"]),
        ("Lee", ["Lee"]),
        ("lee", ["Lee"]),
        ("ann", ["p-1", "p-3"]),
        ("ann lee", ["p-1"]),
        ("Lee, Ann", ["p-1"]),
        ("berg van der", ["p-3"]),
        ("ann lumen", ["p-3"]),
        ("lumen", []),
        ("an", []),
        ("nobody", []),
        ("", []),
        (" , ", []),
    ],
)
def test_who_is_meant(text: str, ids: list[str]) -> None:
    assert [one.id for one in look_up(text, PEOPLE)] == ids


def test_who_is_like_that_is_suggested() -> None:
    assert nearest("p-11", PEOPLE[:1]) == "; did you mean 'p-1' (Ann Lee, Acme)?"
    assert nearest("an lee", PEOPLE[:1]) == "; did you mean 'p-1' (Ann Lee, Acme)?"
    assert nearest("ann@acme.exmple", PEOPLE[:1]) == "; did you mean 'p-1' (Ann Lee, Acme)?"
    assert nearest("zzz", PEOPLE) == ""


def test_a_lifecycle_finds_its_people() -> None:
    lifecycle = Lifecycle("two_step")
    for one, email in (("p1", "ann@acme.example"), ("p2", "bo@acme.example"), ("p3", None)):
        lifecycle.admit(one, at="2024-05-01T09:00Z", first_name="Ann", email=email)
    assert [one.id for one in lifecycle.find("ann")] == ["p1", "p2", "p3"]
    assert lifecycle.find("BO@acme.example") == (lifecycle.person("p2"),)
    assert lifecycle.find("zoe") == ()
    lifecycle.apply("p1", "merged", at="2024-05-02T09:00Z", loser="p2")
    assert lifecycle.find("p2") == lifecycle.find("bo@acme.example") == (lifecycle.person("p1"),)
    assert [one.id for one in lifecycle.find("ann")] == ["p1", "p3"]
