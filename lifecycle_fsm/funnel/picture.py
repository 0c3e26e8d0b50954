"""The numbers of a scope as a picture takes them: the same as in the tables."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import attrs

from lifecycle_fsm.funnel.conversion import conversions
from lifecycle_fsm.funnel.counts import Conversion, Counts, Reading
from lifecycle_fsm.funnel.people import people_now
from lifecycle_fsm.funnel.scope import Scope
from lifecycle_fsm.funnel.stay import watch
from lifecycle_fsm.funnel.survival import Times


def on_picture(scope: Scope, *, reading: Reading = "through") -> Counts:
    """What :func:`.count` counts, for the people and times of a scope, not split by anything."""
    scope = attrs.evolve(scope, by=None)
    model = scope.model
    moves: Counter[tuple[str, str, str]] = Counter()
    entered: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    times = {name: Times() for name in model.by_name}
    for visit in scope.visits():
        row = visit.entry
        if scope.inside(row.now):
            watch(times[row.to_stage], visit, scope)
            entered[row.to_stage] += 1
            if row.from_stage is not None:
                moves[row.rule, row.from_stage, row.to_stage] += 1
            if row.credit:
                passed.update(row.passed_over)
        closing = visit.exit
        if closing is not None and not closing.to_stage and scope.inside(closing.now):
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
        seen: set[int] = set()
        for visit in walk:
            if scope.model.ranks.get(visit.stage) and visit.entry.journey not in seen:
                seen.add(visit.entry.journey)
                found += scope.inside(visit.entered) and scope.counts(visit)
    return found
