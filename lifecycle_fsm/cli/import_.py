"""``lifecycle-fsm import``: read exported files into an empty store."""

from __future__ import annotations

from typing import Annotated

import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.console import print_json
from lifecycle_fsm.cli.export import as_dict, as_text
from lifecycle_fsm.cli.stores import open_database, place_of


def import_(
    folder: Annotated[
        str,
        typer.Argument(metavar="FOLDER", help="A folder that `export` wrote."),
    ],
    store: options.Store,
    json: options.Json = False,
) -> None:
    r"""Read an exported store into an empty one.

    ```sh
    lifecycle-fsm import backup --store postgresql://user:password@host/name
    lifecycle-fsm rebuild backup/model.toml --store postgresql://user:password@host/name
    ```

    Reads everything, or nothing if a file was changed since the export. A store is created if there
    is none. People keep following the model they followed before.
    """
    from lifecycle_fsm.store import exchange
    from lifecycle_fsm.store.schema import remove

    exchange.read_export(folder)  # before a store is created for it
    with open_database(store) as database:
        place = place_of(database)
        try:
            exported = exchange.import_(database, folder)
        except BaseException:
            if database.is_new:
                database.close()
                remove(database.engine)
            raise
    if json:
        print_json(as_dict(exported, place, folder))
    else:
        print(f"{folder} into {place}: {as_text(exported)}")
