"""An SVG in a browser: it explains itself, follows a dark screen, and shares a page with others."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from xml.etree import ElementTree

import attrs
import pytest

from lifecycle_fsm.demo.histories import END, START, history
from lifecycle_fsm.diagram import Drawing, draw_funnel, draw_model, draw_person, draw_processing
from lifecycle_fsm.diagram.canvas import Canvas
from lifecycle_fsm.diagram.graph import Graph, Node
from lifecycle_fsm.diagram.look import PAPER
from lifecycle_fsm.diagram.render import FALLBACK_FONTS, FONT, layout
from lifecycle_fsm.diagram.svg import NIGHT, dark, draw_svg
from lifecycle_fsm.funnel import count
from lifecycle_fsm.model import load, shipped
from lifecycle_fsm.model.theme import contrast

SVG = "{http://www.w3.org/2000/svg}"
LEAST = 4.5
"""The contrast of text that WCAG 2 asks for."""


def box(label: str) -> str:
    return f'digraph {{ node [shape=box fontname="{FONT}"]; a [label="{label}"] }}'


TWO_LOOKS = (
    f'digraph {{ node [shape=box fontname="{FONT}"]; '
    "a [label=<<b>Qualified</b><br/>Qualified<br/><i>Qualified</i>>] "
    'b [label="Qualified" fontsize=30] a -> b [label="≥ 65 → MQL" fontname="' + FONT + '"] }'
)
CANVAS = Canvas("small")
CANVAS.box(20, 20, 120, 60, name="a")
CANVAS.text(30, 50, "MQL")
DRAWING = Drawing(
    canvas=CANVAS.trim(160, 100),
    graph=Graph("small", (Node("a", ("MQL",)),), ()),
    title="Marketing & <sales>",
    description='A person becomes an "MQL" at 65 points.',
    details={"a": ("MQL", "Interested in <us>."), "nobody": ("not drawn",)},
)


def drawings(name: str = "waterfall") -> Iterator[Drawing]:
    model = load(name)
    rows = list(history(model, 300))
    yield draw_model(model)
    yield draw_funnel(model, count(rows, model, window=(START, END)))
    yield draw_person(model, [row for row in rows if row.person == rows[0].person])
    yield draw_processing(model)


def parsed(drawing: Drawing) -> ElementTree.Element:
    return ElementTree.fromstring(drawing.svg())


def labels(svg: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg).iter(f"{SVG}text"))


# --- Labels


def test_each_label_is_held_to_the_width_that_graphviz_measured() -> None:
    bold, regular, italic, large, edge = labels(draw_svg(TWO_LOOKS, "", ""))
    width = {
        label: float(label.get("textLength", 0)) for label in (bold, regular, italic, large, edge)
    }
    assert all(label.get("lengthAdjust") == "spacingAndGlyphs" for label in width)
    assert width[bold] > width[regular] > 0
    assert width[large] == pytest.approx(width[regular] * 30 / 14, rel=0.1)
    drawn = json.dumps(layout(TWO_LOOKS), ensure_ascii=False)
    assert f'"text": "{edge.text}"' in drawn
    assert f'"width": {width[edge]:g}' in drawn.replace(".00,", ",")


def test_a_browser_without_the_font_has_others_to_choose_from() -> None:
    root = ElementTree.fromstring(draw_svg(box("MQL"), "", ""))
    assert root.get("font-family") == f"'{FONT}', {FALLBACK_FONTS}"
    assert not any(label.get("font-family") for label in root.iter(f"{SVG}text"))


def test_links_keep_their_namespace() -> None:
    svg = draw_svg('digraph { a [URL="https://example.com/"] }', "", "")
    assert 'xlink:href="https://example.com/"' in svg
    assert "ns0:" not in svg


# --- Words


def test_the_text_alternative_comes_first() -> None:
    root = parsed(DRAWING)
    assert (root[0].tag, root[0].text) == (f"{SVG}title", DRAWING.title)
    assert (root[1].tag, root[1].text) == (f"{SVG}desc", DRAWING.description)
    assert root.get("role") == "group"
    assert parsed(attrs.evolve(DRAWING, details={})).get("role") == "img"


@pytest.mark.parametrize("name", shipped())
def test_every_stage_and_move_can_be_reached_in_the_order_of_the_path(name: str) -> None:
    model = load(name)
    drawing = draw_model(model)
    spots = [part for part in parsed(drawing).iter() if part.get("tabindex") == "0"]
    keys = list(drawing.details)
    assert len(spots) == len(keys)
    assert [key for key in keys if isinstance(key, str)] == [
        stage.name for stage in (*model.path, *model.detours)
    ]
    kinds = {(edge.source, edge.target): edge.kind for edge in (*model.sort_edges, *model.edges)}
    assert {key for key in keys if isinstance(key, tuple)} == set(kinds)
    for place, key in enumerate(keys):
        if isinstance(key, tuple):  # the moves into a stage come before it, its step first
            following = next((k for k in keys[place:] if isinstance(k, str)), keys[0])
            assert following == key[1]
            assert kinds[key] != "step" or isinstance(keys[place - 1], str)


@pytest.mark.parametrize("name", shipped())
def test_a_panel_says_what_a_screen_reader_says(name: str) -> None:
    model = load(name)
    drawing = draw_model(model)
    spots = [part for part in parsed(drawing).iter() if part.get("tabindex") == "0"]
    for part, (key, texts) in zip(spots, drawing.details.items(), strict=True):
        told = part.get("aria-label", "")
        assert part.get("role") == "listitem"
        assert told == " ".join(f"{text.rstrip('.')}." for text in texts)
        if isinstance(key, str):
            stage = model.stage(key)
            assert told.startswith(f"{stage.code} {stage.display}")
            assert stage.description in told
        (panel,) = (below for below in part if below.get("class") == "panel")
        assert panel.get("display") == "none", "hidden where styles are taken out"
        shown = "".join(line.text or "" for line in panel.iter(f"{SVG}text"))
        assert shown.replace(" ", "") == "".join(texts).replace(" ", "")


def test_a_stage_says_its_people_and_times_and_a_move_its_rules() -> None:
    model = load("waterfall")
    rows = list(history(model, 300))
    counts = count(rows, model, window=(START, END))
    details = draw_funnel(model, counts).details
    mql = " ".join(details["mql"])
    assert f"{counts.people['mql']} people here" in mql
    assert "half of the visits ended within" in mql
    assert re.search(r"Fits and interested, from Processing or MAL \(\d+\)", mql)
    head, times, *rules = details["mal", "mql"]
    assert head == "MAL → MQL, step"
    assert re.fullmatch(r"Made \d+ times; \d+% of journeys went on", times)
    assert re.fullmatch(r"Fits and interested: demographic score of 20 .* \(\d+\)", rules[1])
    head, rule = draw_model(model).details["sal", "recycled"]
    assert head == "SAL → Recycled, detour"
    assert "asked for by “sales rejected”: rejection reason" in rule


def test_panels_compare_two_periods() -> None:
    model = load("waterfall")
    rows = list(history(model, 300))
    middle = START + (END - START) / 2
    before, now = (count(rows, model, window=of) for of in ((START, middle), (middle, END)))
    details = draw_funnel(model, now, before=before).details
    assert f"{before.people['mal']} → {now.people['mal']} people here" in details["mal"]
    assert re.match(r"Made \d+ → \d+ times; \d+% → \d+% of journeys", details["mal", "mql"][1])
    assert re.search(r"half of the visits ended within .* → ", " ".join(details["sal"]))


def test_only_what_is_drawn_can_be_reached() -> None:
    (stage,) = (part for part in parsed(DRAWING).iter() if part.get("role") == "listitem")
    assert stage.get("aria-label") == "MQL. Interested in <us>."


def test_a_pointer_finds_no_names_of_helpers() -> None:
    for drawing in drawings():
        root = parsed(drawing)
        assert list(root.iter(f"{SVG}title")) == [root[0]]
        assert "xlink:title" not in drawing.svg()


# --- Several on a page


def test_pictures_on_a_page_do_not_get_in_each_others_way() -> None:
    for drawing in drawings():
        svg = drawing.svg()
        assert not re.search(r'\s(id|aria-labelledby|xlink:href)="', svg)
        (style,) = parsed(drawing).iter(f"{SVG}style")
        for selectors in re.findall(r"(?m)^([^{}@]+)\{", style.text or ""):
            for selector in selectors.split(","):
                assert selector.strip().startswith(".lifecycle-picture ")


def test_the_same_drawing_is_the_same_bytes() -> None:
    assert DRAWING.svg() == attrs.evolve(DRAWING).svg()


def test_a_picture_is_light() -> None:
    for drawing in drawings():
        assert len(drawing.svg().encode()) < 150_000


# --- The dark scheme


def colors(root: ElementTree.Element, kind: str, *tags: str) -> set[str]:
    return {part.get(kind, "none") for tag in tags for part in root.iter(f"{SVG}{tag}")} - {"none"}


@pytest.mark.parametrize("name", shipped())
def test_text_is_legible_on_every_ground_light_and_dark(name: str) -> None:
    for drawing in drawings(name):
        root = parsed(drawing)
        scheme = dict(re.findall(r'\[fill="([^"]+)"\] \{ fill: (#\w{6})', drawing.svg()))
        texts = colors(root, "fill", "text") | {"#000000"}
        tints = {
            fill
            for fill in colors(root, "fill", "polygon", "path", "rect")
            if fill.startswith("#") and contrast(fill, PAPER) < 1.2
        }
        for text in texts - {PAPER, "white"}:
            assert contrast(text, PAPER) >= LEAST, text
            assert contrast(dark(text), NIGHT) >= LEAST, text
            assert scheme.get(text, dark(text)) == dark(text)
        for tint in tints:
            assert scheme[tint] == dark(tint)
            # As far apart as in the light.
            assert contrast(dark(tint), NIGHT) == pytest.approx(contrast(tint, PAPER), abs=0.03)


def test_print_is_always_light() -> None:
    style = next(parsed(DRAWING).iter(f"{SVG}style")).text or ""
    assert style.count("prefers-color-scheme") == 1
    assert "@media screen and (prefers-color-scheme: dark)" in style


def test_a_part_of_a_page_is_as_wide_and_as_light_as_the_page() -> None:
    assert "prefers-color-scheme" not in DRAWING.svg(page=True)
    assert "width" not in ElementTree.fromstring(DRAWING.svg(page=True)).attrib
