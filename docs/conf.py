"""How the documentation is built: ``sphinx-build -W -n docs OUTPUT``, without any network."""

import posixpath
import re
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from pygments.lexers import TextLexer

sys.path.insert(0, str(Path(__file__).parent))  # for conf.slug

project = "lifecycle_fsm"
author = "The lifecycle_fsm authors"
copyright = f"2026, {author}"
version = release = installed_version("lifecycle-fsm")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
nitpicky = True
# The build asks no network, so what is documented elsewhere has no link; the last row is internal.
nitpick_ignore_regex = [
    ("py:class", r"(collections\.abc|datetime|typing)\..*|(os\.)?PathLike|datetime|timedelta"),
    ("py:class", r"(pyspark|sqlalchemy)\..*|SqlEngine|Database"),
    ("py:(func|mod)", r"lifecycle_fsm\.(guard|orchestrator)\..*"),
    ("py:exc", "ImpossibleMeasure"),
    ("py:class", r"Run|Rows|lifecycle_fsm\.(guard|model|fields|machine|orchestrator)\..*"),
    ("py:class", r"lifecycle_fsm\.(diagram|funnel|rows|tables|whatif)\..*"),
]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
myst_heading_slug_func = "conf.slug"

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"

html_extra_path = ["llms.txt"]
html_theme = "furo"
html_title = f"lifecycle_fsm {release}"


def slug(title):
    """The anchor of a heading: as a code host makes it, but ``s11`` for the rule S11."""
    rule = re.match(r"S\d+(?=: )", title)
    return (rule[0] if rule else re.sub(r"[^\w\- ]", "", title).replace(" ", "-")).lower()


def link_rules(app, what, name, obj, options, lines):
    """A rule that a docstring cites, such as [S11], is a link to its section of the concepts."""
    page = posixpath.relpath("understand/concepts", posixpath.dirname(app.env.docname))
    lines[:] = [re.sub(r"\[S(\d+)\]", rf"`[S\1] <{page}.html#s\1>`__", line) for line in lines]


def add_navigation(app, docname, source):
    """The front page has the pages of the index for tools as its navigation, by their headings."""
    if docname == "index":
        index = Path(app.srcdir, "llms.txt")
        app.env.note_dependency(str(index))
        for part in index.read_text("utf-8").split("\n## ")[1:]:
            caption = re.match(r"[\w ]+", part)[0]
            pages = "\n".join(re.findall(r"\]\((\S+)\.md\)", part))
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n{pages}\n```\n"


def setup(app):
    app.add_lexer("csv", TextLexer)  # tables that the reader saves; there is nothing to colour
    app.connect("autodoc-process-docstring", link_rules)
    app.connect("source-read", add_navigation)
