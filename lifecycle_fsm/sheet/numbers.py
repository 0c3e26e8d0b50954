"""The numbers of a sheet: the measures of the funnel for a history.

Nothing is counted here: :mod:`lifecycle_fsm.funnel` counts, and documents how.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise

import attrs

from lifecycle_fsm.document import blocks as doc
from lifecycle_fsm.funnel import (
    READINGS,
    Counts,
    Measuring,
    Ratio,
    Scope,
    Stay,
    agreements,
    conversions,
    measured,
    on_picture,
    stays,
)
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import clean, duration, format_date, format_instant, percent


@attrs.frozen(kw_only=True)
class Numbers:
    """The numbers of one history, up to an instant.

    Args:
        first: when the first stage was entered.
        as_of: the instant.
        counts: how many people are in each stage, and how many entered it.
        through, over: by stage, the conversion to the next stage of the path, in both readings
            [S26]; a detour and the last stage have none.
        stays: by stage, how long people stay, including open visits [S27].
        kept: by deadline, the share of visits that kept it, out of those that kept or missed it
            [S21]; empty if no outcomes of deadlines were given. Escalations are left out, because
            they follow from a missed deadline.
    """

    first: datetime | None
    as_of: datetime
    counts: Counts
    through: Mapping[str, Ratio]
    over: Mapping[str, Ratio]
    stays: Mapping[str, Stay]
    kept: Mapping[str, Ratio]


def numbers(scope: Scope, as_of: datetime) -> Numbers:
    """The numbers of an entire history.

    Raises:
        MissingExtra: scipy is not installed.
    """
    escalations = {deadline.name for deadline in scope.model.deadlines if deadline.escalates}
    pairs = [*pairwise(stage.name for stage in scope.model.path)]
    first, counts, through, over, times, *kept = measured(
        scope,
        [
            _first(),
            on_picture.measuring(scope),
            *(conversions.measuring(scope, pairs, reading=reading) for reading in READINGS),
            stays.measuring(scope),
            *([] if scope.facts is None else [agreements.measuring(scope)]),
        ],
    )
    return Numbers(
        first=first,
        as_of=as_of,
        counts=counts,
        through={rate.source: rate.ratio for rate in through},
        over={rate.source: rate.ratio for rate in over},
        stays={stay.stage: stay for stay in times},
        kept={
            agreement.deadline: agreement.ratio
            for table in kept
            for agreement in table
            if agreement.deadline not in escalations
        },
    )


def _first() -> Measuring[datetime | None]:
    """When the first visit of all began."""
    first: datetime | None = None
    while (walks := (yield)) is not None:
        for walk in walks:
            began = min(visit.entered for visit in walk)
            first = began if first is None else min(first, began)
    return first


# -- as a section ------------------------------------------------------------------------------


def numbers_section(numbers: Numbers, model: Model, zone: str) -> doc.Section:
    """How many people there are, how many go on, and how long that takes."""
    counts = numbers.counts
    across = _by_measure if len(model.stages) <= _BESIDE else _by_stage
    start = f"From {format_date(numbers.first, zone)} to " if numbers.first else ""
    where = f", only those where {clean(counts.where)}" if counts.where else ""
    return doc.Section(
        title="What happened",
        id="numbers",
        note=(
            f"{start}{format_instant(numbers.as_of, zone)}: {counts.total:,} people, "
            f"{counts.journeys:,} journeys{where}."
        ),
        blocks=(
            doc.Alternatives(page=(across(numbers, model),), text=(_by_stage(numbers, model),)),
        ),
    )


_BESIDE = 10  # stages for which there is room beside each other


def _by_stage(numbers: Numbers, model: Model) -> doc.DataTable:
    """A row for each stage."""
    return doc.DataTable(
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
                doc.strong(clean(stage.display)),
                *_counts(numbers, stage.name),
                _median(stay),
                duration(stay.first_quartile),
                duration(stay.third_quartile),
            )
            for stage in model.stages
            for stay in [numbers.stays[stage.name]]
        ),
        align="number",
    )


def _by_measure(numbers: Numbers, model: Model) -> doc.DataTable:
    """A column for each stage, as they stand below a diagram of the path."""
    heads = (
        ("People now", ""),
        ("Came in", ""),
        ("Enter the next stage", " of journeys that entered this one"),
        ("Enter it or pass it over", ""),
        ("Half have left after", " (a quarter, three quarters)"),
    )
    columns = (
        (*_counts(numbers, stage.name), _median_and_quartiles(numbers.stays[stage.name]))
        for stage in model.stages
    )
    return doc.DataTable(
        head=("", *(clean(stage.display) for stage in model.stages)),
        rows=(
            doc.TableRow(((name, doc.soft(note)), *cells), detail=name == "Came in")
            for (name, note), cells in zip(heads, zip(*columns, strict=True), strict=True)
        ),
        align="number",
        label="What happened, by stage",
        style="wide",
        row_heads=True,
    )


def _counts(numbers: Numbers, stage: str) -> tuple[str, ...]:
    counts, ratios = numbers.counts, (numbers.through.get(stage), numbers.over.get(stage))
    return (
        f"{counts.people[stage]:,}",
        f"{counts.entered[stage]:,}",
        *(percent(ratio.share if ratio else None) for ratio in ratios),
    )


def _median(stay: Stay) -> str:
    return duration(stay.median, "not yet" if stay.first_quartile else "–")


def _median_and_quartiles(stay: Stay) -> tuple[str | doc.Inline, ...]:
    if not stay.first_quartile:
        return (_median(stay),)
    quartiles = f"({duration(stay.first_quartile)}, {duration(stay.third_quartile)})"
    return _median(stay), " ", doc.soft(quartiles)
