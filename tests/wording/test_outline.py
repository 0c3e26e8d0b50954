"""A composed condition is a list whose indentation shows what belongs together."""

from __future__ import annotations

import attrs
import pytest

from lifecycle_fsm.guard import parse_guard
from lifecycle_fsm.model import Model, loads
from lifecycle_fsm.wording import Formatter, Phrase, outline
from tests.wording.phrases import MODEL


def flat(phrase: Phrase, depth: int = 0) -> list[str]:
    lines = [" " * depth + phrase.text]
    for part in phrase.parts:
        lines += flat(part, depth + 1)
    return lines


@pytest.fixture(scope="module")
def model() -> Model:
    return attrs.evolve(
        loads(MODEL),
        guard_labels={"fits": "fits our profile"},
        token_labels={"region": "home market"},
    )


@pytest.mark.parametrize(
    ("guard", "lines"),
    [
        ("hand_raised", ["hand raised"]),
        ("hand_raised and owner is known", ["hand raised and owner is known"]),
        ("hand_raised or owner is known", ["hand raised or owner is known"]),
        (
            "hand_raised and owner is known and employees >= 5",
            ["all of:", " hand raised", " owner is known", " 5 or more employees"],
        ),
        (
            "hand_raised and country in ['DE', 'FR']",
            ["all of:", " hand raised", " country is DE or FR"],
        ),
        (
            "hand_raised or owner is known and employees >= 5",
            ["any of:", " hand raised", " owner is known and 5 or more employees"],
        ),
        (
            "not (hand_raised and owner is known)",
            ["not all of:", " hand raised", " owner is known"],
        ),
        ("not (hand_raised or unsubscribed)", ["none of:", " hand raised", " unsubscribed"]),
        ("20 <= behavior_score and behavior_score <= 65", ["behavior score from 20 to 65"]),
        (
            "20 <= behavior_score and behavior_score <= 65 and (hand_raised or owner is known)",
            ["all of:", " behavior score from 20 to 65", " hand raised or owner is known"],
        ),
        (
            "country in $region and fits",
            ["country is on the list “home market” and fits our profile"],
        ),
        (
            "employees in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]",
            ["employees is 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 or 14"],
        ),
    ],
)
def test_a_condition_in_lines(model: Model, guard: str, lines: list[str]) -> None:
    phrase = outline(Formatter(model, whole=True), parse_guard(guard))
    assert phrase is not None
    assert flat(phrase) == lines


def test_what_always_holds_has_no_words(model: Model) -> None:
    assert outline(Formatter(model), parse_guard("always")) is None


def test_the_names_used_include_those_of_definitions(model: Model) -> None:
    model = attrs.evolve(
        model,
        guards={"fits": "at_home and employees >= 5", "at_home": "country in $region"},
        guard_labels={"fits": "fits our profile", "at_home": "is near"},
    )
    words = Formatter(model)
    assert words.names_used([parse_guard("fits")]) == (["fits", "at_home"], ["region"])
    assert words.names_used([parse_guard("country in $team")]) == ([], [])
