"""The B2B lead lifecycle as an explicit finite-state machine.

What is exported here is public; everything else may change.

>>> from lifecycle_fsm import Lifecycle
>>> lifecycle = Lifecycle("two_step")
>>> lifecycle.admit("ann", at="2024-05-01T09:00:00Z").stage
'contact'
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifecycle_fsm.activities import Activity
    from lifecycle_fsm.checks import Difference, Finding, check, differences
    from lifecycle_fsm.errors import (
        ChannelError,
        DeliveryFailed,
        FileProblem,
        FontWarning,
        GuardError,
        GuardSyntaxError,
        LifecycleError,
        MissingExtra,
        ModelError,
        NoSuchMove,
        Problem,
        RecordError,
        Refused,
        StageConflict,
        StepFailed,
        StoreError,
        UnknownPerson,
    )
    from lifecycle_fsm.fields import FieldDef, FieldType
    from lifecycle_fsm.guard import (
        Outcome,
        activity,
        always,
        days_in_stage,
        greatest,
        hours_in_stage,
        least,
        named,
        never,
        now,
        p,
        parse_guard,
        t,
    )
    from lifecycle_fsm.history import DeadlineFact, HistoryRow, Stamp, stamps
    from lifecycle_fsm.lifecycle import Lifecycle
    from lifecycle_fsm.machine import (
        Decision,
        Foreign,
        LifecycleMachine,
        Observer,
        PossibleTrigger,
        Refusal,
        observe,
        to_transitions,
    )
    from lifecycle_fsm.model import (
        ActivityKind,
        AlertRule,
        AssignmentRule,
        Calendar,
        Claim,
        DataRule,
        Deadline,
        Decay,
        Length,
        Model,
        Move,
        ScoreRule,
        SortRule,
        Stage,
        StepDef,
        Theme,
        dumps,
        load,
        loads,
        save,
        shipped,
    )
    from lifecycle_fsm.orchestrator import Engine, MigrationReport, Parked
    from lifecycle_fsm.own_rows import OwnRows
    from lifecycle_fsm.person import Person
    from lifecycle_fsm.processing import ChainResult, Context, Step, StepError, step
    from lifecycle_fsm.requests import Request
    from lifecycle_fsm.store import Store as Store
    from lifecycle_fsm.store.delivery import Delivery as Delivery
    from lifecycle_fsm.store.processing import Processing as Processing
    from lifecycle_fsm.whatif import what_if

__version__ = "0.1.0"

# Silent, unless the program that embeds this package configures logging.
logging.getLogger(__name__).addHandler(logging.NullHandler())

#: Where each public name is defined. Names are imported at first use, because pytest loads this
#: package as a plugin in every project where it is installed, even in suites without a model.
_ROOMS = {
    "activities": "Activity",
    "checks": "Difference Finding check differences",
    "errors": (
        "ChannelError DeliveryFailed FileProblem FontWarning GuardError GuardSyntaxError "
        "LifecycleError MissingExtra ModelError NoSuchMove Problem RecordError Refused "
        "StageConflict StepFailed StoreError UnknownPerson"
    ),
    "fields": "FieldDef FieldType",
    "guard": (
        "Outcome activity always days_in_stage greatest hours_in_stage least named never now p "
        "parse_guard t"
    ),
    "history": "DeadlineFact HistoryRow Stamp stamps",
    "lifecycle": "Lifecycle",
    "machine": (
        "Decision Foreign LifecycleMachine Observer PossibleTrigger Refusal observe to_transitions"
    ),
    "model": (
        "ActivityKind AlertRule AssignmentRule Calendar Claim DataRule Deadline Decay Length "
        "Model Move ScoreRule SortRule Stage StepDef Theme dumps load loads save shipped"
    ),
    "orchestrator": "Engine MigrationReport Parked",
    "own_rows": "OwnRows",
    "person": "Person",
    "processing": "ChainResult Context Step StepError step",
    "requests": "Request",
    "store": "Store",
    "store.delivery": "Delivery",
    "store.processing": "Processing",
    "whatif": "what_if",
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    room = _HOME.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{room}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})


# Without the names of the store: `from lifecycle_fsm import *` works without the extra `sql`, and
# does not wait for SQLAlchemy.
__all__ = [
    "Activity",
    "ActivityKind",
    "AlertRule",
    "AssignmentRule",
    "Calendar",
    "ChainResult",
    "ChannelError",
    "Claim",
    "Context",
    "DataRule",
    "Deadline",
    "DeadlineFact",
    "Decay",
    "Decision",
    "DeliveryFailed",
    "Difference",
    "Engine",
    "FieldDef",
    "FieldType",
    "FileProblem",
    "Finding",
    "FontWarning",
    "Foreign",
    "GuardError",
    "GuardSyntaxError",
    "HistoryRow",
    "Length",
    "Lifecycle",
    "LifecycleError",
    "LifecycleMachine",
    "MigrationReport",
    "MissingExtra",
    "Model",
    "ModelError",
    "Move",
    "NoSuchMove",
    "Observer",
    "Outcome",
    "OwnRows",
    "Parked",
    "Person",
    "PossibleTrigger",
    "Problem",
    "RecordError",
    "Refusal",
    "Refused",
    "Request",
    "ScoreRule",
    "SortRule",
    "Stage",
    "StageConflict",
    "Stamp",
    "Step",
    "StepDef",
    "StepError",
    "StepFailed",
    "StoreError",
    "Theme",
    "UnknownPerson",
    "activity",
    "always",
    "check",
    "days_in_stage",
    "differences",
    "dumps",
    "greatest",
    "hours_in_stage",
    "least",
    "load",
    "loads",
    "named",
    "never",
    "now",
    "observe",
    "p",
    "parse_guard",
    "save",
    "shipped",
    "stamps",
    "step",
    "t",
    "to_transitions",
    "what_if",
]
