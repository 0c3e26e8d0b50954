"""Legible means measured: in Graphviz's own layout no label lies on anything it should not."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lifecycle_fsm.demo.histories import END, START, history
from lifecycle_fsm.diagram import (
    Drawing,
    draw_coverage,
    draw_funnel,
    draw_model,
    draw_person,
    draw_processing,
)
from lifecycle_fsm.diagram.canvas import Canvas, arrow_rise
from lifecycle_fsm.diagram.layout_dot import layout_dot
from lifecycle_fsm.diagram.look import Stroke
from lifecycle_fsm.funnel import Counts, count
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model, Move, SortRule, Stage, StepDef, load, shipped
from lifecycle_fsm.wording import rule_words
from tests.diagram.many_models import SHAPES, Shape, counted, entered
from tests.diagram.pictures import CLEAR, Picture


def check(drawing: Drawing) -> None:
    faults = Picture(drawing.layout).faults()
    assert not faults, "\n".join(faults)


STAY = timedelta(days=1234, hours=5)


def counts_of(model: Model, volume: int) -> Counts:
    """The same number and a long stay everywhere, in a window."""
    return attrs.evolve(counted(model, volume, STAY), window=(START, END))


# --- The shipped models


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_model_is_legible(name: str) -> None:
    model = load(name)
    check(draw_model(model))
    check(draw_model(model, rules=False))
    check(draw_processing(model))


@pytest.mark.parametrize("volume", [0, 7, 4100, 9_999_999])
@pytest.mark.parametrize("name", shipped())
def test_a_shipped_funnel_is_legible(name: str, volume: int) -> None:
    model = load(name)
    check(draw_funnel(model, counts_of(model, volume)))


@pytest.mark.parametrize("name", shipped())
def test_a_counted_funnel_is_legible(name: str) -> None:
    model = load(name)
    check(draw_funnel(model, count(history(model, 500), model, window=(START, END))))


@pytest.mark.parametrize("every", [1, 2, 3, 99])
@pytest.mark.parametrize("name", shipped())
def test_what_tests_cover_is_legible(name: str, every: int) -> None:
    model = load(name)
    edges = (*model.sort_edges, *model.edges)
    check(draw_coverage(model, {(edge.name, edge.source): 1 for edge in edges[every - 1 :: every]}))


@pytest.mark.parametrize("name", shipped())
def test_every_path_of_a_person_is_legible(name: str) -> None:
    model = load(name)
    rows = itertools.groupby(history(model, 60), key=lambda row: row.person)
    longest = sorted((list(group) for _, group in rows), key=len)[-12:]
    for path in longest:
        check(draw_person(model, path, name='Zoë "Zed" <Example> & Sons'))


# --- Models of many shapes, as companies have them


@pytest.mark.parametrize("volume", [None, 0, 4100, 9_999_999])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_model_of_any_shape_is_legible(shape: Shape, volume: int | None) -> None:
    model = shape.model()
    drawing = draw_model(model, rules=False) if volume is None else funnel(model, volume)
    picture = Picture(drawing.layout)
    assert not picture.faults()
    cards = [box for box in picture.boxes if box.what in model.by_name]
    assert {box.what for box in cards} == set(model.by_name)
    assert min(box.right - box.left for box in cards) / 0.75 >= 110
    assert not [text.box.what for text in picture.texts if "…" in text.box.what]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_model_of_any_shape_is_legible_on_a_phone(shape: Shape) -> None:
    model = shape.model()
    for drawing in (
        draw_model(model, portrait=True),
        draw_funnel(model, counted(model, 9_999_999), portrait=True),
    ):
        picture = Picture(drawing.layout)
        assert not picture.faults()
        assert picture.width / 0.75 == pytest.approx(390, abs=1)


def funnel(model: Model, volume: int) -> Drawing:
    return draw_funnel(model, counted(model, volume), hide_zero=False)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_text_is_there_whole_or_by_its_key(shape: Shape) -> None:
    """No word is broken: each is somewhere in the picture, beside its line or below it."""
    model = shape.model()
    shown = " ".join(text.box.what.strip() for text in Picture(funnel(model, 7).layout).texts)
    words = set(shown.split())
    for stage in model.stages:
        assert set(f"{stage.display} {stage.label}".split()) <= words
    for edge in model.edges:
        assert set(rule_words(edge.rule).split()) <= words


def test_a_line_of_several_sources_shows_each_number_and_the_sum() -> None:
    model = load("waterfall")
    name = next(edge.name for edge in model.edges if (edge.source, edge.target) == ("mal", "sql"))
    counts = Counts(moves={(name, "mal", "sql"): 20_000, (name, "mql", "sql"): 4_321})
    texts = {text.box.what.strip() for text in Picture(draw_funnel(model, counts).layout).texts}
    assert {"20,000", "4,321", "24,321"} <= texts


@pytest.mark.parametrize(("stages", "rows"), [(8, 1), (9, 2), (14, 2), (15, 3), (21, 3)])
def test_a_path_of_more_than_eight_stages_has_several_rows(stages: int, rows: int) -> None:
    model = Shape(stages).model()
    boxes = [box for box in Picture(draw_model(model).layout).boxes if box.what in model.by_name]
    assert len({round(box.top) for box in boxes}) == rows


def test_lines_that_nobody_took_are_left_out_and_counted() -> None:
    model = load("waterfall")
    counts = Counts(moves={(edge.name, edge.source, edge.target): 3 for edge in model.edges[:9]})
    hidden = {text.box.what for text in Picture(draw_funnel(model, counts).layout).texts}
    shown = {
        text.box.what for text in Picture(draw_funnel(model, counts, hide_zero=False).layout).texts
    }
    assert any("that nobody took" in text for text in hidden)
    assert not any("that nobody took" in text for text in shown)
    assert len(hidden) < len(shown)
    assert {"Recycled", "Disqualified", "Off path"} <= hidden  # their stages stay


def test_a_small_funnel_shows_the_lines_that_nobody_took() -> None:
    model = Shape(5, 1, 1).model()
    drawing = draw_funnel(model, Counts())
    assert drawing.layout == draw_funnel(model, Counts(), hide_zero=False).layout


# --- Any model

WORDS = st.one_of(
    st.text("abcdefghij klmnop", max_size=40),
    st.sampled_from(
        [
            "Marketing Qualified Lead",
            'a <b> & "c"',
            "Donaudampfschifffahrtsgesellschaftskapitän",
            "商机已经被销售团队接受了吗这是一个很长的名字",
            "Квалифицированный отделом маркетинга",
            "عميل محتمل مؤهل",
            "back\\slash \\N \\l",
            "🚀 rocket",
            "WWWWWWWWWWWWWWWWWWWWWWWWW",
            "tab\tnew\nline\x00nul",
        ]
    ),
    st.text(max_size=20).filter(
        lambda text: not any(0xD800 <= ord(letter) <= 0xDFFF for letter in text)
    ),
)
SYSTEMS = st.sampled_from(["", "marketing", "crm", "warehouse"])


@st.composite
def models(draw: st.DrawFn) -> Model:
    n, d = draw(st.integers(2, 12)), draw(st.integers(0, 5))
    path = [
        Stage(
            f"s{rank}",
            code=draw(st.sampled_from(["", str(rank), "10", "Q-17"])),
            title=draw(WORDS),
            label=draw(WORDS),
            system=draw(SYSTEMS),
            group=draw(st.sampled_from(["", "top", "middle"])),
        )
        for rank in range(n)
    ]
    detours = [
        Stage(f"d{index}", code=str(n + index), title=draw(WORDS), label=draw(WORDS),
              off_path=True, system=draw(SYSTEMS))
        for index in range(d)
    ]  # fmt: skip
    names = [stage.name for stage in (*path, *detours)]
    sort = [
        _rule(draw, index, draw(st.sampled_from(names[1:])), "demographic_score >= 5")
        for index in range(draw(st.integers(0, 6)))
    ]
    sort.append(_rule(draw, 99, draw(st.sampled_from(names[1:])), "otherwise"))
    moves = []
    for index in range(draw(st.integers(0, 24))):
        source = draw(st.sampled_from(names[1:]))
        target = draw(st.sampled_from(names[1:]))
        ranks = {stage.name: rank for rank, stage in enumerate(path)}
        if source == target or (
            source in ranks and target in ranks and ranks[target] <= ranks[source]
        ):
            continue
        skipping = source in ranks and target in ranks and ranks[target] > ranks[source] + 1
        moves.append(
            Move(
                sources=source,
                target=target,
                name=f"m{index}",
                # From detour to detour somebody asks: the system must not go round [S6].
                on=f"ask{index}"
                if not {source, target} & set(ranks)
                else draw(st.sampled_from([None, f"ask{index}"])),
                when="behavior_score >= 65 and demographic_score >= 20",
                label=draw(WORDS),
                system=draw(SYSTEMS),
                skips="passed_over" if skipping else None,
            )
        )
    parts: dict[str, Any] = {
        "name": "any",
        "title": draw(WORDS),
        "stages": (*path, *detours),
        "sort": sort,
        "moves": moves,
        "processing": [
            StepDef(number=index + 1, name=f"step{index}", label=draw(WORDS))
            for index in range(draw(st.integers(0, 12)))
        ],
        "systems": {
            "marketing": "Marketing automation",
            "crm": "",
            "warehouse": "Warehouse of Everything & <More>",
        },
    }
    return Model(**parts)


def _rule(draw: st.DrawFn, index: int, target: str, when: str) -> SortRule:
    skips = target.startswith("s") and int(target[1:]) > 1
    return SortRule(
        name=f"r{index}",
        target=target,
        when=when,
        label=draw(WORDS),
        system=draw(SYSTEMS),
        skips="no_credit" if skips else None,
    )


CHECKED = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # shrinking a large model takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@CHECKED
@given(models(), st.sampled_from([None, 0, 12, 9_999_999]))
def test_any_model_is_legible(model: Model, volume: int | None) -> None:
    if volume is None:
        check(draw_model(model))
    else:
        check(draw_funnel(model, counts_of(model, volume)))


@CHECKED
@given(models())
def test_any_processing_is_legible(model: Model) -> None:
    check(draw_processing(model))


@CHECKED
@given(models(), st.data())
def test_any_path_is_legible(model: Model, data: st.DataObject) -> None:
    edges = (*model.sort_edges, *model.edges)
    now = datetime(2024, 5, 30, 23, 59, tzinfo=UTC)
    rows: list[HistoryRow] = []
    stage, journey = model.initial.name, 1
    for sequence in range(1, data.draw(st.integers(1, 14)) + 1):
        leaving = [edge for edge in edges if edge.source == stage]
        edge = data.draw(st.sampled_from(leaving)) if rows and leaving else None
        if rows and edge is None:
            break
        before = stage if rows else None
        stage = edge.target if edge else stage
        journey += edge is not None and edge.kind == "return"
        now += data.draw(st.sampled_from([timedelta(0), timedelta(days=400), timedelta(minutes=3)]))
        rows.append(
            entered(model, edge, before, stage, now, sequence, journey, late=sequence % 3 == 0)
        )
    check(draw_person(model, rows, name=data.draw(WORDS)))


# --- The measure itself


def test_the_measure_finds_what_is_wrong() -> None:
    canvas = Canvas("bad")
    canvas.box(100, 100, 120, 80, name="card")
    canvas.text(180, 120, "sticks out of the card")
    canvas.text(400, 120, "one label")
    canvas.text(420, 124, "another label")
    canvas.text(300, 250, "crossed by a line")
    canvas.line([(20, 140), (700, 140)])
    canvas.line([(20, 250), (700, 250)])
    canvas.text(20, 20, "tiny", 8)
    faults = "\n".join(Picture(layout_dot(canvas.trim(1700, 300))).faults())
    for part in (
        "1701 px wide",
        "'tiny' is written too small",
        "sticks out of the card",
        "lies on Box(what='another label'",
        "a line runs through Box(what='card'",
        "a line runs through Box(what='crossed by a line'",
    ):
        assert part in faults


@pytest.mark.parametrize("pen", [1.3, 2.0, 3.4, 5.0, 6.5, 8.5])
def test_the_rise_of_an_arrowhead_is_what_graphviz_draws(pen: float) -> None:
    canvas = Canvas("arrow")
    canvas.line([(20, 50), (180, 50)], Stroke(width=pen), arrow=True)
    head = Picture(layout_dot(canvas.trim(200, 100))).marks[0].inset(CLEAR)
    assert (head.top - head.bottom) / 2 / 0.75 == pytest.approx(arrow_rise(pen), abs=0.1)


def test_the_measure_sees_how_thick_a_line_is() -> None:
    canvas = Canvas("thick")
    canvas.line([(20, 50), (180, 50)], Stroke(width=8.5), arrow=True)
    canvas.text(40, 42, "on the line")
    canvas.text(168, 31, "on the head", align="center")
    faults = "\n".join(Picture(layout_dot(canvas.trim(300, 100))).faults())
    assert "a line runs through Box(what='on the line'" in faults
    assert "Box(what='on the head'" in faults
    assert "lies on a mark Box(what='arrow'" in faults
