"""Whether a guard can hold for anyone: a concrete person, a refutation, or "not decided"."""

from lifecycle_fsm.proof.answer import TOTAL, Answer, Budget, Witness
from lifecycle_fsm.proof.calendar_dates import RelativeInstant
from lifecycle_fsm.proof.domain import NOW, Domain, domain_of
from lifecycle_fsm.proof.questions import Prover, differs, solve, solve_here, solve_whenever
from lifecycle_fsm.proof.substitution import apart, decides, is_value, substitute, written_out

__all__ = [
    "NOW",
    "TOTAL",
    "Answer",
    "Budget",
    "Domain",
    "Prover",
    "RelativeInstant",
    "Witness",
    "apart",
    "decides",
    "differs",
    "domain_of",
    "is_value",
    "solve",
    "solve_here",
    "solve_whenever",
    "substitute",
    "written_out",
]
