"""The font size at which a sheet fits on two pages of A4.

For paper, the style sheet lays a sheet out on two pages of a fixed plan; the amount of content
differs from model to model. A browser cannot choose its font size by that, so it is estimated here,
from character widths slightly greater than those of common fonts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import ceil

from lifecycle_fsm.diagram.text_fit import width
from lifecycle_fsm.document.blocks import (
    Alternatives,
    Block,
    BulletList,
    Cell,
    DataTable,
    Group,
    KeyValues,
    Line,
    ListItem,
    Paragraph,
    Section,
    as_text,
    cell_lines,
)

#: The parts beside the picture.
BESIDE = ("tokens", "owners", "starts", "reasons", "vocabulary")
LARGEST, SMALLEST, STEP = 8.6, 5.8, 0.1
_PT = 0.3528  # mm
_FIRST, _SECOND, _HEAD = 189.0, 193.0, 12.5  # of 196 mm
_LINE = 1.24
_LETTER = 0.94  # common fonts are narrower than that of the pictures
_SHOWN = 5  # people shown of each list
# Widths in mm: of the picture, the column beside it, a column of rules, and a strip below the
# picture.
_PICTURE, _BESIDE, _COLUMN, _STRIP = 234.0, 44.0, 66.5, 75.0
# The greatest height in mm that the style sheet gives the picture, with numbers below it and
# without.
_LOW, _HIGH = 132.0, 138.0
# The widths of columns in mm, and the space between rows, by the look of a table.
_TABLES = {
    "stack": ((28.5, 48.5, 113.5, 83.0), 0.9),
    "stack litmus": ((46.0, 25.0, 60.0), 0.9),
    "plain": ((26.0, 14.0), 1.0),
}
_POINTS = 8.0  # the column of points


def letter_sizes(parts: Mapping[str, tuple[Section, ...]], picture: float) -> tuple[float, float]:
    """The sizes in points for the first page and the second: the largest at which the content fits.

    Args:
        parts: the content, as :attr:`.Sheet.parts`.
        picture: the height of the picture divided by its width.
    """

    def first(size: float) -> float:
        return _Ruler(size).first_page(parts, picture)

    def second(size: float) -> float:
        return _Ruler(size).second_page(parts)

    return _largest(first, _FIRST), _largest(second, _SECOND)


def _largest(height: Callable[[float], float], room: float) -> float:
    size = LARGEST
    while size > SMALLEST and height(size) > room:
        size = round(size - STEP, 1)
    return size


class _Ruler:
    """The heights of blocks in print, in mm, at a font size in points."""

    def __init__(self, size: float) -> None:
        self.letter = size * _PT
        self.line = self.letter * _LINE

    # -- the pages -----------------------------------------------------------------------------

    def first_page(self, parts: Mapping[str, tuple[Section, ...]], picture: float) -> float:
        drawn = min(_PICTURE * picture, _LOW if parts["numbers"] else _HIGH)
        tracks = self.blocks(parts["fast_tracks"], _STRIP)
        if parts["numbers"]:
            strip = tracks / 3 + 2 * self.line if tracks else 0.0
            below = 6 * (self.line + 0.85) + 0.5 + strip
        else:
            below = (tracks + self.blocks(parts["points"], _STRIP)) / 3 + 2 * self.line
        beside = sum(self.blocks(parts[name], _BESIDE) for name in BESIDE)
        return _HEAD + max(drawn + below + 3.0, beside + 2 * self.line)

    def second_page(self, parts: Mapping[str, tuple[Section, ...]]) -> float:
        signatures = max(self.line + 10.0, 3 * self.line) + 3.0
        stages = self.blocks(parts["stages"], 0.0)
        ready = self.blocks(parts["readiness"], 0.0)
        # The rules stand in four columns, with the points if the other page is full as well. Items
        # of a list are never split, so columns do not end alike.
        rules = (*parts["points"], *parts["rules"]) if parts["numbers"] else parts["rules"]
        columns = self.blocks(rules, _COLUMN) / 4 + 2 * self.line
        return stages + columns + ready + signatures

    # -- blocks --------------------------------------------------------------------------------

    def blocks(self, blocks: Iterable[Block], room: float) -> float:
        return sum(self.block(block, room) for block in blocks)

    def block(self, block: Block, room: float) -> float:
        match block:
            case Section():
                if block.detail:
                    return 0.0
                head = self.lines(f"{block.title} {block.note}", room) if room else 1
                return head * self.line + 2.2 + self.blocks(block.blocks, room)
            case Alternatives(page=inner):
                return self.blocks(inner, room)
            case Group(blocks=inner):  # beside each other
                return max(self.block(part, room) for part in inner)
            case Paragraph(text):
                return self.text(text, room) + 0.3
            case BulletList(items):
                return sum(self.item(item, room) for item in items)
            case KeyValues(rows):
                return sum(
                    self.text((*row.key, *row.value), room) + 0.75 for row in rows if not row.detail
                )
            case DataTable():
                return self.table(block, room)
        return 0.0

    def item(self, item: ListItem, room: float) -> float:
        return (
            self.text(item.text, room) + 0.65 + sum(self.item(below, room) for below in item.below)
        )

    def table(self, table: DataTable, room: float) -> float:
        widths, gap = _TABLES.get(table.style, ((room - _POINTS, _POINTS), 1.0))
        rows = table.rows[:_SHOWN] if "litmus" in table.style else table.rows
        heights = (
            max(self.cell(cell, width) for cell, width in zip(row.cells, widths, strict=True)) + gap
            for row in rows
        )
        return self.lines(table.caption or table.label, sum(widths)) * self.line + sum(heights)

    def cell(self, cell: Cell, room: float) -> float:
        return sum(self.text(line, room) for line in cell_lines(cell))

    def text(self, line: Line, room: float) -> float:
        return self.lines(as_text(line, details=False), room) * self.line

    def lines(self, text: str, room: float) -> int:
        return ceil(width(text, self.letter) * _LETTER / room) if text else 0
