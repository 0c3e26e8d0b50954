"""How a model file is laid out: its sections, and its keys where they differ from the attributes
of the classes. Reading and writing both follow it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lifecycle_fsm.model.claims import Claim
from lifecycle_fsm.model.definition import DataRule, Move, ScoreRule, SortRule, Stage, StepDef
from lifecycle_fsm.model.rules import AlertRule, AssignmentRule, Deadline, Decay

#: Tables of a name and a value each.
TABLES: Final = ("systems", "tokens", "fields", "guards", "kinds", "calendars", "merging")
#: Lists of tables, ``[[stages]]``, in the order of the file.
SECTIONS: Final[Mapping[str, type]] = {
    "stages": Stage,
    "processing": StepDef,
    "data": DataRule,
    "scoring": ScoreRule,
    "decay": Decay,
    "sort": SortRule,
    "moves": Move,
    "deadlines": Deadline,
    "assignment": AssignmentRule,
    "alerts": AlertRule,
    "claims": Claim,
}
_KEYS: Mapping[type, Mapping[str, str]] = {
    Move: {"sources": "from", "target": "to"},
    SortRule: {"target": "to"},
    StepDef: {"use": "step"},
}
#: What a field, or a value of an activity, may say of itself.
FIELD_KEYS: Final = ("type", "choices", "min", "max", "default", "label", "description")


def toml_key(cls: type, attribute: str) -> str:
    """The key of the file for an attribute of the class."""
    return _KEYS.get(cls, {}).get(attribute, attribute)
