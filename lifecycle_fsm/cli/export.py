"""``lifecycle-fsm export``: write everything in a store to files."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle_fsm.cli import options
from lifecycle_fsm.cli.arguments import load_model
from lifecycle_fsm.cli.console import print_json
from lifecycle_fsm.cli.stores import open_database, place_of, require_people
from lifecycle_fsm.document.plain_text import lined_up
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.wording import counted

if TYPE_CHECKING:
    from lifecycle_fsm.store.exchange import ExportedStore


def export(
    folder: Annotated[
        str,
        typer.Argument(metavar="FOLDER", help="A new or empty folder for the files."),
    ],
    store: options.Store,
    json: options.Json = False,
) -> None:
    r"""Write everything in a store to files.

    ```sh
    lifecycle-fsm export backup --store lifecycle.db
    lifecycle-fsm run waterfall --activities backup/activities.jsonl --order arrival
    lifecycle-fsm funnel backup/history.jsonl --model backup/model.toml
    lifecycle-fsm import backup --store other.db
    ```

    The files are JSON Lines, as of one moment; other commands may write to the store meanwhile. The
    folder appears only when everything is written. `import` turns it back into a store, in SQLite
    or PostgreSQL.
    """
    from lifecycle_fsm.store import exchange

    require_people(store)
    with open_database(store) as database:
        exported = exchange.export(database, folder)
        place = place_of(database)
    if json:
        print_json(as_dict(exported, place, folder))
        return
    print(f"{place} into {folder}: {as_text(exported)}\n\nread it with:")
    for command in _readers(Path(folder)):
        print(f"  lifecycle-fsm {command}")


def _readers(folder: Path) -> Iterator[str]:
    """The commands that read an exported store; MODEL stands for a model that only the user has."""
    from lifecycle_fsm.store.exchange import MODEL_FILE

    log, history, deadlines, text = (
        shlex.quote(str(folder / name))
        for name in ("activities.jsonl", "history.jsonl", "deadlines.jsonl", MODEL_FILE)
    )
    model = text if (folder / MODEL_FILE).exists() else "MODEL"
    machine = text if _runs(folder / MODEL_FILE) else "MODEL"
    yield f"run {machine} --activities {log} --order arrival"
    yield f"funnel {history} --model {model} --deadlines {deadlines}"
    yield f"import {shlex.quote(str(folder))} --store ADDRESS"


def _runs(model: Path) -> bool:
    """Whether a model runs from the export alone: its steps may need tables or functions."""
    from lifecycle_fsm.orchestrator import Engine

    try:
        Engine(load_model(str(model)))
    except LifecycleError:
        return False
    return True


def as_dict(exported: ExportedStore, store: str, folder: str) -> dict[str, Any]:
    """The contents of an exported store, for a program."""
    return {
        "store": store,
        "folder": folder,
        "model": {"name": exported.model, "version": exported.version},
        "files": dict(exported.lines),
    }


def as_text(exported: ExportedStore) -> str:
    """The contents of an exported store, for people."""
    rows = [(name, f"{lines:,}") for name, lines in exported.lines.items()]
    total = counted(sum(exported.lines.values()), "line")
    return f"{total}, model {exported.model}, version {exported.version}\n{lined_up(rows, [1])}"
