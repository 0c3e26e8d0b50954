"""Legible means measured: in Graphviz's own layout no label lies on anything it should not."""

from __future__ import annotations

import itertools
import math
from array import array
from collections.abc import Iterator
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
from lifecycle_fsm.diagram.look import Stroke
from lifecycle_fsm.diagram.render import layout
from lifecycle_fsm.funnel import Conversion, Counts, count
from lifecycle_fsm.funnel.time_in_stage import Times
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model, Move, SortRule, Stage, StepDef, load, shipped

WIDTH_PX, SMALLEST_PX = 1600, 11
CLEAR = 1.8  # points between an arrowhead and a text


@attrs.frozen
class Box:
    what: str
    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other: Box, slack: float = 0.4) -> bool:
        return (
            self.left < other.right - slack
            and other.left < self.right - slack
            and self.bottom < other.top - slack
            and other.bottom < self.top - slack
        )

    def within(self, other: Box, slack: float = 0.6) -> bool:
        return (
            self.left >= other.left - slack
            and self.right <= other.right + slack
            and self.bottom >= other.bottom - slack
            and self.top <= other.top + slack
        )

    def inset(self, by: float) -> Box:
        return Box(self.what, self.left + by, self.bottom + by, self.right - by, self.top - by)

    def holds(self, x: float, y: float) -> bool:
        return self.left < x < self.right and self.bottom < y < self.top


@attrs.frozen
class Text:
    box: Box
    size: float


class Picture:
    """What Graphviz laid out, in points."""

    def __init__(self, dot: str) -> None:
        graph = layout(dot)
        _, _, self.width, self.height = map(float, graph["bb"].split(","))
        self.boxes: list[Box] = []
        self.marks: list[Box] = []
        self.texts: list[Text] = []
        for node in graph.get("objects", ()):
            if "nodes" in node or "subgraphs" in node or node["name"].startswith("cluster"):
                continue
            self.texts += _texts(node)
            if node.get("style") == "invis" or node["shape"] == "plaintext":
                continue
            x, y = map(float, node["pos"].split(","))
            w, h = 36 * float(node["width"]), 36 * float(node["height"])
            kind = self.boxes if node["shape"] == "box" else self.marks
            kind.append(Box(node["name"], x - w, y - h, x + w, y + h))
        self.lines: list[tuple[str, list[tuple[float, float]], float]] = []
        for edge in graph.get("edges", ()):
            if edge["color"] != "#ffffff":
                pen = float(edge["penwidth"])
                self.lines.append((edge["pos"], list(_sampled(edge["pos"])), pen))
                for operation in edge.get("_hdraw_", ()):
                    if operation["op"] == "P":
                        outline = _outlined(operation["points"], pen)
                        xs, ys = zip(*outline, strict=True)
                        head = Box("arrow", min(xs), min(ys), max(xs), max(ys))
                        self.marks.append(head.inset(-CLEAR))

    def faults(self) -> list[str]:
        return [
            *self._outside(),
            *self._texts_on_boxes(),
            *self._texts_on_texts(),
            *self._lines_through_boxes(),
            *self._lines_through_texts(),
            *self._small(),
        ]

    def _small(self) -> Iterator[str]:
        if self.width / 0.75 > WIDTH_PX + 1:
            yield f"the picture is {self.width / 0.75:.0f} px wide"
        for text in self.texts:
            if text.size / 0.75 * min(1, WIDTH_PX / (self.width / 0.75)) < SMALLEST_PX:
                yield f"{text.box.what!r} is written too small: {text.size}"

    def _outside(self) -> Iterator[str]:
        sheet = Box("sheet", 0, 0, self.width, self.height)
        for box in (*self.boxes, *self.marks, *(text.box for text in self.texts)):
            if not box.within(sheet):
                yield f"{box} is not on the sheet"

    def _texts_on_boxes(self) -> Iterator[str]:
        for text in self.texts:
            for box in self.boxes:
                if text.box.overlaps(box) and not text.box.within(box, 1.5):
                    yield f"{text.box} sticks out of {box}"
            for mark in self.marks:
                if text.box.overlaps(mark):
                    yield f"{text.box} lies on a mark {mark}"

    def _texts_on_texts(self) -> Iterator[str]:
        for text, other in itertools.combinations(self.texts, 2):
            if text.box.overlaps(other.box, 1.2):
                yield f"{text.box} lies on {other.box}"

    def _lines_through_boxes(self) -> Iterator[str]:
        big = [box.inset(2.5) for box in self.boxes if box.top - box.bottom > 30]
        for what, points, _ in self.lines:
            for box in big:
                if any(box.holds(x, y) for x, y in points):
                    yield f"a line runs through {box}: {what}"

    def _lines_through_texts(self) -> Iterator[str]:
        for what, points, pen in self.lines:
            for text in self.texts:
                if any(text.box.inset(0.8 - pen / 2).holds(x, y) for x, y in points):
                    yield f"a line runs through {text.box}: {what}"


def _texts(node: dict[str, Any]) -> Iterator[Text]:
    size = 0.0
    for operation in node.get("_ldraw_", ()):
        if operation["op"] == "F":
            size = operation["size"]
        if operation["op"] == "T":
            (x, y), wide = operation["pt"], operation["width"]
            assert operation["align"] == "l"
            # From the feet of the small letters to the heads of the tall ones.
            box = Box(operation["text"], x, y - 0.18 * size, x + wide, y + 0.7 * size)
            if operation["text"].strip():
                yield Text(box, size)


def _outlined(head: list[tuple[float, float]], pen: float) -> Iterator[tuple[float, float]]:
    """The corners of a triangle that is drawn with a pen whose corners are pointed."""
    for before, corner, after in zip((head[-1], *head), head, (*head[1:], head[0]), strict=False):
        in_length, out_length = math.dist(corner, before), math.dist(corner, after)
        # Both edges move outwards by half the pen: their crossing moves along both of them.
        ax, ay = (corner[0] - before[0]) / in_length, (corner[1] - before[1]) / in_length
        bx, by = (corner[0] - after[0]) / out_length, (corner[1] - after[1]) / out_length
        far = pen / 2 / abs(ax * by - ay * bx)
        yield (corner[0] + far * (ax + bx), corner[1] + far * (ay + by))


def _sampled(pos: str) -> Iterator[tuple[float, float]]:
    parts = pos.split(" ")
    tip = None
    if parts[0].startswith("e,"):
        tip = tuple(map(float, parts.pop(0)[2:].split(",")))
    points = [tuple(map(float, part.split(","))) for part in parts]
    for a, b, c, d in zip(points[::3], points[1::3], points[2::3], points[3::3], strict=False):
        steps = max(4, int(math.dist(a, d) / 4))
        for step in range(steps + 1):
            t = step / steps
            u = 1 - t
            w = (u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t)
            yield (
                w[0] * a[0] + w[1] * b[0] + w[2] * c[0] + w[3] * d[0],
                w[0] * a[1] + w[1] * b[1] + w[2] * c[1] + w[3] * d[1],
            )
    if tip is not None:
        yield (tip[0], tip[1])


def check(drawing: Drawing) -> None:
    faults = Picture(drawing.dot).faults()
    assert not faults, "\n".join(faults)


STAY = timedelta(days=1234, hours=5)


def counts_of(model: Model, volume: int) -> Counts:
    """The same number everywhere."""
    edges = (*model.sort_edges, *model.edges)
    return Counts(
        people={stage.name: volume for stage in model.stages},
        moves={(edge.name, edge.source, edge.target): volume for edge in edges},
        conversion={
            (stage.name, after.name): Conversion(volume, volume // 3)
            for stage, after in itertools.pairwise(model.path)
        },
        stays={stage.name: Times(array("d", [STAY.total_seconds()])) for stage in model.stages},
        window=(START, END),
    )


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
            HistoryRow(
                person="p", sequence=sequence, at=now, now=now, from_stage=before, to_stage=stage,
                kind=edge.kind if edge else "enter", rule=edge.name if edge else "created",
                trigger=edge.on if edge else None, activity=None, journey=journey,
                passed_over=edge.passed if edge else (), credit=edge.credit if edge else True,
                owner=None, source=None, version=model.version, late=sequence % 3 == 0,
            )
        )  # fmt: skip
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
    faults = "\n".join(Picture(canvas.source(1700, 300)).faults())
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
    head = Picture(canvas.source(200, 100)).marks[0].inset(CLEAR)
    assert (head.top - head.bottom) / 2 / 0.75 == pytest.approx(arrow_rise(pen), abs=0.1)


def test_the_measure_sees_how_thick_a_line_is() -> None:
    canvas = Canvas("thick")
    canvas.line([(20, 50), (180, 50)], Stroke(width=8.5), arrow=True)
    canvas.text(40, 42, "on the line")
    canvas.text(168, 31, "on the head", align="center")
    faults = "\n".join(Picture(canvas.source(300, 100)).faults())
    assert "a line runs through Box(what='on the line'" in faults
    assert "Box(what='on the head'" in faults
    assert "lies on a mark Box(what='arrow'" in faults
