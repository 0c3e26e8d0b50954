"""A picture in pieces that fit on landscape paper, of A4 as well as of Letter.

No letter on paper is smaller than 7.5 points, so a large picture continues on the next page. It is
cut where no text and no card is.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from lifecycle_fsm.diagram.canvas import Canvas, DrawnBox, DrawnText
from lifecycle_fsm.document import render_markdown
from lifecycle_fsm.document.blocks import Block, Document, Piece

WIDTHS = (1350.0, 1214.0)
"""The widths in pixels of pictures on which letters of the usual size, or the smallest, are large
enough on Letter."""

WIDE = {"numbers": 34.0, "readiness": 66.0, "signed": 16.0}
"""The heights on paper, in millimetres, of the parts that are as wide as the page."""

BLANK = 14.0
"""The height in pixels below the legend of a picture, which paper leaves out."""

LEAST = 7.52
"""The size of the smallest letters on paper, in points."""

_PAPER = 269.0  # mm: the width of Letter without its margins
_PAGES = ((287.0, 200.0), (_PAPER, 206.0))  # mm: A4 and Letter without their margins
_HEADING = 6.0  # mm
_FIRST, _LATER = 193.5, 199.0  # mm: below the heading, and on a page of its own
_SMALL, _LARGE = 7.55, 10.0  # points: of text
_FULL = 0.95  # of a page, because text is only estimated
_ENLARGED = 105.0  # mm: a small picture is enlarged to this height
_PT = 0.3528  # mm


def letter_size(
    pieces: Iterable[Piece], columns: Iterable[Block], wide: Collection[str] = ()
) -> float:
    """The size in points at which the text below a picture fills the pages that it needs in the
    smallest letters, of A4 as well as of Letter.

    Args:
        pieces: of the picture.
        columns: the text that flows in columns.
        wide: the names of the parts that are as wide as the page.
    """
    text = len(render_markdown(Document(title="", blocks=columns)))
    area = 75 + 0.075 * text  # mm² at one point, as measured in a browser
    rooms = []
    for width, height in _PAGES:
        top = _HEADING
        for piece in pieces:  # what does not fit goes to the next page
            room = height - top % height
            top += piece.height + (room if piece.height > room else 0)
        top += sum(WIDE[name] for name in wide)
        rooms.append((width, height, top, (top + area * _SMALL**2 / width) / height))
    pages = math.ceil(max(needed for *_, needed in rooms))
    sizes = [
        math.sqrt(max(0.0, pages * height * _FULL - top) * width / area)
        for width, height, top, _ in rooms
    ]
    return min(max(_SMALL, min(sizes)), _LARGE)


def fits_paper(canvas: Canvas) -> bool:
    """Whether paper is wide enough for the smallest letters of the picture."""
    return _least_scale(canvas) * canvas.width <= _PAPER


def _least_scale(canvas: Canvas) -> float:
    sizes = (mark.size for mark in canvas.marks if isinstance(mark, DrawnText))
    return LEAST * _PT / min(sizes, default=LEAST)


def paper_pieces(canvas: Canvas) -> tuple[Piece, ...]:
    """The pieces of a picture, from top to bottom, with their sizes on paper."""
    widest = _PAPER / canvas.width
    scale = min(widest, max(_least_scale(canvas), _ENLARGED / canvas.height))
    pieces, top, bottom = list[Piece](), 0.0, canvas.height - BLANK
    while top < bottom:
        room = (_LATER if pieces else _FIRST) / scale
        end = bottom if bottom - top <= room else _cut(canvas, top, top + room)
        # The unit of the SVG is the point.
        view = (0.0, top * 0.75, canvas.width * 0.75, (end - top) * 0.75)
        pieces.append(Piece(view, canvas.width * scale, (end - top) * scale))
        top = end
    return tuple(pieces)


def _cut(canvas: Canvas, top: float, latest: float) -> float:
    """Where to cut between two heights: below the middle, between two rows of the path; else in the
    last gap between bands, cards and text; else in the last one within a band; at the latest if
    there is none."""
    if rows := [row for row in canvas.breaks if (top + latest) / 2 < row <= latest]:
        return rows[-1]
    spans = [(mark.y, mark.y + mark.h) for mark in canvas.marks if isinstance(mark, DrawnBox)]
    spans += [
        (line.y - text.size * 0.7, line.y + text.size * 0.7)
        for text in canvas.marks
        if isinstance(text, DrawnText)
        for line in text.placed()
    ]
    bands = [(band.y, band.y + band.h) for band in canvas.bands]
    for taken in (spans + bands, spans):
        end, cut = (top + latest) / 2, 0.0
        for start, stop in sorted([*(span for span in taken if span[1] > end), (latest, latest)]):
            if end < start <= latest:
                cut = (end + start) / 2
            end = max(end, stop)
        if cut:
            return cut
    return latest
