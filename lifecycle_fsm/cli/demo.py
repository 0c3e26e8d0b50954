"""``lifecycle-fsm demo``: a small made-up company, run through the shipped waterfall."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated

import typer

from lifecycle_fsm.cli import company
from lifecycle_fsm.cli.common import (
    ForceOption,
    JsonOption,
    PicturesOption,
    print_json,
    progress,
)
from lifecycle_fsm.cli.working import Log, Outcome, Output, Tally, apply_log
from lifecycle_fsm.lifecycle import Lifecycle
from lifecycle_fsm.tables import OutputFolder, by_event

_MODEL = "waterfall"


def demo(
    out: Annotated[
        str, typer.Option(metavar="DIR", help="The folder that is made.")
    ] = "lifecycle-demo",
    people: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many people.")] = 500,
    seed: Annotated[int, typer.Option(help="Another number, another company.")] = 1,
    pictures: PicturesOption = True,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    r"""Make up a small company and run its year through the model `waterfall`.

    ```sh
    lifecycle-fsm demo
    lifecycle-fsm demo --people 5000 --seed 7 --out big-demo
    ```

    The folder has what `run` writes, and in `input` the two files to run again, yourself:

    ```sh
    cd lifecycle-demo/input
    lifecycle-fsm run waterfall --people people.csv \
        --activities activities.csv --out ../../again
    lifecycle-fsm explain waterfall p00003 --people people.csv \
        --activities activities.csv
    ```
    """
    with ExitStack() as exits:
        folder = exits.enter_context(OutputFolder(out, force=force))
        output = Output(folder, pictures=pictures)
        tally = Tally(keep=output.decisions.add)
        lifecycle = Lifecycle(_MODEL, record=tally)
        output.check(lifecycle)
        bar = exits.enter_context(progress())
        made = list(company.activities(people, seed))
        company.write(made, folder.file("input"))
        log = Log(by_event(made), max(one.at for one in made))
        end = apply_log(lifecycle, log, None, bar)
        outcome = Outcome(lifecycle=lifecycle, log=log, tally=tally, until=end)
        output.write(outcome, bar)
    if json:
        print_json(outcome.as_dict())
        return
    print(outcome.as_text())
    look = f"open {out}/funnel.svg, and read" if pictures else "read"
    print(f"\nwritten to {out}: {look} {out}/summary.txt")
