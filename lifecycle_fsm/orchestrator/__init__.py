"""The path of one activity: inbox, data, scoring, original processing or machine, history."""

from lifecycle_fsm.orchestrator.engine import Engine
from lifecycle_fsm.orchestrator.migration_report import MigrationReport, replay_versions
from lifecycle_fsm.orchestrator.orchestrator import Orchestrator
from lifecycle_fsm.orchestrator.parking import Parked

__all__ = ["Engine", "MigrationReport", "Orchestrator", "Parked", "replay_versions"]
