"""Check a row of a guard table on a bench, where the model says what its cells mean."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from lifecycle_fsm.errors import FileProblem, LifecycleError, RecordError, suggest
from lifecycle_fsm.fields import FieldType, Value
from lifecycle_fsm.guard import Token, compile_term, parse_term, reads, walk
from lifecycle_fsm.person import READ_ONLY
from lifecycle_fsm.testing.factory import VISIT
from lifecycle_fsm.testing.tables import COLUMNS, GuardRow

if TYPE_CHECKING:
    from lifecycle_fsm.testing.bench import Bench

_YES_NO = FieldType("bool")
#: What may stand for a stage under ``moves to``.
_STAYS, _REFUSED, _NO_MOVE = "stays", "refused", "no such move"
_TIME = re.compile(r"(in )?(\d+) (day|hour|minute|second)s?( ago)?")
_VISIT = {"days_in_stage": FieldType("int")} | {
    name: kind for name, kind in READ_ONLY.items() if name in VISIT
}


def check(bench: Bench, row: GuardRow) -> None:
    """Hold one row: :meth:`lifecycle_fsm.testing.Bench.check`."""
    __tracebackhide__ = True
    known = {**bench.model.field_types, **_VISIT}
    fields = {
        name: _cell(bench, row, name, value, known)
        for name, value in row.cells.items()
        if name not in COLUMNS
    }
    stage = _stage(bench, row, "stage") or bench.model.initial.name
    try:
        person = bench.person_in(stage, id=f"row-{row.number}", **fields)
    except LifecycleError as error:
        raise FileProblem(f"{row.place}: {error}") from None
    try:
        if "holds" in row.cells:
            ask = bench.assert_holds if _yes(row) else bench.assert_fails
            ask(person, _guard(bench, row))
        else:
            _move(bench, row, person)
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
        names = ", ".join(one.edge.name for one in declared)
        raise AssertionError(f"{trigger!r} should have no move out of {person.stage}, but {names}")
    if word == _REFUSED or declared:
        bench.assert_refused(person, trigger)


def _rule(bench: Bench, row: GuardRow) -> str | None:
    name = row.cells.get("by")
    known = [*(move.name for move in bench.model.moves), *(one.name for one in bench.model.sort)]
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


def _guard(bench: Bench, row: GuardRow) -> str:
    text = str(row.cells["guard"])
    try:
        bench.outcome(bench.person_in(bench.model.initial.name, id="nobody"), text)
    except LifecycleError as error:
        raise _wrong(row, "guard", str(error)) from None
    return text


def _yes(row: GuardRow) -> bool:
    try:
        return _YES_NO.accept(row.cells["holds"]) is True
    except RecordError as error:
        raise _wrong(row, "holds", str(error)) from None


def _cell(
    bench: Bench, row: GuardRow, column: str, value: Any, known: dict[str, FieldType]
) -> Value:
    """The value of a field that a cell says."""
    kind = known.get(column)
    if kind is None:
        near = suggest(column, [*known, *COLUMNS])
        raise _wrong(row, column, f"no field of the model, and no column of a guard table{near}")
    try:
        return kind.accept(_meant(bench, value, kind))
    except LifecycleError as error:
        raise _wrong(row, column, str(error)) from None


def _meant(bench: Bench, value: Any, kind: FieldType) -> Any:
    if not isinstance(value, str):
        return value
    if value == "missing" and kind.nullable:
        return None
    if kind.kind == "datetime":
        if value == "now":
            return bench.clock.now
        told = _TIME.fullmatch(value)
        if told and bool(told[1]) is not bool(told[4]):
            length = timedelta(**{f"{told[3]}s": int(told[2])})
            return bench.clock.now + (length if told[1] else -length)
    if "$" in value:
        return _token(bench, value)
    return value


def _token(bench: Bench, text: str) -> Any:
    """A value that is told by the tokens of the model, such as ``$mql_threshold - 1``."""
    term = parse_term(text)
    for part in walk(term):
        if isinstance(part, Token) and part.name not in bench.model.tokens:
            near = suggest(part.name, bench.model.tokens)
            raise RecordError(f"the model has no token {part.name!r}{near}")
    if reads(term):
        raise RecordError(f"{text!r} reads {', '.join(sorted(reads(term)))}: write tokens only")
    return compile_term(term, bench.model.vocabulary)(SimpleNamespace(), bench.clock.now, {})


def _wrong(row: GuardRow, column: str, message: str) -> FileProblem:
    return FileProblem(f"{row.place}, column {column.replace('_', ' ')!r}: {message}")
