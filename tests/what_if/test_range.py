"""The same question for several values: a table, a goal, and a picture (R51)."""

from __future__ import annotations

from functools import cache
from typing import Any
from xml.etree import ElementTree

import attrs
import pytest

from lifecycle_fsm import LifecycleError
from lifecycle_fsm.diagram.text_fit import width
from lifecycle_fsm.whatif import what_if
from lifecycle_fsm.whatif.token_range import WhatIfRange, what_if_range
from lifecycle_fsm.whatif.what_if_report import range_svg
from tests.what_if.test_what_if import LOG, SMALL
from tests.what_if.worlds import WATERFALL, log

VALUES = (50, 65, 80)


@cache
def asked() -> WhatIfRange:
    return what_if_range(WATERFALL, "mql_threshold", VALUES, activities=log())


def small(values: tuple[int, ...], goal: float | None = None) -> WhatIfRange:
    return what_if_range(SMALL, "enough", values, stage="ready", goal=goal, activities=LOG)


def test_each_value_is_a_question_of_its_own() -> None:
    answer = asked()
    assert answer.stage == "mql"  # which changes most
    assert [row.value for row in answer.rows] == list(VALUES)
    for row in answer.rows[::2]:
        alone = what_if(WATERFALL, tokens={"mql_threshold": row.value}, activities=log())
        assert row.answer == alone.stage("mql")
    same = answer.rows[1].answer
    assert same.new == same.old == same.entries["same"]


def test_the_made_up_company_has_people_just_below_any_threshold() -> None:
    values = (53, 57, 61)
    rows = what_if_range(WATERFALL, "mql_threshold", values, stage="mql", activities=log()).rows
    added = [row.answer.known("added") for row in rows]
    assert added[0] > added[1] > added[2] > 0


def test_a_goal_lies_between_two_values() -> None:
    rates = [row.answer.new_per_week for row in asked().rows]
    goal = (rates[0] + rates[1]) / 2
    answer = what_if_range(
        WATERFALL, "mql_threshold", VALUES, stage="mql", goal=goal, activities=log()
    ).goal
    assert answer is not None
    assert answer.between == (65, 50)
    assert answer.advice == ()


def test_a_goal_may_be_met() -> None:
    rates = small((7, 10)).rows[0].answer
    answer = small((7, 10), rates.new_per_week).goal
    assert answer is not None
    assert (answer.between, answer.nearest) == ((7, 7), 7)


def test_a_goal_above_all_names_who_lacks_only_one_condition() -> None:
    answer = small((8, 13), 500).goal
    assert answer is not None
    assert (answer.between, answer.nearest) == (None, 8)
    assert answer.advice == (
        "with 8, 1 person lacks only this for Ready at the end of the log: behavior score ≥ 8",
    )


def test_a_goal_below_all_names_the_rules_that_bring_people() -> None:
    weeks = small((8, 10)).rows[0].answer.weeks
    answer = small((8, 10), 0.001).goal
    assert answer is not None
    assert answer.nearest == 8
    assert answer.advice == (
        f"with 8, {2 / weeks:.1f} a week still come by warm, which reads $enough",
    )


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"values": ()}, "1 to 60 values, not 0"),
        ({"values": range(61)}, "1 to 60 values, not 61"),
        ({"goal": 4.0, "stage": None}, "a goal is of a stage"),
        ({"stage": "redy"}, "no stage named 'redy'"),
        ({"token": "enuf"}, "no token 'enuf'"),
        ({"values": (12,), "stage": "sold"}, "nobody knows how 'sold' would change"),
    ],
)
def test_what_cannot_be_asked_of_a_range_is_told(how: dict[str, Any], message: str) -> None:
    given = {"token": "enough", "values": (7,), "stage": "ready", "activities": LOG, **how}
    with pytest.raises(LifecycleError, match=message):
        what_if_range(SMALL, **given)


# ---------------------------------------------------------------- the picture


def drawn(capacity: float | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(range_svg(asked(), capacity))


def texts(svg: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in svg.findall(".//{*}text")]


def test_the_picture_has_each_value_its_rate_and_who_changes() -> None:
    shown = texts(drawn())
    for row in asked().rows:
        assert f"{row.answer.new_per_week:.3g}" in shown
    assert {"50", "65", "80", "now"} <= set(shown)
    assert str(asked().rows[0].answer.known("added")) in shown
    assert str(asked().rows[2].answer.known("lost")) in shown
    assert {"Customer", "SQL", "SAL", "a detour", "none of these"} <= set(shown)
    assert not [text for text in shown if "capacity" in text]
    assert "capacity 4 per week" in texts(drawn(4.0))


def test_the_bars_are_as_high_as_there_are_people() -> None:
    heights: dict[str, float] = {}
    for bar in drawn().findall(".//{*}rect"):
        if "outcome" in bar.get("class", "") and bar.get("width") != "12.0":
            x = bar.get("x", "")
            heights[x] = heights.get(x, 0) + float(bar.get("height", "0"))
    people = [row.answer.known("added") + row.answer.known("lost") for row in asked().rows]
    first, _, last = (heights[x] for x in sorted(heights, key=float))
    assert first / last == pytest.approx(people[0] / people[2], rel=0.02)


def test_the_picture_has_a_text_alternative_and_is_the_same_twice() -> None:
    svg = drawn()
    assert svg.get("role") == "img"
    assert (svg.findtext("{*}title") or "").endswith("MQL per week")
    assert "50: " in (svg.findtext("{*}desc") or "")
    assert range_svg(asked(), 4.0) == range_svg(asked(), 4.0)


@pytest.mark.parametrize("values", [3, 11, 26, 60])
def test_no_number_covers_another(values: int) -> None:
    row = asked().rows[0]
    rows = tuple(attrs.evolve(row, value=value) for value in range(65 - values // 2, 65 + values))
    svg = ElementTree.fromstring(range_svg(attrs.evolve(asked(), rows=rows[:values]), 4.0))
    ends: dict[str, float] = {}
    numbers = [text for text in svg.findall(".//{*}text") if text.get("text-anchor") == "middle"]
    for text in sorted(numbers, key=lambda text: float(text.get("x", "0"))):
        half = width(text.text or "", 11) / 2
        middle, line = float(text.get("x", "0")), text.get("y", "")
        assert middle - half >= ends.get(line, 0)
        ends[line] = middle + half
    assert {"65", "now"} <= set(texts(svg))


def test_nothing_is_drawn_outside_of_the_picture() -> None:
    for capacity in (None, 0.5, 400.0):
        svg = drawn(capacity)
        left, top, wide, high = map(float, (svg.get("viewBox") or "").split())
        for element in svg.iter():
            assert left <= float(element.get("x", "0")) <= left + wide
            assert top <= float(element.get("y", "0")) <= top + high


def test_the_picture_needs_no_style_sheet_of_a_page() -> None:
    style = drawn().findtext(".//{*}style") or ""
    assert "var(" not in style
    assert "halo" not in style, "the text would be covered where paint-order is not known"
    assert ".limit { stroke: #b91c1c;" in style
