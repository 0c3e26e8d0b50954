"""Where the funnel loses most: what each step would bring if it were ten points better, and why
sales gives people back."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import attrs

from lifecycle_fsm.funnel.conversion import Ratio, conversions
from lifecycle_fsm.funnel.parts import ImpossibleMeasure, InParts, Measuring
from lifecycle_fsm.funnel.scope import NOTHING, Scope, in_order, named
from lifecycle_fsm.model import Model

#: How much better a step is assumed to be.
BETTER = 0.10


@attrs.frozen(kw_only=True)
class Leak:
    """One step of the path, and what it would bring if it were ten points better.

    Args:
        group: the group.
        source, target: the step.
        ratio: of the journeys that first entered ``source`` in the window, those that later entered
            ``target`` (*through* [S26]).
        onward: of the journeys that first entered ``target`` in the window, those that later
            entered the last stage; for the last step, all of them.
    """

    group: str
    source: str
    target: str
    ratio: Ratio
    onward: Ratio

    @property
    def customers(self) -> float | None:
        """How many more journeys would have reached the last stage if ten more in a hundred had
        taken the step, and had gone on like the others. A step cannot exceed 100 %."""
        share, onward = self.ratio.share, self.onward.share
        if share is None or onward is None:
            return None
        return self.ratio.whole * min(BETTER, 1 - share) * onward

    @property
    def range(self) -> tuple[float, float] | None:
        """``customers`` at both ends of the 95% interval of ``onward``."""
        share, onward = self.ratio.share, self.onward.range
        if share is None or onward is None:
            return None
        more = self.ratio.whole * min(BETTER, 1 - share)
        return more * onward[0], more * onward[1]


@InParts
def leaks(scope: Scope) -> Measuring[tuple[Leak, ...]]:
    """The steps of the path behind original processing, those first that would bring the most
    customers. A path with fewer than two stages there has none."""
    path = [stage.name for stage in scope.model.path[1:]]  # the sort leads elsewhere, too
    if len(path) < 2:
        return ()
    last = path[-1]
    steps = list(pairwise(path))
    onward = [(stage, last) for stage in path[1:-1]]
    rows = yield from conversions.measuring(scope, list(dict.fromkeys([*steps, *onward])))
    known = {(row.group, row.source, row.target): row.ratio for row in rows}
    leaks = [
        Leak(
            group=group,
            source=source,
            target=target,
            ratio=known[group, source, target],
            onward=Ratio(*[known[group, source, target].part] * 2)
            if target == last
            else known[group, target, last],
        )
        for group in dict.fromkeys(row.group for row in rows)
        for source, target in steps
    ]
    places = {
        group: place for place, group in enumerate(dict.fromkeys(leak.group for leak in leaks))
    }
    return tuple(sorted(leaks, key=lambda leak: (places[leak.group], -(leak.customers or 0))))


@attrs.frozen(kw_only=True)
class GivenBack:
    """How often people left a stage of the path for a detour by one rule, for one reason.

    Args:
        group: the group of the visit that ended.
        stage, target: the stage of the path, and the detour.
        rule: the move.
        reason: the ``rejection_reason`` that the activity brought which moved the person. It is
            :data:`NOTHING` if the activity brought none, or if time or a score moved the person:
            an earlier reason does not count again.
        ratio: how many of the visits of this stage that ended in the window. Those that a merge
            or a change of the model ended are left out.
    """

    group: str
    stage: str
    target: str
    rule: str
    reason: str
    ratio: Ratio


@InParts
def given_back(scope: Scope) -> Measuring[tuple[GivenBack, ...]]:
    """Why people left the path in the window: by stage in the order of the model, then the most
    frequent first.

    Raises:
        LifecycleError: the history does not keep ``rejection_reason``.
    """
    model = scope.model
    if not scope.walks.keep("rejection_reason"):
        line = json.dumps([*dict.fromkeys((*model.dimensions, "rejection_reason"))])
        raise ImpossibleMeasure(
            f"the history does not keep why people were rejected: the model needs the line "
            f"dimensions = {line}; run it again with that"
        )
    telling = _telling(model)
    detours = {stage.name for stage in model.stages if stage.off_path}
    counts: Counter[tuple[str, str, str, str, str]] = Counter()
    ended: Counter[tuple[str, str]] = Counter()
    group = scope.group
    while (walks := (yield)) is not None:
        for visit in scope.visits(walks):
            row = visit.exit
            if row is None or visit.folded or visit.stage in detours or not scope.inside(row.now):
                continue
            name = group(visit)
            ended[name, visit.stage] += 1
            if row.to_stage in detours:
                reason = row.value("rejection_reason") if row.trigger in telling else None
                counts[name, visit.stage, row.to_stage, row.rule, named(reason)] += 1
    order = {stage.name: place for place, stage in enumerate(model.stages)}
    rows = [
        GivenBack(
            group=name,
            stage=stage,
            target=target,
            rule=rule,
            reason=reason,
            ratio=Ratio(count, ended[name, stage]),
        )
        for (name, stage, target, rule, reason), count in counts.items()
    ]
    return tuple(
        sorted(
            rows,
            key=lambda row: (
                in_order(row.group),
                order[row.stage],
                -row.ratio.part,
                row.rule,
                row.reason == NOTHING,
                row.reason,
            ),
        )
    )


def _telling(model: Model) -> frozenset[str | None]:
    """The triggers whose activities write ``rejection_reason``."""
    return frozenset(
        kind.trigger
        for kind in model.activity_kinds.values()
        if kind.trigger and any(effect.field == "rejection_reason" for effect in kind.sets)
    )
