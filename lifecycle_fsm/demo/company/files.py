"""The company as files: what ``run`` reads without a mapping, and a model that finds the table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.demo.company.accounts import Account
from lifecycle_fsm.demo.company.invention import Company
from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.files import write_file

PEOPLE, ACTIVITIES, TABLE, MODEL = (
    "people.csv",
    "activities.csv",
    "companies.csv",
    "lifecycle.toml",
)
_ENRICH = 'step = "enrich"'
_OPTIONS = "options = { "


def write(company: Company, folder: Path) -> None:
    """Write people, activities and the table of companies into a new folder."""
    folder.mkdir()
    people = [one for one in company.log if one.kind == "created"]
    others = (one for one in company.log if one.kind != "created")
    _write(folder / PEOPLE, map(_person, sorted(people, key=lambda one: one.person)))
    _write(folder / ACTIVITIES, map(_row, others))
    known = sorted((one for one in company.accounts if one.known), key=lambda one: one.domain)
    _write(folder / TABLE, map(_company, known))


def with_table(text: str) -> str:
    """The text of a model whose step ``enrich`` looks into the table that lies beside it.

    Raises:
        LifecycleError: it has no such step.
    """
    before, step, behind = text.partition(_ENRICH)
    between, options, rest = behind.partition(_OPTIONS)
    if not options or "[[" in between:
        raise LifecycleError(f"the model has no {_ENRICH} with {_OPTIONS}… behind it")
    return f'{before}{step}{between}{options}table = "{TABLE}", {rest}'


def _person(one: Activity) -> dict[str, Any]:
    return {"id": one.person, "created_at": one.at, **one.payload}


def _row(one: Activity) -> dict[str, Any]:
    return {"id": one.id, "person": one.person, "kind": one.kind, "at": one.at, **one.payload}


def _company(one: Account) -> dict[str, Any]:
    return {
        "domain": one.domain,
        "name": one.name,
        "industry": one.industry,
        "employees": one.employees,
    }


def _write(path: Path, records: Iterable[dict[str, Any]]) -> None:
    rows = list(records)
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in names])
    write_file(path, text.getvalue())


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value
