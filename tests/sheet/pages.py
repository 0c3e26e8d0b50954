"""An HTML page as a tree, for tests that look into it."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

import attrs

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
