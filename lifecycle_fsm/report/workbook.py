"""A report as a workbook: a sheet for each measure, with live formulas, filters and a print set-up.

The same report gives the same bytes. No text becomes a formula or a link, whatever it begins with.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime, timedelta
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
    "days": "#,##0.0",
    "money": "#,##0.00",
    "time": "yyyy-mm-dd hh:mm",
}
_NARROWEST, _WIDEST = 9, 44
_PICTURE_WIDTH = 980  # pixels
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
        """Write the read-me, then a sheet for each part."""
        front = self.book.add_worksheet("Read me")
        names = {part.name: self._sheet(part) for part in self.report.parts}
        self._read_me(front, names)

    def _text(self, sheet: Any, row: int, column: int, text: str, **look: Any) -> None:
        """A text that stays one, also when somebody edits its cell."""
        text = clean(text)[:32_767]
        if is_run(text):
            look["quote_prefix"] = True
        sheet.write_string(row, column, text, self.look(**look))

    # -- the first sheet

    def _read_me(self, sheet: Any, names: dict[str, str]) -> None:
        report = self.report
        sheet.hide_gridlines(2)
        sheet.set_default_row(15)
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 128)
        self._text(sheet, 0, 0, report.title, bold=True, font_size=18)
        sheet.set_row(0, 28)
        row = 2
        for name, fact in report.facts:
            self._text(sheet, row, 0, name, font_color=_SOFT)
            self._text(sheet, row, 1, fact, text_wrap=True)
            row += 1
        row = self._listed(sheet, row + 1, "In short", [text for text, _ in report.findings])
        if report.picture is not None:
            row = self._picture(sheet, row + 1)
        self._text(sheet, row + 1, 0, "On the sheets", bold=True, font_size=12)
        row += 2
        for part in report.parts:
            link = self.look(font_color=_ACCENT, underline=1)
            name = names[part.name]
            sheet.write_url(row, 0, f"internal:'{name}'!A1", link, name)
            self._text(sheet, row, 1, f"{part.definition}.", text_wrap=True)
            row += 1
        notes = (
            f"Times are those of {report.zone}, and lengths of time are in days.",
            f"A share in grey italics is of fewer than {FEW}: one more or less moves it by over "
            "three points.",
            *report.notes,
        )
        self._listed(sheet, row + 1, "To know", notes)
        self._print(sheet)

    def _listed(self, sheet: Any, row: int, title: str, lines: Sequence[str]) -> int:
        if not lines:
            return row
        self._text(sheet, row, 0, title, bold=True, font_size=12)
        for place, line in enumerate(lines):
            self._text(sheet, row + place, 1, f"{line.rstrip('.')}.", text_wrap=True)
        return row + len(lines)

    def _picture(self, sheet: Any, row: int) -> int:
        """The funnel, as wide as the page; returns the row below it."""
        picture = self.report.picture
        assert picture is not None
        scale = _PICTURE_WIDTH / picture.canvas.width
        sheet.insert_image(
            row, 0, "funnel.png",
            {
                "image_data": io.BytesIO(picture.png()),
                "x_scale": scale, "y_scale": scale,
                "description": picture.description[:2000], "object_position": 3,
            },
        )  # fmt: skip
        return row + int(picture.canvas.height * scale / 20) + 2

    # -- the others

    def _sheet(self, part: ReportPart) -> str:
        name = part.title.translate(_NOT_IN_NAMES)[:_NAME]
        sheet = self.book.add_worksheet(name)
        sheet.hide_gridlines(2)
        sheet.set_default_row(15)
        self._text(sheet, 0, 0, part.title, bold=True, font_size=14)
        self._text(sheet, 1, 0, f"{part.definition}.", font_color=_SOFT)
        row, widths = 3, dict[int, int]()
        filled = [table for table in part.tables if table.rows]
        maps = [chart for chart in part.charts if isinstance(chart, HeatMap)]
        for table in filled:
            if len(filled) > 1:
                self._text(sheet, row, 0, table.title, bold=True, font_size=12)
                row += 1
            if table is filled[0]:
                sheet.freeze_panes(row + 1, 1)
                if len(filled) == 1 and not maps:  # else a page may show what is below
                    sheet.repeat_rows(row)
            row = self._table(sheet, row, table, widths) + 1
        for chart in maps:
            row = self._heat(sheet, row, chart, widths) + 2
        for place, width in widths.items():
            sheet.set_column(place, place, max(_NARROWEST, min(width + 2, _WIDEST)))
        self._print(sheet)
        return name

    def _table(self, sheet: Any, top: int, table: ReportTable, widths: dict[int, int]) -> int:
        """Write a table whose head is in row ``top``; returns the row below its notes."""
        last = top + len(table.rows)
        heads = [_head(column) for column in table.columns]
        look = {
            "bold": True,
            "bg_color": _TINT,
            "bottom": 1,
            "bottom_color": _SOFT,
            "text_wrap": True,
        }
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
        longest = max(_lines_of(head) for head in heads)
        sheet.set_row(top, 15 * longest)
        for at, row in enumerate(table.rows, top + 1):
            for place, column in enumerate(table.columns):
                self._cell(sheet, at, place, table, column, row)
        for place, column in enumerate(table.columns):
            texts = (len(table.text(column, row, self.report.zone)) for row in table.rows)
            # The head is wrapped, and has a button for its filter.
            need = max(max(map(len, heads[place].split())) + 3, len(heads[place]) // 3 + 3, *texts)
            widths[place] = max(widths.get(place, 0), need)
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

    def _heat(self, sheet: Any, top: int, chart: HeatMap, widths: dict[int, int]) -> int:
        """Write shares on a scale of colours; a share that can still grow is hatched."""
        self._text(sheet, top, 0, chart.title, bold=True, font_size=12)
        head: dict[str, Any] = {"bold": True, "bg_color": _TINT, "bottom": 1, "text_wrap": True}
        for place, name in enumerate((chart.corner, "Journeys", *chart.columns)):
            self._text(sheet, top + 1, place, name, **head, align="right" if place else "left")
            widths[place] = max(widths.get(place, 0), len(name) // 2 + 2)
        for at, (name, cells) in enumerate(chart.rows, top + 2):
            self._text(sheet, at, 0, name)
            widths[0] = max(widths[0], len(name))
            known = next((cell.ratio.whole for cell in cells if cell is not None), None)
            if known is not None:
                sheet.write_number(at, 1, known, self.look(num_format="#,##0"))
            for place, cell in enumerate(cells, 2):
                if cell is None or cell.ratio.share is None:
                    continue
                look: dict[str, Any] = {"num_format": "0.0%"}
                if not cell.complete:
                    look |= {
                        "pattern": 14,
                        "fg_color": "#94A3B8",
                        "bg_color": "#FFFFFF",
                        "italic": True,
                    }
                part, whole = cell.ratio.part, f"$B{at + 1}"
                sheet.write_formula(
                    at, place, f"={part}/{whole}", self.look(**look), cell.ratio.share
                )
                if cell.complete:
                    self._colored(sheet, at, place, top, chart)
        last = top + 2 + len(chart.rows)
        note = "Hatched: not every journey of the row was watched for so long; the share can grow."
        self._text(sheet, last, 0, note, font_color=_SOFT)
        return last + 1

    def _colored(self, sheet: Any, at: int, place: int, top: int, chart: HeatMap) -> None:
        shares = [
            cell.ratio.share or 0 for _, cells in chart.rows for cell in cells if cell is not None
        ]
        rule = {
            "type": "2_color_scale", "min_type": "num", "max_type": "num", "min_value": 0,
            "max_value": max(shares), "min_color": "#FFFFFF", "max_color": "#7FB2F0",
        }  # fmt: skip
        sheet.conditional_format(at, place, at, place, rule)

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


def _lines_of(head: str) -> int:
    """How many lines the head of a column takes, about."""
    return 1 if len(head) <= _NARROWEST + 2 else 2 if len(head) <= 26 else 3
