"""A read-only view of a store at one moment, without locks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Select, create_engine, or_, select

from lifecycle_fsm.activities import Activity
from lifecycle_fsm.errors import StoreError, UnknownPerson
from lifecycle_fsm.fields import FieldType
from lifecycle_fsm.history import DeadlineFact, HistoryRow
from lifecycle_fsm.model import Model, loads
from lifecycle_fsm.store import tables
from lifecycle_fsm.store.database_faults import database_url, place, store_errors
from lifecycle_fsm.store.schema import check


@contextmanager
def snapshot(address: str) -> Iterator[Snapshot]:
    """Read a store as it is at one moment, whatever is written in the meantime.

    Raises:
        StoreError: there is no store, it is of another release, or it cannot be read.
    """
    engine = create_engine(database_url(address))
    try:
        check(engine)
        with store_errors(engine), engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                reads = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
                connection.execution_options(**reads)
            else:  # Python does not begin a transaction for a query
                connection.exec_driver_sql("BEGIN")
            yield Snapshot(connection, place(engine))
    finally:
        engine.dispose()


class Snapshot:
    """A store as a connection sees it.

    Args:
        connection: sees one moment, as from :func:`snapshot` and :meth:`.Database.reading`, or is
            in a transaction.
        place: the file of the store, or its address without the password.
    """

    def __init__(self, connection: Connection, place: str = "") -> None:
        self.place = place
        self._connection = connection

    @property
    def connection(self) -> Connection:
        """The underlying connection, for other queries about the same moment."""
        return self._connection

    def model(self) -> Model | None:
        """The model that people follow, or ``None`` if it has no text because of Python guards."""
        definition = self._connection.scalar(_latest(tables.MODEL.c.definition))
        return None if definition is None else loads(definition)

    def ticked_until(self) -> datetime | None:
        """Up to when a tick has let time pass for all people; ``None`` before the first tick."""
        ticked: datetime | None = self._connection.scalar(select(tables.TICK.c.until))
        return ticked

    def version(self) -> tuple[str, str]:
        """The name and the version of the model that people follow.

        Raises:
            StoreError: the store has no model yet.
        """
        row = self._connection.execute(_latest(tables.MODEL.c.name, tables.MODEL.c.version)).first()
        if row is None:
            where = self.place or "the store"
            raise StoreError(f"{where} has no model yet: `lifecycle-fsm ingest MODEL` gives it one")
        return row.name, row.version

    def history(
        self, types: Mapping[str, FieldType], names: Iterable[str] | None = None
    ) -> list[HistoryRow]:
        """The history rows of these records, or of all, by person and sequence [S25], with
        dimensions of these types."""
        rows = self._of(
            names,
            select(tables.HISTORY).order_by(tables.HISTORY.c.person, tables.HISTORY.c.sequence),
        )
        return [
            HistoryRow(
                **{
                    **row,
                    "passed_over": tuple(row["passed_over"]),
                    "kept": tuple(
                        (name, types[name].accept(value) if name in types else value)
                        for name, value in row["kept"]
                    ),
                }
            )
            for row in rows
        ]

    def deadlines(self, names: Iterable[str] | None = None) -> list[DeadlineFact]:
        """The decided deadlines of these records, or of all, by person and due time [S21]."""
        order = (tables.DEADLINE.c.person, tables.DEADLINE.c.due_at, tables.DEADLINE.c.rule)
        return [
            DeadlineFact(**row) for row in self._of(names, select(tables.DEADLINE).order_by(*order))
        ]

    def _of(self, names: Iterable[str] | None, query: Select[Any]) -> Iterable[Mapping[str, Any]]:
        if names is not None:
            query = query.where(query.selected_columns.person.in_([*names]))
        rows: Iterable[Any] = self._connection.execute(query).mappings()
        return rows

    def state(self, name: str) -> Mapping[str, Any] | None:
        """The saved state of the person that a record or contact belongs to; ``None`` if no such
        person has been created."""
        survivor = self._survivor(name)
        state: Mapping[str, Any] | None = self._connection.scalar(
            select(tables.PERSON.c.state).where(tables.PERSON.c.id == survivor)
        )
        return state

    def known_state(self, name: str) -> Mapping[str, Any]:
        """:meth:`state` of a person who must exist.

        Raises:
            UnknownPerson: no person with this id has been created.
        """
        state = self.state(name)
        if state is None:
            raise UnknownPerson(f"nobody with the id {name!r} has been created")
        return state

    def _survivor(self, name: str) -> str:
        alias = select(tables.ALIAS.c.person).where(tables.ALIAS.c.id == name)
        record: str = self._connection.scalar(alias) or name
        survivor = select(tables.PERSON.c.survivor).where(tables.PERSON.c.id == record)
        return self._connection.scalar(survivor) or record

    def states(self) -> Iterator[Mapping[str, Any]]:
        """The saved state of every person, by id, as :meth:`.Lifecycle.dump` returned it."""
        created = select(tables.PERSON.c.state).where(tables.PERSON.c.state.is_not(None))
        return iter(self._connection.scalars(created.order_by(tables.PERSON.c.id)))

    def group(self, name: str) -> frozenset[str]:
        """The ids of all records and contacts of the person that this id belongs to [S23],
        including this id itself, even if no person has it."""
        survivor = self._survivor(name)
        records = select(tables.PERSON.c.id).where(tables.PERSON.c.survivor == survivor)
        names = {name, survivor, *self._connection.scalars(records)}
        contacts = select(tables.ALIAS.c.id).where(tables.ALIAS.c.person.in_(names))
        return frozenset({*names, *self._connection.scalars(contacts)})

    def knows(self, name: str) -> bool:
        """Whether the store has this id of a record or a contact, even if it is only mentioned."""
        ids: tuple[Select[Any], ...] = (
            select(tables.PERSON.c.id).where(tables.PERSON.c.id == name),
            select(tables.ALIAS.c.id).where(tables.ALIAS.c.id == name),
        )
        return any(self._connection.scalar(query) is not None for query in ids)

    def log(self, names: Iterable[str] | None = None) -> list[Activity]:
        """The applied activities of these records and contacts, or of all, in the order in which
        they were applied."""
        return [activity for _, activity in self.placed_log(names)]

    def placed_log(self, names: Iterable[str] | None = None) -> list[tuple[int, Activity]]:
        """:meth:`log`, with the place of each activity."""
        applied = (
            select(tables.ACTIVITY.c.place, tables.ACTIVITY.c.person, tables.ACTIVITY.c.activity)
            .where(tables.ACTIVITY.c.status == "applied")
            .order_by(tables.ACTIVITY.c.place)
        )
        rows = self._of(names, applied)
        return [(row["place"], Activity.load(row["activity"])) for row in rows]

    def stopped(self, names: Iterable[str]) -> list[tuple[Activity, str]]:
        """The held and parked activities of these records, each with the reason."""
        names = [*names]
        query = select(tables.ACTIVITY).where(
            tables.ACTIVITY.c.status.in_(["held", "parked"]),
            or_(tables.ACTIVITY.c.person.in_(names), tables.ACTIVITY.c.waits_for.in_(names)),
        )
        return [
            (
                Activity.load(row.activity),
                row.error or f"nobody has created {row.waits_for!r} yet",
            )
            for row in self._connection.execute(query.order_by(tables.ACTIVITY.c.place))
        ]


def _latest(*columns: Column[Any]) -> Select[Any]:
    return select(*columns).order_by(tables.MODEL.c.number.desc()).limit(1)


def records_of(state: Mapping[str, Any]) -> list[str]:
    """The ids of all records of a person with this saved state, the survivor's first."""
    return [state["id"], *(record["id"] for record in state.get("folded", ()))]


def names_of(state: Mapping[str, Any]) -> list[str]:
    """The ids of all records and contacts of a person with this saved state."""
    return [*records_of(state), *state.get("aliases", ())]
