"""The numbers of a scope, or of a whole history, as a picture takes them: those of the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

import attrs

from lifecycle_fsm.funnel.conversion import conversions
from lifecycle_fsm.funnel.counts import Conversion, Counts, Reading, Window
from lifecycle_fsm.funnel.people import people_now
from lifecycle_fsm.funnel.scope import Scope, observe
from lifecycle_fsm.funnel.survival import Times
from lifecycle_fsm.funnel.time_in_stage import watch
from lifecycle_fsm.funnel.visits import JourneyKey
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model


def count(
    rows: Iterable[HistoryRow],
    model: Model,
    *,
    reading: Reading = "through",
    window: Window | None = None,
    until: datetime | None = None,
    zone: str = "UTC",
) -> Counts:
    """Count the histories of all persons, in any order.

    Open visits were seen ``until`` then; without it, up to the last row. The rows behind the window
    only tell which journeys went on.

    Everybody who entered original processing is in the conversion out of it, also those whom the
    sort led off the path, whose walk is no journey yet [S25].

    Raises:
        LifecycleError: the reading is unknown, or the window ends before it starts.
    """
    scope = observe(rows, model, window=window, until=until, zone=zone)
    return on_picture(scope, reading=reading)


def on_picture(scope: Scope, *, reading: Reading = "through") -> Counts:
    """Count the people and times of a scope, not split by anything."""
    scope = attrs.evolve(scope, by=None)
    model = scope.model
    moves: Counter[tuple[str, str, str]] = Counter()
    entered: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    times = {name: Times() for name in model.by_name}
    for visit in scope.visits():
        row = visit.entry
        if scope.inside(visit.entered):
            watch(times[row.to_stage], visit, scope)
            entered[row.to_stage] += 1
            if row.from_stage is not None:
                moves[row.rule, row.from_stage, row.to_stage] += 1
            if row.credit:
                passed.update(row.passed_over)
        closing = visit.exit
        if closing is not None and visit.merged and scope.inside(closing.now):
            moves[closing.rule, visit.stage, ""] += 1
    pairs = list(pairwise(stage.name for stage in model.path))
    return Counts(
        people={one.stage: one.people for one in people_now(scope)},
        moves=dict(sorted(moves.items())),
        entered={name: entered[name] for name in model.by_name},
        passed_over={stage.name: passed[stage.name] for stage in model.path},
        conversion={
            (one.source, one.target): Conversion(one.journeys, one.reached)
            for one in conversions(scope, pairs, reading=reading)
        },
        stays=times,
        journeys=_journeys(scope),
        reading=reading,
        window=scope.window,
        zone=scope.zone,
        version=model.version,
    )


def _journeys(scope: Scope) -> int:
    """How many journeys first entered a path stage behind original processing in the window."""
    found = 0
    for walk in scope.walks:
        seen: set[JourneyKey] = set()
        for visit in walk:
            if scope.model.ranks.get(visit.stage) and visit.journey not in seen:
                seen.add(visit.journey)
                found += scope.inside(visit.entered) and scope.counts(visit)
    return found
