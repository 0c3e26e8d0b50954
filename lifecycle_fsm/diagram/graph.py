"""A diagram as a graph: what it means, without any position, for tools that lay it out."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.diagram.look import INK, NEUTRAL, PAPER, Paint

NodeShape: TypeAlias = Literal["box", "detour", "question"]
ArrowKind: TypeAlias = Literal["move", "step", "detour"]


@attrs.frozen
class Node:
    """A stage, or what else people pass; its name consists of letters, digits and underscores."""

    name: str
    lines: tuple[str, ...]
    paint: Paint = NEUTRAL
    shape: NodeShape = "box"
    group: str = ""


@attrs.frozen
class Arrow:
    """All moves from one node to another; a ``step`` holds the path together."""

    tail: str
    head: str
    lines: tuple[str, ...] = ()
    kind: ArrowKind = "move"
    paint: Paint = NEUTRAL


@attrs.frozen
class Graph:
    """The nodes and arrows of a diagram, in the order in which they are read.

    Attributes:
        title: of the diagram.
        facts: what it shows: the model, the window, the reading.
        legend: what each colour means.
        key: what else is to be known to read it.
        direction: from left to right, or from top to bottom.
        ink, paper: the colours of text and background.
    """

    title: str
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    facts: str = ""
    legend: tuple[tuple[str, Paint], ...] = ()
    key: str = ""
    direction: Literal["LR", "TB"] = "LR"
    ink: str = INK
    paper: str = PAPER
