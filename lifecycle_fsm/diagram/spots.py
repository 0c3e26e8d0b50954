"""What a reader of a picture can point at: boxes, and moves with their lines and words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

import attrs

from lifecycle_fsm.diagram.canvas import POINTS, Canvas, DrawnBox, DrawnLine, DrawnText, Ends, Point
from lifecycle_fsm.diagram.shapes import Shapes

#: More about a box, by its name, or about a move, by the boxes that it leads from and to: as
#: paragraphs that begin with a heading.
Details: TypeAlias = Mapping[str | Ends, Sequence[str]]


@attrs.frozen
class Spot:
    """A place that can be pointed at, and what is said about it; lengths are points.

    Attributes:
        texts: paragraphs, the first of which is a heading.
        x, y, w, h: the box, or the words of a move, or a part of its line.
        area: an SVG path through the words of a move, and through the lines that lead to nothing
            else or to less than other moves; empty for a box.
        way: an SVG path along all lines of a move.
    """

    texts: Sequence[str]
    x: float
    y: float
    w: float
    h: float
    area: str = ""
    way: str = ""


def spots(canvas: Canvas, details: Details) -> Iterator[Spot]:
    """The spots of everything that is drawn and has details, in the order of the details."""
    places: dict[str | Ends, Spot] = {
        mark.name: Spot((), POINTS * mark.x, POINTS * mark.y, POINTS * mark.w, POINTS * mark.h)
        for mark in canvas.marks
        if isinstance(mark, DrawnBox) and mark.name
    }
    if any(isinstance(key, tuple) for key in details):
        places |= _moves(canvas)
    for key, texts in details.items():
        if texts and key in places:
            yield attrs.evolve(places[key], texts=texts)


def _moves(canvas: Canvas) -> dict[str | Ends, Spot]:
    """The spot of each move that is drawn.

    Of the moves on one line, it is the spot of the shortest, which has joined it last.
    """
    connectors = {(each.link.tail, each.link.head): each for each in Shapes(canvas).connectors}
    owner: dict[DrawnLine, Ends] = {}
    for ends, connector in sorted(connectors.items(), key=lambda pair: _length(pair[1].points)):
        for line in connector.lines:
            owner.setdefault(line, ends)
    moves: dict[str | Ends, Spot] = {}
    for ends, connector in connectors.items():
        own = [line.points for line in connector.lines if owner[line] == ends]
        words = [
            ((line.left, line.y), (line.left + line.room, line.y))
            for mark in canvas.marks
            if isinstance(mark, DrawnText) and mark.move == ends
            for line in mark.placed()
        ]
        if not (own or words):
            continue
        # Beside its words, or else in the middle of its longest line.
        points = [point for line in words for point in line]
        if not points:
            longest = max(own, key=_length)
            start, end = max(pairwise(longest), key=lambda ends: math.dist(*ends))
            points = [((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)]
        xs, ys = zip(*points, strict=True)
        x, y = POINTS * min(xs), POINTS * (min(ys) - 8)
        w, h = POINTS * max(xs) - x, POINTS * (max(ys) + 8) - y
        moves[ends] = Spot((), x, y, w, h, _path([*own, *words]), _path([connector.points]))
    return moves


def _length(points: Sequence[Point]) -> float:
    return sum(math.dist(start, end) for start, end in pairwise(points))


def _path(lines: Iterable[Sequence[Point]]) -> str:
    """An SVG path along lines, in whole points."""
    path = ""
    for line in lines:
        here: tuple[int, int] | None = None
        for point in line:
            x, y = (round(POINTS * part) for part in point)
            if here is None:
                path += f"M{x} {y}"
            elif y == here[1]:
                path += f"H{x}"
            else:
                path += f"V{y}" if x == here[0] else f"L{x} {y}"
            here = (x, y)
    return path
