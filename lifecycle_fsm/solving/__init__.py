"""Who, if anybody, makes a guard hold: a concrete person, a refutation, or "not decided"."""

from lifecycle_fsm.solving.answer import Answer, Person
from lifecycle_fsm.solving.questions import (
    Prover,
    differs,
    implies,
    solve,
    solve_here,
    solve_whenever,
)
from lifecycle_fsm.solving.substitute import substitute
from lifecycle_fsm.solving.whenever import Moment
from lifecycle_fsm.solving.work import TOTAL, Work
from lifecycle_fsm.solving.world import NOW, World

__all__ = [
    "NOW",
    "TOTAL",
    "Answer",
    "Moment",
    "Person",
    "Prover",
    "Work",
    "World",
    "differs",
    "implies",
    "solve",
    "solve_here",
    "solve_whenever",
    "substitute",
]
