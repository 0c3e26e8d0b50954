"""The answer to the question whether a guard can hold for anyone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.fields import Value

#: A person as the fields that differ from those of a person about whom nothing is known.
Witness: TypeAlias = Mapping[str, Value]
Verdict: TypeAlias = Literal["found", "refuted", "undecided"]


@attrs.frozen
class Answer:
    """Whether the guard can hold for anyone.

    ``found`` comes with such a person, at the domain's ``now``, who has no field set unnecessarily.
    ``refuted`` is a proof that no such person exists. ``undecided`` is neither: the search ran out
    of budget, or the guard has arithmetic over several fields, for which trying values is not
    exhaustive; ``reason`` says which. It never means that all is well.

    ``assumed`` are the results that Python callables would have to return, because they cannot be
    inspected [S2].

    ``at`` is the instant of the decision if it is not the domain's ``now``.
    """

    verdict: Verdict
    person: Witness = attrs.field(factory=dict)
    assumed: Mapping[str, bool] = attrs.field(factory=dict)
    reason: str = ""
    at: datetime | None = None

    @property
    def found(self) -> bool:
        """Whether such a person exists."""
        return self.verdict == "found"

    @property
    def refuted(self) -> bool:
        """Whether it is certain that no such person exists."""
        return self.verdict == "refuted"


# ------------------------------------------------------------------ budget
#
# The limit for all questions together: counted and not timed, so that every machine gives the same
# result.


#: How many cases all questions of a check, a table of cases or a comparison may examine.
TOTAL = 100_000
#: The cost of one case, in comparisons or examined parts of a formula.
STEPS = 100


class OutOfBudget(Exception):
    """The limit is reached; the message says for what."""


class Budget:
    """A budget for questions.

    Args:
        cases: the limit for all questions together; ``None`` for no limit.
        seconds: an optional limit on the elapsed time. What is decided then depends on the machine.
    """

    def __init__(self, cases: int | None = None, seconds: float | None = None) -> None:
        self.cases, self.seconds = cases, seconds
        self._left = (cases or 0) * STEPS
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> int | None:
        """How many steps are left; ``None`` if there is no limit."""
        return None if self.cases is None else max(0, self._left)

    @property
    def over(self) -> str:
        """Why nothing more is examined; empty while the budget lasts."""
        if self.cases is not None and self._left < 0:
            return f"more than {self.cases:,} cases in all"
        if self._end is not None and time.monotonic() > self._end:
            return f"more than {self.seconds:g} seconds"
        return ""

    def count(self, steps: int) -> None:
        """Count steps that were already taken."""
        self._left -= steps

    def spend(self, steps: int) -> None:
        """Count steps that are about to be taken.

        Raises:
            OutOfBudget: the budget is used up.
        """
        self.count(steps)
        if over := self.over:
            raise OutOfBudget(over)
