"""A document as one self-contained HTML file, with every text escaped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from lifecycle_fsm.document.blocks import Document, Inline
from lifecycle_fsm.errors import MissingExtra

if TYPE_CHECKING:
    from jinja2 import Environment


def render_html(
    document: Document, *, title: str, style: str, sizes: Mapping[str, str] | None = None
) -> str:
    """The whole page.

    Args:
        document: the content; its pictures need an SVG.
        title: the title of the page, for the browser window.
        style: the style sheet.
        sizes: values of the variables of the style sheet: ``{"first": "8.6pt"}``.

    Raises:
        MissingExtra: Jinja is not installed.
    """
    variables = "; ".join(f"--{name}: {value}" for name, value in (sizes or {}).items())
    return (
        environment()
        .get_template("page.html")
        .render(document=document, title=title, style=style, variables=variables)
    )


@cache
def environment(package: str = "lifecycle_fsm.document") -> Environment:
    """The Jinja environment for the templates of a package, with every text escaped.

    Raises:
        MissingExtra: Jinja is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        raise MissingExtra("sheet", "jinja2", "a page as HTML") from None
    jinja = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.tests["line"] = lambda cell: not cell or isinstance(cell[0], Inline)
    jinja.filters["kind"] = lambda block: type(block).__name__
    return jinja
