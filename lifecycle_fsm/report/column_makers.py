"""Columns of a report: their names and titles, and how a record gives their cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, TypeAlias

from lifecycle_fsm.report.content import CellValue, Kind, ReportColumn, ReportTable
from lifecycle_fsm.wording import plain, sentence

CellMaker: TypeAlias = Callable[[Any], CellValue]
"""Gives the cell of a record."""
ColumnSpec: TypeAlias = tuple[ReportColumn, CellMaker]
"""A column, and how a record gives its cell."""


def columns_of(
    kind: Kind, text: str, shown: CellMaker | None = None, *, visits: str | None = None,
    signed: bool = False,
) -> list[ColumnSpec]:  # fmt: skip
    """Columns of one kind, from ``attribute`` or ``attribute:Title_of_it`` each; ``shown`` may
    change their values. An attribute may be a path, whose last part is the name. For ``visits``
    and ``signed`` see :class:`.ReportColumn`."""
    specs = []
    for word in text.split():
        path, _, title = word.partition(":")
        name, get = path.rpartition(".")[2], attrgetter(path)
        title = title.replace("_", " ") or sentence(plain(name))
        column = ReportColumn(name, title, kind, visits=visits, signed=signed)
        specs.append((column, get if shown is None else _then(get, shown)))
    return specs


def _then(get: Callable[[Any], Any], shown: CellMaker) -> CellMaker:
    return lambda row: shown(get(row))


def made_column(
    name: str, title: str, kind: Kind, cell: CellMaker, **more: Any
) -> ColumnSpec:  # fmt: skip
    """One column; for ``more`` see :class:`.ReportColumn`."""
    return ReportColumn(name, title, kind, **more), cell


def ratio_columns(path: str, part: str, whole: str, title: str) -> tuple[ColumnSpec, ...]:
    """A ratio with its counts and its interval; the names of the columns follow their titles."""
    get = attrgetter(path)

    def limit(place: int) -> CellMaker:
        return lambda row: get(row).range[place] if get(row).range else None

    first, second, own = (
        text.lower().replace("'", "").replace(" ", "_") for text in (part, whole, title)
    )
    return (
        made_column(first, part, "count", attrgetter(f"{path}.part")),
        made_column(second, whole, "count", attrgetter(f"{path}.whole")),
        made_column(own, title, "share", attrgetter(f"{path}.share"), of=(first, second)),
        made_column(f"{own}_low", f"{title}: at least", "share", limit(0)),
        made_column(f"{own}_high", f"{title}: at most", "share", limit(1)),
    )


def table_of(
    name: str, title: str, rows: Iterable[Any], *specs: ColumnSpec, notes: Iterable[str] = (),
    people: bool = False,
) -> ReportTable:  # fmt: skip
    """A table with a row for each record."""
    return ReportTable(
        name=name, title=title, notes=tuple(notes), people=people,
        columns=tuple(column for column, _ in specs),
        rows=tuple(tuple(cell(row) for _, cell in specs) for row in rows),
    )  # fmt: skip
