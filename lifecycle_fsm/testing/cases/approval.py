"""Tables of cases as files to review and approve: CSV, TOML or Markdown, by suffix.

The same table gives the same bytes on every machine.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from lifecycle_fsm.errors import FileProblem, LifecycleError, MissingExtra, suggest
from lifecycle_fsm.guard import explain
from lifecycle_fsm.model import Model, load
from lifecycle_fsm.proof import NOW
from lifecycle_fsm.rows.row_file import open_rows
from lifecycle_fsm.spreadsheet import csv_text
from lifecycle_fsm.testing.cases.case_table import NOT_RUN, ORDER, TOUR, Case, CaseRow, CaseTable
from lifecycle_fsm.testing.cases.derivation import cases_of
from lifecycle_fsm.testing.cases.outcomes import CaseRunner

if TYPE_CHECKING:
    from collections.abc import Sequence


#: The content of a file, case by case: the place, and the values by column.
_Placed: TypeAlias = Iterator[tuple[str, Mapping[str, Any]]]
_Write: TypeAlias = Callable[[CaseTable], str]
_Read: TypeAlias = Callable[[str, Path], _Placed]
COLUMNS = tuple(field.name for field in attrs.fields(CaseRow))
_PARTS = {
    "sort": "The sort",
    "move": "Moves",
    "guard": "Named guards",
    "data": "Data rules",
    "scoring": "Scoring",
    "decay": "Decay",
    "deadline": "Deadlines",
    "assignment": "Assignment",
    "alert": "Alerts",
    "effect": "What moves write",
    "order": "Which of two rules comes first",
    "trigger": "What each stage does with each trigger",
    "tour": "A tour of every move",
    "example": "Examples of Python guards",
}


def to_text(table: CaseTable, suffix: str = ".csv") -> str:
    """The table as the text of a file.

    Raises:
        FileProblem: tables cannot be written to files with this suffix.
    """
    return _form(suffix)[0](table)


def read_table(path: str | PathLike[str]) -> CaseTable:
    """Read the table in a file.

    Raises:
        FileProblem: the file cannot be read, or is not a table of cases; the message names the
            place.
    """
    path = Path(path)
    _, read = _form(path.suffix)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise FileProblem(
            f"{path} does not exist: write it with  lifecycle-fsm cases MODEL --out {path}"
        ) from None
    except OSError as error:
        raise FileProblem(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise FileProblem(f"{path} is no UTF-8: save it as CSV UTF-8") from None
    rows = [_row(where, values, path) for where, values in read(text, path)]
    try:
        return CaseTable("", rows).checked()
    except LifecycleError as error:
        raise FileProblem(f"{path}: {error}") from None


def _form(suffix: str) -> tuple[_Write, _Read]:
    form = _FORMS.get(suffix.lower())
    if form is None:
        raise FileProblem(
            f"a table of cases is not written as {suffix or 'a file without a suffix'}: use "
            f"{', '.join(_FORMS)}"
        )
    return form


def _row(where: str, values: Mapping[str, Any], path: Path) -> CaseRow:
    for name, value in values.items():
        if name not in COLUMNS:
            hint = suggest(str(name), COLUMNS)
            raise FileProblem(
                f"{path}, {where}: no column {name!r}{hint}; the columns are {', '.join(COLUMNS)}"
            )
        if not isinstance(value, str):
            raise FileProblem(f"{path}, {where}: {name} is a text, not {value!r}")
    for name in ("part", "rule", "outcome"):
        if not values.get(name):
            raise FileProblem(f"{path}, {where}: {name} is missing")
    if values["part"] not in _PARTS:
        raise FileProblem(
            f"{path}, {where}: there is no part {values['part']!r}"
            f"{suggest(values['part'], _PARTS)}; there are {', '.join(_PARTS)}"
        )
    return CaseRow(**{name: values.get(name, "").strip() for name in COLUMNS})


# ---------------------------------------------------------------------- CSV


def _csv(table: CaseTable) -> str:
    return csv_text(COLUMNS, map(attrs.astuple, table))


def _read_csv(text: str, path: Path) -> _Placed:
    with open_rows(path, "csv", guarded=True, short=True) as rows:
        missing = [name for name in COLUMNS[:-1] if name not in (rows.columns or ())]
        if missing:
            raise FileProblem(
                f"{path} is no table of cases: its first line lacks {', '.join(missing)}"
            )
        for row in rows.all_rows():
            yield f"line {row.line}", row.values


# ---------------------------------------------------------------------- TOML


def _toml(table: CaseTable) -> str:
    import tomli_w

    rows = [{name: value for name, value in attrs.asdict(row).items() if value} for row in table]
    return "\n".join(f"[[cases]]\n{tomli_w.dumps(row)}" for row in rows)


def _read_toml(text: str, path: Path) -> _Placed:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileProblem(f"{path}: {error}") from error
    cases = table.get("cases")
    if set(table) != {"cases"} or not isinstance(cases, list):
        raise FileProblem(f"{path} is no table of cases: each of them is a [[cases]]")
    for number, case in enumerate(cases, start=1):
        if not isinstance(case, dict):
            raise FileProblem(f"{path}, case {number}: write it as [[cases]]")
        yield f"case {number}", case


# ---------------------------------------------------------------------- Markdown


def _markdown(table: CaseTable) -> str:
    parts = dict.fromkeys(row.part for row in table)
    blocks = [f"# Cases of {_cell(table.model)}" if table.model else "# Cases"]
    for part in parts:
        rows = [row for row in table if row.part == part]
        lines = [COLUMNS, tuple("---" for _ in COLUMNS), *(attrs.astuple(row) for row in rows)]
        drawn = ["| " + " | ".join(map(_cell, line)) + " |" for line in lines]
        blocks.append(f"## {_PARTS[part]}\n\n" + "\n".join(drawn))
    return "\n\n".join(blocks) + "\n"


# Text that Markdown reads as HTML or as a link; a comparison sign is neither.
_MARKUP = re.compile(r"<(?=[A-Za-z/!?])|\](?=\()")


def _cell(text: str) -> str:
    text = text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "\\n")
    return _MARKUP.sub(r"\\\g<0>", text)


def _read_markdown(text: str, path: Path) -> _Placed:
    names: list[str] | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.lstrip().startswith("|"):
            names = None
            continue
        cells = [_unescaped(cell) for cell in re.findall(r"((?:\\.|[^\\|])*)\|", line.strip())[1:]]
        if names is None:
            names = cells
        elif len(cells) != len(names):
            raise FileProblem(f"{path}, line {number}: {len(names)} cells are in a row")
        elif not all(re.fullmatch(":?-+:?", cell) for cell in cells):
            yield f"line {number}", dict(zip(names, cells, strict=True))


def _unescaped(cell: str) -> str:
    return re.sub(r"\\(.)", lambda sign: {"n": "\n"}.get(sign[1], sign[1]), cell.strip())


_FORMS: Mapping[str, tuple[_Write, _Read]] = {
    ".csv": (_csv, _read_csv),
    ".toml": (_toml, _read_toml),
    ".md": (_markdown, _read_markdown),
}


# ------------------------------------------------------------------ comparing
#
# What a person has approved, compared with the current model: what has changed, is new, or is gone.


#: The length at which lists are cut: nobody approves a hundred lines one by one.
MOST = 20


@attrs.frozen
class ChangedCase:
    """An approved row with a different outcome now; ``seen`` explains it, in the model's words.

    ``gone`` marks a row that no longer applies to the model; then ``now`` is the reason.
    """

    row: CaseRow
    now: str
    seen: str = ""
    gone: bool = False

    def __str__(self) -> str:
        lines = [
            self.row.place + (f" ({self.row.why})" if self.row.why else ""),
            f"  approved: {self.row.outcome}",
            f"  now:      {self.now}",
        ]
        return "\n".join([*lines, *(f"    {line}" for line in self.seen.splitlines())])


@attrs.frozen
class Differences:
    """How an approved table and a model differ.

    ``changed`` are approved rows with a different outcome, ``gone`` those that no longer apply to
    the model, with the reason, and ``new`` the cases that nobody has approved yet. ``more`` are
    approved rows that hold although the model would not generate them and nobody added them by
    hand; they are not a difference.
    """

    changed: tuple[ChangedCase, ...] = ()
    new: tuple[CaseRow, ...] = ()
    gone: tuple[ChangedCase, ...] = ()
    more: tuple[CaseRow, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.new or self.gone)

    def __str__(self) -> str:
        """The differences, for people to read."""
        blocks = [
            *_block("changed", [str(change) for change in self.changed]),
            *_block("gone", [f"{change.row.place}: {change.now}" for change in self.gone]),
            *_block("new", news(self.new)),
        ]
        return "\n".join(blocks)


def compared(approved: CaseTable, model: Model, *, runner: CaseRunner | None = None) -> Differences:
    """Run every approved case in a model, and find the model's own cases that are not approved."""
    runner = runner or CaseRunner(model)
    rows = cases_of(model, runner=runner)
    keys = {row.key for row in rows}
    changed: list[ChangedCase] = []
    gone: list[ChangedCase] = []
    more: list[CaseRow] = []
    for case in approved.cases:
        different = changes(case, runner)
        gone += [change for change in different if change.gone][:1]
        changed += (change for change in different if not change.gone)
        for row in case.rows if not different else ():
            if row.key in keys or row.own:
                continue
            if row.outcome in NOT_RUN:
                gone.append(ChangedCase(row, "this is so no longer", gone=True))
            else:
                more.append(row)
    # Another way to the same move is not new as long as the approved one leads there; nor is
    # another person for whom the same two rules are open.
    seen = {row.key for row in approved}
    known_as = {_name(row) for row in approved if row.part in (TOUR, ORDER)}
    new = tuple(row for row in rows if row.key not in seen and _name(row) not in known_as)
    return Differences(tuple(changed), new, tuple(gone), tuple(more))


def _name(row: CaseRow) -> tuple[str, ...]:
    return (row.part, row.rule, *((row.stage,) if row.part == ORDER else ()))


def news(rows: Iterable[CaseRow]) -> list[str]:
    """Rows that nobody has approved, one per line."""
    return [f"{row.place}: {row.outcome}" for row in rows]


def changes(case: Case, runner: CaseRunner) -> tuple[ChangedCase, ...]:
    """The rows of an approved case that have a different outcome in the runner's model."""
    try:
        outcomes = runner.outcomes(case)
    except LifecycleError as error:
        return tuple(ChangedCase(row, str(error), gone=True) for row in case.rows)
    return tuple(
        ChangedCase(row, now, _seen(row, runner))
        for row, now in zip(case.rows, outcomes, strict=True)
        if row.outcome != now
    )


def _seen(row: CaseRow, runner: CaseRunner) -> str:
    """The rule's guard for this person, condition by condition, with the values seen."""
    rule = runner.index.rules.get((row.part, row.rule))
    if rule is None or row.part == TOUR or rule.kind is not None:
        return ""
    person = runner.given(row)
    if person is None:
        return ""
    return str(explain(rule.guard, person, NOW, runner.model.vocabulary))


def _block(word: str, texts: list[str]) -> Iterator[str]:
    if not texts:
        return
    yield f"{word}: {len(texts)}"
    for text in texts[:MOST]:
        yield "\n".join(f"  {line}" for line in text.splitlines())
    if len(texts) > MOST:
        yield f"  … and {len(texts) - MOST} more"


# ------------------------------------------------------------------ approval
#
# The test that compares a model with the table that a person has approved.


_COMPLETE = "every case is approved"


class _Fresh:
    """The runner of a model, made anew when mutation tests change the model in its place."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._parts: tuple[object, ...] = ()
        self._runner: CaseRunner | None = None

    def __call__(self) -> CaseRunner:
        parts = attrs.astuple(self._model, recurse=False)
        changed = any(part is not old for part, old in zip(parts, self._parts, strict=False))
        if self._runner is None or changed:
            self._parts, self._runner = parts, CaseRunner(self._model)
        return self._runner


def approved(
    path: str | PathLike[str], model: Model | str | PathLike[str], *, complete: bool = True
) -> Callable[[Case | None], None]:
    """A pytest test of a model against an approved table, one test for each case.

    ::

        test_lifecycle = approved(HERE / "cases.csv", HERE / "lifecycle.toml")

    Every row is run through the model's compiled guard and its machine, every path of the tour
    through the orchestrator. One more test, ``every case is approved``, fails if the model has
    cases that no row covers.

    Args:
        path: the table, as written by ``lifecycle-fsm cases MODEL --out FILE``.
        model: the lifecycle: a model, the path of its TOML, or the name of a shipped one.
        complete: whether unapproved cases are failures.

    Raises:
        FileProblem: the table or the model cannot be read.
        ModelError: the model does not build.
        MissingExtra: pytest is not installed; :func:`~lifecycle_fsm.testing.cases.compared` works
            without it.
    """
    try:
        import pytest
    except ImportError:
        raise MissingExtra("testing", "pytest", "a test of approved cases") from None
    table = read_table(path)
    lifecycle = model if isinstance(model, Model) else load(model)
    runner = _Fresh(lifecycle)
    cases: Sequence[object] = [pytest.param(case, id=case.name) for case in table.cases]
    last = [pytest.param(None, id=_COMPLETE)] if complete else []

    @pytest.mark.parametrize("case", [*cases, *last])
    def test(case: Case | None) -> None:
        __tracebackhide__ = True
        if case is not None:
            if different := changes(case, runner()):
                pytest.fail("\n".join(map(str, different)), pytrace=False)
            return
        new = compared(table, lifecycle, runner=runner()).new
        if new:
            rows = "\n".join(f"  {line}" for line in news(new))
            pytest.fail(
                f"{len(new)} cases of the model stand in no row of {path}:\n{rows}\n"
                f"look at them, and write the table anew: lifecycle-fsm cases MODEL --out {path}",
                pytrace=False,
            )

    return test
