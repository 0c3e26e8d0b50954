"""Proofs about a model, one check for each file, without running a person through the model."""

from lifecycle_fsm.checks.all_checks import CHECKS, check, located
from lifecycle_fsm.checks.difference import Difference, differences
from lifecycle_fsm.checks.finding import Finding

__all__ = ["CHECKS", "Difference", "Finding", "check", "differences", "located"]
