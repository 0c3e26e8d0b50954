"""One document in each form: what every block becomes, and that no text turns into markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lifecycle_fsm.document import render_html, render_markdown, render_text
from lifecycle_fsm.document.blocks import (
    Alternatives,
    Block,
    BulletList,
    DataTable,
    Document,
    Group,
    Inline,
    KeyValue,
    KeyValues,
    Lines,
    ListItem,
    Paragraph,
    Picture,
    Section,
    Signatures,
    TableRow,
    Timeline,
    TimelineEvent,
    as_text,
)
from lifecycle_fsm.wording import clean
from tests.sheet.pages import Node, parsed

RENDERER = MarkdownIt("commonmark").enable("table").enable("strikethrough")
STRONG = Inline("much", "strong")

#: A block, as Markdown, as plain text, and the text of the elements of a page.
BLOCKS: list[tuple[Block, str, str, list[tuple[str, list[str]]]]] = [
    (
        Paragraph(("so ", STRONG, " ", Inline("a_b", "code"), " ", Inline("by hand", "tag"))),
        "so **much** `a_b` (by hand)",
        "so much a_b by hand",
        [("b", ["much"]), ("code", ["a_b"]), ("span", ["by hand"])],
    ),
    (Lines(("one", "two")), "one  \ntwo", "one\ntwo", [("br", [""])]),
    (
        BulletList([ListItem("a", (ListItem("b"),)), "c"]),
        "- a\n  - b\n- c",
        "a\n  b\nc",
        [("li", ["a b", "b", "c"])],
    ),
    (BulletList(["a", "b"], ordered=True), "1. a\n2. b", "a\nb", [("ol", ["a b"])]),
    (
        DataTable(
            head=("name", "count"),
            rows=[("a", "1"), TableRow(("bb", (Paragraph("2"), BulletList(["x", "y"]))))],
            align="right",
            title="Title",
            caption="Caption.",
        ),
        "## Title\n\nCaption.\n\n| name | count |\n| --- | ---: |\n| a | 1 |\n| bb | 2<br>x<br>y |",
        "Title\nCaption.\nname    count\na           1\nbb    2; x; y",
        [("caption", ["Title Caption."]), ("th", ["name", "count"])],
    ),
    (
        DataTable(head=("a", "b"), rows=[("x", "")]),
        "| a | b |\n| --- | --- |\n| x | – |",
        "a  b\nx  –",
        [("th", ["a"]), ("td", ["x"])],
    ),
    (
        DataTable(head=("a",), rows=[], title="Who", caption="0 people.", empty="Nobody."),
        "## Who\n\n0 people.",
        "Who\n0 people.",
        [("p", ["Who Nobody. 0 people."])],
    ),
    (
        KeyValues([KeyValue("Name", "value"), KeyValue("Other", "more")]),
        "- **Name**: value\n- **Other**: more",
        "Name: value\nOther: more",
        [("dt", ["Name", "Other"]), ("dd", ["value", "more"])],
    ),
    (
        Timeline([TimelineEvent(("1 May", "to 3 May"), "Visits.", ("→ MQL.",))]),
        "- **1 May to 3 May** Visits.\n  - → MQL.",
        "            1 May  Visits.\n         to 3 May  → MQL.",
        [("b", ["1 May to 3 May"])],
    ),
    (
        Picture(title="The way", svg="<svg></svg>", link="a b.svg"),
        "![The way](a%20b.svg)",
        "[picture: The way]",
        [("svg", [""])],
    ),
    (
        Picture(title="The way", mermaid="flowchart LR\n"),
        "```mermaid\nflowchart LR\n```",
        "[picture: The way]",
        [],
    ),
    (
        Signatures(("Sales",)),
        "|  | Name | Signature | Date |\n| --- | --- | --- | --- |\n| For sales |  |  |  |",
        f"For sales: {'_' * 40}",
        [("span", ["For sales: name", "Signature", "Date"])],
    ),
    (
        Group(style="pair", blocks=[Paragraph("a"), Paragraph("b")]),
        "a\n\nb",
        "a\n\nb",
        [("p", ["a", "b"])],
    ),
    (
        Alternatives(page=(Paragraph("wide"),), text=(Paragraph("long"),)),
        "long",
        "long",
        [("p", ["wide"])],
    ),
    (
        Section(title="Part", note="Note.", blocks=[Section(title="Sub", blocks=[Paragraph("x")])]),
        "## Part\n\nNote.\n\n\n### Sub\n\nx",
        "\nPART\n  Note.\n\nSub\n  x",
        [("h2", ["Part"]), ("h3", ["Sub"])],
    ),
]
IDS = [type(block).__name__ for block, *_ in BLOCKS]


@pytest.mark.parametrize(("block", "markdown", "text", "page"), BLOCKS, ids=IDS)
def test_a_block_in_each_form(
    block: Block, markdown: str, text: str, page: list[tuple[str, list[str]]]
) -> None:
    document = Document(title="T", blocks=[block])
    assert render_markdown(document) == f"# T\n\n{markdown}\n"
    assert render_text(document, 100) == f"T\n{text}\n"
    (main,) = parsed(render_html(document, title="T", style="")).all("main")
    for tag, texts in page:
        assert [_text(node) for node in main.all(tag)] == texts


def test_the_head_of_a_document() -> None:
    facts = (KeyValue("Model", Inline("m", "strong")), KeyValue("As of", "today"))
    links = (("part", "The part"),)
    part = Section(title="Part", id="part", blocks=[Paragraph("x")])
    document = Document(title="T", lead="About.", facts=facts, links=links, blocks=[part])
    assert render_markdown(document).startswith(
        "# T\n\nAbout.\n\nModel **m** · as of today\n\n## Part"
    )
    assert render_text(document, 100) == "T\nAbout.\nModel: m\nAs of: today\n\nPART\n  x\n"
    page = parsed(render_html(document, title="The T", style="p {}", sizes={"first": "8pt"}))
    assert page.all("title")[0].text == "The T"
    assert page.all("body")[0].attributes["style"] == "--first: 8pt"
    assert [link.attributes["href"] for link in page.all("a")] == ["#part"]
    assert page.all("section")[0].attributes["id"] == "part"


def test_details_and_colours_are_marked_on_a_page() -> None:
    paragraph = Paragraph((Inline("CRM", "own", "#123456"), Inline("more", detail=True)))
    page = parsed(render_html(Document(title="T", blocks=[paragraph]), title="T", style=""))
    owner, detail = page.all("main")[0].all("span")
    assert owner.attributes == {"class": "own", "style": "--own: #123456"}
    assert detail.attributes == {"class": "screen"}


def test_the_lines_of_a_text_are_wrapped_between_60_and_100_characters() -> None:
    document = Document(title="T", blocks=[Paragraph("word " * 60)])
    for width, most in ((10, 60), (80, 80), (500, 100)):
        lines = render_text(document, width).splitlines()
        assert most - 5 < max(map(len, lines)) <= most


EVIL = "<b class='x'>&amp; *a* | [b](c)"


def test_markup_in_a_text_is_text_in_every_block() -> None:
    blocks: list[Block] = [
        Paragraph(EVIL),
        Lines((EVIL,)),
        BulletList([ListItem(EVIL, (ListItem(EVIL),))]),
        DataTable(head=(EVIL,), rows=[(EVIL,)], title=EVIL, caption=EVIL),
        KeyValues([KeyValue(EVIL, EVIL)]),
        Timeline([TimelineEvent((EVIL,), EVIL, (EVIL,))]),
        Section(title=EVIL, note=EVIL, id="part", blocks=[]),
    ]
    page = parsed(render_html(Document(title=EVIL, blocks=blocks), title=EVIL, style=""))
    for found in (page.all("main")[0], _rendered(*blocks)):
        assert found.text.count(EVIL) == 15
        assert not [node for node in found.walk() if "x" in node.attributes.get("class", "")]
        assert not found.all("em", "a")


def test_what_only_a_screen_shows_can_be_left_out() -> None:
    line = Paragraph(("a", Inline("b", detail=True), "c")).text
    assert (as_text(line), as_text(line, details=False)) == ("abc", "ac")


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=30).map(clean)


@given(TEXTS)
def test_any_text_comes_out_of_markdown_as_it_went_in(words: str) -> None:
    text = f"x{words}"
    table = DataTable(head=("a",), rows=[(text,)])
    page = _rendered(table, BulletList([text]), Paragraph(words), BulletList([words]))
    assert _text(page.all("td")[0]) == _text_of(text)
    assert _text(page.all("li")[0]) == _text_of(text)
    assert _text_of(page.text).endswith(_text_of(f"{words} {words}"))
    assert not page.all("em", "strong", "a", "code", "img", "s", "hr", "h2")


@given(TEXTS)
def test_any_text_comes_out_of_a_page_as_it_went_in(words: str) -> None:
    paragraph = Paragraph((f"x{words}", Inline(words, "strong"), Inline(words, "own", "#fff")))
    page = parsed(render_html(Document(title=words, blocks=[paragraph]), title=words, style=""))
    assert _text(page.all("main")[0]) == _text_of(f"x{words}{words}{words}")
    assert _text(page.all("h1")[0]) == _text_of(words)


def test_what_stands_out_is_bold_in_markdown() -> None:
    page = _rendered(Paragraph(Inline("a*b“Ask:”", "strong")))
    assert [node.text for node in page.all("strong")] == ["a*b“Ask:”"]
    assert render_markdown(Document(title="T", blocks=[Paragraph(Inline("", "strong"))])) == "# T\n"


def _rendered(*blocks: Block) -> Node:
    return parsed(RENDERER.render(render_markdown(Document(title="T", blocks=blocks))))


def _text(node: Node) -> str:
    return _text_of(node.text)


def _text_of(text: str) -> str:
    return " ".join(text.split())
