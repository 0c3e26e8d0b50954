"""How the documentation is built: ``sphinx-build -W -n docs OUTPUT``, without any network."""

from importlib.metadata import version as installed_version

project = "lifecycle_fsm"
author = "The lifecycle_fsm authors"
copyright = f"2026, {author}"
version = release = installed_version("lifecycle-fsm")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
nitpicky = True
# The build asks no network, so what is documented elsewhere has no link; the last row is internal.
nitpick_ignore_regex = [
    ("py:class", r"(collections\.abc|datetime|typing)\..*|PathLike"),
    ("py:class", r"Run|lifecycle_fsm\.(guard|model|fields|machine|orchestrator|diagram)\..*"),
]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"

html_theme = "furo"
html_title = f"lifecycle_fsm {release}"
