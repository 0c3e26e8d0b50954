"""Cases that a model derives from itself: people at each boundary, pairs between which one
condition decides (MC/DC), what each stage does with each trigger, and a tour of every move.

What a model expects of itself proves nothing. So the cases are written as a table, a person reviews
and approves it, and from then on a test compares the model with what was approved::

    from pathlib import Path

    from lifecycle_fsm.testing.cases import approved

    HERE = Path(__file__).parent
    test_lifecycle = approved(HERE / "cases.csv", HERE / "lifecycle.toml")
"""

from lifecycle_fsm.testing.cases.approval import (
    ChangedCase,
    approved,
    compared,
    read_table,
    to_text,
)
from lifecycle_fsm.testing.cases.case_table import CaseRow, CaseTable
from lifecycle_fsm.testing.cases.derivation import cases_of
from lifecycle_fsm.testing.cases.outcomes import CaseRunner
from lifecycle_fsm.testing.mcdc import GuardCases, Probe, conditions, guard_cases

__all__ = [
    "CaseRow",
    "CaseRunner",
    "CaseTable",
    "ChangedCase",
    "GuardCases",
    "Probe",
    "approved",
    "cases_of",
    "compared",
    "conditions",
    "guard_cases",
    "read_table",
    "to_text",
]
