"""The colours and the font of a company: legible or refused, and never a change of meaning."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from lifecycle_fsm.diagram import draw_funnel, draw_model, draw_person, draw_processing
from lifecycle_fsm.diagram.drawing import Drawing
from lifecycle_fsm.diagram.look import RULE, recolored
from lifecycle_fsm.errors import FileProblem, FontWarning, ModelError
from lifecycle_fsm.funnel import count
from lifecycle_fsm.model import Model, Theme, dumps, load, load_theme, loads, shipped
from lifecycle_fsm.sheet import make_sheet
from tests.diagram.test_look import faults, many

DARK = Theme(
    ink="#f1f5f9", paper="#0f172a", accent="#a5b4cf", font="Source Sans 3",
    systems={"marketing": "#c4b5fd"},
)  # fmt: skip


def drawings(model: Model, theme: Theme) -> list[Drawing]:
    return [
        draw_model(model, theme=theme),
        draw_funnel(model, count([], model), theme=theme),
        draw_processing(model, theme=theme),
        draw_person(model, [], theme=theme),
    ]


@pytest.mark.parametrize("name", shipped())
def test_a_dark_theme_is_legible_throughout(name: str) -> None:
    theme = attrs.evolve(DARK, systems={})
    for drawing in drawings(load(name), theme):
        assert list(faults(drawing, theme.paper, rule=recolored(theme)[RULE])) == []


def test_many_systems_are_legible_on_dark_paper() -> None:
    theme = attrs.evolve(DARK, systems={"s3": "#fde68a"})
    drawing = draw_model(many(12, 10), theme=theme)
    assert list(faults(drawing, theme.paper, rule=recolored(theme)[RULE])) == []
    assert "#fde68a" in drawing.layout


def test_a_theme_reaches_every_form() -> None:
    for drawing in drawings(load("waterfall"), DARK):
        assert 'bgcolor="#0f172a"' in drawing.layout
        assert "#ffffff" not in drawing.layout
        assert "'Source Sans 3', 'IBM Plex Sans'" in drawing.svg()
        assert 'bgcolor="#0f172a"' in drawing.dot
        assert "color:#f1f5f9" in drawing.mermaid or "path" in drawing.title.lower()
        assert 'background="#0f172a"' in drawing.drawio()


def test_the_theme_of_a_model_is_used_unless_another_is_given() -> None:
    model = attrs.evolve(load("waterfall"), theme=DARK)
    assert draw_model(model).layout == draw_model(load("waterfall"), theme=DARK).layout
    assert "#c4b5fd" not in draw_model(model, theme=Theme()).layout
    page = make_sheet(model).html()
    assert "--paper: #0f172a" in page
    assert "#c4b5fd" in page


def test_a_theme_is_written_and_read_and_does_not_change_the_version() -> None:
    plain = load("two_step")
    model = attrs.evolve(plain, theme=Theme(font="Arial", systems={"crm": "#115e59"}))
    text = dumps(model)
    assert '[theme]\nfont = "Arial"\n' in text
    assert loads(text) == model != plain
    assert model.version == plain.version


@pytest.mark.parametrize(
    ("theme", "message"),
    [
        ({"ink": "black"}, "theme, ink: 'black' is no colour: write it as #rrggbb"),
        ({"ink": "#777777"}, "ink: #777777 has a contrast of 4.48 on #ffffff, and text needs 4.5"),
        ({"accent": "#94a3b8"}, "theme, accent: #94a3b8 has a contrast of 2.56"),
        (
            {"paper": "#000000", "ink": "#ffffff", "accent": "#333333"},
            "theme, accent: #333333 has a contrast of 1.66 on #000000, and text needs 4.5: "
            "choose a lighter colour",
        ),
        ({"systems": {"crm": "#f59e0b"}}, "theme, systems crm: #f59e0b has a contrast of 2.05"),
        ({"systems": {"cmr": "#000000"}}, "cmr: no such system; did you mean 'crm'"),
        ({"font": "x'; }"}, "is no font family"),
    ],
)
def test_a_colour_that_is_not_legible_is_refused(theme: dict[str, str], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        draw_model(load("waterfall"), theme=Theme(**theme))  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_a_file_with_a_theme_is_checked(tmp_path: Path) -> None:
    file = tmp_path / "theme.toml"
    file.write_text('ink = "#000000"\n[systems]\ncrm = "#115e59"\n')
    assert load_theme(file) == Theme(ink="#000000", systems={"crm": "#115e59"})
    for text, error in (
        ("inc = 1", r"theme: no key 'inc' here; did you mean 'ink'\?"),
        ("ink = 3", "theme, ink: this is a text, not 3"),
        ("systems = 3", "theme, systems: this is a table of system and colour, not 3"),
    ):
        file.write_text(text)
        with pytest.raises(ModelError, match=error):
            load_theme(file)
    file.write_text("ink")
    with pytest.raises(FileProblem, match="this is not TOML"):
        load_theme(file)
    with pytest.raises(FileProblem, match="cannot read this theme"):
        load_theme(tmp_path / "none.toml")


def test_a_font_that_is_not_installed_is_announced() -> None:
    drawing = draw_model(load("two_step"), theme=Theme(font="No Such Font"))
    with pytest.warns(FontWarning, match="the font 'No Such Font' of the theme is not on this"):
        drawing.png()
