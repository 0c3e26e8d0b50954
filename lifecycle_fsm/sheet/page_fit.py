"""A picture in pieces that fit on landscape paper, of A4 as well as of Letter.

No letter on paper is smaller than 7.5 points, so a large picture continues on the next page. It is
cut where no text and no card is.
"""

from __future__ import annotations

from collections.abc import Iterable

from lifecycle_fsm.diagram.canvas import Canvas, DrawnBox, DrawnText
from lifecycle_fsm.document import render_markdown
from lifecycle_fsm.document.blocks import Block, Document, Piece

WIDTHS = (1350.0, 1214.0)
"""The widths in pixels of pictures on which letters of the usual size, or the smallest, are large
enough on Letter."""

ROOMY = 120.0
"""The height in millimetres of a picture that leaves room below it on its page."""

LEAST = 7.52
"""The size of the smallest letters on paper, in points."""

_PAPER = 269.0  # mm: the width of Letter without its margins
_FIRST, _LATER = 184.0, 194.0  # mm: below the heading, and on a page of its own
_ENLARGED = 105.0  # mm: a small picture is enlarged to this height
_PT = 0.3528  # mm


def fits_page(blocks: Iterable[Block]) -> bool:
    """Whether blocks certainly need no more than a page, by their lines and letters as text."""
    text = render_markdown(Document(title="", blocks=blocks))
    return text.count("\n") + text.count("<br>") < 48 and len(text) < 5000


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
    pieces, top = list[Piece](), 0.0
    while top < canvas.height:
        room = (_LATER if pieces else _FIRST) / scale
        end = canvas.height if canvas.height - top <= room else _cut(canvas, top, top + room)
        # The unit of the SVG is the point.
        view = (0.0, top * 0.75, canvas.width * 0.75, (end - top) * 0.75)
        pieces.append(Piece(view, canvas.width * scale, (end - top) * scale))
        top = end
    return tuple(pieces)


def _cut(canvas: Canvas, top: float, latest: float) -> float:
    """Where to cut between two heights: in the last gap below the middle between bands, cards and
    text; else in the last one within a band; at the latest if there is none."""
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
