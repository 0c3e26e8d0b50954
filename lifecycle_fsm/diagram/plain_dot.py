"""A diagram in Graphviz's language, as a graph for Graphviz to lay out: ``dot -Tsvg``.

Each stage and each move is one line of the text, so that a change of one changes one line.
"""

from __future__ import annotations

from itertools import groupby
from textwrap import wrap

import graphviz

from lifecycle_fsm.diagram.graph import Arrow, Graph, Node
from lifecycle_fsm.diagram.layout_dot import shortened
from lifecycle_fsm.diagram.look import HEADING
from lifecycle_fsm.diagram.render import FALLBACK_FONTS, FONT
from lifecycle_fsm.diagram.text_fit import escape
from lifecycle_fsm.wording import clean

_WIDE, _HEADING = 28, 120  # characters of a line
_SHAPES = {"box": "rounded,filled", "detour": "rounded,dashed,filled", "question": "filled"}


def plain_dot(graph: Graph) -> str:
    """The graph as DOT text, with clusters for the groups of its nodes."""
    fonts = f"{FONT},{FALLBACK_FONTS.replace(chr(39), '')}"
    dot = graphviz.Digraph(
        graph_attr={
            "rankdir": graph.direction,
            "label": _label(graph.title, graph.facts, wide=_HEADING),
            "labelloc": "t",
            "fontsize": "15",
            "fontname": fonts,
            "fontcolor": graph.ink,
            "nodesep": "0.3",
            "ranksep": "0.6",
            "bgcolor": graph.paper,
        },
        node_attr={"shape": "box", "fontname": fonts, "fontcolor": graph.ink, "penwidth": "1.6"},
        edge_attr={"fontname": fonts, "fontsize": "11"},
    )
    for group, nodes in groupby(graph.nodes, lambda node: clean(node.group)):
        if not group:
            for node in nodes:
                _node(dot, node)
            continue
        with dot.subgraph(name=f"cluster_{escape(shortened(group), read=1)}") as cluster:
            cluster.attr(label=_label(group), fontsize="12", fontcolor=HEADING, color=HEADING)
            for node in nodes:
                _node(cluster, node)
    for arrow in graph.arrows:
        _edge(dot, arrow)
    if graph.legend or graph.key:
        with dot.subgraph(name="cluster_legend") as legend:
            legend.attr(label="", color=graph.paper)
            for index, (text, paint) in enumerate(graph.legend):
                _node(legend, Node(f"legend{index}", (text,), paint))
            if graph.key:
                legend.node("key", _label(graph.key), shape="plain")
    return str(dot.source)


def _node(dot: graphviz.Digraph, node: Node) -> None:
    look = {"shape": "diamond"} if node.shape == "question" else {}
    if node.group:
        look["group"] = "path"  # a straight line, as far as possible
    dot.node(
        node.name, _label(*node.lines),
        style=_SHAPES[node.shape], color=node.paint.line, fillcolor=node.paint.tint, **look,
    )  # fmt: skip


def _edge(dot: graphviz.Digraph, arrow: Arrow) -> None:
    look = {"step": {"weight": "100", "penwidth": "2.6"}, "detour": {"style": "dashed"}}
    dot.edge(
        arrow.tail, arrow.head, _label(*arrow.lines) or None,
        color=arrow.paint.line, fontcolor=arrow.paint.line, **look.get(arrow.kind, {}),
    )  # fmt: skip


def _label(*lines: str, wide: int = _WIDE) -> str:
    """The lines, broken between words, as one label."""
    rows = [
        row
        for line in lines
        for row in wrap(shortened(line), wide, break_long_words=False, break_on_hyphens=False)
    ]
    return "\\n".join(escape(row) for row in rows)
