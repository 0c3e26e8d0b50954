"""A picture with boxes instead of letters is announced, with the remedy."""

from __future__ import annotations

import re
import warnings

import pytest

from lifecycle_fsm.diagram import missing_fonts
from lifecycle_fsm.diagram.missing_fonts import warn_of_boxes
from lifecycle_fsm.diagram.render import render
from lifecycle_fsm.errors import FontWarning

LATIN = frozenset(range(0x20, 0x180))


def told(text: str) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_boxes(f'graph {{ a [label=<<font>{text}</font>> tooltip="商"] }}')
    assert all(warning.category is FontWarning for warning in caught)
    return [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("text", "scripts", "packages"),
    [
        ("ליד", "Hebrew", "fonts-noto-core"),
        ("商机", "CJK", "fonts-noto-cjk"),
        ("กข", "Thai", "fonts-noto-core"),
        ("🚀", "symbols", "fonts-noto-color-emoji"),
        ("ل ひ", "Arabic, Hiragana", "fonts-noto-cjk, fonts-noto-core"),
    ],
)
def test_scripts_without_a_font_are_named(
    text: str, scripts: str, packages: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing_fonts, "_covered", lambda _: LATIN)
    [message] = told(text)
    assert f"has the letters of {scripts} (such as " in message
    assert f"Install fonts, e.g. {packages};" in message


@pytest.mark.parametrize("text", ["Zoë → Лид ≥ ✓ …", "plain"])
def test_letters_of_the_own_font_need_no_other(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_fonts, "_covered", lambda _: pytest.fail("no need to ask"))
    assert told(text) == []


def test_letters_with_a_font_are_drawn_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_fonts, "_covered", lambda _: LATIN | {ord("商")})
    assert told("商") == []


def test_without_fontconfigs_list_it_is_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_fonts, "_covered", lambda _: None)
    monkeypatch.setattr("sys.platform", "linux")
    [message] = told("商")
    assert re.match("whether this machine has a font .* cannot be told: PNG", message)
    monkeypatch.setattr("sys.platform", "darwin")
    assert told("商") == []


@pytest.mark.parametrize(("form", "warned"), [("png", True), ("pdf", True), ("svg", False)])
def test_only_forms_with_fonts_of_this_machine_warn(
    form: str, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing_fonts, "_covered", lambda _: LATIN)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        render('graph { a [label="商"] }', form)  # type: ignore[arg-type]
    assert bool(caught) is warned
