"""A report as text: one table for each measure, with what it says in a line above."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from lifecycle_fsm.cli.common import lined_up
from lifecycle_fsm.funnel import (
    ALL_STAGES,
    Comparison,
    ConversionChange,
    Flow,
    FunnelReport,
    Limit,
    MarketingShare,
    Measure,
    Overdue,
    Ratio,
    Side,
    Waiting,
)
from lifecycle_fsm.funnel.scope import local
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import clean, counted, decimal_percent, duration

# ------------------------------------------------------------------ cells
#
# The words and cells that the tables of a report are made of.


#: How many people a list shows.
SHOWN = 10


class Cells:
    """Writes what one report speaks of; ``few`` is whether a share had a star."""

    def __init__(self, report: FunnelReport, model: Model) -> None:
        self.report, self.model = report, model
        self.few = False

    def stage(self, name: str) -> str:
        """A stage in the words of its model."""
        return self.model.stage(name).display

    def group(self, group: str) -> list[str]:
        """The cell of a group, where the report is split."""
        return [group] if self.report.by else []

    def time(self, at: datetime | None) -> str:
        """An instant in the zone of the report."""
        if at is None:
            return ""
        return f"{local(at, self.report.zone):%Y-%m-%d %H:%M}".removesuffix(" 00:00")

    def ratio(self, ratio: Ratio) -> list[str]:
        """``12 of 40`` and its share; a star where that says little."""
        if ratio.share is None:
            return ["", ""]
        self.few = self.few or ratio.few
        star = "*" if ratio.few else " "
        return [f"{ratio.part:,} of {ratio.whole:,}", decimal_percent(ratio.share * 100) + star]

    def table(self, head: str, cells: Sequence[Sequence[str]], left: str = "") -> str:
        """A table that is split like the report; columns but those of ``left`` are numbers.

        Args:
            head: the names of the columns, with ``|`` between.
            cells: what stands in each.
            left: the names of those that are words.
        """
        split = self.group(self.report.by or "")
        names = [*split, *(name.strip() for name in head.split("|"))]
        words = {*split, *(name.strip() for name in left.split("|"))}
        if not cells:
            return "  nobody"
        right = [place for place, name in enumerate(names) if name not in words or not name]
        return lined_up([names, *cells], right=right)


def reached(time: timedelta | None, count: int) -> str:
    """A quantile of so many visits; it may not be reached."""
    if time is None:
        return "not reached" if count else ""
    return duration(time)


def more(count: int) -> Iterator[str]:
    """How many a list leaves out."""
    if count > SHOWN:
        yield f"  … and {count - SHOWN:,} more: --json has all"


# ------------------------------------------------------------------ compared
#
# A comparison as text.


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
                duration(one.before.median, ""),
                duration(one.after.median, ""),
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


# ------------------------------------------------------------------ funnel tables


_PEOPLE = ("person", "people")
Writer = Callable[[FunnelReport, Cells], Iterator[str]]


def as_text(report: FunnelReport, model: Model) -> str:
    """The report for people."""
    cells = Cells(report, model)
    parts = [
        f"{model.title or model.name} (model {report.model}, version {report.version})",
        _heading(report, cells),
    ]
    for name in report.measures:
        lines = list(_WRITERS[name](report, cells))
        if lines:
            parts += ["", *lines]
    if cells.few:
        parts += ["", "* a share of fewer than 30"]
    if report.notes:
        parts += ["", *(f"note: {note}" for note in report.notes)]
    return "\n".join(parts)


def _heading(report: FunnelReport, cells: Cells) -> str:
    start, end = (cells.time(one) for one in report.window)
    match start, end:
        case "", "":
            window = "all history"
        case _, "":
            window = f"since {start}"
        case "", _:
            window = f"before {end}"
        case _:
            window = f"{start} to {end}"
    parts = [window, f"known until {cells.time(report.until) or '-'} ({report.zone})"]
    parts.append(f"{report.journeys} journeys")
    if report.by:
        parts.append(f"by {report.by}")
    if report.horizon is not None:
        parts.append(f"{duration(report.horizon)} for each journey to convert")
    return ", ".join(parts)


def _people(report: FunnelReport, cells: Cells) -> Iterator[str]:
    total = counted(sum(one.people for one in report.people), *_PEOPLE)
    yield f"people at {cells.time(report.as_of) or 'no time'}: {total}"
    stages = cells.model.stages
    if not report.by:
        rows = zip(stages, report.people, strict=True)
        table = [[stage.code, stage.display, f"{one.people:,}"] for stage, one in rows]
        yield lined_up([["", "stage", "people"], *table], right=(0, 2))
        return
    numbers = {(one.group, one.stage): one.people for one in report.people}
    groups = list(dict.fromkeys(group for group, _ in numbers))
    shown = [one for one in stages if any(numbers[group, one.name] for group in groups)]
    yield cells.table(
        " | ".join(one.display for one in shown),
        [[group, *(f"{numbers[group, one.name]:,}" for one in shown)] for group in groups],
    )


def _ready(report: FunnelReport, cells: Cells) -> Iterator[str]:
    if report.ready_stage is None:
        return
    where = cells.stage(report.ready_stage)
    yield f"ready for sales (in {where}): {counted(len(report.ready), *_PEOPLE)}"
    yield from _waiting(report.ready, cells)


def _waiting(people: Sequence[Waiting], cells: Cells) -> Iterator[str]:
    yield from _listed(
        people,
        ("stage", "since", "for"),
        lambda one: (cells.stage(one.stage), cells.time(one.since), duration(one.time)),
    )


Somebody = TypeVar("Somebody", bound=Waiting | Overdue)


def _listed(
    people: Sequence[Somebody], head: Sequence[str], cells: Callable[[Somebody], Sequence[str]]
) -> Iterator[str]:
    """A list of people, as many as a screen shows: who they are as far as anybody of them is known,
    what there is to say of them, and who has to act."""
    shown = people[:SHOWN]
    if not shown:
        return
    known = [name for name in ("name", "company", "email") if any(_texts(shown, name))]
    columns = [
        ("person", _texts(shown, "person")),
        *((name, _texts(shown, name)) for name in known),
        *zip(head, zip(*map(cells, shown), strict=True), strict=True),
        ("owner", _texts(shown, "owner")),
        ("assigned to", _texts(shown, "assigned_to")),
    ]
    names = [name for name, _ in columns]
    yield lined_up(
        [names, *zip(*(column for _, column in columns), strict=True)],
        right=[place for place, name in enumerate(names) if name == "for"],
    )
    yield from more(len(people))


def _texts(people: Sequence[Waiting | Overdue], name: str) -> list[str]:
    return [clean(getattr(person, name) or "") for person in people]


def _flows(report: FunnelReport, cells: Cells) -> Iterator[str]:
    yield "flows: opening + in - out = closing"
    rows = report.flows
    # Without merges, and where nobody changes the group, all that comes in is new people.
    apart = bool(report.by or report.journeys != "all" or any(row.merged for row in rows))
    busy = {
        (one.group, one.stage)
        for one in rows
        if one.opening or one.entered or one.left or one.closing
    }
    table = []
    before: object = None
    for one in rows:
        if (one.group, one.stage) in busy:
            same = before == (before := (one.group, one.period))
            table.append(_flow(one, cells, first=not same, apart=apart))
    yield cells.table(
        "period | stage | opening | in | out | closing"
        + (" | new people | merged away" if apart else ""),
        table,
        left="period | stage",
    )
    if any(not one.period.whole for one in rows):
        yield "  ~ a part of the period only"


def _flow(one: Flow, cells: Cells, *, first: bool, apart: bool) -> list[str]:
    numbers = [one.opening, one.entered, one.left, one.closing]
    if apart:
        numbers += [one.new, one.merged]
    return [
        *cells.group(one.group if first else ""),
        f"{one.period.name}{'' if one.period.whole else ' ~'}" if first else "",
        "all stages" if one.stage == ALL_STAGES else cells.stage(one.stage),
        *(f"{number:,}" for number in numbers),
    ]


def _conversion(report: FunnelReport, cells: Cells) -> Iterator[str]:
    yield "conversion: of the journeys that first entered the one stage, those that later"
    yield "entered the other (through), or entered or were carried past it (over)"
    readings = [
        [one for one in report.conversions if one.reading == reading]
        for reading in ("through", "over")
    ]
    yield cells.table(
        "from | to | | through | | over | median | flow ratio",
        [
            [
                *cells.group(one.group),
                cells.stage(one.source),
                cells.stage(one.target),
                *cells.ratio(one.ratio),
                *cells.ratio(other.ratio),
                duration(other.median if one.median is None else one.median, ""),
                "" if one.flow_ratio is None else decimal_percent(one.flow_ratio * 100),
            ]
            for one, other in zip(*readings, strict=True)
            if one.journeys or other.journeys or not report.by
        ],
        left="from | to",
    )
    yield "  median: time from the one to the other, of those that did it"
    yield "  flow ratio: all entries of the other in the window over all of the one: not the same"
    yield "  journeys, so no conversion"


def _stay(report: FunnelReport, cells: Cells) -> Iterator[str]:
    yield "time in stage, of the visits that began in the window, open ones counted"
    yield cells.table(
        "stage | visits | ended | open | quarter left | half left | three quarters left",
        [
            [
                *cells.group(one.group),
                cells.stage(one.stage),
                *(f"{number:,}" for number in (one.visits, one.ended, one.open)),
                *(
                    reached(time, one.visits)
                    for time in (one.first_quartile, one.median, one.third_quartile)
                ),
            ]
            for one in report.stays
            if one.visits
        ],
        left="stage",
    )


def _reps(report: FunnelReport, cells: Cells) -> Iterator[str]:
    if not report.reps:
        return
    first, last = cells.stage(report.first_of_sales), cells.model.path[-1].display
    yield f"salespeople: journeys from {first} to {last} ({report.reading}), by their owner"
    yield cells.table(
        "owner | journeys | won | lost | open | close rate | median to win | load now",
        [
            [
                *cells.group(one.group),
                one.owner,
                *(f"{number:,}" for number in (one.journeys, one.won, one.lost, one.open)),
                cells.ratio(one.close_rate)[1],
                duration(one.median, ""),
                f"{one.load:,}",
            ]
            for one in report.reps
        ],
        left="owner",
    )


def _share(report: FunnelReport, cells: Cells) -> Iterator[str]:
    yield "marketing's share of the entries in the window"
    sources = list(report.shares[0].entries) if report.shares else ["marketing", "sales"]
    yield cells.table(
        f"stage | entries | {' | '.join(map(clean, sources))} | unknown | share | target",
        [
            [
                *cells.group(one.group),
                cells.stage(one.stage),
                *(
                    f"{number:,}"
                    for number in (one.ratio.whole, *one.entries.values(), one.unknown)
                ),
                cells.ratio(one.ratio)[1],
                _verdict(one),
            ]
            for one in report.shares
            if one.ratio.whole or not report.by
        ],
        left="stage | target",
    )


def _verdict(one: MarketingShare) -> str:
    if one.target is None:
        return ""
    if one.gap is None:
        return decimal_percent(one.target * 100)
    verdict = "met" if one.met else "missed"
    return f"{decimal_percent(one.target * 100)}: {verdict} by {abs(one.gap) * 100:.1f} points"


def _sla(report: FunnelReport, cells: Cells) -> Iterator[str]:
    if not report.agreements:
        return
    yield "agreements (SLA): visits that began in the window, as they stand"
    yield cells.table(
        "deadline | stage | visits | kept | missed | still open | void | waiting | share kept"
        " | half left",
        [
            [
                *cells.group(one.group),
                one.deadline,
                cells.stage(one.stage),
                *(
                    f"{number:,}"
                    for number in (
                        one.visits, one.kept, one.missed, one.overdue, one.void, one.waiting,
                    )
                ),
                cells.ratio(one.ratio)[1],
                reached(one.median, one.visits),
            ]
            for one in report.agreements
        ],
        left="deadline | stage",
    )  # fmt: skip
    yield "  still open: of the missed. void: the condition never held. waiting: not decided yet."
    late, merged = (
        sum(getattr(agreement, name) for agreement in report.agreements)
        for name in ("kept_late", "merged")
    )
    if late:
        yield f"  {late:,} of the kept were known as kept only from an activity that came late"
    if merged:
        yield f"  {counted(merged, 'visit')} ended at a merge before it was decided"


def _overdue(report: FunnelReport, cells: Cells) -> Iterator[str]:
    rows = report.overdue
    if not rows:
        return
    yield f"overdue: {counted(len(rows), 'visit')}, the longest first"
    yield from _listed(
        rows,
        ("deadline", "stage", "due"),
        lambda one: (one.deadline, cells.stage(one.stage), cells.time(one.due)),
    )


def _stuck(report: FunnelReport, cells: Cells) -> Iterator[str]:
    yield f"stuck: {counted(len(report.stuck), *_PEOPLE)}"
    known = [
        [cells.stage(one.stage), "longer than", duration(one.time), _of(one)]
        for one in report.limits
        if one.time is not None
    ]
    if known:
        yield lined_up(known)
    yield from _waiting(report.stuck, cells)


def _of(limit: Limit) -> str:
    match limit.of:
        case "all":
            return "as nine in ten visits are over by then"
        case "ended":
            return "as nine in ten of those that ended were over by then"
    return "as was said"


def _compare(report: FunnelReport, cells: Cells) -> Iterator[str]:
    if report.comparison is not None:
        yield from compared(cells, report.comparison)


_WRITERS: Mapping[Measure, Writer] = {
    "people": _people,
    "ready": _ready,
    "flows": _flows,
    "conversion": _conversion,
    "stay": _stay,
    "reps": _reps,
    "share": _share,
    "sla": _sla,
    "overdue": _overdue,
    "stuck": _stuck,
    "compare": _compare,
}
