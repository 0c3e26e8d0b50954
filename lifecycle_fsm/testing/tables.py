"""Guard tables: rows that say who moves where, for people who agree on rules to read and review.

A row says where somebody is and what is known of them, what is asked, and what must come of it::

    stage,demographic_score,behavior_score,moves to,note
    mal,20,64,stays,one point is missing
    mal,20,65,mql,the first score that is enough

Reading finds what is wrong with the table itself; what a model makes of a row is found when the
row is checked, :meth:`lifecycle_fsm.testing.Bench.check`.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.errors import FileProblem, suggest

#: The columns that are no fields: what is asked, what must come of it, and words for people.
EXPECTED = ("moves_to", "holds")
COLUMNS = ("stage", "trigger", "guard", *EXPECTED, "by", "note")
Source: TypeAlias = str | PathLike[str] | Iterable[Mapping[str, Any]]


@attrs.frozen
class GuardRow:
    """One row of a guard table.

    ``place`` says where it stands (``guards.csv:3``, ``rows[0]``); ``cells`` what is written there,
    by column, without the empty ones. Check it with :meth:`lifecycle_fsm.testing.Bench.check`.
    """

    place: str
    number: int
    cells: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.place}: {self.note}" if self.note else self.place

    @property
    def note(self) -> str:
        """The words for people."""
        return str(self.cells.get("note", ""))

    @property
    def id(self) -> str:
        """The name of its test, which has the number of the row and its note or what it says."""
        if self.note:
            return f"{self.number} {self.note}"
        said = (
            str(value) if name in COLUMNS else f"{name}={value}"
            for name, value in self.cells.items()
        )
        return f"{self.number} {' '.join(said)}"


def guard_table(source: Source) -> tuple[GuardRow, ...]:
    """The rows of a guard table.

    Args:
        source: a ``.csv`` or ``.toml`` file, or rows from Python, each a mapping of column to
            value. A TOML file has its rows as ``[[rows]]``.

    Columns are the fields of the person and of the visit (``days in stage``, ``journey`` …), and:

    - ``stage``: where the person is; ``trigger``: the process trigger that is asked, nothing for
      the system [S7]; ``moves to``: the stage afterwards, or ``stays``, ``refused``,
      ``no such move``; ``by``: the last move that was made;
    - ``guard``: a guard, named or written out, instead of a move; ``holds``: yes or no;
    - ``note``: words for people, and for the name of the test.

    Case does not count, nor whether words are joined by spaces or ``_``. An empty cell says
    nothing. ``missing`` is no value; ``$token`` and ``$token - 1`` are numbers of the model; times
    may be told from the clock: ``now``, ``90 days ago``, ``in 2 hours``.

    Raises:
        FileProblem: a file cannot be read, or rows say too little or too much; all of it is told.
    """
    if isinstance(source, str | PathLike):
        path = Path(source)
        rows = list(_read(path))
        name = str(path)
    else:
        rows, name = [(f"rows[{at}]", at, one) for at, one in enumerate(source)], "the table"
    if not rows:
        raise FileProblem(f"{name}: there are no rows: a test of nothing would pass")
    faults: list[str] = []
    found = [_row(place, number, cells, faults) for place, number, cells in rows]
    if faults:
        raise FileProblem("\n  ".join([f"{name} has {_count(faults)}:", *faults]))
    return tuple(found)


def _count(faults: Sequence[str]) -> str:
    return f"{len(faults)} problem{'s' if len(faults) != 1 else ''}"


_Raw: TypeAlias = tuple[str, int, Mapping[str, Any]]


def _read(path: Path) -> Iterator[_Raw]:
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileProblem(f"{path}: it is not UTF-8 text: {error}") from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise FileProblem(f"{path}: cannot read this guard table: {said}") from None
    if path.suffix == ".csv":
        yield from _csv(path, text)
    elif path.suffix == ".toml":
        yield from _toml(path, text)
    else:
        raise FileProblem(f"{path}: a guard table is a .csv or a .toml file")


def _csv(path: Path, text: str) -> Iterator[_Raw]:
    reader = csv.reader(text.splitlines(keepends=True))
    try:
        head = [one.strip() for one in next(reader, [])]
        for at, name in enumerate(head):
            if not name:
                raise FileProblem(f"{path}:1: column {at + 1} has no name: give it one, or drop it")
            if _column(name) in map(_column, head[:at]):
                raise FileProblem(f"{path}:1: the column {name!r} stands there twice")
        for cells in reader:
            number = reader.line_num
            if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
                continue
            if len(cells) > len(head):
                raise FileProblem(
                    f"{path}:{number}: {len(cells)} cells for {len(head)} columns: put quotes "
                    'around a cell that has a comma, "so, and so"'
                )
            yield f"{path}:{number}", number, dict(zip(head, cells, strict=False))
    except csv.Error as error:
        raise FileProblem(f"{path}:{reader.line_num}: this is not CSV: {error}") from None


def _toml(path: Path, text: str) -> Iterator[_Raw]:
    try:
        plain = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileProblem(f"{path}: this is not TOML: {error}") from None
    other = [name for name in plain if name != "rows"]
    if other:
        raise FileProblem(
            f"{path}: a guard table has nothing but [[rows]], and this has {', '.join(other)}"
            f"{suggest(other[0], ['rows'])}"
        )
    rows = plain.get("rows", [])
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise FileProblem(f"{path}: write each row as a table of its own, under [[rows]]")
    for at, cells in enumerate(rows):
        yield f"{path}: rows[{at}]", at, cells


def _column(name: str) -> str:
    return "_".join(name.strip().lower().replace("_", " ").split())


def _row(place: str, number: int, raw: Mapping[str, Any], faults: list[str]) -> GuardRow:
    cells: dict[str, Any] = {}
    for name, value in raw.items():
        text = value.strip() if isinstance(value, str) else value
        if text in ("", None):
            continue
        key = _column(name)
        if key in cells:
            faults.append(f"{place}: the column {name!r} stands there twice")
        cells[key] = text
    faults += [f"{place}: {fault}" for fault in _faults(cells)]
    return GuardRow(place, number, cells)


def _faults(cells: Mapping[str, Any]) -> Iterator[str]:
    """What a row lacks or has too much of, whatever the model."""
    has = {name for name in COLUMNS if name in cells}
    if not has & set(EXPECTED):
        near = [hint for name in cells if (hint := suggest(name, EXPECTED))]
        yield (
            "it expects nothing: fill 'moves to' with a stage or 'stays', or 'holds' with yes or no"
            f"{''.join(near)}"
        )
    elif has >= set(EXPECTED):
        yield "it fills 'moves to' and 'holds': make two rows of it"
    elif "holds" in has:
        if "guard" not in has:
            yield "'holds' needs a guard: fill the column 'guard'"
        for name in sorted(has & {"trigger", "by"}):
            yield f"the column {name!r} is for moves, and this row asks a guard"
    else:
        if "stage" not in has:
            yield "it does not say in which stage the person is: fill the column 'stage'"
        if "guard" in has:
            yield "it asks for a move and for a guard: make two rows of it"
