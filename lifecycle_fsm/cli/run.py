"""``lifecycle-fsm run``: people and activities from files, through a model, to tables."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from lifecycle_fsm.cli.common import (
    ForceOption,
    JsonOption,
    ModelArgument,
    PicturesOption,
    files_of,
    print_json,
    progress,
    read_time,
)
from lifecycle_fsm.cli.endings import REJECTED, complain
from lifecycle_fsm.cli.working import (
    ActivitiesOption,
    FormatOption,
    MappingOption,
    OrderOption,
    Outcome,
    Output,
    PeopleOption,
    TablesOption,
    Tally,
    apply_log,
    inputs_of,
    read_log,
    running_model,
)
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.tables import OutputFolder, Reject

_SHOWN = 5


def run(
    model: ModelArgument,
    people: PeopleOption = None,
    activities: ActivitiesOption = None,
    mapping: MappingOption = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Write tables, funnel and summary to this folder."),
    ] = None,
    format: FormatOption = None,
    order: OrderOption = "event",
    until: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Let time pass up to then, and leave out what happened later. "
            "[default: the last row of the files]",
        ),
    ] = None,
    allow_rejected: Annotated[
        bool, typer.Option("--allow-rejected", help="Rejected rows are no failure.")
    ] = False,
    allow_held: Annotated[
        bool,
        typer.Option("--allow-held", help="Files of which most is about nobody are no failure."),
    ] = False,
    allow_tables: TablesOption = None,
    pictures: PicturesOption = True,
    force: ForceOption = False,
    json: JsonOption = False,
) -> int:
    r"""Run people and their activities through a model.

    ```sh
    lifecycle-fsm run waterfall --people people.csv \
        --activities activities.csv --out out
    lifecycle-fsm run waterfall --people leads.csv --mapping mapping.toml
    zcat log.gz | lifecycle-fsm run two_step --activities - --format jsonl
    ```

    Without a mapping, the columns of people are `id`, `created_at` and any field of the person;
    those of activities are `person`, `kind`, `at`, perhaps `id`, and what the kinds bring, each in
    its column or all in a JSON column `payload`. Times without a zone are UTC then. A mapping reads
    other people's exports as they are.

    The folder then has people, history and decisions as CSV and Parquet, the funnel as SVG and PNG,
    `summary.txt` and `summary.json`, `rejected.csv` with every row that could not be used (file,
    line, column, reason), and `duplicates.csv` with the pairs of people who have one e-mail
    address. It appears whole or not at all.
    """
    asked = read_time("--until", until)
    inputs = inputs_of(people, activities)
    first: list[Reject] = []
    with ExitStack() as exits:
        output = None
        if out is not None:
            folder = OutputFolder(out, force=force)
            folder.keep([model, *(path for _, path in inputs), *([mapping] if mapping else ())])
            output = Output(exits.enter_context(folder), pictures=pictures)
        tally = Tally(keep=output.keep if output else None)
        lifecycle = Lifecycle(running_model(model, allow_tables), record=tally)
        if output:
            output.folder.keep(files_of(lifecycle.model))
            output.check(lifecycle)

        def reject(one: Reject) -> None:
            if output:
                output.rejects.add(one)
            if len(first) < _SHOWN:
                first.append(one)

        bar = exits.enter_context(progress())
        log = read_log(
            lifecycle,
            inputs,
            mapping=mapping,
            format=format,
            order=order,
            reject=reject,
            bar=bar,
        )
        end = apply_log(lifecycle, log, asked, bar, tally)
        outcome = Outcome(lifecycle=lifecycle, log=log, tally=tally, until=end, asked=asked)
        if output:
            output.write(outcome, bar)
    if json:
        print_json(outcome.as_dict())
    else:
        print(outcome.as_text())
        if out is not None:
            print(f"\nwritten to {out}")
    held = _held(outcome, allow_held)
    for note in outcome.notes:
        complain(f"note: {note}")
    return max(held, _rejected(outcome, first, out, allow_rejected))


def _held(outcome: Outcome, allowed: bool) -> int:
    """Say what meets nobody; the exit code."""
    for one in outcome.unmatched:
        complain(f"{one}{'' if allowed else ' (--allow-held makes this a success)'}")
    return REJECTED if outcome.unmatched and not allowed else 0


def _rejected(outcome: Outcome, first: list[Reject], out: str | None, allowed: bool) -> int:
    """Say what was rejected; the exit code."""
    if not outcome.rejected:
        return 0
    for one in [*first, *outcome.contradictions][:_SHOWN]:
        column = f", column {one.column}" if one.column else ""
        complain(f"{one.file}, line {one.line}{column}: {one.reason}")
    if outcome.rejected > _SHOWN:
        complain(f"… and {outcome.rejected - _SHOWN:,} more")
    complain(
        f"{outcome.rejected:,} rejected"
        + (f": see {out}/rejected.csv" if out is not None else "")
        + ("" if allowed else "; --allow-rejected makes this a success")
    )
    return 0 if allowed else REJECTED
