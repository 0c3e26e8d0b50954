"""Text of a model, of a history or of a caller is text in a picture, whatever stands in it."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import attrs
import pygraphviz
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lifecycle_fsm import (
    FieldDef,
    FieldType,
    Model,
    Move,
    SortRule,
    Stage,
    StepDef,
    p,
    t,
)
from lifecycle_fsm.demo.histories import history
from lifecycle_fsm.diagram import (
    draw_coverage,
    draw_difference,
    draw_funnel,
    draw_model,
    draw_person,
    draw_processing,
)
from lifecycle_fsm.diagram import text_fit as words
from lifecycle_fsm.diagram.canvas import Canvas
from lifecycle_fsm.diagram.drawing import Drawing
from lifecycle_fsm.diagram.graph import Graph
from lifecycle_fsm.diagram.render import layout
from lifecycle_fsm.funnel import count
from lifecycle_fsm.sheet import make_sheet
from lifecycle_fsm.wording import clean
from tests.diagram.test_drawio import Html

SVG = "{http://www.w3.org/2000/svg}"

PIECES = [
    '<x>, URL="javascript:alert(1)", comment=<y>',
    '<x>, image="secret.png", shapefile="secret.png", comment=<y>',
    '<x>]; graph [stylesheet="http://127.0.0.1/a.css"]; evil [label="evil", tooltip=<y>',
    '"]; evil -> worse; "',
    '", URL="javascript:alert(1)", x="',
    'image="',
    "<b>bold</b><br/><img src='secret.png'/>",
    "</font></td></tr></table>>, URL=x, label=<<table>",
    "<only an arrow> in words <here>",
    "</text><script>alert(1)</script>",
    "]]><script>alert(1)</script><!--",
    "--><!--",
    "&lt;b&gt; &amp; &#65; &copy; &nosuch; &",
    "\\N \\G \\E \\T \\H \\L \\l \\r \\n",
    "\\\\server\\verträge\\übergabe\\",
    'quoted \\" and \\\\" and \\',
    "a:b:n", "node", "edge [", "graph {", "subgraph x {", "digraph", "strict", "# c", "// c /* c",
    "%3", "{a|b}", "it's $5 `code` ;",
    "%%{init: {'theme': 'dark'}}%%", 'click s_mal href "javascript:alert(1)"',
    "--> ]) }} |x| end", "---", "#quot; #35;",
    "\x00\x01\x07\x1b[31m\x1b]0;t\x07\x7f\x85\x9b", "a\nb\r\nc\td\u2028e",
    "\ufffe\uffff\ufdd0", "\u202eright\u202c \u200f\u200e\u2066x\u2069", "e\u0301\u0302 שלום 🚀",
    "w" * 3000, "word " * 600,
]  # fmt: skip
HOSTILE = st.lists(
    st.sampled_from(PIECES) | st.text(st.characters(codec="utf-8"), max_size=8), max_size=3
).map(
    # A letter to begin with: an empty title is one that nobody gave, and has a default.
    lambda parts: "x" + "".join(parts)
)
#: What a history, or a caller, may bring besides: it is not read from a file of text.
RAW = st.sampled_from(["", "\ud800", "\udfff<x>\ud83d"]).flatmap(
    lambda extra: HOSTILE.map(lambda text: text + extra)
)
PLACES = (
    "name title description code label stage_title group stage_description playbook system owner "
    "sort move asked step field token option constant prefix"
).split()
PLAIN = dict.fromkeys(PLACES, "x")


def model(text: Mapping[str, str]) -> Model:
    """A small model of all there is to draw, with a text in each place for one."""
    stages = [
        Stage(
            name,
            code=text["code"],
            label=text["label"],
            title=text["stage_title"],
            description=text["stage_description"],
            playbook=text["playbook"],
            group=text["group"] if name == "node" else "other",
            system=text["system"] if name != "edge" else "",
            off_path=name in ("graph", "strict"),
        )
        for name in ("new", "node", "edge", "subgraph", "graph", "strict")
    ]
    words: dict[str, Any] = {"label": text["move"], "system": text["system"]}
    named = p.source.is_in([text["option"], "other"]) | (p.source == t.word)
    return Model(
        name=text["name"],
        title=text["title"],
        description=text["description"],
        stages=stages,
        systems={text["system"]: text["owner"]},
        fields=[FieldDef("plan", FieldType("str"), label=text["field"])],
        tokens={"word": text["token"]},
        sort=[
            SortRule(name="first", target="graph", when=p.plan == text["constant"],
                     label=text["sort"], system=text["system"]),
            SortRule(name="all", target="node", when="otherwise", label=text["sort"]),
        ],
        moves=[
            Move(name="step", sources="node", target="edge", when=named, **words),
            Move(name="last", sources="edge", target="subgraph", on="asked", **words),
            Move(name="fast", sources="node", target="subgraph", skips="passed_over",
                 when=p.plan.starts_with(text["prefix"]), **words),
            Move(name="leave", sources=("node", "edge"), target="graph", on="gone", **words),
            Move(name="aside", sources="graph", target="strict", on="gone", **words),
            Move(name="back", sources="graph", target="node", when=p.plan.is_known(), **words),
        ],
        processing=[StepDef(number=10, name="own", label=text["step"], on_failure="park")],
    )  # fmt: skip


def drawings(text: Mapping[str, str], raw: str) -> Iterator[Drawing]:
    """Every picture of the model."""
    drawn = model(text)
    rows = list(history(drawn, 12))
    yield draw_model(drawn)
    yield draw_model(drawn, title=raw)
    yield draw_funnel(drawn, count(rows, drawn))
    yield draw_coverage(drawn, {("step", "node"): 1}, subtitle=raw)
    yield draw_processing(drawn, title=raw)
    yield draw_model(drawn, focus="node")
    yield draw_difference(drawn, attrs.evolve(drawn, moves=drawn.moves[1:]), title=raw)
    path = [attrs.evolve(row, person=raw) for row in rows if row.person == rows[0].person]
    path[1:] = [attrs.evolve(row, rule=raw, trigger=raw) for row in path[1:]]
    yield draw_person(drawn, path)


def structure(drawing: Drawing) -> Counter[tuple[str, ...]]:
    """The boxes and lines of a picture; of its words there may be more or fewer lines."""
    laid_out = layout(drawing.layout)
    things, lines = laid_out.get("objects", []), laid_out.get("edges", [])
    assert set().union(*(thing.keys() for thing in (*things, *lines))) <= KEYS
    names = {thing["_gvid"]: _kind(thing["name"]) for thing in things}
    counts = Counter(
        (names[thing["_gvid"]], thing.get("shape", ""), thing.get("style", ""))
        for thing in things
        if names[thing["_gvid"]] != "_t"
    )
    return counts + Counter((names[line["tail"]], names[line["head"]]) for line in lines)


def _kind(name: str) -> str:
    """The name of a stage, or what the canvas numbers: a box, a text, an end of a line."""
    return re.sub(r"\d+$", "", name) if name.startswith("_") else name


KEYS = set(
    "_gvid name nodes edges subgraphs bb pos width height shape style fillcolor color penwidth "
    "label tooltip fontname fixedsize margin dir arrowsize head tail compound layout outputorder "
    "bgcolor pad lwidth lheight lp _draw_ _ldraw_ _hdraw_ _tdraw_ _background".split()
)
TAGS = {
    f"{SVG}{tag}"
    for tag in "svg g title desc style text polygon polyline path ellipse rect".split()
}


def check_svg(drawing: Drawing) -> ElementTree.Element:
    """Nothing in the SVG runs, or is fetched."""
    root = ElementTree.fromstring(drawing.svg())
    for element in root.iter():
        assert element.tag in TAGS
        for key, value in element.attrib.items():
            name = key.rpartition("}")[2].lower()
            assert not name.startswith("on")
            assert name not in ("href", "src", "style")
            assert key == "aria-label" or not re.search(r"(?i)script:|url\(|http", value)
    (style,) = root.iter(f"{SVG}style")
    assert not re.search(r"(?i)url|import|<|expression", style.text or "")
    return root


@settings(
    max_examples=25, deadline=None, derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # shrinking takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(st.fixed_dictionaries(dict.fromkeys(PLACES, HOSTILE)), RAW)
def test_no_text_becomes_structure(text: dict[str, str], raw: str) -> None:
    for drawing, (plain, expected) in zip(drawings(text, raw), plain_drawings(), strict=True):
        check_svg(drawing)
        check_mermaid(drawing, plain)
        assert structures(drawing) == expected
        drawing.layout.encode()
        assert drawing.title == clean(drawing.title)
        assert drawing.description == clean(drawing.description)


@pytest.mark.parametrize("piece", [piece for piece in PIECES if clean(piece)])
def test_no_text_becomes_structure_where_it_stands_alone(piece: str) -> None:
    drawing = draw_model(model(dict.fromkeys(PLACES, piece)))
    plain, expected = plain_drawings()[0]
    root = check_svg(drawing)
    check_mermaid(drawing, plain)
    assert structures(drawing) == expected
    check_slide(drawing)
    (label, *_) = told(root)
    assert clean(piece) in label, "in the words of its stage"


def structures(drawing: Drawing) -> tuple[Counter[tuple[str, ...]], ...]:
    """What a picture is made of, in each of its forms."""
    return structure(drawing), graph_structure(drawing), cell_structure(drawing)


@cache
def plain_drawings() -> list[tuple[Drawing, tuple[Counter[tuple[str, ...]], ...]]]:
    """Every picture of the model with harmless texts, and what it is made of."""
    return [(drawing, structures(drawing)) for drawing in drawings(PLAIN, "x")]


def told(root: ElementTree.Element) -> list[str]:
    """What a screen reader says about each stage."""
    return [part.get("aria-label", "") for part in root.iter() if part.get("role") == "listitem"]


def graph_structure(drawing: Drawing) -> Counter[tuple[str, ...]]:
    """The nodes and edges of the plain DOT text, which Graphviz has not laid out."""
    with pygraphviz.AGraph(string=drawing.dot) as graph:
        assert {key for thing in (*graph.nodes(), *graph.edges()) for key in thing.attr} <= KEYS | {
            *("fontcolor", "fontsize", "group", "weight", "label"),
        }
        nodes = ((node, node.attr["shape"], node.attr["style"]) for node in graph.nodes())
        edges = ((*edge, edge.attr["style"]) for edge in graph.edges())
        return Counter([*nodes, *edges])


def cell_structure(drawing: Drawing) -> Counter[tuple[str, ...]]:
    """The stages and moves of a file of draw.io, each text of which is text."""
    kinds: list[tuple[str, ...]] = []
    for cell in ElementTree.fromstring(drawing.drawio()).iter("mxCell"):
        if cell.get("vertex"):  # the name of a layer is no HTML
            Html(cell.get("value", ""))
        name = cell.get("id", "")
        if not name.startswith(("text-", "layer-")):
            style = re.sub(r"\d+(\.\d+)?", "", cell.get("style", ""))
            kinds.append((re.sub(r"-\d+$", "", name), style if cell.get("edge") else ""))
    return Counter(kind for kind in kinds if kind[0].startswith(("stage", "move", "v", "step")))


def check_slide(drawing: Drawing) -> None:
    """Nothing on a slide runs, or is fetched; no text has a character that XML refuses."""
    with zipfile.ZipFile(io.BytesIO(drawing.pptx())) as archive:
        for name in archive.namelist():
            if name.startswith("ppt/slides/") and name.endswith((".xml", ".rels")):
                root = ElementTree.fromstring(archive.read(name))
                tags = {element.tag.rpartition("}")[2] for element in root.iter()}
                assert not tags & {"hlinkClick", "pic", "oleObj", "controls", "timing"}
                assert b"External" not in archive.read(name)


def check_mermaid(drawing: Drawing, plain: Drawing) -> None:
    """The Mermaid text has the lines of the plain one, each text of it within its quotes."""
    head, *lines = (drawing.mermaid or "").split("\n")[1:]
    other_head, *others = (plain.mermaid or "").split("\n")[1:]
    assert isinstance(json.loads(head.removeprefix("title: ").replace("\\x25", "%")), str)
    assert other_head.startswith("title: ")
    outside = [re.sub('"[^"]*"', '""', line) for line in lines]
    assert outside == [re.sub('"[^"]*"', '""', line) for line in others]
    inside = "".join(re.findall('"([^"]*)"', "\n".join(lines)))
    assert not re.search(r"%%|[<>`$](?!br/>|)|\\", inside.replace("<br/>", ""))


def test_a_text_is_shown_as_it_is() -> None:
    text = PLAIN | {
        "owner": r"\\server\übergabe",
        "label": 'a&lt;b "c" \\N',
        "stage_description": r'<only> &lt;b&gt; \N "\" \\é ',
        "name": r'<x> \"y" &copy;',
    }
    root = check_svg(draw_model(model(text)))
    words = {"".join(element.itertext()) for element in root.iter(f"{SVG}text")}
    assert {text["owner"], text["label"]} <= words
    assert any(text["stage_description"].strip() in label for label in told(root))
    # Each label is held to its width, also where Graphviz miscounts its bytes.
    drawn = root.find(f"{SVG}g")
    assert drawn is not None
    assert all(element.get("textLength") for element in drawn.iter(f"{SVG}text"))


def test_a_canvas_takes_every_letter() -> None:
    everything = "".join(map(chr, (*range(0x100), 0x2028, 0xD800, 0xFFFE, 0xFFFF, 0x1F680)))
    canvas = Canvas(everything)
    canvas.box(10, 10, 100, 50, tooltip=everything)
    canvas.text(10, 10, everything)
    check_svg(Drawing(canvas.trim(400, 100), Graph("", (), ()), "", ""))


def test_a_text_that_others_give_a_drawing_is_clean() -> None:
    canvas, graph = Canvas("x").trim(9, 9), Graph("", (), ())
    drawing = Drawing(canvas, graph, title="a\x1b[31m\ud800b", description="c\n\x00d")
    assert (drawing.title, drawing.description) == ("a [31m b", "c d")
    assert "a [31m b" in drawing.svg()


class Tags(HTMLParser):
    """The tags of a page outside of its picture, and what it links to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.count, self.links = Counter[str](), set[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("g", "text", "svg", "use"):  # a higher picture has more pieces on paper
            self.count[tag] += 1
        for key, value in attrs:
            assert not key.startswith("on")
            if key in ("href", "src", "xlink:href"):
                self.links.add(value or "")


@pytest.mark.parametrize("shift", range(0, len(PIECES), 7))
def test_a_page_with_a_picture_has_no_more_than_a_plain_one(shift: int) -> None:
    pieces = [piece for piece in PIECES if clean(piece)] * 2
    text = {place: "x" + pieces[shift + index] for index, place in enumerate(PLACES)}
    page, plain = (Tags(make_sheet(model(texts)).html()) for texts in (text, PLAIN))
    assert page.count == plain.count
    assert page.links == plain.links


# --- Texts as long as one likes


@pytest.mark.parametrize("text", ["w", "word ", "\\", "<&", "é"])
def test_a_long_text_is_drawn(text: str) -> None:
    for drawing in drawings(dict.fromkeys(PLACES, "x" + text * 4_000), "x" + text * 4_000):
        check_svg(drawing)


@pytest.mark.parametrize("text", ["w", "word ", "wörd-", "\\"])
def test_no_more_letters_are_measured_than_are_drawn(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured, letter = 0, words._letter

    def counted(text: str, bold: bool) -> int:
        nonlocal measured
        measured += 1
        return letter(text, bold)

    monkeypatch.setattr(words, "_letter", counted)
    totals = []
    for times in (10_000, 50_000):
        measured = 0
        for _ in drawings(dict.fromkeys(PLACES, "x" + text * times), "x" + text * times):
            pass
        totals.append(measured)
    assert totals[1] < totals[0] * 1.1
