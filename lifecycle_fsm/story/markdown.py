"""A story as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lifecycle_fsm.story import layout

if TYPE_CHECKING:
    from lifecycle_fsm.story.story import Story

_SIGNS = re.compile(r"([\\`*_{}\[\]<>|#~$]|&(?=#?\w+;))")
# Of a list, a line across the page, or a heading above it.
_BEGINNINGS = re.compile(r"^(\d*)([-+=.)])(?=[-=\s]|$)")


def page(story: Story) -> str:
    """The whole story."""
    return "\n".join(_page(story)).rstrip() + "\n"


def _page(story: Story) -> Iterator[str]:
    head = layout.head(story)
    yield f"# {_plain(head.title)}"
    yield ""
    yield "  \n".join(map(_plain, head.lines))
    for part in layout.parts(story):
        yield ""
        yield f"{'#' * (part.level + 1)} {_plain(part.title)}"
        yield ""
        if part.lines:
            yield from (_plain(line) for line in part.lines)
            yield ""
        for entry in part.entries:
            yield f"- **{_plain(' '.join(layout.when(story, entry)))}** {_plain(entry.text)}"
            yield from (f"  - {_plain(one)}" for one in entry.details)
        yield from (f"- {_plain(one)}" for one in part.items)
        if part.table:
            first, *rows = part.table
            yield f"| {' | '.join(map(_plain, first))} |"
            yield f"| {' | '.join(['---'] + ['---:'] * (len(first) - 1))} |"
            yield from (f"| {' | '.join(map(_plain, row))} |" for row in rows)


def _plain(text: str) -> str:
    """The text with nothing in it that Markdown would read as markup."""
    return _BEGINNINGS.sub(r"\1\\\2", _SIGNS.sub(r"\\\1", text))
