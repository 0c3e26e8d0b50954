"""The measures of the funnel as parts of a report: a method for each, with its tables and charts.

Every other result becomes a part in the same way: a function from its records to a
:class:`.ReportPart`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

from lifecycle_fsm.funnel import (
    ALL_STAGES,
    FORMULAS,
    Cohort,
    ConversionChange,
    Counts,
    FunnelReport,
    Leak,
    MarketingShare,
    Measure,
    Mix,
    MixPart,
    PairConversion,
    Ratio,
)
from lifecycle_fsm.model import Model
from lifecycle_fsm.report.column_makers import (
    ColumnSpec,
    columns_of,
    made_column,
    ratio_columns,
    table_of,
)
from lifecycle_fsm.report.content import (
    Bar,
    BarChart,
    CellValue,
    HeatCell,
    HeatMap,
    LineChart,
    LinePanel,
    ReportPart,
    ReportTable,
)
from lifecycle_fsm.wording import (
    clean,
    counted,
    decimal_percent,
    format_date,
    lasting,
    plain,
    rule_words,
    sentence,
)

_TITLES: dict[Measure, str] = {
    "people": "People in each stage", "ready": "Ready for sales", "flows": "Flows",
    "conversion": "Conversion", "stay": "Time in stage", "reps": "Salespeople",
    "share": "Sources", "sla": "Agreements", "overdue": "Overdue", "stuck": "Stuck",
    "compare": "Before and after", "cohorts": "Cohorts", "leaks": "Leaks", "touch": "First touch",
    "reasons": "Given back", "duplicates": "Duplicates", "money": "Money", "mix": "Rate and mix",
}  # fmt: skip
_REACHED = {"through": "entered", "over": "entered or passed over"}
#: Where the limit comes from above which people are stuck, by what it was computed of.
USUAL = {
    "all": "as nine in ten visits are over by then",
    "ended": "as nine in ten of those that ended were over by then",
}
_FUNNEL = (
    "People now are in the stage at the end of the window; entered and passed over count visits in "
    "it; the conversion is of the journeys that first entered the stage in the window ({}) to the "
    "next stage"
)
_INTERVAL = "The share of all such journeys lies between the two 95 % limits, by chance alone."
_FLOW_RATIO = (
    "Flow ratio: all entries of the second stage over all of the first, which are not the same "
    "journeys."
)
_OPEN = (
    "Open visits count for as long as they were watched. An empty time was not reached: too many "
    "are still there."
)
#: More bars or lines than these are a table.
_BARS, _LINES = 24, 6


def funnel_part(report: FunnelReport, counts: Counts, model: Model) -> ReportPart:
    """The funnel as a table: for each stage who is there, who entered it, and who goes on."""
    texts, names = MeasureParts(report, model), [*model.by_name]
    after = dict(pairwise(stage.name for stage in model.path))
    steps = {name: counts.conversion.get((name, after.get(name, ""))) for name in names}

    def step(number: str) -> Callable[[str], CellValue]:
        return lambda name: getattr(steps[name], number, None)

    table = table_of(
        "funnel", "The funnel", names,
        made_column("code", "Code", "text", lambda name: model.stage(name).code),
        made_column("stage", "Stage", "text", texts.stage),
        made_column("people", "People now", "count", lambda name: counts.people.get(name, 0)),
        made_column("entered", "Entered", "count", lambda name: counts.entered.get(name, 0)),
        made_column("passed_over", "Passed over", "count", counts.passed_over.get),
        made_column("half_left", "Half left after", "days", counts.median_stay.get),
        made_column("reached", "Reached the next stage", "count", step("reached")),
        made_column("journeys", "Of journeys", "count", step("journeys")),
        made_column("conversion", "Conversion", "share", step("share"), of=("reached", "journeys")),
    )  # fmt: skip
    people = [(name, counts.people.get(name, 0)) for name in names]
    bars = (Bar(label=texts.stage(name), value=n, text=f"{n:,}") for name, n in people)
    chart = BarChart(title="People now", kind="count", bars=tuple(bars))
    return ReportPart(
        name="funnel", title="The funnel", definition=_FUNNEL.format(counts.reading),
        tables=(table,), charts=(chart,),
    )  # fmt: skip


def measure_parts(report: FunnelReport, model: Model) -> tuple[ReportPart, ...]:
    """The measures of a report, without those that have nothing to show. People in each stage stand
    in the table of the funnel, unless there are groups."""
    texts = MeasureParts(report, model)
    names = (name for name in report.measures if name != "people" or report.by)
    parts = (texts.part(name) for name in names)
    return tuple(part for part in parts if any(table.rows for table in part.tables))


def findings(report: FunnelReport, model: Model) -> tuple[tuple[str, str], ...]:
    """What a meeting should talk about, each with what to do about it."""
    return tuple(MeasureParts(report, model).findings())


class _MixLine(NamedTuple):
    """A change of a conversion, or one group's part in it."""

    source: str
    target: str
    group: str
    row: Mix | MixPart


class MeasureParts:
    """Makes the part of each measure of one report, by the method of its name.

    Args:
        terminal: whether the tables are for somebody who types commands: rules and deadlines then
            have the names of the model, and marks stand for words.
    """

    def __init__(self, report: FunnelReport, model: Model, *, terminal: bool = False) -> None:
        self.report, self.model, self.terminal = report, model, terminal
        self.rules: dict[str, str] = {}
        self.deadlines = {deadline.name: deadline.name for deadline in model.deadlines}
        if terminal:
            return
        self.rules = {rule.name: rule_words(rule) for rule in model.sort}
        self.rules |= {move.name: rule_words(move) for move in model.moves}
        self.deadlines = {
            deadline.name: clean(deadline.label) or sentence(plain(deadline.name))
            for deadline in model.deadlines
        }

    def part(self, name: Measure) -> ReportPart:
        """The part of a measure of the report."""
        part: ReportPart = getattr(self, name)()
        return part

    def stage(self, name: str) -> str:
        """A stage for people."""
        if name == ALL_STAGES:
            return "all stages" if self.terminal else "All stages"
        return clean(self.model.stage(name).display)

    def stages(self, text: str) -> list[ColumnSpec]:
        """Columns with stages; see :func:`.columns_of`."""
        return columns_of("text", text, self.stage)

    def grouped(
        self, name: str, title: str, rows: Iterable[Any], *specs: ColumnSpec, group: str = "group",
        notes: Iterable[str] = (), people: bool = False,
    ) -> ReportTable:  # fmt: skip
        """A table that begins with the groups of the report, if it has any."""
        by, first = self.report.by, []
        if by:
            own = f"by_{by}" if by in {column.name for column, _ in specs} else by
            first = [made_column(own, sentence(plain(by)), "text", attrgetter(group))]
        return table_of(name, title, rows, *first, *specs, notes=notes, people=people)

    def _part(self, name: Measure, *tables: ReportTable, charts: Iterable[Any] = ()) -> ReportPart:
        return ReportPart(
            name=name, title=_TITLES[name], definition=sentence(FORMULAS[name]), tables=tables,
            charts=tuple(charts),
        )  # fmt: skip

    # -- measures

    def people(self) -> ReportPart:
        """Who is in which stage; only the groups need a table of their own."""
        columns = *self.stages("stage"), *columns_of("count", "people")
        return self._part(
            "people", self.grouped("people", _TITLES["people"], self.report.people, *columns)
        )

    def flows(self) -> ReportPart:
        """What came in and what left, by period."""
        rows = self.report.flows
        busy = {(row.group, row.stage) for row in rows if row.opening or row.entered or row.closing}
        table = self.grouped(
            "flows", _TITLES["flows"], [row for row in rows if (row.group, row.stage) in busy],
            made_column("period", "Period", "text", self._period),
            *self.stages("stage"),
            *columns_of("count", "opening entered:In left:Out closing new:New_people"),
            *columns_of("count", "merged:Merged_away"),
            *columns_of("text", "period.whole:Whole_period", _yes),
        )  # fmt: skip
        return self._part("flows", table, charts=self._entries())

    def _period(self, row: Any) -> str:
        """A period; in a terminal, with a mark where the window cuts it or it is not over yet."""
        name: str = row.period.name
        return f"{name} ~" if self.terminal and not row.period.whole else name

    def _entries(self) -> Iterator[LineChart]:
        """The entries of each stage of the path, in whole periods."""
        report, rows = self.report, self.report.flows
        periods = list(dict.fromkeys(row.period.name for row in rows if row.period.whole))
        if report.by or report.every is None or len(periods) < 3:
            return
        entered = {(row.stage, row.period.name): row.entered for row in rows}
        panels = (
            LinePanel(
                title=f"{self.stage(stage.name)}: entries per {report.every}",
                past=tuple(entered[stage.name, period] for period in periods),
            )
            for stage in self.model.path[1 : _LINES + 1]
        )
        yield LineChart(title="Entries", periods=tuple(periods), panels=tuple(panels))

    def conversion(self) -> ReportPart:
        """Conversion in both readings."""
        rows = self.report.conversions
        tables = [
            self.grouped(
                f"conversion_{reading}", f"Conversion: {words}",
                [row for row in rows if row.reading == reading],
                *self.stages("source:From target:To"),
                *ratio_columns("ratio", "Reached", "Journeys", "Conversion"),
                *columns_of("days", "median:Half_of_them_within"),
                *columns_of("share", "flow_ratio"),
                *columns_of("count", "merged young"),
                notes=(_INTERVAL, _FLOW_RATIO),
            )
            for reading, words in _REACHED.items()
        ]  # fmt: skip
        bars = [self._bar(row) for row in rows if row.reading == "through" and row.journeys]
        chart = BarChart(title="Conversion, with its 95 % interval", kind="share", bars=tuple(bars))
        return self._part("conversion", *tables, charts=[chart] if 0 < len(bars) <= _BARS else [])

    def _bar(self, row: PairConversion) -> Bar:
        low, high = row.ratio.range or (None, None)
        label = f"{self.stage(row.source)} → {self.stage(row.target)}"
        return Bar(
            label=f"{row.group}: {label}" if row.group else label, value=row.ratio.share or 0.0,
            text=_share_text(row.ratio), low=low, high=high,
        )  # fmt: skip

    def stay(self) -> ReportPart:
        """The quartiles of the time in each stage."""
        left = "first_quartile:A_quarter_left_after median:Half_left_after"
        table = self.grouped(
            "time_in_stage", _TITLES["stay"], [row for row in self.report.stays if row.visits],
            *self.stages("stage"), *columns_of("count", "visits ended open"),
            *columns_of(
                "days", f"{left} third_quartile:Three_quarters_left_after", visits="visits"
            ),
            notes=(_OPEN,),
        )  # fmt: skip
        return self._part("stay", table)

    def reps(self) -> ReportPart:
        """What became of the journeys of each owner."""
        first, last = self.report.first_of_sales, self.model.path[-1].name
        table = self.grouped(
            "salespeople", f"From {self.stage(first)} to {self.stage(last)}", self.report.reps,
            *columns_of("text", "owner"),
            *ratio_columns("close_rate", "Won", "Journeys", "Close rate"),
            *columns_of("count", "lost open"), *columns_of("days", "median:Half_won_within"),
            *columns_of("count", "load:People_now"),
        )  # fmt: skip
        return self._part("reps", table)

    def share(self) -> ReportPart:
        """Marketing's share of the entries."""
        rows = self.report.shares

        def entries(source: str) -> ColumnSpec:
            return made_column(
                f"from_{source}", sentence(clean(source)), "count", lambda row: row.entries[source]
            )

        table = self.grouped(
            "sources", "Entries by source",
            [row for row in rows if row.ratio.whole or not self.report.by],
            *self.stages("stage"), *map(entries, rows[0].entries if rows else ()),
            *columns_of("count", "unknown"),
            *ratio_columns("ratio", "Of marketing", "Entries", "Marketing's share"),
            *columns_of("share", "target"),
            made_column("verdict", "Against the target", "text", _verdict),
        )  # fmt: skip
        return self._part("share", table)

    def sla(self) -> ReportPart:
        """What became of each deadline."""
        table = self.grouped(
            "agreements", _TITLES["sla"], self.report.agreements,
            *columns_of("text", "deadline:Agreement", self.deadlines.get), *self.stages("stage"),
            *ratio_columns("ratio", "Kept", "Decided", "Share kept"),
            *columns_of("count", "visits missed overdue:Missed_and_still_open void waiting merged"),
            *columns_of("days", "median:Half_left_after", visits="visits"),
            notes=("Void: the condition never held. Waiting: not decided yet.",),
        )  # fmt: skip
        return self._part("sla", table)

    def compare(self) -> ReportPart:
        """Conversion, times and entries before and after."""
        result, report = self.report.comparison, self.report
        if result is None:
            return self._part("compare")
        conversions = self.grouped(
            "compared_conversion", "Conversion before and after",
            [
                row
                for row in result.conversions
                if row.before.reading == report.reading
                and (row.before.journeys or row.after.journeys)
            ],
            *self.stages("before.source:From before.target:To"),
            *ratio_columns("before.ratio", "Reached before", "Journeys before", "Before"),
            *ratio_columns("after.ratio", "Reached after", "Journeys after", "After"),
            *columns_of("share", "points:Difference", signed=True),
            made_column("apart", "More than chance", "text", self._apart),
            made_column("median_before", "Half before", "days", attrgetter("before.median")),
            made_column("median_after", "Half after", "days", attrgetter("after.median")),
            group="before.group", notes=map(sentence, result.cautions),
        )  # fmt: skip
        times = self.grouped(
            "compared_time", "Half left after, before and after",
            [row for row in result.stays if row.before.visits or row.after.visits],
            *self.stages("before.stage"),
            *self._half_left("before"), *self._half_left("after"),
            *columns_of("days", "difference", signed=True), group="before.group",
        )  # fmt: skip
        entries = self.grouped(
            "compared_entries", "Entries before and after",
            [row for row in result.volumes if row.before or row.after],
            *self.stages("stage"), *columns_of("count", "before after"),
            *columns_of("number", "before_rate:In_30_days_before after_rate:In_30_days_after"),
        )  # fmt: skip
        return self._part("compare", conversions, times, entries)

    def _apart(self, row: ConversionChange) -> str:
        if not self.terminal:
            return _yes(row.apart)
        return "" if row.apart or row.points is None else "may be chance"

    def _half_left(self, side: str) -> Iterator[ColumnSpec]:
        """The visits of one side of a comparison, and the time after which half had left."""
        title, visits = side.capitalize(), f"visits_{side}"
        yield made_column(visits, f"Visits {side}", "count", attrgetter(f"{side}.visits"))
        yield made_column(side, title, "days", attrgetter(f"{side}.median"), visits=visits)

    def cohorts(self) -> ReportPart:
        """Conversion by the period of entry, as a picture by age too."""
        rows = self.report.cohorts
        table = self.grouped(
            "cohorts", "Cohorts up to now", rows,
            *self.stages("source:From target:To"),
            made_column("period", "Entered in", "text", attrgetter("period.name")),
            *ratio_columns("ratio", "Reached", "Journeys", "Conversion"),
            *columns_of("count", "merged"),
        )  # fmt: skip
        keyed = [((row.group, f"{self.stage(row.source)} → {self.stage(row.target)}"), row)
                 for row in rows if row.journeys]  # fmt: skip
        maps = [
            self._map(" ".join(filter(None, key)), [row for _, row in of_pair])
            for key, of_pair in groupby(keyed, key=itemgetter(0))
        ]
        return self._part("cohorts", table, charts=maps)

    def _map(self, title: str, rows: Sequence[Cohort]) -> HeatMap:
        """The cohorts of one pair of stages, by age."""
        return HeatMap(
            title=f"{title}, reached within so many {rows[0].unit}", corner="Entered in",
            columns=tuple(str(cell.age) for cell in rows[0].cells),
            rows=tuple(
                (row.period.name, tuple(HeatCell(row.share(at), at.complete) for at in row.cells))
                for row in rows
            ),
        )  # fmt: skip

    def leaks(self) -> ReportPart:
        """What each step would bring if it were better."""
        table = self.grouped(
            "leaks", "What ten points more of a step would bring",
            [row for row in self.report.leaks if row.ratio.whole or not self.report.by],
            *self.stages("source:From target:To"),
            *ratio_columns("ratio", "Reached", "Journeys", "Conversion"),
            *ratio_columns("onward", "Reached the last", "Of those", "On to the last stage"),
            *columns_of("number", "customers:Further_journeys_to_the_last_stage"),
            made_column("at_least", "95 %: at least", "number", lambda row: _end(row, 0)),
            made_column("at_most", "95 %: at most", "number", lambda row: _end(row, 1)),
        )  # fmt: skip
        return self._part("leaks", table)

    def touch(self) -> ReportPart:
        """Who lets people wait how long."""
        table = self.grouped(
            "first_touch", _TITLES["touch"], self.report.touches,
            *columns_of("text", "deadline:Agreement", self.deadlines.get), *self.stages("stage"),
            *columns_of("text", "assigned_to"),
            *ratio_columns("ratio", "In time", "Visits", "Share in time"),
            *columns_of("count", "missed"),
            *columns_of("days", "median:Half_touched_within", visits="visits"),
        )  # fmt: skip
        return self._part("touch", table)

    def reasons(self) -> ReportPart:
        """Why people left the path."""
        table = self.grouped(
            "given_back", "Visits that ended beside the path", self.report.reasons,
            *self.stages("stage:From target:To"),
            *columns_of("text", "rule", lambda rule: self.rules.get(str(rule), str(rule))),
            *columns_of("text", "reason"),
            *ratio_columns("ratio", "Visits", "Of all that ended", "Share"),
        )  # fmt: skip
        return self._part("reasons", table)

    def duplicates(self) -> ReportPart:
        """How many records were merged into others; in files only if any were."""
        rows = self.report.duplicates
        rows = rows if self.terminal or any(row.ratio.part for row in rows) else ()
        lead = self.stage(rows[0].stage) if rows else ""
        table = self.grouped(
            "duplicates", "Records that were merged into others", rows,
            *ratio_columns("ratio", "Merged", "Records created", "Share merged"),
            *columns_of("days", "median:Half_merged_within"),
            *ratio_columns("leads", "Leads by then", "Of the merged", "Share that were leads"),
            notes=(f"Leads by then: they had entered {lead}, or a later stage of the path.",),
        )  # fmt: skip
        return self._part("duplicates", table)

    def mix(self) -> ReportPart:
        """Each change with the parts of its groups below it."""
        rows = [
            _MixLine(mix.source, mix.target, part.group if part else "all", part or mix)
            for mix in self.report.mixes
            for part in (None, *mix.parts)
        ]
        table = table_of(
            "mix", "Change of conversion by group", rows,
            *self.stages("source:From target:To"), *columns_of("text", "group"),
            *ratio_columns("row.before", "Reached before", "Journeys before", "Before"),
            *ratio_columns("row.after", "Reached after", "Journeys after", "After"),
            *columns_of("share", "row.rate:By_its_own_conversion row.mix:By_its_size", signed=True),
        )  # fmt: skip
        return self._part("mix", table)

    def money(self) -> ReportPart:
        """Opportunities: the numbers of each group, what is open by stage, old ones."""
        report = self.report.money
        assert report is not None
        unit = f" ({report.currency})" if report.currency else ""

        def money(name: str, title: str, path: str) -> ColumnSpec:
            return made_column(name, f"{title}{unit}", "money", attrgetter(path))

        def amounts(path: str, title: str) -> tuple[ColumnSpec, ...]:
            number = made_column(path, title, "count", attrgetter(f"{path}.opportunities"))
            return number, money(f"{path}_amount", f"{title}: amount", f"{path}.amount")

        old = amounts("old", "Older") if report.deal_age is not None else ()
        won = self.grouped(
            "money", "Open, won and lost", report.groups,
            *amounts("open", "Open"), *old, *amounts("won", "Won"),
            money("average", "Average won deal", "won.average"), *amounts("lost", "Lost"),
            *ratio_columns("win_rate", "Of them won", "Closed", "Win rate"),
            *columns_of("days", "cycle:From_opening_to_win median_cycle:Half_won_within"),
            money("velocity", "Velocity a day", "velocity"),
            money("won_per_day", "Really won a day", "won_per_day"),
        )  # fmt: skip
        pipeline = self.grouped(
            "pipeline", "Open opportunities by stage", report.pipeline, *self.stages("stage"),
            *amounts("open", "Open"), *old,
        )  # fmt: skip
        deals = self.grouped(
            "old_deals", "Old opportunities", report.old,
            *columns_of("text", "id:Opportunity person:Contact owner"), *self.stages("stage"),
            *columns_of("money", "amount"), *columns_of("text", "currency"),
            *columns_of("time", "closes_at:To_close"), *columns_of("days", "age"),
        )  # fmt: skip
        return self._part(
            "money", *(table for table in (won, pipeline, deals) if table.rows or self.terminal)
        )

    # -- lists of people

    def _list(self, name: Measure, *specs: ColumnSpec, notes: Iterable[str] = ()) -> ReportPart:
        table = self.grouped(
            f"{name}_people", _TITLES[name], getattr(self.report, name),
            *columns_of("text", "name company email:E-mail owner assigned_to"),
            *self.stages("stage"), *columns_of("time", "since"), *specs,
            *columns_of("text", "person:Id"), notes=notes, people=True,
        )  # fmt: skip
        return self._part(name, table)

    def _why(self, path: str, words: Callable[[str], CellValue]) -> ColumnSpec:
        get = attrgetter(path)
        return made_column("why", "Why", "text", lambda row: words(get(row)))

    def ready(self) -> ReportPart:
        """Who is ready for sales."""
        why = self._why("rule", lambda rule: self.rules.get(rule, rule))
        return self._list("ready", *columns_of("days", "time:For"), why)

    def overdue(self) -> ReportPart:
        """Who is still in a stage whose deadline was missed."""
        return self._list(
            "overdue", *columns_of("time", "due"), self._why("deadline", self.deadlines.get)
        )

    def stuck(self) -> ReportPart:
        """Who is in a stage for longer than is usual."""
        limits = [row for row in self.report.limits if row.time]
        known = {row.stage: f"longer than {lasting(row.time)}" for row in limits if row.time}
        notes = (
            f"{self.stage(row.stage)}: {known[row.stage]}, {USUAL.get(row.of, 'as was said')}."
            for row in limits
        )
        why = self._why("stage", known.get)
        return self._list("stuck", *columns_of("days", "time:For"), why, notes=notes)

    # -- findings

    def findings(self) -> Iterator[tuple[str, str]]:
        """What to talk about, and what to do."""
        report, path = self.report, [stage.name for stage in self.model.path]
        if report.ready and report.ready_stage:
            first = format_date(report.ready[0].since, report.zone)
            who = f"{_people(report.ready)} ready for sales in {self.stage(report.ready_stage)}"
            yield f"{who}, the first since {first}", "Call them; the list has who is assigned"
        if report.overdue:
            who = f"{_people(report.overdue)} overdue with a missed deadline"
            yield f"{who}{_most(report.overdue)}", "Decide each, the longest overdue first"
        if report.stuck:
            who = f"{_people(report.stuck)} in a stage for longer than is usual"
            yield f"{who}{_most(report.stuck)}", "Move them on, or give them back"
        shares = {
            row: row.ratio.share
            for row in report.conversions
            if row.reading == report.reading and not row.ratio.few and row.ratio.share is not None
            if (row.source, row.target) in {*pairwise(path[1:])}
        }
        if shares:
            least = self._bar(min(shares, key=lambda row: shares[row]))
            yield (
                f"The narrowest step is {least.label}: {least.text}",
                "Look at why the others did not go on",
            )


def _end(row: Leak, place: int) -> float | None:
    return None if row.range is None else row.range[place]


def _verdict(row: MarketingShare) -> str:
    if row.target is None or row.gap is None:
        return "" if row.target is None else decimal_percent(row.target * 100)
    verdict = "met" if row.met else "missed"
    return f"{decimal_percent(row.target * 100)}: {verdict} by {abs(row.gap) * 100:.1f} points"


def _yes(value: Any) -> str:
    return "yes" if value else "no"


def _share_text(ratio: Ratio) -> str:
    """``45.2 % (19 of 42)``, with a star where it says little."""
    if ratio.share is None:
        return "nobody"
    star = "*" if ratio.few else ""
    return f"{decimal_percent(ratio.share * 100)}{star} ({ratio.part:,} of {ratio.whole:,})"


def _people(rows: Iterable[Any]) -> str:
    count = len({row.person for row in rows})
    return f"{counted(count, 'person', 'people')} {'is' if count == 1 else 'are'}"


def _most(rows: Iterable[Any]) -> str:
    """Who has to act on most of these people, if it is known."""
    names = Counter({row.person: row.owner or row.assigned_to for row in rows}.values())
    known = sorted(filter(None, names), key=lambda name: (-names[name], name))
    return f"; most with {clean(known[0])} ({names[known[0]]:,})" if known else ""
