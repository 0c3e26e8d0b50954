"""``lifecycle-fsm cases``: the cases of a model, as a table to approve and to compare with."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import attrs

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import folder_for, keep_inputs, load_model
from lifecycle_fsm.cli.console import complain, print_json
from lifecycle_fsm.cli.options import option
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.files import write_file
from lifecycle_fsm.model import Model
from lifecycle_fsm.proof.answer import TOTAL
from lifecycle_fsm.testing.cases import (
    CaseTable,
    ChangedCase,
    cases_of,
    compared,
    read_table,
    to_text,
)
from lifecycle_fsm.testing.cases.case_table import (
    EVERYBODY,
    FOR_CLARITY,
    NO_WAY,
    NOBODY,
    OPAQUE,
    OWN,
    REDUNDANT,
    UNDECIDED,
)

DIFFERENT = 1
_NOTES = {
    EVERYBODY: "holds for everybody",
    NOBODY: "holds for nobody",
    REDUNDANT: "never decides: the guard says the same without it",
    UNDECIDED: "is not decided: no case was made",
    OPAQUE: "is a Python function: give examples of it by hand",
    NO_WAY: "is fired by nobody",
}


def cases(
    model: options.Model,
    out: Annotated[
        str | None,
        option("FILE", "Write the table there: .csv, .toml or .md. [default: print CSV]"),
    ] = None,
    check: Annotated[
        str | None, option("FILE", "Compare with this approved table; exit with 1 if it differs.")
    ] = None,
    as_json: options.Json = False,
    budget: options.Budget = TOTAL,
    seconds: options.Seconds = None,
) -> int:
    """Generate test cases for a model, for a person to review and approve.

    ```sh
    lifecycle-fsm cases my-lifecycle.toml --out tests/cases.csv
    lifecycle-fsm cases my-lifecycle.toml --check tests/cases.csv
    ```

    People on both sides of each boundary, pairs between whom one condition decides, which of two
    rules comes first, what each stage does with each trigger, and a tour that fires every move,
    with what the model makes of them. That is what the model says, not what is right: read the
    table, correct the model where it is wrong, and keep the table with your tests. A row that
    you add to it, with a why that begins with `own:`, stays when it is written again.
    """
    if out is not None and check is not None:
        raise LifecycleError("--out writes a table and --check compares with one: give one of them")
    keep_inputs(out, model)
    lifecycle = load_model(model)
    if check is not None:
        return _check(lifecycle, model, check, as_json)
    table = cases_of(lifecycle, budget=budget, seconds=seconds)
    if out is not None:
        table = _write(table, out)
    if as_json:
        print_json({"model": table.model, "cases": [attrs.asdict(row) for row in table]})
    elif out is None:
        print(to_text(table), end="")
    else:
        print(f"written: {out} ({_counted(table)})")
    _tell(table)
    return 0


def _write(table: CaseTable, out: str) -> CaseTable:
    path = Path(out)
    before = read_table(path) if path.exists() else CaseTable("", ())
    table = table.keeping(before)
    text = to_text(table, path.suffix)
    with folder_for(out):
        write_file(path, text)
    keys = {row.key for row in table}
    if dropped := [row for row in before if row.key not in keys]:
        complain(
            f"note: {len(dropped)} rows that stood there are no case of the model, and are gone; "
            f"begin the why of a row of your own with {OWN} to keep it"
        )
    return table


def _counted(table: CaseTable) -> str:
    parts = Counter(row.part for row in table)
    return f"{len(table)} rows: {', '.join(f'{count} {part}' for part, count in parts.items())}"


def _tell(table: CaseTable) -> None:
    """Print a note to stderr for each thing that has no case."""
    for row in table:
        if row.outcome in _NOTES and row.why != FOR_CLARITY:
            what = row.given.removeprefix("whether or not ").removeprefix("whoever it is")
            where = f"{row.part} {row.rule}" + (f": {what}" if what else "")
            reason = f" ({row.why})" if row.outcome in (UNDECIDED, NO_WAY) and row.why else ""
            complain(f"note: {where} {_NOTES[row.outcome]}{reason}")


def _check(model: Model, name: str, check: str, as_json: bool) -> int:
    table = read_table(check)
    result = compared(table, model)
    if as_json:
        print_json(
            {
                "model": model.name,
                "same": not result,
                "changed": [_changed(change) for change in result.changed],
                "gone": [_changed(change) for change in result.gone],
                "new": [attrs.asdict(row) for row in result.new],
                "more": [attrs.asdict(row) for row in result.more],
            }
        )
    elif result:
        print(result)
        print(f"\nif this is right: lifecycle-fsm cases {name} --out {check}")
        own = sum(change.row.own for change in (*result.changed, *result.gone))
        if own:
            complain(f"note: {own} of them are rows of your own, and stay: change them by hand")
    else:
        print(f"{len(table)} rows, all as approved")
    if result.more and not as_json:
        complain(
            f"note: {len(result.more)} more rows hold, which the model would not ask by itself: "
            f"written again, the table is without them (a why that begins with {OWN} keeps a row)"
        )
    return DIFFERENT if result else 0


def _changed(change: ChangedCase) -> dict[str, Any]:
    return {**attrs.asdict(change.row), "now": change.now}
