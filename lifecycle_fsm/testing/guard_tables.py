"""Guard tables: rows that say who moves where, for people who agree on rules to read and review.

A row says where a person is and what is known of them, what is asked, and the expected result::

    stage,demographic_score,behavior_score,moves to,note
    mal,20,64,stays,one point is missing
    mal,20,65,mql,the first score that is enough

Reading a table finds what is wrong with the table itself. Whether a model accepts a row, and
whether the row holds, shows when it is checked: :meth:`lifecycle_fsm.testing.Bench.check`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from os import PathLike
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from lifecycle_fsm.errors import FileProblem, LifecycleError, RecordError, suggest
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.files import why
from lifecycle_fsm.guard import Token, compile_term, parse_term, reads, walk
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.rows.row import Reject
from lifecycle_fsm.rows.row_file import open_rows
from lifecycle_fsm.testing.factory import VISIT
from lifecycle_fsm.wording import counted

if TYPE_CHECKING:
    from lifecycle_fsm.testing.bench import Bench

_YES_NO = FieldType("bool")
#: The words that may replace a stage under ``moves to``.
_STAYS, _REFUSED, _NO_MOVE = "stays", "refused", "no such move"
_TIME = re.compile(r"(in )?(\d+) (day|hour|minute|second)s?( ago)?")
_VISIT = {"days_in_stage": FieldType("int")} | {
    name: kind for name, kind in READ_ONLY.items() if name in VISIT
}
#: The columns with the expected result, which are not fields.
EXPECTED = ("moves_to", "holds")
COLUMNS = ("stage", "trigger", "guard", *EXPECTED, "by", "note")
Source: TypeAlias = str | PathLike[str] | Iterable[Mapping[str, Any]]


@attrs.frozen
class GuardRow:
    """One row of a guard table.

    ``place`` is its place (``guards.csv:3``, ``rows[0]``); ``cells`` are the non-empty cells, by
    column. Check it with :meth:`lifecycle_fsm.testing.Bench.check`.
    """

    place: str
    number: int
    cells: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.place}: {self.note}" if self.note else self.place

    @property
    def note(self) -> str:
        """The note for people."""
        return str(self.cells.get("note", ""))

    @property
    def id(self) -> str:
        """The name of its test, made of the number of the row and its note or content."""
        if self.note:
            return f"{self.number} {self.note}"
        cells = (
            str(value) if name in COLUMNS else f"{name}={value}"
            for name, value in self.cells.items()
        )
        return f"{self.number} {' '.join(cells)}"


def guard_table(source: Source) -> tuple[GuardRow, ...]:
    """The rows of a guard table.

    Args:
        source: a ``.csv`` or ``.toml`` file, or rows from Python, each a mapping of column to
            value. A TOML file has its rows as ``[[rows]]``.

    Columns are the fields of the person and of the visit (``days in stage``, ``journey`` …), and:

    - ``stage``: where the person is; ``trigger``: the process trigger that is asked, empty for the
      system [S7]; ``moves to``: the stage afterwards, or ``stays``, ``refused``, ``no such move``;
      ``by``: the last move that was made;
    - ``guard``: a guard, named or written out, instead of a move; ``holds``: yes or no;
    - ``note``: a note for people, also used in the name of the test.

    Column names ignore case, and their words may be joined by spaces or ``_``. An empty cell sets
    nothing. ``missing`` stands for no value; ``$token`` and ``$token - 1`` are numbers of the
    model; times may be relative to the clock: ``now``, ``90 days ago``, ``in 2 hours``.

    Raises:
        FileProblem: a file cannot be read, or rows lack something or contradict themselves; it
            reports every problem.
    """
    if isinstance(source, str | PathLike):
        path, name = Path(source), str(source)
        if path.suffix not in _READERS:
            raise FileProblem(f"{path}: a guard table is a .csv or a .toml file")
        raw = list(_READERS[path.suffix](path))
    else:
        raw = [(f"rows[{index}]", index, cells) for index, cells in enumerate(source)]
        name = "the table"
    if not raw:
        raise FileProblem(f"{name}: there are no rows: a test of nothing would pass")
    faults: list[str] = []
    rows = tuple(_row(place, number, cells, faults) for place, number, cells in raw)
    if faults:
        raise FileProblem("\n  ".join([f"{name} has {counted(len(faults), 'problem')}:", *faults]))
    return rows


_Raw: TypeAlias = tuple[str, int, Mapping[str, Any]]


def _csv(path: Path) -> Iterator[_Raw]:
    with open_rows(path, "csv", short=True) as table:
        columns = table.columns or ()
        for index, name in enumerate(columns):
            if _column(name) in map(_column, columns[:index]):
                raise FileProblem(f"{path}: the column {name!r} stands there twice")
        for row in table:
            if row.raw.lstrip(' "').startswith("#"):
                continue
            if isinstance(row, Reject):
                raise FileProblem(f"{path}:{row.line}: {row.reason}")
            yield f"{path}:{row.line}", row.line, row.values


def _toml(path: Path) -> Iterator[_Raw]:
    try:
        plain = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise FileProblem(f"{path}: cannot read this guard table: {why(error)}") from None
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
    for index, cells in enumerate(rows):
        yield f"{path}: rows[{index}]", index, cells


_READERS = {".csv": _csv, ".toml": _toml}


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


# ---------------------------------------------------------------------- what a model makes of it


def check_row(bench: Bench, row: GuardRow) -> None:
    """Check one row: :meth:`lifecycle_fsm.testing.Bench.check`."""
    __tracebackhide__ = True
    fields = {}
    for name, value in row.cells.items():
        if name not in COLUMNS:
            with _blamed(row, name):
                fields[name] = _field_value(bench, name, value)
    initial = bench.model.initial.name
    stage = _stage(bench, row, "stage") or initial
    try:
        person = bench.person_in(stage, id=f"row-{row.number}", **fields)
    except LifecycleError as error:
        raise FileProblem(f"{row.place}: {error}") from None
    try:
        if "holds" not in row.cells:
            _move(bench, row, person)
            return
        with _blamed(row, "holds"):
            holds = _YES_NO.accept(row.cells["holds"]) is True
        guard = str(row.cells["guard"])
        with _blamed(row, "guard"):
            bench.outcome(bench.person_in(initial, id="nobody"), guard)
        check = bench.assert_holds if holds else bench.assert_fails
        check(person, guard)
    except AssertionError as error:
        raise AssertionError(f"{row}\n{error}") from None


def _move(bench: Bench, row: GuardRow, person: Any) -> None:
    __tracebackhide__ = True
    trigger = row.cells.get("trigger")
    if trigger is not None and trigger not in bench.model.triggers:
        known = bench.model.triggers
        raise _wrong(
            row, "trigger",
            f"the model has no trigger {trigger!r}{suggest(str(trigger), known)}; it has "
            f"{', '.join(known) or 'none'}",
        )  # fmt: skip
    target = str(row.cells["moves_to"])
    word = target.lower().replace("_", " ")
    if target in bench.model.by_name or word not in (_STAYS, _REFUSED, _NO_MOVE):
        to = _stage(bench, row, "moves_to", " or 'stays', 'refused', 'no such move'")
        bench.assert_moves(person, trigger, to=to, by=_rule(bench, row))
        return
    if "by" in row.cells:
        raise _wrong(row, "by", f"nobody moves where 'moves to' says {word!r}: leave it empty")
    if trigger is None:
        if word != _STAYS:
            raise _wrong(row, "moves_to", f"the system is never {word!r}: write 'stays'")
        bench.assert_stays(person)
        return
    declared = bench.machine.events[trigger].transitions.get(person.stage)
    if word == _NO_MOVE and declared:
        names = ", ".join(transition.edge.name for transition in declared)
        raise AssertionError(f"{trigger!r} should have no move out of {person.stage}, but {names}")
    if word == _REFUSED or declared:
        bench.assert_refused(person, trigger)


def _rule(bench: Bench, row: GuardRow) -> str | None:
    name = row.cells.get("by")
    known = [edge.name for edge in (*bench.model.edges, *bench.model.sort_edges)]
    if name is not None and name not in known:
        raise _wrong(row, "by", f"no move or sort rule {name!r}{suggest(str(name), known)}")
    return name


def _stage(bench: Bench, row: GuardRow, column: str, more: str = "") -> str:
    name = str(row.cells.get(column, ""))
    if name and name not in bench.model.by_name:
        known = ", ".join(bench.model.by_name)
        raise _wrong(
            row, column,
            f"the model has no stage {name!r}{suggest(name, bench.model.by_name)}; write one of "
            f"{known}{more}",
        )  # fmt: skip
    return name


def _field_value(bench: Bench, name: str, value: Any) -> Value:
    """The value of a field that a cell stands for.

    Raises:
        LifecycleError: the field does not exist, or rejects the value.
    """
    known = {**bench.model.field_types, **_VISIT}
    kind = known.get(name)
    if kind is None:
        near = suggest(name, [*known, *COLUMNS])
        raise RecordError(f"no field of the model, and no column of a guard table{near}")
    if value == "missing" and kind.nullable:
        return None
    if kind.kind == "datetime" and isinstance(value, str):
        if value == "now":
            return bench.clock.now
        match = _TIME.fullmatch(value)
        if match and bool(match[1]) is not bool(match[4]):
            length = timedelta(**{f"{match[3]}s": int(match[2])})
            return bench.clock.now + (length if match[1] else -length)
    if isinstance(value, str) and "$" in value:
        value = _token(bench, value)
    return kind.accept(value)


def _token(bench: Bench, text: str) -> Any:
    """A value given by tokens of the model, such as ``$mql_threshold - 1``."""
    term = parse_term(text)
    for part in walk(term):
        if isinstance(part, Token) and part.name not in bench.model.tokens:
            near = suggest(part.name, bench.model.tokens)
            raise RecordError(f"the model has no token {part.name!r}{near}")
    if reads(term):
        raise RecordError(f"{text!r} reads {', '.join(sorted(reads(term)))}: write tokens only")
    return compile_term(term, bench.model.vocabulary)(SimpleNamespace(), bench.clock.now, {})


@contextmanager
def _blamed(row: GuardRow, column: str) -> Iterator[None]:
    """Add the place and the column to an error."""
    try:
        yield
    except LifecycleError as error:
        raise _wrong(row, column, str(error)) from None


def _wrong(row: GuardRow, column: str, message: str) -> FileProblem:
    return FileProblem(f"{row.place}, column {column.replace('_', ' ')!r}: {message}")
