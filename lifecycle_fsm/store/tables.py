"""The tables of a store, for SQLite and PostgreSQL alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)


class UtcTime(TypeDecorator[datetime]):
    """An instant in UTC, which SQLite gives back without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The instant as the database keeps it."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The instant as the engine needs it."""
        return None if value is None else value.replace(tzinfo=UTC)


METADATA = MetaData()

#: One row for each record. ``state`` is what :meth:`.Lifecycle.dump` gives, of all records of the
#: person; the rows of records that were folded in name their ``survivor``, and have none.
PERSON = Table(
    "person",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("survivor", Text, index=True),
    Column("stage", Text, index=True),
    Column("due_at", UtcTime),
    Column("revision", Integer, nullable=False, default=0),
    Column("state", JSON(none_as_null=True)),
)
Index(
    "person_due",
    PERSON.c.due_at,
    sqlite_where=PERSON.c.due_at.is_not(None),
    postgresql_where=PERSON.c.due_at.is_not(None),
)

#: Whose contact an id is: that of a lead who was converted [S23].
ALIAS = Table(
    "alias",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("person", Text, nullable=False),
)

#: Every activity that came, once for each record. ``status`` is ``applied``, ``held`` (it waits for
#: the person named in ``waits_for``) or ``parked`` (an error has kept it from happening); the log
#: is what was applied, by ``place``.
ACTIVITY = Table(
    "activity",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("content", LargeBinary),
    Column("status", Text, nullable=False),
    Column("waits_for", Text, index=True),
    Column("place", Integer, index=True),
    Column("activity", JSON, nullable=False),
)

#: The history, as :class:`.HistoryRow`.
HISTORY = Table(
    "history",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("now", UtcTime, nullable=False),
    Column("from_stage", Text),
    Column("to_stage", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("trigger", Text),
    Column("activity", Text),
    Column("journey", Integer, nullable=False),
    Column("passed_over", JSON, nullable=False),
    Column("credit", Boolean, nullable=False),
    Column("owner", Text),
    Column("source", Text),
    Column("version", Text, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("kept", JSON, nullable=False),
    Column("assigned_to", Text),
    Column("journey_record", Text, nullable=False),
    Column("entered_at", UtcTime, nullable=False),
)

#: What became of each deadline in each visit, as :class:`.DeadlineFact`.
DEADLINE = Table(
    "deadline",
    METADATA,
    Column("rule", Text, primary_key=True),
    Column("journey_record", Text, primary_key=True),
    Column("journey", Integer, primary_key=True),
    Column("stage", Text, primary_key=True),
    Column("entered_at", UtcTime, primary_key=True),
    Column("person", Text, nullable=False, index=True),
    Column("due_at", UtcTime, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("decided_at", UtcTime, nullable=False),
    Column("owner", Text),
    Column("assigned_to", Text),
    Column("late", Boolean, nullable=False),
)

#: Requests to be delivered; one that was held comes again when it is released [S24].
REQUEST = Table(
    "request",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("person", Text, nullable=False, index=True),
    Column("place", Integer, nullable=False, index=True),
    Column("rule", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("receiver", Text),
    Column("text", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("stage", Text),
    Column("activity", Text),
    Column("due_at", UtcTime),
    Column("state", Text, nullable=False),
    Column("data", JSON, nullable=False),
)
