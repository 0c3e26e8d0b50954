"""The tables of a store, for SQLite and PostgreSQL alike.

Plain data is stored as text, not as native JSON: PostgreSQL's JSON would change the order of keys
and the form of numbers, and both databases must return the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    and_,
    true,
)

from lifecycle_fsm.fields import iso_text


class UtcTime(TypeDecorator[datetime]):
    """An instant in UTC, which SQLite returns without its zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The instant as the database stores it."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The instant as the engine needs it."""
        return None if value is None else value.replace(tzinfo=UTC)


class Json(TypeDecorator[Any]):
    """Plain data as JSON text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """The text."""
        return None if value is None else encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """The data."""
        return None if value is None else decode(value)


def encode(data: Any) -> str:
    """Plain data as compact JSON."""
    return orjson.dumps(data).decode()


#: Plain data from JSON text.
decode = orjson.loads


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Field values in a form that JSON can write."""
    return {
        name: iso_text(value) if isinstance(value, datetime) else value
        for name, value in values.items()
    }


METADATA = MetaData()
#: A number that the database assigns.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def _partial_index(name: str, condition: ColumnElement[bool], *columns: Column[Any]) -> None:
    Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


#: The models that people have followed, as TOML; the latest row is the current one [S28].
MODEL = Table(
    "model",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("version", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("definition", Text),
)

#: Up to when a tick has let time pass for all people: a single row.
TICK = Table(
    "tick",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("until", UtcTime),
)

#: One row for each record. ``state`` is what :meth:`.Lifecycle.dump` returns, for all records of
#: the person; the rows of merged records have none and name their ``survivor``. An id that is only
#: mentioned has a row as well, so that there is something to lock.
PERSON = Table(
    "person",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("survivor", Text, index=True),
    Column("stage", Text, index=True),
    Column("due_at", UtcTime),
    Column("parked", Boolean, nullable=False, default=False),
    Column("revision", Integer, nullable=False, default=0),
    Column("state", Json),
)
_partial_index("person_due", PERSON.c.due_at.is_not(None), PERSON.c.due_at, PERSON.c.id)
# In exactly the form that SQLAlchemy queries, because SQLite matches its indexes by it.
_partial_index("person_parked", PERSON.c.parked == true(), PERSON.c.id)

#: The lead that was converted into each contact [S23].
ALIAS = Table(
    "alias",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("person", Text, nullable=False, index=True),
)

#: Every activity that came, once for each record. ``status`` is ``applied``, ``held`` (it waits for
#: the person named in ``waits_for``), ``parked`` (because of ``error``) or ``undone`` (a merge that
#: was undone); the applied ones, by ``place``, are the log.
ACTIVITY = Table(
    "activity",
    METADATA,
    Column("place", _NUMBER, primary_key=True),
    Column("person", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("content", LargeBinary),
    Column("status", Text, nullable=False),
    Column("waits_for", Text),
    Column("error", Text),
    Column("activity", Json, nullable=False),
    UniqueConstraint("person", "id"),
)
_partial_index("activity_waiting", ACTIVITY.c.waits_for.is_not(None), ACTIVITY.c.waits_for)
_partial_index(
    "activity_stopped", ACTIVITY.c.status != "applied", ACTIVITY.c.person, ACTIVITY.c.status
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
    Column("passed_over", Json, nullable=False),
    Column("credit", Boolean, nullable=False),
    Column("owner", Text),
    Column("source", Text),
    Column("version", Text, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("kept", Json, nullable=False),
    Column("assigned_to", Text),
    Column("journey_record", Text, nullable=False),
    Column("entered_at", UtcTime, nullable=False),
)

#: The decided deadlines of each visit, as :class:`.DeadlineFact`.
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

#: The decisions, if the store keeps them [S10].
DECISION = Table(
    "decision",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("person", Text, nullable=False, index=True),
    Column("activity", Text),
    Column("now", UtcTime, nullable=False, index=True),
    Column("result", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("refusals", Json, nullable=False),
)

#: The outbox. ``state`` is the engine's state of a request, and ``status`` that of its delivery:
#: ``held`` (until the CRM has acknowledged the person [S24]), ``waiting``, ``delivered``,
#: ``superseded`` or ``dead`` (no tries left). A person's requests go out in the order of ``place``,
#: a running number. A request with the id of an earlier one replaces it and gets a new place,
#: unless the earlier one was delivered.
REQUEST = Table(
    "request",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("person", Text, nullable=False),
    Column("place", BigInteger, nullable=False, unique=True),
    Column("rule", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("receiver", Text),
    Column("text", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("stage", Text),
    Column("activity", Text),
    Column("due_at", UtcTime),
    Column("state", Text, nullable=False),
    Column("data", Json, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_try_at", UtcTime),
    Column("delivered_at", UtcTime),
    Column("error", Text),
)
_partial_index("request_waiting", REQUEST.c.status == "waiting", REQUEST.c.place)
_partial_index("request_dead", REQUEST.c.status == "dead", REQUEST.c.place)
_partial_index(
    "request_put_off",
    and_(REQUEST.c.status == "waiting", REQUEST.c.next_try_at.is_not(None)),
    REQUEST.c.place,
)
Index("request_person", REQUEST.c.person, REQUEST.c.status, REQUEST.c.place)
#: Numbers the places of requests in PostgreSQL; SQLite has one writer and adds one.
REQUEST_PLACE = Sequence("request_place", metadata=METADATA)

#: The progress of a person's original processing [S13]: ``given`` is the result of the steps before
#: ``step``; a worker's claim holds until ``claimed_until``.
PROCESSING = Table(
    "processing",
    METADATA,
    Column("person", Text, primary_key=True),
    Column("step", Text, nullable=False),
    Column("given", Json, nullable=False),
    Column("skipped", Json, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_try_at", UtcTime),
    Column("claimed_until", UtcTime),
    Column("error", Text),
)
