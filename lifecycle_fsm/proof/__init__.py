"""Who, if anybody, makes a guard hold: a concrete person, a refutation, or "not decided"."""

from lifecycle_fsm.proof.answer import TOTAL, Answer, Person, Work
from lifecycle_fsm.proof.calendar_dates import Moment
from lifecycle_fsm.proof.domain import NOW, World
from lifecycle_fsm.proof.questions import (
    Prover,
    differs,
    implies,
    solve,
    solve_here,
    solve_whenever,
)
from lifecycle_fsm.proof.substitution import substitute

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
