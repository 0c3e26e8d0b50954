"""``lifecycle-fsm demo``: a made-up company, run through the shipped waterfall."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from lifecycle_fsm.cli import company, tour
from lifecycle_fsm.cli.common import (
    ForceOption,
    JsonOption,
    PicturesOption,
    print_json,
    progress,
)
from lifecycle_fsm.cli.working import Log, Outcome, Output, Tally, apply_log
from lifecycle_fsm.files import write_file
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.machine import Decision
from lifecycle_fsm.model import shipped_text
from lifecycle_fsm.tables import OutputFolder, by_event

_MODEL = "waterfall"


def demo(
    out: Annotated[
        str, typer.Option(metavar="DIR", help="The folder that is made.")
    ] = "lifecycle-demo",
    people: Annotated[int, typer.Option(min=1, max=200_000, help="How many people.")] = 5_000,
    seed: Annotated[int, typer.Option(help="Another number, another company.")] = 1,
    pictures: PicturesOption = True,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    r"""Make up a company and run two years of it through the model `waterfall`.

    ```sh
    lifecycle-fsm demo
    lifecycle-fsm demo --people 500 --seed 7 --out small-demo
    ```

    The folder has what `run` writes, and in `input` all that it was made from, to run again,
    yourself: people, activities, a table of companies for the step `enrich`, and the model that
    looks into it. Change a number in `lifecycle.toml`, and see what becomes of the funnel:

    ```sh
    cd lifecycle-demo/input
    lifecycle-fsm run lifecycle.toml --people people.csv \
        --activities activities.csv --out ../../what-if
    ```

    At the end it names people with a story, for `explain`.
    """
    with ExitStack() as exits:
        folder = exits.enter_context(OutputFolder(out, force=force))
        output = Output(folder, pictures=pictures)
        guide = tour.Guide()

        def keep(decision: Decision) -> None:
            output.keep(decision)
            guide.see(decision)

        shipped = Lifecycle(_MODEL)
        output.check(shipped)
        bar = exits.enter_context(progress())
        made = company.invent(people, seed, bar=bar).with_processing(shipped.model)
        source = folder.file("input")
        company.write(made, source)
        model = source / company.MODEL
        write_file(model, company.with_table(shipped_text(_MODEL)))
        tally = Tally(keep=keep)
        lifecycle = Lifecycle(model, record=tally)
        log = Log(by_event(made.log), max(one.at for one in made.log))
        end = apply_log(lifecycle, log, None, bar)
        outcome = Outcome(lifecycle=lifecycle, log=log, tally=tally, until=end)
        output.write(outcome, bar)
    if json:
        print_json(outcome.as_dict())
        return
    print(tour.in_words(outcome, people))
    print(guide.what_next(lifecycle, out, pictures=pictures))
