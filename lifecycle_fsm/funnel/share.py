"""Marketing's share of the entries of a stage, against a target (R24) (R31)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import attrgetter

import attrs

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.funnel.conversion import Ratio
from lifecycle_fsm.funnel.scope import NOTHING, Scope, named

FIELD, MARKETING, SALES = "sourced_by", "marketing", "sales"


@attrs.frozen(kw_only=True)
class MarketingShare:
    """Whose the entries of a stage are.

    Args:
        group: which of the groups.
        stage: which stage.
        entries: entries in the window by who sourced the person: marketing, sales, and whoever else
            the model knows (R59). Those who were carried past stages without credit in the same
            journey are sales': nobody can have nurtured them there (R23).
        unknown: entries of people of whom nobody knows who sourced them; they count against.
        target: the share that was agreed, if any.
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
        """The entries of each of those who sourced people, of all."""
        whole = sum(self.entries.values()) + self.unknown
        return {source: Ratio(count, whole) for source, count in self.entries.items()}

    @property
    def ratio(self) -> Ratio:
        """Marketing's entries, of all."""
        return self.credit[MARKETING]

    @property
    def gap(self) -> float | None:
        """The share less the target: below zero where it was missed."""
        share = self.ratio.share
        return None if share is None or self.target is None else share - self.target

    @property
    def met(self) -> bool | None:
        """Whether the target was met; nothing where there is no target, or were no entries."""
        gap = self.gap
        # 0.6 of 5 is 3, whatever the last digit of the quotient says.
        return None if gap is None else gap >= -1e-12


def marketing_share(
    scope: Scope,
    stages: Iterable[str] | None = None,
    *,
    target: float | Mapping[str, float] | None = None,
) -> tuple[MarketingShare, ...]:
    """For each group and stage, how many of the entries in the window are marketing's.

    Args:
        scope: what is measured.
        stages: which stages; without them all of the path behind original processing.
        target: the agreed share, for all stages or by stage, from 0 to 1.

    Raises:
        LifecycleError: the history does not keep who sourced a person, or there is no such stage.
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
    need_source(scope)
    tally: Counter[tuple[str, str, str]] = Counter()
    group = scope.group
    for walk in scope.walks:
        for _, visits in groupby(walk, key=attrgetter("journey")):
            credit = True
            for visit in visits:
                row = visit.entry
                credit = credit and (row.credit or not row.passed_over)
                if scope.began(visit):
                    source = named(row.value(FIELD)) if credit else SALES
                    tally[group(visit), row.to_stage, source] += 1
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


def need_source(scope: Scope) -> None:
    """See that the history keeps who sourced a person.

    Raises:
        LifecycleError: it does not; the message says what to do.
    """
    if not scope.walks:
        return
    if not any(name == FIELD for walk in scope.walks for name, _ in walk[0].entry.kept):
        raise LifecycleError(
            f"marketing's share needs {FIELD!r} in the history: write dimensions = "
            f'["{FIELD}"] into the model, beside others, and run it again'
        )
