"""A sheet as one HTML file: its contents through a template, every text escaped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lifecycle_fsm.diagram import Drawing
from lifecycle_fsm.diagram.text_fit import number
from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.sheet import show
from lifecycle_fsm.sheet.contents import Contents
from lifecycle_fsm.sheet.litmus import SHOWN
from lifecycle_fsm.sheet.paper import letter_sizes
from lifecycle_fsm.sheet.picture import inline_svg
from lifecycle_fsm.wording import joined, sentence

if TYPE_CHECKING:
    from jinja2 import Environment

_FILTERS = (
    show.by_occasion,
    show.date,
    show.moment,
    show.nearly,
    show.percent,
    show.acting,
    show.qualifying,
    show.snapshot,
    show.span,
    show.version_note,
    show.who,
)


def page(contents: Contents, picture: Drawing) -> str:
    """The whole page.

    Raises:
        MissingExtra: Jinja, Graphviz or its font is not installed.
    """
    environment = _environment()
    from markupsafe import Markup

    drawn = inline_svg(picture)
    return environment.get_template("sheet.html").render(
        sheet=contents,
        picture=Markup(drawn.text),  # noqa: S704 - our own, its texts are escaped
        sizes=letter_sizes(contents, drawn.height / drawn.width),
    )


@cache
def _environment() -> Environment:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError:
        raise MissingExtra("sheet", "jinja2", "a sheet as HTML") from None
    made = Environment(
        loader=PackageLoader("lifecycle_fsm.sheet"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals["shown"] = SHOWN
    made.filters |= {
        "number": number,
        "sentence": sentence,
        "joined": joined,
        **{one.__name__: one for one in _FILTERS},
    }
    return made
