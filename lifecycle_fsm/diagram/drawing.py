"""A diagram in every form in which it can be shown or saved."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import attrs

from lifecycle_fsm.diagram.canvas import Canvas
from lifecycle_fsm.diagram.drawio import drawio
from lifecycle_fsm.diagram.graph import Graph
from lifecycle_fsm.diagram.layout_dot import layout_dot
from lifecycle_fsm.diagram.look import recolored, repainted
from lifecycle_fsm.diagram.mermaid import flowchart
from lifecycle_fsm.diagram.plain_dot import plain_dot
from lifecycle_fsm.diagram.render import FONT, render
from lifecycle_fsm.diagram.slide import slide
from lifecycle_fsm.diagram.spots import Details, spots
from lifecycle_fsm.diagram.svg import draw_svg
from lifecycle_fsm.errors import FileProblem
from lifecycle_fsm.files import write_file
from lifecycle_fsm.wording import clean


@attrs.frozen
class Drawing:
    """A diagram, and every form in which it can be shown or saved.

    In a notebook, a drawing as the last expression of a cell shows itself.
    """

    canvas: Canvas = attrs.field(repr=False)
    """What is drawn, and where."""
    graph: Graph = attrs.field(repr=False)
    """What it means: stages or steps, and the moves between them."""
    title: str = attrs.field(converter=clean)
    """What the diagram shows, in one line; its name for a screen reader."""
    description: str = attrs.field(converter=clean, repr=False)
    """The text alternative: what a reader learns from the diagram, in words."""
    short: Callable[[], Canvas] | None = attrs.field(default=None, repr=False, eq=False)
    """Lays out what a slide shows instead, if the whole picture is too much for it."""
    details: Details = attrs.field(factory=dict, repr=False)
    """More about a box, by its name, or about a move, by the boxes that it leads from and to; as
    paragraphs that begin with a heading. An SVG shows them in this order."""

    def __attrs_post_init__(self) -> None:
        if self.canvas.theme is not None:
            graph = repainted(self.graph, recolored(self.canvas.theme))
            object.__setattr__(self, "graph", graph)

    @property
    def dot(self) -> str:
        """The diagram in Graphviz's language: what it means, for Graphviz to lay out."""
        return plain_dot(self.graph)

    @cached_property
    def layout(self) -> str:
        """The picture in Graphviz's language, with the position of everything in it."""
        return layout_dot(self.canvas)

    @property
    def mermaid(self) -> str:
        """The diagram as Mermaid text."""
        return flowchart(self.graph)

    def svg(self, *, page: bool = False) -> str:
        """Return the diagram as SVG, with its title and description inside.

        In a browser, each stage and move shows more about itself if it is pointed at or has the
        focus, and the picture is dark where a reader prefers a dark screen; print is always light.

        Args:
            page: whether it is to be a part of a light page: as wide as its place, and never dark.
        """
        return draw_svg(
            self.layout, self.title, self.description, spots(self.canvas, self.details),
            page=page, theme=self.canvas.theme,
        )  # fmt: skip

    def png(self, dpi: float = 144) -> bytes:
        """Return the diagram as PNG; 144 dots per inch are sharp on a dense screen."""
        return render(self._in_its_font, "png", dpi=dpi)

    def pdf(self) -> bytes:
        """Return the diagram as a PDF of one page."""
        return render(self._in_its_font, "pdf")

    @property
    def _in_its_font(self) -> str:
        """The layout, to be drawn in the font of its theme where that is installed."""
        font = self.canvas.font
        fonts = f'fontname="{font},{FONT}"'
        return self.layout.replace(f'fontname="{FONT}"', fonts) if font else self.layout

    def drawio(self) -> str:
        """Return the diagram for draw.io, Lucidchart and Visio, as shapes that can be moved."""
        return drawio(self.canvas, self.title)

    def pptx(self) -> bytes:
        """Return the diagram as a slide for PowerPoint, as shapes that can be moved.

        Raises:
            MissingExtra: ``python-pptx`` is not installed.
        """
        return slide(self.slide_canvas, self.title, self.description)

    @property
    def slide_canvas(self) -> Canvas:
        """What a slide shows, and where."""
        return self.canvas if self.short is None else self.short()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the form that the ending of ``path`` names, completely or not at all.

        Raises:
            FileProblem: the ending names no form of a drawing, or the file cannot be written.
            MissingExtra: what writes this form is not installed.
        """
        target = Path(path)
        name = target.name.lower()
        forms = self._forms()
        # The longer of two endings comes last.
        endings = [ending for ending in forms if name.endswith(ending) and name != ending]
        if not endings:
            what = f"the suffix {target.suffix!r}" if target.suffix else "a name without suffix"
            raise FileProblem(
                f"{target}: {what} names no form of this drawing; use one of {', '.join(forms)}"
            )
        write_file(target, forms[endings[-1]]())
        return target

    def _forms(self) -> dict[str, Callable[[], str | bytes]]:
        return {
            ".svg": self.svg,
            ".png": self.png,
            ".pdf": self.pdf,
            ".drawio": self.drawio,
            ".pptx": self.pptx,
            ".mmd": lambda: self.mermaid,
            ".dot": lambda: self.dot,
            ".gv": lambda: self.dot,
            ".layout.dot": lambda: self.layout,
        }

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg(), "text/plain": f"{self.title}\n{self.description}"}
