"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

import lifecycle_fsm
from lifecycle_fsm.cli import (
    cases,
    check,
    demo,
    diff,
    draw,
    explain,
    funnel,
    init,
    models,
    run,
    sheet,
    types,
)
from lifecycle_fsm.cli.common import safely

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        print(f"lifecycle-fsm {lifecycle_fsm.__version__}")
        raise typer.Exit


@app.callback()
def lifecycle_fsm_(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """The B2B lead lifecycle as a finite-state machine: run it, explain it, draw it.

    MODEL is the name of a shipped model, such as `waterfall`, or a TOML file of your own.
    A first look, with a small made-up company:

    ```sh
    lifecycle-fsm demo
    lifecycle-fsm draw waterfall --out lifecycle.svg
    lifecycle-fsm funnel lifecycle-demo/history.parquet
    lifecycle-fsm init my-lifecycle
    ```

    Exit codes: 0 done, 1 rows were rejected or faults were found, 2 wrong use, model or file,
    130 stopped.
    """


for command in (
    run.run,
    draw.draw,
    funnel.funnel,
    explain.explain,
    sheet.sheet,
    cases.cases,
    check.check,
    diff.diff,
    init.init,
    models.models,
    types.types,
    demo.demo,
):
    app.command()(safely(command))
