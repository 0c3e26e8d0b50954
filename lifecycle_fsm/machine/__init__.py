"""The model as a machine: who may move where, why not, and what came of it."""

from lifecycle_fsm.machine.decision import Decision, Refusal, Result
from lifecycle_fsm.machine.foreign import Foreign
from lifecycle_fsm.machine.lean import Firing
from lifecycle_fsm.machine.machine import LifecycleMachine

__all__ = ["Decision", "Firing", "Foreign", "LifecycleMachine", "Refusal", "Result"]
