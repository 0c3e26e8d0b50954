"""Charts as SVG for a page, whose style sheet gives them their colours, light and dark.

Nothing depends on colour alone: each mark has its number or stands in its own panel.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from pathlib import Path
from typing import assert_never

from lifecycle_fsm.diagram.render import FALLBACK_FONTS, FONT
from lifecycle_fsm.diagram.text_fit import cut, width
from lifecycle_fsm.report.content import (
    BarChart,
    Chart,
    HeatMap,
    LineChart,
    LinePanel,
    WhatIfPanels,
)
from lifecycle_fsm.wording import clean, percent

STYLE = Path(__file__).with_name("report.css")
WIDE, NARROW = 900, 350
"""The widths of a chart in pixels: on a screen, and on a phone."""
_TEXT, _SMALL, _LETTER = 13.0, 11.0, 1.12
_OUTCOMES = 6  # the colours of the style sheet
_PANEL, _GAP, _CELL = 130.0, 28.0, 72.0


def chart_svg(chart: Chart, wide: float = WIDE) -> str:
    """The chart as an SVG of this width, with its description as text alternative."""
    marks, high = _drawn(chart, wide)
    title, description = escape(clean(chart.title)), escape(clean(chart.description))
    return (
        f'<svg class="chart" role="img" viewBox="0 0 {wide:g} {high:.0f}" aria-label="{title}: '
        f'{description}">{marks}</svg>'
    )


def chart_picture(chart: Chart, title: str) -> str:
    """The chart as a picture of its own below a title, in the light colours of a page."""
    css = STYLE.read_text("utf-8")
    rules = css[css.index(".chart text {") : css.index("\ntable {")].replace(".chart ", "")
    colors = dict(reversed(re.findall(r"--(\w+): (#\w+)", css)))  # the first are the light ones
    # Not every program paints the line around a letter behind it.
    rules = re.sub(r"text\.halo {.*?}", "", rules)
    rules = re.sub(r"var\(--(\w+)\)", lambda name: colors[name[1]], rules)
    marks, high = _drawn(chart, WIDE)
    size = min(21.0, 21.0 * WIDE / (width(title, 21, bold=True) * _LETTER))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-24 -72 {WIDE + 48} {high + 96:.0f}" '
        f'width="{WIDE + 48}" height="{high + 96:.0f}" role="img" '
        f"font-family=\"'{FONT}', {FALLBACK_FONTS}\">\n<title>{escape(clean(title))}</title>\n"
        f"<desc>{escape(clean(chart.description))}</desc>\n<style>\n{rules.strip()}\n</style>\n"
        f'<rect x="-24" y="-72" width="100%" height="100%" fill="{colors["paper"]}"/>\n'
        f'<text x="0" y="-32" style="font-size: {size:.1f}px; font-weight: 700">'
        f"{escape(clean(title))}</text>\n{marks}\n</svg>\n"
    )


def _drawn(chart: Chart, wide: float) -> tuple[str, float]:
    """The marks of a chart, and its height."""
    drawing = _ChartSvg(wide)
    match chart:
        case BarChart():
            high = drawing.bars(chart)
        case LineChart():
            high = drawing.lines(chart)
        case HeatMap():
            high = drawing.heat(chart)
        case WhatIfPanels():
            high = drawing.what_if(chart)
        case _:
            assert_never(chart)
    return "".join(drawing.marks), high


class _ChartSvg:
    """Collects the marks of one chart; each method draws a kind of chart and returns its height."""

    def __init__(self, wide: float) -> None:
        self.wide, self.narrow = wide, wide < 600
        self.marks: list[str] = []

    # -- marks

    def text(self, x: float, y: float, text: str, look: str = "", anchor: str = "start") -> None:
        self.marks.append(
            f'<text x="{x:.1f}" y="{y:.1f}" class="{look}" text-anchor="{anchor}">'
            f"{escape(clean(text))}</text>"
        )

    def box(self, x: float, y: float, w: float, h: float, look: str, opacity: float = 1) -> None:
        self.marks.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(w, 0):.1f}" height="{max(h, 0):.1f}" '
            f'class="{look}" fill-opacity="{opacity:.2f}"/>'
        )

    def path(
        self, points: Iterable[tuple[float, float]], look: str, *, closed: bool = False
    ) -> None:
        way = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.marks.append(f'<path d="M{way}{"Z" if closed else ""}" class="{look}"/>')

    def axis(self, left: float, right: float, base: float, high: float, most: float) -> None:
        """Lines at nothing, half and all of an axis upwards, each with its number."""
        for share in (0, 0.5, 1):
            y = base - share * high
            self.path([(left, y), (right, y)], "rule")
            self.text(left - 5, y + 4, f"{share * most:,.4g}", "small", "end")

    # -- charts

    def bars(self, chart: BarChart) -> float:
        most = 1.0 if chart.kind == "share" else max(bar.value for bar in chart.bars) or 1.0
        aside = max(_wide(bar.text) for bar in chart.bars) + 12
        left = 0.0 if self.narrow else min(max(_wide(bar.label) for bar in chart.bars) + 12, 320)
        room, step, y = self.wide - left - aside, 46.0 if self.narrow else 30.0, 0.0
        for bar in chart.bars:
            top = y + (20 if self.narrow else 4)
            label = cut(bar.label, (self.wide if self.narrow else left - 8) / _LETTER, _TEXT)
            self.text(*((0, y + 14) if self.narrow else (0, top + 15)), label)
            self.box(left, top, room, 20, "track")
            self.box(left, top, bar.value / most * room, 20, "bar")
            end = bar.value
            if bar.low is not None and bar.high is not None:
                low, high = (left + at / most * room for at in (bar.low, bar.high))
                self.path([(low, top + 10), (high, top + 10)], "whisker")
                for at in (low, high):
                    self.path([(at, top + 5), (at, top + 15)], "whisker")
                end = bar.high
            at = left + room if chart.kind == "share" else left + end / most * room
            self.text(at + 10, top + 15, bar.text)
            y += step
        return y + 4

    def lines(self, chart: LineChart) -> float:
        columns = 1 if self.narrow or len(chart.panels) == 1 else 2
        wide = (self.wide - (columns - 1) * _GAP) / columns
        high = _PANEL + 60
        for place, panel in enumerate(chart.panels):
            self.panel(
                panel, chart.periods, place % columns * (wide + _GAP), place // columns * high, wide
            )
        return -(-len(chart.panels) // columns) * high

    def panel(
        self, panel: LinePanel, periods: Sequence[str], left: float, top: float, wide: float
    ) -> None:
        values = [*panel.past, *panel.expected, *(at for band in panel.bands for at in band.high)]
        most = _nice(max((value for value in values if value is not None), default=1.0))
        self.text(left, top + 14, cut(panel.title, wide / _LETTER, _TEXT), "strong")
        base, start = top + 30 + _PANEL, left + 8 + _wide(f"{most:,.4g}", _SMALL)
        step = (left + wide - start - 8) / max(len(periods) - 1, 1)

        def points(line: Sequence[float | None]) -> list[tuple[float, float]]:
            return [
                (start + place * step, base - value / most * _PANEL)
                for place, value in enumerate(line)
                if value is not None
            ]

        self.axis(start, left + wide, base, _PANEL, most)
        for band in sorted(panel.bands, key=lambda band: -band.probability):
            self.path([*points(band.low), *reversed(points(band.high))], "band", closed=True)
        for line, look in ((panel.past, "line"), (panel.expected, "line expected")):
            if at := points(line):
                self.path(at, look)
        room = int((wide - 40) // (_wide(periods[-1], _SMALL) + 18))
        every = max(1, -(-len(periods) // max(room, 1)))
        for place in range(len(periods) - 1, -1, -every):
            anchor = "end" if place == len(periods) - 1 else "middle" if place else "start"
            self.text(start + place * step, base + 16, periods[place], "small", anchor)

    def heat(self, chart: HeatMap) -> float:
        left = (
            max(_wide(name, _SMALL) for name in (chart.corner, *(name for name, _ in chart.rows)))
            + 8
        )
        wide, high = min((self.wide - left) / max(len(chart.columns), 1), _CELL), 26.0
        shares = [cell.ratio.share or 0 for _, cells in chart.rows for cell in cells if cell]
        most = max(shares, default=0) or 1.0
        self.text(0, 15, chart.corner, "small")
        for place, name in enumerate(chart.columns):
            self.text(left + (place + 0.5) * wide, 15, name, "small", "middle")
        for row, (name, cells) in enumerate(chart.rows):
            y = 22 + row * high
            self.text(0, y + 17, name, "small")
            for place, cell in enumerate(cells):
                if cell is None or cell.ratio.share is None:
                    continue
                x, share = left + place * wide, cell.ratio.share
                self.box(x + 1, y + 1, wide - 2, high - 2, "heat", 0.06 + 0.4 * share / most)
                if not cell.complete:
                    self.hatch(x + 1, y + 1, wide - 2, high - 2)
                shown = f"{share * 100:.0f}" if wide < 38 else percent(share)
                self.text(
                    x + wide / 2,
                    y + 17,
                    shown,
                    "cell" if cell.complete else "cell open",
                    "middle",
                )
        base = 22 + len(chart.rows) * high + 20
        self.box(0, base - 11, 22, 14, "heat", 0.06)
        self.hatch(0, base - 11, 22, 14)
        what = "not everybody was watched for so long: it can grow"
        self.text(28, base, what if self.narrow else f"hatched: {what}", "small")
        return base + 10

    def hatch(self, x: float, y: float, w: float, h: float) -> None:
        """Slanted lines over a box."""
        at = x - h + 6
        while at < x + w:
            begin, end = max(at, x), min(at + h, x + w)
            self.path([(begin, y + h - (begin - at)), (end, y + h - (end - at))], "hatch")
            at += 6

    def what_if(self, chart: WhatIfPanels) -> float:
        wide = self.wide if self.narrow else (self.wide - _GAP) / 2
        self.text(0, 14, cut(f"{chart.title} per week", wide / _LETTER, _TEXT), "strong")
        bottom = self.weekly(chart, wide)
        left, top = (0.0, bottom + 20) if self.narrow else (wide + _GAP, 0.0)
        title = "Added (up) and lost (down), by what really became of them"
        self.text(left, top + 14, title, "strong")
        bottom = max(bottom, self.mirrored(chart, left, top + 22, wide))
        caveat = "What would have become of the added, nobody knows"
        self.text(left, bottom + 10, cut(caveat, wide / _LETTER, _SMALL), "small")
        return bottom + 18

    def weekly(self, chart: WhatIfPanels, wide: float) -> float:
        """Entries per week by value, with the capacity as a line."""
        high, top = 200.0, 40.0
        most = _nice(max(*chart.entries, chart.capacity or 0))
        start, base = 8 + _wide(f"{most:,.4g}", _SMALL), top + high
        self.axis(start, wide, base, high, most)
        step = (wide - start) / len(chart.values)
        for place, (value, entries) in enumerate(zip(chart.values, chart.entries, strict=True)):
            x, tall = start + place * step, entries / most * high
            look = "current" if value == chart.current else "bar"
            self.box(x + step * 0.15, base - tall, step * 0.7, tall, look)
        if chart.capacity is not None:
            y = base - chart.capacity / most * high
            self.path([(start, y), (wide, y)], "limit")
            limit = f"capacity {chart.capacity:,.4g} per week"
            self.text(wide, y - 4, limit, "small strong halo", "end")
        for place in self.named(chart, step):
            x, tall = start + (place + 0.5) * step, chart.entries[place] / most * high
            number = f"{chart.entries[place]:,.3g}"
            self.text(x, base - tall - 4, number, "small halo", "middle")
        return self.values(chart, start, base, wide)

    def mirrored(self, chart: WhatIfPanels, left: float, top: float, wide: float) -> float:
        """Bars upwards of those added and downwards of those lost, stacked by outcome."""
        outcomes = list(dict.fromkeys([*chart.added, *chart.lost]))
        x, y = left, top + 14
        for place, name in enumerate(outcomes):
            if x > left and x + _wide(name, _SMALL) + 30 > left + wide:
                x, y = left, y + 18
            self.box(x, y - 10, 12, 12, f"outcome o{place % _OUTCOMES}")
            self.text(x + 17, y, name, "small")
            x += _wide(name, _SMALL) + 34
        half, middle = 90.0, y + 112
        added, lost = _sums(chart.added, chart), _sums(chart.lost, chart)
        most = _nice(max(*added, *lost))
        start = left + 8 + _wide(f"{most:,.4g}", _SMALL)
        self.axis(start, left + wide, middle, half, most)
        self.text(start - 5, middle + half + 4, f"{most:,.4g}", "small", "end")
        step = (left + wide - start) / len(chart.values)
        for side, way in ((chart.added, -1), (chart.lost, 1)):
            reached = [0.0] * len(chart.values)
            for place, name in enumerate(outcomes):
                for at, count in enumerate(side.get(name, ())):
                    tall = count / most * half
                    y = middle + way * reached[at] - (tall if way < 0 else 0)
                    self.box(
                        start + at * step + step * 0.15,
                        y,
                        step * 0.7,
                        tall,
                        f"outcome o{place % _OUTCOMES}",
                    )
                    reached[at] += tall
        for place in self.named(chart, step):
            x = start + (place + 0.5) * step
            for counts, y, way in ((added, -4, -1), (lost, 12, 1)):
                if counts[place]:
                    end = middle + way * counts[place] / most * half
                    self.text(x, end + y, f"{counts[place]:,}", "small halo", "middle")
        return self.values(chart, start, middle + half + 12, left + wide)

    def values(self, chart: WhatIfPanels, start: float, base: float, right: float) -> float:
        """The values of the setting below a panel; returns where that ends."""
        step = (right - start) / len(chart.values)
        for place in self.named(chart, step):
            x, value = start + (place + 0.5) * step, chart.values[place]
            self.text(x, base + 16, value, "small", "middle")
            if value == chart.current:
                self.text(x, base + 28, "now", "small strong", "middle")
        setting = cut(chart.setting, (right - start) / _LETTER, _SMALL)
        self.text((start + right) / 2, base + 44, setting, "small", "middle")
        return base + 52

    def named(self, chart: WhatIfPanels, step: float) -> range:
        """The places of the values whose names and numbers have room, and of the present one."""
        sums = *_sums(chart.added, chart), *_sums(chart.lost, chart)
        numbers = *(f"{number:,.3g}" for number in chart.entries), *(f"{sum_:,}" for sum_ in sums)
        names = *chart.values, *numbers
        every = ceil((max(_wide(name, _SMALL) for name in names) + 4) / step)
        now = chart.values.index(chart.current) if chart.current in chart.values else 0
        return range(now % every, len(chart.values), every)


def _sums(side: Mapping[str, Sequence[int]], chart: WhatIfPanels) -> list[int]:
    return [sum(counts) for counts in zip(*side.values(), strict=True)] or [0] * len(chart.values)


def _wide(text: str, size: float = _TEXT) -> float:
    """The width of a text, with room for wider letters of another font."""
    return width(text, size) * _LETTER


def _nice(most: float) -> float:
    """A round number that is not below ``most``, such as 15, 20 or 30."""
    if most <= 0:
        return 1.0
    power = 10.0 ** floor(log10(most))
    return next(
        step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= most * 0.999
    )
