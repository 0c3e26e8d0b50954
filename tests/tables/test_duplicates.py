"""Records with the e-mail address of an earlier one (R57)."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

from lifecycle_fsm.person import Person
from lifecycle_fsm.tables import Duplicate, duplicates

DAY = datetime(2024, 5, 1, tzinfo=UTC)


def person(id: str, email: str | None, day: int | None = 1) -> Person:
    return Person(id, email=email, created_at=None if day is None else DAY.replace(day=day))


def test_each_record_is_paired_with_the_first_of_its_address() -> None:
    people = [
        person("a", "Ann@x.example", 3),
        person("b", " ann@X.example", 2),
        person("c", "ann@\tx.example", 2),
        person("d", "bo@x.example"),
        person("e", None),
        person("f", " "),
        person("g", None),
        person("h", "ß@x.example", None),
        person("i", "SS@x.example", 4),
    ]
    expected = [
        ("ann@x.example", "b", "c"),
        ("ann@x.example", "b", "a"),
        ("ss@x.example", "i", "h"),
    ]
    assert [(one.email, one.person, one.duplicate) for one in duplicates(people)] == expected
    for mixed in list(permutations(people))[::40_000]:
        assert [(one.email, one.person, one.duplicate) for one in duplicates(mixed)] == expected


def test_a_pair_says_when_both_were_created() -> None:
    first, second = person("x", "x@x.example", 1), person("w", "x@x.example", 2)
    assert duplicates([second, first]) == [
        Duplicate("x@x.example", "x", DAY, "w", DAY.replace(day=2))
    ]
    assert duplicates([]) == []
