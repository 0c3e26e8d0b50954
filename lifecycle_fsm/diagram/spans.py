"""Pieces of text in their own weight and colour, and how wide they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from lifecycle_fsm.diagram.look import SOFT
from lifecycle_fsm.diagram.words import escape, width

ICON = 13.0
"""The room of a by-hand mark before a text."""


@attrs.frozen
class Span:
    """A piece of a line of text."""

    text: str
    bold: bool = False
    color: str = SOFT

    def markup(self) -> str:
        """The piece in Graphviz's HTML-like language."""
        inner = f"<b>{escape(self.text)}</b>" if self.bold else escape(self.text)
        return f'<font color="{self.color}">{inner}</font>'


def spans_width(spans: Iterable[Span], size: float) -> float:
    """How wide a line of pieces is."""
    return sum(width(span.text, size, bold=span.bold) for span in spans)


def label(spans: Sequence[Span], *, align: str, points: int, size: int) -> str:
    """A line as a label of Graphviz, both measures in points."""
    inner = "".join(span.markup() for span in spans)
    return (
        '<<table border="0" cellborder="0" cellspacing="0" cellpadding="0"><tr>'
        f'<td align="{align}" width="{points}">'
        f'<font point-size="{size}">{inner}</font></td></tr></table>>'
    )
