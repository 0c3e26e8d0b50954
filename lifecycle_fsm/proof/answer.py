"""What comes of asking whether anybody makes a guard hold."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.fields import Value

#: A person as the fields that differ from those of somebody of whom nothing is known.
Witness: TypeAlias = Mapping[str, Value]
Verdict: TypeAlias = Literal["found", "refuted", "undecided"]


@attrs.frozen
class Answer:
    """Whether anybody makes the guard hold.

    ``found`` comes with such a person, at the domain's ``now``, with no field set that need not be.
    ``refuted`` is a proof that there is nobody. ``undecided`` is neither: the search ran out of its
    budget, or the guard has arithmetic over several fields, for which the values that are tried are
    not all that matter; ``reason`` says which. It never means that all is well.

    ``assumed`` are the answers that Python callables would have to give [S2]: nobody can look
    inside them.

    ``at`` is the instant of the decision, where that is not the domain's ``now``.
    """

    verdict: Verdict
    person: Witness = attrs.field(factory=dict)
    assumed: Mapping[str, bool] = attrs.field(factory=dict)
    reason: str = ""
    at: datetime | None = None

    @property
    def found(self) -> bool:
        """There is somebody."""
        return self.verdict == "found"

    @property
    def refuted(self) -> bool:
        """There is nobody, for certain."""
        return self.verdict == "refuted"


# ------------------------------------------------------------------ budget
#
# How much all questions together may take: counted, and not timed, so that every machine says the
# same.


#: How many cases all questions of a check, of a table of cases or of a comparison may look at.
TOTAL = 100_000
#: What a case stands for: so many comparisons, or parts of a formula that were looked at.
STEPS = 100


class OutOfBudget(Exception):
    """As much was looked at as may be; the message says of what there was too much."""


class Budget:
    """What is left to spend.

    Args:
        cases: for all questions together; without end if it is None.
        seconds: on the clock, where somebody asks for it. What is decided then depends on the
            machine.
    """

    def __init__(self, cases: int | None = None, seconds: float | None = None) -> None:
        self.cases, self.seconds = cases, seconds
        self._left = (cases or 0) * STEPS
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> int | None:
        """How many steps are left; None if there is no end."""
        return None if self.cases is None else max(0, self._left)

    @property
    def over(self) -> str:
        """Why nothing more is looked at; empty while something is left."""
        if self.cases is not None and self._left < 0:
            return f"more than {self.cases:,} cases in all"
        if self._end is not None and time.monotonic() > self._end:
            return f"more than {self.seconds:g} seconds"
        return ""

    def count(self, steps: int) -> None:
        """Count what was done already."""
        self._left -= steps

    def spend(self, steps: int) -> None:
        """Count so many steps.

        Raises:
            OutOfBudget: nothing is left.
        """
        self.count(steps)
        if over := self.over:
            raise OutOfBudget(over)
