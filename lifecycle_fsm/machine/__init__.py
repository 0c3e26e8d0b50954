"""The model as a machine: which moves are open to a person, why not, and what they result in."""

from lifecycle_fsm.machine.decision import Decision, Refusal, Result
from lifecycle_fsm.machine.foreign_objects import Foreign
from lifecycle_fsm.machine.lean_transitions import TransitionContext
from lifecycle_fsm.machine.machine import LifecycleMachine, PossibleTrigger
from lifecycle_fsm.machine.observer import EVERYWHERE, Observer, observe
from lifecycle_fsm.machine.plain_transitions import to_transitions

__all__ = [
    "EVERYWHERE",
    "Decision",
    "Foreign",
    "LifecycleMachine",
    "Observer",
    "PossibleTrigger",
    "Refusal",
    "Result",
    "TransitionContext",
    "observe",
    "to_transitions",
]
