"""The page: light, whole in itself, safe, and to be read by everybody."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from lifecycle_fsm.demo.histories import END, history
from lifecycle_fsm.diagram.look import Palette
from lifecycle_fsm.document import html_page
from lifecycle_fsm.errors import FileProblem, MissingExtra
from lifecycle_fsm.model import Model, from_plain, load, shipped, to_plain
from lifecycle_fsm.sheet import Sheet, make_sheet, sheet
from tests.sheet.pages import Node, parsed
from tests.sheet.samples import START, people

EVIL = "<script>alert('&\"')</script>"


def with_everything() -> Sheet:
    lifecycle = people(ann=(70, 10), ben=(45, 10), cem=(0, None))
    rows = lifecycle.history
    return make_sheet(lifecycle.model, history=rows, people=lifecycle, now="2024-06-01")


def waterfall() -> Sheet:
    model = load("waterfall")
    return make_sheet(model, history=history(model, 400), now=END)


@pytest.fixture(scope="module", params=["everything", "waterfall", "two_step"])
def page(request: pytest.FixtureRequest) -> Node:
    match request.param:
        case "everything":
            return parsed(with_everything().html())
        case "waterfall":
            return parsed(waterfall().html())
    return parsed(make_sheet(load(request.param)).html())


# -- structure -------------------------------------------------------------------------------


def test_the_page_has_a_language_a_title_and_landmarks(page: Node) -> None:
    (root,) = page.all("html")
    assert root.attributes["lang"] == "en"
    assert page.all("title")[0].text.strip()
    assert [len(page.all(tag)) for tag in ("header", "nav", "main", "h1")] == [1, 1, 1, 1]
    for tag in ("nav",):
        assert page.all(tag)[0].attributes["aria-label"]


def test_headings_go_down_one_step_at_a_time(page: Node) -> None:
    levels = [int(one.tag[1]) for one in page.all("h1", "h2", "h3", "h4") if one.text.strip()]
    assert levels[0] == 1
    assert levels.count(1) == 1
    for before, after in pairwise(levels):
        assert after <= before + 1


def test_every_part_is_named_and_every_reference_leads_somewhere(page: Node) -> None:
    ids = [one.attributes["id"] for one in page.walk() if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for section in page.all("section"):
        assert section.attributes["aria-labelledby"] in ids
    for one in page.walk():
        for name in ("aria-labelledby", "aria-describedby"):
            assert set(one.attributes.get(name, "").split()) <= set(ids)
    for link in page.all("a"):
        if link.inside("svg"):
            continue
        assert link.attributes["href"].startswith("#")
        assert link.attributes["href"][1:] in ids


def test_every_table_has_a_caption_and_headers_with_a_scope(page: Node) -> None:
    for table in page.all("table"):
        (caption,) = table.all("caption")
        assert caption.text.strip()
        heads = table.all("th")
        assert heads
        assert all(one.attributes.get("scope") in ("col", "row") for one in heads)
        assert all(one.text.strip() for one in heads)
        wide = {sum(isinstance(one, Node) for one in row.below) for row in table.all("tr")}
        assert len(wide) == 1, "every row has as many cells"


def test_a_table_that_is_laid_out_as_a_stack_is_still_one(page: Node) -> None:
    """On a phone its cells are blocks, by which browsers forget what they are."""
    roles = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}
    for table in page.all("table"):
        if "stack" not in table.attributes.get("class", ""):
            continue
        for one in table.walk():
            if one.tag in roles:
                assert one.attributes["role"] == roles[one.tag]
            if one.tag == "th":
                scope = one.attributes["scope"]
                assert one.attributes["role"] == {"col": "columnheader", "row": "rowheader"}[scope]
            if one.tag == "td":
                assert one.attributes["data-label"]


def test_the_picture_is_told_in_words(page: Node) -> None:
    svg, phone, *pieces = page.all("svg")
    assert all(piece.attributes["class"] == "piece" for piece in pieces)
    assert phone.inside("figure")
    assert phone.all("desc")[0].text == svg.all("desc")[0].text, "one of them is shown"
    assert svg.attributes["role"] == "group"
    (title,), (desc,) = svg.all("title"), svg.all("desc")
    assert title.text
    assert "success path" in desc.text
    assert svg.above is not None
    assert svg.above.attributes["tabindex"] == "0"


def test_the_page_needs_nothing_beside_it(page: Node) -> None:
    assert not page.all("script", "link", "iframe", "object", "embed", "img", "base", "form")
    for one in page.walk():
        for name, value in one.attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href", "action", "srcset"):
                assert value.startswith("#")
    style = page.all("style")[0].text
    assert "url(" not in style
    assert "@import" not in style


def test_owners_are_not_told_by_colour_alone(page: Node) -> None:
    for one in page.walk():
        if "own" in one.attributes.get("class", "").split():
            assert one.text.strip()


# -- size and safety -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", shipped())
def test_the_page_of_a_shipped_model_is_light(name: str) -> None:
    assert len(make_sheet(load(name)).html().encode()) < 300_000


def test_the_page_with_numbers_and_people_is_light() -> None:
    assert len(waterfall().html().encode()) < 300_000
    assert len(with_everything().html().encode()) < 300_000


def test_contrast_of_the_colours() -> None:
    """WCAG 2: text on its ground at least 4.5 : 1."""
    css = Path(sheet.__file__).with_name("sheet.css").read_text("utf-8")
    named = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6});", css))
    grounds = [named["paper"], named["tint"]]
    texts = [named["ink"], named["soft"], "#1d4ed8"]
    model = load("engagement")
    texts += [Palette(model).system(stage.system).line for stage in model.stages]
    for text in texts:
        for ground in grounds:
            assert _contrast(text, ground) >= 4.5, (text, ground)
        # The code of a stage stands in white on the colour of its owner.
        if text not in named.values():
            assert _contrast("#ffffff", text) >= 4.5


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    digits = color[1:]
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def evil() -> Model:
    """The model with markup in every text that is for people."""
    texts = {"title", "label", "description", "playbook", "group", "text"}

    def spoiled(value: object, key: str = "") -> object:
        if isinstance(value, dict):
            return {name: spoiled(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [spoiled(one, key) for one in value]
        if key in texts and isinstance(value, str):
            return f"{value} {EVIL}"
        return value

    plain = spoiled(to_plain(people().model))
    assert isinstance(plain, dict)
    plain["systems"] = {name: f"{text} {EVIL}" for name, text in plain["systems"].items()}
    plain["tokens"]["team"] = ["ann", EVIL]
    plain["tokens"]["later"] = [EVIL, "</style>"]
    for stage in plain["stages"]:
        stage["code"] = "<b>"
        stage.setdefault("label", EVIL)
    return from_plain(plain)


def test_text_of_a_model_and_of_people_is_never_markup() -> None:
    model = evil()
    from lifecycle_fsm import Lifecycle

    lifecycle = Lifecycle(model)
    for place, name in enumerate((EVIL, "</table>", "&lt;")):
        lifecycle.admit(
            name, at=START, first_name=EVIL, company="<img src=x>", behavior_score=place
        )
    made = make_sheet(
        model, history=lifecycle.history, people=lifecycle, now="2024-06-01", zone="UTC"
    )
    text = made.html()
    page = parsed(text)
    assert not page.all("script", "img")
    assert text.count("</style>") == 3, "of the page and of its two pictures"
    assert "<img" not in text
    # It is all there, as text.
    whole = page.text
    assert whole.count("<script>alert(") > 20
    assert "<img src=x>" in whole
    for one in page.walk():
        assert "script" not in one.tag
        for name in one.attributes:
            assert not name.startswith("on")


def test_evil_names_of_systems_stay_in_their_attribute() -> None:
    page = parsed(make_sheet(evil()).html())
    for one in page.walk():
        style = one.attributes.get("style", "")
        assert re.fullmatch(r"(--own: #[0-9a-f]{6}|--letters: [0-9.]+pt|)", style)


# -- files and paper -------------------------------------------------------------------------------


def test_the_suffix_names_the_form(tmp_path: Path, rich: Model) -> None:
    made = make_sheet(rich)
    assert made.save(tmp_path / "a.html") == (tmp_path / "a.html",)
    assert made.save(tmp_path / "a.md") == (tmp_path / "a.md", tmp_path / "a-picture.svg")
    assert (tmp_path / "a.html").read_text("utf-8") == made.html()
    for name in ("a.pdf", "a"):
        with pytest.raises(FileProblem, match=r"use \.html or \.md"):
            made.save(tmp_path / name)


def test_what_is_signed_is_named(rich: Model) -> None:
    text = parsed(make_sheet(rich).html()).text
    assert text.count(rich.version) >= 2
    assert "For marketing" in text
    assert "For sales" in text
    assert text.count("Signature") == text.count("Date") == 2


def test_without_jinja_the_error_names_the_extra(
    rich: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    html_page.environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtra, match=r"lifecycle-fsm\[sheet\]"):
        make_sheet(rich).html()
