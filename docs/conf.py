"""How the documentation is built: ``sphinx-build -W -n docs OUTPUT``, without any network."""

import re
from importlib.metadata import version as installed_version

from pygments.lexers import TextLexer

project = "lifecycle_fsm"
author = "The lifecycle_fsm authors"
copyright = f"2026, {author}"
version = release = installed_version("lifecycle-fsm")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
nitpicky = True
# The build asks no network, so what is documented elsewhere has no link; the last row is internal.
nitpick_ignore_regex = [
    ("py:class", r"(collections\.abc|datetime|typing)\..*|(os\.)?PathLike|datetime"),
    ("py:(func|mod)", r"lifecycle_fsm\.(guard|orchestrator)\..*"),
    ("py:class", r"Run|lifecycle_fsm\.(guard|model|fields|machine|orchestrator|diagram)\..*"),
]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"

html_theme = "furo"
html_title = f"lifecycle_fsm {release}"


def link_rules(app, what, name, obj, options, lines):
    """A rule that a docstring cites, such as [S11], is a link to its section of the concepts."""
    lines[:] = [re.sub(r"\[S(\d+)\]", r":ref:`[S\1] <s\1>`", line) for line in lines]


def setup(app):
    app.add_lexer("csv", TextLexer)  # tables that the reader saves; there is nothing to colour
    app.connect("autodoc-process-docstring", link_rules)
