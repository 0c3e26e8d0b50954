"""``lifecycle-fsm run``: people and activities from files, through a model, to tables."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.activity_log import FormatOption
from lifecycle_fsm.cli.arguments import inputs_of, load_model, read_size, read_time
from lifecycle_fsm.cli.console import print_json, progress
from lifecycle_fsm.cli.exit_status import REJECTED
from lifecycle_fsm.cli.left_over import FirstRejects, tell_held, tell_rejected
from lifecycle_fsm.cli.options import option
from lifecycle_fsm.cli.run_outcome import RunOutcome, RunOutput, run_into
from lifecycle_fsm.model import Model
from lifecycle_fsm.tables import OutputFolder


def run(
    model: options.Model,
    people: options.People = None,
    activities: options.Activities = None,
    mapping: options.Mapping = None,
    out: Annotated[
        str | None, option("DIR", "Write tables, funnel and summary to this folder.")
    ] = None,
    format: FormatOption = None,
    order: options.InOrder = "event",
    until: Annotated[
        str | None,
        option(
            "TIME",
            "Let time pass up to then, and leave out what happened later. "
            "[default: the last row of the files]",
        ),
    ] = None,
    allow_rejected: options.AllowRejected = False,
    allow_held: options.AllowHeld = False,
    allow_tables: options.Tables = None,
    workers: options.Workers = None,
    memory: options.Memory = None,
    csv: options.Csv = None,
    pictures: options.Pictures = True,
    force: options.Force = False,
    json: options.Json = False,
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
    address. It appears whole or not at all. Tables are sorted by person; what became of one person
    is in the order in which it happened.

    Files of any size are read: they are cut by people, and the parts go through the model one after
    the other, in several processes, so that they fit into memory. The result does not depend on it.
    """
    end = read_time("--until", until)
    inputs = inputs_of(people, activities)
    read, limit = load_model(model, allow_tables), read_size("--memory", memory)
    with ExitStack() as exits:
        output = None
        if out is not None:
            folder = OutputFolder(out, force=force)
            folder.keep([model, *(path for _, path in inputs), *([mapping] if mapping else ())])
            folder.keep(_tables_of(read))
            output = RunOutput(exits.enter_context(folder), pictures=pictures, csv=csv)
            output.check(read)
        rejects = FirstRejects(output.rejects.add if output else None)
        outcome = run_into(
            output, read, inputs, mapping=mapping, format=format, order=order, until=end,
            reject=rejects, workers=workers, memory=limit, bar=exits.enter_context(progress()),
        )  # fmt: skip
    if json:
        print_json(outcome.as_dict())
    else:
        print(outcome.as_text())
        if out is not None:
            print(f"\nwritten to {out}")
    if output is not None:
        output.tell_only_parquet()
    return _status(outcome, rejects, out, allow_held=allow_held, allow_rejected=allow_rejected)


def _status(
    outcome: RunOutcome,
    rejects: FirstRejects,
    out: str | None,
    *,
    allow_held: bool,
    allow_rejected: bool,
) -> int:
    """Tell what could not be used, and return the exit status."""
    held = tell_held(outcome.unmatched, outcome.notes, allowed=allow_held)
    table = None if out is None else f"{out}/rejected.csv"
    first = [*rejects.first, *outcome.contradictions]
    rejected = tell_rejected(outcome.rejected, first, allowed=allow_rejected, table=table)
    return REJECTED if rejected or held else 0


def _tables_of(model: Model) -> list[Path]:
    """The files that the steps of a model read: an option that names one."""
    options = (value for use in model.chain for value in use.options.values())
    paths = (Path(model.folder, value) for value in options if isinstance(value, str))
    return [path for path in paths if path.is_file()]
