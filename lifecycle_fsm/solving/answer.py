"""What comes of asking whether anybody makes a guard hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.fields import Value

#: A person as the fields that differ from those of somebody of whom nothing is known.
Person: TypeAlias = Mapping[str, Value]
Verdict: TypeAlias = Literal["found", "refuted", "undecided"]


@attrs.frozen
class Answer:
    """Whether anybody makes the guard hold.

    ``found`` comes with such a person, at the world's ``now``, with no field set that need not be.
    ``refuted`` is a proof that there is nobody. ``undecided`` is neither: the search ran out of its
    budget, or the guard has arithmetic over several fields, for which the values that are tried are
    not all that matter; ``reason`` says which. It never means that all is well.

    ``assumed`` are the answers that Python callables would have to give [S2]: nobody can look
    inside them.

    ``at`` is the instant of the decision, where that is not the world's ``now``.
    """

    verdict: Verdict
    person: Person = attrs.field(factory=dict)
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
