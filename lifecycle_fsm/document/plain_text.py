"""A document as plain text for a terminal: wrapped, with times in their own column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap
from typing import assert_never

from lifecycle_fsm.document import blocks as doc

_NARROW, _WIDE = 60, 100
_COLUMN = 19
_INDENT = "  "


def render_text(document: doc.Document, width: int) -> str:
    """The whole document, in lines of at most ``width`` characters, a width from 60 to 100."""
    width = max(_NARROW, min(width, _WIDE))
    lines = _wrapped(document.title, width)
    lines += _wrapped(document.lead, width)
    lines += _pairs(
        ((doc.as_text(fact.key), doc.as_text(fact.value)) for fact in document.facts), width
    )
    lines += _blocks(document.blocks, width, "", 2)
    return "\n".join(lines) + "\n"


def _blocks(blocks: Iterable[doc.Block], width: int, indent: str, level: int) -> Iterator[str]:
    for place, block in enumerate(blocks):
        match block:
            case doc.Group(blocks=inner) | doc.Alternatives(text=inner):
                yield from _blocks(inner, width, indent, level)
            case doc.Section():
                yield ""
                title = block.title.upper() if level == 2 else block.title
                yield from _wrapped(title, width)
                yield from _wrapped(block.note, width, _INDENT)
                yield from _blocks(block.blocks, width, _INDENT, level + 1)
            case _:
                if place:
                    yield ""
                yield from _block(block, width, indent)


def _block(block: doc.Content, width: int, indent: str) -> Iterator[str]:
    match block:
        case doc.Paragraph(text):
            yield from _wrapped(doc.as_text(text), width, indent)
        case doc.Lines(texts):
            for text in texts:
                yield from _wrapped(doc.as_text(text), width, indent)
        case doc.BulletList(items):
            for item in items:
                yield from _item(item, width, indent)
        case doc.KeyValues(rows):
            pairs = ((doc.as_text(row.key), doc.as_text(row.value)) for row in rows)
            yield from _pairs(pairs, width, indent)
        case doc.Timeline(events):
            for event in events:
                yield from _event(event, width)
        case doc.DataTable():
            yield from _wrapped(block.title, width, indent)
            yield from _wrapped(block.caption, width, indent)
            if block.rows:
                cells = [block.head, *(list(map(_cell, row.cells)) for row in block.rows)]
                right = [place for place, side in enumerate(block.aligned) if side != "left"]
                yield from lined_up(cells, right, len(indent)).splitlines()
        case doc.Picture(title=title):
            yield from _wrapped(f"[picture: {title}]", width, indent)
        case doc.Signatures(sides):
            yield from _pairs(((f"For {side.lower()}", "_" * 40) for side in sides), width, indent)
        case _:
            assert_never(block)


def _item(item: doc.ListItem, width: int, indent: str) -> Iterator[str]:
    yield from _wrapped(doc.as_text(item.text), width, indent, indent + _INDENT)
    for below in item.below:
        yield from _item(below, width, indent + _INDENT)


def _pairs(pairs: Iterable[tuple[str, str]], width: int, indent: str = "") -> list[str]:
    lines = (_wrapped(f"{key}: {value}", width, indent, indent + _INDENT) for key, value in pairs)
    return [line for wrapped in lines for line in wrapped]


def _event(event: doc.TimelineEvent, width: int) -> Iterator[str]:
    hanging = " " * _COLUMN
    lines = wrap(event.text, width - _COLUMN, break_long_words=True, break_on_hyphens=False)
    yield f"{event.when[0]:>{_COLUMN - 2}}  {lines[0]}"
    rest = [f"{hanging}{line}" for line in lines[1:]]
    for detail in event.details:
        rest += _wrapped(detail, width, hanging, hanging + _INDENT)
    if len(event.when) > 1:  # the end of a run stands below its beginning
        label = f"{event.when[1]:>{_COLUMN - 2}}  "
        if rest:
            rest[0] = label + rest[0][_COLUMN:]
        else:
            rest = [label.rstrip()]
    yield from rest


def _cell(cell: doc.Cell) -> str:
    return "; ".join(map(doc.as_text, doc.cell_lines(cell))) or "–"


def _wrapped(text: str, width: int, first: str = "", later: str | None = None) -> list[str]:
    return wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=first if later is None else later,
        break_on_hyphens=False,
    )


def lined_up(rows: Iterable[Sequence[str]], right: Sequence[int] = (), indent: int = 2) -> str:
    """Rows of text with aligned columns; the columns in ``right`` are right-aligned."""
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in table
    )
    return "\n".join(" " * indent + line.rstrip() for line in lines)
