"""A model compiled to run: made once and shared by everything that keeps people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lifecycle_fsm.machine import LifecycleMachine
from lifecycle_fsm.machine.merge import MergeDirection
from lifecycle_fsm.machine.transaction import Transaction
from lifecycle_fsm.model import Model
from lifecycle_fsm.model.builtin_activities import OPEN_KINDS
from lifecycle_fsm.orchestrator.deferral import Deferral
from lifecycle_fsm.orchestrator.entry_requests import EntryRequests
from lifecycle_fsm.orchestrator.field_merging import Merging
from lifecycle_fsm.orchestrator.saved_state import StateFormat
from lifecycle_fsm.processing import Chain, chain_of
from lifecycle_fsm.processing.step import Rows, Run, Step
from lifecycle_fsm.silos.data import DataSilo
from lifecycle_fsm.silos.effects import Effects


class Handling(NamedTuple):
    """How to handle the activities of one kind, worked out once.

    Args:
        trigger: the process trigger that the kind raises.
        score: gives its points.
        rescored: whether it may write fields that the demographic score depends on.
        listened: whether an assignment or alert rule listens to it.
    """

    trigger: str | None
    score: Effects | None
    rescored: bool
    listened: bool


class Engine:
    """A model with its steps of original processing, ready to run.

    Compiling a model takes tens of milliseconds; making a :class:`~lifecycle_fsm.Lifecycle` from an
    engine takes almost no time. Make one engine when a program starts, and pass it to every
    Lifecycle that a web request needs. An engine holds no people and never changes, so threads may
    share it.

    Args:
        model: the lifecycle.
        steps: the project's own steps of original processing, by name, or declared ones.
        tables: rows for the enrich steps, by the name of the step.

    Raises:
        ModelError: the chain of original processing does not build; every problem is reported.
        FileProblem: a table cannot be read.
    """

    def __init__(
        self,
        model: Model,
        *,
        steps: Mapping[str, Run] | Iterable[Step] = (),
        tables: Mapping[str, Rows] | None = None,
    ) -> None:
        self.model = model
        self.steps = steps if isinstance(steps, Mapping) else tuple(steps)
        self.tables = tables or {}
        self.machine = LifecycleMachine(model)
        self.scoring = self.machine.scoring
        self.data = DataSilo(model)
        self.entry_requests = EntryRequests(model, self.machine)
        self.merging = Merging(model)
        self.merge_direction = MergeDirection(model)
        self.chain: Chain = chain_of(
            model, self.steps, tables=self.tables, demographic=self.scoring.demographic
        )
        #: Saves and restores people.
        self.states = StateFormat(
            model,
            self.machine.person_class,
            self.data,
            (*self.entry_requests.templates, *self.machine.scheduler.templates),
        )
        #: The process trigger that each kind of activity raises.
        self.triggers = {
            kind.name: kind.trigger
            for kind in model.activity_kinds.values()
            if kind.trigger in model.triggers
        }
        self.deferral = Deferral(self.machine, self.triggers, self.entry_requests.kinds)
        self.handling = {
            name: Handling(
                self.triggers.get(name),
                self.scoring.scorer(name),
                name in OPEN_KINDS or not self.scoring.inputs.isdisjoint(self.data.writes[name]),
                name in self.entry_requests.kinds,
            )
            for name in model.activity_kinds
        }
        #: For each kind of activity, the snapshot of the fields that it may write: only a few,
        #: unless the kind names fields itself.
        self.snapshots: Mapping[str, Transaction] = {
            kind: self.machine.transaction
            if kind in OPEN_KINDS or kind == "merged"
            else Transaction(self.machine.person_class, self._written(kind))
            for kind in model.activity_kinds
        }
        decayed = {part.field for rule in model.decay for part in rule.then}
        #: The snapshot of the fields that time may change.
        self.time_snapshot = Transaction(self.machine.person_class, self._written(None) | decayed)

    def __repr__(self) -> str:
        return f"<Engine {self.model.name} {self.model.version}>"

    def _written(self, kind: str | None) -> set[str]:
        """The fields that activities of a kind, or time, may write, directly or by moves."""
        scores = {"behavior_score", "scored_at", "demographic_score"}
        by_moves = {part.field for move in self.model.moves for part in move.then}
        itself = self.data.writes[kind] if kind else ()
        return {*scores, *by_moves, *itself, "assigned_to"}
