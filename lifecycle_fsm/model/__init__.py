"""The definition of a lifecycle: immutable parts, structural checks, reading and writing TOML."""

from lifecycle_fsm.model.conversions import Set, given
from lifecycle_fsm.model.definition import ActivityKind, Claim, DataRule, Period, ScoreRule, StepDef
from lifecycle_fsm.model.model import Model
from lifecycle_fsm.model.moves import Edge, Move, Stage
from lifecycle_fsm.model.rule_validation import PLACE
from lifecycle_fsm.model.rules import (
    AlertRule,
    Ask,
    AssignmentRule,
    Calendar,
    Channel,
    Deadline,
    Decay,
    Length,
    MergeRule,
    Rule,
)
from lifecycle_fsm.model.sort import SortRule
from lifecycle_fsm.model.structure import from_plain
from lifecycle_fsm.model.stub import stub
from lifecycle_fsm.model.theme import Theme
from lifecycle_fsm.model.toml_files import (
    dumps,
    load,
    load_theme,
    loads,
    save,
    shipped,
    shipped_text,
)
from lifecycle_fsm.model.unstructure import to_plain

__all__ = [
    "PLACE",
    "ActivityKind",
    "AlertRule",
    "Ask",
    "AssignmentRule",
    "Calendar",
    "Channel",
    "Claim",
    "DataRule",
    "Deadline",
    "Decay",
    "Edge",
    "Length",
    "MergeRule",
    "Model",
    "Move",
    "Period",
    "Rule",
    "ScoreRule",
    "Set",
    "SortRule",
    "Stage",
    "StepDef",
    "Theme",
    "dumps",
    "from_plain",
    "given",
    "load",
    "load_theme",
    "loads",
    "save",
    "shipped",
    "shipped_text",
    "stub",
    "to_plain",
]
