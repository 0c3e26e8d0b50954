"""A comparison as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from lifecycle_fsm.cli.cells import Cells, length, reached
from lifecycle_fsm.funnel import Comparison, ConversionChange, Side
from lifecycle_fsm.wording import duration


def compared(cells: Cells, found: Comparison) -> Iterator[str]:
    """Before and after: conversion in the reading of the report, times, entries."""
    yield f"before: {_side(cells, found.before)}"
    yield f"after:  {_side(cells, found.after)}"
    yield from (f"  caution: {one}" for one in found.cautions)
    yield f"conversion ({cells.report.reading})"
    yield cells.table(
        "from | to | | before | | after | difference | | median before | median after",
        [
            [
                *cells.group(one.before.group),
                cells.stage(one.before.source),
                cells.stage(one.before.target),
                *cells.ratio(one.before.ratio),
                *cells.ratio(one.after.ratio),
                *_points(one),
                length(one.before.median),
                length(one.after.median),
            ]
            for one in found.conversions
            if one.before.reading == cells.report.reading
            and (one.before.journeys or one.after.journeys)
        ],
        left="from | to",
    )
    yield "time in stage (half left)"
    yield cells.table(
        "stage | before | after | difference",
        [
            [
                *cells.group(one.before.group),
                cells.stage(one.before.stage),
                reached(one.before.median, one.before.visits),
                reached(one.after.median, one.after.visits),
                _signed(one.difference),
            ]
            for one in found.stays
            if one.before.visits or one.after.visits
        ],
        left="stage",
    )
    yield "entries"
    yield cells.table(
        "stage | before | after | in 30 days before | in 30 days after",
        [
            [
                *cells.group(one.group),
                cells.stage(one.stage),
                f"{one.before:,}",
                f"{one.after:,}",
                _rate(one.before_rate),
                _rate(one.after_rate),
            ]
            for one in found.volumes
            if one.before or one.after
        ],
        left="stage",
    )


def _side(cells: Cells, side: Side) -> str:
    start, end = cells.time(side.start), cells.time(side.end)
    if side.version is not None:
        name = f"version {side.version}"
    elif start or end:
        name = " ".join([*(["from", start] if start else []), *(["to", end] if end else [])])
    else:
        name = "all history"
    return name + ("" if side.followed is None else f", watched for {duration(side.followed)}")


def _points(change: ConversionChange) -> list[str]:
    if change.points is None:
        return ["", ""]
    return [f"{change.points * 100:+.1f} points", "" if change.apart else "may be chance"]


def _signed(time: timedelta | None) -> str:
    if time is None:
        return ""
    return ("-" if time < timedelta(0) else "+") + duration(abs(time))


def _rate(rate: float | None) -> str:
    return "" if rate is None else f"{rate:,.1f}"
