"""Mermaid text, for tools that draw a diagram from text."""

from __future__ import annotations

import json
from collections.abc import Iterable

from lifecycle_fsm.diagram.look import INK, Paint
from lifecycle_fsm.wording import clean

_ENTITIES = str.maketrans(
    {
        '"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;",
        "`": "#96;",  # Markdown
        "$": "#36;",  # $$ is mathematics
        "\\": "#92;",  # \n is a line break
    }
)  # fmt: skip


def quoted(*lines: str) -> str:
    """Quote lines of text as one label."""
    texts = [clean(line).translate(_ENTITIES).replace("%%", "#37;#37;") for line in lines]
    return '"' + "<br/>".join(text for text in texts if text) + '"'


def flowchart(title: str, lines: Iterable[str], direction: str = "LR") -> str:
    """An entire flowchart with a title."""
    # JSON text is also YAML; a directive, %%{…}%%, is read wherever it stands.
    head = json.dumps(clean(title), ensure_ascii=False).replace("%%", "\\x25\\x25")
    text = ["---", f"title: {head}", "---", f"flowchart {direction}"]
    return "\n".join([*text, *(f"    {line}" for line in lines), ""])


def style(node: str, paint: Paint, *, dashed: bool = False) -> str:
    """The line that gives a node its colours."""
    dash = ",stroke-dasharray:5 4" if dashed else ""
    return f"style {node} fill:{paint.tint},stroke:{paint.line},color:{INK}{dash}"
