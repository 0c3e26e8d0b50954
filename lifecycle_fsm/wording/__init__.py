"""What stands in a model, in the words of people who have never seen the tool.

A label on a picture has room for a formula (:func:`lifecycle_fsm.guard.label`). Who signs a sheet,
or reads the story of a person, wants a phrase: not "open opportunities ≥ 1" but "1 or more open
opportunities".
"""

from lifecycle_fsm.wording.durations import duration, lasting
from lifecycle_fsm.wording.phrases import Words, rule_words
from lifecycle_fsm.wording.text import clean, counted, harmless, joined, plain, sentence, visible

__all__ = [
    "Words",
    "clean",
    "counted",
    "duration",
    "harmless",
    "joined",
    "lasting",
    "plain",
    "rule_words",
    "sentence",
    "visible",
]
