"""What happened, in the numbers that a sheet shows: a history through the measures of the funnel.

Nothing is counted here: :mod:`lifecycle_fsm.funnel` counts, and says how.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise

import attrs

from lifecycle_fsm.funnel import (
    Counts,
    Ratio,
    Reading,
    Scope,
    agreements,
    conversions,
    on_picture,
    stays,
)
from lifecycle_fsm.wording import clean


@attrs.frozen(kw_only=True)
class StageNumbers:
    """One stage: who is there, who came, who goes on, and how long that takes.

    ``through`` and ``over`` are the conversion to the next stage of the path, in both readings
    [S26]; a detour and the last stage have none. Times count open visits [S27]; one that is not
    reached yet is missing.
    """

    stage: str
    title: str
    off_path: bool
    people: int
    entered: int
    passed_over: int | None
    through: Ratio | None
    over: Ratio | None
    first_quartile: timedelta | None
    median: timedelta | None
    third_quartile: timedelta | None


@attrs.frozen(kw_only=True)
class Numbers:
    """The numbers of one history, up to an instant.

    ``kept`` tells by its name how a deadline was kept, of those visits in which it was kept or
    missed [S21]; it is empty where nobody gave what became of deadlines. Escalations are not there,
    as they follow from what was missed.
    """

    first: datetime | None
    as_of: datetime
    people: int
    journeys: int
    stages: tuple[StageNumbers, ...]
    kept: Mapping[str, Ratio]
    counts: Counts = attrs.field(repr=False)


def numbers(scope: Scope, as_of: datetime) -> Numbers:
    """The numbers of a whole history.

    Raises:
        MissingExtra: scipy is not installed.
    """
    model = scope.model
    counts = on_picture(scope)
    shares = {reading: _next(scope, reading) for reading in ("through", "over")}
    times = {stay.stage: stay for stay in stays(scope)}
    deadlines = {deadline.name: deadline for deadline in model.deadlines}
    return Numbers(
        first=min((visit.entered for walk in scope.walks for visit in walk), default=None),
        as_of=as_of,
        people=counts.total,
        journeys=counts.journeys,
        stages=tuple(
            StageNumbers(
                stage=stage.name,
                title=clean(stage.display),
                off_path=stage.off_path,
                people=counts.people[stage.name],
                entered=counts.entered[stage.name],
                passed_over=counts.passed_over.get(stage.name),
                through=shares["through"].get(stage.name),
                over=shares["over"].get(stage.name),
                first_quartile=times[stage.name].first_quartile,
                median=times[stage.name].median,
                third_quartile=times[stage.name].third_quartile,
            )
            for stage in model.stages
        ),
        kept={
            agreement.deadline: agreement.ratio
            for agreement in (() if scope.facts is None else agreements(scope))
            if not deadlines[agreement.deadline].escalates
        },
        counts=counts,
    )


def _next(scope: Scope, reading: Reading) -> dict[str, Ratio]:
    path = [stage.name for stage in scope.model.path]
    pairs = pairwise(path)
    return {rate.source: rate.ratio for rate in conversions(scope, pairs, reading=reading)}
