"""``lifecycle-fsm import``: exported files as a store."""

from __future__ import annotations

from typing import Annotated

import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.console import print_json
from lifecycle_fsm.cli.export import as_dict, as_text
from lifecycle_fsm.cli.stores import open_database, place_of


def import_(
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="What `export` wrote, with all of its files.")
    ],
    store: options.Store,
    json: options.Json = False,
) -> None:
    r"""Read an exported store into an empty one.

    ```sh
    lifecycle-fsm import backup --store postgresql://user:password@host/name
    lifecycle-fsm rebuild backup/model.toml --store postgresql://user:password@host/name
    ```

    Takes all that the files have, or nothing if one of them is not as it was written. A store that
    is a file is made if there is none. Its people follow the model that they followed before.
    """
    from lifecycle_fsm.store import exchange

    exchange.read_export(folder)  # before a store is made for it
    with open_database(store) as database:
        exported = exchange.import_(database, folder)
        place = place_of(database)
    if json:
        print_json(as_dict(exported, place, folder))
    else:
        print(f"{folder} into {place}: {as_text(exported)}")
