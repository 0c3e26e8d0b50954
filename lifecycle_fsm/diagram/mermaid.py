"""Mermaid text, for tools that draw a diagram from text."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lifecycle_fsm.diagram.graph import Graph
from lifecycle_fsm.diagram.look import NEUTRAL, Paint
from lifecycle_fsm.wording import clean

_ENTITIES = str.maketrans(
    {
        '"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;",
        "`": "#96;",  # Markdown
        "$": "#36;",  # $$ is mathematics
        "\\": "#92;",  # \n is a line break
    }
)  # fmt: skip
_BRACKETS = {"box": ("[", "]"), "detour": ("([", "])"), "question": ("{", "}")}
_ARROWS = {"move": "-->", "step": "==>", "detour": "-.->"}


def flowchart(graph: Graph) -> str:
    """The graph as Mermaid text."""
    # JSON text is also YAML; a directive, %%{…}%%, is read wherever it stands.
    head = json.dumps(clean(graph.title), ensure_ascii=False).replace("%%", "\\x25\\x25")
    text = ["---", f"title: {head}", "---", f"flowchart {graph.direction}"]
    return "\n".join([*text, *(f"    {line}" for line in _lines(graph)), ""])


def _lines(graph: Graph) -> Iterator[str]:
    # Mermaid ranks what it reads first before the rest: the path must come in its order.
    for node in graph.nodes:
        left, right = _BRACKETS[node.shape]
        yield f"{node.name}{left}{_quoted(*node.lines)}{right}"
    colors: dict[str, list[str]] = {}
    for index, arrow in enumerate(graph.arrows):
        words = f"|{_quoted(*arrow.lines)}|" if any(arrow.lines) else ""
        yield f"{arrow.tail} {_ARROWS[arrow.kind]}{words} {arrow.head}"
        colors.setdefault(arrow.paint.line, []).append(str(index))
    if graph.facts or graph.legend or graph.key:
        yield f"subgraph legend[{_quoted(graph.facts or 'Legend')}]"
        yield "    direction LR"
        for index, (text, paint) in enumerate(graph.legend):
            yield f"    legend{index}[{_quoted(text)}]"
            yield f"    {_style(f'legend{index}', paint, graph.ink)}"
        if graph.key:
            yield f"    key[{_quoted(graph.key)}]"
            yield f"    {_style('key', NEUTRAL, graph.ink)}"
        yield "end"
        yield f"style legend fill:none,stroke:{NEUTRAL.line}"
    for node in graph.nodes:
        yield _style(node.name, node.paint, graph.ink, dashed=node.shape == "detour")
    for color, indices in colors.items():
        yield f"linkStyle {','.join(indices)} stroke:{color},color:{color}"


def _quoted(*lines: str) -> str:
    """Quote lines of text as one label."""
    texts = [clean(line).translate(_ENTITIES).replace("%%", "#37;#37;") for line in lines]
    return '"' + "<br/>".join(text for text in texts if text) + '"'


def _style(node: str, paint: Paint, ink: str, *, dashed: bool = False) -> str:
    """The line that gives a node its colours."""
    dash = ",stroke-dasharray:5 4" if dashed else ""
    return f"style {node} fill:{paint.tint},stroke:{paint.line},color:{ink}{dash}"
