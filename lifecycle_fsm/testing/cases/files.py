"""Tables of cases as files that a person reads and approves: CSV, TOML or Markdown, by suffix.

The same table gives the same bytes, everywhere.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import attrs

from lifecycle_fsm.errors import FileProblem, LifecycleError, suggest
from lifecycle_fsm.tables.spreadsheet import guarded, unguarded
from lifecycle_fsm.testing.cases.rows import Row, Table

COLUMNS = tuple(one.name for one in attrs.fields(Row))
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


def to_text(table: Table, suffix: str = ".csv") -> str:
    """The table as the text of a file.

    Raises:
        FileProblem: no table is written in files of this suffix.
    """
    return _form(suffix)[0](table)


def read_table(path: str | PathLike[str]) -> Table:
    """The table that a file has.

    Raises:
        FileProblem: the file cannot be read, or is no table of cases; the place is told.
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
    rows = [_row(where, one, path) for where, one in read(text, path)]
    try:
        return Table("", rows).checked()
    except LifecycleError as error:
        raise FileProblem(f"{path}: {error}") from None


def _form(
    suffix: str,
) -> tuple[Callable[[Table], str], Callable[[str, Path], Iterator[tuple[str, Mapping[str, Any]]]]]:
    form = _FORMS.get(suffix.lower())
    if form is None:
        raise FileProblem(
            f"a table of cases is not written as {suffix or 'a file without a suffix'}: use "
            f"{', '.join(_FORMS)}"
        )
    return form


def _row(where: str, values: Mapping[str, Any], path: Path) -> Row:
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
    return Row(**{name: values.get(name, "").strip() for name in COLUMNS})


# ---------------------------------------------------------------------- CSV


def _csv(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(map(guarded, attrs.astuple(row)) for row in table)
    return text.getvalue()


def _read_csv(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    first = text.split("\n", 1)[0]
    # Spreadsheets of many countries write semicolons.
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",", restkey="…"
    )
    missing = [one for one in COLUMNS if one not in (reader.fieldnames or ()) and one != "why"]
    if missing:
        raise FileProblem(f"{path} is no table of cases: its first line lacks {', '.join(missing)}")
    try:
        for values in reader:
            where = f"line {reader.line_num}"
            if "…" in values:
                raise FileProblem(f"{path}, {where}: there are more values than columns")
            yield where, {name: unguarded(text or "") for name, text in values.items()}
    except csv.Error as error:
        raise FileProblem(f"{path}, line {reader.line_num}: {error}") from error


# ---------------------------------------------------------------------- TOML


def _toml(table: Table) -> str:
    import tomli_w

    rows = [{name: value for name, value in attrs.asdict(row).items() if value} for row in table]
    return "\n".join(f"[[cases]]\n{tomli_w.dumps(row)}" for row in rows)


def _read_toml(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileProblem(f"{path}: {error}") from error
    cases = found.get("cases")
    if set(found) != {"cases"} or not isinstance(cases, list):
        raise FileProblem(f"{path} is no table of cases: each of them is a [[cases]]")
    for number, one in enumerate(cases, start=1):
        if not isinstance(one, dict):
            raise FileProblem(f"{path}, case {number}: write it as [[cases]]")
        yield f"case {number}", one


# ---------------------------------------------------------------------- Markdown


def _markdown(table: Table) -> str:
    parts = dict.fromkeys(row.part for row in table)
    blocks = [f"# Cases of {_cell(table.model)}" if table.model else "# Cases"]
    for part in parts:
        rows = [row for row in table if row.part == part]
        lines = [COLUMNS, tuple("---" for _ in COLUMNS), *(attrs.astuple(row) for row in rows)]
        drawn = ["| " + " | ".join(map(_cell, line)) + " |" for line in lines]
        blocks.append(f"## {_PARTS[part]}\n\n" + "\n".join(drawn))
    return "\n\n".join(blocks) + "\n"


# What Markdown reads as HTML, or as a link; a sign of comparison is neither.
_MARKUP = re.compile(r"<(?=[A-Za-z/!?])|\](?=\()")


def _cell(text: str) -> str:
    text = text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", "\\n")
    return _MARKUP.sub(r"\\\g<0>", text)


def _read_markdown(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    names: list[str] | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.lstrip().startswith("|"):
            names = None
            continue
        cells = [_unescaped(one) for one in re.findall(r"((?:\\.|[^\\|])*)\|", line.strip())[1:]]
        if names is None:
            names = cells
        elif len(cells) != len(names):
            raise FileProblem(f"{path}, line {number}: {len(names)} cells are in a row")
        elif not all(re.fullmatch(":?-+:?", one) for one in cells):
            yield f"line {number}", dict(zip(names, cells, strict=True))


def _unescaped(cell: str) -> str:
    return re.sub(r"\\(.)", lambda one: {"n": "\n"}.get(one[1], one[1]), cell.strip())


_FORMS: Mapping[
    str,
    tuple[Callable[[Table], str], Callable[[str, Path], Iterator[tuple[str, Mapping[str, Any]]]]],
] = {
    ".csv": (_csv, _read_csv),
    ".toml": (_toml, _read_toml),
    ".md": (_markdown, _read_markdown),
}
