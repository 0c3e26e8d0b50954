"""Limits of a scheduled report: a number that must not be below or above another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal, TypeAlias, get_args

import attrs

from lifecycle_fsm.errors import LifecycleError, suggest
from lifecycle_fsm.funnel import (
    Ratio,
    Reading,
    Scope,
    agreements,
    conversions,
    marketing_share,
    overdue,
    people_now,
    ready_for_sales,
    stuck,
)
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import clean, decimal_percent

LimitedMeasure: TypeAlias = Literal[
    "conversion", "share", "kept", "entries", "people", "ready", "overdue", "stuck"
]
LIMITED: tuple[LimitedMeasure, ...] = get_args(LimitedMeasure)
#: These are shares from 0 to 1, and the others counts.
SHARES = frozenset({"conversion", "share", "kept"})
#: These are of the end of the known history, whatever the window is.
CURRENT = frozenset({"people", "ready", "overdue", "stuck"})
ALL = "all"


@attrs.frozen(kw_only=True)
class ReportLimit:
    """A limit of a number.

    Args:
        measure: what is limited.
        of: two stages for ``conversion``; a stage for ``share``, ``entries``, ``people`` and
            ``stuck``; a deadline for ``kept`` and ``overdue``. Counts may be of ``all``.
        below, above: the limit is broken by a number below or above; at least one is given.
        name: what it is called.
        segment: the name of the segment that is measured; everybody without it.
    """

    measure: LimitedMeasure
    of: tuple[str, ...]
    below: float | None = None
    above: float | None = None
    name: str = ""
    segment: str = ""

    def check(self, model: Model) -> None:
        """Check that the model has what is limited.

        Raises:
            LifecycleError: it does not.
        """
        if self.of == (ALL,) and self.measure not in SHARES:
            return
        if self.measure == "ready":
            raise LifecycleError(f"write ready = {ALL!r}: there is one such stage only")
        if self.measure in ("kept", "overdue"):
            names = [deadline.name for deadline in model.deadlines]
            if self.of[0] not in names:
                raise LifecycleError(
                    f"the model has no deadline {self.of[0]!r}: it has "
                    f"{', '.join(names) or 'none'}{suggest(self.of[0], names)}"
                )
            return
        for name in self.of:
            model.stage(name)

    def judge(
        self, scope: Scope, *, reading: Reading = "through", horizon: timedelta | None = None,
        stuck_after: timedelta | None = None,
    ) -> str | None:  # fmt: skip
        """What is wrong, in one line; ``None`` if the limit is kept or there is nothing to judge.

        Raises:
            LifecycleError: the history does not allow to measure it.
        """
        match self.measure:
            case "conversion":
                pair = self.of[0], self.of[1]
                rows = conversions(scope, [pair], reading=reading, horizon=horizon)
                return self._judged(rows[0].ratio, scope.model)
            case "share":
                return self._judged(marketing_share(scope, self.of)[0].ratio, scope.model)
            case "kept":
                kept = [row.ratio for row in agreements(scope) if row.deadline in self.of]
                return self._judged(kept[0], scope.model)
            case "entries":
                entered = [visit.stage for visit in scope.cohort()]
                return self._judged(self._count(entered), scope.model)
            case "people":
                people = [row.stage for row in people_now(scope) for _ in range(row.people)]
                return self._judged(self._count(people), scope.model)
            case "ready":
                return self._judged(len(ready_for_sales(scope)), scope.model)
            case "overdue":
                missed = [row.deadline for row in overdue(scope)]
                return self._judged(self._count(missed), scope.model)
            case "stuck":
                stages = [row.stage for row in stuck(scope, stuck_after)]
                return self._judged(self._count(stages), scope.model)

    def _count(self, names: Sequence[str]) -> int:
        return len(names) if self.of == (ALL,) else sum(name in self.of for name in names)

    def _judged(self, number: Ratio | int, model: Model) -> str | None:
        value = number.share if isinstance(number, Ratio) else number
        if value is None:
            return None
        if self.below is not None and value < self.below:
            side, limit = "below", self.below
        elif self.above is not None and value > self.above:
            side, limit = "above", self.above
        else:
            return None
        shown = f"{value:,}"
        if isinstance(number, Ratio):
            few = ", which are few" if number.few else ""
            shown = f"{decimal_percent(value * 100)} ({number.part:,} of {number.whole:,}{few})"
        bound = decimal_percent(limit * 100) if self.measure in SHARES else f"{limit:,g}"
        names = [clean(model.stage(n).display) if n in model.by_name else n for n in self.of]
        what = " → ".join(name for name in names if name != ALL)
        head = " ".join(filter(None, (self.segment and f"{self.segment}:", self.measure, what)))
        return f"{f'{self.name}: ' if self.name else ''}{head} is {shown}, {side} {bound}"
