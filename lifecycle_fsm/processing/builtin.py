"""The built-in steps by the name that a model's ``use`` gives them [S13].

A maker takes the options that the model wrote and what the host brought along, and gives the
function to run with what it reads and writes. All that can be found wrong is found then, not with
the first person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import attrs

from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.processing.step import Options, Run

#: Rows that the host holds, by the value of the key field: ``{"acme.com": {"employees": 40}}``.
Rows: TypeAlias = Mapping[Any, Mapping[str, Any]]
#: The demographic score of a person at an instant: the one function of the scoring silo [S18].
Demographic: TypeAlias = Callable[[Any, datetime], int]


def _paths(names: Iterable[str | Path]) -> tuple[Path, ...]:
    return tuple(map(Path, names))


@attrs.frozen(kw_only=True)
class Surroundings:
    """What a maker may use beside the options.

    Args:
        types: the fields that a step may write, with their types.
        folder: where the relative paths of the model start, and below which tables are read.
        tables_from: further files and folders that tables may be read from.
        rows: rows that the host gave for this step, in place of a file.
        run: a function that the host gave for this step, in place of a table.
        demographic: the demographic score.
        demographic_reads: the fields that the rules of that score look at.
    """

    types: Mapping[str, FieldType]
    folder: Path = attrs.field(default=Path(), converter=Path)
    tables_from: tuple[Path, ...] = attrs.field(default=(), converter=_paths)
    rows: Rows | None = None
    run: Run | None = None
    demographic: Demographic | None = None
    demographic_reads: tuple[str, ...] = ()


@attrs.frozen
class Made:
    """A built-in step, ready: what it does, what it reads and what it writes."""

    run: Run
    reads: tuple[str, ...]
    writes: tuple[str, ...]


Make: TypeAlias = Callable[[Options, Surroundings], Made]


def makers() -> Mapping[str, Make]:
    """Every built-in step, by the name that ``use`` gives it."""
    # Here and not above: the steps themselves import this file.
    from lifecycle_fsm.processing import cohort, demographic, enrich, lead_source, normalise

    return {
        "normalise": normalise.make,
        "enrich": enrich.make,
        "lead_source": lead_source.make,
        "demographic_score": demographic.make,
        "cohort": cohort.make,
    }
