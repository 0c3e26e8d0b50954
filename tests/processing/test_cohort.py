"""Step 050: a hash that must never change [S16]."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle_fsm.errors import ModelError
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.person import BASE_FIELDS, Person
from lifecycle_fsm.processing import stable_choice
from lifecycle_fsm.processing.cohort import group_of, make
from lifecycle_fsm.processing.step import BuiltStep, Options, Resources
from lifecycle_fsm.stable_hash import bucket, stable_number

TYPES: Mapping[str, FieldType] = {name: one.type for name, one in BASE_FIELDS.items()}

# BuiltStep outside of Python: printf %s "seed:id" | sha256sum | cut -c1-15, as hexadecimal.
VECTORS = [
    ("2024", "p-1", 827_559_232_847_864_498),
    ("waterfall", "p-1", 691_576_806_813_508_805),
    ("waterfall", "p-2", 801_316_821_830_639_311),
    ("", "", 1_043_357_887_036_449_023),
    ("welcome", "Zoë", 1_008_885_775_406_582_200),
    ("a:b", "c", 796_820_816_280_702_964),
    ("s", "00Q5e00001AbCdE", 168_161_576_751_756_964),
]


def made(types: Mapping[str, FieldType] = TYPES, **options: Any) -> BuiltStep:
    return make(Options(options), Resources(types=types))


def cohort(person: Person, **options: Any) -> object:
    return made(**options).run(person, None).get("cohort")  # type: ignore[arg-type]


@pytest.mark.parametrize(("seed", "person", "number"), VECTORS)
def test_the_number_of_a_person_is_what_it_was(seed: str, person: str, number: int) -> None:
    assert stable_number(seed, person) == number
    assert bucket(seed, person) == number % 10_000
    assert stable_choice("abc", seed, person) == "abc"[number % 3]


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_the_number_fits_a_signed_integer_of_64_bits(seed: str, person: str) -> None:
    assert 0 <= stable_number(seed, person) < 2**60


def test_a_seed_may_be_a_number() -> None:
    assert stable_number(2024, "p-1") == stable_number("2024", "p-1")


def test_the_groups_have_their_shares() -> None:
    count = Counter(
        group_of({"control": 10, "test": 90}, "welcome", f"person-{n}") for n in range(20_000)
    )
    # Four standard deviations of 20 000 draws at one in ten.
    assert abs(count["control"] - 2_000) < 170
    assert count["control"] + count["test"] == 20_000


def test_two_tests_do_not_put_the_same_people_together() -> None:
    groups = {"a": 50, "b": 50}
    both = Counter(
        (group_of(groups, "first", f"p{n}"), group_of(groups, "second", f"p{n}"))
        for n in range(10_000)
    )
    assert all(
        abs(both[pair] - 2_500) < 200 for pair in [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")]
    )


@pytest.mark.parametrize(
    ("groups", "edges"),
    [
        (
            {"a": 1, "b": 1, "c": 1},
            {0: "a", 3333: "a", 3334: "b", 6666: "b", 6667: "c", 9999: "c"},
        ),
        ({"control": 10, "test": 90}, {0: "control", 999: "control", 1000: "test", 9999: "test"}),
    ],
)
def test_a_bucket_is_in_the_group_that_integers_say(
    groups: dict[str, int], edges: dict[int, str]
) -> None:
    # A person for each edge is found by looking, so that the edges are met for sure.
    found: dict[int, str] = {}
    for number in range(400_000):
        place = bucket("edges", str(number))
        if place in edges:
            found[place] = group_of(groups, "edges", str(number))
            if found.keys() == edges.keys():
                break
    assert found == edges


@pytest.mark.parametrize(
    "groups", [{"control": 10, "test": 90}, {"a": 1, "b": 1, "c": 1}, {"x": 7}]
)
def test_sql_gives_the_same_groups(groups: dict[str, int]) -> None:
    total, end, cases = sum(groups.values()), 0, ""
    for name in sorted(groups):
        end += groups[name]
        cases += f" WHEN (n % 10000) * {total} < 10000 * {end} THEN '{name}'"
    with closing(sqlite3.connect(":memory:")) as connection:
        for number in range(500):
            person = f"p-{number}"
            (found,) = connection.execute(
                f"SELECT CASE {cases} END FROM (SELECT ? AS n)", [stable_number("s", person)]
            ).fetchone()
            assert found == group_of(groups, "s", person)


def test_the_order_in_which_groups_are_written_does_not_matter() -> None:
    for number in range(200):
        assert group_of({"control": 10, "test": 90}, "s", str(number)) == group_of(
            {"test": 90, "control": 10}, "s", str(number)
        )


def test_a_group_without_weight_is_empty() -> None:
    found = {group_of({"a": 0, "b": 5, "c": 0}, "s", str(number)) for number in range(500)}
    assert found == {"b"}


def test_the_step_draws_by_the_id_and_keeps_what_was_drawn() -> None:
    options: dict[str, Any] = {"seed": "welcome", "groups": {"control": 10, "test": 90}}
    for number in range(50):
        person = Person(f"p-{number}", email="a@b.com")
        assert cohort(person, **options) == group_of(
            {"control": 10, "test": 90}, "welcome", person.id
        )
    assert cohort(Person("p-1", cohort="vip"), **options) is None
    one = made(**options)
    assert (one.reads, one.writes) == (("id", "cohort"), ("cohort",))


def test_a_round_robin_is_even() -> None:
    team = ["ada", "grace", "mary"]
    count = Counter(stable_choice(team, "north", f"p-{number}") for number in range(9_000))
    assert all(abs(count[name] - 3_000) < 180 for name in team)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"groups": {"a": 1}}, "seed: give a text that no other test uses"),
        ({"seed": "", "groups": {"a": 1}}, "seed: give a text that no other test uses"),
        ({"seed": "s"}, "groups: name the groups with their weights"),
        ({"seed": "s", "groups": {"a": 0}}, "groups: name the groups with their weights"),
        ({"seed": "s", "groups": {"a": 0.5}}, "the weight of 'a' is a whole number, not 0.5"),
        ({"seed": "s", "groups": {"a": -1}}, "the weight of 'a' is a whole number, not -1"),
        ({"seed": "s", "groups": {"a": True}}, "the weight of 'a' is a whole number, not True"),
        ({"seed": "s", "groups": ["a"]}, "groups: give a table"),
        ({"sead": "s"}, "no option named 'sead'; did you mean 'seed'?"),
    ],
)
def test_a_wrong_option_is_explained(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ModelError) as caught:
        made(**options)
    assert any(expected in str(one) for one in caught.value.problems), caught.value


def test_a_group_must_be_a_value_that_the_field_takes() -> None:
    types = {**TYPES, "cohort": FieldType("str", True, choices=("control", "test"))}
    with pytest.raises(ModelError, match="'tset' is none of 'control', 'test'"):
        made(types, seed="s", groups={"control": 1, "tset": 1})
