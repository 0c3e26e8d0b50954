"""Which model wrote a history, does this one know all that it tells, and what lies beside it?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from lifecycle_fsm.cli.common import load_model
from lifecycle_fsm.cli.endings import complain
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import FieldType, instant
from lifecycle_fsm.history import HistoryRow
from lifecycle_fsm.model import Model, load, shipped
from lifecycle_fsm.tables import read_history
from lifecycle_fsm.wording import shortened

DeadlinesOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="What became of deadlines, as `run` wrote it. [default: deadlines beside the history]",
    ),
]
WatchedOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="Up to when people were watched. [default: as in the run, or the last row]",
    ),
]
_SHOWN = 8


def check_fits(
    rows: Sequence[HistoryRow], model: Model, source: str, verb: tuple[str, str] = ("draw", "draws")
) -> None:
    """Does the model know everything that the history tells? If not, people would be missing.

    Another version of a model that does is only told.

    Raises:
        LifecycleError: it does not.
    """
    lacking = _lacking(rows, model)
    if any(lacking.values()):
        what = " and ".join(
            f"the {noun}{'' if len(names) == 1 else 's'} {shortened([*map(repr, names)], _SHOWN)}"
            for noun, names in lacking.items()
            if names
        )
        raise LifecycleError(
            f"{source} is the history of another model: {model.name} {model.version} does not have "
            f"{what}; {verb[0]} it with the model that wrote it"
        )
    version = model.version
    others = sorted({row.version for row in rows} - {version})
    if others:
        complain(
            f"note: this history was written by version {', '.join(others)} of a model, "
            f"and {version} {verb[1]} it"
        )


def read_with_model(path: str, name: str | None) -> tuple[list[HistoryRow], Model]:
    """A history and its model: the one that is named; or else the shipped one that wrote it, or
    one that knows everything that it tells.

    Raises:
        LifecycleError: there is none, or the named one is none of it.
    """
    if name is not None:
        models = [load_model(name)]
    else:
        first = "waterfall"
        models = [load(one) for one in sorted(shipped(), key=lambda one: (one != first, one))]
    types: dict[str, FieldType] = {}
    for one in reversed(models):
        types |= one.field_types
    rows = read_history(path, dimensions=types)
    if name is None:
        versions = {row.version for row in rows}
        fitting = [one for one in models if one.version in versions]
        fitting += [one for one in models if not any(_lacking(rows, one).values())]
        if not fitting:
            raise LifecycleError(
                f"{path} is the history of none of the shipped models ({', '.join(shipped())}): "
                "say --model and the file of the one that wrote it"
            )
        models = fitting
    check_fits(rows, models[0], path, ("measure", "measures"))
    return rows, models[0]


def beside(history: str, table: str) -> str | None:
    """The other table that the run of a history wrote, in the format of the history if it can be;
    nothing where there is none."""
    path = Path(history)
    suffixes = sorted((".csv", ".parquet"), key=lambda one: one != path.suffix.lower())
    files = (path.with_name(table + suffix) for suffix in suffixes if path.is_file())
    return next((str(file) for file in files if file.is_file()), None)


def watched_until(history: str) -> datetime | None:
    """Up to when the run of a history let time pass, as its summary remembers; nothing where the
    history stands alone."""
    path = Path(history)
    if not path.is_file():
        return None
    try:
        summary = json.loads(path.with_name("summary.json").read_text("utf-8"))
        return instant(summary["until"])
    except (OSError, ValueError, LookupError, TypeError, LifecycleError):
        return None


def _lacking(rows: Sequence[HistoryRow], model: Model) -> Mapping[str, list[str]]:
    """The stages and rules that a history tells of and the model does not have."""
    # The closing row of a merge names no stage: its person is gone.
    told = [row for row in rows if row.kind != "merge"]
    stages = {name for row in told for name in (row.from_stage, row.to_stage) if name is not None}
    rules = {row.rule for row in told if row.from_stage is not None and row.kind != "migrate"}
    return {
        "stage": sorted(stages - set(model.by_name)),
        "rule": sorted(
            rules - {one.name for one in model.sort} - {one.name for one in model.moves}
        ),
    }
