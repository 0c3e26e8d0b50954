"""The rules below a model: whole, in balanced columns, and in the direction of their arrows."""

from __future__ import annotations

from typing import Any

import pytest

from lifecycle_fsm.diagram import draw_model, draw_processing
from lifecycle_fsm.diagram.chart.frame import _filled
from lifecycle_fsm.diagram.chart.rule_entries import RuleEntry, rule_entries
from lifecycle_fsm.diagram.look import Palette
from lifecycle_fsm.model import Model, Move, SortRule, Stage, load, shipped
from lifecycle_fsm.sheet import make_sheet

LONG = "Marketing-qualifizierter Kontakt (Erstgespräch steht noch aus)"


def small(first: str, second: str, when: str = "hand_raised", **parts: Any) -> Model:
    return Model(
        name="small",
        stages=[Stage("new"), Stage("a", title=first), Stage("b", title=second)],
        sort=[SortRule(name="all", target="a", when="otherwise")],
        moves=[Move(name="on", sources="a", target="b", when=when)],
        **parts,
    )


def written(model: Model, room: float) -> list[str]:
    entries, _ = rule_entries(model, Palette(model), room)
    return [
        "".join(span.text for span in line.text.spans) for entry in entries for line in entry.lines
    ]


@pytest.mark.parametrize(("first", "second"), [("ליד", "לקוח חדש"), ("عميل محتمل", "زبون")])
def test_names_from_right_to_left_keep_their_side_of_the_arrow(first: str, second: str) -> None:
    model = small(first, second)
    [entry] = [
        entry
        for entry in rule_entries(model, Palette(model), 400)[0]
        if entry.lines[0].text.spans[0].text == first
    ]
    # Each is a text of its own, and texts are written from left to right.
    assert [span.text for span in entry.lines[0].text.spans][:3] == [first, " → ", second]
    shown = make_sheet(model).markdown()
    assert f"\u2068{first}\u2069" in shown


@pytest.mark.parametrize("room", [200, 300, 480])
def test_no_heading_loses_a_word(room: float) -> None:
    model = small(LONG, "Zurückgestellt, wird von der Marketingabteilung weiter gepflegt")
    text = " ".join(written(model, room))
    assert f"{LONG} → Zurückgestellt, wird von der Marketingabteilung weiter gepflegt · on" in text
    assert "…" not in text


def test_brackets_become_indentation_and_lists_are_whole() -> None:
    countries = ["DE", "FR", "NL", "US", *(f"X{letter}" for letter in "ABCDEFGHIJKL")]
    model = small(
        "A",
        "B",
        "hand_raised and (country in $region or employees >= 50) and fits",
        tokens={"region": countries},
        guards={"fits": "demographic_score >= 20 and owner is known"},
        guard_labels={"fits": "fits our profile"},
    )
    lines = written(model, 480)
    start = lines.index("when all of:")
    assert lines[start:] == [
        "when all of:",
        "• hand raised",
        "• country is on the list “region” or 50 or more employees",
        "• fits our profile",
        "WHAT THE WORDS STAND FOR",
        "Fits our profile",
        "demographic score of 20 or more and owner is known",
        "Region",
        ", ".join(countries),
    ]
    for drawing in (draw_model(model), draw_processing(model)):
        assert " more<" not in drawing.layout.replace("or more<", "")


def test_a_word_wider_than_a_column_gets_a_wider_one() -> None:
    wide = "W" * 45
    model = small(wide, "B")
    assert not rule_entries(model, Palette(model), 400)[1]
    assert rule_entries(model, Palette(model), 900)[1]
    assert wide in draw_model(model).layout


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("name", shipped())
def test_columns_are_balanced(name: str, count: int) -> None:
    model = load(name)
    entries, _ = rule_entries(model, Palette(model), 480)
    height = sum(entry.height for entry in entries) / count
    while len(columns := list(_filled(entries, height))) > count:
        height += 8
    assert [entry for column in columns for entry in column] == entries
    assert not any(column[-1].heading for column in columns)

    def high(column: list[RuleEntry]) -> float:
        return sum(entry.height for entry in column)

    assert max(map(high, columns)) <= high(entries) / count + 110
