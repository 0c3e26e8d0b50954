"""Migrates all people of a store to a new version of the model [S28]."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from sqlalchemy import Engine as SqlEngine
from sqlalchemy import func, select, update

from lifecycle_fsm.errors import LifecycleError
from lifecycle_fsm.fields import instant
from lifecycle_fsm.orchestrator import Engine, MigrationReport
from lifecycle_fsm.store.database import Database, Session
from lifecycle_fsm.store.store import model_row
from lifecycle_fsm.store.tables import PERSON, REQUEST
from lifecycle_fsm.store.unit_of_work import UnitOfWork
from lifecycle_fsm.wording import counted

#: How many people are in memory at a time.
_SOME = 500


def try_migration(
    engine: Engine,
    database: str | SqlEngine | Database,
    stages: Mapping[str, str],
    *,
    at: datetime | str,
) -> MigrationReport:
    """Report what :func:`migrate` would do, and change nothing.

    Raises:
        LifecycleError: ``stages`` does not fit the model.
        StoreError: the database cannot be used.
    """
    base = database if isinstance(database, Database) else Database(database)
    with base.reading() as connection:
        states = connection.execution_options(yield_per=_SOME).scalars(
            select(PERSON.c.state).where(PERSON.c.state.is_not(None)).order_by(PERSON.c.id)
        )
        return MigrationReport.of(engine, states, stages, at=at)


def migrate(
    engine: Engine,
    database: str | SqlEngine | Database,
    stages: Mapping[str, str],
    *,
    at: datetime | str,
) -> MigrationReport:
    """Migrate all people to the engine's model or, on an error, none; each by a logged
    ``model_changed``. Processes with the old model can change nothing from then on.

    Requests from the moves that follow are held in the outbox until :func:`release`, because a
    changed rule may ask for thousands of mails at once. People in original processing start it
    again.

    Args:
        engine: the engine of the new version.
        database: the store's database.
        stages: the removed stages, each with its replacement.
        at: when the model changes. Everything due by then must have happened, by a ``tick`` with
            the old model.

    Returns:
        the report on the migration.

    Raises:
        LifecycleError: ``stages`` does not fit the model, or a person cannot be migrated; nothing
            was changed.
        StoreError: the database cannot be used.
    """
    base = database if isinstance(database, Database) else Database(database)
    report = try_migration(engine, base, stages, at=at)
    if report.problems:
        problem = min(report.problems.items())[1]
        raise LifecycleError(
            f"{counted(len(report.problems), 'person', 'people')} cannot be migrated to "
            f"version {report.version}, and nothing was changed. The first one: {problem}"
        )
    base.run(partial(_migrate, engine, base, stages, instant(at)))
    return report


def due(database: Database, at: datetime) -> int:
    """For how many people something is still due before a migration at that time."""
    query = select(func.count()).where(PERSON.c.due_at <= at)
    with database.reading() as connection:
        return connection.execute(query).scalar_one()


#: The requests of a migration; those that wait for the CRM are ``held`` in both columns [S24].
_ASKED = (REQUEST.c.status == "held", REQUEST.c.state.in_(["sent", "released"]))


def held(database: Database) -> int:
    """How many requests of a migration wait for :func:`release`."""
    with database.reading() as connection:
        return connection.execute(select(func.count()).where(*_ASKED)).scalar_one()


def release(database: Database) -> int:
    """Release the requests of a migration for delivery.

    Returns:
        the number of requests.
    """
    with database.writing() as connection:
        return connection.execute(update(REQUEST).where(*_ASKED).values(status="waiting")).rowcount


def _migrate(
    engine: Engine, database: Database, stages: Mapping[str, str], at: datetime, session: Session
) -> None:
    sql, model = database.sql, engine.model
    if database.postgresql:  # SQLite has one writer anyway; a waiting process sees the new model
        session.write("LOCK TABLE person IN EXCLUSIVE MODE", [{}])
    ((version,),) = session.ask((sql.version, {}))[0]
    if version == model.version:
        raise LifecycleError(f"the people of this store follow version {version} already")
    last = ""
    while True:
        unit = UnitOfWork(engine, database, session)
        last = unit.lock_after(last, _SOME)
        if not last:
            break
        unit.migrate(stages, at)
    session.write(sql.forget_processing, [{}])
    session.write(sql.add_model, [model_row(model)])
