"""What is drawn, as shapes that people can move: cards with their text, and connectors between.

On a canvas, the text of a card is written beside its box, and lines share lanes. Here each text
belongs to the card on which it stands, and each move has one line from card to card: the shortest
along the drawn lines that does not turn back.
"""

from __future__ import annotations

import heapq
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, pairwise

import attrs

from lifecycle_fsm.diagram.canvas import (
    ICON,
    Canvas,
    DrawnBox,
    DrawnFigure,
    DrawnLine,
    DrawnText,
    Link,
    PlacedLine,
    Point,
    Span,
    corners,
)

_ROW = 0.72  # of the size of a text: texts that are no further apart stand in one row
_NEAR = 3.0  # an arrow may end this far from its card


@attrs.frozen
class CardText:
    """A piece of text in one size, from left to right."""

    spans: tuple[Span, ...]
    size: float
    left: float
    right: float


@attrs.frozen
class CardRow:
    """One line of text on a card, which may have several pieces."""

    parts: tuple[CardText, ...]
    y: float

    @property
    def size(self) -> float:
        """The size of its largest letters."""
        return max(part.size for part in self.parts)

    @property
    def text(self) -> str:
        """Its words."""
        return " ".join(words(part.spans) for part in self.parts)


@attrs.define
class ShapeCard:
    """A box with its text, from top to bottom."""

    key: str
    box: DrawnBox
    rows: list[CardRow] = attrs.field(factory=list)

    @property
    def text(self) -> str:
        """All its words."""
        return "\n".join(row.text for row in self.rows)

    @property
    def inset(self) -> float:
        """The room left of its text, and right of it."""
        return min((row.parts[0].left - self.box.x for row in self.rows), default=0.0)

    def indent(self, row: CardRow) -> float:
        """How far a row of one piece begins to the right of the others."""
        return row.parts[0].left - self.box.x - self.inset if len(row.parts) == 1 else 0.0

    def is_right(self, part: CardText) -> bool:
        """Whether a piece of text ends at the right edge."""
        return part.right > self.box.x + self.box.w - self.inset - 4

    @property
    def title(self) -> str:
        """Its words in the largest letters."""
        return max(self.rows, key=lambda row: row.size).text if self.rows else self.key


DASHES = (5.0, 6.0)
"""The lengths of a dash and of the gap behind it, whatever the width of a line."""

INDENT = " " * 4
"""The room for a by-hand mark at the beginning of a line."""


@attrs.frozen
class ShapeLabel:
    """Text that stands on no card."""

    key: str
    text: DrawnText
    lines: tuple[PlacedLine, ...]

    @property
    def left(self) -> float:
        """Where it begins, with its by-hand marks."""
        return min(line.left - ICON * (line.figure is not None) for line in self.lines)

    def indented(self, line: PlacedLine) -> Sequence[Span]:
        """The text of a line, with the room for its by-hand mark."""
        if line.figure is None or self.text.align == "right":
            return line.spans
        return [Span(INDENT), *line.spans]

    @property
    def width(self) -> float:
        """The width of its longest line."""
        return max(line.left + line.room for line in self.lines) - self.left

    @property
    def leading(self) -> float:
        """The height of one line."""
        return self.text.leading or self.text.size * 1.3

    @property
    def top(self) -> float:
        """Its upper edge."""
        return self.lines[0].y - self.leading / 2

    @property
    def height(self) -> float:
        """The height of all its lines."""
        return self.lines[-1].y - self.lines[0].y + self.leading


@attrs.frozen
class Connector:
    """A line from one card to another, along drawn lines; without any if its way is not known."""

    key: str
    link: Link
    tail: ShapeCard
    head: ShapeCard
    lines: tuple[DrawnLine, ...]
    points: tuple[Point, ...]


class Shapes:
    """The shapes of a canvas, and the lines and figures that belong to no card.

    The keys are made from names and words, so that a small change leaves most of them as they are.
    """

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self._keys = Counter[str]()
        self.figures = [mark for mark in canvas.marks if isinstance(mark, DrawnFigure)]
        self.cards: list[ShapeCard] = []
        self.labels: list[ShapeLabel] = []
        self._read_marks()
        self._tracks = _Tracks(canvas.lines)
        self.connectors = list(self._connectors())
        self.lines = self._tracks.unused()

    def key(self, text: str, left_out: str = r"\W+") -> str:
        """The text as a key that no other shape has."""
        slug = re.sub(left_out, "-", text.lower())[:60].strip("-_") or "shape"
        self._keys[slug] += 1
        return slug if self._keys[slug] == 1 else f"{slug}-{self._keys[slug]}"

    def _text_key(self, text: str) -> str:
        """A key that stays when the numbers in a text change."""
        return self.key(text, r"[\W\d]+")

    def _read_marks(self) -> None:
        boxes = [mark for mark in self.canvas.marks if isinstance(mark, DrawnBox)]
        # The smallest box that holds a text; a badge hands it on to the card that it stands on.
        boxes.sort(key=lambda box: box.w * box.h)
        written: dict[int, list[tuple[PlacedLine, float]]] = {}
        badges, paper = set(), self.canvas.paper
        labels = []
        for text in self.canvas.marks:
            if not isinstance(text, DrawnText) or not (lines := tuple(text.placed())):
                continue
            holders = [box for box in boxes if _holds(box, lines[0])]
            if not holders:
                labels.append((text, lines))
                continue
            badge, card = holders[0], holders[-1]
            if badge is not card:
                badges.add(id(badge))
                lines = tuple(_without(badge, line, paper) for line in lines)
            written.setdefault(id(card), []).extend((line, text.size) for line in lines)
            self.figures += [
                DrawnFigure(*line.figure, line.spans[0].color) for line in lines if line.figure
            ]
        for box in self.canvas.marks:
            if isinstance(box, DrawnBox) and id(box) not in badges:
                card_rows = _rows(written.get(id(box), ()))
                shape = ShapeCard("", box, card_rows)
                shape.key = (
                    self.key(f"stage {box.name}") if box.name else self._text_key(shape.text)
                )
                self.cards.append(shape)
        for text, lines in labels:
            all_words = " ".join(words(line.spans) for line in lines)
            self.labels.append(ShapeLabel(self._text_key(f"text {all_words}"), text, lines))

    def _connectors(self) -> Iterator[Connector]:
        named = {card.box.name: card for card in self.cards if card.box.name}
        for link in _evenly_dashed(self.canvas.links):
            tail, head = named[link.tail], named[link.head]
            key = self.key(f"move {link.tail} to {link.head}")
            lines, points = self._tracks.route(tail.box, head.box)
            if link.stroke.dash == "dashed":
                points = _in_phase(points)
            yield Connector(key, link, tail, head, lines, points)
        for line in [line for line in self._tracks.unused() if line.arrow]:
            ends = [
                next((card for card in self.cards if _touches(card.box, point)), None)
                for point in (line.points[0], line.points[-1])
            ]
            tail_card, head_card = ends
            if tail_card is not None and head_card is not None:
                link = Link(tail_card.key, head_card.key, line.stroke)
                key = self.key(f"{tail_card.key} to {head_card.key}")
                self._tracks.used.add(line)
                yield Connector(key, link, tail_card, head_card, (line,), line.points)


def words(spans: Iterable[Span]) -> str:
    """The text of spans."""
    return "".join(span.text for span in spans)


def _holds(box: DrawnBox, line: PlacedLine) -> bool:
    return box.x <= line.left + line.room / 2 <= box.x + box.w and box.y <= line.y <= box.y + box.h


def _touches(box: DrawnBox, point: Point) -> bool:
    """Whether the point is on the border of the box."""
    beside = max(box.x - point[0], point[0] - box.x - box.w)
    above = max(box.y - point[1], point[1] - box.y - box.h)
    return abs(max(beside, above)) <= _NEAR


def _without(badge: DrawnBox, line: PlacedLine, paper: str) -> PlacedLine:
    """The text of a badge in the colour of the badge, as it stands on the card itself."""
    spans = [
        attrs.evolve(span, color=badge.fill) if span.color == paper else span for span in line.spans
    ]
    return attrs.evolve(line, spans=spans, left=badge.x)


def _rows(lines: Iterable[tuple[PlacedLine, float]]) -> list[CardRow]:
    """What stands at about one height, as one row."""
    rows: list[list[tuple[PlacedLine, float]]] = []
    for line, size in sorted(lines, key=lambda pair: pair[0].y):
        if not rows or line.y - rows[-1][0][0].y > _ROW * size:
            rows.append([])
        rows[-1].append((line, size))
    for row in rows:
        row.sort(key=lambda pair: pair[0].left)
    return [CardRow(tuple(_text(*pair) for pair in row), row[0][0].y) for row in rows]


def _text(line: PlacedLine, size: float) -> CardText:
    return CardText(tuple(line.spans), size, line.left, line.left + line.room)


def _evenly_dashed(links: Sequence[Link]) -> Iterator[Link]:
    """The links, of which those that are dashed and lead to one box are equally wide: PowerPoint
    measures dashes in widths."""
    widest: dict[str, float] = {}
    for link in links:
        if link.stroke.dash == "dashed":
            widest[link.head] = max(link.stroke.width, widest.get(link.head, 0.0))
    for link in links:
        wide = widest[link.head] if link.stroke.dash == "dashed" else link.stroke.width
        yield attrs.evolve(link, stroke=attrs.evolve(link.stroke, width=wide))


def _in_phase(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """A way down and along a lane, moved to the right until its length is a whole number of dashes.

    So the dashes of all ways on a lane lie on each other, and do not fill each other's gaps.
    """
    if len(points) != 3 or points[0][0] != points[1][0]:
        return points
    (x, start), (_, lane), end = points
    spare = _length(points) % sum(DASHES)
    x += spare if end[0] > x else (sum(DASHES) - spare) % sum(DASHES)
    return (x, start), (x, lane), end


# ------------------------------------------------------------------ ways along lines


class _Tracks:
    """The drawn lines, as tracks from card to card."""

    def __init__(self, lines: Sequence[DrawnLine]) -> None:
        self.used: set[DrawnLine] = set()
        self._lines = lines
        # A line without an arrowhead may be passed in both directions.
        self._tracks = [(line, line.points) for line in lines]
        self._tracks += [(line, line.points[::-1]) for line in lines if not line.arrow]
        self._next: dict[int, list[int]] = {}

    def unused(self) -> list[DrawnLine]:
        """The lines that belong to no connector."""
        return [line for line in self._lines if line not in self.used]

    def route(
        self, tail: DrawnBox, head: DrawnBox
    ) -> tuple[tuple[DrawnLine, ...], tuple[Point, ...]]:
        """The shortest way from the border of one box to that of the other, as lines and as points;
        empty if there is none."""
        serial = count()  # of two ways of one length, the one that was seen first
        ways: list[tuple[float, int, list[int]]] = [
            (_length(points), next(serial), [index])
            for index, (_, points) in enumerate(self._tracks)
            if _touches(tail, points[0])
        ]
        heapq.heapify(ways)
        seen = set()
        while ways:
            length, _, way = heapq.heappop(ways)
            last = way[-1]
            if last in seen:
                continue
            seen.add(last)
            if _touches(head, self._tracks[last][1][-1]):
                lines, parts = zip(*(self._tracks[index] for index in way), strict=True)
                self.used |= {*lines}
                return lines, _straightened(point for part in parts for point in part)
            for index in self._after(last):
                further = length + _length(self._tracks[index][1])
                heapq.heappush(ways, (further, next(serial), [*way, index]))
        return (), ()

    def _after(self, index: int) -> list[int]:
        """The tracks that go on where this one ends, in about the same direction."""
        if index not in self._next:
            *_, before, end = self._tracks[index][1]
            self._next[index] = [
                other
                for other, (_, points) in enumerate(self._tracks)
                if math.dist(points[0], end) < 1 and _turn(before, end, points[1]) > 0.7
            ]
        return self._next[index]


def _length(points: Sequence[Point]) -> float:
    return sum(math.dist(start, end) for start, end in pairwise(points))


def _turn(before: Point, at: Point, after: Point) -> float:
    """The cosine of the turn: 1 straight on, -1 back."""
    whole = math.dist(before, at) * math.dist(at, after)
    dot = sum((at[axis] - before[axis]) * (after[axis] - at[axis]) for axis in (0, 1))
    return dot / whole if whole else 1.0


def _straightened(points: Iterable[Point]) -> tuple[Point, ...]:
    """The points without those on a straight line between others."""
    kept: list[Point] = []
    for point in corners(list(points)):
        if len(kept) > 1 and _turn(kept[-2], kept[-1], point) > 0.9999:
            kept.pop()
        kept.append(point)
    return tuple(kept)
