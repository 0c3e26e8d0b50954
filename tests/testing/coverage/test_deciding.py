"""What a set of vectors shows of a condition, as a table."""

from __future__ import annotations

from itertools import product

import pytest

from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.guard import (
    Conditions,
    Guard,
    Opaque,
    Vocabulary,
    all_of,
    compile_guard,
    conditions,
    negate,
    parse_guard,
)
from lifecycle_fsm.proof import Domain, decides, solve
from lifecycle_fsm.testing.mcdc import Evidence, evidence

WORDS = Vocabulary(
    fields={**{name: FieldType("bool") for name in "abc"}, "n": FieldType("int", nullable=True)}
)
U, M = "unique cause", "masking"


def vector(text: str) -> int:
    """``"10-"``: the first holds, the second does not, the third was not asked."""
    count = len(text)
    return sum(
        1 << index if one == "1" else 1 << (count + index) if one == "-" else 0
        for index, one in enumerate(text)
    )


@pytest.mark.parametrize(
    ("text", "vectors", "decided"),
    [
        ("a and b", "", (None, None)),
        ("a and b", "11", (None, None)),
        ("a and b", "11 01", (U, None)),
        ("a and b", "11 01 10", (U, U)),
        ("a and b", "11 00", (None, None)),  # both are needed: neither was alone
        ("a or b", "00 10 01", (U, U)),
        ("a or b", "11 00", (None, None)),
        ("a and not b", "10 00 11", (U, U)),
        ("(a and b) or c", "110 010 100 001", (U, U, M)),
        ("(a and b) or c", "110 010 100 101", (U, U, U)),
        ("(a or b) and c", "101 001 010", (U, None, M)),
        # The same comparison twice is one condition.
        ("(a and b) or (not a and c)", "110 010", (U, None, None)),
        ("(a and b) or (not a and c)", "110 100 001 000", (None, U, U)),
        ("(a and b) or (not a and c)", "110 001", (None, None, None)),  # both held
    ],
)  # fmt: skip
def test_who_decided_alone(text: str, vectors: str, decided: tuple[str | None, ...]) -> None:
    parts = conditions(parse_guard(text), WORDS)
    seen = {vector(one) for one in vectors.split()}
    assert tuple(evidence(parts, seen, index).decided for index in range(len(decided))) == decided


def test_what_one_vector_shows_is_told() -> None:
    parts = conditions(parse_guard("a and b"), WORDS)
    assert evidence(parts, {vector("11")}, 0) == Evidence(True, False, True, None)
    assert evidence(parts, {vector("01")}, 0) == Evidence(False, True, False, None)
    assert evidence(parts, {vector("00"), vector("10")}, 0) == Evidence(True, True, False, None)


def test_a_callable_that_was_not_asked_shows_nothing() -> None:
    parts = conditions(parse_guard("a") & Opaque("wise", lambda person, now: True), WORDS)
    assert evidence(parts, {vector("0-")}, 1) == Evidence(False, False, False, None)
    # a decided only where it is known what wise would have said.
    assert evidence(parts, {vector("0-"), vector("11")}, 0).decided is None
    assert evidence(parts, {vector("0-"), vector("11"), vector("10")}, 1).decided == U


def deciding(parts: Conditions, index: int, holding: bool) -> Guard:
    """Holds for a person for whom the condition decides while it holds, or while it does not."""
    atom = parts.atoms[index]
    return all_of(atom if holding else negate(atom), decides(parts.guard, atom))


@pytest.mark.parametrize(
    "text", ["a and b or c", "(a or b) and not c", "a and (b or not c)", "n > 3 or n > 5 and a"]
)
def test_a_person_for_whom_it_decides_is_one(text: str) -> None:
    parts = conditions(parse_guard(text), WORDS)
    test = compile_guard(parse_guard(text), WORDS)
    domain = Domain(WORDS)
    for index, holding in product(range(len(parts.atoms)), (True, False)):
        answer = solve(deciding(parts, index, holding), domain)
        if not answer.found:
            assert text[0] == "n"
            assert index > 0  # above 5 is above 3: redundant
            continue
        values = {name: domain.start_of(name) for name in WORDS.fields} | dict(answer.person)
        person = type("Person", (), values)
        found = sum(
            1 << place
            for place, atom in enumerate(parts.atoms)
            if compile_guard(atom, WORDS)(person, domain.now)
        )
        assert parts.seen(found, index) is holding
        outcome = parts.outcome(found)
        assert outcome is test(person, domain.now)
        assert parts.outcome(parts.turned(found, index)) is (not outcome)


def test_a_condition_that_can_never_decide_is_refuted_on_one_side() -> None:
    parts = conditions(parse_guard("n > 3 or n > 5"), WORDS)
    assert solve(deciding(parts, 1, True), Domain(WORDS)).refuted
