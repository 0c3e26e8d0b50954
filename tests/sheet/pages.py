"""An HTML page as a tree, and blocks as lines, for tests that look into them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html.parser import HTMLParser

import attrs

from lifecycle_fsm.document.blocks import (
    Alternatives,
    Block,
    BulletList,
    Cell,
    DataTable,
    Group,
    KeyValues,
    ListItem,
    Paragraph,
    Section,
    as_text,
    cell_lines,
)

VOID = frozenset({"meta", "link", "br", "img", "input", "hr", "col"})


@attrs.define(eq=False)
class Node:
    tag: str
    attributes: dict[str, str]
    above: Node | None = None
    below: list[Node | str] = attrs.field(factory=list)

    def walk(self) -> Iterator[Node]:
        yield self
        for one in self.below:
            if isinstance(one, Node):
                yield from one.walk()

    def all(self, *tags: str) -> list[Node]:
        return [one for one in self.walk() if one.tag in tags]

    @property
    def text(self) -> str:
        return "".join(one if isinstance(one, str) else one.text for one in self.below)

    def inside(self, tag: str) -> bool:
        above = self.above
        while above is not None and above.tag != tag:
            above = above.above
        return above is not None


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.top = self.here = Node("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.below.append(node)
        if tag not in VOID:
            self.here = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.here.below.append(Node(tag, {n: v or "" for n, v in attrs}, self.here))

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag, f"<{self.here.tag}> is closed by </{tag}>"
        assert self.here.above is not None
        self.here = self.here.above

    def handle_data(self, data: str) -> None:
        self.here.below.append(data)


def parsed(page: str) -> Node:
    parser = _Parser()
    parser.feed(page)
    parser.close()
    assert parser.here is parser.top, f"<{parser.here.tag}> is left open"
    return parser.top


def lines(blocks: Iterable[Block]) -> Iterator[str]:
    """The texts of blocks, without headings and notes."""
    for block in blocks:
        match block:
            case Section(blocks=inner) | Group(blocks=inner) | Alternatives(text=inner):
                yield from lines(inner)
            case Paragraph(text):
                yield as_text(text)
            case BulletList(items):
                for item in items:
                    yield from item_lines(item)
            case KeyValues(rows):
                yield from (f"{as_text(row.key)}: {as_text(row.value)}" for row in rows)
            case DataTable():
                yield from ([block.caption] if block.caption else [])
                yield from (" | ".join(map(cell_text, row.cells)) for row in block.rows)


def item_lines(item: ListItem) -> Iterator[str]:
    yield as_text(item.text)
    for below in item.below:
        yield from (f"- {line}" for line in item_lines(below))


def cell_text(cell: Cell) -> str:
    return " / ".join(map(as_text, cell_lines(cell)))
