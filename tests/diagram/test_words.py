"""What is measured without a renderer is never narrower than what Graphviz measures."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.diagram.canvas import Canvas, Span
from lifecycle_fsm.diagram.layout_dot import layout_dot
from lifecycle_fsm.diagram.render import layout
from lifecycle_fsm.diagram.text_fit import cut, whole, width, words, words_fit, wrap
from lifecycle_fsm.wording import clean

LETTERS = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x5FF, exclude_categories=("Cc", "Cn", "Cs")),
    max_size=24,
)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(st.lists(LETTERS.map(clean).filter(bool), min_size=1, max_size=8), st.booleans())
def test_graphviz_never_measures_more(texts: list[str], bold: bool) -> None:
    canvas = Canvas("w")
    for index, text in enumerate(texts):
        canvas.text(20, 20 + 40 * index, [Span(text, bold)])
    nodes = [
        node for node in layout(layout_dot(canvas.trim(800, 400)))["objects"] if "_ldraw_" in node
    ]
    measured = [
        operation["width"]
        for node in nodes
        for operation in node["_ldraw_"]
        if operation["op"] == "T"
    ]
    for text, measure in zip(texts, measured, strict=True):
        assert measure <= width(text, 9, bold=bold) + 1.5, text


@given(LETTERS, st.floats(20, 300), st.integers(1, 4))
def test_a_limited_number_of_lines_fits_and_loses_nothing_unless_it_is_cut(
    text: str, room: float, lines: int
) -> None:
    wrapped = wrap(text, room, 12, lines=lines)
    assert 1 <= len(wrapped) <= lines
    assert all(width(line, 12) <= room or line == "…" for line in wrapped)
    if not any("…" in line for line in wrapped):
        assert "".join(wrapped).replace(" ", "") == clean(text).replace(" ", "")


WORDS = st.lists(st.text("abyzäß商机ליד-/,.", min_size=1, max_size=14), min_size=1, max_size=12)


@given(WORDS.map(" ".join), st.floats(20, 300), st.floats(10, 300))
def test_no_word_is_broken_and_nothing_is_lost(text: str, room: float, first: float) -> None:
    wrapped = wrap(text, room, 12, first=min(first, room))
    left = words(text)
    assert "".join(wrapped).replace(" ", "") == text.replace(" ", "")
    for line in wrapped:
        assert width(line, 12) <= room or line in {word.strip() for word in left}
        rest = line
        while rest:  # every line is made of whole words
            word = left.pop(0).strip()
            assert rest.startswith(word)
            rest = rest.removeprefix(word).lstrip()
    assert not left
    fitting = all(width(word.strip(), 12) <= room for word in words(text))
    assert words_fit(text, room, 12) == fitting
    for lines in (1, 2, len(wrapped)):
        expected = wrapped if fitting and len(wrapped) <= lines else None
        assert whole(text, room, 12, lines=lines, first=min(first, room)) == expected


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Sales Accepted Lead", ["Sales", " Accepted", " Lead"]),
        ("Marketing-qualifiziert", ["Marketing-", "qualifiziert"]),
        ("MQL/SQL 2024-01-15", ["MQL/", "SQL", " 2024-01-15"]),
        ("商机 ok", ["商", "机", " ok"]),
        ("e-mail", ["e-mail"]),
        ("", [""]),
    ],
)
def test_a_line_may_end_between_words(text: str, pieces: list[str]) -> None:
    assert words(text) == pieces


def test_a_cut_text_ends_with_an_ellipsis() -> None:
    assert cut("Marketing Qualified Lead", 74, 12) == "Marketing…"
    assert cut("MQL", 60, 12) == "MQL"
