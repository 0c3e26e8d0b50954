"""Forget a person: the rows for statistics stay, but nothing in them leads back to the person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import attrs
import sqlalchemy as sa

from lifecycle_fsm.activities import Activity, other_record
from lifecycle_fsm.errors import LifecycleError, UnknownPerson
from lifecycle_fsm.store import tables
from lifecycle_fsm.store.closures import locked_person, session_of
from lifecycle_fsm.store.database import Database
from lifecycle_fsm.store.database_faults import store_errors
from lifecycle_fsm.store.snapshot import Snapshot, names_of, records_of
from lifecycle_fsm.store.store import FORGOTTEN, Store


@attrs.frozen
class ForgetReport:
    """What was erased, and what is left for statistics.

    Args:
        records: the ids of the person's records, the survivor's first; only the given id if no
            such person was created.
        contacts: the ids of the person's contacts.
        pseudonyms: what replaces each record's id in the history, if the record was created.
        erased: how many rows were deleted, by table.
        kept: how many rows stay under a pseudonym, by table.
        overwritten: whether the SQLite file was overwritten as well. It is not if another process
            kept reading: call :func:`overwrite` later. PostgreSQL overwrites the space by its own
            vacuum when it needs it.
    """

    records: tuple[str, ...]
    contacts: tuple[str, ...]
    pseudonyms: tuple[str, ...]
    erased: Mapping[str, int]
    kept: Mapping[str, int]
    overwritten: bool = False


def forget(
    store: Store | Database, person: str, *, dry_run: bool = False, overwrite_file: bool = True
) -> ForgetReport:
    """Erase a person with all records and contacts: state, log, held and parked activities,
    decisions, requests and processing.

    History and deadline rows stay for statistics, under a numbered pseudonym. They lose the ids of
    activities and keep their times, owner, assignee, source and dimensions. Any later activity
    with one of the ids belongs to a new person.

    Args:
        store: the store, which then also drops the people that it keeps in memory; or only its
            database. Another open ``Store`` keeps the person in memory until it is closed.
        person: the id of a record or contact.
        dry_run: report what would be erased, and change nothing.
        overwrite_file: with SQLite, rewrite the file so that no free page holds data of the
            person. This takes as long as a copy; to forget several people, do it for the last one.

    Raises:
        UnknownPerson: the store has nothing for this id.
        LifecycleError: a merge with the person is parked for another person.
    """
    database = store.database if isinstance(store, Store) else store
    report = locked_person(database, person, partial(_forget, database, person, dry_run))
    if isinstance(store, Store) and not dry_run:
        store.clear_cache()
    overwritten = overwrite_file and not dry_run and overwrite(database)
    return attrs.evolve(report, overwritten=overwritten)


def overwrite(database: Database) -> bool:
    """Remove the traces of erased rows from the SQLite file.

    Returns:
        whether that was done. It is not if another process is reading, or with PostgreSQL.
    """
    if database.postgresql:
        return False
    with store_errors(database.engine), closing(database.engine.raw_connection()) as pooled:
        connection: Any = pooled.driver_connection
        connection.execute("VACUUM")
        (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


def _forget(
    database: Database, person: str, dry_run: bool, connection: sa.Connection
) -> ForgetReport:
    state = Snapshot(connection).state(person)
    names = [person] if state is None else names_of(state)
    records = [person] if state is None else records_of(state)
    others = _of_others(connection, names)
    erased = {
        table.name: connection.execute(sa.delete(table).where(condition)).rowcount
        for table, condition in (
            (
                tables.ACTIVITY,
                sa.or_(tables.ACTIVITY.c.person.in_(names), tables.ACTIVITY.c.place.in_(others)),
            ),
            (tables.DECISION, tables.DECISION.c.person.in_(names)),
            (tables.REQUEST, tables.REQUEST.c.person.in_(names)),
            (tables.PROCESSING, tables.PROCESSING.c.person.in_(names)),
        )
    }
    if state is None and not any(erased.values()):
        raise UnknownPerson(f"the store has nothing about the id {person!r}")
    connection.execute(sa.delete(tables.ALIAS).where(tables.ALIAS.c.id.in_(names)))
    connection.execute(sa.delete(tables.PERSON).where(tables.PERSON.c.id.in_(names)))
    pseudonyms: tuple[str, ...] = ()
    kept: Mapping[str, int] = {}
    if state is not None:
        session_of(connection).write(database.sql.mention, [{"id": FORGOTTEN}])
        pseudonyms = _pseudonyms(connection, len(records))
        kept = _rename(connection, dict(zip(records, pseudonyms, strict=True)))
    if dry_run:
        connection.rollback()
    contacts = names[len(records) :]
    return ForgetReport(tuple(records), tuple(contacts), pseudonyms, erased, kept)


def _of_others(connection: sa.Connection, names: Sequence[str]) -> list[int]:
    """The places of other people's unapplied or undone activities that name the person."""
    places = []
    stopped = sa.select(tables.ACTIVITY).where(
        tables.ACTIVITY.c.status != "applied", tables.ACTIVITY.c.person.not_in(names)
    )
    for row in connection.execute(stopped):
        if other_record(Activity.load(row.activity)) in names:
            if row.status == "parked":
                raise LifecycleError(
                    f"the activity {row.id!r} of {row.person!r}, which names the person, is parked "
                    f"({row.error}): retry it first"
                )
            places.append(row.place)
    return places


def _pseudonyms(connection: sa.Connection, count: int) -> tuple[str, ...]:
    """Names that are not in use."""
    names: list[str] = []
    counted = (
        sa.update(tables.PERSON)
        .where(tables.PERSON.c.id == FORGOTTEN)
        .values(revision=tables.PERSON.c.revision + 1)
        .returning(tables.PERSON.c.revision)
    )
    while len(names) < count:
        name = f"{FORGOTTEN}{connection.execute(counted).scalar_one()}"
        taken = [
            sa.exists().where(tables.PERSON.c.id == name),
            sa.exists().where(tables.HISTORY.c.person == name),
        ]
        if not connection.scalar(sa.select(sa.or_(*taken))):
            names.append(name)
    return tuple(names)


def _rename(connection: sa.Connection, renamed: Mapping[str, str]) -> dict[str, int]:
    kept = {}
    for table in (tables.HISTORY, tables.DEADLINE):
        values: dict[str, Any] = {
            name: sa.case(renamed, value=table.c[name]) for name in ("person", "journey_record")
        }
        if table is tables.HISTORY:
            values["activity"] = None
        changed = sa.update(table).where(table.c.person.in_([*renamed])).values(values)
        kept[table.name] = connection.execute(changed).rowcount
    return kept
