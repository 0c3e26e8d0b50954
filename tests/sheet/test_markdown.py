"""The sheet as Markdown: the same contents, and no text that turns into markup."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from lifecycle_fsm.model import load, shipped
from lifecycle_fsm.sheet import make_sheet
from lifecycle_fsm.wording import Formatter, outline
from tests.sheet.pages import Node, parsed
from tests.sheet.test_html import EVIL, evil, with_everything

RENDERER = MarkdownIt("commonmark").enable("table").enable("strikethrough")


def rendered(markdown: str) -> Node:
    return parsed(RENDERER.render(markdown))


def test_the_parts_are_those_of_the_page() -> None:
    made = with_everything()
    wanted = [one.text.strip() for one in parsed(made.html()).all("h2")]
    found = [one.text.strip() for one in rendered(made.markdown()).all("h2")]
    assert set(wanted) - set(found) == {"The way of a lead"}
    assert set(found) <= set(wanted)


def test_tables_are_whole() -> None:
    for table in rendered(with_everything().markdown()).all("table"):
        wide = {sum(isinstance(one, Node) for one in row.below) for row in table.all("tr")}
        assert len(wide) == 1


def test_the_picture_is_a_link_or_drawn_from_text() -> None:
    made = make_sheet(load("two_step"))
    linked = rendered(made.markdown("our sheet.svg"))
    (image,) = linked.all("img")
    assert image.attributes["src"] == "our%20sheet.svg"
    assert image.attributes["alt"] == "Two steps to a customer"
    drawn = made.markdown()
    assert "```mermaid\n---\ntitle" in drawn
    assert drawn.count("```") == 2


@pytest.mark.parametrize("name", shipped())
def test_every_condition_is_told(name: str) -> None:
    model = load(name)
    words = Formatter(model)
    whole = " ".join(rendered(make_sheet(model).markdown()).text.split())
    for stage in model.stages:
        assert stage.description in whole
        assert stage.playbook in whole
    guards = [edge.when for edge in model.edges]
    guards += [alert.when for alert in model.alerts]
    guards += [rule.when for rule in model.assignment]
    guards += [deadline.when for deadline in model.deadlines]
    for guard in guards:
        phrases = list(filter(None, [outline(words, guard)]))
        for phrase in phrases:
            phrases += phrase.parts
        told = all(phrase.text in whole for phrase in phrases)
        assert told or words.condition(guard) in whole


def test_text_of_a_model_is_never_markup() -> None:
    made = make_sheet(evil())
    page = rendered(made.markdown("picture.svg"))
    assert not page.all("script", "b")
    assert page.text.count("<script>alert(") > 15
    assert EVIL not in made.markdown("picture.svg")
