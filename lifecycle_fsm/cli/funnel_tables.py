"""A report as text: one table for each measure, with what it says in a line above."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from textwrap import fill
from typing import Any, NamedTuple

import attrs

from lifecycle_fsm.cli.table_text import Shown, shown, table_text
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.funnel import (
    UNITS,
    Cohort,
    FunnelReport,
    KnownChanges,
    Measure,
    PairConversion,
    Ratio,
    Side,
)
from lifecycle_fsm.funnel.cohorts import CohortCell
from lifecycle_fsm.model import Model
from lifecycle_fsm.report import ReportPart, ReportTable
from lifecycle_fsm.report.column_makers import columns_of, made_column, ratio_columns, table_of
from lifecycle_fsm.report.content import cell_text
from lifecycle_fsm.report.measure_tables import USUAL, MeasureParts
from lifecycle_fsm.wording import clean, counted, decimal_percent, duration

#: How many people a list shows.
SHOWN = 10
_PEOPLE = ("person", "people")
#: What stands above the tables of a measure.
_LEADS: dict[Measure, str] = {
    "flows": "flows: opening + in - out = closing",
    "conversion": (
        "conversion: of the journeys that first entered the one stage, those that later\n"
        "entered the other (through), or entered or were carried past it (over)"
    ),
    "cohorts": (
        "cohorts: of the journeys that first entered the one stage in a period, the share\n"
        "that had entered the other (through) so long after their own entry"
    ),
    "leaks": "leaks: what each step would bring if ten more in a hundred took it, the most first",
    "touch": "time to first touch: from the entry of the stage until the deadline was kept",
    "reasons": "reasons: why people left the path in the window, of all who left the stage",
    "duplicates": "duplicates: records created in the window that were merged into others, so far",
    "mix": (
        "rate and mix: how much of a change came from the conversions of groups, and how much\n"
        "from their shares of all journeys"
    ),
    "stay": "time in stage, of the visits that began in the window, open ones counted",
    "share": "marketing's share of the entries in the window",
    "sla": "agreements (SLA): visits that began in the window, as they stand",
}
#: Of these, nothing stands there where there is nothing to tell.
_QUIET: tuple[Measure, ...] = ("touch", "reasons", "duplicates", "reps", "sla", "overdue", "money")
#: The columns of each table that has more of them in a file.
_COLUMNS = {
    "leaks": (
        "source:from target:to reached/journeys conversion:step reached_the_last/of_those "
        "on_to_the_last_stage:on_to_the_end customers:more_customers at_least..at_most:95_%_range"
    ),
    "first_touch": (
        "deadline stage assigned_to visits in_time:kept missed share_in_time:share_kept "
        "median:half_touched"
    ),
    "given_back": "stage target:to rule reason visits/of_all_that_ended share",
    "time_in_stage": (
        "stage visits ended open first_quartile:quarter_left median:half_left "
        "third_quartile:three_quarters_left"
    ),
    "salespeople": ("owner journeys won lost open close_rate median:median_to_win load:load_now"),
    "agreements": (
        "deadline stage visits kept missed overdue:still_open void waiting share_kept "
        "median:half_left"
    ),
    "compared_conversion": (
        "source:from target:to reached_before/journeys_before before reached_after/journeys_after "
        "after points:difference apart: median_before median_after"
    ),
    "compared_time": "stage before after difference",
    "compared_entries": (
        "stage before after before_rate:in_30_days_before after_rate:in_30_days_after"
    ),
}


def as_text(
    report: FunnelReport,
    model: Model,
    left_out: Collection[Measure] = (),
    width: int | None = None,
) -> str:
    """The report for people, within the width of a terminal, if it is known; a note says so where
    that cuts rows. The last line names the measures that are left out."""
    text = _ReportText(report, model)
    parts = [
        f"{model.title or model.name} (model {report.model}, version {report.version})",
        text.heading(),
    ]
    for name in (name for name in report.measures if name not in left_out):
        lines = list(text.measure(name))
        if lines:
            parts += ["", *lines]
    if any("%*" in part for part in parts):
        parts += ["", "* a share of fewer than 30"]
    if report.notes:
        parts += ["", *(f"note: {note}" for note in report.notes)]
    if left_out:
        parts += ["", f"more with --show: {', '.join(left_out)}"]
    lines = "\n".join(parts).splitlines()
    if width is not None and max(map(len, lines)) > width:
        lines += [
            "",
            "note: some lines are wider than this terminal: --out funnel.xlsx or funnel.html has "
            "all as tables",
        ]
        lines = [
            # A row of a table is cut, and a sentence is wrapped.
            f"{line[: width - 1]}…" if line[:1] == " " and len(line) > width else fill(line, width)
            for line in lines
        ]
    return "\n".join(lines)


def known_as_text(changes: KnownChanges, model: Model) -> str:
    """What became known later, for people: the numbers, and the activities that changed them."""
    zone, parts = changes.then.zone, MeasureParts(changes.then, model, terminal=True)
    day = cell_text(changes.day, "time", zone)
    lines = [f"{model.title or model.name}: what became known later of the time up to {day}"]
    if not changes.numbers:
        return "\n".join([*lines, "nothing has changed since"])
    numbers = table_of(
        "numbers", "", changes.numbers, *columns_of("text", "measure"),
        made_column("of", "", "text", lambda row: ", ".join(filter(None, row.row.values()))),
        *columns_of("text", "name", lambda name: str(name).replace("_", " ").replace(".", " ")),
        *columns_of("number", "then now", _number),
    )  # fmt: skip
    moves = table_of(
        "moves", "", changes.rows[:SHOWN], *columns_of("text", "person activity"),
        *parts.stages("from_stage to_stage"), *columns_of("time", "at now"),
    )  # fmt: skip
    lines += [
        "",
        table_text(numbers, shown("measure of name:number then:known_then now:known_now")),
    ]
    lines += ["", f"because of {counted(len(changes.rows), 'late move')}"]
    heads = "person activity from_stage:from to_stage:to at:happened now:counted_since"
    lines.append(table_text(moves, shown(heads), zone))
    if len(changes.rows) > SHOWN:
        lines.append(f"  … and {len(changes.rows) - SHOWN:,} more: --json has all")
    return "\n".join(lines)


class _Reached(NamedTuple):
    """The conversion of one pair of stages in both readings."""

    through: PairConversion
    over: PairConversion

    @property
    def median(self) -> timedelta | None:
        return self.over.median if self.through.median is None else self.through.median


class _ReportText:
    """Writes the measures of one report: by the method of its name where a measure needs one."""

    def __init__(self, report: FunnelReport, model: Model) -> None:
        self.report, self.model = report, model
        self.parts = MeasureParts(report, model, terminal=True)

    def instant(self, at: datetime | None) -> str:
        """An instant in the zone of the report."""
        return cell_text(at, "time", self.report.zone)

    def measure(self, name: Measure) -> Iterator[str]:
        """A measure: what it is, and its tables."""
        part = self.parts.part(name)
        if name in _QUIET and not any(table.rows for table in part.tables):
            return
        own: Callable[..., Iterator[str]] | None = getattr(self, f"_{name}", None)
        if name in _LEADS:
            yield _LEADS[name]
        elif own is None:
            yield self._lead(part)
        yield from (own or self._tables)(*part.tables)

    def heading(self) -> str:
        """What the report is about: the window, the zone, the journeys."""
        report = self.report
        match [self.instant(at) for at in report.window]:
            case "", "":
                window = "all history"
            case start, "":
                window = f"since {start}"
            case "", end:
                window = f"before {end}"
            case start, end:
                window = f"{start} to {end}"
        parts = [window, f"known until {self.instant(report.until) or '-'} ({report.zone})"]
        parts.append(f"{report.journeys} journeys")
        if report.where:
            parts.append(f"where {report.where}")
        if report.by:
            parts.append(f"by {report.by}")
        if report.horizon is not None:
            parts.append(f"{duration(report.horizon)} for each journey to convert")
        return ", ".join(parts)

    # -- tables

    def _lead(self, part: ReportPart) -> str:
        title, people = part.title[:1].lower() + part.title[1:], part.tables[0].rows
        return f"{title}: {counted(len(people), *_PEOPLE)}" if part.tables[0].people else title

    def _tables(self, *tables: ReportTable) -> Iterator[str]:
        """What most measures show."""
        for table in tables:
            yield from self._list(table) if table.people else [self._table(table)]

    def _table(self, table: ReportTable, columns: Shown | None = None, *, once: int = 0) -> str:
        """A table that is split like the report."""
        if not table.rows:
            return "  nobody"
        if columns is None and table.name in _COLUMNS:
            columns = shown(_COLUMNS[table.name])
        if columns is not None and self.report.by:
            columns = [(table.columns[0].name, self.report.by), *columns]
        return table_text(table, columns, self.report.zone, once=once)

    def _list(self, table: ReportTable, columns: str = "stage since time:for") -> list[str]:
        """A list of people, as many as a screen shows: who they are as far as anybody of them is
        known, what there is to say of them, and who has to act."""
        first = attrs.evolve(table, rows=table.rows[:SHOWN])
        known = [
            name
            for name in ("name", "company", "email")
            if any(row[table.place(name)] for row in first.rows)
        ]
        names = " ".join(["person", *known, columns, "owner assigned_to"])
        lines = [table_text(first, shown(names), self.report.zone)] if first.rows else []
        if len(table.rows) > SHOWN:
            lines.append(f"  … and {len(table.rows) - SHOWN:,} more: --out funnel.xlsx has all")
        return lines

    # -- measures

    def _people(self, table: ReportTable) -> Iterator[str]:
        report = self.report
        total = counted(sum(row.people for row in report.people), *_PEOPLE)
        yield f"people at {self.instant(report.as_of) or 'no time'}: {total}"
        if not report.by:
            code = made_column("code", "", "count", lambda row: self.model.stage(row.stage).code)
            rest = *self.parts.stages("stage"), *columns_of("count", "people")
            people = table_of("people", "", report.people, code, *rest)
            yield self._table(people, [("code", ""), *shown("stage people")])
            return
        numbers = {(row.group, row.stage): row.people for row in report.people}
        groups = list(dict.fromkeys(group for group, _ in numbers))
        stages = [
            stage
            for stage in self.model.stages
            if any(numbers[group, stage.name] for group in groups)
        ]
        cells = [
            [clean(group), *(f"{numbers[group, stage.name]:,}" for stage in stages)]
            for group in groups
        ]
        heads = [report.by, *(stage.display for stage in stages)]
        yield lined_up([heads, *cells], right=range(1, len(heads))) if groups else "  nobody"

    def _ready(self, table: ReportTable) -> Iterator[str]:
        if self.report.ready_stage is None:
            return
        stage = self.parts.stage(self.report.ready_stage)
        yield f"ready for sales (in {stage}): {counted(len(table.rows), *_PEOPLE)}"
        yield from self._list(table)

    def _flows(self, table: ReportTable) -> Iterator[str]:
        report, rows = self.report, self.report.flows
        # Without merges, and where nobody changes the group, all that comes in is new people.
        apart = report.by or report.journeys != "all" or any(row.merged for row in rows)
        more = " new:new_people merged:merged_away" if apart else ""
        columns = shown(f"period stage opening entered:in left:out closing{more}")
        yield self._table(table, columns, once=2 if report.by else 1)
        if any(not row.period.whole for row in rows):
            yield "  ~ a part of the period only"

    def _conversion(self, *_: ReportTable) -> Iterator[str]:
        through, over = (
            [row for row in self.report.conversions if row.reading == reading]
            for reading in ("through", "over")
        )
        rows = [
            row
            for row in map(_Reached, through, over)
            if row.through.journeys or row.over.journeys or not self.report.by
        ]
        table = self.parts.grouped(
            "conversion", "", rows, *self.parts.stages("through.source through.target"),
            *ratio_columns("through.ratio", "reached", "journeys", "through"),
            *ratio_columns("over.ratio", "reached over", "journeys over", "over"),
            *columns_of("days", "median"), *columns_of("share", "through.flow_ratio"),
            group="through.group",
        )  # fmt: skip
        columns = "reached/journeys through reached_over/journeys_over over median flow_ratio"
        yield self._table(table, shown(f"source:from target:to {columns}"))
        yield "  median: time from the one to the other, of those that did it"
        yield (
            "  flow ratio: all entries of the other in the window over all of the one: not the same"
            "\n  journeys, so no conversion"
        )

    def _cohorts(self, _: ReportTable) -> Iterator[str]:
        """One table for each pair of stages in each group."""
        report = self.report
        pairs = attrgetter("group", "source", "target", "unit")
        for (group, source, target, unit), rows in groupby(report.cohorts, pairs):
            cohorts = list(rows)
            ages = [str(cell.age) for cell in cohorts[0].cells]
            where = f"{report.by} {clean(group)}: " if report.by else ""
            names = f"{self.parts.stage(source)} to {self.parts.stage(target)}"
            yield f"  {where}{names}, by {unit}"
            heads = ["entered", "journeys", *ages, "up to now"]
            lines = [
                [
                    cohort.period.name + ("" if cohort.period.whole else " ~"),
                    f"{cohort.journeys:,}",
                    *(self._age(cohort, at) for at in cohort.cells),
                    _share_text(cohort.ratio),
                ]
                for cohort in cohorts
            ]
            yield lined_up([heads, *lines], right=range(1, len(heads)))
        if report.cohorts:
            yield "  ~ not all of them were watched that long: the share can still rise"

    def _age(self, cohort: Cohort, at: CohortCell) -> str:
        """The share of a cohort at one age; empty if nobody was watched that long."""
        start, until = cohort.period.start, self.report.until
        if start is None or until is None or not cohort.journeys:
            return ""
        if until - start <= (at.age - 1) * UNITS[cohort.unit]:
            return ""
        return f"{at.reached / cohort.journeys:.0%}{' ' if at.complete else '~'}"

    def _duplicates(self, table: ReportTable) -> Iterator[str]:
        lead = self.parts.stage(self.report.duplicates[0].stage)
        merged = "share_merged:merged share_merged_low..share_merged_high:95_%_range"
        columns = shown(f"merged/records_created {merged} median:half_within")
        columns += shown("leads_by_then/of_the_merged")
        columns.append(("share_that_were_leads", f"had been {lead} or later"))
        yield self._table(table, columns)

    def _mix(self, table: ReportTable) -> Iterator[str]:
        if table.rows:
            columns = (
                f"source:from target:to group:{self.report.by or 'journeys'} "
                "reached_before/journeys_before before reached_after/journeys_after after "
                "rate:by_rate mix:by_mix"
            )
            yield table_text(table, shown(columns), once=2)

    def _reps(self, table: ReportTable) -> Iterator[str]:
        first = self.parts.stage(self.report.first_of_sales)
        last, reading = self.model.path[-1].display, self.report.reading
        yield f"salespeople: journeys from {first} to {last} ({reading}), by their owner"
        yield self._table(table)

    def _share(self, table: ReportTable) -> Iterator[str]:
        sources = [
            (column.name, column.title.lower())
            for column in table.columns
            if column.name.startswith("from_")
        ]
        columns = shown("unknown marketings_share:share verdict:target")
        yield self._table(table, [*shown("stage entries"), *sources, *columns])

    def _sla(self, table: ReportTable) -> Iterator[str]:
        yield self._table(table)
        yield (
            "  still open: of the missed. void: the condition never held. waiting: not decided yet."
        )
        rows = self.report.agreements
        late, merged = sum(row.kept_late for row in rows), sum(row.merged for row in rows)
        if late:
            yield f"  {late:,} of the kept were known as kept only from an activity that came late"
        if merged:
            yield f"  {counted(merged, 'visit')} ended at a merge before it was decided"

    def _overdue(self, table: ReportTable) -> Iterator[str]:
        yield f"overdue: {counted(len(table.rows), 'visit')}, the longest first"
        yield from self._list(table, "why:deadline stage due")

    def _stuck(self, table: ReportTable) -> Iterator[str]:
        yield f"stuck: {counted(len(table.rows), *_PEOPLE)}"
        limits = [
            [self.parts.stage(limit.stage), "longer than", duration(limit.time),
             USUAL.get(limit.of, "as was said")]
            for limit in self.report.limits
            if limit.time is not None
        ]  # fmt: skip
        if limits:
            yield lined_up(limits)
        yield from self._list(table)

    def _money(self, won: ReportTable, pipeline: ReportTable, deals: ReportTable) -> Iterator[str]:
        report = self.report.money
        assert report is not None
        unit = f", in {report.currency}" if report.currency else ""
        yield f"open opportunities at the end of the run{unit}"
        open_ones = shown("stage open open_amount:amount")
        if report.deal_age is not None:
            head = f"older than {duration(report.deal_age)}"
            open_ones += [("old", head), ("old_amount", "amount")]
        yield self._table(pipeline, open_ones)
        incomplete = sum(row.incomplete for row in report.groups)
        if incomplete:
            yield f"  {incomplete:,} more without an amount or a close date"
        if deals.rows:
            yield "  the oldest:"
            oldest = attrs.evolve(deals, rows=deals.rows[:SHOWN])
            yield table_text(oldest, shown("id person stage owner amount currency: age:for"))
        if len(deals.rows) > SHOWN:
            yield f"  … and {len(deals.rows) - SHOWN:,} more: --json has all"
        yield f"closed in the window of {report.groups[0].days:,.0f} days{unit}"
        closed = (
            "won won_amount:amount average lost win_rate win_rate_low..win_rate_high:95_%_range "
            "cycle:opening_to_win median_cycle:median"
        )
        yield self._table(won, shown(closed))
        yield f"velocity: open x win rate x average won / time from opening to win, for a day{unit}"
        yield self._table(won, shown("open velocity:by_the_formula won_per_day:really_won"))

    def _compare(self, *tables: ReportTable) -> Iterator[str]:
        """Before and after: conversion in the reading of the report, times, entries."""
        result = self.report.comparison
        if result is None:
            return
        yield f"before: {self._side(result.before)}"
        yield f"after:  {self._side(result.after)}"
        yield from (f"  caution: {caution}" for caution in result.cautions)
        titles = f"conversion ({self.report.reading})", "time in stage (half left)", "entries"
        for title, table in zip(titles, tables, strict=True):
            yield title
            yield self._table(table)

    def _side(self, side: Side) -> str:
        start, end = self.instant(side.start), self.instant(side.end)
        if side.version is not None:
            name = f"version {side.version}"
        else:
            window = [f"from {start}"] * bool(start) + [f"to {end}"] * bool(end)
            name = " ".join(window) or "all history"
        return name + ("" if side.followed is None else f", watched for {duration(side.followed)}")


def _share_text(ratio: Ratio) -> str:
    """A share, with a star where it says little."""
    if ratio.share is None:
        return ""
    return decimal_percent(ratio.share * 100) + ("*" if ratio.few else " ")


def _number(number: Any) -> str:
    return "–" if number is None else f"{number:,.3f}".rstrip("0").rstrip(".")
