"""Original processing: what happens to every new person before the sort [S13].

:func:`chain_of` builds the chain of a model, :class:`Chain` runs it over one person, and
:func:`step` declares a project's own step.
"""

from lifecycle_fsm.processing.chain import Chain, ChainResult, StepError, chain_of
from lifecycle_fsm.processing.step import Context, Rows, Run, Step, step
from lifecycle_fsm.stable_hash import stable_choice

__all__ = [
    "Chain",
    "ChainResult",
    "Context",
    "Rows",
    "Run",
    "Step",
    "StepError",
    "chain_of",
    "stable_choice",
    "step",
]
