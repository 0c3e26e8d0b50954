"""``lifecycle-fsm plan``: whose stage changes at once with a changed model, before it goes live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import attrs
import typer

from lifecycle_fsm.checks import Difference, differences
from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.activity_log import FormatOption
from lifecycle_fsm.cli.arguments import folder_for, inputs_of, keep_inputs, load_model, read_time
from lifecycle_fsm.cli.console import by_reason, print_json, progress
from lifecycle_fsm.cli.exit_status import REJECTED
from lifecycle_fsm.cli.left_over import FirstRejects, tell_rejected
from lifecycle_fsm.cli.options import option
from lifecycle_fsm.cli.whatif import (
    MapOption,
    NewModel,
    SetOption,
    check_suffix,
    file_source,
    read_stages,
    read_tokens,
)
from lifecycle_fsm.cli.whatif_tables import moves_text
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.files import write_file
from lifecycle_fsm.model import Model
from lifecycle_fsm.tables import Column, ColumnType, TableWriter
from lifecycle_fsm.whatif import PlannedMove, WhatIf, plan_change
from lifecycle_fsm.whatif.what_if_run import changed_models
from lifecycle_fsm.wording import counted

_Until = Annotated[
    str | None,
    option("TIME", "When the model changes. [default: the last row of the files]", "--until"),
]
_Out = Annotated[
    str | None,
    option(
        "FILE",
        "Write everybody to this .csv or .parquet, and what the change means to FILE.diff.txt "
        "beside it.",
        "--out",
    ),
]
_SHOWN = 10
_PEOPLE = ("person", "people")
_TYPES: dict[str, ColumnType] = {"since": "datetime", "rules": "texts"}


def plan(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The model that people work by.")],
    new: NewModel = None,
    set_: SetOption = None,
    people: options.People = None,
    activities: options.Activities = None,
    mapping: options.Mapping = None,
    format: FormatOption = None,
    map: MapOption = None,
    until: _Until = None,
    out: _Out = None,
    allow_rejected: options.AllowRejected = False,
    allow_tables: options.Tables = None,
    workers: options.Workers = None,
    memory: options.Memory = None,
    json: options.Json = False,
) -> int:
    r"""List everybody whose stage changes at once with a changed model, before it goes live.

    ```sh
    lifecycle-fsm plan lifecycle.toml --set mql_threshold=50 --people people.csv \
        --activities activities.csv --out plan.csv
    lifecycle-fsm plan old.toml new.toml --map lead=prospect --people people.csv \
        --activities activities.csv
    ```

    Takes everybody as they are at the end of the files, and tries the change on a copy: nothing is
    sent and nothing is kept. Beside the names stands what the change means, as `diff` proves it.
    The exit status is 1 if somebody cannot be moved to the changed model. For a store,
    `migrate` without `--yes` shows the same.
    """
    inputs = inputs_of(people, activities)
    check_suffix(out, (".csv", ".parquet"))
    keep_inputs(out, old, new, mapping, *(path for _, path in inputs))
    before, after = changed_models(
        load_model(old, allow_tables),
        None if new is None else load_model(new, allow_tables),
        read_tokens(set_),
    )
    rejects = FirstRejects()
    with progress() as bar:
        planned = plan_change(
            before, after, map_stages=read_stages(map), until=read_time("--until", until),
            **file_source(inputs, mapping, format, workers, memory, rejects, bar),
        )  # fmt: skip
    rows = differences(before, after)
    if json:
        print_json(
            {
                "old": {"model": before.name, "version": before.version},
                "new": {"model": after.name, "version": after.version},
                "until": planned.until,
                "moves": [attrs.asdict(move) for move in planned.first_day],
                "problems": dict(planned.problems),
                "differences": [row.as_plain() for row in rows],
            }
        )
    else:
        print("\n".join([*_as_text(planned, listed=out is not None), _proof(before, after, rows)]))
    if out is not None:
        _save(planned.first_day, out, _proof(before, after, rows))
        if not json:
            print(f"\nwritten: {out} and {_beside(out)}")
    rejected = tell_rejected(planned.rejected, rejects.first, allowed=allow_rejected)
    return REJECTED if rejected or planned.problems else 0


def _as_text(planned: WhatIf, *, listed: bool) -> Iterator[str]:
    """Whose stage changes, in lines."""
    moves = planned.first_day
    yield (
        f"if the model changed at {planned.until:%Y-%m-%d %H:%M} UTC, "
        f"{counted(len(moves), *_PEOPLE)} would move at once"
    )
    if moves:
        yield moves_text(planned)
        yield _names(moves, listed=listed)
    yield from by_reason(planned.problems, _SHOWN)


def _names(moves: tuple[PlannedMove, ...], *, listed: bool) -> str:
    head = ("person", "name", "company", "owner", "from", "to", "by")
    rows = [
        (
            move.person, move.name or "", move.company or "",
            move.owner or move.assigned_to or "", move.from_stage, move.to_stage,
            ", ".join(move.rules),
        )
        for move in moves[:_SHOWN]
    ]  # fmt: skip
    more = len(moves) - len(rows)
    rest = f"\n  … and {more:,} more{'' if listed else ': --out FILE.csv writes all'}"
    return f"\n{lined_up([head, *rows])}{rest if more else ''}"


def _proof(before: Model, after: Model, rows: tuple[Difference, ...]) -> str:
    """What the change means, as ``diff`` tells it."""
    changed = sum(row.change != "same" for row in rows)
    versions = f"{before.name} {before.version} -> {after.name} {after.version}"
    texts = "".join(f"{row}\n\n" for row in rows)
    return f"\n{texts}{versions}: {counted(changed, 'difference')} of meaning"


def _beside(out: str) -> str:
    return str(Path(out).with_suffix(".diff.txt"))


def _save(moves: tuple[PlannedMove, ...], out: str, proof: str) -> None:
    columns = [
        Column[PlannedMove](name, _TYPES.get(name, "str"), name)
        for name in attrs.fields_dict(PlannedMove)
    ]
    with folder_for(out):
        TableWriter(columns, moves).save(out)
        write_file(_beside(out), f"{proof.strip()}\n")
