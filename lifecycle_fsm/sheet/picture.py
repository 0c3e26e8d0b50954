"""The picture of a sheet: that of the model or of its funnel, without a heading of its own."""

from __future__ import annotations

from xml.etree import ElementTree

import attrs

from lifecycle_fsm.diagram import Drawing, draw_funnel, draw_model
from lifecycle_fsm.diagram.chart import FUNNEL, draw_chart
from lifecycle_fsm.funnel import Counts
from lifecycle_fsm.model import Model

_SVG = "{http://www.w3.org/2000/svg}"


def draw(model: Model, counts: Counts | None, title: str) -> Drawing:
    """The picture; the page around it has the heading."""
    if counts is None:
        whole = draw_model(model, title=title, rules=False)
    else:
        whole = draw_funnel(model, counts, title=title)
    _, *parts = FUNNEL
    dot = draw_chart(model, counts, title="", subtitle="", parts=tuple(parts))
    return attrs.evolve(whole, dot=dot)


@attrs.frozen
class Inline:
    """An SVG as a part of a page, and its size in its own units."""

    text: str = attrs.field(repr=False)
    width: float
    height: float


def inline_svg(drawing: Drawing) -> Inline:
    """The SVG as a part of a page: it takes the width that it gets, and of what Graphviz tells
    about its parts nothing is left that a browser would show beside the pointer."""
    root = ElementTree.fromstring(drawing.svg())  # noqa: S314 - we wrote it a moment ago
    for size in ("width", "height"):
        root.attrib.pop(size, None)
    for part in root.iter(f"{_SVG}g"):
        for key in ("id", "class"):
            part.attrib.pop(key, None)
        for title in part.findall(f"{_SVG}title"):
            part.remove(title)
    *_, width, height = map(float, root.attrib["viewBox"].split())
    return Inline(ElementTree.tostring(root, encoding="unicode"), width, height)
