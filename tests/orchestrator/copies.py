"""Copies of an orchestrator, because to make a machine for each of many examples is slow."""

from __future__ import annotations

import copy

from lifecycle_fsm.orchestrator import Orchestrator


def again(orchestrator: Orchestrator) -> Orchestrator:
    """A copy that goes its own way, with the same engine, and the same log."""
    shared = (orchestrator.engine, *vars(orchestrator.engine).values())
    copied = copy.deepcopy(orchestrator, {id(part): part for part in shared})
    for person in copied.people.values():
        person.entrust_to(copied)
    return copied
