"""The content of a model in words, for people who have never seen the tool.

A label on a diagram has room for a formula (:func:`lifecycle_fsm.guard.label`). People who sign a
sheet, or read the story of a person, want a phrase: not "open opportunities ≥ 1" but "1 or more
open opportunities".
"""

from lifecycle_fsm.wording.formats import (
    clean,
    counted,
    decimal_percent,
    duration,
    format_amount,
    format_date,
    format_day,
    format_instant,
    format_number,
    format_signed,
    harmless,
    isolated,
    joined,
    lasting,
    percent,
    plain,
    sentence,
    visible,
)
from lifecycle_fsm.wording.formatter import Formatter, rule_words
from lifecycle_fsm.wording.outcome_text import OutcomeExplainer, as_number
from lifecycle_fsm.wording.outline import Phrase, outline

__all__ = [
    "Formatter",
    "OutcomeExplainer",
    "Phrase",
    "as_number",
    "clean",
    "counted",
    "decimal_percent",
    "duration",
    "format_amount",
    "format_date",
    "format_day",
    "format_instant",
    "format_number",
    "format_signed",
    "harmless",
    "isolated",
    "joined",
    "lasting",
    "outline",
    "percent",
    "plain",
    "rule_words",
    "sentence",
    "visible",
]
