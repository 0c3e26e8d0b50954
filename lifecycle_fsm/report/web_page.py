"""A report as one self-contained page, light and dark, for a screen, a phone and paper."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle_fsm.document import render_html
from lifecycle_fsm.document.blocks import (
    Block,
    BulletList,
    DataTable,
    Document,
    Group,
    KeyValue,
    Paragraph,
    Picture,
    Section,
    TableRow,
    strong,
)
from lifecycle_fsm.funnel.conversion import FEW
from lifecycle_fsm.report.chart_svg import NARROW, STYLE, chart_svg
from lifecycle_fsm.report.content import Report, ReportPart, ReportTable

#: How many people a list shows; the workbook and the tables have all.
SHOWN = 50


def write_page(report: Report) -> bytes:
    """The page as a file.

    Raises:
        MissingExtra: Jinja or Graphviz is not installed.
    """
    blocks = tuple(_blocks(report))
    document = Document(
        title=report.title,
        facts=tuple(KeyValue(name, text) for name, text in report.facts),
        links=tuple((block.id, block.title) for block in blocks),
        blocks=blocks,
    )
    page = render_html(document, title=report.title, style=STYLE.read_text("utf-8"))
    return page.encode()


def _blocks(report: Report) -> Iterator[Section]:
    if report.findings:
        findings = BulletList([f"{text}." for text, _ in report.findings])
        yield Section(title="In short", id="short", blocks=(findings,))
    if report.picture is not None and report.phone is not None:
        picture = Picture(
            title="Picture of the funnel", svg=report.picture.svg(), narrow=report.phone.svg()
        )
        yield Section(title="The picture", id="picture", blocks=(picture,))
    for part in report.parts:
        yield Section(
            title=part.title,
            id=part.name,
            note=f"{part.definition}.",
            blocks=tuple(_of_part(part, report)),
        )
    notes = (
        f"* A share of fewer than {FEW}: one more or less moves it by over three points.",
        *(f"{note}." for note in report.notes),
    )
    yield Section(title="To know", id="notes", blocks=(BulletList(notes),))


def _of_part(part: ReportPart, report: Report) -> Iterator[Block]:
    for chart in part.charts:
        svg, narrow = chart_svg(chart), chart_svg(chart, NARROW)
        picture = Picture(title=chart.title, svg=svg, narrow=narrow)
        yield Group(style="titled", blocks=(Paragraph(strong(chart.title)), picture))
    for table in part.tables:
        if table.rows:
            yield _table(table, report.zone)


def _table(table: ReportTable, zone: str) -> DataTable:
    rows = table.rows[:SHOWN] if table.people else table.rows
    notes = list(table.notes)
    if len(rows) < len(table.rows):
        more = len(table.rows) - len(rows)
        notes.append(f"{more:,} more are in the workbook and in the tables as files.")
    return DataTable(
        head=tuple(column.title for column in table.columns),
        rows=tuple(
            TableRow([table.text(column, row, zone) for column in table.columns]) for row in rows
        ),
        align=tuple("number" if column.is_number else "left" for column in table.columns),
        title=table.title if notes else "",
        caption=" ".join(notes),
        label=table.title,
        style="stack" if table.people else "wide",
        row_heads=True,
    )
