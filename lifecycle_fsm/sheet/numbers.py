"""What happened, in the numbers that a sheet shows: a history through the measures of the funnel.

Nothing is counted here: :mod:`lifecycle_fsm.funnel` counts, and says how.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise

import attrs

from lifecycle_fsm.document.blocks import (
    Alternatives,
    DataTable,
    Inline,
    Section,
    TableRow,
    soft,
    strong,
)
from lifecycle_fsm.funnel import (
    Counts,
    Ratio,
    Reading,
    Scope,
    Stay,
    agreements,
    conversions,
    on_picture,
    stays,
)
from lifecycle_fsm.wording import clean, duration, format_date, format_instant, percent


@attrs.frozen(kw_only=True)
class StageNumbers:
    """One stage: who is there, who came, who goes on, and how long that takes.

    ``through`` and ``over`` are the conversion to the next stage of the path, in both readings
    [S26]; a detour and the last stage have none.
    """

    stage: str
    title: str
    people: int
    entered: int
    through: Ratio | None
    over: Ratio | None
    stay: Stay


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
                people=counts.people[stage.name],
                entered=counts.entered[stage.name],
                through=shares["through"].get(stage.name),
                over=shares["over"].get(stage.name),
                stay=times[stage.name],
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
    pairs = pairwise(stage.name for stage in scope.model.path)
    return {rate.source: rate.ratio for rate in conversions(scope, pairs, reading=reading)}


# -- as a section ------------------------------------------------------------------------------


def numbers_section(numbers: Numbers, zone: str) -> Section:
    """How many people there are, how many go on, and how long that takes."""
    start = f"From {format_date(numbers.first, zone)} to " if numbers.first else ""
    return Section(
        title="What happened",
        id="numbers",
        note=(
            f"{start}{format_instant(numbers.as_of, zone)}: {numbers.people:,} people, "
            f"{numbers.journeys:,} journeys."
        ),
        blocks=(Alternatives(page=(_by_measure(numbers),), text=(_by_stage(numbers),)),),
    )


def _by_stage(numbers: Numbers) -> DataTable:
    """A row for each stage."""
    return DataTable(
        head=(
            "Stage",
            "People now",
            "Came in",
            "Enter the next stage",
            "Enter it or pass it over",
            "Half have left after",
            "A quarter after",
            "Three quarters after",
        ),
        rows=(
            (
                strong(stage.title),
                *_counts(stage),
                _median(stage),
                duration(stage.stay.first_quartile),
                duration(stage.stay.third_quartile),
            )
            for stage in numbers.stages
        ),
        align="number",
    )


def _by_measure(numbers: Numbers) -> DataTable:
    """A column for each stage, as they stand below a picture of the path."""
    heads = (
        ("People now", ""),
        ("Came in", ""),
        ("Enter the next stage", " of journeys that entered this one"),
        ("Enter it or pass it over", ""),
        ("Half have left after", " (a quarter, three quarters)"),
    )
    columns = [(*_counts(stage), _median_and_quartiles(stage)) for stage in numbers.stages]
    return DataTable(
        head=("", *(stage.title for stage in numbers.stages)),
        rows=(
            TableRow(((name, soft(note)), *cells), detail=name == "Came in")
            for (name, note), cells in zip(heads, zip(*columns, strict=True), strict=True)
        ),
        align="number",
        label="What happened, by stage",
        style="wide",
        row_heads=True,
    )


def _counts(stage: StageNumbers) -> tuple[str, ...]:
    shares = (ratio.share if ratio else None for ratio in (stage.through, stage.over))
    return (
        f"{stage.people:,}",
        f"{stage.entered:,}",
        *(percent(share) for share in shares),
    )


def _median(stage: StageNumbers) -> str:
    return duration(stage.stay.median, "not yet" if stage.stay.first_quartile else "–")


def _median_and_quartiles(stage: StageNumbers) -> tuple[str | Inline, ...]:
    stay = stage.stay
    if not stay.first_quartile:
        return (_median(stage),)
    quartiles = f"({duration(stay.first_quartile)}, {duration(stay.third_quartile)})"
    return _median(stage), " ", soft(quartiles)
