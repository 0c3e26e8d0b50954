"""What a report consists of before it is a workbook, a page or slides: tables, charts, sentences.

A measure becomes a :class:`ReportPart`. Each writer knows these records only, so that a new measure
needs no change in a writer, and a new writer none in a measure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal, TypeAlias

import attrs

from lifecycle_fsm.diagram import Drawing
from lifecycle_fsm.funnel import Ratio
from lifecycle_fsm.model import Model
from lifecycle_fsm.wording import clean, decimal_percent, duration, format_amount
from lifecycle_fsm.zones import find_zone

Kind: TypeAlias = Literal["text", "count", "number", "share", "days", "money", "time"]
"""What a column holds: ``days`` are a ``timedelta``, a ``time`` is an instant in UTC, and a
``share`` is from 0 to 1."""
CellValue: TypeAlias = str | int | float | timedelta | datetime | None
_NO_TIME = timedelta(0)


@attrs.frozen
class ReportColumn:
    """A column of a table.

    Args:
        name: its name in files for programs.
        title: its name for people; the unit of money belongs into it.
        kind: what its cells hold.
        of: for a share, the names of the columns with its part and its whole.
        visits: for a time that too few of some visits may have reached, the name of the column
            with their number.
        signed: whether it is a difference.
    """

    name: str
    title: str
    kind: Kind = "text"
    of: tuple[str, str] | None = None
    visits: str | None = None
    signed: bool = False

    @property
    def is_number(self) -> bool:
        """Whether its cells are aligned as numbers."""
        return self.kind not in ("text", "time")


@attrs.frozen(kw_only=True)
class ReportTable:
    """A table, with a cell for each column in each row.

    Args:
        name: its name in files; unique in a report.
        title: its name for people.
        columns, rows: the content.
        notes: what a reader must know to read it.
        people: whether each row is about one person; a page and slides then show the first rows.
    """

    name: str
    title: str
    columns: tuple[ReportColumn, ...]
    rows: tuple[tuple[CellValue, ...], ...]
    notes: tuple[str, ...] = ()
    people: bool = False

    def place(self, name: str) -> int:
        """The place of a column, from 0."""
        return [column.name for column in self.columns].index(name)

    def ratio(self, column: ReportColumn, row: Sequence[CellValue]) -> Ratio | None:
        """The counts behind a share of a row; ``None`` if the table does not have them."""
        if column.of is None:
            return None
        part, whole = (row[self.place(name)] for name in column.of)
        return Ratio(part, whole) if isinstance(part, int) and isinstance(whole, int) else None

    def text(self, column: ReportColumn, row: Sequence[CellValue], zone: str) -> str:
        """A cell for people; a share of few has a star."""
        value = row[self.columns.index(column)]
        if value is None:
            return "not reached" if column.visits and row[self.place(column.visits)] else ""
        if column.signed and isinstance(value, float):
            return f"{value * 100:+.1f} points"
        sign = "+" if column.signed and isinstance(value, timedelta) and value >= _NO_TIME else ""
        ratio = self.ratio(column, row)
        few = "*" if ratio is not None and ratio.few else ""
        return f"{sign}{cell_text(value, column.kind, zone)}{few}"


def cell_text(value: CellValue, kind: Kind, zone: str = "UTC") -> str:
    """A value for people, empty if there is none; an instant is a local time of the zone."""
    match value:
        case None:
            return ""
        case datetime():
            local = value.astimezone(find_zone(zone))
            return f"{local:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
        case timedelta():
            return ("-" if value < _NO_TIME else "") + duration(abs(value))
        case str():
            return clean(value)
    if kind == "share":
        return decimal_percent(value * 100)
    if kind == "money":
        return format_amount(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


# ------------------------------------------------------------------ charts


@attrs.frozen(kw_only=True)
class Bar:
    """A bar: its value, what stands beside it, and its interval, if it has one."""

    label: str
    value: float
    text: str
    low: float | None = None
    high: float | None = None


@attrs.frozen(kw_only=True)
class BarChart:
    """Horizontal bars below each other; those of a ``share`` are drawn on a scale up to 100 %."""

    title: str
    kind: Literal["count", "share"]
    bars: tuple[Bar, ...]

    @property
    def description(self) -> str:
        """The chart in words."""
        return ". ".join(f"{bar.label}: {bar.text}" for bar in self.bars) + "."


@attrs.frozen
class LineBand:
    """The interval of a forecast in each period: with what probability, from and to."""

    probability: float
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]


@attrs.frozen(kw_only=True)
class LinePanel:
    """One line over the periods of a chart: what happened, and with a forecast what is expected,
    with its bands. Each has a value or ``None`` for each period."""

    title: str
    past: tuple[float | None, ...]
    expected: tuple[float | None, ...] = ()
    bands: tuple[LineBand, ...] = ()


@attrs.frozen(kw_only=True)
class LineChart:
    """Lines over the same periods, each in a panel with a scale of its own from zero."""

    title: str
    periods: tuple[str, ...]
    panels: tuple[LinePanel, ...]

    @property
    def description(self) -> str:
        """The chart in words: of each line, the last number and the last expectation."""
        texts = []
        for panel in self.panels:
            known = [value for value in panel.past if value is not None]
            ahead = [value for value in panel.expected if value is not None]
            text = f"{panel.title}: {known[-1]:,.0f} at last" if known else panel.title
            texts.append(text + (f", {ahead[-1]:,.1f} expected in the end" if ahead else ""))
        return f"From {self.periods[0]} to {self.periods[-1]}. " + ". ".join(texts) + "."


@attrs.frozen
class HeatCell:
    """A ratio; ``complete`` unless some of the whole were not watched for so long."""

    ratio: Ratio
    complete: bool = True


@attrs.frozen(kw_only=True)
class HeatMap:
    """Shares by row and column: cohorts by their age. A cell may be missing."""

    title: str
    corner: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[HeatCell | None, ...]], ...]

    @property
    def description(self) -> str:
        """The chart in words."""
        ends = (
            f"{name}: {decimal_percent(100 * (last.ratio.share or 0))} of {last.ratio.whole:,}"
            for name, cells in self.rows
            for last in [next((cell for cell in reversed(cells) if cell and cell.complete), None)]
            if last is not None
        )
        return ". ".join(ends) + "."


@attrs.frozen(kw_only=True)
class WhatIfPanels:
    """What several values of a setting would have done: entries per week against a capacity, and
    what became of those who would have been added or lost.

    Args:
        title: what is counted.
        setting: the name of the setting; ``values`` are its values, ``current`` the present one.
        entries: entries per week, by value.
        capacity: how many per week can be handled, if that is known.
        added, lost: by outcome, how many people each value adds or loses.
    """

    title: str
    setting: str
    values: tuple[str, ...]
    entries: tuple[float, ...]
    current: str = ""
    capacity: float | None = None
    added: Mapping[str, tuple[int, ...]] = attrs.field(factory=dict)
    lost: Mapping[str, tuple[int, ...]] = attrs.field(factory=dict)

    @property
    def description(self) -> str:
        """The chart in words."""
        totals = [
            [sum(counts) for counts in zip(*side.values(), strict=True)] or [0] * len(self.values)
            for side in (self.added, self.lost)
        ]
        return " ".join(
            f"{self.setting} {value}: {entries:,.1f} per week, {added:,} added, {lost:,} lost."
            for value, entries, added, lost in zip(self.values, self.entries, *totals, strict=True)
        )


Chart: TypeAlias = BarChart | LineChart | HeatMap | WhatIfPanels


# ------------------------------------------------------------------ the whole


@attrs.frozen(kw_only=True)
class ReportPart:
    """A measure: its definition, its charts, and its tables."""

    name: str
    title: str
    definition: str
    tables: tuple[ReportTable, ...] = ()
    charts: tuple[Chart, ...] = ()


@attrs.frozen(kw_only=True)
class Report:
    """Everything that leaves the terminal; see :func:`.save_report`.

    Args:
        title: what it is about.
        model: the model of the history.
        zone: the zone in which times are shown.
        facts: the model, the window and so on, each with its name.
        parts: the measures, in order.
        findings: what to talk about, each with what to do: ``("13 people wait", "call them")``.
        notes: what a reader must know to read the tables.
        picture, phone: the funnel, and the same for a narrow screen.
    """

    title: str
    model: Model = attrs.field(repr=False)
    zone: str
    facts: tuple[tuple[str, str], ...]
    parts: tuple[ReportPart, ...] = attrs.field(repr=False)
    findings: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    picture: Drawing | None = attrs.field(default=None, repr=False)
    phone: Drawing | None = attrs.field(default=None, repr=False)

    @property
    def tables(self) -> tuple[ReportTable, ...]:
        """The tables of all parts."""
        return tuple(table for part in self.parts for table in part.tables)


Labels: TypeAlias = Mapping[str, str]
"""The segment and the window of some tables: ``{"Segment": "Germany"}``."""


def joined_parts(chapters: Iterable[tuple[Labels, Sequence[ReportPart]]]) -> tuple[ReportPart, ...]:
    """The same measures of several segments or windows as one part each, whose tables name them in
    their first columns, if there are several."""
    every = [(labels, part) for labels, parts in chapters for part in parts]
    values: dict[str, set[str]] = {}
    for labels, _ in every:
        for name, label in labels.items():
            values.setdefault(name, set()).add(label)
    order = list(dict.fromkeys(part.name for _, part in every))
    every.sort(key=lambda pair: order.index(pair[1].name))
    joined = []
    for _, same in groupby(every, key=lambda pair: pair[1].name):
        group = list(same)
        known = dict.fromkeys(name for labels, _ in group for name in labels)
        names = [name for name in known if len(values[name]) > 1]
        shown = [
            (", ".join(labels.get(name, "") for name in names), part) for labels, part in group
        ]
        joined.append(
            attrs.evolve(
                group[0][1],
                tables=_stacked([(labels, part.tables) for labels, part in group], names),
                charts=tuple(
                    attrs.evolve(chart, title=f"{chart.title} – {label}" if label else chart.title)
                    for label, part in shown
                    for chart in part.charts
                ),
            )
        )
    return tuple(joined)


def _stacked(
    groups: Sequence[tuple[Labels, Sequence[ReportTable]]], names: Sequence[str]
) -> tuple[ReportTable, ...]:
    """The tables of the same name below each other. A column that only some of them have, such as
    a source of credit, is empty in the others."""
    tables: dict[str, list[tuple[Labels, ReportTable]]] = {}
    for labels, of_labels in groups:
        for table in of_labels:
            tables.setdefault(table.name, []).append((labels, table))
    stacked = []
    for same in tables.values():
        columns = list(dict.fromkeys(column for _, table in same for column in table.columns))
        rows = (
            (
                *(labels.get(name) for name in names),
                *(row[own[column]] if column in own else None for column in columns),
            )
            for labels, table in same
            for own in [{column: place for place, column in enumerate(table.columns)}]
            for row in table.rows
        )
        first = (ReportColumn(name.lower(), name) for name in names)
        notes = dict.fromkeys(note for _, table in same for note in table.notes)
        stacked.append(
            attrs.evolve(
                same[0][1], columns=(*first, *columns), rows=tuple(rows), notes=tuple(notes)
            )
        )
    return tuple(stacked)
