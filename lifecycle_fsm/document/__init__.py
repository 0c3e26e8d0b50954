"""Prose and tables for people: one model of blocks, and a renderer for each format.

A report produces a :class:`~lifecycle_fsm.document.blocks.Document` of blocks; :func:`render_text`,
:func:`render_markdown` and :func:`render_html` write it. No other package writes prose markup.
"""

from lifecycle_fsm.document.html_page import render_html
from lifecycle_fsm.document.markdown import render_markdown
from lifecycle_fsm.document.plain_text import render_text

__all__ = ["render_html", "render_markdown", "render_text"]
