"""Text for people: cleaned, joined, counted."""

from __future__ import annotations

import json

import pytest

from lifecycle_fsm.wording import clean, counted, harmless, joined, plain, sentence


@pytest.mark.parametrize(
    ("name", "said"), [("mql_threshold", "MQL threshold"), ("sdr_team", "SDR team"), ("a_b", "a b")]
)
def test_a_name_is_words(name: str, said: str) -> None:
    assert plain(name) == said


@pytest.mark.parametrize(
    ("parts", "said"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_parts_are_joined(parts: list[str], said: str) -> None:
    assert joined(parts) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Ann  Lee\t\n of Acme ", "Ann Lee of Acme"),
        ("a\x00b\x1bc", "a b c"),
        ("left\u202eright\ue000", "left right"),
        ("Zoë – 50 %", "Zoë – 50 %"),
        ("\ud800", ""),
    ],
)
def test_a_clean_text_is_one_line_that_xml_takes(text: str, said: str) -> None:
    assert clean(text) == said
    assert clean(said) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Ann\tLee\nof Acme", "Ann\tLee\nof Acme"),
        ("a\x1b[31m\x07\rb", r"a\u001b[31m\u0007\u000db"),
        ("\x9b1m \u202eleft", r"\u009b1m \u202eleft"),
        ("Zoë שלום 👩\u200d🚀", "Zoë שלום 👩\u200d🚀"),
    ],
)
def test_a_harmless_text_steers_no_terminal(text: str, said: str) -> None:
    assert harmless(text) == said
    assert json.loads(harmless(json.dumps(text, ensure_ascii=False))) == text


@pytest.mark.parametrize(
    ("count", "nouns", "said"),
    [
        (0, ["row"], "0 rows"),
        (1, ["row"], "1 row"),
        (8000, ["row"], "8,000 rows"),
        (1, ["person", "people"], "1 person"),
        (2, ["person", "people"], "2 people"),
    ],
)
def test_things_are_counted(count: int, nouns: list[str], said: str) -> None:
    assert counted(count, *nouns) == said


def test_a_sentence_begins_with_a_capital() -> None:
    assert sentence("hand raised by an MQL") == "Hand raised by an MQL"
    assert sentence("") == ""
