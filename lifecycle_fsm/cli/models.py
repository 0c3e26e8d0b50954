"""``lifecycle-fsm models``: the models that come with the package."""

from __future__ import annotations

from typing import Annotated

import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.console import print_json
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.model import load, shipped, shipped_text


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Print the commented TOML of this one.")
    ] = None,
    json: options.Json = False,
) -> None:
    """List the shipped models, or print one, to copy and edit.

    ```sh
    lifecycle-fsm models
    lifecycle-fsm models waterfall > my-lifecycle.toml
    lifecycle-fsm draw my-lifecycle.toml --out my-lifecycle.svg
    ```
    """
    if name is not None:
        text = shipped_text(name)
        if json:
            print_json({"name": name, "version": load(name).version, "toml": text})
        else:
            print(text, end="")
        return
    lifecycles = [load(name) for name in shipped()]
    if json:
        print_json(
            [
                {
                    "name": model.name,
                    "title": model.title,
                    "version": model.version,
                    "stages": [stage.name for stage in model.stages],
                }
                for model in lifecycles
            ]
        )
        return
    rows = (
        (model.name, model.title, " → ".join(stage.display for stage in model.path))
        for model in lifecycles
    )
    print(lined_up(rows, indent=0))
