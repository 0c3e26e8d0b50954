"""The story of one person, in sentences: what happened, what it changed, what was refused and why,
what was passed over, and what comes next (R40).

::

    log ──> replay (moments) ──> entries ──> chapters ──> text, Markdown, plain values
"""

from lifecycle_fsm.story.chapters import Chapter
from lifecycle_fsm.story.entries import Entry
from lifecycle_fsm.story.next_steps import Situation, Way
from lifecycle_fsm.story.replay import together
from lifecycle_fsm.story.story import Story, tell

__all__ = [
    "Chapter",
    "Entry",
    "Situation",
    "Story",
    "Way",
    "tell",
    "together",
]
