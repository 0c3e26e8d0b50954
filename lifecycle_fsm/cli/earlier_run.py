"""The files that a run wrote: a history with the model that fits it, and what lies beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from lifecycle_fsm.cli.arguments import load_model
from lifecycle_fsm.cli.console import complain
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import FieldType, instant
from lifecycle_fsm.history import HistoryInMemory, StoredHistory
from lifecycle_fsm.model import Model, load, shipped
from lifecycle_fsm.rows.row import listed
from lifecycle_fsm.tables import open_history

_SHOWN = 8
#: What is done with a history, as a messages calls it.
MEASURE = "measure", "measures"


def read_fitting(path: str, model: Model, verb: tuple[str, str]) -> StoredHistory:
    """Open a history, and check that the model has all its stages and rules.

    Raises:
        LifecycleError: it does not; ``verb`` is what was to be done with the history.
    """
    history = _open(path, model.field_types)
    check_fits(history, model, path, verb)
    return history


def _open(path: str, dimensions: Mapping[str, FieldType]) -> StoredHistory:
    rows = open_history(path, dimensions=dimensions)
    return rows if isinstance(rows, StoredHistory) else HistoryInMemory(rows)


def check_fits(history: StoredHistory, model: Model, source: str, verb: tuple[str, str]) -> None:
    """Check that the model has all stages and rules of a history; else people would be missing.

    Another version of a model that does is only told.

    Raises:
        LifecycleError: it does not.
    """
    lacking = _lacking(history, model)
    if any(lacking.values()):
        what = " and ".join(
            f"the {noun}{'' if len(names) == 1 else 's'} {listed([*map(repr, names)], _SHOWN)}"
            for noun, names in lacking.items()
            if names
        )
        raise LifecycleError(
            f"{source} is the history of another model: {model.name} {model.version} does not have "
            f"{what}; {verb[0]} it with the model that wrote it"
        )
    version = model.version
    others = sorted({move.version for move in history.moves} - {version})
    if others:
        complain(
            f"note: this history was written by version {', '.join(others)} of a model, "
            f"and {version} {verb[1]} it"
        )


def read_with_model(path: str, name: str | None) -> tuple[StoredHistory, Model]:
    """A history and its model: the one that is named; or else the shipped one that wrote it, or
    one that knows everything that it tells.

    Raises:
        LifecycleError: there is none, or the named one is none of it.
    """
    if name is not None:
        model = load_model(name)
        return read_fitting(path, model, MEASURE), model
    names = sorted(shipped(), key=lambda name: (name != "waterfall", name))
    models = [load(name) for name in names]
    types: dict[str, FieldType] = {}
    for model in reversed(models):
        types |= model.field_types
    history = _open(path, types)
    versions = {move.version for move in history.moves}
    fitting = [model for model in models if model.version in versions]
    fitting += [model for model in models if not any(_lacking(history, model).values())]
    if not fitting:
        raise LifecycleError(
            f"{path} is the history of none of the shipped models ({', '.join(shipped())}): "
            "say --model and the file of the one that wrote it"
        )
    check_fits(history, fitting[0], path, MEASURE)
    return history, fitting[0]


def beside(history: str, table: str) -> str | None:
    """The other table that the run of a history wrote, in the format of the history if it can be;
    ``None`` if there is none."""
    path = Path(history)
    suffixes = sorted((".csv", ".parquet"), key=lambda suffix: suffix != path.suffix.lower())
    files = (path.with_name(table + suffix) for suffix in suffixes if path.is_file())
    return next((str(file) for file in files if file.is_file()), None)


def watched_until(history: str) -> datetime | None:
    """Up to when the run of a history let time pass, as its summary remembers; ``None`` if the
    history stands alone."""
    path = Path(history)
    if not path.is_file():
        return None
    try:
        summary = json.loads(path.with_name("summary.json").read_text("utf-8"))
        return instant(summary["until"])
    except (OSError, ValueError, LookupError, TypeError, LifecycleError):
        return None


def _lacking(history: StoredHistory, model: Model) -> Mapping[str, list[str]]:
    """The stages and rules of a history that the model does not have."""
    # The closing row of a merge names no stage: its person is gone.
    moves = [move for move in history.moves if move.kind != "merge"]
    stages = {
        name for move in moves for name in (move.from_stage, move.to_stage) if name is not None
    }
    rules = {move.rule for move in moves if move.from_stage is not None and move.kind != "migrate"}
    known = {rule.name for rule in model.sort} | {move.name for move in model.moves}
    return {"stage": sorted(stages - set(model.by_name)), "rule": sorted(rules - known)}
