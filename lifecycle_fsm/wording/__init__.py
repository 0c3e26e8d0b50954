"""What stands in a model, in the words of people who have never seen the tool.

A label on a picture has room for a formula (:func:`lifecycle_fsm.guard.label`). Who signs a sheet,
or reads the story of a person, wants a phrase: not "open opportunities ≥ 1" but "1 or more open
opportunities".
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
    joined,
    lasting,
    percent,
    plain,
    sentence,
    visible,
)
from lifecycle_fsm.wording.formatter import Formatter, rule_words
from lifecycle_fsm.wording.outcome_text import OutcomeExplainer, as_number

__all__ = [
    "Formatter",
    "OutcomeExplainer",
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
    "joined",
    "lasting",
    "percent",
    "plain",
    "rule_words",
    "sentence",
    "visible",
]
