"""A story as plain text for a terminal: wrapped, with the times in a column of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import TYPE_CHECKING

from lifecycle_fsm.story import layout

if TYPE_CHECKING:
    from lifecycle_fsm.story.entries import Entry
    from lifecycle_fsm.story.story import Story

_NARROW, _WIDE = 60, 100
_COLUMN = 19


def page(story: Story, width: int) -> str:
    """The whole story."""
    width = max(_NARROW, min(width, _WIDE))
    return "\n".join(_page(story, width)) + "\n"


def _page(story: Story, width: int) -> Iterator[str]:
    head = layout.head(story)
    yield from _wrapped(head.title, width)
    for line in head.lines:
        yield from _wrapped(line, width)
    for part in layout.parts(story):
        if part.level == 1:
            yield ""
            yield part.title.upper()
            for line in part.lines:
                yield from _wrapped(line, width, "  ")
        else:
            yield ""
            yield from _wrapped(part.title, width)
        for entry in part.entries:
            yield from _entry(story, entry, width)
        for line in part.items:
            yield from _wrapped(line, width, "  ", "    ")
        if part.table:
            yield from _table(part.table)


def _entry(story: Story, entry: Entry, width: int) -> Iterator[str]:
    when = layout.when(story, entry)
    hanging = " " * _COLUMN
    lines = wrap(entry.text, width - _COLUMN, break_long_words=True, break_on_hyphens=False)
    yield f"{when[0]:>{_COLUMN - 2}}  {lines[0]}"
    rest = [f"{hanging}{line}" for line in lines[1:]]
    for detail in entry.details:
        rest += _wrapped(detail, width, hanging, hanging + "  ")
    if len(when) > 1:  # the end of a run stands below its beginning
        label = f"{when[1]:>{_COLUMN - 2}}  "
        if rest:
            rest[0] = label + rest[0][_COLUMN:]
        else:
            rest = [label.rstrip()]
    yield from rest


def _wrapped(text: str, width: int, first: str = "", later: str | None = None) -> list[str]:
    return wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=first if later is None else later,
        break_on_hyphens=False,
    )


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield ("  " + "  ".join(cells)).rstrip()
