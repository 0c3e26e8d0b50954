"""A report as slides with native shapes, tables and charts, which one can go on editing.

The picture of the funnel, definitions, numbers, conversion and entries, what is expected, what
changes would have done, and next steps. The same report gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from lifecycle_fsm.diagram.slide import SLIDE_SIZE, deck_bytes, draw_on, new_deck, rgb
from lifecycle_fsm.diagram.text_fit import width
from lifecycle_fsm.funnel.conversion import FEW
from lifecycle_fsm.report.content import BarChart, LineChart, Report, WhatIfPanels
from lifecycle_fsm.wording import clean

_FONT, _INK, _SOFT, _RULE = "Arial", "0F172A", "475569", "DBE2EA"
_PAPER, _STRIPE = ("E2E8F0", "FFFFFF"), "F1F5F9"  # of a head, and of other rows
_COLORS = ("1D4ED8", "0F766E", "B45309", "94A3B8", "7C3AED", "BE185D")
_POINT = 12_700
_LEFT, _TOP = 44 * _POINT, 92 * _POINT
_WIDTH, _HEIGHT = SLIDE_SIZE[0] - 2 * _LEFT, SLIDE_SIZE[1] - _TOP - 36 * _POINT
_GAP = 24 * _POINT
_ROWS, _BARS, _LONGEST, _CELL = 11, 10, 240, 24
_FANS, _FANS_BESIDE, _NUMBERED = 6, 3, 16
_LETTER = 1.12  # room for the wider letters of another font
_PERIOD = 88 * _POINT  # the room for the name of a period
_FAN = "Blue: so far. Green: expected. Between the grey lines with a probability of 95 %."
_FAN_COLORS = {"so far": "1D4ED8", "expected": "0F766E", "at least": "94A3B8", "at most": "94A3B8"}
#: The tables that have a slide, by name, and its title.
_TABLES = {
    "funnel": "The funnel in numbers",
    "forecast": "The forecast in numbers",
    "what_if": "What would change",
    "what_if_people": "Who changes",
    "what_if_range": "What each value would bring",
}
_LEFT_OUT = {"code", "passed_over", "person", "email", "assigned_to", "old_at", "new_at", "rule"}

T = TypeVar("T")


def write_deck(report: Report) -> bytes:
    """The slides as a file.

    Raises:
        MissingExtra: python-pptx, or Graphviz for the picture, is not installed.
    """
    deck = new_deck(report.title)
    if report.picture is not None:
        draw_on(deck, report.picture.slide_canvas, report.picture.description)
    slides = _Deck(deck, report)
    slides.definitions()
    slides.numbers()
    slides.conversion()
    slides.forecast()
    slides.what_if()
    slides.next_steps()
    return deck_bytes(deck)


class _Deck:
    """Adds the slides of one report."""

    def __init__(self, deck: Any, report: Report) -> None:
        self.deck, self.report = deck, report

    # -- slides

    def definitions(self) -> None:
        rows = [(part.title, _short(f"{part.definition}.")) for part in self.report.parts]
        self.table(self.slide("What the numbers mean"), ("Number", "Meaning"), rows, (1, 4))

    def numbers(self) -> None:
        for table in self.report.tables:
            if table.name not in _TABLES or not table.rows:
                continue
            shown = [at for at in table.columns if at.name not in _LEFT_OUT]
            rows = [
                [table.text(column, row, self.report.zone) for column in shown]
                for row in table.rows
            ]
            few = any(cell.endswith("*") for row in rows for cell in row)
            note = f"* of fewer than {FEW}" if few else ""
            page, head = self.slide(_TABLES[table.name], note), [column.title for column in shown]
            longest = [
                max(len(text[:_CELL]) for text in (*title.split(), *cells))
                for title, *cells in zip(head, *rows, strict=True)
            ]
            weights, numbers = [at + 3 for at in longest], [column.is_number for column in shown]
            self.table(page, head, rows, weights, numbers)

    def conversion(self) -> None:
        shares = [chart for chart in self.charts(BarChart) if chart.kind == "share"][:1]
        lines = [chart for chart in self.charts(LineChart) if not chart.panels[0].expected][:1]
        both = ["Conversion"] * len(shares) + [chart.title for chart in lines]
        if not both:
            return
        page = self.slide(
            " and ".join((both[0], *(title[:1].lower() + title[1:] for title in both[1:])))
        )
        wide = (_WIDTH - (len(both) - 1) * _GAP) // len(both)
        for chart in shares:
            self.bars(page, chart, _LEFT, wide)
        for line in lines:
            entries = {panel.title.partition(":")[0]: panel.past for panel in line.panels}
            place = SLIDE_SIZE[0] - _LEFT - wide, _TOP, wide, _HEIGHT
            self.chart(page, "LINE", line.periods, entries, place, title=line.title)

    def forecast(self) -> None:
        """What happened and what is expected of each stage, in a chart of its own."""
        for line in [chart for chart in self.charts(LineChart) if chart.panels[0].expected][:1]:
            page, panels = self.slide(line.title, _FAN), line.panels[:_FANS]
            across = min(len(panels), _FANS_BESIDE)
            wide = (_WIDTH - (across - 1) * _GAP) // across
            high = _HEIGHT // -(-len(panels) // across)
            for at, panel in enumerate(panels):
                (band,) = panel.bands[-1:]
                series = {"at least": band.low, "at most": band.high}
                series |= {"so far": panel.past, "expected": panel.expected}
                left, top = at % across * (wide + _GAP), at // across * high
                place = _LEFT + left, _TOP + top, wide, high
                fan = self.chart(page, "LINE", line.periods, series, place, title=panel.title)
                fan.has_legend = False

    def what_if(self) -> None:
        from pptx.enum.chart import XL_TICK_LABEL_POSITION

        for chart in self.charts(WhatIfPanels)[:1]:
            now = f"were not {chart.current}" if chart.current else "were different"
            page, wide = self.slide(f"What if {chart.setting} {now}?"), (_WIDTH - _GAP) // 2
            title, most = f"{chart.title} per week", chart.capacity
            if most is not None:
                title += f" (orange: more than the capacity of {most:,.4g})"
            entries, place = {chart.title: chart.entries}, (_LEFT, _TOP, wide, _HEIGHT)
            weekly = self.chart(
                page,
                "COLUMN_CLUSTERED",
                chart.values,
                entries,
                place,
                title=title,
                form="0.0" if len(chart.values) <= _NUMBERED else "",
            )
            for at, number in enumerate(chart.entries):
                if most is not None and number > most:
                    _fill(weekly.plots[0].series[0].points[at], _COLORS[2])
            change: dict[str, Sequence[float | None]] = {
                f"added: {name}": counts for name, counts in chart.added.items()
            }
            change |= {f"lost: {name}": [-n for n in counts] for name, counts in chart.lost.items()}
            native = self.chart(
                page, "COLUMN_STACKED", chart.values, change,
                (_LEFT + wide + _GAP, _TOP, wide, _HEIGHT),
                title="Added and lost, by what became of them",
            )  # fmt: skip
            native.category_axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW
            outcomes = list(dict.fromkeys([*chart.added, *chart.lost]))
            for series in native.plots[0].series:
                at = outcomes.index(series.name.partition(": ")[2])
                _fill(series, _COLORS[at % len(_COLORS)])
            native.plots[0].overlap = 100

    def next_steps(self) -> None:
        rows = [(f"{_short(text)}.", step, "", "") for text, step in self.report.findings]
        rows += [("", "", "", "")] * min(max(2, 5 - len(rows)), _ROWS - len(rows))
        head = "What we see", "What to do", "Who", "Until"
        self.table(self.slide("Next steps"), head, rows, (4, 3, 1.3, 1))

    # -- what is on them

    def charts(self, kind: type[T]) -> list[T]:
        parts = self.report.parts
        return [chart for part in parts for chart in part.charts if isinstance(chart, kind)]

    def slide(self, title: str, note: str = "") -> Any:
        page = self.deck.slides.add_slide(self.deck.slide_layouts[5])  # a title only
        shape = page.shapes.title
        shape.left, shape.top, shape.width, shape.height = _LEFT, 30 * _POINT, _WIDTH, 44 * _POINT
        size = 28 * _WIDTH / _POINT / width(title, 28 * _LETTER, bold=True)
        _write(shape.text_frame, title, max(16, min(28, int(size))), bold=True)
        if note:
            frame = page.shapes.add_textbox(_LEFT, 66 * _POINT, _WIDTH, 26 * _POINT).text_frame
            frame.word_wrap = True
            _write(frame, note, 14, color=_SOFT)
        return page

    def table(
        self, page: Any, head: Sequence[str], rows: Sequence[Sequence[str]],
        weights: Sequence[float], numbers: Sequence[bool] = (),
    ) -> None:  # fmt: skip
        """A native table as wide as the slide, which says how many rows it leaves out; columns
        have widths by their weights."""
        from pptx.enum.text import MSO_ANCHOR

        if len(rows) > _ROWS:
            more = f"… and {len(rows) - _ROWS + 1:,} more"
            rows = [*rows[: _ROWS - 1], (more, *[""] * (len(head) - 1))]
        high = min(_HEIGHT // (len(rows) + 1), 40 * _POINT)
        frame = page.shapes.add_table(
            len(rows) + 1, len(head), _LEFT, _TOP, _WIDTH, high * (len(rows) + 1)
        )
        table = frame.table
        for place, weight in enumerate(weights):
            table.columns[place].width = int(_WIDTH * weight / sum(weights))
        size = 14 if len(rows) <= 9 and len(head) <= 8 else 12
        for at, row in enumerate((head, *rows)):
            for place, text in enumerate(row):
                cell = table.cell(at, place)
                cell.fill.solid()
                striped = (len(rows) - at) % 2 == 0  # so that one sees where the last row ends
                cell.fill.fore_color.rgb = rgb(_STRIPE if at and striped else _PAPER[at > 0])
                cell.vertical_anchor = MSO_ANCHOR.MIDDLE
                cell.margin_top = cell.margin_bottom = 3 * _POINT
                color = _INK if at else _SOFT
                right = bool(numbers) and numbers[place]
                _write(cell.text_frame, text, size, bold=not at, color=color, right=right)

    def bars(self, page: Any, chart: BarChart, left: int, wide: int) -> None:
        shown = chart.bars[:_BARS]
        names = [f"{bar.label}\n{bar.text.partition(' (')[2].rstrip(')')}" for bar in shown]
        values = {"Conversion": [bar.value for bar in shown]}
        place = left, _TOP, wide, _HEIGHT
        native = self.chart(page, "BAR_CLUSTERED", names, values, place, form="0.0 %")
        native.category_axis.reverse_order = True
        native.value_axis.visible, native.value_axis.maximum_scale = False, 1.0
        native.value_axis.has_major_gridlines = False

    def chart(
        self, page: Any, kind: str, names: Sequence[str],
        series: Mapping[str, Sequence[float | None]],
        place: tuple[int, int, int, int], *, title: str = "", form: str = "",
    ) -> Any:  # fmt: skip
        """A native chart at a place: left, top, width, height; ``form`` is the number format of
        labels at its marks."""
        from pptx.chart.data import CategoryChartData
        from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION

        data = CategoryChartData(number_format=form or "General")
        data.categories = [clean(name) for name in names]
        for name, values in series.items():
            data.add_series(clean(name), values)
        frame = page.shapes.add_chart(XL_CHART_TYPE[kind], *place, data)
        chart = frame.chart
        chart.font.size, chart.font.name = 12 * _POINT, _FONT
        chart.font.color.rgb = rgb(_INK)
        chart.has_title = bool(title)
        if title:
            _write(chart.chart_title.text_frame, title, 14, bold=True)
        chart.has_legend = len(series) > 1
        if chart.has_legend:
            chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
        chart.value_axis.major_gridlines.format.line.color.rgb = rgb(_RULE)
        if kind == "LINE":
            _named(chart.category_axis, -(-len(names) * _PERIOD // place[2]))
        plot = chart.plots[0]
        for at, mark in enumerate(plot.series):
            color = _FAN_COLORS.get(mark.name, _COLORS[at % len(_COLORS)])
            if kind == "LINE":
                mark.smooth, mark.format.line.width = False, int(2.25 * _POINT)
                mark.format.line.color.rgb = rgb(color)
            else:
                _fill(mark, color)
        if form:
            plot.has_data_labels, plot.gap_width = True, 60
            labels = plot.data_labels
            labels.number_format, labels.number_format_is_linked = form, False
        return chart


def _write(
    frame: Any, text: str, size: int, *, bold: bool = False, color: str = _INK, right: bool = False
) -> None:
    """Write one line into a frame; it may wrap."""
    from pptx.enum.text import PP_ALIGN

    line = frame.paragraphs[0]
    line.alignment = PP_ALIGN.RIGHT if right else PP_ALIGN.LEFT
    run = line.add_run()
    run.text, run.font.name, run.font.bold = clean(text), _FONT, bold
    run.font.size, run.font.color.rgb = size * _POINT, rgb(color)


def _named(axis: Any, every: int) -> None:
    """Name one of so many marks of an axis."""
    before = axis._element.find("{*}noMultiLvlLbl")
    mark = before.makeelement(
        before.tag.replace("noMultiLvlLbl", "tickLblSkip"), {"val": f"{every}"}
    )
    before.addprevious(mark)


def _fill(mark: Any, color: str) -> None:
    mark.format.fill.solid()
    mark.format.fill.fore_color.rgb = rgb(color)


def _short(text: str) -> str:
    """The text, cut where a slide has no room for more."""
    text = text.rstrip(".")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"
