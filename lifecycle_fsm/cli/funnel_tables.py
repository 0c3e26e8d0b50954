"""A report as text: one table for each measure, with what it says in a line above."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import attrs

from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.funnel import (
    ALL_STAGES,
    UNITS,
    Cohort,
    ConversionChange,
    Flow,
    FunnelReport,
    KnownChanges,
    Limit,
    MarketingShare,
    Measure,
    Mix,
    MixPart,
    OldDeal,
    Overdue,
    PairConversion,
    Ratio,
    Side,
    Waiting,
)
from lifecycle_fsm.funnel.scope import local
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import clean, counted, decimal_percent, duration, format_amount

#: How many people a list shows.
SHOWN = 10
_PEOPLE = ("person", "people")
_BY_GROUP = attrgetter("group")
_LIMITS = {
    "all": "as nine in ten visits are over by then",
    "ended": "as nine in ten of those that ended were over by then",
}


def as_text(
    report: FunnelReport,
    model: Model,
    left_out: Collection[Measure] = (),
    width: int | None = None,
) -> str:
    """The report for people. The last line names the measures that are left out, and a note says
    so where the text is wider than the terminal."""
    text = _ReportText(report, model)
    parts = [
        f"{model.title or model.name} (model {report.model}, version {report.version})",
        text.heading(),
    ]
    for name in (name for name in report.measures if name not in left_out):
        lines = list(getattr(text, name)())
        if lines:
            parts += ["", *lines]
    if text.few:
        parts += ["", "* a share of fewer than 30"]
    if report.notes:
        parts += ["", *(f"note: {note}" for note in report.notes)]
    if left_out:
        parts += ["", f"more with --show: {', '.join(left_out)}"]
    if width is not None and max(map(len, "\n".join(parts).splitlines())) > width:
        parts += [
            "",
            "note: some lines are wider than this terminal: --out funnel.xlsx or funnel.html has "
            "all as tables",
        ]
    return "\n".join(parts)


def known_as_text(changes: KnownChanges, model: Model) -> str:
    """What became known later, for people: the numbers, and the activities that changed them."""
    text = _ReportText(changes.then, model)
    day = text.instant(changes.day)
    parts = [f"{model.title or model.name}: what became known later of the time up to {day}"]
    if not changes.numbers:
        return "\n".join([*parts, "nothing has changed since"])
    numbers = [
        _Column("measure", attrgetter("measure"), words=True),
        _Column("of", lambda row: ", ".join(filter(None, row.row.values())), words=True),
        _Column("number", lambda row: row.name.replace("_", " ").replace(".", " "), words=True),
        _column("then", "known then", _number),
        _column("now", "known now", _number),
    ]
    activities = [
        _words("person"),
        _words("activity"),
        text.stages("from_stage", "from"),
        text.stages("to_stage", "to"),
        text.times("at", "happened"),
        text.times("now", "counted since"),
    ]
    parts += ["", _table(changes.numbers, numbers)]
    parts += ["", f"because of {counted(len(changes.rows), 'late move')}"]
    parts.append(_table(changes.rows[:SHOWN], activities))
    if len(changes.rows) > SHOWN:
        parts.append(f"  … and {len(changes.rows) - SHOWN:,} more: --json has all")
    return "\n".join(parts)


# ------------------------------------------------------------------ columns
#
# What the cells of a row hold is named by a path of attributes, such as ``before.median``.


@attrs.frozen
class _Column:
    """A column of a table: its head, and the cell of a row. Words begin together, and numbers end
    together."""

    head: str
    cell: Callable[[Any], str]
    words: bool = False


def _column(path: str, head: str, text: Callable[[Any], str], *, words: bool = False) -> _Column:
    """The column of an attribute, whose values ``text`` formats."""
    get = attrgetter(path)
    return _Column(head, lambda row: text(get(row)), words)


def _words(path: str, head: str = "") -> _Column:
    return _column(path, head or path, lambda text: clean(text or ""), words=True)


def _count(path: str, head: str = "") -> _Column:
    return _column(path, head or path, "{:,}".format)


def _length(path: str, head: str, visits: str = "") -> _Column:
    """A length of time; as a quantile of so many visits, it may not be reached."""
    get, count = attrgetter(path), attrgetter(visits)

    def cell(row: Any) -> str:
        time = get(row)
        if time is not None:
            return duration(time)
        return "not reached" if visits and count(row) else ""

    return _Column(head, cell)


def _percent(share: float | None) -> str:
    return "" if share is None else decimal_percent(share * 100)


def _rate(path: str, head: str) -> _Column:
    return _column(path, head, lambda rate: "" if rate is None else f"{rate:,.1f}")


def _amount(path: str, head: str) -> _Column:
    return _column(path, head, lambda amount: "" if amount is None else f"{amount:,.0f}")


def _range(ends: tuple[float, float] | None) -> str:
    return "" if ends is None else f"{ends[0] * 100:.0f} to {ends[1] * 100:.0f} %"


class _Reached(NamedTuple):
    """The conversion of one pair of stages in both readings."""

    through: PairConversion
    over: PairConversion


class _FlowLine(NamedTuple):
    """A flow, with the group and the period where they are other than in the line above."""

    group: str
    period: str
    flow: Flow


class _MixLine(NamedTuple):
    """A change of a conversion, or one group's part in it."""

    source: str
    target: str
    group: str
    row: Mix | MixPart


class _ReportText:
    """Writes the measures of one report, each by the method of its name; ``few`` is whether a share
    had a star."""

    def __init__(self, report: FunnelReport, model: Model) -> None:
        self.report, self.model = report, model
        self.few = False

    # -- cells and tables

    def _stage(self, name: str) -> str:
        return "all stages" if name == ALL_STAGES else self.model.stage(name).display

    def instant(self, at: datetime | None) -> str:
        """An instant in the zone of the report."""
        if at is None:
            return ""
        return f"{local(at, self.report.zone):%Y-%m-%d %H:%M}".removesuffix(" 00:00")

    def _share(self, ratio: Ratio) -> str:
        """A share, with a star where it says little."""
        if ratio.share is None:
            return ""
        self.few = self.few or ratio.few
        return _percent(ratio.share) + ("*" if ratio.few else " ")

    def stages(self, path: str, head: str = "stage") -> _Column:
        return _column(path, head, self._stage, words=True)

    def times(self, path: str, head: str) -> _Column:
        return _column(path, head, self.instant, words=True)

    def _shares(self, path: str, head: str) -> _Column:
        return _column(path, head, self._share)

    def _ratios(self, path: str, head: str) -> tuple[_Column, _Column]:
        """``12 of 40`` and its share."""
        return _column(path, "", _parts), self._shares(path, head)

    def _table(
        self, rows: Sequence[Any], *columns: _Column, group: Callable[[Any], str] = _BY_GROUP
    ) -> str:
        """A table that is split like the report."""
        if self.report.by:
            columns = (_Column(self.report.by, group, words=True), *columns)
        return _table(rows, columns) if rows else "  nobody"

    def _people_list(self, people: Sequence[Waiting | Overdue], *columns: _Column) -> Iterator[str]:
        """A list of people, as many as a screen shows: who they are as far as anybody of them is
        known, what there is to say of them, and who has to act."""
        shown = people[:SHOWN]
        if not shown:
            return
        known = map(_words, ("name", "company", "email"))
        yield _table(
            shown,
            [
                _words("person"),
                *(column for column in known if any(map(column.cell, shown))),
                *columns,
                _words("owner"),
                _words("assigned_to", "assigned to"),
            ],
        )
        if len(people) > SHOWN:
            yield f"  … and {len(people) - SHOWN:,} more: --out funnel.xlsx has all"

    def _waiting(self, people: Sequence[Waiting]) -> Iterator[str]:
        yield from self._people_list(
            people, self.stages("stage"), self.times("since", "since"), _length("time", "for")
        )

    # -- measures

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

    def people(self) -> Iterator[str]:
        report = self.report
        total = counted(sum(row.people for row in report.people), *_PEOPLE)
        yield f"people at {self.instant(report.as_of) or 'no time'}: {total}"
        if not report.by:
            code = _column("stage", "", lambda stage: self.model.stage(stage).code)
            yield self._table(report.people, code, self.stages("stage"), _count("people"))
            return
        numbers = {(row.group, row.stage): row.people for row in report.people}
        groups = list(dict.fromkeys(group for group, _ in numbers))

        def in_stage(stage: str) -> Callable[[str], str]:
            return lambda group: f"{numbers[group, stage]:,}"

        stages = self.model.stages
        shown = [stage for stage in stages if any(numbers[group, stage.name] for group in groups)]
        columns = (_Column(stage.display, in_stage(stage.name)) for stage in shown)
        yield self._table(groups, *columns, group=str)

    def ready(self) -> Iterator[str]:
        report = self.report
        if report.ready_stage is not None:
            where = self._stage(report.ready_stage)
            yield f"ready for sales (in {where}): {counted(len(report.ready), *_PEOPLE)}"
            yield from self._waiting(report.ready)

    def flows(self) -> Iterator[str]:
        report, rows = self.report, self.report.flows
        yield "flows: opening + in - out = closing"
        # Without merges, and where nobody changes the group, all that comes in is new people.
        apart = bool(report.by or report.journeys != "all" or any(row.merged for row in rows))
        busy = {
            (row.group, row.stage)
            for row in rows
            if row.opening or row.entered or row.left or row.closing
        }
        lines = []
        before: object = None
        for row in rows:
            if (row.group, row.stage) in busy:
                same = before == (before := (row.group, row.period))
                period = f"{row.period.name}{'' if row.period.whole else ' ~'}"
                lines.append(_FlowLine("", "", row) if same else _FlowLine(row.group, period, row))
        yield self._table(
            lines,
            _words("period"),
            self.stages("flow.stage"),
            _count("flow.opening", "opening"),
            _count("flow.entered", "in"),
            _count("flow.left", "out"),
            _count("flow.closing", "closing"),
            *((_count("flow.new", "new people"), _count("flow.merged", "merged away")) * apart),
        )
        if any(not row.period.whole for row in rows):
            yield "  ~ a part of the period only"

    def conversion(self) -> Iterator[str]:
        yield "conversion: of the journeys that first entered the one stage, those that later"
        yield "entered the other (through), or entered or were carried past it (over)"
        through, over = (
            [row for row in self.report.conversions if row.reading == reading]
            for reading in ("through", "over")
        )
        rows = [
            row
            for row in map(_Reached, through, over)
            if row.through.journeys or row.over.journeys or not self.report.by
        ]
        yield self._table(
            rows,
            self.stages("through.source", "from"),
            self.stages("through.target", "to"),
            *self._ratios("through.ratio", "through"),
            *self._ratios("over.ratio", "over"),
            _Column("median", _median),
            _column("through.flow_ratio", "flow ratio", _percent),
            group=attrgetter("through.group"),
        )
        yield "  median: time from the one to the other, of those that did it"
        yield (
            "  flow ratio: all entries of the other in the window over all of the one: not the same"
            "\n  journeys, so no conversion"
        )

    def cohorts(self) -> Iterator[str]:
        """One table for each pair of stages in each group."""
        report = self.report
        yield "cohorts: of the journeys that first entered the one stage in a period, the share"
        yield "that had entered the other (through) so long after their own entry"
        pairs = attrgetter("group", "source", "target", "unit")
        for (group, source, target, unit), rows in groupby(report.cohorts, pairs):
            cohorts = list(rows)
            ages = tuple(cell.age for cell in cohorts[0].cells)
            where = f"{report.by} {clean(group)}: " if report.by else ""
            yield f"  {where}{self._stage(source)} to {self._stage(target)}, by {unit}"
            yield _table(
                cohorts,
                [
                    _Column("entered", _period, words=True),
                    _count("journeys"),
                    *(_Column(str(age), self._age(place)) for place, age in enumerate(ages)),
                    self._shares("ratio", "up to now"),
                ],
            )
        if report.cohorts:
            yield "  ~ not all of them were watched that long: the share can still rise"

    def _age(self, place: int) -> Callable[[Cohort], str]:
        """The cells of one age; empty if nobody was watched that long."""

        def cell(cohort: Cohort) -> str:
            at, start, until = cohort.cells[place], cohort.period.start, self.report.until
            if start is None or until is None or not cohort.journeys:
                return ""
            if until - start <= (at.age - 1) * UNITS[cohort.unit]:
                return ""
            return f"{at.reached / cohort.journeys:.0%}{' ' if at.complete else '~'}"

        return cell

    def leaks(self) -> Iterator[str]:
        yield "leaks: what each step would bring if ten more in a hundred took it, the most first"
        yield self._table(
            [row for row in self.report.leaks if row.ratio.whole or not self.report.by],
            self.stages("source", "from"),
            self.stages("target", "to"),
            *self._ratios("ratio", "step"),
            *self._ratios("onward", "on to the end"),
            _rate("customers", "more customers"),
            _column("range", "95 % range", _likely),
        )

    def touch(self) -> Iterator[str]:
        rows = self.report.touches
        if not rows:
            return
        yield "time to first touch: from the entry of the stage until the deadline was kept"
        yield self._table(
            rows,
            _words("deadline"),
            self.stages("stage"),
            _words("assigned_to", "assigned to"),
            *map(_count, ("visits", "kept", "missed")),
            self._shares("ratio", "share kept"),
            _length("median", "half touched", "visits"),
        )

    def reasons(self) -> Iterator[str]:
        rows = self.report.reasons
        if not rows:
            return
        yield "reasons: why people left the path in the window, of all who left the stage"
        yield self._table(
            rows,
            self.stages("stage"),
            self.stages("target", "to"),
            _words("rule"),
            _words("reason"),
            *self._ratios("ratio", "share"),
        )

    def duplicates(self) -> Iterator[str]:
        rows = self.report.duplicates
        if rows:
            yield "duplicates: records created in the window that were merged into others, so far"
            yield self._table(
                rows,
                *self._ratios("ratio", "merged"),
                _column("ratio.range", "95 % range", _range),
                _length("median", "half within"),
                *self._ratios("leads", f"had been {self._stage(rows[0].stage)} or later"),
            )

    def mix(self) -> Iterator[str]:
        """Each change with the parts of its groups below it."""
        yield "rate and mix: how much of a change came from the conversions of groups, and how much"
        yield "from their shares of all journeys"
        lines = [
            _MixLine(
                "" if part else self._stage(row.source),
                "" if part else self._stage(row.target),
                part.group if part else "all",
                part or row,
            )
            for row in self.report.mixes
            for part in (None, *row.parts)
        ]
        if lines:
            yield _table(
                lines,
                [
                    *map(_words, ("source", "target"), ("from", "to")),
                    _words("group", self.report.by or "journeys"),
                    *self._ratios("row.before", "before"),
                    *self._ratios("row.after", "after"),
                    _column("row.rate", "by rate", _points),
                    _column("row.mix", "by mix", _points),
                ],
            )

    def stay(self) -> Iterator[str]:
        yield "time in stage, of the visits that began in the window, open ones counted"
        yield self._table(
            [row for row in self.report.stays if row.visits],
            self.stages("stage"),
            *map(_count, ("visits", "ended", "open")),
            _length("first_quartile", "quarter left", "visits"),
            _length("median", "half left", "visits"),
            _length("third_quartile", "three quarters left", "visits"),
        )

    def reps(self) -> Iterator[str]:
        report = self.report
        if not report.reps:
            return
        first, last = self._stage(report.first_of_sales), self.model.path[-1].display
        yield f"salespeople: journeys from {first} to {last} ({report.reading}), by their owner"
        yield self._table(
            report.reps,
            _words("owner"),
            *map(_count, ("journeys", "won", "lost", "open")),
            self._shares("close_rate", "close rate"),
            _length("median", "median to win"),
            _count("load", "load now"),
        )

    def share(self) -> Iterator[str]:
        shares = self.report.shares
        yield "marketing's share of the entries in the window"
        sources = list(shares[0].entries) if shares else []
        yield self._table(
            [row for row in shares if row.ratio.whole or not self.report.by],
            self.stages("stage"),
            _count("ratio.whole", "entries"),
            *(_Column(clean(source), _entries(source)) for source in sources),
            _count("unknown"),
            self._shares("ratio", "share"),
            _Column("target", _verdict, words=True),
        )

    def sla(self) -> Iterator[str]:
        rows = self.report.agreements
        if not rows:
            return
        yield "agreements (SLA): visits that began in the window, as they stand"
        yield self._table(
            rows,
            _words("deadline"),
            self.stages("stage"),
            *map(_count, ("visits", "kept", "missed")),
            _count("overdue", "still open"),
            *map(_count, ("void", "waiting")),
            self._shares("ratio", "share kept"),
            _length("median", "half left", "visits"),
        )
        yield (
            "  still open: of the missed. void: the condition never held. waiting: not decided yet."
        )
        late, merged = sum(row.kept_late for row in rows), sum(row.merged for row in rows)
        if late:
            yield f"  {late:,} of the kept were known as kept only from an activity that came late"
        if merged:
            yield f"  {counted(merged, 'visit')} ended at a merge before it was decided"

    def overdue(self) -> Iterator[str]:
        rows = self.report.overdue
        if rows:
            yield f"overdue: {counted(len(rows), 'visit')}, the longest first"
            yield from self._people_list(
                rows, _words("deadline"), self.stages("stage"), self.times("due", "due")
            )

    def stuck(self) -> Iterator[str]:
        people = self.report.stuck
        yield f"stuck: {counted(len(people), *_PEOPLE)}"
        limits = [
            [self._stage(limit.stage), "longer than", duration(limit.time), _reason(limit)]
            for limit in self.report.limits
            if limit.time is not None
        ]
        if limits:
            yield lined_up(limits)
        yield from self._waiting(people)

    def money(self) -> Iterator[str]:
        report = self.report.money
        if report is None or not report.groups:
            return
        unit = f", in {report.currency}" if report.currency else ""
        yield f"open opportunities at the end of the run{unit}"
        old: list[_Column] = []
        if report.deal_age is not None:
            head = f"older than {duration(report.deal_age)}"
            old = [_count("old.opportunities", head), _amount("old.amount", "amount")]
        open_ones = _count("open.opportunities", "open")
        yield self._table(
            report.pipeline,
            self.stages("stage"),
            open_ones,
            _amount("open.amount", "amount"),
            *old,
        )
        incomplete = sum(row.incomplete for row in report.groups)
        if incomplete:
            yield f"  {incomplete:,} more without an amount or a close date"
        yield from self._old_deals(report.old)
        yield f"closed in the window of {report.groups[0].days:,.0f} days{unit}"
        yield self._table(
            report.groups,
            _count("won.opportunities", "won"),
            _amount("won.amount", "amount"),
            _amount("won.average", "average"),
            _count("lost.opportunities", "lost"),
            self._shares("win_rate", "win rate"),
            _column("win_rate.range", "95 % range", _range),
            _length("cycle", "opening to win"),
            _length("median_cycle", "median"),
        )
        yield f"velocity: open x win rate x average won / time from opening to win, for a day{unit}"
        yield self._table(
            report.groups,
            open_ones,
            _amount("velocity", "by the formula"),
            _amount("won_per_day", "really won"),
        )

    def _old_deals(self, deals: Sequence[OldDeal]) -> Iterator[str]:
        if deals:
            yield "  the oldest:"
            yield _table(
                deals[:SHOWN],
                [
                    _words("id"),
                    _words("person"),
                    self.stages("stage"),
                    _words("owner"),
                    _Column("amount", lambda row: format_amount(row.amount, row.currency)),
                    _length("age", "for"),
                ],
            )
        if len(deals) > SHOWN:
            yield f"  … and {len(deals) - SHOWN:,} more: --json has all"

    def compare(self) -> Iterator[str]:
        """Before and after: conversion in the reading of the report, times, entries."""
        result, reading = self.report.comparison, self.report.reading
        if result is None:
            return
        yield f"before: {self._side(result.before)}"
        yield f"after:  {self._side(result.after)}"
        yield from (f"  caution: {caution}" for caution in result.cautions)
        yield f"conversion ({reading})"
        yield self._table(
            [
                row
                for row in result.conversions
                if row.before.reading == reading and (row.before.journeys or row.after.journeys)
            ],
            self.stages("before.source", "from"),
            self.stages("before.target", "to"),
            *self._ratios("before.ratio", "before"),
            *self._ratios("after.ratio", "after"),
            _column("points", "difference", _points),
            _Column("", _doubt),
            _length("before.median", "median before"),
            _length("after.median", "median after"),
            group=attrgetter("before.group"),
        )
        yield "time in stage (half left)"
        yield self._table(
            [row for row in result.stays if row.before.visits or row.after.visits],
            self.stages("before.stage"),
            _length("before.median", "before", "before.visits"),
            _length("after.median", "after", "after.visits"),
            _column("difference", "difference", _signed),
            group=attrgetter("before.group"),
        )
        yield "entries"
        yield self._table(
            [row for row in result.volumes if row.before or row.after],
            self.stages("stage"),
            *map(_count, ("before", "after")),
            _rate("before_rate", "in 30 days before"),
            _rate("after_rate", "in 30 days after"),
        )

    def _side(self, side: Side) -> str:
        start, end = self.instant(side.start), self.instant(side.end)
        if side.version is not None:
            name = f"version {side.version}"
        else:
            window = [f"from {start}"] * bool(start) + [f"to {end}"] * bool(end)
            name = " ".join(window) or "all history"
        return name + ("" if side.followed is None else f", watched for {duration(side.followed)}")


def _table(rows: Sequence[Any], columns: Sequence[_Column]) -> str:
    cells = [[column.cell(row) for column in columns] for row in rows]
    right = [place for place, column in enumerate(columns) if not column.words]
    return lined_up([[column.head for column in columns], *cells], right=right)


def _median(row: _Reached) -> str:
    time = row.over.median if row.through.median is None else row.through.median
    return duration(time, "")


def _entries(source: str) -> Callable[[MarketingShare], str]:
    return lambda row: f"{row.entries[source]:,}"


def _verdict(row: MarketingShare) -> str:
    if row.target is None or row.gap is None:
        return _percent(row.target)
    verdict = "met" if row.met else "missed"
    return f"{_percent(row.target)}: {verdict} by {abs(row.gap) * 100:.1f} points"


def _parts(ratio: Ratio) -> str:
    return "" if ratio.share is None else f"{ratio.part:,} of {ratio.whole:,}"


def _period(cohort: Cohort) -> str:
    """The period, with a mark if the window cuts it or it is not over yet."""
    return cohort.period.name + ("" if cohort.period.whole else " ~")


def _number(number: float | None) -> str:
    return "–" if number is None else f"{number:,.3f}".rstrip("0").rstrip(".")


def _likely(both: tuple[float, float] | None) -> str:
    return "" if both is None else f"{both[0]:,.1f} to {both[1]:,.1f}"


def _points(points: float | None) -> str:
    return "" if points is None else f"{points * 100:+.1f} points"


def _doubt(change: ConversionChange) -> str:
    return "" if change.points is None or change.apart else "may be chance"


def _signed(time: timedelta | None) -> str:
    if time is None:
        return ""
    return ("-" if time < timedelta(0) else "+") + duration(abs(time))


def _reason(limit: Limit) -> str:
    return _LIMITS.get(limit.of, "as was said")
