"""Proofs over a model: one check, one file, and none of them runs a person through it."""

from lifecycle_fsm.checks.all_checks import CHECKS, check, located
from lifecycle_fsm.checks.difference import Difference, differences
from lifecycle_fsm.checks.finding import Finding

__all__ = ["CHECKS", "Difference", "Finding", "check", "differences", "located"]
