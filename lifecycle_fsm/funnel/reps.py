"""The outcomes of each salesperson's journeys, and what lies on their desk (R31)."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta

import attrs

from lifecycle_fsm.funnel.conversion import Ratio, journeys
from lifecycle_fsm.funnel.parts import InParts, Measuring
from lifecycle_fsm.funnel.scope import NOTHING, Reading, Scope, in_order, sales_stage
from lifecycle_fsm.funnel.time_in_stage import Spans


@attrs.frozen(kw_only=True)
class Rep:
    """The journeys that first entered the first stage of sales in the window, under one owner.

    Args:
        group: the group.
        owner: who owned the person at that entry.
        journeys: how many; ``won + lost + open``.
        won: those that later entered the last stage of the path.
        lost: those that did not, and later entered a detour stage.
        open: the others.
        merged: further journeys that a merge ended before they were won; they are left out [S23].
        load: people who are in a stage of sales before the last at the end of the window, and who
            entered it under this owner.
        median: the median time from that entry to the last stage, for the journeys that were won.
    """

    group: str
    owner: str
    journeys: int
    won: int
    lost: int
    open: int
    merged: int
    load: int
    median: timedelta | None

    @property
    def close_rate(self) -> Ratio:
        """The share of the journeys that were won."""
        return Ratio(self.won, self.journeys)


@InParts
def reps(
    scope: Scope, *, from_stage: str | None = None, reading: Reading = "through"
) -> Measuring[tuple[Rep, ...]]:
    """Close rate and load of each owner, sorted by name.

    The close rate is the conversion from the first stage of sales to the last of the path, split by
    the owner at the first entry: see :func:`.conversions`.

    Args:
        scope: what is measured.
        from_stage: where the work of sales begins; :func:`.sales_stage` defines the default.
        reading: with ``over``, a journey also counts if it passed over that stage.

    Raises:
        LifecycleError: the stage is not on the path, or is its first or last stage.
    """
    model = scope.model
    first, last = sales_stage(model, from_stage).name, model.path[-1].name
    if first == last:  # the path is too short to have a sales part
        return ()
    results: Counter[tuple[str, str, str]] = Counter()
    times: defaultdict[tuple[str, str], Spans] = defaultdict(Spans)
    load: Counter[tuple[str, str]] = Counter()
    group, ranks = scope.group, model.ranks
    while (walks := (yield)) is not None:
        for journey in journeys(walks, reading):
            steps = journey.since(first)
            if not steps or not scope.began(steps[0][1]):
                continue
            start = steps[0][1]
            key = group(start), start.entry.owner or NOTHING
            won = next((visit for stage, visit in steps[1:] if stage == last), None)
            if won is not None:
                results[*key, "won"] += 1
                times[key].append(won.entered - start.entered)
            elif journey.merged is not None:
                results[*key, "merged"] += 1
            else:
                lost = any(stage not in ranks for stage, _ in steps[1:])
                results[*key, "lost" if lost else "open"] += 1
        for visit in scope.present(walks):
            if ranks[first] <= ranks.get(visit.stage, -1) < ranks[last]:
                load[group(visit), visit.entry.owner or NOTHING] += 1
    keys = {(name, owner) for name, owner, _ in results} | set(load)
    return tuple(
        Rep(
            group=name,
            owner=owner,
            journeys=sum(results[name, owner, result] for result in ("won", "lost", "open")),
            won=results[name, owner, "won"],
            lost=results[name, owner, "lost"],
            open=results[name, owner, "open"],
            merged=results[name, owner, "merged"],
            load=load[name, owner],
            median=times[name, owner].median,
        )
        for name, owner in sorted(keys, key=lambda key: (in_order(key[0]), in_order(key[1])))
    )
