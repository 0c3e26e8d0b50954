"""The geometry of lines: points, rounded corners, and how much room an arrowhead takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

Point: TypeAlias = tuple[float, float]

_QUARTER = 0.5523  # a quarter of a circle as a Bézier curve
_ARROW = 9.0  # how long the head of a thin line is
_POINTS = 0.75  # a pixel in points


def towards(start: Point, end: Point, length: float) -> Point:
    """The point that lies ``length`` from the start on the way to the end."""
    whole = math.dist(start, end)
    part = length / whole if whole else 0
    return (start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part)


def corners(points: Sequence[Point]) -> list[Point]:
    """The points without those that stand where the one before stands."""
    return [
        points[0],
        *(after for before, after in pairwise(points) if math.dist(before, after) > 0.01),
    ]


def rounded(points: Sequence[Point], radius: float) -> list[Point]:
    """The control points of a Bézier curve along the points, with rounded corners."""
    curve = [points[0]]

    def straight(to: Point) -> None:
        here = curve[-1]
        if math.dist(here, to) > 0.01:
            curve.extend([towards(here, to, math.dist(here, to) / 3),
                          towards(to, here, math.dist(here, to) / 3), to])  # fmt: skip

    last = len(points) - 2
    for index in range(1, len(points) - 1):
        before, corner, after = points[index - 1 : index + 2]
        # A line between two corners is shared by both.
        r = min(
            radius,
            math.dist(before, corner) / (1 if index == 1 else 2),
            math.dist(corner, after) / (1 if index == last else 2),
        )
        start, end = towards(corner, before, r), towards(corner, after, r)
        straight(start)
        curve.extend(
            [towards(start, corner, r * _QUARTER), towards(end, corner, r * _QUARTER), end]
        )
    straight(points[-1])
    return curve


def arrow_length(pen: float) -> float:
    """How long the head of a line is: longer where the line is thick."""
    return _ARROW * (1.0 if pen <= 2.5 else 1.0 + (min(pen, 5.3) - 2.5) * 0.1)


def arrow_rise(pen: float) -> float:
    """How far the head of a line reaches to each side of it, as Graphviz draws it.

    Its triangle is 0.7 times as wide as it is long, and wider for a line of more than four points.
    It is then outlined with the pen of the line, whose corners are pointed.
    """
    length = arrow_length(pen)
    half = 0.35 * length * max(1.0, pen * _POINTS / 4)
    return half + pen / 2 * (math.hypot(length, half) + half) / length
