"""People for the litmus list: from the table that ``run`` writes, or from saved states."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lifecycle_fsm.errors import FileProblem, suggest
from lifecycle_fsm.fields import FieldType, instant
from lifecycle_fsm.history import StoredTable
from lifecycle_fsm.model import Model
from lifecycle_fsm.orchestrator.saved_state import load_opportunities
from lifecycle_fsm.person import BASE_FIELDS, READ_ONLY
from lifecycle_fsm.tables import Format
from lifecycle_fsm.tables.history_tables import accepted, open_run_table

_TEXT = FieldType("str")


def read_people(
    path: str | Path,
    model: Model,
    format: Format | None = None,
    only: Iterable[str] | None = None,
    ids: Collection[str] | None = None,
) -> list[SimpleNamespace]:
    """Read the people of a table, with everything that the guards of the model may read.

    They are not :class:`~lifecycle_fsm.Person` objects: nobody can move them. A field that the
    table lacks has its initial value. With ``only``, so has every other field but id and stage.
    With ``ids``, only these people are read.

    Raises:
        FileProblem: the file cannot be read, is not a table of people, or has a value that the
            model does not accept.
    """
    return [*_read(path, model, format, only, ids)]


def _read(
    path: str | Path,
    model: Model,
    format: Format | None = None,
    only: Iterable[str] | None = None,
    ids: Collection[str] | None = None,
) -> Iterator[SimpleNamespace]:
    types: Mapping[str, FieldType] = {
        "id": _TEXT,
        **READ_ONLY,
        **model.field_types,
    }
    if only is not None:
        wanted = {"id", "stage", *only}
        types = {name: kind for name, kind in types.items() if name in wanted}
    starts = _starts(model)
    what = "table of people as `run` writes it"
    with open_run_table(path, format, ("id", "stage"), what) as table:
        if table.parquet is not None:
            if ids is not None:
                table.parquet.choose("id", ids)
            table.parquet.select(name for name in table.columns or () if name in types)
        for row in table.all_rows():
            where = f"{table.name}, line {row.line}"
            values = dict(starts)
            for name, kind in types.items():
                value = row.values.get(name)
                # A CSV has no other sign for a missing value.
                if value is not None and value != "":
                    values[name] = accepted(where, name, kind, value)
            stage = values["stage"]
            if stage not in model.by_name:
                raise FileProblem(
                    f"{where}: the model {model.name!r} has no stage named {stage!r}"
                    f"{suggest(str(stage), model.by_name)}; give the model of these people"
                )
            if ids is None or values["id"] in ids:
                yield SimpleNamespace(**values)


class PeopleTable(StoredTable[Any]):
    """The people of a table, as :func:`read_people` reads them: each time that they are needed, and
    never all at once."""

    def __init__(self, path: str | Path, model: Model, only: Iterable[str] | None = None) -> None:
        self._read = partial(_read, path, model, only=None if only is None else tuple(only))

    def __iter__(self) -> Iterator[Any]:
        return self._read()

    def about(self, records: Collection[str]) -> Iterable[Any]:
        """The people with these ids."""
        return self._read(ids=records) if records else ()


def people_of(states: Iterable[Mapping[str, Any]], model: Model) -> Iterator[SimpleNamespace]:
    """The people of saved states, as :meth:`.Lifecycle.dump` gives them, in the form of
    :func:`read_people`, with their ``opportunities``.

    Raises:
        RecordError: a state has a value that the model does not accept.
    """
    types, starts = model.field_types, _starts(model)
    for state in states:
        # Guards do not read a field that the model no longer has.
        fields = {name: value for name, value in state["fields"].items() if name in types}
        yield SimpleNamespace(
            **starts
            | {name: types[name].accept(value) for name, value in fields.items()}
            | {
                "id": state["id"],
                "stage": state["stage"],
                "stage_entered_at": instant(state["entered_at"]),
                "journey": state["journey"],
                "journey_started_at": instant(state["journey_started_at"]),
                "opportunities": load_opportunities(state.get("opportunities", {})),
            }
        )


def _starts(model: Model) -> dict[str, Any]:
    fields = {**BASE_FIELDS, **{field.name: field for field in model.fields}}
    known: dict[str, Any] = {name: field.start() for name, field in fields.items()}
    return {"id": "", **dict.fromkeys(READ_ONLY), "journey": 1, **known}
