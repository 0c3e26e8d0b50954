"""Reports of a made-up history, with texts that must not get out of their cells."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import attrs

from lifecycle_fsm.demo.histories import END, START, history
from lifecycle_fsm.funnel import FunnelReport, measure, observe, on_picture
from lifecycle_fsm.model import load
from lifecycle_fsm.report import Report, ReportChapter, make_report

MODEL = load("waterfall")
ROWS = tuple(
    attrs.evolve(row, source="web" if row.person < "p00250" else "event")
    for row in history(MODEL, 400)
)
#: What somebody may have written into a form.
EVIL = ("=1+1", "+A1", "-A1", "@SUM(A1)", "'=1", "<b>bold</b>&amp;", "http://example.com/", "12.5")


def _somebody(place: int, name: str) -> SimpleNamespace:
    return SimpleNamespace(
        id=name, first_name=EVIL[place % len(EVIL)], last_name="", company="=HYPERLINK(A1)",
        email=f"{name}@example.com", owner="ann", assigned_to="bob",
    )  # fmt: skip


PEOPLE = tuple(
    _somebody(place, name) for place, name in enumerate(sorted({row.person for row in ROWS}))
)


def measured(**settings: Any) -> FunnelReport:
    usual: dict[str, Any] = {"zone": "Europe/Berlin", "every": "month", "people": PEOPLE}
    return measure(ROWS, MODEL, **usual | {"window": (START, None)} | settings)


def chapter(labels: dict[str, str] | None = None, **settings: Any) -> ReportChapter:
    numbers = measured(**settings)
    scope = observe(
        ROWS, MODEL, window=numbers.window, until=numbers.until, zone=numbers.zone,
        where=numbers.where,
    )  # fmt: skip
    return ReportChapter(measured=numbers, counts=on_picture(scope), labels=labels or {})


@cache
def whole() -> Report:
    """With every measure."""
    return make_report(MODEL, [chapter(compare=START + (END - START) / 2)])


@cache
def in_segments() -> Report:
    """All journeys, and those of one source."""
    labels = [{"Segment": name, "Window": "always"} for name in ("Everybody", "Web")]
    return make_report(MODEL, [chapter(labels[0]), chapter(labels[1], where="source == 'web'")])


# ------------------------------------------------------------------ a workbook, opened again

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def sheets(content: bytes) -> dict[str, ElementTree.Element]:
    """The sheets of a workbook, by name."""
    with zipfile.ZipFile(BytesIO(content)) as book:
        names = ElementTree.fromstring(book.read("xl/workbook.xml")).iter(f"{_MAIN}sheet")
        return {
            str(name.get("name")): ElementTree.fromstring(
                book.read(f"xl/worksheets/sheet{place}.xml")
            )
            for place, name in enumerate(names, 1)
        }


def cells(content: bytes, sheet: str) -> dict[str, tuple[str | float | None, str]]:
    """By address, the value of each cell and its formula."""
    with zipfile.ZipFile(BytesIO(content)) as book:
        strings = [
            "".join(part.text or "" for part in item.iter(f"{_MAIN}t"))
            for item in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
        ]
    return dict(_cells(sheets(content)[sheet], strings))


def _cells(
    sheet: ElementTree.Element, strings: list[str]
) -> Iterator[tuple[str, tuple[str | float | None, str]]]:
    for cell in sheet.iter(f"{_MAIN}c"):
        value, formula = cell.findtext(f"{_MAIN}v"), cell.findtext(f"{_MAIN}f") or ""
        match cell.get("t"), value:
            case "s", str():
                yield str(cell.get("r")), (strings[int(value)], formula)
            case None, str() if value:
                yield str(cell.get("r")), (float(value), formula)
            case _:
                yield str(cell.get("r")), (value, formula)


def column(content: bytes, sheet: str, title: str) -> list[tuple[str | float | None, str]]:
    """The cells below the first head with this title, up to the first empty one."""
    known = cells(content, sheet)
    # The first row is the title of the sheet.
    address = next(
        address for address, (value, _) in known.items() if value == title and address != "A1"
    )
    match = re.fullmatch(r"([A-Z]+)(\d+)", address)
    assert match is not None
    below = []
    row = int(match[2]) + 1
    while (cell := known.get(f"{match[1]}{row}")) is not None:
        below.append(cell)
        row += 1
    return below


__all__ = ["END", "EVIL", "MODEL", "PEOPLE", "ROWS", "START"]
