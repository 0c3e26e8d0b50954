"""What Graphviz laid out, measured: no label may lie on anything it should not."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import attrs

from lifecycle_fsm.diagram.render import layout

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

    def crossings(self) -> int:
        """How often a line that runs across meets one that runs down, except where a line bends
        off from the one to the other."""
        bends: set[tuple[int, int]] = set()
        across: list[tuple[float, float, float]] = []
        down: list[tuple[float, float, float]] = []
        for _, points, _ in self.lines:
            (ax, ay), (bx, by) = points[0], points[-1]
            if abs(ax - bx) < 10 and abs(ay - by) < 10:
                bends |= {(round(ax), round(by)), (round(bx), round(ay))}
            for (ax, ay), (bx, by) in itertools.pairwise(_straight(points)):
                if abs(ay - by) < 0.1:
                    across.append((min(ax, bx), max(ax, bx), ay))
                elif abs(ax - bx) < 0.1:
                    down.append((min(ay, by), max(ay, by), ax))
        return sum(
            left + 1 < x < right - 1
            and low + 1 < y < high - 1
            and (round(x), round(y)) not in bends
            for left, right, y in across
            for low, high, x in down
        )

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
            for box in _crossed(big, points):
                yield f"a line runs through {box}: {what}"

    def _lines_through_texts(self) -> Iterator[str]:
        texts = cache(lambda pen: [text.box.inset(0.8 - pen / 2) for text in self.texts])
        for what, points, pen in self.lines:
            for box in _crossed(texts(pen), points):
                yield f"a line runs through {box}: {what}"


def _crossed(boxes: list[Box], points: list[tuple[float, float]]) -> Iterator[Box]:
    """The boxes that hold a point of a line."""
    xs, ys = zip(*points, strict=True)
    left, right, bottom, top = min(xs), max(xs), min(ys), max(ys)
    for box in boxes:
        near = box.left < right and left < box.right and box.bottom < top and bottom < box.top
        if near and any(box.holds(x, y) for x, y in points):
            yield box


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


def _straight(points: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """The corners of a sampled line."""
    yield points[0]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        turn = (here[0] - before[0]) * (after[1] - here[1]) - (here[1] - before[1]) * (
            after[0] - here[0]
        )
        if abs(turn) > 0.01:
            yield here
    yield points[-1]


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
