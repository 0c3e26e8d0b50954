"""A report as a workbook: a sheet for each measure, with live formulas, filters and a print set-up.

The same report gives the same bytes. No text becomes a formula or a link, whatever it begins with.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from textwrap import wrap
from typing import Any

from lifecycle_fsm.errors import MissingExtra
from lifecycle_fsm.funnel.conversion import FEW
from lifecycle_fsm.report.content import (
    CellValue,
    HeatMap,
    Kind,
    Report,
    ReportColumn,
    ReportPart,
    ReportTable,
)
from lifecycle_fsm.spreadsheet import is_run
from lifecycle_fsm.wording import clean
from lifecycle_fsm.zones import find_zone

_DATE = datetime(1980, 1, 1)  # noqa: DTZ001 - the earliest that an archive can hold
_INK, _SOFT, _RULE, _TINT, _ACCENT = "#0F172A", "#475569", "#DBE2EA", "#F1F5F9", "#1D4ED8"
_FORMATS: dict[Kind, str] = {
    "text": "@",
    "count": "#,##0",
    "number": "#,##0.0",
    "share": "0.0%",
    "days": "[<-0.1]-#,##0.0;[<0.1]0.000;#,##0.0",  # minutes are not nothing
    "money": "#,##0.00",
    "time": "yyyy-mm-dd hh:mm",
}
_NARROWEST, _WIDEST, _LINE = 9, 44, 130
_PICTURE = 1050, 700  # pixels: a page in landscape
_PAGE = 32  # rows of a page
_BOLD = 1.15  # the width of a bold letter
_NAME = 31  # the longest that Excel allows
_NOT_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\", None))


def write_workbook(report: Report) -> bytes:
    """The workbook as a file.

    Raises:
        MissingExtra: XlsxWriter, or Graphviz for the picture, is not installed.
    """
    try:
        import xlsxwriter
    except ImportError:
        raise MissingExtra("xlsx", "XlsxWriter", "writing a workbook") from None
    file = io.BytesIO()
    options = {
        "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_format_properties": {"font_name": "Arial", "font_size": 10},
    }  # fmt: skip
    book = xlsxwriter.Workbook(file, options)
    book.set_properties({"title": report.title, "author": "lifecycle_fsm", "created": _DATE})
    book.set_size(2400, 1500)
    _Workbook(book, report).write()
    book.close()
    return file.getvalue()


class _Workbook:
    """Writes the sheets of one report."""

    def __init__(self, book: Any, report: Report) -> None:
        self.book, self.report, self.zone = book, report, find_zone(report.zone)
        self.looks: dict[tuple[tuple[str, Any], ...], Any] = {}

    def look(self, **changes: Any) -> Any:
        """The format with these properties, made once."""
        key = tuple(sorted(changes.items()))
        if key not in self.looks:
            usual = {"font_name": "Arial", "font_size": 10, "font_color": _INK, "valign": "top"}
            self.looks[key] = self.book.add_format(usual | changes)
        return self.looks[key]

    def write(self) -> None:
        """Write the read-me, then the sheets of each part."""
        front = self.book.add_worksheet("Read me")
        index = [entry for part in self.report.parts for entry in self._part(part)]
        self._read_me(front, index)

    def _text(self, sheet: Any, row: int, column: int, text: str, **look: Any) -> None:
        """A text that stays one, also when somebody edits its cell."""
        text = clean(text)[:32_767]
        if is_run(text):
            look["quote_prefix"] = True
        sheet.write_string(row, column, text, self.look(**look))

    # -- the first sheet

    def _read_me(self, sheet: Any, index: Sequence[tuple[str, str]]) -> None:
        report = self.report
        sheet.hide_gridlines(2)
        sheet.set_default_row(15)
        sheet.set_column(0, 0, 27)
        sheet.set_column(1, 1, _LINE)
        self._text(sheet, 0, 0, report.title, bold=True, font_size=18)
        sheet.set_row(0, 28)
        row = 2
        for name, fact in report.facts:
            self._text(sheet, row, 0, name, font_color=_SOFT)
            self._line(sheet, row, fact)
            row += 1
        row = self._listed(sheet, row + 1, "In short", [text for text, _ in report.findings])
        self._text(sheet, row + 1, 0, "On the sheets", bold=True, font_size=12)
        row += 2
        for name, text in index:
            link = self.look(font_color=_ACCENT, underline=1)
            sheet.write_url(row, 0, f"internal:'{name}'!A1", link, name)
            self._line(sheet, row, f"{text}.")
            row += 1
        notes = (
            f"Times are those of {report.zone}, and lengths of time are in days.",
            f"A share in grey italics is of fewer than {FEW}: one more or less moves it by over "
            "three points.",
            *report.notes,
        )
        row = self._listed(sheet, row + 1, "To know", notes)
        if report.picture is not None:
            sheet.set_h_pagebreaks([row + 1])
            self._picture(sheet, row + 1)
        self._print(sheet)

    def _listed(self, sheet: Any, row: int, title: str, lines: Sequence[str]) -> int:
        if not lines:
            return row
        self._text(sheet, row, 0, title, bold=True, font_size=12)
        for place, line in enumerate(lines):
            self._line(sheet, row + place, f"{line.rstrip('.')}.")
        return row + len(lines)

    def _line(self, sheet: Any, row: int, text: str) -> None:
        """A text beside its title, in a row that is high enough for it."""
        self._text(sheet, row, 1, text, text_wrap=True)
        if (lines := len(wrap(text, round(_LINE * 1.2)))) > 1:
            sheet.set_row(row, 13 * lines)

    def _picture(self, sheet: Any, row: int) -> None:
        """The funnel below everything else, so that it hides nothing and is on one page."""
        picture = self.report.picture
        assert picture is not None
        content = picture.png()
        size = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
        scale = min(room / length for room, length in zip(_PICTURE, size, strict=True))
        sheet.insert_image(
            row, 0, "funnel.png",
            {
                "image_data": io.BytesIO(content), "x_scale": scale, "y_scale": scale,
                "description": picture.description[:2000], "object_position": 3,
            },
        )  # fmt: skip

    # -- the others

    def _part(self, part: ReportPart) -> Iterator[tuple[str, str]]:
        """Write a part; returns the names of its sheets, and what is on them.

        A table that is longer than a page has a sheet of its own, on which its head stays in sight
        and stands on each page.
        """
        filled = [table for table in part.tables if table.rows]
        maps = [chart for chart in part.charts if isinstance(chart, HeatMap)]
        apart = [table for table in filled if table.people or len(table.rows) > _PAGE]
        short = [table for table in filled if table not in apart]
        first: list[ReportTable | HeatMap] = [*short, *maps]
        if first:
            yield self._sheet(part.title, part, first), part.definition
        for table in apart:
            title = "All rows" if table.title == part.title else table.title
            if not title.startswith(part.title):
                title = f"{part.title.rstrip('?')}: {title[:1].lower()}{title[1:]}"
            if not first and len(apart) == 1:
                title = part.title
            alone = not first and table is apart[0]
            yield self._sheet(title, part, [table]), part.definition if alone else title

    def _sheet(self, title: str, part: ReportPart, blocks: Sequence[ReportTable | HeatMap]) -> str:
        """Write tables and maps below each other, none of which is parted by the end of a page;
        returns the name of the sheet."""
        name = title.translate(_NOT_IN_NAMES)[:_NAME].strip()
        sheet = self.book.add_worksheet(name)
        sheet.hide_gridlines(2)
        sheet.set_default_row(15)
        self._text(sheet, 0, 0, title, bold=True, font_size=14)
        self._text(sheet, 1, 0, f"{part.definition}.", font_color=_SOFT)
        widths = self._widths(blocks)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        alone = len(blocks) == 1 and isinstance(blocks[0], ReportTable)
        if alone:
            sheet.freeze_panes(4, 1)
            sheet.repeat_rows(3)
        row, breaks = 3, [0]
        for block in blocks:
            if row > 3 and row - breaks[-1] + len(block.rows) > _PAGE:
                breaks.append(row)
            if not alone:
                self._text(sheet, row, 0, block.title, bold=True, font_size=12)
                row += 1
            if isinstance(block, HeatMap):
                row = self._heat(sheet, row, block) + 2
            else:
                row = self._table(sheet, row, block, widths) + 1
        sheet.set_h_pagebreaks(breaks[1:])
        self._print(sheet)
        return name

    def _widths(self, blocks: Iterable[ReportTable | HeatMap]) -> list[int]:
        """The widths of the columns in letters; heads are wrapped between words."""
        needs: dict[int, int] = {}

        def need(place: int, head: str, texts: Iterable[str]) -> None:
            word = max(map(len, [*head.split(), head[: len(head) // 3]])) * _BOLD
            longest = max(map(len, texts), default=0)
            needs[place] = max(needs.get(place, 0), round(word) + 2, longest + 2)

        for block in blocks:
            if isinstance(block, HeatMap):
                need(0, block.corner, (name for name, _ in block.rows))
                for place, head in enumerate(("Journeys", *block.columns), 1):
                    need(place, head, ())
                continue
            for place, column in enumerate(block.columns):
                texts = [block.text(column, row, self.report.zone) for row in block.rows]
                need(place, _head(column), texts)
        return [max(_NARROWEST, min(needs[place], _WIDEST)) for place in range(len(needs))]

    def _table(self, sheet: Any, top: int, table: ReportTable, widths: Sequence[int]) -> int:
        """Write a table whose head is in row ``top``; returns the row below its notes."""
        last = top + len(table.rows)
        heads = [_head(column) for column in table.columns]
        look = {"bold": True, "bg_color": _TINT, "bottom": 1, "bottom_color": _SOFT}
        look["text_wrap"] = True
        sheet.add_table(
            top, 0, last, len(heads) - 1,
            {
                "name": f"t_{table.name}", "style": None,
                "columns": [
                    {"header": head, "header_format": self.look(**look, **_align(column))}
                    for head, column in zip(heads, table.columns, strict=True)
                ],
            },
        )  # fmt: skip
        lines = (len(wrap(head, widths[place])) for place, head in enumerate(heads))
        # The button of a filter covers the end of the last line.
        sheet.set_row(top, 13 * (max(lines) + 1))
        for at, row in enumerate(table.rows, top + 1):
            for place, column in enumerate(table.columns):
                self._cell(sheet, at, place, table, column, row)
        for place, column in enumerate(table.columns):
            if column.of is not None:
                whole = f"${_letter(table.place(column.of[1]))}{top + 2}"
                rule = {
                    "type": "formula", "criteria": f"=AND({whole}>0,{whole}<{FEW})",
                    "format": self.book.add_format({"font_color": "#64748B", "italic": True}),
                }  # fmt: skip
                sheet.conditional_format(top + 1, place, last, place, rule)
        # A row is left free: sorting takes what touches a table for a part of it.
        for place, note in enumerate(table.notes, last + 2):
            self._text(sheet, place, 0, note, font_color=_SOFT)
        return last + 2 + len(table.notes)

    def _cell(
        self, sheet: Any, at: int, place: int, table: ReportTable, column: ReportColumn,
        row: Sequence[CellValue],
    ) -> None:  # fmt: skip
        value = row[place]
        look = {"bottom": 1, "bottom_color": _RULE, **_align(column)}
        if isinstance(value, str):
            self._text(sheet, at, place, value, **look)
            return
        form = self.look(**look, num_format=_FORMATS[column.kind])
        if column.of is not None and table.ratio(column, row) is not None:
            part, whole = (f"{_letter(table.place(name))}{at + 1}" for name in column.of)
            formula = f'=IF({whole}=0,"",{part}/{whole})'
            sheet.write_formula(at, place, formula, form, "" if value is None else value)
            return
        match value:
            case None:
                sheet.write_blank(at, place, None, form)
            case datetime():
                local = value.astimezone(self.zone).replace(tzinfo=None)
                sheet.write_datetime(at, place, local, form)
            case timedelta():
                sheet.write_number(at, place, value / timedelta(days=1), form)
            case _:
                sheet.write_number(at, place, value, form)

    def _heat(self, sheet: Any, top: int, chart: HeatMap) -> int:
        """Write shares on a scale of colours; a share that can still grow is hatched."""
        head: dict[str, Any] = {"bold": True, "bg_color": _TINT, "bottom": 1, "text_wrap": True}
        for place, name in enumerate((chart.corner, "Journeys", *chart.columns)):
            self._text(sheet, top, place, name, **head, align="right" if place else "left")
        shares = [each.ratio.share or 0 for _, cells in chart.rows for each in cells if each]
        scale = {
            "type": "2_color_scale", "min_type": "num", "max_type": "num", "min_value": 0,
            "max_value": max(shares, default=0), "min_color": "#FFFFFF", "max_color": "#7FB2F0",
        }  # fmt: skip
        open_look = {
            "pattern": 14, "fg_color": "#94A3B8", "bg_color": "#FFFFFF", "italic": True,
        }  # fmt: skip
        for at, (name, cells) in enumerate(chart.rows, top + 1):
            self._text(sheet, at, 0, name)
            known = next((cell.ratio.whole for cell in cells if cell is not None), None)
            if known is not None:
                sheet.write_number(at, 1, known, self.look(num_format="#,##0"))
            for place, cell in enumerate(cells, 2):
                if cell is None or cell.ratio.share is None:
                    continue
                look = self.look(num_format=_FORMATS["share"], **{} if cell.complete else open_look)
                formula = f"={cell.ratio.part}/$B{at + 1}"
                sheet.write_formula(at, place, formula, look, cell.ratio.share)
                if cell.complete:
                    sheet.conditional_format(at, place, at, place, scale)
        last = top + 1 + len(chart.rows)
        note = "Hatched: not every journey of the row was watched for so long; the share can grow."
        self._text(sheet, last, 0, note, font_color=_SOFT)
        return last + 1

    def _print(self, sheet: Any) -> None:
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(0.4, 0.4, 0.5, 0.6)
        title = clean(self.report.title).replace("&", "&&")[:100]
        sheet.set_footer(f"&L&8{title}: &A&R&8&P / &N")


def _head(column: ReportColumn) -> str:
    return f"{column.title} (days)" if column.kind == "days" else column.title


def _align(column: ReportColumn) -> dict[str, Any]:
    """The side of a cell, with room between a text and a number to its left."""
    return {"align": "right"} if column.is_number else {"align": "left", "indent": 1}


def _letter(place: int) -> str:
    """The letters of a column: A, B, …, AA."""
    from xlsxwriter.utility import xl_col_to_name

    return str(xl_col_to_name(place))
