"""Time in stage, with the visits that are still open [S27] (R26)."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import attrs

from lifecycle_fsm.funnel.scope import Scope
from lifecycle_fsm.funnel.survival import Times, need_scipy
from lifecycle_fsm.funnel.visits import Visit

QUARTERS = (0.25, 0.5, 0.75)


@attrs.frozen(kw_only=True)
class Stay:
    """How long the visits that began in the window last.

    Args:
        group: which of the groups.
        stage: where.
        visits: how many began in the window; ``ended + open + folded``.
        ended: of these, how many have ended since.
        open: how many are still open.
        folded: how many ended because records were merged or migrated. They count like open ones:
            nobody left the stage.
        first_quartile, median, third_quartile: the time after which a quarter, half and three
            quarters have left, by :func:`.quantiles`. ``None`` where that is not reached: too many
            are still there.
    """

    group: str
    stage: str
    visits: int
    ended: int
    open: int
    folded: int
    first_quartile: timedelta | None
    median: timedelta | None
    third_quartile: timedelta | None


def watch(times: Times, visit: Visit, scope: Scope) -> None:
    """Count a visit for as long as it was seen."""
    end = visit.left or scope.until
    assert end is not None, "who has a visit has a history, which has an end"
    times.add((end - visit.entered).total_seconds(), visit.exit)


def stays(scope: Scope) -> tuple[Stay, ...]:
    """How long the visits that began in the window last, by group and stage.

    Each is watched until the end of what is known, also behind the window, as for conversion. So
    all are seen from their beginning, and nothing has to be said of those that began before.

    Raises:
        MissingExtra: scipy is not installed.
    """
    need_scipy()
    group = scope.group
    found: defaultdict[tuple[str, str], Times] = defaultdict(Times)
    for visit in scope.cohort():
        watch(found[group(visit), visit.stage], visit, scope)
    rows = []
    for name in scope.groups(one for one, _ in found):
        for stage in scope.model.stages:
            times = found[name, stage.name]
            first, median, third = times.quantiles(*QUARTERS)
            rows.append(
                Stay(
                    group=name,
                    stage=stage.name,
                    visits=len(times.ended) + len(times.still),
                    ended=len(times.ended),
                    open=len(times.still) - times.folded,
                    folded=times.folded,
                    first_quartile=first,
                    median=median,
                    third_quartile=third,
                )
            )
    return tuple(rows)
