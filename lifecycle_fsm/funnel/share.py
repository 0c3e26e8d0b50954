"""Marketing's share of the entries of a stage, against a target (R24) (R31)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import attrgetter

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.conversion import Ratio
from lifecycle_fsm.funnel.parts import ImpossibleMeasure, InParts, Measuring
from lifecycle_fsm.funnel.scope import NOTHING, Scope, named

FIELD, MARKETING, SALES = "sourced_by", "marketing", "sales"


@attrs.frozen(kw_only=True)
class MarketingShare:
    """The entries of a stage by who sourced the people.

    Args:
        group: the group.
        stage: the stage.
        entries: entries in the window by who sourced the person: marketing, sales and any other
            source that the model knows (R59). Entries of people who were carried past stages
            without credit in the same journey count for sales: nobody can have nurtured them there
            (R23).
        unknown: entries of people whose source is unknown; they count against marketing.
        target: the agreed share, if any.
    """

    group: str
    stage: str
    entries: Mapping[str, int]
    unknown: int
    target: float | None = None

    @property
    def marketing(self) -> int:
        """The entries of marketing."""
        return self.entries[MARKETING]

    @property
    def sales(self) -> int:
        """The entries of sales."""
        return self.entries[SALES]

    @property
    def credit(self) -> Mapping[str, Ratio]:
        """Each source's entries, out of all entries."""
        whole = sum(self.entries.values()) + self.unknown
        return {source: Ratio(count, whole) for source, count in self.entries.items()}

    @property
    def ratio(self) -> Ratio:
        """Marketing's entries, out of all entries."""
        return self.credit[MARKETING]

    @property
    def gap(self) -> float | None:
        """The share minus the target: below zero if the target was missed."""
        share = self.ratio.share
        return None if share is None or self.target is None else share - self.target

    @property
    def met(self) -> bool | None:
        """Whether the target was met; ``None`` without a target or without entries."""
        gap = self.gap
        # 0.6 of 5 is 3, whatever the last digit of the quotient is.
        return None if gap is None else gap >= -1e-12


@InParts
def marketing_share(
    scope: Scope,
    stages: Iterable[str] | None = None,
    *,
    target: float | Mapping[str, float] | None = None,
) -> Measuring[tuple[MarketingShare, ...]]:
    """For each group and stage, how many of the entries in the window are marketing's.

    Args:
        scope: what is measured.
        stages: the stages; by default all stages of the path after original processing.
        target: the agreed share, for all stages or by stage, from 0 to 1.

    Raises:
        LifecycleError: the history does not record who sourced a person, or a stage does not exist.
    """
    model = scope.model
    names = (
        [stage.name for stage in model.path[1:]]
        if stages is None
        else [model.stage(name).name for name in stages]
    )
    targets = target if isinstance(target, Mapping) else dict.fromkeys(names, target)
    for name, value in targets.items():
        model.stage(name)
        if value is not None and not 0 <= value <= 1:
            raise LifecycleError(f"the target of {name!r} is a share from 0 to 1, not {value}")
    tally: Counter[tuple[str, str, str]] = Counter()
    group = scope.group
    empty, known = True, False
    while (walks := (yield)) is not None:
        for walk in walks:
            empty = False
            known = known or any(name == FIELD for name, _ in walk[0].entry.kept)
            for _, visits in groupby(walk, key=attrgetter("journey")):
                credit = True
                for visit in visits:
                    row = visit.entry
                    credit = credit and (row.credit or not row.passed_over)
                    if scope.began(visit):
                        source = named(row.value(FIELD)) if credit else SALES
                        tally[group(visit), row.to_stage, source] += 1
    if not (known or empty):
        raise ImpossibleMeasure(
            f"marketing's share needs {FIELD!r} in the history: write dimensions = "
            f'["{FIELD}"] into the model, beside others, and run it again'
        )
    others = {source for _, _, source in tally} - {MARKETING, SALES, NOTHING}
    sources = (MARKETING, SALES, *sorted(others))
    return tuple(
        MarketingShare(
            group=name,
            stage=stage,
            entries={source: tally[name, stage, source] for source in sources},
            unknown=tally[name, stage, NOTHING],
            target=targets.get(stage),
        )
        for name in scope.groups(tally)
        for stage in names
    )
