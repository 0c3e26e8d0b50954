"""Records that turned out to be somebody who had another: how many, how late, and what they had
been counted as until then (R10, R57)."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta

import attrs

from lifecycle_fsm.funnel.conversion import Ratio
from lifecycle_fsm.funnel.parts import InParts, Measuring
from lifecycle_fsm.funnel.scope import Scope, in_order, sales_stage
from lifecycle_fsm.funnel.time_in_stage import Spans


@attrs.frozen(kw_only=True)
class Duplicates:
    """The records that were created in the window, and those of them that a merge ended.

    Args:
        group: the group, by the values with which the record entered its first stage behind
            original processing, as in a filter.
        stage: the stage right before the first stage of sales.
        ratio: of the records, those of which a merge ended the visit, whichever record survived:
            of two records that are merged, one [S23].
        leads: of these, how many had entered ``stage`` or a later stage of the path by then, and so
            had been counted as leads of their own.
        median: the median time from the creation to the merge.
    """

    group: str
    stage: str
    ratio: Ratio
    leads: Ratio
    median: timedelta | None


@InParts
def duplicates(scope: Scope, from_stage: str | None = None) -> Measuring[tuple[Duplicates, ...]]:
    """How many of the records that were created in the window were merged into others.

    A merge counts up to the end of the known history. A record whose creation the history does not
    have is left out. With a filter, a merge counts if the journey that it ended is inside of it.

    Args:
        scope: what is measured.
        from_stage: where the work of sales begins; :func:`.sales_stage` defines the default.

    Raises:
        LifecycleError: the stage is not on the path, or is its first or last stage.
    """
    path, ranks, group = scope.model.path, scope.model.ranks, scope.group
    lead = max(ranks[sales_stage(scope.model, from_stage).name] - 1, min(1, len(path) - 1))
    records: Counter[str] = Counter()
    leads: Counter[str] = Counter()
    times: defaultdict[str, Spans] = defaultdict(Spans)
    while (walks := (yield)) is not None:
        for walk in walks:
            first, last = walk[0], walk[-1]
            if not first.new or not scope.began(first):
                continue
            name = group(next((visit for visit in walk if ranks.get(visit.stage) != 0), first))
            records[name] += 1
            if last.merged and last.left is not None:
                times[name].append(last.left - first.entered)
                leads[name] += any(ranks.get(visit.stage, -1) >= lead for visit in walk)
    return tuple(
        Duplicates(
            group=name,
            stage=path[lead].name,
            ratio=Ratio(len(times[name]), records[name]),
            leads=Ratio(leads[name], len(times[name])),
            median=times[name].median,
        )
        for name in sorted(records, key=in_order)
    )
