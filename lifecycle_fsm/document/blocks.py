"""The blocks that a document is made of: content with its meaning, without markup.

Every text is one line of plain characters. A renderer leaves out what it cannot show: plain text
has no colours, and only a page has a second layout for print.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeAlias

import attrs

Style = Literal["", "strong", "code", "aside", "soft", "tag", "badge", "own"]
"""How a part of a line is emphasised: ``aside`` and ``soft`` are muted (``aside`` in italics if
there is no colour), ``tag`` and ``badge`` are framed, ``own`` has the colour of an owner."""


@attrs.frozen
class Inline:
    """A part of a line.

    ``detail`` marks text that is shown on screen but left out in print.
    """

    text: str
    style: Style = ""
    color: str = ""
    detail: bool = False


def strong(text: str) -> Inline:
    """Emphasised text."""
    return Inline(text, "strong")


def aside(text: str, *, detail: bool = False) -> Inline:
    """Muted text; a detail is left out in print."""
    return Inline(text, "aside", detail=detail)


def soft(text: str) -> Inline:
    """Text that is muted if there is colour."""
    return Inline(text, "soft")


Line: TypeAlias = tuple[Inline, ...]
Text: TypeAlias = "str | Inline | Iterable[str | Inline]"


def to_line(text: Text) -> Line:
    """A line from a text, or from texts and inlines; empty ones are left out."""
    parts = (text,) if isinstance(text, str | Inline) else text
    line = (Inline(part) if isinstance(part, str) else part for part in parts)
    return tuple(part for part in line if part.text)


def to_lines(texts: Iterable[Text]) -> tuple[Line, ...]:
    """Lines from texts."""
    return tuple(map(to_line, texts))


def as_text(line: Line, *, details: bool = True) -> str:
    """The characters of a line, with or without the details that only a screen shows."""
    return "".join(part.text for part in line if details or not part.detail)


@attrs.frozen
class Paragraph:
    """A paragraph; a note is muted."""

    text: Line = attrs.field(converter=to_line)
    note: bool = False


@attrs.frozen
class Lines:
    """A paragraph in which every line begins anew."""

    lines: tuple[Line, ...] = attrs.field(converter=to_lines)


@attrs.frozen
class ListItem:
    """An item of a list, with the blocks below it."""

    text: Line = attrs.field(converter=to_line)
    below: tuple[ListItem, ...] = ()


def _to_items(items: Iterable[ListItem | Text]) -> tuple[ListItem, ...]:
    return tuple(item if isinstance(item, ListItem) else ListItem(item) for item in items)


@attrs.frozen
class BulletList:
    """A list; ``style`` names its look on a page."""

    items: tuple[ListItem, ...] = attrs.field(converter=_to_items)
    ordered: bool = False
    style: str = ""


Cell: TypeAlias = "Line | tuple[Block, ...]"
"""A line, or blocks below each other."""


def _to_cell(cell: Text | Sequence[Block]) -> Cell:
    if isinstance(cell, str | Inline):
        return to_line(cell)
    parts = tuple(cell)
    if all(isinstance(part, str | Inline) for part in parts):
        return to_line(parts)  # type: ignore[arg-type]
    return parts  # type: ignore[return-value]


def cell_lines(cell: Cell) -> Iterator[Line]:
    """The lines of a cell, one below the other."""
    line = []
    for part in cell:
        match part:
            case Inline():
                line.append(part)
            case Paragraph(text):
                yield text
            case BulletList(items):
                for item in items:
                    yield from _item_lines(item)
    if line:
        yield tuple(line)


def _item_lines(item: ListItem, depth: int = 0) -> Iterator[Line]:
    """An item and what is below it, a dash for each step further in."""
    yield (Inline("– " * depth), *item.text) if depth else item.text
    for below in item.below:
        yield from _item_lines(below, depth + 1)


def _to_cells(cells: Iterable[Text | Sequence[Block]]) -> tuple[Cell, ...]:
    return tuple(map(_to_cell, cells))


@attrs.frozen
class TableRow:
    """A row of a table; ``shaded`` sets it off, ``detail`` leaves it out in print."""

    cells: tuple[Cell, ...] = attrs.field(converter=_to_cells)
    shaded: bool = False
    detail: bool = False


def _to_rows(rows: Iterable[TableRow | Iterable[Text | Sequence[Block]]]) -> tuple[TableRow, ...]:
    return tuple(row if isinstance(row, TableRow) else TableRow(row) for row in rows)


Align = Literal["left", "right", "number"]


@attrs.frozen(kw_only=True)
class DataTable:
    """A table. A table without rows shows only its title and caption.

    Args:
        head: the headings of the columns.
        rows: their cells; an empty cell is shown as a dash, and a page leaves out a column whose
            cells are all empty.
        align: of all columns but the first, which is aligned left; or of each column.
        title, caption: the text above the table.
        label: what a page shows above the table if it has no caption.
        empty: what a page shows for a table without rows.
        style: the name of its look on a page; on a narrow screen, ``stack`` puts the cells of a row
            below each other.
        row_heads: whether the first cell of a row is its heading.
    """

    head: tuple[str, ...] = attrs.field(converter=tuple[str, ...])
    rows: tuple[TableRow, ...] = attrs.field(converter=_to_rows)
    align: Align | tuple[Align, ...] = "left"
    title: str = ""
    caption: str = ""
    label: str = ""
    empty: str = ""
    style: str = ""
    row_heads: bool = False

    @property
    def aligned(self) -> tuple[Align, ...]:
        """The alignment of each column."""
        if isinstance(self.align, tuple):
            return self.align
        return ("left", *(self.align for _ in self.head[1:]))

    @property
    def filled(self) -> tuple[bool, ...]:
        """For each column, whether any of its cells has content."""
        return tuple(any(row.cells[place] for row in self.rows) for place in range(len(self.head)))


@attrs.frozen
class KeyValue:
    """A name with its text; ``detail`` leaves it out in print."""

    key: Line = attrs.field(converter=to_line)
    value: Line = attrs.field(converter=to_line)
    detail: bool = False


@attrs.frozen
class KeyValues:
    """Names, each with its text; ``style`` names their look on a page."""

    rows: tuple[KeyValue, ...] = attrs.field(converter=tuple[KeyValue, ...])
    style: str = ""


@attrs.frozen
class TimelineEvent:
    """What happened at an instant, or between two instants, and the results."""

    when: tuple[str, ...]
    text: str
    details: tuple[str, ...] = ()


@attrs.frozen
class Timeline:
    """Events in order."""

    events: tuple[TimelineEvent, ...] = attrs.field(converter=tuple[TimelineEvent, ...])


@attrs.frozen
class Piece:
    """A part of an SVG for paper: its view box, and its size in millimetres."""

    view: tuple[float, float, float, float]
    width: float
    height: float


@attrs.frozen(kw_only=True)
class Picture:
    """A picture in its available formats; a renderer takes the one that it can show.

    On a narrow screen a page shows ``narrow``, another SVG, and on paper the ``pieces``.
    """

    title: str
    svg: str = attrs.field(default="", repr=False)
    narrow: str = attrs.field(default="", repr=False)
    pieces: tuple[Piece, ...] = ()
    mermaid: str = attrs.field(default="", repr=False)
    link: str = ""


@attrs.frozen
class Signatures:
    """Lines for the signature of each side."""

    sides: tuple[str, ...]


def _to_blocks(blocks: Iterable[Block]) -> tuple[Block, ...]:
    return tuple(blocks)


@attrs.frozen(kw_only=True)
class Section:
    """Blocks below a heading. ``id`` is unique in a document, and a page links to it."""

    title: str
    blocks: tuple[Block, ...] = attrs.field(converter=_to_blocks)
    note: str = ""
    id: str = ""
    detail: bool = False


@attrs.frozen(kw_only=True)
class Group:
    """Blocks that a page arranges together; elsewhere they follow each other."""

    style: str
    blocks: tuple[Block, ...] = attrs.field(converter=_to_blocks)
    id: str = ""


@attrs.frozen(kw_only=True)
class Alternatives:
    """The same content in two layouts: for a page, and for running text."""

    page: tuple[Block, ...]
    text: tuple[Block, ...]


Content: TypeAlias = (
    Paragraph | Lines | BulletList | DataTable | KeyValues | Timeline | Picture | Signatures
)
"""A block without other blocks in it; all others contain blocks."""
Block: TypeAlias = Content | Section | Group | Alternatives
"""Anything that can stand in a document."""


@attrs.frozen(kw_only=True)
class Document:
    """A whole document: its heading, its subject, and its blocks.

    ``links`` are the ids and names of the parts that a page links to at its top.
    """

    title: str
    blocks: tuple[Block, ...] = attrs.field(converter=_to_blocks)
    lead: str = ""
    facts: tuple[KeyValue, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
