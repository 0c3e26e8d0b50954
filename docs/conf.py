"""How the documentation is built: ``sphinx-build -W -n docs OUTPUT``, without any network."""

from importlib.metadata import version as installed_version

project = "lifecycle_fsm"
author = "The lifecycle_fsm authors"
copyright = f"2026, {author}"
version = release = installed_version("lifecycle-fsm")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"

html_theme = "furo"
html_title = f"lifecycle_fsm {release}"
