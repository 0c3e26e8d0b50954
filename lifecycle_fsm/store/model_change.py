"""Everybody in a store goes on in a new version of the model [S28]."""

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
    """What would come of :func:`migrate`; nothing is changed.

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
    """Bring everybody over to the model of the engine, all or nobody, each by a logged
    ``model_changed``. Processes of the former model can change nothing from then on.

    What the moves that follow ask for is held in the outbox until :func:`release`: a changed rule
    may ask for thousands of mails at once. Original processing begins again for those in it.

    Args:
        engine: of the new version.
        database: of the store.
        stages: the stages that went, each with the one that stands for it.
        at: when the model changes. Everything due by then has to have happened, by a ``tick`` of
            the former model.

    Returns:
        what came of it.

    Raises:
        LifecycleError: ``stages`` does not fit the model, or somebody cannot go on; nothing has
            happened.
        StoreError: the database cannot be used.
    """
    base = database if isinstance(database, Database) else Database(database)
    report = try_migration(engine, base, stages, at=at)
    if report.problems:
        person, problem = min(report.problems.items())
        raise LifecycleError(
            f"{counted(len(report.problems), 'person', 'people')} cannot go on in version "
            f"{report.version}, and nothing has been changed; {person!r}: {problem}"
        )
    base.run(partial(_migrate, engine, base, stages, instant(at)))
    return report


def due(database: Database, at: datetime) -> int:
    """For how many people something has to happen before a migration at that time."""
    query = select(func.count()).where(PERSON.c.due_at <= at)
    with database.reading() as connection:
        return connection.execute(query).scalar_one()


#: What a migration has asked for; what waits for the CRM is ``held`` in both [S24].
_ASKED = (REQUEST.c.status == "held", REQUEST.c.state.in_(["sent", "released"]))


def held(database: Database) -> int:
    """How many requests a migration has asked for that wait for :func:`release`."""
    with database.reading() as connection:
        return connection.execute(select(func.count()).where(*_ASKED)).scalar_one()


def release(database: Database) -> int:
    """Let go out what a migration has asked for.

    Returns:
        how many requests.
    """
    with database.writing() as connection:
        return connection.execute(update(REQUEST).where(*_ASKED).values(status="waiting")).rowcount


def _migrate(
    engine: Engine, database: Database, stages: Mapping[str, str], at: datetime, session: Session
) -> None:
    sql, model = database.sql, engine.model
    if database.postgresql:  # SQLite has one writer anyway; whoever waits here sees the new model
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
