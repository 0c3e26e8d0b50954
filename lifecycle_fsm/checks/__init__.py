"""Proofs over a model: one check, one file, and none of them runs a person through it."""

from lifecycle_fsm.checks.worlds import world_of

__all__ = ["world_of"]
