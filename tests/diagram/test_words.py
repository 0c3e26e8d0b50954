"""What is measured without a renderer is never narrower than what Graphviz measures."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle_fsm.diagram.canvas import Canvas, Span
from lifecycle_fsm.diagram.layout_dot import layout_dot
from lifecycle_fsm.diagram.render import layout
from lifecycle_fsm.diagram.text_fit import cut, width, wrap
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
def test_wrapped_lines_fit_and_nothing_is_lost_unless_it_is_cut(
    text: str, room: float, lines: int
) -> None:
    wrapped = wrap(text, room, 12, lines=lines)
    assert 1 <= len(wrapped) <= lines
    assert all(width(line, 12) <= room or len(line) <= 2 for line in wrapped)
    if not any("…" in line for line in wrapped):
        kept = "".join(wrapped).replace(" ", "").replace("-", "")
        assert kept == clean(text).replace(" ", "").replace("-", "")


def test_a_cut_text_ends_with_an_ellipsis() -> None:
    assert cut("Marketing Qualified Lead", 74, 12) == "Marketing…"
    assert cut("MQL", 60, 12) == "MQL"
