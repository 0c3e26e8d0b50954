"""A document as Markdown, as GitHub and most wikis render it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import assert_never

from lifecycle_fsm.document import blocks as doc

_SIGNS = re.compile(r"([\\`*_{}\[\]<>|#~$]|&(?=#?\w+;))")
# Beginnings of a list, of a rule across the page, or of the underline of a heading.
_BEGINNINGS = re.compile(r"^(\d*)([-+=.)])(?=[-=\s]|$)")
_STYLES = {"strong": "**{}**", "aside": "*{}*", "tag": "({})"}
_RULES = {"left": "---", "right": "---:", "number": "--:"}
_EMPTY = "–"


def render_markdown(document: doc.Document) -> str:
    """The whole document."""
    lines = [f"# {escaped(document.title)}", ""]
    if document.lead:
        lines += [escaped(document.lead), ""]
    if document.facts:
        first, *others = (escaped(doc.as_text(fact.key)) for fact in document.facts)
        keys = [first, *(name[:1].lower() + name[1:] for name in others)]
        facts = zip(keys, document.facts, strict=True)
        lines += [" · ".join(f"{key} {_line(fact.value)}" for key, fact in facts), ""]
    _write(document.blocks, lines, 2)
    return "\n".join(lines).rstrip("\n") + "\n"


def escaped(text: str) -> str:
    """The text with everything escaped that Markdown would read as markup."""
    return _BEGINNINGS.sub(r"\1\\\2", _SIGNS.sub(r"\\\1", text))


def _write(blocks: Iterable[doc.Block], lines: list[str], level: int) -> None:
    """Append the lines of blocks, with an empty line between them."""
    for block in blocks:
        match block:
            case doc.Group(blocks=inner) | doc.Alternatives(text=inner):
                _write(inner, lines, level)
            case doc.Section():
                # A subsection has one more empty line above it than the text of its section.
                if lines[-1] or level > 2:
                    lines.append("")
                lines += [f"{'#' * level} {escaped(block.title)}", ""]
                if block.note:
                    lines += [escaped(block.note), ""]
                _write(block.blocks, lines, level + 1)
            case _:
                if lines[-1]:
                    lines.append("")
                lines += _block(block, level)


def _block(block: doc.Content, level: int) -> Iterator[str]:
    match block:
        case doc.Paragraph(text):
            yield from (_line(text), "")
        case doc.Lines(texts):
            yield "  \n".join(map(_line, texts))
        case doc.BulletList(items, ordered):
            for number, item in enumerate(items, 1):
                yield from _item(item, f"{number}." if ordered else "-")
        case doc.DataTable():
            yield from _table(block, level)
        case doc.KeyValues(rows):
            yield from (f"- **{_line(row.key)}**: {_line(row.value)}" for row in rows)
        case doc.Timeline(events):
            for event in events:
                yield f"- **{escaped(' '.join(event.when))}** {escaped(event.text)}"
                yield from (f"  - {escaped(detail)}" for detail in event.details)
        case doc.Picture(link=str() as link) if link:
            yield f"![{escaped(block.title)}]({link.replace(' ', '%20')})"
        case doc.Picture():
            yield f"```mermaid\n{block.mermaid.strip()}\n```"
        case doc.Signatures(sides):
            lines = [(f"For {side.lower()}", "", "", "") for side in sides]
            head = ("", "Name", "Signature", "Date")
            yield from _rows(head, lines, ["---"] * 4)
        case _:
            assert_never(block)


def _item(item: doc.ListItem, mark: str) -> Iterator[str]:
    yield f"{mark} {_line(item.text)}"
    for below in item.below:
        yield from (f"  {line}" for line in _item(below, "-"))


def _table(table: doc.DataTable, level: int) -> Iterator[str]:
    if table.title:
        yield from (f"{'#' * level} {escaped(table.title)}", "")
    if table.caption:
        yield from (escaped(table.caption), "")
    if table.rows:
        rows = ([_cell(cell) for cell in row.cells] for row in table.rows)
        head = map(escaped, table.head)
        yield from _rows(head, rows, [_RULES[align] for align in table.aligned])


def _rows(
    head: Iterable[str], rows: Iterable[Iterable[str]], rules: Iterable[str]
) -> Iterator[str]:
    for row in chain((head, rules), rows):
        yield f"| {' | '.join(row)} |"


def _cell(cell: doc.Cell) -> str:
    return "<br>".join(map(_line, doc.cell_lines(cell))) or _EMPTY


def _line(line: doc.Line) -> str:
    text = "".join(map(_inline, line))
    return _BEGINNINGS.sub(r"\1\\\2", text)


def _inline(part: doc.Inline) -> str:
    if part.style == "code":
        return f"`{part.text}`"
    text = _SIGNS.sub(r"\\\1", part.text)
    return _STYLES[part.style].format(text) if part.style in _STYLES else text
